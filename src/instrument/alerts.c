/* Instrument: what others' alarms amount to (S23, S94, S107, S114). Sensors that cry all day hide the hour
 * that matters. For each host and signature it learns how often the alarm comes; surprising are alarms that a
 * host that has been watched for a while never had, and floods far beyond the usual. When several signatures
 * surprise within half an hour, or one beyond doubt, that is told once, whatever their number.
 *
 * Surprise of a signature on a host, in decimal digits: of a first alarm −log10 of the share of watched hosts
 * that know it (at least `new_digits`); of a flood −log10 P(X ≥ n) of the hour, at most `flood_digits`.
 * Counts of alarms are burstier than chance: X is negative binomial, by the mean and variance of the hours
 * before. Signatures of a window are added: different detectors, same host. For a day after that, what is new
 * on that host belongs to it; and the same surprise on another host says that one led to the other. */
#include "instrument/kinds.h"

#include <math.h>
#include <stdio.h>

#include "base/memory.h"
#include "instrument/statistics.h"

#define WINDOW_SIGNATURES 32
#define HOUR_NS           (INT64_C(3600) * NS_PER_SECOND)

enum { ALERT_CLUSTER, ALERT_FOLLOWING, ALERT_SPREAD };
static const char *const findings[] = {"alert_cluster", "alert_following", "alert_spread"};

struct alerts_parameters {
    double warm_up_hours, window_minutes, follow_hours, half_life_days, new_digits, flood_digits, flood_least,
        flood_ratio, threshold, repeat_minutes, max_signatures, max_hosts;
};

#define P(field, low, high)                                                                                  \
    {                                                                                                        \
#field, offsetof(struct alerts_parameters, field), low, high                                         \
    }
static const struct parameter parameters[] = {
    P(warm_up_hours, 1, 720),    P(window_minutes, 1, 1440),  P(follow_hours, 0, 720),
    P(half_life_days, 0.1, 365), P(new_digits, 0.5, 6),       P(flood_digits, 1, 300),
    P(flood_least, 2, 1e6),      P(flood_ratio, 1, 1e6),      P(threshold, 1, 100),
    P(repeat_minutes, 1, 1e5),   P(max_signatures, 100, 1e7), P(max_hosts, 10, 1e7),
};
#undef P

/* A signature on a host. */
struct alarm {
    double rate, square; /* mean and mean square of the counts of the hours before this one, decayed */
    int64_t first_ns;
    int64_t bucket; /* hour of `count` */
    uint32_t count; /* in that hour */
};

struct surprising {
    uint64_t signature; /* hash */
    int64_t time_ns;
    double digits;
};

struct watched_host {
    int64_t first_ns, told_ns;
    struct surprising window[WINDOW_SIGNATURES];
};

/* A signature in the whole estate. */
struct estate {
    uint32_t hosts;      /* that know it */
    int64_t surprise_ns; /* the latest, and on which host */
    char ip[46], name[66];
};

struct alerts {
    const struct alerts_parameters *p;
    struct keyed *alarms;     /* host 0 signature */
    struct keyed *signatures; /* struct estate */
    struct keyed *hosts;
};

static void *open_alerts(struct instrument *i)
{
    struct alerts *a = NEW(struct alerts);
    a->p = instrument_parameters(i);
    a->alarms = keyed_new(&(struct keyed_options){.record_bytes = sizeof(struct alarm),
                                                  .max_entries = (uint32_t)a->p->max_signatures});
    a->signatures = keyed_new(&(struct keyed_options){.record_bytes = sizeof(struct estate),
                                                      .max_entries = (uint32_t)a->p->max_signatures});
    a->hosts = keyed_new(&(struct keyed_options){.record_bytes = sizeof(struct watched_host),
                                                 .max_entries = (uint32_t)a->p->max_hosts});
    return a;
}

static void close_alerts(void *state)
{
    struct alerts *a = state;
    keyed_free(a->alarms);
    keyed_free(a->signatures);
    keyed_free(a->hosts);
    memory_free(a);
}

/* The hours that are over go into the mean and the mean square, exponentially weighted; empty ones count. */
static void turn_hour(const struct alerts *a, struct alarm *alarm, int64_t hour)
{
    double keep = exp2(-1.0 / (a->p->half_life_days * 24));
    if (hour <= alarm->bucket)
        return;
    double empty = pow(keep, (double)(hour - alarm->bucket - 1)), count = alarm->count;
    alarm->rate = (alarm->rate * keep + (1 - keep) * count) * empty;
    alarm->square = (alarm->square * keep + (1 - keep) * count * count) * empty;
    alarm->bucket = hour;
    alarm->count = 0;
}

/* An infrequent alarm's rate is known no better than one in the time it has been watched. */
static double usual_count(const struct alarm *alarm, const struct watched_host *host, int64_t now_ns)
{
    double watched_hours = (double)(now_ns - host->first_ns) / (double)HOUR_NS;
    double least = 1 / (watched_hours > 1 ? watched_hours : 1);
    return alarm->rate > least ? alarm->rate : least;
}

static double digits_of_flood(const struct alerts *a, const struct alarm *alarm,
                              const struct watched_host *host, int64_t now_ns)
{
    double usual = usual_count(alarm, host, now_ns);
    if (alarm->count < a->p->flood_least || alarm->count < a->p->flood_ratio * usual)
        return 0;
    double size = negative_binomial_size(usual, alarm->square - alarm->rate * alarm->rate);
    double digits = -log10(fmax(negative_binomial_upper(alarm->count, usual, size), 1e-300));
    return digits < a->p->flood_digits ? digits : a->p->flood_digits;
}

static double digits_of_new(const struct alerts *a, struct str signature)
{
    const struct estate *known = keyed_find(a->signatures, signature);
    double digits = -log10(((known ? known->hosts : 0) + 0.5) / (keyed_count(a->hosts) + 1.0));
    return digits > a->p->new_digits ? digits : a->p->new_digits;
}

/* One place for each signature of the window; the strongest word about it counts. */
static double add_to_window(const struct alerts *a, struct watched_host *host, uint64_t signature,
                            double digits, int64_t now_ns)
{
    int64_t from_ns = now_ns - (int64_t)(a->p->window_minutes * 60) * NS_PER_SECOND;
    struct surprising *place = &host->window[0];
    double sum = 0;
    for (uint32_t n = 0; n < WINDOW_SIGNATURES; n++) {
        struct surprising *s = &host->window[n];
        if (s->signature == signature && s->time_ns > from_ns) {
            place = s;
            break;
        }
        if (s->time_ns < place->time_ns)
            place = s;
    }
    if (place->signature != signature || place->time_ns <= from_ns || digits > place->digits)
        *place = (struct surprising){signature, now_ns, digits};
    for (uint32_t n = 0; n < WINDOW_SIGNATURES; n++)
        if (host->window[n].time_ns > from_ns)
            sum += host->window[n].digits;
    return sum;
}

static uint32_t signatures_in_window(const struct alerts *a, const struct watched_host *host, int64_t now_ns)
{
    uint32_t count = 0;
    for (uint32_t n = 0; n < WINDOW_SIGNATURES; n++)
        count += host->window[n].time_ns > now_ns - (int64_t)(a->p->window_minutes * 60) * NS_PER_SECOND;
    return count;
}

static void about(struct reading *r, const struct sight *s)
{
    reading_about(r, s);
    if (r->host_ip.n == 0 && r->host_name.n == 0) {
        r->host_ip = s->destination.is_inside ? s->destination.text : s->host_ip;
        r->host_name = s->host_name;
    }
    if (s->source.is_known && !str_eq(s->source.text, r->host_ip))
        r->peer = s->source.text;
    else if (!str_eq(s->destination.text, r->host_ip))
        r->peer = s->destination.text;
}

static void tell(const struct alerts *a, struct instrument *i, const struct sight *s, unsigned finding,
                 double sum, uint32_t count)
{
    char signatures[16];
    struct matched_value facts[] = {{STR("rule.name"), s->signature},
                                    {STR("distinct_signatures"), {signatures, 0}}};
    facts[1].text.n = (size_t)snprintf(signatures, sizeof signatures, "%u", count);
    struct reading r = {.finding = finding,
                        .statistic_name = "surprise_digits",
                        .statistic = sum,
                        .threshold = a->p->threshold,
                        .window_ns = (int64_t)(a->p->window_minutes * 60) * NS_PER_SECOND,
                        .facts = facts,
                        .fact_count = COUNT_OF(facts)};
    about(&r, s);
    instrument_tell(i, &r);
}

static void keep_text(char *to, size_t room, struct str text)
{
    snprintf(to, room, "%.*s", STR_ARGS(str_slice(text, 0, room - 1)));
}

/* The same surprise on another host a moment ago: about that one, with this one as what came of it. */
static void tell_spread(const struct alerts *a, struct instrument *i, const struct sight *s,
                        struct estate *estate)
{
    struct reading here = {0}, r = {.finding = ALERT_SPREAD,
                                    .statistic_name = "seconds_between",
                                    .threshold = a->p->window_minutes * 60,
                                    .time_ns = s->time_ns};
    struct matched_value fact = {STR("rule.name"), s->signature};
    int64_t between_ns = s->time_ns - estate->surprise_ns;
    about(&here, s);
    bool is_other = !str_eq(here.host_ip, str_c(estate->ip)) && estate->ip[0] != 0 && here.host_ip.n;
    if (is_other && estate->surprise_ns != 0 && between_ns >= 0 &&
        between_ns < (int64_t)(a->p->window_minutes * 60) * NS_PER_SECOND) {
        r.statistic = (double)between_ns / 1e9;
        r.host_ip = str_c(estate->ip);
        r.host_name = str_c(estate->name);
        r.peer = here.host_ip;
        r.facts = &fact;
        r.fact_count = 1;
        instrument_tell(i, &r);
    }
    estate->surprise_ns = s->time_ns;
    keep_text(estate->ip, sizeof estate->ip, here.host_ip);
    keep_text(estate->name, sizeof estate->name, here.host_name);
}

/* Whose alarm it is: ours at either end, else the host that the sensor sits on. */
static struct str subject_of(const struct sight *s)
{
    if (s->key.n)
        return s->key;
    if (s->destination.is_inside)
        return s->destination.text;
    return s->host_name.n ? s->host_name : s->host_ip;
}

static void weigh(const struct alerts *a, struct instrument *i, const struct sight *s,
                  struct watched_host *host, struct estate *estate, double digits, bool is_new)
{
    struct str signature = str_slice(s->signature.n ? s->signature : s->signature_id, 0, 300);
    double sum = add_to_window(a, host, str_hash(signature), digits, s->time_ns);
    int64_t since_ns = host->told_ns ? s->time_ns - host->told_ns : INT64_MAX;
    if (sum >= a->p->threshold && since_ns >= (int64_t)(a->p->repeat_minutes * 60) * NS_PER_SECOND) {
        host->told_ns = s->time_ns;
        tell(a, i, s, ALERT_CLUSTER, sum, signatures_in_window(a, host, s->time_ns));
        tell_spread(a, i, s, estate);
    } else if (is_new && since_ns < (int64_t)(a->p->follow_hours * (double)HOUR_NS)) {
        tell(a, i, s, ALERT_FOLLOWING, digits, 1);
        tell_spread(a, i, s, estate);
    }
}

static void see_alerts(void *state, struct instrument *i, const struct sight *s)
{
    struct alerts *a = state;
    char key[600];
    bool is_new, is_new_host;
    struct str subject = str_slice(subject_of(s), 0, 255);
    struct str signature = str_slice(s->signature.n ? s->signature : s->signature_id, 0, 300);
    if (subject.n == 0 || signature.n == 0)
        return;
    memcpy(key, subject.p, subject.n);
    key[subject.n] = 0;
    memcpy(key + subject.n + 1, signature.p, signature.n);
    struct watched_host *host = keyed_put(a->hosts, subject, s->time_ns, &is_new_host);
    if (is_new_host)
        host->first_ns = s->time_ns;
    struct alarm *alarm = keyed_put(a->alarms, str_n(key, subject.n + 1 + signature.n), s->time_ns, &is_new);
    int64_t hour = s->time_ns / HOUR_NS;
    if (is_new)
        *alarm = (struct alarm){.first_ns = s->time_ns, .bucket = hour};
    turn_hour(a, alarm, hour);
    alarm->count++;
    bool is_warm = s->time_ns - host->first_ns >= (int64_t)(a->p->warm_up_hours * (double)HOUR_NS);
    double digits = 0;
    if (is_warm && is_new)
        digits = digits_of_new(a, signature);
    if (is_warm && !is_new)
        digits = digits_of_flood(a, alarm, host, s->time_ns);
    struct estate *estate = keyed_put(a->signatures, signature, s->time_ns, NULL);
    estate->hosts += is_new;
    if (digits > 0)
        weigh(a, i, s, host, estate, digits, is_new);
}

static void save_alerts(const void *state, struct buf *out)
{
    const struct alerts *a = state;
    keyed_save(a->alarms, out);
    keyed_save(a->signatures, out);
    keyed_save(a->hosts, out);
}

static bool load_alerts(void *state, struct cursor *in)
{
    struct alerts *a = state;
    return keyed_load(a->alarms, in) && keyed_load(a->signatures, in) && keyed_load(a->hosts, in);
}

static void measure_alerts(const void *state, struct instrument_info *out)
{
    const struct alerts *a = state;
    const struct keyed *tables[] = {a->alarms, a->signatures, a->hosts};
    for (size_t n = 0; n < COUNT_OF(tables); n++) {
        out->entries += keyed_count(tables[n]);
        out->dropped += keyed_dropped(tables[n]);
        out->bytes += keyed_bytes(tables[n]);
    }
}

const struct instrument_kind alerts_kind = {
    .name = "alerts",
    .version = 1,
    .wants = SIGHT_ALERT,
    .parameter_bytes = sizeof(struct alerts_parameters),
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .findings = findings,
    .finding_count = COUNT_OF(findings),
    .open = open_alerts,
    .close = close_alerts,
    .see = see_alerts,
    .save = save_alerts,
    .load = load_alerts,
    .measure = measure_alerts,
};
