/* The reader: DuckDB behind our own types. One in-memory database that may read files below one folder and
 * nothing else; each query has its own connection. Nothing is loaded into memory until the first query. */
#ifndef STORE_DUCKDB_READER_H
#define STORE_DUCKDB_READER_H

#include <stdatomic.h>

#include "base/error.h"
#include "event/field.h"
#include "store/catalogue.h"

/* What a query binds to $1, $2 … (or ? in order). */
struct store_param {
    enum value_type type; /* keyword, text and ip bind text; date binds a TIMESTAMP */
    struct str text;
    int64_t number; /* long, bool, date (ns) */
    double real;
};

struct store_cell {
    bool is_null;
    union {
        struct str text; /* valid during the row callback */
        int64_t number;  /* long, bool, date (ns since 1970 UTC) */
        double real;
        struct {
            struct store_cell *items; /* list columns */
            uint32_t count;
        } list;
    };
};

struct store_column {
    struct str name;
    enum value_type type; /* TYPE_KEYWORD for all texts */
    bool is_list;
};

struct store_result {
    struct store_column *columns;
    uint32_t column_count;
};

/* One row, in the order of the result. False ends the query early, without an error. */
typedef bool store_row_fn(void *context, const struct store_result *result, const struct store_cell *cells);

struct store_limits {
    unsigned timeout_ms;             /* 0: none */
    uint64_t max_rows;               /* 0: none */
    const atomic_bool *is_cancelled; /* looked at while the query runs; NULL: never */
};

/* How a query ended. */
enum store_end { STORE_DONE, STORE_MORE_ROWS, STORE_TIMEOUT, STORE_CANCELLED, STORE_FAILED };

struct duckdb_reader;
/* `memory_bytes` is the engine's limit (soft by about 100 MB); `temporary_folder` takes what does not fit. */
struct duckdb_reader *duckdb_reader_new(const char *events_folder, size_t memory_bytes, unsigned threads);
void duckdb_reader_free(struct duckdb_reader *r); /* no query may be running */

/* The rows of a snapshot's open parts as the table function hyakuyo_open(NUMBER), until hidden again. */
uint64_t duckdb_reader_show(struct duckdb_reader *r, const struct snapshot *snapshot);
void duckdb_reader_hide(struct duckdb_reader *r, uint64_t number);

/* Runs `sql`: one SELECT, in which `events` stands for the query `events_relation`. Any thread; blocks.
 * Errors of the engine are passed on in its words. Texts are valid UTF-8; types without a counterpart here
 * come as text. */
enum store_end duckdb_reader_run(struct duckdb_reader *r, struct str events_relation, struct str sql,
                                 const struct store_param *params, size_t param_count,
                                 const struct store_limits *limits, store_row_fn *on_row, void *context,
                                 struct error *err);

#endif
