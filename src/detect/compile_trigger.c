/* Which predicates make a rule worth evaluating.
 * Stage: detect, at load. Reads the trees of a unit's rules; leaves triggers and the nodes that match.c
 * walks.
 *
 * A rule's triggers are a set of indexed predicates that cover it: whenever the rule holds, at least one of
 * them holds. Over the tree in negation normal form: a predicate covers itself unless it is negated or about
 * an absent field; an "and" is covered by its cheapest child; an "or" by all its children together; "n of m"
 * by the m − n + 1 cheapest. Cheap means rare: long literals that few rules share. Only triggers are looked
 * for in every event: by index where they have a literal, directly where not. Everything else is compared
 * when, and only when, a rule that needs it was triggered. Next: compile.c, which builds the indexes. */
#include <math.h>
#include <stdlib.h>

#include "detect/builder.h"
#include "detect/fold.h"
#include "detect/regex_literal.h"

/* Trying a predicate on every event is dear; one that an index finds is nearly free. */
#define DIRECT_COST 4000

static double test_cost(const struct predicate *p)
{
    switch (p->comparison) {
    case COMPARE_TEXT:
        return p->shape == SHAPE_CONTAINS ? 4 : p->shape == SHAPE_GLOB ? 10 : 1;
    case COMPARE_REGEX:
        return 100;
    case COMPARE_CIDR:
    case COMPARE_FIELD:
        return 8;
    case COMPARE_NUMBER:
        return 3;
    default:
        return 0.5;
    }
}

void count_shares(struct builder *b, const struct tree *t)
{
    if (t->type == TREE_PREDICATE)
        b->shares[t->predicate]++;
    for (uint32_t i = 0; i < t->child_count; i++)
        count_shares(b, t->children[i]);
}

static struct str index_literal(struct builder *b, const struct predicate *p)
{
    struct str literal = p->literal;
    if (p->comparison == COMPARE_REGEX)
        literal = regex_required_literal(literal, &b->arena);
    if (!p->cased && p->comparison == COMPARE_TEXT)
        return literal;
    char *folded = arena_alloc(&b->arena, FOLD_GROWTH(literal.n));
    return str_n(folded, fold_text(literal, folded, NULL));
}

enum literal_place index_place(struct builder *b, const struct predicate *p, struct str *literal)
{
    bool is_text = p->comparison == COMPARE_TEXT;
    if ((!is_text && p->comparison != COMPARE_REGEX) || builder_columns(b)[p->column].kind == COLUMN_TIME)
        return PLACE_COUNT;
    *literal = index_literal(b, p);
    if (is_text && p->shape == SHAPE_EQUALS)
        return PLACE_EQUALS;
    if (is_text && p->shape == SHAPE_PREFIX)
        return prefix_place(literal->n);
    if (is_text && p->shape == SHAPE_SUFFIX)
        return suffix_place(literal->n);
    return inside_place(*literal);
}

/* How often it will be hit for nothing, roughly: what many rules name is common; what is long is rare. */
static double trigger_cost(struct builder *b, uint32_t number)
{
    const struct predicate *p = &builder_predicates(b)[number];
    struct str literal;
    enum literal_place place = index_place(b, p, &literal);
    if (place == PLACE_COUNT)
        return DIRECT_COST * test_cost(p);
    double shares = 1 + b->shares[number], length = literal.n < 32 ? (double)literal.n + 1 : 33;
    return shares * 32 / length * (place == PLACE_INSIDE && literal.n < 6 ? 16 : 1);
}

static int compare_trigger_cost(const void *a, const void *b)
{
    const struct tree *x = *(struct tree *const *)a, *y = *(struct tree *const *)b;
    return (x->trigger_cost > y->trigger_cost) - (x->trigger_cost < y->trigger_cost);
}

static int compare_test_cost(const void *a, const void *b)
{
    const struct tree *x = *(struct tree *const *)a, *y = *(struct tree *const *)b;
    return (x->test_cost > y->test_cost) - (x->test_cost < y->test_cost);
}

static void weigh(struct builder *b, struct tree *t)
{
    if (t->child_count == 0) {
        bool can_trigger =
            t->type == TREE_PREDICATE && builder_predicates(b)[t->predicate].comparison != COMPARE_ABSENT;
        t->trigger_cost = can_trigger ? trigger_cost(b, t->predicate) : INFINITY;
        t->test_cost = test_cost(&builder_predicates(b)[t->predicate]);
        return;
    }
    for (uint32_t i = 0; i < t->child_count; i++) {
        weigh(b, t->children[i]);
        t->test_cost += t->children[i]->test_cost;
    }
    qsort(t->children, t->child_count, sizeof *t->children, compare_trigger_cost);
    for (uint32_t i = 0; i < t->child_count - t->needed + 1; i++)
        t->trigger_cost += t->children[i]->trigger_cost;
}

static void take_triggers(struct builder *b, const struct tree *t, uint32_t rule)
{
    if (t->child_count == 0) {
        struct pending_trigger *trigger = grow(&b->triggers, sizeof *trigger);
        *trigger = (struct pending_trigger){t->predicate, rule};
        builder_predicates(b)[t->predicate].is_indexed = true;
        return;
    }
    for (uint32_t i = 0; i < t->child_count - t->needed + 1; i++)
        take_triggers(b, t->children[i], rule);
}

static uint32_t emit(struct builder *b, uint32_t at, struct tree *t)
{
    struct node node = {.type = (uint8_t)t->type,
                        .needed = t->needed,
                        .first = t->predicate,
                        .count = t->child_count};
    if (t->child_count) {
        qsort(t->children, t->child_count, sizeof *t->children, compare_test_cost);
        node.first = b->nodes.count;
        for (uint32_t i = 0; i < t->child_count; i++)
            grow(&b->nodes, sizeof node);
    }
    ((struct node *)b->nodes.items)[at] = node;
    for (uint32_t i = 0; i < t->child_count; i++)
        emit(b, node.first + i, t->children[i]);
    return at;
}

void finish_rule(struct builder *b, uint32_t number)
{
    struct tree *tree = b->trees[number];
    weigh(b, tree);
    if (isinf(tree->trigger_cost))
        *(uint32_t *)grow(&b->always, sizeof(uint32_t)) = number;
    else
        take_triggers(b, tree, number);
    grow(&b->nodes, sizeof(struct node));
    uint32_t root = b->nodes.count - 1;
    emit(b, root, tree);
    ((struct compiled_rule *)b->rules.items)[number].root = root;
}
