/* Who is behind a count (stage instrument): sources of one bin → distinct ones, the busiest, the trimmed
 * count. Next: trend.c, which keeps one for each key and open bin. */
#include "instrument/tally.h"

#include <math.h>

static void note_top(struct tally *t, const struct heavy_entry *entry, struct str name)
{
    for (uint32_t i = 0; i < t->used; i++)
        if (t->sources[i].count > entry->count)
            return;
    if (t->top_hash == entry->hash)
        return;
    size_t n = name.n < TALLY_NAME - 1 ? name.n : TALLY_NAME - 1;
    memset(t->top_name, 0, sizeof t->top_name);
    if (n > 0)
        memcpy(t->top_name, name.p, n);
    t->top_hash = entry->hash;
    t->top_is_inside = entry->mark != 0;
}

static uint32_t plus(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

void tally_add(struct tally *t, const struct source_name *source, uint32_t count)
{
    bool is_new;
    uint64_t hash = source->hash ? source->hash : str_hash(source->name);
    struct heavy_entry *entry = heavy_add(t->sources, &t->used, TALLY_SOURCES, hash, count, &is_new);
    if (is_new)
        entry->mark = source->is_inside;
    t->count = plus(t->count, count);
    hyperloglog_add(t->distinct, TALLY_BITS, hash);
    note_top(t, entry, source->name);
}

void tally_merge(struct tally *into, const struct tally *from)
{
    bool is_new;
    for (uint32_t i = 0; i < from->used; i++) {
        const struct heavy_entry *e = &from->sources[i];
        struct heavy_entry *entry =
            heavy_add(into->sources, &into->used, TALLY_SOURCES, e->hash, e->count, &is_new);
        if (is_new)
            entry->mark = e->mark;
        if (e->hash == from->top_hash)
            note_top(into, entry, str_n(from->top_name, strnlen(from->top_name, TALLY_NAME)));
    }
    into->count = plus(into->count, from->count);
    hyperloglog_merge(into->distinct, from->distinct, TALLY_BITS);
}

struct tally_sources tally_sources(const struct tally *t)
{
    struct tally_sources s = {0};
    for (uint32_t i = 0; i < t->used; i++) {
        s.inside += t->sources[i].mark != 0;
        s.outside += t->sources[i].mark == 0;
        s.top = t->sources[i].count > s.top ? t->sources[i].count : s.top;
    }
    if (t->used == TALLY_SOURCES) { /* those that are not in the list are shared out as those in it */
        double beyond = fmax(0, hyperloglog_count(t->distinct, TALLY_BITS) - TALLY_SOURCES);
        double share = s.inside / TALLY_SOURCES;
        s.inside += floor(beyond * share);
        s.outside += floor(beyond * (1 - share));
    }
    return s;
}

static uint32_t third_largest(const struct tally *t)
{
    uint32_t top[3] = {0};
    for (uint32_t i = 0; i < t->used; i++) {
        uint32_t count = t->sources[i].count;
        for (int place = 0; place < 3; place++)
            if (count > top[place]) {
                uint32_t moved = top[place];
                top[place] = count;
                count = moved;
            }
    }
    return top[2];
}

double tally_trimmed(const struct tally *t, double least)
{
    double limit = fmax(third_largest(t), least), over = 0;
    for (uint32_t i = 0; i < t->used; i++) {
        double certain = t->sources[i].count - t->sources[i].error;
        over += fmax(0, certain - limit);
    }
    return t->count - over;
}
