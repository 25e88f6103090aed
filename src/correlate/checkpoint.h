/* The saved state of a correlator, as bytes. Little-endian, packed; a version that is not known is refused,
 * and correlations start anew: nothing else depends on it.
 *
 *   head │ group head, key, told…, hits… │ group … │ xxh64 of all before
 *   told: time, amount, origin           hit: struct saved_hit, origin (only when it is not that of the hit
 * before) origin: u32 size, bytes */
#ifndef CORRELATE_CHECKPOINT_H
#define CORRELATE_CHECKPOINT_H

#include <stdint.h>

#define CHECKPOINT_MAGIC "HYKCORR1"

struct saved_head {
    char magic[8];
    int64_t watermark_ns;
    uint64_t next_number;
    uint64_t group_count;
};

struct saved_group {
    uint64_t number;
    int64_t settled_ns;
    uint32_t key_size, told_count, hit_count, is_in_heap;
};

struct saved_told {
    int64_t time_ns;
    double amount;
};

struct saved_hit {
    int64_t time_ns;
    uint64_t sequence, value, child;
    double number;
    uint32_t step;
    uint8_t has_value, has_origin, is_second, is_token;
};

_Static_assert(sizeof(struct saved_head) == 32, "on disk");
_Static_assert(sizeof(struct saved_group) == 32, "on disk");
_Static_assert(sizeof(struct saved_told) == 16, "on disk");
_Static_assert(sizeof(struct saved_hit) == 48, "on disk");

#endif
