/* The beacon instrument looks at a series: score over 24 hours and 14 days, prevalence and age as modifiers
 * of the rank, spectrum and Rayleigh test where the score is in doubt (spec 2.7, 2.4). Stage: instrument.
 * Series → finding. */
#include <stdlib.h>

#include "base/memory.h"
#include "instrument/beacon_internal.h"
#include "instrument/beacon_score.h"
#include "instrument/periodicity.h"

#define DAY_S        86400
#define LONG_DAYS    14
#define FEW          30 /* connections: below this the spectrum says little and phases are tested */
#define COMMON_SHARE 0.5
#define RARE_SHARE   0.02

struct verdict {
    struct rhythm *rhythm;
    struct beacon_score score;
    int64_t window_s;
    double rank;
    bool is_beacon, is_doubtful;
    const char *why; /* "score", "spectrum", "phase" */
    double period_s, p;
    struct destination_known known;
    bool is_known;
};

/* ------------------------------------------------------------------------------- two windows */

/* As RITA does, a window begins on a full hour, and not before the first event of all. */
static int64_t window_start(const struct beacon *b, int64_t now_s, int64_t length_s)
{
    int64_t start = now_s - now_s % 3600 - length_s;
    return start < b->t.born_s ? b->t.born_s : start;
}

static void bars_of_hours(const struct rhythm *r, int64_t start_s, int64_t end_s, uint32_t bars[BEACON_BARS])
{
    uint32_t oldest = r->newest_hour - (RHYTHM_HOURS - 1);
    for (uint32_t hour = oldest; hour <= r->newest_hour; hour++) {
        int64_t middle = (int64_t)hour * 3600 + 1800;
        if (middle >= start_s && middle < end_s)
            bars[(middle - start_s) * BEACON_BARS / (end_s - start_s)] += r->hours[hour % RHYTHM_HOURS];
    }
}

static bool score_window(const struct rhythm *r, int64_t start_s, int64_t end_s, bool by_hours,
                         struct beacon_score *out)
{
    int64_t times[RHYTHM_RING];
    double sizes[RHYTHM_RING];
    uint32_t bars[BEACON_BARS] = {0};
    struct beacon_input in = {
        .times_s = times, .sizes = sizes, .bars = bars, .start_s = start_s, .end_s = end_s};
    for (uint32_t n = 0; n < r->count; n++) {
        if (r->times[n] < start_s || r->times[n] > end_s)
            continue;
        times[in.time_count++] = r->times[n];
        if (r->sizes[n])
            sizes[in.size_count++] = r->sizes[n] - 1.0;
    }
    if (in.time_count == 0 || end_s <= start_s)
        return false;
    bool is_whole = r->times[0] <= start_s || r->total == r->count; /* the ring reaches back far enough */
    in.first_s = r->first_s > start_s ? r->first_s : is_whole ? times[0] : start_s;
    in.last_s = times[in.time_count - 1];
    if (by_hours || !is_whole)
        bars_of_hours(r, start_s, end_s, bars);
    else
        beacon_bars(times, in.time_count, start_s, end_s + 1, bars);
    return beacon_score(&in, out);
}

static void score_both(const struct beacon *b, struct verdict *v, int64_t now_s)
{
    struct beacon_score longer;
    const struct rhythm *r = v->rhythm;
    int64_t start_s = window_start(b, now_s, DAY_S), long_start_s = window_start(b, now_s, LONG_DAYS * DAY_S);
    if (score_window(r, start_s, now_s, false, &v->score))
        v->window_s = now_s - start_s;
    if (now_s - long_start_s < 3 * DAY_S || !score_window(r, long_start_s, now_s, true, &longer) ||
        longer.total <= v->score.total)
        return;
    v->score = longer;
    v->window_s = now_s - long_start_s;
}

/* ----------------------------------------------------------------------------------- verdict */

/* Modifiers of RITA, of the rank only: what is called strong is told by the score itself. */
static double rank_of(const struct beacon *b, const struct verdict *v, int64_t now_s)
{
    double rank = v->score.total;
    if (!v->is_known || !v->known.is_comparable)
        return rank;
    double prevalence = (double)v->known.clients / v->known.active_clients;
    double age_days = (double)(now_s - v->known.first_s) / DAY_S;
    rank += prevalence <= RARE_SHARE ? b->p->modifier : prevalence >= COMMON_SHARE ? -b->p->modifier : 0;
    rank += age_days <= b->p->new_days ? b->p->modifier : age_days >= b->p->old_days ? -b->p->modifier : 0;
    return rank;
}

static struct str registered_of(const struct rhythm *r)
{
    return str_n(r->name + r->name_bytes - r->registered_bytes, r->registered_bytes);
}

static struct verdict judge(const struct beacon *b, struct rhythm *r, int64_t now_s)
{
    struct verdict v = {.rhythm = r, .why = "score"};
    r->looked_s = (uint32_t)now_s;
    r->fresh = 0;
    if (r->count < b->p->least_connections ||
        r->times[r->count - 1] - r->first_s < b->p->least_span_minutes * 60)
        return v;
    v.is_known = destination_known(b->destination, registered_of(r), &v.known);
    if (v.is_known && (v.known.is_allowed || (v.known.is_comparable && !v.known.is_rare)))
        return v;
    score_both(b, &v, now_s);
    v.is_beacon = v.score.total >= b->p->likely_score &&
                  v.score.deviation_s <= b->p->deviation_share * v.score.interval_s;
    v.is_doubtful = !v.is_beacon && v.score.total >= b->p->doubtful_score;
    if (!v.is_known || !v.known.is_comparable) { /* nobody can say that the destination is rare */
        v.is_beacon = v.is_beacon && v.score.total >= b->p->strong_score;
        v.is_doubtful = false;
    }
    v.rank = rank_of(b, &v, now_s);
    return v;
}

static void look_closer(const struct beacon *b, struct verdict *v)
{
    int64_t times[RHYTHM_RING];
    const struct rhythm *r = v->rhythm;
    for (uint32_t n = 0; n < r->count; n++)
        times[n] = r->times[n];
    if (r->count >= FEW) {
        struct periodicity found;
        periodicity_find(times, r->count, &found);
        v->is_beacon = found.is_periodic;
        v->period_s = found.period_s;
        v->why = "spectrum";
        return;
    }
    v->p = rayleigh_search(times, r->count, v->score.interval_s, &v->period_s);
    v->is_beacon = r->count >= 8 && v->p <= b->p->rayleigh_p;
    v->why = "phase";
}

static void tell(struct beacon *b, struct instrument *i, const struct verdict *v, int64_t now_s)
{
    const struct rhythm *r = v->rhythm;
    struct facts f = {.count = 0};
    bool is_strong = v->score.total >= b->p->strong_score;
    fact_number(&f, "timestamps_score", v->score.timestamps);
    if (v->score.has_sizes)
        fact_number(&f, "sizes_score", v->score.sizes);
    fact_number(&f, "histogram_score", v->score.histogram);
    fact_number(&f, "duration_score", v->score.duration);
    fact_number(&f, "interval_seconds", v->period_s > 0 ? v->period_s : v->score.interval_s);
    fact_number(&f, "connections", r->total);
    fact_number(&f, "rank", v->rank);
    fact_text(&f, "decided_by", str_c(v->why));
    if (v->is_known && v->known.is_comparable) {
        fact_number(&f, "clients", v->known.clients);
        fact_number(&f, "active_clients", v->known.active_clients);
    } else {
        fact_text(&f, "prevalence", STR("unknown"));
    }
    if (r->port)
        fact_number(&f, "destination.port", r->port);
    struct reading reading = {.finding = is_strong ? BEACON_STRONG : BEACON_LIKELY,
                              .time_ns = now_s * NS_PER_SECOND,
                              .peer = str_n(r->name, r->name_bytes),
                              .statistic_name = "beacon_score",
                              .statistic = v->score.total,
                              .threshold = is_strong                              ? b->p->strong_score
                                           : v->why[0] == 's' && v->why[1] == 'c' ? b->p->likely_score
                                                                                  : b->p->doubtful_score,
                              .window_ns = v->window_s * NS_PER_SECOND,
                              .p = v->p,
                              .facts = f.items,
                              .fact_count = f.count};
    about_reading(&r->about, &reading);
    instrument_tell(i, &reading);
}

/* One a day for each pair, and no more than the limit for all. */
static void tell_once(struct beacon *b, struct instrument *i, const struct verdict *v, int64_t now_s)
{
    int32_t day = (int32_t)local_day(i, now_s);
    if (v->rhythm->told_day >= day || b->t.told >= b->p->daily_limit)
        return;
    v->rhythm->told_day = day;
    b->t.told++;
    tell(b, i, v, now_s);
}

/* During the day only what is new, and strong: what is likely may become strong until the evening, and what
 * was told yesterday has time until midnight. */
void beacon_look(struct beacon *b, struct instrument *i, struct rhythm *r, int64_t now_s)
{
    struct verdict v = judge(b, r, now_s);
    int64_t day = local_day(i, now_s);
    bool is_evening = now_s >= day_start_s(i, day) + (int64_t)(b->p->evening_hour * 3600);
    bool is_new = r->told_day < day - 1;
    if (v.is_beacon && is_new && (is_evening || v.score.total >= b->p->strong_score))
        tell_once(b, i, &v, now_s);
}

static int by_rank(const void *a, const void *b)
{
    const struct verdict *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? 1 : -1;
    return str_compare(str_n(x->rhythm->name, x->rhythm->name_bytes),
                       str_n(y->rhythm->name, y->rhythm->name_bytes));
}

void beacon_look_at_all(struct beacon *b, struct instrument *i, int64_t end_s)
{
    struct verdict *list = NEW_ARRAY(struct verdict, keyed_count(b->rhythms) + 1);
    const void *place = NULL;
    struct keyed_entry e;
    size_t count = 0;
    while (keyed_next(b->rhythms, &place, &e)) {
        struct rhythm *r = e.record;
        bool is_hushed = r->named_s && end_s - r->named_s < DAY_S;
        if (r->count == 0 || is_hushed || r->times[r->count - 1] < end_s - DAY_S)
            continue;
        list[count] = judge(b, r, end_s);
        count += list[count].is_beacon || list[count].is_doubtful;
    }
    qsort(list, count, sizeof *list, by_rank);
    double looks = 0;
    for (size_t n = 0; n < count && b->t.told < b->p->daily_limit; n++) {
        if (list[n].is_doubtful && looks++ < b->p->second_looks)
            look_closer(b, &list[n]);
        if (list[n].is_beacon)
            tell_once(b, i, &list[n], end_s - 1); /* of the day that ends */
    }
    memory_free(list);
}
