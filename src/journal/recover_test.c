/* After a crash: torn tails at every byte, damage in the middle, what the store has already. */
#include "journal/format.h"
#include "journal/test_world.h"

#define FRAMES 6
#define EACH   3

static void load(const struct world *w, uint64_t first, struct buf *bytes)
{
    char path[128];
    struct error err;
    segment_file(w, first, path);
    assert_true(file_read(path, 1 << 20, bytes, &err));
}

static void replace(const struct world *w, uint64_t first, struct str bytes)
{
    char path[128];
    struct error err;
    segment_file(w, first, path);
    assert_true(file_write_atomic(path, bytes, 0640, &err));
}

static size_t frame_at(struct str bytes, unsigned number) /* offset of the n-th frame, from 0 */
{
    size_t at = sizeof(struct journal_segment_header);
    for (unsigned i = 0; i < number; i++) {
        struct journal_frame_header h;
        memcpy(&h, bytes.p + at, sizeof h);
        assert_true(h.magic == JOURNAL_FRAME_MAGIC);
        at += h.header_bytes + h.payload_bytes;
    }
    return at;
}

/* Opens without starting; every record first … last of the world must come exactly once, no other. */
static void expect_replay(struct world *w, uint64_t stored, uint64_t first, uint64_t last,
                          uint64_t torn_bytes)
{
    struct journal_recovery report;
    world_forget(w);
    struct journal *j = world_open(w, (struct journal_options){0}, stored, &report);
    for (uint64_t n = 1; n <= FRAMES * EACH; n++)
        assert_int_equal(w->times[n], n >= first && n <= last);
    assert_int_equal(report.torn_bytes, torn_bytes);
    journal_free(j);
}

static void replays_what_is_not_stored(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    world_write(&w, (struct journal_options){0}, FRAMES, EACH, 20);
    expect_replay(&w, 0, 1, 18, 0);
    assert_int_equal(w.marks, FRAMES);
    assert_string_equal(w.last_cursor, "at 18");
    expect_replay(&w, 7, 8, 18, 0); /* in the middle of a frame */
    expect_replay(&w, 17, 18, 18, 0);
    assert_int_equal(w.marks, FRAMES); /* cursors of stored frames too */
    expect_replay(&w, 18, 19, 18, 0);
    assert_int_equal(w.marks, FRAMES);
    expect_replay(&w, 0, 1, 0, 0); /* everything was stored: the segment went */
    world_end(&w);
}

static void torn_at_every_byte(void **state)
{
    struct world w;
    struct buf bytes = {0};
    (void)state;
    world_init(&w);
    world_write(&w, (struct journal_options){0}, FRAMES, EACH, 20);
    load(&w, 1, &bytes);
    size_t last = frame_at(buf_str(&bytes), FRAMES - 1);
    for (size_t n = last; n < bytes.n; n++) {
        replace(&w, 1, str_slice(buf_str(&bytes), 0, n));
        expect_replay(&w, 0, 1, (FRAMES - 1) * EACH, n - last);
        expect_replay(&w, 0, 1, (FRAMES - 1) * EACH, 0); /* cut off: reported once */
        assert_int_equal(w.gaps, 0);
    }
    for (size_t at = last; at < bytes.n; at += 5) { /* whole in size, wrong in content */
        bytes.p[at] ^= 0x10;
        replace(&w, 1, buf_str(&bytes));
        expect_replay(&w, 0, 1, (FRAMES - 1) * EACH, bytes.n - last);
        bytes.p[at] ^= 0x10;
    }
    buf_free(&bytes);
    world_end(&w);
}

static void damage_in_the_middle_is_a_gap(void **state)
{
    struct world w;
    struct buf bytes = {0};
    struct journal_recovery report;
    (void)state;
    world_init(&w);
    world_write(&w, (struct journal_options){0}, FRAMES, EACH, 20);
    load(&w, 1, &bytes);
    size_t from = frame_at(buf_str(&bytes), 2), to = frame_at(buf_str(&bytes), 3);
    for (size_t at = from; at < to; at++) {
        bytes.p[at] ^= 0x04;
        replace(&w, 1, buf_str(&bytes));
        world_forget(&w);
        struct journal *j = world_open(&w, (struct journal_options){0}, 0, &report);
        for (uint64_t n = 1; n <= 18; n++)
            assert_int_equal(w.times[n], n < 7 || n > 9);
        assert_true(w.gaps == 1 && w.gap_first == 7 && w.gap_last == 9);
        assert_true(report.corrupt_places == 1 && report.corrupt_bytes == to - from &&
                    report.lost_records == 3);
        assert_int_equal(report.next_sequence, 19);
        journal_free(j);
        bytes.p[at] ^= 0x04;
    }
    world_forget(&w); /* what is lost but stored anyway is no gap */
    bytes.p[from + 20] ^= 1;
    replace(&w, 1, buf_str(&bytes));
    journal_free(world_open(&w, (struct journal_options){0}, 9, &report));
    assert_true(w.gaps == 0 && report.corrupt_places == 1 && w.seen == 9);
    buf_free(&bytes);
    world_end(&w);
}

static void damaged_segment_header(void **state)
{
    struct world w;
    struct buf bytes = {0};
    (void)state;
    world_init(&w);
    world_write(&w, (struct journal_options){0}, FRAMES, EACH, 20);
    load(&w, 1, &bytes);
    bytes.p[20] ^= 1;
    replace(&w, 1, buf_str(&bytes));
    expect_replay(&w, 0, 1, 18, 0);
    replace(&w, 1, STR("this was never a journal"));
    expect_replay(&w, 0, 1, 0, 0);
    char aside[160];
    snprintf(aside, sizeof aside, "%s/00000000000000000001.journal.unreadable", w.folder);
    assert_true(file_exists(aside));
    buf_free(&bytes);
    world_end(&w);
}

static void newer_format_is_refused(void **state)
{
    struct world w;
    struct error err = {.text = ""};
    struct journal_segment_header h = {.magic = JOURNAL_SEGMENT_MAGIC,
                                       .version = JOURNAL_VERSION + 1,
                                       .header_bytes = sizeof h,
                                       .first_sequence = 1};
    const struct journal_callbacks callbacks = {.context = &w, .sink = world_sink};
    (void)state;
    world_init(&w);
    h.checksum = str_hash(str_n((const char *)&h, offsetof(struct journal_segment_header, checksum)));
    replace(&w, 1, str_n((const char *)&h, sizeof h));
    assert_null(journal_open(&(struct journal_options){.folder = w.folder}, 0, &callbacks, NULL, &err));
    assert_non_null(strstr(err.text, "newer"));
    world_end(&w);
}

static void missing_segment_is_a_gap(void **state)
{
    struct world w;
    char path[128];
    (void)state;
    world_init(&w);
    /* 4 KiB segments: each frame of 3 × 1,000 bytes has its own */
    world_write(&w, (struct journal_options){.segment_bytes = 4096, .commit_bytes = 1}, FRAMES, EACH, 1000);
    segment_file(&w, 7, path);
    assert_int_equal(unlink(path), 0);
    world_forget(&w);
    journal_free(world_open(&w, (struct journal_options){0}, 0, NULL));
    assert_true(w.gaps == 1 && w.gap_first == 7 && w.gap_last == 9 && w.seen == 15);
    world_end(&w);
}

static void numbers_go_on_behind_what_is_stored(void **state)
{
    struct world w;
    struct error err;
    struct journal_recovery report;
    (void)state;
    world_init(&w);
    struct journal *j = world_open(&w, (struct journal_options){0}, 41, &report);
    assert_int_equal(report.next_sequence, 42);
    assert_true(journal_start(j, &err));
    world_submit(j, world_submission(&w, 1, 2, 0));
    wait_until_equal(&w.safe, 1);
    journal_free(j);
    assert_int_equal(w.last, 43);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replays_what_is_not_stored),
        cmocka_unit_test(torn_at_every_byte),
        cmocka_unit_test(damage_in_the_middle_is_a_gap),
        cmocka_unit_test(damaged_segment_header),
        cmocka_unit_test(newer_format_is_refused),
        cmocka_unit_test(missing_segment_is_a_gap),
        cmocka_unit_test(numbers_go_on_behind_what_is_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
