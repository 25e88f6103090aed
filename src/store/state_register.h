/* Registers of what people decided about risk: each entry has a subject, a reason, an owner, perhaps an
 * approver, and a time when it ends by itself. Nothing is ever deleted: an entry ends by its time or by being
 * ended, with a reason. What else belongs to one is JSON that only the register's users read.
 *
 * Registers: focus (S69), acceptance (S78), scenario (S75), training (S26), snooze (S107), calibration (spec
 * 4.4). */
#ifndef STORE_STATE_REGISTER_H
#define STORE_STATE_REGISTER_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "store/state.h"

struct register_entry {
    int64_t id; /* 0 = not stored yet */
    struct str kind, subject, reason, owner, approver, created_by;
    int64_t created_ns;
    int64_t until_ns;    /* INT64_MAX = until it is ended */
    struct str ended_by; /* "" while it stands */
    struct str ended_reason;
    int64_t ended_ns;   /* INT64_MAX = stands */
    struct str details; /* JSON object */
};

static inline bool register_stands(const struct register_entry *e, int64_t now_ns)
{
    return e->ended_ns == INT64_MAX && now_ns < e->until_ns;
}

/* Refused beyond `most` entries that stand; the sentence says so. */
bool state_register_add(struct state *s, const char *name, const struct register_entry *e, uint32_t most,
                        int64_t *id, struct error *err) MUST_CHECK;
/* Refused when there is none that stands, by its time or by people. */
bool state_register_end(struct state *s, const char *name, int64_t id, struct str who, struct str reason,
                        int64_t now_ns, struct error *err) MUST_CHECK;
bool state_register_set_details(struct state *s, int64_t id, struct str details,
                                struct error *err) MUST_CHECK;
/* By id, newest first, at most `limit`; those that stand at `standing_ns` only, unless it is TIME_UNKNOWN. */
bool state_register_list(struct state *s, const char *name, int64_t standing_ns, uint32_t limit,
                         struct arena *arena, struct register_entry **rows, uint32_t *count,
                         struct error *err) MUST_CHECK;

#endif
