/* When a group fires, and that this does not depend on the order of arrival. Stage: correlate.
 *
 *        settled            told, may still move
 *   ──────●──────────┊──────●────────────●──────▶ time of hits
 *                 horizon
 *
 * Sliding windows: from the last settled firing on, each time of a hit is looked at in order; it fires when
 * the condition holds and T has passed since the firing before. A hit that comes late changes this from its
 * own time on, and what was told is matched with what there is now: of two firings less than T apart, one is
 * the other, moved. Next: correlator.c. */
#include "correlate/group.h"

#include "base/memory.h"
#include "correlate/sequence.h"

struct group *group_new(struct str key, uint32_t correlation, uint64_t number)
{
    struct group *g = NEW(struct group);
    char *copy = memory_alloc(key.n);
    memcpy(copy, key.p, key.n);
    g->key = str_n(copy, key.n);
    g->correlation = correlation;
    g->number = number;
    g->settled_ns = INT64_MIN;
    return g;
}

void group_free(struct group *g)
{
    hits_free(&g->hits);
    while (g->told.count)
        firings_remove(&g->told, g->told.count - 1);
    memory_free(g->told.items);
    memory_free((char *)g->key.p);
    memory_free(g);
}

void firings_insert(struct firings *f, struct firing firing)
{
    if (f->count == f->capacity) {
        f->capacity = f->capacity ? f->capacity * 2 : 2;
        f->items = memory_resize_array(f->items, f->capacity, sizeof *f->items);
    }
    uint32_t at = f->count++;
    for (; at > 0 && f->items[at - 1].time_ns > firing.time_ns; at--)
        f->items[at] = f->items[at - 1];
    f->items[at] = firing;
}

void firings_remove(struct firings *f, uint32_t at)
{
    origin_release(f->items[at].origin);
    f->count--;
    memmove(f->items + at, f->items + at + 1, (f->count - at) * sizeof *f->items);
}

/* --------------------------------------------------------- what there is now */

/* Of the hits at one time the one that speaks for all: chosen by what it says, not by when it came. */
static struct origin *speaker(const struct hits *h, uint32_t from, uint32_t to)
{
    struct origin *best = h->items[from].origin;
    for (uint32_t i = from + 1; i < to; i++) {
        struct origin *o = h->items[i].origin;
        uint32_t n = o->size < best->size ? o->size : best->size;
        int order = memcmp(o->bytes, best->bytes, n);
        if (order > 0 || (order == 0 && o->size > best->size))
            best = o;
    }
    return best;
}

static bool sequence_fires_at(const struct group *g, const struct correlation *c, int64_t time_ns,
                              struct firing *out)
{
    struct sequence_match match;
    if (!sequence_match_at(c, &g->hits, time_ns, &match))
        return false;
    *out = (struct firing){time_ns, g->hits.items[match.last].origin, match.score};
    return true;
}

static bool fires_at(const struct group *g, const struct correlation *c, uint32_t from, uint32_t to,
                     struct firing *out)
{
    int64_t time_ns = g->hits.items[from].time_ns;
    if (c->sequence)
        return sequence_fires_at(g, c, time_ns, out);
    uint32_t start = hits_from(&g->hits, time_after(time_ns, -c->timespan_ns));
    if (!window_holds(c, &g->hits, start, to, &out->amount))
        return false;
    out->time_ns = time_ns;
    out->origin = speaker(&g->hits, from, to);
    return true;
}

/* Firings from `from_ns` on, given that of before; appended to `out` (origins not shared). */
static void find_firings(const struct group *g, const struct correlation *c, int64_t from_ns, int64_t last_ns,
                         struct firings *out)
{
    const struct hits *h = &g->hits;
    struct firing f;
    int64_t quiet_until_ns = last_ns == INT64_MIN ? INT64_MIN : time_after(last_ns, c->timespan_ns);
    uint32_t at = hits_from(h, from_ns > quiet_until_ns ? from_ns : quiet_until_ns);
    while (at < h->count) {
        uint32_t to = at + 1;
        while (to < h->count && h->items[to].time_ns == h->items[at].time_ns)
            to++;
        if (fires_at(g, c, at, to, &f)) {
            firings_insert(out, f);
            at = hits_from(h, time_after(f.time_ns, c->timespan_ns));
        } else {
            at = to;
        }
    }
}

static bool is_same_firing(const struct firing *a, const struct firing *b)
{
    return a->time_ns == b->time_ns && a->origin->size == b->origin->size &&
           memcmp(a->origin->bytes, b->origin->bytes, a->origin->size) == 0;
}

static bool are_near(const struct correlation *c, int64_t a_ns, int64_t b_ns)
{
    return a_ns < b_ns ? time_after(a_ns, c->timespan_ns) > b_ns : time_after(b_ns, c->timespan_ns) > a_ns;
}

/* What it stood on has moved away: only a firing of another correlation can do that. */
static void take_back(struct group *g, struct firing *f, const struct group_news *news)
{
    news->move(news->context, g, f, NULL);
    origin_release(f->origin);
}

/* Both lists are in order and sparse: the first of one that is near the first of the other is it. */
static void match(struct group *g, const struct correlation *c, struct firings *now, uint32_t first_told,
                  const struct group_news *news)
{
    struct firings told = {0};
    for (uint32_t i = 0; i < first_told; i++)
        firings_insert(&told, g->told.items[i]);
    uint32_t old = first_told;
    for (uint32_t n = 0; n < now->count; n++) {
        struct firing f = now->items[n];
        origin_share(f.origin);
        while (old < g->told.count && g->told.items[old].time_ns < f.time_ns &&
               !are_near(c, g->told.items[old].time_ns, f.time_ns))
            take_back(g, &g->told.items[old++], news);
        bool is_known = old < g->told.count && are_near(c, g->told.items[old].time_ns, f.time_ns);
        if (!is_known)
            news->tell(news->context, g, &f);
        else if (!is_same_firing(&g->told.items[old], &f))
            news->move(news->context, g, &g->told.items[old], &f);
        if (is_known)
            origin_release(g->told.items[old++].origin);
        firings_insert(&told, f);
    }
    while (old < g->told.count)
        take_back(g, &g->told.items[old++], news);
    memory_free(g->told.items);
    g->told = told;
}

void group_recompute(struct group *g, const struct correlation *c, int64_t from_ns,
                     const struct group_news *news)
{
    uint32_t first_told = 0;
    while (first_told < g->told.count && g->told.items[first_told].time_ns < from_ns)
        first_told++;
    int64_t last_ns = first_told ? g->told.items[first_told - 1].time_ns : g->settled_ns;
    bool is_quiet = first_told == g->told.count && last_ns != INT64_MIN && g->hits.count &&
                    time_after(last_ns, c->timespan_ns) > g->hits.items[g->hits.count - 1].time_ns;
    if (is_quiet)
        return; /* the usual case of a long attack */
    struct firings now = {0};
    find_firings(g, c, from_ns, last_ns, &now);
    if (now.count || first_told < g->told.count)
        match(g, c, &now, first_told, news);
    memory_free(now.items);
}

/* ------------------------------------------------------------------ settling */

void group_settle(struct group *g, const struct correlation *c, int64_t horizon_ns,
                  correlator_settled_fn *settled, void *context)
{
    while (g->told.count && g->told.items[0].time_ns < horizon_ns) {
        g->settled_ns = g->told.items[0].time_ns;
        if (settled)
            settled(context, c->info.id, str_skip(g->key, sizeof c->hash), g->settled_ns);
        firings_remove(&g->told, 0);
    }
    int64_t reach_ns = c->sequence ? c->sequence->reach_ns : c->timespan_ns;
    uint32_t useless = hits_from(&g->hits, time_after(horizon_ns, -reach_ns));
    if ((c->is_sliding || c->sequence) && useless)
        hits_remove(&g->hits, 0, useless);
}

bool group_is_idle(const struct group *g, const struct correlation *c, int64_t horizon_ns)
{
    bool is_quiet = (c->is_sliding || c->sequence) && g->settled_ns != INT64_MIN &&
                    time_after(g->settled_ns, c->timespan_ns) > horizon_ns;
    return g->hits.count == 0 && g->told.count == 0 && !g->is_in_heap && !is_quiet;
}
