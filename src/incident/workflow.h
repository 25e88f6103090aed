/* The states of an incident and what must hold before each step (spec 3.7). One table of steps, one table of
 * guards; a guard is a named predicate over plain facts that the caller has gathered. Nothing here asks a
 * clock or a database.
 *
 *   Candidate ─promote─▶ New ─▶ Triage ─▶ Investigating ─▶ Containing ─▶ Eradicating ─▶ Recovering
 *                                                   ─▶ Monitoring ─▶ Review ─▶ Closed
 *   any open state ⇄ OnHold          any open state ─▶ FalsePositive, Duplicate, Merged, Exercise
 *   what is over (but not Merged) ─▶ Reopened ─▶ the working states
 *
 * One may step back to any earlier working state and pass over those that need nothing: what the state that
 * is entered asks for holds wherever one comes from. */
#ifndef INCIDENT_WORKFLOW_H
#define INCIDENT_WORKFLOW_H

#include "base/error.h"
#include "base/str.h"
#include "event/incident.h"

/* What is known of an incident when somebody wants to move it on. */
struct workflow_facts {
    int importance, confidence_level; /* 1–4 */
    bool has_approval;                /* of a containment that was decided (S161), or an emergency override */
    bool is_preauthorised;            /* the authority matrix lets this containment begin without asking */
    bool has_eradication_evidence;
    bool owner_agreed; /* to return to service */
    bool has_vector;
    bool has_root_cause;
    bool has_unknown_reason;     /* why the root cause stays unknown */
    uint32_t open_tasks;         /* neither done nor waived nor superseded */
    uint32_t incomplete_entries; /* work entries without approver, reported-to or instructed-by (S172–S174) */
    bool deadlines_met;          /* of reports to authorities */
    bool review_signed;
    bool has_evidence;         /* that speaks for the false alarm */
    bool second_person_agreed; /* to the false alarm, somebody else than who moves it */
    bool has_reason;           /* given with this very step */
    bool is_rootkit_suspected; /* the network says so, and the host calls itself clean (S76) */
    bool has_offline_check;    /* its disk was scanned from another system, or it was rebuilt */
    bool has_target;           /* the incident it is merged into or repeats */
};

/* Bits of a step's guards. */
enum workflow_guard {
    GUARD_APPROVAL,
    GUARD_ERADICATED,
    GUARD_OWNER,
    GUARD_VECTOR,
    GUARD_ROOT_CAUSE,
    GUARD_TASKS,
    GUARD_ENTRIES,
    GUARD_DEADLINES,
    GUARD_REVIEW,
    GUARD_EVIDENCE,
    GUARD_SECOND_PERSON,
    GUARD_REASON,
    GUARD_TARGET,
    GUARD_OFFLINE,
    GUARD_COUNT
};

/* "approval", "eradication_evidence" … */
struct str workflow_guard_name(enum workflow_guard guard);
/* What is missing, as half a sentence. */
struct str workflow_guard_en(enum workflow_guard guard);
struct str workflow_guard_ja(enum workflow_guard guard);
bool workflow_guard_holds(enum workflow_guard guard, const struct workflow_facts *facts);

struct workflow_step {
    enum incident_state from, to;
    unsigned guards; /* 1u << enum workflow_guard */
};
/* All steps that exist, by from, then to. */
const struct workflow_step *workflow_steps(uint32_t *count);
/* NULL: there is no such step. */
const struct workflow_step *workflow_find(enum incident_state from, enum incident_state to);

/* The guards of the step that do not hold, as bits. */
unsigned workflow_missing(const struct workflow_step *step, const struct workflow_facts *facts);

/* False with a sentence in each language that names everything missing, or the states allowed from here. */
bool workflow_check(enum incident_state from, enum incident_state to, const struct workflow_facts *facts,
                    struct error *en, struct error *ja) MUST_CHECK;

#endif
