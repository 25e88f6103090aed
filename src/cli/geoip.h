/* --geoip, the same for all commands that take it. */
#ifndef CLI_GEOIP_H
#define CLI_GEOIP_H

#include "cli/command.h"
#include "enrich/geo.h"

#define GEOIP_OPTION                                                                                         \
    {                                                                                                        \
        .name = "geoip", .type = OPTION_LIST, .values = "FILE",                                              \
        .help_en = "GeoIP database (.mmdb) of countries, cities or ASNs; may be repeated",                   \
        .help_ja = "GeoIP データベース(.mmdb)。国・都市・ASN(複数可)"                         \
    }

/* The databases that the option names; *out is NULL when it names none. */
bool geoip_open(const struct arguments *a, struct geo **out, struct error *err) MUST_CHECK;

#endif
