/* The engine: the threads between the journal and the store.
 *
 *   journal thread ─▶ work queue ─▶ N workers (pipeline.c) ─▶ back in order ─▶ desk thread ─▶ held ─▶ writer
 *                     (bounded)                              (bounded)     judge, live stream  (holding.c)
 *
 * Workers finish batches out of order; the desk takes them in the order of the journal, so that the same
 * records give the same incidents whatever the number of workers. A batch whose findings changed an incident
 * is held until that is kept in state.db: an event is never stored without what it led to. */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "desk/desk.h"
#include "engine/ledger.h"
#include "engine/pipeline.h"
#include "engine/registry.h"
#include "engine/tables.h"
#include "enrich/context.h"
#include "knowledge/knowledge.h"
#include "proof/watch.h"
#include "store/store.h"

struct engine_options {
    unsigned workers;
    struct registry *registry;
    struct ledger *ledger;
    struct tables *tables;
    struct desk *desk;
    struct store *store;
    const struct canary_key *canary_key;         /* NULL = no record is a canary */
    const struct identity_rules *identity_rules; /* NULL = nothing is learned about who holds what */
    struct watch *watch;                         /* told of every batch; NULL = nobody watches */
    /* The live stream; called by the desk thread with every batch, findings filled. May be NULL. */
    void (*published)(void *context, const struct batch *batch);
    void *context;
};

struct engine;
/* Takes over one reference of each. `context` may be NULL. */
struct engine *engine_new(const struct engine_options *options, struct knowledge *knowledge,
                          struct context *context);
void engine_start(struct engine *e);
/* The program is about to end: from now on a disk that refuses is not waited for; what cannot be kept is left
 * to the journal. Any thread. */
void engine_leave(struct engine *e);
/* Works off what was given and stops. */
void engine_stop(struct engine *e);
void engine_free(struct engine *e);

/* The journal's sink and gap, by one thread at a time. Take the batch: blocks while the engine is full; false
 * when it stops. */
bool engine_take(struct engine *e, struct batch *batch);
void engine_skip(struct engine *e, uint64_t first, uint64_t last);

/* Gives the watch what the matchers of all workers saw since the last time; waits for the batches at hand. */
void engine_collect(struct engine *e);

/* Swaps what workers use from their next batch on. Take over one reference. */
void engine_set_knowledge(struct engine *e, struct knowledge *knowledge);
void engine_set_context(struct engine *e, struct context *context);
void engine_set_suppressions(struct engine *e, struct suppressions *suppressions);
void engine_set_indicators(struct engine *e, struct indicator_set *indicators);
void engine_set_geo(struct engine *e, struct geo *geo); /* NULL takes it away */
/* A reference of its own for the caller. */
struct knowledge *engine_knowledge(struct engine *e);
struct context *engine_context(struct engine *e);          /* NULL when there is none */
struct indicator_set *engine_indicators(struct engine *e); /* NULL when there is none */
struct geo *engine_geo(struct engine *e);                  /* NULL when there is none */

struct engine_counters {
    uint64_t events, parse_failures, findings;
    size_t queue_depth, queue_capacity;
    /* Time from the fsync of a record's group to its findings being published, for batches with findings: 2^i
     * µs. */
    uint64_t latency[40];
};
void engine_counters(struct engine *e, struct engine_counters *out);
/* How often a rule fired since the start, and the event time of its last finding; 0 and TIME_UNKNOWN when
 * never. */
uint64_t engine_rule_fired(struct engine *e, struct str rule_id, int64_t *last_ns);

#endif
