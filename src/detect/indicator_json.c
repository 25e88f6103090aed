/* Steps over the members and elements of a JSON text without making a tree of it. What is stepped over is not
 * checked; each piece that is used goes through json_parse().
 * Stage: detect, when feeds are read. Next: indicator_stix.c. */
#include "detect/indicator_json.h"

static void skip_space(struct str *s)
{
    while (s->n && (s->p[0] == ' ' || s->p[0] == '\t' || s->p[0] == '\n' || s->p[0] == '\r'))
        s->p++, s->n--;
}

bool json_walk_begin(struct str text, struct json_walk *w)
{
    if (str_starts(text, STR("\xef\xbb\xbf")))
        text = str_skip(text, 3);
    skip_space(&text);
    *w = (struct json_walk){.rest = text};
    if (text.n == 0 || (text.p[0] != '{' && text.p[0] != '['))
        return false;
    w->is_object = text.p[0] == '{';
    w->rest = str_skip(text, 1);
    return true;
}

/* Bytes of the string at the start, quotes included; 0 when it has no end. */
static size_t string_length(struct str s)
{
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] == '\\')
            i++;
        else if (s.p[i] == '"')
            return i + 1;
    }
    return 0;
}

static size_t value_length(struct str s)
{
    if (s.n == 0)
        return 0;
    if (s.p[0] == '"')
        return string_length(s);
    if (s.p[0] == '{' || s.p[0] == '[')
        return json_value_length(s);
    size_t n = 0;
    while (n < s.n && s.p[n] != ',' && s.p[n] != '}' && s.p[n] != ']' && !ascii_is_space(s.p[n]))
        n++;
    return n;
}

static bool broken(struct json_walk *w)
{
    w->is_broken = true;
    w->rest = STR_EMPTY;
    return false;
}

static bool take_key(struct json_walk *w, struct str *key)
{
    size_t n = w->rest.n && w->rest.p[0] == '"' ? string_length(w->rest) : 0;
    if (n == 0)
        return false;
    *key = str_slice(w->rest, 1, n - 1);
    w->rest = str_skip(w->rest, n);
    skip_space(&w->rest);
    if (w->rest.n == 0 || w->rest.p[0] != ':')
        return false;
    w->rest = str_skip(w->rest, 1);
    skip_space(&w->rest);
    return true;
}

bool json_walk_next(struct json_walk *w, struct str *key, struct str *value)
{
    *key = *value = STR_EMPTY;
    skip_space(&w->rest);
    if (w->rest.n == 0)
        return broken(w);
    if (w->rest.p[0] == '}' || w->rest.p[0] == ']') {
        w->rest = str_n(w->rest.p, 1); /* stays at the end */
        return false;
    }
    if (w->is_object && !take_key(w, key))
        return broken(w);
    size_t n = value_length(w->rest);
    if (n == 0 && w->rest.n && (w->rest.p[0] == '{' || w->rest.p[0] == '[')) {
        *value = w->rest; /* cut off: what there is of it, and then the end */
        return broken(w), true;
    }
    if (n == 0)
        return broken(w);
    *value = str_slice(w->rest, 0, n);
    w->rest = str_skip(w->rest, n);
    skip_space(&w->rest);
    if (w->rest.n && w->rest.p[0] == ',')
        w->rest = str_skip(w->rest, 1);
    else if (w->rest.n == 0 || (w->rest.p[0] != '}' && w->rest.p[0] != ']'))
        w->rest = STR_EMPTY; /* this one is whole; the next call says that it is broken */
    return true;
}

struct str json_walk_find(struct str object, const char *key)
{
    struct json_walk w;
    struct str name, value;
    if (!json_walk_begin(object, &w) || !w.is_object)
        return STR_EMPTY;
    while (json_walk_next(&w, &name, &value))
        if (str_eq(name, str_c(key)))
            return value;
    return STR_EMPTY;
}

bool json_walk_string(struct str value, struct arena *arena, struct str *out)
{
    struct error ignored;
    if (value.n < 2 || value.p[0] != '"')
        return false;
    *out = str_slice(value, 1, value.n - 1);
    if (str_find_char(*out, '\\', 0) == STR_NOT_FOUND)
        return true;
    const struct json_node *node = json_parse(value, arena, &ignored);
    if (!node)
        return false;
    *out = node->text;
    return true;
}
