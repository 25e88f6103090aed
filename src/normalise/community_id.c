/* Community ID. Stage: normalise. Reads a flow's five values, leaves the string. Next: emit.c. */
#include "normalise/community_id.h"

#include "base/memory.h"

static uint32_t rotate(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

struct sha1_state {
    uint32_t a, b, c, d, e;
};

static inline void sha1_round(struct sha1_state *v, uint32_t f, uint32_t k_and_w)
{
    uint32_t t = rotate(v->a, 5) + f + v->e + k_and_w;
    v->e = v->d;
    v->d = v->c;
    v->c = rotate(v->b, 30);
    v->b = v->a;
    v->a = t;
}

void sha1_short(const uint8_t *message, size_t n, uint8_t digest[20])
{
    BUG_IF(n > 55);
    uint8_t block[64] = {0};
    memcpy(block, message, n);
    block[n] = 0x80;
    block[62] = (uint8_t)(n * 8 >> 8);
    block[63] = (uint8_t)(n * 8);
    uint32_t w[80], h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (int i = 16; i < 80; i++)
        w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    struct sha1_state v = {h[0], h[1], h[2], h[3], h[4]};
    for (int i = 0; i < 20; i++)
        sha1_round(&v, (v.b & v.c) | (~v.b & v.d), 0x5A827999 + w[i]);
    for (int i = 20; i < 40; i++)
        sha1_round(&v, v.b ^ v.c ^ v.d, 0x6ED9EBA1 + w[i]);
    for (int i = 40; i < 60; i++)
        sha1_round(&v, (v.b & v.c) | (v.b & v.d) | (v.c & v.d), 0x8F1BBCDC + w[i]);
    for (int i = 60; i < 80; i++)
        sha1_round(&v, v.b ^ v.c ^ v.d, 0xCA62C1D6 + w[i]);
    uint32_t sum[5] = {h[0] + v.a, h[1] + v.b, h[2] + v.c, h[3] + v.d, h[4] + v.e};
    for (int i = 0; i < 20; i++)
        digest[i] = (uint8_t)(sum[i / 4] >> (24 - 8 * (i % 4)));
}

/* ICMP requests and their answers share an ID: the answer's type takes the place of the second port. The
 * pairs of the specification; a type without a partner is a one-way flow with the code as second port. */
static bool icmp_partner(uint8_t protocol, uint16_t type, uint16_t *partner)
{
    static const uint8_t v4[][2] = {{8, 0},   {0, 8},   {13, 14}, {14, 13}, {15, 16},
                                    {16, 15}, {17, 18}, {18, 17}, {10, 9},  {9, 10}};
    static const uint8_t v6[][2] = {{128, 129}, {129, 128}, {133, 134}, {134, 133}, {135, 136}, {136, 135},
                                    {130, 131}, {131, 130}, {144, 145}, {145, 144}, {139, 140}, {140, 139}};
    const uint8_t(*pairs)[2] = protocol == 58 ? v6 : v4;
    size_t count = protocol == 58 ? COUNT_OF(v6) : COUNT_OF(v4);
    for (size_t i = 0; i < count; i++)
        if (pairs[i][0] == type) {
            *partner = pairs[i][1];
            return true;
        }
    return false;
}

static size_t put_address(uint8_t *out, const struct ip *ip)
{
    bool v4 = ip_is_v4(ip);
    memcpy(out, ip->bytes + (v4 ? 12 : 0), v4 ? 4 : 16);
    return v4 ? 4 : 16;
}

static size_t put_port(uint8_t *out, uint16_t port)
{
    out[0] = (uint8_t)(port >> 8);
    out[1] = (uint8_t)port;
    return 2;
}

static void base64_20(const uint8_t digest[20], char *out)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int i = 0; i < 7; i++) {
        uint32_t v = (uint32_t)digest[3 * i] << 16 | (uint32_t)digest[3 * i + 1] << 8 |
                     (i < 6 ? digest[3 * i + 2] : 0);
        out[4 * i] = letters[v >> 18];
        out[4 * i + 1] = letters[v >> 12 & 63];
        out[4 * i + 2] = letters[v >> 6 & 63];
        out[4 * i + 3] = i < 6 ? letters[v & 63] : '=';
    }
}

void community_id(const struct flow *flow, char out[COMMUNITY_ID_LENGTH])
{
    struct flow f = *flow;
    bool is_icmp = f.protocol == 1 || f.protocol == 58, one_way = false;
    if (is_icmp) {
        uint16_t partner;
        one_way = !icmp_partner(f.protocol, f.source_port, &partner);
        if (!one_way)
            f.destination_port = partner;
    }
    int order = memcmp(f.source.bytes, f.destination.bytes, sizeof f.source.bytes);
    if (!one_way && (order > 0 || (order == 0 && f.source_port > f.destination_port)))
        f = (struct flow){f.destination, f.source, f.destination_port, f.source_port, f.protocol};
    uint8_t message[2 + 16 + 16 + 2 + 4] = {0}, digest[20]; /* seed 0 in front */
    size_t n = 2;
    n += put_address(message + n, &f.source);
    n += put_address(message + n, &f.destination);
    message[n++] = f.protocol;
    message[n++] = 0;
    n += put_port(message + n, f.source_port);
    n += put_port(message + n, f.destination_port);
    sha1_short(message, n, digest);
    out[0] = '1';
    out[1] = ':';
    base64_20(digest, out + 2);
}
