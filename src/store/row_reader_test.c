/* Whole events read by our own reader, against the same rows read by the engine; and what damaged files do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "store/event_rebuild.h"
#include "store/store_internal.h"
#include "store/store_testing.h"

static uint64_t random_state;

static uint64_t pseudo_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

/* ---- events of every kind ---- */

static void add_texts(struct batch *b, struct event *e)
{
    char text[64];
    snprintf(text, sizeof text, "10.%u.%u.%u", (unsigned)(pseudo_random() % 3),
             (unsigned)(pseudo_random() % 250), (unsigned)(pseudo_random() % 250));
    test_add_c(b, e, FIELD_SOURCE_IP, text);
    test_add_c(b, e, FIELD_EVENT_KIND, "event");
    if (pseudo_random() % 3)
        test_add_c(b, e, FIELD_MESSAGE, pseudo_random() % 2 ? "許可 \xF0\x9F\x8C\xA4" : "");
    snprintf(text, sizeof text, "/path/%016llx", (unsigned long long)pseudo_random());
    test_add_c(b, e, FIELD_URL_PATH, text); /* never repeats: plain */
    for (uint64_t i = pseudo_random() % 6; i > 1; i--) {
        snprintf(text, sizeof text, "tag-%llu", (unsigned long long)(pseudo_random() % 2000));
        test_add_c(b, e, FIELD_TAGS, text);
    }
    if (pseudo_random() % 997 == 0)
        test_add_c(b, e, FIELD_RELATED_IP, "2001:db8::1");
}

static void add_numbers(struct batch *b, struct event *e, uint64_t n)
{
    event_add_number(e, &b->arena, FIELD_DESTINATION_PORT, (int64_t)(pseudo_random() % 5));
    event_add_number(e, &b->arena, FIELD_SOURCE_BYTES,
                     n % 100 == 7   ? INT64_MIN
                     : n % 100 == 8 ? INT64_MAX
                                    : (int64_t)pseudo_random());
    if (pseudo_random() % 4 == 0)
        event_add_double(e, &b->arena, FIELD_EVENT_RISK_SCORE, (double)(int64_t)pseudo_random() / 7);
    if (pseudo_random() % 4)
        test_add_c(b, e, FIELD_DLL_CODE_SIGNATURE_EXISTS, pseudo_random() % 2 ? "true" : "false");
    if (pseudo_random() % 3 == 0)
        test_add_c(b, e, FIELD_EVENT_START,
                   pseudo_random() % 2 ? "1969-07-20T20:17:40.123456789Z" : "2025-11-10T00:13:09Z");
}

static void fill(struct batch *b, struct event *e, uint64_t n)
{
    random_state = n * UINT64_C(0x9E3779B97F4A7C15) | 1;
    pseudo_random();
    add_texts(b, e);
    add_numbers(b, e, n);
    test_add(b, e, "acme.firewall.policyid", n % 2 ? "a\"b" : "c");
    if (n % 50 == 3) {
        test_add(b, e, "acme.several", "first");
        test_add(b, e, "acme.several", "[\"second\"]");
    }
    if (n % 60 == 4)
        test_add(b, e, "Acme.Firewall.PolicyID", "differs in case only");
    e->time_ns = n % 70 == 5 ? TIME_UNKNOWN : e->time_ns + (int64_t)(pseudo_random() % 3 * 789);
    if (n % 80 == 6)
        e->raw = STR("\x83\x65\x83\x58\x83\x67 CP932");
    if (n % 90 == 7)
        e->raw = STR("\xFF\x00\xFE");
    if (n % 90 == 8)
        e->flags |= EVENT_PARSE_FAILURE;
    if (n % 5000 == 9) {
        size_t size = 10u << 20;
        char *p = arena_alloc(&b->arena, size);
        memset(p, (int)('a' + n % 26), size);
        e->raw = str_n(p, size);
    }
}

/* ---- the same rows by the engine ---- */

struct both {
    struct buf *json; /* by sequence − first */
    uint64_t first, count, given;
    struct event_rebuild rebuild;
};

static void rebuild_cell(struct event_rebuild *r, const struct store_column *c, const struct store_cell *cell)
{
    if (cell->is_null)
        return;
    enum column_kind kind = column_kind_of(c->type);
    if (kind == COLUMN_TEXT)
        event_rebuild_text(r, c->name, cell->text);
    else if (kind == COLUMN_REAL)
        event_rebuild_real(r, c->name, cell->real);
    else
        event_rebuild_number(r, c->name, kind, cell->number);
}

/* Long records as their length and one byte: the rest of the document is what matters here. */
static void put_document(struct buf *out, const struct event *event)
{
    struct event e = *event;
    if (e.raw.n > 4096) {
        for (size_t i = 1; i < e.raw.n; i++)
            assert_int_equal(e.raw.p[i], e.raw.p[0]);
        buf_u64(out, e.raw.n);
        e.raw.n = 1;
    }
    event_json(&e, out);
    buf_printf(out, " %lld %lld %u", (long long)e.time_ns, (long long)e.received_ns, e.count);
}

static bool take_row(void *context, const struct store_result *result, const struct store_cell *cells)
{
    struct both *both = context;
    event_rebuild_begin(&both->rebuild);
    for (uint32_t i = 0; i < result->column_count; i++) {
        const struct store_column *c = &result->columns[i];
        if (!c->is_list)
            rebuild_cell(&both->rebuild, c, &cells[i]);
        else if (!cells[i].is_null)
            for (uint32_t k = 0; k < cells[i].list.count; k++)
                rebuild_cell(&both->rebuild, c, &cells[i].list.items[k]);
    }
    put_document(&both->json[both->rebuild.event.sequence - both->first], &both->rebuild.event);
    return true;
}

/* All documents by the engine. */
static struct both read_all(struct store *s, uint64_t first, uint64_t count)
{
    struct both both = {.json = NEW_ARRAY(struct buf, count), .first = first, .count = count};
    struct part_filter all = PART_FILTER_ALL;
    struct snapshot *snapshot = store_snapshot(s, &all);
    struct store_limits limits = {0};
    struct error err;
    for (uint32_t i = 0; i < snapshot->sealed.count; i++) {
        struct buf sql = {0};
        buf_printf(&sql, "SELECT * FROM read_parquet('%s', hive_partitioning=false)",
                   snapshot->sealed.parts[i]->file);
        assert_int_equal(duckdb_reader_run(s->reader, STR_EMPTY, buf_str(&sql), NULL, 0, &limits, take_row,
                                           &both, &err),
                         STORE_DONE);
        buf_free(&sql);
    }
    snapshot_free(snapshot);
    event_rebuild_free(&both.rebuild);
    return both;
}

static void free_all(struct both *both)
{
    for (uint64_t i = 0; i < both->count; i++)
        buf_free(&both->json[i]);
    memory_free(both->json);
}

static bool compare_event(void *context, size_t index, const struct event *event)
{
    struct both *both = context;
    struct buf json = {0};
    (void)index;
    put_document(&json, event);
    struct buf *other = &both->json[event->sequence - both->first];
    if (!str_eq(buf_str(&json), buf_str(other)))
        fail_msg("event %llu:\n%s\n%s", (unsigned long long)event->sequence, buf_cstr(&json),
                 buf_cstr(other));
    buf_free(&json);
    both->given++;
    return true;
}

static void compare(struct store *s, struct both *both, const uint64_t *sequences, size_t count)
{
    struct error err = {.text = ""};
    uint64_t expected = 0;
    for (size_t i = 0; i < count; i++)
        expected += both->json[sequences[i] - both->first].n > 0;
    both->given = 0;
    if (!store_fetch(s, sequences, count, compare_event, both, &err))
        fail_msg("%s", err.text);
    assert_int_equal(both->given, expected);
}

/* Neighbours in pages, then single and scattered ones, repetitions and absent ones included. */
static void compare_all(struct store *s, uint64_t first, uint64_t count)
{
    static uint64_t sequences[1000];
    struct both both = read_all(s, first, count);
    for (uint64_t at = 0; at < count; at += 1000) {
        uint64_t n = count - at < 1000 ? count - at : 1000;
        for (uint64_t i = 0; i < n; i++)
            sequences[i] = first + at + n - 1 - i;
        compare(s, &both, sequences, n);
    }
    random_state = 4711;
    for (unsigned round = 1; round <= 60; round++) {
        for (unsigned i = 0; i < round; i++)
            sequences[i] = first + pseudo_random() % count;
        compare(s, &both, sequences, round);
    }
    free_all(&both);
}

static struct store *open_store(struct test_folder *f, struct store_config config)
{
    struct error err = {.text = ""};
    config.data_dir = f->path;
    config.state = f->state;
    struct store *s = store_open(&config, &err);
    if (!s)
        fail_msg("%s", err.text);
    return s;
}

static void put_events(struct store *s, uint64_t first, uint32_t count)
{
    for (uint32_t done = 0; done < count; done += 2000)
        assert_true(store_put(s, test_batch(first + done, count - done < 2000 ? count - done : 2000, fill)));
}

static void test_the_same_as_the_engine(void **state)
{
    (void)state;
    struct test_folder f;
    test_folder_make(&f);
    struct store *s = open_store(&f, (struct store_config){.is_merging_off = true, .rows_per_part = 16400});
    put_events(s, 1, 16400);
    put_events(s, 16401, 3000);
    store_skip(s, 19401, 20000); /* a gap inside the second part */
    put_events(s, 20001, 10000);
    assert_true(store_flush(s, 60000));
    compare_all(s, 1, 30000);
    store_close(s);
    test_folder_remove(&f);
}

static void test_the_same_after_merging(void **state)
{
    (void)state;
    struct test_folder f;
    struct store_status status = {.parts = 9};
    test_folder_make(&f);
    struct store *s = open_store(&f, (struct store_config){.is_merging_off = true, .rows_per_part = 16400});
    put_events(s, 1, 16400 * 7);
    store_skip(s, 16400 * 7 + 1, 16400 * 7 + 10);
    put_events(s, 16400 * 7 + 11, 16400);
    assert_true(store_flush(s, 60000));
    store_close(s);
    s = open_store(&f, (struct store_config){.rows_per_part = 16400});
    for (int i = 0; i < 3000 && status.parts != 1; i++) {
        usleep(20000);
        store_status(s, &status);
    }
    assert_int_equal(status.parts, 1); /* of two row groups */
    compare_all(s, 1, 16400 * 8 + 10);
    store_close(s);
    test_folder_remove(&f);
}

/* ---- what is kept ---- */

static struct part *only_part(struct store *s)
{
    struct part_filter all = PART_FILTER_ALL;
    struct snapshot *snapshot = store_snapshot(s, &all);
    assert_int_equal(snapshot->sealed.count, 1);
    struct part *p = part_reference(snapshot->sealed.parts[0]);
    snapshot_free(snapshot);
    return p;
}

static bool count_event(void *context, const struct event *event)
{
    struct buf json = {0};
    event_json(event, &json);
    buf_free(&json);
    ++*(unsigned *)context;
    return true;
}

static bool read_part(struct row_reader *r, const struct part *p, unsigned *given, struct error *err)
{
    static const uint64_t sequences[] = {1, 2, 500, 501, 1999, 2000, 2001};
    struct event_rebuild rebuild = {0};
    *given = 0;
    bool ok = row_reader_read(r, p, sequences, COUNT_OF(sequences), &rebuild, count_event, given, err);
    event_rebuild_free(&rebuild);
    return ok;
}

static void test_footers_do_not_fill_the_memory(void **state)
{
    (void)state;
    struct test_folder f;
    struct error err;
    unsigned given;
    test_folder_make(&f);
    struct store *s = open_store(&f, (struct store_config){.is_merging_off = true});
    put_events(s, 1, 2000);
    assert_true(store_flush(s, 10000));
    struct part *p = only_part(s);
    size_t sizes[] = {1, 64 << 10, 0}; /* keeps none, a few, all */
    for (size_t k = 0; k < COUNT_OF(sizes); k++) {
        struct row_reader *r = row_reader_new(sizes[k]);
        for (unsigned i = 0; i < 600; i++) {
            p->sha256[0] = (unsigned char)i;
            p->sha256[1] = (unsigned char)(i >> 8);
            assert_true(read_part(r, p, &given, &err));
            assert_int_equal(given, 6);
        }
        row_reader_free(r);
    }
    part_release(p);
    store_close(s);
    test_folder_remove(&f);
}

/* ---- damage ---- */

static void write_bytes(const char *path, struct str bytes)
{
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes.p, bytes.n), bytes.n);
    close(fd);
}

/* Any byte may be wrong: events or a sentence, nothing else. */
static void test_damaged_files_give_a_sentence(void **state)
{
    (void)state;
    struct test_folder f;
    struct error err;
    struct buf bytes = {0};
    unsigned given, refused = 0;
    test_folder_make(&f);
    struct store *s = open_store(&f, (struct store_config){.is_merging_off = true});
    put_events(s, 1, 2000);
    assert_true(store_flush(s, 10000));
    struct part *p = only_part(s);
    assert_true(file_read(p->file, 64 << 20, &bytes, &err));
    random_state = 12345;
    for (unsigned i = 0; i < 1500; i++) {
        struct row_reader *r = row_reader_new(0);
        size_t from_end = pseudo_random() % (i % 3 ? 8000 : bytes.n);
        char *byte = &bytes.p[bytes.n - 1 - from_end], before = *byte;
        *byte = (char)(i % 2 ? pseudo_random() : (uint64_t)before ^ 1u << pseudo_random() % 8);
        write_bytes(p->file, buf_str(&bytes));
        err.text[0] = '\0';
        if (!read_part(r, p, &given, &err)) {
            assert_non_null(strstr(err.text, p->file));
            refused++;
        }
        *byte = before;
        row_reader_free(r);
    }
    assert_true(refused > 300);
    struct row_reader *r = row_reader_new(0);
    for (size_t n = 0; n < bytes.n; n += bytes.n / 100 + 1) { /* cut off: the size tells */
        write_bytes(p->file, str_n(bytes.p, n));
        assert_false(read_part(r, p, &given, &err));
        assert_int_equal(given, 0);
    }
    unlink(p->file);
    assert_false(read_part(r, p, &given, &err));
    row_reader_free(r);
    part_release(p);
    buf_free(&bytes);
    store_close(s);
    test_folder_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_as_the_engine),
        cmocka_unit_test(test_the_same_after_merging),
        cmocka_unit_test(test_footers_do_not_fill_the_memory),
        cmocka_unit_test(test_damaged_files_give_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
