/* Making and keeping reports in the server, on demand and by schedule. Next: services_reports.c. */
#include "reporting/reporter.h"

#include <stdio.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/poked_thread.h"
#include "base/sha256.h"
#include "console/roles.h"

#define LOOK_NS           (30 * NS_PER_SECOND)
#define FILE_MAX          (512u << 20)
#define WORKING_DAYS_LEFT 3
#define FORMS_MAX         64
#define RETRY_NS          (3600 * NS_PER_SECOND)

struct reporter {
    struct server *server;
    const char *forms;
    struct poked_thread thread;
    pthread_mutex_t making;
    int64_t retry_ns; /* the schedule rests until then: a report could not be made */
    _Atomic uint32_t overdue;
};

/* ------------------------------------------------------------------- making */

static bool document(void *context, struct str name, struct buf *json, struct error *err)
{
    struct server *s = context;
    struct console_services services = {0};
    struct console_failure failure = {0};
    struct arena arena;
    uint64_t incident;
    bool ok;
    if (str_eq(name, STR("fleet"))) {
        services_fleet(&services);
        arena_init(&arena, 64 << 10);
        ok = services.fleet(s, STR_EMPTY, &arena, json, &failure);
        arena_free(&arena);
    } else if (str_eq(name, STR("posture"))) {
        services_posture(&services);
        ok = services.posture(s, &(struct posture_action){.kind = POSTURE_LOOK}, json, &failure);
    } else if (str_starts(name, STR("deadlines/")) && str_to_u64(str_skip(name, 10), 10, &incident)) {
        services_outside(&services);
        arena_init(&arena, 64 << 10);
        ok = services.deadlines(s, incident, &arena, json, &failure);
        arena_free(&arena);
    } else {
        return error_set(err, tr("there is no document '%.*s'", "文書 '%.*s' はありません"), STR_ARGS(name));
    }
    return ok || error_set(err, "%s", failure.en.text);
}

static void system_name(void *context, struct str system, struct arena *arena, struct str *en, struct str *ja)
{
    struct server *s = context;
    struct knowledge *k = engine_knowledge(s->engine);
    knowledge_system_name(k->normaliser, system, en, ja);
    *en = arena_str(arena, *en);
    *ja = arena_str(arena, *ja);
    knowledge_unref(k);
}

static bool build(struct reporter *r, const struct report_order *order, const struct report_rendering *how,
                  struct report_row *row, struct arena *arena, struct buf *file, struct error *err)
{
    struct server *s = r->server;
    enum report_format format;
    struct report_world world = {.data_dir = s->data_dir,
                                 .store = s->store,
                                 .state = state_reader_open(s->data_dir, err),
                                 .now_ns = clock_wall_ns(),
                                 .criteria_version = s->criteria->version,
                                 .console_url = s->url,
                                 .document = document,
                                 .system_name = system_name,
                                 .context = s};
    struct report *report = world.state ? report_build(&world, order, err) : NULL;
    bool ok = report != NULL && report_render(report, how, file, &format, err);
    if (ok) {
        row->from_ns = report->from_ns;
        row->to_ns = report->to_ns;
        row->incident = report->incident;
        row->built_ns = report->as_of_ns;
        row->format = str_c(report_format_name(format));
        row->language = report->language == LANGUAGE_JA ? STR("ja") : STR("en");
        row->section = arena_str(arena, how->section);
        row->seed = how->seed;
    }
    report_free(report);
    state_reader_close(world.state);
    return ok;
}

static struct str hash_of(struct str content, struct arena *arena)
{
    unsigned char hash[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    struct sha256 *h = sha256_new();
    sha256_add(h, content);
    sha256_end(h, hash);
    for (size_t i = 0; i < SHA256_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    return arena_str(arena, str_c(hex));
}

static struct str path_of(const struct reporter *r, struct str file, struct arena *arena)
{
    return arena_printf(arena, "%s/reports/%.*s", r->server->data_dir, STR_ARGS(file));
}

/* What became of a report, in the transaction that the caller has begun. */
static bool record(struct reporter *r, const char *action, const struct report_row *row, struct str who,
                   struct str role, struct str text, struct error *err)
{
    char target[40];
    snprintf(target, sizeof target, "report/%llu", (unsigned long long)row->id);
    struct deed deed = {.action = action,
                        .actor = who,
                        .role = role,
                        .incident = row->incident,
                        .target = str_c(target),
                        .event_ns = TIME_UNKNOWN,
                        .text = text,
                        .evidence = row->sha256};
    return recorder_commit(r->server->recorder, &deed, err);
}

static bool enter(struct reporter *r, struct report_row *row, struct error *err)
{
    struct recorder *recorder = r->server->recorder;
    if (!recorder_begin(recorder, err))
        return false;
    if (!state_reports_add(r->server->state, row, err)) {
        recorder_rollback(recorder);
        return false;
    }
    return record(r, "execute", row, row->built_by, STR_EMPTY, row->name, err);
}

bool reporter_sign(struct reporter *r, const struct report_row *row, struct str who, unsigned roles,
                   struct str note, struct error *err)
{
    struct recorder *recorder = r->server->recorder;
    struct buf role = {0};
    if (!recorder_begin(recorder, err))
        return false;
    if (!state_reports_sign(r->server->state, row->id, who, note, clock_wall_ns(), err)) {
        recorder_rollback(recorder);
        return false;
    }
    roles_format(roles, &role);
    bool ok = record(r, "approve", row, who, buf_str(&role), note, err);
    buf_free(&role);
    return ok;
}

static bool keep(struct reporter *r, struct str content, struct arena *arena, struct report_row *row,
                 struct error *err)
{
    struct str folder = arena_printf(arena, "%s/reports", r->server->data_dir);
    row->sha256 = hash_of(content, arena);
    row->bytes = content.n;
    row->file =
        arena_printf(arena, "%.*s-%.*s.%.*s", STR_ARGS(row->name), 32, row->sha256.p, STR_ARGS(row->format));
    /* The file first: an entry without its file would be a report that nobody can read. */
    return file_make_folders(folder.p, 0700, err) &&
           file_write_atomic(path_of(r, row->file, arena).p, content, 0600, err) && enter(r, row, err);
}

bool reporter_make(struct reporter *r, const struct report_order *order, const struct report_rendering *how,
                   struct arena *arena, struct report_row *row, bool *is_busy, struct error *err)
{
    struct buf file = {0};
    *is_busy = pthread_mutex_trylock(&r->making) != 0;
    if (*is_busy)
        return error_set(err, "%s",
                         tr("another report is being made; try again when it is done",
                            "別の報告書を作成中です。終わってからもう一度実行してください"));
    bool ok = build(r, order, how, row, arena, &file, err) && keep(r, buf_str(&file), arena, row, err);
    pthread_mutex_unlock(&r->making);
    buf_free(&file);
    return ok;
}

bool reporter_read(struct reporter *r, const struct report_row *row, struct buf *out, struct error *err)
{
    struct arena arena;
    arena_init(&arena, 4096);
    struct str path = path_of(r, row->file, &arena);
    bool ok = file_read(path.p, FILE_MAX, out, err);
    if (ok && !str_eq(hash_of(buf_str(out), &arena), row->sha256))
        ok = error_set(err,
                       tr("%s is not the file that was kept: its SHA-256 is another",
                          "%s は保存時のファイルと異なります(SHA-256 が一致しません)"),
                       path.p);
    arena_free(&arena);
    return ok;
}

/* ----------------------------------------------------------------- schedule */

/* The end of the n-th working day (Monday to Friday, local) after `from_ns`. */
static int64_t after_working_days(int64_t from_ns, unsigned n, const struct zone *zone)
{
    int64_t seconds = from_ns / NS_PER_SECOND;
    int64_t day = (seconds + zone_offset_at_utc(zone, seconds)) / 86400;
    while (n > 0) {
        day++;
        n -= (day + 3) % 7 < 5; /* day 0 was a Thursday; 0 = Monday */
    }
    int64_t local = (day + 1) * 86400;
    return (local - zone_offset_at_local(zone, local)) * NS_PER_SECOND;
}

static bool is_time(const struct report *form, const struct zone *zone, int64_t now_ns)
{
    int64_t seconds = now_ns / NS_PER_SECOND;
    int64_t local = seconds + zone_offset_at_utc(zone, seconds);
    return form->scheduled_minute >= 0 && local % 86400 / 60 >= form->scheduled_minute;
}

/* Whether the installation has seen anything of that period: a new one has no yesterday. */
static bool has_past(struct server *s, int64_t to_ns)
{
    struct arena arena;
    struct error err;
    struct balance_count *rows, total;
    uint32_t count = 0;
    struct balance_filter filter = {.from_hour = INT64_MIN,
                                    .to_hour = to_ns / (3600 * NS_PER_SECOND) - 1,
                                    .source = UINT32_MAX};
    arena_init(&arena, 64 << 10);
    bool ok = state_balance_list(s->state, &filter, &arena, &rows, &count, &total, &err);
    arena_free(&arena);
    return ok && count > 0;
}

static void make_scheduled(struct reporter *r, const struct report *form, int64_t now_ns)
{
    struct server *s = r->server;
    struct error err;
    struct arena arena;
    int64_t from_ns, to_ns;
    bool has = false, is_busy;
    report_default_period(form->period, s->zone, now_ns, &from_ns, &to_ns);
    if (!state_reports_has(s->state, form->name, from_ns, to_ns, &has, &err) || has || !has_past(s, to_ns))
        return;
    arena_init(&arena, 4096);
    struct report_order order = {.forms = r->forms,
                                 .name = form->name,
                                 .from_ns = from_ns,
                                 .to_ns = to_ns,
                                 .language = language_current(),
                                 .zone = s->zone};
    struct report_rendering how = {.format = REPORT_PDF, .section = STR_EMPTY};
    struct report_row row = {.name = form->name,
                             .built_by = STR("hyakuyo"),
                             .due_ns = after_working_days(now_ns, WORKING_DAYS_LEFT, s->zone)};
    if (reporter_make(r, &order, &how, &arena, &row, &is_busy, &err))
        log_info(tr("the report '%.*s' is made and waits for a signature (report %llu)",
                    "報告書 '%.*s' を作成しました。署名待ちです(報告書 %llu)"),
                 STR_ARGS(form->name), (unsigned long long)row.id);
    else if (!is_busy) {
        r->retry_ns = now_ns + RETRY_NS;
        log_warning(tr("the report '%.*s' could not be made: %s", "報告書 '%.*s' を作成できません: %s"),
                    STR_ARGS(form->name), err.text);
    }
    arena_free(&arena);
}

static void look(struct reporter *r)
{
    struct arena arena;
    struct error err;
    struct str *names;
    size_t count;
    int64_t now_ns = clock_wall_ns();
    arena_init(&arena, 4096);
    if (!report_form_names(r->forms, &arena, &names, &count, &err))
        count = 0;
    for (size_t i = 0; i < count && i < FORMS_MAX; i++) {
        struct report *form = report_form_load(r->forms, names[i], &err);
        if (form != NULL && now_ns >= r->retry_ns && is_time(form, r->server->zone, now_ns))
            make_scheduled(r, form, now_ns);
        report_free(form);
    }
    arena_free(&arena);
    reporter_count_overdue(r);
}

void reporter_count_overdue(struct reporter *r)
{
    struct error err;
    uint32_t count;
    if (!state_reports_overdue(r->server->state, clock_wall_ns(), &count, &err))
        return;
    if (count > r->overdue)
        log_warning(tr("%u reports have waited three working days for a signature",
                       "署名されないまま3営業日を過ぎた報告書が %u 件あります"),
                    count);
    r->overdue = count;
}

static int64_t go_round(void *context)
{
    look(context);
    return LOOK_NS;
}

struct reporter *reporter_start(struct server *s, const char *forms)
{
    struct reporter *r = NEW(struct reporter);
    r->server = s;
    r->forms = forms;
    pthread_mutex_init(&r->making, NULL);
    poked_thread_start(&r->thread, "reporter", go_round, r);
    return r;
}

void reporter_stop(struct reporter *r)
{
    if (r == NULL)
        return;
    poked_thread_stop(&r->thread);
    pthread_mutex_destroy(&r->making);
    memory_free(r);
}

const char *reporter_forms(const struct reporter *r)
{
    return r->forms;
}

uint32_t reporter_overdue(struct reporter *r)
{
    return r->overdue;
}
