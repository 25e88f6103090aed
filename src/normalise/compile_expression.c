/* The expression language: text → tree. Stage: normalise. Grammar, loosest first: or, and, not, comparison,
 * ??, + -, * /, value. The reference is docs/parsers.md. Next: compile_shape.c. */
#include <stdlib.h>

#include "normalise/compile.h"

enum token_kind { TOKEN_END, TOKEN_TEXT, TOKEN_NUMBER, TOKEN_NAME, TOKEN_WORD, TOKEN_SIGN, TOKEN_BAD };

struct lexer {
    struct compile *c;
    const struct yaml *at;
    struct str s;
    size_t pos;
    enum token_kind kind;
    struct str text; /* of a text: unescaped */
    unsigned depth;
};

static bool mistake(struct lexer *x, const char *what)
{
    return compile_mistake(x->c, x->at, "%s, near character %zu of the expression \"%.*s\"", what, x->pos + 1,
                           STR_ARGS(str_slice(x->s, 0, 200)));
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || ascii_is_digit(c) || (c && strchr("_.@-", c));
}

static void lex_quoted(struct lexer *x)
{
    char quote = x->s.p[x->pos++];
    size_t start = x->pos;
    while (x->pos < x->s.n && x->s.p[x->pos] != quote)
        x->pos += x->s.p[x->pos] == '\\' && x->pos + 1 < x->s.n ? 2 : 1;
    if (x->pos >= x->s.n) {
        x->kind = TOKEN_BAD;
        return;
    }
    char escapable[3] = {quote, '\\', 0};
    x->text = named_unescape(str_slice(x->s, start, x->pos), '\\', escapable, false, x->c->arena);
    x->pos++;
    x->kind = TOKEN_TEXT;
}

static void lex_name(struct lexer *x)
{
    size_t start = ++x->pos;
    x->kind = TOKEN_NAME;
    if (start < x->s.n && x->s.p[start] == '{') {
        size_t close = str_find_char(x->s, '}', start);
        x->kind = close == STR_NOT_FOUND ? TOKEN_BAD : TOKEN_NAME;
        x->text = str_slice(x->s, start + 1, close);
        x->pos = close == STR_NOT_FOUND ? x->s.n : close + 1;
        return;
    }
    while (x->pos < x->s.n && is_word_char(x->s.p[x->pos]))
        x->pos++;
    x->text = str_slice(x->s, start, x->pos);
    if (!x->text.n)
        x->kind = TOKEN_BAD;
}

static void lex_sign(struct lexer *x)
{
    static const char *const two[] = {"==", "!=", "<=", ">=", "=~", "??"};
    struct str rest = str_skip(x->s, x->pos);
    size_t n = 1;
    for (size_t i = 0; i < COUNT_OF(two); i++)
        if (str_starts(rest, str_c(two[i])))
            n = 2;
    x->kind = n == 2 || strchr("()[],<>+-*/", rest.p[0]) ? TOKEN_SIGN : TOKEN_BAD;
    x->text = str_slice(rest, 0, n);
    x->pos += n;
}

static void advance(struct lexer *x)
{
    while (x->pos < x->s.n && ascii_is_space(x->s.p[x->pos]))
        x->pos++;
    if (x->pos >= x->s.n) {
        x->kind = TOKEN_END;
        x->text = STR_EMPTY;
        return;
    }
    char c = x->s.p[x->pos];
    if (c == '\'' || c == '"') {
        lex_quoted(x);
    } else if (c == '$') {
        lex_name(x);
    } else if (ascii_is_digit(c)) {
        size_t start = x->pos;
        while (x->pos < x->s.n && (ascii_is_digit(x->s.p[x->pos]) || x->s.p[x->pos] == '.'))
            x->pos++;
        x->text = str_slice(x->s, start, x->pos);
        x->kind = TOKEN_NUMBER;
    } else if (is_word_char(c) && c != '-') {
        size_t start = x->pos;
        while (x->pos < x->s.n && is_word_char(x->s.p[x->pos]))
            x->pos++;
        x->text = str_slice(x->s, start, x->pos);
        x->kind = TOKEN_WORD;
    } else {
        lex_sign(x);
    }
}

static bool is_sign(const struct lexer *x, const char *sign)
{
    return x->kind == TOKEN_SIGN && str_eq(x->text, str_c(sign));
}

static bool is_word(const struct lexer *x, const char *word)
{
    return x->kind == TOKEN_WORD && str_eq(x->text, str_c(word));
}

static struct expression *node(struct lexer *x, enum expression_kind kind, const struct expression *left,
                               const struct expression *right)
{
    struct expression *e = ARENA_NEW(x->c->arena, struct expression);
    e->kind = (uint8_t)kind;
    e->slot = SLOT_NONE;
    e->left = left;
    e->right = right;
    return e;
}

static const struct expression *parse_or(struct lexer *x);

static struct expression *parse_constant(struct lexer *x)
{
    struct expression *e = node(x, EXPRESSION_TEXT, NULL, NULL);
    e->text = x->text;
    advance(x);
    return e;
}

#define MAX_ARGUMENTS 64

static bool parse_arguments(struct lexer *x, struct expression *call)
{
    const struct expression *arguments[MAX_ARGUMENTS];
    uint16_t count = 0;
    advance(x); /* ( */
    while (!is_sign(x, ")")) {
        if (count == MAX_ARGUMENTS)
            return mistake(x, "more than 64 arguments");
        if (!(arguments[count++] = parse_or(x)))
            return false;
        if (is_sign(x, ","))
            advance(x);
        else if (!is_sign(x, ")"))
            return mistake(x, "',' or ')' is missing");
    }
    advance(x);
    call->argument_count = count;
    call->arguments = arena_alloc(x->c->arena, (count + 1) * sizeof *arguments);
    memcpy(call->arguments, arguments, count * sizeof *arguments);
    return true;
}

static const struct expression *parse_call(struct lexer *x, struct str name)
{
    struct expression *call = node(x, EXPRESSION_CALL, NULL, NULL);
    call->function = function_find(name);
    if (!call->function) {
        mistake(x, "unknown function; docs/parsers.md lists them");
        return NULL;
    }
    if (!parse_arguments(x, call))
        return NULL;
    if (!function_accepts(call->function, call->argument_count)) {
        mistake(x, "wrong number of arguments for this function");
        return NULL;
    }
    if (function_wants_regex(call->function)) {
        if (call->arguments[1]->kind != EXPRESSION_TEXT) {
            mistake(x, "the second argument must be a constant regular expression");
            return NULL;
        }
        call->regex = compile_regex(x->c, call->arguments[1]->text, 0, x->at);
        return call->regex ? call : NULL;
    }
    if (function_wants_table(call->function)) {
        call->table = map_get_pointer(&x->c->p->tables, call->arguments[0]->text);
        if (call->arguments[0]->kind != EXPRESSION_TEXT || !call->table) {
            mistake(x, "the first argument must name a table of this parser");
            return NULL;
        }
    }
    return call;
}

static const struct expression *parse_value(struct lexer *x)
{
    if (x->kind == TOKEN_TEXT || x->kind == TOKEN_NUMBER)
        return parse_constant(x);
    if (is_sign(x, "-")) {
        advance(x);
        const struct expression *right = parse_value(x);
        struct expression *zero = node(x, EXPRESSION_TEXT, NULL, NULL);
        zero->text = STR("0");
        return right ? node(x, EXPRESSION_SUBTRACT, zero, right) : NULL;
    }
    if (is_sign(x, "(")) {
        advance(x);
        const struct expression *inside = parse_or(x);
        if (inside && !is_sign(x, ")")) {
            mistake(x, "')' is missing");
            return NULL;
        }
        advance(x);
        return inside;
    }
    if (x->kind != TOKEN_NAME && x->kind != TOKEN_WORD) {
        mistake(x, "a value is missing: 'text', number, $name, event.field or function(…)");
        return NULL;
    }
    struct str text = x->text;
    bool is_name = x->kind == TOKEN_NAME;
    advance(x);
    if (!is_name && is_sign(x, "("))
        return parse_call(x, text);
    struct expression *e = node(x, EXPRESSION_SLOT, NULL, NULL);
    e->slot = is_name ? compile_name(x->c, text) : compile_field(x->c, text, x->at);
    return e->slot == SLOT_NONE ? NULL : e;
}

/* Left-associative chain of operators of one level. */
struct operator_sign {
    const char *sign;
    enum expression_kind kind;
};

static const struct expression *parse_chain(struct lexer *x, const struct operator_sign *levels, size_t count,
                                            const struct expression *(*operand)(struct lexer *))
{
    const struct expression *left = operand(x);
    while (left) {
        size_t i = 0;
        while (i < count && !is_sign(x, levels[i].sign) && !is_word(x, levels[i].sign))
            i++;
        if (i == count)
            break;
        advance(x);
        const struct expression *right = operand(x);
        left = right ? node(x, levels[i].kind, left, right) : NULL;
    }
    return left;
}

static const struct expression *parse_product(struct lexer *x)
{
    static const struct operator_sign levels[] = {{"*", EXPRESSION_MULTIPLY}, {"/", EXPRESSION_DIVIDE}};
    return parse_chain(x, levels, COUNT_OF(levels), parse_value);
}

static const struct expression *parse_sum(struct lexer *x)
{
    static const struct operator_sign levels[] = {{"+", EXPRESSION_ADD}, {"-", EXPRESSION_SUBTRACT}};
    return parse_chain(x, levels, COUNT_OF(levels), parse_product);
}

static const struct expression *parse_fallback(struct lexer *x)
{
    static const struct operator_sign levels[] = {{"??", EXPRESSION_FALLBACK}};
    return parse_chain(x, levels, COUNT_OF(levels), parse_sum);
}

static const struct expression *parse_list(struct lexer *x, const struct expression *left)
{
    struct expression *e = node(x, EXPRESSION_IN, left, NULL);
    struct map *set = compile_map(x->c);
    e->set = set;
    advance(x);
    const char *close = is_sign(x, "[") ? "]" : ")";
    if (!is_sign(x, "[") && !is_sign(x, "(")) {
        mistake(x, "'in' needs a list: ('a', 'b')");
        return NULL;
    }
    advance(x);
    while (!is_sign(x, close)) {
        if (x->kind != TOKEN_TEXT && x->kind != TOKEN_NUMBER) {
            mistake(x, "a list holds constants, separated by ','");
            return NULL;
        }
        *map_put(set, x->text, NULL) = 1;
        advance(x);
        if (is_sign(x, ","))
            advance(x);
    }
    advance(x);
    return e;
}

static const struct expression *parse_regex(struct lexer *x, const struct expression *left)
{
    struct expression *e = node(x, EXPRESSION_MATCHES, left, NULL);
    advance(x);
    if (x->kind != TOKEN_TEXT) {
        mistake(x, "'=~' needs a regular expression in quotes");
        return NULL;
    }
    e->regex = compile_regex(x->c, x->text, 0, x->at);
    advance(x);
    return e->regex ? e : NULL;
}

static const struct expression *parse_comparison(struct lexer *x)
{
    static const struct operator_sign levels[] = {
        {"==", EXPRESSION_EQUAL},      {"!=", EXPRESSION_NOT_EQUAL}, {"<", EXPRESSION_LESS},
        {"<=", EXPRESSION_LESS_EQUAL}, {">", EXPRESSION_GREATER},    {">=", EXPRESSION_GREATER_EQUAL},
        {"starts", EXPRESSION_STARTS}, {"ends", EXPRESSION_ENDS},    {"contains", EXPRESSION_CONTAINS}};
    const struct expression *left = parse_fallback(x);
    if (!left)
        return NULL;
    if (is_word(x, "exists")) {
        advance(x);
        return node(x, EXPRESSION_EXISTS, left, NULL);
    }
    if (is_word(x, "in"))
        return parse_list(x, left);
    if (is_word(x, "not")) { /* "a not in (…)" */
        advance(x);
        const struct expression *in = is_word(x, "in") ? parse_list(x, left) : NULL;
        if (!in)
            mistake(x, "'not' behind a value must be followed by 'in'");
        return in ? node(x, EXPRESSION_NOT, in, NULL) : NULL;
    }
    if (is_sign(x, "=~"))
        return parse_regex(x, left);
    for (size_t i = 0; i < COUNT_OF(levels); i++)
        if (is_sign(x, levels[i].sign) || is_word(x, levels[i].sign)) {
            advance(x);
            const struct expression *right = parse_fallback(x);
            return right ? node(x, levels[i].kind, left, right) : NULL;
        }
    return left;
}

static const struct expression *parse_not(struct lexer *x)
{
    if (!is_word(x, "not"))
        return parse_comparison(x);
    advance(x);
    if (++x->depth > 64) {
        mistake(x, "nested too deeply");
        return NULL;
    }
    const struct expression *inside = parse_not(x);
    x->depth--;
    return inside ? node(x, EXPRESSION_NOT, inside, NULL) : NULL;
}

static const struct expression *parse_and(struct lexer *x)
{
    static const struct operator_sign levels[] = {{"and", EXPRESSION_AND}};
    return parse_chain(x, levels, COUNT_OF(levels), parse_not);
}

static const struct expression *parse_or(struct lexer *x)
{
    static const struct operator_sign levels[] = {{"or", EXPRESSION_OR}};
    if (++x->depth > 64) {
        mistake(x, "nested too deeply");
        return NULL;
    }
    const struct expression *e = parse_chain(x, levels, COUNT_OF(levels), parse_and);
    x->depth--;
    return e;
}

const struct expression *compile_expression(struct compile *c, struct str text, const struct yaml *at)
{
    struct lexer x = {.c = c, .at = at, .s = text};
    advance(&x);
    const struct expression *e = parse_or(&x);
    if (e && x.kind != TOKEN_END) {
        mistake(&x, "something is left over");
        return NULL;
    }
    return e;
}

const struct expression *compile_value(struct compile *c, struct str text, const struct yaml *at)
{
    if (text.n > 1 && text.p[0] == '$')
        return compile_expression(c, text, at);
    if (text.n > 1 && text.p[0] == '=' && text.p[1] == ' ')
        return compile_expression(c, str_skip(text, 2), at);
    struct expression *e = ARENA_NEW(c->arena, struct expression);
    e->kind = EXPRESSION_TEXT;
    e->slot = SLOT_NONE;
    e->text = text;
    return e;
}
