/* Frames: bytes and back, every truncation, every bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "journal/frame.h"

#define SEED UINT64_C(0x1234567890ABCDEF)

static struct submission *sample(uint64_t first)
{
    struct batch *b = batch_new(1);
    batch_add(b, STR("<34>1 2025-11-10T00:00:00Z a.example su - - - one"), STR("192.0.2.1"));
    batch_add(b, STR("two\nlines"), STR("192.0.2.1"));
    batch_add(b, str_n("\0binary\xFF", 8), STR("2001:db8::1"))->flags = RECORD_BAD_FRAMING;
    batch_add(b, STR_EMPTY, STR_EMPTY);
    for (uint32_t i = 0; i < b->count; i++) {
        b->records[i].received_ns = 1000 + i;
        b->records[i].transport = TRANSPORT_TCP;
        b->records[i].source = 7 + i;
    }
    b->first_sequence = first;
    b->last_sequence = first + b->count - 1;
    struct submission *s = submission_new(b);
    s->cursor = STR("cursor");
    s->idempotency_source = STR("web");
    s->idempotency_key = STR("key-1");
    return s;
}

static char *encoded(const struct submission *s, size_t *n)
{
    *n = frame_bytes(s);
    char *bytes = memory_alloc(*n);
    frame_encode(bytes, s, SEED, 5);
    return bytes;
}

static void assert_str(struct str a, struct str b)
{
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.p, b.p, b.n);
}

static void comes_back_as_it_was(void **state)
{
    (void)state;
    size_t n;
    struct frame f;
    struct submission *s = sample(100);
    char *bytes = encoded(s, &n);
    assert_int_equal(frame_read(str_n(bytes, n), SEED, &f), FRAME_WHOLE);
    assert_int_equal(f.total_bytes, n);
    assert_int_equal(f.first_sequence, 100);
    assert_int_equal(f.last_sequence, 103);
    assert_str(f.cursor, s->cursor);
    assert_str(f.key_source, s->idempotency_source);
    assert_str(f.key, s->idempotency_key);
    struct batch *b = frame_decode(&f, 0);
    assert_non_null(b);
    assert_int_equal(b->count, 4);
    for (uint32_t i = 0; i < b->count; i++) {
        const struct record *x = &s->batch->records[i], *y = &b->records[i];
        assert_str(y->raw, x->raw);
        assert_str(y->sender, x->sender);
        assert_int_equal(y->sequence, 100 + i);
        assert_int_equal(y->received_ns, x->received_ns);
        assert_int_equal(y->source, x->source);
        assert_int_equal(y->flags, x->flags);
        assert_int_equal(y->transport, x->transport);
    }
    batch_free(b);
    b = frame_decode(&f, 101); /* the store has the first half */
    assert_int_equal(b->count, 2);
    assert_int_equal(b->first_sequence, 102);
    assert_str(b->records[0].sender, STR("2001:db8::1"));
    batch_free(b);
    memory_free(bytes);
    batch_free(s->batch);
}

static void no_prefix_is_whole(void **state)
{
    (void)state;
    size_t n;
    struct frame f;
    struct submission *s = sample(1);
    char *bytes = encoded(s, &n);
    for (size_t i = 0; i < n; i++) {
        char *copy = memory_alloc(i + 1); /* exact size: a sanitizer sees any read behind it */
        memcpy(copy, bytes, i);
        assert_int_not_equal(frame_read(str_n(copy, i), SEED, &f), FRAME_WHOLE);
        memory_free(copy);
    }
    memory_free(bytes);
    batch_free(s->batch);
}

static void every_flipped_bit_is_noticed(void **state)
{
    (void)state;
    size_t n;
    struct frame f;
    struct submission *s = sample(1);
    char *bytes = encoded(s, &n);
    for (size_t bit = 0; bit < n * 8; bit++) {
        bytes[bit / 8] ^= (char)(1 << (bit % 8));
        assert_int_not_equal(frame_read(str_n(bytes, n), SEED, &f), FRAME_WHOLE);
        bytes[bit / 8] ^= (char)(1 << (bit % 8));
    }
    assert_int_equal(frame_read(str_n(bytes, n), SEED + 1, &f), FRAME_BAD_HEADER); /* of another segment */
    memory_free(bytes);
    batch_free(s->batch);
}

static void is_found_behind_rubbish(void **state)
{
    (void)state;
    size_t n;
    struct submission *s = sample(1);
    char *bytes = encoded(s, &n), *all = memory_zero(n * 2 + 100);
    memcpy(all + 37, bytes, n - 1); /* a frame without its last byte is none */
    memcpy(all + 37 + n + 3, bytes, n);
    assert_int_equal(frame_find(str_n(all, n * 2 + 100), 0, SEED), 37 + n + 3);
    assert_int_equal(frame_find(str_n(all, n * 2 + 100), 37 + n + 4, SEED), n * 2 + 100);
    memory_free(all);
    memory_free(bytes);
    batch_free(s->batch);
}

/* A sender that knows the format puts a whole frame into the text of a record. */
static void frames_inside_records_are_not_believed(void **state)
{
    (void)state;
    size_t inner_n, outer_n;
    struct submission *inner = sample(999999);
    char *forged = memory_alloc(inner_n = frame_bytes(inner));
    frame_encode(forged, inner, 42, 0);
    struct submission *outer = submission_new(batch_new(1));
    batch_add(outer->batch, str_n(forged, inner_n), STR("192.0.2.66"));
    outer->batch->first_sequence = outer->batch->last_sequence = 1;
    char *bytes = encoded(outer, &outer_n);
    bytes[10] ^= 1; /* the outer header is damaged: recovery searches */
    assert_int_equal(frame_find(str_n(bytes, outer_n), 0, SEED), outer_n);
    memory_free(bytes);
    memory_free(forged);
    batch_free(inner->batch);
    batch_free(outer->batch);
}

static void segment_header_is_checked(void **state)
{
    (void)state;
    size_t n, at;
    uint64_t seed;
    struct submission *s = sample(1);
    char *frame = encoded(s, &n), *all = memory_zero(64 + n);
    segment_header_encode(all, SEED, 1, 0);
    memcpy(all + 64, frame, n);
    assert_int_equal(segment_read(str_n(all, 64 + n), &seed, &at), SEGMENT_GOOD);
    assert_true(seed == SEED && at == 64);
    for (size_t i = 0; i < 64; i++) {
        all[i] ^= 0x20;
        assert_int_equal(segment_read(str_n(all, 64 + n), &seed, &at), SEGMENT_DAMAGED);
        assert_true(seed == SEED && at == 64); /* from the first frame */
        all[i] ^= 0x20;
    }
    assert_int_equal(segment_read(str_n(all, 30), &seed, &at), SEGMENT_DAMAGED);
    assert_int_equal(at, 30);
    memory_free(all);
    memory_free(frame);
    batch_free(s->batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_as_it_was),
        cmocka_unit_test(no_prefix_is_whole),
        cmocka_unit_test(every_flipped_bit_is_noticed),
        cmocka_unit_test(is_found_behind_rubbish),
        cmocka_unit_test(frames_inside_records_are_not_believed),
        cmocka_unit_test(segment_header_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
