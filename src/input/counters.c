/* Counters: what each input got from each sender, and what of it was lost, by hour. Input stage: fed by the
 * protocols, read by metrics and balance. The balance takes away what it read, so an hour is kept here only
 * until it was taken. */
#include <pthread.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/memory.h"
#include "input/internal.h"

#define SENDERS_MAX 16384
/* Untaken hours of one sender; when the taker is away longer, the two oldest are added up. */
#define HOURS_MAX 48
#define HOUR_NS   (3600 * NS_PER_SECOND)

struct hour {
    int64_t start_ns;
    struct input_count count;
};

struct sender {
    char *name;
    struct str text;
    struct input_count total;
    struct hour *hours; /* oldest first as they were met */
    size_t hour_count, hour_capacity;
    int64_t last_ns;
};

struct counters {
    pthread_mutex_t lock;
    char *name;
    enum transport transport;
    struct map by_text;
    struct sender **senders;
    size_t count;
    struct sender *other; /* those past SENDERS_MAX; its total also keeps the totals of forgotten ones */
};

static struct sender *sender_new(struct str text)
{
    struct sender *s = NEW(struct sender);
    s->name = memory_alloc(text.n + 1);
    memcpy(s->name, text.p, text.n);
    s->name[text.n] = '\0';
    s->text = str_n(s->name, text.n);
    return s;
}

static void sender_free(struct sender *s)
{
    memory_free(s->hours);
    memory_free(s->name);
    memory_free(s);
}

struct counters *counters_new(const char *name, enum transport transport)
{
    struct counters *c = NEW(struct counters);
    pthread_mutex_init(&c->lock, NULL);
    c->name = memory_strdup(name);
    c->transport = transport;
    c->senders = NEW_ARRAY(struct sender *, SENDERS_MAX);
    c->other = sender_new(STR("(other senders)"));
    return c;
}

void counters_free(struct counters *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->count; i++)
        sender_free(c->senders[i]);
    sender_free(c->other);
    map_free(&c->by_text);
    memory_free(c->senders);
    memory_free(c->name);
    pthread_mutex_destroy(&c->lock);
    memory_free(c);
}

void input_count_add(struct input_count *to, const struct input_count *more)
{
    to->received += more->received;
    to->bytes += more->bytes;
    to->lost += more->lost;
    to->cut += more->cut;
    to->cut_bytes += more->cut_bytes;
    to->bad_framing += more->bad_framing;
}

void input_count_record(struct input_count *to, size_t bytes, uint16_t flags)
{
    to->received++;
    to->bytes += bytes;
    to->cut += (flags & RECORD_CUT) != 0;
    to->bad_framing += (flags & RECORD_BAD_FRAMING) != 0;
}

/* Forgets senders that were silent for an hour and have nothing untaken; their sums move to "(other
 * senders)". */
static void forget_silent(struct counters *c, int64_t now_ns)
{
    size_t kept = 0;
    map_clear(&c->by_text);
    for (size_t i = 0; i < c->count; i++) {
        struct sender *s = c->senders[i];
        if (s->hour_count == 0 && now_ns - s->last_ns > HOUR_NS) {
            input_count_add(&c->other->total, &s->total);
            sender_free(s);
            continue;
        }
        c->senders[kept++] = s;
        *map_put(&c->by_text, s->text, NULL) = (uintptr_t)s;
    }
    c->count = kept;
}

static struct sender *find(struct counters *c, struct str text, int64_t now_ns)
{
    struct sender *s = map_get_pointer(&c->by_text, text);
    if (s)
        return s;
    if (c->count == SENDERS_MAX && now_ns - c->other->last_ns > 60 * NS_PER_SECOND)
        forget_silent(c, now_ns); /* a flood of senders must not make this run for each of them */
    if (c->count == SENDERS_MAX)
        return c->other;
    s = sender_new(text);
    c->senders[c->count++] = s;
    *map_put(&c->by_text, s->text, NULL) = (uintptr_t)s;
    return s;
}

static struct input_count *hour_of(struct sender *s, int64_t time_ns)
{
    int64_t start = time_ns - time_ns % HOUR_NS;
    for (size_t i = s->hour_count; i-- > 0;)
        if (s->hours[i].start_ns == start)
            return &s->hours[i].count;
    if (s->hour_count == HOURS_MAX) {
        input_count_add(&s->hours[1].count, &s->hours[0].count);
        s->hour_count--;
        memmove(s->hours, s->hours + 1, s->hour_count * sizeof *s->hours);
    }
    if (s->hour_count == s->hour_capacity) {
        s->hour_capacity = s->hour_capacity ? s->hour_capacity * 2 : 2;
        s->hours = memory_resize_array(s->hours, s->hour_capacity, sizeof *s->hours);
    }
    s->hours[s->hour_count] = (struct hour){.start_ns = start};
    return &s->hours[s->hour_count++].count;
}

void counters_add(struct counters *c, struct str sender, int64_t received_ns, const struct input_count *more)
{
    pthread_mutex_lock(&c->lock);
    struct sender *s = find(c, sender, received_ns);
    s->last_ns = received_ns;
    input_count_add(&s->total, more);
    input_count_add(hour_of(s, received_ns), more);
    pthread_mutex_unlock(&c->lock);
}

static struct sender *sender_at(struct counters *c, size_t i)
{
    return i < c->count ? c->senders[i] : c->other;
}

void counters_walk(struct counters *c, input_tally_visit *visit, void *context)
{
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i <= c->count; i++) {
        const struct sender *s = sender_at(c, i);
        if (s == c->other && s->total.received == 0)
            continue;
        struct input_tally tally = {str_c(c->name), c->transport, s->text, 0, s->total};
        visit(context, &tally);
    }
    pthread_mutex_unlock(&c->lock);
}

void counters_take(struct counters *c, input_tally_visit *visit, void *context)
{
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i <= c->count; i++) {
        struct sender *s = sender_at(c, i);
        for (size_t h = 0; h < s->hour_count; h++) {
            struct input_tally tally = {str_c(c->name), c->transport, s->text, s->hours[h].start_ns,
                                        s->hours[h].count};
            visit(context, &tally);
        }
        s->hour_count = 0;
    }
    pthread_mutex_unlock(&c->lock);
}
