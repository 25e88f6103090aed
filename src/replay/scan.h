/* Files at rest through the pipeline, by all cores, with results in the order of the input. */
#ifndef REPLAY_SCAN_H
#define REPLAY_SCAN_H

#include "base/file.h"
#include "enrich/geo.h"
#include "knowledge/knowledge.h"
#include "replay/feed.h"

/* One block of a file, or its end, or what went wrong with it; at the very end what correlations tell once
 * all events are there. */
struct scan_result {
    size_t file;              /* index into the list */
    struct feed_block *block; /* NULL: no records */
    struct finding *findings; /* of the block, or of the end; they know record and member */
    struct buf lines;         /* the same as NDJSON */
    uint64_t unparsed;
    struct error err; /* "" = none; the file, or a member of it, cannot be read (on) */
    bool is_end;      /* of the file */
    uint64_t position, skipped_bytes;
};

struct scan_plan {
    struct knowledge *knowledge;
    struct indicator_set *indicators; /* NULL = none */
    struct geo *geo;                  /* NULL = none */
    const struct file_list *files;
    unsigned threads; /* 0 = one for each core */
    void *context;
    /* Called by the thread that called scan_run(), file by file, block by block. */
    void (*take)(void *context, const struct scan_result *result);
    /* Called several times a second while results are waited for. */
    void (*wait)(void *context);
};
void scan_run(const struct scan_plan *plan);

#endif
