/* Instrument: communications that conditions.csv asks for (S105), "8080/tcp to a country of the list". Reads
 * hyakuyo.condition, which enrich/condition.c left on a communication from inside; tells each host and
 * condition once a day, with how often. Where country or AS is not known the communication is told as
 * unknown, not left out: with a port in the conditions for each host, else once a day for all, since without
 * a GeoIP database that is everything. */
#include "instrument/kinds.h"

#include <stdio.h>

#include "base/memory.h"

#define DAY_NS   (INT64_C(86400) * NS_PER_SECOND)
#define TEXT_MAX 160

enum { MATCHED, UNKNOWN };
static const char *const findings[] = {"condition_matched", "condition_unknown"};

struct conditions_parameters {
    double repeat_hours, max_entries;
};

#define P(field, low, high)                                                                                  \
    {                                                                                                        \
#field, offsetof(struct conditions_parameters, field), low, high                                     \
    }
static const struct parameter parameters[] = {P(repeat_hours, 1, 8760), P(max_entries, 100, 1e7)};
#undef P

struct tally {
    int64_t told_ns;
    uint64_t count, counted_when_told;
};

struct conditions {
    const struct conditions_parameters *p;
    struct keyed *tallies; /* host and condition */
    uint64_t excepted;
};

static void *open_conditions(struct instrument *i)
{
    struct conditions *c = NEW(struct conditions);
    c->p = instrument_parameters(i);
    c->tallies = keyed_new(&(struct keyed_options){.record_bytes = sizeof(struct tally),
                                                   .max_entries = (uint32_t)c->p->max_entries});
    return c;
}

static void close_conditions(void *state)
{
    struct conditions *c = state;
    keyed_free(c->tallies);
    memory_free(c);
}

/* What the event carries: the conditions as one text, "port:8080 country:zz". */
struct condition {
    char text[TEXT_MAX];
    size_t n;
    bool has_port, is_unknown;
};

static void read_condition(struct condition *c, const struct event *e)
{
    for (const struct value *v = e->values, *end = v + e->count; v < end; v++) {
        if (v->field != FIELD_HYAKUYO_CONDITION)
            continue;
        struct str text = value_text(v);
        c->has_port |= str_starts(text, STR("port:"));
        c->is_unknown |= str_ends(text, STR(":unknown"));
        if (c->n + text.n + 1 > sizeof c->text)
            continue;
        if (c->n)
            c->text[c->n++] = ' ';
        memcpy(c->text + c->n, text.p, text.n);
        c->n += text.n;
    }
}

static struct str or_unknown(struct str text)
{
    return text.n ? text : STR("unknown");
}

static void tell(struct instrument *i, const struct sight *s, const struct condition *c, struct tally *t)
{
    char port[8];
    struct matched_value facts[] = {
        {STR("condition"), str_n(c->text, c->n)},
        {STR("destination.port"), {port, 0}},
        {STR("destination.geo.country_iso_code"),
         or_unknown(event_text(s->event, FIELD_DESTINATION_GEO_COUNTRY_ISO_CODE))},
        {STR("destination.as.organization.name"),
         or_unknown(event_text(s->event, FIELD_DESTINATION_AS_ORGANIZATION_NAME))},
    };
    facts[1].text.n = (size_t)snprintf(port, sizeof port, "%u", s->port);
    struct reading r = {.finding = c->is_unknown ? UNKNOWN : MATCHED,
                        .statistic_name = "connections",
                        .statistic = (double)(t->count - t->counted_when_told),
                        .threshold = 1,
                        .peer = s->destination.text.n ? s->destination.text : s->domain,
                        .facts = facts,
                        .fact_count = COUNT_OF(facts)};
    reading_about(&r, s);
    t->told_ns = s->time_ns;
    t->counted_when_told = t->count;
    instrument_tell(i, &r);
}

static void see_conditions(void *state, struct instrument *i, const struct sight *s)
{
    struct conditions *all = state;
    if (event_get(s->event, FIELD_HYAKUYO_CONDITION) == NULL || s->key.n == 0)
        return;
    if (s->exceptions & (EXCEPTED_APPLICATION | EXCEPTED_DESTINATION)) {
        all->excepted++;
        return;
    }
    struct condition c = {.n = 0};
    char key[TEXT_MAX + 100];
    read_condition(&c, s->event);
    bool is_for_all = c.is_unknown && !c.has_port;
    struct str host = is_for_all ? STR_EMPTY : str_slice(s->key, 0, 98);
    int n = snprintf(key, sizeof key, "%.*s\n%.*s", STR_ARGS(host), (int)c.n, c.text);
    struct tally *t = keyed_put(all->tallies, str_n(key, (size_t)n), s->time_ns, NULL);
    t->count++;
    if (t->told_ns == 0 || s->time_ns >= t->told_ns + (int64_t)(all->p->repeat_hours * 3600) * NS_PER_SECOND)
        tell(i, s, &c, t);
}

static void reach_conditions(void *state, struct instrument *i, int64_t watermark_ns)
{
    struct conditions *c = state;
    (void)i;
    keyed_drop_before(c->tallies, watermark_ns - 400 * DAY_NS);
}

static void save_conditions(const void *state, struct buf *out)
{
    const struct conditions *c = state;
    buf_bytes(out, &c->excepted, sizeof c->excepted);
    keyed_save(c->tallies, out);
}

static bool load_conditions(void *state, struct cursor *in)
{
    struct conditions *c = state;
    cursor_bytes(in, &c->excepted, sizeof c->excepted);
    return keyed_load(c->tallies, in);
}

static void measure_conditions(const void *state, struct instrument_info *out)
{
    const struct conditions *c = state;
    out->excepted = c->excepted;
    out->entries = keyed_count(c->tallies);
    out->dropped = keyed_dropped(c->tallies);
    out->bytes = keyed_bytes(c->tallies);
}

const struct instrument_kind conditions_kind = {
    .name = "conditions",
    .version = 1,
    .wants = SIGHT_FLOW | SIGHT_WEB,
    .parameter_bytes = sizeof(struct conditions_parameters),
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .findings = findings,
    .finding_count = COUNT_OF(findings),
    .open = open_conditions,
    .close = close_conditions,
    .see = see_conditions,
    .reach = reach_conditions,
    .save = save_conditions,
    .load = load_conditions,
    .measure = measure_conditions,
};
