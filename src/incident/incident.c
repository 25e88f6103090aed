/* States of an incident (stage incident). The way through them:
 *
 *   Candidate ─promote─▶ New ─▶ Triage ─▶ Investigating ─▶ Containing ─▶ Eradicating ─▶ Recovering ─▶
 * Monitoring ─▶ Review ─▶ Closed any open state ⇄ OnHold;  any open state ─▶ FalsePositive, Duplicate,
 * Merged;  Closed ─▶ Investigating (reopened)
 *
 * One may step back to any earlier working state: responses go in circles. Reads a candidate as judged;
 * leaves its state. */
#include "incident/incident.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/memory.h"

#define BIT(state) (1u << (state))
#define WORKING                                                                                              \
    (BIT(INCIDENT_TRIAGE) | BIT(INCIDENT_INVESTIGATING) | BIT(INCIDENT_CONTAINING) |                         \
     BIT(INCIDENT_ERADICATING) | BIT(INCIDENT_RECOVERING) | BIT(INCIDENT_MONITORING))
#define SIDE                                                                                                 \
    (BIT(INCIDENT_ON_HOLD) | BIT(INCIDENT_FALSE_POSITIVE) | BIT(INCIDENT_MERGED) | BIT(INCIDENT_DUPLICATE))

static const unsigned allowed[INCIDENT_STATE_COUNT] = {
    [INCIDENT_CANDIDATE] = BIT(INCIDENT_NEW) | BIT(INCIDENT_MERGED),
    [INCIDENT_NEW] = BIT(INCIDENT_TRIAGE) | SIDE,
    [INCIDENT_TRIAGE] = WORKING | SIDE,
    [INCIDENT_INVESTIGATING] = WORKING | SIDE,
    [INCIDENT_CONTAINING] = WORKING | SIDE,
    [INCIDENT_ERADICATING] = WORKING | SIDE,
    [INCIDENT_RECOVERING] = WORKING | SIDE,
    [INCIDENT_MONITORING] = WORKING | BIT(INCIDENT_REVIEW) | SIDE,
    [INCIDENT_REVIEW] = WORKING | BIT(INCIDENT_CLOSED) | SIDE,
    [INCIDENT_CLOSED] = BIT(INCIDENT_INVESTIGATING),
    [INCIDENT_ON_HOLD] = WORKING | SIDE,
    [INCIDENT_FALSE_POSITIVE] = BIT(INCIDENT_INVESTIGATING),
    [INCIDENT_MERGED] = 0,
    [INCIDENT_DUPLICATE] = BIT(INCIDENT_INVESTIGATING),
};

bool incident_is_open(enum incident_state s)
{
    return s != INCIDENT_CLOSED && s != INCIDENT_FALSE_POSITIVE && s != INCIDENT_MERGED &&
           s != INCIDENT_DUPLICATE;
}

bool incident_promote(struct incident *candidate, bool deserves_incident, int64_t time_ns)
{
    if (candidate->state != INCIDENT_CANDIDATE || !deserves_incident)
        return false;
    candidate->state = INCIDENT_NEW;
    if (candidate->opened_ns == 0)
        candidate->opened_ns = time_ns;
    return true;
}

bool incident_check_transition(enum incident_state from, enum incident_state to, struct error *err)
{
    if (from != to && (allowed[from] & BIT(to)))
        return true;
    struct buf choices = {0};
    for (int s = 0; s < INCIDENT_STATE_COUNT; s++)
        if (s != (int)from && (allowed[from] & BIT(s)))
            buf_printf(&choices, "%s%s", choices.n ? ", " : "",
                       incident_state_name((enum incident_state)s).p);
    error_set(err,
              tr("an incident in state %s cannot go to %s; from here it can go to: %s",
                 "状態 %s のインシデントを %s にはできません。ここから移れる状態: %s"),
              incident_state_name(from).p, incident_state_name(to).p, choices.n ? buf_cstr(&choices) : "-");
    buf_free(&choices);
    return false;
}
