/* What the desk keeps between two runs beside incidents: how far it has come, and which candidates are still
 * of use to it. */
#ifndef STORE_STATE_DESK_H
#define STORE_STATE_DESK_H

#include <stdint.h>

#include "base/arena.h"
#include "store/state.h"

/* State at that event of what works at the desk beside the correlator: small, each under its own name. */
struct desk_part {
    const char *name; /* "priors", "posture", … */
    struct str bytes; /* "" = none */
};
#define DESK_PARTS_MAX 8

struct desk_progress {
    uint64_t counted_through; /* findings of events up to this number are in their incidents; 0 = none */
    int64_t watermark_ns;     /* the event time that was reached; INT64_MIN = none */
    struct str correlations;  /* the correlator's state at that event; "" = none */
    struct desk_part parts[DESK_PARTS_MAX];
    size_t part_count; /* loading: the names that are asked for */
};

/* `out->parts` names what is asked for; what was never kept is "". */
bool state_desk_load(struct state *s, struct arena *arena, struct desk_progress *out,
                     struct error *err) MUST_CHECK;
/* Belongs into the transaction that saves what was counted. */
bool state_desk_save(struct state *s, const struct desk_progress *p, struct error *err) MUST_CHECK;

/* One part alone, when people have decided something that must not be lost. */
bool state_desk_save_part(struct state *s, const struct desk_part *part, struct error *err) MUST_CHECK;

/* Removes candidates, never incidents, whose last news is before `news_ns`: the oldest ones, at most `limit`.
 * Their findings stay with their events. */
bool state_candidates_expire(struct state *s, int64_t news_ns, uint32_t limit, struct error *err) MUST_CHECK;
/* Removes one; leaves it alone when it is an incident by now. */
bool state_candidates_remove(struct state *s, uint64_t id, struct error *err) MUST_CHECK;

#endif
