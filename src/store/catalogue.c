/* store stage: the catalogue of parts in memory. state_parts.c is its copy on disk, catalogue_check.c
 * compares both with the folder at start. Searches (events_query.c) take snapshots of it. */
#include "store/catalogue.h"

#include "base/memory.h"

enum { OPEN_MAX = 16 };

struct catalogue {
    pthread_mutex_t lock;
    struct part_list parts;           /* by first_sequence */
    struct open_part *open[OPEN_MAX]; /* oldest first */
    uint32_t open_count;
    struct set_pool pool;
};

struct catalogue *catalogue_new(struct part_list *parts)
{
    struct catalogue *c = NEW(struct catalogue);
    pthread_mutex_init(&c->lock, NULL);
    set_pool_init(&c->pool);
    c->parts = *parts;
    *parts = (struct part_list){0};
    return c;
}

void catalogue_free(struct catalogue *c)
{
    if (!c)
        return;
    for (uint32_t i = 0; i < c->open_count; i++)
        open_part_release(c->open[i]);
    set_pool_free(&c->pool);
    part_list_free(&c->parts);
    pthread_mutex_destroy(&c->lock);
    memory_free(c);
}

static void insert(struct part_list *list, struct part *p)
{
    part_list_add(list, p);
    uint32_t at = list->count - 1;
    for (; at > 0 && list->parts[at - 1]->first_sequence > p->first_sequence; at--)
        list->parts[at] = list->parts[at - 1];
    list->parts[at] = p;
}

struct set_pool *catalogue_pool(struct catalogue *c)
{
    return &c->pool;
}

void catalogue_add_open(struct catalogue *c, struct open_part *p)
{
    pthread_mutex_lock(&c->lock);
    BUG_IF(c->open_count == OPEN_MAX);
    c->open[c->open_count++] = open_part_reference(p);
    pthread_mutex_unlock(&c->lock);
}

void catalogue_seal(struct catalogue *c, struct open_part *open, struct part *sealed)
{
    pthread_mutex_lock(&c->lock);
    uint32_t at = 0;
    while (at < c->open_count && c->open[at] != open)
        at++;
    BUG_IF(at == c->open_count);
    memmove(&c->open[at], &c->open[at + 1], (--c->open_count - at) * sizeof c->open[0]);
    if (sealed)
        insert(&c->parts, sealed);
    pthread_mutex_unlock(&c->lock);
    open_part_release(open);
}

static void take_out(struct part_list *list, struct part *p)
{
    uint32_t at = 0;
    while (at < list->count && list->parts[at] != p)
        at++;
    BUG_IF(at == list->count);
    memmove(&list->parts[at], &list->parts[at + 1], (--list->count - at) * sizeof(struct part *));
}

void catalogue_replace(struct catalogue *c, struct part *const *old, uint32_t count, struct part *merged)
{
    pthread_mutex_lock(&c->lock);
    for (uint32_t i = 0; i < count; i++)
        take_out(&c->parts, old[i]);
    if (merged)
        insert(&c->parts, merged);
    pthread_mutex_unlock(&c->lock);
    for (uint32_t i = 0; i < count; i++) {
        atomic_store(&old[i]->is_dropped, true);
        part_release(old[i]);
    }
}

/* ---- snapshots ---- */

static bool is_in_range(const struct part *p, const struct part_filter *f)
{
    bool is_timed = f->from_ns != TIME_UNKNOWN || f->to_ns != TIME_UNKNOWN;
    if (is_timed && p->min_time_ns == TIME_UNKNOWN)
        return false;
    if (f->from_ns != TIME_UNKNOWN && p->max_time_ns < f->from_ns)
        return false;
    if (f->to_ns != TIME_UNKNOWN && p->min_time_ns >= f->to_ns)
        return false;
    return p->last_sequence >= f->first_sequence &&
           (!f->last_sequence || p->first_sequence <= f->last_sequence);
}

static bool has_needles(const struct part *p, const struct part_filter *f)
{
    for (size_t i = 0; i < f->needle_count; i++)
        if (!part_may_hold(p, f->needles[i].field, f->needles[i].value))
            return false;
    return true;
}

/* Filters are read from files: outside the lock. */
static void drop_without_needles(struct snapshot *s, const struct part_filter *filter)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->sealed.count; i++) {
        struct part *p = s->sealed.parts[i];
        if (has_needles(p, filter))
            s->sealed.parts[kept++] = p;
        else
            part_release(p);
    }
    s->sealed.count = kept;
}

struct snapshot *catalogue_snapshot(struct catalogue *c, const struct part_filter *filter)
{
    struct snapshot *s = NEW(struct snapshot);
    s->open = NEW_ARRAY(struct snapshot_open, OPEN_MAX);
    pthread_mutex_lock(&c->lock);
    s->parts_total = c->parts.count;
    for (uint32_t i = 0; i < c->parts.count; i++)
        if (is_in_range(c->parts.parts[i], filter))
            part_list_add(&s->sealed, part_reference(c->parts.parts[i]));
    for (uint32_t i = 0; i < c->open_count; i++) {
        uint32_t rows = open_part_rows(c->open[i]);
        if (rows)
            s->open[s->open_count++] = (struct snapshot_open){open_part_reference(c->open[i]), rows};
    }
    pthread_mutex_unlock(&c->lock);
    drop_without_needles(s, filter);
    return s;
}

void snapshot_free(struct snapshot *s)
{
    if (!s)
        return;
    part_list_free(&s->sealed);
    for (uint32_t i = 0; i < s->open_count; i++)
        open_part_release(s->open[i].part);
    memory_free(s->open);
    memory_free(s);
}

struct catalogue_totals catalogue_totals(struct catalogue *c)
{
    struct catalogue_totals t = {0};
    pthread_mutex_lock(&c->lock);
    t.parts = c->parts.count;
    for (uint32_t i = 0; i < c->parts.count; i++) {
        t.rows += c->parts.parts[i]->rows;
        t.bytes += c->parts.parts[i]->bytes;
    }
    for (uint32_t i = 0; i < c->open_count; i++)
        t.open_rows += open_part_rows(c->open[i]);
    pthread_mutex_unlock(&c->lock);
    return t;
}
