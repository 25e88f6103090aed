/* hyakuyo parse: records → ECS events, NDJSON, one line for each record in input order. Knows the stages
 * parse and normalise only, and of enrich where an address is. */
#include <stdio.h>

#include "base/file.h"
#include "base/json.h"
#include "base/line_reader.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/commands.h"
#include "cli/geoip.h"
#include "normalise/normalise.h"
#include "replay/feed.h"

#define MAX_LINE ((size_t)64 << 20)

struct choices {
    struct str source; /* pinned parser; "" = none */
    bool is_envelope, ignores_source;
};

struct parsing {
    const struct choices *options;
    const struct normaliser *normaliser;
    struct normaliser_scratch *scratch;
    struct geo_cache *places;     /* NULL = no GeoIP database is at hand */
    struct source_memory *memory; /* of the file being read, or of the envelope's source */
    struct arena arena;
    struct buf out;
    uint64_t line;
    int64_t written_ns; /* the file being read, last; INT64_MAX = unknown */
};

static bool write_out(struct parsing *p, bool force, struct error *err)
{
    if (!force && p->out.n < 1 << 16)
        return true;
    bool ok = fwrite(p->out.p, 1, p->out.n, stdout) == p->out.n && (!force || fflush(stdout) == 0);
    buf_clear(&p->out);
    return ok || error_set(err, "%s", tr("the output could not be written", "出力を書き込めません"));
}

static void put_event(struct parsing *p, const struct event *e, struct str id)
{
    size_t start = p->out.n;
    struct buf object = {0};
    event_json(e, id.n ? &object : &p->out);
    if (id.n) {
        buf_c(&p->out, "{\"id\":");
        json_string(&p->out, id);
        buf_char(&p->out, ',');
        buf_add(&p->out, str_skip(buf_str(&object), 1));
        buf_free(&object);
    }
    BUG_IF(p->out.n == start);
    buf_char(&p->out, '\n');
}

static void parse_raw(struct parsing *p, struct str raw, const struct source *source, int64_t now_ns,
                      struct str id)
{
    struct record record = {.raw = raw,
                            .received_ns = now_ns,
                            .sequence = ++p->line,
                            .flags = record_age_flags(now_ns, p->written_ns)};
    struct event event;
    normalise_record(p->normaliser, p->scratch, p->memory, &record, source, &p->arena, &event);
    if (p->places != NULL)
        geo_describe(p->places, &event, &p->arena);
    put_event(p, &event, id);
}

static struct source source_of(struct str parser, const struct zone *zone)
{
    return (struct source){
        .name = parser, .sender = STR_EMPTY, .parser = parser, .charset = STR_EMPTY, .zone = zone};
}

/* The operator's settings that a record's context carries. */
static void read_context(const struct json_node *context, const struct zone **zone, int64_t *now_ns)
{
    static const char *const zone_keys[] = {"event.timezone", "_conf.tz_offset", "_tmp.tz_offset"};
    for (size_t i = 0; i < COUNT_OF(zone_keys); i++) {
        struct str name = json_text(context, zone_keys[i]);
        const struct zone *found = name.n ? zone_find(name) : NULL;
        if (found)
            *zone = found;
    }
    int64_t t;
    struct str time = json_text(context, "@timestamp");
    if (time.n && time_parse_iso(time, &(struct time_context){.reference_ns = 0}, &t))
        *now_ns = t;
}

static void parse_envelope(struct parsing *p, struct str line, int64_t now_ns)
{
    struct error err = {.text = ""};
    const struct json_node *node = json_parse(line, &p->arena, &err);
    if (!node || !json_member(node, "raw")) {
        log_warning(tr("line %llu is no envelope with \"raw\": %s; taken as a plain record",
                       "%llu 行目は \"raw\" を持つ封筒ではありません: %s; そのままの記録として扱います"),
                    (unsigned long long)p->line + 1, err.text);
        parse_raw(p, arena_str(&p->arena, line), NULL, now_ns, STR_EMPTY);
        return;
    }
    const struct zone *zone = NULL;
    const struct json_node *context = json_member(node, "context");
    if (context)
        read_context(context, &zone, &now_ns);
    struct str name = p->options->ignores_source ? STR_EMPTY : json_text(node, "source");
    if (p->options->source.n)
        name = p->options->source;
    struct source source = source_of(name, zone);
    parse_raw(p, json_text(node, "raw"), &source, now_ns, json_text(node, "id"));
}

static bool parse_file(struct parsing *p, const char *path, struct error *err)
{
    struct line_reader *reader = line_reader_open(path, MAX_LINE, err);
    struct str line;
    int got = -1;
    const struct source source = source_of(p->options->ignores_source ? STR_EMPTY : p->options->source, NULL);
    if (!reader)
        return false;
    p->written_ns = p->options->is_envelope ? INT64_MAX : file_modified_ns(path);
    p->memory = p->options->is_envelope
                    ? NULL
                    : source_memory_new(true); /* an envelope's records come from many sources */
    while ((got = line_reader_next(reader, &line, NULL, err)) == 1) {
        int64_t now_ns = clock_wall_ns();
        if (p->options->is_envelope)
            parse_envelope(p, line, now_ns);
        else
            parse_raw(p, line, source.parser.n ? &source : NULL, now_ns, STR_EMPTY);
        arena_reset(&p->arena);
        if (!write_out(p, false, err))
            break;
    }
    source_memory_free(p->memory);
    p->memory = NULL;
    line_reader_close(reader);
    return got == 0;
}

/* Event logs, archives, JSON and XML documents. */
static bool parse_documents(struct parsing *p, const char *path, struct error *err)
{
    const struct source source = source_of(p->options->ignores_source ? STR_EMPTY : p->options->source, NULL);
    p->written_ns = file_modified_ns(path);
    struct feed *feed = feed_open(path, err);
    bool ok = feed != NULL;
    for (struct batch *b; ok && (b = feed_next(feed, clock_wall_ns(), err)) != NULL; batch_free(b)) {
        for (uint32_t i = 0; ok && i < b->count; i++) {
            parse_raw(p, b->records[i].raw, source.parser.n ? &source : NULL, b->records[i].received_ns,
                      STR_EMPTY);
            arena_reset(&p->arena);
            ok = write_out(p, false, err);
        }
    }
    feed_close(feed);
    return ok && err->text[0] == 0;
}

static bool parse_path(struct parsing *p, const char *path, struct error *err)
{
    return p->options->is_envelope || feed_is_lines(path) ? parse_file(p, path, err)
                                                          : parse_documents(p, path, err);
}

static bool parse_all(struct parsing *p, const struct arguments *a, struct error *err)
{
    bool ok = true;
    if (a->word_count == 0)
        ok = parse_path(p, "-", err);
    for (size_t i = 0; ok && i < a->word_count; i++)
        ok = parse_path(p, a->words[i], err);
    bool is_written = write_out(p, true, ok ? err : NULL); /* what was understood before a file failed */
    return is_written && ok;
}

static int run(const struct arguments *a)
{
    const char *source = argument_text(a, "source");
    const struct option_value *folders = argument(a, "parsers");
    const char *const own[] = {share_path(a, "content/parsers"), NULL};
    struct choices choices = {.source = source ? str_c(source) : STR_EMPTY,
                              .is_envelope = argument_flag(a, "envelope"),
                              .ignores_source = argument_flag(a, "ignore-source")};
    struct parsing p = {.options = &choices};
    struct load_report report = {0};
    struct error err = {.text = ""};
    struct normaliser *n = normaliser_load(folders->list_count ? folders->list : own, &report, &err);
    struct geo *geo = NULL;
    bool ok = n != NULL && geoip_open(a, &geo, &err);
    if (report.sentences.n)
        log_warning(tr("%u parsers were refused:\n%s", "%u 個の解析定義を読み込めませんでした:\n%s"),
                    report.refused, buf_cstr(&report.sentences));
    arena_init(&p.arena, 1 << 18);
    if (ok) {
        p.normaliser = n;
        p.places = geo != NULL ? geo_cache_new(geo) : NULL;
        p.scratch = normaliser_scratch_new(n);
        ok = parse_all(&p, a, &err);
        normaliser_scratch_free(p.scratch);
    }
    geo_cache_free(p.places);
    normaliser_free(n);
    load_report_free(&report);
    buf_free(&p.out);
    arena_free(&p.arena);
    return ok ? EXIT_DONE : command_fail(a, EXIT_USAGE, &err);
}

static const struct option options[] = {
    {.name = "source",
     .type = OPTION_TEXT,
     .values = "NAME",
     .help_en = "the parser, or an alias of one, that fits these records; without it the content decides",
     .help_ja = "記録に合う解析定義の名前か別名。省略すると内容から見分けます"},
    {.name = "envelope",
     .type = OPTION_FLAG,
     .help_en = "input is NDJSON {\"id\",\"raw\",\"source\",\"context\"}; the output carries the id",
     .help_ja = "入力は NDJSON {\"id\",\"raw\",\"source\",\"context\"}。出力にも id が付きます"},
    {.name = "ignore-source",
     .type = OPTION_FLAG,
     .help_en = "recognise everything by content",
     .help_ja = "すべて内容から見分けます"},
    {.name = "parsers",
     .type = OPTION_LIST,
     .values = "DIR",
     .help_en = "parsers to use instead of the program's own; may be repeated, later ones win",
     .help_ja = "組み込みの代わりに使う解析定義(複数可、後のものが優先)"},
    GEOIP_OPTION,
    {.name = "format",
     .type = OPTION_CHOICE,
     .values = "ndjson",
     .fallback = "ndjson",
     .help_en = "one JSON object a line",
     .help_ja = "1 行に 1 件の JSON"},
};

const struct command command_parse = {
    .name = "parse",
    .run = run,
    .summary_en = "records → ECS events, one JSON object a line, in input order",
    .summary_ja = "記録を ECS のイベントに変え、入力の順に 1 行 1 件の JSON で出力する",
    .words = "[FILE…]",
    .word_max = 1 << 20,
    .options = options,
    .option_count = COUNT_OF(options),
    .examples =
        "  hyakuyo parse /var/log/auth.log | jq .user.name\n  hyakuyo parse --source squid access.log.gz\n",
};
