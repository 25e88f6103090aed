/* Who did what: one entry of the response record, written in the same transaction as what it changes (spec
 * 3.8, S167 to S175). Old and new values are seen by
 * themselves (store/state_capture.h):
 *
 *     if (!recorder_begin(r, &err)) …
 *     ok = state_…(…);
 *     ok ? recorder_commit(r, &deed, &err) : recorder_rollback(r);
 *
 * Between begin and commit this thread holds the state's lock: do not take the desk's lock there (the desk
 * takes the state's lock while it holds its own). */
#ifndef RECORDER_RECORDER_H
#define RECORDER_RECORDER_H

#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"
#include "store/state.h"

struct deed {
    const char *action; /* observe judge instruct approve reject execute report contact correct close */
    struct str actor;   /* user name; "hyakuyo" for the machine */
    struct str role, on_behalf; /* may be empty */
    uint64_t incident;          /* 0 = none */
    struct str target; /* "incident/7", "user/sato", "task/12" …; "" = the first row that changed */
    int64_t event_ns;  /* when it happened; TIME_UNKNOWN or 0 = now */
    struct str text;   /* personal: kept beside the chain, salted, may be erased by law */
    struct str instructed_by, approved_by, reported_to, evidence; /* "a;b"; may be empty; S172 to S174 */
    struct str criteria_version;                                  /* "" = that of recorder_set_criteria() */
};

struct recorder;
/* From here on no change of a recorded table (store/state_recorded.def) of this state is kept without an
 * entry: what a transaction changed and nobody named gets one by itself, in that transaction. NULL on error.
 */
struct recorder *recorder_new(struct state *state, struct error *err) MUST_CHECK;
void recorder_free(struct recorder *r);

/* Whom this thread acts for, until it leaves: entries that nobody else writes for its changes are this deed.
 */
struct recorder_act {
    struct deed deed;
    uint32_t entries; /* out: written since it was entered */
};
void recorder_enter(struct recorder *r, struct recorder_act *act);
void recorder_leave(struct recorder *r);

/* Takes the state's lock and begins; may be nested in a transaction that this thread has begun. */
bool recorder_begin(struct recorder *r, struct error *err) MUST_CHECK;
/* Changes of recorded tables are seen by themselves. This is for what lies elsewhere: one field became
 * another, as text; keep texts of people out of it. */
void recorder_change(struct recorder *r, const char *table, uint64_t id, const char *field, struct str old,
                     struct str new_value);
/* Appends the entry with the changes named since begin or the last append; without commit. */
bool recorder_append(struct recorder *r, const struct deed *d, struct error *err) MUST_CHECK;
/* Appends, then commits; on false all is rolled back. */
bool recorder_commit(struct recorder *r, const struct deed *d, struct error *err) MUST_CHECK;
/* The deed this thread acts in, or else `fallback`; its texts live until the thread leaves. */
struct deed recorder_deed(const struct recorder *r, const struct deed *fallback);
/* Commits as the deed this thread acts in, or else as `fallback`. */
bool recorder_commit_act(struct recorder *r, const struct deed *fallback, struct error *err) MUST_CHECK;
void recorder_rollback(struct recorder *r);
/* Whether the open transaction changed something that is in no entry yet. */
bool recorder_waits(struct recorder *r);

/* A deed that changes nothing in state.db, in a transaction of its own. */
bool recorder_note(struct recorder *r, const struct deed *d, struct error *err) MUST_CHECK;
/* The text of an entry goes; who did it and why stays (S175: correction is a new entry). */
bool recorder_erase(struct recorder *r, uint64_t seq, struct str who, struct str role, struct str reason,
                    struct error *err) MUST_CHECK;

/* Once in the life of a state database, before anything else: rows that no entry tells of enter the record.
 */
bool recorder_baseline(struct recorder *r, struct error *err) MUST_CHECK;
void recorder_set_criteria(struct recorder *r, struct str version);
/* From here on checkpoints are written to DATA/record, signed with the key in DATA/keys. */
bool recorder_sign(struct recorder *r, const char *data_dir, struct error *err) MUST_CHECK;
/* Writes a checkpoint when 15 minutes or 1,000 entries have gone by since the last, or when `now`. */
bool recorder_checkpoint(struct recorder *r, bool now, struct error *err) MUST_CHECK;

#endif
