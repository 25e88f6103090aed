/* Canonical forms of indicators: what is hashed, compared and kept. Inside the stage only. */
#ifndef DETECT_INDICATOR_TEXT_H
#define DETECT_INDICATOR_TEXT_H

#include "detect/indicator.h"

/* Addresses: 4 or 16 bytes. Networks: prefix length (of 128) and 16 bytes. Hashes: their bytes. Others: text
 * (domains, mail addresses and file names in lower case; URLs without scheme, user, default port and
 * fragment). */
struct indicator_key {
    enum indicator_type type;
    uint16_t n;
    unsigned char bytes[INDICATOR_VALUE_MAX];
};

/* False when the text is not of the type; INDICATOR_ANY: the text decides. */
bool indicator_key_make(enum indicator_type type, struct str text, struct indicator_key *key);
void indicator_key_of_ip(const struct ip *ip, struct indicator_key *key);
void indicator_key_of_network(const struct cidr *c, struct indicator_key *key);
uint64_t indicator_key_hash(enum indicator_type type, const void *bytes, size_t n);
/* Back to text for people; bytes written. */
size_t indicator_key_text(enum indicator_type type, const unsigned char *bytes, size_t n,
                          char out[INDICATOR_TEXT_MAX]);

/* "hxxps://evil[.]example" → "https://evil.example"; returns bytes written, at most INDICATOR_VALUE_MAX; the
 * text must not be longer. */
size_t indicator_refang(struct str text, char out[INDICATOR_VALUE_MAX]);

/* An address ends in a digit or has a colon; most names have neither. */
static inline bool indicator_may_be_ip(struct str s)
{
    return s.n > 1 && (ascii_is_digit(s.p[s.n - 1]) || memchr(s.p, ':', s.n));
}

/* Lower case without the trailing dot; false when it cannot be a host name. `out` has 256 bytes. */
bool indicator_domain(struct str text, char *out, size_t *n);
/* The host of a canonical URL. */
struct str indicator_url_host(struct str canonical);

#endif
