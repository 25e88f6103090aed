/* Inside of a compiled pattern, shared by pattern.c, pattern_type.c and pattern_set.c only. */
#ifndef PARSE_PATTERN_PROGRAM_H
#define PARSE_PATTERN_PROGRAM_H

#include "parse/pattern.h"

enum operation_code {
    OP_LITERAL, /* these bytes */
    OP_SPACE,   /* one or more spaces or tabs */
    OP_SCAN,    /* a type with a scanner: takes what the scanner takes */
    OP_LAZY,    /* takes as little as what follows allows */
    OP_SPLIT,   /* go on at `first`; when that fails at `second` */
    OP_JUMP,    /* go on at `first` */
    OP_END,
};

enum { LAZY_WORD = 1, LAZY_UNTIL, LAZY_ANY, LAZY_REST };

/* A type of capture: a greedy scanner (length of the value at the start of `s`, 0 when there is none), or a
 * laziness. */
struct pattern_type {
    const char *name;
    size_t (*scan)(struct str s);
    uint8_t laziness;
    bool is_quoted; /* the quotes around it are left out */
};
const struct pattern_type *pattern_type_get(size_t number); /* NULL behind the last */

#define NO_CAPTURE UINT16_MAX
#define NO_BRANCH  UINT32_MAX

struct operation {
    uint8_t code, laziness;
    uint16_t capture;
    uint32_t first, second;
    const struct pattern_type *type;
    struct str literal;
};

struct pattern {
    struct operation *operations;
    uint32_t count;
    uint16_t capture_count;
    bool anywhere, open_end;
    struct str *names;
};

#endif
