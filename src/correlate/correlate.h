/* The stage correlate: Sigma correlation rules over the matches of single-event rules, in the stream.
 *
 *   documents ──correlation_set_add()──▶ set ──correlation_set_link()──▶ set (immutable, counted)
 *   batch (in the order of the journal) ──correlator_take()──▶ further findings in the batch
 *
 * Meaning. A *hit* is a match of a rule that a correlation names, in the group that its `group-by` values
 * make; a match without one of these fields belongs to no group. Let T be the timespan. Conditions that more
 * hits can only fulfil (gt, gte; temporal types) look at a sliding window: at each time t of a hit, at the
 * hits in [t − T, t]. It *fires* at t when the condition holds and it has not fired within (t − T, t): a long
 * attack gives one finding for each timespan. All others (lt, lte, eq, neq, ranges, averages, percentiles)
 * look at windows that begin with a hit and end T later; the next begins with the first hit after that. They
 * fire when the window is over.
 *
 * Invariants
 * 1. The watermark W is the largest event time so far, never beyond the time of receipt. Hits older than W
 * minus the allowed lateness L come too late: they are counted and left out.
 * 2. What fired up to W − L is settled. It depends on the hits alone, not on the order in which they arrived.
 * 3. A sliding window that fires on what has arrived is told at once. Hits that arrive later may move it to
 *    another time: it is the same finding and not told again.
 * 4. A correlation named by another one is a hit of that one at the time it fired, with the group of the hit
 * that completed it; when it moves, that hit moves.
 * 5. State is bounded by CORRELATE_MAX_…; what is dropped is counted.
 * 6. correlator_save() holds all there is: after correlator_load() and the same batches the same findings
 * come. */
#ifndef CORRELATE_CORRELATE_H
#define CORRELATE_CORRELATE_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/yaml.h"
#include "event/batch.h"
#include "event/rule.h"

#define CORRELATE_LATENESS_NS    (120 * NS_PER_SECOND) /* L unless told otherwise */
#define CORRELATE_MAX_GROUPS     100000
#define CORRELATE_MAX_GROUP_HITS 10000 /* the oldest go beyond */
#define CORRELATE_MAX_HITS       2000000
#define CORRELATE_MAX_RULES      64 /* that one correlation names */
#define CORRELATE_MAX_FIELDS     16 /* group-by */
#define CORRELATE_MAX_DEPTH      8  /* correlations of correlations */

struct correlation_set;
struct correlation_set *correlation_set_new(void);
struct correlation_set *correlation_set_ref(struct correlation_set *s); /* any thread */
void correlation_set_unref(struct correlation_set *s);                  /* any thread; NULL is fine */

/* One YAML document with the key `correlation` or `sequence`. False: refused, with path:line:column; the set
 * is as before. Nothing of the document is borrowed. `info` (may be NULL) is filled as far as it was read,
 * for the report.
 */
bool correlation_set_add(struct correlation_set *s, const char *path, const struct yaml *document,
                         struct rule_info *info, struct error *err) MUST_CHECK;

/* What only the rules' own stage knows. */
struct correlation_resolver {
    void *context;
    /* The rule of that id or name; NULL when there is none. */
    const struct rule_info *(*find)(void *context, struct str id_or_name);
    /* The event fields behind a field name in events that the rule matches, best first; of a rule that `find`
     * does not know: the field of the schema. */
    size_t (*fields)(void *context, const struct rule_info *rule, struct str name, field_id *out, size_t max);
    /* A correlation names this rule; `speaks` when it says generate: true. */
    void (*named)(void *context, const struct rule_info *rule, bool speaks);
    /* A correlation cannot work and is left out. */
    void (*refused)(void *context, const struct rule_info *correlation, const char *why);
    /* What another stage finds (an instrument) by that id; NULL when there is none. May be NULL. */
    const struct rule_info *(*find_other)(void *context, struct str id);
};
/* Call once, when every document is in. The set is immutable afterwards. */
void correlation_set_link(struct correlation_set *s, const struct correlation_resolver *resolver);

size_t correlation_count(const struct correlation_set *s);
const struct rule_info *correlation_info(const struct correlation_set *s, size_t index);
const struct rule_info *correlation_find(const struct correlation_set *s, struct str id); /* NULL: none */

/* A correlation's samples: batches of events some seconds apart. */
struct correlation_sample {
    bool fires;
    unsigned line;
    struct correlation_step {
        struct str raw;           /* a record, or "" */
        const struct yaml *event; /* or fields */
        int64_t at_ns;            /* after the sample's first event */
        uint32_t repeat;          /* so many times, `every_ns` apart */
        int64_t every_ns;
    } * steps;
    uint32_t step_count;
};
/* Owned by the set. */
const struct correlation_sample *correlation_samples(const struct correlation_set *s, size_t index,
                                                     uint32_t *count);

struct correlator;
/* `set` may be NULL. Takes over a reference. */
struct correlator *correlator_new(struct correlation_set *set, int64_t lateness_ns);
void correlator_free(struct correlator *c);
/* Another set from now on. What correlations that are the same in both have gathered stays. Takes over a
 * reference. */
void correlator_use(struct correlator *c, struct correlation_set *set);

/* Adds what fired to batch->findings, in the order of events; the finding bears the sequence number of the
 * event that made it known. Reads batch->findings (which a rule without `generate` does not enter) and
 * batch->silent. Events up to `counted_through` are passed over: they were taken before a restart. */
void correlator_take(struct correlator *c, struct batch *batch, uint64_t counted_through);
/* As if an event of that time had come: ends windows. Their findings go into the batch under its last event.
 */
void correlator_advance(struct correlator *c, struct batch *batch, int64_t watermark_ns);

/* The whole state; the format has a version. Loading what is damaged or foreign leaves the correlator empty
 * and says why; correlations that the set does not hold any more are left out. */
void correlator_save(const struct correlator *c, struct buf *out);
bool correlator_load(struct correlator *c, struct str saved, struct error *err) MUST_CHECK;

struct correlator_counters {
    uint64_t hits, findings;
    uint64_t late_hits;    /* too late to count */
    uint64_t dropped_hits; /* a group or all had too many */
    uint64_t dropped_groups;
    uint64_t live_groups, live_hits;
};
struct correlator_counters correlator_counters(const struct correlator *c);

/* For tests: each firing when it is settled, in no particular order between groups. */
typedef void correlator_settled_fn(void *context, struct str correlation, struct str group, int64_t time_ns);
void correlator_on_settled(struct correlator *c, correlator_settled_fn *fn, void *context);

#endif
