/* A part in memory, from its first row until its file is in the catalogue. The writer appends under the lock;
 * a search notes the number of rows once and then reads below that mark, taking the lock for one piece of
 * rows at a time, so that neither waits long for the other. Counted references keep it alive while a search
 * reads and the file is already there. */
#ifndef STORE_OPEN_PART_H
#define STORE_OPEN_PART_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/column_set.h"

struct open_part {
    pthread_mutex_t lock; /* guards set */
    atomic_uint references;
    struct column_set *set;
    uint64_t first_sequence; /* the first one the part answers for */
    uint64_t last_sequence;  /* the last one so far; first − 1 when none. Writer only, until sealed */
    int64_t opened_ns;       /* monotonic time of the first row; 0 = still empty */
};

struct open_part *open_part_new(uint64_t first_sequence);
struct open_part *open_part_reference(struct open_part *p);
void open_part_release(struct open_part *p);
uint32_t open_part_rows(struct open_part *p);

#endif
