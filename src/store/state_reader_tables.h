/* The named tables of state_reader.h. Inside the stage only. */
#ifndef STORE_STATE_READER_TABLES_H
#define STORE_STATE_READER_TABLES_H

#include <stddef.h>

struct state_named_table {
    const char *name, *sql;
};
extern const struct state_named_table state_named_tables[];
extern const size_t state_named_table_count;

#endif
