/* Rankings of destinations for people who ask (S63–S65): the first ones by clients, and the exact list of
 * rare and young ones. Stage: instrument. Next: what the console shows. */
#include <stdlib.h>

#include "base/json.h"
#include "base/memory.h"
#include "instrument/destination_internal.h"

#define LISTED_TOP    200
#define LISTED_BOTTOM 1000

static uint32_t clients_at(const struct destination *d, const struct place *p, struct str name)
{
    const struct crowd *c = p->is_estimate ? keyed_find(d->crowds, name) : NULL;
    return c != NULL ? destination_crowd_size(c) : p->client_count;
}

static int by_rank(const void *a, const void *b)
{
    const struct destination_rank *x = a, *y = b;
    if (x->clients != y->clients)
        return x->clients < y->clients ? 1 : -1;
    if (x->requests != y->requests)
        return x->requests < y->requests ? 1 : -1;
    return str_compare(x->name, y->name);
}

static size_t collect(const struct destination *d, bool bottom, int64_t now_s, struct destination_rank *out)
{
    const void *place = NULL;
    struct keyed_entry e;
    size_t n = 0;
    while (keyed_next(d->places, &place, &e)) {
        const struct place *p = e.record;
        if (bottom && !destination_is_bottom(d, p, now_s))
            continue;
        out[n++] = (struct destination_rank){
            .name = e.key,
            .clients = clients_at(d, p, e.key),
            .is_estimate = p->is_estimate,
            .requests = p->requests,
            .bytes_out = p->bytes_out,
            .bytes_in = p->bytes_in,
            .first_s = p->first_s,
        };
    }
    qsort(out, n, sizeof *out, by_rank);
    return n;
}

size_t destination_ranking(const struct destination *d, bool bottom, int64_t now_s,
                           struct destination_rank *out, size_t max)
{
    struct destination_rank *all = NEW_ARRAY(struct destination_rank, keyed_count(d->places) + 1);
    size_t n = collect(d, bottom, now_s, all);
    size_t kept = n < max ? n : max;
    memcpy(out, all, kept * sizeof *out);
    memory_free(all);
    return kept;
}

static void put_rank(struct json_writer *w, const char *list, size_t place, const struct destination_rank *r)
{
    json_begin_object(w);
    json_key(w, "list");
    json_put_c(w, list);
    json_key(w, "rank");
    json_put_u64(w, place);
    json_key(w, "destination");
    json_put_str(w, r->name);
    json_key(w, "clients");
    json_put_u64(w, r->clients);
    json_key(w, "is_estimate");
    json_put_bool(w, r->is_estimate);
    json_key(w, "requests");
    json_put_u64(w, r->requests);
    json_key(w, "bytes_out");
    json_put_u64(w, r->bytes_out);
    json_key(w, "bytes_in");
    json_put_u64(w, r->bytes_in);
    json_key(w, "first_seen");
    json_put_time(w, r->first_s * NS_PER_SECOND);
    json_end_object(w);
}

void destination_list(const void *state, const struct instrument *i, struct json_writer *rows)
{
    const struct destination *d = state;
    struct destination_rank *ranks = NEW_ARRAY(struct destination_rank, LISTED_BOTTOM);
    (void)i;
    size_t n = destination_ranking(d, false, d->t.latest_s, ranks, LISTED_TOP);
    for (size_t k = 0; k < n; k++)
        put_rank(rows, "top", k + 1, &ranks[k]);
    n = destination_ranking(d, true, d->t.latest_s, ranks, LISTED_BOTTOM);
    for (size_t k = 0; k < n; k++)
        put_rank(rows, "bottom", k + 1, &ranks[k]);
    memory_free(ranks);
}
