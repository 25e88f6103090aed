/* Instrument: hosts that ask for generated names (spec 2.4, S66, S106). Reads questions of DNS; tells bursts
 * of domains that do not exist, apart by whether the names look drawn by lot. Where the log keeps no answers
 * (BIND's query log) twice as many names that look generated do.
 *
 * Each host keeps its latest RING distinct registered domains with the time of the question. Next:
 * dns_tunnel.c. */
#include "instrument/dga.h"

#include "base/memory.h"
#include "instrument/kinds.h"
#include "instrument/name_score.h"
#include "instrument/target.h"

#define RING 32

enum { GENERATED_NAMES, NXDOMAIN_BURST };
static const char *const findings[] = {"generated_names", "nxdomain_burst"};

struct dga_parameters {
    double burst_domains, burst_minutes, generated_share, generated_likeness, unanswered_domains,
        repeat_minutes, max_hosts;
};

#define P(field, low, high)                                                                                  \
    {                                                                                                        \
#field, offsetof(struct dga_parameters, field), low, high                                            \
    }
static const struct parameter parameters[] = {
    P(burst_domains, 2, RING),   P(burst_minutes, 1, 1440),      P(generated_share, 0, 1),
    P(generated_likeness, 0, 1), P(unanswered_domains, 2, RING), P(repeat_minutes, 1, 10080),
    P(max_hosts, 100, 1e7),
};
#undef P

struct asked {
    uint32_t hash; /* of the registered domain */
    uint32_t time_s;
    uint16_t likeness;   /* thousandths */
    uint16_t is_missing; /* NXDOMAIN; else no answer was recorded */
};

struct host {
    int64_t told_ns[NXDOMAIN_BURST + 1];
    uint32_t at, count;
    struct asked ring[RING];
};

/* Of the labels asked for lately: a pure function of them, so it is not saved. */
#define REMEMBERED 4096

struct judged {
    uint64_t hash;
    double likeness;
};

struct dga {
    const struct dga_parameters *p;
    struct judged *judged;
    struct keyed *hosts;
    struct name_model *model;
    struct name_set ignored;
};

static void *open_dga(struct instrument *i)
{
    struct dga *d = NEW(struct dga);
    size_t count;
    const struct str *words = instrument_list(i, "words", &count);
    d->p = instrument_parameters(i);
    d->hosts = keyed_new(&(struct keyed_options){.record_bytes = sizeof(struct host),
                                                 .max_entries = (uint32_t)d->p->max_hosts});
    d->judged = NEW_ARRAY(struct judged, REMEMBERED);
    d->model = name_model_new(words, count);
    name_set_fill(&d->ignored, i, "ignored");
    return d;
}

static void close_dga(void *state)
{
    struct dga *d = state;
    keyed_free(d->hosts);
    name_model_free(d->model);
    name_set_free(&d->ignored);
    memory_free(d->judged);
    memory_free(d);
}

double dga_likeness(void *const *dga, struct str label)
{
    const struct dga *d = dga ? *dga : NULL;
    return d ? generated_likeness(d->model, label) : 0;
}

/* ------------------------------------------------------------------------------------ burst */

struct burst {
    double missing, generated, missing_generated;
};

static struct burst burst_of(const struct dga *d, const struct host *h, int64_t now_ns)
{
    int64_t from = seconds_of(now_ns) - (int64_t)(d->p->burst_minutes * 60);
    struct burst b = {0};
    for (uint32_t n = 0; n < h->count; n++) {
        const struct asked *a = &h->ring[n];
        if (a->time_s <= from)
            continue;
        bool is_generated = a->likeness >= 1000 * d->p->generated_likeness;
        b.missing += a->is_missing;
        b.generated += is_generated;
        b.missing_generated += is_generated && a->is_missing;
    }
    return b;
}

static void tell(struct dga *d, struct instrument *i, const struct sight *s, struct host *h, unsigned finding,
                 const struct burst *b, double statistic, double threshold)
{
    int64_t repeat_ns = (int64_t)(d->p->repeat_minutes * 60) * NS_PER_SECOND;
    if (h->told_ns[finding] != 0 && s->time_ns - h->told_ns[finding] < repeat_ns)
        return;
    h->told_ns[finding] = h->told_ns[NXDOMAIN_BURST] = s->time_ns; /* the weaker one is implied */
    struct facts f = {.count = 0};
    fact_number(&f, "generated_names", b->generated);
    fact_number(&f, "missing_names", b->missing);
    fact_text(&f, "latest", s->registered_domain);
    struct reading r = {.finding = finding,
                        .statistic_name = "distinct_domains",
                        .statistic = statistic,
                        .threshold = threshold,
                        .window_ns = (int64_t)(d->p->burst_minutes * 60) * NS_PER_SECOND,
                        .peer = s->registered_domain,
                        .facts = f.items,
                        .fact_count = f.count};
    reading_about(&r, s);
    instrument_tell(i, &r);
}

static void decide(struct dga *d, struct instrument *i, const struct sight *s, struct host *h)
{
    struct burst b = burst_of(d, h, s->time_ns);
    if (b.missing >= d->p->burst_domains && b.missing_generated >= d->p->generated_share * b.missing)
        tell(d, i, s, h, GENERATED_NAMES, &b, b.missing, d->p->burst_domains);
    else if (b.generated >= d->p->unanswered_domains)
        tell(d, i, s, h, GENERATED_NAMES, &b, b.generated, d->p->unanswered_domains);
    else if (b.missing >= d->p->burst_domains)
        tell(d, i, s, h, NXDOMAIN_BURST, &b, b.missing, d->p->burst_domains);
}

/* Names with a dot, asked for by hosts that ask for themselves. */
static bool is_of_interest(const struct sight *s)
{
    bool is_missing = str_eq(s->response_code, STR("NXDOMAIN"));
    return s->key.n && (is_missing || s->response_code.n == 0) &&
           !(s->roles & (ROLE_DNS_SERVER | ROLE_MAIL_SERVER | ROLE_PROXY)) &&
           !(s->exceptions & EXCEPTED_DNS) &&
           memchr(s->registered_domain.p, '.', s->registered_domain.n) != NULL;
}

static double remembered_likeness(struct dga *d, struct str label)
{
    uint64_t hash = str_hash(label);
    struct judged *j = &d->judged[hash % REMEMBERED];
    if (j->hash != hash)
        *j = (struct judged){hash, generated_likeness(d->model, label)};
    return j->likeness;
}

static void see_dga(void *state, struct instrument *i, const struct sight *s)
{
    struct dga *d = state;
    bool is_missing = s->response_code.n != 0;
    if (!is_of_interest(s))
        return;
    double likeness = remembered_likeness(d, first_label(s->registered_domain));
    if ((!is_missing && likeness < d->p->generated_likeness) ||
        name_set_holds(&d->ignored, s->registered_domain))
        return;
    struct host *h = keyed_put(d->hosts, s->key, s->time_ns, NULL);
    uint32_t hash = (uint32_t)str_hash(s->registered_domain), now = (uint32_t)seconds_of(s->time_ns);
    for (uint32_t n = 0; n < h->count; n++)
        if (h->ring[n].hash == hash) {
            h->ring[n].time_s = now > h->ring[n].time_s ? now : h->ring[n].time_s;
            h->ring[n].is_missing |= is_missing;
            return;
        }
    h->ring[h->at++ % RING] = (struct asked){hash, now, (uint16_t)(1000 * likeness + 0.5), is_missing};
    h->count += h->count < RING;
    decide(d, i, s, h);
}

static void save_dga(const void *state, struct buf *out)
{
    keyed_save(((const struct dga *)state)->hosts, out);
}

static bool load_dga(void *state, struct cursor *in)
{
    return keyed_load(((struct dga *)state)->hosts, in);
}

static void measure_dga(const void *state, struct instrument_info *out)
{
    const struct dga *d = state;
    out->entries = keyed_count(d->hosts);
    out->dropped = keyed_dropped(d->hosts);
    out->bytes = keyed_bytes(d->hosts);
}

const struct instrument_kind dga_kind = {
    .name = "dga",
    .version = 1,
    .wants = SIGHT_DNS,
    .parameter_bytes = sizeof(struct dga_parameters),
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .findings = findings,
    .finding_count = COUNT_OF(findings),
    .open = open_dga,
    .close = close_dga,
    .see = see_dga,
    .save = save_dga,
    .load = load_dga,
    .measure = measure_dga,
};
