/* What retrospect_look.c and retrospect_path.c write their questions with. */
#ifndef WORK_RETROSPECT_SQL_H
#define WORK_RETROSPECT_SQL_H

#include "work/retrospect.h"

#define GAP_COLUMNS_MOST 96

struct gap_question {
    const struct gap_asking *asking;
    const struct retrospect_rules *rules;
    struct buf sql; /* grows */
    struct str columns[GAP_COLUMNS_MOST];
    size_t column_count;
};

/* Appends to the question: a column by its name; the hash of the file that a verdict is about, in small
 * letters, '' = none; whether the event is a verdict that is no test; whether it is neither canary nor
 * exercise. */
void gap_column(struct gap_question *q, struct str name);
void gap_verdict_hash(struct gap_question *q, enum retrospect_hash kind);
void gap_is_verdict(struct gap_question *q);
void gap_is_real(struct gap_question *q);
/* All events that are looked back at. */
struct part_filter gap_filter(const struct gap_question *q);
/* Asks, and empties the question. `rows_most` 0 = all. */
enum store_end gap_run(struct gap_question *q, const struct part_filter *filter, uint64_t rows_most,
                       store_row_fn *on_row, void *context, struct error *err) MUST_CHECK;

#endif
