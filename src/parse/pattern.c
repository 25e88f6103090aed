/* The pattern language: compiler and matcher. Stage: parse. A pattern becomes a list of operations; matching
 * walks it with backtracking whose steps are counted. Next: pattern_set.c, which finds the patterns worth
 * trying. */
#include "parse/pattern.h"

#include "base/buf.h"
#include "parse/pattern_program.h"

/* Compiler -------- */

struct compiler {
    struct pattern *p;
    struct str source;
    size_t at;
    struct arena *arena;
    struct error *err;
    unsigned depth;
    uint32_t capacity;
    struct buf literal;
};

static bool mistake(struct compiler *c, size_t at, const char *what)
{
    return error_set(c->err, "pattern, character %zu: %s (in \"%.*s\")", at + 1, what,
                     STR_ARGS(str_slice(c->source, 0, 200)));
}

static struct operation *put(struct compiler *c, uint8_t code)
{
    struct pattern *p = c->p;
    if (p->count == c->capacity) {
        uint32_t capacity = c->capacity ? c->capacity * 2 : 16;
        struct operation *grown = ARENA_ARRAY(c->arena, struct operation, capacity);
        if (p->count)
            memcpy(grown, p->operations, p->count * sizeof *grown);
        p->operations = grown;
        c->capacity = capacity;
    }
    struct operation *o = &p->operations[p->count++];
    *o = (struct operation){.code = code, .capture = NO_CAPTURE};
    return o;
}

static void flush_literal(struct compiler *c)
{
    if (!c->literal.n)
        return;
    struct operation *o = put(c, OP_LITERAL);
    o->literal = arena_str(c->arena, buf_str(&c->literal));
    buf_clear(&c->literal);
}

static bool capture_number(struct compiler *c, struct str name, size_t at, uint16_t *number)
{
    struct pattern *p = c->p;
    for (uint16_t i = 0; i < p->capture_count; i++)
        if (str_eq(p->names[i], name)) {
            *number = i;
            return true;
        }
    if (p->capture_count == PATTERN_MAX_CAPTURES)
        return mistake(c, at, "more than 64 captures; split the pattern");
    p->names[p->capture_count] = arena_str(c->arena, name);
    *number = p->capture_count++;
    return true;
}

static bool compile_capture(struct compiler *c)
{
    size_t start = c->at, close = str_find_char(c->source, '>', start);
    if (close == STR_NOT_FOUND)
        return mistake(c, start, "'<' is not closed by '>'; write \\< for the character itself");
    struct str inside = str_slice(c->source, start + 1, close), type = STR("word");
    size_t colon = str_find_last_char(inside, ':');
    if (colon != STR_NOT_FOUND) {
        type = str_skip(inside, colon + 1);
        inside = str_slice(inside, 0, colon);
    }
    size_t t = 0;
    const struct pattern_type *found = pattern_type_get(0);
    while (found && !str_eq(type, str_c(found->name)))
        found = pattern_type_get(++t);
    if (!found)
        return mistake(c, start,
                       "unknown type; known: word until any rest int num hex ip host mac quoted id path");
    flush_literal(c);
    struct operation *o = put(c, found->scan ? OP_SCAN : OP_LAZY);
    o->type = found;
    o->laziness = found->laziness;
    uint16_t number = NO_CAPTURE;
    if (inside.n) {
        if (!capture_number(c, inside, start, &number))
            return false;
        o->capture = number;
    }
    c->at = close + 1;
    return true;
}

static bool compile_sequence(struct compiler *c, const char *closers);

#define MAX_ALTERNATIVES 64

/* "{a|b|c}", and "{a|b}?" which may also be absent: then an empty alternative comes last. */
static bool compile_group(struct compiler *c)
{
    size_t start = c->at++;
    uint32_t jumps[MAX_ALTERNATIVES], jump_count = 0, split;
    flush_literal(c);
    for (;;) {
        split = c->p->count;
        put(c, OP_SPLIT);
        if (!compile_sequence(c, "|}"))
            return false;
        if (c->at >= c->source.n)
            return mistake(c, start, "'{' is not closed by '}'; write \\{ for the character itself");
        c->p->operations[split].first = split + 1;
        c->p->operations[split].second = NO_BRANCH;
        if (c->source.p[c->at++] == '}')
            break;
        if (jump_count == MAX_ALTERNATIVES)
            return mistake(c, start, "more than 64 alternatives; split the pattern");
        jumps[jump_count++] = c->p->count;
        put(c, OP_JUMP);
        c->p->operations[split].second = c->p->count;
    }
    if (c->at < c->source.n && c->source.p[c->at] == '?') {
        c->at++;
        c->p->operations[split].second = c->p->count;
    }
    for (uint32_t i = 0; i < jump_count; i++)
        c->p->operations[jumps[i]].first = c->p->count;
    return true;
}

static bool at_final_dots(const struct compiler *c)
{
    return c->depth == 1 && c->source.n - c->at == 3 && str_ends(c->source, STR("..."));
}

static bool compile_one(struct compiler *c)
{
    char ch = c->source.p[c->at];
    switch (ch) {
    case '<':
        return compile_capture(c);
    case '{':
        return compile_group(c);
    case ' ':
    case '\t':
        flush_literal(c);
        put(c, OP_SPACE);
        while (c->at < c->source.n && (c->source.p[c->at] == ' ' || c->source.p[c->at] == '\t'))
            c->at++;
        return true;
    case '\\':
        if (++c->at == c->source.n)
            return mistake(c, c->at - 1, "a backslash at the end escapes nothing");
        ch = c->source.p[c->at];
        buf_char(&c->literal, ch == 't' ? '\t' : ch == 'n' ? '\n' : ch);
        c->at++;
        return true;
    default:
        buf_char(&c->literal, ch);
        c->at++;
        return true;
    }
}

static bool compile_sequence(struct compiler *c, const char *closers)
{
    if (++c->depth > 16)
        return mistake(c, c->at, "groups are nested deeper than 15");
    while (c->at < c->source.n) {
        char ch = c->source.p[c->at];
        if (*closers && strchr(closers, ch))
            break;
        if (at_final_dots(c)) {
            c->p->open_end = true;
            c->at = c->source.n;
            break;
        }
        if (!compile_one(c))
            return false;
    }
    flush_literal(c);
    c->depth--;
    return true;
}

struct pattern *pattern_compile(struct str source, struct arena *arena, struct error *err)
{
    struct pattern *p = ARENA_NEW(arena, struct pattern);
    struct compiler c = {.p = p, .source = source, .arena = arena, .err = err};
    p->names = ARENA_ARRAY(arena, struct str, PATTERN_MAX_CAPTURES);
    if (str_starts(source, STR("..."))) {
        p->anywhere = true;
        c.at = 3;
    }
    bool ok = source.n > 0 && source.n <= 8192 ? compile_sequence(&c, "")
                                               : mistake(&c, 0, "a pattern has 1 to 8,192 characters");
    if (ok)
        put(&c, OP_END);
    buf_free(&c.literal);
    return ok ? p : NULL;
}

size_t pattern_capture_count(const struct pattern *p)
{
    return p->capture_count;
}

struct str pattern_capture_name(const struct pattern *p, size_t i)
{
    return p->names[i];
}

/* Matcher -------- */

struct match {
    const struct pattern *p;
    struct str text;
    struct str *captures;
    unsigned steps;
    unsigned depth;
};

#define MAX_STEPS     20000
#define MAX_RECURSION 400

static bool match_from(struct match *m, uint32_t pc, size_t at);

/* Sets the capture, goes on, and puts the old value back when that fails. */
static bool match_captured(struct match *m, const struct operation *o, struct str value, uint32_t next,
                           size_t at)
{
    if (o->capture == NO_CAPTURE)
        return match_from(m, next, at);
    struct str old = m->captures[o->capture];
    m->captures[o->capture] = value;
    if (match_from(m, next, at))
        return true;
    m->captures[o->capture] = old;
    return false;
}

/* Next place at or after `at` where the operation behind a lazy capture could begin. */
static size_t next_candidate(const struct match *m, const struct operation *next, size_t at)
{
    if (next->code == OP_LITERAL)
        return str_find(m->text, next->literal, at);
    if (next->code == OP_SPACE) {
        while (at < m->text.n && m->text.p[at] != ' ' && m->text.p[at] != '\t')
            at++;
        return at < m->text.n ? at : STR_NOT_FOUND;
    }
    return at <= m->text.n ? at : STR_NOT_FOUND;
}

static size_t word_end(struct str text, size_t at)
{
    while (at < text.n && !ascii_is_space(text.p[at]))
        at++;
    return at;
}

/* A capture from `at` that ends where the operation `next_pc` begins, shortest first. In front of a group
 * each of its ways is tried before the way around it, so that "<name>{ port <port>}?..." takes the port when
 * there is one and the whole name when not. */
static bool match_lazy_before(struct match *m, const struct operation *o, uint32_t next_pc, size_t at,
                              size_t limit)
{
    const struct operation *next = &m->p->operations[next_pc];
    size_t from = o->laziness == LAZY_ANY ? at : at + 1;
    if (next->code == OP_JUMP)
        return match_lazy_before(m, o, next->first, at, limit);
    if (next->code == OP_SPLIT)
        return match_lazy_before(m, o, next->first, at, limit) ||
               (next->second != NO_BRANCH && match_lazy_before(m, o, next->second, at, limit));
    if (next->code == OP_END)
        return limit >= from && match_captured(m, o, str_slice(m->text, at, limit), next_pc, limit);
    while (from <= limit && m->steps <= MAX_STEPS) {
        size_t end = next_candidate(m, next, from);
        if (end == STR_NOT_FOUND || end > limit)
            return false;
        if (match_captured(m, o, str_slice(m->text, at, end), next_pc, end))
            return true;
        from = end + 1;
    }
    return false;
}

static bool match_lazy(struct match *m, const struct operation *o, uint32_t pc, size_t at)
{
    if (o->laziness == LAZY_REST)
        return match_captured(m, o, str_trim(str_skip(m->text, at)), pc + 1, m->text.n);
    size_t limit = o->laziness == LAZY_WORD ? word_end(m->text, at) : m->text.n;
    return match_lazy_before(m, o, pc + 1, at, limit);
}

static bool match_scan(struct match *m, const struct operation *o, uint32_t pc, size_t at)
{
    size_t n = o->type->scan(str_skip(m->text, at));
    if (!n)
        return false;
    struct str value = str_slice(m->text, at, at + n);
    if (o->type->is_quoted)
        value = str_slice(value, 1, n - 1);
    return match_captured(m, o, value, pc + 1, at + n);
}

static bool match_end(const struct match *m, size_t at)
{
    if (m->p->open_end)
        return true;
    while (at < m->text.n && ascii_is_space(m->text.p[at]))
        at++;
    return at == m->text.n;
}

static bool match_branches(struct match *m, const struct operation *o, size_t at)
{
    if (m->depth >= MAX_RECURSION)
        return false;
    if (match_from(m, o->first, at))
        return true;
    return o->second != NO_BRANCH && match_from(m, o->second, at);
}

static bool match_operations(struct match *m, uint32_t pc, size_t at)
{
    for (;;) {
        const struct operation *o = &m->p->operations[pc];
        if (++m->steps > MAX_STEPS)
            return false;
        switch (o->code) {
        case OP_LITERAL:
            if (m->text.n - at < o->literal.n || memcmp(m->text.p + at, o->literal.p, o->literal.n) != 0)
                return false;
            at += o->literal.n;
            break;
        case OP_SPACE:
            if (at >= m->text.n || (m->text.p[at] != ' ' && m->text.p[at] != '\t'))
                return false;
            while (at < m->text.n && (m->text.p[at] == ' ' || m->text.p[at] == '\t'))
                at++;
            break;
        case OP_SCAN:
            return match_scan(m, o, pc, at);
        case OP_LAZY:
            return match_lazy(m, o, pc, at);
        case OP_SPLIT:
            return match_branches(m, o, at);
        case OP_JUMP:
            pc = o->first;
            continue;
        default:
            return match_end(m, at);
        }
        pc++;
    }
}

static bool match_from(struct match *m, uint32_t pc, size_t at)
{
    if (m->depth >= MAX_RECURSION)
        return false;
    m->depth++;
    bool matched = match_operations(m, pc, at);
    m->depth--;
    return matched;
}

bool pattern_match(const struct pattern *p, struct str text, struct str *captures)
{
    struct match m = {.p = p, .text = text, .captures = captures};
    memset(captures, 0, p->capture_count * sizeof *captures);
    if (!p->anywhere)
        return match_from(&m, 0, 0);
    const struct operation *first = &p->operations[0];
    for (size_t at = 0; at <= text.n; at++) {
        at = next_candidate(&m, first, at);
        if (at == STR_NOT_FOUND || m.steps > MAX_STEPS)
            return false;
        if (match_from(&m, 0, at))
            return true;
    }
    return false;
}
