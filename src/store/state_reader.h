/* Reading the state for reports: named tables, all from one snapshot, beside a running server or without one.
 * Forms of reports know the names and the columns below; only this file's neighbours know the SQL. */
#ifndef STORE_STATE_READER_H
#define STORE_STATE_READER_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

struct state_reader;
/* The state of DATA/state.db as it is now, until it is closed. NULL on error. */
struct state_reader *state_reader_open(const char *data_dir, struct error *err) MUST_CHECK;
void state_reader_close(struct state_reader *s); /* NULL is fine */

struct state_argument {
    struct str name; /* as in the SQL, without ':' */
    int64_t number;
};

struct state_value {
    enum { STATE_NULL, STATE_WHOLE, STATE_REAL, STATE_TEXT } kind;
    int64_t whole;
    double real;
    struct str text; /* valid during the call */
};

/* `names` are the columns'. False ends the reading, without an error. */
typedef bool state_row_fn(void *context, const struct str *names, const struct state_value *values,
                          uint32_t count);
/* Arguments that the table knows are bound, the others are passed over; those it misses are null. `columns`
 * is called once before the rows; may be NULL. */
bool state_reader_table(struct state_reader *s, struct str table, const struct state_argument *arguments,
                        size_t argument_count,
                        void (*columns)(void *context, const struct str *names, uint32_t count),
                        state_row_fn *row, void *context, struct error *err) MUST_CHECK;
/* The SELECT behind the name; NULL when there is none. For those who must show what a population is. */
const char *state_reader_sql(struct str table);
/* A part of the desk's state ("posture"); "" when it was never kept. Lives in `arena`. */
bool state_reader_desk_part(struct state_reader *s, const char *name, struct arena *arena, struct str *out,
                            struct error *err) MUST_CHECK;

#endif
