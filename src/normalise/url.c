/* URLs taken apart: url.scheme, domain, port, path, query, fragment, extension, username. Stage: normalise.
 * Next: derive.c. */
#include "normalise/run.h"

static void fill(struct run *r, slot_id slot, struct str text)
{
    if (text.n && !slot_is_set(r, slot))
        slot_set(r, slot, text);
}

static bool is_scheme(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
              ascii_is_digit(s.p[i]) || strchr("+-.", s.p[i])))
            return false;
    return s.n > 0 && s.n < 16;
}

static bool is_port(struct str s)
{
    uint64_t port;
    return str_to_u64(s, 10, &port) && port <= 65535;
}

/* user@host:port, [v6]:port. False when there is no host. */
static bool take_authority(struct run *r, struct str s)
{
    size_t at = str_find_last_char(s, '@');
    if (at != STR_NOT_FOUND) {
        struct str user = str_slice(s, 0, at);
        size_t colon = str_find_char(user, ':', 0);
        fill(r, SLOT_URL_USERNAME, str_slice(user, 0, colon == STR_NOT_FOUND ? user.n : colon));
        s = str_skip(s, at + 1);
    }
    size_t close = s.n && s.p[0] == '[' ? str_find_char(s, ']', 0) : STR_NOT_FOUND;
    size_t colon = str_find_char(s, ':', close == STR_NOT_FOUND ? 0 : close);
    struct str host = str_slice(s, 0, colon == STR_NOT_FOUND ? s.n : colon);
    if (close != STR_NOT_FOUND)
        host = str_slice(s, 1, close);
    if (!host.n)
        return false;
    fill(r, SLOT_URL_DOMAIN, host);
    if (colon != STR_NOT_FOUND && is_port(str_skip(s, colon + 1)))
        fill(r, SLOT_URL_PORT, str_skip(s, colon + 1));
    return true;
}

static void take_path(struct run *r, struct str s)
{
    size_t hash = str_find_char(s, '#', 0);
    if (hash != STR_NOT_FOUND) {
        fill(r, SLOT_URL_FRAGMENT, str_skip(s, hash + 1));
        s = str_slice(s, 0, hash);
    }
    size_t question = str_find_char(s, '?', 0);
    if (question != STR_NOT_FOUND) {
        fill(r, SLOT_URL_QUERY, str_skip(s, question + 1));
        s = str_slice(s, 0, question);
    }
    fill(r, SLOT_URL_PATH, s);
    size_t slash = str_find_last_char(s, '/');
    struct str name = slash == STR_NOT_FOUND ? s : str_skip(s, slash + 1);
    size_t dot = str_find_last_char(name, '.');
    if (dot == STR_NOT_FOUND || dot + 1 >= name.n || name.n - dot > 17)
        return;
    for (size_t i = dot + 1; i < name.n; i++)
        if (!ascii_is_digit(name.p[i]) && !(ascii_lower(name.p[i]) >= 'a' && ascii_lower(name.p[i]) <= 'z'))
            return;
    fill(r, SLOT_URL_EXTENSION, str_skip(name, dot + 1));
}

/* What is neither absolute, nor a path, nor host:port (CONNECT) is left alone. */
void run_url(struct run *r, struct str text)
{
    if (!text.p || !text.n || text.n > 65536)
        return;
    size_t mark = str_find(str_slice(text, 0, 32), STR("://"), 0);
    if (mark != STR_NOT_FOUND && is_scheme(str_slice(text, 0, mark))) {
        fill(r, SLOT_URL_SCHEME, arena_lower(r->arena, str_slice(text, 0, mark)));
        struct str rest = str_skip(text, mark + 3);
        size_t end = 0;
        while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?' && rest.p[end] != '#')
            end++;
        if (take_authority(r, str_slice(rest, 0, end)))
            take_path(r, str_skip(rest, end));
        return;
    }
    if (text.p[0] == '/') {
        take_path(r, text);
        return;
    }
    size_t colon = str_find_last_char(text, ':');
    if (colon != STR_NOT_FOUND && colon > 0 && is_port(str_skip(text, colon + 1)) &&
        str_find_char(text, '/', 0) == STR_NOT_FOUND)
        take_authority(r, text);
}
