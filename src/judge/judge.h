/* The judge: findings on one host within a window of event time become one candidate; each candidate is
 * weighed by urgency, importance and confidence. One thread. Findings must come in order of their events'
 * sequence numbers: then the same records give the same candidates, and a finding that was already counted
 * before a restart is recognised and not counted again.
 *
 *   finding ──▶ find host (address, name, hop) ──▶ fold into candidate ──▶ score ──▶ changed candidate
 */
#ifndef JUDGE_JUDGE_H
#define JUDGE_JUDGE_H

#include "event/incident.h"
#include "judge/criteria.h"

#define JUDGE_MAX_CANDIDATES 10000 /* those longest without news are let go beyond this */
#define JUDGE_MAX_FINDINGS   500   /* per candidate; further rules only move its times and count */
#define JUDGE_MAX_HOSTS      256   /* per candidate */

struct judge;
struct judge *judge_new(const struct criteria *criteria); /* criteria are borrowed */
void judge_free(struct judge *j);

/* Folds a finding in. True when it changed a candidate; a finding without host and user has nobody to be
 * about and changes nothing, nor does one that was folded before. */
bool judge_take(struct judge *j, const struct finding *f);

/* A candidate that changed since it was last handed out, weighed anew. Owned by the judge, valid until the
 * next call that folds or settles; the receiver may set id, state, opened_ns, and id and is_stored of
 * findings. */
struct judgement {
    struct incident *candidate;
    bool deserves_incident;       /* by the criteria of promotion */
    const uint64_t *absorbed_ids; /* incidents that turned out to be the same and were absorbed */
    uint32_t absorbed_count;
};

/* Hands out every changed candidate, in the order of their first change; stops with false when `keep` does.
 * judge_settle() must follow before anything is folded in again. */
bool judge_hand_out(struct judge *j, bool (*keep)(void *context, const struct judgement *judgement),
                    void *context);
/* Ends a hand-out, all or nothing. Kept: what was handed out counts as unchanged. Not kept: all of it stays
 * changed, and what the receiver had set is as it was before. */
void judge_settle(struct judge *j, bool is_kept);

/* Puts a stored incident back after a restart, so that later findings join it. The incident is copied. */
void judge_restore(struct judge *j, const struct incident *incident);

/* People moved an incident on. One that takes no more findings is let go: what its hosts do from now on makes
 * a new candidate. Only while judge_is_settled(). False when the judge does not hold it. */
bool judge_set_state(struct judge *j, uint64_t id, enum incident_state state, bool takes_findings);
/* Nothing has changed since the last hand-out that was kept. */
bool judge_is_settled(const struct judge *j);

/* Event time has passed: candidates whose window is over are let go. */
void judge_advance(struct judge *j, int64_t watermark_ns);

size_t judge_candidate_count(const struct judge *j);

#endif
