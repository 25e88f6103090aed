/* Instrument: violations in sensor departments (S113). Reads launches off the list, refused admissions and
 * denied outward flows of hosts in departments that are marked as sensors; tells each with the weight that
 * the department's own history gives it.
 *
 *   rate = (a + violating host-days) / (b + host-days)     shrunk towards the rate at which the ratio is the
 *   LR   = P(violation | infected) / rate                  default of spec 4.4 (Gamma–Poisson, spec 2.3)
 *
 * A host counts once a day, and a day counts when it is over, so that an outbreak does not excuse itself. The
 * same event elsewhere is left to the rules, with their small ratios. That a hit raises the prior of the
 * whole network for 24 hours is the desk's part (priors.h): it sees the finding on an event of a sensor. */
#include "instrument/kinds.h"

#include <stdio.h>

#include "base/memory.h"
#include "instrument/program.h"

#define DAY_S 86400

enum { SENSOR_PROGRAM, SENSOR_ADMISSION, SENSOR_COMMUNICATION, VIOLATIONS };
static const char *const findings[] = {"sensor_program", "sensor_admission", "sensor_communication"};

struct sensor_parameters {
    double program_infected, admission_infected, communication_infected, program_ratio, admission_ratio,
        communication_ratio, prior_host_days, least_ratio, most_ratio, max_hosts, max_departments;
};

#define P(field, low, high)                                                                                  \
    {                                                                                                        \
#field, offsetof(struct sensor_parameters, field), low, high                                         \
    }
static const struct parameter parameters[] = {
    P(program_infected, 0.001, 1), P(admission_infected, 0.001, 1), P(communication_infected, 0.001, 1),
    P(program_ratio, 1, 1000),     P(admission_ratio, 1, 1000),     P(communication_ratio, 1, 1000),
    P(prior_host_days, 1, 1e6),    P(least_ratio, 1, 1000),         P(most_ratio, 1, 10000),
    P(max_hosts, 10, 1e7),         P(max_departments, 10, 1e6),
};
#undef P

struct host {
    int64_t day;       /* local days since 1970 */
    uint32_t violated; /* 1 << violation, today */
};

struct department {
    int64_t day; /* what `today` counts */
    double host_days, violating[VIOLATIONS];
    double today_hosts, today_violating[VIOLATIONS];
};

struct sensor {
    const struct sensor_parameters *p;
    struct keyed *hosts, *departments;
};

static void *open_sensor(struct instrument *i)
{
    struct sensor *s = NEW(struct sensor);
    s->p = instrument_parameters(i);
    s->hosts = keyed_new(&(struct keyed_options){sizeof(struct host), (uint32_t)s->p->max_hosts, NULL, NULL});
    s->departments = keyed_new(
        &(struct keyed_options){sizeof(struct department), (uint32_t)s->p->max_departments, NULL, NULL});
    return s;
}

static void close_sensor(void *state)
{
    struct sensor *s = state;
    keyed_free(s->hosts);
    keyed_free(s->departments);
    memory_free(s);
}

static int64_t local_day(const struct instrument *i, int64_t time_ns)
{
    int64_t seconds = time_ns / NS_PER_SECOND;
    seconds += zone_offset_at_utc(instrument_zone(i), seconds);
    return (seconds - ((seconds % DAY_S + DAY_S) % DAY_S)) / DAY_S;
}

static void turn_day(struct department *d, int64_t day)
{
    if (day <= d->day)
        return;
    d->host_days += d->today_hosts;
    d->today_hosts = 0;
    for (int v = 0; v < VIOLATIONS; v++) {
        d->violating[v] += d->today_violating[v];
        d->today_violating[v] = 0;
    }
    d->day = day;
}

/* What kind of violation, or VIOLATIONS. */
static int violation_of(const struct instrument *i, const struct sight *s)
{
    if ((s->kinds & SIGHT_PROCESS) && !(s->exceptions & (EXCEPTED_APPLICATION | EXCEPTED_CHANGE)) &&
        program_is_off_list(i, s))
        return SENSOR_PROGRAM;
    if ((s->kinds & SIGHT_ADMISSION) && s->passage == PASSAGE_DENIED)
        return SENSOR_ADMISSION;
    if ((s->kinds & (SIGHT_FLOW | SIGHT_WEB)) && s->passage == PASSAGE_DENIED && s->source.is_inside &&
        !s->destination.is_inside && s->exceptions == 0)
        return SENSOR_COMMUNICATION;
    return VIOLATIONS;
}

struct weight {
    double ratio, rate;
};

static struct weight weigh(const struct sensor_parameters *p, const struct department *d, int violation)
{
    const double infected[] = {p->program_infected, p->admission_infected, p->communication_infected};
    const double ratio[] = {p->program_ratio, p->admission_ratio, p->communication_ratio};
    double prior_rate = infected[violation] / ratio[violation];
    double rate =
        (prior_rate * p->prior_host_days + d->violating[violation]) / (p->prior_host_days + d->host_days);
    double weight = infected[violation] / rate;
    return (struct weight){weight > p->most_ratio ? p->most_ratio : weight, rate};
}

static void tell(const struct sensor *sensor, struct instrument *i, const struct sight *s,
                 const struct department *d, int violation)
{
    struct weight w = weigh(sensor->p, d, violation);
    char rate[32], days[32];
    if (w.ratio < sensor->p->least_ratio)
        return;
    snprintf(rate, sizeof rate, "%.4g", w.rate);
    snprintf(days, sizeof days, "%.0f", d->host_days);
    struct matched_value facts[] = {{STR("rate_per_host_day"), str_c(rate)},
                                    {STR("host_days"), str_c(days)},
                                    {STR("what"), s->program.n            ? s->program
                                                  : s->reason.n           ? s->reason
                                                  : s->destination.text.n ? s->destination.text
                                                                          : s->domain}};
    struct reading r = {.finding = (unsigned)violation,
                        .statistic_name = "likelihood_ratio",
                        .statistic = w.ratio,
                        .threshold = sensor->p->least_ratio,
                        .window_ns = (int64_t)DAY_S * NS_PER_SECOND,
                        .likelihood_ratio = w.ratio,
                        .peer = violation == SENSOR_PROGRAM ? s->program : s->destination.text,
                        .facts = facts,
                        .fact_count = COUNT_OF(facts)};
    reading_about(&r, s);
    instrument_tell(i, &r);
}

static void see_sensor(void *state, struct instrument *i, const struct sight *s)
{
    struct sensor *sensor = state;
    if (!s->is_sensor || s->key.n == 0 || s->department.n == 0)
        return;
    int64_t day = local_day(i, s->time_ns);
    struct department *d = keyed_put(sensor->departments, s->department, s->time_ns, NULL);
    struct host *host = keyed_put(sensor->hosts, s->key, s->time_ns, NULL);
    turn_day(d, day);
    if (day > host->day) {
        *host = (struct host){.day = day};
        d->today_hosts++;
    }
    int violation = violation_of(i, s);
    if (violation == VIOLATIONS || (host->violated & (1u << violation)))
        return;
    host->violated |= 1u << violation;
    d->today_violating[violation]++;
    tell(sensor, i, s, d, violation);
}

static void save_sensor(const void *state, struct buf *out)
{
    const struct sensor *s = state;
    keyed_save(s->hosts, out);
    keyed_save(s->departments, out);
}

static bool load_sensor(void *state, struct cursor *in)
{
    struct sensor *s = state;
    return keyed_load(s->hosts, in) && keyed_load(s->departments, in);
}

static void measure_sensor(const void *state, struct instrument_info *out)
{
    const struct sensor *s = state;
    out->entries = keyed_count(s->hosts) + keyed_count(s->departments);
    out->dropped = keyed_dropped(s->hosts) + keyed_dropped(s->departments);
    out->bytes = keyed_bytes(s->hosts) + keyed_bytes(s->departments);
}

const struct instrument_kind sensor_kind = {
    .name = "sensor",
    .version = 1,
    .wants = SIGHT_ANY,
    .parameter_bytes = sizeof(struct sensor_parameters),
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .findings = findings,
    .finding_count = COUNT_OF(findings),
    .open = open_sensor,
    .close = close_sensor,
    .see = see_sensor,
    .save = save_sensor,
    .load = load_sensor,
    .measure = measure_sensor,
};
