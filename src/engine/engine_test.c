/* The engine with real workers, desk, store and ledger: whatever order the workers finish in, the desk sees
 * the journal's; gaps are passed over; and a reload between batches frees nothing that is still on its way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "engine/engine.h"
#include "store/store_testing.h"

struct world {
    struct test_folder folder;
    struct error err;
    struct registry *registry;
    struct ledger *ledger;
    struct tables *tables;
    struct criteria *criteria;
    struct desk *desk;
    struct store *store;
    struct engine *engine;
    uint64_t next, records, findings; /* as published */
    bool is_in_order;
    uint64_t table_lines, wrong_lines; /* of Zeek tables, see make_tables() */
};

static const char *const parsers[] = {SOURCE_ROOT "/content/parsers", NULL};
static const char *const rules[] = {SOURCE_ROOT "/content/rules", NULL};
static const struct knowledge_options content = {parsers, rules, SOURCE_ROOT "/content/taxonomy", false};

/* Where the address ".7" stands in a line tells what its column must have meant. */
static void check_table(struct world *w, const struct event *e)
{
    if (e->raw.n == 0 || !ascii_is_digit(e->raw.p[0]))
        return;
    bool is_source = str_find(e->raw, STR("source-line"), 0) != STR_NOT_FOUND;
    struct str expected = is_source ? STR("192.0.2.7") : STR("192.0.2.8");
    w->table_lines++;
    w->wrong_lines += !str_eq(event_text(e, FIELD_SOURCE_IP), expected);
}

/* By the desk's thread; the main thread looks when that has ended. */
static void published(void *context, const struct batch *b)
{
    struct world *w = context;
    w->is_in_order &= b->first_sequence >= w->next;
    w->next = b->last_sequence + 1;
    w->records += b->count;
    for (uint32_t i = 0; i < b->count; i++)
        check_table(w, &b->events[i]);
    for (const struct finding *f = b->findings; f != NULL; f = f->next)
        w->findings++;
}

static bool commit(void *context, struct state *state, uint64_t first, uint64_t last, struct error *err)
{
    struct world *w = context;
    (void)first;
    return ledger_commit(w->ledger, state, last, err) && tables_commit(w->tables, state, last, err);
}

static void on_stored(void *context, uint64_t last)
{
    struct world *w = context;
    ledger_confirm(w->ledger, last);
    tables_confirm(w->tables, last);
}

static void world_start(struct world *w, unsigned workers)
{
    w->registry = registry_new(w->folder.state, &w->err);
    w->ledger = ledger_new(w->folder.state, w->registry, &w->err);
    w->tables = tables_new(w->folder.state, w->registry, &w->err);
    assert_non_null(w->tables);
    w->criteria = criteria_load(SOURCE_ROOT "/content/judgement.yml", &w->err);
    struct desk_options desk = {.criteria = w->criteria, .state = w->folder.state};
    w->desk = desk_new(&desk, &w->err);
    struct store_config store = {.data_dir = w->folder.path,
                                 .state = w->folder.state,
                                 .seal_after_ms = 200,
                                 .commit = commit,
                                 .on_stored = on_stored,
                                 .context = w};
    w->store = store_open(&store, &w->err);
    assert_non_null(w->store);
    struct engine_options options = {.workers = workers,
                                     .registry = w->registry,
                                     .ledger = w->ledger,
                                     .tables = w->tables,
                                     .desk = w->desk,
                                     .store = w->store,
                                     .published = published,
                                     .context = w};
    struct knowledge *knowledge = knowledge_load(&content, &w->err);
    assert_non_null(knowledge);
    w->engine = engine_new(&options, knowledge, NULL);
    engine_start(w->engine);
}

static void world_make(struct world *w, unsigned workers)
{
    *w = (struct world){.next = 1, .is_in_order = true};
    test_folder_make(&w->folder);
    world_start(w, workers);
}

static void world_stop(struct world *w)
{
    engine_stop(w->engine);
    store_close(w->store);
}

static void world_end(struct world *w)
{
    engine_free(w->engine);
    desk_free(w->desk);
    criteria_free(w->criteria);
    ledger_free(w->ledger);
    tables_free(w->tables);
    registry_free(w->registry);
}

static void world_remove(struct world *w)
{
    world_end(w);
    test_folder_remove(&w->folder);
}

/* Some batches are much more work than others. */
static struct batch *make_batch(uint64_t first, uint32_t count)
{
    struct batch *b = batch_new(count);
    char line[256];
    for (uint32_t i = 0; i < count; i++) {
        int n = snprintf(
            line, sizeof line,
            "<189>date=2025-11-10 time=09:13:09 devname=FW devid=FGT60F type=traffic subtype=forward "
            "srcip=10.20.%u.%u srcport=49712 dstip=198.51.100.23 dstport=%u proto=6 action=accept",
            (unsigned)(first % 8), i % 200 + 1, (first + i) % 50 == 0 ? 6667u : 443u);
        struct record *r = batch_add(b, str_n(line, (size_t)n), STR("192.0.2.1"));
        r->sequence = first + i;
        r->received_ns = TEST_TIME_NS;
        r->transport = TRANSPORT_TCP;
    }
    b->first_sequence = first;
    b->last_sequence = first + count - 1;
    return b;
}

static struct balance_count total(struct world *w)
{
    struct arena arena;
    struct balance_count *list, sum;
    uint32_t count;
    struct balance_filter all = {.from_hour = INT64_MIN, .to_hour = INT64_MAX, .source = UINT32_MAX};
    arena_init(&arena, 4096);
    assert_true(ledger_balance(w->ledger, &all, &arena, &list, &count, &sum, &w->err));
    arena_free(&arena);
    return sum;
}

static void the_desk_sees_the_order_of_the_journal(void **state)
{
    (void)state;
    struct world w;
    uint64_t next = 1, records = 0;
    world_make(&w, 4);
    for (unsigned i = 0; i < 300; i++) {
        uint32_t count = i % 7 == 0 ? 400 : 3;
        if (i % 50 == 49) {
            engine_skip(w.engine, next, next + 9);
            next += 10;
        }
        assert_true(engine_take(w.engine, make_batch(next, count)));
        next += count;
        records += count;
    }
    world_stop(&w);
    assert_true(w.is_in_order);
    assert_int_equal(w.records, records);
    assert_int_equal(w.next, next);
    struct balance_count sum = total(&w);
    assert_int_equal(sum.received, records + 60);
    assert_int_equal(sum.stored, records);
    assert_int_equal(sum.lost, 60);
    assert_int_equal(sum.difference, 0);
    world_remove(&w);
}

static void a_reload_takes_nothing_from_under_a_batch(void **state)
{
    (void)state;
    struct world w;
    uint64_t next = 1;
    world_make(&w, 2);
    for (unsigned i = 0; i < 60; i++) {
        if (i % 5 == 4)
            engine_set_knowledge(w.engine, knowledge_load(&content, &w.err));
        assert_true(engine_take(w.engine, make_batch(next, 200)));
        next += 200;
    }
    world_stop(&w);
    assert_int_equal(w.records, next - 1);
    assert_true(w.findings > 0);
    int64_t last_ns;
    assert_true(engine_rule_fired(w.engine, STR("no such rule"), &last_ns) == 0);
    assert_int_equal(total(&w).difference, 0);
    world_remove(&w);
}

static void what_comes_after_the_end_is_not_taken(void **state)
{
    (void)state;
    struct world w;
    world_make(&w, 1);
    engine_leave(w.engine);
    engine_stop(w.engine);
    struct batch *b = make_batch(1, 5);
    assert_false(engine_take(w.engine, b));
    batch_free(b);
    store_close(w.store);
    world_remove(&w);
}

/* A table whose two address columns change places with every header. `header`: 0 = a line, 1 and 2 = headers.
 */
static void add_line(struct batch *b, uint64_t first, int header, bool is_swapped)
{
    static const char *const headers[] = {"#fields\tts\tuid\tid.orig_h\tid.resp_h\tnote",
                                          "#fields\tts\tuid\tid.resp_h\tid.orig_h\tnote"};
    const char *line = is_swapped ? "1762732389.000000\tCa\t192.0.2.7\t192.0.2.8\tother-line"
                                  : "1762732389.000000\tCa\t192.0.2.7\t192.0.2.8\tsource-line";
    struct record *r = batch_add(b, str_c(header ? headers[header - 1] : line), STR("/var/log/zeek/x.log"));
    r->sequence = first + b->count - 1;
    r->received_ns = TEST_TIME_NS;
    r->transport = TRANSPORT_TAIL;
}

static void make_tables(struct world *w, uint64_t *next, unsigned *seed, bool *is_swapped, unsigned batches)
{
    for (unsigned i = 0; i < batches; i++) {
        uint32_t count = i % 7 == 0 ? 300 : 1 + i % 5; /* some take a worker much longer than others */
        struct batch *b = batch_new(count);
        for (uint32_t k = 0; k < count; k++) {
            *seed = *seed * 1103515245u + 12345u;
            bool is_header = (*seed >> 16) % 4 == 0;
            *is_swapped ^= is_header;
            add_line(b, *next, is_header ? 1 + *is_swapped : 0, *is_swapped);
        }
        b->first_sequence = *next;
        b->last_sequence = *next + count - 1;
        *next += count;
        assert_true(engine_take(w->engine, b));
    }
}

static void columns_mean_what_the_last_header_before_them_says(void **state)
{
    (void)state;
    struct world w;
    uint64_t next = 1;
    unsigned seed = 4711;
    bool is_swapped = false;
    world_make(&w, 4);
    struct batch *first = batch_new(1);
    add_line(first, next, 1, false);
    first->first_sequence = first->last_sequence = next++;
    assert_true(engine_take(w.engine, first));
    for (int run = 0; run < 3; run++) {
        make_tables(&w, &next, &seed, &is_swapped, 200);
        engine_set_knowledge(w.engine, knowledge_load(&content, &w.err)); /* a reload forgets no header */
        make_tables(&w, &next, &seed, &is_swapped, 50);
        struct batch *more = batch_new(1); /* nor does a restart: what follows may have none */
        add_line(more, next, 0, is_swapped);
        more->first_sequence = more->last_sequence = next++;
        assert_true(engine_take(w.engine, more));
        world_stop(&w);
        world_end(&w);
        test_folder_reopen(&w.folder);
        world_start(&w, run % 2 ? 1 : 4);
        more = batch_new(1);
        add_line(more, next, 0, is_swapped);
        more->first_sequence = more->last_sequence = next++;
        assert_true(engine_take(w.engine, more));
    }
    world_stop(&w);
    assert_true(w.table_lines > 20000);
    assert_int_equal(w.wrong_lines, 0);
    world_remove(&w);
}

/* A crash: the journal brings again what no part has. What was learned from that is not there before it. */
static void headers_are_kept_as_they_were_behind_the_last_part(void **state)
{
    (void)state;
    struct world w;
    world_make(&w, 1);
    struct knowledge *knowledge = engine_knowledge(w.engine);
    struct batch *b = batch_new(8);
    for (int i = 0; i < 6; i++) /* header 1, line, header 2, line, header 1, line */
        add_line(b, 1, i % 2 ? 0 : 1 + i / 2 % 2, false);
    for (uint32_t i = 0; i < b->count; i++)
        b->records[i].source = 3;
    tables_assign(w.tables, b, knowledge);
    assert_int_equal(b->records[1].tables.last, 0);
    assert_int_equal(b->records[3].tables.last, 1);
    assert_int_equal(b->records[5].tables.last, 0);
    for (uint64_t last = 1; last <= 6; last++) {
        assert_true(tables_commit(w.tables, w.folder.state, last, &w.err));
        assert_true(tables_commit(w.tables, w.folder.state, last, &w.err)); /* tried again */
        tables_confirm(w.tables, last);
        struct tables *again = tables_new(w.folder.state, w.registry, &w.err);
        struct batch *line = batch_new(1);
        assert_non_null(again);
        add_line(line, last + 1, 0, false);
        line->records[0].source = 3;
        tables_assign(again, line, knowledge);
        assert_int_equal(line->records[0].tables.count, last < 3 ? 1 : 2);
        assert_int_equal(line->records[0].tables.last, last == 3 || last == 4 ? 1 : 0);
        batch_free(line);
        tables_free(again);
    }
    batch_free(b);
    knowledge_unref(knowledge);
    world_stop(&w);
    world_remove(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_desk_sees_the_order_of_the_journal),
        cmocka_unit_test(a_reload_takes_nothing_from_under_a_batch),
        cmocka_unit_test(what_comes_after_the_end_is_not_taken),
        cmocka_unit_test(columns_mean_what_the_last_header_before_them_says),
        cmocka_unit_test(headers_are_kept_as_they_were_behind_the_last_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
