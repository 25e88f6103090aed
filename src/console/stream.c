/* The live stream's ring, clients and thread. Stage: console. Reads findings, incidents, rates and batches,
 * leaves text/event-stream bytes. Sampling and filters of events are in stream_events.c. Next: http.c, which
 * moves the bytes.
 *
 * One mutex (`lock`) guards the ring, the clients and the channels' counters; it is held for microseconds.
 * The channels' filters have their own read-write lock, because workers evaluate them. */
#include "console/stream_internal.h"

#include <time.h>

#include "base/json.h"
#include "base/memory.h"
#include "console/incident_json.h"

#define COALESCE_NS       (20 * NS_PER_MS)
#define HEARTBEAT_SECONDS 15
#define PENDING_BYTES     16384

/* ------------------------------------------------------------------ ring */

static struct message *slot_of(struct stream *s, uint64_t id)
{
    return &s->ring[id % RING_MESSAGES];
}

/* Small buffers stay for the next message of the slot. */
static void empty(struct buf *b)
{
    buf_clear(b);
    if (b->capacity > 4096)
        buf_free(b);
}

static void drop_oldest(struct stream *s)
{
    struct message *m = slot_of(s, s->oldest);
    s->ring_bytes -= m->text.n + m->masked.n;
    empty(&m->text);
    empty(&m->masked);
    s->oldest++;
}

static void write_message(struct stream *s, struct buf *out, const char *event, struct str data)
{
    if (!event) {
        buf_add(out, data);
        return;
    }
    buf_printf(out, "id: %016llx-%llu\nevent: %s\ndata: ", (unsigned long long)s->epoch,
               (unsigned long long)s->next, event);
    buf_add(out, data);
    buf_c(out, "\n\n");
}

void stream_push(struct stream *s, uint64_t channel, const char *event, struct str data, struct str masked)
{
    bool is_unsent = event == NULL && data.n == 0, is_oversized = data.n > MESSAGE_BYTES_MAX;
    if (s->next - s->oldest == RING_MESSAGES)
        drop_oldest(s);
    while (s->oldest < s->next && s->ring_bytes + data.n + masked.n > RING_BYTES)
        drop_oldest(s);
    struct message *m = slot_of(s, s->next);
    /* what is not in it is counted as missed by those who would have had it */
    m->channel = is_oversized || is_unsent ? CHANNEL_NOBODY : channel;
    if (m->channel != CHANNEL_NOBODY)
        write_message(s, &m->text, event, data);
    if (m->channel != CHANNEL_NOBODY && masked.n)
        write_message(s, &m->masked, event, masked);
    s->ring_bytes += m->text.n + m->masked.n;
    s->next++;
    s->published_total++;
    if (channel == CHANNEL_ALL)
        s->broadcast_published++;
    s->is_dirty = true;
    pthread_cond_signal(&s->changed);
}

static bool is_for(const struct stream_client *c, uint64_t channel)
{
    return channel == CHANNEL_ALL || channel == CHANNEL_HEARTBEAT ||
           (c->channel && c->channel->id == channel);
}

static uint64_t count_in_ring(struct stream *s, uint64_t from, uint64_t channel)
{
    uint64_t n = 0;
    for (uint64_t id = from < s->oldest ? s->oldest : from; id < s->next; id++)
        n += slot_of(s, id)->channel == channel;
    return n;
}

/* Invariant: for each channel of the client, published = consumed + missed + still in the ring behind its
 * position. What the equation lacks when the client comes back is what the ring has lost in the meantime. */
static uint64_t missed_of(uint64_t published, uint64_t *consumed, uint64_t waiting)
{
    uint64_t missed = published - *consumed - waiting;
    *consumed += missed;
    return missed;
}

static void note_lag(struct stream_client *c)
{
    struct stream *s = c->stream;
    if (c->next < s->oldest)
        c->next = s->oldest;
    uint64_t missed =
        missed_of(s->broadcast_published, &c->broadcast_consumed, count_in_ring(s, c->next, CHANNEL_ALL));
    if (c->channel)
        missed +=
            missed_of(c->channel->published, &c->channel_consumed, count_in_ring(s, c->next, c->channel->id));
    if (missed) {
        buf_printf(&c->pending, "event: lagged\ndata: {\"missed\":%llu}\n\n", (unsigned long long)missed);
        s->missed_total += missed;
    }
}

static void consume(struct stream_client *c, const struct message *m)
{
    bool is_masked = m->masked.n && !c->sees_persons;
    if (!m->masked.n || !c->sees_no_incidents) /* what has a masked form is about somebody */
        buf_add(&c->pending, buf_str(is_masked ? &m->masked : &m->text));
    if (m->channel == CHANNEL_ALL)
        c->broadcast_consumed++;
    else if (m->channel != CHANNEL_HEARTBEAT)
        c->channel_consumed++;
}

static void fill_pending(struct stream_client *c)
{
    struct stream *s = c->stream;
    bool passed_oversized = false;
    if (c->next < s->oldest)
        note_lag(c);
    while (c->next < s->next && c->pending.n < PENDING_BYTES) {
        const struct message *m = slot_of(s, c->next++);
        if (is_for(c, m->channel))
            consume(c, m);
        passed_oversized |= m->channel == CHANNEL_NOBODY;
    }
    if (passed_oversized)
        note_lag(c);
}

/* --------------------------------------------------------------- clients */

/* "<epoch>-<number>" of this process, still in the ring: go on behind it. */
static bool resume_position(struct stream *s, struct str id, uint64_t *next)
{
    uint64_t epoch, number;
    size_t dash = str_find_char(id, '-', 0);
    if (dash == STR_NOT_FOUND || !str_to_u64(str_slice(id, 0, dash), 16, &epoch) ||
        !str_to_u64(str_skip(id, dash + 1), 10, &number))
        return false;
    *next = number + 1;
    return epoch == s->epoch && number < s->next && number + 1 >= s->oldest;
}

static void start_position(struct stream_client *c, struct str last_event_id)
{
    struct stream *s = c->stream;
    c->next = s->next;
    buf_c(&c->pending, "retry: 2000\n: hyakuyo\n\n");
    if (last_event_id.n && !resume_position(s, last_event_id, &c->next)) {
        c->next = s->next;
        buf_c(&c->pending, "event: lagged\ndata: {\"missed\":null}\n\n");
    }
    c->broadcast_consumed = s->broadcast_published - count_in_ring(s, c->next, CHANNEL_ALL);
    if (c->channel)
        c->channel_consumed = c->channel->published - count_in_ring(s, c->next, c->channel->id);
}

struct stream_client *stream_subscribe(struct stream *s, const struct stream_request *request,
                                       enum stream_result *result, struct console_failure *failure)
{
    struct channel *channel = NULL;
    *result = STREAM_OK;
    if (request->wants_events && !(channel = channel_join(s, request->filter, result, failure)))
        return NULL;
    pthread_mutex_lock(&s->lock);
    if (s->is_closed || s->client_count >= s->max_clients) {
        *result = s->is_closed ? STREAM_CLOSED : STREAM_FULL;
        pthread_mutex_unlock(&s->lock);
        channel_leave(s, channel);
        return NULL;
    }
    struct stream_client *c = NEW(struct stream_client);
    c->stream = s;
    c->channel = channel;
    c->sees_persons = request->sees_persons;
    c->sees_no_incidents = request->sees_no_incidents;
    if (request->session) {
        c->has_session = true;
        memcpy(c->session, request->session, TOKEN_HASH_BYTES);
    }
    start_position(c, request->last_event_id);
    c->next_client = s->clients;
    if (s->clients)
        s->clients->previous_client = c;
    s->clients = c;
    s->client_count++;
    pthread_mutex_unlock(&s->lock);
    return c;
}

void stream_attach(struct stream_client *c, void (*suspend)(void *token), void (*resume)(void *token),
                   void *token)
{
    c->suspend = suspend;
    c->resume = resume;
    c->token = token;
}

void stream_unsubscribe(struct stream_client *c)
{
    struct stream *s = c->stream;
    pthread_mutex_lock(&s->lock);
    if (c->previous_client)
        c->previous_client->next_client = c->next_client;
    else
        s->clients = c->next_client;
    if (c->next_client)
        c->next_client->previous_client = c->previous_client;
    s->client_count--;
    s->left_ns = clock_monotonic_ns();
    pthread_mutex_unlock(&s->lock);
    channel_leave(s, c->channel);
    buf_free(&c->pending);
    memory_free(c);
}

ssize_t stream_read(struct stream_client *c, char *out, size_t max)
{
    struct stream *s = c->stream;
    if (c->sent == c->pending.n) {
        buf_clear(&c->pending);
        c->sent = 0;
        pthread_mutex_lock(&s->lock);
        bool is_over = s->is_closed || c->is_over;
        if (!is_over)
            fill_pending(c);
        if (!is_over && c->pending.n == 0) {
            c->suspend(c->token);
            c->is_waiting = true;
        }
        pthread_mutex_unlock(&s->lock);
        if (is_over)
            return -1;
    }
    size_t n = c->pending.n - c->sent < max ? c->pending.n - c->sent : max;
    memcpy(out, buf_str(&c->pending).p + c->sent, n);
    c->sent += n;
    return (ssize_t)n;
}

static void wake(struct stream_client *c)
{
    if (!c->is_waiting)
        return;
    c->is_waiting = false;
    c->resume(c->token);
}

/* Steps over messages of other channels, so that nobody is woken for nothing. */
static bool has_news(struct stream *s, struct stream_client *c)
{
    if (c->next < s->oldest)
        return true;
    for (; c->next < s->next; c->next++) {
        uint64_t channel = slot_of(s, c->next)->channel;
        if (is_for(c, channel) || channel == CHANNEL_NOBODY)
            return true;
    }
    return false;
}

void stream_close(struct stream *s)
{
    pthread_mutex_lock(&s->lock);
    s->is_closed = true;
    for (struct stream_client *c = s->clients; c; c = c->next_client)
        wake(c);
    pthread_mutex_unlock(&s->lock);
}

void stream_end_session(struct stream *s, const unsigned char *session)
{
    pthread_mutex_lock(&s->lock);
    for (struct stream_client *c = s->clients; c; c = c->next_client)
        if (c->has_session && memcmp(c->session, session, TOKEN_HASH_BYTES) == 0) {
            c->is_over = true;
            wake(c);
        }
    pthread_mutex_unlock(&s->lock);
}

/* ------------------------------------------------------------ publishing */

static void publish(struct stream *s, const char *event, struct buf *json, struct buf *masked)
{
    pthread_mutex_lock(&s->lock);
    stream_push(s, CHANNEL_ALL, event, buf_str(json), buf_str(masked));
    pthread_mutex_unlock(&s->lock);
    buf_free(json);
    buf_free(masked);
}

/* Nobody listens, nor has just lost the connection and will come for what was sent meanwhile. Then findings
 * are not put into words: who comes back later is told how many were missed. */
static bool is_unheard(struct stream *s)
{
    pthread_mutex_lock(&s->lock);
    bool is_unheard = s->client_count == 0 && clock_monotonic_ns() - s->left_ns > COMES_BACK_NS;
    if (is_unheard)
        stream_push(s, CHANNEL_ALL, NULL, STR_EMPTY, STR_EMPTY);
    pthread_mutex_unlock(&s->lock);
    return is_unheard;
}

void stream_publish_finding(struct stream *s, const struct finding *finding)
{
    struct buf json = {0}, masked = {0};
    if (is_unheard(s))
        return;
    live_finding_json(finding, (struct viewing){s->services, true}, &json);
    live_finding_json(finding, (struct viewing){s->services, false}, &masked);
    publish(s, "finding", &json, &masked);
}

void stream_publish_incident(struct stream *s, const struct incident *incident)
{
    struct buf json = {0}, masked = {0};
    incident_json(incident, NULL, (struct viewing){s->services, true}, &json);
    incident_json(incident, NULL, (struct viewing){s->services, false}, &masked);
    publish(s, "incident", &json, &masked);
}

void stream_publish_rates(struct stream *s, int64_t time_ns, const struct console_rates *rates)
{
    struct buf json = {0}, unmasked = {0};
    struct json_writer w = {.out = &json};
    json_begin_object(&w);
    json_key(&w, "time");
    json_put_time(&w, time_ns);
    json_key(&w, "received_per_second");
    json_put_double(&w, rates->received_per_second);
    json_key(&w, "stored_per_second");
    json_put_double(&w, rates->stored_per_second);
    json_key(&w, "findings_per_second");
    json_put_double(&w, rates->findings_per_second);
    json_end_object(&w);
    publish(s, "rate", &json, &unmasked);
}

void stream_heartbeat(struct stream *s)
{
    pthread_mutex_lock(&s->lock);
    stream_push(s, CHANNEL_HEARTBEAT, NULL, STR(": heartbeat\n\n"), STR_EMPTY);
    pthread_mutex_unlock(&s->lock);
}

void stream_numbers(struct stream *s, struct stream_numbers *out)
{
    pthread_mutex_lock(&s->lock);
    *out =
        (struct stream_numbers){s->client_count, s->published_total, s->missed_total, s->sampled_out_total};
    pthread_mutex_unlock(&s->lock);
}

/* ---------------------------------------------------------------- thread */

static struct timespec timespec_of(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / NS_PER_SECOND, .tv_nsec = ns % NS_PER_SECOND};
}

static void wake_those_with_news(struct stream *s)
{
    s->is_dirty = false;
    for (struct stream_client *c = s->clients; c; c = c->next_client)
        if (c->is_waiting && has_news(s, c))
            wake(c);
}

/* Waits for news or the next second, whichever is first. True: there is news. */
static bool wait_for_news(struct stream *s, int64_t until_ns)
{
    struct timespec until = timespec_of(until_ns);
    while (!s->is_dirty && !s->is_stopping)
        if (pthread_cond_timedwait(&s->changed, &s->lock, &until) != 0)
            break;
    return s->is_dirty;
}

static void each_second(struct stream *s, unsigned second)
{
    struct console_rates rates = {0};
    pthread_mutex_lock(&s->lock);
    bool has_clients = s->client_count > 0;
    pthread_mutex_unlock(&s->lock);
    if (!has_clients)
        return;
    s->services->rates(s->services->ctx, &rates);
    stream_publish_rates(s, clock_wall_ns(), &rates);
    if (second % HEARTBEAT_SECONDS == 0)
        stream_heartbeat(s);
}

static void *stream_loop(void *context)
{
    struct stream *s = context;
    int64_t next_second_ns = clock_monotonic_ns() + NS_PER_SECOND;
    unsigned second = 0;
    pthread_mutex_lock(&s->lock);
    while (!s->is_stopping) {
        if (wait_for_news(s, next_second_ns))
            wake_those_with_news(s);
        pthread_mutex_unlock(&s->lock);
        struct timespec pause = timespec_of(COALESCE_NS);
        nanosleep(&pause, NULL);
        if (clock_monotonic_ns() >= next_second_ns) {
            each_second(s, ++second);
            next_second_ns += NS_PER_SECOND;
        }
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

struct stream *stream_new(unsigned max_clients, const struct console_services *services)
{
    struct stream *s = NEW(struct stream);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&s->lock, NULL);
    pthread_rwlock_init(&s->channels_lock, NULL);
    s->max_clients = max_clients;
    s->services = services;
    s->epoch = (uint64_t)clock_wall_ns();
    s->next_channel_id = CHANNEL_FIRST_EVENTS;
    BUG_IF(pthread_create(&s->thread, NULL, stream_loop, s) != 0);
    pthread_setname_np(s->thread, "stream");
    return s;
}

void stream_free(struct stream *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->is_stopping = true;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    BUG_IF(s->clients != NULL);
    for (size_t i = 0; i < RING_MESSAGES; i++) {
        buf_free(&s->ring[i].text);
        buf_free(&s->ring[i].masked);
    }
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    pthread_rwlock_destroy(&s->channels_lock);
    memory_free(s);
}
