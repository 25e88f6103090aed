/* Propagation of pattern releases (stage fleet; S33): for each release the time until a share of the present
 * hosts had it, and whether the latest one is slower than the 30 before. A host that was away when a release
 * came out counts from its return. Quantiles are exact order statistics. */
#include "fleet/spread.h"

#include <stdlib.h>

#include "base/memory.h"

static const double shares[SPREAD_POINTS] = {0.50, 0.90, 0.95, 0.99};

static bool is_in(struct part part, name_id department, name_id site)
{
    return (part.department == 0 || part.department == department) && (part.site == 0 || part.site == site);
}

static int by_size(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

static void count_behind(const struct fleet *f, uint32_t product, struct part part, struct spread *out,
                         uint32_t count)
{
    for (uint32_t i = 0; i < f->host_count; i++) {
        const struct host *h = f->hosts[i];
        for (unsigned n = 0; n < FUNCTION_COUNT; n++) {
            const struct control *c = h->controls[n];
            if (c == NULL || c->held[COMPONENT_PATTERN].product != product || c->is_removed ||
                !is_in(part, h->department, h->site) || c->held[COMPONENT_PATTERN].name == 0 ||
                !c->held[COMPONENT_PATTERN].is_known)
                continue;
            for (uint32_t r = 0; r < count; r++) { /* the latest first: who has one has those before */
                if (version_compare(&c->held[COMPONENT_PATTERN].key, &out[r].release->key) >= 0)
                    break;
                out[r].behind += c->heartbeat_ns >= out[r].release->first_ns;
            }
        }
    }
}

static void find_quantiles(struct part part, struct spread *s)
{
    const struct release *r = s->release;
    uint32_t *after = NEW_ARRAY(uint32_t, r->adoption_count + 1);
    for (uint32_t i = 0; i < r->adoption_count; i++)
        if (is_in(part, r->adoptions[i].department, r->adoptions[i].site))
            after[s->reached++] = r->adoptions[i].after_seconds;
    qsort(after, s->reached, sizeof *after, by_size);
    double all = s->reached + s->behind;
    for (unsigned p = 0; p < SPREAD_POINTS; p++) {
        double wanted = shares[p] * all;
        uint32_t rank = (uint32_t)wanted + (wanted > (uint32_t)wanted);
        s->hours[p] = rank == 0 || rank > s->reached ? -1 : after[rank - 1] / 3600.0;
    }
    memory_free(after);
}

uint32_t spread_measure(const struct fleet *f, uint32_t product, struct part part, struct spread *out)
{
    const struct versions *v = &product_at(f, product)->versions[COMPONENT_PATTERN];
    uint32_t count = 0;
    for (uint32_t i = v->count; i-- > 0 && count < RELEASES_JUDGED;)
        if (v->items[i].is_release)
            out[count++] = (struct spread){.release = &v->items[i]};
    count_behind(f, product, part, out, count);
    for (uint32_t i = 0; i < count; i++)
        find_quantiles(part, &out[i]);
    return count;
}

static double median_of(double *values, uint32_t n)
{
    qsort(values, n, sizeof *values, by_value);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* Robust z = 0.6745 (x − median) / MAD (Iglewicz and Hoaglin, 1993). Where all of history agrees, a twentieth
 * of the median or ten minutes stands for the MAD: a minute more is no delay. */
struct spread_judgement spread_judge(const struct fleet *f, const struct spread *spreads, uint32_t count,
                                     int64_t now_ns)
{
    struct spread_judgement j = {0};
    double values[RELEASES_JUDGED], distances[RELEASES_JUDGED];
    uint32_t n = 0;
    for (uint32_t i = 1; i < count; i++)
        if (spreads[i].hours[1] >= 0)
            values[n++] = spreads[i].hours[1];
    if (count == 0 || n < (uint32_t)f->rules->colours.propagation_releases_least)
        return j;
    j.history = n;
    j.median = median_of(values, n);
    for (uint32_t i = 0; i < n; i++)
        distances[i] = values[i] > j.median ? values[i] - j.median : j.median - values[i];
    j.mad = median_of(distances, n);
    double least = j.median / 20 > 1.0 / 6 ? j.median / 20 : 1.0 / 6;
    j.mad = j.mad > least ? j.mad : least;
    j.is_open = spreads[0].hours[1] < 0 && spreads[0].reached + spreads[0].behind > 0;
    j.p90 = j.is_open ? (double)(now_ns - spreads[0].release->first_ns) / 3600e9 : spreads[0].hours[1];
    j.z = 0.6745 * (j.p90 - j.median) / j.mad;
    j.is_delayed = j.z > f->rules->colours.propagation_z &&
                   spreads[0].reached + spreads[0].behind >= f->rules->colours.propagation_hosts_least;
    return j;
}
