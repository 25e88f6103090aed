/* The catalogue of sealed parts in state.db: tables part (one row per part) and part_progress (one row: the
 * sequence number up to which everything is in parts, or was, before retention dropped it). */
#ifndef STORE_STATE_PARTS_H
#define STORE_STATE_PARTS_H

#include "base/error.h"
#include "store/part.h"

struct sqlite3;

struct part_list {
    struct part **parts; /* by first_sequence; one reference each */
    uint32_t count, capacity;
};
void part_list_add(struct part_list *list, struct part *p);
void part_list_free(struct part_list *list); /* releases the references */

/* Creates the tables when they are missing. `*is_new`: this database has never had a catalogue. */
bool state_parts_prepare(struct sqlite3 *db, bool *is_new, struct error *err) MUST_CHECK;
bool state_parts_load(struct sqlite3 *db, const char *events_folder, struct part_list *out,
                      struct error *err) MUST_CHECK;
/* Sets p->id. */
bool state_parts_insert(struct sqlite3 *db, struct part *p, struct error *err) MUST_CHECK;
bool state_parts_delete(struct sqlite3 *db, const struct part *p, struct error *err) MUST_CHECK;
bool state_parts_stored_through(struct sqlite3 *db, uint64_t *sequence, struct error *err) MUST_CHECK;
bool state_parts_set_stored_through(struct sqlite3 *db, uint64_t sequence, struct error *err) MUST_CHECK;

/* For commands that read a data directory beside, or without, a server. */
struct sqlite3 *state_parts_open_readonly(const char *path, struct error *err) MUST_CHECK;
void state_parts_close(struct sqlite3 *db);

#endif
