/* What is remembered about a source. Shared by threads without locks: one number, and immutable headers, one
 * of which is the current one. A source may send several tables mixed (a directory of logs), each with its
 * header once. Private to this stage. */
#ifndef NORMALISE_SOURCE_MEMORY_H
#define NORMALISE_SOURCE_MEMORY_H

#include <stdatomic.h>

#include "normalise/run.h"

struct kept_header {
    struct kept_header *older; /* all are kept until the memory is freed: readers may hold them */
    uint64_t generation;
    uint16_t parser;
    struct column_header header;
};

#define KEPT_HEADERS_MAX 256 /* different headers of one source; later ones are not learned any more */

struct source_memory {
    _Atomic uint64_t
        sticky; /* generation of the normaliser << 32 | index of the recogniser + 1; 0 = nothing */
    _Atomic(struct kept_header *) newest; /* all, chained by `older` */
    _Atomic(struct kept_header *) header; /* the one that was sent last */
    _Atomic uint32_t header_count;
};

/* The header that holds for this normaliser, or NULL. */
const struct kept_header *source_memory_header(const struct source_memory *m, uint64_t generation);
/* The header of this parser that a line's columns fit best, the one sent last among equals. One that did not
 * tell its columns' types is only taken when none with as many columns told them. NULL when none fits. */
const struct kept_header *source_memory_table(const struct source_memory *m, uint64_t generation,
                                              uint16_t parser, const struct str *columns, uint32_t count);
void source_memory_learn(struct source_memory *m, uint64_t generation, uint16_t parser,
                         const struct column_header *header);

#endif
