/* Finds routes. Stage: console. Reads a decoded target and a method, leaves the route and what stood for its
 * placeholders. Next: http.c checks the request against the route and runs its handler. */
#include "console/router.h"

static const struct route_table *const TABLES[] = {
#define TABLE(name) &(name),
#include "console/routes.def"
#undef TABLE
    NULL,
};

static const struct {
    const char *name;
    enum method method;
} METHODS[] = {{"GET", METHOD_GET},        {"HEAD", METHOD_HEAD},   {"POST", METHOD_POST},
               {"PUT", METHOD_PUT},        {"PATCH", METHOD_PATCH}, {"DELETE", METHOD_DELETE},
               {"OPTIONS", METHOD_OPTIONS}};

const struct route_table *const *router_tables(void)
{
    return TABLES;
}

enum method method_parse(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(METHODS); i++)
        if (str_eq(name, str_c(METHODS[i].name)))
            return METHODS[i].method;
    return METHOD_OTHER;
}

const char *method_name(enum method m)
{
    for (size_t i = 0; i < COUNT_OF(METHODS); i++)
        if (METHODS[i].method == m)
            return METHODS[i].name;
    return "other";
}

struct str methods_text(unsigned allowed, struct arena *arena)
{
    struct str text = STR_EMPTY;
    for (size_t i = 0; i < COUNT_OF(METHODS); i++)
        if (allowed & 1u << METHODS[i].method)
            text = arena_printf(arena, "%.*s%s%s", STR_ARGS(text), text.n ? ", " : "", METHODS[i].name);
    return text;
}

static bool pattern_matches(const char *pattern, const struct target *target, struct str values[2])
{
    struct str rest = str_skip(str_c(pattern), 1), part;
    size_t at = 0, value = 0;
    while (str_split(&rest, '/', &part)) {
        if (at == target->segment_count)
            return false;
        struct str segment = target->segments[at++];
        if (part.n && part.p[0] == '{') {
            if (segment.n == 0)
                return false;
            values[value++] = segment;
        } else if (!str_eq(part, segment)) {
            return false;
        }
    }
    return at == target->segment_count;
}

const struct route *router_find(const struct target *target, enum method method, struct str values[2],
                                unsigned *allowed)
{
    enum method wanted = method == METHOD_HEAD ? METHOD_GET : method;
    const struct route *found = NULL;
    *allowed = 0;
    for (size_t t = 0; TABLES[t]; t++) {
        for (size_t i = 0; i < TABLES[t]->count; i++) {
            const struct route *route = &TABLES[t]->routes[i];
            struct str here[2] = {STR_EMPTY, STR_EMPTY};
            if (!pattern_matches(route->pattern, target, here))
                continue;
            *allowed |= 1u << route->method | 1u << METHOD_OPTIONS;
            if (route->method == METHOD_GET)
                *allowed |= 1u << METHOD_HEAD;
            if (route->method == wanted) {
                found = route;
                memcpy(values, here, sizeof here);
            }
        }
    }
    return found;
}
