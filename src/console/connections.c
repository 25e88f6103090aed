/* Open connections and their deadlines. Stage: console. The HTTP library only knows idleness: a byte every
 * few seconds would hold a connection for ever. So each phase of a request has a time limit, kept here. Next:
 * http.c, which sets them. */
#include "console/connections.h"

#include <pthread.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "console/listen.h"

struct connections {
    pthread_mutex_t lock;
    struct connection *first;
};

struct connections *connections_new(void)
{
    struct connections *all = NEW(struct connections);
    pthread_mutex_init(&all->lock, NULL);
    return all;
}

void connections_free(struct connections *all)
{
    BUG_IF(all->first != NULL);
    pthread_mutex_destroy(&all->lock);
    memory_free(all);
}

struct connection *connection_open(struct connections *all, int fd, const struct ip *ip, int64_t deadline_ns)
{
    struct connection *c = NEW(struct connection);
    c->fd = fd;
    c->ip = *ip;
    c->is_loopback = ip_is_loopback(ip);
    connection_deadline(c, deadline_ns);
    pthread_mutex_lock(&all->lock);
    c->next = all->first;
    if (c->next)
        c->next->previous = c;
    all->first = c;
    pthread_mutex_unlock(&all->lock);
    return c;
}

void connection_close(struct connections *all, struct connection *c)
{
    pthread_mutex_lock(&all->lock);
    if (c->previous)
        c->previous->next = c->next;
    else
        all->first = c->next;
    if (c->next)
        c->next->previous = c->previous;
    pthread_mutex_unlock(&all->lock);
    buf_free(&c->target);
    memory_free(c);
}

void connection_deadline(struct connection *c, int64_t deadline_ns)
{
    atomic_store_explicit(&c->deadline_ns, deadline_ns, memory_order_relaxed);
}

unsigned connections_from(struct connections *all, const struct ip *ip)
{
    unsigned n = 0;
    if (ip_is_loopback(ip))
        return 0;
    pthread_mutex_lock(&all->lock);
    for (struct connection *c = all->first; c; c = c->next)
        n += memcmp(&c->ip, ip, sizeof *ip) == 0;
    pthread_mutex_unlock(&all->lock);
    return n;
}

unsigned connections_enforce(struct connections *all, int64_t now_ns)
{
    unsigned n = 0;
    pthread_mutex_lock(&all->lock);
    for (struct connection *c = all->first; c; c = c->next) {
        if (atomic_load_explicit(&c->deadline_ns, memory_order_relaxed) > now_ns)
            continue;
        connection_deadline(c, NO_DEADLINE);
        shutdown(c->fd, SHUT_RDWR);
        n++;
    }
    pthread_mutex_unlock(&all->lock);
    return n;
}
