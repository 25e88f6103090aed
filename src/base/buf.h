/* Growing bytes. Zero-initialise, append, hand out as a str, free. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/error.h"
#include "base/str.h"

struct buf {
    char *p;
    size_t n;
    size_t capacity;
};

void buf_free(struct buf *b);
void buf_clear(struct buf *b);                 /* keeps the memory */
char *buf_reserve(struct buf *b, size_t more); /* room for `more` bytes at p + n; returns that place */
void buf_add(struct buf *b, struct str s);
void buf_bytes(struct buf *b, const void *p, size_t n);
void buf_c(struct buf *b, const char *c);
void buf_char(struct buf *b, char c);
void buf_i64(struct buf *b, int64_t v);
void buf_u64(struct buf *b, uint64_t v);
void buf_printf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
/* As text or attribute of HTML, XML and SVG: the five characters escaped, control characters left out. */
void buf_markup(struct buf *b, struct str s);
const char *buf_cstr(struct buf *b); /* NUL-terminated view; n does not count the NUL */

static inline struct str buf_str(const struct buf *b)
{
    return (struct str){b->p ? b->p : "", b->n};
}

#endif
