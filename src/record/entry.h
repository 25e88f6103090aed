/* An entry of the response record, its hashes, and the walk that checks them. */
#ifndef RECORD_ENTRY_H
#define RECORD_ENTRY_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "record/format.h"

struct record_hash {
    unsigned char bytes[RECORD_HASH_BYTES];
};

struct record_change {
    struct str table, field, old_value, new_value;
    uint64_t id;
};

struct record_entry {
    uint64_t seq; /* from 1, without gaps */
    int64_t recorded_ns, event_ns, clock_back_ns;
    struct str tz; /* "+09:00": of the installation when it was recorded */
    struct str action, actor, role, on_behalf, target;
    struct str instructed_by, approved_by, reported_to, evidence, criteria_version;
    uint64_t incident, incident_seq; /* 0 = none */
    struct record_hash prev_hash, incident_prev_hash, changes_hash, payload_hash, entry_hash;
    /* beside the chain */
    const struct record_change *changes;
    uint32_t change_count;
    struct str salt, text;
    bool is_erased;
};

/* One of observe judge instruct approve reject execute report contact correct close. */
bool record_is_action(struct str action);

/* Fills changes_hash, payload_hash and entry_hash; everything else is set. */
void record_seal(struct record_entry *e);
/* The canonical header, for those who check by other means. */
void record_header(struct buf *out, const struct record_entry *e);
void record_hash_text(const struct record_hash *h, char out[2 * RECORD_HASH_BYTES + 1]);

/* The walk: entries in order of seq, each once. */
struct record_walk;
struct record_walk *record_walk_new(void);
void record_walk_free(struct record_walk *w);
/* False with a sentence when the entry is not what the record was; the first such entry is the one that was
 * changed, or the one behind a gap. */
bool record_walk_take(struct record_walk *w, const struct record_entry *e, struct error *err) MUST_CHECK;
/* After the last: false with the seq of a payload that was erased without an entry that says so. */
bool record_walk_end(const struct record_walk *w, uint64_t *seq, struct error *err) MUST_CHECK;

#endif
