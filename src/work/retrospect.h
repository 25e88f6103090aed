/* What passed before it was known (S1): files that were on hosts before any antivirus here or any indicator
 * could recognise them, and who used them in that time. A thread of its own looks, in rounds, for verdicts
 * and hits of indicators that are new in the store; retrospect_look.c asks when the file was first seen and
 * who used it, work_retrospect.c keeps the gap and opens a task for each host. Doing it again opens nothing
 * twice.
 *
 *   new verdicts, new hits ──▶ objects ──look──▶ first sight, known, uses in between ──keep──▶ gaps, tasks */
#ifndef WORK_RETROSPECT_H
#define WORK_RETROSPECT_H

#include "incident/retrospect.h"
#include "work/work.h"

struct retrospect;
struct retrospect *retrospect_start(struct server *s);
/* Ends the query that runs; what was not looked through is after the next start. NULL is fine. */
void retrospect_stop(struct retrospect *r);

struct gap_use { /* of an object on one host, before it was known */
    struct str host, ip;
    struct str users; /* "a;b" */
    uint32_t use;     /* the gravest one, a place in the rules */
    int64_t first_ns, last_ns;
    uint64_t count, sequence; /* of the first event */
};

struct gap_object {
    struct str hashes[RETROSPECT_HASHES]; /* small letters; "" = not known */
    int64_t known_ns;                     /* in: by an indicator or as noted before, TIME_UNKNOWN = neither */
    struct str name, known_by;            /* in: of the indicator */
    struct str basis;                     /* "verdict", "indicator" */
    bool is_by_path; /* in: the verdict named no hash: noted even without a gap, so that it stays known */
    /* out, all event times; first_ns is TIME_UNKNOWN when no stored event names it */
    int64_t first_ns;
    struct gap_use *uses;
    uint32_t use_count;
    uint32_t host_count; /* on which it was used; more than use_count when they were cut off */
};
#define GAP_GROUP_MOST 50 /* objects of one question */

struct gap_asking {
    struct server *s;
    struct arena *arena;
    const atomic_bool *is_over;
    int64_t now_ns;
};
/* Files with a verdict among the events of these sequence numbers, by hash (known_ns is not set) and by path.
 */
bool retrospect_verdicts(const struct gap_asking *a, uint64_t first, uint64_t last, struct gap_object **out,
                         uint32_t *count, struct error *err) MUST_CHECK;
/* The same for verdicts that name a path and no hash; appends struct gap_object to `objects`. */
bool retrospect_placed(const struct gap_asking *a, uint64_t first, uint64_t last, struct buf *objects,
                       struct error *err) MUST_CHECK;
/* At most GAP_GROUP_MOST objects: fills what is out. */
bool retrospect_look(const struct gap_asking *a, struct gap_object *objects, uint32_t count,
                     struct error *err) MUST_CHECK;

/* Notes the gap and opens tasks for the uses that have none yet; what has no gap changes nothing. */
bool retrospect_keep(struct casework *c, const struct gap_object *object);
/* Notes of that object, id 0 when there are none. */
bool retrospect_gap(struct casework *c, struct str object, struct work_row *gap);
/* Tasks of their own go to the incident that the host has meanwhile; one that was dropped with its incident
 * is opened again. */
bool retrospect_join(struct casework *c);

#endif
