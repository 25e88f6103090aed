/* The parts of a compiled template: between template.c (compile) and template_render.c. */
#ifndef SIMULATE_TEMPLATE_PARTS_H
#define SIMULATE_TEMPLATE_PARTS_H

#include "simulate/template.h"

enum part_kind {
    PART_TEXT,
    PART_TIME,
    PART_HOST,
    PART_CELL,
    PART_COLUMN,
    PART_BETWEEN,
    PART_LOGNORMAL,
    PART_HEX,
    PART_BASE32,
    PART_LETTERS,
    PART_DIGITS,
    PART_INDEX,
    PART_PICK,
    PART_NTH,
    PART_OUTSIDE,
    PART_NTH_OUTSIDE,
};

struct part {
    enum part_kind kind;
    uint32_t cell, column; /* column: attribute or form of time too */
    double a, b;
    struct str text;
    const struct list *list;
};

/* Documentation addresses (RFC 5737): 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, each .1 to .254. */
#define OUTSIDE_COUNT 762

#endif
