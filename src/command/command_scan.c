/* hyakuyo scan: rules over files at rest. Each file goes through the pipeline that live events go through;
 * scan.c has the threads, scan_summary.c the counts. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/commands.h"
#include "cli/geoip.h"
#include "cli/rows.h"
#include "intel/intel.h"
#include "replay/scan.h"
#include "replay/scan_summary.h"

#define PROGRESS_AFTER_NS (1 * NS_PER_SECOND)
#define PROGRESS_EVERY_NS (200 * NS_PER_MS)

struct scan_command {
    const struct arguments *arguments;
    const struct file_list *files;
    struct scan_summary summary;
    struct rows_printer printer;
    bool is_ndjson, wants_summary, shows_progress, has_failed;
    uint64_t *file_bytes, bytes, bytes_before,
        position; /* of all files; of those that are done; in this one */
    size_t file;
    struct evtx_counts event_log; /* of the file that is being read */
    uint64_t cut_records;
    int64_t started_ns, shown_ns;
};

/* Progress -------- */

static double seconds_since(int64_t started_ns)
{
    return (double)(clock_monotonic_ns() - started_ns) / 1e9;
}

static void clear_progress(const struct scan_command *c)
{
    if (c->shows_progress && c->shown_ns)
        fprintf(stderr, "\r\033[K");
}

static void show_progress(void *context)
{
    struct scan_command *c = context;
    int64_t now_ns = clock_monotonic_ns();
    if (!c->shows_progress || now_ns - c->started_ns < PROGRESS_AFTER_NS ||
        now_ns - c->shown_ns < PROGRESS_EVERY_NS)
        return;
    c->shown_ns = now_ns;
    double seconds = seconds_since(c->started_ns), rate = (double)c->summary.events / seconds;
    uint64_t done = c->bytes_before + c->position;
    double left = done ? seconds * (double)(c->bytes > done ? c->bytes - done : 0) / (double)done : 0;
    fprintf(
        stderr,
        tr("\r%.1f of %.1f MB, file %zu of %zu, %llu events, %.0f/s, %llu findings, %.0f s left  %.40s\033[K",
           "\r%.1f / %.1f MB ファイル %zu / %zu %llu 件 毎秒 %.0f 件 検知 %llu 件 残り %.0f 秒  %.40s\033[K"),
        (double)done / 1e6, (double)c->bytes / 1e6, c->file + 1, c->files->count,
        (unsigned long long)c->summary.events, rate, (unsigned long long)c->summary.findings, left,
        c->files->paths[c->file].p);
}

static void measure_files(struct scan_command *c)
{
    c->file_bytes = NEW_ARRAY(uint64_t, c->files->count + 1);
    for (size_t i = 0; i < c->files->count; i++) {
        struct stat st;
        c->file_bytes[i] = stat(c->files->paths[i].p, &st) == 0 ? (uint64_t)st.st_size : 0;
        c->bytes += c->file_bytes[i];
    }
}

/* Results -------- */

static void say(struct scan_command *c, const char *sentence)
{
    struct error err;
    clear_progress(c);
    error_set(&err, "%s", sentence);
    command_fail(c->arguments, EXIT_DONE, &err);
}

static void say_counts(struct scan_command *c, const char *path)
{
    const struct evtx_counts *n = &c->event_log;
    struct buf text = {0};
    if (n->damaged_records || n->lost_records || n->damaged_chunks || n->cut_bytes)
        buf_printf(
            &text,
            tr("%s: the event log is damaged: %llu records were read in part, %llu not at all, %llu blocks "
               "are no event log, %llu bytes are missing at the end; %llu records were read",
               "%s: イベントログが壊れています。一部だけ読めた記録 %llu 件、読めない記録 %llu 件、"
               "イベントログでないブロック %llu 個、末尾の不足 %llu バイト。読めた記録 %llu 件"),
            path, (unsigned long long)n->damaged_records, (unsigned long long)n->lost_records,
            (unsigned long long)n->damaged_chunks, (unsigned long long)n->cut_bytes,
            (unsigned long long)n->records);
    else if (n->bad_checksums)
        buf_printf(
            &text,
            tr("%s: the checksums of %llu of %llu blocks do not fit (a copy of a log in use, or changed "
               "afterwards); all %llu records were read",
               "%s: ブロック %llu / %llu 個のチェックサムが合いません(使用中の複製か、後からの変更)。"
               "記録 %llu 件はすべて読めました"),
            path, (unsigned long long)n->bad_checksums, (unsigned long long)n->chunks,
            (unsigned long long)n->records);
    if (text.n)
        say(c, buf_cstr(&text));
    buf_clear(&text);
    if (c->cut_records > n->damaged_records) {
        buf_printf(
            &text,
            tr("%s: %llu records are broken off or longer than %u bytes; what there is was searched",
               "%s: %llu 件の記録が途中で切れているか、%u バイトを超えています。ある部分を検査しました"),
            path, (unsigned long long)(c->cut_records - n->damaged_records), FEED_RECORD_BYTES);
        say(c, buf_cstr(&text));
    }
    buf_free(&text);
}

static void end_file(struct scan_command *c, const struct scan_result *r)
{
    const char *path = c->files->paths[r->file].p;
    say_counts(c, path);
    if (r->skipped_bytes) {
        struct error err;
        error_set(&err,
                  tr("%s: %llu bytes between the records belong to none and were passed over",
                     "%s: どの記録にも属さない %llu バイトを読み飛ばしました"),
                  path, (unsigned long long)r->skipped_bytes);
        say(c, err.text);
    }
    c->event_log = (struct evtx_counts){0};
    c->cut_records = 0;
    c->bytes_before += c->file_bytes[r->file];
    c->position = 0;
}

static void print_findings(struct scan_command *c, const struct scan_result *r)
{
    if (c->wants_summary || !r->lines.n)
        return;
    clear_progress(c);
    if (c->is_ndjson) {
        fwrite(r->lines.p, 1, r->lines.n, stdout);
        return;
    }
    struct error err;
    struct buf rows = {0};
    buf_char(&rows, '[');
    buf_add(&rows, buf_str(&r->lines));
    for (size_t i = 0; i < rows.n; i++) /* line ends stand between findings only: JSON escapes the others */
        if (rows.p[i] == '\n')
            rows.p[i] = i + 1 < rows.n ? ',' : ']';
    if (!rows_page(&c->printer, buf_str(&rows), &err))
        BUG("our own finding is no JSON");
    buf_free(&rows);
}

static void take(void *context, const struct scan_result *r)
{
    struct scan_command *c = context;
    c->file = r->file;
    scan_summary_add(&c->summary, r);
    if (r->err.text[0]) {
        say(c, r->err.text);
        c->has_failed = true;
    }
    if (r->block != NULL) {
        evtx_counts_add(&c->event_log, &r->block->event_log);
        c->cut_records += r->block->cut_records;
        c->position = r->position;
    }
    print_findings(c, r);
    if (r->is_end)
        end_file(c, r);
    show_progress(c);
}

/* Folders stand for the files below them. A word that leads nowhere is said, the others go on. */
static void expand(struct scan_command *c, struct arena *arena, struct file_list *files)
{
    static const char *const any[] = {"", NULL};
    static struct str standard_input = {"-", 1};
    const struct arguments *a = c->arguments;
    for (size_t i = 0; i < a->word_count; i++) {
        struct error err;
        struct file_list found;
        if (strcmp(a->words[i], "-") == 0)
            found = (struct file_list){.paths = &standard_input, .count = 1};
        else if (!file_walk(a->words[i], any, arena, &found, &err)) {
            say(c, err.text);
            c->has_failed = true;
        }
        struct str *joined = ARENA_ARRAY(arena, struct str, files->count + found.count + 1);
        if (files->count)
            memcpy(joined, files->paths, files->count * sizeof *joined);
        if (found.count)
            memcpy(joined + files->count, found.paths, found.count * sizeof *joined);
        files->paths = joined;
        files->count += found.count;
    }
}

static int finish(struct scan_command *c)
{
    struct error err;
    clear_progress(c);
    if (!c->is_ndjson && !c->wants_summary)
        rows_end(&c->printer);
    if (c->wants_summary &&
        !scan_summary_print(&c->summary, c->arguments, seconds_since(c->started_ns), &err))
        BUG("our own summary is no JSON");
    if (fflush(stdout) != 0) {
        say(c, tr("the output could not be written", "出力を書き込めません"));
        c->has_failed = true;
    }
    return c->has_failed ? EXIT_USAGE : c->summary.findings ? EXIT_FOUND : EXIT_DONE;
}

static int scan_all(struct scan_command *c, struct knowledge *knowledge, struct indicator_set *indicators,
                    struct geo *geo)
{
    static const char *const columns[] = {"time",          "level",         "rule",
                                          "entities.host", "entities.user", "entities.ip",
                                          "file",          "record",        NULL};
    struct scan_plan plan = {.knowledge = knowledge,
                             .indicators = indicators,
                             .geo = geo,
                             .files = c->files,
                             .threads = (unsigned)argument_number(c->arguments, "threads"),
                             .context = c,
                             .take = take,
                             .wait = show_progress};
    const char *format = argument_text(c->arguments, "format");
    c->is_ndjson = format ? strcmp(format, "ndjson") == 0 : !isatty(STDOUT_FILENO);
    if (!c->is_ndjson && !c->wants_summary)
        rows_begin(&c->printer, c->arguments, columns);
    scan_summary_init(&c->summary, c->files);
    measure_files(c);
    c->started_ns = clock_monotonic_ns();
    scan_run(&plan);
    int status = finish(c);
    scan_summary_free(&c->summary);
    memory_free(c->file_bytes);
    return status;
}

/* --intel FILE…: looked up as well. */
static bool read_intel(const struct arguments *a, struct indicator_set **out, struct error *err)
{
    const struct option_value *intel = argument(a, "intel");
    if (intel->list_count == 0)
        return true;
    *out = intel_read(intel->list, share_path(a, "content/intel"), err);
    return *out != NULL;
}

static int run(const struct arguments *a)
{
    struct error err;
    struct file_list files = {0};
    struct scan_command c = {.arguments = a,
                             .files = &files,
                             .wants_summary = argument_flag(a, "summary"),
                             .shows_progress = isatty(STDERR_FILENO) != 0};
    struct knowledge_folders folders;
    const struct option_value *rules = argument(a, "rules");
    knowledge_default_folders(&folders, a, NULL, NULL);
    struct knowledge_options options = {.parser_folders = folders.parsers,
                                        .rule_folders = rules->list_count ? rules->list : folders.rules,
                                        .taxonomy_folder = share_path(a, "content/taxonomy"),
                                        .cache_folder = cache_path(a)};
    struct knowledge *knowledge = knowledge_load(&options, &err);
    if (knowledge == NULL)
        return command_fail(a, EXIT_USAGE, &err);
    struct indicator_set *indicators = NULL;
    struct geo *geo = NULL;
    if (!read_intel(a, &indicators, &err) || !geoip_open(a, &geo, &err)) {
        indicator_set_unref(indicators);
        knowledge_unref(knowledge);
        return command_fail(a, EXIT_USAGE, &err);
    }
    struct arena arena;
    arena_init(&arena, 64 << 10);
    expand(&c, &arena, &files);
    int status = scan_all(&c, knowledge, indicators, geo);
    knowledge_unref(knowledge);
    indicator_set_unref(indicators);
    geo_unref(geo);
    arena_free(&arena);
    return status;
}

static const struct option options[] = {
    {.name = "rules",
     .type = OPTION_LIST,
     .values = "DIR",
     .help_en = "Sigma rules to use instead of the program's own; may be repeated",
     .help_ja = "組み込みの規則の代わりに使う Sigma 規則(複数可)"},
    {.name = "intel",
     .type = OPTION_LIST,
     .values = "FILE",
     .help_en = "threat intelligence or allow list to look up; may be repeated",
     .help_ja = "照合する脅威情報または許可リスト(複数可)"},
    GEOIP_OPTION,
    {.name = "summary",
     .type = OPTION_FLAG,
     .help_en = "counts by rule, level and file instead of findings",
     .help_ja = "検知の代わりに、規則・重要度・ファイルごとの件数を表示"},
    {.name = "threads",
     .type = OPTION_NUMBER,
     .values = "N",
     .fallback = "0",
     .low = 0,
     .high = 256,
     .help_en = "workers (default: one for each core)",
     .help_ja = "作業スレッドの数(既定: コアごとに 1)"},
    ROWS_FORMAT_OPTION,
};

const struct command command_scan = {
    .name = "scan",
    .run = run,
    .summary_en = "detection over files at rest: logs, NDJSON, .evtx, .gz, .zst, .zip; exit 1 when something "
                  "was found, 2 when a file could not be read",
    .summary_ja = "保存済みのログを検査する: ログ、NDJSON、.evtx、.gz、.zst、.zip(検知があれば終了コード "
                  "1、読めないファイルがあれば 2)",
    .words = "FILE…",
    .word_min = 1,
    .word_max = 1 << 20,
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = "  hyakuyo scan /var/log/auth.log\n  hyakuyo scan --rules ./sigma/rules --summary logs/\n  "
                "hyakuyo scan --rules ./sigma/rules C/Windows/System32/winevt/Logs\n  "
                "hyakuyo scan --intel ipsum.txt --intel warninglists/ proxy.log\n",
};
