/* The types that captures may have. Stage: parse. Each either knows how far its value reaches, or takes as
 * little as what follows in the pattern allows. Next: pattern_set.c. */
#include "base/ip.h"
#include "parse/pattern_program.h"

static size_t scan_int(struct str s)
{
    size_t i = s.n && (s.p[0] == '-' || s.p[0] == '+') ? 1 : 0, start = i;
    while (i < s.n && ascii_is_digit(s.p[i]))
        i++;
    return i > start ? i : 0;
}

static size_t scan_number(struct str s)
{
    size_t i = scan_int(s);
    if (i && i + 1 < s.n && s.p[i] == '.' && ascii_is_digit(s.p[i + 1]))
        for (i++; i < s.n && ascii_is_digit(s.p[i]);)
            i++;
    return i;
}

static bool is_hex(char c)
{
    return ascii_is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
}

static size_t scan_hex(struct str s)
{
    size_t i = s.n > 2 && s.p[0] == '0' && (s.p[1] == 'x' || s.p[1] == 'X') ? 2 : 0, start = i;
    while (i < s.n && is_hex(s.p[i]))
        i++;
    return i > start ? i : 0;
}

/* IPv4 first, so that "192.0.2.1:80" stops before the colon; a final '.' or ':' belongs to the sentence. */
static size_t scan_ip(struct str s)
{
    struct ip ip;
    size_t i = 0;
    while (i < s.n && i < 15 && (ascii_is_digit(s.p[i]) || s.p[i] == '.'))
        i++;
    while (i && s.p[i - 1] == '.')
        i--;
    if (i >= 7 && ip_parse(str_n(s.p, i), &ip))
        return i;
    i = 0;
    while (i < s.n && i < 46 && (is_hex(s.p[i]) || s.p[i] == ':' || s.p[i] == '.'))
        i++;
    size_t address = i;
    if (i < s.n && s.p[i] == '%')
        for (i++; i < s.n && i < 64 &&
                  (is_hex(s.p[i]) || (ascii_lower(s.p[i]) >= 'g' && ascii_lower(s.p[i]) <= 'z'));)
            i++;
    if (address >= 2 && ip_parse(str_n(s.p, i), &ip))
        return i;
    for (i = address; i > 2 && (s.p[i - 1] == '.' || s.p[i - 1] == ':'); i--)
        if (ip_parse(str_n(s.p, i - 1), &ip))
            return i - 1;
    return 0;
}

static bool is_id_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || ascii_is_digit(c) || c == '_' || c == '-' ||
           c == '.' || (c & 0x80);
}

static size_t scan_id(struct str s)
{
    size_t i = 0;
    while (i < s.n && is_id_char(s.p[i]))
        i++;
    return i;
}

static size_t scan_host(struct str s)
{
    size_t i = scan_ip(s);
    if (i && (i == s.n || !is_id_char(s.p[i])))
        return i;
    i = scan_id(s);
    while (i && s.p[i - 1] == '.')
        i--;
    return i;
}

/* Groups of any size between ':' or '-', or of four digits between dots; "192.168.224.144" has twelve digits
 * too. */
static size_t scan_mac(struct str s)
{
    size_t i = 0, digits = 0, group = 0;
    bool has_dots = false, are_fours = true;
    for (; i < s.n && i < 24 && (is_hex(s.p[i]) || s.p[i] == ':' || s.p[i] == '-' || s.p[i] == '.'); i++) {
        if (is_hex(s.p[i])) {
            digits++;
            group++;
            continue;
        }
        has_dots = has_dots || s.p[i] == '.';
        are_fours = are_fours && group == 4;
        group = 0;
    }
    if (has_dots && !(are_fours && group == 4))
        return 0;
    return digits == 12 || digits == 16 ? i : 0;
}

static size_t scan_quoted(struct str s)
{
    if (!s.n || (s.p[0] != '"' && s.p[0] != '\''))
        return 0;
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] == '\\')
            i++;
        else if (s.p[i] == s.p[0])
            return i + 1;
    }
    return 0;
}

static size_t scan_path(struct str s)
{
    bool windows = s.n > 2 && s.p[1] == ':' && (s.p[2] == '\\' || s.p[2] == '/');
    if (!s.n || (s.p[0] != '/' && s.p[0] != '\\' && !windows))
        return 0;
    size_t i = 0;
    while (i < s.n && !ascii_is_space(s.p[i]))
        i++;
    return i;
}

static const struct pattern_type types[] = {
    {"word", NULL, LAZY_WORD, false}, {"until", NULL, LAZY_UNTIL, false}, {"any", NULL, LAZY_ANY, false},
    {"rest", NULL, LAZY_REST, false}, {"int", scan_int, 0, false},        {"num", scan_number, 0, false},
    {"hex", scan_hex, 0, false},      {"ip", scan_ip, 0, false},          {"host", scan_host, 0, false},
    {"mac", scan_mac, 0, false},      {"quoted", scan_quoted, 0, true},   {"id", scan_id, 0, false},
    {"path", scan_path, 0, false},
};

const struct pattern_type *pattern_type_get(size_t number)
{
    return number < COUNT_OF(types) ? &types[number] : NULL;
}
