/* hyakuyo-detect: the stage alone, for measuring it. Reads NDJSON lines {"file", "record_no", "event": {flat
 * fields of a Windows event}} and prints findings {"rule_id", "file", "record"}; with --check it loads the
 * rules, runs their samples and prints the report.
 *
 *   hyakuyo-detect --taxonomy content/taxonomy --rules DIR [--rules DIR …] [--cache DIR] [--check]
 * [FILE.ndjson[.zst] …] */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/line_reader.h"
#include "base/log.h"
#include "detect/detect.h"

#define MAX_FOLDERS 32

/* Names of the event's <System> part; everything else is EventData. */
static const struct {
    const char *name;
    const char *fields[2];
} system_fields[] = {
    {"Channel", {"winlog.channel", NULL}},
    {"EventID", {"event.code", "winlog.event_id"}},
    {"Provider_Name", {"winlog.provider_name", "event.provider"}},
    {"Computer", {"winlog.computer_name", "host.name"}},
    {"Level", {"winlog.level", NULL}},
    {"Task", {"winlog.task", NULL}},
    {"Opcode", {"winlog.opcode", NULL}},
    {"Keywords", {"winlog.keywords", NULL}},
    {"EventRecordID", {"winlog.record_id", NULL}},
    {"Execution_ProcessID", {"winlog.process.pid", NULL}},
    {"UserID", {"winlog.user.identifier", NULL}},
};

static void add_windows_field(struct event *e, struct arena *arena, struct str name, struct str text)
{
    for (size_t i = 0; i < COUNT_OF(system_fields); i++) {
        if (!str_eq(name, str_c(system_fields[i].name)))
            continue;
        for (size_t f = 0; f < 2 && system_fields[i].fields[f]; f++)
            event_add(e, arena, field_intern(str_c(system_fields[i].fields[f])), text);
        return;
    }
    if (str_eq(name, STR("SystemTime")))
        (void)time_parse_iso(text, &(struct time_context){0}, &e->time_ns);
    else
        event_add(e, arena, field_intern(arena_concat(arena, STR("winlog.event_data."), name)), text);
}

struct line {
    struct str file;
    int64_t record;
    struct event event;
};

static void read_line(const struct json_leaves *leaves, struct arena *arena, struct line *out)
{
    *out = (struct line){.file = STR_EMPTY};
    for (uint32_t i = 0; i < leaves->count; i++) {
        const struct json_leaf *leaf = &leaves->items[i];
        if (str_eq(leaf->name, STR("file")))
            out->file = leaf->text;
        else if (str_eq(leaf->name, STR("record_no")))
            (void)str_to_i64(leaf->text, &out->record);
        else if (str_starts(leaf->name, STR("event.")) && leaf->kind != JSON_NULL)
            add_windows_field(&out->event, arena, str_skip(leaf->name, 6), leaf->text);
    }
}

static void print_findings(const struct batch *batch, const struct line *line, struct buf *out)
{
    for (const struct finding *f = batch->findings; f; f = f->next) {
        buf_clear(out);
        finding_json(f, line->file, out);
        printf("%.*s\n", (int)out->n, out->p);
    }
}

static bool scan_file(const struct ruleset *set, const char *path, struct error *err)
{
    struct detect_scratch *scratch = detect_scratch_new(set);
    struct json_reader *json = json_reader_new();
    struct line_reader *reader = line_reader_open(path, 16 << 20, err);
    struct json_leaves leaves = {0};
    struct buf out = {0};
    struct str text;
    int got = reader ? 1 : -1;
    while (reader && (got = line_reader_next(reader, &text, NULL, err)) == 1) {
        struct batch *batch = batch_new(1);
        struct line line;
        leaves = (struct json_leaves){0};
        if (json_flatten(json, text, &(struct json_limits){64, 100000}, &batch->arena, &leaves, err)) {
            read_line(&leaves, &batch->arena, &line);
            detect_event(set, scratch, &line.event, (uint32_t)line.record, batch);
            print_findings(batch, &line, &out);
        }
        batch_free(batch);
    }
    if (reader)
        line_reader_close(reader);
    buf_free(&out);
    json_reader_free(json);
    detect_scratch_free(scratch);
    return got == 0;
}

static void print_report(const struct rule_report *report, const struct ruleset *set)
{
    for (uint32_t i = 0; i < report->problem_count; i++)
        fprintf(stderr, "%.*s\n", STR_ARGS(report->problems[i].text));
    struct ruleset_shape shape = ruleset_shape(set);
    fprintf(stderr,
            "files %u, loaded %u, refused %u, correlations %u, filters %u; samples %u, failed %u, rules "
            "proved %u, without samples %u\n",
            report->files, report->loaded, report->refused, report->correlations, report->filters,
            report->samples, report->samples_failed, report->rules_proved, report->rules_without_samples);
    fprintf(
        stderr,
        "log sources %u, predicates %u (indexed %u), literals %u, rules without trigger %u, memory %.1f MB\n",
        shape.logsources, shape.predicates, shape.indexed_predicates, shape.literals, shape.untriggered_rules,
        (double)shape.memory_bytes / 1e6);
}

struct arguments {
    const char *folders[MAX_FOLDERS + 1];
    size_t folder_count;
    const char *taxonomy, *cache;
    bool check;
};

static bool read_arguments(int argc, char **argv, struct arguments *out)
{
    static const struct option options[] = {{"rules", required_argument, NULL, 'r'},
                                            {"taxonomy", required_argument, NULL, 't'},
                                            {"cache", required_argument, NULL, 'k'},
                                            {"check", no_argument, NULL, 'c'},
                                            {0}};
    *out = (struct arguments){.taxonomy = "content/taxonomy"};
    for (int c; (c = getopt_long(argc, argv, "r:t:k:c", options, NULL)) != -1;) {
        if (c == 'r' && out->folder_count < MAX_FOLDERS)
            out->folders[out->folder_count++] = optarg;
        else if (c == 't')
            out->taxonomy = optarg;
        else if (c == 'k')
            out->cache = optarg;
        else if (c == 'c')
            out->check = true;
        else
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    struct rule_report report = {0};
    struct error err = {0};
    if (!read_arguments(argc, argv, &arguments)) {
        fprintf(
            stderr,
            "%s --taxonomy DIR --rules DIR [--rules DIR …] [--cache DIR] [--check] [FILE.ndjson[.zst] …]\n",
            argv[0]);
        return 2;
    }
    int64_t start = clock_monotonic_ns();
    struct ruleset *set = ruleset_load(&(struct ruleset_options){.rule_folders = arguments.folders,
                                                                 .taxonomy_folder = arguments.taxonomy,
                                                                 .cache_folder = arguments.cache},
                                       &report, &err);
    if (!set) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    fprintf(stderr, "loaded in %.2f s\n", (double)(clock_monotonic_ns() - start) / 1e9);
    bool ok = true;
    for (int i = optind; i < argc && ok; i++)
        if (!(ok = scan_file(set, argv[i], &err)))
            fprintf(stderr, "%s\n", err.text);
    if (arguments.check)
        detect_prove(set, NULL, NULL, &report);
    print_report(&report, set);
    ok = ok && report.samples_failed == 0;
    ruleset_unref(set);
    rule_report_free(&report);
    return ok ? 0 : 1;
}
