/* One spelling for each indicator, and what an untyped text is.
 * Stage: detect, when feeds are read and when events are looked up. Next: indicator_reader.c. */
#include "detect/indicator_text.h"

#include <stdio.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/log.h"

#define DOMAIN_MAX 253
#define LABEL_MAX  63
#define SCHEME_MAX 8

static const char *const type_names[] = {
    [INDICATOR_ADDRESS] = "address", [INDICATOR_NETWORK] = "network", [INDICATOR_DOMAIN] = "domain",
    [INDICATOR_URL] = "url",         [INDICATOR_HASH] = "hash",       [INDICATOR_MAIL] = "mail",
    [INDICATOR_AGENT] = "agent",     [INDICATOR_FILE_NAME] = "file",  [INDICATOR_ANY] = "any",
};

struct str indicator_type_name(enum indicator_type type)
{
    BUG_IF((size_t)type >= COUNT_OF(type_names));
    return str_c(type_names[type]);
}

/* ---------------------------------------------------------------- refang */

static const struct {
    struct str defanged;
    const char *plain;
} fangs[] = {
    {{"[.]", 3}, "."},   {{"(.)", 3}, "."},  {{"{.}", 3}, "."},     {{"[dot]", 5}, "."},
    {{"(dot)", 5}, "."}, {{"[:]", 3}, ":"},  {{"[://]", 5}, "://"}, {{"[/]", 3}, "/"},
    {{"[@]", 3}, "@"},   {{"[at]", 4}, "@"}, {{"(at)", 4}, "@"},    {{"\\.", 2}, "."},
};

static size_t fang_at(struct str rest, const char **plain)
{
    for (size_t i = 0; i < COUNT_OF(fangs); i++) {
        if (str_starts_nocase(rest, fangs[i].defanged)) {
            *plain = fangs[i].plain;
            return fangs[i].defanged.n;
        }
    }
    return 0;
}

size_t indicator_refang(struct str text, char out[INDICATOR_VALUE_MAX])
{
    size_t n = 0;
    const char *plain;
    if (str_starts_nocase(text, STR("hxxp"))) {
        memcpy(out, "http", 4);
        n = 4;
        text = str_skip(text, 4);
    }
    while (text.n && n < INDICATOR_VALUE_MAX) {
        bool may_be = text.p[0] == '[' || text.p[0] == '(' || text.p[0] == '{' || text.p[0] == '\\';
        size_t taken = may_be ? fang_at(text, &plain) : 0;
        if (taken == 0) {
            out[n++] = text.p[0];
            text = str_skip(text, 1);
            continue;
        }
        for (; *plain && n < INDICATOR_VALUE_MAX; plain++)
            out[n++] = *plain;
        text = str_skip(text, taken);
    }
    return n;
}

/* ---------------------------------------------------------------- domains */

/* What a byte of a name becomes; 0 = no name has it. */
static const unsigned char host_bytes[256] = {
    ['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e', ['f'] = 'f', ['g'] = 'g', ['h'] = 'h',
    ['i'] = 'i', ['j'] = 'j', ['k'] = 'k', ['l'] = 'l', ['m'] = 'm', ['n'] = 'n', ['o'] = 'o', ['p'] = 'p',
    ['q'] = 'q', ['r'] = 'r', ['s'] = 's', ['t'] = 't', ['u'] = 'u', ['v'] = 'v', ['w'] = 'w', ['x'] = 'x',
    ['y'] = 'y', ['z'] = 'z', ['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd', ['E'] = 'e', ['F'] = 'f',
    ['G'] = 'g', ['H'] = 'h', ['I'] = 'i', ['J'] = 'j', ['K'] = 'k', ['L'] = 'l', ['M'] = 'm', ['N'] = 'n',
    ['O'] = 'o', ['P'] = 'p', ['Q'] = 'q', ['R'] = 'r', ['S'] = 's', ['T'] = 't', ['U'] = 'u', ['V'] = 'v',
    ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y', ['Z'] = 'z', ['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3',
    ['4'] = '4', ['5'] = '5', ['6'] = '6', ['7'] = '7', ['8'] = '8', ['9'] = '9', ['-'] = '-', ['_'] = '_',
    ['.'] = '.',
};

bool indicator_domain(struct str text, char *out, size_t *n)
{
    size_t start = 0; /* of the label at hand */
    if (text.n && text.p[text.n - 1] == '.')
        text.n--;
    if (text.n == 0 || text.n > DOMAIN_MAX)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        unsigned char byte = (unsigned char)text.p[i], c = byte >= 0x80 ? byte : host_bytes[byte];
        if (c == 0)
            return false;
        out[i] = (char)c;
        if (c != '.')
            continue;
        if (i == start || i - start > LABEL_MAX)
            return false;
        start = i + 1;
    }
    *n = text.n;
    return text.n > start && text.n - start <= LABEL_MAX;
}

/* At least two labels, and the last is no number: not an address, not a version. */
static bool is_full_domain(struct str domain)
{
    size_t dot = str_find_last_char(domain, '.');
    if (dot == STR_NOT_FOUND)
        return false;
    for (size_t i = dot + 1; i < domain.n; i++)
        if (!ascii_is_digit(domain.p[i]))
            return true;
    return false;
}

static bool key_domain(struct str text, struct indicator_key *key)
{
    size_t n;
    char name[DOMAIN_MAX + 3];
    if (str_starts(text, STR("*.")))
        text = str_skip(text, 2);
    else if (str_starts(text, STR(".")))
        text = str_skip(text, 1);
    if (!indicator_domain(text, name, &n) || !is_full_domain(str_n(name, n)))
        return false;
    key->type = INDICATOR_DOMAIN;
    key->n = (uint16_t)n;
    memcpy(key->bytes, name, n);
    return true;
}

/* -------------------------------------------------------------- addresses */

void indicator_key_of_ip(const struct ip *ip, struct indicator_key *key)
{
    bool is_v4 = ip_is_v4(ip);
    key->type = INDICATOR_ADDRESS;
    key->n = is_v4 ? 4 : 16;
    memcpy(key->bytes, ip->bytes + (is_v4 ? 12 : 0), key->n);
}

void indicator_key_of_network(const struct cidr *c, struct indicator_key *key)
{
    key->type = INDICATOR_NETWORK;
    key->n = 17;
    memset(key->bytes, 0, 17);
    key->bytes[0] = c->bits;
    memcpy(key->bytes + 1, c->ip.bytes, c->bits / 8);
    if (c->bits % 8)
        key->bytes[1 + c->bits / 8] = (unsigned char)(c->ip.bytes[c->bits / 8] & (0xff << (8 - c->bits % 8)));
}

static bool key_address(struct str text, struct indicator_key *key)
{
    struct ip ip;
    if (!ip_parse(text, &ip))
        return false;
    indicator_key_of_ip(&ip, key);
    return true;
}

/* "198.51.100.7:443", "[2001:db8::1]:443": the port is left out. */
static bool key_address_port(struct str text, struct indicator_key *key)
{
    uint64_t port;
    size_t colon = str_find_last_char(text, ':');
    if (colon == STR_NOT_FOUND || !str_to_u64(str_skip(text, colon + 1), 10, &port) || port > 65535)
        return false;
    struct str host = str_slice(text, 0, colon);
    bool is_plain = str_find_char(host, ':', 0) == STR_NOT_FOUND || (host.n && host.p[0] == '[');
    return is_plain && (key_address(host, key) || key_domain(host, key));
}

static bool key_network(struct str text, struct indicator_key *key)
{
    struct cidr c;
    if (!cidr_parse(text, &c))
        return false;
    if (c.bits == 128)
        indicator_key_of_ip(&c.ip, key);
    else
        indicator_key_of_network(&c, key);
    return true;
}

/* ------------------------------------------------------------------ others */

/* Value + 1; 0 = no digit. */
static const unsigned char hex_digits[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

static bool key_hash(struct str text, struct indicator_key *key)
{
    if (text.n != 32 && text.n != 40 && text.n != 64 && text.n != 128)
        return false;
    key->type = INDICATOR_HASH;
    key->n = (uint16_t)(text.n / 2);
    for (size_t i = 0; i < text.n; i += 2) {
        unsigned high = hex_digits[(unsigned char)text.p[i]], low = hex_digits[(unsigned char)text.p[i + 1]];
        if (high == 0 || low == 0)
            return false;
        key->bytes[i / 2] = (unsigned char)((high - 1) << 4 | (low - 1));
    }
    return true;
}

static bool key_lower(enum indicator_type type, struct str text, struct indicator_key *key)
{
    if (text.n == 0 || text.n > INDICATOR_VALUE_MAX)
        return false;
    key->type = type;
    key->n = (uint16_t)text.n;
    for (size_t i = 0; i < text.n; i++)
        key->bytes[i] = (unsigned char)ascii_lower(text.p[i]);
    return true;
}

static bool key_mail(struct str text, struct indicator_key *key)
{
    size_t n, at;
    char name[DOMAIN_MAX + 3];
    text = str_trim_chars(text, "<>");
    at = str_find_last_char(text, '@');
    if (at == STR_NOT_FOUND || at == 0 || str_find_char(text, ' ', 0) != STR_NOT_FOUND ||
        !indicator_domain(str_skip(text, at + 1), name, &n) || !is_full_domain(str_n(name, n)))
        return false;
    return key_lower(INDICATOR_MAIL, text, key);
}

static bool key_agent(struct str text, struct indicator_key *key)
{
    if (text.n < 4 || text.n > INDICATOR_VALUE_MAX)
        return false;
    key->type = INDICATOR_AGENT;
    key->n = (uint16_t)text.n;
    memcpy(key->bytes, text.p, text.n);
    return true;
}

/* The last part of a path of either kind. */
static bool key_file_name(struct str text, struct indicator_key *key)
{
    for (size_t i = text.n; i-- > 0;)
        if (text.p[i] == '/' || text.p[i] == '\\')
            return key_lower(INDICATOR_FILE_NAME, str_skip(text, i + 1), key);
    return key_lower(INDICATOR_FILE_NAME, text, key);
}

/* --------------------------------------------------------------------- URLs */

/* Where the port begins; STR_NOT_FOUND: nowhere, as in an address of IPv6 without brackets. */
static size_t port_colon(struct str authority)
{
    struct ip ip;
    size_t bracket = str_find_last_char(authority, ']');
    size_t colon = str_find_last_char(authority, ':');
    if (colon == STR_NOT_FOUND || (bracket != STR_NOT_FOUND && colon < bracket) ||
        (bracket == STR_NOT_FOUND && indicator_may_be_ip(authority) && ip_parse(authority, &ip)))
        return STR_NOT_FOUND;
    return colon;
}

/* host[:port] in canonical form; the default port of either scheme is left out. An address of IPv6 has
 * brackets when a port follows, so that both are found again. */
static bool put_authority(struct str authority, struct indicator_key *key)
{
    size_t at = str_find_last_char(authority, '@'), n;
    uint64_t port = 0;
    struct ip ip;
    char name[DOMAIN_MAX + 3];
    if (at != STR_NOT_FOUND)
        authority = str_skip(authority, at + 1);
    size_t colon = port_colon(authority);
    struct str host = colon != STR_NOT_FOUND ? str_slice(authority, 0, colon) : authority;
    struct str port_text = colon != STR_NOT_FOUND ? str_skip(authority, colon + 1) : STR_EMPTY;
    if (indicator_may_be_ip(host) && ip_parse(host, &ip)) {
        n = ip_format(&ip, name);
    } else if (!indicator_domain(host, name, &n)) {
        return false;
    }
    bool has_port = port_text.n && !str_eq(port_text, STR("80")) && !str_eq(port_text, STR("443"));
    if (has_port && (!str_to_u64(port_text, 10, &port) || port > 65535))
        return false;
    bool has_brackets = has_port && memchr(name, ':', n) != NULL;
    size_t at_byte = 0;
    if (has_brackets)
        key->bytes[at_byte++] = '[';
    memcpy(key->bytes + at_byte, name, n);
    at_byte += n;
    if (has_brackets)
        key->bytes[at_byte++] = ']';
    if (has_port)
        at_byte += (size_t)snprintf((char *)key->bytes + at_byte, 8, ":%u", (unsigned)port);
    key->n = (uint16_t)at_byte;
    return true;
}

static size_t authority_end(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] == '/' || text.p[i] == '?' || text.p[i] == '#')
            return i;
    return text.n;
}

static bool is_letter(char c)
{
    return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

/* RFC 3986, 3.1. A path may have "://" in it too, so that what is written without a scheme stays as it is. */
static bool is_scheme(struct str text)
{
    if (text.n == 0 || text.n > SCHEME_MAX || !is_letter(text.p[0]))
        return false;
    for (size_t i = 1; i < text.n; i++)
        if (!is_letter(text.p[i]) && !ascii_is_digit(text.p[i]) && memchr("+-.", text.p[i], 3) == NULL)
            return false;
    return true;
}

static bool key_url(struct str text, struct indicator_key *key)
{
    size_t scheme = str_find(text, STR("://"), 0);
    if (scheme != STR_NOT_FOUND && is_scheme(str_slice(text, 0, scheme)))
        text = str_skip(text, scheme + 3);
    size_t end = authority_end(text);
    if (end == 0 || text.n > INDICATOR_VALUE_MAX - 64 || !put_authority(str_slice(text, 0, end), key))
        return false;
    struct str rest = str_skip(text, end);
    rest = str_slice(rest, 0, str_find_char(rest, '#', 0));
    if (rest.n == 0 || rest.p[0] != '/')
        key->bytes[key->n++] = '/';
    memcpy(key->bytes + key->n, rest.p, rest.n);
    key->n = (uint16_t)(key->n + rest.n);
    key->type = INDICATOR_URL;
    return true;
}

struct str indicator_url_host(struct str canonical)
{
    struct str authority = str_slice(canonical, 0, authority_end(canonical));
    size_t bracket = str_find_char(authority, ']', 0);
    if (authority.n && authority.p[0] == '[' && bracket != STR_NOT_FOUND)
        return str_slice(authority, 1, bracket);
    size_t colon = str_find_last_char(authority, ':');
    bool is_v6 = colon != STR_NOT_FOUND && str_find_char(authority, ':', 0) != colon;
    return colon == STR_NOT_FOUND || is_v6 ? authority : str_slice(authority, 0, colon);
}

/* ------------------------------------------------------------- the decision */

/* Extensions that are no top-level domains: "evil.exe" in a list without types is a file. */
static bool has_file_extension(struct str text)
{
    static const char *const extensions[] = {".exe", ".dll", ".sys", ".bat",  ".cmd",  ".vbs",  ".ps1",
                                             ".scr", ".msi", ".hta", ".docm", ".xlsm", ".lnk",  ".jar",
                                             ".iso", ".js",  ".wsf", ".docx", ".xlsx", ".pptm", ".dat"};
    for (size_t i = 0; i < COUNT_OF(extensions); i++)
        if (str_ends_nocase(text, str_c(extensions[i])))
            return true;
    return false;
}

static bool key_any(struct str text, struct indicator_key *key)
{
    if (str_find(text, STR("://"), 0) != STR_NOT_FOUND)
        return key_url(text, key);
    if (key_hash(text, key) || key_address(text, key) || key_network(text, key) ||
        key_address_port(text, key))
        return true;
    if (str_find_char(text, ' ', 0) != STR_NOT_FOUND)
        return false;
    size_t slash = str_find_char(text, '/', 0);
    if (slash != STR_NOT_FOUND) {
        struct str host = str_slice(text, 0, slash);
        return (key_address(host, key) || key_domain(host, key) || key_address_port(host, key)) &&
               key_url(text, key);
    }
    if (str_find_char(text, '@', 0) != STR_NOT_FOUND)
        return key_mail(text, key);
    return has_file_extension(text) ? key_file_name(text, key) : key_domain(text, key);
}

bool indicator_key_make(enum indicator_type type, struct str text, struct indicator_key *key)
{
    if (text.n == 0 || text.n > INDICATOR_VALUE_MAX)
        return false;
    switch (type) {
    case INDICATOR_ADDRESS:
        return key_address(text, key) || key_network(text, key) || key_address_port(text, key);
    case INDICATOR_NETWORK:
        return key_network(text, key);
    case INDICATOR_DOMAIN:
        return key_domain(text, key) || key_address(text, key) || key_address_port(text, key);
    case INDICATOR_URL:
        return key_url(text, key);
    case INDICATOR_HASH:
        return key_hash(text, key);
    case INDICATOR_MAIL:
        return key_mail(text, key);
    case INDICATOR_AGENT:
        return key_agent(text, key);
    case INDICATOR_FILE_NAME:
        return key_file_name(text, key);
    case INDICATOR_ANY:
        return key_any(text, key);
    }
    BUG("unknown type of indicator");
}

uint64_t indicator_key_hash(enum indicator_type type, const void *bytes, size_t n)
{
    return XXH3_64bits_withSeed(bytes, n, UINT64_C(0x9e3779b97f4a7c15) * ((uint64_t)type + 1));
}

/* -------------------------------------------------------------- back to text */

static size_t ip_text(const unsigned char *bytes, size_t n, char *out)
{
    struct ip ip = {{0}};
    if (n == 4) {
        ip.bytes[10] = ip.bytes[11] = 0xff;
        memcpy(ip.bytes + 12, bytes, 4);
    } else {
        memcpy(ip.bytes, bytes, 16);
    }
    return ip_format(&ip, out);
}

static size_t network_text(const unsigned char *bytes, char *out)
{
    struct ip ip;
    memcpy(ip.bytes, bytes + 1, 16);
    bool is_v4 = bytes[0] >= 96 && ip_is_v4(&ip);
    size_t n = ip_format(&ip, out);
    return n + (size_t)snprintf(out + n, 8, "/%u", is_v4 ? bytes[0] - 96u : bytes[0] + 0u);
}

static size_t hash_text(const unsigned char *bytes, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    return 2 * n;
}

size_t indicator_key_text(enum indicator_type type, const unsigned char *bytes, size_t n,
                          char out[INDICATOR_TEXT_MAX])
{
    switch (type) {
    case INDICATOR_ADDRESS:
        return n == 4 || n == 16 ? ip_text(bytes, n, out) : 0;
    case INDICATOR_NETWORK:
        return n == 17 ? network_text(bytes, out) : 0;
    case INDICATOR_HASH:
        return n <= 64 ? hash_text(bytes, n, out) : 0;
    default:
        memcpy(out, bytes, n);
        return n;
    }
}
