/* Evaluates expressions of one record. Stage: normalise. An expression is a text or absent; in arithmetic and
 * comparison texts that are numbers count as numbers; absent values make a comparison false. Next:
 * function.c. */
#include <stdio.h>

#include "normalise/function.h"

static const struct str absent = {NULL, 0};

static struct str of_bool(bool b)
{
    return b ? STR("true") : STR("false");
}

static struct str of_double(struct run *r, double v)
{
    char text[40];
    int n = v == (double)(int64_t)v && v > -9e15 && v < 9e15
                ? snprintf(text, sizeof text, "%lld", (long long)v)
                : snprintf(text, sizeof text, "%.12g", v);
    return arena_str(r->arena, str_n(text, (size_t)n));
}

static bool whole_operation(enum expression_kind kind, int64_t a, int64_t b, int64_t *out)
{
    switch (kind) {
    case EXPRESSION_ADD:
        return !__builtin_add_overflow(a, b, out);
    case EXPRESSION_SUBTRACT:
        return !__builtin_sub_overflow(a, b, out);
    case EXPRESSION_MULTIPLY:
        return !__builtin_mul_overflow(a, b, out);
    default:
        return false; /* division gives fractions */
    }
}

static struct str arithmetic(struct run *r, const struct expression *e)
{
    struct str left = expression_text(r, e->left), right = expression_text(r, e->right);
    int64_t a, b, whole;
    double x, y;
    if (!left.p || !right.p)
        return absent;
    left = str_trim(left);
    right = str_trim(right);
    if (str_to_i64(left, &a) && str_to_i64(right, &b) && whole_operation(e->kind, a, b, &whole)) {
        char text[24];
        struct buf digits = {.p = text, .capacity = sizeof text};
        buf_i64(&digits, whole);
        return arena_str(r->arena, buf_str(&digits));
    }
    if (!str_to_double(left, &x) || !str_to_double(right, &y))
        return absent;
    switch (e->kind) {
    case EXPRESSION_ADD:
        return of_double(r, x + y);
    case EXPRESSION_SUBTRACT:
        return of_double(r, x - y);
    case EXPRESSION_MULTIPLY:
        return of_double(r, x * y);
    default:
        return y != 0 ? of_double(r, x / y) : absent;
    }
}

/* Numbers as numbers, else texts as bytes. */
static int compare(struct str a, struct str b)
{
    double x, y;
    if (str_to_double(a, &x) && str_to_double(b, &y))
        return x < y ? -1 : x > y;
    return str_compare(a, b);
}

static bool equal(struct run *r, const struct expression *e)
{
    struct str left = expression_text(r, e->left), right = expression_text(r, e->right);
    if (!left.p || !right.p)
        return false;
    if (str_eq(left, right))
        return true;
    bool numeric =
        e->right->kind == EXPRESSION_TEXT && right.n && (ascii_is_digit(right.p[0]) || right.p[0] == '-');
    return numeric && compare(left, right) == 0;
}

static bool order(struct run *r, const struct expression *e)
{
    struct str left = expression_text(r, e->left), right = expression_text(r, e->right);
    if (!left.p || !right.p)
        return false;
    int c = compare(left, right);
    switch (e->kind) {
    case EXPRESSION_LESS:
        return c < 0;
    case EXPRESSION_LESS_EQUAL:
        return c <= 0;
    case EXPRESSION_GREATER:
        return c > 0;
    default:
        return c >= 0;
    }
}

static bool text_relation(struct run *r, const struct expression *e)
{
    struct str left = expression_text(r, e->left), right = expression_text(r, e->right);
    if (!left.p || !right.p)
        return false;
    if (e->kind == EXPRESSION_STARTS)
        return str_starts(left, right);
    return e->kind == EXPRESSION_ENDS ? str_ends(left, right) : str_contains(left, right);
}

static bool in_set(struct run *r, const struct expression *e)
{
    struct str left = expression_text(r, e->left);
    if (left.p && map_find(e->set, left))
        return true;
    if (e->left->kind != EXPRESSION_SLOT || !left.p)
        return false;
    for (const struct cell *c = r->s->cells[e->left->slot].more; c; c = c->more)
        if (map_find(e->set, c->text))
            return true;
    return false;
}

bool expression_holds(struct run *r, const struct expression *e)
{
    struct str text;
    switch (e->kind) {
    case EXPRESSION_OR:
        return expression_holds(r, e->left) || expression_holds(r, e->right);
    case EXPRESSION_AND:
        return expression_holds(r, e->left) && expression_holds(r, e->right);
    case EXPRESSION_NOT:
        return !expression_holds(r, e->left);
    case EXPRESSION_EQUAL:
        return equal(r, e);
    case EXPRESSION_NOT_EQUAL:
        return !equal(r, e);
    case EXPRESSION_LESS:
    case EXPRESSION_LESS_EQUAL:
    case EXPRESSION_GREATER:
    case EXPRESSION_GREATER_EQUAL:
        return order(r, e);
    case EXPRESSION_STARTS:
    case EXPRESSION_ENDS:
    case EXPRESSION_CONTAINS:
        return text_relation(r, e);
    case EXPRESSION_IN:
        return in_set(r, e);
    case EXPRESSION_MATCHES:
        text = expression_text(r, e->left);
        return text.p && regex_match(e->regex, r->s->regex, text, NULL, 0) == REGEX_YES;
    case EXPRESSION_EXISTS:
        if (e->left->kind == EXPRESSION_SLOT)
            return slot_is_set(r, e->left->slot);
        return expression_text(r, e->left).p != NULL;
    default:
        text = expression_text(r, e);
        return text.n && !str_eq(text, STR("false")) && !str_eq(text, STR("0"));
    }
}

struct str expression_text(struct run *r, const struct expression *e)
{
    struct str text;
    switch (e->kind) {
    case EXPRESSION_TEXT:
        return e->text;
    case EXPRESSION_SLOT:
        return slot_text(r, e->slot);
    case EXPRESSION_ADD:
    case EXPRESSION_SUBTRACT:
    case EXPRESSION_MULTIPLY:
    case EXPRESSION_DIVIDE:
        return arithmetic(r, e);
    case EXPRESSION_FALLBACK:
        text = expression_text(r, e->left);
        return text.p && text.n ? text : expression_text(r, e->right);
    case EXPRESSION_CALL:
        return e->function->call(r, e);
    default:
        return of_bool(expression_holds(r, e));
    }
}
