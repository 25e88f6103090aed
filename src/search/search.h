/* Searching: filter language → plan → store → rows as JSON. One implementation for the console, `hyakuyo
 * query` on a server and on a data directory. */
#ifndef SEARCH_SEARCH_H
#define SEARCH_SEARCH_H

#include "query/query.h"
#include "store/store.h"

struct search {
    struct str expression;
    int64_t from_ns, to_ns; /* INT64_MIN, INT64_MAX = open */
    int64_t now_ns;
    const struct zone *zone;
    uint32_t limit;
    struct str before; /* cursor; "" = newest */
    unsigned timeout_ms;
};

struct search_page {
    struct str *columns; /* of a table; empty for documents */
    uint32_t column_count;
    bool is_documents;
    struct buf rows; /* JSON objects separated by commas; the caller frees it */
    uint32_t row_count;
    struct str next; /* cursor of the next page, "" = no more */
    struct store_numbers numbers;
    struct str *warnings;
    uint32_t warning_count;
};

enum search_end { SEARCH_DONE, SEARCH_BAD_EXPRESSION, SEARCH_FAILED };

/* `arena` holds what the page points to, except `rows`. SEARCH_BAD_EXPRESSION: `syntax` is set;
 * SEARCH_FAILED: `err` is. */
enum search_end search_run(struct store *store, const struct search *s, struct arena *arena,
                           struct search_page *page, struct query_error *syntax, struct error *err);

/* Events that pass the filter, in steps of time. `counts` has `count` places, the first at from_ns. */
enum search_end search_histogram(struct store *store, const struct search *s, int64_t step_ns,
                                 uint64_t *counts, uint32_t count, struct query_error *syntax,
                                 struct error *err);

/* event_json with "_id" as its first member. */
void search_document(const struct event *e, struct buf *out);

#endif
