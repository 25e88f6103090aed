/* hyakuyo simulate: the logs of an office that does not exist, and disturbances of any lines. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "cli/commands.h"
#include "command/simulate_output.h"
#include "event/batch.h"
#include "knowledge/knowledge.h"
#include "replay/feed.h"
#include "simulate/disturb.h"
#include "simulate/simulate.h"

#define FILTER_LINES_MAX 20000000

struct job {
    const struct arguments *arguments;
    struct simulation *simulation;
    struct simulate_output *output;
    struct disturbance_options disturbance;
    struct disturber *disturber;
    int disturbed_source;
};

/* ---------------------------------------------------------------- simulating */

static bool arrived(void *context, int64_t arrival_ns, unsigned source, struct str text)
{
    struct job *j = context;
    struct str name = j->simulation ? simulation_source_name(j->simulation, source) : STR_EMPTY;
    return simulate_output_line(j->output, arrival_ns, source, name, text);
}

static bool line(void *context, int64_t time_ns, unsigned source, struct str text)
{
    struct job *j = context;
    return disturber_take(j->disturber, time_ns, source, (int)source == j->disturbed_source, text);
}

static bool truth(void *context, struct str json)
{
    struct job *j = context;
    return simulate_output_truth(j->output, json);
}

static bool read_variant(struct job *j, struct error *err)
{
    const char *variant = argument_text(j->arguments, "variant");
    bool ok = variant == NULL || disturbance_parse(str_c(variant), &j->disturbance, err);
    j->disturbance.seed = (uint64_t)argument_number(j->arguments, "seed");
    return ok;
}

static bool find_disturbed_source(struct job *j, struct error *err)
{
    struct buf names = {0};
    j->disturbed_source = simulation_source_find(j->simulation, j->disturbance.source);
    for (unsigned i = 0; i < simulation_source_count(j->simulation); i++)
        buf_printf(&names, "%s%.*s", i ? ", " : "", STR_ARGS(simulation_source_name(j->simulation, i)));
    bool ok = j->disturbance.source.n == 0 || j->disturbed_source >= 0 ||
              error_set(err,
                        tr("--variant: there is no source \"%.*s\"; there are %s",
                           "--variant: ソース「%.*s」がありません。あるのは %s です"),
                        STR_ARGS(j->disturbance.source), buf_cstr(&names));
    buf_free(&names);
    return ok;
}

static bool begin(struct job *j, struct error *err)
{
    const struct arguments *a = j->arguments;
    struct time_context context = {.zone = zone_find(STR("+09:00"))};
    struct simulation_options options = {.content = share_path(a, "content"),
                                         .scenarios = argument_text(a, "scenarios"),
                                         .hosts = (unsigned)argument_number(a, "hosts"),
                                         .days = (unsigned)argument_number(a, "days"),
                                         .seed = (uint64_t)argument_number(a, "seed"),
                                         .rate = (double)argument_number(a, "rate"),
                                         .has_background = !argument_flag(a, "quiet")};
    const char *start = argument_text(a, "start");
    if (!time_parse_iso(str_c(start), &context, &options.start_ns))
        return error_set(err,
                         tr("--start %s: write a date like 2025-11-10",
                            "--start %s: 2025-11-10 のような日付を書いてください"),
                         start);
    if ((j->simulation = simulation_new(&options, err)) == NULL)
        return false;
    const struct option_value *inject = argument(a, "inject");
    for (size_t i = 0; i < inject->list_count; i++)
        if (!simulation_inject(j->simulation, str_c(inject->list[i]), err))
            return false;
    return find_disturbed_source(j, err);
}

static bool open_output(struct job *j, struct error *err)
{
    const struct arguments *a = j->arguments;
    struct simulate_output_options options = {.folder = argument_text(a, "out"),
                                              .is_one_file = argument_flag(a, "merge"),
                                              .address = argument_text(a, "send"),
                                              .speed = argument_number(a, "speed")};
    j->output = simulate_output_open(&options, err);
    if (j->output == NULL || options.folder == NULL || j->simulation == NULL)
        return j->output != NULL;
    return simulation_write_context(j->simulation, arena_printf(a->arena, "%s/assets", options.folder).p,
                                    err);
}

static bool simulate(struct job *j, struct error *err)
{
    struct simulation_sink sink = {line, truth, j};
    err->text[0] = 0;
    if (!begin(j, err) || !open_output(j, err))
        return false;
    j->disturber = disturber_new(&j->disturbance, arrived, j);
    bool ok = simulation_run(j->simulation, &sink);
    ok = disturber_end(j->disturber) && ok; /* what went wrong is told when the output is closed */
    if (ok && argument_text(j->arguments, "out") != NULL)
        log_info(tr("%llu lines", "%llu 行"), (unsigned long long)simulate_output_lines(j->output));
    return true;
}

/* ---------------------------------------------------------------- any lines */

struct timed_line {
    struct str raw;
    int64_t time_ns;
    uint64_t order;
    uint16_t parser;
};

struct timed_lines {
    struct arena arena;
    struct timed_line *items;
    size_t count, capacity;
};

static int by_time(const void *left, const void *right)
{
    const struct timed_line *a = left, *b = right;
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

static bool add_lines(struct timed_lines *l, const struct normaliser *n, struct normaliser_scratch *scratch,
                      struct batch *b, struct error *err)
{
    struct source anonymous = source_anonymous(zone_find(STR("local")));
    for (uint32_t i = 0; i < b->count; i++) {
        struct event e = {0};
        if (l->count == FILTER_LINES_MAX)
            return error_set(err, tr("more than %d lines", "%d 行を超えています"), FILTER_LINES_MAX);
        if (l->count == l->capacity) {
            l->capacity = l->capacity ? l->capacity * 2 : 4096;
            l->items = memory_resize_array(l->items, l->capacity, sizeof *l->items);
        }
        b->records[i].received_ns = l->count ? l->items[l->count - 1].time_ns : clock_wall_ns();
        normalise_record(n, scratch, NULL, &b->records[i], &anonymous, &b->arena, &e);
        l->items[l->count] =
            (struct timed_line){arena_str(&l->arena, b->records[i].raw), e.time_ns, l->count, e.parser};
        l->count++;
    }
    return true;
}

static bool read_lines(struct job *j, const struct normaliser *n, struct timed_lines *l, struct error *err)
{
    struct normaliser_scratch *scratch = normaliser_scratch_new(n);
    bool ok = true;
    for (size_t i = 0; i < j->arguments->word_count && ok; i++) {
        struct feed *feed = feed_open(j->arguments->words[i], err);
        ok = feed != NULL;
        err->text[0] = ok ? 0 : err->text[0];
        for (struct batch *b; ok && (b = feed_next(feed, 0, err)) != NULL; batch_free(b))
            ok = add_lines(l, n, scratch, b, err);
        ok = ok && err->text[0] == 0;
        if (feed != NULL)
            feed_close(feed);
    }
    normaliser_scratch_free(scratch);
    if (ok && l->count)
        qsort(l->items, l->count, sizeof *l->items, by_time);
    return ok;
}

/* The source of a line that was not simulated is the parser that reads it ("squid.proxy"). */
static bool filter(struct job *j, struct error *err)
{
    const struct arguments *a = j->arguments;
    struct knowledge_folders folders;
    knowledge_default_folders(&folders, a, argument(a, "parsers")->list, NULL);
    struct load_report report = {0};
    struct normaliser *n = normaliser_load(folders.parsers, &report, err);
    load_report_free(&report);
    struct timed_lines lines = {0};
    if (n == NULL)
        return false;
    arena_init(&lines.arena, 1 << 20);
    uint16_t parser = normaliser_parser_find(n, j->disturbance.source);
    bool ok =
        j->disturbance.source.n == 0 || parser != 0 ||
        error_set(err,
                  tr("--variant: there is no parser \"%.*s\"", "--variant: 解析定義「%.*s」がありません"),
                  STR_ARGS(j->disturbance.source));
    ok = ok && read_lines(j, n, &lines, err) && open_output(j, err);
    if (ok) {
        j->disturber = disturber_new(&j->disturbance, arrived, j);
        bool goes_on = true;
        for (size_t i = 0; i < lines.count && goes_on; i++)
            goes_on = disturber_take(j->disturber, lines.items[i].time_ns, 0,
                                     parser != 0 && lines.items[i].parser == parser, lines.items[i].raw);
        ok = disturber_end(j->disturber) && goes_on;
        err->text[0] = 0; /* what went wrong is told when the output is closed */
    }
    memory_free(lines.items);
    arena_free(&lines.arena);
    normaliser_free(n);
    return ok;
}

/* ---------------------------------------------------------------- command */

static int run(const struct arguments *a)
{
    struct error err = {{0}};
    struct job j = {.arguments = a, .disturbed_source = -1};
    bool ok = read_variant(&j, &err) && (a->word_count ? filter(&j, &err) : simulate(&j, &err));
    struct error closing;
    if (!simulate_output_close(j.output, &closing) && !err.text[0]) {
        err = closing;
        ok = false;
    }
    simulation_free(j.simulation);
    return ok ? EXIT_DONE : command_fail(a, EXIT_USAGE, &err);
}

static const struct option options[] = {
    {.name = "hosts",
     .type = OPTION_NUMBER,
     .values = "N",
     .fallback = "300",
     .low = 1,
     .high = 20000,
     .help_en = "people's computers",
     .help_ja = "利用者の端末の数"},
    {.name = "days",
     .type = OPTION_NUMBER,
     .values = "D",
     .fallback = "1",
     .low = 1,
     .high = SIMULATE_DAYS_MAX,
     .help_en = "days",
     .help_ja = "日数"},
    {.name = "seed",
     .type = OPTION_NUMBER,
     .values = "S",
     .fallback = "1",
     .low = 0,
     .high = INT64_MAX,
     .help_en = "the same seed gives the same lines",
     .help_ja = "同じ値なら同じ行になる"},
    {.name = "start",
     .type = OPTION_TEXT,
     .values = "DATE",
     .fallback = "2025-11-10",
     .help_en = "first day (Japanese time)",
     .help_ja = "最初の日(日本時間)"},
    {.name = "rate",
     .type = OPTION_NUMBER,
     .values = "N",
     .fallback = "250",
     .low = 0,
     .high = 1000000,
     .help_en = "lines of everyday work per computer and workday, beside those of machines",
     .help_ja = "端末 1 台・1 営業日あたりの日常業務の行数(機械が出す行は別)"},
    {.name = "inject",
     .type = OPTION_LIST,
     .values = "SCENARIO@TIME[,ROLE=HOST…]",
     .help_en = "put a scenario in, at a local time or a span from the start (1d9h12m); may be repeated",
     .help_ja = "シナリオを入れる(時刻、または開始からの 1d9h12m のような時間。複数可)"},
    {.name = "quiet",
     .type = OPTION_FLAG,
     .help_en = "only what is injected, no everyday work",
     .help_ja = "日常業務なし。入れたシナリオだけ"},
    {.name = "out",
     .type = OPTION_TEXT,
     .values = "DIR",
     .help_en = "write DIR/logs/SOURCE.log, DIR/assets/*.csv and DIR/truth.ndjson (without --out and --send: "
                "lines to "
                "standard output)",
     .help_ja = "DIR/logs/ソース.log、DIR/assets/*.csv、DIR/truth.ndjson に書く(--out も --send "
                "もなければ標準出力)"},
    {.name = "merge",
     .type = OPTION_FLAG,
     .help_en = "one file DIR/logs/all.log in order of arrival",
     .help_ja = "到着順の 1 ファイル DIR/logs/all.log にまとめる"},
    {.name = "send",
     .type = OPTION_TEXT,
     .values = "HOST:PORT",
     .help_en = "send to a syslog server (TCP)",
     .help_ja = "syslog サーバー(TCP)に送る"},
    {.name = "speed",
     .type = OPTION_NUMBER,
     .values = "N",
     .fallback = "0",
     .low = 0,
     .high = 1000000,
     .help_en = "N times real time; 0 as fast as possible",
     .help_ja = "実時間の N 倍。0 は最速"},
    {.name = "variant",
     .type = OPTION_TEXT,
     .values = "late|duplicated|out-of-order|skewed:SOURCE|missing:SOURCE",
     .help_en =
         "disturb the lines; with FILE: those of the files, to standard output (SOURCE is a parser then)",
     .help_ja = "行を乱す。FILE があればその行を乱して標準出力へ(SOURCE は解析定義の名前)"},
    {.name = "scenarios",
     .type = OPTION_TEXT,
     .values = "DIR",
     .help_en = "scenarios of one's own",
     .help_ja = "独自シナリオのフォルダー"},
    {.name = "parsers",
     .type = OPTION_LIST,
     .values = "DIR",
     .help_en = "further parsers, with FILE; may be repeated",
     .help_ja = "追加の解析定義(FILE のとき。複数可)"},
};

const struct command command_simulate = {
    .name = "simulate",
    .run = run,
    .summary_en = "write or send the logs of a realistic office, with infections put into it",
    .summary_ja = "架空の会社のログを(感染シナリオを入れて)書き出す・送る",
    .words = "[FILE…]",
    .word_max = 1 << 20,
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = "  hyakuyo simulate --hosts 300 --days 7 --inject web_worm_irc@1d9h12m --out ./office\n"
                "  hyakuyo simulate --hosts 50 --send 127.0.0.1:5514 --speed 60\n"
                "  hyakuyo simulate --variant late ./office/logs/*.log > late.log\n",
};
