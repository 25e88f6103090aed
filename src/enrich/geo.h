/* Where in the world an address is, and whose network it is in: databases in MaxMind's format (MMDB; the
 * format is "MaxMind DB File Format Specification" 2.0), of countries or cities and of autonomous systems.
 *
 *   source.ip, destination.ip (public ones) ──▶ source.geo.*, source.as.*, destination.geo.*,
 * destination.as.*, hyakuyo.geo.database (which databases answered, by type and day of build)
 *
 * An address that no database of places knows gets geo.name "unknown": it is counted, never left out. What a
 * parser said about the place stays as it is. */
#ifndef ENRICH_GEO_H
#define ENRICH_GEO_H

#include "base/error.h"
#include "base/ip.h"
#include "event/event.h"

#define GEO_DATABASES_MAX 8

/* Open databases; immutable, shared by reference count. */
struct geo;
/* Opens all of them or none: a database that is damaged, or of another kind, is refused with a sentence. A
 * sample of its records is decoded for that (a small database entirely). At most GEO_DATABASES_MAX; the first
 * one that knows a fact wins. */
struct geo *geo_open(const char *const *paths, size_t count, struct error *err) MUST_CHECK;
struct geo *geo_ref(struct geo *g);
void geo_unref(struct geo *g); /* NULL is fine */

struct geo_database {
    struct str path, type; /* live as long as the set */
    struct str name;       /* "GeoLite2-City 2025-11-04": type and day of build */
    int64_t built_ns;
};
size_t geo_count(const struct geo *g); /* 0 for NULL */
struct geo_database geo_database(const struct geo *g, size_t i);

/* What the databases say about one address. Texts are theirs: valid as long as the set. */
struct geo_place {
    struct str continent_code, continent_name, country_code, country_name, region_name, city, postal_code,
        time_zone, organisation;
    char region_code[16]; /* "SE-E" (ISO 3166-2), "" when not known */
    char location[32];    /* "latitude,longitude", "" when not known */
    int64_t as_number;    /* 0 = not known */
    bool is_known;        /* a database of places has the address */
};

/* One worker's look-ups, remembered by network (/24 of IPv4, /48 of IPv6): a set for each thread. */
struct geo_cache;
struct geo_cache *geo_cache_new(struct geo *g); /* takes over one reference */
void geo_cache_free(struct geo_cache *c);       /* NULL is fine */
/* Valid until the next call. */
const struct geo_place *geo_find(struct geo_cache *c, const struct ip *ip);

const struct geo *geo_cache_set(const struct geo_cache *c);

/* Adds fields only. */
void geo_describe(struct geo_cache *c, struct event *e, struct arena *a);

#endif
