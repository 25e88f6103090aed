/* Legal and administrative clocks (spec 3.2): content/deadlines.yml → which run for an incident, until when,
 * and how they stand. The file is a template: counsel must confirm it.
 *
 *                       condition false
 *   ─────────────────────────────────────▶ NOT_APPLICABLE
 *   condition unknown ──▶ UNDECIDED        (deadline_judge decides all of these)
 *   condition true ─────▶ OPEN ──warn──▶ SOON ──due──▶ OVERDUE
 *                          └───────┴────────────┴──mark──▶ MET (sent copy, receipt) or WAIVED (reason)
 */
#ifndef INCIDENT_DEADLINE_H
#define INCIDENT_DEADLINE_H

#include "base/arena.h"
#include "base/calendar.h"
#include "event/case_facts.h"

enum deadline_state {
    DEADLINE_NOT_APPLICABLE,
    DEADLINE_UNDECIDED, /* the facts do not tell yet whether it runs; its time is told all the same */
    DEADLINE_OPEN,
    DEADLINE_SOON,
    DEADLINE_OVERDUE,
    DEADLINE_MET,
    DEADLINE_WAIVED,
};
struct str deadline_state_name(enum deadline_state s); /* "not_applicable", "undecided", "open" … */

enum deadline_unit { UNIT_HOURS, UNIT_CALENDAR_DAYS, UNIT_BUSINESS_DAYS, UNIT_GOVERNMENT_DAYS };

struct deadline_span {
    enum deadline_unit unit;
    unsigned count;
};

struct deadline_rule {
    struct str id, title_en, title_ja, to_en, to_ja, note_en, note_ja, source, form;
    struct deadline_span due, warn;
    bool first_day_counts;      /* the day of knowing is day 1 */
    bool moves_to_business_day; /* a last day on which government offices are closed: the next one */
    bool blocks_undecided;      /* an incident may not be closed before its condition is answered */
    const struct yaml *when, *unless;
};

/* How people are asked for a fact. */
struct deadline_question {
    struct str fact, title_en, title_ja;
    struct str kind; /* "answer" (yes, possible, no, unknown), "number", "text" */
};

struct deadlines {
    struct str version, note_en, note_ja;
    const struct deadline_rule *rules;
    size_t count;
    const struct deadline_question *questions;
    size_t question_count;
};
/* Texts live in `arena`. False with a sentence that names file and line. */
bool deadlines_load(struct deadlines *d, const char *path, struct arena *arena, struct error *err) MUST_CHECK;

/* What people did about a clock. */
struct deadline_mark {
    struct str rule_id;
    bool is_waived; /* else met */
    int64_t when_ns;
    struct str who, reason; /* of a waiver */
    struct str receipt;     /* number given by who received it */
    uint64_t report;        /* whose sent copy is kept; 0 = none of ours */
};

struct deadline {
    const struct deadline_rule *rule;
    enum deadline_state state;
    int64_t start_ns;      /* when the first department knew; TIME_UNKNOWN = nobody does */
    bool is_start_assumed; /* nobody has recorded it: the opening of the incident */
    struct str known_by;
    int64_t due_ns;                   /* the first moment that is too late */
    int64_t warn_ns;                  /* from when on it is SOON */
    const struct deadline_mark *mark; /* NULL = none */
    const struct str *missing;        /* facts that would decide an UNDECIDED one */
    size_t missing_count;
};

/* All clocks of the file in its order, as they stand at `now_ns`. `zone` is the installation's. */
struct deadline *deadlines_judge(const struct deadlines *d, const struct case_facts *facts,
                                 const struct deadline_mark *marks, size_t mark_count,
                                 const struct calendar *calendar, const struct zone *zone, int64_t now_ns,
                                 struct arena *arena);

/* Met, but only after its time. */
bool deadline_is_met_late(const struct deadline *d);

/* The guard of closing (spec 3.7): every clock that runs is met or waived, and those that block while
 * undecided are answered. False with a sentence that names the first that is not. */
bool deadlines_are_met(const struct deadline *all, size_t count, struct error *err) MUST_CHECK;

/* When a span that began then ends; exported for the tests' table. */
int64_t deadline_due(const struct deadline_rule *rule, const struct calendar *calendar,
                     const struct zone *zone, int64_t start_ns);

#endif
