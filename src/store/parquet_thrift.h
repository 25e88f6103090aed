/* Writing Thrift's compact protocol (github.com/apache/thrift, doc/specs/thrift-compact-protocol.md), as far
 * as the metadata of Parquet needs it: structs, lists, integers, booleans, strings. Fields must be written in
 * ascending order of their numbers. */
#ifndef STORE_PARQUET_THRIFT_H
#define STORE_PARQUET_THRIFT_H

#include "base/buf.h"

enum { THRIFT_DEPTH = 8 };

struct thrift {
    struct buf *out;
    int16_t last_field[THRIFT_DEPTH]; /* number of the last field written, one per open struct */
    unsigned depth;
};

enum thrift_type {
    THRIFT_TRUE = 1,
    THRIFT_FALSE = 2,
    THRIFT_BYTE = 3,
    THRIFT_I16 = 4,
    THRIFT_I32 = 5,
    THRIFT_I64 = 6,
    THRIFT_DOUBLE = 7,
    THRIFT_BINARY = 8,
    THRIFT_LIST = 9,
    THRIFT_SET = 10,
    THRIFT_MAP = 11,
    THRIFT_STRUCT = 12,
};

/* A document is one struct: thrift_begin … fields … thrift_end. */
void thrift_begin(struct thrift *t, struct buf *out);
void thrift_end(struct thrift *t);

void thrift_bool(struct thrift *t, int16_t field, bool value);
void thrift_i16(struct thrift *t, int16_t field, int16_t value);
void thrift_i32(struct thrift *t, int16_t field, int32_t value);
void thrift_i64(struct thrift *t, int16_t field, int64_t value);
void thrift_binary(struct thrift *t, int16_t field, struct str bytes);
void thrift_struct(struct thrift *t, int16_t field); /* ends with thrift_end */
void thrift_empty(struct thrift *t, int16_t field);  /* a struct without members: a choice in a union */
void thrift_list(struct thrift *t, int16_t field, enum thrift_type type, uint32_t count);

/* Elements of a list. */
void thrift_element_struct(struct thrift *t); /* ends with thrift_end */
void thrift_element_i32(struct thrift *t, int32_t value);
void thrift_element_binary(struct thrift *t, struct str bytes);

void varint_add(struct buf *out, uint64_t value); /* ULEB128 */
static inline uint64_t zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

#endif
