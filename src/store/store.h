/* The event plane: batches in, searches out. What the stage offers to pipeline.c, serve.c and the commands.
 *
 *   writing   store_put() from the workers; see writer.h for order, back-pressure and what happens on a full
 * disk reading   store_query(): SQL over the relation `events`, sealed and open parts together, visible at
 * once store_fetch(): whole events by their sequence number
 *
 * Relation `events`: a column for each field, named as the field ("source.ip"), and "hyakuyo.sequence".
 * Types: VARCHAR, BIGINT, DOUBLE, BOOLEAN, TIMESTAMP (UTC, microseconds); lists for fields declared as
 * arrays. docs/store.md tells the layout. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "event/batch.h"
#include "store/catalogue.h"
#include "store/duckdb_reader.h"
#include "store/state.h"

struct store_config {
    const char *data_dir;      /* parts live in data_dir/events */
    struct state *state;       /* open; the caller's */
    uint32_t rows_per_part;    /* 0: 122,880 */
    unsigned seal_after_ms;    /* since the first row; 0: 10,000 */
    size_t part_bytes;         /* memory of an open part; 0: 128 MiB. At most 1 GiB */
    unsigned waiting_batches;  /* out of order; 0: 64 */
    int zstd_level;            /* 0: 1 */
    size_t query_memory_bytes; /* 0: 512 MB */
    unsigned query_threads;    /* 0: 2 */
    bool is_merging_off;
    unsigned retention_days;  /* 0: for ever */
    uint64_t retention_bytes; /* 0: no limit */
    /* See struct writer_config. */
    bool (*prepare)(void *context, uint64_t last, struct error *err);
    bool (*commit)(void *context, struct state *state, uint64_t first, uint64_t last, struct error *err);
    void (*on_stored)(void *context, uint64_t last);
    void *context;
};

struct store;

/* Opens for writing: checks the folder against the catalogue, starts the threads. One process at a time. NULL
 * on error. */
struct store *store_open(const struct store_config *config, struct error *err) MUST_CHECK;
/* Sealed parts of a data directory, beside a running server or without one. */
struct store *store_open_readonly(const char *data_dir, struct error *err) MUST_CHECK;
/* Seals what is in memory. No other call may be running. */
void store_close(struct store *s);

/* Everything up to here is in parts: where the journal's replay begins. */
uint64_t store_stored_through(struct store *s);
bool store_put(struct store *s, struct batch *batch);
void store_skip(struct store *s, uint64_t first, uint64_t last);
void store_leave(struct store *s); /* see writer_leave() */
bool store_flush(struct store *s, unsigned timeout_ms);

struct store_query {
    struct str sql; /* one SELECT over `events` */
    const struct store_param *params;
    size_t param_count;
    struct part_filter filter; /* which parts; its time and sequence range also limits the rows */
    const struct str *columns; /* fields that the SQL names; NULL: all that occur */
    size_t column_count;
    struct store_limits limits;
};

struct store_numbers {
    uint32_t parts_read, parts_total; /* sealed */
    uint64_t rows;                    /* given */
    int64_t took_ns;
};

/* Any thread. `numbers` may be NULL. The sentence in `err` is set unless the end is STORE_DONE or
 * STORE_MORE_ROWS. */
enum store_end store_query(struct store *s, const struct store_query *query, store_row_fn *on_row,
                           void *context, struct store_numbers *numbers, struct error *err) MUST_CHECK;

/* Whole events, as they were when stored; `index` is the place in `sequences`. In no particular order; those
 * that do not exist are left out. The event is valid during the call. False from it ends the search. */
typedef bool store_event_fn(void *context, size_t index, const struct event *event);
bool store_fetch(struct store *s, const uint64_t *sequences, size_t count, store_event_fn *on_event,
                 void *context, struct error *err) MUST_CHECK;
/* The event's JSON (event_json) appended to `json`; `*found` tells whether there is one. */
bool store_fetch_event(struct store *s, uint64_t sequence, struct buf *json, bool *found,
                       struct error *err) MUST_CHECK;

/* Re-reads every sealed file and compares its SHA-256. Calls `on_bad` for each that differs; false only when
 * it cannot work. */
bool store_verify(struct store *s, void (*on_bad)(void *context, const struct part *part, const char *why),
                  void *context, struct error *err) MUST_CHECK;

struct store_status {
    uint64_t stored_through, next_sequence;
    uint64_t events;             /* rows taken since start */
    uint64_t parts, rows, bytes; /* sealed, now */
    uint64_t open_rows;
    uint32_t waiting, sealing;
    uint32_t parts_missing;                             /* found at start */
    uint64_t merged_parts, dropped_parts, dropped_rows; /* since start */
    bool is_stuck;
    char problem[1024];
};
void store_status(struct store *s, struct store_status *out);

/* A cell as text or JSON text; lists become a JSON array. */
void store_cell_json(const struct store_column *column, const struct store_cell *cell, struct buf *out);

#endif
