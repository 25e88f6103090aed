/* The headers of tables (Zeek's "#fields", W3C's "#Fields:") that each source has sent. A line's columns mean
 * what the last header before it says, wherever that line is worked on and whenever: so headers are learned
 * where all records pass in the order of the journal, and each record takes along which it may use. What was
 * known behind the last stored event is in state.db, because the journal brings only what follows.
 *
 *   engine_take: tables_assign(batch) ─▶ record->tables ─▶ workers
 *   writer:      tables_commit(last) in the part's transaction ─▶ tables_confirm(last) */
#ifndef ENGINE_TABLES_H
#define ENGINE_TABLES_H

#include "engine/registry.h"
#include "event/batch.h"
#include "knowledge/knowledge.h"

struct tables;
struct tables *tables_new(struct state *state, const struct registry *registry, struct error *err) MUST_CHECK;
/* After the last record that was assigned is gone. */
void tables_free(struct tables *t);

/* The thread that hands batches over. Records have their sources. Keeps a reference of the knowledge. */
void tables_assign(struct tables *t, struct batch *batch, struct knowledge *knowledge);

/* Inside the writer's transaction; may fail and be tried again. */
bool tables_commit(struct tables *t, struct state *state, uint64_t last, struct error *err) MUST_CHECK;
void tables_confirm(struct tables *t, uint64_t last);

#endif
