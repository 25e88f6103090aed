/* hyakuyo replay: the full pipeline over files or stored events, in event time, without a server. The same
 * records give the same lines, whatever the clock says. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "commands.h"
#include "desk.h"
#include "enrich/asset_csv.h"
#include "feed.h"
#include "pipeline.h"
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
    struct pipeline pipeline;
    struct desk *desk;
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

/* Spec 4.6: confidence chooses the first action. */
static const char *first_task(const struct incident *i)
{
    static const char *const tasks[] = {"history_and_watch", "hearing_or_direct_check", "pull_connector",
                                        "pull_connector"};
    return tasks[i->confidence_level - 1];
}

static void put_list(struct json_writer *w, const char *key, struct str list)
{
    struct str part;
    json_key(w, key);
    json_begin_array(w);
    while (str_split(&list, ';', &part))
        json_put_str(w, part);
    json_end_array(w);
}

static void print_incident(void *context, const struct incident *i, bool is_new)
{
    struct replay *r = context;
    (void)is_new;
    struct json_writer w = {.out = &r->out};
    if (i->state == INCIDENT_CANDIDATE)
        return;
    json_begin_object(&w);
    json_key(&w, "kind");
    json_put_c(&w, "incident");
    json_key(&w, "id");
    json_put_u64(&w, i->id);
    json_key(&w, "time");
    json_put_time(&w, i->last_ns);
    json_key(&w, "type");
    json_put_c(&w, "unclassified");
    put_list(&w, "hosts", i->hosts);
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
    json_put_c(&w, first_task(i));
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
 * that names one. */
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
    int64_t reference_ns = latest_ns == INT64_MIN ? now_ns : latest_ns;
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
    s->raws[index] = arena_str(&s->replay->arena, e->raw);
    s->times[index] = e->received_ns;
    return true;
}

static void fetch(struct stored *s)
{
    if (s->count == 0 || !s->ok)
        return;
    s->ok = store_fetch(s->store, s->sequences, s->count, keep_event, s, s->err);
    for (size_t i = 0; i < s->count && s->ok; i++)
        s->ok = add_line(s->replay, s->raws[i], STR("stored"), s->times[i], s->err);
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

static bool run_batch(struct replay *r, struct batch *b, struct error *err)
{
    pipeline_run(&r->pipeline, b);
    for (const struct finding *f = b->findings; f != NULL; f = f->next)
        print_finding(r, f);
    desk_take(r->desk, b);
    bool ok = desk_keep(r->desk, err);
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

static bool adopt(struct replay *r, struct error *err)
{
    struct knowledge_folders folders;
    struct context *context = NULL;
    const char *assets = argument_text(r->arguments, "assets");
    knowledge_default_folders(&folders, r->arguments, argument(r->arguments, "parsers")->list,
                              argument(r->arguments, "rules")->list);
    struct knowledge_options options = {folders.parsers, folders.rules,
                                        share_path(r->arguments, "content/taxonomy"), false};
    if (assets != NULL && (context = context_read_folder(assets, zone_find(STR("local")), err)) == NULL)
        return false;
    struct knowledge *knowledge = knowledge_load(&options, err);
    if (knowledge == NULL) {
        context_unref(context);
        return false;
    }
    pipeline_adopt(&r->pipeline, knowledge, context);
    return true;
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
    if (kept)
        qsort(r->lines, kept, sizeof *r->lines, by_time);
    return true;
}

static int run(const struct arguments *a)
{
    struct error err;
    struct replay r = {.arguments = a};
    arena_init(&r.arena, 4 << 20);
    struct criteria *criteria = criteria_load(share_path(a, "content/judgement.yml"), &err);
    struct desk_options options = {.criteria = criteria, .context = &r, .changed = print_incident};
    r.desk = criteria ? desk_new(&options, &err) : NULL;
    bool ok = r.desk != NULL && argument_time(a, "from", INT64_MIN, &r.from_ns, &err) &&
              argument_time(a, "to", INT64_MAX, &r.to_ns, &err) && adopt(&r, &err) && read_input(&r, &err) &&
              run_lines(&r, &err);
    pipeline_release(&r.pipeline);
    desk_free(r.desk);
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
    {.name = "assets",
     .type = OPTION_TEXT,
     .values = "DIR",
     .help_en = "context files (hosts.csv, networks.csv …)",
     .help_ja = "組織の台帳(hosts.csv、networks.csv など)"},
    {.name = "rules",
     .type = OPTION_LIST,
     .values = "DIR",
     .help_en = "further Sigma rules; may be repeated",
     .help_ja = "追加の Sigma 規則(複数可)"},
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
    .examples = "  hyakuyo replay --assets ./organisation logs/*.log\n",
};
