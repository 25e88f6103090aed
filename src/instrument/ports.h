/* A set of ports, asked for every event: one bit each. */
#ifndef INSTRUMENT_PORTS_H
#define INSTRUMENT_PORTS_H

#include "base/yaml.h"

struct ports {
    uint64_t bits[65536 / 64];
};

/* "25" or "6660-6669"; false when it is neither, and nothing is added. */
bool ports_add(struct ports *p, struct str text);
/* Of the list under `lists:` in an instrument's file, all of them; NULL with the sentence when one is no port
 * or the list is missing. */
struct ports *ports_read(const char *path, const struct yaml *top, const char *name, struct arena *a,
                         struct error *err);

static inline bool ports_has(const struct ports *p, uint16_t port)
{
    return p->bits[port / 64] >> (port % 64) & 1;
}

#endif
