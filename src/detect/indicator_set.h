/* What indicator_set.c keeps. Inside the stage only. */
#ifndef DETECT_INDICATOR_SET_H
#define DETECT_INDICATOR_SET_H

#include <stdatomic.h>

#include "detect/indicator_image.h"

struct source_image {
    struct indicator_image image;
    struct str source;  /* within the image */
    uint32_t first_ref; /* a record's reference is this plus its unit */
};

struct indicator_set {
    atomic_uint references;
    struct indicator_plan *plan;
    struct allow_lists *allow;
    struct source_image *images; /* by first_ref */
    size_t image_count;
    uint64_t *slots; /* bucket_count × 8 */
    uint64_t bucket_count, count;
    size_t table_bytes;
    uint64_t by_type[INDICATOR_TYPE_COUNT];
    uint32_t *v4_lengths; /* first 16 bits → prefix lengths (0–31); NULL = no networks */
    uint64_t (*v6_lengths)[2];
};

#define BUCKET_SLOTS 8
static inline uint64_t indicator_bucket(const struct indicator_set *set, uint64_t hash)
{
    return (uint64_t)(((unsigned __int128)hash * set->bucket_count) >> 64);
}

/* NULL for a reference that leads nowhere. */
const struct image_record *indicator_set_record(const struct indicator_set *set, uint32_t ref);
/* Asks the cache for the record. */
void indicator_set_fetch(const struct indicator_set *set, uint32_t ref);

#endif
