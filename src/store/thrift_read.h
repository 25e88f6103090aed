/* Reading Thrift's compact protocol, the inverse of parquet_thrift.h. The bytes are untrusted: whatever does
 * not fit sets `is_bad`, after which every call gives nothing. */
#ifndef STORE_THRIFT_READ_H
#define STORE_THRIFT_READ_H

#include "base/str.h"
#include "store/parquet_thrift.h"

struct thrift_reader {
    const unsigned char *p, *end;
    int16_t last_field[THRIFT_DEPTH];
    unsigned depth;
    bool is_bad;
};

void thrift_read_begin(struct thrift_reader *r, struct str bytes);

/* The next member of the struct at hand; false at its end, which is then passed. Every member must be read
 * with the call for its type, or skipped. */
bool thrift_read_field(struct thrift_reader *r, int16_t *field, enum thrift_type *type);
void thrift_skip(struct thrift_reader *r, enum thrift_type type);

/* A member of another type than asked for counts as bad. */
int64_t thrift_read_integer(struct thrift_reader *r, enum thrift_type type);
struct str thrift_read_binary(struct thrift_reader *r, enum thrift_type type); /* points into the input */
void thrift_read_struct(struct thrift_reader *r, enum thrift_type type);       /* then its members */
/* Number of elements, never more than bytes are left; `element` is what they must be. */
uint32_t thrift_read_list(struct thrift_reader *r, enum thrift_type type, enum thrift_type element);

/* ULEB128; false when it does not end or has more than 64 bits. */
bool varint_read(const unsigned char **p, const unsigned char *end, uint64_t *value);
static inline int64_t unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

#endif
