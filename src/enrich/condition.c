/* What conditions.csv asks for (stage enrich, S105): "8080/tcp to a country of the list". Reads direction,
 * port, country, AS number and domain of a communication from inside; leaves hyakuyo.condition, one value for
 * each row that matched.
 *
 * Rows of one kind are alternatives. A port must match when there are rows of kind port; the place (country,
 * asn or domain) must match when there are rows about places. A place that is not known is no reason to leave
 * the communication out: it is marked "country:unknown" (or asn). */
#include "enrich/context_index.h"

static const char *const kind_names[CONDITION_KINDS] = {"country", "asn", "domain", "port"};

/* -------------------------------------------------------------------- index */

static struct str condition_key(char key[INDEX_KEY_MAX], int kind, struct str value)
{
    size_t n = 0;
    for (const char *p = kind_names[kind]; *p; p++)
        key[n++] = *p;
    key[n++] = ':';
    if (kind == CONDITION_ASN && str_starts_nocase(value, STR("AS")))
        value = str_skip(value, 2);
    for (size_t i = 0; i < value.n && n < INDEX_KEY_MAX; i++)
        key[n++] = ascii_lower(value.p[i]);
    return str_n(key, n);
}

static void index_port(struct context *c, const struct asset_condition *row)
{
    struct condition_index *x = &c->conditions;
    size_t slash = str_find_char(row->value, '/', 0);
    struct condition_port port = {.row = row};
    if (slash != STR_NOT_FOUND)
        port.transport = str_trim(str_skip(row->value, slash + 1));
    if (asset_port_parse(str_slice(row->value, 0, slash == STR_NOT_FOUND ? row->value.n : slash),
                         &port.range))
        x->ports[x->port_count++] = port;
}

void index_conditions(struct context *c)
{
    struct condition_index *x = &c->conditions;
    uint32_t count = c->set.counts[ASSET_CONDITIONS];
    x->ports = ARENA_ARRAY(&c->arena, struct condition_port, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        const struct asset_condition *row = &c->set.conditions[i];
        char key[INDEX_KEY_MAX];
        int kind = 0;
        while (kind < CONDITION_KINDS && !str_eq(row->kind, str_c(kind_names[kind])))
            kind++;
        if (kind == CONDITION_KINDS)
            continue;
        x->counts[kind]++;
        if (kind == CONDITION_PORT) {
            index_port(c, row);
            continue;
        }
        struct str text = arena_str(&c->arena, condition_key(key, kind, row->value));
        uintptr_t *place = map_put(&x->by_key, text, NULL);
        struct indexed *entry = ARENA_NEW(&c->arena, struct indexed);
        *entry = (struct indexed){(struct indexed *)*place, &row->row};
        *place = (uintptr_t)entry;
    }
}

/* ------------------------------------------------------------------ matching */

struct asking {
    const struct condition_index *index;
    struct event *e;
    struct arena *a;
    struct str found[8];
    uint32_t found_count;
};

static void find(struct asking *q, struct str text)
{
    if (q->found_count < COUNT_OF(q->found))
        q->found[q->found_count++] = arena_str(q->a, text);
}

static bool find_valid(struct asking *q, int kind, struct str value)
{
    char text[INDEX_KEY_MAX];
    struct str key = condition_key(text, kind, value);
    const struct indexed *entry = map_get_pointer(&q->index->by_key, key);
    for (; entry != NULL; entry = entry->next)
        if (asset_is_valid(entry->row, q->e->time_ns)) {
            find(q, key);
            return true;
        }
    return false;
}

static bool find_port(struct asking *q)
{
    int64_t port;
    if (!event_number(q->e, FIELD_DESTINATION_PORT, &port))
        return false;
    struct str transport = event_text(q->e, FIELD_NETWORK_TRANSPORT);
    for (uint32_t i = 0; i < q->index->port_count; i++) {
        const struct condition_port *p = &q->index->ports[i];
        if (port < p->range.from || port > p->range.to || !asset_is_valid(&p->row->row, q->e->time_ns) ||
            (p->transport.n && transport.n && !str_eq_nocase(p->transport, transport)))
            continue;
        find(q, arena_printf(q->a, "port:%lld", (long long)port));
        return true;
    }
    return false;
}

/* "a.b.c.example": itself, b.c.example, … */
static bool find_domain(struct asking *q)
{
    static const field_id fields[] = {FIELD_DESTINATION_DOMAIN, FIELD_URL_DOMAIN,
                                      FIELD_TLS_CLIENT_SERVER_NAME};
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        struct str name = event_text(q->e, fields[i]);
        while (name.n) {
            if (find_valid(q, CONDITION_DOMAIN, name))
                return true;
            size_t dot = str_find_char(name, '.', 0);
            name = dot == STR_NOT_FOUND ? STR_EMPTY : str_skip(name, dot + 1);
        }
    }
    return false;
}

enum place { PLACE_ELSEWHERE, PLACE_UNKNOWN, PLACE_LISTED };

static enum place find_place(struct asking *q)
{
    const uint32_t *counts = q->index->counts;
    struct str country = event_text(q->e, FIELD_DESTINATION_GEO_COUNTRY_ISO_CODE);
    int64_t asn = 0;
    bool has_asn = event_number(q->e, FIELD_DESTINATION_AS_NUMBER, &asn);
    bool is_listed = counts[CONDITION_DOMAIN] && find_domain(q);
    if (counts[CONDITION_COUNTRY] && country.n)
        is_listed |= find_valid(q, CONDITION_COUNTRY, country);
    if (counts[CONDITION_ASN] && has_asn)
        is_listed |= find_valid(q, CONDITION_ASN, arena_printf(q->a, "%lld", (long long)asn));
    if (is_listed)
        return PLACE_LISTED;
    bool country_missing = counts[CONDITION_COUNTRY] && country.n == 0,
         asn_missing = counts[CONDITION_ASN] && !has_asn;
    if (country_missing)
        find(q, STR("country:unknown"));
    if (asn_missing)
        find(q, STR("asn:unknown"));
    return country_missing || asn_missing ? PLACE_UNKNOWN : PLACE_ELSEWHERE;
}

/* From inside to outside; a proxy's line may name no address. */
static bool is_outward(const struct context *c, const struct event *e)
{
    struct str direction = event_text(e, FIELD_HYAKUYO_DIRECTION), source = event_text(e, FIELD_SOURCE_IP);
    if (direction.n)
        return str_eq(direction, STR("outbound"));
    return source.n && event_text(e, FIELD_URL_DOMAIN).n && context_is_inside(c, source, e->time_ns);
}

void enrich_conditions(const struct context *c, struct event *e, struct arena *a)
{
    const struct condition_index *x = &c->conditions;
    struct asking q = {.index = x, .e = e, .a = a};
    bool asks_port = x->counts[CONDITION_PORT],
         asks_place = x->counts[CONDITION_COUNTRY] || x->counts[CONDITION_ASN] || x->counts[CONDITION_DOMAIN];
    if (!(asks_port || asks_place) || !is_outward(c, e) || (asks_port && !find_port(&q)) ||
        (asks_place && find_place(&q) == PLACE_ELSEWHERE))
        return;
    for (uint32_t i = 0; i < q.found_count; i++)
        event_add(e, a, FIELD_HYAKUYO_CONDITION, q.found[i]);
}
