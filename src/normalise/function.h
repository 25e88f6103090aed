/* The functions of the expression language. Private to this stage. */
#ifndef NORMALISE_FUNCTION_H
#define NORMALISE_FUNCTION_H

#include "normalise/run.h"

struct function {
    const char *name;
    /* p == NULL: no value */
    struct str (*call)(struct run *r, const struct expression *e);
    uint8_t least, most; /* number of arguments */
    bool wants_regex;    /* the second argument is a constant regular expression: e->regex */
    bool wants_table;    /* the first argument names a table: e->table */
};

#endif
