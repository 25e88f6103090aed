/* hyakuyo replay: the full pipeline over files or stored events, in event time, without a server. The same
 * records give the same lines, whatever the clock says. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/commands.h"
#include "cli/geoip.h"
#include "cli/rows.h"
#include "desk/desk.h"
#include "engine/pipeline.h"
#include "enrich/asset_csv.h"
#include "intel/intel.h"
#include "judge/score.h"
#include "replay/feed.h"
#include "replay/preview.h"
#include "store/state_assets.h"
#include "store/store.h"

#define RECORDS_MAX 20000000
#define BATCH_MAX   512

struct line {
    struct str raw, path;
    int64_t time_ns;     /* of the event, by which lines are put in order */
    int64_t received_ns; /* what times without a year are placed by */
    uint64_t order;
    bool has_no_year;
};

struct replay {
    const struct arguments *arguments;
    struct arena arena;
    struct line *lines;
    size_t count, capacity;
    int64_t from_ns, to_ns;
    int64_t written_ns; /* the newest of the files; 0 = unknown */
    struct pipeline pipeline;
    struct desk *desk;
    struct identity_rules *identity_rules;
    struct preview *preview; /* with --rules or --exceptions: beside the changed pipeline */
    bool prints_events;      /* findings and incidents, one JSON line each */
    struct buf out;
};

/* ----------------------------------------------------------------- output */

static void write_out(struct replay *r)
{
    fwrite(r->out.p, 1, r->out.n, stdout);
    buf_clear(&r->out);
}

static void print_finding(struct replay *r, const struct finding *f)
{
    struct buf object = {0};
    finding_json(f, STR_EMPTY, &object);
    buf_c(&r->out, "{\"kind\":\"finding\",");
    buf_add(&r->out, str_skip(buf_str(&object), 1));
    buf_char(&r->out, '\n');
    buf_free(&object);
}

static void print_difference(void *context, const struct finding *f, bool is_added)
{
    struct replay *r = context;
    struct buf object = {0};
    if (!r->prints_events)
        return;
    finding_json(f, STR_EMPTY, &object);
    buf_printf(&r->out, "{\"kind\":\"difference\",\"change\":\"%s\",", is_added ? "added" : "removed");
    buf_add(&r->out, str_skip(buf_str(&object), 1));
    buf_char(&r->out, '\n');
    buf_free(&object);
}

static void print_posture(void *context, const struct posture_view *view, int64_t time_ns)
{
    struct replay *r = context;
    if (r->prints_events)
        posture_line(view, time_ns, &r->out);
}

static void put_list(struct json_writer *w, const char *key, struct str list)
{
    struct str part;
    json_key(w, key);
    json_begin_array(w);
    while (list.n && str_split(&list, ';', &part))
        json_put_str(w, part);
    json_end_array(w);
}

static void print_incident(void *context, const struct incident *i, bool is_new)
{
    struct replay *r = context;
    (void)is_new;
    struct json_writer w = {.out = &r->out};
    if (i->state == INCIDENT_CANDIDATE || !r->prints_events)
        return;
    json_begin_object(&w);
    json_key(&w, "kind");
    json_put_c(&w, "incident");
    json_key(&w, "id");
    json_put_u64(&w, i->id);
    json_key(&w, "time");
    json_put_time(&w, i->last_ns);
    json_key(&w, "type");
    json_put_str(&w, i->type);
    put_list(&w, "hosts", i->hosts);
    put_list(&w, "outside", i->outside);
    const struct {
        const char *name;
        int value;
    } numbers[] = {{"urgency", i->urgency},
                   {"importance", i->importance},
                   {"confidence_level", i->confidence_level}};
    for (size_t n = 0; n < COUNT_OF(numbers); n++) {
        json_key(&w, numbers[n].name);
        json_put_i64(&w, numbers[n].value);
    }
    json_key(&w, "confidence");
    json_put_double(&w, i->confidence);
    json_key(&w, "first_task");
    json_put_c(&w, score_first_task(i));
    json_key(&w, "findings");
    json_begin_array(&w);
    for (uint32_t f = 0; f < i->finding_count; f++)
        json_put_str(&w, i->findings[f].rule_id);
    json_end_array(&w);
    json_end_object(&w);
    buf_char(&r->out, '\n');
}

/* ------------------------------------------------------------------ input */

static bool too_many(struct error *err)
{
    return error_set(err,
                     tr("more than %d records; replay them in parts with --from and --to",
                        "%d 件を超えています。--from と --to で分けて再生してください"),
                     RECORDS_MAX);
}

static bool add_line(struct replay *r, struct str raw, struct str path, int64_t received_ns,
                     struct error *err)
{
    if (r->count == RECORDS_MAX)
        return too_many(err);
    if (r->count == r->capacity) {
        r->capacity = r->capacity ? r->capacity * 2 : 4096;
        r->lines = memory_resize_array(r->lines, r->capacity, sizeof *r->lines);
    }
    r->lines[r->count] = (struct line){.raw = arena_str(&r->arena, raw),
                                       .path = path,
                                       .received_ns = received_ns,
                                       .order = r->count};
    r->count++;
    return true;
}

static bool read_file(struct replay *r, const char *path, struct error *err)
{
    struct feed *feed = feed_open(path, err);
    if (feed == NULL)
        return false;
    bool ok = true;
    int64_t written_ns = file_modified_ns(path);
    if (written_ns != INT64_MAX && written_ns > r->written_ns)
        r->written_ns = written_ns;
    for (struct batch *b; ok && (b = feed_next(feed, 0, err)) != NULL; batch_free(b))
        for (uint32_t i = 0; i < b->count && ok; i++)
            ok = add_line(r, b->records[i].raw, str_c(path), TIME_UNKNOWN, err);
    feed_close(feed);
    return ok && err->text[0] == 0;
}

static int64_t time_of(struct replay *r, const struct line *line, int64_t received_ns, struct arena *scratch)
{
    struct event e = {0};
    struct record record = {.raw = line->raw,
                            .received_ns = received_ns,
                            .sequence = 1,
                            .sender = line->path};
    normalise_record(r->pipeline.knowledge->normaliser, r->pipeline.normaliser_scratch, NULL, &record,
                     &r->pipeline.anonymous, scratch, &e);
    int64_t time_ns = e.time_ns;
    arena_reset(scratch);
    return time_ns;
}

/* A time that moves with the reference names no year (or no time at all): it is placed near the latest time
 * that names one, else when the files were last written. */
static void find_times(struct replay *r)
{
    const int64_t year_ns = INT64_C(366) * 86400 * NS_PER_SECOND;
    int64_t now_ns = clock_wall_ns(), latest_ns = INT64_MIN;
    struct arena scratch;
    arena_init(&scratch, 64 << 10);
    for (size_t i = 0; i < r->count; i++) {
        struct line *line = &r->lines[i];
        line->time_ns = time_of(r, line, now_ns, &scratch);
        line->has_no_year = time_of(r, line, now_ns - 3 * year_ns, &scratch) != line->time_ns;
        if (!line->has_no_year && line->time_ns > latest_ns)
            latest_ns = line->time_ns;
    }
    int64_t written_ns = r->written_ns > 0 && r->written_ns < now_ns ? r->written_ns : now_ns;
    int64_t reference_ns = latest_ns == INT64_MIN ? written_ns : latest_ns;
    int64_t before_ns = reference_ns;
    for (size_t i = 0; i < r->count; i++) {
        struct line *line = &r->lines[i];
        if (line->has_no_year)
            line->time_ns = time_of(r, line, before_ns, &scratch);
        line->received_ns = line->time_ns;
        before_ns = line->has_no_year ? reference_ns : line->time_ns;
    }
    arena_free(&scratch);
}

static int by_time(const void *left, const void *right)
{
    const struct line *a = left, *b = right;
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

/* ---------------------------------------------------------- stored events */

struct stored {
    struct replay *replay;
    struct error *err;
    uint64_t sequences[BATCH_MAX];
    struct str raws[BATCH_MAX];
    int64_t times[BATCH_MAX];
    size_t count;
    struct store *store;
    bool ok;
};

static bool keep_event(void *context, size_t index, const struct event *e)
{
    struct stored *s = context;
    if (event_get(e, FIELD_HYAKUYO_CANARY) != NULL || event_get(e, FIELD_HYAKUYO_EXERCISE) != NULL)
        return true; /* nobody's record */
    s->raws[index] = arena_str(&s->replay->arena, e->raw);
    s->times[index] = e->received_ns;
    return true;
}

static void fetch(struct stored *s)
{
    if (s->count == 0 || !s->ok)
        return;
    memset(s->raws, 0, sizeof s->raws);
    s->ok = store_fetch(s->store, s->sequences, s->count, keep_event, s, s->err);
    for (size_t i = 0; i < s->count && s->ok; i++)
        s->ok = s->raws[i].p == NULL || add_line(s->replay, s->raws[i], STR("stored"), s->times[i], s->err);
    s->count = 0;
}

struct sequence_list {
    uint64_t *items;
    size_t count, capacity;
};

static bool note_sequence(void *context, const struct store_result *result, const struct store_cell *cells)
{
    struct sequence_list *list = context;
    (void)result;
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 65536;
        list->items = memory_resize_array(list->items, list->capacity, sizeof *list->items);
    }
    list->items[list->count++] = (uint64_t)cells[0].number;
    return list->count <= RECORDS_MAX; /* one more than there may be is told */
}

static bool read_stored(struct replay *r, const char *data_dir, struct error *err)
{
    static const struct str columns[] = {{"hyakuyo.sequence", 16}, {"@timestamp", 10}};
    struct store *store = store_open_readonly(data_dir, err);
    if (store == NULL)
        return false;
    struct part_filter filter = PART_FILTER_ALL;
    filter.from_ns = r->from_ns == INT64_MIN ? TIME_UNKNOWN : r->from_ns;
    filter.to_ns = r->to_ns == INT64_MAX ? TIME_UNKNOWN : r->to_ns;
    struct store_query query = {.sql = STR(
                                    "SELECT \"hyakuyo.sequence\" FROM events ORDER BY \"hyakuyo.sequence\""),
                                .filter = filter,
                                .columns = columns,
                                .column_count = COUNT_OF(columns)};
    struct sequence_list list = {0};
    enum store_end end = store_query(store, &query, note_sequence, &list, NULL, err);
    struct stored *s = NEW(struct stored);
    bool fits = list.count <= RECORDS_MAX || too_many(err);
    *s = (struct stored){.replay = r, .err = err, .store = store, .ok = end == STORE_DONE && fits};
    for (size_t i = 0; i < list.count && s->ok; i++) {
        s->sequences[s->count++] = list.items[i];
        if (s->count == BATCH_MAX)
            fetch(s);
    }
    fetch(s);
    bool ok = s->ok;
    memory_free(s);
    memory_free(list.items);
    store_close(store);
    return ok;
}

/* -------------------------------------------------------------- replaying */

static void wait_for(struct replay *r, int64_t event_ns, int64_t first_event_ns, int64_t started_ns)
{
    int64_t speed = argument_number(r->arguments, "speed");
    if (speed == 0)
        return;
    int64_t due_ns = started_ns + (event_ns - first_event_ns) / speed;
    int64_t left_ns = due_ns - clock_monotonic_ns();
    if (left_ns <= 0)
        return;
    struct timespec pause = {left_ns / NS_PER_SECOND, left_ns % NS_PER_SECOND};
    fflush(stdout);
    nanosleep(&pause, NULL);
}

/* The preview looks at records of its own: the pipeline leaves its marks on events. */
static void preview_copy(struct replay *r, const struct batch *b)
{
    struct batch *copy = batch_new(b->count);
    for (uint32_t i = 0; i < b->count; i++) {
        struct record *record = batch_add(copy, b->records[i].raw, b->records[i].sender);
        record->sequence = b->records[i].sequence;
        record->received_ns = b->records[i].received_ns;
    }
    copy->first_sequence = b->first_sequence;
    copy->last_sequence = b->last_sequence;
    preview_batch(r->preview, copy);
    batch_free(copy);
}

static bool run_batch(struct replay *r, struct batch *b, struct error *err)
{
    if (r->preview != NULL)
        preview_copy(r, b);
    pipeline_run(&r->pipeline, b);
    desk_take(r->desk, b);
    for (const struct finding *f = b->findings; f != NULL; f = f->next)
        if (r->prints_events && !f->is_context)
            print_finding(r, f);
    bool ok = desk_keep_all(r->desk, err);
    batch_free(b);
    write_out(r);
    return ok;
}

static bool run_lines(struct replay *r, struct error *err)
{
    uint64_t sequence = 0;
    int64_t started_ns = clock_monotonic_ns();
    bool ok = true;
    int64_t speed = argument_number(r->arguments, "speed");
    for (size_t i = 0; i < r->count && ok;) {
        struct batch *b = batch_new(BATCH_MAX);
        wait_for(r, r->lines[i].time_ns, r->lines[0].time_ns, started_ns);
        do {
            const struct line *line = &r->lines[i++];
            struct record *record = batch_add(b, line->raw, line->path);
            record->sequence = ++sequence;
            record->received_ns = line->received_ns;
        } while (i < r->count && b->count < BATCH_MAX &&
                 (speed == 0 || r->lines[i].time_ns == r->lines[i - 1].time_ns));
        b->first_sequence = b->records[0].sequence;
        b->last_sequence = sequence;
        ok = run_batch(r, b, err);
    }
    fflush(stdout);
    return ok;
}

/* What --intel names; without it, what is imported into the data folder whose events are replayed. */
static bool adopt_intel(struct replay *r, struct error *err)
{
    const struct arguments *a = r->arguments;
    const struct option_value *given = argument(a, "intel");
    const char *content = share_path(a, "content/intel"), *data_dir = argument_text(a, "data");
    struct indicator_set *set = NULL;
    if (given->list_count) {
        set = intel_read(given->list, content, err);
    } else if (a->word_count == 0 && file_exists(arena_printf(a->arena, "%s/state.db", data_dir).p)) {
        struct state *state = state_open(arena_printf(a->arena, "%s/state.db", data_dir).p, err);
        set = state ? intel_open(state, data_dir, content, err) : NULL;
        if (state != NULL)
            state_close(state);
    } else {
        return true;
    }
    pipeline_adopt_indicators(&r->pipeline, set);
    return set != NULL;
}

/* Rules of the data folder whose events are replayed count as present. */
static const char *own_rules(const struct replay *r)
{
    if (r->arguments->word_count)
        return NULL;
    const char *path = arena_printf(r->arguments->arena, "%s/rules", argument_text(r->arguments, "data")).p;
    return file_is_folder(path) ? path : NULL;
}

/* The present rules, and with `changes` those in their place. */
static struct knowledge *load_knowledge(struct replay *r, const char *const *changes, struct error *err)
{
    struct knowledge_folders folders;
    const char *replacing[OPTION_LIST_MAX + 2];
    size_t n = 0;
    knowledge_default_folders(&folders, r->arguments, argument(r->arguments, "parsers")->list, NULL);
    if (own_rules(r) != NULL)
        replacing[n++] = own_rules(r);
    for (; changes != NULL && *changes != NULL; changes++)
        replacing[n++] = *changes;
    replacing[n] = NULL;
    for (size_t i = 0; i < n; i++)
        knowledge_add_rules(&folders, replacing[i]);
    struct knowledge_options options = {.parser_folders = folders.parsers,
                                        .rule_folders = folders.rules,
                                        .taxonomy_folder = share_path(r->arguments, "content/taxonomy"),
                                        .cache_folder = cache_path(r->arguments),
                                        .replacing_folders = replacing};
    return knowledge_load(&options, err);
}

/* What is refused is told; if nothing of the change can be loaded there is nothing to preview. */
static bool tell_refused(const struct knowledge *k, const char *const *changes, struct error *err)
{
    const struct rule_report *report = &k->rules_report;
    size_t refused = 0;
    for (uint32_t i = 0; i < report->problem_count; i++)
        for (const char *const *folder = changes; *folder != NULL; folder++) {
            const struct rule_problem *p = &report->problems[i];
            if (p->kind != RULE_REFUSED || !str_starts(p->path, str_c(*folder)))
                continue;
            log_warning("%.*s", STR_ARGS(p->text));
            refused++;
        }
    for (size_t i = 0; i < ruleset_count(k->rules) && refused; i++)
        for (const char *const *folder = changes; *folder != NULL; folder++)
            if (str_starts(ruleset_rule(k->rules, i)->path, str_c(*folder)))
                return true;
    return refused == 0 || error_set(err, "%s",
                                     tr("every rule given with --rules was refused; the warnings say why",
                                        "--rules の規則はすべて拒否されました。理由は警告にあります"));
}

static bool load_suppressions(struct replay *r, struct suppressions **out, struct error *err)
{
    struct rule_exception *rows;
    uint32_t count;
    const char *path = argument_text(r->arguments, "exceptions");
    *out = NULL;
    if (path == NULL)
        return true;
    if (!suppressions_read_file(path, &r->arena, &rows, &count, err))
        return false;
    *out = suppressions_new(rows, count);
    return true;
}

/* `present` is the knowledge without the change, `changed` becomes that with it; takes `context` over. */
static bool adopt_preview(struct replay *r, struct knowledge *present, struct context *context,
                          struct knowledge **changed, struct error *err)
{
    const char *const *changes = argument(r->arguments, "rules")->list;
    struct suppressions *suppressions = NULL;
    *changed = NULL;
    bool ok = load_suppressions(r, &suppressions, err) &&
              (*changed = load_knowledge(r, changes, err)) != NULL && tell_refused(*changed, changes, err);
    if (!ok) {
        knowledge_unref(*changed);
        suppressions_unref(suppressions);
        context_unref(context);
        return false;
    }
    struct preview_side before = {knowledge_ref(present), NULL};
    struct preview_side after = {knowledge_ref(*changed), suppressions};
    r->preview = preview_new(before, after, context, print_difference, r);
    preview_learn(r->preview, r->identity_rules);
    if (suppressions != NULL) {
        pipeline_suppress(&r->pipeline, suppressions_ref(suppressions));
        desk_set_suppressions(r->desk, suppressions_ref(suppressions));
    }
    return true;
}

static bool is_preview(const struct replay *r)
{
    return argument(r->arguments, "rules")->list_count || argument_text(r->arguments, "exceptions");
}

/* A table of a preview stands alone. */
static bool prints_events(const struct replay *r)
{
    const char *format = argument_text(r->arguments, "format");
    return !is_preview(r) || (format != NULL ? strcmp(format, "ndjson") == 0 : !isatty(STDOUT_FILENO));
}

/* What --assets names; without it, what the data folder whose events are replayed knows, with its history: an
 * old case is judged by the values of its day (S119). */
static bool load_context(struct replay *r, struct context **out, struct error *err)
{
    const struct arguments *a = r->arguments;
    const struct zone *zone = zone_find(STR("local"));
    const char *assets = argument_text(a, "assets");
    const char *path = arena_printf(a->arena, "%s/state.db", argument_text(a, "data")).p;
    struct arena arena;
    struct asset_set set = {.zone = zone};
    *out = NULL;
    if (assets != NULL)
        return (*out = context_read_folder(assets, zone, err)) != NULL;
    if (a->word_count || !file_exists(path))
        return true;
    struct state *state = state_open(path, err);
    arena_init(&arena, 64 << 10);
    bool ok = state != NULL && state_assets_load(state, true, &arena, &set, err);
    if (ok)
        *out = context_new(&arena, &set, zone);
    else
        arena_free(&arena);
    if (state != NULL)
        state_close(state);
    return ok;
}

static bool adopt(struct replay *r, struct error *err)
{
    struct context *context = NULL;
    if (!load_context(r, &context, err))
        return false;
    struct knowledge *knowledge = load_knowledge(r, NULL, err);
    if (knowledge == NULL) {
        context_unref(context);
        return false;
    }
    if (is_preview(r)) {
        struct knowledge *present = knowledge;
        bool ok = adopt_preview(r, present, context ? context_ref(context) : NULL, &knowledge, err);
        knowledge_unref(present);
        if (!ok) {
            context_unref(context);
            return false;
        }
    }
    pipeline_adopt(&r->pipeline, knowledge, context);
    desk_set_correlations(r->desk, correlation_set_ref(knowledge->correlations));
    desk_set_context(r->desk, context ? context_ref(context) : NULL);
    return adopt_intel(r, err);
}

static bool adopt_geo(struct replay *r, struct error *err)
{
    struct geo *geo;
    if (!geoip_open(r->arguments, &geo, err))
        return false;
    pipeline_adopt_geo(&r->pipeline, geo);
    return true;
}

static bool print_preview(struct replay *r, struct error *err)
{
    static const char *const columns[] = {"rule_id", "title", "added", "removed", "hosts", NULL};
    struct buf text = {0};
    struct str rows;
    struct json_writer w = {.out = &text};
    if (r->preview == NULL)
        return true;
    json_begin_object(&w);
    preview_json(r->preview, &w);
    json_end_object(&w);
    size_t at = str_find(buf_str(&text), STR("\"rules\":["), 0);
    rows = str_skip(buf_str(&text), at + 8);
    rows = str_slice(rows, 0, json_value_length(rows));
    bool ok = rows_print(r->arguments, rows, columns, err);
    buf_free(&text);
    return ok;
}

/* --fleet: the summary, then every row behind it. */
static void print_fleet(void *context, struct fleet *fleet, const struct asset_set *assets)
{
    struct replay *r = context;
    struct fleet_asking asking = {.assets = assets,
                                  .department = STR_EMPTY,
                                  .state = STR_EMPTY,
                                  .limit = UINT32_MAX};
    for (int q = -1; q < QUESTION_COUNT; q++) {
        struct json_writer w = {.out = &r->out};
        json_begin_object(&w);
        json_key(&w, "kind");
        json_put_c(&w, "fleet");
        json_key(&w, "view");
        json_put_c(&w, q < 0 ? "summary" : "hosts");
        if (q < 0)
            fleet_summary(fleet, &asking, &w);
        else
            fleet_rows(fleet, (enum fleet_question)q, &asking, &w);
        json_end_object(&w);
        buf_char(&r->out, '\n');
        write_out(r);
    }
}

static bool finish(struct replay *r, struct error *err)
{
    if (argument_flag(r->arguments, "fleet"))
        desk_ask_fleet(r->desk, print_fleet, r);
    return print_preview(r, err);
}

/* Lines as they stand in the files, the order in which they came in: late ones come late. */
static void receive_in_order(struct replay *r)
{
    for (size_t i = 1; i < r->count; i++)
        if (r->lines[i].received_ns < r->lines[i - 1].received_ns)
            r->lines[i].received_ns = r->lines[i - 1].received_ns;
}

static bool read_input(struct replay *r, struct error *err)
{
    const struct arguments *a = r->arguments;
    if (a->word_count == 0)
        return read_stored(r, argument_text(a, "data"), err);
    for (size_t i = 0; i < a->word_count; i++)
        if (!read_file(r, a->words[i], err))
            return false;
    find_times(r);
    size_t kept = 0;
    for (size_t i = 0; i < r->count; i++)
        if (r->lines[i].time_ns >= r->from_ns && r->lines[i].time_ns < r->to_ns)
            r->lines[kept++] = r->lines[i];
    r->count = kept;
    if (argument_flag(a, "as-received"))
        receive_in_order(r);
    else if (kept)
        qsort(r->lines, kept, sizeof *r->lines, by_time);
    return true;
}

static const char *fleet_file(const struct arguments *a)
{
    const char *own = argument_text(a, "fleet-rules");
    return own != NULL ? own : share_path(a, "content/fleet.yml");
}

static int run(const struct arguments *a)
{
    struct error err;
    struct replay r = {.arguments = a};
    r.prints_events = prints_events(&r);
    arena_init(&r.arena, 4 << 20);
    struct criteria *criteria = criteria_load(share_path(a, "content/judgement.yml"), &err);
    struct desk_options options = {.criteria = criteria, .context = &r, .changed = print_incident};
    struct business *business = criteria ? business_load(share_path(a, "content/business.yml"), &err) : NULL;
    struct signatures *signatures =
        business ? signatures_load(share_path(a, "content/signatures.yml"), &err) : NULL;
    options.business = business;
    options.signatures = signatures;
    struct posture_criteria *posture =
        signatures ? posture_criteria_load(share_path(a, "content/posture.yml"), &err) : NULL;
    options.posture_criteria = posture;
    options.posture_changed = print_posture;
    r.identity_rules = posture ? identity_rules_load(share_path(a, "content/identity.yml"), &err) : NULL;
    r.pipeline.identity_rules = r.identity_rules;
    if (r.identity_rules != NULL)
        options.instruments =
            instruments_new(share_path(a, "content/instruments"), share_path(a, "content/calendar.yml"),
                            zone_find(STR("local")), &err);
    struct fleet_rules *fleet_rules = options.instruments ? fleet_rules_load(fleet_file(a), &err) : NULL;
    if (fleet_rules != NULL)
        options.fleet = fleet_new(fleet_rules);
    if (options.fleet != NULL)
        options.identity = identity_new(identity_rules_limits(r.identity_rules));
    r.desk = options.fleet ? desk_new(&options, &err) : NULL;
    bool ok = r.desk != NULL && argument_time(a, "from", INT64_MIN, &r.from_ns, &err) &&
              argument_time(a, "to", INT64_MAX, &r.to_ns, &err) && adopt(&r, &err) && adopt_geo(&r, &err) &&
              read_input(&r, &err) && run_lines(&r, &err) && finish(&r, &err);
    preview_free(r.preview);
    pipeline_release(&r.pipeline);
    desk_free(r.desk);
    identity_rules_free(r.identity_rules);
    posture_criteria_free(posture);
    business_free(business);
    signatures_free(signatures);
    criteria_free(criteria);
    memory_free(r.lines);
    buf_free(&r.out);
    arena_free(&r.arena);
    return ok ? EXIT_DONE : command_fail(a, EXIT_USAGE, &err);
}

static const struct option options[] = {
    {.name = "data",
     .type = OPTION_TEXT,
     .values = "DIR",
     .fallback = "./var",
     .help_en = "replay the events stored there (without FILE)",
     .help_ja = "保存済みのイベントを再生する(FILE がないとき)"},
    {.name = "from",
     .type = OPTION_TEXT,
     .values = "TIME",
     .help_en = "only events since",
     .help_ja = "この時刻以降"},
    {.name = "to",
     .type = OPTION_TEXT,
     .values = "TIME",
     .help_en = "only events before",
     .help_ja = "この時刻より前"},
    {.name = "speed",
     .type = OPTION_NUMBER,
     .values = "N",
     .fallback = "0",
     .low = 0,
     .high = 1000000,
     .help_en = "N times real time; 0 as fast as possible",
     .help_ja = "実時間の N 倍。0 は最速"},
    {.name = "as-received",
     .type = OPTION_FLAG,
     .help_en = "lines come in in the order of the files, not in that of their times",
     .help_ja = "時刻順でなくファイルにある順に受信したものとして扱う"},
    {.name = "assets",
     .type = OPTION_TEXT,
     .values = "DIR",
     .help_en = "context files (hosts.csv, networks.csv …)",
     .help_ja = "組織の台帳(hosts.csv、networks.csv など)"},
    {.name = "rules",
     .type = OPTION_LIST,
     .values = "DIR",
     .help_en =
         "with these Sigma rules too, in place of those with the same id; and what they add and remove",
     .help_ja = "これらの Sigma 規則も使い(同じ id は置き換え)、増減する検知を示す(複数可)"},
    {.name = "exceptions",
     .type = OPTION_TEXT,
     .values = "FILE",
     .help_en = "with these exceptions (YAML); and what they take away",
     .help_ja = "これらの例外(YAML)を適用し、なくなる検知を示す"},
    ROWS_FORMAT_OPTION,
    {.name = "fleet",
     .type = OPTION_FLAG,
     .help_en = "at the end, the states of controls on all hosts",
     .help_ja = "最後に、全端末の対策の状態を出力する"},
    {.name = "fleet-rules",
     .type = OPTION_TEXT,
     .values = "FILE",
     .help_en = "thresholds and version lines of the fleet, in place of content/fleet.yml",
     .help_ja = "端末の守りの基準とバージョン表(content/fleet.yml の代わり)"},
    {.name = "intel",
     .type = OPTION_LIST,
     .values = "FILE",
     .help_en =
         "threat intelligence or allow list to look up; may be repeated (without FILE: what is imported)",
     .help_ja = "照合する脅威情報または許可リスト(複数可。FILE がないときは取り込み済みのもの)"},
    GEOIP_OPTION,
    {.name = "parsers",
     .type = OPTION_LIST,
     .values = "DIR",
     .help_en = "further parsers; may be repeated",
     .help_ja = "追加の解析定義(複数可)"},
};

const struct command command_replay = {
    .name = "replay",
    .run = run,
    .summary_en = "the full pipeline over files or stored events, in event time, to NDJSON",
    .summary_ja = "ファイルや保存済みイベントを発生時刻の順に処理し、結果を NDJSON で出力する",
    .words = "[FILE…]",
    .word_max = 1 << 20,
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = "  hyakuyo replay --assets ./organisation logs/*.log\n"
                "  hyakuyo replay --data ./var --from now-7d --rules ./new-rules --format table\n",
};
