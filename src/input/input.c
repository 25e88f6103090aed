/* All inputs of the process and the loop thread they share. Input stage: the table of protocols, their life,
 * and the walk over their counters. Read input.h, then framing.c, batcher.c and one protocol. */
#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "input/framing.h"
#include "input/internal.h"

#define INPUTS_MAX     256
#define DRAIN_MS       2000
#define DRAIN_PAUSE_MS 5

static const struct input_type *const types[] = {&input_syslog_udp, &input_syslog_tcp, &input_tail};

struct inputs {
    struct input_sink sink;
    uv_loop_t loop;
    uv_async_t wake;
    pthread_t thread;
    bool is_running, has_handles;
    bool is_stopping;     /* read by the loop thread after the wake-up that follows its setting */
    pthread_mutex_t lock; /* guards tables and is_stopping */
    struct input *inputs[INPUTS_MAX];
    size_t count;
    struct counters *tables[2 * INPUTS_MAX];
    size_t table_count;
};

static bool is_stopping(struct inputs *all)
{
    pthread_mutex_lock(&all->lock);
    bool stops = all->is_stopping;
    pthread_mutex_unlock(&all->lock);
    return stops;
}

static void stop_all(struct inputs *all)
{
    for (size_t i = 0; i < all->count; i++)
        all->inputs[i]->type->stop(all->inputs[i]);
    uv_close((uv_handle_t *)&all->wake, NULL);
    all->has_handles = false;
}

static void on_wake(uv_async_t *wake)
{
    struct inputs *all = wake->data;
    if (is_stopping(all)) {
        stop_all(all);
        return;
    }
    for (size_t i = 0; i < all->count; i++)
        all->inputs[i]->type->room(all->inputs[i]);
}

struct inputs *inputs_new(const struct input_sink *sink, struct error *err)
{
    struct inputs *all = NEW(struct inputs);
    all->sink = *sink;
    pthread_mutex_init(&all->lock, NULL);
    int code = uv_loop_init(&all->loop);
    if (code == 0) {
        code = uv_async_init(&all->loop, &all->wake, on_wake);
        all->has_handles = code == 0;
        if (code != 0)
            uv_loop_close(&all->loop);
    }
    if (code != 0) {
        error_set(err,
                  tr("cannot create the event loop of the inputs: %s",
                     "入力のイベントループを作成できません: %s"),
                  uv_strerror(code));
        pthread_mutex_destroy(&all->lock);
        memory_free(all);
        return NULL;
    }
    all->wake.data = all;
    return all;
}

static const struct input_type *find_type(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (str_eq(str_c(types[i]->name), str_c(name)))
            return types[i];
    return NULL;
}

struct counters *inputs_counters(struct inputs *all, const char *name, enum transport transport)
{
    struct counters *c = counters_new(name, transport);
    pthread_mutex_lock(&all->lock);
    BUG_IF(all->table_count == COUNT_OF(all->tables));
    all->tables[all->table_count++] = c;
    pthread_mutex_unlock(&all->lock);
    return c;
}

static char *copy(const char *c, const char *fallback)
{
    return memory_strdup(c ? c : fallback);
}

static struct input *input_new(struct inputs *all, const struct input_type *type,
                               const struct input_settings *s)
{
    struct input *in = NEW(struct input);
    *in = (struct input){.type = type, .settings = *s, .all = all, .loop = &all->loop, .sink = &all->sink};
    size_t most = s->max_message_bytes ? s->max_message_bytes : FRAMING_DEFAULT_MAX_MESSAGE;
    in->settings.max_message_bytes = most > FRAMING_LARGEST_MAX_MESSAGE ? FRAMING_LARGEST_MAX_MESSAGE : most;
    in->settings.name = copy(s->name, type->name);
    in->settings.address = copy(s->address, "127.0.0.1");
    in->counters = inputs_counters(all, in->settings.name, type->transport);
    return in;
}

bool inputs_add(struct inputs *all, const struct input_settings *settings, struct error *err)
{
    const struct input_type *type = find_type(settings->type ? settings->type : "");
    if (!type)
        return error_set(err,
                         tr("there is no input of the type \"%s\": use syslog_udp, syslog_tcp or tail",
                            "入力の種類 \"%s\" はありません。syslog_udp、syslog_tcp、tail のいずれかです"),
                         settings->type ? settings->type : "");
    if (all->count == INPUTS_MAX)
        return error_set(err, tr("there are more than %d inputs", "入力が %d 個を超えています"), INPUTS_MAX);
    BUG_IF(all->is_running);
    struct input *in = input_new(all, type, settings);
    all->inputs[all->count++] = in; /* on false it is stopped and closed with the others */
    return type->open(in, err);
}

static void *run(void *context)
{
    struct inputs *all = context;
    uv_run(&all->loop, UV_RUN_DEFAULT);
    return NULL;
}

bool inputs_start(struct inputs *all, struct error *err)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->inputs[i]->type->start && !all->inputs[i]->type->start(all->inputs[i], err))
            return false;
    int failed = pthread_create(&all->thread, NULL, run, all);
    if (failed)
        return error_set(err,
                         tr("cannot start the thread of the inputs: %s",
                            "入力のスレッドを開始できません: %s"),
                         strerror(failed));
    pthread_setname_np(all->thread, "input");
    all->is_running = true;
    return true;
}

uint16_t inputs_port(const struct inputs *all, const char *name)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct input *in = all->inputs[i];
        if (in->type->port && str_eq(str_c(in->settings.name), str_c(name)))
            return in->type->port(in);
    }
    return 0;
}

void inputs_room(struct inputs *all)
{
    pthread_mutex_lock(&all->lock);
    if (!all->is_stopping)
        uv_async_send(&all->wake);
    pthread_mutex_unlock(&all->lock);
}

static void drain(struct inputs *all)
{
    int64_t until = clock_monotonic_ns() + DRAIN_MS * NS_PER_MS;
    bool gives_up = false;
    for (bool is_done = false; !is_done && !gives_up;) {
        gives_up = clock_monotonic_ns() >= until;
        is_done = true;
        for (size_t i = 0; i < all->count; i++)
            is_done = all->inputs[i]->type->drain(all->inputs[i], gives_up) && is_done;
        if (!is_done)
            nanosleep(&(struct timespec){.tv_nsec = DRAIN_PAUSE_MS * NS_PER_MS}, NULL);
    }
}

void inputs_stop(struct inputs *all)
{
    if (!all->has_handles)
        return;
    pthread_mutex_lock(&all->lock);
    all->is_stopping = true;
    if (all->is_running)
        uv_async_send(&all->wake);
    pthread_mutex_unlock(&all->lock);
    if (all->is_running) {
        pthread_join(all->thread, NULL);
    } else {
        stop_all(all);
        uv_run(&all->loop, UV_RUN_DEFAULT);
    }
    all->is_running = false;
    drain(all);
}

void inputs_free(struct inputs *all)
{
    if (!all)
        return;
    inputs_stop(all);
    for (size_t i = 0; i < all->count; i++) {
        struct input *in = all->inputs[i];
        in->type->close(in);
        memory_free((char *)in->settings.name);
        memory_free((char *)in->settings.address);
        memory_free(in);
    }
    for (size_t i = 0; i < all->table_count; i++)
        counters_free(all->tables[i]);
    BUG_IF(uv_loop_close(&all->loop) != 0);
    pthread_mutex_destroy(&all->lock);
    memory_free(all);
}

static void each_table(struct inputs *all, void (*read)(struct counters *, input_tally_visit *, void *),
                       input_tally_visit *visit, void *context)
{
    pthread_mutex_lock(&all->lock);
    size_t count = all->table_count;
    pthread_mutex_unlock(&all->lock);
    for (size_t i = 0; i < count; i++) /* tables are only ever added */
        read(all->tables[i], visit, context);
}

void input_counters_walk(struct inputs *all, input_tally_visit *visit, void *context)
{
    each_table(all, counters_walk, visit, context);
}

void input_counters_take(struct inputs *all, input_tally_visit *visit, void *context)
{
    each_table(all, counters_take, visit, context);
}
