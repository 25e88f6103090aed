/* What becomes permanent together with a part: the balance of its events, the cursors of the tailed files and
 * the idempotency keys that its records came with. Counts of the journal (received) and counts of the desk
 * (stored) are kept apart, each with the sequence numbers they belong to, so that a batch lost in between
 * would show as a difference. commit() runs in the transaction that enters the part.
 *
 *   journal ─received(batch), gap()─▶ runs  ┐
 *   desk    ─stored(batch)──────────▶ runs  ├─commit(last)─▶ state.db ─confirm(last)─▶ forgotten
 *   journal ─mark(cursor, key)──────▶ marks ┘
 */
#ifndef ENGINE_LEDGER_H
#define ENGINE_LEDGER_H

#include "engine/registry.h"
#include "event/batch.h"
#include "input/input.h"
#include "journal/journal.h"
#include "store/state_balance.h"

#define LEDGER_KEYS_MAX        1000000
#define LEDGER_KEY_LIFETIME_NS (24 * 3600 * NS_PER_SECOND)

struct ledger;
struct ledger *ledger_new(struct state *state, struct registry *registry, struct error *err) MUST_CHECK;
void ledger_free(struct ledger *l);

/* The journal's thread. `batch` has its sequence numbers, its records their sources (registry_assign). */
void ledger_received(struct ledger *l, const struct batch *batch);
void ledger_mark(struct ledger *l, const struct journal_mark *mark);
/* Records that recovery found unreadable: received before the crash, lost. Counted with the part that passes
 * over them, so that another crash before that does not count them twice. */
void ledger_gap(struct ledger *l, uint64_t first, uint64_t last);
/* The desk, before the batch goes to the writer. */
void ledger_stored(struct ledger *l, const struct batch *batch);
/* What never reached the journal; lost is counted as received and lost. */
void ledger_lost(struct ledger *l, const struct input_tally *tally);

/* Inside the writer's transaction; changes nothing here, so that the transaction may fail and be tried again.
 */
bool ledger_commit(struct ledger *l, struct state *state, uint64_t last, struct error *err) MUST_CHECK;
/* The transaction is on disk: what it covered is let go. */
void ledger_confirm(struct ledger *l, uint64_t last);
/* Losses, in a transaction of their own. Call it every second. */
bool ledger_save_losses(struct ledger *l, struct error *err) MUST_CHECK;

/* The balance as it stands now: what is stored plus what is on its way. Rows as state_balance_list() gives
 * them. */
bool ledger_balance(struct ledger *l, const struct balance_filter *filter, struct arena *arena,
                    struct balance_count **rows, uint32_t *count, struct balance_count *total,
                    struct error *err) MUST_CHECK;

/* Idempotency keys; any thread, never waits for the disk. Kept for a day, or until LEDGER_KEYS_MAX newer ones
 * have come. True when this key was seen before: *first and *last are what the first request became;
 * both 0 while that request is still on its way. False: the key is now noted as on its way. */
bool ledger_key_seen(struct ledger *l, struct str source, struct str key, uint64_t *first, uint64_t *last);
/* The request was refused after all. */
void ledger_key_forget(struct ledger *l, struct str source, struct str key);

#endif
