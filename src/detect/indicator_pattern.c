/* STIX patterns (version 2.1, section 9) as far as a table of indicators can hold them: comparisons with =,
 * IN, ISSUBSET, and LIKE and MATCHES that say no more than "equal" or "this name and all below it"; joined by
 * OR within and between observations. AND is taken within one observation about one file when a hash is among
 * its conditions, for a hash alone names the file. Everything else is counted with the reason.
 * Stage: detect, at import. */
#include "detect/indicator_reader.h"

#define VALUES_MAX  1024 /* comparisons of one pattern, members of IN lists included */
#define DEPTH_MAX   16
#define PATTERN_MAX (64u << 10)

enum token { TOKEN_END, TOKEN_WORD, TOKEN_TEXT, TOKEN_MARK };

struct lexer {
    struct str rest;
    enum token token;
    struct str text; /* TOKEN_TEXT: unescaped; TOKEN_MARK: one or two bytes */
    struct arena *arena;
};

struct comparison {
    enum indicator_type type;
    struct str value;
    bool is_file; /* about the file of its observation */
};

struct pattern_reader {
    struct lexer lexer;
    struct comparison *values;
    size_t count;
    enum indicator_reason reason; /* REASON_COUNT: none so far */
    bool has_and;                 /* in the observation at hand */
    unsigned depth;
};

static bool object_to(struct pattern_reader *p, enum indicator_reason reason)
{
    if (p->reason == REASON_COUNT)
        p->reason = reason;
    return false;
}

/* ----------------------------------------------------------------------- lexing */

static bool is_word_byte(char c)
{
    return (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || ascii_is_digit(c) || c == '_' || c == '-' ||
           c == '.' || c == ':' || c == '*' || (unsigned char)c >= 0x80;
}

static void take_text(struct lexer *l)
{
    char *out = arena_alloc(l->arena, l->rest.n + 1);
    size_t n = 0, at = 1;
    for (; at < l->rest.n && l->rest.p[at] != '\''; at++) {
        if (l->rest.p[at] == '\\' && at + 1 < l->rest.n)
            at++;
        out[n++] = l->rest.p[at];
    }
    l->token = at < l->rest.n ? TOKEN_TEXT : TOKEN_END;
    l->text = str_n(out, n);
    l->rest = str_skip(l->rest, at + 1);
}

/* Object paths hold quoted parts ("file:hashes.'SHA-256'", "extensions.'http-request-ext'.…"), which belong
 * to the word. */
static void take_word(struct lexer *l)
{
    size_t n = 0;
    while (n < l->rest.n &&
           (is_word_byte(l->rest.p[n]) || (n > 0 && l->rest.p[n] == '\'' && l->rest.p[n - 1] == '.'))) {
        if (l->rest.p[n] == '\'') {
            size_t end = str_find_char(l->rest, '\'', n + 1);
            if (end == STR_NOT_FOUND)
                break;
            n = end;
        }
        n++;
    }
    l->token = TOKEN_WORD;
    l->text = str_slice(l->rest, 0, n);
    l->rest = str_skip(l->rest, n);
}

static void next(struct lexer *l)
{
    while (l->rest.n && ascii_is_space(l->rest.p[0]))
        l->rest = str_skip(l->rest, 1);
    if (l->rest.n == 0) {
        l->token = TOKEN_END;
        l->text = STR_EMPTY;
    } else if (l->rest.p[0] == '\'') {
        take_text(l);
    } else if (is_word_byte(l->rest.p[0])) {
        take_word(l);
    } else {
        size_t n = l->rest.n > 1 && l->rest.p[1] == '=' && l->rest.p[0] != '=' ? 2 : 1;
        l->token = TOKEN_MARK;
        l->text = str_slice(l->rest, 0, n);
        l->rest = str_skip(l->rest, n);
    }
}

static bool is_mark(const struct lexer *l, const char *mark)
{
    return l->token == TOKEN_MARK && str_eq(l->text, str_c(mark));
}

static bool is_word(const struct lexer *l, const char *word)
{
    return l->token == TOKEN_WORD && str_eq_nocase(l->text, str_c(word));
}

static bool expect(struct pattern_reader *p, const char *mark)
{
    if (!is_mark(&p->lexer, mark))
        return object_to(p, REASON_PATTERN_SYNTAX);
    next(&p->lexer);
    return true;
}

/* ------------------------------------------------------------------ comparisons */

static const struct {
    struct str path; /* a trailing '.' stands for all that follows */
    enum indicator_type type;
    bool is_file;
} paths[] = {
    {{"ipv4-addr:value", 15}, INDICATOR_ADDRESS, false},
    {{"ipv6-addr:value", 15}, INDICATOR_ADDRESS, false},
    {{"network-traffic:dst_ref.value", 29}, INDICATOR_DOMAIN, false},
    {{"network-traffic:src_ref.value", 29}, INDICATOR_DOMAIN, false},
    {{"domain-name:value", 17}, INDICATOR_DOMAIN, false},
    {{"url:value", 9}, INDICATOR_URL, false},
    {{"email-addr:value", 16}, INDICATOR_MAIL, false},
    {{"email-message:from_ref.value", 28}, INDICATOR_MAIL, false},
    {{"email-message:sender_ref.value", 30}, INDICATOR_MAIL, false},
    {{"file:hashes.", 12}, INDICATOR_HASH, true},
    {{"artifact:hashes.", 16}, INDICATOR_HASH, true},
    {{"process:binary_ref.hashes.", 26}, INDICATOR_HASH, true},
    {{"x509-certificate:hashes.", 24}, INDICATOR_HASH, false},
    {{"file:name", 9}, INDICATOR_FILE_NAME, true},
    {{"process:name", 12}, INDICATOR_FILE_NAME, false},
    {{"network-traffic:extensions.'http-request-ext'.request_header.'User-Agent'", 73},
     INDICATOR_AGENT,
     false},
};

static bool find_path(struct pattern_reader *p, struct str path, struct comparison *out)
{
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        bool is_prefix = str_ends(paths[i].path, STR("."));
        if (is_prefix ? str_starts_nocase(path, paths[i].path) : str_eq_nocase(path, paths[i].path)) {
            out->type = paths[i].type;
            out->is_file = paths[i].is_file;
            return true;
        }
    }
    out->is_file = str_starts_nocase(path, STR("file:"));
    return object_to(p, REASON_PATTERN_OBJECT);
}

static void keep(struct pattern_reader *p, const struct comparison *like, struct str value)
{
    if (p->count == VALUES_MAX) {
        object_to(p, REASON_LIMIT);
        return;
    }
    p->values[p->count] = *like;
    p->values[p->count++].value = value;
}

/* A LIKE that says "equal", or "%.name": the name with all below it, which is what a domain means anyway. */
static bool plain_like(enum indicator_type type, struct str text, struct str *out)
{
    if (type == INDICATOR_DOMAIN && str_starts(text, STR("%.")))
        text = str_skip(text, 2);
    *out = text;
    bool has_joker =
        str_find_char(text, '%', 0) != STR_NOT_FOUND || str_find_char(text, '_', 0) != STR_NOT_FOUND;
    return text.n && !has_joker;
}

/* The same of an expression: an anchored text without operators, an optional "anything and a dot" before a
 * domain. */
static bool plain_match(enum indicator_type type, struct str text, struct arena *arena, struct str *out)
{
    static const struct str below[] = {{"(.*\\.)?", 7},  {"(.+\\.)?", 7}, {"(?:.*\\.)?", 9}, {"(^|\\.)", 6},
                                       {"(?:^|\\.)", 8}, {".*\\.", 4},    {".+\\.", 4}};
    char *plain = arena_alloc(arena, text.n + 1);
    size_t n = 0;
    bool is_anchored = str_starts(text, STR("^")), is_below = false;
    text = str_skip(text, is_anchored);
    for (size_t i = 0; i < COUNT_OF(below) && !is_below && type == INDICATOR_DOMAIN; i++) {
        is_below = str_starts(text, below[i]);
        text = str_skip(text, is_below ? below[i].n : 0);
    }
    if ((!is_anchored && !is_below) || !str_ends(text, STR("$")))
        return false;
    text.n--;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\\' && i + 1 < text.n &&
            str_find_char(STR(".-/?+"), text.p[i + 1], 0) != STR_NOT_FOUND)
            i++;
        else if (str_find_char(STR("\\.[](){}*+?|^$"), text.p[i], 0) != STR_NOT_FOUND)
            return false;
        plain[n++] = text.p[i];
    }
    *out = str_n(plain, n);
    return n > 0;
}

static bool read_in(struct pattern_reader *p, const struct comparison *c)
{
    if (!expect(p, "("))
        return false;
    while (p->lexer.token == TOKEN_TEXT) {
        keep(p, c, p->lexer.text);
        next(&p->lexer);
        if (is_mark(&p->lexer, ","))
            next(&p->lexer);
    }
    return expect(p, ")");
}

/* The operator and what follows; the token behind it is current afterwards. */
static bool read_operation(struct pattern_reader *p, const struct comparison *c)
{
    struct lexer *l = &p->lexer;
    struct str value;
    bool is_equal = is_mark(l, "=") || is_word(l, "ISSUBSET"), is_like = is_word(l, "LIKE"),
         is_match = is_word(l, "MATCHES"), is_in = is_word(l, "IN");
    if (!is_equal && !is_like && !is_match && !is_in)
        return object_to(p, REASON_PATTERN_OPERATOR);
    next(l);
    if (is_in)
        return read_in(p, c);
    if (l->token == TOKEN_WORD) /* a number or a typed text: nothing that names an indicator */
        return object_to(p, REASON_PATTERN_OBJECT);
    if (l->token != TOKEN_TEXT)
        return object_to(p, REASON_PATTERN_SYNTAX);
    value = l->text;
    next(l);
    if ((is_like && !plain_like(c->type, value, &value)) ||
        (is_match && !plain_match(c->type, value, l->arena, &value)))
        return object_to(p, REASON_PATTERN_OPERATOR);
    keep(p, c, value);
    return true;
}

static bool read_path(struct pattern_reader *p, struct comparison *c)
{
    struct lexer *l = &p->lexer;
    if (l->token != TOKEN_WORD)
        return object_to(p, REASON_PATTERN_SYNTAX);
    if (is_word(l, "NOT") || is_word(l, "EXISTS"))
        return object_to(p, REASON_PATTERN_OPERATOR);
    struct str path = l->text;
    next(l);
    if (is_mark(l, "[")) /* a list of references */
        return object_to(p, REASON_PATTERN_OBJECT);
    bool is_known = find_path(p, path, c);
    if (is_word(l, "NOT"))
        return object_to(p, REASON_PATTERN_OPERATOR);
    return is_known;
}

static bool read_alternatives(struct pattern_reader *p);

static bool read_comparison(struct pattern_reader *p)
{
    struct comparison c = {.type = INDICATOR_ANY};
    if (is_mark(&p->lexer, "(")) {
        if (++p->depth > DEPTH_MAX)
            return object_to(p, REASON_PATTERN_SYNTAX);
        next(&p->lexer);
        bool ok = read_alternatives(p) && expect(p, ")");
        p->depth--;
        return ok;
    }
    return read_path(p, &c) && read_operation(p, &c);
}

static bool read_alternatives(struct pattern_reader *p)
{
    for (;;) {
        if (!read_comparison(p))
            return false;
        if (is_word(&p->lexer, "AND"))
            p->has_and = true;
        else if (!is_word(&p->lexer, "OR"))
            return true;
        next(&p->lexer);
    }
}

/* Conditions that must hold together are one indicator only when a hash of the file is among them. */
static bool settle_and(struct pattern_reader *p, size_t first)
{
    size_t kept = first;
    for (size_t i = first; i < p->count; i++) {
        if (!p->values[i].is_file)
            return object_to(p, REASON_PATTERN_AND);
        if (p->values[i].type == INDICATOR_HASH)
            p->values[kept++] = p->values[i];
    }
    p->count = kept;
    return kept > first || object_to(p, REASON_PATTERN_AND);
}

static bool read_observation(struct pattern_reader *p)
{
    size_t first = p->count;
    p->has_and = false;
    if (is_mark(&p->lexer, "(")) {
        if (++p->depth > DEPTH_MAX)
            return object_to(p, REASON_PATTERN_SYNTAX);
        next(&p->lexer);
        bool ok = read_observation(p);
        while (ok && is_word(&p->lexer, "OR")) {
            next(&p->lexer);
            ok = read_observation(p);
        }
        p->depth--;
        return ok && expect(p, ")");
    }
    return expect(p, "[") && read_alternatives(p) && expect(p, "]") && (!p->has_and || settle_and(p, first));
}

static bool read_pattern(struct pattern_reader *p)
{
    next(&p->lexer);
    for (;;) {
        if (!read_observation(p))
            return false;
        if (p->lexer.token == TOKEN_END)
            return true;
        if (is_word(&p->lexer, "AND") || is_word(&p->lexer, "FOLLOWEDBY"))
            return object_to(p, REASON_PATTERN_AND);
        if (!is_word(&p->lexer, "OR")) /* WITHIN, REPEATS, START … STOP */
            return object_to(p, REASON_PATTERN_OPERATOR);
        next(&p->lexer);
    }
}

void indicators_of_pattern(struct str pattern, const struct indicator *like, struct indicator_builder *b,
                           unsigned line)
{
    struct arena arena;
    struct indicator i = *like;
    if (pattern.n > PATTERN_MAX) {
        indicator_builder_refuse(b, REASON_TOO_LONG, pattern, line);
        return;
    }
    arena_init(&arena, 16 << 10);
    struct pattern_reader p = {.lexer = {.rest = pattern, .arena = &arena}, .reason = REASON_COUNT};
    p.values = ARENA_ARRAY(&arena, struct comparison, VALUES_MAX);
    /* a pattern counts as a whole: half of it could mean something else */
    bool is_whole = read_pattern(&p);
    if (!is_whole)
        indicator_builder_refuse(b, p.reason == REASON_COUNT ? REASON_PATTERN_SYNTAX : p.reason, pattern,
                                 line);
    for (size_t n = 0; is_whole && n < p.count; n++) {
        i.type = p.values[n].type;
        i.value = p.values[n].value;
        indicator_builder_add(b, &i, line);
    }
    arena_free(&arena);
}

void indicators_forget_pattern(struct str pattern, struct indicator_builder *b)
{
    struct arena arena;
    if (pattern.n > PATTERN_MAX)
        return;
    arena_init(&arena, 16 << 10);
    struct pattern_reader p = {.lexer = {.rest = pattern, .arena = &arena}, .reason = REASON_COUNT};
    p.values = ARENA_ARRAY(&arena, struct comparison, VALUES_MAX);
    bool is_whole = read_pattern(&p);
    for (size_t n = 0; is_whole && n < p.count; n++)
        indicator_builder_forget(b, p.values[n].type, p.values[n].value);
    arena_free(&arena);
}
