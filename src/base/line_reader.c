/* Ground floor: lines of plain, gzip, zstd and zip files with bounded memory. One buffer of text, one line;
 * longer lines are cut and the rest is skipped. Text in UTF-16 with a byte order mark becomes UTF-8. */
#include "base/line_reader.h"

#include "base/buf.h"
#include "base/memory.h"
#include "base/utf16.h"

#define TEXT_BYTES (256 * 1024)

enum encoding { ENCODING_BYTES, ENCODING_UTF16_LITTLE, ENCODING_UTF16_BIG };

struct line_reader {
    struct unpack *unpack; /* owned when `owns_unpack` */
    bool owns_unpack;
    size_t max_line_bytes;
    char *text; /* unpacked: text_at … text_n not yet handed out */
    size_t text_at, text_n;
    struct buf line; /* a line that lies across two fillings of `text` */
    enum encoding encoding;
    struct buf wide; /* UTF-16 whose characters are not all there yet */
};

/* All of `wide` but a last half character becomes text. Three bytes for two is the worst case. */
static void take_wide(struct line_reader *r)
{
    struct str s = buf_str(&r->wide);
    bool is_big = r->encoding == ENCODING_UTF16_BIG;
    size_t at = 0;
    while (s.n - at >= 4)
        r->text_n += utf8_put(utf16_next(s, &at, is_big), r->text + r->text_n);
    if (at)
        memmove(r->wide.p, r->wide.p + at, s.n - at);
    r->wide.n = s.n - at;
}

static bool fill_wide(struct line_reader *r, struct error *err)
{
    size_t got;
    char *to = buf_reserve(&r->wide, TEXT_BYTES / 2 - 8);
    int status = unpack_read(r->unpack, to, TEXT_BYTES / 2 - 8, &got, err);
    r->wide.n += got;
    take_wide(r);
    if (status == 0) { /* what is left is the end, whole or not */
        size_t at = 0;
        while (at < r->wide.n)
            r->text_n += utf8_put(utf16_next(buf_str(&r->wide), &at, r->encoding == ENCODING_UTF16_BIG),
                                  r->text + r->text_n);
        buf_clear(&r->wide);
    } else if (status > 0 && !r->text_n) {
        return fill_wide(r, err);
    }
    return status >= 0;
}

/* Fills `text`; at the end of the file it stays empty. */
static bool fill(struct line_reader *r, struct error *err)
{
    r->text_at = r->text_n = 0;
    if (r->encoding != ENCODING_BYTES)
        return fill_wide(r, err);
    return unpack_read(r->unpack, r->text, TEXT_BYTES, &r->text_n, err) >= 0;
}

/* Byte order marks (Unicode 23.8). */
static void recognise_encoding(struct line_reader *r)
{
    struct str start = str_n(r->text, r->text_n);
    if (str_starts(start, STR("\xef\xbb\xbf"))) {
        r->text_at = 3;
        return;
    }
    if (str_starts(start, STR("\xff\xfe")))
        r->encoding = ENCODING_UTF16_LITTLE;
    else if (str_starts(start, STR("\xfe\xff")))
        r->encoding = ENCODING_UTF16_BIG;
    else
        return;
    buf_bytes(&r->wide, r->text + 2, r->text_n - 2);
    r->text_n = 0;
    char *narrow = memory_alloc(2 * TEXT_BYTES); /* the first filling may grow by half */
    memory_free(r->text);
    r->text = narrow;
    take_wide(r);
}

struct line_reader *line_reader_on(struct unpack *unpack, size_t max_line_bytes, struct error *err)
{
    struct line_reader *r = NEW(struct line_reader);
    r->unpack = unpack;
    r->max_line_bytes = max_line_bytes;
    r->text = memory_alloc(TEXT_BYTES);
    size_t got = 0;
    int status = 1;
    while (status > 0 && r->text_n < LINE_READER_PEEK) { /* enough to recognise the content by */
        status = unpack_read(unpack, r->text + r->text_n, TEXT_BYTES - r->text_n, &got, err);
        r->text_n += got;
    }
    if (status < 0 && !r->text_n) {
        line_reader_close(r);
        return NULL;
    }
    recognise_encoding(r);
    return r;
}

struct line_reader *line_reader_open(const char *path, size_t max_line_bytes, struct error *err)
{
    struct str name;
    struct unpack *unpack = unpack_open(path, err);
    if (unpack == NULL)
        return NULL;
    struct line_reader *r = NULL;
    int status = unpack_next(unpack, &name, err);
    if (status > 0)
        r = line_reader_on(unpack, max_line_bytes, err);
    else if (status == 0)
        error_set(err, "%s is an empty archive", path);
    if (r == NULL)
        unpack_close(unpack);
    else
        r->owns_unpack = true;
    return r;
}

/* Moves the next `n` bytes of text into the kept line, as far as the limit allows. */
static void keep(struct line_reader *r, size_t n, bool *was_cut)
{
    size_t room = r->max_line_bytes - r->line.n;
    if (n > room)
        *was_cut = true;
    buf_bytes(&r->line, r->text + r->text_at, n < room ? n : room);
}

/* The line that ends at `end` in text; cut to the limit and without a carriage return. */
static struct str finish(struct line_reader *r, size_t end, bool *was_cut)
{
    struct str line;
    if (r->line.n || *was_cut) {
        keep(r, end - r->text_at, was_cut);
        line = buf_str(&r->line);
    } else {
        line = str_n(r->text + r->text_at, end - r->text_at);
        if (line.n > r->max_line_bytes) {
            line.n = r->max_line_bytes;
            *was_cut = true;
        }
    }
    if (line.n && !*was_cut && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

int line_reader_next(struct line_reader *r, struct str *line, bool *was_cut, struct error *err)
{
    bool is_cut = false, has_bytes = false;
    buf_clear(&r->line);
    for (;;) {
        if (r->text_at == r->text_n && !fill(r, err))
            return -1;
        if (r->text_at == r->text_n) { /* the end; a last line may lack its line end */
            if (!has_bytes)
                return 0;
            *line = finish(r, r->text_n, &is_cut);
            break;
        }
        struct str rest = str_n(r->text, r->text_n);
        size_t end = str_find_char(rest, '\n', r->text_at);
        if (end != STR_NOT_FOUND) {
            *line = finish(r, end, &is_cut);
            r->text_at = end + 1;
            break;
        }
        has_bytes = true;
        keep(r, r->text_n - r->text_at, &is_cut);
        r->text_at = r->text_n;
    }
    if (was_cut)
        *was_cut = is_cut;
    return 1;
}

struct str line_reader_peek(const struct line_reader *r)
{
    return str_n(r->text + r->text_at, r->text_n - r->text_at);
}

int line_reader_piece(struct line_reader *r, struct str *piece, struct error *err)
{
    if (r->text_at == r->text_n && !fill(r, err))
        return -1;
    *piece = line_reader_peek(r);
    return piece->n ? 1 : 0;
}

void line_reader_skip(struct line_reader *r, size_t n)
{
    BUG_IF(n > r->text_n - r->text_at);
    r->text_at += n;
}

void line_reader_close(struct line_reader *r)
{
    if (!r)
        return;
    if (r->owns_unpack)
        unpack_close(r->unpack);
    buf_free(&r->line);
    buf_free(&r->wide);
    memory_free(r->text);
    memory_free(r);
}
