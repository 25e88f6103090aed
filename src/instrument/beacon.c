/* Instrument: connections of one inside host to one outside destination that come like clockwork (S106, S101;
 * spec 2.7). Reads visits to rare destinations; tells beacons, strong and likely.
 *
 *   visit ─ popular, allowed or excepted? ─▶ gone
 *     └▶ pair (its first 3 times) ──4th connection──▶ series (ring of times and sizes, hours of 14 days)
 *   series ── an hour after the last look, at the next visit, or at local midnight ──▶ score over 24 h, 14 d
 *
 * Where the score is in doubt the spectrum or the Rayleigh test decides, at midnight only and for a limited
 * number. A host and its destination make one finding a day, all together at most `daily_limit`, the highest
 * ranking first. Next: dga.c. */
#include "instrument/beacon_internal.h"

#include "base/memory.h"
#include "instrument/kinds.h"

static const char *const findings[] = {"beacon_strong", "beacon_likely"};

#define P(field, low, high)                                                                                  \
    {                                                                                                        \
#field, offsetof(struct beacon_parameters, field), low, high                                         \
    }
static const struct parameter parameters[] = {
    P(strong_score, 0.5, 1),
    P(likely_score, 0.3, 1),
    P(doubtful_score, 0, 1),
    P(deviation_share, 0, 2),
    P(least_connections, 4, RHYTHM_RING),
    P(least_span_minutes, 0, 1440),
    P(rayleigh_p, 0, 1),
    P(new_days, 1, 365),
    P(old_days, 1, 3650),
    P(modifier, 0, 1),
    P(daily_limit, 1, 10000),
    P(second_looks, 0, 100000),
    P(evening_hour, 0, 24),
    P(max_pairs, 1000, 1e8),
    P(max_series, 100, 1e7),
};
#undef P

static void *open_beacon(struct instrument *i)
{
    struct beacon *b = NEW(struct beacon);
    b->p = instrument_parameters(i);
    b->pairs = keyed_new(&(struct keyed_options){.record_bytes = sizeof(struct pair),
                                                 .max_entries = (uint32_t)b->p->max_pairs});
    b->rhythms = keyed_new(&(struct keyed_options){.record_bytes = sizeof(struct rhythm),
                                                   .max_entries = (uint32_t)b->p->max_series});
    b->destination = instrument_neighbour(i, "destination");
    b->t.day = b->t.born_s = INT64_MIN;
    return b;
}

static void close_beacon(void *state)
{
    struct beacon *b = state;
    keyed_free(b->pairs);
    keyed_free(b->rhythms);
    memory_free(b);
}

/* ---------------------------------------------------------------------------------- series */

/* Keeps times ascending: an event may come late. The same second again, or the one beside it, is the same
 * connection, told by two logs. False when it was. */
static bool insert(struct rhythm *r, uint32_t time_s, uint32_t size)
{
    uint32_t n = r->count;
    while (n > 0 && r->times[n - 1] > time_s)
        n--;
    bool is_before = n > 0 && time_s - r->times[n - 1] <= 1,
         is_after = n < r->count && r->times[n] == time_s + 1;
    if (is_before || is_after) {
        uint32_t *known = &r->sizes[is_before ? n - 1 : n];
        *known = *known ? *known : size;
        return false;
    }
    if (r->count == RHYTHM_RING) { /* the oldest quarter goes, so that few bytes move */
        const uint32_t gone = RHYTHM_RING / 4;
        if (n < gone)
            return false;
        memmove(r->times, r->times + gone, (RHYTHM_RING - gone) * sizeof r->times[0]);
        memmove(r->sizes, r->sizes + gone, (RHYTHM_RING - gone) * sizeof r->sizes[0]);
        r->count -= gone;
        n -= gone;
    }
    memmove(r->times + n + 1, r->times + n, (r->count - n) * sizeof r->times[0]);
    memmove(r->sizes + n + 1, r->sizes + n, (r->count - n) * sizeof r->sizes[0]);
    r->times[n] = time_s;
    r->sizes[n] = size;
    r->count++;
    return true;
}

static void count_hour(struct rhythm *r, uint32_t time_s)
{
    uint32_t hour = time_s / 3600;
    if (r->newest_hour == 0)
        r->newest_hour = hour;
    for (; r->newest_hour < hour && hour - r->newest_hour < RHYTHM_HOURS; r->newest_hour++)
        r->hours[(r->newest_hour + 1) % RHYTHM_HOURS] = 0;
    if (hour > r->newest_hour) { /* more than 14 days of silence */
        memset(r->hours, 0, sizeof r->hours);
        r->newest_hour = hour;
    }
    uint16_t *count = &r->hours[hour % RHYTHM_HOURS];
    if (r->newest_hour - hour < RHYTHM_HOURS && *count < UINT16_MAX)
        ++*count;
}

static void add(struct rhythm *r, uint32_t time_s, uint32_t size)
{
    if (r->first_s == 0 || time_s < r->first_s)
        r->first_s = time_s;
    if (!insert(r, time_s, size))
        return;
    count_hour(r, time_s);
    r->fresh++;
    r->total++;
}

static uint32_t size_of(const struct sight *s)
{
    int64_t bytes = s->bytes_out >= 0 ? s->bytes_out : s->bytes_in;
    return bytes < 0 ? 0 : bytes >= UINT32_MAX - 1 ? UINT32_MAX : (uint32_t)bytes + 1;
}

static struct rhythm *open_rhythm(struct beacon *b, const struct key_pair *key, const struct pair *p,
                                  const struct target *t, const struct sight *s)
{
    bool is_new;
    struct rhythm *r = keyed_put(b->rhythms, key_pair_str(key), s->time_ns, &is_new);
    if (!is_new)
        return r;
    for (uint32_t n = 0; n < p->count; n++)
        add(r, p->times[n], p->sizes[n]);
    r->name_bytes = (uint8_t)(t->name.n < sizeof r->name ? t->name.n : sizeof r->name);
    memcpy(r->name, t->name.p, r->name_bytes);
    r->registered_bytes = (uint8_t)(t->registered.n < r->name_bytes ? t->registered.n : r->name_bytes);
    r->told_day = INT32_MIN;
    return r;
}

/* The series of the pair from its fourth connection on; before that NULL. */
static struct rhythm *rhythm_of(struct beacon *b, const struct key_pair *key, const struct target *t,
                                const struct sight *s)
{
    uint32_t time_s = (uint32_t)seconds_of(s->time_ns);
    struct pair *p = keyed_put(b->pairs, key_pair_str(key), s->time_ns, NULL);
    if (p->count == PAIR_TIMES)
        return open_rhythm(b, key, p, t, s);
    for (uint32_t n = 0; n < p->count; n++)
        if (p->times[n] == time_s)
            return NULL;
    p->times[p->count] = time_s;
    p->sizes[p->count++] = size_of(s);
    return NULL;
}

static struct key_pair key_of(const struct visit *v, struct str name)
{
    return (struct key_pair){v->client, str_hash(name)};
}

/* A connection that has a name is counted under it; the series of its bare address keeps quiet. */
static void hush_address(struct beacon *b, const struct visit *v, const struct sight *s)
{
    if (v->target.is_address || !s->destination.is_known || s->destination.is_inside)
        return;
    struct key_pair key = key_of(v, s->destination.text);
    struct rhythm *r = keyed_count(b->rhythms) ? keyed_find(b->rhythms, key_pair_str(&key)) : NULL;
    if (r != NULL)
        r->named_s = (uint32_t)seconds_of(s->time_ns);
}

static bool is_of_interest(const struct sight *s, const struct visit *v)
{
    return !v->known.is_allowed && (v->known.is_rare || !v->known.is_comparable) &&
           !(s->exceptions & EXCEPTED_COMMUNICATION) && !(s->roles & (ROLE_DNS_SERVER | ROLE_PROXY)) &&
           !sight_is_duty(s);
}

#define LOOK_S     3600
#define MANY       60 /* so many new connections are worth a look before the hour is over */
#define MANY_S     600
#define LEAST_TIME 100 /* seconds since 1970: an event without a time */

static void see_beacon(void *state, struct instrument *i, const struct sight *s)
{
    struct beacon *b = state;
    struct visit v;
    int64_t now = seconds_of(s->time_ns);
    if (now < LEAST_TIME || now > UINT32_MAX)
        return;
    if (b->t.born_s == INT64_MIN || now < b->t.born_s)
        b->t.born_s = now;
    if (!destination_visit(b->destination, s, &v) || !is_of_interest(s, &v))
        return;
    struct key_pair key = key_of(&v, v.target.name);
    struct rhythm *r = rhythm_of(b, &key, &v.target, s);
    if (r == NULL)
        return;
    hush_address(b, &v, s);
    int64_t since = now - r->looked_s;
    bool is_due = r->count && (since >= LOOK_S || (r->fresh >= MANY && since >= MANY_S));
    add(r, (uint32_t)now, size_of(s));
    about_fill(&r->about, s);
    r->port = s->port;
    if (is_due && r->named_s == 0 && now < b->t.next_day_s) /* else midnight comes first */
        beacon_look(b, i, r, now);
}

static void reach_beacon(void *state, struct instrument *i, int64_t watermark_ns)
{
    struct beacon *b = state;
    int64_t now = seconds_of(watermark_ns);
    if (now < b->t.next_day_s)
        return;
    int64_t day = local_day(i, now);
    bool is_first = b->t.day == INT64_MIN;
    b->t.day = day;
    b->t.next_day_s = day_start_s(i, day + 1);
    b->t.told = 0;
    keyed_drop_before(b->rhythms, watermark_ns - (int64_t)RHYTHM_HOURS * 3600 * NS_PER_SECOND);
    keyed_drop_before(b->pairs, watermark_ns - (int64_t)RHYTHM_HOURS * 3600 * NS_PER_SECOND);
    if (!is_first)
        beacon_look_at_all(b, i, day_start_s(i, day));
}

static void save_beacon(const void *state, struct buf *out)
{
    const struct beacon *b = state;
    buf_bytes(out, &b->t, sizeof b->t);
    keyed_save(b->pairs, out);
    keyed_save(b->rhythms, out);
}

static bool load_beacon(void *state, struct cursor *in)
{
    struct beacon *b = state;
    cursor_bytes(in, &b->t, sizeof b->t);
    return keyed_load(b->pairs, in) && keyed_load(b->rhythms, in);
}

static void measure_beacon(const void *state, struct instrument_info *out)
{
    const struct beacon *b = state;
    out->entries = keyed_count(b->pairs) + keyed_count(b->rhythms);
    out->dropped = keyed_dropped(b->pairs) + keyed_dropped(b->rhythms);
    out->bytes = keyed_bytes(b->pairs) + keyed_bytes(b->rhythms);
}

const struct instrument_kind beacon_kind = {
    .name = "beacon",
    .version = 1,
    .wants = SIGHT_FLOW | SIGHT_WEB | SIGHT_TLS,
    .parameter_bytes = sizeof(struct beacon_parameters),
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .findings = findings,
    .finding_count = COUNT_OF(findings),
    .open = open_beacon,
    .close = close_beacon,
    .see = see_beacon,
    .reach = reach_beacon,
    .save = save_beacon,
    .load = load_beacon,
    .measure = measure_beacon,
};
