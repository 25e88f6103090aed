/* The SELECT behind the relation `events`. Knows no engine: text in, text out. */
#ifndef STORE_EVENTS_SQL_H
#define STORE_EVENTS_SQL_H

#include "store/catalogue.h"

struct events_request {
    const struct snapshot *snapshot;
    uint64_t open_number;      /* of hyakuyo_open(); used when the snapshot has open parts */
    const struct str *columns; /* NULL: all that occur */
    size_t column_count;
    const struct part_filter *filter;
};

void events_sql(const struct events_request *request, struct buf *out);
void sql_identifier(struct buf *out, struct str name); /* "a""b" */
void sql_literal(struct buf *out, struct str text);    /* 'a''b' */

#endif
