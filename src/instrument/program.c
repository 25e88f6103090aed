/* See program.h (stage instrument). */
#include "instrument/program.h"

static bool is_hex(char c)
{
    return ascii_is_digit(c) || (c >= 'a' && c <= 'f');
}

struct str program_path(struct str path, char out[PROGRAM_TEXT_MAX])
{
    path = str_trim_chars(path, "\" ");
    if (path.n > PROGRAM_TEXT_MAX)
        path = str_skip(path, path.n - PROGRAM_TEXT_MAX);
    for (size_t i = 0; i < path.n; i++)
        out[i] = path.p[i] == '/' ? '\\' : ascii_lower(path.p[i]);
    return str_n(out, path.n);
}

/* Length of the word at `at` that stands for one version or one install: digits, or at least eight
 * hexadecimal digits with a decimal one among them. 0 = none. */
static size_t changing_word(struct str s, size_t at)
{
    size_t hex = at, digits = at;
    bool has_digit = false;
    while (hex < s.n && is_hex(s.p[hex])) {
        has_digit |= ascii_is_digit(s.p[hex]);
        hex++;
    }
    if (has_digit && hex - at >= 8)
        return hex - at;
    while (digits < s.n && ascii_is_digit(s.p[digits]))
        digits++;
    return digits - at;
}

struct str program_shape(struct str lower_path, char out[PROGRAM_TEXT_MAX])
{
    static const struct str homes[] = {STR("\\users\\"), STR("\\home\\"), STR("\\documents and settings\\")};
    size_t n = 0, user_at = STR_NOT_FOUND, user_end = 0;
    for (size_t i = 0; i < COUNT_OF(homes) && user_at == STR_NOT_FOUND; i++) {
        user_at = str_find(lower_path, homes[i], 0);
        if (user_at != STR_NOT_FOUND) {
            user_at += homes[i].n;
            user_end = str_find_char(lower_path, '\\', user_at);
        }
    }
    for (size_t at = 0; at < lower_path.n;) {
        bool is_start = at == 0 || !is_hex(lower_path.p[at - 1]);
        size_t word =
            at == user_at && user_end != STR_NOT_FOUND
                ? user_end - at
                : (is_start || ascii_is_digit(lower_path.p[at]) ? changing_word(lower_path, at) : 0);
        out[n++] = word ? '#' : lower_path.p[at];
        at += word ? word : 1;
    }
    return str_n(out, n);
}

struct str program_name(struct str path)
{
    size_t n = path.n;
    while (n > 0 && path.p[n - 1] != '\\' && path.p[n - 1] != '/')
        n--;
    return str_skip(path, n);
}

bool listed_within(const struct instrument *i, const char *list, struct str text)
{
    size_t count;
    const struct str *items = instrument_list(i, list, &count);
    for (size_t n = 0; text.n && n < count; n++)
        if (str_contains(text, items[n]))
            return true;
    return false;
}

bool program_is_temporary(const struct instrument *i, struct str lower_path)
{
    return listed_within(i, "temporary_paths", lower_path);
}

bool program_is_removable(const struct instrument *i, struct str lower_path)
{
    size_t count;
    const struct str *drives = instrument_list(i, "removable_drives", &count);
    if (lower_path.n > 2 && lower_path.p[1] == ':')
        for (size_t n = 0; n < count; n++)
            if (str_eq(drives[n], str_n(lower_path.p, 1)))
                return true;
    return listed_within(i, "removable_paths", lower_path);
}

static bool says_off_list(const struct instrument *i, struct str text)
{
    char squeezed[128];
    size_t n = 0;
    for (size_t at = 0; at < text.n && n < sizeof squeezed; at++)
        if (text.p[at] != ' ' && text.p[at] != '-' && text.p[at] != '_')
            squeezed[n++] = ascii_lower(text.p[at]);
    return listed_within(i, "off_list", str_n(squeezed, n));
}

bool program_is_off_list(const struct instrument *i, const struct sight *s)
{
    return str_eq_nocase(s->list, STR("unknown")) || says_off_list(i, s->list) ||
           says_off_list(i, s->action) || says_off_list(i, s->reason);
}
