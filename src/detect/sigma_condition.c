/* The condition of a rule: "selection and not 1 of filter_*".
 * Stage: detect, at load. Reads the text and the rule's search identifiers, leaves one tree. Recursive
 * descent over
 *
 *   or_expression  := and_expression ( "or" and_expression )*
 *   and_expression := factor ( "and" factor )*
 *   factor         := "not" factor | "(" or_expression ")" | quantity "of" pattern | name
 *   quantity       := "all" | "any" | number          pattern := "them" | name, '*' for any characters
 *
 * Next: sigma_reader.c. */
#include "base/log.h"
#include "detect/sigma.h"

struct condition {
    const struct sigma_source *source;
    const struct yaml *at;
    const struct sigma_selection *selections;
    size_t selection_count;
    struct str text;
    size_t position;
    struct str token; /* the one looked at; n == 0 at the end */
    size_t token_at;
    unsigned depth;
    struct error *err;
};

struct sigma_node *sigma_node_new(struct arena *arena, enum sigma_node_type type, uint32_t child_capacity)
{
    struct sigma_node *node = ARENA_NEW(arena, struct sigma_node);
    node->type = type;
    node->child_count = child_capacity;
    node->needed = 1;
    if (child_capacity)
        node->children = ARENA_ARRAY(arena, struct sigma_node *, child_capacity);
    return node;
}

struct sigma_node *sigma_node_group(struct arena *arena, enum sigma_node_type type,
                                    struct sigma_node **children, uint32_t count)
{
    if (count == 1)
        return children[0];
    struct sigma_node *node = sigma_node_new(arena, type, count);
    memcpy(node->children, children, count * sizeof *children);
    return node;
}

static struct sigma_node *fail(struct condition *c, const char *format, struct str word)
{
    bool in_text = word.p >= c->text.p && word.p <= c->text.p + c->text.n;
    unsigned column = c->at->column + (unsigned)(in_text ? (size_t)(word.p - c->text.p) : c->token_at);
    error_at(c->err, c->source->path, c->at->line, column, format, STR_ARGS(word));
    return NULL;
}

static void advance(struct condition *c)
{
    while (c->position < c->text.n && ascii_is_space(c->text.p[c->position]))
        c->position++;
    size_t from = c->token_at = c->position;
    if (from < c->text.n && strchr("()|", c->text.p[from])) {
        c->position++;
    } else {
        while (c->position < c->text.n && !ascii_is_space(c->text.p[c->position]) &&
               !strchr("()|", c->text.p[c->position]))
            c->position++;
    }
    c->token = str_slice(c->text, from, c->position);
}

static bool at_word(const struct condition *c, const char *word)
{
    return str_eq_nocase(c->token, str_c(word));
}

static bool name_matches(struct str pattern, struct str name)
{
    char bytes[512];
    uint8_t glyphs[512];
    if (pattern.n > sizeof bytes)
        return false;
    for (size_t i = 0; i < pattern.n; i++) {
        bytes[i] = pattern.p[i];
        glyphs[i] = pattern.p[i] == '*' ? GLYPH_STAR : GLYPH_BYTE;
    }
    return sigma_text_match((struct sigma_text){bytes, glyphs, (uint32_t)pattern.n}, name);
}

/* `them` leaves out names that begin with an underscore; a pattern does so unless it begins with one itself.
 */
static uint32_t matching_selections(struct condition *c, struct str pattern, struct sigma_node **out)
{
    bool them = str_eq_nocase(pattern, STR("them"));
    bool private_too = !them && pattern.n && pattern.p[0] == '_';
    uint32_t n = 0;
    for (size_t i = 0; i < c->selection_count; i++) {
        struct str name = c->selections[i].name;
        bool is_private = name.n && name.p[0] == '_';
        if (is_private && !private_too)
            continue;
        if (them || name_matches(pattern, name))
            out[n++] = c->selections[i].node;
    }
    return n;
}

static struct sigma_node *quantity_of(struct condition *c, struct str quantity, bool is_all)
{
    struct arena *arena = c->source->arena;
    uint64_t needed = 1;
    if (!is_all && !str_eq_nocase(quantity, STR("any")) &&
        (!str_to_u64(quantity, 10, &needed) || needed == 0))
        return fail(c,
                    tr("'%.*s of' needs a number above zero, 'any' or 'all'.",
                       "'%.*s of' の前には 1 以上の数か any、all が必要です。"),
                    quantity);
    advance(c); /* of */
    struct sigma_node **found = ARENA_ARRAY(arena, struct sigma_node *, c->selection_count + 1);
    uint32_t n = matching_selections(c, c->token, found);
    if (n == 0)
        return fail(c,
                    tr("no search identifier matches '%.*s'.", "'%.*s' に一致する検索条件名がありません。"),
                    c->token);
    if (!is_all && needed > n)
        return fail(c,
                    tr("more are asked for than match '%.*s', so that the rule cannot fire.",
                       "'%.*s' に一致する数より多くを求めているため、このルールは発火できません。"),
                    c->token);
    advance(c);
    if (is_all || needed == n)
        return sigma_node_group(arena, NODE_AND, found, n);
    if (needed == 1)
        return sigma_node_group(arena, NODE_OR, found, n);
    struct sigma_node *node = sigma_node_group(arena, NODE_COUNT, found, n);
    node->needed = (uint32_t)needed;
    return node;
}

static struct sigma_node *named_selection(struct condition *c, struct str name)
{
    for (size_t i = 0; i < c->selection_count; i++)
        if (str_eq(c->selections[i].name, name))
            return c->selections[i].node;
    return fail(c,
                tr("the search identifier '%.*s' is not defined under detection.",
                   "検索条件 '%.*s' が detection にありません。"),
                name);
}

static bool next_is_of(const struct condition *c)
{
    struct condition ahead = *c;
    advance(&ahead);
    return at_word(&ahead, "of");
}

static struct sigma_node *or_expression(struct condition *c);

static struct sigma_node *parenthesis(struct condition *c)
{
    advance(c);
    struct sigma_node *inner = or_expression(c);
    if (!inner)
        return NULL;
    if (!str_eq(c->token, STR(")")))
        return fail(c, tr("a ')' is missing before '%.*s'.", "'%.*s' の前に ')' がありません。"), c->token);
    advance(c);
    return inner;
}

static bool is_reserved(const struct condition *c)
{
    return c->token.n == 0 || at_word(c, ")") || at_word(c, "|") || at_word(c, "and") || at_word(c, "or") ||
           at_word(c, "of");
}

static struct sigma_node *factor(struct condition *c)
{
    if (++c->depth > SIGMA_MAX_DEPTH)
        return fail(c,
                    tr("the condition is nested too deeply at '%.*s'.",
                       "条件の入れ子が深すぎます ('%.*s')。"),
                    c->token);
    struct sigma_node *node;
    if (at_word(c, "not")) {
        advance(c);
        struct sigma_node *inner = factor(c);
        if (!inner)
            return NULL;
        node = sigma_node_new(c->source->arena, NODE_NOT, 1);
        node->children[0] = inner;
    } else if (at_word(c, "(")) {
        node = parenthesis(c);
    } else if (is_reserved(c)) {
        return fail(c,
                    tr("a search identifier is missing before '%.*s'.",
                       "'%.*s' の前に検索条件名がありません。"),
                    c->token);
    } else {
        struct str word = c->token;
        bool quantity = next_is_of(c);
        advance(c);
        node = quantity ? quantity_of(c, word, str_eq_nocase(word, STR("all"))) : named_selection(c, word);
    }
    c->depth--;
    return node;
}

/* factor "and" factor …, or the same one level up: `deeper` reads the operands. */
static struct sigma_node *chain(struct condition *c, const char *word, enum sigma_node_type type,
                                struct sigma_node *(*deeper)(struct condition *))
{
    struct sigma_node *operands[256];
    uint32_t n = 0;
    do {
        if (n)
            advance(c);
        if (n == COUNT_OF(operands))
            return fail(c, tr("too many operands at '%.*s'.", "条件の項が多すぎます ('%.*s')。"), c->token);
        if (!(operands[n] = deeper(c)))
            return NULL;
        n++;
    } while (at_word(c, word));
    return sigma_node_group(c->source->arena, type, operands, n);
}

static struct sigma_node *and_expression(struct condition *c)
{
    return chain(c, "and", NODE_AND, factor);
}

static struct sigma_node *or_expression(struct condition *c)
{
    return chain(c, "or", NODE_OR, and_expression);
}

struct sigma_node *sigma_condition(const struct sigma_source *source, struct str text, const struct yaml *at,
                                   const struct sigma_selection *selections, size_t count, struct error *err)
{
    struct condition c = {.source = source,
                          .at = at,
                          .selections = selections,
                          .selection_count = count,
                          .text = text,
                          .err = err};
    advance(&c);
    if (c.token.n == 0)
        return fail(&c, tr("the condition is empty%.*s.", "条件が空です%.*s。"), STR_EMPTY);
    struct sigma_node *node = or_expression(&c);
    if (!node)
        return NULL;
    if (str_eq(c.token, STR("|")))
        return fail(&c,
                    tr("aggregations behind '%.*s' are not part of Sigma 2; write a correlation rule.",
                       "'%.*s' による集計は Sigma 2 にありません。相関ルールを使ってください。"),
                    c.token);
    if (c.token.n)
        return fail(&c,
                    tr("'and' or 'or' is missing before '%.*s'.", "'%.*s' の前に and か or がありません。"),
                    c.token);
    return node;
}
