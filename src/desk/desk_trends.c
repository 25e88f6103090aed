/* The desk keeps the everyday trends (S59): cells of instrument/rollup.c → rows of store/state_rollup.c, in
 * the transaction that keeps how far the desk has come, so that each event is counted once. */
#include <stdlib.h>

#include "desk/desk_internal.h"
#include "store/state_rollup.h"

static const struct rollup_keys special = {
    {ROLLUP_TOTAL, 1},
    {ROLLUP_OTHER, 1},
    {ROLLUP_SHORT, 1},
};

static int by_line(const void *left, const void *right)
{
    const struct rollup_item *a = left, *b = right;
    int order = str_compare(a->dimension, b->dimension);
    if (order == 0)
        order = (a->day_s > b->day_s) - (a->day_s < b->day_s);
    return order ? order : str_compare(a->key, b->key);
}

static struct rollup_item *list_items(const struct rollup_content *content, const struct rollup_cells *cells)
{
    struct rollup_item *items = NEW_ARRAY(struct rollup_item, cells->map.count + 1);
    for (uint32_t i = 0; i < cells->map.count; i++) {
        const struct map_entry *e = &cells->map.entries[i];
        struct rollup_place place;
        memcpy(&place, e->key.p, sizeof place);
        items[i] = (struct rollup_item){.dimension = content->dimensions[place.dimension].name,
                                        .key = str_skip(e->key, sizeof place),
                                        .day_s = place.day_s,
                                        .bin = place.bin,
                                        .count = e->value};
    }
    qsort(items, cells->map.count, sizeof *items, by_line);
    return items;
}

/* With the first events of a day the oldest one goes. */
static bool expire(struct desk *d, int64_t latest_s, struct error *err)
{
    if (latest_s <= d->trends_day_s)
        return true;
    d->trends_day_s = latest_s;
    return state_rollup_expire(d->options.state, latest_s - (int64_t)d->options.rollup_content->days * 86400,
                               err);
}

bool desk_keep_trends(struct desk *d, const struct rollup_cells *cells, struct error *err)
{
    if (cells->map.count == 0)
        return true;
    int64_t latest_s = INT64_MIN;
    struct rollup_item *items = list_items(d->options.rollup_content, cells);
    for (uint32_t i = 0; i < cells->map.count; i++)
        latest_s = items[i].day_s > latest_s ? items[i].day_s : latest_s;
    bool ok = state_rollup_add(d->options.state, items, cells->map.count, &special,
                               d->options.rollup_content->keys, err) &&
              expire(d, latest_s, err);
    memory_free(items);
    return ok;
}

uint64_t desk_rollup_out_of_range(struct desk *d)
{
    pthread_mutex_lock(&d->lock);
    uint64_t count = d->options.rollup ? rollup_out_of_range(d->options.rollup) : 0;
    pthread_mutex_unlock(&d->lock);
    return count;
}
