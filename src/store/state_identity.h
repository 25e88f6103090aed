/* Who held which address and sat at which computer, kept for later: rows of enrich/identity.h. */
#ifndef STORE_STATE_IDENTITY_H
#define STORE_STATE_IDENTITY_H

#include "base/arena.h"
#include "event/identity.h"
#include "store/state.h"

/* Belongs into the transaction that saves the desk's progress: inserts the rows or replaces those with the
 * same id, and lets go of what ended before `history_ns`. */
bool state_identity_save(struct state *s, const struct identity_interval *rows, uint32_t count,
                         int64_t history_ns, struct error *err) MUST_CHECK;

/* Those that ended at `from_ns` or later, the latest `most` of them, in the order of their ids. */
bool state_identity_load(struct state *s, int64_t from_ns, uint32_t most, struct arena *arena,
                         struct identity_interval **rows, uint32_t *count, struct error *err) MUST_CHECK;

/* All that concern a host, overlapping [from_ns, to_ns), newest first, at most `limit`: the addresses it held
 * (by its name, or by hardware that went by it then, or by its `macs`, "aa-bb-…;…"), its sessions, and who
 * used its addresses while it held them. */
bool state_identity_of_host(struct state *s, struct str host, struct str macs, int64_t from_ns, int64_t to_ns,
                            uint32_t limit, struct arena *arena, struct identity_interval **rows,
                            uint32_t *count, struct error *err) MUST_CHECK;

/* The host that held the address at that time, as leases and admissions told it; "" = nobody is known. */
bool state_identity_host_then(struct state *s, struct str address, int64_t time_ns, struct arena *arena,
                              struct str *host, struct error *err) MUST_CHECK;

#endif
