/* A correlation rule as read and linked. Inside the stage only; everything lives in the set's arena. */
#ifndef CORRELATE_RULE_H
#define CORRELATE_RULE_H

#include <stdatomic.h>

#include "base/map.h"
#include "correlate/correlate.h"

enum correlation_type {
    TYPE_EVENT_COUNT,
    TYPE_VALUE_COUNT,
    TYPE_TEMPORAL,
    TYPE_TEMPORAL_ORDERED,
    TYPE_VALUE_SUM,
    TYPE_VALUE_AVG,
    TYPE_VALUE_PERCENTILE,
    TYPE_SEQUENCE,
};

enum limit_op { LIMIT_GT, LIMIT_GTE, LIMIT_LT, LIMIT_LTE, LIMIT_EQ, LIMIT_NEQ };

struct limit {
    enum limit_op op;
    double value;
};

#define MAX_LIMITS 6

struct sequence; /* sequence.h */

struct correlation_alias {
    struct str alias, rule, field;
};

struct correlation {
    struct rule_info info;
    unsigned column; /* of the document, for messages */
    enum correlation_type type;
    struct str *rules; /* as written: ids or names */
    uint32_t rule_count;
    uint32_t *step_of; /* which step each of them stands for; NULL: its own */
    uint32_t step_count;
    struct str *group_by;
    uint32_t group_count;
    struct correlation_alias *aliases;
    uint32_t alias_count;
    struct str *fields; /* whose values are counted or added up */
    uint32_t field_count;
    int64_t timespan_ns;
    struct limit limits[MAX_LIMITS];
    uint32_t limit_count;
    double percentile;         /* 0 … 100; below 0 when the rule names none */
    struct sequence *sequence; /* NULL: a Sigma correlation */
    bool speaks;               /* generate: true */
    bool is_sliding;           /* see correlate.h */
    bool is_out;               /* cannot work */
    bool is_silent;            /* another one names it, and none says generate: true */
    uint64_t hash;             /* of all that decides what it finds */
    uint32_t *named;           /* per entry of `rules`: correlation + 1, 0 when it is a rule */
    struct correlation_sample *samples;
    uint32_t sample_count;
};

#define EXERCISE_HASH UINT64_C(0x5851f42d4c957f2d)
#define MAX_CHAIN     16

/* The event fields of one name, best first. */
struct field_list {
    field_id ids[MAX_CHAIN];
    uint32_t count;
};

/* How a match of one rule gets into one correlation, and from there into those that name it. */
struct route {
    struct route *next; /* of the same rule, or of the same child */
    uint32_t correlation;
    uint32_t step;
    struct field_list *group, *values;
    struct route *up;
};

/* The step that the rule `index` of `c->rules` stands for. */
static inline uint32_t step_of_rule(const struct correlation *c, uint32_t index)
{
    return c->step_of ? c->step_of[index] : index;
}

/* A way for findings that a step selects by group, technique, level or stage. */
struct selected {
    struct selected *next;
    const struct sequence_choice *choice;
    struct route *route;
};

struct correlation_set {
    atomic_int references;
    struct arena arena;
    struct correlation **rules;
    uint32_t count, capacity;
    struct map by_id, by_name; /* index + 1 */
    struct map routes;         /* rule id → struct route * */
    struct selected *selected; /* by what a finding says, not by its rule */
    struct map by_hash;        /* 8 bytes → index + 1; each also turned by EXERCISE_HASH */
};

/* What deserves a finding: a number against all limits. */
bool limits_hold(const struct correlation *c, double number);

#endif
