/* Per-thread working room and the evaluation of one unit on one event. Inside the stage only. */
#ifndef DETECT_MATCH_H
#define DETECT_MATCH_H

#include "base/clock.h"
#include "detect/ruleset.h"

/* A value as predicates see it. */
struct view {
    struct str raw, folded;
    const struct value *value; /* NULL for the record itself */
    bool is_ascii;
    bool is_joined; /* the record and all texts, each behind a NUL: a literal found here is in one of them */
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
enum { RECORD_VIEW = MAX_EVENT_VALUES, TIME_VIEW, JOINED_VIEW, VIEW_COUNT };
#define MAX_VALUE_BYTES (1u << 20) /* more of a value is not looked at (counted) */
#define EPOCH_MAX       (UINT32_MAX / 4 - 1)

/* Of the event at hand, if it is one of those whose rules are timed. Kept apart until its end: when something
 * else ran on the processor meanwhile, it says nothing. */
#define TIMING_MAX 256 /* more charges of one event are not kept */
struct timing {
    bool is_on;
    int64_t started_ns, started_cpu_ns;
    uint32_t count;
    struct {
        uint32_t rule; /* in ruleset.rules */
        uint32_t ns;
    } charges[TIMING_MAX];
};

struct detect_scratch {
    const struct ruleset *set;
    struct unit_state *units;
    struct class_memory *classes;
    struct hs_scratch *scan;
    struct regex_scratch *regex;
    uint16_t *slot_of;  /* field → slot + 2; 0 not asked yet, 1 none */
    uint16_t *slots;    /* of the event's values: slot + 1, 0 none */
    struct view *views; /* VIEW_COUNT: of the event's values, then RECORD_VIEW … */
    uint32_t *view_epoch;
    char *text; /* folded texts and formatted numbers of this event */
    size_t text_used, text_capacity;
    uint32_t *triggered; /* rules of the unit at hand */
    uint32_t triggered_count;
    uint32_t *holding; /* rules of the unit at hand that hold */
    uint32_t epoch;
    struct timing timing;
    struct ip ip; /* of the last text that was read as an address */
    const char *ip_text;
    bool ip_valid;
    struct detect_counters counters;
    struct arena name_arena;    /* for resolving field names; reset after use */
    struct detect_watch *watch; /* coverage.c; NULL = not watching */
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
/* match_view.c: the record as one text; whether it has escapes or another character set, so that words of its
 * texts do not stand in it as they are; and then the record and all texts as one, in one pass. */
struct view *match_record_view(struct run *run);
bool match_record_hides_words(struct str raw);
struct view *match_joined_view(struct run *run);
/* Finds the rules of the unit that hold, in order; returns how many were written to `out` (room for
 * unit->rule_count). */
uint32_t match_unit(struct run *run, uint32_t *out);

/* cost.c: begin and end of an event; what a rule (number in the unit) took since started_ns, and a predicate
 * tried for the rules it triggers. */
void cost_begin(struct detect_scratch *s);
void cost_end(struct detect_scratch *s);
void cost_of_rule(struct run *run, uint32_t rule, int64_t started_ns);
void cost_of_candidate(struct run *run, const struct predicate *p, int64_t started_ns);
/* coverage.c; the unit's columns hold the event's values. */
struct detect_watch;
void detect_watch_event(const struct run *run, uint32_t unit);
void detect_watch_free(struct detect_watch *watch);

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
