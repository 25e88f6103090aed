/* Bins of keys (stage instrument): what is added, and when bins, hours and days are over. trend_judge.c
 * judges a key, trend_breadth.c all of them, trend_save.c keeps them between two runs. */
#include "instrument/trend.h"

#include "base/memory.h"
#include "instrument/trend_state.h"

struct trend *trend_new(const struct trend_options *options, const struct trend_world *world)
{
    struct trend *t = NEW(struct trend);
    t->options = *options;
    t->world = *world;
    t->keys = keyed_new(&(struct keyed_options){.record_bytes = sizeof(struct trend_key),
                                                .max_entries = (uint32_t)options->max_keys});
    return t;
}

void trend_free(struct trend *t)
{
    if (t == NULL)
        return;
    keyed_free(t->keys);
    memory_free(t);
}

bool trend_may_tell(const struct trend *t, int64_t *told_ns, int64_t now_ns)
{
    if (*told_ns != 0 && now_ns - *told_ns < (int64_t)(t->options.repeat_hours * 3600) * NS_PER_SECOND)
        return false;
    *told_ns = now_ns;
    return true;
}

static void end_bin(struct trend *t, int64_t bin)
{
    const void *place = NULL;
    struct keyed_entry e;
    for (uint32_t k = 0; t->n.heard[bin & 1] && keyed_next(t->keys, &place, &e); k++) {
        struct trend_key *key = e.record;
        struct tally *tally = &key->fine[bin & 1];
        if (key->fine_bin[bin & 1] != bin || tally->count == 0)
            continue;
        trend_judge_fine(t, e.key, key, tally, bin);
        tally_merge(&key->hour, tally);
        memset(tally, 0, sizeof *tally);
    }
    t->n.heard_in_hour += t->n.heard[bin & 1];
    t->n.heard[bin & 1] = 0;
}

static void end_hour(struct trend *t, int64_t hour)
{
    bool is_rest = t->world.is_rest(t->world.context, hour);
    int64_t day = t->world.day_of(t->world.context, hour);
    if (t->n.last_day != 0 && day != t->n.last_day) /* midnight fell into a silence */
        trend_judge_day(t, t->n.hours.last_hour);
    trend_judge_hour(t, hour, is_rest);
    hours_put(&t->n.hours, hour, true, is_rest);
    t->n.last_day = day;
    t->n.heard_in_hour = 0;
    if (t->world.day_of(t->world.context, hour + 1) != day) {
        trend_judge_day(t, hour);
        t->n.last_day = 0;
    }
}

void trend_reach(struct trend *t, int64_t watermark_ns)
{
    int64_t until = (watermark_ns - (int64_t)(t->options.lateness_seconds * NS_PER_SECOND)) / FINE_NS;
    if (t->n.next_bin == 0)
        return;
    while (t->n.next_bin < until) {
        int64_t bin = t->n.next_bin, hour = bin / FINE_A_HOUR;
        if (t->n.heard[0] + t->n.heard[1] + t->n.heard_in_hour == 0 && t->n.heard_hour < hour) {
            t->n.next_bin = until; /* a silence */
            return;
        }
        end_bin(t, bin);
        if (bin % FINE_A_HOUR == FINE_A_HOUR - 1 && t->n.heard_in_hour)
            end_hour(t, hour);
        t->n.next_bin = bin + 1;
    }
}

/* The open bin that the time falls into; −1 when it is over. */
static int64_t open_bin(struct trend *t, int64_t time_ns)
{
    int64_t bin = time_ns / FINE_NS;
    if (time_ns < HOUR_NS) /* no clock is set so far back, and rings begin with 1970 */
        return -1;
    if (t->n.next_bin == 0)
        t->n.next_bin = bin;
    return bin < t->n.next_bin ? -1 : bin;
}

void trend_hear(struct trend *t, int64_t time_ns)
{
    trend_reach(t, time_ns);
    int64_t bin = open_bin(t, time_ns);
    if (bin < 0)
        return;
    t->n.heard[bin & 1]++;
    if (bin / FINE_A_HOUR > t->n.heard_hour)
        t->n.heard_hour = bin / FINE_A_HOUR;
}

void trend_add(struct trend *t, struct str name, uint32_t flags, const struct source_name *source,
               int64_t time_ns, uint32_t count)
{
    trend_hear(t, time_ns);
    int64_t bin = open_bin(t, time_ns);
    if (bin < 0) {
        t->n.late++;
        return;
    }
    struct trend_key *key = keyed_put(t->keys, name, time_ns, NULL);
    key->flags = flags;
    key->fine_bin[bin & 1] = bin;
    tally_add(&key->fine[bin & 1], source, count);
}

struct trend_counters trend_counters(const struct trend *t)
{
    return (struct trend_counters){.late = t->n.late,
                                   .dropped = keyed_dropped(t->keys),
                                   .keys = keyed_count(t->keys),
                                   .bytes = keyed_bytes(t->keys),
                                   .is_learning = t->n.hours.seen_count < t->options.ensemble.learning_bins};
}
