/* Shared by store.c (life), store_query.c and store_fetch.c (reading). */
#ifndef STORE_STORE_INTERNAL_H
#define STORE_STORE_INTERNAL_H

#include "store/merge.h"
#include "store/retention.h"
#include "store/row_reader.h"
#include "store/store.h"
#include "store/writer.h"

struct store {
    struct store_config config;
    char *data_dir, *events_folder;
    struct state *state;         /* NULL when read-only */
    struct sqlite3 *readonly_db; /* NULL when writing */
    int lock_fd;
    pthread_mutex_t reload_lock; /* read-only: guards the exchange of `catalogue` */
    struct catalogue *catalogue;
    struct writer *writer;
    struct duckdb_reader *reader;
    struct row_reader *rows;
    uint32_t parts_missing;
    pthread_t keeper;
    pthread_mutex_t keeper_lock;
    pthread_cond_t keeper_wakes;
    atomic_bool is_closing;
    bool has_keeper;
    atomic_uint_least64_t merged_parts, dropped_parts, dropped_rows;
};

struct snapshot *store_snapshot(struct store *s, const struct part_filter *filter);
/* Beside a running server a file may have been merged away between the catalogue and the search. */
bool store_has_vanished(const struct snapshot *snapshot);
/* Read-only: reads the catalogue again, because a running server has merged or dropped parts. False: it
 * cannot be read. */
bool store_reload(struct store *s, struct error *err) MUST_CHECK;

#endif
