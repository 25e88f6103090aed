/* Runs query_cases.txt: every filter against struct event and against the same events in DuckDB; every fault
 * at its character. The pipes have their own cases below. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <duckdb.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/line_reader.h"
#include "query/query.h"
#include "query/text.h"

#define NOW_NS (INT64_C(1762743600) * NS_PER_SECOND) /* 2025-11-10T03:00:00Z */

struct world {
    struct arena arena;
    struct event events[16];
    unsigned count;
    duckdb_database database;
    duckdb_connection connection;
};

/* ---- the events, twice ---- */

static void run(struct world *w, const char *sql)
{
    duckdb_result r;
    if (duckdb_query(w->connection, sql, &r) == DuckDBError)
        fail_msg("%s\n%s", duckdb_result_error(&r), sql);
    duckdb_destroy_result(&r);
}

static void read_event(struct world *w, struct str json)
{
    struct event *e = &w->events[w->count++];
    struct error err;
    struct arena *a = &w->arena;
    struct json_node *root = json_parse(json, a, &err);
    if (!root)
        fail_msg("%.*s: %s", STR_ARGS(json), err.text);
    int64_t number;
    e->raw = arena_str(a, json_text(root, "event.original"));
    assert_true(time_parse_iso(json_text(root, "@timestamp"), &(struct time_context){0}, &e->time_ns));
    assert_true(str_to_i64(json_text(root, "hyakuyo.sequence"), &number));
    e->sequence = (uint64_t)number;
    e->received_ns = e->time_ns;
    for (const struct json_node *n = root->child; n; n = n->next) {
        field_id id = field_intern(n->key);
        if (id == FIELD_TIMESTAMP || id == FIELD_EVENT_ORIGINAL || id == FIELD_HYAKUYO_SEQUENCE)
            continue;
        if (n->type != JSON_NODE_ARRAY) {
            assert_true(event_add(e, a, id, arena_str(a, n->text)));
            continue;
        }
        /* a vendor field with several values, as the parsers and the store have it: one JSON text or several
         * values */
        for (const struct json_node *c = n->child; c; c = c->next)
            (void)event_add(e, a, id, arena_str(a, c->text));
        if (n->child && field_get(id)->shape != FIELD_ARRAY && !event_next(e, event_get(e, id))) {
            struct buf list = {0};
            struct json_writer jw = {.out = &list};
            json_begin_array(&jw);
            for (const struct json_node *c = n->child; c; c = c->next)
                json_put_str(&jw, c->text);
            json_end_array(&jw);
            assert_true(event_set(e, a, id, arena_str(a, buf_str(&list))));
            buf_free(&list);
        }
    }
}

static const char *const sql_types[] = {
    [TYPE_KEYWORD] = "VARCHAR", [TYPE_TEXT] = "VARCHAR", [TYPE_IP] = "VARCHAR",    [TYPE_LONG] = "BIGINT",
    [TYPE_DOUBLE] = "DOUBLE",   [TYPE_BOOL] = "BOOLEAN", [TYPE_DATE] = "TIMESTAMP"};

static void add_literal(struct buf *sql, struct str text)
{
    buf_char(sql, '\'');
    for (size_t i = 0; i < text.n; i++) {
        buf_char(sql, text.p[i]);
        if (text.p[i] == '\'')
            buf_char(sql, '\'');
    }
    buf_char(sql, '\'');
}

static void add_value(struct world *w, struct buf *sql, const struct event *e, field_id id)
{
    const struct field *f = field_get(id);
    const struct value *v = event_get(e, id);
    if (!v) {
        buf_c(sql, "NULL");
        return;
    }
    if (f->shape != FIELD_ARRAY) {
        if (!event_next(e, v)) {
            add_literal(sql, value_as_text(v, &w->arena));
            return;
        }
        struct buf list = {0};
        struct json_writer jw = {.out = &list};
        json_begin_array(&jw);
        for (; v; v = event_next(e, v))
            json_put_str(&jw, value_text(v));
        json_end_array(&jw);
        add_literal(sql, buf_str(&list));
        buf_free(&list);
        return;
    }
    buf_char(sql, '[');
    for (; v; v = event_next(e, v)) {
        add_literal(sql, value_as_text(v, &w->arena));
        buf_char(sql, event_next(e, v) ? ',' : ']');
    }
}

static void load_events(struct world *w)
{
    struct buf sql = {0};
    bool used[FIELD_MAX] = {false};
    for (unsigned i = 0; i < w->count; i++)
        for (unsigned k = 0; k < w->events[i].count; k++)
            used[w->events[i].values[k].field] = true;
    buf_c(&sql, "CREATE TABLE events (\"hyakuyo.sequence\" BIGINT, \"@timestamp\" TIMESTAMP, "
                "\"event.original\" VARCHAR,"
                " \"no.such.field\" VARCHAR");
    for (size_t id = 1; id < field_count(); id++)
        if (used[id])
            buf_printf(&sql, ", \"%.*s\" %s%s", STR_ARGS(field_name((field_id)id)),
                       sql_types[field_get((field_id)id)->type],
                       field_get((field_id)id)->shape == FIELD_ARRAY ? "[]" : "");
    buf_c(&sql, ")");
    run(w, buf_cstr(&sql));
    for (unsigned i = 0; i < w->count; i++) {
        const struct event *e = &w->events[i];
        buf_clear(&sql);
        buf_printf(&sql, "INSERT INTO events VALUES (%llu, make_timestamp(%lld), ",
                   (unsigned long long)e->sequence, (long long)(e->time_ns / 1000));
        add_literal(&sql, e->raw);
        buf_c(&sql, ", NULL");
        for (size_t id = 1; id < field_count(); id++)
            if (used[id]) {
                buf_c(&sql, ", ");
                add_value(w, &sql, e, (field_id)id);
            }
        buf_c(&sql, ")");
        run(w, buf_cstr(&sql));
    }
    buf_free(&sql);
}

static int setup(void **state)
{
    struct world *w = NEW(struct world);
    arena_init(&w->arena, 1 << 16);
    assert_int_equal(duckdb_open(NULL, &w->database), DuckDBSuccess);
    assert_int_equal(duckdb_connect(w->database, &w->connection), DuckDBSuccess);
    struct error err;
    struct str line;
    struct line_reader *r = line_reader_open(QUERY_CASES, 1 << 16, &err);
    assert_non_null(r);
    while (line_reader_next(r, &line, NULL, &err) == 1)
        if (str_starts(line, STR("event ")))
            read_event(w, arena_str(&w->arena, str_skip(line, 6)));
    line_reader_close(r);
    load_events(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    duckdb_disconnect(&w->connection);
    duckdb_close(&w->database);
    arena_free(&w->arena);
    memory_free(w);
    return 0;
}

/* ---- asking ---- */

static struct query *parse(const char *text, struct query_error *err)
{
    static const struct query_context plain = {.now_ns = NOW_NS};
    struct query_context context = plain;
    context.zone = zone_find(STR("+09:00"));
    return query_parse(str_c(text), &context, err);
}

/* All rows as text: cells parted by "|", rows by "; ". */
static struct str ask(struct world *w, const struct query_plan *plan)
{
    duckdb_prepared_statement statement;
    duckdb_result r;
    struct buf out = {0};
    struct str as_text =
        arena_printf(&w->arena, "SELECT COLUMNS(*)::VARCHAR FROM (%.*s)", STR_ARGS(plan->sql));
    if (duckdb_prepare(w->connection, as_text.p, &statement) == DuckDBError)
        fail_msg("%s\n%.*s", duckdb_prepare_error(statement), STR_ARGS(plan->sql));
    for (uint32_t i = 0; i < plan->param_count; i++) {
        const struct query_param *p = &plan->params[i];
        if (p->kind == QUERY_PARAM_TEXT)
            duckdb_bind_varchar_length(statement, i + 1, p->text.p, p->text.n);
        else if (p->kind == QUERY_PARAM_LONG)
            duckdb_bind_int64(statement, i + 1, p->number);
        else
            duckdb_bind_double(statement, i + 1, p->real);
    }
    if (duckdb_execute_prepared(statement, &r) == DuckDBError)
        fail_msg("%s\n%.*s", duckdb_result_error(&r), STR_ARGS(plan->sql));
    for (idx_t row = 0; row < duckdb_row_count(&r); row++) {
        buf_c(&out, row ? "; " : "");
        for (idx_t column = 0; column < duckdb_column_count(&r); column++) {
            char *text = duckdb_value_varchar(&r, column, row);
            buf_printf(&out, "%s%s", column ? "|" : "", text ? text : "NULL");
            duckdb_free(text);
        }
    }
    assert_int_equal(duckdb_column_count(&r), plan->result_count);
    duckdb_destroy_result(&r);
    duckdb_destroy_prepare(&statement);
    struct str kept = arena_str(&w->arena, buf_str(&out));
    buf_free(&out);
    return kept;
}

static struct str rows_of(struct world *w, const char *text, const struct query_options *options)
{
    struct query_error err;
    struct query_plan plan;
    struct query_options all = {.from_ns = INT64_MIN, .to_ns = INT64_MAX};
    struct query *q = parse(text, &err);
    if (!q)
        fail_msg("%s: at %zu: %s", text, err.position, err.en);
    query_compile(q, options ? options : &all, &w->arena, &plan);
    struct str rows = ask(w, &plan);
    query_free(q);
    return rows;
}

/* Ids found in memory and by SQL, each in rising order, "1 2 3". */
static void find_ids(struct world *w, const char *text, struct buf *by_match, struct buf *by_sql)
{
    struct query_error err;
    struct query *q = parse(text, &err);
    if (!q)
        fail_msg("%s: at %zu: %s", text, err.position, err.en);
    bool found[64] = {false};
    struct str rest = rows_of(w, text, NULL), cell;
    while (rest.n && str_split(&rest, ';', &cell)) {
        int64_t id;
        assert_true(str_to_i64(str_slice(str_trim(cell), 0, str_find_char(str_trim(cell), '|', 0)), &id));
        found[id] = true;
    }
    for (unsigned i = 0; i < w->count; i++)
        if (query_match(q, &w->events[i]))
            buf_printf(by_match, "%s%u", by_match->n ? " " : "", i + 1);
    for (unsigned i = 0; i < 64; i++)
        if (found[i])
            buf_printf(by_sql, "%s%u", by_sql->n ? " " : "", i);
    query_free(q);
}

static void check_ids(struct world *w, const char *text, struct str expected, unsigned line)
{
    struct buf by_match = {0}, by_sql = {0};
    find_ids(w, text, &by_match, &by_sql);
    if (!str_eq(buf_str(&by_match), expected) || !str_eq(buf_str(&by_sql), expected))
        fail_msg("query_cases.txt:%u: %s: expected \"%.*s\", in memory \"%s\", by SQL \"%s\"", line, text,
                 STR_ARGS(expected), buf_cstr(&by_match), buf_cstr(&by_sql));
    buf_free(&by_match);
    buf_free(&by_sql);
}

static void check_fault(const char *text, struct str expected, unsigned line)
{
    struct query_error err;
    int64_t position;
    struct query *q = parse(text, &err);
    assert_true(str_to_i64(expected, &position));
    if (q || err.position != (size_t)position)
        fail_msg("query_cases.txt:%u: %s: expected a fault at %lld, got %s at %zu", line, text,
                 (long long)position, q ? "none" : err.en, q ? 0 : err.position);
    assert_true(err.en[0] && err.ja[0]);
}

static void test_cases(void **state)
{
    struct world *w = *state;
    struct error err;
    struct str line, text = STR_EMPTY;
    unsigned number = 0, cases = 0;
    struct line_reader *r = line_reader_open(QUERY_CASES, 1 << 16, &err);
    assert_non_null(r);
    while (line_reader_next(r, &line, NULL, &err) == 1) {
        number++;
        if (str_starts(line, STR("?")))
            text = arena_str(&w->arena, str_skip(line, 2));
        else if (str_starts(line, STR("=")))
            check_ids(w, text.p, str_trim(str_skip(line, 1)), number);
        else if (str_starts(line, STR("!")))
            check_fault(text.p, str_trim(str_skip(line, 1)), number);
        cases += str_starts(line, STR("?"));
    }
    line_reader_close(r);
    print_message("%u cases\n", cases);
    assert_true(cases > 150);
}

/* ---- every prefix length ---- */

static void test_all_prefixes(void **state)
{
    struct world *w = *state;
    for (unsigned bits = 0; bits <= 128; bits++) {
        char text[96];
        struct buf by_match = {0}, by_sql = {0};
        snprintf(text, sizeof(text), "related.ip:2001:db8:0:1::/%u", bits);
        find_ids(w, text, &by_match, &by_sql);
        assert_string_equal(buf_cstr(&by_match), "6");
        assert_string_equal(buf_cstr(&by_sql), "6");
        buf_clear(&by_match);
        buf_clear(&by_sql);
        if (bits <= 32) {
            snprintf(text, sizeof(text), "source.ip:10.20.30.31/%u", bits);
            find_ids(w, text, &by_match, &by_sql);
            assert_string_equal(buf_cstr(&by_match), buf_cstr(&by_sql));
            assert_true(str_starts(buf_str(&by_match), STR("1")));
        }
        buf_free(&by_match);
        buf_free(&by_sql);
    }
}

/* ---- the fold is SQL's lower() ---- */

static void test_fold_is_lower(void **state)
{
    struct world *w = *state;
    duckdb_result r;
    run(w, "CREATE TABLE folded AS SELECT i::INTEGER AS i, unicode(lower(chr(i::INTEGER)))::INTEGER AS l "
           "FROM range(1, 1114112)"
           " t(i) WHERE i < 55296 OR i > 57343");
    assert_int_equal(duckdb_query(w->connection, "SELECT i, l FROM folded WHERE i <> l", &r), DuckDBSuccess);
    unsigned in_sql = 0, here = 0;
    for (idx_t row = 0; row < duckdb_row_count(&r); row++, in_sql++)
        assert_int_equal(text_fold_char((uint32_t)duckdb_value_int32(&r, 0, row)),
                         duckdb_value_int32(&r, 1, row));
    duckdb_destroy_result(&r);
    for (uint32_t c = 1; c < 0x110000; c++)
        here += text_fold_char(c) != c;
    assert_int_equal(in_sql, here);
}

/* ---- pipes ---- */

static void test_pipes(void **state)
{
    static const struct {
        const char *text, *rows;
    } cases[] = {
        {"* | count", "6"},
        {"* | count by destination.port", "25|2; 587|1; 6667|1"},
        {"* | count by destination.port | sort destination.port", "25|2; 587|1; 6667|1"},
        {"* | count by destination.port | sort -destination.port | head 2", "6667|1; 587|1"},
        {"* | count by destination.port | where count > 1", "25|2"},
        {"* | count by destination.port | where count = 1 and destination.port>=600", "6667|1"},
        {"* | count by event.category", "authentication|1; network|1; session|1"},
        {"* | count by vendor.list", "Alpha|1; beta,gamma|1; delta|1; é\n|1"},
        {"* | count by event.category, host.name | fields host.name | head 1", "mail01"},
        {"* | distinct destination.port", "25; 587; 6667"},
        {"* | rare 2 destination.port", "587|1; 6667|1"},
        {"* | top 1 destination.port", "25|2"},
        {"* | sum(source.bytes), count as n by destination.port | sort -n, destination.port",
         "25|9223372036854775807|2; 587|0|1; 6667|2311|1"},
        {"source.bytes<10000 | sum(source.bytes)", "2311"},
        {"* | sum(fortinet.firewall.sentbyte)", "2401.0"},
        {"* | avg(event.risk_score), min(event.risk_score), max(event.risk_score)", "22.25|-3.0|47.5"},
        {"* | dc(destination.port)", "3"},
        {"* | dc(related.ip)", "5"},
        {"* | dc(source.ip) by destination.port", "25|2; 587|1; 6667|1"},
        {"* | min(host.name)", ""},
        {"* | dc(source.ip) by destination.port | sort -dc(source.ip) | where dc(source.ip)>1", "25|2"},
        {"* | timechart 1d count",
         "2025-10-30 15:00:00|1; 2025-11-02 15:00:00|1; 2025-11-08 15:00:00|1; 2025-11-09 15:00:00|3"},
        {"* | timechart 1w count by event.category", "2025-11-09 15:00:00|authentication|1; 2025-11-09 "
                                                     "15:00:00|network|1; 2025-11-09 15:00:00|session|1"},
        {"destination.port:25 | timechart 1h count by destination.port",
         "2025-11-03 00:00:00|25|1; 2025-11-10 02:00:00|25|1"},
        {"* | head 2 | count", "2"},
        {"* | sort destination.port | head 2 | fields hyakuyo.sequence, destination.port", "6|25; 4|25"},
        {"* | fields source.ip, related.ip | head 1",
         "::1|[0.0.0.0, '2001:db8:0:1::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff']"},
        {"* | where destination.port>100 | sort -destination.port | fields destination.port", "6667; 587"},
        {"| count", "6"},
        {"* | count by no.such.field", ""},
        {"* | max(@timestamp)", "2025-11-10 02:59:00"},
    };
    struct world *w = *state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str rows = rows_of(w, cases[i].text, NULL);
        if (!str_eq(rows, str_c(cases[i].rows)))
            fail_msg("%s: expected \"%s\", got \"%.*s\"", cases[i].text, cases[i].rows, STR_ARGS(rows));
    }
}

static void test_pages_and_histogram(void **state)
{
    struct world *w = *state;
    struct query_options o = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .limit = 2};
    struct str rows = rows_of(w, "", &o);
    assert_true(str_eq(rows, STR("6|2025-11-10 02:59:00; 1|2025-11-10 00:13:09.123456")));
    struct query_cursor cursor = {.time_us = INT64_C(1762733589123456), .sequence = 1}, again;
    char text[QUERY_CURSOR_TEXT_MAX];
    assert_true(query_cursor_parse(str_n(text, query_cursor_format(&cursor, text)), &again));
    o.before = &again;
    assert_true(str_starts(rows_of(w, "", &o), STR("2|2025-11-09 15:00:00; 3|")));
    struct query_options h = {.purpose = QUERY_HISTOGRAM, .step_ns = 3600 * NS_PER_SECOND, .to_ns = NOW_NS};
    h.from_ns = NOW_NS - 3 * 3600 * NS_PER_SECOND;
    assert_true(str_eq(rows_of(w, "*", &h), STR("0|1; 2|1")));
    h.purpose = QUERY_COUNT;
    assert_true(str_eq(rows_of(w, "* | head 1", &h), STR("2")));
}

static void test_plan(void **state)
{
    struct world *w = *state;
    struct query_error err;
    struct query_plan plan;
    struct query_options all = {.from_ns = INT64_MIN, .to_ns = INT64_MAX};
    struct query *q =
        parse("source.ip:10.20.30.31 and host.name:MAIL01 and @timestamp>=2025-11-10T00:00:00Z and "
              "not source.ip:10.0.0.1 and (user.name:a or user.name:b)",
              &err);
    assert_non_null(q);
    query_compile(q, &all, &w->arena, &plan);
    assert_int_equal(plan.needle_count, 2);
    assert_true(str_eq(plan.needles[0].text, STR("10.20.30.31")) && !plan.needles[0].is_folded);
    assert_true(str_eq(plan.needles[1].text, STR("mail01")) && plan.needles[1].is_folded);
    assert_int_equal(plan.from_ns, INT64_C(1762732800) * NS_PER_SECOND);
    assert_int_equal(plan.to_ns, INT64_MAX);
    assert_true(plan.is_documents && plan.is_pageable);
    assert_int_equal(plan.column_count, 5);
    query_free(q);
}

static void test_warnings(void **state)
{
    (void)state;
    struct query_error err;
    size_t count;
    struct query *q = parse("検 source.prot:25 or vendor.unheard:1", &err);
    assert_non_null(q);
    const struct query_warning *warnings = query_warnings(q, &count);
    assert_int_equal(count, 2);
    assert_int_equal(warnings[0].position, 2);
    assert_true(str_eq(warnings[0].nearest[0], STR("source.port")));
    assert_int_equal(warnings[1].nearest_count, 0);
    query_free(q);
}

static void test_limits(void **state)
{
    (void)state;
    struct query_error err;
    struct buf text = {0};
    for (int i = 0; i < 65; i++)
        buf_c(&text, "(");
    assert_null(parse(buf_cstr(&text), &err));
    assert_int_equal(err.position, 64);
    buf_clear(&text);
    for (int i = 0; i < 1001; i++)
        buf_c(&text, "a:1 ");
    assert_null(parse(buf_cstr(&text), &err));
    assert_int_equal(err.position, 4002);
    buf_clear(&text);
    for (int i = 0; i < QUERY_TEXT_MAX; i++)
        buf_c(&text, "a");
    struct query *q = parse(buf_cstr(&text), &err);
    assert_non_null(q);
    query_free(q);
    buf_c(&text, "a");
    assert_null(parse(buf_cstr(&text), &err));
    assert_null(parse("ab\xff", &err));
    assert_int_equal(err.position, 2);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_all_prefixes),
        cmocka_unit_test(test_fold_is_lower),
        cmocka_unit_test(test_pipes),
        cmocka_unit_test(test_pages_and_histogram),
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
