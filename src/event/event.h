/* The event: a flat list of typed values, in the order they were added. All memory is the batch's arena. A
 * field with several values is several entries. Events are built by one worker and then only read. */
#ifndef EVENT_EVENT_H
#define EVENT_EVENT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "event/field.h"

struct value {
    union {
        const char *text; /* TYPE_KEYWORD, TYPE_TEXT, TYPE_IP */
        int64_t number;   /* TYPE_LONG, TYPE_BOOL, TYPE_DATE */
        double real;      /* TYPE_DOUBLE */
    };
    uint32_t size; /* bytes of text */
    field_id field;
    uint8_t type; /* enum value_type */
};

enum {
    EVENT_PARSE_FAILURE = 1 << 0, /* stored and findable all the same; tags: parse_failure */
    EVENT_CANARY = 1 << 1,
    EVENT_EXERCISE = 1 << 2,
};

struct event {
    struct value *values; /* room for `capacity` of them, then for their fields: see event_fields() */
    uint64_t present[2];  /* one bit for each field % 128 that was ever added: most look-ups of absent fields
                             end here. Only event_add… and event_set… may append to values */
    uint16_t count, capacity; /* capacity says where the fields are: only event.c changes it */
    uint16_t parser;          /* number of the parser that took it, 0 = none */
    uint16_t flags;
    uint32_t source;     /* number of the registered source, 0 = not registered */
    uint64_t sequence;   /* journal sequence number: the event's identity in this installation */
    int64_t time_ns;     /* @timestamp, UTC; received_ns when the record names no time */
    int64_t received_ns; /* when the record was taken in */
    struct str raw;      /* the exact record; event.original */
};

static inline struct str value_text(const struct value *v)
{
    return (struct str){v->text, v->size};
}

/* The fields of the values, once more and close together: an event of thirty values is searched in one or two
 * lines of the processor's cache instead of eight. */
static inline const field_id *event_fields(const struct event *e)
{
    return (const field_id *)(e->values + e->capacity);
}

/* The first value of the field at or after the place `from`, or NULL. */
const struct value *event_find(const struct event *e, field_id field, unsigned from);

/* First value of the field, or NULL. @timestamp, event.original and event.ingested are members of the struct
 * and not in the list: adding or setting the two times writes the member, event_number() reads it;
 * event_text() of event.original is raw, which nobody may change. */
static inline const struct value *event_get(const struct event *e, field_id field)
{
    bool may_be_present = e->present[(field >> 6) & 1] >> (field & 63) & 1;
    return may_be_present ? event_find(e, field, 0) : NULL;
}

/* The next value of the same field after `v`, or NULL. */
static inline const struct value *event_next(const struct event *e, const struct value *v)
{
    return event_find(e, v->field, (unsigned)(v - e->values) + 1);
}

static inline bool value_is_text(const struct value *v)
{
    return v->type == TYPE_KEYWORD || v->type == TYPE_TEXT || v->type == TYPE_IP;
}

/* Text of the first value, "" when absent; numbers are not texts: "" too. */
static inline struct str event_text(const struct event *e, field_id field)
{
    if (field == FIELD_EVENT_ORIGINAL)
        return e->raw.p ? e->raw : STR_EMPTY;
    const struct value *v = event_get(e, field);
    return v != NULL && value_is_text(v) ? value_text(v) : STR_EMPTY;
}

bool event_number(const struct event *e, field_id field, int64_t *out);

/* Adding. Text is converted to the field's declared type (a number written as text becomes a long; an address
 * becomes canonical; what does not convert is dropped and false returned). Text is borrowed: it must live in
 * the arena or as long as it. Scalars: set replaces, add keeps the first value. Arrays, and vendors' fields
 * that the table does not know: add appends unless the same value is there. An event holds at most 4,000
 * values. */
bool event_add(struct event *e, struct arena *a, field_id field, struct str text);
bool event_set(struct event *e, struct arena *a, field_id field, struct str text);
bool event_add_number(struct event *e, struct arena *a, field_id field, int64_t number);
bool event_set_number(struct event *e, struct arena *a, field_id field, int64_t number);
bool event_add_double(struct event *e, struct arena *a, field_id field, double real);
void event_remove(struct event *e, field_id field);

/* A value as it stood in an event before, which is being rebuilt: nothing is converted or compared. At most
 * 65,528; false when there are as many. */
bool event_put_back(struct event *e, struct arena *a, const struct value *v);

/* A copy of it all in another arena; `to` is overwritten. */
void event_copy(const struct event *from, struct event *to, struct arena *a);

/* Any value as text; numbers are formatted into the arena. */
struct str value_as_text(const struct value *v, struct arena *a);

/* The event as one nested ECS JSON object on one line, without a line end: @timestamp, event.original (and
 * hyakuyo.original_base64 when the bytes are not UTF-8), tags, then the values. */
void event_json(const struct event *e, struct buf *out);

#endif
