/* Headers of tables (Zeek, W3C) that sources have sent, as they stood behind the last stored event. */
#ifndef STORE_STATE_TABLES_H
#define STORE_STATE_TABLES_H

#include "base/arena.h"
#include "store/state.h"

struct table_row {
    uint32_t source;
    uint32_t number;        /* within the source, from 0 without a gap */
    uint64_t last_sequence; /* when it was sent last */
    struct str header;      /* bytes; normalise/ knows their form */
};

bool state_tables_put(struct state *s, const struct table_row *row, struct error *err) MUST_CHECK;
/* By source and number. */
bool state_tables_load(struct state *s, struct arena *arena, struct table_row **out, uint32_t *count,
                       struct error *err) MUST_CHECK;

#endif
