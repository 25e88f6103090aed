/* Carrying bytes out: mail and HTTP through libcurl (transport.c is the only file of this stage that includes
 * it), syslog over sockets (syslog_send.c). Nothing here waits longer than its limits. */
#ifndef NOTIFY_TRANSPORT_H
#define NOTIFY_TRANSPORT_H

#include <stdatomic.h>

#include "base/buf.h"
#include "notify/channels.h"

struct delivery {
    const struct channel *channel;
    const atomic_bool *is_over; /* gives up at once when it becomes true */
    bool is_permanent;          /* out: trying again will not help */
    long status;                /* out: the answer's code, 0 = none came */
};

/* False with a sentence. `recipient` is an address. */
bool transport_mail(struct delivery *d, struct str recipient, struct str message,
                    struct error *err) MUST_CHECK;

/* POST of JSON with these headers ("Name: value", NULL behind the last). `answer` gets at most 64 KiB.
 * Answers other than 2xx are false; 4xx but 401, 403, 408, 425 and 429 are permanent. No redirection is
 * followed. */
bool transport_post(struct delivery *d, const char *url, const char *const *headers, struct str json,
                    struct buf *answer, struct error *err) MUST_CHECK;

/* Over UDP a datagram; over TCP a frame with its length (RFC 6587, 3.4.1) on a connection of its own. */
bool transport_syslog(struct delivery *d, struct str line, struct error *err) MUST_CHECK;

/* "sha256=…" over "TIME.BODY" with the channel's secret: whoever has the key knows that we said it, and when.
 */
void transport_sign(const char *secret, int64_t unix_seconds, struct str body, struct buf *out);

#endif
