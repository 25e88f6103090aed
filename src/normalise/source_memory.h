/* What is remembered about a source: the parser that fitted last, and the headers of the tables it has sent.
 * A source may send several tables mixed (a directory of logs), each with its header once. Private to this
 * stage.
 */
#ifndef NORMALISE_SOURCE_MEMORY_H
#define NORMALISE_SOURCE_MEMORY_H

#include <stdatomic.h>

#include "normalise/run.h"

struct kept_header {
    struct str parser;       /* its name, behind the header; knowledge may be loaded anew meanwhile */
    _Atomic uint64_t number; /* generation of a normaliser << 16 | number of that parser in it */
    struct column_header header;
};

#define KEPT_HEADERS_MAX 256 /* different headers of one source; later ones are not learned any more */

/* One thread adds at the end and never removes; others read the first `count` of a struct known_tables that
 * was given to them afterwards. */
struct table_list {
    uint32_t count;
    struct kept_header *headers[KEPT_HEADERS_MAX];
};

struct source_memory {
    _Atomic uint64_t
        sticky; /* generation of the normaliser << 32 | index of the recogniser + 1; 0 = nothing */
    struct table_list *tables; /* learned in passing, by the only thread that uses this memory; or NULL */
    struct known_tables known;
};

/* The parser of a header in this normaliser; NULL when it is gone or reads no tables any more. */
const struct parser *table_parser(const struct normaliser *n, struct kept_header *h);
/* The header that was sent last; NULL when there was none. */
struct kept_header *table_last(const struct known_tables *k);
/* The header of this parser that a line's columns fit best, the one sent last among equals. One that did not
 * tell its columns' types is only taken when none with as many columns told them. NULL when none fits. */
const struct kept_header *table_find(const struct known_tables *k, const struct normaliser *n,
                                     const struct parser *p, const struct str *columns, uint32_t count);
/* The header is now the one sent last. */
void table_learn(struct table_list *list, struct known_tables *k, struct str parser,
                 const struct column_header *header);

#endif
