/* Who is at work when, and so when each actor acts next. All is a function of seed, host and day: nothing has
 * to be remembered, and asking twice gives the same. */
#include "simulate/engine.h"

#define HOUR_NS   (3600 * NS_PER_SECOND)
#define MINUTE_NS (60 * NS_PER_SECOND)

/* Nine to six with all that people make of it; on quiet days shorter. */
static struct window working_hours(const struct simulation *s, const struct host *h, int64_t day)
{
    int64_t index = day - s->first_day;
    double share = index >= 0 && index <= (int64_t)s->options.days
                       ? s->presence[index]
                       : quiet_presence(s->quiet, s->calendar, day);
    struct random r = {random_key(h->key, (uint64_t)day * 2 + 1)};
    if (random_unit(&r) >= share * 0.95)
        return (struct window){0, 0};
    double start, end;
    if (share < 0.2) {
        start = 10 + 3 * random_unit(&r);
        end = start + 1 + 4 * random_unit(&r);
    } else {
        start = 8.7 + 0.35 * random_normal(&r);
        end = 17.6 + 1.1 * random_exponential(&r);
    }
    start = start < 6 ? 6 : start > 11 ? 11 : start;
    end = end > 23.5 ? 23.5 : end;
    int64_t midnight = time_of_day(day);
    return (struct window){midnight + (int64_t)(start * HOUR_NS), midnight + (int64_t)(end * HOUR_NS)};
}

struct window presence_of(const struct simulation *s, const struct host *h, int64_t day,
                          enum attendance attendance)
{
    struct window whole = {time_of_day(day), time_of_day(day + 1)};
    bool is_machine = h->kind != HOST_CLIENT;
    if (control_has(&h->control, s->condition_off, whole.from_ns))
        return (struct window){0, 0};
    if (attendance == WHILE_ALWAYS || is_machine || (attendance == WHILE_POWERED && h->is_always_on))
        return whole;
    return working_hours(s, h, day);
}

static bool runs_on(const struct simulation *s, const struct activity *a, int64_t day)
{
    if (!(a->days >> calendar_weekday(day) & 1))
        return false;
    return !(a->days & 0x80) || quiet_is_workday(s->calendar, day);
}

/* A Poisson process whose intensity changes by the hour: an exponential amount of expectation is used up. */
static int64_t next_by_rate(const struct simulation *s, struct actor *actor, int64_t after_ns)
{
    const struct activity *a = actor->activity;
    double need = random_exponential(&actor->random), per_day = a->per_day * actor->host->pace;
    for (int64_t day = time_day(after_ns); time_of_day(day) < s->to_ns; day++) {
        struct window w =
            runs_on(s, a, day) ? presence_of(s, actor->host, day, a->attendance) : (struct window){0, 0};
        int64_t midnight = time_of_day(day), from = after_ns > w.from_ns ? after_ns : w.from_ns;
        while (from < w.to_ns) {
            int64_t hour = (from - midnight) / HOUR_NS, end = midnight + (hour + 1) * HOUR_NS;
            end = end < w.to_ns ? end : w.to_ns;
            double per_ns = per_day * a->profile[hour] / (double)HOUR_NS,
                   mass = per_ns * (double)(end - from);
            if (need < mass)
                return from + 1 + (int64_t)(need / per_ns);
            need -= mass;
            from = end;
        }
    }
    return INT64_MAX;
}

/* Once a day, at the time that moment() says. */
static int64_t moment(const struct simulation *s, struct actor *actor, int64_t day)
{
    const struct activity *a = actor->activity;
    struct random r = {random_key(actor->host->key, random_key_of((uint64_t)day, a->name))};
    struct window w = presence_of(s, actor->host, day, a->attendance);
    int64_t spread = (int64_t)(random_unit(&r) * (double)a->spread_ns), at;
    if (!runs_on(s, a, day) || w.from_ns == w.to_ns)
        return INT64_MIN;
    if (a->when == WHEN_SESSION_START)
        return w.from_ns + spread;
    if (a->when == WHEN_SESSION_END)
        return w.to_ns - spread;
    at = time_of_day(day) + a->at_ns + spread;
    return at >= w.from_ns && at < w.to_ns ? at : INT64_MIN;
}

static int64_t next_daily(const struct simulation *s, struct actor *actor, int64_t after_ns)
{
    for (int64_t day = time_day(after_ns); time_of_day(day) < s->to_ns; day++) {
        int64_t at = moment(s, actor, day);
        if (at > after_ns)
            return at;
    }
    return INT64_MAX;
}

static int64_t next_regularly(const struct simulation *s, struct actor *actor, int64_t after_ns)
{
    const struct activity *a = actor->activity;
    double factor = actor->done == 0 ? random_unit(&actor->random)
                                     : 1 + a->jitter * (2 * random_unit(&actor->random) - 1);
    int64_t at = after_ns + 1 + (int64_t)((double)a->period_ns * factor);
    for (int64_t day = time_day(at); time_of_day(day) < s->to_ns; day++) {
        struct window w =
            runs_on(s, a, day) ? presence_of(s, actor->host, day, a->attendance) : (struct window){0, 0};
        if (at < w.from_ns)
            return w.from_ns + (int64_t)(random_unit(&actor->random) * (double)(5 * MINUTE_NS));
        if (at < w.to_ns)
            return at;
        at = time_of_day(day + 1);
        if (a->attendance == WHILE_ALWAYS)
            at++;
    }
    return INT64_MAX;
}

static int64_t onset(const struct simulation *s, const struct actor *actor)
{
    for (unsigned i = 0; i < s->fleet.condition_count; i++)
        if (actor->activity->with >> i & 1) {
            int64_t at = actor->host->control.since_ns[i];
            return actor->done == 0 && at > s->from_ns && at < s->to_ns ? at : INT64_MAX;
        }
    return INT64_MAX;
}

/* What goes wrong with a computer goes wrong while it is on. */
void presence_settle_conditions(const struct simulation *s, struct host *h)
{
    for (unsigned i = 0; i < s->fleet.condition_count; i++) {
        int64_t *since = &h->control.since_ns[i];
        if (*since < s->from_ns || *since == INT64_MAX)
            continue;
        for (int64_t day = time_day(*since); time_of_day(day) < s->to_ns; day++) {
            struct window w = presence_of(s, h, day, WHILE_PRESENT);
            if (*since < w.from_ns)
                *since = w.from_ns + 30 * MINUTE_NS;
            if (*since < w.to_ns)
                break;
            *since = time_of_day(day + 1);
        }
    }
}

int64_t presence_next(const struct simulation *s, struct actor *a, int64_t after_ns)
{
    switch (a->activity->when) {
    case WHEN_RATE:
        return next_by_rate(s, a, after_ns);
    case WHEN_SESSION_START:
    case WHEN_SESSION_END:
    case WHEN_DAILY:
        return next_daily(s, a, after_ns);
    case WHEN_EVERY:
        return next_regularly(s, a, after_ns);
    case WHEN_ONSET:
        return onset(s, a);
    case WHEN_STEP:
    case WHEN_TRUTH:
        break;
    }
    BUG("steps know their own times");
}
