/* Sketches of streams (stage instrument): hashes → heavy hitters, distinct counts, frequencies. Used by
 * tally.c for who is behind a count. */
#include "instrument/sketch.h"

#include <math.h>

static uint32_t plus(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

struct heavy_entry *heavy_add(struct heavy_entry *entries, uint32_t *used, uint32_t capacity, uint64_t hash,
                              uint32_t count, bool *is_new)
{
    struct heavy_entry *least = entries;
    for (uint32_t i = 0; i < *used; i++) {
        if (entries[i].hash == hash) {
            entries[i].count = plus(entries[i].count, count);
            *is_new = false;
            return &entries[i];
        }
        if (entries[i].count < least->count)
            least = &entries[i];
    }
    *is_new = true;
    if (*used < capacity) {
        entries[*used] = (struct heavy_entry){hash, count, 0, 0};
        return &entries[(*used)++];
    }
    *least = (struct heavy_entry){hash, plus(least->count, count), least->count, 0};
    return least;
}

void hyperloglog_add(uint8_t *registers, unsigned bits, uint64_t hash)
{
    uint64_t index = hash >> (64 - bits), rest = hash << bits;
    uint8_t rank = rest ? (uint8_t)(__builtin_clzll(rest) + 1) : (uint8_t)(64 - bits + 1);
    if (registers[index] < rank)
        registers[index] = rank;
}

void hyperloglog_merge(uint8_t *into, const uint8_t *from, unsigned bits)
{
    for (uint32_t i = 0; i < 1u << bits; i++)
        if (into[i] < from[i])
            into[i] = from[i];
}

double hyperloglog_count(const uint8_t *registers, unsigned bits)
{
    uint32_t m = 1u << bits, zeros = 0;
    double sum = 0;
    for (uint32_t i = 0; i < m; i++) {
        sum += ldexp(1, -registers[i]);
        zeros += registers[i] == 0;
    }
    double alpha = m == 16 ? 0.673 : m == 32 ? 0.697 : m == 64 ? 0.709 : 0.7213 / (1 + 1.079 / m);
    double raw = alpha * m * m / sum;
    return raw <= 2.5 * m && zeros ? m * log((double)m / zeros) : raw;
}

double hyperloglog_error(unsigned bits)
{
    return 1.04 / sqrt((double)(1u << bits));
}

struct count_min_size count_min_size(double epsilon, double delta)
{
    return (struct count_min_size){(uint32_t)ceil(M_E / epsilon), (uint32_t)ceil(log(1 / delta))};
}

/* Rows by double hashing of one 64-bit hash (Kirsch and Mitzenmacher 2008). */
static uint32_t cell_of(struct count_min_size size, uint64_t hash, uint32_t row)
{
    uint64_t step = (hash >> 32) | 1;
    return row * size.width + (uint32_t)(((hash & UINT32_MAX) + row * step) % size.width);
}

void count_min_add(uint32_t *cells, struct count_min_size size, uint64_t hash, uint32_t count)
{
    for (uint32_t row = 0; row < size.depth; row++) {
        uint32_t *cell = &cells[cell_of(size, hash, row)];
        *cell = plus(*cell, count);
    }
}

uint32_t count_min_estimate(const uint32_t *cells, struct count_min_size size, uint64_t hash)
{
    uint32_t least = UINT32_MAX;
    for (uint32_t row = 0; row < size.depth; row++) {
        uint32_t cell = cells[cell_of(size, hash, row)];
        least = cell < least ? cell : least;
    }
    return least;
}
