/* store stage: the part that is still open. writer.c fills it, catalogue.c shows it to searches, duckdb.c
 * reads it. */
#include "store/open_part.h"

#include "base/memory.h"

struct open_part *open_part_new(uint64_t first_sequence)
{
    struct open_part *p = NEW(struct open_part);
    pthread_mutex_init(&p->lock, NULL);
    atomic_init(&p->references, 1);
    p->set = column_set_new();
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
    column_set_free(p->set);
    memory_free(p);
}

uint32_t open_part_rows(struct open_part *p)
{
    pthread_mutex_lock(&p->lock);
    uint32_t rows = p->set->rows;
    pthread_mutex_unlock(&p->lock);
    return rows;
}
