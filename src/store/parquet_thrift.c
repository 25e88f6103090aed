/* store stage: the Thrift compact protocol, writing only. Used for page headers and the footer of Parquet
 * files (parquet_page.c, parquet_file.c). */
#include "store/parquet_thrift.h"

#include "base/memory.h"

void varint_add(struct buf *out, uint64_t value)
{
    char *p = buf_reserve(out, 10);
    size_t n = 0;
    for (; value >= 0x80; value >>= 7)
        p[n++] = (char)(value | 0x80);
    p[n++] = (char)value;
    out->n += n;
}

static void push(struct thrift *t)
{
    BUG_IF(t->depth == THRIFT_DEPTH);
    t->last_field[t->depth++] = 0;
}

void thrift_begin(struct thrift *t, struct buf *out)
{
    *t = (struct thrift){.out = out};
    push(t);
}

void thrift_end(struct thrift *t)
{
    BUG_IF(t->depth == 0);
    buf_char(t->out, 0);
    t->depth--;
}

static void field_header(struct thrift *t, int16_t field, unsigned type)
{
    int16_t *last = &t->last_field[t->depth - 1];
    BUG_IF(field <= *last);
    int delta = field - *last;
    if (delta <= 15) {
        buf_char(t->out, (char)((unsigned)delta << 4 | type));
    } else {
        buf_char(t->out, (char)type);
        varint_add(t->out, zigzag(field));
    }
    *last = field;
}

void thrift_bool(struct thrift *t, int16_t field, bool value)
{
    field_header(t, field, value ? THRIFT_TRUE : THRIFT_FALSE);
}

void thrift_i16(struct thrift *t, int16_t field, int16_t value)
{
    field_header(t, field, THRIFT_I16);
    varint_add(t->out, zigzag(value));
}

void thrift_i32(struct thrift *t, int16_t field, int32_t value)
{
    field_header(t, field, THRIFT_I32);
    varint_add(t->out, zigzag(value));
}

void thrift_i64(struct thrift *t, int16_t field, int64_t value)
{
    field_header(t, field, THRIFT_I64);
    varint_add(t->out, zigzag(value));
}

void thrift_binary(struct thrift *t, int16_t field, struct str bytes)
{
    field_header(t, field, THRIFT_BINARY);
    thrift_element_binary(t, bytes);
}

void thrift_struct(struct thrift *t, int16_t field)
{
    field_header(t, field, THRIFT_STRUCT);
    push(t);
}

void thrift_empty(struct thrift *t, int16_t field)
{
    thrift_struct(t, field);
    thrift_end(t);
}

void thrift_list(struct thrift *t, int16_t field, enum thrift_type type, uint32_t count)
{
    field_header(t, field, THRIFT_LIST);
    if (count < 15) {
        buf_char(t->out, (char)(count << 4 | (unsigned)type));
    } else {
        buf_char(t->out, (char)(0xF0 | (unsigned)type));
        varint_add(t->out, count);
    }
}

void thrift_element_struct(struct thrift *t)
{
    push(t);
}

void thrift_element_i32(struct thrift *t, int32_t value)
{
    varint_add(t->out, zigzag(value));
}

void thrift_element_binary(struct thrift *t, struct str bytes)
{
    varint_add(t->out, bytes.n);
    buf_add(t->out, bytes);
}
