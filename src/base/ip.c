/* Ground floor: IP addresses and networks as text and as bytes. The longest-prefix map is cidr_map.c. */
#include "base/ip.h"

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

bool ip_is_v4(const struct ip *ip)
{
    return memcmp(ip->bytes, mapped, sizeof mapped) == 0;
}

/* Four decimal numbers without leading zeros (those read as octal elsewhere). The whole string. */
static bool parse_v4(const char *p, size_t n, uint8_t out[4])
{
    const char *end = p + n;
    for (int part = 0; part < 4; part++) {
        if (part && (p == end || *p++ != '.'))
            return false;
        unsigned value = 0;
        const char *start = p;
        while (p < end && ascii_is_digit(*p) && p - start < 3)
            value = value * 10 + (unsigned)(*p++ - '0');
        if (p == start || value > 255 || (p - start > 1 && *start == '0'))
            return false;
        out[part] = (uint8_t)value;
    }
    return p == end;
}

static int hex_value(char c)
{
    if (ascii_is_digit(c))
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 4291 section 2.2: eight groups, one run of zeros as "::", an IPv4 tail. */
static bool parse_v6(struct str s, uint8_t out[16])
{
    size_t filled = 0, gap = SIZE_MAX, at = 0;
    if (str_starts(s, STR("::"))) {
        gap = 0;
        at = 2;
    }
    while (at < s.n) {
        size_t end = at;
        unsigned value = 0;
        while (end < s.n && hex_value(s.p[end]) >= 0 && end - at < 4)
            value = value << 4 | (unsigned)hex_value(s.p[end++]);
        if (end < s.n && s.p[end] == '.') {
            if (filled > 12 || !parse_v4(s.p + at, s.n - at, out + filled))
                return false;
            filled += 4;
            break;
        }
        if (end == at || filled > 14)
            return false;
        out[filled++] = (uint8_t)(value >> 8);
        out[filled++] = (uint8_t)value;
        if (end == s.n)
            break;
        if (s.p[end] != ':' || end + 1 == s.n)
            return false;
        at = end + 1;
        if (s.p[at] == ':') {
            if (gap != SIZE_MAX)
                return false;
            gap = filled;
            at++;
        }
    }
    if (gap == SIZE_MAX)
        return filled == 16;
    if (filled > 14)
        return false;
    memmove(out + gap + (16 - filled), out + gap, filled - gap);
    memset(out + gap, 0, 16 - filled);
    return true;
}

static struct str without_decoration(struct str s)
{
    if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
        s = str_slice(s, 1, s.n - 1);
    size_t percent = str_find_char(s, '%', 0);
    return percent != STR_NOT_FOUND && percent + 1 < s.n ? str_slice(s, 0, percent) : s;
}

bool ip_parse(struct str s, struct ip *out)
{
    if (s.n && s.n <= 15 && ascii_is_digit(s.p[0]) && parse_v4(s.p, s.n, out->bytes + 12)) {
        memcpy(out->bytes, mapped, sizeof mapped);
        return true;
    }
    if (s.n < 2 || s.n > 128)
        return false;
    s = without_decoration(s);
    if (str_find_char(s, ':', 0) == STR_NOT_FOUND)
        return false;
    struct ip parsed = {{0}};
    if (!parse_v6(s, parsed.bytes))
        return false;
    *out = parsed;
    return true;
}

static char *put_decimal(char *p, unsigned v)
{
    if (v >= 100)
        *p++ = (char)('0' + v / 100);
    if (v >= 10)
        *p++ = (char)('0' + v / 10 % 10);
    *p++ = (char)('0' + v % 10);
    return p;
}

static char *put_hex(char *p, unsigned v)
{
    bool has_begun = false;
    for (int shift = 12; shift >= 0; shift -= 4) {
        unsigned digit = v >> shift & 15;
        if (digit || has_begun || !shift)
            *p++ = "0123456789abcdef"[digit];
        has_begun = has_begun || digit;
    }
    return p;
}

/* The longest run of at least two zero groups, the first of equals (RFC 5952 section 4.2). */
static void longest_zeros(const uint8_t bytes[16], int *start, int *length)
{
    *start = -1;
    *length = 1;
    for (int i = 0; i < 8;) {
        int run = 0;
        while (i + run < 8 && !bytes[2 * (i + run)] && !bytes[2 * (i + run) + 1])
            run++;
        if (run > *length) {
            *start = i;
            *length = run;
        }
        i += run ? run : 1;
    }
}

size_t ip_format(const struct ip *ip, char out[IP_TEXT_MAX])
{
    char *p = out;
    if (ip_is_v4(ip)) {
        for (int i = 12; i < 16; i++) {
            p = put_decimal(p, ip->bytes[i]);
            *p++ = '.';
        }
        *--p = '\0';
        return (size_t)(p - out);
    }
    int start, length;
    longest_zeros(ip->bytes, &start, &length);
    for (int i = 0; i < 8;) {
        if (i == start) {
            *p++ = ':';
            *p++ = ':';
            i += length;
            continue;
        }
        if (i && i != start + length)
            *p++ = ':';
        p = put_hex(p, (unsigned)ip->bytes[2 * i] << 8 | ip->bytes[2 * i + 1]);
        i++;
    }
    *p = '\0';
    return (size_t)(p - out);
}

bool cidr_parse(struct str s, struct cidr *out)
{
    size_t slash = str_find_char(s, '/', 0);
    if (!ip_parse(str_slice(s, 0, slash), &out->ip))
        return false;
    bool is_v4 = ip_is_v4(&out->ip) && str_find_char(s, ':', 0) == STR_NOT_FOUND;
    uint64_t bits = is_v4 ? 32 : 128;
    if (slash != STR_NOT_FOUND &&
        (!str_to_u64(str_skip(s, slash + 1), 10, &bits) || bits > (is_v4 ? 32 : 128)))
        return false;
    out->bits = (uint8_t)(is_v4 ? 96 + bits : bits);
    for (unsigned i = 0; i < 16; i++) { /* host bits are cleared: "10.0.0.1/8" is 10.0.0.0/8 */
        int kept = (int)out->bits - (int)(8 * i);
        if (kept < 8)
            out->ip.bytes[i] &= kept <= 0 ? 0 : (uint8_t)(0xff << (8 - kept));
    }
    return true;
}

bool cidr_contains(const struct cidr *c, const struct ip *ip)
{
    unsigned whole = c->bits / 8, rest = c->bits % 8;
    if (memcmp(c->ip.bytes, ip->bytes, whole) != 0)
        return false;
    return !rest || !((c->ip.bytes[whole] ^ ip->bytes[whole]) >> (8 - rest));
}

struct range {
    uint8_t bytes[16];
    uint8_t bits;
};

#define V4(a, b, c, d, n)                                                                                    \
    {                                                                                                        \
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}, 96 + (n)                                     \
    }

static bool is_in(const struct range *ranges, size_t count, const struct ip *ip)
{
    for (size_t i = 0; i < count; i++) {
        struct cidr c = {.bits = ranges[i].bits};
        memcpy(c.ip.bytes, ranges[i].bytes, sizeof c.ip.bytes);
        if (cidr_contains(&c, ip))
            return true;
    }
    return false;
}

bool ip_is_private(const struct ip *ip)
{
    const uint8_t *v4 = ip->bytes + 12;
    if (!ip_is_v4(ip))
        return (ip->bytes[0] & 0xfe) == 0xfc;
    return v4[0] == 10 || (v4[0] == 172 && (v4[1] & 0xf0) == 16) || (v4[0] == 192 && v4[1] == 168);
}

bool ip_is_local(const struct ip *ip)
{
    static const struct range ranges[] = {
        V4(0, 0, 0, 0, 8),  V4(127, 0, 0, 0, 8), V4(169, 254, 0, 0, 16),
        {{0xfe, 0x80}, 10}, {{0}, 128},          {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128}};
    return is_in(ranges, sizeof ranges / sizeof ranges[0], ip);
}

/* IANA special-purpose address registries (RFC 6890 and its updates), and multicast. */
bool ip_is_public(const struct ip *ip)
{
    static const struct range v4[] = {
        V4(0, 0, 0, 0, 8),      V4(10, 0, 0, 0, 8),    V4(100, 64, 0, 0, 10),   V4(127, 0, 0, 0, 8),
        V4(169, 254, 0, 0, 16), V4(172, 16, 0, 0, 12), V4(192, 0, 0, 0, 24),    V4(192, 0, 2, 0, 24),
        V4(192, 168, 0, 0, 16), V4(198, 18, 0, 0, 15), V4(198, 51, 100, 0, 24), V4(203, 0, 113, 0, 24),
        V4(224, 0, 0, 0, 3), /* multicast, reserved, broadcast */
    };
    static const struct range v6_documentation = {{0x20, 0x01, 0x0d, 0xb8}, 32};
    static const struct range v6_documentation_2024 = {{0x3f, 0xff}, 20}; /* RFC 9637 */
    static const struct range v6_protocols = {{0x20, 0x01}, 23};
    static const struct range v6_global = {{0x20}, 3};
    if (ip_is_v4(ip))
        return !is_in(v4, sizeof v4 / sizeof v4[0], ip);
    return is_in(&v6_global, 1, ip) && !is_in(&v6_documentation, 1, ip) &&
           !is_in(&v6_documentation_2024, 1, ip) && !is_in(&v6_protocols, 1, ip);
}

struct str ip_host_label(struct str name)
{
    struct ip ip;
    return ip_parse(name, &ip) ? name : str_slice(name, 0, str_find_char(name, '.', 0));
}
