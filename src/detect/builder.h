/* A unit while it is built: what compile.c, compile_tree.c and compile_trigger.c share. Inside the stage
 * only. */
#ifndef DETECT_BUILDER_H
#define DETECT_BUILDER_H

#include "detect/ruleset.h"

/* The condition of one rule while it is compiled. */
struct tree {
    enum node_type type;
    uint32_t needed, predicate;
    struct tree **children;
    uint32_t child_count;
    double trigger_cost; /* INFINITY: not coverable */
    double test_cost;
};

struct growing {
    void *items;
    uint32_t count, capacity;
};

struct pending_trigger {
    uint32_t predicate, rule;
};

/* A field that feeds a column; slots are only all known when every unit is built. */
struct slot_use {
    uint32_t slot;
    uint16_t column, rank;
};

/* One unit while it is built. */
struct builder {
    struct ruleset *set;
    struct unit *unit;
    struct arena arena; /* for what is not kept */
    struct growing columns, predicates, nodes, rules, triggers, always, entries;
    struct map column_numbers, column_of_field, predicate_numbers;
    struct tree **trees; /* beside rules */
    uint32_t *shares;    /* predicate → rules that use it unnegated */
    struct error *err;
};

/* One more item of `each` bytes, zeroed; it moves when the next one is added. */
void *grow(struct growing *g, size_t each);

static inline struct column *builder_columns(const struct builder *b)
{
    return b->columns.items;
}

static inline struct predicate *builder_predicates(const struct builder *b)
{
    return b->predicates.items;
}

/* compile_tree.c: the condition in negation normal form, its columns and predicates added to the builder;
 * NULL on error. */
struct tree *build_tree(struct builder *b, const struct sigma_node *node, bool negated);

/* compile_trigger.c: chooses the triggers of a rule (number in the unit) and lays its tree out. */
void count_shares(struct builder *b, const struct tree *t);
void finish_rule(struct builder *b, uint32_t number);
/* Where the predicate can be looked up, with `*literal` folded; PLACE_COUNT when it cannot. */
enum literal_place index_place(struct builder *b, const struct predicate *p, struct str *literal);

#endif
