/* What the daily instruments share: when a local day is over, whether something was already noted today, and
 * episodes: what comes again within a time is the same. Inside the stage only. */
#ifndef INSTRUMENT_DAILY_H
#define INSTRUMENT_DAILY_H

#include "base/clock.h"
#include "base/str.h"
#include "event/event.h"

int64_t daily_local_day(const struct zone *zone, int64_t time_ns); /* days since 1970-01-01 */
/* Of an event: a clock that is ahead of ours is not believed. 0 for times that no clock tells. */
int64_t daily_day_of(const struct zone *zone, const struct event *e);

/* `*day` is the day at hand, 0 before the first event. True when the time is of a later one: `*over` is the
 * day that has ended, and `*day` moves on. */
bool daily_is_over(int64_t *day, const struct zone *zone, int64_t time_ns, int64_t *over);

/* A memory of what was noted today, so that most events cost one look: it may forget, it never makes up. */
enum { DAILY_MEMORY = 4096 };
struct daily_memory {
    int64_t day;
    uint64_t hashes[DAILY_MEMORY];
};
bool daily_is_noted(struct daily_memory *m, int64_t day, uint64_t hash); /* notes it */

/* True when it is a new episode: the last one was `gap_ns` ago or more. Times may go back a little. */
bool episode_begins(int64_t *last_ns, int64_t time_ns, int64_t gap_ns);

#endif
