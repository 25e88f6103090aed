/* Reports: forms and where their rows come from meet here. Next: report_pack.c, command_report.c,
 * services_reports.c. */
#include "reporting/report_build.h"

#include <stdio.h>

#include "base/json.h"
#include "base/memory.h"
#include "reporting/report_education.h"
#include "reporting/report_kpi.h"
#include "search/search.h"

#define QUERY_TIMEOUT_MS 300000 /* a month of events */
#define ARGUMENTS_MAX    24
#define DEPTH_MAX        4

struct filling {
    const struct report_world *world;
    struct report *report;
    struct report_section *section;
    uint32_t *places; /* state: column of the row → column of the section; UINT32_MAX = not wanted */
    uint32_t place_count;
};

static bool cannot(struct report_section *s, struct arena *arena, const char *why)
{
    struct str text = arena_str(arena, str_c(why));
    s->problem = (struct report_word){text, text};
    return true;
}

static void want_columns(struct report *r, struct report_section *s)
{
    s->columns = ARENA_ARRAY(&r->arena, struct report_column, s->wanted_count + 1);
    s->column_count = s->wanted_count;
    for (uint32_t i = 0; i < s->wanted_count; i++)
        s->columns[i] = report_column_named(r, s->wanted[i]);
}

/* -------------------------------------------------------------------- cells */

static struct report_cell cell_of_system(const struct filling *f, struct str system)
{
    struct report_word name;
    f->world->system_name(f->world->context, system, &f->report->arena, &name.en, &name.ja);
    return report_text(arena_str(&f->report->arena, report_say(f->report, name)));
}

static struct report_cell cell_of_text(const struct filling *f, const struct report_column *c,
                                       struct str text)
{
    struct report *r = f->report;
    if (c->is_system)
        return cell_of_system(f, text);
    int64_t whole;
    double real;
    struct time_context utc = {.zone = zone_utc()};
    bool is_time = c->type == REPORT_TIME || c->type == REPORT_DATE;
    if (is_time && time_parse_iso(text, &utc, &whole))
        return report_whole(whole);
    if (c->type != REPORT_TEXT && !is_time && str_to_i64(text, &whole))
        return report_whole(whole);
    if (c->type != REPORT_TEXT && !is_time && str_to_double(text, &real))
        return report_real(real);
    return report_text(arena_str(&r->arena, text));
}

static struct report_cell cell_of_json(const struct filling *f, const struct report_column *c,
                                       const struct json_node *node)
{
    if (node == NULL || node->type == JSON_NODE_NULL)
        return (struct report_cell){.kind = CELL_UNKNOWN};
    if (node->type != JSON_NODE_ARRAY)
        return cell_of_text(f, c, node->text);
    struct buf list = {0};
    for (const struct json_node *n = node->child; n != NULL; n = n->next) {
        buf_c(&list, list.n ? ", " : "");
        buf_add(&list, n->text);
    }
    struct report_cell cell = report_text(arena_str(&f->report->arena, buf_str(&list)));
    buf_free(&list);
    return cell;
}

static struct report_cell cell_of_state(const struct filling *f, const struct report_column *c,
                                        const struct state_value *v)
{
    switch (v->kind) {
    case STATE_NULL:
        return (struct report_cell){.kind = CELL_UNKNOWN};
    case STATE_WHOLE:
        return report_whole(v->whole);
    case STATE_REAL:
        return report_real(v->real);
    default:
        return cell_of_text(f, c, report_half(f->report, v->text));
    }
}

/* ------------------------------------------------------------------- events */

static bool take_table(struct filling *f, const struct search_page *page, struct error *err)
{
    struct report *r = f->report;
    struct report_section *s = f->section;
    struct buf text = {0};
    if (page->is_documents || page->column_count != s->wanted_count)
        return error_at(err, r->path.p, s->line, 0,
                        tr("the query of section '%.*s' gives %u columns, but the form names %u",
                           "節 '%.*s' の query の列は %u 個ですが、columns は %u 個です"),
                        STR_ARGS(s->name), page->column_count, s->wanted_count);
    buf_char(&text, '[');
    buf_add(&text, buf_str(&page->rows));
    buf_char(&text, ']');
    const struct json_node *rows = json_parse(buf_str(&text), &r->arena, err);
    for (const struct json_node *row = rows ? rows->child : NULL; row != NULL; row = row->next) {
        struct report_cell *cells = report_add_row(r, s);
        const struct json_node *value = row->child;
        for (uint32_t i = 0; cells != NULL && i < s->column_count && value != NULL; i++, value = value->next)
            cells[i] = cell_of_json(f, &s->columns[i], value);
    }
    buf_free(&text);
    return rows != NULL;
}

/* `take` gets the page. */
static bool ask_events(struct filling *f, struct str expression,
                       bool (*take)(struct filling *f, const struct search_page *page, struct error *err),
                       struct error *err)
{
    struct report *r = f->report;
    struct report_section *s = f->section;
    struct search search = {.expression = expression,
                            .from_ns = r->from_ns,
                            .to_ns = r->to_ns,
                            .now_ns = r->to_ns,
                            .zone = r->zone,
                            .limit = s->limit + 1,
                            .before = STR_EMPTY,
                            .timeout_ms = QUERY_TIMEOUT_MS};
    struct search_page page;
    struct query_error syntax;
    enum search_end end = search_run(f->world->store, &search, &r->arena, &page, &syntax, err);
    bool ok = end == SEARCH_DONE     ? take(f, &page, err)
              : end == SEARCH_FAILED ? cannot(s, &r->arena, err->text)
                                     : error_at(err, r->path.p, s->line, 0,
                                                tr("the query of section '%.*s', character %zu: %s",
                                                   "節 '%.*s' の query、%zu 文字目: %s"),
                                                STR_ARGS(s->name), syntax.position, tr(syntax.en, syntax.ja));
    buf_free(&page.rows);
    return ok;
}

static bool take_rest(struct filling *f, const struct search_page *page, struct error *err)
{
    struct report_section *s = f->section;
    const struct json_node *row = json_parse(buf_str(&page->rows), &f->report->arena, err);
    int64_t count = 0;
    if (row == NULL || row->child == NULL || !str_to_i64(row->child->text, &count))
        return error_at(err, f->report->path.p, s->line, 0,
                        tr("the rest of section '%.*s' must be one count",
                           "節 '%.*s' の rest は count 一つです"),
                        STR_ARGS(s->name));
    struct report_cell *cells = count ? report_add_row(f->report, s) : NULL;
    if (cells != NULL)
        cells[s->column_count - 1] = report_whole(count);
    return true;
}

static bool fill_query(struct filling *f, struct error *err)
{
    struct report_section *s = f->section;
    want_columns(f->report, s);
    if (f->world->store == NULL)
        return cannot(s, &f->report->arena, tr("there are no events here", "イベントがありません"));
    return ask_events(f, s->source.query, take_table, err) &&
           (s->source.rest.n == 0 || s->problem.en.n || ask_events(f, s->source.rest, take_rest, err));
}

/* -------------------------------------------------------------------- state */

static void meet_columns(void *context, const struct str *names, uint32_t count)
{
    struct filling *f = context;
    struct report_section *s = f->section;
    if (s->wanted_count == 0) {
        s->wanted = ARENA_ARRAY(&f->report->arena, struct str, count + 1);
        for (uint32_t i = 0; i < count; i++)
            s->wanted[s->wanted_count++] = arena_str(&f->report->arena, names[i]);
    }
    want_columns(f->report, s);
    f->places = ARENA_ARRAY(&f->report->arena, uint32_t, count + 1);
    f->place_count = count;
    for (uint32_t i = 0; i < count; i++)
        f->places[i] = (uint32_t)report_find_member(s, names[i]);
}

static bool take_state_row(void *context, const struct str *names, const struct state_value *values,
                           uint32_t count)
{
    struct filling *f = context;
    struct report_section *s = f->section;
    struct report_cell *cells = report_add_row(f->report, s);
    (void)names;
    for (uint32_t i = 0; cells != NULL && i < count; i++)
        if (f->places[i] < s->column_count)
            cells[f->places[i]] = cell_of_state(f, &s->columns[f->places[i]], &values[i]);
    return cells != NULL;
}

static bool fill_state(struct filling *f, struct error *err)
{
    const struct report *r = f->report;
    struct report_section *s = f->section;
    struct state_argument arguments[ARGUMENTS_MAX] = {
        {STR("from_ns"), r->from_ns},
        {STR("to_ns"), r->to_ns},
        {STR("as_of_ns"), r->as_of_ns},
        {STR("offset_s"), zone_offset_at_utc(r->zone, r->to_ns / NS_PER_SECOND)},
        {STR("ja"), r->language == LANGUAGE_JA},
        {STR("incident"), (int64_t)r->incident},
    };
    size_t count = 6;
    for (uint32_t i = 0; i < s->parameter_count && count < ARGUMENTS_MAX; i++)
        arguments[count++] = (struct state_argument){s->parameters[i].name, s->parameters[i].number};
    if (state_reader_sql(s->source.state) == NULL)
        return error_at(err, r->path.p, s->line, 0,
                        tr("the state has no table '%.*s'", "状態に表 '%.*s' はありません"),
                        STR_ARGS(s->source.state));
    return state_reader_table(f->world->state, s->source.state, arguments, count, meet_columns,
                              take_state_row, f, err) ||
           cannot(s, &f->report->arena, err->text);
}

/* ---------------------------------------------------------------- documents */

/* From the innermost object outwards: a row of a nested list knows what it is in. In Japanese "title_ja"
 * stands for "title". */
static const struct json_node *look_up(const struct report *r, const struct json_node *const *chain,
                                       unsigned depth, struct str name)
{
    char key[96];
    const struct json_node *found = NULL;
    for (unsigned i = depth; i-- > 0 && found == NULL;) {
        const char *suffix = r->language == LANGUAGE_JA ? "_ja" : "_en";
        snprintf(key, sizeof key, "%.*s%s", STR_ARGS(name), suffix);
        found = json_member(chain[i], key);
        snprintf(key, sizeof key, "%.*s", STR_ARGS(name));
        found = found ? found : json_member(chain[i], key);
    }
    return found;
}

static void take_objects(struct filling *f, const struct json_node *chain[DEPTH_MAX], unsigned depth,
                         struct str path)
{
    struct report_section *s = f->section;
    struct str step;
    if (path.n == 0 || depth == DEPTH_MAX) {
        struct report_cell *cells = report_add_row(f->report, s);
        for (uint32_t i = 0; cells != NULL && i < s->column_count; i++)
            cells[i] =
                cell_of_json(f, &s->columns[i], look_up(f->report, chain, depth, s->columns[i].member));
        return;
    }
    str_split(&path, '.', &step);
    path = path.p ? path : STR_EMPTY;
    struct str key = arena_str(&f->report->arena, step);
    const struct json_node *list = json_member(chain[depth - 1], key.p);
    for (const struct json_node *n = list ? list->child : NULL; n != NULL; n = n->next) {
        chain[depth] = n;
        take_objects(f, chain, depth + 1, path);
    }
}

static bool write_document(struct filling *f, struct buf *json, struct error *err)
{
    if (str_eq(f->section->source.document, STR("education")))
        return report_education(f->world, f->report->zone, json, err);
    if (str_eq(f->section->source.document, STR("kpis")))
        return report_kpis(f->world, f->report, json, err);
    if (str_eq(f->section->source.document, STR("deadlines")))
        return f->world->document(f->world->context,
                                  arena_printf(&f->report->arena, "deadlines/%llu",
                                               (unsigned long long)f->report->incident),
                                  json, err);
    return f->world->document(f->world->context, f->section->source.document, json, err);
}

static bool fill_document(struct filling *f, struct error *err)
{
    struct report *r = f->report;
    struct report_section *s = f->section;
    struct buf json = {0};
    struct error why = {0};
    const struct json_node *chain[DEPTH_MAX + 1] = {NULL};
    want_columns(r, s);
    (void)err;
    if (write_document(f, &json, &why)) {
        struct str text = arena_str(&r->arena, buf_str(&json));
        chain[0] = json_parse(text, &r->arena, &why);
    }
    buf_free(&json);
    if (chain[0] == NULL)
        return cannot(s, &r->arena, why.text);
    take_objects(f, chain, 1, s->source.rows);
    return true;
}

/* ------------------------------------------------------------------- report */

static bool fill_section(const struct report_world *world, struct report *r, struct report_section *s,
                         struct error *err)
{
    struct filling f = {.world = world, .report = r, .section = s};
    if (s->source.query.n)
        return fill_query(&f, err);
    if (s->source.state.n)
        return fill_state(&f, err);
    return s->source.document.n == 0 || fill_document(&f, err);
}

static bool set_period(struct report *r, const struct report_order *o, int64_t now_ns, struct error *err)
{
    r->from_ns = r->to_ns = now_ns;
    if (r->period != PERIOD_NONE)
        report_default_period(r->period, o->zone, now_ns, &r->from_ns, &r->to_ns);
    if (o->from_ns != TIME_UNKNOWN)
        r->from_ns = o->from_ns;
    if (o->to_ns != TIME_UNKNOWN)
        r->to_ns = o->to_ns;
    if (r->period == PERIOD_NONE)
        r->from_ns = r->to_ns = now_ns;
    return r->from_ns <= r->to_ns ||
           error_set(err, "%s",
                     tr("the period ends before it begins; see --from and --to",
                        "期間の終わりが始まりより前です。--from と --to を確認してください"));
}

struct presence {
    bool is_there;
    int64_t first; /* of the row; 0 = null */
};

static bool note_row(void *context, const struct str *names, const struct state_value *values, uint32_t count)
{
    struct presence *p = context;
    (void)names;
    p->is_there = true;
    p->first = count && values[0].kind == STATE_WHOLE ? values[0].whole : 0;
    return false;
}

static bool check_incident(const struct report_world *world, const struct report *r, struct error *err)
{
    struct state_argument id = {STR("incident"), (int64_t)r->incident};
    struct presence presence = {0};
    if (!r->needs_incident)
        return true;
    if (r->incident == 0)
        return error_set(
            err, "%s",
            tr("this report is about one incident; name it (--incident ID)",
               "この報告書は一つのインシデントについてのものです。--incident で指定してください"));
    if (!state_reader_table(world->state, STR("incident"), &id, 1, NULL, note_row, &presence, err))
        return false;
    return presence.is_there ||
           error_set(err, tr("there is no incident %llu", "インシデント %llu はありません"),
                     (unsigned long long)r->incident);
}

static bool find_last_sequence(const struct report_world *world, struct report *r, struct error *err)
{
    struct presence last = {0};
    bool ok = state_reader_table(world->state, STR("last_sequence"), NULL, 0, NULL, note_row, &last, err);
    r->last_sequence = (uint64_t)last.first;
    return ok;
}

struct head {
    struct report *report;
};

static bool note_head(void *context, const struct str *names, const struct state_value *values,
                      uint32_t count)
{
    struct head *h = context;
    (void)names;
    (void)count;
    h->report->record_head = arena_str(&h->report->arena, values[0].text);
    return false;
}

/* Unknown where there is no record: an empty one, or the folder of an older version. */
static void find_record_head(const struct report_world *world, struct report *r)
{
    struct head head = {r};
    struct error none;
    r->record_head = STR_EMPTY;
    if (!state_reader_table(world->state, STR("record_head"), NULL, 0, NULL, note_head, &head, &none))
        r->record_head = STR_EMPTY;
}

struct report *report_build(const struct report_world *world, const struct report_order *order,
                            struct error *err)
{
    struct report *r = report_form_load(order->forms, order->name, err);
    if (r == NULL)
        return NULL;
    r->language = order->language;
    r->zone = order->zone;
    r->as_of_ns = world->now_ns;
    r->incident = r->needs_incident ? order->incident : 0;
    find_record_head(world, r);
    r->criteria_version = arena_str(&r->arena, world->criteria_version);
    bool ok = set_period(r, order, world->now_ns, err) && find_last_sequence(world, r, err) &&
              check_incident(world, r, err);
    for (uint32_t i = 0; ok && i < r->section_count; i++)
        ok = fill_section(world, r, &r->sections[i], err);
    if (ok)
        return r;
    report_free(r);
    return NULL;
}
