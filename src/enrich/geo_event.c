/* The place of an event's public addresses (stage enrich). Reads source.ip and destination.ip; leaves
 * *.geo.*, *.as.* and hyakuyo.geo.database. enrich.c is next. */
#include "enrich/geo.h"

struct end {
    field_id ip, continent_code, continent_name, country_code, country_name, region_code, region_name, city,
        postal_code, time_zone, location, name, as_number, organisation;
};

#define END(side)                                                                                            \
    {                                                                                                        \
        FIELD_##side##_IP, FIELD_##side##_GEO_CONTINENT_CODE, FIELD_##side##_GEO_CONTINENT_NAME,             \
            FIELD_##side##_GEO_COUNTRY_ISO_CODE, FIELD_##side##_GEO_COUNTRY_NAME,                            \
            FIELD_##side##_GEO_REGION_ISO_CODE, FIELD_##side##_GEO_REGION_NAME,                              \
            FIELD_##side##_GEO_CITY_NAME, FIELD_##side##_GEO_POSTAL_CODE, FIELD_##side##_GEO_TIMEZONE,       \
            FIELD_##side##_GEO_LOCATION, FIELD_##side##_GEO_NAME, FIELD_##side##_AS_NUMBER,                  \
            FIELD_##side##_AS_ORGANIZATION_NAME                                                              \
    }
static const struct end ends[] = {END(SOURCE), END(DESTINATION)};

/* Texts of the databases are copied: the event outlives them. */
static void add(struct event *e, struct arena *a, field_id field, struct str text)
{
    if (text.n)
        event_add(e, a, field, arena_str(a, text));
}

/* A parser that names another country knows better than the database, or it lies: the two are not mixed. */
static bool is_contradicted(const struct event *e, const struct end *end, const struct geo_place *p)
{
    struct str said = event_text(e, end->country_code);
    return said.n && p->country_code.n && !str_eq_nocase(said, p->country_code);
}

static void add_place(struct event *e, struct arena *a, const struct end *end, const struct geo_place *p)
{
    add(e, a, end->continent_code, p->continent_code);
    add(e, a, end->continent_name, p->continent_name);
    add(e, a, end->country_code, p->country_code);
    add(e, a, end->country_name, p->country_name);
    add(e, a, end->region_code, str_c(p->region_code));
    add(e, a, end->region_name, p->region_name);
    add(e, a, end->city, p->city);
    add(e, a, end->postal_code, p->postal_code);
    add(e, a, end->time_zone, p->time_zone);
    add(e, a, end->location, str_c(p->location));
}

static bool describe_end(struct geo_cache *c, struct event *e, struct arena *a, const struct end *end)
{
    struct ip ip;
    struct str text = event_text(e, end->ip);
    if (text.n == 0 || !ip_parse(text, &ip) || ip_is_private(&ip))
        return false;
    const struct geo_place *p = geo_find(c, &ip);
    bool is_public = ip_is_public(&ip);
    if (!is_public && !p->is_known && p->as_number == 0)
        return false; /* loopback, multicast: no place is missing */
    if (!is_contradicted(e, end, p))
        add_place(e, a, end, p);
    if (!p->is_known && is_public)
        event_add(e, a, end->name, STR("unknown"));
    if (p->as_number)
        event_add_number(e, a, end->as_number, p->as_number);
    add(e, a, end->organisation, p->organisation);
    return true;
}

/* "GeoLite2-City 2025-11-04": an answer of another day may differ. */
static void name_databases(const struct geo *g, struct event *e, struct arena *a)
{
    for (size_t i = 0; i < geo_count(g); i++)
        event_add(e, a, FIELD_HYAKUYO_GEO_DATABASE, arena_str(a, geo_database(g, i).name));
}

void geo_describe(struct geo_cache *c, struct event *e, struct arena *a)
{
    bool any = false;
    for (size_t i = 0; i < COUNT_OF(ends); i++)
        any |= describe_end(c, e, a, &ends[i]);
    if (any)
        name_databases(geo_cache_set(c), e, a);
}
