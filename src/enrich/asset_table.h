/* Rows from elsewhere than CSV, brought to the form that the reader of CSV checks and converts (asset_csv.h):
 * one table for each kind of file, columns in the order they first appear, a line of the source for each row.
 */
#ifndef ENRICH_ASSET_TABLE_H
#define ENRICH_ASSET_TABLE_H

#include "base/buf.h"
#include "enrich/asset_csv.h"

#define ASSET_TABLE_COLUMNS 64

#define ASSET_CELL_BYTES (64u << 10)

struct asset_table_cell {
    struct str text;
    uint32_t column;
};

struct asset_table_row {
    uint32_t line;
    uint32_t first_cell;
};

struct asset_table {
    struct str columns[ASSET_TABLE_COLUMNS]; /* of the arena, lower case */
    uint32_t column_count;
    struct buf cells; /* struct asset_table_cell of all rows */
    struct buf rows;  /* struct asset_table_row */
};

void asset_table_free(struct asset_table *t);
/* Starts a row. */
void asset_table_row(struct asset_table *t, uint32_t line);
/* Adds to a cell of the row; several values are joined with ';'. False when there are too many columns, or
 * the cell becomes longer than 64 KiB. */
bool asset_table_put(struct asset_table *t, struct arena *arena, struct str column, struct str value);
uint32_t asset_table_count(const struct asset_table *t); /* rows */
/* Reads the table as the file of that kind; faults name `path` and the rows' lines. */
bool asset_table_read(const struct asset_table *t, enum asset_file file, const char *path,
                      struct arena *arena, struct asset_set *set, struct error *err) MUST_CHECK;

#endif
