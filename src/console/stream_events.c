/* Live events: filters and sampling. Stage: console. Reads finished batches on the pipeline's workers, leaves
 * at most 20 events a second on each channel of the ring. Next: stream.c. */
#include "console/stream_internal.h"

#include <math.h>

#include "base/memory.h"

/* A bucket of 10 filled at 10 a second lets at most 20 through in any second, ten of them at once. */
#define BURST_EVENTS      10.0
#define EVENTS_PER_SECOND 10.0

static struct channel *find_channel(struct stream *s, struct str expression)
{
    for (size_t i = 0; i < COUNT_OF(s->channels); i++)
        if (s->channels[i].id && str_eq(buf_str(&s->channels[i].expression), expression))
            return &s->channels[i];
    return NULL;
}

static struct channel *new_channel(struct stream *s, struct str expression, enum stream_result *result,
                                   struct console_failure *failure)
{
    void *filter = NULL;
    struct channel *free_place = NULL;
    for (size_t i = 0; i < COUNT_OF(s->channels) && !free_place; i++)
        if (!s->channels[i].id)
            free_place = &s->channels[i];
    if (!free_place) {
        *result = STREAM_FILTERS_FULL;
        return NULL;
    }
    if (expression.n && !(filter = s->services->filter_new(s->services->ctx, expression, failure))) {
        *result = STREAM_BAD_FILTER;
        return NULL;
    }
    *free_place = (struct channel){.id = s->next_channel_id++, .filter = filter, .tokens = BURST_EVENTS};
    free_place->refilled_ns = clock_monotonic_ns();
    buf_add(&free_place->expression, expression);
    atomic_fetch_add(&s->channel_count, 1);
    return free_place;
}

struct channel *channel_join(struct stream *s, struct str expression, enum stream_result *result,
                             struct console_failure *failure)
{
    pthread_rwlock_wrlock(&s->channels_lock);
    struct channel *channel = find_channel(s, expression);
    if (!channel)
        channel = new_channel(s, expression, result, failure);
    if (channel)
        channel->clients++;
    pthread_rwlock_unlock(&s->channels_lock);
    return channel;
}

void channel_leave(struct stream *s, struct channel *channel)
{
    if (!channel)
        return;
    pthread_rwlock_wrlock(&s->channels_lock);
    if (--channel->clients == 0) {
        if (channel->filter)
            s->services->filter_free(channel->filter);
        buf_free(&channel->expression);
        channel->id = 0;
        atomic_fetch_sub(&s->channel_count, 1);
    }
    pthread_rwlock_unlock(&s->channels_lock);
}

/* Takes as many tokens as there are, at most `wanted`. */
static unsigned take_tokens(struct stream *s, struct channel *c, unsigned wanted)
{
    pthread_mutex_lock(&s->lock);
    int64_t now_ns = clock_monotonic_ns();
    double seconds = (double)(now_ns - c->refilled_ns) / (double)NS_PER_SECOND;
    c->tokens = fmin(BURST_EVENTS, c->tokens + seconds * EVENTS_PER_SECOND);
    c->refilled_ns = now_ns;
    unsigned taken = c->tokens < (double)wanted ? (unsigned)c->tokens : wanted;
    c->tokens -= (double)taken;
    pthread_mutex_unlock(&s->lock);
    return taken;
}

static void settle(struct stream *s, struct channel *c, unsigned tokens_left, uint64_t skipped)
{
    pthread_mutex_lock(&s->lock);
    c->tokens += tokens_left;
    c->skipped += skipped;
    s->sampled_out_total += skipped;
    pthread_mutex_unlock(&s->lock);
}

/* The document with "_id" and "_sampled" behind its own members. */
static void send_event(struct stream *s, struct channel *c, const struct event *event)
{
    struct buf json = {0};
    event_json(event, &json);
    BUG_IF(json.n < 2 || json.p[json.n - 1] != '}');
    bool is_empty = json.n == 2;
    json.n--;
    buf_printf(&json, "%s\"_id\":\"%llu\"", is_empty ? "" : ",", (unsigned long long)event->sequence);
    pthread_mutex_lock(&s->lock);
    buf_printf(&json, ",\"_sampled\":%llu}", (unsigned long long)c->skipped);
    c->skipped = 0;
    c->published++;
    stream_push(s, c->id, "event", buf_str(&json), STR_EMPTY);
    pthread_mutex_unlock(&s->lock);
    buf_free(&json);
}

/* Without a filter the choice is spread over the batch. */
static void offer_unfiltered(struct stream *s, struct channel *c, const struct batch *batch)
{
    unsigned tokens = take_tokens(s, c, batch->count);
    settle(s, c, 0, batch->count - tokens);
    for (unsigned i = 0; i < tokens; i++)
        send_event(s, c, &batch->events[(uint64_t)i * batch->count / tokens]);
}

/* Every event is asked, so that the number of those left out is true. */
static void offer_filtered(struct stream *s, struct channel *c, const struct batch *batch)
{
    unsigned tokens = take_tokens(s, c, batch->count);
    uint64_t skipped = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        if (!s->services->filter_match(c->filter, &batch->events[i]))
            continue;
        if (tokens) {
            tokens--;
            send_event(s, c, &batch->events[i]);
        } else {
            skipped++;
        }
    }
    settle(s, c, tokens, skipped);
}

void stream_offer_events(struct stream *s, const struct batch *batch)
{
    if (atomic_load_explicit(&s->channel_count, memory_order_relaxed) == 0 || batch->count == 0)
        return;
    pthread_rwlock_rdlock(&s->channels_lock);
    for (size_t i = 0; i < COUNT_OF(s->channels); i++) {
        struct channel *c = &s->channels[i];
        if (c->id && c->filter)
            offer_filtered(s, c, batch);
        else if (c->id)
            offer_unfiltered(s, c, batch);
    }
    pthread_rwlock_unlock(&s->channels_lock);
}
