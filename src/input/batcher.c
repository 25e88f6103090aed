/* The batcher: single records become submissions. Input stage: fed by syslog_udp.c and syslog_tcp.c, hands
 * full batches (or, when the loop is idle, begun ones) to the sink. One thread each. */
#include <netinet/in.h>

#include "base/ip.h"
#include "base/memory.h"
#include "input/internal.h"

void batcher_init(struct batcher *b, const struct input_sink *sink)
{
    *b = (struct batcher){.sink = sink};
}

bool batcher_retry(struct batcher *b)
{
    size_t taken = 0;
    while (taken < b->waiting_count && b->sink->submit(b->sink->context, b->waiting[taken]))
        taken++;
    b->waiting_count -= taken;
    if (taken > 0 && b->waiting_count > 0)
        memmove(b->waiting, b->waiting + taken, b->waiting_count * sizeof(struct submission *));
    return b->waiting_count == 0;
}

bool batcher_flush(struct batcher *b)
{
    bool has_room = batcher_retry(b);
    if (!b->filling)
        return has_room;
    struct submission *s = submission_new(b->filling);
    b->filling = NULL;
    if (has_room && b->sink->submit(b->sink->context, s))
        return true;
    if (b->waiting_count == b->waiting_capacity) {
        b->waiting_capacity = b->waiting_capacity ? b->waiting_capacity * 2 : 4;
        b->waiting = memory_resize_array(b->waiting, b->waiting_capacity, sizeof(struct submission *));
    }
    b->waiting[b->waiting_count++] = s;
    return false;
}

void batcher_add(struct batcher *b, struct str raw, struct str sender, int64_t received_ns,
                 enum transport transport, uint16_t flags)
{
    if (!b->filling)
        b->filling = batch_new(BATCH_RECORDS);
    struct record *r = batch_add(b->filling, raw, sender);
    r->received_ns = received_ns;
    r->transport = (uint8_t)transport;
    r->flags = flags;
    if (b->filling->count >= BATCH_RECORDS || b->filling->bytes >= BATCH_BYTES)
        (void)batcher_flush(b); /* what is turned away waits; the caller sees batcher_is_blocked() */
}

static void drop_batch(struct batch *batch, struct counters *counters)
{
    const struct input_count one = {.lost = 1};
    for (uint32_t i = 0; i < batch->count; i++)
        counters_add(counters, batch->records[i].sender, batch->records[i].received_ns, &one);
    batch_free(batch);
}

void batcher_drop(struct batcher *b, struct counters *counters)
{
    for (size_t i = 0; i < b->waiting_count; i++)
        drop_batch(b->waiting[i]->batch, counters);
    b->waiting_count = 0;
    if (b->filling)
        drop_batch(b->filling, counters);
    b->filling = NULL;
}

void batcher_free(struct batcher *b)
{
    for (size_t i = 0; i < b->waiting_count; i++)
        batch_free(b->waiting[i]->batch);
    batch_free(b->filling);
    memory_free(b->waiting);
    *b = (struct batcher){0};
}

struct str sender_text(const struct sockaddr *peer, char out[64])
{
    struct ip ip = {{0}};
    if (peer->sa_family == AF_INET) {
        ip.bytes[10] = ip.bytes[11] = 0xFF;
        memcpy(ip.bytes + 12, &((const struct sockaddr_in *)peer)->sin_addr, 4);
    } else if (peer->sa_family == AF_INET6) {
        memcpy(ip.bytes, &((const struct sockaddr_in6 *)peer)->sin6_addr, 16);
    } else {
        return STR("(unknown)");
    }
    return str_n(out, ip_format(&ip, out));
}
