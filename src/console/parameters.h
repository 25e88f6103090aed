/* What a route accepts, as tables: query parameters and the members of a JSON body. One reader checks them
 * all, and the unit test holds openapi.json against the same tables. */
#ifndef CONSOLE_PARAMETERS_H
#define CONSOLE_PARAMETERS_H

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "console/target.h"

enum parameter_kind {
    PARAMETER_TEXT,    /* min–max bytes */
    PARAMETER_INTEGER, /* min–max */
    PARAMETER_TIME,    /* ISO 8601 or "now-7d"; nanoseconds */
    PARAMETER_BOOLEAN, /* query: 0, 1, true, false; body: JSON boolean */
    PARAMETER_CHOICE,  /* one of `choices`; number = its index */
};

struct parameter {
    const char *name; /* NULL ends a table */
    enum parameter_kind kind;
    bool required;
    int64_t min, max;
    const char *choices; /* "open|closed|all" */
};

#define PARAMETERS_MAX 24

struct parameter_value {
    bool is_given;
    struct str text;
    int64_t number;
};

/* `values` has PARAMETERS_MAX entries, in the order of the table. Unknown names are ignored; a name given
 * twice is refused. On false the sentence names the parameter, in English and in Japanese. */
bool parameters_from_query(const struct parameter *table, const struct target *target, int64_t now_ns,
                           struct parameter_value *values, struct error *en, struct error *ja) MUST_CHECK;
/* The body must be one JSON object. Members that are null count as absent. */
bool parameters_from_json(const struct parameter *table, struct str body, struct arena *arena, int64_t now_ns,
                          struct parameter_value *values, struct error *en, struct error *ja) MUST_CHECK;

#endif
