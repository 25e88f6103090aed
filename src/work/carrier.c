/* The thread that looks for orders that are due: its settings, its rounds. Next: carrier_lane.c. */
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "work/carrier_internal.h"

#define ROUND_MS 500

struct carrier {
    struct server *server;
    pthread_t thread;
    pthread_mutex_t lock; /* guards settings, is_woken */
    pthread_cond_t wakes;
    struct carrier_settings *settings;
    bool is_woken;
    atomic_bool is_over;
    struct carrier_lanes *lanes;
};

/* ------------------------------------------------------------------ settings */

static struct carrier_settings *load(const char *content, const char *data_dir, struct error *err)
{
    struct carrier_settings *set = NEW(struct carrier_settings);
    set->references = 1;
    arena_init(&set->arena, 8 << 10);
    const char *own = arena_printf(&set->arena, "%s/connectors.yml", data_dir).p;
    const char *path = file_exists(own) ? own : arena_printf(&set->arena, "%s/connectors.yml", content).p;
    if (connectors_load(&set->connectors, path, data_dir, &set->arena, err))
        return set;
    carrier_settings_unref(set);
    return NULL;
}

bool carrier_check(const char *content, struct error *err)
{
    struct carrier_settings *set = load(content, content, err);
    carrier_settings_unref(set);
    return set != NULL;
}

void carrier_settings_unref(struct carrier_settings *set)
{
    if (set == NULL || atomic_fetch_sub(&set->references, 1) > 1)
        return;
    connectors_forget(&set->connectors);
    arena_free(&set->arena);
    memory_free(set);
}

struct carrier_settings *carrier_settings(struct carrier *c)
{
    if (c == NULL)
        return NULL;
    pthread_mutex_lock(&c->lock);
    struct carrier_settings *set = c->settings;
    atomic_fetch_add(&set->references, 1);
    pthread_mutex_unlock(&c->lock);
    return set;
}

bool carrier_reload(struct carrier *c, struct error *err)
{
    struct carrier_settings *set = load(c->server->content_folder, c->server->data_dir, err);
    if (set == NULL)
        return false;
    pthread_mutex_lock(&c->lock);
    struct carrier_settings *old = c->settings;
    c->settings = set;
    pthread_mutex_unlock(&c->lock);
    carrier_settings_unref(old);
    carrier_wake(c);
    return true;
}

/* -------------------------------------------------------------------- rounds */

static void go_round(struct carrier *carrier)
{
    struct arena arena;
    struct console_failure failure = {0};
    arena_init(&arena, 32 << 10);
    struct casework c = work_machine(carrier->server, &arena, &failure);
    if (!carrier_lanes_serve(carrier->lanes, &c))
        carrier_lanes_tell(carrier->lanes, &failure.en);
    arena_free(&arena);
}

static void *run_thread(void *context)
{
    struct carrier *c = context;
    struct timespec until;
    while (!atomic_load(&c->is_over)) {
        go_round(c);
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += ROUND_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_mutex_lock(&c->lock);
        while (!c->is_woken && pthread_cond_timedwait(&c->wakes, &c->lock, &until) == 0)
            ;
        c->is_woken = false;
        pthread_mutex_unlock(&c->lock);
    }
    return NULL;
}

struct carrier *carrier_start(struct server *s, struct error *err)
{
    struct carrier_settings *set = load(s->content_folder, s->data_dir, err);
    if (set == NULL)
        return NULL;
    struct carrier *c = NEW(struct carrier);
    uint32_t on = 0;
    c->server = s;
    c->settings = set;
    c->lanes = carrier_lanes_new(c, s);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->wakes, NULL);
    for (uint32_t i = 0; i < set->connectors.count; i++)
        on += set->connectors.items[i].is_on;
    if (set->connectors.count)
        log_info(tr("connectors: %u, of which on: %u", "コネクタ: %u(有効: %u)"), set->connectors.count, on);
    if (pthread_create(&c->thread, NULL, run_thread, c) != 0)
        BUG("no thread for connectors");
    return c;
}

void carrier_wake(struct carrier *c)
{
    if (c == NULL)
        return;
    pthread_mutex_lock(&c->lock);
    c->is_woken = true;
    pthread_cond_signal(&c->wakes);
    pthread_mutex_unlock(&c->lock);
}

void carrier_stop(struct carrier *c)
{
    if (c == NULL)
        return;
    atomic_store(&c->is_over, true);
    carrier_wake(c);
    pthread_join(c->thread, NULL);
    carrier_lanes_free(c->lanes);
    carrier_settings_unref(c->settings);
    pthread_cond_destroy(&c->wakes);
    pthread_mutex_destroy(&c->lock);
    memory_free(c);
}
