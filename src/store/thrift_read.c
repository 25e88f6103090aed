/* store stage: the Thrift compact protocol, reading only. Used for the footer and the page headers of Parquet
 * files (parquet_footer.c, column_cursor.c). */
#include "store/thrift_read.h"

enum { SKIP_DEPTH = 16 };

bool varint_read(const unsigned char **p, const unsigned char *end, uint64_t *value)
{
    uint64_t v = 0;
    for (unsigned shift = 0; *p < end && shift < 64; shift += 7) {
        unsigned char byte = *(*p)++;
        if (shift == 63 && byte > 1)
            return false;
        v |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *value = v;
            return true;
        }
    }
    return false;
}

void thrift_read_begin(struct thrift_reader *r, struct str bytes)
{
    const unsigned char *p = (const unsigned char *)bytes.p;
    *r = (struct thrift_reader){.p = p, .end = p + bytes.n, .depth = 1};
}

static uint64_t read_varint(struct thrift_reader *r)
{
    uint64_t v = 0;
    if (!r->is_bad && !varint_read(&r->p, r->end, &v))
        r->is_bad = true;
    return v;
}

static unsigned read_byte(struct thrift_reader *r)
{
    if (r->is_bad || r->p == r->end) {
        r->is_bad = true;
        return 0;
    }
    return *r->p++;
}

bool thrift_read_field(struct thrift_reader *r, int16_t *field, enum thrift_type *type)
{
    unsigned header = read_byte(r);
    if (r->is_bad || header == 0) {
        r->depth -= !r->is_bad;
        return false;
    }
    int16_t *last = &r->last_field[r->depth - 1];
    int64_t number = header >> 4 ? *last + (int64_t)(header >> 4) : unzigzag(read_varint(r));
    if (number < 0 || number > INT16_MAX)
        r->is_bad = true;
    *last = *field = (int16_t)number;
    *type = (enum thrift_type)(header & 15);
    return !r->is_bad;
}

static void skip_bytes(struct thrift_reader *r, uint64_t n)
{
    if (r->is_bad || n > (uint64_t)(r->end - r->p))
        r->is_bad = true;
    else
        r->p += n;
}

static void skip_value(struct thrift_reader *r, enum thrift_type type, bool is_element, unsigned depth);

static void skip_elements(struct thrift_reader *r, unsigned depth)
{
    unsigned header = read_byte(r);
    uint64_t count = header >> 4 == 15 ? read_varint(r) : header >> 4;
    for (uint64_t i = 0; i < count && !r->is_bad; i++)
        skip_value(r, (enum thrift_type)(header & 15), true, depth);
}

static void skip_map(struct thrift_reader *r, unsigned depth)
{
    uint64_t count = read_varint(r);
    unsigned types = count ? read_byte(r) : 0;
    for (uint64_t i = 0; i < count && !r->is_bad; i++) {
        skip_value(r, (enum thrift_type)(types >> 4), true, depth);
        skip_value(r, (enum thrift_type)(types & 15), true, depth);
    }
}

static void skip_struct(struct thrift_reader *r, unsigned depth)
{
    for (unsigned header; (header = read_byte(r)) != 0 && !r->is_bad;) {
        if (header >> 4 == 0)
            read_varint(r);
        skip_value(r, (enum thrift_type)(header & 15), false, depth);
    }
}

/* As an element a boolean is one byte; as a member it is its own header. */
static void skip_value(struct thrift_reader *r, enum thrift_type type, bool is_element, unsigned depth)
{
    if (depth == SKIP_DEPTH)
        r->is_bad = true;
    if (r->is_bad)
        return;
    switch (type) {
    case THRIFT_TRUE:
    case THRIFT_FALSE:
        skip_bytes(r, is_element);
        break;
    case THRIFT_BYTE:
        skip_bytes(r, 1);
        break;
    case THRIFT_I16:
    case THRIFT_I32:
    case THRIFT_I64:
        read_varint(r);
        break;
    case THRIFT_DOUBLE:
        skip_bytes(r, 8);
        break;
    case THRIFT_BINARY:
        skip_bytes(r, read_varint(r));
        break;
    case THRIFT_LIST:
    case THRIFT_SET:
        skip_elements(r, depth + 1);
        break;
    case THRIFT_MAP:
        skip_map(r, depth + 1);
        break;
    case THRIFT_STRUCT:
        skip_struct(r, depth + 1);
        break;
    default:
        r->is_bad = true;
    }
}

void thrift_skip(struct thrift_reader *r, enum thrift_type type)
{
    skip_value(r, type, false, 0);
}

int64_t thrift_read_integer(struct thrift_reader *r, enum thrift_type type)
{
    if (type < THRIFT_I16 || type > THRIFT_I64)
        r->is_bad = true;
    return unzigzag(read_varint(r));
}

struct str thrift_read_binary(struct thrift_reader *r, enum thrift_type type)
{
    if (type != THRIFT_BINARY)
        r->is_bad = true;
    uint64_t n = read_varint(r);
    const unsigned char *start = r->p;
    skip_bytes(r, n);
    return r->is_bad ? STR_EMPTY : str_n((const char *)start, (size_t)n);
}

void thrift_read_struct(struct thrift_reader *r, enum thrift_type type)
{
    if (type != THRIFT_STRUCT || r->depth == THRIFT_DEPTH)
        r->is_bad = true;
    if (!r->is_bad)
        r->last_field[r->depth++] = 0;
}

uint32_t thrift_read_list(struct thrift_reader *r, enum thrift_type type, enum thrift_type element)
{
    unsigned header = type == THRIFT_LIST ? read_byte(r) : 0;
    uint64_t count = header >> 4 == 15 ? read_varint(r) : header >> 4;
    if ((header & 15) != element || count > (uint64_t)(r->end - r->p) || count > UINT32_MAX)
        r->is_bad = true;
    return r->is_bad ? 0 : (uint32_t)count;
}
