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
#include "judge/hypothesis.h"
#include "judge/learned.h"

#define JUDGE_MAX_CANDIDATES 10000 /* those longest without news are let go beyond this */
#define JUDGE_MAX_FINDINGS   500   /* per candidate; further rules only move its times and count */
#define JUDGE_MAX_HOSTS      256   /* per candidate */

struct judge;
struct judge *judge_new(const struct criteria *criteria); /* criteria are borrowed */
void judge_free(struct judge *j);

/* Kinds of incidents; borrowed. Without them every type is "unclassified". */
void judge_set_signatures(struct judge *j, const struct signatures *signatures);
/* A system of this kind (observer.type) was heard of at that event time: its silence means something. */
void judge_note_awake(struct judge *j, struct str observer_type, int64_t time_ns);

/* What is thought of a host before anything is found on it (spec 4.4: posture, focus watch, sensors nearby
 * …).
 */
struct prior {
    double p;
    struct str reason;    /* JSON array of {"factor","value"}; may be "" */
    bool is_orange_class; /* the posture is Orange or Red for what this is about (spec 4.1) */
    bool is_isolated;     /* all its hosts are cut off, and that was verified */
};
/* Asked at each weighing; without it the prior of the criteria holds. */
typedef struct prior judge_prior_fn(void *context, const struct incident *incident);
void judge_set_prior(struct judge *j, judge_prior_fn *prior, void *context);

/* The capped risk of a day of whom the finding is about, at that event time (S121, risk.h); asked with each
 * finding. Without it nothing is promoted by risk. */
typedef double judge_risk_fn(void *context, const struct finding *f, int64_t now_ns);
void judge_set_risk(struct judge *j, judge_risk_fn *risk, void *context);

/* Likelihood ratios learned from closed incidents, for judgements from now on; borrowed; NULL = none. */
void judge_set_learned(struct judge *j, const struct learned *learned);

/* Event time has come this far, with findings or without: what was still going on then may be over by now,
 * and is weighed anew. Every five minutes is enough (spec 4.1). */
void judge_review(struct judge *j, int64_t reached_ns);

/* Folds a finding in. True when it changed a candidate; a finding without host and user has nobody to be
 * about and changes nothing, nor does one that was folded before. `watermark_ns`: the event time that has
 * been reached with this finding; a candidate without news for a window of it takes no more. */
bool judge_take(struct judge *j, const struct finding *f, int64_t watermark_ns);

/* A candidate that changed since it was last handed out and kept, weighed anew. Owned by the judge, valid
 * until the next call that folds or settles; the receiver may set id, state, opened_ns, and id and is_stored
 * of findings. */
struct judgement {
    struct incident *candidate;
    bool deserves_incident;       /* by the criteria of promotion */
    int64_t deserved_ns;          /* event time of the finding with which it first did; 0 = by no finding */
    const uint64_t *absorbed_ids; /* incidents that turned out to be the same and were absorbed */
    uint32_t absorbed_count;
};

/* What people wait for, and everything: a candidate that is no incident yet may be kept later. */
enum hand_out { HAND_OUT_INCIDENTS, HAND_OUT_ALL };

/* Hands out changed candidates, at most `most`, in the order of their first change: those that are incidents
 * or deserve to be, or all. Stops with false when `keep` does. judge_settle() must follow before anything is
 * folded in again. */
bool judge_hand_out(struct judge *j, enum hand_out which, uint32_t most,
                    bool (*keep)(void *context, const struct judgement *judgement), void *context);
/* How many judge_hand_out() would hand out. */
uint32_t judge_waiting(struct judge *j, enum hand_out which);
/* Ends a hand-out, all or nothing. Kept: what was handed out counts as unchanged. Not kept: all of it stays
 * changed, and what the receiver had set is as it was before. */
void judge_settle(struct judge *j, bool is_kept);

/* Puts a stored incident back after a restart, so that later findings join it. One that takes no more
 * findings still swallows those that it had counted and that come again. The incident is copied. Event time
 * is put back with judge_set_watermark(). */
void judge_restore(struct judge *j, const struct incident *incident, bool takes_findings);
void judge_set_watermark(struct judge *j, int64_t watermark_ns);

enum judge_answer {
    JUDGE_DONE,
    JUDGE_NOT_HELD, /* no candidate has this id */
    JUDGE_LATER,    /* it has changed and nobody has kept that yet: ask again after the next hand-out */
};
/* People moved an incident on. One that takes no more findings is let go: what its hosts do from now on makes
 * a new candidate. */
enum judge_answer judge_set_state(struct judge *j, uint64_t id, enum incident_state state,
                                  bool takes_findings);
/* What a person said about it weighs from now on, in the place of what was said to the same question before.
 * JUDGE_LATER: it can hold no more findings. */
enum judge_answer judge_hear(struct judge *j, uint64_t id, const struct incident_finding *said);
/* Counts as changed: it is weighed and handed out again. Nothing when no candidate has this id. */
void judge_weigh_again(struct judge *j, uint64_t id);
/* Candidates that changed and are not kept yet. */
uint32_t judge_changed_count(const struct judge *j);

/* Lets go of candidates whose window is over by the watermark, unless their last changes are not kept yet. */
void judge_let_go(struct judge *j);
/* Stored candidates whose last news is before this are of no use any more; INT64_MIN before the first
 * finding. */
int64_t judge_horizon(const struct judge *j);

size_t judge_candidate_count(const struct judge *j);

#endif
