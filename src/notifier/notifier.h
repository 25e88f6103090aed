/* Notifications in the server: what happened is told to whom content/notify.yml names, over the channels of
 * DATA/channels.yml. Without channels nothing is looked at and nothing leaves.
 *
 * The response record is the feed: whatever changes state is in it, so an occurrence is met exactly once,
 * also across kill -9, since the place up to which the record was read moves in the transaction that enters
 * the notices. What only time brings (deadlines, tasks, silent sources) is looked for, and kept apart by its
 * key.
 *
 *   occurrence ─▶ notice (one for each rule) ─▶ messages in the outbox ─▶ sent | failed
 *                   │ open ── acknowledged          waiting ─┬─ gathered into a digest
 *                   │  └─ next step of the ladder ─▶ more     └─ tried again, later and later
 *                   └ told (nobody need acknowledge), settled (no longer so)
 *
 * Delivery is at least once: a message has one Message-ID or Idempotency-Key for ever. notifier.c is the
 * thread, notifier_look.c what happened, notifier_text.c its words, notifier_queue.c the outbox,
 * notifier_ladder.c escalation, notifier_send.c one attempt, notifier_carry.c what goes over the channel. */
#ifndef NOTIFIER_NOTIFIER_H
#define NOTIFIER_NOTIFIER_H

#include "server/server.h"

struct notifier;
/* `content` is the folder content/; DATA/notify.yml takes the place of its notify.yml. NULL with a sentence.
 */
struct notifier *notifier_start(struct server *s, const char *content, struct error *err) MUST_CHECK;
void notifier_stop(struct notifier *n); /* NULL is fine */
/* Reads rules and channels again; false: the old ones stay. */
bool notifier_reload(struct notifier *n, struct error *err) MUST_CHECK;
/* Loads and proves the notify.yml of that folder; for `hyakuyo check`. */
bool notifier_check(const char *content, struct error *err) MUST_CHECK;
void notifier_wake(struct notifier *n); /* NULL is fine */

struct notify_numbers {
    uint64_t waiting, retrying;     /* retrying: of those waiting, tried in vain already */
    uint64_t failed, failed_lately; /* given up; in the last day */
};
/* Each number ends at 1,000: then there are so many, or more. */
bool notifier_count(struct server *s, struct notify_numbers *out, struct error *err) MUST_CHECK;

#endif
