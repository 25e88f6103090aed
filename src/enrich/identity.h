/* Who held what, by event time: intervals made of facts, in the order of the journal. One thread at a time
 * (the desk).
 *
 *   facts ──▶ identity_take() ──▶ intervals ──▶ identity_find(), identity_device() … ──▶ attribute.c
 *                                     │ changed ones, with the desk's progress
 *                                     ▼
 *                                 state.db (store/state_identity.h)
 *
 * A question names the event that asks: what only later events of the journal told is not known to it, so
 * that the same records get the same answers. (One exception: a renewal that came later lengthens an interval
 * for earlier events too.) */
#ifndef ENRICH_IDENTITY_H
#define ENRICH_IDENTITY_H

#include "enrich/identity_rules.h"

struct identity;
struct identity *identity_new(struct identity_limits limits);
void identity_free(struct identity *t); /* NULL is fine */

/* Facts come in the order of the journal; `received_ns` bounds what a sender's clock can do to the table's.
 */
void identity_take(struct identity *t, const struct identity_fact *fact, int64_t received_ns);

/* What is known about an address, a computer (short name) or a hardware address: one look-up for all
 * questions. NULL = nothing; all questions take that. Valid, like their answers, until the next
 * identity_take(). */
enum identity_subject_kind { SUBJECT_ADDRESS, SUBJECT_HOST, SUBJECT_HARDWARE };
struct identity_subject;
const struct identity_subject *identity_find(const struct identity *t, enum identity_subject_kind kind,
                                             struct str text);

/* The holder of an address then; NULL = unknown. */
const struct identity_interval *identity_device(const struct identity_subject *address, int64_t time_ns,
                                                uint64_t sequence);
/* The name that a hardware address went by; "" = unknown. */
struct str identity_name(const struct identity_subject *hardware, int64_t time_ns, uint64_t sequence);
/* Who used the address then, or sat at the host: remote access first, then sessions, then what is weak.
 * Different people, at most `max`; returns how many. */
#define IDENTITY_USERS_MAX 4
size_t identity_users(const struct identity_subject *address, const struct identity_subject *host,
                      int64_t time_ns, uint64_t sequence, const struct identity_interval *out[], size_t max);

/* Keeping: what has changed since the last save, copied into the arena. identity_saved() once those rows are
 * safe. */
struct identity_change {
    struct identity_interval *rows;
    uint32_t count;
    uint64_t version;
};
void identity_changes(struct identity *t, struct arena *a, struct identity_change *out);
void identity_saved(struct identity *t, uint64_t version);
/* Puts a kept interval back, before the first fact. */
void identity_restore(struct identity *t, const struct identity_interval *row);
/* The journal gives no number above `last` any more. */
void identity_note_recovered(struct identity *t, uint64_t last);

struct identity_counters {
    uint64_t facts, intervals; /* intervals: in memory now */
    uint64_t forgotten;        /* let go of before their time because the table was full */
    uint64_t conflicts;        /* events whose address the inventory and a lease give to different hosts */
};
struct identity_counters identity_counters(const struct identity *t);
void identity_count_conflict(struct identity *t);
/* Event time that facts have reached; and since when ended intervals are kept in memory, and in state.db. */
int64_t identity_watermark(const struct identity *t);
void identity_set_watermark(struct identity *t, int64_t watermark_ns);
int64_t identity_memory_from(const struct identity *t);
int64_t identity_history_from(const struct identity *t);
uint32_t identity_most(const struct identity *t);

#endif
