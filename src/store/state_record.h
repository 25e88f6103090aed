/* The response record's rows: added, never changed (triggers forbid it); only a text may be erased, once an
 * entry says so. What the columns mean is in record/format.h; hashes are 32 bytes. */
#ifndef STORE_STATE_RECORD_H
#define STORE_STATE_RECORD_H

#include "base/arena.h"
#include "store/state.h"

#define RECORD_ROW_HASH_BYTES 32

struct record_row {
    uint64_t seq, incident, incident_seq;
    int64_t recorded_ns, event_ns, clock_back_ns;
    struct str tz, action, actor, role, on_behalf, target;
    struct str instructed_by, approved_by, reported_to, evidence, criteria_version;
    struct str prev_hash, incident_prev_hash, changes_hash, payload_hash, entry_hash;
    struct str salt, text;
    bool is_erased;
};

struct record_change_row {
    struct str table, field, old_value, new_value;
    uint64_t id;
};

/* Inside the caller's transaction. */
bool state_record_add(struct state *s, const struct record_row *row, const struct record_change_row *changes,
                      uint32_t change_count, struct error *err) MUST_CHECK;

/* The newest entry, of an incident when that is not 0; seq 0 when there is none. */
bool state_record_head(struct state *s, uint64_t incident, struct arena *arena, struct record_row *out,
                       struct error *err) MUST_CHECK;

struct record_filter {
    uint64_t incident, after_seq, before_seq; /* 0 = any, from the first, to the last */
    struct str actor;                         /* "" = anybody */
    int64_t from_ns, to_ns;                   /* of recorded_ns, half open */
    uint32_t limit;
    bool newest_first;
};
bool state_record_list(struct state *s, const struct record_filter *f, struct arena *arena,
                       struct record_row **out, uint32_t *count, struct error *err) MUST_CHECK;
bool state_record_changes(struct state *s, uint64_t seq, struct arena *arena, struct record_change_row **out,
                          uint32_t *count, struct error *err) MUST_CHECK;
/* The caller has added the entry "correct record/SEQ" in the same transaction. */
bool state_record_erase(struct state *s, uint64_t seq, struct error *err) MUST_CHECK;

/* What the record says each field was made last. */
bool state_record_last_values(struct state *s, struct arena *arena, struct record_change_row **out,
                              uint64_t **seqs, uint32_t *count, struct error *err) MUST_CHECK;
/* The same of one table; `field` "" = all. */
bool state_record_last_of(struct state *s, struct str table, struct str field, struct arena *arena,
                          struct record_change_row **out, uint64_t **seqs, uint32_t *count,
                          struct error *err) MUST_CHECK;
/* When the newest entry with that target was recorded; 0 = there is none. */
bool state_record_last_target(struct state *s, struct str target, int64_t *recorded_ns,
                              struct error *err) MUST_CHECK;
/* The newest entry that changed that row; 0 = none. */
bool state_record_last_change(struct state *s, struct str table, uint64_t id, uint64_t *seq,
                              struct error *err) MUST_CHECK;
/* "" when it was erased, or there is no such entry. */
bool state_record_salt(struct state *s, uint64_t seq, struct arena *arena, struct str *out,
                       struct error *err) MUST_CHECK;
/* What the entries recorded by `time_ns` say a field was; *is_there false when none says anything. */
bool state_record_value_then(struct state *s, struct str table, uint64_t id, struct str field,
                             int64_t time_ns, struct arena *arena, struct str *out, bool *is_there,
                             struct error *err) MUST_CHECK;
bool state_record_has_target(struct state *s, struct str target, bool *out, struct error *err) MUST_CHECK;
/* SHA-256s of the sealed parts one after the other, in order of their first event. */
bool state_record_parts(struct state *s, struct arena *arena, struct str *out, struct error *err) MUST_CHECK;

#endif
