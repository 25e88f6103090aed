/* Sees every change of a recorded table (state_recorded.def) as it is made, whoever makes it, so that the
 * entry of the response record can be written in the same transaction. Once armed, no transaction that
 * changed a recorded row is committed before somebody took its changes: `unrecorded` is called for those that
 * nobody did, and without success nothing is kept. SQLite's preupdate hook tells old and new values. */
#ifndef STORE_STATE_CAPTURE_H
#define STORE_STATE_CAPTURE_H

#include "base/arena.h"
#include "store/state.h"

#define STATE_DIGEST_TEXT 65

struct recorded_column {
    struct str name;
    bool is_open, is_kept;
};

struct recorded_table {
    struct str name;
    const struct recorded_column *columns; /* in the table's order */
    uint32_t count;
    int once, under; /* columns; −1 = none */
};

/* Values as text, one for each column: numbers in decimal, reals with 17 digits, "" for NULL. NULL = no row.
 */
struct captured_row {
    const struct recorded_table *table;
    uint64_t id;
    const struct str *old_values, *new_values;
};

/* Changes of this connection are seen from here on. `unrecorded` runs inside the transaction. */
bool state_capture_arm(struct state *s, bool (*unrecorded)(void *context, struct error *err), void *context,
                       struct error *err) MUST_CHECK;
void state_capture_disarm(struct state *s);

/* Whether the open transaction holds changes that nobody took. */
bool state_capture_waits(struct state *s);
/* All of them, each row once with its first old and its last new values; the rows live in `arena`. */
bool state_capture_take(struct state *s, struct arena *arena, struct captured_row **rows, uint32_t *count,
                        struct error *err) MUST_CHECK;

/* The fingerprint of a row: SHA-256( salt || for each column that is not kept and neither "" nor "0":
 * name, 0, length in decimal, ':', value ), lower-case hexadecimal; "" for no row. That a column of a later
 * schema is "" or "0" changes no fingerprint. */
void state_row_digest(const struct recorded_table *t, const struct str *values, struct str salt,
                      char out[STATE_DIGEST_TEXT]);
bool state_value_is_default(struct str value);

/* Whether state_recorded.def says what becomes of that table; a test asks for each. */
bool state_table_has_law(struct str table);
/* The recorded tables of this database; they live in `arena`. */
bool state_recorded_tables(struct state *s, struct arena *arena, struct recorded_table **out, uint32_t *count,
                           struct error *err) MUST_CHECK;
/* Every row that is to be recorded, in order of its number; false ends the walk. `row` is valid during the
 * call. */
bool state_recorded_walk(struct state *s, const struct recorded_table *t,
                         bool (*each)(void *context, const struct captured_row *row, struct error *err),
                         void *context, struct error *err) MUST_CHECK;

#endif
