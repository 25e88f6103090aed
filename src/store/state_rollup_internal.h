/* What state_rollup.c, which adds, and state_rollup_read.c share. */
#ifndef STORE_STATE_ROLLUP_INTERNAL_H
#define STORE_STATE_ROLLUP_INTERNAL_H

#include <sqlite3.h>

#include "base/str.h"

/* Adds to `counts`; what does not fit is left out. */
void rollup_unpack(struct str in, uint64_t *counts, size_t n);
/* Borrowed until the next step. */
struct str rollup_blob(sqlite3_stmt *q, int column);

#endif
