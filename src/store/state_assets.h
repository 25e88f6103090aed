/* Context in the state database: the rows of the context files that are in force, and those that were. */
#ifndef STORE_STATE_ASSETS_H
#define STORE_STATE_ASSETS_H

#include "base/arena.h"
#include "event/asset.h"
#include "store/state.h"

struct asset_counts { /* rows, for each file; all 0 when the set does not hold the file */
    uint32_t added[ASSET_FILE_COUNT];
    uint32_t kept[ASSET_FILE_COUNT];
    uint32_t retired[ASSET_FILE_COUNT];
    uint32_t repeated[ASSET_FILE_COUNT]; /* lines that say the same as an earlier line */
};

/* Makes the files that are present in `set` the ones in force: equal rows stay, new rows are added, rows that
 * are no longer there are retired at `imported_ns` and kept as history. All or nothing; the same set again
 * changes nothing. */
bool state_assets_save(struct state *s, const struct asset_set *set, int64_t imported_ns,
                       struct asset_counts *counts, struct error *err) MUST_CHECK;

/* The rows in force, in the order of the files; with history also retired rows, whose valid_to_ns is then at
 * most the moment they were retired. Strings live in `arena`. `present` tells which files have rows. */
bool state_assets_load(struct state *s, bool with_history, struct arena *arena, struct asset_set *set,
                       struct error *err) MUST_CHECK;

#endif
