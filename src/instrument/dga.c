/* Instrument: hosts that ask for generated names (spec 2.4, S66, S106). Reads questions of DNS; tells bursts
 * of domains that do not exist, apart by whether the names look drawn by lot and by whether the host asks for
 * anything else. Where the log keeps no answers (BIND's query log) twice as many names that look generated
 * do, when they are more of what the host asks for than chance and odd names make. Who asks slowly makes no
 * burst: the day is looked at too.
 *
 * Each host keeps its latest RING distinct registered domains that are missing or look generated, with the
 * time of the question, and estimates of how many it asked for in all. Next: dns_tunnel.c. */
#include "instrument/dga.h"

#include "base/domain.h"
#include "base/memory.h"
#include "instrument/destination.h"
#include "instrument/distinct.h"
#include "instrument/kinds.h"
#include "instrument/name_model.h"
#include "instrument/name_score.h"
#include "instrument/target.h"

#define RING       32
#define COUNT_LOG2 9 /* bits of an estimate: within 3 % at 200 domains */

/* From the graver to the milder: what is told implies those after it. */
enum { GENERATED_NAMES, NXDOMAIN_FLOOD, NXDOMAIN_BURST, FINDINGS };
static const char *const findings[] = {"generated_names", "nxdomain_flood", "nxdomain_burst"};

struct dga_parameters {
    double burst_domains, burst_minutes, generated_share, generated_likeness, unanswered_domains,
        unanswered_share, flood_domains, flood_share, flood_others, slow_domains, slow_hours, repeat_minutes,
        max_hosts;
};

#define P(field, low, high)                                                                                  \
    {                                                                                                        \
#field, offsetof(struct dga_parameters, field), low, high                                            \
    }
static const struct parameter parameters[] = {
    P(burst_domains, 2, RING),   P(burst_minutes, 1, 1440),      P(generated_share, 0, 1),
    P(generated_likeness, 0, 1), P(unanswered_domains, 2, RING), P(unanswered_share, 0, 1),
    P(flood_domains, 2, 1000),   P(flood_share, 0, 1),           P(flood_others, 0, 1000),
    P(slow_domains, 2, 1000),    P(slow_hours, 1, 168),          P(repeat_minutes, 1, 10080),
    P(max_hosts, 100, 1e7),
};
#undef P

struct asked {
    uint32_t hash; /* of the registered domain */
    uint32_t time_s;
    uint16_t likeness;   /* thousandths */
    uint16_t is_missing; /* NXDOMAIN; else no answer was recorded */
};

/* Distinct registered domains of this stretch of time and of the one before. */
struct domains {
    uint64_t bits[2][1 << (COUNT_LOG2 - 6)];
};

struct burst_window {
    int64_t stretch; /* number of the present one since 1970, each of burst_minutes */
    struct domains all, missing, generated;
};

struct slow_window {
    int64_t stretch; /* each of slow_hours */
    struct domains missing, missing_generated;
};

struct host {
    int64_t told_ns[FINDINGS];
    uint32_t at, count;
    struct burst_window burst;
    struct slow_window slow;
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
    void *const *destination;
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
    d->destination = instrument_neighbour(i, "destination");
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

/* ---------------------------------------------------------------------------------- domains */

/* 0: the present stretch, 1: the one before, else too late to count. Time that has gone on moves both. */
static int64_t stretch_at(int64_t time_ns, double minutes, int64_t *present, struct domains *const *all,
                          size_t count)
{
    int64_t now = seconds_of(time_ns) / (int64_t)(minutes * 60);
    for (size_t i = 0; i < count && now > *present; i++) {
        if (now == *present + 1)
            memcpy(all[i]->bits[1], all[i]->bits[0], sizeof all[i]->bits[1]);
        else
            memset(all[i]->bits[1], 0, sizeof all[i]->bits[1]);
        memset(all[i]->bits[0], 0, sizeof all[i]->bits[0]);
    }
    *present = now > *present ? now : *present;
    return *present - now;
}

static void count_domain(struct domains *d, int64_t stretch, uint64_t hash)
{
    if (stretch <= 1)
        bitmap_add(d->bits[stretch], COUNT_LOG2, hash);
}

static double domains_count(const struct domains *d)
{
    uint64_t both[COUNT_OF(d->bits[0])];
    for (size_t i = 0; i < COUNT_OF(both); i++)
        both[i] = d->bits[0][i] | d->bits[1][i];
    return bitmap_count(both, COUNT_LOG2);
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
                 double minutes, double statistic, double threshold)
{
    struct burst b = burst_of(d, h, s->time_ns);
    int64_t repeat_ns = (int64_t)(d->p->repeat_minutes * 60) * NS_PER_SECOND;
    if (h->told_ns[finding] != 0 && s->time_ns - h->told_ns[finding] < repeat_ns)
        return;
    for (unsigned n = finding; n < FINDINGS; n++)
        h->told_ns[n] = s->time_ns;
    struct facts f = {.count = 0};
    fact_number(&f, "generated_names", b.generated);
    fact_number(&f, "missing_names", b.missing);
    fact_number(&f, "asked_names", domains_count(&h->burst.all));
    fact_text(&f, "latest", s->registered_domain);
    struct reading r = {.finding = finding,
                        .statistic_name = "distinct_domains",
                        .statistic = statistic,
                        .threshold = threshold,
                        .window_ns = (int64_t)(minutes * 60) * NS_PER_SECOND,
                        .peer = s->registered_domain,
                        .facts = f.items,
                        .fact_count = f.count};
    reading_about(&r, s);
    instrument_tell(i, &r);
}

/* Odd names that people chose are a few of a hundred: one who asks for thousands asks for many of them. */
static bool is_mostly(const struct domains *part, const struct domains *all, double share)
{
    return domains_count(part) >= share * domains_count(all);
}

/* More than make a burst, at whatever pace. */
static bool is_slow(const struct dga_parameters *p, const struct slow_window *w)
{
    return domains_count(&w->missing_generated) >= p->slow_domains &&
           is_mostly(&w->missing_generated, &w->missing, p->generated_share);
}

/* Where hardly anything exists the resolver has no way out: an isolated network, an outage. */
static bool is_flood(const struct dga_parameters *p, const struct burst_window *w)
{
    double missing = domains_count(&w->missing), all = domains_count(&w->all);
    return missing >= p->flood_domains && missing >= p->flood_share * all && all - missing > p->flood_others;
}

static void decide(struct dga *d, struct instrument *i, const struct sight *s, struct host *h)
{
    const struct dga_parameters *p = d->p;
    const struct burst_window *w = &h->burst;
    struct burst b = burst_of(d, h, s->time_ns);
    if (b.missing >= p->burst_domains && b.missing_generated >= p->generated_share * b.missing)
        tell(d, i, s, h, GENERATED_NAMES, p->burst_minutes, b.missing, p->burst_domains);
    else if (b.generated >= p->unanswered_domains && is_mostly(&w->generated, &w->all, p->unanswered_share))
        tell(d, i, s, h, GENERATED_NAMES, p->burst_minutes, b.generated, p->unanswered_domains);
    else if (is_slow(p, &h->slow))
        tell(d, i, s, h, GENERATED_NAMES, 2 * 60 * p->slow_hours, domains_count(&h->slow.missing_generated),
             p->slow_domains);
    else if (is_flood(p, w))
        tell(d, i, s, h, NXDOMAIN_FLOOD, 2 * p->burst_minutes, domains_count(&w->missing), p->flood_domains);
    else if (b.missing >= p->burst_domains)
        tell(d, i, s, h, NXDOMAIN_BURST, p->burst_minutes, b.missing, p->burst_domains);
}

/* Names with a dot, asked for by hosts that ask for themselves. */
static bool is_of_interest(const struct sight *s)
{
    return s->key.n && !(s->roles & (ROLE_DNS_SERVER | ROLE_MAIL_SERVER | ROLE_PROXY)) &&
           !(s->exceptions & EXCEPTED_DNS) &&
           memchr(s->registered_domain.p, '.', s->registered_domain.n) != NULL;
}

/* A name that a provider gives its customers by lot, as content networks do; not where anybody may choose. */
static bool is_tenant(const struct dga *d, struct str registered)
{
    return domain_is_below_private_suffix(registered) && !destination_is_dynamic(d->destination, registered);
}

static double remembered_likeness(struct dga *d, struct str registered)
{
    struct str label = first_label(registered);
    uint64_t hash = str_hash(label);
    struct judged *j = &d->judged[hash % REMEMBERED];
    if (j->hash != hash)
        *j = (struct judged){hash, generated_likeness(d->model, label)};
    return j->likeness >= d->p->generated_likeness && is_tenant(d, registered) ? 0 : j->likeness;
}

static void note(struct host *h, const struct asked *latest)
{
    h->ring[h->at++ % RING] = *latest;
    h->count += h->count < RING;
}

/* Whether the domain is among the latest; then it has been asked for again. */
static bool is_again(struct host *h, const struct asked *latest)
{
    for (uint32_t n = 0; n < h->count; n++) {
        struct asked *a = &h->ring[n];
        if (a->hash != latest->hash)
            continue;
        a->time_s = latest->time_s > a->time_s ? latest->time_s : a->time_s;
        a->is_missing |= latest->is_missing;
        return true;
    }
    return false;
}

static void count_burst(const struct dga_parameters *p, struct burst_window *w, const struct sight *s,
                        bool is_suspect, bool is_missing)
{
    struct domains *all[] = {&w->all, &w->missing, &w->generated};
    int64_t stretch = stretch_at(s->time_ns, p->burst_minutes, &w->stretch, all, COUNT_OF(all));
    count_domain(&w->all, stretch, s->registered_hash);
    if (is_suspect)
        count_domain(is_missing ? &w->missing : &w->generated, stretch, s->registered_hash);
}

static void count_slow(const struct dga_parameters *p, struct slow_window *w, const struct sight *s,
                       bool is_generated)
{
    struct domains *all[] = {&w->missing, &w->missing_generated};
    int64_t stretch = stretch_at(s->time_ns, p->slow_hours * 60, &w->stretch, all, COUNT_OF(all));
    count_domain(&w->missing, stretch, s->registered_hash);
    if (is_generated)
        count_domain(&w->missing_generated, stretch, s->registered_hash);
}

static void see_dga(void *state, struct instrument *i, const struct sight *s)
{
    struct dga *d = state;
    if (!is_of_interest(s))
        return;
    bool is_missing = str_eq(s->response_code, STR("NXDOMAIN"));
    bool is_unknown = s->response_code.n == 0;
    double likeness = is_missing || is_unknown ? remembered_likeness(d, s->registered_domain) : 0;
    bool is_suspect = is_missing || (is_unknown && likeness >= d->p->generated_likeness);
    if (is_suspect && name_set_holds(&d->ignored, s->registered_domain))
        return;
    struct host *h =
        is_suspect ? keyed_put(d->hosts, s->key, s->time_ns, NULL) : keyed_find(d->hosts, s->key);
    if (h == NULL)
        return; /* of hosts without any suspect domain the others are of no interest */
    count_burst(d->p, &h->burst, s, is_suspect, is_missing);
    if (!is_suspect)
        return;
    if (is_missing)
        count_slow(d->p, &h->slow, s, likeness >= d->p->generated_likeness);
    struct asked latest = {(uint32_t)s->registered_hash, (uint32_t)seconds_of(s->time_ns),
                           (uint16_t)(1000 * likeness + 0.5), is_missing};
    if (is_again(h, &latest))
        return;
    note(h, &latest);
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
    .version = 3,
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
