/* store stage: the part that is still open. writer.c fills it, catalogue.c shows it to searches, duckdb.c
 * reads it. */
#include "store/open_part.h"

#include "base/memory.h"

/* ---- spare memory ---- */

void set_pool_init(struct set_pool *pool)
{
    *pool = (struct set_pool){0};
    pthread_mutex_init(&pool->lock, NULL);
}

void set_pool_free(struct set_pool *pool)
{
    column_set_free(pool->spare);
    pthread_mutex_destroy(&pool->lock);
}

static struct column_set *exchange_spare(struct set_pool *pool, struct column_set *set)
{
    pthread_mutex_lock(&pool->lock);
    struct column_set *before = pool->spare;
    pool->spare = set;
    pool->spared_ns = clock_monotonic_ns();
    pthread_mutex_unlock(&pool->lock);
    return before;
}

static struct column_set *take_set(struct set_pool *pool)
{
    struct column_set *set = exchange_spare(pool, NULL);
    return set ? set : column_set_new();
}

/* One is enough: the open part and the one that is being sealed take turns. */
static void give_set(struct set_pool *pool, struct column_set *set)
{
    column_set_recycle(set);
    column_set_free(exchange_spare(pool, set));
}

bool set_pool_trim(struct set_pool *pool, int64_t after_ns)
{
    pthread_mutex_lock(&pool->lock);
    bool is_old = pool->spare && clock_monotonic_ns() - pool->spared_ns > after_ns;
    pthread_mutex_unlock(&pool->lock);
    if (is_old)
        column_set_free(exchange_spare(pool, NULL));
    return is_old;
}

/* ---- the part ---- */

struct open_part *open_part_new(struct set_pool *pool, uint64_t first_sequence)
{
    struct open_part *p = NEW(struct open_part);
    pthread_mutex_init(&p->lock, NULL);
    atomic_init(&p->references, 1);
    p->pool = pool;
    p->set = take_set(pool);
    p->first_sequence = first_sequence;
    p->last_sequence = first_sequence - 1;
    return p;
}

struct open_part *open_part_reference(struct open_part *p)
{
    atomic_fetch_add(&p->references, 1);
    return p;
}

void open_part_release(struct open_part *p)
{
    if (!p || atomic_fetch_sub(&p->references, 1) != 1)
        return;
    pthread_mutex_destroy(&p->lock);
    give_set(p->pool, p->set);
    memory_free(p);
}

uint32_t open_part_rows(struct open_part *p)
{
    pthread_mutex_lock(&p->lock);
    uint32_t rows = p->set->rows;
    pthread_mutex_unlock(&p->lock);
    return rows;
}

/* No search sees a part without rows, so nobody holds on to what is in the set. */
void open_part_trim(struct open_part *p)
{
    pthread_mutex_lock(&p->lock);
    if (p->set->rows == 0) {
        column_set_free(p->set);
        p->set = column_set_new();
    }
    pthread_mutex_unlock(&p->lock);
}
