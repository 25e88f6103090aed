/* Instrument: a host that the network says is infected and that its own antivirus calls clean (S76). Reads
 * findings about the network by rules and other instruments, and full scans that end without a verdict; tells
 * "rootkit suspected". A host that hides its infection cannot be closed on its own word.
 *
 *   evidence of a host = Σ over groups of the strongest ln LR in it (spec 4.4), of the last days
 *   posterior ≥ medium at the Green prior ⇔ Π LR ≥ (.3/.7) / (.002/.998) = 214 */
#include "instrument/kinds.h"

#include <math.h>
#include <stdio.h>

#include "base/memory.h"

#define GROUPS 12
#define DAY_NS (24 * 3600 * NS_PER_SECOND)

enum { ROOTKIT_SUSPECTED };
static const char *const findings[] = {"rootkit_suspected"};

struct blind_parameters {
    double least_ratio, evidence_days, clean_hours, repeat_days, max_hosts;
};

#define P(field, low, high)                                                                                  \
    {                                                                                                        \
#field, offsetof(struct blind_parameters, field), low, high                                          \
    }
static const struct parameter parameters[] = {
    P(least_ratio, 2, 1e6), P(evidence_days, 1, 90), P(clean_hours, 1, 720),
    P(repeat_days, 1, 365), P(max_hosts, 10, 1e7),
};
#undef P

/* Kept under the host's address and under its name: records of antivirus often know the name only. */
struct host {
    int64_t clean_ns, malware_ns, told_ns; /* 0 = never */
    struct {
        uint64_t group;
        double ratio;
        int64_t time_ns;
    } evidence[GROUPS];
};

struct blind {
    const struct blind_parameters *p;
    struct keyed *hosts;
};

static void *open_blind(struct instrument *i)
{
    struct blind *b = NEW(struct blind);
    b->p = instrument_parameters(i);
    b->hosts =
        keyed_new(&(struct keyed_options){sizeof(struct host), (uint32_t)(b->p->max_hosts * 2), NULL, NULL});
    return b;
}

static void close_blind(void *state)
{
    struct blind *b = state;
    keyed_free(b->hosts);
    memory_free(b);
}

static struct host *host_at(struct blind *b, struct str name, int64_t time_ns)
{
    char key[256];
    size_t n = name.n < sizeof key ? name.n : sizeof key;
    for (size_t i = 0; i < n; i++)
        key[i] = ascii_lower(name.p[i]);
    return n ? keyed_put(b->hosts, str_n(key, n), time_ns, NULL) : NULL;
}

static bool is_of_network(const struct instrument *i, struct str group)
{
    size_t count;
    const struct str *groups = instrument_list(i, "network_groups", &count);
    for (size_t n = 0; n < count; n++)
        if (str_eq(groups[n], group))
            return true;
    return false;
}

static void note_evidence(struct host *h, const struct finding *f)
{
    uint64_t group = str_hash(f->evidence_group);
    size_t at = 0;
    for (size_t n = 0; n < GROUPS; n++) {
        if (h->evidence[n].group == group) {
            at = n;
            break;
        }
        if (h->evidence[n].time_ns < h->evidence[at].time_ns)
            at = n;
    }
    if (h->evidence[at].group != group || f->likelihood_ratio > h->evidence[at].ratio)
        h->evidence[at].ratio = f->likelihood_ratio;
    h->evidence[at].group = group;
    h->evidence[at].time_ns = f->time_ns;
}

static double weight_of(const struct blind *b, const struct host *h, int64_t now_ns)
{
    double ratio = 1;
    for (size_t n = 0; n < GROUPS; n++)
        if (h->evidence[n].group != 0 &&
            now_ns - h->evidence[n].time_ns < (int64_t)(b->p->evidence_days * DAY_NS))
            ratio *= h->evidence[n].ratio;
    return ratio;
}

static void judge(const struct blind *b, struct instrument *i, struct host *h, struct reading r)
{
    char clean[TIME_TEXT_MAX];
    double ratio = weight_of(b, h, r.time_ns);
    bool is_clean = h->clean_ns != 0 &&
                    r.time_ns - h->clean_ns < (int64_t)(b->p->clean_hours * DAY_NS / 24) &&
                    h->malware_ns < h->clean_ns - DAY_NS;
    bool is_told = h->told_ns != 0 && r.time_ns - h->told_ns < (int64_t)(b->p->repeat_days * DAY_NS);
    if (!is_clean || is_told || ratio < b->p->least_ratio)
        return;
    h->told_ns = r.time_ns;
    struct matched_value fact = {STR("clean_scan_at"), str_n(clean, time_format_iso(h->clean_ns, clean))};
    r.finding = ROOTKIT_SUSPECTED;
    r.statistic_name = "network_likelihood_ratio";
    r.statistic = ratio;
    r.threshold = b->p->least_ratio;
    r.window_ns = (int64_t)(b->p->evidence_days * DAY_NS);
    r.facts = &fact;
    r.fact_count = 1;
    instrument_tell(i, &r);
}

/* Both places of a host are kept alike; one of them tells. */
static void found_blind(void *state, struct instrument *i, const struct finding *f)
{
    struct blind *b = state;
    struct str names[] = {f->host_ip, f->host_name};
    bool is_told = false;
    if (f->likelihood_ratio <= 1 || !is_of_network(i, f->evidence_group))
        return;
    for (size_t n = 0; n < COUNT_OF(names); n++) {
        struct host *h = host_at(b, names[n], f->time_ns);
        if (h == NULL)
            continue;
        int64_t before_ns = h->told_ns;
        note_evidence(h, f);
        if (is_told)
            h->told_ns = f->time_ns;
        else
            judge(b, i, h,
                  (struct reading){.time_ns = f->time_ns,
                                   .host_ip = f->host_ip,
                                   .host_name = f->host_name,
                                   .user = f->user,
                                   .department = f->department});
        is_told |= h->told_ns != before_ns;
    }
}

static void see_blind(void *state, struct instrument *i, const struct sight *s)
{
    struct blind *b = state;
    struct str names[] = {s->host_ip, s->host_name, s->ip, s->name};
    bool is_malware = (s->kinds & SIGHT_MALWARE) != 0, is_told = false;
    bool is_clean =
        !is_malware && str_eq(s->scan_state, STR("completed")) && str_eq(s->scan_extent, STR("full"));
    if (!is_malware && !is_clean)
        return;
    for (size_t n = 0; n < COUNT_OF(names); n++) {
        struct host *h = host_at(b, names[n], s->time_ns);
        if (h == NULL)
            continue;
        if (is_malware) {
            h->malware_ns = s->time_ns;
            continue;
        }
        int64_t before_ns = h->told_ns;
        struct reading r = {0};
        reading_about(&r, s);
        h->clean_ns = s->time_ns;
        if (is_told)
            h->told_ns = s->time_ns;
        else
            judge(b, i, h, r);
        is_told |= h->told_ns != before_ns;
    }
}

static void reach_blind(void *state, struct instrument *i, int64_t watermark_ns)
{
    struct blind *b = state;
    (void)i;
    keyed_drop_before(b->hosts, watermark_ns - (int64_t)((b->p->evidence_days + b->p->repeat_days) * DAY_NS));
}

static void save_blind(const void *state, struct buf *out)
{
    keyed_save(((const struct blind *)state)->hosts, out);
}

static bool load_blind(void *state, struct cursor *in)
{
    return keyed_load(((struct blind *)state)->hosts, in);
}

static void measure_blind(const void *state, struct instrument_info *out)
{
    const struct blind *b = state;
    out->entries = keyed_count(b->hosts);
    out->dropped = keyed_dropped(b->hosts);
    out->bytes = keyed_bytes(b->hosts);
}

const struct instrument_kind blind_host_kind = {
    .name = "blind_host",
    .version = 1,
    .wants = SIGHT_MALWARE | SIGHT_CONTROL,
    .parameter_bytes = sizeof(struct blind_parameters),
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .findings = findings,
    .finding_count = COUNT_OF(findings),
    .open = open_blind,
    .close = close_blind,
    .see = see_blind,
    .found = found_blind,
    .reach = reach_blind,
    .save = save_blind,
    .load = load_blind,
    .measure = measure_blind,
};
