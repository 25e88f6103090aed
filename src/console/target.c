/* Request targets. Stage: console. Reads the raw target of the request line, leaves decoded segments and
 * parameters. Decoding happens after splitting, so an escaped slash never separates. Next: router.c. */
#include "console/target.h"

static int hex_digit(char c)
{
    if (ascii_is_digit(c))
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte written as "%XX" at s[at], −1 when that is not what stands there. */
static int escaped_byte(struct str s, size_t at)
{
    if (s.n - at < 3)
        return -1;
    int high = hex_digit(s.p[at + 1]), low = hex_digit(s.p[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool percent_decode(struct str s, bool plus_is_space, struct arena *arena, struct str *out)
{
    char *p = arena_alloc(arena, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '%') {
            int byte = escaped_byte(s, i);
            if (byte < 0)
                return false;
            c = (char)byte;
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        p[n++] = c;
    }
    p[n] = '\0';
    *out = str_n(p, n);
    return true;
}

static bool has_control(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return true;
    return false;
}

static enum target_result parse_path(struct str path, struct arena *arena, struct target *out)
{
    if (path.n == 0 || path.p[0] != '/')
        return TARGET_BAD_ENCODING;
    if (!percent_decode(path, false, arena, &out->path) || has_control(out->path) || !str_is_utf8(out->path))
        return TARGET_BAD_ENCODING;
    if (path.n == 1)
        return TARGET_OK;
    struct str rest = str_skip(path, 1), part;
    while (str_split(&rest, '/', &part)) {
        if (out->segment_count == TARGET_SEGMENTS_MAX)
            return TARGET_TOO_MANY;
        struct str *segment = &out->segments[out->segment_count++];
        if (!percent_decode(part, false, arena, segment))
            return TARGET_BAD_ENCODING;
    }
    return TARGET_OK;
}

static enum target_result parse_query(struct str query, struct arena *arena, struct target *out)
{
    struct str part;
    while (str_split(&query, '&', &part)) {
        if (part.n == 0)
            continue;
        if (out->query_count == TARGET_QUERY_MAX)
            return TARGET_TOO_MANY;
        size_t equals = str_find_char(part, '=', 0);
        struct str name = equals == STR_NOT_FOUND ? part : str_slice(part, 0, equals);
        struct str value = equals == STR_NOT_FOUND ? STR_EMPTY : str_skip(part, equals + 1);
        struct pair *pair = &out->query[out->query_count++];
        if (!percent_decode(name, true, arena, &pair->name) ||
            !percent_decode(value, true, arena, &pair->value))
            return TARGET_BAD_ENCODING;
        if (!str_is_utf8(pair->name) || !str_is_utf8(pair->value))
            return TARGET_BAD_ENCODING;
    }
    return TARGET_OK;
}

/* RFC 9112, 3.2.2: a server must take the absolute form, too. */
static struct str without_authority(struct str uri)
{
    size_t scheme = str_find(uri, STR("://"), 0);
    if (scheme == STR_NOT_FOUND || uri.p[0] == '/')
        return uri;
    size_t slash = str_find_char(uri, '/', scheme + 3);
    return slash == STR_NOT_FOUND ? STR("/") : str_skip(uri, slash);
}

enum target_result target_parse(struct str uri, struct arena *arena, struct target *out)
{
    out->segment_count = out->query_count = 0;
    out->path = STR("/");
    if (uri.n > TARGET_BYTES_MAX)
        return TARGET_TOO_LONG;
    if (uri.n == 0)
        return TARGET_BAD_ENCODING;
    uri = without_authority(uri);
    size_t fragment = str_find_char(uri, '#', 0);
    if (fragment != STR_NOT_FOUND)
        uri = str_slice(uri, 0, fragment);
    size_t question = str_find_char(uri, '?', 0);
    struct str path = question == STR_NOT_FOUND ? uri : str_slice(uri, 0, question);
    enum target_result result = parse_path(path, arena, out);
    if (result == TARGET_OK && question != STR_NOT_FOUND)
        result = parse_query(str_skip(uri, question + 1), arena, out);
    return result;
}
