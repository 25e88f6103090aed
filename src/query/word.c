/* Stage: query. White space, words, phrases and names: what parse.c and pipe.c read the text with. Next:
 * term.c. */
#include "query/tree.h"

char parse_peek(const struct parser *p, size_t ahead)
{
    return p->at + ahead < p->text.n ? p->text.p[p->at + ahead] : '\0';
}

/* ASCII white space and the ideographic space, which Japanese keyboards make. */
static size_t white_length(struct str s, size_t at)
{
    if (at < s.n && ascii_is_space(s.p[at]))
        return 1;
    return str_starts(str_skip(s, at), STR("\xe3\x80\x80")) ? 3 : 0;
}

void parse_skip_white(struct parser *p)
{
    for (size_t n; (n = white_length(p->text, p->at)) > 0;)
        p->at += n;
}

static bool ends_word(struct str s, size_t at, bool in_list)
{
    if (at >= s.n || white_length(s, at) > 0)
        return true;
    char c = s.p[at];
    return c == '(' || c == ')' || c == '|' || c == '"' || (in_list && (c == ']' || c == ','));
}

bool parse_keyword(struct parser *p, const char *lower, const char *upper)
{
    struct str rest = str_skip(p->text, p->at), word = str_c(lower);
    if ((!str_starts(rest, word) && !str_starts(rest, str_c(upper))) ||
        !ends_word(p->text, p->at + word.n, true))
        return false;
    p->at += word.n;
    return true;
}

/* ---- words ---- */

struct word_builder {
    struct buf text;
    int32_t *items;
    uint32_t count, capacity;
};

static void add_item(struct word_builder *b, int32_t item)
{
    if (b->count == b->capacity) {
        b->capacity = b->capacity ? b->capacity * 2 : 32;
        b->items = memory_resize_array(b->items, b->capacity, sizeof(*b->items));
    }
    b->items[b->count++] = item;
}

static void finish_word(struct parser *p, struct word_builder *b, struct word *w)
{
    struct arena *arena = &p->q->arena;
    w->text = arena_str(arena, buf_str(&b->text));
    w->pattern.count = b->count;
    w->pattern.items = arena_alloc(arena, sizeof(*b->items) * (b->count + 1));
    if (b->count)
        memcpy(w->pattern.items, b->items, sizeof(*b->items) * b->count);
    buf_free(&b->text);
    memory_free(b->items);
}

static void add_char(struct parser *p, struct word_builder *b)
{
    size_t start = p->at;
    uint32_t c = text_next(p->text, &p->at);
    buf_add(&b->text, str_slice(p->text, start, p->at));
    add_item(b, (int32_t)text_fold_char(c));
}

static bool read_phrase(struct parser *p, struct word *w)
{
    struct word_builder b = {{0}};
    *w = (struct word){.at = p->at, .is_quoted = true};
    for (p->at++; p->at < p->text.n && parse_peek(p, 0) != '"';) {
        if (parse_peek(p, 0) == '\\' && (parse_peek(p, 1) == '"' || parse_peek(p, 1) == '\\'))
            p->at++;
        add_char(p, &b);
    }
    finish_word(p, &b, w);
    if (p->at >= p->text.n)
        return parse_problem(p, w->at, PROBLEM_OPEN_QUOTE, STR_EMPTY);
    p->at++;
    return true;
}

/* A backslash takes the meaning away from the character behind it, if that has one; before others it is a
 * backslash, so that C:\Windows can be written as it is. */
static bool is_escapable(struct str s, size_t at)
{
    return at < s.n && (memchr("\\*?\"()|[]<>=:,", s.p[at], 14) || white_length(s, at) > 0);
}

static void read_bare(struct parser *p, bool in_list, struct word *w)
{
    struct word_builder b = {{0}};
    *w = (struct word){.at = p->at};
    while (!ends_word(p->text, p->at, in_list)) {
        char c = parse_peek(p, 0);
        if (c == '\\' && is_escapable(p->text, p->at + 1)) {
            p->at++;
            add_char(p, &b);
        } else if (c == '*' || c == '?') {
            int32_t item = c == '*' ? PATTERN_ANY : PATTERN_ONE;
            if (item != PATTERN_ANY || b.count == 0 || b.items[b.count - 1] != PATTERN_ANY)
                add_item(&b, item);
            buf_char(&b.text, c);
            w->has_wildcard = true;
            p->at++;
        } else {
            add_char(p, &b);
        }
    }
    finish_word(p, &b, w);
}

bool parse_word(struct parser *p, bool in_list, struct word *w)
{
    parse_skip_white(p);
    if (parse_peek(p, 0) == '"')
        return read_phrase(p, w);
    read_bare(p, in_list, w);
    return w->text.n > 0 || parse_problem(p, p->at, PROBLEM_EXPECTED_VALUE, STR_EMPTY);
}

/* ---- names ---- */

static bool is_name_char(const struct parser *p, size_t at, bool is_first)
{
    if (at >= p->text.n || white_length(p->text, at) > 0)
        return false;
    unsigned char c = (unsigned char)p->text.p[at];
    if (c >= 0x80 || (ascii_lower((char)c) >= 'a' && ascii_lower((char)c) <= 'z') || c == '_' || c == '@')
        return true;
    return !is_first && (ascii_is_digit((char)c) || c == '.' || c == '-');
}

/* Columns that pipes made may hold any character: "sum(source.bytes)" is the longest of the table's names
 * here. */
static bool take_result_name(struct parser *p, struct str *name)
{
    size_t longest = 0;
    for (uint32_t i = 0; p->table && i < p->table->count; i++) {
        struct str candidate = p->table->items[i]->name;
        if (candidate.n <= longest || !str_starts(str_skip(p->text, p->at), candidate) ||
            is_name_char(p, p->at + candidate.n, false))
            continue;
        longest = candidate.n;
        *name = candidate;
    }
    p->at += longest;
    return longest > 0;
}

/* Reads a name when one is there; otherwise `*found` is false and nothing is taken. False only with a problem
 * set. */
bool parse_name(struct parser *p, struct str *name, bool *found)
{
    struct buf text = {0};
    size_t start = p->at;
    *found = take_result_name(p, name);
    if (*found)
        return true;
    if (parse_peek(p, 0) == '"') {
        struct word w;
        if (!read_phrase(p, &w))
            return false;
        *name = w.text;
        *found = w.text.n > 0;
        return true;
    }
    while (true) {
        if (parse_peek(p, 0) == '\\' && p->at > start && p->at + 1 < p->text.n)
            p->at++;
        else if (!is_name_char(p, p->at, p->at == start))
            break;
        size_t from = p->at;
        text_next(p->text, &p->at);
        buf_add(&text, str_slice(p->text, from, p->at));
    }
    char last = text.n ? text.p[text.n - 1] : '.';
    *found = last != '.' && last != '-';
    *name = arena_str(&p->q->arena, buf_str(&text));
    buf_free(&text);
    if (!*found)
        p->at = start;
    return true;
}
