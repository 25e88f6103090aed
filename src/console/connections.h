/* The TCP connections that are open: how many come from one address, and which are slower than their time
 * limit. */
#ifndef CONSOLE_CONNECTIONS_H
#define CONSOLE_CONNECTIONS_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/ip.h"

#define NO_DEADLINE INT64_MAX

/* The deadline (monotonic) is the event loop's to set and housekeeping's to enforce; the rest is the loop's.
 */
struct connection {
    struct connection *next, *previous;
    int fd;
    struct ip ip;
    bool is_loopback;
    _Atomic int64_t deadline_ns;
    struct buf target; /* raw request target of the request being read */
};

struct connections;
struct connections *connections_new(void);
void connections_free(struct connections *all); /* all must be closed */

struct connection *connection_open(struct connections *all, int fd, const struct ip *ip, int64_t deadline_ns);
/* Before the socket is closed: connections_enforce() may be about to use it. */
void connection_close(struct connections *all, struct connection *c);
void connection_deadline(struct connection *c, int64_t deadline_ns);

/* Loopback addresses count as none: a proxy in front makes everybody come from there. */
unsigned connections_from(struct connections *all, const struct ip *ip);
/* Shuts down those past their deadline; returns how many. */
unsigned connections_enforce(struct connections *all, int64_t now_ns);

#endif
