/* The state plane's ground: one SQLite database in WAL mode, its migrations, and transactions. Each area of
 * state has its own file (state_parts.c, state_assets.c, state_incidents.c …) with its tables declared in
 * state_schema.c. One connection guarded by one lock: state changes are few; events never go here. */
#ifndef STORE_STATE_H
#define STORE_STATE_H

#include "base/error.h"

struct state;
struct sqlite3;

/* Opens or creates, migrates to this program's schema version; refuses a newer one with a sentence. NULL on
 * error. */
struct state *state_open(const char *path, struct error *err) MUST_CHECK;
void state_close(struct state *s);

/* Takes the lock and begins; every begin is followed by exactly one commit or rollback by the same thread.
 * Functions of the areas that write take the lock themselves when called outside a transaction (recursive).
 */
bool state_begin(struct state *s, struct error *err) MUST_CHECK;
bool state_commit(struct state *s, struct error *err) MUST_CHECK;
void state_rollback(struct state *s);
/* As state_begin(), for what may be made anew after a power cut: the commit returns without waiting for the
 * disk, and leaves it to others to carry the log home. A later state_sync(), or any commit that began with
 * state_begin(), puts it there. Within a transaction: a part of that. */
bool state_begin_unsynced(struct state *s, struct error *err) MUST_CHECK;
/* All that was committed is on the disk. Any thread; takes no lock. */
bool state_sync(struct state *s, struct error *err) MUST_CHECK;
/* The lock, if nobody else has it: for those who must not wait for long transactions. state_unlock() gives it
 * back; a transaction may begin and end meanwhile. */
bool state_try_lock(struct state *s) MUST_CHECK;

/* For the area files only. */
struct sqlite3 *state_lock(struct state *s);
void state_unlock(struct state *s);

#endif
