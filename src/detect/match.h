/* Per-thread working room and the evaluation of one unit on one event. Inside the stage only. */
#ifndef DETECT_MATCH_H
#define DETECT_MATCH_H

#include "detect/ruleset.h"

/* A value as predicates see it. */
struct view {
    struct str raw, folded;
    const struct value *value; /* NULL for the record itself */
    bool is_ascii;
};

struct column_state {
    uint32_t epoch; /* of the event that filled it */
    uint16_t rank;
    bool has_more;  /* several values of the same field */
    uint16_t first; /* index of the value in the event */
};

struct unit_state {
    uint32_t *predicates; /* epoch * 4 + (1 false, 2 true) */
    uint32_t *rules;      /* epoch when triggered */
    struct column_state *columns;
};

#define MAX_EVENT_VALUES 4096
#define MAX_VALUE_BYTES  (1u << 20) /* more of a value is not looked at (counted) */
#define EPOCH_MAX        (UINT32_MAX / 4 - 1)

struct detect_scratch {
    const struct ruleset *set;
    struct unit_state *units;
    struct class_memory *classes;
    struct hs_scratch *scan;
    struct regex_scratch *regex;
    uint16_t *slot_of;  /* field → slot + 2; 0 not asked yet, 1 none */
    uint16_t *slots;    /* of the event's values: slot + 1, 0 none */
    struct view *views; /* of the event's values; MAX_EVENT_VALUES: the record */
    uint32_t *view_epoch;
    char *text; /* folded texts and formatted numbers of this event */
    size_t text_used, text_capacity;
    uint32_t *triggered; /* rules of the unit at hand */
    uint32_t triggered_count;
    uint32_t *holding; /* rules of the unit at hand that hold */
    uint32_t epoch;
    struct ip ip; /* of the last text that was read as an address */
    const char *ip_text;
    bool ip_valid;
    struct detect_counters counters;
    struct arena name_arena; /* for resolving field names; reset after use */
};

/* Everything needed while one unit looks at one event. */
struct run {
    struct detect_scratch *s;
    const struct unit *unit;
    struct unit_state *state;
    const struct event *event;
    struct view *view; /* the value whose index answers arrive */
};

/* Makes the event's texts ready; call once for each event, before its units. */
void match_begin(struct detect_scratch *s, const struct event *e);
/* Finds the rules of the unit that hold, in order; returns how many were written to `out` (room for
 * unit->rule_count). */
uint32_t match_unit(struct run *run, uint32_t *out);

/* Walks the values of a column. */
struct cursor {
    const struct value *at;
    uint32_t next; /* COLUMN_RECORD: value to look at next */
    bool started;
};
struct view *column_next(struct run *run, uint32_t column, struct cursor *cursor);

bool predicate_holds(struct run *run, uint32_t number);
/* One predicate on one value; predicate.c. */
bool predicate_test(struct run *run, const struct predicate *p, struct view *view);

#endif
