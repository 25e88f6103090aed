/* Allocation that cannot fail: out of memory aborts here, with a sentence. Memory is bounded by limits
 * elsewhere, so nobody else handles NULL. Also BUG(), for what must never happen. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

#include "base/banned.h"

void *memory_alloc(size_t bytes);                              /* uninitialised */
void *memory_zero(size_t bytes);                               /* zeroed */
void *memory_resize(void *p, size_t bytes);                    /* like realloc */
void *memory_array(size_t count, size_t each);                 /* zeroed, overflow-checked */
void *memory_resize_array(void *p, size_t count, size_t each); /* overflow-checked */
char *memory_strdup(const char *c);
void memory_free(void *p);

/* For a program that runs on: what is freed stays with it, since filling fresh pages costs more than the work
 * done in them, until it rests and gives back. */
void memory_keep_freed(void);
void memory_give_back(void);

#define NEW(type)          ((type *)memory_zero(sizeof(type)))
#define NEW_ARRAY(type, n) ((type *)memory_array((n), sizeof(type)))
#define COUNT_OF(array)    (sizeof(array) / sizeof((array)[0]))

_Noreturn void bug(const char *file, int line, const char *what);
#define BUG(what)    bug(__FILE__, __LINE__, what)
#define BUG_IF(cond) ((cond) ? bug(__FILE__, __LINE__, #cond) : (void)0)

#endif
