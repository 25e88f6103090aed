/* The correlator's state → bytes → the correlator's state. Stage: correlate. desk.c keeps them with its
 * progress; the layout is in checkpoint.h. Bytes from the disk are trusted no further than their checksum and
 * bounds. */
#include "correlate/checkpoint.h"

#include "base/log.h"
#include "base/memory.h"
#include "correlate/correlator.h"

static void save_origin(struct buf *out, const struct origin *o)
{
    buf_bytes(out, &o->size, sizeof o->size);
    buf_bytes(out, o->bytes, o->size);
}

static void save_hits(struct buf *out, const struct hits *h)
{
    for (uint32_t i = 0; i < h->count; i++) {
        const struct hit *hit = &h->items[i];
        struct saved_hit saved = {.time_ns = hit->time_ns,
                                  .sequence = hit->sequence,
                                  .value = hit->value,
                                  .child = hit->child,
                                  .number = hit->number,
                                  .step = hit->step,
                                  .has_value = hit->has_value,
                                  .is_second = hit->is_second,
                                  .is_token = hit->is_token,
                                  .has_origin = i == 0 || hit->origin != h->items[i - 1].origin};
        buf_bytes(out, &saved, sizeof saved);
        if (saved.has_origin)
            save_origin(out, hit->origin);
    }
}

static void save_group(struct buf *out, const struct group *g)
{
    struct saved_group saved = {g->number,     g->settled_ns, (uint32_t)g->key.n,
                                g->told.count, g->hits.count, g->is_in_heap};
    buf_bytes(out, &saved, sizeof saved);
    buf_add(out, g->key);
    for (uint32_t i = 0; i < g->told.count; i++) {
        struct saved_told told = {g->told.items[i].time_ns, g->told.items[i].amount};
        buf_bytes(out, &told, sizeof told);
        save_origin(out, g->told.items[i].origin);
    }
    save_hits(out, &g->hits);
}

void correlator_save(const struct correlator *c, struct buf *out)
{
    size_t start = out->n;
    struct saved_head head = {.watermark_ns = c->watermark_ns,
                              .next_number = c->next_number,
                              .group_count = c->group_count};
    memcpy(head.magic, CHECKPOINT_MAGIC, sizeof head.magic);
    buf_bytes(out, &head, sizeof head);
    for (uint32_t i = 0; i < c->group_count; i++)
        save_group(out, c->groups[i]);
    uint64_t sum = str_hash(str_skip(buf_str(out), start));
    buf_bytes(out, &sum, sizeof sum);
}

/* ------------------------------------------------------------------ loading */

static bool take(struct str *rest, void *out, size_t n)
{
    if (rest->n < n)
        return false;
    memcpy(out, rest->p, n);
    *rest = str_skip(*rest, n);
    return true;
}

/* Three numbers and six lengths stand in every origin: origin_read() needs no checks of its own. */
static bool is_sound(struct str bytes)
{
    size_t at = 3 * sizeof(uint32_t);
    for (int i = 0; i < 6; i++) {
        uint16_t n;
        if (at + sizeof n > bytes.n)
            return false;
        memcpy(&n, bytes.p + at, sizeof n);
        at += sizeof n + n;
    }
    return at <= bytes.n;
}

static struct origin *load_origin(struct str *rest)
{
    uint32_t size;
    if (!take(rest, &size, sizeof size) || size > rest->n || !is_sound(str_slice(*rest, 0, size)))
        return NULL;
    struct origin *o = memory_alloc(sizeof *o + size);
    *o = (struct origin){.references = 1, .size = size};
    take(rest, o->bytes, size);
    return o;
}

static bool load_told(struct group *g, uint32_t count, struct str *rest)
{
    for (uint32_t i = 0; i < count; i++) {
        struct saved_told told;
        if (!take(rest, &told, sizeof told))
            return false;
        struct origin *o = load_origin(rest);
        if (o == NULL)
            return false;
        firings_insert(&g->told, (struct firing){told.time_ns, o, told.amount});
    }
    return true;
}

static bool load_hits(struct group *g, uint32_t count, uint32_t steps, struct str *rest)
{
    struct origin *last = NULL;
    for (uint32_t i = 0; i < count; i++) {
        struct saved_hit s;
        if (!take(rest, &s, sizeof s) || s.step >= steps || (!s.has_origin && last == NULL))
            return false;
        struct origin *o = s.has_origin ? load_origin(rest) : origin_share(last);
        if (o == NULL)
            return false;
        last = o;
        hits_insert(&g->hits, &(struct hit){s.time_ns, s.sequence, s.value, s.number, s.child, s.step,
                                            s.has_value != 0, s.is_second != 0, s.is_token != 0, o});
    }
    return true;
}

/* The hash, then a length and a text for each field of the group. */
static bool key_is_sound(const struct correlation *rule, struct str key)
{
    struct str rest = str_skip(key, sizeof rule->hash);
    for (uint32_t i = 0; i < rule->group_count; i++) {
        uint16_t n;
        if (!take(&rest, &n, sizeof n) || n > rest.n)
            return false;
        rest = str_skip(rest, n);
    }
    return rest.n == 0;
}

/* A group of a correlation that is no more is read and let go. */
static bool load_group(struct correlator *c, struct str *rest)
{
    struct saved_group s;
    if (!take(rest, &s, sizeof s) || s.key_size < sizeof(uint64_t) || s.key_size > rest->n)
        return false;
    struct str key = str_slice(*rest, 0, s.key_size);
    *rest = str_skip(*rest, s.key_size);
    const uintptr_t *index = map_find(&c->set->by_hash, str_slice(key, 0, sizeof(uint64_t)));
    const struct correlation *rule = index ? c->set->rules[*index - 1] : NULL;
    struct group *g = group_new(key, index ? (uint32_t)*index - 1 : 0, s.number);
    g->settled_ns = s.settled_ns;
    bool ok = load_told(g, s.told_count, rest) &&
              load_hits(g, s.hit_count, rule ? rule->step_count : CORRELATE_MAX_RULES, rest) &&
              !map_find(&c->by_key, key) && (rule == NULL || key_is_sound(rule, key));
    if (!ok || rule == NULL || rule->is_out) {
        group_free(g);
        return ok;
    }
    g->is_in_heap = s.is_in_heap != 0 && !rule->is_sliding;
    if (rule->sequence && g->is_in_heap)
        g->is_in_heap = correlator_next_due(c, g, time_after(horizon_of(c), -1));
    c->hit_count += g->hits.count;
    correlator_add_group(c, g);
    return true;
}

static bool refuse(struct error *err, const char *why)
{
    return error_set(
        err,
        tr("the saved state of correlations cannot be used (%s); they begin anew, so that a sequence that "
           "was "
           "half seen may be missed once.",
           "保存された相関の状態を利用できません(%s)。相関は最初から始まり、途中まで観測したものは一度だけ"
           "見逃す可能性があります。"),
        why);
}

bool correlator_load(struct correlator *c, struct str saved, struct error *err)
{
    struct saved_head head = {.group_count = 0};
    uint64_t sum;
    BUG_IF(c->group_count != 0);
    if (saved.n < sizeof head + sizeof sum)
        return refuse(err, tr("cut short", "途中で切れています"));
    memcpy(&sum, saved.p + saved.n - sizeof sum, sizeof sum);
    struct str rest = str_slice(saved, 0, saved.n - sizeof sum);
    if (str_hash(rest) != sum)
        return refuse(err, tr("damaged", "壊れています"));
    take(&rest, &head, sizeof head);
    if (memcmp(head.magic, CHECKPOINT_MAGIC, sizeof head.magic) != 0)
        return refuse(err, tr("of another version", "別の版です"));
    bool ok = true;
    c->watermark_ns = head.watermark_ns;
    for (uint64_t i = 0; ok && c->set != NULL && i < head.group_count; i++)
        ok = load_group(c, &rest);
    if (!ok) {
        struct correlation_set *set = c->set ? correlation_set_ref(c->set) : NULL;
        correlator_use(c, NULL); /* forgets what was read */
        correlator_use(c, set);
        c->watermark_ns = INT64_MIN;
        return refuse(err, tr("damaged", "壊れています"));
    }
    c->next_number = head.next_number;
    correlator_refill_heap(c);
    return true;
}
