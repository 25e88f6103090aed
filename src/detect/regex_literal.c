/* A required literal of a regular expression, so that an expression is only run where it can match.
 * Stage: detect, at load. Walks the top level of the pattern once. Next: compile.c. */
#include "detect/regex_literal.h"

struct walk {
    struct str pattern;
    size_t at;
    char *run; /* plain characters seen in a row */
    size_t n;
    bool is_unclear; /* something whose meaning depends on more than this walk knows */
    struct str best;
    struct arena *arena;
};

static void end_run(struct walk *w)
{
    if (w->n > w->best.n)
        w->best = arena_str(w->arena, str_n(w->run, w->n));
    w->n = 0;
}

static char peek(const struct walk *w, size_t ahead)
{
    return w->at + ahead < w->pattern.n ? w->pattern.p[w->at + ahead] : '\0';
}

/* Behind a class's closing bracket. */
static void skip_class(struct walk *w)
{
    w->at++;
    w->at += peek(w, 0) == '^';
    w->at += peek(w, 0) == ']';
    for (; w->at < w->pattern.n && peek(w, 0) != ']'; w->at++) {
        if (peek(w, 0) == '\\') {
            w->at++;
        } else if (peek(w, 0) == '[' && (peek(w, 1) == ':' || peek(w, 1) == '.' || peek(w, 1) == '=')) {
            size_t end = str_find_char(w->pattern, ']', w->at); /* [:alpha:] */
            w->at = end == STR_NOT_FOUND ? w->pattern.n : end;
        }
    }
    w->at += w->at < w->pattern.n;
}

static void skip_group(struct walk *w)
{
    unsigned depth = 0;
    while (w->at < w->pattern.n) {
        char c = peek(w, 0);
        if (c == '\\') {
            w->at += 2;
            continue;
        }
        if (c == '[') {
            skip_class(w);
            continue;
        }
        depth += c == '(';
        depth -= c == ')';
        w->at++;
        if (depth == 0)
            return;
    }
}

/* `\.` is a dot; `\d` and other letters and digits mean something else. False: not a plain character. */
static bool escaped_plain(struct walk *w, char *c)
{
    *c = peek(w, 1);
    bool letter = (ascii_lower(*c) >= 'a' && ascii_lower(*c) <= 'z') || ascii_is_digit(*c);
    w->at += 2;
    return !letter && *c != '\0';
}

/* Takes a quantifier behind the character just added; it may make that character optional. */
static void take_quantifier(struct walk *w, bool added)
{
    char c = peek(w, 0);
    if (c != '?' && c != '*' && c != '+' && c != '{')
        return;
    if (added && c != '+' && w->n) {
        do /* a whole UTF-8 character */
            w->n--;
        while (w->n && (w->run[w->n] & 0xC0) == 0x80);
    }
    end_run(w);
    if (c == '{') {
        while (ascii_is_digit(peek(w, 1)) || peek(w, 1) == ',')
            w->at++;
        w->at++;
        w->is_unclear |= peek(w, 0) != '}'; /* a plain brace */
    }
    w->at++;
    if (peek(w, 0) == '?' || peek(w, 0) == '+') /* lazy, possessive */
        w->at++;
}

static bool starts_inline_flags(const struct walk *w)
{
    return peek(w, 0) == '(' && peek(w, 1) == '?' &&
           (peek(w, 2) == 'i' || peek(w, 2) == 's' || peek(w, 2) == 'm') && peek(w, 3) == ')';
}

static void step(struct walk *w)
{
    char c = peek(w, 0);
    bool added = false;
    if (c == '(') {
        end_run(w);
        skip_group(w);
    } else if (c == '[') {
        end_run(w);
        skip_class(w);
    } else if (c == '.' || c == '^' || c == '$') {
        end_run(w);
        w->at++;
    } else if (c == '\\') {
        if ((added = escaped_plain(w, &c)))
            w->run[w->n++] = c;
        else
            end_run(w);
    } else {
        w->run[w->n++] = c;
        w->at++;
        added = true;
    }
    take_quantifier(w, added);
}

/* \Q…\E, \x41, \p{…}, back references and the like need a real parser; so do extended patterns. */
static bool is_beyond_us(struct str p)
{
    static const char *const signs[] = {"\\Q", "\\x", "\\o", "\\p", "\\P", "\\N",
                                        "\\c", "\\g", "\\k", "\\u", "(*",  "(?#"};
    for (size_t i = 0; i < COUNT_OF(signs); i++)
        if (str_find(p, str_c(signs[i]), 0) != STR_NOT_FOUND)
            return true;
    for (size_t at = 0; (at = str_find(p, STR("(?"), at)) != STR_NOT_FOUND; at += 2)
        for (size_t i = at + 2;
             i < p.n && ((p.p[i] >= 'a' && p.p[i] <= 'z') || p.p[i] == '-' || p.p[i] == '^'); i++)
            if (p.p[i] == 'x')
                return true;
    return false;
}

struct str regex_required_literal(struct str pattern, struct arena *arena)
{
    struct walk w = {.pattern = pattern,
                     .run = arena_alloc(arena, pattern.n + 1),
                     .best = STR_EMPTY,
                     .arena = arena};
    if (is_beyond_us(pattern))
        return STR_EMPTY;
    while (starts_inline_flags(&w))
        w.at += 4;
    while (w.at < pattern.n) {
        if (peek(&w, 0) == '|' || peek(&w, 0) == ')')
            return STR_EMPTY; /* alternatives: no literal is needed by all */
        step(&w);
    }
    end_run(&w);
    return w.is_unclear ? STR_EMPTY : w.best;
}
