/* The event plane from batch to search: what goes in comes out, from memory and from files alike. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "store/store_testing.h"

static struct store *open_store(struct test_folder *f, const struct store_config *more)
{
    struct store_config config = more ? *more : (struct store_config){.is_merging_off = true};
    struct error err = {.text = ""};
    config.data_dir = f->path;
    config.state = f->state;
    struct store *s = store_open(&config, &err);
    if (!s)
        fail_msg("%s", err.text);
    return s;
}

static void expect_rows(struct store *s, const char *sql, const char *rows)
{
    struct buf got = test_rows(s, sql);
    assert_string_equal(buf_cstr(&got), rows);
    buf_free(&got);
}

/* ---- every type ---- */

static void fill_all(struct batch *b, struct event *e, uint64_t n)
{
    char text[64];
    snprintf(text, sizeof text, "10.0.%u.%u", (unsigned)(n / 250), (unsigned)(n % 250));
    test_add_c(b, e, FIELD_SOURCE_IP, text);
    event_add_number(e, &b->arena, FIELD_DESTINATION_PORT, (int64_t)(n % 7 ? 443 : 53));
    test_add_c(b, e, FIELD_MESSAGE, n % 2 ? "許可された通信 \xF0\x9F\x8C\xA4" : "");
    if (n % 3 == 0) {
        test_add_c(b, e, FIELD_TAGS, "alpha");
        test_add_c(b, e, FIELD_TAGS, text);
    }
    if (n % 5 == 0)
        test_add_c(b, e, FIELD_EVENT_START, "2025-11-10T00:13:09.1234567Z");
    if (n % 4 == 0)
        event_add_double(e, &b->arena, FIELD_EVENT_RISK_SCORE, (double)n + 0.25);
    if (n % 10 == 1)
        test_add_c(b, e, FIELD_DLL_CODE_SIGNATURE_EXISTS, n % 20 == 1 ? "true" : "false");
    test_add(b, e, "acme.firewall.policyid", n % 2 ? "a\"b" : "c");
    e->time_ns += n == 6 ? 789 : 0;
}

static void check_all(struct store *s, uint64_t rows)
{
    char text[200];
    snprintf(text, sizeof text, "%llu 1 %llu %llu\n", (unsigned long long)rows, (unsigned long long)rows,
             (unsigned long long)rows);
    expect_rows(s,
                "SELECT count(*), min(\"hyakuyo.sequence\"), max(\"hyakuyo.sequence\"), "
                "count(DISTINCT \"hyakuyo.sequence\") FROM events",
                text);
    expect_rows(
        s,
        "SELECT \"source.ip\", \"destination.port\", message, tags, \"event.start\", \"event.risk_score\", "
        "\"dll.code_signature.exists\", \"acme.firewall.policyid\", \"event.original\", \"@timestamp\", "
        "\"event.ingested\" FROM events WHERE \"hyakuyo.sequence\" IN (1, 15, 20) ORDER BY "
        "\"hyakuyo.sequence\"",
        "\"10.0.0.1\" 443 \"許可された通信 \xF0\x9F\x8C\xA4\" null null null true \"a\\\"b\" \"event 1\" "
        "\"2025-11-09T23:53:10.000Z\" \"2025-11-09T23:53:09.000005Z\"\n"
        "\"10.0.0.15\" 443 \"許可された通信 \xF0\x9F\x8C\xA4\" [\"alpha\",\"10.0.0.15\"] "
        "\"2025-11-10T00:13:09.123456Z\" null null \"a\\\"b\" \"event 15\" \"2025-11-09T23:53:24.000Z\" "
        "\"2025-11-09T23:53:09.000005Z\"\n"
        "\"10.0.0.20\" 443 \"\" null \"2025-11-10T00:13:09.123456Z\" 20.25 null \"c\" \"event 20\" "
        "\"2025-11-09T23:53:29.000Z\" \"2025-11-09T23:53:09.000005Z\"\n");
    assert_int_equal(test_number(s, "SELECT count(*) FROM events WHERE list_contains(tags, 'alpha')"),
                     rows / 3);
    assert_int_equal(test_number(s, "SELECT count(*) FROM events WHERE \"source.ip\" = '10.0.1.5'"),
                     rows >= 255);
    assert_int_equal(test_number(s, "SELECT count(*) FROM events WHERE message = ''"), rows / 2);
    assert_int_equal(
        test_number(s, "SELECT count(\"event.start\") FROM events WHERE \"@timestamp\" >= TIMESTAMP "
                       "'2025-11-09 23:53:09' + INTERVAL 10 SECOND"),
        rows / 5 - 1);
}

static void test_every_type_open_and_sealed(void **state)
{
    (void)state;
    struct test_folder f;
    test_folder_make(&f);
    struct store *s = open_store(&f, NULL);
    assert_true(store_put(s, test_batch(1, 500, fill_all)));
    assert_true(store_put(s, test_batch(501, 2500, fill_all)));
    while (test_number(s, "SELECT count(*) FROM events") < 3000)
        usleep(2000);
    check_all(s, 3000);
    assert_true(store_flush(s, 10000));
    assert_true(store_put(s, test_batch(3001, 1000, fill_all)));
    while (test_number(s, "SELECT count(*) FROM events") < 4000)
        usleep(2000);
    check_all(s, 4000);
    assert_int_equal(store_stored_through(s), 3000);
    assert_true(store_flush(s, 10000));
    check_all(s, 4000);
    store_close(s);

    struct error err = {.text = ""};
    struct store *offline = store_open_readonly(f.path, &err);
    assert_non_null(offline);
    check_all(offline, 4000);
    store_close(offline);
    test_folder_remove(&f);
}

/* ---- whole documents ---- */

static void fill_documents(struct batch *b, struct event *e, uint64_t n)
{
    fill_all(b, e, n);
    if (n == 2)
        e->raw = STR("\x83\x65\x83\x58\x83\x67 CP932"); /* テスト */
    if (n == 3)
        e->raw = STR("\xFF\x00\xFE");
    if (n == 4) {
        e->flags |= EVENT_PARSE_FAILURE;
        test_add(b, e, "Acme.Firewall.PolicyID", "differs in case only");
    }
    if (n == 5)
        e->time_ns = TIME_UNKNOWN;
}

static bool keep_json(void *context, size_t index, const struct event *event)
{
    struct buf *documents = context;
    event_json(event, &documents[index]);
    for (uint16_t i = 0; i < event->count; i++)
        assert_non_null(event_get(event, event->values[i].field)); /* its index of fields is filled, too */
    return true;
}

static void check_documents(struct store *s)
{
    uint64_t sequences[] = {6, 5, 4, 3, 2, 1, 1, 4711};
    struct buf got[COUNT_OF(sequences)] = {{0}};
    struct error err = {.text = ""};
    if (!store_fetch(s, sequences, COUNT_OF(sequences), keep_json, got, &err))
        fail_msg("%s", err.text);
    struct batch *b = test_batch(1, 6, fill_documents);
    for (size_t i = 0; i < COUNT_OF(sequences); i++) {
        struct buf expected = {0};
        if (sequences[i] <= 6)
            event_json(&b->events[sequences[i] - 1], &expected);
        assert_string_equal(buf_cstr(&got[i]), buf_cstr(&expected));
        buf_free(&got[i]);
        buf_free(&expected);
    }
    batch_free(b);
}

static void test_documents_come_back_whole(void **state)
{
    (void)state;
    struct test_folder f;
    test_folder_make(&f);
    struct store *s = open_store(&f, NULL);
    assert_true(store_put(s, test_batch(1, 6, fill_documents)));
    while (test_number(s, "SELECT count(*) FROM events") < 6)
        usleep(2000);
    check_documents(s);
    assert_true(store_flush(s, 10000));
    check_documents(s);
    struct buf json = {0};
    bool found;
    struct error err;
    assert_true(store_fetch_event(s, 3, &json, &found, &err) && found);
    assert_non_null(strstr(buf_cstr(&json), "original_base64"));
    assert_true(store_fetch_event(s, 77, &json, &found, &err) && !found);
    buf_free(&json);
    expect_rows(s, "SELECT \"acme.firewall.policyid\" FROM events WHERE \"hyakuyo.sequence\" = 4", "\"c\"\n");
    store_close(s);
    test_folder_remove(&f);
}

/* ---- wide and large ---- */

static void fill_wide(struct batch *b, struct event *e, uint64_t n)
{
    (void)n;
    for (unsigned i = 0; i < 2500; i++) {
        char name[32], text[32];
        snprintf(name, sizeof name, "acme.wide.f%u", i);
        snprintf(text, sizeof text, "v%u", i);
        test_add(b, e, name, text);
    }
}

static void test_2500_columns(void **state)
{
    (void)state;
    struct test_folder f;
    test_folder_make(&f);
    struct store *s = open_store(&f, NULL);
    assert_true(store_put(s, test_batch(1, 3, fill_wide)));
    for (int sealed = 0; sealed < 2; sealed++) {
        if (sealed)
            assert_true(store_flush(s, 10000));
        while (test_number(s, "SELECT count(*) FROM events") < 3)
            usleep(2000);
        struct str columns[] = {STR("acme.wide.f0"), STR("acme.wide.f1900"), STR("acme.wide.f2499")};
        struct store_query q = {
            .sql = STR("SELECT * EXCLUDE (\"hyakuyo.sequence\") FROM events WHERE \"hyakuyo.sequence\" = 2"),
            .filter = PART_FILTER_ALL,
            .columns = columns,
            .column_count = 3};
        struct buf rows = test_query(s, &q);
        assert_string_equal(buf_cstr(&rows), "\"v0\" \"v1900\" \"v2499\"\n");
        buf_free(&rows);
        struct buf json = {0};
        struct error err;
        bool found;
        assert_true(store_fetch_event(s, 1, &json, &found, &err) && found);
        assert_non_null(strstr(buf_cstr(&json), "\"f0\":\"v0\""));
        assert_non_null(strstr(buf_cstr(&json), "\"f2499\":\"v2499\""));
        buf_free(&json);
    }
    store_close(s);
    test_folder_remove(&f);
}

static void fill_large(struct batch *b, struct event *e, uint64_t n)
{
    size_t size = 10u << 20;
    char *p = arena_alloc(&b->arena, size);
    memset(p, (int)('a' + n % 26), size);
    e->raw = str_n(p, size);
}

static void test_ten_mebibyte_records(void **state)
{
    (void)state;
    struct test_folder f;
    test_folder_make(&f);
    struct store *s = open_store(&f, NULL);
    assert_true(store_put(s, test_batch(1, 5, fill_large)));
    assert_true(store_flush(s, 30000));
    expect_rows(
        s, "SELECT count(*), min(length(\"event.original\")), max(left(\"event.original\", 1)) FROM events",
        "5 10485760 \"f\"\n");
    store_close(s);
    test_folder_remove(&f);
}

/* ---- order ---- */

static void test_out_of_order_and_gaps(void **state)
{
    (void)state;
    struct test_folder f;
    test_folder_make(&f);
    struct store *s = open_store(&f, &(struct store_config){.is_merging_off = true, .rows_per_part = 70});
    assert_true(store_put(s, test_batch(101, 100, NULL)));
    store_skip(s, 251, 300);
    assert_true(store_put(s, test_batch(301, 50, NULL)));
    assert_true(store_put(s, test_batch(201, 50, NULL)));
    usleep(20000);
    assert_int_equal(test_number(s, "SELECT count(*) FROM events"), 0); /* 1…100 are missing */
    assert_true(store_put(s, test_batch(1, 100, NULL)));
    assert_true(store_flush(s, 10000));
    assert_int_equal(store_stored_through(s), 350);
    assert_true(store_put(s, test_batch(301, 50, NULL))); /* again */
    assert_true(store_put(s, test_batch(331, 40, NULL))); /* half of it again */
    assert_true(store_flush(s, 10000));
    assert_int_equal(store_stored_through(s), 370);
    expect_rows(
        s, "SELECT count(*), count(DISTINCT \"hyakuyo.sequence\"), max(\"hyakuyo.sequence\") FROM events",
        "320 320 370\n");
    struct store_status status;
    store_status(s, &status);
    assert_int_equal(status.parts, 6);
    store_close(s);

    test_folder_reopen(&f);
    s = open_store(&f, NULL);
    assert_int_equal(store_stored_through(s), 370);
    assert_int_equal(test_number(s, "SELECT count(*) FROM events"), 320);
    store_close(s);
    test_folder_remove(&f);
}

/* ---- a disk that refuses ---- */

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void *put_many(void *context)
{
    for (uint64_t first = 1001; first <= 9001; first += 1000)
        store_put(context, test_batch(first, 1000, fill_all));
    return NULL;
}

static void test_full_disk_loses_nothing(void **state)
{
    (void)state;
    struct test_folder f;
    struct store_status status;
    pthread_t putting;
    test_folder_make(&f);
    struct store *s = open_store(&f, &(struct store_config){.is_merging_off = true,
                                                            .rows_per_part = 1000,
                                                            .waiting_batches = 2});
    signal(SIGXFSZ, SIG_IGN);
    limit_file_size(2048);
    assert_true(store_put(s, test_batch(1, 1000, fill_all)));
    assert_int_equal(pthread_create(&putting, NULL, put_many, s), 0);
    assert_false(store_flush(s, 1200));
    store_status(s, &status);
    assert_true(status.is_stuck && status.problem[0]);
    assert_int_equal(status.stored_through, 0);
    assert_true(status.open_rows >= 2000 && status.open_rows < 9000); /* the rest has to wait */
    assert_true(test_number(s, "SELECT count(*) FROM events") >= 2000);
    limit_file_size(RLIM_INFINITY);
    pthread_join(putting, NULL);
    assert_true(store_flush(s, 20000));
    store_status(s, &status);
    assert_false(status.is_stuck);
    assert_int_equal(status.stored_through, 10000);
    expect_rows(s, "SELECT count(*), count(DISTINCT \"hyakuyo.sequence\") FROM events", "10000 10000\n");
    store_close(s);
    test_folder_remove(&f);
}

/* ---- choosing parts ---- */

static bool ignore_row(void *context, const struct store_result *result, const struct store_cell *cells)
{
    (void)context, (void)result, (void)cells;
    return true;
}

static struct store_numbers count_parts(struct store *s, struct part_filter filter)
{
    struct store_numbers n;
    struct error err;
    struct str column = STR("source.ip");
    struct store_query q = {.sql = STR("SELECT \"source.ip\" FROM events"),
                            .filter = filter,
                            .columns = &column,
                            .column_count = 1};
    assert_int_equal(store_query(s, &q, ignore_row, NULL, &n, &err), STORE_DONE);
    return n;
}

static void fill_host(struct batch *b, struct event *e, uint64_t n)
{
    fill_all(b, e, n);
    char name[32];
    snprintf(name, sizeof name, "PC-%llu.Example.test", (unsigned long long)n);
    test_add_c(b, e, FIELD_HOST_NAME, name);
}

static void test_parts_are_chosen(void **state)
{
    (void)state;
    struct test_folder f;
    test_folder_make(&f);
    struct store *s = open_store(&f, NULL);
    for (uint64_t part = 0; part < 10; part++) {
        assert_true(store_put(s, test_batch(part * 100 + 1, 100, fill_host)));
        assert_true(store_flush(s, 10000));
    }
    struct part_filter filter = PART_FILTER_ALL;
    assert_int_equal(count_parts(s, filter).parts_read, 10);
    filter.from_ns = TEST_TIME_NS + 150 * NS_PER_SECOND;
    filter.to_ns = TEST_TIME_NS + 160 * NS_PER_SECOND;
    struct store_numbers n = count_parts(s, filter);
    assert_int_equal(n.parts_read, 1);
    assert_int_equal(n.rows, 10);
    struct store_needle needle = {STR("host.name"), STR("pc-777.EXAMPLE.test")};
    filter = PART_FILTER_ALL;
    filter.needles = &needle;
    filter.needle_count = 1;
    assert_in_range(count_parts(s, filter).parts_read, 1, 2);
    needle.field = STR("user.name"); /* occurs nowhere */
    assert_int_equal(count_parts(s, filter).parts_read, 0);
    store_close(s);
    test_folder_remove(&f);
}

/* ---- merging and retention ---- */

static void test_merging_keeps_everything(void **state)
{
    (void)state;
    struct test_folder f;
    test_folder_make(&f);
    struct store *s = open_store(&f, NULL);
    for (uint64_t part = 0; part < 20; part++) {
        assert_true(store_put(s, test_batch(part * 200 + 1, 200, part == 7 ? fill_host : fill_all)));
        assert_true(store_flush(s, 10000));
    }
    store_close(s);
    s = open_store(&f, &(struct store_config){.data_dir = NULL});
    struct store_status status = {.parts = 20};
    for (int i = 0; i < 500 && status.parts > 1; i++) {
        usleep(20000);
        store_status(s, &status);
    }
    assert_int_equal(status.parts, 1);
    assert_int_equal(status.rows, 4000);
    check_all(s, 4000);
    struct store_needle needle = {STR("host.name"), STR("pc-1500.example.test")};
    struct part_filter filter = PART_FILTER_ALL;
    filter.needles = &needle;
    filter.needle_count = 1;
    assert_int_equal(count_parts(s, filter).parts_read, 1);
    assert_int_equal(test_number(s,
                                 "SELECT count(*) FROM events WHERE \"host.name\" = 'PC-1500.Example.test'"),
                     1);
    struct buf json = {0}, expected = {0};
    struct batch *b = test_batch(6, 1, fill_all); /* has nanoseconds */
    struct error err;
    bool found;
    assert_true(store_fetch_event(s, 6, &json, &found, &err) && found);
    event_json(&b->events[0], &expected);
    assert_string_equal(buf_cstr(&json), buf_cstr(&expected));
    batch_free(b);
    buf_free(&json);
    buf_free(&expected);
    store_close(s);
    test_folder_remove(&f);
}

static void test_retention(void **state)
{
    (void)state;
    struct test_folder f;
    test_folder_make(&f);
    struct store *s = open_store(&f, NULL);
    for (uint64_t part = 0; part < 5; part++) {
        assert_true(store_put(s, test_batch(part * 10 + 1, 10, fill_all)));
        assert_true(store_flush(s, 10000));
    }
    struct store_status status;
    store_status(s, &status);
    store_close(s);
    uint64_t limit = status.bytes / 2;
    s = open_store(&f, &(struct store_config){.retention_bytes = limit, .is_merging_off = true});
    for (int i = 0; i < 500 && status.dropped_parts < 3; i++) {
        usleep(10000);
        store_status(s, &status);
    }
    assert_true(status.bytes <= limit);
    assert_int_equal(status.dropped_parts, 3);
    assert_int_equal(status.dropped_rows, 30);
    assert_int_equal(store_stored_through(s), 50);
    assert_int_equal(test_number(s, "SELECT min(\"hyakuyo.sequence\") FROM events"), 31);
    store_close(s);
    test_folder_remove(&f);
}

/* ---- start-up ---- */

static void write_file(const char *folder, const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "%s/events/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("not whole", file);
    fclose(file);
}

static bool is_there(const char *folder, const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "%s/events/%s", folder, name);
    return access(path, F_OK) == 0;
}

static void test_leftovers_and_missing_files(void **state)
{
    (void)state;
    struct test_folder f;
    test_folder_make(&f);
    struct store *s = open_store(&f, NULL);
    for (uint64_t part = 0; part < 3; part++) {
        assert_true(store_put(s, test_batch(part * 10 + 1, 10, fill_all)));
        assert_true(store_flush(s, 10000));
    }
    struct store_config second = {.data_dir = f.path, .state = f.state};
    struct error err = {.text = ""};
    assert_null(store_open(&second, &err));
    assert_non_null(strstr(err.text, "in use"));
    store_close(s);

    write_file(f.path, "sealing-31.tmp");
    write_file(f.path, "31-40.parquet"); /* a seal without its row: the journal has it */
    write_file(f.path, "1-20.parquet");  /* a merge without its row */
    write_file(f.path, "900-999.parquet");
    s = open_store(&f, NULL);
    assert_false(is_there(f.path, "sealing-31.tmp"));
    assert_false(is_there(f.path, "31-40.parquet"));
    assert_false(is_there(f.path, "1-20.parquet"));
    assert_true(is_there(f.path, "900-999.parquet.orphan"));
    assert_int_equal(test_number(s, "SELECT count(*) FROM events"), 30);
    store_close(s);

    char path[200];
    snprintf(path, sizeof path, "%s/events/year=2025/month=11/day=09/11-20.parquet", f.path);
    assert_int_equal(unlink(path), 0);
    s = open_store(&f, NULL);
    struct store_status status;
    store_status(s, &status);
    assert_int_equal(status.parts_missing, 1);
    assert_int_equal(test_number(s, "SELECT count(*) FROM events"), 20);
    store_close(s);

    snprintf(path, sizeof path, "%s/state.db", f.path);
    state_close(f.state);
    assert_int_equal(unlink(path), 0);
    f.state = state_open(path, &err);
    assert_non_null(f.state);
    second.state = f.state;
    assert_null(store_open(&second, &err));
    assert_non_null(strstr(err.text, "state.db"));
    test_folder_remove(&f);
}

/* ---- queries ---- */

static void expect_error(struct store *s, const char *sql, const char *words)
{
    struct error err = {.text = ""};
    struct store_query q = {.sql = str_c(sql), .filter = PART_FILTER_ALL, .limits = {.timeout_ms = 300}};
    enum store_end end = store_query(s, &q, ignore_row, NULL, NULL, &err);
    assert_true(end == STORE_FAILED || end == STORE_TIMEOUT);
    if (!strstr(err.text, words))
        fail_msg("%s: %s", sql, err.text);
}

static void test_queries_are_fenced_in(void **state)
{
    (void)state;
    struct test_folder f;
    test_folder_make(&f);
    struct store *s = open_store(&f, NULL);
    assert_true(store_put(s, test_batch(1, 10, fill_all)));
    assert_true(store_flush(s, 10000));
    expect_error(s, "SELECT * FROM read_text('/etc/passwd')", "Permission");
    expect_error(s, "COPY (SELECT 1) TO '/tmp/hyakuyo-out.csv'", "Permission");
    expect_error(s, "INSTALL httpfs", "SELECT");
    expect_error(s, "SELECT 1; SELECT 2", "one SQL");
    expect_error(s, "CREATE TABLE x (a INT)", "SELECT");
    expect_error(s, "SET memory_limit='8GB'", "SELECT");
    expect_error(s, "", "empty");
    expect_error(s, "SELECT * FROM hyakuyo_open(99)", "snapshot");
    expect_error(s, "SELECT nonsense FROM events", "nonsense");
    expect_error(s, "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range = 7",
                 "300 ms");
    expect_rows(s,
                "SELECT 1.50, 2::HUGEINT, DATE '2025-11-10', NULL, 'x' || chr(0) || 'y', [1, 2], "
                "sum(\"destination.port\") "
                "FROM events",
                "1.5 2 \"2025-11-10T00:00:00.000Z\" null \"x\\u0000y\" [1,2] 4040\n");
    expect_rows(s, "SELECT {'a': 1}, INTERVAL 1 DAY;", "\"{'a': 1}\" \"1 day\"\n");

    struct store_param params[] = {{.type = TYPE_KEYWORD, .text = STR("c")},
                                   {.type = TYPE_LONG, .number = 4},
                                   {.type = TYPE_DATE, .number = TEST_TIME_NS + 9 * NS_PER_SECOND}};
    struct store_query q = {.sql = STR("SELECT * FROM events WHERE \"acme.firewall.policyid\" = ? AND "
                                       "\"hyakuyo.sequence\" > ? AND \"@timestamp\" < ?"),
                            .params = params,
                            .param_count = 3,
                            .filter = PART_FILTER_ALL,
                            .limits = {.max_rows = 1}};
    struct store_numbers n;
    struct error err;
    assert_int_equal(store_query(s, &q, ignore_row, NULL, &n, &err), STORE_MORE_ROWS);
    assert_int_equal(n.rows, 1);
    q.limits.max_rows = 2;
    assert_int_equal(store_query(s, &q, ignore_row, NULL, &n, &err), STORE_DONE);
    assert_int_equal(n.rows, 2);
    struct str columns[] = {STR("no.such.field"), STR("host.ip"), STR("process.pid")};
    struct store_query absent = {.sql = STR(
                                     "SELECT \"no.such.field\", \"host.ip\", \"process.pid\" FROM events"),
                                 .filter = PART_FILTER_ALL,
                                 .columns = columns,
                                 .column_count = 3};
    assert_int_equal(store_query(s, &absent, ignore_row, NULL, &n, &err), STORE_DONE);
    assert_int_equal(n.rows, 10);
    store_close(s);
    test_folder_remove(&f);
}

static void on_bad(void *context, const struct part *part, const char *why)
{
    (void)part, (void)why;
    ++*(int *)context;
}

static void test_verify_notices_one_changed_byte(void **state)
{
    (void)state;
    struct test_folder f;
    test_folder_make(&f);
    struct store *s = open_store(&f, NULL);
    assert_true(store_put(s, test_batch(1, 10, fill_all)));
    assert_true(store_flush(s, 10000));
    int bad = 0;
    struct error err;
    assert_true(store_verify(s, on_bad, &bad, &err));
    assert_int_equal(bad, 0);
    char path[200];
    snprintf(path, sizeof path, "%s/events/year=2025/month=11/day=09/1-10.parquet", f.path);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    fseek(file, 100, SEEK_SET);
    int c = fgetc(file);
    fseek(file, 100, SEEK_SET);
    fputc(c ^ 1, file);
    fclose(file);
    assert_true(store_verify(s, on_bad, &bad, &err));
    assert_int_equal(bad, 1);
    store_close(s);
    test_folder_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type_open_and_sealed),
        cmocka_unit_test(test_documents_come_back_whole),
        cmocka_unit_test(test_2500_columns),
        cmocka_unit_test(test_ten_mebibyte_records),
        cmocka_unit_test(test_full_disk_loses_nothing),
        cmocka_unit_test(test_out_of_order_and_gaps),
        cmocka_unit_test(test_parts_are_chosen),
        cmocka_unit_test(test_merging_keeps_everything),
        cmocka_unit_test(test_retention),
        cmocka_unit_test(test_leftovers_and_missing_files),
        cmocka_unit_test(test_queries_are_fenced_in),
        cmocka_unit_test(test_verify_notices_one_changed_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
