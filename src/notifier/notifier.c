/* The thread of the notifier: its settings, its rounds. Next: notifier_look.c. */
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/poked_thread.h"
#include "base/secret.h"
#include "notifier/notifier_internal.h"
#include "store/state_record.h"
#include "work/outside.h"

#define ROUND_NS          (500 * NS_PER_MS)
#define CLOCKS_EVERY_S    15
#define CLOCKS_SOON_S     2
#define CLOCKS_COST_SHARE 20 /* and so much longer than the last look took */
#define COUNTED_MOST      1000
#define SENT_AT_ONCE      100 /* of one round: then it looks around again */

struct notifier {
    struct server *server;
    const char *content;
    struct poked_thread thread;
    pthread_mutex_t lock; /* guards settings */
    struct notify_settings *settings;
    int64_t clocks_ns; /* when they were looked at last */
    int64_t clocks_cost_ns;
    bool heard;        /* something was recorded since then */
    struct error told; /* the last failure of a round: each is told once */
};

/* ------------------------------------------------------------------ settings */

static const char *file_of(struct notify_settings *set, const char *content, const char *data_dir,
                           const char *name)
{
    const char *own = arena_printf(&set->arena, "%s/%s", data_dir, name).p;
    return file_exists(own) ? own : arena_printf(&set->arena, "%s/%s", content, name).p;
}

static struct notify_settings *load(const char *content, const char *data_dir, struct error *err)
{
    struct notify_settings *set = NEW(struct notify_settings);
    set->references = 1;
    arena_init(&set->arena, 32 << 10);
    set->calendar = calendar_load(file_of(set, content, data_dir, "calendar.yml"), err);
    const char *webhooks = arena_printf(&set->arena, "%s/webhooks", content).p;
    if (set->calendar != NULL &&
        notify_rules_load(&set->rules, file_of(set, content, data_dir, "notify.yml"), set->calendar,
                          &set->arena, err) &&
        channels_load(&set->channels, data_dir, webhooks, &set->arena, err))
        return set;
    notify_settings_unref(set);
    return NULL;
}

bool notifier_check(const char *content, struct error *err)
{
    struct arena arena;
    struct notify_rules rules;
    arena_init(&arena, 32 << 10);
    struct calendar *calendar = calendar_load(arena_printf(&arena, "%s/calendar.yml", content).p, err);
    bool ok = calendar != NULL && notify_rules_load(&rules, arena_printf(&arena, "%s/notify.yml", content).p,
                                                    calendar, &arena, err);
    calendar_free(calendar);
    arena_free(&arena);
    return ok;
}

void notify_settings_unref(struct notify_settings *set)
{
    if (set == NULL || atomic_fetch_sub(&set->references, 1) > 1)
        return;
    for (uint32_t i = 0; i < set->channels.count; i++)
        secret_forget(set->channels.items[i].secret);
    calendar_free(set->calendar);
    arena_free(&set->arena);
    memory_free(set);
}

struct notify_settings *notifier_settings(struct notifier *n)
{
    pthread_mutex_lock(&n->lock);
    struct notify_settings *set = n->settings;
    atomic_fetch_add(&set->references, 1);
    pthread_mutex_unlock(&n->lock);
    return set;
}

bool notifier_reload(struct notifier *n, struct error *err)
{
    struct notify_settings *set = load(n->content, n->server->data_dir, err);
    if (set == NULL)
        return false;
    pthread_mutex_lock(&n->lock);
    struct notify_settings *old = n->settings;
    n->settings = set;
    pthread_mutex_unlock(&n->lock);
    notify_settings_unref(old);
    notifier_wake(n);
    return true;
}

/* -------------------------------------------------------------------- rounds */

/* How far the record was read, and since when. A notifier that was off begins at the record's end: nobody is
 * told of the past. */
static bool open_feed(struct notify_run *run, struct work_row *feed, struct error *err)
{
    struct work_rows rows;
    struct record_row head;
    if (!state_work_list(run->s->state, WORK_FEED, -1, STR_EMPTY, 1, run->arena, &rows, err))
        return false;
    if (rows.count) {
        *feed = rows.rows[0];
        return true;
    }
    if (!state_record_head(run->s->state, 0, run->arena, &head, err))
        return false;
    *feed = (struct work_row){0};
    feed->values[FEED_ENTRY] = work_text_of((int64_t)head.seq, run->arena);
    feed->values[FEED_SINCE] = work_text_of(run->now_ns, run->arena);
    feed->values[FEED_POSTURE] = STR_EMPTY;
    return state_work_add(run->s->state, WORK_FEED, feed, err);
}

static bool close_feed(struct notify_run *run, struct error *err)
{
    struct work_rows rows;
    return state_work_list(run->s->state, WORK_FEED, -1, STR_EMPTY, 1, run->arena, &rows, err) &&
           (rows.count == 0 || state_work_remove(run->s->state, WORK_FEED, rows.rows[0].id, err));
}

/* A channel that refuses once in a round is left alone for the rest of it. */
static bool send_due(struct notify_run *run, struct error *err)
{
    struct work_rows waiting;
    struct str refusing[32];
    uint32_t refusing_count = 0;
    if (!state_work_list(run->s->state, WORK_MESSAGE, MESSAGE_STATUS, STR("waiting"), 10000, run->arena,
                         &waiting, err))
        return false;
    for (uint32_t i = 0, sent = 0; i < waiting.count && sent < SENT_AT_ONCE && !atomic_load(run->is_over);
         i++) {
        struct work_row *message = &waiting.rows[i];
        bool reached, is_refusing = false;
        for (uint32_t k = 0; k < refusing_count; k++)
            is_refusing |= str_eq(refusing[k], message->values[MESSAGE_CHANNEL]);
        if (is_refusing || message->values[MESSAGE_BATCH].n ||
            work_number(message, MESSAGE_DUE) > run->now_ns)
            continue;
        if (!notify_send(run, message, &reached, err))
            return false;
        sent++;
        if (!reached && refusing_count < COUNT_OF(refusing))
            refusing[refusing_count++] = message->values[MESSAGE_CHANNEL];
    }
    return true;
}

/* Every so often, and soon when something was done: a fact that somebody tells may end or begin a clock. */
static bool is_time_for_clocks(const struct notifier *n, int64_t now_ns, bool heard)
{
    int64_t since_ns = now_ns - n->clocks_ns;
    return since_ns < 0 || (since_ns >= (heard ? CLOCKS_SOON_S : CLOCKS_EVERY_S) * NS_PER_SECOND &&
                            since_ns >= n->clocks_cost_ns * CLOCKS_COST_SHARE);
}

static bool round_on(struct notifier *n, struct notify_run *run, struct error *err)
{
    struct work_row feed;
    if (!open_feed(run, &feed, err))
        return false;
    int64_t entry = work_number(&feed, FEED_ENTRY);
    if (!notify_look_record(run, &feed, err))
        return false;
    n->heard |= work_number(&feed, FEED_ENTRY) != entry;
    if (is_time_for_clocks(n, run->now_ns, n->heard)) {
        n->clocks_ns = run->now_ns;
        n->heard = false;
        int64_t began_ns = clock_monotonic_ns();
        if (!notify_look_clocks(run, work_number(&feed, FEED_SINCE), err))
            return false;
        n->clocks_cost_ns = clock_monotonic_ns() - began_ns;
    }
    return notify_escalate(run, err) && notify_gather(run, err) && send_due(run, err);
}

static int64_t go_round(void *context)
{
    struct notifier *n = context;
    struct arena arena;
    struct error err = {{0}};
    struct notify_settings *set = notifier_settings(n);
    arena_init(&arena, 64 << 10);
    struct notify_run run = {.s = n->server,
                             .set = set,
                             .arena = &arena,
                             .now_ns = clock_wall_ns(),
                             .is_over = &n->thread.is_over};
    bool ok = set->channels.count ? round_on(n, &run, &err) : close_feed(&run, &err);
    if (!ok && !str_eq(str_c(err.text), str_c(n->told.text)))
        log_warning(tr("notifications could not be looked after: %s", "通知を処理できませんでした: %s"),
                    err.text);
    n->told = err;
    arena_free(&arena);
    notify_settings_unref(set);
    return ROUND_NS;
}

/* ------------------------------------------------------------- start and stop */

struct notifier *notifier_start(struct server *s, const char *content, struct error *err)
{
    struct notify_settings *set = load(content, s->data_dir, err);
    if (set == NULL)
        return NULL;
    struct notifier *n = NEW(struct notifier);
    n->server = s;
    n->content = content;
    n->settings = set;
    pthread_mutex_init(&n->lock, NULL);
    if (set->channels.count)
        log_info(tr("notifications: %u channels, %u rules", "通知: 経路 %u、規則 %u"), set->channels.count,
                 set->rules.count);
    poked_thread_start(&n->thread, "notifier", go_round, n);
    return n;
}

void notifier_wake(struct notifier *n)
{
    if (n)
        poked_thread_poke(&n->thread);
}

void notifier_stop(struct notifier *n)
{
    if (n == NULL)
        return;
    poked_thread_stop(&n->thread);
    notify_settings_unref(n->settings);
    pthread_mutex_destroy(&n->lock);
    memory_free(n);
}

bool notifier_count(struct server *s, struct notify_numbers *out, struct error *err)
{
    struct arena arena;
    struct work_rows rows;
    int64_t yesterday_ns = clock_wall_ns() - 86400 * NS_PER_SECOND;
    *out = (struct notify_numbers){0};
    arena_init(&arena, 64 << 10);
    bool ok = state_work_list(s->state, WORK_MESSAGE, MESSAGE_STATUS, STR("waiting"), COUNTED_MOST, &arena,
                              &rows, err);
    out->waiting = ok ? rows.count : 0;
    for (uint32_t i = 0; ok && i < rows.count; i++)
        out->retrying += work_number(&rows.rows[i], MESSAGE_ATTEMPTS) > 0;
    ok = ok && state_work_list(s->state, WORK_MESSAGE, MESSAGE_STATUS, STR("failed"), COUNTED_MOST, &arena,
                               &rows, err);
    out->failed = ok ? rows.count : 0;
    for (uint32_t i = 0; ok && i < rows.count; i++)
        out->failed_lately += work_number(&rows.rows[i], MESSAGE_TRIED) > yesterday_ns ||
                              work_number(&rows.rows[i], MESSAGE_ENTERED) > yesterday_ns;
    arena_free(&arena);
    return ok;
}
