/* From the columns of a stored row back to the event. */
#ifndef STORE_EVENT_REBUILD_H
#define STORE_EVENT_REBUILD_H

#include "event/event.h"
#include "store/column_set.h"

struct event_rebuild {
    struct arena arena; /* everything the event points to */
    struct event event;
};

void event_rebuild_begin(struct event_rebuild *r); /* zeroed before the first use */
void event_rebuild_free(struct event_rebuild *r);

/* Values in the order of the columns; texts are copied. Times in nanoseconds. */
void event_rebuild_text(struct event_rebuild *r, struct str column, struct str text);
void event_rebuild_number(struct event_rebuild *r, struct str column, enum column_kind kind, int64_t number);
void event_rebuild_real(struct event_rebuild *r, struct str column, double real);

/* A row of columns in memory. */
void event_rebuild_row(struct event_rebuild *r, const struct column_set *set, uint32_t row);

#endif
