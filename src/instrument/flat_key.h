/* Keys of `keyed` tables made of texts, each ended by a line feed; lower case, for names of hosts, services
 * and the like are written in either. What does not fit is cut. */
#ifndef INSTRUMENT_FLAT_KEY_H
#define INSTRUMENT_FLAT_KEY_H

#include <stdint.h>
#include <stdio.h>

#include "base/str.h"

struct flat_key {
    char text[400];
    size_t n;
};

static inline void flat_key_add(struct flat_key *k, struct str part)
{
    for (size_t i = 0; i < part.n && k->n + 1 < sizeof k->text; i++)
        k->text[k->n++] = ascii_lower(part.p[i]);
    if (k->n < sizeof k->text)
        k->text[k->n++] = '\n';
}

static inline void flat_key_add_numbers(struct flat_key *k, uint32_t a, uint32_t b)
{
    char text[32];
    flat_key_add(k, str_n(text, (size_t)snprintf(text, sizeof text, "%u/%u", a, b)));
}

static inline struct str flat_key_text(const struct flat_key *k)
{
    return str_n(k->text, k->n);
}

#endif
