/* How late events are when they arrive, by source (S4): time of receipt − event time, its 95th percentile
 * over the last one to two minutes, and since when it lies beyond a limit. Told of every batch by the desk's
 * thread. What is more than a day old when it arrives is history that somebody brings in, and no lag; clocks
 * that are ahead have none. Bounded: LAG_SOURCES_MAX sources; the others are not watched. */
#ifndef PROOF_LAG_H
#define PROOF_LAG_H

#include "event/batch.h"

#define LAG_SOURCES_MAX 4096
#define LAG_HISTORY_NS  (86400 * NS_PER_SECOND)

struct lag;
/* An alarm is due when p95 was above `limit_s` whenever something came for `minutes` minutes; 0 = at once. */
struct lag *lag_new(double limit_s, double minutes);
void lag_free(struct lag *l); /* NULL is fine */
void lag_batch(struct lag *l, const struct batch *batch);

struct lag_row {
    uint32_t source;
    uint64_t events;       /* of the last one to two minutes */
    double p95_s;          /* within a fifth of its value; 0 without events */
    int64_t late_since_ns; /* 0 = it is not */
};
/* Sources with events of the last two minutes, or late; by source, in `arena`. Any thread. */
uint32_t lag_look(struct lag *l, int64_t now_ns, struct arena *arena, struct lag_row **rows);
/* The next source whose alarm is due and was not told yet; false: none. Call it every few seconds. */
bool lag_alarm(struct lag *l, int64_t now_ns, struct lag_row *out);
double lag_limit(const struct lag *l); /* seconds */

#endif
