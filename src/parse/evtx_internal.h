/* What the files of the event log reader share. */
#ifndef PARSE_EVTX_INTERNAL_H
#define PARSE_EVTX_INTERNAL_H

#include "base/arena.h"
#include "parse/evtx.h"

/* Numbers are little-endian. The caller has checked that they are inside. */
static inline uint16_t evtx_u16(struct str s, size_t at)
{
    const unsigned char *p = (const unsigned char *)s.p + at;
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t evtx_u32(struct str s, size_t at)
{
    return (uint32_t)evtx_u16(s, at) | (uint32_t)evtx_u16(s, at + 2) << 16;
}

static inline uint64_t evtx_u64(struct str s, size_t at)
{
    return (uint64_t)evtx_u32(s, at) | (uint64_t)evtx_u32(s, at + 4) << 32;
}

/* Value types of [MS-EVEN6] 2.2.12, "Type System". */
enum {
    EVTX_NULL = 0x00,
    EVTX_STRING = 0x01,
    EVTX_ANSI_STRING = 0x02,
    EVTX_BINARY_XML = 0x21,
    EVTX_ARRAY = 0x80, /* of the type in the other bits */
};

/* Appends a value as Windows writes it, escaped for element or attribute. An unknown type, or one whose size
 * does not fit, is written as hexadecimal bytes: nothing is lost. */
void evtx_value_add(struct buf *out, unsigned type, struct str bytes);
/* UTF-16LE, escaped; the NULs that end it are left out. */
void evtx_text_add(struct buf *out, struct str utf16);
/* The next item of an array that has `rest` left; false when there is none. */
bool evtx_array_next(unsigned type, struct str *rest, struct str *item);

#define EVTX_NAME_SLOTS 512 /* names of a chunk by their place; a chunk has some hundred */

struct evtx_name {
    uint32_t offset; /* in the chunk; 0 = free */
    uint32_t bytes;  /* of the name's record, where it stands in line */
    struct str text;
};

struct evtx_value {
    uint32_t offset; /* in the chunk */
    uint16_t size;
    uint8_t type;
};

#define EVTX_VALUES_MAX 4096 /* of one record, embedded fragments included */

struct evtx_reader {
    struct str chunk;
    size_t next, end; /* records: next one, end of what the header calls used */
    bool trusts_end;  /* the header's checksum is right */
    uint64_t last_id; /* of the record before, 0 = none */
    struct evtx_counts *counts;
    struct buf xml;
    struct arena arena; /* names of this chunk */
    struct evtx_name names[EVTX_NAME_SLOTS];
    struct evtx_value values[EVTX_VALUES_MAX];
    uint32_t value_count;
    uint32_t steps; /* tokens of this record so far */
};

/* Renders the binary XML in [from, to) of the chunk into r->xml; false when it is broken: what came before
 * the break stays. */
bool evtx_render(struct evtx_reader *r, size_t from, size_t to);

#endif
