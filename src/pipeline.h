/* The map: one batch through every stage that workers run. */
#ifndef PIPELINE_H
#define PIPELINE_H

#include "enrich/context.h"
#include "event/batch.h"
#include "event/source.h"
#include "knowledge.h"

/* The source of a record; called by the worker that owns the pipeline. NULL = none known. */
typedef const struct source *(*pipeline_find_source)(void *context, const struct record *record);

/* One worker's hold on what it needs. Knowledge and context are referenced; pipeline_adopt() changes them
 * between batches. */
struct pipeline {
    struct knowledge *knowledge;
    struct context *context; /* NULL = nothing is known about the organisation */
    struct normaliser_scratch *normaliser_scratch;
    struct detect_scratch *detect_scratch;
    pipeline_find_source find_source; /* NULL = sources are not looked up */
    void *find_source_context;
    struct source anonymous; /* of records whose source is not known; set by pipeline_adopt() */
};

/* Takes over one reference each. */
void pipeline_adopt(struct pipeline *p, struct knowledge *knowledge, struct context *context);
void pipeline_release(struct pipeline *p);

/* parse and normalise → enrich → detect → attach. Fills batch->events and batch->findings. */
void pipeline_run(struct pipeline *p, struct batch *batch);

#endif
