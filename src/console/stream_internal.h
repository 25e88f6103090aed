/* Shared by stream.c and stream_events.c only. */
#ifndef CONSOLE_STREAM_INTERNAL_H
#define CONSOLE_STREAM_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "console/stream.h"

#define RING_MESSAGES     1024
#define RING_BYTES        ((size_t)8 << 20)
#define MESSAGE_BYTES_MAX ((size_t)64 << 10)
#define COMES_BACK_NS     (60 * NS_PER_SECOND) /* who lost the connection has come back by then */

enum {
    CHANNEL_ALL,
    CHANNEL_HEARTBEAT,
    CHANNEL_NOBODY, /* too large to send, or nobody was there */
    CHANNEL_FIRST_EVENTS,
};

struct message {
    uint64_t channel;
    struct buf text;
    struct buf masked; /* for those who may not see persons; empty = the same text */
};

/* Events of one filter. The place in the table is reused, the id never. */
struct channel {
    uint64_t id; /* 0 = free */
    unsigned clients;
    struct buf expression;       /* "" = unfiltered */
    void *filter;                /* NULL = unfiltered */
    uint64_t published, skipped; /* skipped: since the last one that was sent */
    double tokens;
    int64_t refilled_ns;
};

struct stream_client {
    struct stream *stream;
    struct stream_client *next_client, *previous_client;
    struct channel *channel; /* NULL = no events */
    uint64_t next;           /* the message to read next */
    uint64_t broadcast_consumed, channel_consumed;
    struct buf pending; /* bytes on their way to the connection */
    size_t sent;
    bool is_waiting, is_over, has_session, sees_persons, sees_no_incidents;
    unsigned char session[TOKEN_HASH_BYTES];
    void (*suspend)(void *token);
    void (*resume)(void *token);
    void *token;
};

struct stream {
    const struct console_services *services;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_dirty, is_stopping, is_closed;
    int64_t left_ns; /* monotonic: when the last client left */
    struct message ring[RING_MESSAGES];
    uint64_t oldest, next; /* ids in the ring: [oldest, next) */
    size_t ring_bytes;
    uint64_t epoch; /* tells this process's ids from an earlier one's */
    uint64_t broadcast_published, published_total, missed_total, sampled_out_total;
    struct stream_client *clients;
    unsigned client_count, max_clients;

    pthread_rwlock_t channels_lock; /* taken before `lock`, never after */
    _Atomic unsigned channel_count; /* channels in use: 0 makes offering free */
    uint64_t next_channel_id;
    struct channel channels[STREAM_FILTERS_MAX + 1];
};

/* Under `lock`. Event NULL: `data` is the whole message. `masked` may be empty. */
void stream_push(struct stream *s, uint64_t channel, const char *event, struct str data, struct str masked);

/* NULL with a reason when the table is full or the expression cannot be read. Takes the locks itself. */
struct channel *channel_join(struct stream *s, struct str expression, enum stream_result *result,
                             struct console_failure *failure);
void channel_leave(struct stream *s, struct channel *channel);

#endif
