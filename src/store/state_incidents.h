/* Incidents with their findings, and the log of who changed their state. */
#ifndef STORE_STATE_INCIDENTS_H
#define STORE_STATE_INCIDENTS_H

#include "base/arena.h"
#include "event/incident.h"
#include "store/state.h"

/* A new incident (id 0) is inserted and gets its id; a known one is updated as a whole, except its state,
 * which only state_incidents_change() moves. The same holds for its findings, by their ids; those that say
 * is_stored are left alone, and all say so afterwards; findings are never removed. */
bool state_incidents_save(struct state *s, struct incident *incident, struct error *err) MUST_CHECK;

/* What is stored of its judgement: urgency, importance, confidence_level, type and state; id 0 when there is
 * no such incident. */
bool state_incidents_judged(struct state *s, uint64_t id, struct arena *arena, struct incident *out,
                            struct error *err) MUST_CHECK;

/* With its findings in order of first_ns. False with a sentence when there is no such incident. Strings live
 * in `arena`. */
bool state_incidents_load(struct state *s, uint64_t id, struct arena *arena, struct incident *out,
                          struct error *err) MUST_CHECK;

enum incident_selection {
    SELECT_OPEN_INCIDENTS,   /* work: neither a candidate nor over */
    SELECT_CLOSED_INCIDENTS, /* over: INCIDENT_CLOSED, FALSE_POSITIVE, MERGED, DUPLICATE, EXERCISE */
    SELECT_ALL_INCIDENTS,    /* both of the above */
    SELECT_LIVING,           /* candidates and open incidents: what findings may still join */
};

struct incident_page {
    enum incident_selection selection;
    int64_t news_from_ns; /* only those with news since then; 0 = all */
    uint32_t limit, offset;
    bool with_findings;
    /* out */
    struct incident *incidents; /* urgency, importance, confidence falling, then opened, id rising */
    uint32_t count;
    uint64_t total; /* of the selection */
};
bool state_incidents_list(struct state *s, struct arena *arena, struct incident_page *page,
                          struct error *err) MUST_CHECK;

struct state_change {
    struct str who, note;
    int64_t when_ns;
    enum incident_state from, to;
};

/* Sets the state and appends to the log, both or neither. Which steps are allowed is the incident stage's
 * business; here `from` must be the state the incident has (false with a sentence: somebody else was faster).
 */
bool state_incidents_change(struct state *s, uint64_t id, const struct state_change *change,
                            struct error *err) MUST_CHECK;

/* The finding belongs to `to` from now on; false when it is not one of `from`. */
bool state_incidents_move_finding(struct state *s, uint64_t finding, uint64_t from, uint64_t to,
                                  struct error *err) MUST_CHECK;

/* The log, oldest first. */
bool state_incidents_changes(struct state *s, uint64_t id, struct arena *arena, struct state_change **out,
                             uint32_t *count, struct error *err) MUST_CHECK;

#endif
