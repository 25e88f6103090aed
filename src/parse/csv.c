/* Columns of a line. Stage: parse. Reads a line, leaves strings by position; headers give the names. Next:
 * cef.c. */
#include "parse/csv.h"

#include "base/ip.h"

/* A quoted column that starts at its quote; moves `*at` behind the closing quote. */
static struct str take_quoted(struct str s, char quote, size_t *at, struct arena *arena)
{
    size_t start = ++*at;
    bool doubled = false, escaped = false;
    for (; *at < s.n; ++*at) {
        if (s.p[*at] == '\\' && *at + 1 < s.n && s.p[*at + 1] == quote) {
            escaped = true;
            ++*at;
        } else if (s.p[*at] == quote) {
            if (*at + 1 >= s.n || s.p[*at + 1] != quote)
                break;
            doubled = true;
            ++*at;
        }
    }
    struct str text = str_slice(s, start, *at);
    if (*at < s.n)
        ++*at;
    char escapable[2] = {quote, 0};
    if (doubled)
        text = named_unescape(text, quote, escapable, false, arena);
    return escaped ? named_unescape(text, '\\', escapable, false, arena) : text;
}

static struct str take_column(struct str s, const struct column_form *form, size_t *at, struct arena *arena)
{
    size_t start = *at;
    if (form->separator != ' ' && form->quote)
        while (start < s.n && s.p[start] == ' ')
            start++; /* a, "b" */
    if (form->quote && start < s.n && s.p[start] == form->quote) {
        *at = start;
        struct str text = take_quoted(s, form->quote, at, arena);
        while (*at < s.n && s.p[*at] != form->separator)
            ++*at;
        return text;
    }
    if (form->brackets && *at < s.n && s.p[*at] == '[') {
        size_t close = str_find_char(s, ']', *at);
        if (close != STR_NOT_FOUND) {
            struct str text = str_slice(s, *at + 1, close);
            *at = close + 1;
            while (*at < s.n && s.p[*at] != form->separator)
                ++*at;
            return text;
        }
    }
    const char *end = *at < s.n ? memchr(s.p + *at, form->separator, s.n - *at) : NULL;
    size_t from = *at;
    *at = end ? (size_t)(end - s.p) : s.n;
    return str_slice(s, from, *at);
}

uint32_t column_split(struct str text, const struct column_form *form, struct str *columns, uint32_t max,
                      struct arena *arena)
{
    uint32_t count = 0;
    size_t at = 0;
    while (count < max) {
        if (form->separator == ' ')
            while (at < text.n && text.p[at] == ' ')
                at++;
        if (form->separator == ' ' && at == text.n)
            break;
        if (count + 1 == max) {
            columns[count++] = str_skip(text, at);
            break;
        }
        columns[count++] = take_column(text, form, &at, arena);
        if (at >= text.n)
            break;
        at++;
    }
    return count;
}

void column_header_clear(struct column_header *h)
{
    memset(h, 0, offsetof(struct column_header, names));
    h->used = 0;
}

static struct str moved(struct str s, const struct column_header *from, struct column_header *to)
{
    return s.n ? str_n(to->bytes + (s.p - from->bytes), s.n) : STR_EMPTY;
}

void column_header_copy(const struct column_header *from, struct column_header *to)
{
    to->count = from->count;
    to->separator = from->separator;
    to->used = from->used;
    to->has_kinds = from->has_kinds;
    memcpy(to->kinds, from->kinds, from->count);
    memcpy(to->bytes, from->bytes, from->used);
    to->path = moved(from->path, from, to);
    to->software = moved(from->software, from, to);
    for (uint16_t i = 0; i < from->count; i++)
        to->names[i] = moved(from->names[i], from, to);
}

static struct str header_copy(struct column_header *h, struct str s)
{
    if (s.n > sizeof h->bytes - h->used)
        return (struct str){NULL, 0};
    char *p = h->bytes + h->used;
    if (s.n)
        memcpy(p, s.p, s.n);
    h->used += (uint32_t)s.n;
    return str_n(p, s.n);
}

static bool header_add(struct column_header *h, struct str name)
{
    struct str copy = header_copy(h, name);
    if (!copy.p || h->count == COLUMN_HEADER_MAX) {
        h->count = 0;
        return false;
    }
    h->names[h->count++] = copy;
    return true;
}

/* "\x09" as Zeek writes its separator, or the character itself. */
static char separator_of(struct str s)
{
    uint64_t code;
    if (s.n == 4 && s.p[0] == '\\' && s.p[1] == 'x' && str_to_u64(str_skip(s, 2), 16, &code))
        return (char)code;
    return s.n ? s.p[0] : '\t';
}

/* A header without "#separator" does not begin anew: only its path is still wanted, everything else makes
 * room. */
static void keep_path_only(struct column_header *h)
{
    if (h->path.n)
        memmove(h->bytes, h->path.p, h->path.n);
    h->path = str_n(h->bytes, h->path.n);
    h->used = (uint32_t)h->path.n;
}

static void zeek_fields(struct str rest, struct column_header *h)
{
    char separator = h->separator ? h->separator : '\t';
    struct str name;
    h->count = 0;
    h->has_kinds = false;
    while (str_split(&rest, separator, &name))
        if (!header_add(h, str_trim(name)))
            return;
}

static enum column_kind kind_of(struct str type)
{
    static const struct {
        struct str type;
        enum column_kind kind;
    } kinds[] = {{{"addr", 4}, COLUMN_ADDRESS},  {{"bool", 4}, COLUMN_TRUTH},
                 {{"count", 5}, COLUMN_NUMBER},  {{"int", 3}, COLUMN_NUMBER},
                 {{"double", 6}, COLUMN_NUMBER}, {{"port", 4}, COLUMN_NUMBER},
                 {{"time", 4}, COLUMN_NUMBER},   {{"interval", 8}, COLUMN_NUMBER}};
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (str_eq(type, kinds[i].type))
            return kinds[i].kind;
    return COLUMN_ANY;
}

static void zeek_types(struct str rest, struct column_header *h)
{
    char separator = h->separator ? h->separator : '\t';
    struct str type;
    uint16_t count = 0;
    while (count < h->count && str_split(&rest, separator, &type))
        h->kinds[count++] = (char)kind_of(str_trim(type));
    h->has_kinds = count > 0 && count == h->count;
}

static bool is_of_kind(struct str text, char kind)
{
    struct ip ip;
    switch (kind) {
    case COLUMN_ADDRESS:
        return ip_parse(text, &ip);
    case COLUMN_NUMBER: /* times may be written as dates */
        return text.n > 0 &&
               (ascii_is_digit(text.p[0]) || ((text.p[0] == '-' || text.p[0] == '.') && text.n > 1));
    case COLUMN_TRUTH:
        return text.n == 1 && (text.p[0] == 'T' || text.p[0] == 'F');
    default:
        return true;
    }
}

uint32_t column_header_fit(const struct column_header *h, const struct str *columns, uint32_t count)
{
    uint32_t proved = 1;
    if (!count || count != h->count)
        return 0;
    for (uint32_t i = 0; h->has_kinds && i < count; i++) {
        if (h->kinds[i] == COLUMN_ANY || str_eq(columns[i], STR("-")) || str_eq(columns[i], STR("(empty)")))
            continue;
        if (!is_of_kind(columns[i], h->kinds[i]))
            return 0;
        proved++;
    }
    return proved;
}

static void w3c_fields(struct str rest, struct column_header *h)
{
    struct str name;
    h->count = 0;
    h->has_kinds = false;
    h->separator = ' ';
    if (str_find_char(rest, '\t', 0) != STR_NOT_FOUND)
        h->separator = '\t';
    rest = str_trim(rest);
    while (str_split(&rest, h->separator, &name))
        if (name.n && !header_add(h, str_trim(name)))
            return;
}

bool column_header_line(struct str line, struct column_header *h)
{
    if (!line.n || line.p[0] != '#')
        return false;
    char sep = h->separator ? h->separator : '\t';
    if (str_starts(line, STR("#separator "))) {
        column_header_clear(h);
        h->separator = separator_of(str_trim(str_skip(line, 11)));
    } else if (str_starts(line, STR("#fields")) && line.n > 8) {
        if (!h->separator)
            keep_path_only(h);
        zeek_fields(str_skip(line, 8), h);
    } else if (str_starts(line, STR("#types")) && line.n > 7) {
        zeek_types(str_skip(line, 7), h);
    } else if (str_starts(line, STR("#path")) && line.n > 6 && line.p[5] == sep) {
        h->path = header_copy(h, str_trim(str_skip(line, 6)));
        h->count = 0;
        h->has_kinds = false;
    } else if (str_starts_nocase(line, STR("#Fields:"))) {
        if (sizeof h->bytes - h->used < line.n)
            column_header_clear(h);
        w3c_fields(str_skip(line, 8), h);
    } else if (str_starts_nocase(line, STR("#Software:"))) {
        column_header_clear(h);
        h->software = header_copy(h, str_trim(str_skip(line, 10)));
    }
    return true;
}

bool column_header_names(struct str line, const struct column_form *form, struct column_header *h,
                         struct arena *arena)
{
    struct str *columns = ARENA_ARRAY(arena, struct str, COLUMN_HEADER_MAX);
    uint32_t n = column_split(line, form, columns, COLUMN_HEADER_MAX, arena);
    h->count = 0;
    h->used = 0;
    h->has_kinds = false;
    h->separator = form->separator;
    for (uint32_t i = 0; i < n; i++)
        if (!header_add(h, str_trim(columns[i])))
            return false;
    return n > 0;
}
