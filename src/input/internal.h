/* What the files of input/ share: the plug-in table, counters, the batcher. */
#ifndef INPUT_INTERNAL_H
#define INPUT_INTERNAL_H

#include <uv.h>

#include "base/buf.h"
#include "input/input.h"

/* ---- plug-ins: one const struct per protocol, listed in input.c ---- */

struct input {
    const struct input_type *type;
    struct input_settings settings; /* own copies, defaults filled in */
    struct inputs *all;
    uv_loop_t *loop;
    const struct input_sink *sink;
    struct counters *counters;
    void *state; /* the plug-in's */
};

struct input_type {
    const char *name;
    enum transport transport;
    bool needs_address;
    bool (*open)(struct input *in, struct error *err);  /* before the loop runs; on false close() is called */
    bool (*start)(struct input *in, struct error *err); /* before the loop runs; may be NULL */
    void (*room)(struct input *in);                     /* loop thread: the sink may take again */
    void (*stop)(struct input *in);                     /* loop thread: no more reading; closes its handles */
    bool (*drain)(struct input *in, bool gives_up); /* after the loop: hands over the rest; true when done */
    void (*close)(struct input *in);                /* frees the state */
    uint16_t (*port)(const struct input *in);       /* may be NULL */
};

extern const struct input_type input_syslog_udp;
extern const struct input_type input_syslog_tcp;
extern const struct input_type input_tail;

/* ---- counters.c: one table for each thread that counts; the lock is never contended but by the taker ----
 */

struct counters *counters_new(const char *name, enum transport transport);
void counters_free(struct counters *c);
void counters_walk(struct counters *c, input_tally_visit *visit, void *context);
void counters_take(struct counters *c, input_tally_visit *visit, void *context);
void input_count_add(struct input_count *to, const struct input_count *more);
/* One record more in a sum. */
void input_count_record(struct input_count *to, size_t bytes, uint16_t flags);

/* ---- batcher.c: records → submissions ---- */

#define BATCH_RECORDS 512
#define BATCH_BYTES   ((size_t)256 << 10)

struct batcher {
    const struct input_sink *sink;
    struct batch *filling;       /* NULL when empty */
    struct submission **waiting; /* turned away by the sink, oldest first */
    size_t waiting_count, waiting_capacity;
};

void batcher_init(struct batcher *b, const struct input_sink *sink);
/* Adds a record; hands the batch over when it is full. Never fails: what the sink does not take waits here.
 */
void batcher_add(struct batcher *b, struct str raw, struct str sender, int64_t received_ns,
                 enum transport transport, uint16_t flags);
/* Hands over what there is. False: the sink is full and something waits. */
bool batcher_flush(struct batcher *b);
/* Tries again what was turned away, without closing the batch that is filling. */
bool batcher_retry(struct batcher *b);
static inline bool batcher_is_blocked(const struct batcher *b)
{
    return b->waiting_count > 0;
}
/* Counts everything that is still here as lost, in the hour it was received, and frees it. */
void batcher_drop(struct batcher *b, struct counters *counters);
void batcher_free(struct batcher *b);

/* "192.0.2.7" of a peer; the port is left out, an IPv4-mapped address is IPv4. */
struct str sender_text(const struct sockaddr *peer, char out[64]);

#endif
