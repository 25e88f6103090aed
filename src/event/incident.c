/* Names of incident states. */
#include "event/incident.h"

#include "base/memory.h"

static const char *const state_names[INCIDENT_STATE_COUNT] = {
    [INCIDENT_CANDIDATE] = "candidate",   [INCIDENT_NEW] = "new",
    [INCIDENT_TRIAGE] = "triage",         [INCIDENT_INVESTIGATING] = "investigating",
    [INCIDENT_CONTAINING] = "containing", [INCIDENT_ERADICATING] = "eradicating",
    [INCIDENT_RECOVERING] = "recovering", [INCIDENT_MONITORING] = "monitoring",
    [INCIDENT_REVIEW] = "review",         [INCIDENT_CLOSED] = "closed",
    [INCIDENT_ON_HOLD] = "on_hold",       [INCIDENT_FALSE_POSITIVE] = "false_positive",
    [INCIDENT_MERGED] = "merged",         [INCIDENT_DUPLICATE] = "duplicate",
    [INCIDENT_EXERCISE] = "exercise",     [INCIDENT_REOPENED] = "reopened",
};

struct str incident_state_name(enum incident_state s)
{
    if (s < 0 || s >= INCIDENT_STATE_COUNT)
        BUG("incident state out of range");
    return str_c(state_names[s]);
}

bool incident_state_parse(struct str s, enum incident_state *out)
{
    for (int i = 0; i < INCIDENT_STATE_COUNT; i++)
        if (str_eq(s, str_c(state_names[i]))) {
            *out = (enum incident_state)i;
            return true;
        }
    return false;
}
