/* Prometheus text, version 0.0.4. Whoever has numbers writes them into a `struct metrics` when asked; nothing
 * is registered. Samples of one family must follow one another. */
#ifndef CONSOLE_METRICS_H
#define CONSOLE_METRICS_H

#include <stdatomic.h>

#include "base/buf.h"

struct metrics {
    struct buf *out;
    char family[96]; /* the family whose HELP and TYPE were written last */
};

/* `labels` is "" or `source="fw-1",kind="udp"`; metrics_label() writes one pair with its value escaped. Names
 * are ours: "hyakuyo_records_received_total". */
void metrics_counter(struct metrics *m, const char *name, const char *help, struct str labels, double value);
void metrics_gauge(struct metrics *m, const char *name, const char *help, struct str labels, double value);
void metrics_label(struct buf *labels, const char *name, struct str value);

/* A histogram of durations in seconds: fixed bounds, lock-free. Any thread observes. */
#define METRICS_BOUNDS 14
struct metrics_histogram {
    _Atomic uint64_t counts[METRICS_BOUNDS + 1];
    _Atomic uint64_t sum_ns;
};
void metrics_observe(struct metrics_histogram *h, int64_t duration_ns);
void metrics_histogram(struct metrics *m, const char *name, const char *help, struct str labels,
                       struct metrics_histogram *h);

#endif
