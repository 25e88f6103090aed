/* Evidence that the program itself brings, and approvals that are about one thing. work_custody.c has the
 * chain of custody, work_evidence.c what enters it. */
#ifndef WORK_WORK_CUSTODY_H
#define WORK_WORK_CUSTODY_H

#include "work/work.h"

struct evidence_item {
    const char *type; /* as in the API: "log", "file" */
    struct str description, location, sha256,
        source_host; /* location: where it lies, once for each incident */
    struct str tool; /* "" = this program and its version */
    int64_t size, acquired_ns;
};

/* Inside a transaction: enters the item unless the incident has one at that location. */
bool evidence_attach(struct casework *c, uint64_t incident, const struct evidence_item *item);
/* Keeps bytes under DATA/evidence by their SHA-256; sets sha256, size and location. Before a transaction: a
 * file that no row names does no harm. */
bool evidence_keep(struct casework *c, struct str bytes, struct evidence_item *item);
/* The number of the next item of that incident. Inside a transaction. */
bool evidence_number(struct casework *c, uint64_t incident, struct str *number);
/* Somebody saw or took it: an entry of its access log, in a transaction of its own. */
bool evidence_note_access(struct casework *c, uint64_t incident, const struct work_row *item,
                          struct str what);
/* Inside a transaction: the first entry of its chain, from who acquired it to whoever brought it here. */
bool evidence_take_in(struct casework *c, const struct work_row *item, struct str what);
struct str evidence_sha256(struct str bytes, struct arena *arena);
/* "" or that many hexadecimal digits. */
bool evidence_is_hex(struct str s, size_t n);
/* Where a file with this hash lies: "evidence/HASH". */
struct str evidence_location(struct casework *c, struct str sha256);
/* The file that `location` names below the data folder; "" when it is no such place. */
struct str evidence_path(const struct casework *c, struct str location);

/* An approval of this incident for this action on this very thing ("evidence/7", "vendor/3"): approved, and
 * not expired; an emergency counts where it may. False with a failure only when it could not be looked up. */
bool work_find_subject(struct casework *c, uint64_t incident, const char *action, const char *scope,
                       struct str subject, bool emergency_counts, bool *found, struct work_row *approval);

#endif
