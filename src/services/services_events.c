/* What the console asks of the event plane: searches, single events, findings, and filters of live streams.
 */
#include "server/server.h"

#include "base/log.h"
#include "base/memory.h"

static bool fail_syntax(const struct query_error *syntax, struct console_failure *failure)
{
    failure->status = 400;
    failure->position = (int64_t)syntax->position;
    error_set(&failure->en, "%s", syntax->en);
    error_set(&failure->ja, "%s", syntax->ja);
    return false;
}

static bool fail(const struct error *err, struct console_failure *failure)
{
    failure->en = *err;
    return false;
}

static struct search to_search(const struct server *s, const struct search_request *request)
{
    return (struct search){.expression = request->expression,
                           .from_ns = request->from_ns,
                           .to_ns = request->to_ns,
                           .now_ns = clock_wall_ns(),
                           .zone = s->zone,
                           .limit = request->limit,
                           .before = request->before};
}

static bool search(void *ctx, const struct search_request *request, struct arena *arena,
                   struct search_result *out, struct console_failure *failure)
{
    struct server *s = ctx;
    struct search wanted = to_search(s, request);
    struct search_page page;
    struct query_error syntax;
    struct error err;
    enum search_end end = search_run(s->store, &wanted, arena, &page, &syntax, &err);
    if (end != SEARCH_DONE) {
        buf_free(&page.rows);
        return end == SEARCH_BAD_EXPRESSION ? fail_syntax(&syntax, failure) : fail(&err, failure);
    }
    out->columns = page.columns;
    out->column_count = page.column_count;
    out->rows = page.rows;
    out->next = page.next;
    out->parts_read = page.numbers.parts_read;
    out->parts_total = page.numbers.parts_total;
    out->warnings = page.warnings;
    out->warning_count = page.warning_count;
    return true;
}

#define HISTOGRAM_SPAN_MAX_NS (INT64_C(36600) * 86400 * NS_PER_SECOND)

/* The smallest round width that needs no more than `buckets` steps. */
static int64_t round_step(int64_t span_ns, uint32_t buckets)
{
    static const int64_t seconds[] = {1,   2,   5,    10,   15,   30,    60,    120,   300,
                                      600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400};
    for (size_t i = 0; i < COUNT_OF(seconds); i++)
        if (span_ns / (seconds[i] * NS_PER_SECOND) < (int64_t)buckets)
            return seconds[i] * NS_PER_SECOND;
    int64_t day = 86400 * NS_PER_SECOND;
    return (span_ns / day / buckets + 1) * day;
}

static bool fail_range(struct console_failure *failure)
{
    failure->status = 400;
    return error_set(&failure->en, "%s",
                     tr("the time range is empty or longer than 100 years",
                        "期間が空か、100年を超えています"));
}

static bool histogram(void *ctx, const struct search_request *request, uint32_t buckets, struct arena *arena,
                      struct histogram_result *out, struct console_failure *failure)
{
    struct server *s = ctx;
    struct search wanted = to_search(s, request);
    struct query_error syntax;
    struct error err;
    int64_t span_ns;
    if (wanted.to_ns <= wanted.from_ns || buckets == 0 ||
        __builtin_sub_overflow(wanted.to_ns, wanted.from_ns, &span_ns) || span_ns > HISTOGRAM_SPAN_MAX_NS ||
        wanted.from_ns < -HISTOGRAM_SPAN_MAX_NS)
        return fail_range(failure);
    int64_t step_ns = round_step(span_ns, buckets);
    wanted.from_ns -= (wanted.from_ns % step_ns + step_ns) % step_ns; /* down, before 1970 too */
    out->from_ns = wanted.from_ns;
    out->to_ns = wanted.to_ns;
    out->step_seconds = (uint32_t)(step_ns / NS_PER_SECOND);
    out->count = (uint32_t)((wanted.to_ns - wanted.from_ns + step_ns - 1) / step_ns);
    out->counts = ARENA_ARRAY(arena, uint64_t, out->count + 1);
    enum search_end end =
        search_histogram(s->store, &wanted, step_ns, out->counts, out->count, &syntax, &err);
    if (end == SEARCH_BAD_EXPRESSION)
        return fail_syntax(&syntax, failure);
    return end == SEARCH_DONE || fail(&err, failure);
}

static bool put_event(void *context, size_t index, const struct event *e)
{
    (void)index;
    search_document(e, context);
    return true;
}

static bool event(void *ctx, uint64_t sequence, const struct console_viewer *viewer, struct buf *json,
                  struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    (void)viewer;
    if (!store_fetch(s->store, &sequence, 1, put_event, json, &err))
        return fail(&err, failure);
    if (json->n > 0)
        return true;
    failure->status = 404;
    error_set(&failure->en, "there is no event %llu, or retention has dropped it",
              (unsigned long long)sequence);
    error_set(&failure->ja, "イベント %llu はありません(保存期間を過ぎた可能性があります)",
              (unsigned long long)sequence);
    return false;
}

/* ---------------------------------------------------------------- findings */

struct finding_rows {
    struct arena *arena;
    struct incident_finding *rows;
    uint32_t count, capacity;
    const struct knowledge *knowledge;
    struct desk *desk;
};

static struct str copy_text(struct arena *a, const struct event *e, field_id first, field_id second)
{
    struct str text = event_text(e, first);
    return arena_str(a, text.n ? text : event_text(e, second));
}

static void add_finding(struct finding_rows *rows, const struct event *e, struct str rule_id)
{
    struct arena *a = rows->arena;
    const struct rule_info *rule = knowledge_rule(rows->knowledge, rule_id);
    struct rule_info told;
    if (rule == NULL && desk_describe_finding(rows->desk, rule_id, a, &told))
        rule = &told;
    rows->rows[rows->count++] = (struct incident_finding){
        .rule_id = arena_str(a, rule_id),
        .title_en = arena_str(a, rule ? rule->title_en : rule_id),
        .title_ja = arena_str(a, rule ? rule->title_ja : STR_EMPTY),
        .level = rule ? rule->level : LEVEL_MEDIUM,
        .first_ns = e->time_ns,
        .last_ns = e->time_ns,
        .first_sequence = e->sequence,
        .last_sequence = e->sequence,
        .count = 1,
        .product = copy_text(a, e, FIELD_OBSERVER_PRODUCT, FIELD_HYAKUYO_PARSER),
        .evidence_group = arena_str(a, rule ? rule->evidence_group : STR_EMPTY),
        .stage = arena_str(a, rule ? rule->stage : STR_EMPTY),
        .host_name = copy_text(a, e, FIELD_HYAKUYO_SOURCE_HOST, FIELD_HOST_NAME),
        .host_ip = copy_text(a, e, FIELD_SOURCE_IP, FIELD_HOST_IP),
        .user = copy_text(a, e, FIELD_USER_NAME, FIELD_SOURCE_USER_NAME),
        .department = copy_text(a, e, FIELD_HYAKUYO_DEPARTMENT, FIELD_HYAKUYO_SOURCE_DEPARTMENT),
        .peer = copy_text(a, e, FIELD_DESTINATION_IP, FIELD_DESTINATION_DOMAIN),
        .peers = STR_EMPTY,
        .techniques = STR_EMPTY,
        .matched = STR("{}"),
    };
}

static bool put_findings(void *context, size_t index, const struct event *e)
{
    struct finding_rows *rows = context;
    (void)index;
    for (const struct value *v = event_get(e, FIELD_HYAKUYO_FINDING_RULE_ID); v != NULL; v = event_next(e, v))
        if (rows->count < rows->capacity)
            add_finding(rows, e, value_text(v));
    return true;
}

static int newest_first(const void *left, const void *right)
{
    const struct incident_finding *a = left, *b = right;
    if (a->last_ns != b->last_ns)
        return a->last_ns > b->last_ns ? -1 : 1;
    return str_compare(a->rule_id, b->rule_id);
}

struct sequences {
    uint64_t *items;
    uint32_t count, capacity;
};

static bool note_sequence(void *context, const struct store_result *result, const struct store_cell *cells)
{
    struct sequences *s = context;
    (void)result;
    s->items[s->count++] = (uint64_t)cells[0].number;
    return s->count < s->capacity;
}

static bool findings(void *ctx, int64_t from_ns, int64_t to_ns, uint32_t limit, struct arena *arena,
                     struct finding_list *out, struct console_failure *failure)
{
    static const struct str columns[] = {{"hyakuyo.sequence", 16},
                                         {"@timestamp", 10},
                                         {"hyakuyo.finding.rule_id", 23}};
    struct server *s = ctx;
    struct error err;
    struct part_filter filter = PART_FILTER_ALL;
    filter.from_ns = from_ns == INT64_MIN ? TIME_UNKNOWN : from_ns;
    filter.to_ns = to_ns == INT64_MAX ? TIME_UNKNOWN : to_ns;
    struct store_query query = {
        .sql = STR("SELECT \"hyakuyo.sequence\" FROM events WHERE \"hyakuyo.finding.rule_id\" IS NOT NULL "
                   "ORDER BY \"@timestamp\" DESC, \"hyakuyo.sequence\" DESC LIMIT 10000"),
        .filter = filter,
        .columns = columns,
        .column_count = COUNT_OF(columns),
        .limits = {.max_rows = limit}};
    struct sequences found = {ARENA_ARRAY(arena, uint64_t, limit + 1), 0, limit};
    enum store_end end = store_query(s->store, &query, note_sequence, &found, NULL, &err);
    if (end != STORE_DONE && end != STORE_MORE_ROWS)
        return fail(&err, failure);
    struct knowledge *knowledge = engine_knowledge(s->engine);
    struct finding_rows rows = {.arena = arena, .knowledge = knowledge, .desk = s->desk, .capacity = limit};
    rows.rows = ARENA_ARRAY(arena, struct incident_finding, limit + 1);
    bool ok = store_fetch(s->store, found.items, found.count, put_findings, &rows, &err);
    knowledge_unref(knowledge);
    if (!ok)
        return fail(&err, failure);
    if (rows.count)
        qsort(rows.rows, rows.count, sizeof *rows.rows, newest_first);
    *out = (struct finding_list){rows.rows, rows.count};
    return true;
}

/* ----------------------------------------------------------------- filters */

static void *filter_new(void *ctx, struct str expression, struct console_failure *failure)
{
    struct server *s = ctx;
    struct query_error syntax;
    struct query_context context = {.now_ns = clock_wall_ns(), .zone = s->zone};
    struct query *q = query_parse(expression, &context, &syntax);
    if (q == NULL) {
        fail_syntax(&syntax, failure);
        return NULL;
    }
    query_hide(q, field_name(FIELD_HYAKUYO_CANARY));
    query_hide(q, field_name(FIELD_HYAKUYO_EXERCISE));
    return q;
}

static bool filter_match(const void *filter, const struct event *e)
{
    return query_match(filter, e);
}

static void filter_free(void *filter)
{
    query_free(filter);
}

void services_events(struct console_services *s)
{
    s->search = search;
    s->histogram = histogram;
    s->event = event;
    s->findings = findings;
    s->filter_new = filter_new;
    s->filter_match = filter_match;
    s->filter_free = filter_free;
}
