/* A registered source of records (S21: no anonymous source). Read by workers through an immutable,
 * reference-counted snapshot. */
#ifndef EVENT_SOURCE_H
#define EVENT_SOURCE_H

#include "base/clock.h"
#include "base/str.h"

struct source {
    uint32_t number;         /* 1… */
    struct str name;         /* unique; shown to people */
    struct str sender;       /* address (UDP, TCP, TLS), path (tail) or name (HTTP) that identifies it */
    struct str parser;       /* pinned parser, "" = recognise by content */
    const struct zone *zone; /* for times without an offset; NULL = the installation's zone */
    struct str charset;      /* "" = recognise */
    bool registered;         /* false: seen, but nobody has accepted it yet (shown in quarantine) */
};

/* What records of no source are read as: nothing pinned, times without an offset in the given zone. */
static inline struct source source_anonymous(const struct zone *zone)
{
    return (struct source){
        .name = STR_EMPTY, .sender = STR_EMPTY, .parser = STR_EMPTY, .charset = STR_EMPTY, .zone = zone};
}

#endif
