/* hyakuyo drill: a scenario as an exercise. Its lines speak of the organisation's own hosts and of now, and
 * go to the running server over HTTP, each with a mark that only this installation can make
 * (event/canary_mark.h): whatever comes of them is marked as an exercise and mixed with nothing. */
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/rows.h"
#include "enrich/asset_csv.h"
#include "event/batch.h"
#include "event/canary_mark.h"
#include "simulate/simulate.h"
#include "store/state_assets.h"

#define BODY_MAX_BYTES (128u << 10)

struct drill {
    const struct arguments *arguments;
    struct client client;
    struct canary_key key;
    uint64_t number; /* of this exercise */
    int64_t first_ns, started_ns;
    struct buf body, answer;
    uint64_t lines;
    struct error *err;
    bool ok;
};

/* ---------------------------------------------------------------- list */

static int list(const struct arguments *a)
{
    static const char *const columns[] = {"name", "title", "about", NULL};
    struct error err;
    struct buf rows = {0};
    bool ok = scenario_list_json(share_path(a, "content/scenarios"), &rows, &err) &&
              rows_print(a, buf_str(&rows), columns, &err);
    buf_free(&rows);
    return ok ? EXIT_DONE : command_fail(a, EXIT_FOUND, &err);
}

/* ---------------------------------------------------------------- sending */

static bool post(struct drill *d)
{
    if (d->body.n == 0)
        return true;
    buf_clear(&d->answer);
    d->ok = client_post(&d->client, "/api/v1/records/hyakuyo-exercise", "text/plain", buf_str(&d->body),
                        &d->answer, d->err);
    buf_clear(&d->body);
    return d->ok;
}

/* Lines that are due go together; before a pause those that wait are sent. */
static bool wait_for(struct drill *d, int64_t time_ns)
{
    int64_t left_ns = d->started_ns + (time_ns - d->first_ns) - clock_monotonic_ns();
    if (left_ns <= 0)
        return true;
    if (!post(d))
        return false;
    struct timespec pause = {left_ns / NS_PER_SECOND, left_ns % NS_PER_SECOND};
    nanosleep(&pause, NULL);
    return true;
}

static bool line(void *context, int64_t time_ns, unsigned source, struct str text)
{
    struct drill *d = context;
    (void)source;
    if (!wait_for(d, time_ns))
        return false;
    struct canary_mark mark = {.issued_ns = clock_wall_ns(),
                               .number = d->number,
                               .transport = TRANSPORT_HTTP,
                               .is_exercise = true};
    canary_mark_write(&d->key, &mark, text, &d->body);
    buf_char(&d->body, '\n');
    d->lines++;
    return d->body.n < BODY_MAX_BYTES || post(d);
}

static bool truth(void *context, struct str json)
{
    struct drill *d = context;
    (void)d;
    bool is_news =
        str_starts(json, STR("{\"kind\":\"scenario\"")) || str_starts(json, STR("{\"kind\":\"infection\""));
    if (is_news)
        printf("%.*s\n", STR_ARGS(json));
    return true;
}

static bool read_assets(const struct drill *d, struct arena *arena, struct asset_set *set, struct error *err)
{
    const struct arguments *a = d->arguments;
    const char *folder = argument_text(a, "assets");
    const char *path = arena_printf(a->arena, "%s/state.db", argument_text(a, "data")).p;
    if (folder != NULL)
        return asset_read_folder(folder, arena, set, err);
    struct state *state = state_open(path, err);
    bool ok = state != NULL && state_assets_load(state, false, arena, set, err);
    if (state != NULL)
        state_close(state);
    return ok;
}

static bool prepare(struct drill *d, struct arena *arena, struct asset_set *set, struct error *err)
{
    const struct arguments *a = d->arguments;
    if (!client_choose(a, &d->client, err)) {
        if (err->text[0] == 0)
            error_set(err,
                      tr("no server is running on %s; an exercise needs one",
                         "%s で動いているサーバーがありません。演習には必要です"),
                      argument_text(a, "data"));
        return false;
    }
    /* a key that is made here and now would mark nothing that the server believes */
    const char *key = arena_printf(a->arena, "%s/keys/canary.key", argument_text(a, "data")).p;
    if (!file_exists(key))
        return error_set(err,
                         tr("%s is not there; give the server's data folder with --data",
                            "%s がありません。サーバーのデータフォルダーを --data で指定してください"),
                         key);
    if (getrandom(&d->number, sizeof d->number, 0) != (ssize_t)sizeof d->number)
        return error_errno(err, "%s",
                           tr("the system gives no random bytes", "システムから乱数を得られません"));
    return canary_key_load(argument_text(a, "data"), &d->key, err) && read_assets(d, arena, set, err);
}

static bool run_scenario(struct drill *d, struct error *err)
{
    const struct arguments *a = d->arguments;
    struct arena arena;
    struct asset_set set = {.zone = zone_find(STR("local"))};
    arena_init(&arena, 256 << 10);
    err->text[0] = 0;
    bool ok = prepare(d, &arena, &set, err);
    int64_t now_ns = clock_wall_ns();
    struct simulation_options options = {.content = share_path(a, "content"),
                                         .scenarios = argument_text(a, "scenarios"),
                                         .days = SIMULATE_DAYS_MAX / 10,
                                         .seed = d->number,
                                         .start_ns = now_ns,
                                         .speed = (double)argument_number(a, "speed"),
                                         .assets = &set};
    struct simulation *s = ok ? simulation_new(&options, err) : NULL;
    struct buf inject = {0};
    const char *roles = argument_text(a, "roles");
    buf_printf(&inject, "%s@0s%s%s", a->words[1], roles ? "," : "", roles ? roles : "");
    ok = s != NULL && simulation_inject(s, buf_str(&inject), err);
    d->first_ns = now_ns;
    d->started_ns = clock_monotonic_ns();
    d->err = err;
    d->ok = true;
    struct simulation_sink sink = {line, truth, d};
    ok = ok && simulation_run(s, &sink) && post(d) && d->ok;
    buf_free(&inject);
    simulation_free(s);
    arena_free(&arena);
    return ok;
}

static int run(const struct arguments *a)
{
    struct error err;
    struct drill d = {.arguments = a};
    struct str word = str_c(a->words[0]);
    if (str_eq(word, STR("list")) && a->word_count == 1)
        return list(a);
    if (!str_eq(word, STR("run")) || a->word_count != 2) {
        error_set(&err, "%s",
                  tr("write 'drill list' or 'drill run NAME'",
                     "'drill list' か 'drill run 名前' と書いてください"));
        return command_fail(a, EXIT_USAGE, &err);
    }
    bool ok = run_scenario(&d, &err);
    if (ok)
        printf("{\"kind\":\"exercise\",\"exercise\":\"%016llx\",\"scenario\":\"%s\",\"lines\":%llu}\n",
               (unsigned long long)d.number, a->words[1], (unsigned long long)d.lines);
    buf_free(&d.body);
    buf_free(&d.answer);
    return ok ? EXIT_DONE : command_fail(a, EXIT_USAGE, &err);
}

static const struct option options[] = {
    CLIENT_OPTIONS,
    {.name = "data",
     .type = OPTION_TEXT,
     .values = "DIR",
     .fallback = "./var",
     .help_en = "data folder of the server: its key marks the lines, its inventory names the hosts",
     .help_ja = "サーバーのデータフォルダー(行に印を付ける鍵と、端末の台帳)"},
    {.name = "speed",
     .type = OPTION_NUMBER,
     .values = "N",
     .fallback = "1",
     .low = 1,
     .high = 10000,
     .help_en = "N times as fast as the attack was",
     .help_ja = "実際の N 倍の速さで進める"},
    {.name = "roles",
     .type = OPTION_TEXT,
     .values = "ROLE=HOST,…",
     .help_en = "who plays which role; else chosen at random",
     .help_ja = "役割を演じる端末(指定がなければ無作為)"},
    {.name = "assets",
     .type = OPTION_TEXT,
     .values = "DIR",
     .help_en = "context files instead of the inventory in --data",
     .help_ja = "--data の台帳の代わりに使う台帳のフォルダー"},
    {.name = "scenarios",
     .type = OPTION_TEXT,
     .values = "DIR",
     .help_en = "scenarios of one's own",
     .help_ja = "独自シナリオのフォルダー"},
    ROWS_FORMAT_OPTION,
};

const struct command command_drill = {
    .name = "drill",
    .run = run,
    .summary_en = "play a scenario to the running server as an exercise, marked as one everywhere",
    .summary_ja = "シナリオを演習として動作中のサーバーに流す(すべてに演習の印が付く)",
    .words = "list|run [NAME]",
    .word_min = 1,
    .word_max = 2,
    .options = options,
    .option_count = COUNT_OF(options),
    .examples =
        "  hyakuyo drill list\n  hyakuyo drill run web_worm_irc --speed 60 --roles victim=PC-SALES-031\n",
};
