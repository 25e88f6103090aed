/* The live stream: server-sent events (WHATWG HTML, 9.2) for up to a thousand listeners.
 *
 *   publishers ──► ring of serialised messages ──► each client's position ──► its connection
 *                  (1,024 messages or 8 MiB)
 *
 * A message is written once and read by all. A client that is too slow loses the oldest ones and is told how
 * many by an event "lagged". A client with nothing to read is suspended by its connection and resumed by the
 * stream's thread, at most every 20 ms.
 *
 * Channels: findings, incidents and rates go to everybody; events go to the channel without a filter or to
 * one channel per filter expression, each sampled to at most 20 events in any second. */
#ifndef CONSOLE_STREAM_H
#define CONSOLE_STREAM_H

#include <sys/types.h>

#include "console/services.h"

#define STREAM_FILTERS_MAX 16

struct stream;
struct stream *stream_new(unsigned max_clients, const struct console_services *services);
/* All clients must be gone. */
void stream_free(struct stream *s);
/* Every client's next read ends its stream; new ones are refused. */
void stream_close(struct stream *s);

struct stream_request {
    bool wants_events;
    bool sees_persons;        /* false: findings and incidents come without users */
    bool sees_no_incidents;   /* neither findings nor incidents: only one department's are for these eyes */
    struct str filter;        /* "" = none */
    struct str last_event_id; /* "" = start with what comes now */
    const unsigned char *session; /* the stream ends with it; NULL = a token's */
};

enum stream_result { STREAM_OK, STREAM_FULL, STREAM_FILTERS_FULL, STREAM_BAD_FILTER, STREAM_CLOSED };

struct stream_client;
/* NULL unless STREAM_OK; BAD_FILTER fills the failure. */
struct stream_client *stream_subscribe(struct stream *s, const struct stream_request *request,
                                       enum stream_result *result, struct console_failure *failure);
/* How the connection is put to sleep and woken. suspend() is called from stream_read(), resume() by the
 * stream's thread, both under the stream's lock: they must not call back. Before the first read. */
void stream_attach(struct stream_client *c, void (*suspend)(void *token), void (*resume)(void *token),
                   void *token);
/* Bytes written to `out`; 0 = nothing yet, suspend() was called; −1 = the stream is over. One thread per
 * client. */
ssize_t stream_read(struct stream_client *c, char *out, size_t max);
void stream_unsubscribe(struct stream_client *c);

void stream_publish_finding(struct stream *s, const struct finding *finding);
void stream_publish_incident(struct stream *s, const struct incident *incident);
void stream_offer_events(struct stream *s, const struct batch *batch);
void stream_publish_rates(struct stream *s, int64_t time_ns, const struct console_rates *rates);
void stream_heartbeat(struct stream *s);

/* Streams that were opened with this session end. */
void stream_end_session(struct stream *s, const unsigned char *session);

struct stream_numbers {
    uint64_t clients, published, missed, sampled_out;
};
void stream_numbers(struct stream *s, struct stream_numbers *out);

#endif
