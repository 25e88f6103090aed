/* What the logs have of a reported computer and person: the questions of intake_question.c, asked by the
 * engine that also answers people. Each is bounded in time, rows and length; nothing here runs on the
 * way of events. Next: intake_thread.c, which asks. */
#include "intake/intake_question.h"

#include <math.h>

#include "base/log.h"

#define LOOK_TIMEOUT_MS      60000
#define SEEN_TIMEOUT_MS      5000
#define GROUP_BYTES_MAX      6000 /* of one question: the language takes 8 KiB */
#define GROUP_VALUES_MAX     50
#define VALUE_BYTES_MAX      1000
#define BASELINE_HOURS_LEAST 24
#define MINUTE_NS            (60 * NS_PER_SECOND)
#define HOUR_NS              (60 * MINUTE_NS)

struct looking {
    struct server *s;
    const struct intake_look *look;
    const struct work_row *report;
    struct arena *arena;
    int64_t now_ns;
    struct str filter; /* who and only */
    struct intake_found *out;
};

/* ------------------------------------------------------------------- asking */

/* The rows as a parsed array; NULL when it could not be asked. */
static const struct json_node *ask(struct looking *l, struct str question, int64_t from_ns, int64_t to_ns,
                                   uint32_t limit, struct str *text)
{
    struct error err = {.text = ""};
    struct query_error syntax;
    struct search_page page;
    struct search search = {.expression = question,
                            .from_ns = from_ns,
                            .to_ns = to_ns,
                            .now_ns = l->now_ns,
                            .zone = l->s->zone,
                            .limit = limit,
                            .timeout_ms = LOOK_TIMEOUT_MS};
    enum search_end end = search_run(l->s->store, &search, l->arena, &page, &syntax, &err);
    const struct json_node *rows = NULL;
    if (end == SEARCH_DONE) {
        *text = arena_printf(l->arena, "[%.*s]", STR_ARGS(buf_str(&page.rows)));
        rows = json_parse(*text, l->arena, &err);
    }
    buf_free(&page.rows);
    if (rows == NULL)
        log_warning(tr("user report %llu: look '%.*s' could not be asked: %s",
                       "利用者申告 %llu: 照合「%.*s」を実行できません: %s"),
                    (unsigned long long)l->report->id, STR_ARGS(l->look->id),
                    end == SEARCH_BAD_EXPRESSION ? syntax.en : err.text);
    return rows;
}

static uint32_t count_rows(const struct json_node *rows)
{
    uint32_t count = 0;
    for (const struct json_node *at = rows ? rows->child : NULL; at != NULL; at = at->next)
        count++;
    return count;
}

/* ------------------------------------------------------------------- shown */

/* field:("value" or …) over the rows' values, each once; "" when none has one. */
static struct str build_follow(struct looking *l, const struct json_node *rows)
{
    struct buf text = {0};
    unsigned count = 0;
    struct str field = arena_str(l->arena, l->look->follow);
    for (const struct json_node *at = rows->child; at != NULL && text.n < GROUP_BYTES_MAX; at = at->next) {
        struct str value = json_text(at, field.p);
        const struct json_node *before = rows->child;
        while (before != at && !str_eq(json_text(before, field.p), value))
            before = before->next;
        if (value.n == 0 || value.n > VALUE_BYTES_MAX || before != at || count == GROUP_VALUES_MAX)
            continue;
        buf_printf(&text, "%s", count++ ? " or " : "");
        intake_add_quoted(&text, value);
    }
    struct str filter =
        count == 0 ? STR_EMPTY
                   : arena_printf(l->arena, "%.*s:(%.*s)", STR_ARGS(field), STR_ARGS(buf_str(&text)));
    buf_free(&text);
    return filter;
}

static void find_shown(struct looking *l, const struct json_node *rows, struct str text)
{
    struct str filter = l->look->follow.n ? build_follow(l, rows) : STR_EMPTY, followed = STR_EMPTY;
    if (filter.n) {
        struct str question = intake_question(l->look, filter, l->arena);
        const struct json_node *all =
            ask(l, question, l->out->from_ns, l->out->to_ns, (uint32_t)l->look->rows, &followed);
        if (all != NULL) {
            l->out->query = question;
            rows = all;
            text = followed;
        }
    }
    l->out->rows = text;
    l->out->hits = count_rows(rows);
}

/* ------------------------------------------------------------------- rare */

struct others { /* what all computers have of a group of values */
    const struct json_node *rows;
    struct str field;
};

static const struct json_node *find_value(const struct others *o, struct str value)
{
    for (const struct json_node *at = o->rows ? o->rows->child : NULL; at != NULL; at = at->next)
        if (str_eq(json_text(at, o->field.p), value))
            return at;
    return NULL;
}

static void put_rare(struct looking *l, const struct json_node *own, const struct others *o,
                     struct json_writer *w)
{
    int64_t computers = 0;
    struct str value = json_text(own, o->field.p);
    const struct json_node *all = find_value(o, value);
    if (all == NULL || !str_to_i64(json_text(all, "computers"), &computers) || computers > l->look->hosts ||
        l->out->hits == l->look->rows)
        return;
    struct str first = json_text(own, "first"), since = json_text(all, "since");
    json_begin_object(w);
    json_key_str(w, o->field);
    json_put_str(w, value);
    json_key(w, "count");
    json_put_json(w, json_text(own, "count"));
    json_key(w, "first");
    json_put_str(w, first);
    json_key(w, "computers");
    json_put_i64(w, computers);
    json_key(w, "since");
    json_put_str(w, since);
    json_key(w, "new");
    json_put_bool(w, str_compare(since, first) >= 0);
    json_end_object(w);
    l->out->hits++;
}

/* As many values as one question holds, asked of all computers. Returns the first that did not fit. */
static const struct json_node *ask_group(struct looking *l, const struct json_node *at, struct others *o)
{
    struct buf question = {0};
    struct str ignored;
    unsigned count = 0;
    buf_printf(&question, "%.*s:(", STR_ARGS(o->field));
    for (; at != NULL && count < GROUP_VALUES_MAX && question.n < GROUP_BYTES_MAX; at = at->next) {
        struct str value = json_text(at, o->field.p);
        if (value.n == 0 || value.n > VALUE_BYTES_MAX)
            continue;
        buf_c(&question, count++ ? " or " : "");
        intake_add_quoted(&question, value);
    }
    buf_printf(&question, ") | dc(%.*s) as computers, min(@timestamp) as since by %.*s",
               STR_ARGS(l->look->across), STR_ARGS(o->field));
    int64_t begin_ns = l->out->from_ns - l->look->days * 24 * HOUR_NS;
    o->rows = count == 0 ? NULL
                         : ask(l, arena_str(l->arena, buf_str(&question)), begin_ns, l->out->to_ns,
                               10 * GROUP_VALUES_MAX, &ignored);
    buf_free(&question);
    return at;
}

static void find_rare(struct looking *l, const struct json_node *rows)
{
    struct buf text = {0};
    struct json_writer w = {.out = &text};
    struct others o = {.field = arena_str(l->arena, l->look->field)};
    json_begin_array(&w);
    for (const struct json_node *at = rows->child; at != NULL;) {
        const struct json_node *group = at;
        at = ask_group(l, at, &o);
        for (; group != at; group = group->next)
            put_rare(l, group, &o, &w);
    }
    json_end_array(&w);
    l->out->rows = arena_str(l->arena, buf_str(&text));
    buf_free(&text);
}

/* ----------------------------------------------------------------- volume */

struct hours {
    double sum, squares;
    int64_t count;    /* hours of the baseline, silent ones too */
    int64_t first_ns; /* the first hour that has anything */
};

static bool hour_of(const struct json_node *row, int64_t *time_ns, double *value)
{
    static const struct time_context utc;
    *value = 0;
    (void)str_to_double(json_text(row, "value"), value);
    return time_parse_iso(json_text(row, "@timestamp"), &utc, time_ns);
}

static void learn_hours(const struct json_node *rows, int64_t window_ns, struct hours *h)
{
    int64_t time_ns;
    double value;
    h->first_ns = window_ns;
    for (const struct json_node *at = rows->child; at != NULL; at = at->next) {
        if (!hour_of(at, &time_ns, &value) || time_ns + HOUR_NS > window_ns)
            continue;
        h->first_ns = time_ns < h->first_ns ? time_ns : h->first_ns;
        h->sum += value;
        h->squares += value * value;
    }
    h->count = (window_ns - h->first_ns) / HOUR_NS;
}

/* z = (x − mean) / s over the baseline's hours; s is at least 1 % of the mean and 1, so that a computer which
 * always sends the same does not turn a single packet into an alarm. Unknown with less than a day. */
static void put_hour(struct looking *l, const struct json_node *row, const struct hours *h,
                     struct json_writer *w)
{
    int64_t time_ns;
    double value;
    if (!hour_of(row, &time_ns, &value) || time_ns + HOUR_NS <= l->out->from_ns)
        return;
    double n = (double)h->count, mean = n > 0 ? h->sum / n : 0;
    double variance = n > 1 ? fmax(0, (h->squares - n * mean * mean) / (n - 1)) : 0;
    double deviation = fmax(fmax(sqrt(variance), mean / 100), 1);
    json_begin_object(w);
    json_key(w, "hour");
    json_put_time(w, time_ns);
    json_key(w, "value");
    json_put_double(w, value);
    json_key(w, "usual");
    h->count >= BASELINE_HOURS_LEAST ? json_put_double(w, mean) : json_put_null(w);
    json_key(w, "z");
    h->count >= BASELINE_HOURS_LEAST ? json_put_double(w, round((value - mean) / deviation * 10) / 10)
                                     : json_put_null(w);
    json_end_object(w);
    l->out->hits++;
}

static void find_volume(struct looking *l, const struct json_node *rows)
{
    struct buf text = {0};
    struct json_writer w = {.out = &text};
    struct hours hours = {0};
    learn_hours(rows, l->out->from_ns, &hours);
    json_begin_array(&w);
    for (const struct json_node *at = rows->child; at != NULL; at = at->next)
        put_hour(l, at, &hours, &w);
    json_end_array(&w);
    l->out->rows = arena_str(l->arena, buf_str(&text));
    buf_free(&text);
}

/* ------------------------------------------------------------------- looks */

void intake_look(struct server *s, const struct intake_look *look, const struct work_row *report,
                 int64_t now_ns, struct arena *arena, struct intake_found *out)
{
    struct looking l = {.s = s, .look = look, .report = report, .arena = arena, .now_ns = now_ns, .out = out};
    int64_t moment_ns = work_number(report, USER_REPORT_NOTICED);
    *out = (struct intake_found){.status = STR("unknown"), .query = STR_EMPTY, .rows = STR("[]")};
    out->from_ns = moment_ns - look->before_minutes * MINUTE_NS;
    out->to_ns = moment_ns + look->after_minutes * MINUTE_NS;
    out->to_ns = out->to_ns < now_ns ? out->to_ns : now_ns;
    l.filter = intake_filter(look, report, arena);
    if (l.filter.n == 0)
        return;
    out->query = intake_question(look, l.filter, arena);
    bool is_volume = look->kind == INTAKE_VOLUME;
    int64_t begin_ns = out->from_ns - (is_volume ? look->days * 24 * HOUR_NS : 0);
    struct str text = STR("[]");
    const struct json_node *rows =
        ask(&l, out->query, begin_ns, out->to_ns, is_volume ? 2000 : INTAKE_VALUES_MAX, &text);
    if (rows == NULL) {
        out->status = STR("failed");
        return;
    }
    if (look->kind == INTAKE_SHOW) {
        find_shown(&l, rows, text);
    } else if (is_volume) {
        find_volume(&l, rows);
    } else {
        find_rare(&l, rows);
    }
    out->status = out->hits ? STR("found") : STR("nothing");
}

int64_t intake_last_seen(struct server *s, const struct work_row *report, struct arena *arena)
{
    const struct intake_look sent = {.who = {{STR("hyakuyo.source.host"), INTAKE_HOST},
                                             {STR("source.ip"), INTAKE_IP},
                                             {STR("client.ip"), INTAKE_IP}},
                                     .who_count = 3,
                                     .only = STR("source.ip:* or client.ip:*")};
    static const struct time_context utc;
    struct error err;
    struct query_error syntax;
    struct search_page page;
    int64_t last_ns = TIME_UNKNOWN;
    struct str filter = intake_filter(&sent, report, arena);
    if (filter.n == 0)
        return TIME_UNKNOWN;
    struct search search = {.expression =
                                arena_printf(arena, "%.*s | max(@timestamp) as last", STR_ARGS(filter)),
                            .from_ns = work_number(report, USER_REPORT_RECEIVED),
                            .to_ns = INT64_MAX,
                            .now_ns = clock_wall_ns(),
                            .zone = s->zone,
                            .limit = 1,
                            .timeout_ms = SEEN_TIMEOUT_MS};
    if (search_run(s->store, &search, arena, &page, &syntax, &err) == SEARCH_DONE) {
        const struct json_node *row = json_parse(buf_str(&page.rows), arena, &err);
        if (row == NULL || !time_parse_iso(json_text(row, "last"), &utc, &last_ns))
            last_ns = TIME_UNKNOWN;
    }
    buf_free(&page.rows);
    return last_ns;
}
