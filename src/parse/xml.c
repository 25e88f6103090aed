/* A pull parser that is just enough for event records: elements, attributes, text, CDATA, comments, entities;
 * no DTD, no external anything, so nothing can be expanded or fetched. Depth, names and pairs are limited.
 * Stage: parse. Next: pattern.c. */
#include "parse/xml.h"

#include "base/utf16.h"

struct level {
    struct str name;
    struct str data_name; /* the Name attribute of a <Data> element */
    size_t path_length;   /* of the parent's path */
    bool has_children;
};

struct reader {
    struct str s;
    size_t at;
    unsigned depth;
    struct level levels[XML_MAX_DEPTH];
    char path[1024];
    size_t path_length;
    struct str text; /* of the innermost element so far */
    struct named_list *out;
    struct arena *arena;
};

/* One entity at s ("&…;"); bytes consumed, 0 when it is none. */
static size_t decode_entity(struct str s, char *out, size_t *written)
{
    static const struct {
        struct str name;
        char c;
    } known[] = {
        {{"lt", 2}, '<'}, {{"gt", 2}, '>'}, {{"amp", 3}, '&'}, {{"quot", 4}, '"'}, {{"apos", 4}, '\''}};
    size_t end = str_find_char(str_slice(s, 0, 12), ';', 1);
    if (end == STR_NOT_FOUND)
        return 0;
    struct str name = str_slice(s, 1, end);
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (str_eq(name, known[i].name)) {
            *out = known[i].c;
            *written = 1;
            return end + 1;
        }
    uint64_t code;
    bool hex = name.n > 2 && (name.p[1] == 'x' || name.p[1] == 'X');
    if (name.n < 2 || name.p[0] != '#' || !str_to_u64(str_skip(name, hex ? 2 : 1), hex ? 16 : 10, &code) ||
        code == 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
        return 0;
    *written = utf8_put((uint32_t)code, out);
    return end + 1;
}

static struct str decode(struct str text, struct arena *arena)
{
    if (str_find_char(text, '&', 0) == STR_NOT_FOUND)
        return text;
    char *out = arena_alloc(arena, text.n + 4);
    size_t n = 0;
    for (size_t i = 0; i < text.n;) {
        size_t written = 0, used = text.p[i] == '&' ? decode_entity(str_skip(text, i), out + n, &written) : 0;
        if (used) {
            n += written;
            i += used;
        } else {
            out[n++] = text.p[i++];
        }
    }
    return str_n(out, n);
}

static bool is_name_end(char c)
{
    return ascii_is_space(c) || c == '>' || c == '/' || c == '=' || c == '<';
}

static struct str take_name(struct reader *r)
{
    size_t start = r->at;
    while (r->at < r->s.n && !is_name_end(r->s.p[r->at]))
        r->at++;
    return str_slice(r->s, start, r->at);
}

static void skip_space(struct reader *r)
{
    while (r->at < r->s.n && ascii_is_space(r->s.p[r->at]))
        r->at++;
}

static void path_push(struct reader *r, struct str name)
{
    size_t colon = str_find_char(name, ':', 0); /* name space prefixes say nothing here */
    if (colon != STR_NOT_FOUND)
        name = str_skip(name, colon + 1);
    size_t need = name.n + 1;
    if (r->path_length + need > sizeof r->path)
        return;
    if (r->path_length)
        r->path[r->path_length++] = '.';
    memcpy(r->path + r->path_length, name.p, name.n);
    r->path_length += name.n;
}

static void emit(struct reader *r, struct str leaf, struct str text)
{
    size_t before = r->path_length;
    if (leaf.n)
        path_push(r, leaf);
    if (r->path_length)
        named_add(r->out, arena_str(r->arena, str_n(r->path, r->path_length)), text);
    r->path_length = before;
}

/* Attributes up to '>' or "/>"; false when broken. `*closed` tells "/>". */
static bool take_attributes(struct reader *r, struct level *level, bool *closed)
{
    *closed = false;
    for (;;) {
        skip_space(r);
        if (r->at >= r->s.n)
            return false;
        char c = r->s.p[r->at];
        if (c == '>') {
            r->at++;
            return true;
        }
        if (c == '/' || c == '?') {
            r->at++;
            *closed = true;
            continue;
        }
        struct str name = take_name(r);
        skip_space(r);
        if (!name.n || r->at + 1 >= r->s.n || r->s.p[r->at] != '=')
            return false;
        r->at++;
        skip_space(r);
        char quote = r->at < r->s.n ? r->s.p[r->at] : 0;
        size_t end = quote == '"' || quote == '\'' ? str_find_char(r->s, quote, r->at + 1) : STR_NOT_FOUND;
        if (end == STR_NOT_FOUND)
            return false;
        struct str value = decode(str_slice(r->s, r->at + 1, end), r->arena);
        r->at = end + 1;
        if (str_eq(level->name, STR("Data")) && str_eq(name, STR("Name")))
            level->data_name = value;
        else if (value.n && !str_starts(name, STR("xmlns")))
            emit(r, name, value);
    }
}

static void close_element(struct reader *r)
{
    struct level *level = &r->levels[--r->depth];
    struct str text = str_eq(level->name, STR("Data")) ? r->text : str_trim(r->text);
    if (level->data_name.n) { /* a value of an event: its spaces belong to it, and it may be empty */
        r->path_length = level->path_length;
        emit(r, level->data_name, text);
    } else if (!level->has_children && text.n) {
        emit(r, STR_EMPTY, text);
    }
    r->path_length = level->path_length;
    r->text = STR_EMPTY;
}

static bool open_element(struct reader *r)
{
    struct str name = take_name(r);
    if (!name.n || r->depth == XML_MAX_DEPTH)
        return false;
    if (r->depth)
        r->levels[r->depth - 1].has_children = true;
    struct level *level = &r->levels[r->depth++];
    *level = (struct level){.name = name, .data_name = STR_EMPTY, .path_length = r->path_length};
    if (r->depth > 1)
        path_push(r, name);
    bool closed;
    r->text = STR_EMPTY;
    if (!take_attributes(r, level, &closed))
        return false;
    if (closed)
        close_element(r);
    return true;
}

/* Skips "<!-- … -->", "<? … >", takes CDATA as text. False when unclosed. */
static bool take_special(struct reader *r)
{
    struct str rest = str_skip(r->s, r->at);
    if (str_starts(rest, STR("<![CDATA["))) {
        size_t end = str_find(rest, STR("]]>"), 9);
        if (end == STR_NOT_FOUND)
            return false;
        r->text = str_slice(rest, 9, end);
        r->at += end + 3;
        return true;
    }
    struct str close = str_starts(rest, STR("<!--")) ? STR("-->") : STR(">");
    size_t end = str_find(rest, close, 2);
    if (end == STR_NOT_FOUND)
        return false;
    r->at += end + close.n;
    return true;
}

static bool take_markup(struct reader *r)
{
    char next = r->at + 1 < r->s.n ? r->s.p[r->at + 1] : 0;
    if (next == '!' || next == '?')
        return take_special(r);
    if (next != '/') {
        r->at++;
        return open_element(r);
    }
    size_t end = str_find_char(r->s, '>', r->at);
    if (end == STR_NOT_FOUND || r->depth == 0)
        return false;
    r->at = end + 1;
    close_element(r);
    return true;
}

bool xml_parse(struct str text, struct named_list *out, struct arena *arena)
{
    size_t start = str_find_char(str_slice(text, 0, 512), '<', 0);
    if (start == STR_NOT_FOUND)
        return false;
    struct reader r = {.s = text, .at = start, .out = out, .arena = arena, .text = STR_EMPTY};
    uint32_t before = out->count;
    bool opened = false;
    while (r.at < r.s.n) {
        size_t markup = str_find_char(r.s, '<', r.at);
        if (markup == STR_NOT_FOUND)
            break;
        if (r.depth && markup > r.at && !r.text.n)
            r.text = decode(str_slice(r.s, r.at, markup), arena);
        r.at = markup;
        if (!take_markup(&r))
            break;
        opened = opened || r.depth > 0;
        if (opened && r.depth == 0)
            break;
    }
    return out->count > before;
}
