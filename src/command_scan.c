/* hyakuyo scan: rules over files at rest. Each file goes through the pipeline that live events go through. */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "commands.h"
#include "feed.h"
#include "knowledge.h"
#include "pipeline.h"

struct scan {
    struct pipeline pipeline;
    struct buf line;
    bool wants_summary, shows_progress;
    uint64_t files, events, findings, unparsed;
    uint64_t by_level[LEVEL_CRITICAL + 1];
    int64_t started_ns;
};

static void print_findings(struct scan *s, const struct batch *b, struct str path)
{
    for (struct finding *f = b->findings; f != NULL; f = f->next) {
        s->findings++;
        s->by_level[f->level]++;
        if (s->wants_summary)
            continue;
        f->record_number = (uint32_t)f->sequence;
        buf_clear(&s->line);
        finding_json(f, path, &s->line);
        buf_char(&s->line, '\n');
        fwrite(s->line.p, 1, s->line.n, stdout);
    }
}

static void show_progress(const struct scan *s, const char *path)
{
    double seconds = (double)(clock_monotonic_ns() - s->started_ns) / 1e9;
    if (s->shows_progress && seconds > 1)
        fprintf(stderr,
                tr("\r%llu files, %llu events, %llu findings, %.0f events/s  %.40s\033[K",
                   "\r%llu ファイル %llu 件 検知 %llu 件 毎秒 %.0f 件  %.40s\033[K"),
                (unsigned long long)s->files, (unsigned long long)s->events, (unsigned long long)s->findings,
                (double)s->events / seconds, path);
}

static bool scan_file(struct scan *s, const char *path, struct error *err)
{
    struct feed *feed = feed_open(path, err);
    if (feed == NULL)
        return false;
    for (struct batch *b = feed_next(feed, clock_wall_ns(), err); b != NULL;
         b = feed_next(feed, clock_wall_ns(), err)) {
        pipeline_run(&s->pipeline, b);
        s->events += b->count;
        for (uint32_t i = 0; i < b->count; i++)
            s->unparsed += (b->events[i].flags & EVENT_PARSE_FAILURE) != 0;
        print_findings(s, b, str_c(path));
        batch_free(b);
        show_progress(s, path);
    }
    s->files++;
    feed_close(feed);
    return err->text[0] == 0;
}

static void print_summary(const struct scan *s)
{
    double seconds = (double)(clock_monotonic_ns() - s->started_ns) / 1e9;
    printf(tr("%llu files, %llu events (%llu not understood), %llu findings in %.2f s (%.0f events/s)\n",
              "%llu ファイル、%llu 件(解析できない記録 %llu 件)、検知 %llu 件、%.2f 秒(毎秒 %.0f 件)\n"),
           (unsigned long long)s->files, (unsigned long long)s->events, (unsigned long long)s->unparsed,
           (unsigned long long)s->findings, seconds, seconds > 0 ? (double)s->events / seconds : 0.0);
    for (int level = LEVEL_CRITICAL; level >= 0; level--)
        printf("  %-14s %llu\n", level_name((enum level)level).p, (unsigned long long)s->by_level[level]);
}

/* Folders stand for the files below them. */
static bool expand(const struct arguments *a, struct arena *arena, struct file_list *files, struct error *err)
{
    static const char *const any[] = {"", NULL};
    for (size_t i = 0; i < a->word_count; i++)
        if (!file_walk(a->words[i], any, arena, files, err))
            return false;
    return true;
}

static int scan_all(struct scan *s, const struct file_list *files, const struct arguments *a)
{
    struct error err;
    int status = EXIT_DONE;
    for (size_t i = 0; i < files->count; i++)
        if (!scan_file(s, files->paths[i].p, &err))
            status = command_fail(a, EXIT_USAGE, &err);
    if (s->shows_progress)
        fprintf(stderr, "\r\033[K");
    if (s->wants_summary)
        print_summary(s);
    fflush(stdout);
    return status != EXIT_DONE ? status : s->findings ? EXIT_FOUND : EXIT_DONE;
}

static int run(const struct arguments *a)
{
    struct error err;
    struct scan s = {.wants_summary = argument_flag(a, "summary"),
                     .shows_progress = isatty(STDERR_FILENO) != 0};
    struct knowledge_folders folders;
    const struct option_value *rules = argument(a, "rules");
    knowledge_default_folders(&folders, a, NULL, NULL);
    struct knowledge_options options = {.parser_folders = folders.parsers,
                                        .rule_folders = rules->list_count ? rules->list : folders.rules,
                                        .taxonomy_folder = share_path(a, "content/taxonomy")};
    struct knowledge *knowledge = knowledge_load(&options, &err);
    struct arena arena;
    struct file_list files = {0};
    arena_init(&arena, 64 << 10);
    int status = EXIT_USAGE;
    if (knowledge == NULL || !expand(a, &arena, &files, &err)) {
        status = command_fail(a, EXIT_USAGE, &err);
        knowledge_unref(knowledge);
    } else {
        s.started_ns = clock_monotonic_ns();
        pipeline_adopt(&s.pipeline, knowledge, NULL);
        status = scan_all(&s, &files, a);
        pipeline_release(&s.pipeline);
    }
    buf_free(&s.line);
    arena_free(&arena);
    return status;
}

static const struct option options[] = {
    {.name = "rules",
     .type = OPTION_LIST,
     .values = "DIR",
     .help_en = "Sigma rules to use instead of the program's own; may be repeated",
     .help_ja = "組み込みの規則の代わりに使う Sigma 規則(複数可)"},
    {.name = "summary", .type = OPTION_FLAG, .help_en = "counts only", .help_ja = "件数だけを表示"},
    {.name = "format",
     .type = OPTION_CHOICE,
     .values = "ndjson",
     .fallback = "ndjson",
     .help_en = "one JSON object a line",
     .help_ja = "1 行に 1 件の JSON"},
};

const struct command command_scan = {
    .name = "scan",
    .run = run,
    .summary_en = "detection over files at rest; exit 1 when something was found",
    .summary_ja = "保存済みのログを検査する(検知があれば終了コード 1)",
    .words = "FILE…",
    .word_min = 1,
    .word_max = 1 << 20,
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = "  hyakuyo scan /var/log/auth.log\n  hyakuyo scan --rules ./sigma/rules --summary logs/\n",
};
