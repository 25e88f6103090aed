/* hyakuyo parse: records → ECS events, NDJSON, one line for each record in input order. Knows the stages
 * parse and normalise only. */
#include "command_parse.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "normalise/normalise.h"

#define MAX_LINE    ((size_t)64 << 20)
#define MAX_FOLDERS 16

struct options {
    const char *folders[MAX_FOLDERS + 1];
    size_t folder_count;
    struct str source;
    bool is_envelope, ignores_source;
};

struct parsing {
    const struct options *options;
    const struct normaliser *normaliser;
    struct normaliser_scratch *scratch;
    struct source_memory *memory; /* of the file being read, or of the envelope's source */
    struct arena arena;
    struct buf out;
    uint64_t line;
};

static void print_help(void)
{
    fputs(
        tr("Usage: hyakuyo parse [--source NAME] [--envelope] [--ignore-source] [--parsers DIR]… [FILE…]\n\n"
           "Turns records into ECS events, one JSON object a line, in input order. FILE may be .gz or .zst; "
           "none, or -, reads standard input.\n\n"
           "  --source NAME     the parser, or an alias of one, that fits these records; without it the "
           "content decides\n"
           "  --envelope        input is NDJSON {\"id\",\"raw\",\"source\",\"context\"}; the output carries "
           "the id\n"
           "  --ignore-source   recognise everything by content\n"
           "  --parsers DIR     folder of parser files instead of the installed ones; may be repeated, later "
           "ones win\n\n"
           "Examples:\n"
           "  hyakuyo parse /var/log/auth.log | jq .user.name\n"
           "  hyakuyo parse --source squid access.log.gz\n",
           "使い方: hyakuyo parse [--source 名前] [--envelope] [--ignore-source] [--parsers フォルダー]… "
           "[ファイル…]\n\n"
           "記録を ECS のイベントに変え、入力の順に1行1オブジェクトの JSON で出します。.gz と .zst "
           "も読めます。- または省略で標準入力。\n\n"
           "  --source 名前      記録に合うパーサーの名前か別名。省略すると内容から見分けます\n"
           "  --envelope         入力は NDJSON {\"id\",\"raw\",\"source\",\"context\"}。出力にも id "
           "が付きます\n"
           "  --ignore-source    すべて内容から見分けます\n"
           "  --parsers フォルダー 標準の代わりに使うパーサーのフォルダー。繰り返せます(後のものが優先)\n\n"
           "例:\n"
           "  hyakuyo parse /var/log/auth.log | jq .user.name\n"
           "  hyakuyo parse --source squid access.log.gz\n"),
        stdout);
}

static bool write_out(struct parsing *p, bool force)
{
    if (!force && p->out.n < 1 << 16)
        return true;
    bool ok = fwrite(p->out.p, 1, p->out.n, stdout) == p->out.n;
    buf_clear(&p->out);
    return ok;
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
    struct record record = {.raw = raw, .received_ns = now_ns, .sequence = ++p->line};
    struct event event;
    normalise_record(p->normaliser, p->scratch, p->memory, &record, source, &p->arena, &event);
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
    p->memory = p->options->is_envelope
                    ? NULL
                    : source_memory_new(); /* an envelope's records come from many sources */
    while ((got = line_reader_next(reader, &line, NULL, err)) == 1) {
        int64_t now_ns = clock_wall_ns();
        if (p->options->is_envelope)
            parse_envelope(p, line, now_ns);
        else
            parse_raw(p, line, source.parser.n ? &source : NULL, now_ns, STR_EMPTY);
        arena_reset(&p->arena);
        if (!write_out(p, false))
            break;
    }
    source_memory_free(p->memory);
    p->memory = NULL;
    line_reader_close(reader);
    return got == 0;
}

static bool parse_all(struct parsing *p, char **paths, int count, struct error *err)
{
    bool ok = true;
    if (count == 0)
        ok = parse_file(p, "-", err);
    for (int i = 0; ok && i < count; i++)
        ok = parse_file(p, paths[i], err);
    return write_out(p, true) && ok;
}

/* -1: go on; else the exit code. */
static int read_options(int argc, char **argv, struct options *o)
{
    static const struct option known[] = {{"source", required_argument, NULL, 's'},
                                          {"envelope", no_argument, NULL, 'e'},
                                          {"ignore-source", no_argument, NULL, 'i'},
                                          {"parsers", required_argument, NULL, 'p'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int c;
    optind = 1;
    while ((c = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        if (c == 'h') {
            print_help();
            return 0;
        }
        if (c == 's')
            o->source = str_c(optarg);
        else if (c == 'e')
            o->is_envelope = true;
        else if (c == 'i')
            o->ignores_source = true;
        else if (c == 'p' && o->folder_count < MAX_FOLDERS)
            o->folders[o->folder_count++] = optarg;
        else
            return 2;
    }
    return -1;
}

/* Installed beside the program, or in the source tree. */
static void default_folder(struct options *o, struct arena *arena)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self);
    struct str folder = n > 0 ? str_n(self, (size_t)n) : STR_EMPTY;
    static const char *const beside[] = {"../share/hyakuyo/content/parsers", "../content/parsers",
                                         "content/parsers", "../../content/parsers"};
    folder =
        str_slice(folder, 0,
                  str_find_last_char(folder, '/') == STR_NOT_FOUND ? 0 : str_find_last_char(folder, '/'));
    for (size_t i = 0; i < COUNT_OF(beside) && !o->folder_count; i++) {
        struct str path = arena_printf(arena, "%.*s/%s", STR_ARGS(folder), beside[i]);
        if (file_is_folder(path.p))
            o->folders[o->folder_count++] = path.p;
    }
    if (!o->folder_count)
        o->folders[o->folder_count++] = "content/parsers";
}

int command_parse(int argc, char **argv)
{
    struct options o = {.source = STR_EMPTY};
    int code = read_options(argc, argv, &o);
    if (code >= 0)
        return code;
    struct parsing p = {.options = &o};
    struct load_report report = {0};
    struct error err = {.text = ""};
    struct arena paths;
    arena_init(&paths, 4096);
    arena_init(&p.arena, 1 << 18);
    if (!o.folder_count)
        default_folder(&o, &paths);
    struct normaliser *n = normaliser_load(o.folders, &report, &err);
    bool ok = n != NULL;
    if (report.sentences.n)
        log_warning(tr("%u parsers were refused:\n%s", "%u 個のパーサーを読み込めませんでした:\n%s"),
                    report.refused, buf_cstr(&report.sentences));
    if (ok) {
        p.normaliser = n;
        p.scratch = normaliser_scratch_new(n);
        ok = parse_all(&p, argv + optind, argc - optind, &err);
        normaliser_scratch_free(p.scratch);
    }
    if (!ok)
        log_error("%s", err.text);
    normaliser_free(n);
    load_report_free(&report);
    buf_free(&p.out);
    arena_free(&p.arena);
    arena_free(&paths);
    return ok ? 0 : 1;
}
