/* CEF and LEEF. Stage: parse. Both are a header between '|' and pairs behind it. In CEF values may hold
 * spaces, and '=' is escaped only where the sender is careful: a key is a word behind a space and in front of
 * '='. Next: xml.c. */
#include "parse/cef.h"

/* Offset behind `mark`, which must start the text or follow a prefix. */
static bool find_mark(struct str text, struct str mark, struct str *rest)
{
    size_t at = str_find(str_slice(text, 0, 512), mark, 0);
    if (at == STR_NOT_FOUND)
        return false;
    *rest = str_skip(text, at + mark.n);
    return true;
}

/* The part up to the next unescaped '|'. */
static bool take_part(struct str *rest, struct str *part)
{
    for (size_t i = 0; i < rest->n; i++) {
        if (rest->p[i] == '\\' && i + 1 < rest->n) {
            i++;
        } else if (rest->p[i] == '|') {
            *part = str_slice(*rest, 0, i);
            *rest = str_skip(*rest, i + 1);
            return true;
        }
    }
    return false;
}

static bool take_header(struct str *rest, const char *const *names, size_t count, struct named_list *out,
                        struct arena *arena)
{
    for (size_t i = 0; i < count; i++) {
        struct str part;
        if (!take_part(rest, &part)) {
            if (i + 1 < count)
                return false;
            part = *rest; /* a last part without '|': no extension follows */
            *rest = STR_EMPTY;
        }
        named_add(out, str_c(names[i]), named_unescape(str_trim(part), '\\', "|\\", false, arena));
    }
    return true;
}

static bool is_key_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || ascii_is_digit(c) ||
           (c && strchr("_.-[]:", c));
}

/* Start of the next key at or after `from`: a run of key characters behind white space and before '='. */
static size_t next_key(struct str s, size_t from, size_t *equals)
{
    for (size_t i = from; i < s.n; i++) {
        const char *hit = memchr(s.p + i, '=', s.n - i);
        if (!hit)
            break;
        i = (size_t)(hit - s.p);
        size_t key = i;
        while (key > from && is_key_char(s.p[key - 1]))
            key--;
        if (key < i && (key == 0 || ascii_is_space(s.p[key - 1]))) {
            *equals = i;
            return key;
        }
    }
    return STR_NOT_FOUND;
}

static void take_extension(struct str s, struct named_list *out, struct arena *arena)
{
    size_t equals, key = next_key(s, 0, &equals);
    while (key != STR_NOT_FOUND) {
        size_t next_equals = 0, next = next_key(s, equals + 1, &next_equals);
        size_t end = next == STR_NOT_FOUND ? s.n : next;
        struct str value = str_slice(s, equals + 1, end);
        while (value.n && ascii_is_space(value.p[value.n - 1]))
            value.n--;
        if (value.n)
            named_add(out, str_slice(s, key, equals), named_unescape(value, '\\', "=\\|", true, arena));
        key = next;
        equals = next_equals;
    }
}

static struct str label_name(struct str label, struct arena *arena)
{
    struct str copy = arena_str(arena, str_slice(label, 0, 128));
    for (size_t i = 0; i < copy.n; i++)
        if (ascii_is_space(copy.p[i]))
            ((char *)copy.p)[i] = '_';
    return copy;
}

/* cs1Label=Rule cs1=17 → Rule=17. */
static void apply_labels(struct named_list *out, uint32_t first, struct arena *arena)
{
    uint32_t count = out->count;
    for (uint32_t i = first; i < count; i++) {
        struct named label = out->items[i];
        if (!str_ends(label.name, STR("Label")) || !label.text.n)
            continue;
        struct str base = str_slice(label.name, 0, label.name.n - 5);
        for (uint32_t k = first; k < count; k++)
            if (str_eq(out->items[k].name, base)) {
                named_add(out, label_name(label.text, arena), out->items[k].text);
                break;
            }
    }
}

bool cef_parse(struct str text, struct named_list *out, struct arena *arena)
{
    static const char *const names[] = {"cef.version",  "cef.vendor", "cef.product", "cef.device_version",
                                        "cef.class_id", "cef.name",   "cef.severity"};
    struct str rest;
    uint32_t before = out->count;
    if (!find_mark(text, STR("CEF:"), &rest) || !take_header(&rest, names, COUNT_OF(names), out, arena)) {
        out->count = before;
        return false;
    }
    uint32_t first = out->count;
    take_extension(rest, out, arena);
    apply_labels(out, first, arena);
    return true;
}

/* LEEF 2.0 may name its delimiter in a sixth part: a character, or xHH / 0xHH. */
static char leef_delimiter(struct str *rest)
{
    struct str probe = *rest, part;
    if (!take_part(&probe, &part) || part.n > 4)
        return '\t';
    uint64_t code;
    char delimiter = '\t';
    if (part.n > 1 && str_to_u64(str_skip(part, part.p[0] == '0' ? 2 : 1), 16, &code))
        delimiter = (char)code;
    else if (part.n == 1)
        delimiter = part.p[0];
    *rest = probe;
    return delimiter;
}

static void leef_pairs(struct str rest, char delimiter, struct named_list *out, struct arena *arena)
{
    struct str pair;
    while (str_split(&rest, delimiter, &pair)) {
        size_t equals = str_find_char(pair, '=', 0);
        if (equals != STR_NOT_FOUND && equals > 0)
            named_add(out, str_trim(str_slice(pair, 0, equals)),
                      named_unescape(str_trim(str_skip(pair, equals + 1)), '\\', "=\\|", false, arena));
    }
}

bool leef_parse(struct str text, struct named_list *out, struct arena *arena)
{
    static const char *const names[] = {"leef.version", "leef.vendor", "leef.product", "leef.product_version",
                                        "leef.event_id"};
    struct str rest;
    uint32_t before = out->count;
    if (!find_mark(text, STR("LEEF:"), &rest) || !take_header(&rest, names, COUNT_OF(names), out, arena)) {
        out->count = before;
        return false;
    }
    char delimiter = '\t';
    if (str_starts(out->items[before].text, STR("2")))
        delimiter = leef_delimiter(&rest);
    if (delimiter == '\t' && str_find_char(rest, '\t', 0) == STR_NOT_FOUND)
        take_extension(rest, out, arena); /* tabs became spaces on the way */
    else
        leef_pairs(rest, delimiter, out, arena);
    return true;
}
