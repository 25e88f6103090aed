/* An incident without names, for the library of cases (S188): library_names.c finds every name in it,
 * library_write.c writes it, work_library.c keeps and shows it. */
#ifndef WORK_LIBRARY_H
#define WORK_LIBRARY_H

#include "report/outside/redact.h"
#include "store/state_incidents.h"
#include "work/work.h"
#include "work/work_kpi.h"

/* What a case is made of: rows that belong to the incident, in the request's arena. */
struct library_source {
    struct incident incident;
    struct work_rows tasks, hearing, approvals, countermeasures, entries, consultations, invocations, reviews,
        actions, hosts, facts;
    struct state_change *changes;
    uint32_t change_count;
    double kpis[KPI_COUNT]; /* NAN = not measured */
    struct str lesson, failure;
};

/* The case as one JSON object. Every text that people or logs may have put a name into goes through
 * `redactor`; times are minutes since the first event. */
void library_write(const struct library_source *source, struct redactor *redactor, struct json_writer *w);

/* Makes the redactor know every name of this installation that occurs in `raw` (the case written without
 * redaction) or in the events of its findings: hosts, users, addresses, departments and domains of the
 * inventory, accounts, contacts, vendors, partners, and ourselves. */
bool library_learn_names(struct casework *c, const struct library_source *source, struct str raw,
                         struct redactor *redactor);

#endif
