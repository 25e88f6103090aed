/* Ground floor: growing bytes. */
#include "base/buf.h"

#include <stdio.h>

#include "base/memory.h"

void buf_free(struct buf *b)
{
    memory_free(b->p);
    *b = (struct buf){0};
}

void buf_clear(struct buf *b)
{
    b->n = 0;
}

char *buf_reserve(struct buf *b, size_t more)
{
    if (more <= b->capacity - b->n && b->p)
        return b->p + b->n;
    BUG_IF(more > PTRDIFF_MAX - b->n);
    size_t capacity = b->capacity < 128 ? 256 : b->capacity * 2;
    if (capacity < b->n + more)
        capacity = b->n + more;
    b->p = memory_resize(b->p, capacity);
    b->capacity = capacity;
    return b->p + b->n;
}

void buf_bytes(struct buf *b, const void *p, size_t n)
{
    if (!n)
        return;
    memcpy(buf_reserve(b, n), p, n);
    b->n += n;
}

void buf_add(struct buf *b, struct str s)
{
    buf_bytes(b, s.p, s.n);
}

void buf_c(struct buf *b, const char *c)
{
    buf_bytes(b, c, strlen(c));
}

void buf_char(struct buf *b, char c)
{
    *buf_reserve(b, 1) = c;
    b->n++;
}

void buf_u64(struct buf *b, uint64_t v)
{
    char digits[20], *p = digits + sizeof digits;
    do {
        *--p = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    buf_bytes(b, p, (size_t)(digits + sizeof digits - p));
}

void buf_i64(struct buf *b, int64_t v)
{
    if (v < 0)
        buf_char(b, '-');
    buf_u64(b, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    char *at = buf_reserve(b, 128);
    size_t room = b->capacity - b->n;
    int n = vsnprintf(at, room, format, arguments);
    va_end(arguments);
    BUG_IF(n < 0);
    if ((size_t)n >= room)
        vsnprintf(buf_reserve(b, (size_t)n + 1), (size_t)n + 1, format, again);
    va_end(again);
    b->n += (size_t)n;
}

void buf_markup(struct buf *b, struct str s)
{
    static const struct {
        char c;
        const char *entity;
    } entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    for (size_t i = 0; i < s.n; i++) {
        size_t e = 0;
        while (e < COUNT_OF(entities) && entities[e].c != s.p[i])
            e++;
        if (e < COUNT_OF(entities))
            buf_c(b, entities[e].entity);
        else if ((unsigned char)s.p[i] >= 0x20 || s.p[i] == '\n' || s.p[i] == '\t')
            buf_char(b, s.p[i]);
    }
}

const char *buf_cstr(struct buf *b)
{
    *buf_reserve(b, 1) = '\0';
    return b->p;
}
