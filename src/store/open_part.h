/* A part in memory, from its first row until its file is in the catalogue. The writer appends under the lock;
 * a search notes the number of rows once and then reads below that mark, taking the lock for one piece of
 * rows at a time, so that neither waits long for the other. Counted references keep it alive while a search
 * reads and the file is already there. */
#ifndef STORE_OPEN_PART_H
#define STORE_OPEN_PART_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/column_set.h"

/* The memory of a part that is done, for one that begins. */
struct set_pool {
    pthread_mutex_t lock;
    struct column_set *spare; /* NULL: none */
    int64_t spared_ns;        /* monotonic time since when it lies there */
};

void set_pool_init(struct set_pool *pool);
void set_pool_free(struct set_pool *pool); /* after the last part that uses it */
/* Gives the spare memory back when nobody wanted it for that long; true when it did. */
bool set_pool_trim(struct set_pool *pool, int64_t after_ns);

struct open_part {
    pthread_mutex_t lock; /* guards set */
    atomic_uint references;
    struct column_set *set;
    struct set_pool *pool;   /* where the set comes from and goes to */
    uint64_t first_sequence; /* the first one the part answers for */
    uint64_t last_sequence;  /* the last one so far; first − 1 when none. Writer only, until sealed */
    int64_t opened_ns;       /* monotonic time of the first row; 0 = still empty */
};

struct open_part *open_part_new(struct set_pool *pool, uint64_t first_sequence);
struct open_part *open_part_reference(struct open_part *p);
void open_part_release(struct open_part *p);
uint32_t open_part_rows(struct open_part *p);
/* Gives back the memory that an empty part inherited. */
void open_part_trim(struct open_part *p);

#endif
