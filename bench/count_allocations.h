/* count_allocations.c linked into a program, in place of being loaded before it. */
#ifndef BENCH_COUNT_ALLOCATIONS_H
#define BENCH_COUNT_ALLOCATIONS_H

#include <stdint.h>

/* Calls of malloc, calloc, realloc and their relatives by all threads so far. */
uint64_t allocations_counted(void);

#endif
