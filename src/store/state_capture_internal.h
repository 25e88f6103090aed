/* Between state.c, state_recorded.c and state_capture.c. */
#ifndef STORE_STATE_CAPTURE_INTERNAL_H
#define STORE_STATE_CAPTURE_INTERNAL_H

#include "store/state_capture.h"
#include "store/state_sql.h"

/* state.c calls these; s->depth is that of the transaction meant. */
void state_capture_began(struct state *s);
void state_capture_undone(struct state *s);
void state_capture_ended(struct state *s);
/* Before the outermost COMMIT: every change has its entry, or the sentence why not. */
bool state_capture_may_commit(struct state *s, struct error *err) MUST_CHECK;

/* A value as the record writes it; lives in `arena`. */
struct str state_value_text(sqlite3_value *value, struct arena *arena);
/* Of a table with `under`: the rows under that one. */
bool state_recorded_walk_under(struct state *s, const struct recorded_table *t, uint64_t parent,
                               bool (*each)(void *context, const struct captured_row *row, struct error *err),
                               void *context, struct error *err) MUST_CHECK;

#endif
