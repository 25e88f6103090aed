/* Conditions → columns, predicates and trees in negation normal form.
 * Stage: detect, at load. Reads a rule's condition and the taxonomy; adds to the unit that is built. Each
 * comparison of a log source's rules becomes one predicate, however many rules use it. Next:
 * compile_trigger.c. */
#include "base/log.h"
#include "detect/builder.h"

void *grow(struct growing *g, size_t each)
{
    if (g->count == g->capacity) {
        g->capacity = g->capacity ? g->capacity * 2 : 32;
        g->items = memory_resize_array(g->items, g->capacity, each);
    }
    char *at = (char *)g->items + each * g->count++;
    memset(at, 0, each);
    return at;
}

/* Columns */

static uint32_t slot_number(struct ruleset *set, struct str name)
{
    uintptr_t *slot = map_find(&set->slots, name);
    if (!slot) {
        slot =
            map_put(&set->slots, arena_str(&set->arena, name), NULL); /* the name outlives the rule's text */
        *slot = set->slots.count;
    }
    return (uint32_t)*slot - 1;
}

static enum column_kind column_kind(struct str field)
{
    return field.n == 0 ? COLUMN_RECORD : str_eq(field, STR("@timestamp")) ? COLUMN_TIME : COLUMN_FIELDS;
}

static struct str chain_key(struct arena *arena, const struct field_chain *chain, enum column_kind kind)
{
    struct str key = kind == COLUMN_RECORD ? STR("\001record")
                     : kind == COLUMN_TIME ? STR("\001time")
                                           : STR_EMPTY;
    for (size_t i = 0; kind == COLUMN_FIELDS && i < chain->count; i++)
        key = arena_printf(arena, "%.*s\n%.*s", STR_ARGS(key), STR_ARGS(chain->names[i]));
    return key;
}

static bool add_column(struct builder *b, struct str name, const struct field_chain *chain, uint16_t *number)
{
    enum column_kind kind = column_kind(name);
    bool is_new;
    uintptr_t *place = map_put(&b->column_numbers, chain_key(&b->arena, chain, kind), &is_new);
    if (!is_new) {
        *number = (uint16_t)*place;
        return true;
    }
    if (b->columns.count == UINT16_MAX)
        return error_set(b->err, "%s",
                         tr("too many fields in the rules of one log source.",
                            "1 つの logsource のフィールドが多すぎます。"));
    *place = *number = (uint16_t)b->columns.count;
    struct column *column = grow(&b->columns, sizeof *column);
    column->name = name.n ? arena_str(&b->set->arena, name) : STR("keywords");
    column->kind = kind;
    column->hashes = chain->hashes;
    for (size_t i = 0; kind == COLUMN_FIELDS && i < chain->count; i++) {
        struct slot_use *use = grow(&b->entries, sizeof *use);
        *use = (struct slot_use){slot_number(b->set, chain->names[i]), *number, (uint16_t)i};
    }
    return true;
}

static bool column_for(struct builder *b, struct str field, uint16_t *number)
{
    struct field_chain chain = {0};
    bool is_new;
    uintptr_t *known = map_put(&b->column_of_field, field, &is_new);
    if (!is_new) {
        *number = (uint16_t)*known;
        return true;
    }
    if (column_kind(field) == COLUMN_FIELDS)
        taxonomy_fields(b->set->taxonomy, &b->unit->logsource, field, &chain);
    bool ok = add_column(b, field, &chain, number);
    *known = *number;
    return ok;
}

/* Predicates */

static struct str predicate_key(struct builder *b, const struct predicate *p, const struct sigma_value *v)
{
    struct buf key = {0};
    buf_printf(&key, "%u %u %u %u %u %u %u %u ", p->column, p->comparison, p->shape, p->relation,
               p->time_part, p->cased, p->other_column, v->regex_flags);
    if (p->comparison == COMPARE_NUMBER)
        buf_bytes(&key, &v->number, sizeof v->number);
    else if (p->comparison == COMPARE_CIDR)
        buf_bytes(&key, &v->cidr, sizeof v->cidr);
    else if (p->comparison == COMPARE_TEXT && p->shape == SHAPE_GLOB)
        buf_bytes(&key, v->text.glyphs, v->text.n);
    if (p->comparison == COMPARE_TEXT && p->shape == SHAPE_GLOB)
        buf_bytes(&key, v->text.bytes, v->text.n);
    else
        buf_add(&key, v->literal);
    struct str out = arena_str(&b->arena, buf_str(&key));
    buf_free(&key);
    return out;
}

static struct sigma_text keep_text(struct arena *arena, struct sigma_text t)
{
    struct str bytes = arena_str(arena, str_n(t.bytes, t.n)),
               glyphs = arena_str(arena, str_n((const char *)t.glyphs, t.n));
    return (struct sigma_text){bytes.p, (const uint8_t *)glyphs.p, t.n};
}

static bool fill_predicate(struct builder *b, struct predicate *p, const struct sigma_value *v)
{
    p->literal = arena_str(&b->set->arena, v->literal);
    if (p->comparison == COMPARE_TEXT && p->shape == SHAPE_GLOB)
        p->text = keep_text(&b->set->arena, v->text);
    else if (p->comparison == COMPARE_CIDR)
        p->cidr = v->cidr;
    else if (p->comparison == COMPARE_NUMBER)
        p->number = v->number;
    else if (p->comparison == COMPARE_REGEX)
        return (p->regex = regex_new(v->literal, v->regex_flags, b->err)) != NULL;
    return true;
}

static bool add_predicate(struct builder *b, uint16_t column, const struct sigma_value *v, uint32_t *number)
{
    struct predicate p = {.comparison = (uint8_t)v->comparison,
                          .shape = (uint8_t)v->shape,
                          .relation = (uint8_t)v->relation,
                          .time_part = (uint8_t)v->time_part,
                          .cased = v->cased,
                          .regex_flags = (uint8_t)v->regex_flags,
                          .column = column};
    if (v->comparison == COMPARE_FIELD && !column_for(b, sigma_text_bytes(v->text), &p.other_column))
        return false;
    bool is_new;
    uintptr_t *place = map_put(&b->predicate_numbers, predicate_key(b, &p, v), &is_new);
    if (is_new) {
        *place = b->predicates.count;
        struct predicate *kept = grow(&b->predicates, sizeof *kept);
        *kept = p;
        if (!fill_predicate(b, kept, v))
            return false;
    }
    *number = (uint32_t)*place;
    return true;
}

/* Trees */

static struct tree *tree_new(struct builder *b, enum node_type type, uint32_t children)
{
    struct tree *t = ARENA_NEW(&b->arena, struct tree);
    t->type = type;
    t->needed = 1;
    t->child_count = children;
    if (children)
        t->children = ARENA_ARRAY(&b->arena, struct tree *, children);
    return t;
}

static struct tree *predicate_tree(struct builder *b, uint16_t column, const struct sigma_value *v,
                                   bool negated)
{
    struct tree *t = tree_new(b, negated ? TREE_NOT_PREDICATE : TREE_PREDICATE, 0);
    return add_predicate(b, column, v, &t->predicate) ? t : NULL;
}

/* "IMPHASH=0123…" written for a field of all hashes: the column of that hash alone, or false. */
static bool hash_column(struct builder *b, const struct column *column, const struct sigma_value *v,
                        uint16_t *number, struct str *digest)
{
    size_t equals = str_find_char(v->literal, '=', 0);
    if (!column->hashes || v->comparison != COMPARE_TEXT || v->shape == SHAPE_GLOB || equals == STR_NOT_FOUND)
        return false;
    struct str algorithm = str_slice(v->literal, 0, equals);
    *digest = str_skip(v->literal, equals + 1);
    for (const struct yaml *h = column->hashes->child; h; h = h->next) {
        if (!str_eq_nocase(h->key, algorithm) || digest->n == 0)
            continue;
        struct field_chain chain = {0};
        for (const struct yaml *n = h->type == YAML_LIST ? h->child : h;
             n && chain.count < TAXONOMY_MAX_CHAIN; n = h->type == YAML_LIST ? n->next : NULL)
            chain.names[chain.count++] = n->text;
        return add_column(b, h->key, &chain, number);
    }
    return false;
}

static struct tree *value_tree(struct builder *b, const struct sigma_node *node, bool negated)
{
    uint16_t column = 0, alone = 0;
    struct str digest = STR_EMPTY;
    if (!column_for(b, node->field, &column))
        return NULL;
    struct tree *all = predicate_tree(b, column, node->value, negated);
    if (!all || !hash_column(b, &builder_columns(b)[column], node->value, &alone, &digest))
        return all;
    struct sigma_value *v = ARENA_NEW(&b->arena, struct sigma_value);
    *v = *node->value;
    v->literal = digest;
    v->shape = SHAPE_EQUALS;
    struct tree *either = tree_new(b, negated ? TREE_AND : TREE_OR, 2);
    either->children[0] = all;
    either->children[1] = predicate_tree(b, alone, v, negated);
    return either->children[1] ? either : NULL;
}

/* Negation moves down to the predicates: not (a and b) = not a or not b; not (n of m) = (m − n + 1) of the
 * negated. */
struct tree *build_tree(struct builder *b, const struct sigma_node *node, bool negated)
{
    if (node->type == NODE_NOT)
        return build_tree(b, node->children[0], !negated);
    if (node->type == NODE_VALUE)
        return value_tree(b, node, negated);
    struct tree *t = tree_new(b, TREE_COUNT, node->child_count);
    uint32_t needed = node->type == NODE_AND ? node->child_count : node->type == NODE_OR ? 1 : node->needed;
    t->needed = negated ? node->child_count - needed + 1 : needed;
    t->type = t->needed == 1 ? TREE_OR : t->needed == node->child_count ? TREE_AND : TREE_COUNT;
    for (uint32_t i = 0; i < node->child_count; i++)
        if (!(t->children[i] = build_tree(b, node->children[i], negated)))
            return NULL;
    return t;
}
