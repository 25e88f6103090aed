/* Names of incident states, and their words in Japanese. */
#include "event/incident.h"

#include "base/memory.h"

static const struct {
    const char *name, *ja;
} states[INCIDENT_STATE_COUNT] = {
    [INCIDENT_CANDIDATE] = {"candidate", "候補"},
    [INCIDENT_NEW] = {"new", "受付"},
    [INCIDENT_TRIAGE] = {"triage", "一次判定"},
    [INCIDENT_INVESTIGATING] = {"investigating", "調査中"},
    [INCIDENT_CONTAINING] = {"containing", "封じ込め中"},
    [INCIDENT_ERADICATING] = {"eradicating", "根絶中"},
    [INCIDENT_RECOVERING] = {"recovering", "復旧中"},
    [INCIDENT_MONITORING] = {"monitoring", "経過観察"},
    [INCIDENT_REVIEW] = {"review", "事後検証"},
    [INCIDENT_CLOSED] = {"closed", "完了"},
    [INCIDENT_ON_HOLD] = {"on_hold", "保留"},
    [INCIDENT_FALSE_POSITIVE] = {"false_positive", "誤検知"},
    [INCIDENT_MERGED] = {"merged", "統合"},
    [INCIDENT_DUPLICATE] = {"duplicate", "重複"},
    [INCIDENT_EXERCISE] = {"exercise", "演習"},
    [INCIDENT_REOPENED] = {"reopened", "再開"},
};

struct str incident_state_name(enum incident_state s)
{
    if (s < 0 || s >= INCIDENT_STATE_COUNT)
        BUG("incident state out of range");
    return str_c(states[s].name);
}

struct str incident_state_ja(enum incident_state s)
{
    if (s < 0 || s >= INCIDENT_STATE_COUNT)
        BUG("incident state out of range");
    return str_c(states[s].ja);
}

bool incident_state_parse(struct str s, enum incident_state *out)
{
    for (int i = 0; i < INCIDENT_STATE_COUNT; i++)
        if (str_eq(s, str_c(states[i].name))) {
            *out = (enum incident_state)i;
            return true;
        }
    return false;
}
