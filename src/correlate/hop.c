/* A sequence goes on on another host. Stage: correlate. Reads, in the group of one host, hits whose step
 * hops; leaves a token for each in the group of the host it hops to: the weight of what has matched up to it,
 * and who did what when (its *trail*, at the end of the token's origin). When late hits change what had
 * matched, the token is put anew.
 *
 *   trail:  u32 count │ u32 part, i64 time, host name, address, user (u16 length, bytes each) │ …
 *
 * Next: tell.c. */
#include "base/memory.h"
#include "correlate/hit.h"

/* ------------------------------------------------------------------ trails */

static bool take(struct str *rest, void *out, size_t n)
{
    if (rest->n < n)
        return false;
    memcpy(out, rest->p, n);
    *rest = str_skip(*rest, n);
    return true;
}

static bool take_text(struct str *rest, struct str *out)
{
    uint16_t n;
    if (!take(rest, &n, sizeof n) || n > rest->n)
        return false;
    *out = str_slice(*rest, 0, n);
    *rest = str_skip(*rest, n);
    return true;
}

/* Bytes from the disk may lie: what is not whole is left out. */
static uint32_t read_trail(struct str bytes, struct trail_step out[SEQUENCE_MAX_PARTS])
{
    uint32_t count = 0, n = 0;
    if (!take(&bytes, &count, sizeof count))
        return 0;
    for (; n < count && n < SEQUENCE_MAX_PARTS; n++)
        if (!take(&bytes, &out[n].part, sizeof out[n].part) ||
            !take(&bytes, &out[n].time_ns, sizeof out[n].time_ns) || out[n].part >= SEQUENCE_MAX_PARTS ||
            !take_text(&bytes, &out[n].host_name) || !take_text(&bytes, &out[n].host_ip) ||
            !take_text(&bytes, &out[n].user))
            break;
    return n;
}

static void put_text(struct buf *out, struct str text)
{
    uint16_t n = (uint16_t)(text.n < UINT16_MAX ? text.n : UINT16_MAX);
    buf_bytes(out, &n, sizeof n);
    buf_add(out, str_slice(text, 0, n));
}

static void write_trail(struct buf *out, const struct trail_step *steps, uint32_t count)
{
    buf_bytes(out, &count, sizeof count);
    for (uint32_t i = 0; i < count; i++) {
        buf_bytes(out, &steps[i].part, sizeof steps[i].part);
        buf_bytes(out, &steps[i].time_ns, sizeof steps[i].time_ns);
        put_text(out, steps[i].host_name);
        put_text(out, steps[i].host_ip);
        put_text(out, steps[i].user);
    }
}

uint32_t trail_of(const struct hits *h, const struct sequence_match *m,
                  struct trail_step out[SEQUENCE_MAX_PARTS])
{
    uint32_t count = 0;
    struct who who;
    if (m->token != UINT32_MAX)
        count = read_trail(origin_read(h->items[m->token].origin, &who), out);
    for (uint32_t i = 0; i < m->step_count && count < SEQUENCE_MAX_PARTS; i++) {
        const struct hit *hit = &h->items[m->steps[i].hit];
        origin_read(hit->origin, &who);
        out[count++] =
            (struct trail_step){m->steps[i].part, hit->time_ns, who.host_name, who.host_ip, who.user};
    }
    return count;
}

/* ------------------------------------------------------------------ tokens */

/* What is to be done once all is known: doing it may come back to the group that is being looked at. */
struct passing {
    struct str key; /* owned */
    uint32_t correlation;
    struct hit token; /* origin NULL: there is none any more */
};

struct passings {
    struct passing *items;
    uint32_t count, capacity;
};

static struct hit empty_token(const struct group *g, const struct hit *h)
{
    return (struct hit){.time_ns = h->time_ns,
                        .sequence = h->sequence,
                        .child = g->number,
                        .step = h->step,
                        .is_token = true};
}

static struct hit token_of(const struct group *g, const struct correlation *rule, uint32_t at)
{
    const struct hit *h = &g->hits.items[at];
    struct hit token = empty_token(g, h);
    struct sequence_match match;
    struct trail_step steps[SEQUENCE_MAX_PARTS];
    struct who who;
    struct buf trail = {0};
    if (!sequence_match_hop(rule, &g->hits, at, &match))
        return token;
    write_trail(&trail, steps, trail_of(&g->hits, &match, steps));
    origin_read(h->origin, &who);
    token.number = match.score;
    token.origin = origin_new(&who, buf_str(&trail));
    buf_free(&trail);
    return token;
}

static void plan(struct passings *all, struct str key, uint32_t correlation, struct hit token)
{
    char *copy = memory_alloc(key.n);
    memcpy(copy, key.p, key.n);
    if (all->count == all->capacity) {
        all->capacity = all->capacity ? all->capacity * 2 : 4;
        all->items = memory_resize_array(all->items, all->capacity, sizeof *all->items);
    }
    if (token.origin)
        origin_share(token.origin);
    all->items[all->count++] = (struct passing){str_n(copy, key.n), correlation, token};
}

static bool hops(const struct correlator *c, const struct group *g, const struct hit *h)
{
    const struct sequence *s = c->set->rules[g->correlation]->sequence;
    return s && !h->is_token && stage_of(s, h->step)->hop != HOP_NONE;
}

/* Takes over the token's origin. */
static void plan_hops(struct correlator *c, const struct group *g, const struct hit *h, struct hit token,
                      struct passings *all)
{
    struct onward_head head;
    struct str key, above;
    struct who who;
    for (struct str rest = origin_read(h->origin, &who); next_onward(&rest, &head, &key, &above);)
        if (head.flags & ONWARD_HOP && correlation_of_key(c, key) == g->correlation + 1)
            plan(all, key, g->correlation, token);
    if (token.origin)
        origin_release(token.origin);
}

static uint32_t find_token(const struct group *g, const struct hit *token)
{
    const struct hits *h = &g->hits;
    for (uint32_t i = hits_from(h, token->time_ns); i < h->count && h->items[i].time_ns == token->time_ns;
         i++)
        if (h->items[i].is_token && h->items[i].child == token->child && h->items[i].step == token->step &&
            h->items[i].sequence == token->sequence)
            return i;
    return UINT32_MAX;
}

static bool is_same_token(const struct hit *a, const struct hit *b)
{
    return b->origin && a->number == b->number && a->origin->size == b->origin->size &&
           memcmp(a->origin->bytes, b->origin->bytes, a->origin->size) == 0;
}

static void pass(struct correlator *c, struct passing *p)
{
    struct group *g = map_get_pointer(&c->by_key, p->key);
    uint32_t at = g ? find_token(g, &p->token) : UINT32_MAX;
    if (at != UINT32_MAX && is_same_token(&g->hits.items[at], &p->token)) {
        origin_release(p->token.origin);
        return;
    }
    if (at != UINT32_MAX)
        hit_remove(c, g, at);
    if (p->token.origin)
        hit_insert(c, p->correlation, p->key, p->token);
}

static void pass_all(struct correlator *c, struct passings *all)
{
    for (uint32_t i = 0; i < all->count; i++) {
        pass(c, &all->items[i]);
        memory_free((char *)all->items[i].key.p);
    }
    memory_free(all->items);
}

void hop_pass_on(struct correlator *c, struct group *g, int64_t from_ns)
{
    struct passings all = {0};
    for (uint32_t i = hits_from(&g->hits, from_ns); i < g->hits.count; i++)
        if (hops(c, g, &g->hits.items[i]))
            plan_hops(c, g, &g->hits.items[i], token_of(g, c->set->rules[g->correlation], i), &all);
    pass_all(c, &all);
}

void hop_take_back(struct correlator *c, struct group *g, const struct hit *gone)
{
    struct passings all = {0};
    if (hops(c, g, gone))
        plan_hops(c, g, gone, empty_token(g, gone), &all);
    pass_all(c, &all);
}
