/* The filter language: one text, one tree, two readers of it. query_match() asks an event in memory (live
 * stream, watch conditions); query_compile() writes SQL for the engine that reads the event plane.
 * docs/query.md says what each construct means; both give the same rows.
 *
 * A parsed query is immutable: any number of threads may match and compile with it at once. */
#ifndef QUERY_QUERY_H
#define QUERY_QUERY_H

#include "base/arena.h"
#include "base/clock.h"
#include "event/event.h"

#define QUERY_TEXT_MAX  8192 /* bytes */
#define QUERY_DEPTH_MAX 64   /* parentheses and nots inside each other */
#define QUERY_TERM_MAX  1000
#define QUERY_PIPE_MAX  16

struct query_context {
    int64_t now_ns;          /* what "now" means; the caller's event time or clock */
    const struct zone *zone; /* of the reader, for times without an offset and for time buckets; NULL = UTC */
    const struct str *known; /* further names of fields that exist (columns of the store); may be NULL */
    size_t known_count;
};

/* What is wrong with a text, for people. */
struct query_error {
    size_t position;                         /* 0-based character (Unicode code point) where it went wrong */
    size_t byte;                             /* the same place in bytes */
    char en[320], ja[320];                   /* finished sentences */
    char expected_en[160], expected_ja[160]; /* what could stand there; "" when that is not the point */
};

struct query;

/* NULL when the text is not a query; `err` is then set. The empty text matches all events. The text is
 * copied. */
struct query *query_parse(struct str text, const struct query_context *context,
                          struct query_error *err) MUST_CHECK;
void query_free(struct query *q);
/* Leaves out events that have the field, unless the text speaks of it; before the query is shared. */
void query_hide(struct query *q, struct str field);

/* Whether the filter (what stands before the first pipe) holds for the event. Never fails, never blocks. */
bool query_match(const struct query *q, const struct event *e);

bool query_is_table(const struct query *q); /* has pipes that make rows other than documents */
bool query_has_pipes(const struct query *q);

/* Names that no field has, each with the nearest known ones: the query is valid and these terms match
 * nothing. */
struct query_warning {
    size_t position;
    struct str name;
    struct str nearest[3];
    uint32_t nearest_count;
};
const struct query_warning *query_warnings(const struct query *q, size_t *count);

/* ---- for the engine ---- */

/* Where a page of documents ends: the last row that was seen. */
struct query_cursor {
    int64_t time_us;
    uint64_t sequence;
};
#define QUERY_CURSOR_TEXT_MAX 48
size_t query_cursor_format(const struct query_cursor *c, char out[QUERY_CURSOR_TEXT_MAX]);
bool query_cursor_parse(struct str text, struct query_cursor *out);

enum query_purpose {
    QUERY_ROWS,      /* what the text asks for */
    QUERY_HISTOGRAM, /* events that pass the filter, counted in steps of time; pipes are ignored */
    QUERY_COUNT,     /* how many events pass the filter; pipes are ignored */
};

struct query_options {
    enum query_purpose purpose;
    int64_t from_ns, to_ns;            /* [from, to) by @timestamp; INT64_MIN and INT64_MAX = open */
    uint32_t limit;                    /* most rows; 0 = 10,000 */
    const struct query_cursor *before; /* documents behind this one in the order; NULL = from the newest */
    int64_t
        step_ns; /* QUERY_HISTOGRAM: width of a step from from_ns on, which must be given; at least 1 ms */
};

struct query_param {
    enum { QUERY_PARAM_TEXT, QUERY_PARAM_LONG, QUERY_PARAM_DOUBLE } kind;
    struct str text;
    int64_t number;
    double real;
};

/* An equality that every row has to fulfil: a part whose bloom filter of `field` does not hold the text has
 * no rows. Keywords are compared without letter case, so `text` is folded (query_fold()) and `is_folded` set:
 * it may only be asked of an index that holds the folded form of its values. Addresses are exact. */
struct query_needle {
    struct str field;
    struct str text;
    bool is_folded;
};

struct query_result_column {
    struct str name;
    enum value_type type; /* dates are TIMESTAMP in SQL */
    bool is_list;
};

struct query_plan {
    struct str sql; /* one SELECT over the relation `events`, parameters $1 … $n */
    struct query_param *params;
    uint32_t param_count;
    /* Fields that `events` must have as columns, named as the fields; always hyakuyo.sequence and @timestamp.
     */
    struct str *columns;
    uint32_t column_count;
    struct query_needle *needles;
    uint32_t needle_count;
    int64_t from_ns, to_ns; /* rows lie in [from, to): the options' range and the query's own */
    bool is_documents;      /* rows are (hyakuyo.sequence, @timestamp) of events to fetch */
    bool is_pageable;       /* newest first: the last row makes the cursor of the next page */
    struct query_result_column *result;
    uint32_t result_count;
};

/* Everything in the plan lives in `arena` or in the query. */
void query_compile(const struct query *q, const struct query_options *options, struct arena *arena,
                   struct query_plan *plan);

/* Letter case folded away as the language compares (Unicode simple lower case); for indexes that serve
 * needles. */
void query_fold(struct str text, struct buf *out);

#endif
