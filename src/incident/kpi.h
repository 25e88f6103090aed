/* Figures that say how well the response works (S158, S186; spec 3.7): what one incident contributes to each,
 * and how many become one. Pure: the caller gathers facts, nothing here asks a clock or a database. */
#ifndef INCIDENT_KPI_H
#define INCIDENT_KPI_H

#include "base/str.h"
#include "event/incident.h"

enum kpi {
    KPI_COMPLETE_FIELDS, /* tickets whose work all says approver, reported to, instructed by (S172–S174) */
    KPI_SLA,             /* alarms checked within the time of their service level (S23) */
    KPI_EFFORT,          /* hours of work that people and vendors entered */
    KPI_COST,            /* what they cost */
    KPI_DECISION,        /* asked → decided (S158) */
    KPI_DETECT,          /* TTD: first malicious event → alarm */
    KPI_CHECK,           /* TTA: alarm → checked */
    KPI_TRIAGE,          /* TTT: alarm → triage over */
    KPI_CONTAIN,         /* TTC: alarm → last malicious event */
    KPI_RECOVER,         /* TTR: alarm → back in service */
    KPI_REOPENED,
    KPI_FALSE_POSITIVE,
};
#define KPI_COUNT (KPI_FALSE_POSITIVE + 1)

enum kpi_way { KPI_MEAN, KPI_MEDIAN, KPI_SUM };

struct kpi_about {
    const char *name, *unit; /* "percent", "minutes", "hours", "currency" */
    enum kpi_way way;
    bool more_is_better;
    bool is_of_incident; /* kpi_measure() gives it; the others come from decisions and entries of work */
    const char *title_en, *title_ja, *formula_en, *formula_ja;
};
const struct kpi_about *kpi_about(enum kpi k);
bool kpi_find(struct str name, enum kpi *out);

struct kpi_step {
    int64_t when_ns;
    enum incident_state to;
    bool by_person;
};

struct kpi_case {
    int64_t first_ns, last_ns, opened_ns; /* event times: first and last finding, alarm */
    int64_t sla_ns;                       /* from the alarm until it must be checked */
    int64_t now_ns;
    const struct kpi_step *steps; /* oldest first */
    uint32_t step_count;
    uint32_t deeds, incomplete_deeds; /* tasks done and entries of work; those without S172–S174 */
};
/* Shares are 100 or 0, times in minutes. NAN: not measured, or not yet. */
void kpi_measure(const struct kpi_case *c, double out[KPI_COUNT]);

/* Whether a value counts against the figure: a late check, a ticket that came back. Times never do. */
bool kpi_is_missed(enum kpi k, double value);

/* Many values as one; they are put into order. NAN when there are none. */
double kpi_combine(enum kpi k, double *values, uint32_t count);

#endif
