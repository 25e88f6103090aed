/* The map: one batch through every stage that workers run. */
#ifndef ENGINE_PIPELINE_H
#define ENGINE_PIPELINE_H

#include "detect/indicator.h"
#include "enrich/context.h"
#include "enrich/geo.h"
#include "enrich/identity_rules.h"
#include "event/batch.h"
#include "event/canary_mark.h"
#include "event/source.h"
#include "knowledge/knowledge.h"
#include "knowledge/suppression.h"

/* The source of a record; called by the worker that owns the pipeline. NULL = none known. */
typedef const struct source *(*pipeline_find_source)(void *context, const struct record *record);

/* One worker's hold on what it needs. Knowledge and context are referenced; pipeline_adopt() changes them
 * between batches. */
struct pipeline {
    struct knowledge *knowledge;
    struct context *context;          /* NULL = nothing is known about the organisation */
    struct indicator_set *indicators; /* NULL = none are looked up */
    struct geo_cache *places;         /* NULL = no GeoIP database is at hand */
    struct normaliser_scratch *normaliser_scratch;
    struct detect_scratch *detect_scratch;
    pipeline_find_source find_source; /* NULL = sources are not looked up */
    void *find_source_context;
    const struct canary_key *canary_key;         /* NULL = no record is a canary */
    const struct identity_rules *identity_rules; /* NULL = nothing is learned about who holds what */
    struct suppressions *suppressions;           /* referenced; NULL = no exceptions */
    struct source_memory
        *memory;             /* of records whose source is not known: of the file that is read; may be NULL */
    struct source anonymous; /* of records whose source is not known; set by pipeline_adopt() */
};

/* Takes over one reference each. */
void pipeline_adopt(struct pipeline *p, struct knowledge *knowledge, struct context *context);
/* The same for the indicators; NULL takes them away. */
void pipeline_adopt_indicators(struct pipeline *p, struct indicator_set *indicators);
/* The same for the GeoIP databases. */
void pipeline_adopt_geo(struct pipeline *p, struct geo *geo);
void pipeline_release(struct pipeline *p);

/* Takes over one reference; NULL takes the old one away. */
void pipeline_suppress(struct pipeline *p, struct suppressions *suppressions);

/* parse and normalise → enrich → indicators → detect → attach. Fills batch->events, batch->findings and
 * batch->withheld. */
void pipeline_run(struct pipeline *p, struct batch *batch);
/* The first half of it, for those who compare several rule sets on the same events (preview.c). */
void pipeline_prepare(struct pipeline *p, struct batch *batch);
/* Who a finding of the event is about. */
void pipeline_locate(struct pipeline *p, struct batch *batch, struct finding *f, const struct event *e);

#endif
