/* Small parts become large ones in the background. */
#ifndef STORE_MERGE_H
#define STORE_MERGE_H

#include "store/catalogue.h"
#include "store/duckdb_reader.h"
#include "store/state.h"

struct merge_config {
    const char *events_folder;
    struct state *state;
    struct catalogue *catalogue;
    struct duckdb_reader *reader;
    uint32_t rows_per_group;
    uint64_t max_rows, max_bytes; /* of a merged part */
    int zstd_level;
    const atomic_bool *is_cancelled; /* the program stops: give up at once */
};

/* Merges one run of neighbours, if there is one. `*merged` = parts that became one, 0 = nothing to do. On
 * error everything is as before. `now_ns` tells which days are over: their last small parts are merged too.
 */
bool merge_step(const struct merge_config *m, int64_t now_ns, uint32_t *merged, struct error *err) MUST_CHECK;

#endif
