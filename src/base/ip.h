/* IP addresses and networks. An address is always 16 bytes; IPv4 is kept as ::ffff:a.b.c.d (RFC 4291
 * section 2.5.5.2), so one prefix tree serves both families. */
#ifndef BASE_IP_H
#define BASE_IP_H

#include "base/str.h"

struct ip {
    uint8_t bytes[16];
};

#define IP_TEXT_MAX 46

bool ip_parse(struct str s, struct ip *out); /* also "[v6]" and "v6%zone"; never host names */
/* A host's name without its domain: "pc-7" of "pc-7.works.example"; an address stays whole. */
struct str ip_host_label(struct str name);
bool ip_is_v4(const struct ip *ip);
size_t ip_format(const struct ip *ip, char out[IP_TEXT_MAX]); /* canonical, RFC 5952; length without NUL */

/* Private, loopback, link-local, multicast, documentation: not a public unicast address. */
bool ip_is_public(const struct ip *ip);
bool ip_is_private(const struct ip *ip); /* RFC 1918, RFC 4193 */
bool ip_is_local(const struct ip *ip);   /* unspecified, loopback, link-local: never leaves its link */

struct cidr {
    struct ip ip;
    uint8_t bits; /* 0..128; a /24 of IPv4 is 96 + 24 */
};

bool cidr_parse(struct str s, struct cidr *out); /* a bare address is a /32 or /128 */
bool cidr_contains(const struct cidr *c, const struct ip *ip);

/* Longest-prefix map from networks to a number. Built by one thread, then read by many. */
struct cidr_map;
struct cidr_map *cidr_map_new(void);
void cidr_map_free(struct cidr_map *m);
void cidr_map_add(struct cidr_map *m, const struct cidr *c,
                  uint32_t value); /* same network twice: last wins */
/* Most specific network that contains the address; false when none does. */
bool cidr_map_find(const struct cidr_map *m, const struct ip *ip, uint32_t *value);
/* Every network that contains the address, most specific first; returns how many were written. */
size_t cidr_map_find_all(const struct cidr_map *m, const struct ip *ip, uint32_t *values, size_t max);

#endif
