/* Between duckdb.c, duckdb_open.c and duckdb_cell.c, the only files that know the engine's own header. */
#ifndef STORE_DUCKDB_INTERNAL_H
#define STORE_DUCKDB_INTERNAL_H

#include <duckdb.h>

#include "base/arena.h"
#include "store/duckdb_reader.h"

/* ---- duckdb_open.c: open parts as a table function ---- */

struct shown_snapshots;
struct shown_snapshots *shown_new(void);
void shown_free(struct shown_snapshots *shown);
uint64_t shown_add(struct shown_snapshots *shown, const struct snapshot *snapshot);
void shown_remove(struct shown_snapshots *shown, uint64_t number);
/* Registers hyakuyo_open(BIGINT) for the database of the connection. */
bool shown_register(struct shown_snapshots *shown, duckdb_connection connection,
                    struct error *err) MUST_CHECK;

/* ---- duckdb_cell.c: result vectors → cells ---- */

struct cell_reader {
    enum value_type type;
    bool is_list;
    duckdb_type source; /* leaf type; a decimal's storage type */
    double scale;       /* divides a decimal */
};

/* False: the type has no counterpart and must be cast to text. */
bool cell_reader_init(struct cell_reader *r, duckdb_logical_type type);
void cell_read(const struct cell_reader *r, duckdb_vector vector, idx_t row, struct arena *arena,
               struct store_cell *out);

#endif
