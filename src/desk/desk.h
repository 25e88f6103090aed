/* The desk: instrument, fleet, correlate, judge and incident. One thread gives it finished batches in order
 * of their sequence numbers; it adds what several events together mean, turns findings into candidates and
 * incidents, keeps those in state.db, and tells the console.
 *
 * Invariants
 * 1. An incident is kept before the events that led to it go to the writer (engine/holding.h keeps).
 * 2. A candidate that is no incident yet is kept before the part with its events is committed (the writer's
 *    sealer keeps): of thousands of candidates few ever become work, and a part takes seconds to fill.
 * 3. What comes again after a restart changes nothing that was kept: how far the desk has come is kept with
 *    all candidates and with what the correlator has gathered up to there; incidents, closed ones too, know
 * the last event they counted beyond that. */
#ifndef DESK_DESK_H
#define DESK_DESK_H

#include "correlate/correlate.h"
#include "desk/focus.h"
#include "enrich/attribute.h"
#include "enrich/explain.h"
#include "event/batch.h"
#include "event/incident.h"
#include "fleet/fleet.h"
#include "instrument/instrument.h"
#include "instrument/rollup.h"
#include "judge/judge.h"
#include "judge/posture.h"
#include "judge/risk.h"
#include "knowledge/suppression.h"
#include "recorder/recorder.h"
#include "store/state.h"

struct desk_options {
    const struct criteria *criteria;
    const struct signatures *signatures; /* borrowed; NULL = incidents have no type */
    const struct business *business;     /* borrowed; NULL = nobody asks what approved programs explain */
    struct instruments *instruments;     /* taken over; NULL = none */
    const char *instruments_path;        /* where their state is kept; NULL = nowhere */
    struct identity *identity;           /* taken over; NULL = nobody is known by leases and log-ons */
    struct fleet *fleet;                 /* taken over; NULL = none */
    const char *fleet_path;              /* as instruments_path */
    struct rollup *rollup;               /* taken over; NULL = the everyday trends are not counted */
    const struct rollup_content *rollup_content; /* borrowed */
    struct state *state;                         /* NULL: nothing is kept (replay) */
    struct recorder *recorder;                   /* borrowed; NULL = nothing is recorded */
    void *context;
    /* A changed incident or candidate that was kept, by the thread that kept it; `is_new` when it has just
     * become an incident. May be NULL. */
    void (*changed)(void *context, const struct incident *incident, bool is_new);
    const struct posture_criteria *posture_criteria; /* borrowed; NULL = there is no posture */
    /* Its level or keys have changed, at that event time; by the thread that caused it, with the desk locked.
     * May be NULL. */
    void (*posture_changed)(void *context, const struct posture_view *view, int64_t time_ns);
};

struct desk;
/* Puts the open incidents and candidates of state.db back, so that later findings join them. */
struct desk *desk_new(const struct desk_options *options, struct error *err) MUST_CHECK;
void desk_free(struct desk *d);

/* People moved a stored incident to another state: the desk goes on from that one, and an incident that is
 * over takes no further findings. Any thread. */
void desk_note_state(struct desk *d, uint64_t id, enum incident_state state);

/* What a person said about an open incident, as evidence: it is weighed and kept before this returns. Any
 * thread, outside of transactions of the state. False with a sentence when it could not be. */
bool desk_hear(struct desk *d, uint64_t id, const struct incident_finding *said,
               struct error *err) MUST_CHECK;

/* Findings move between two stored incidents: what changed before is kept first; `regroup` moves them in a
 * transaction of its own, with the desk locked, and names both; then both are weighed anew from state.db.
 * False with a sentence, or without one when `regroup` said no. Any thread, outside of transactions of the
 * state. */
bool desk_regroup(struct desk *d, bool (*regroup)(void *context, uint64_t ids[2]), void *context,
                  struct error *err) MUST_CHECK;

/* The journal holds and gives no number up to `last` any more than those that were taken: when it has lost
 * what was counted already, later events may bear those numbers. Between recovery and the first new batch. */
void desk_note_recovered(struct desk *d, uint64_t last);

/* Correlations from now on; what those that are the same have gathered stays. Takes over a reference. Any
 * thread. */
void desk_set_correlations(struct desk *d, struct correlation_set *set);
/* Exceptions, for findings of correlations; takes over one reference. */
void desk_set_suppressions(struct desk *d, struct suppressions *suppressions);
/* The inventory, for findings of instruments; takes over one reference; NULL = none. Any thread. */
void desk_set_context(struct desk *d, struct context *context);
struct correlator_counters desk_correlation_counters(struct desk *d); /* any thread */
struct identity_counters desk_identity_counters(struct desk *d);      /* any thread */

/* Adds the findings of instruments and correlations to the batch, and folds all into candidates; those that
 * an earlier run counted are passed over. True when there were any, so that desk_keep_incidents() is due
 * before the batch goes to the writer. */
bool desk_take(struct desk *d, struct batch *batch);
/* Any thread. Keeps the incidents, or all candidates, that had changed when it began, on the disk when it
 * returns; findings are folded in meanwhile. False when state.db could not be written: what was not kept is
 * kept by the next call. */
bool desk_keep_incidents(struct desk *d, struct error *err) MUST_CHECK;
bool desk_keep_all(struct desk *d, struct error *err) MUST_CHECK;

/* "green" … "red"; "unknown" until something has been judged. Any thread, at once. */
struct str desk_posture_level(struct desk *d);
/* Any thread. Gives the posture to `use`, which may ask or decide; what it decided is kept at once. False,
 * with the sentence, when `use` says so, or it could not be kept, or there is no posture. */
bool desk_use_posture(struct desk *d, bool decides,
                      bool (*use)(void *context, struct posture *posture, struct error *err), void *context,
                      struct error *err) MUST_CHECK;

/* Who is under focus watch from now on (S69); takes over; NULL = nobody. Any thread. */
void desk_set_focus(struct desk *d, struct focus *focus);
/* Hosts that are verified to be cut off, all of them, each time; copied. Any thread. */
void desk_set_isolated(struct desk *d, const struct str *hosts, size_t count);
/* What closed incidents have taught and a lead adopted; `arena` holds it and is taken over with it; NULL and
 * NULL = content's ratios. Any thread. */
void desk_set_learned(struct desk *d, const struct learned *learned, struct arena *arena);
/* Gives the risks of entities, as of that event time, with who is watched. The desk waits meanwhile. Any
 * thread. */
typedef void desk_risk_question(void *context, const struct risk *risk, const struct focus *focus,
                                int64_t now_ns);
void desk_ask_risk(struct desk *d, desk_risk_question *ask, void *context);

/* Other thresholds and names for the fleet; takes over. Any thread. */
void desk_set_fleet_rules(struct desk *d, struct fleet_rules *rules);
/* Asks the fleet, with the inventory of now (NULL = none). False when there is no fleet. Any thread; the desk
 * waits meanwhile. */
typedef void desk_question(void *context, struct fleet *fleet, const struct asset_set *assets);
bool desk_ask_fleet(struct desk *d, desk_question *ask, void *context);
/* Title, level, group and stage of what instruments or the fleet tell under that id, into `a`; false when
 * nobody does. Any thread; the desk waits meanwhile. */
bool desk_describe_finding(struct desk *d, struct str finding_id, struct arena *a, struct rule_info *out);
/* Asks the instruments. False when there are none. Any thread; the desk waits meanwhile. */
bool desk_ask_instruments(struct desk *d, void (*ask)(void *context, const struct instruments *all),
                          void *context);

/* Events that the everyday trends do not count, being too old or from the future. Any thread. */
uint64_t desk_rollup_out_of_range(struct desk *d);

/* The state of instruments and fleet may be large: desk_keep_all() writes it to its file only now and then,
 * once all that it led to is kept. What comes after it is learned anew from the store (relearn.h). From now
 * on: the next time.
 */
void desk_keep_instruments_next(struct desk *d);
uint64_t desk_observed_through(struct desk *d); /* the last event that instruments and fleet have both seen */
/* Stored events that one of them has not seen; what they find was judged then. */
void desk_relearn(struct desk *d, struct batch *batch);

#endif
