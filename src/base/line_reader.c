/* Ground floor: lines of plain, gzip and zstd files with bounded memory. What a file is shows in its first
 * bytes, not in its name. One buffer of input, one line; longer lines are cut and the rest is skipped. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/file.h"

#define RAW_BYTES  (64 * 1024)
#define TEXT_BYTES (256 * 1024)

enum packing { PACKING_NONE, PACKING_GZIP, PACKING_ZSTD };

struct line_reader {
    int fd;
    enum packing packing;
    char *path;
    size_t max_line_bytes;
    char *raw; /* as read: raw_at … raw_n not yet unpacked */
    size_t raw_at, raw_n;
    bool raw_ended;
    char *text; /* unpacked: text_at … text_n not yet handed out */
    size_t text_at, text_n;
    bool stream_open; /* inside a gzip member or zstd frame */
    struct buf line;  /* a line that lies across two fillings of `text` */
    z_stream gzip;
    ZSTD_DStream *zstd;
};

static bool read_raw(struct line_reader *r, struct error *err)
{
    if (r->raw_at < r->raw_n || r->raw_ended)
        return true;
    ssize_t n;
    do
        n = read(r->fd, r->raw, RAW_BYTES);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return error_errno(err, "cannot read %s", r->path);
    r->raw_at = 0;
    r->raw_n = (size_t)n;
    r->raw_ended = n == 0;
    return true;
}

static bool unpack_gzip(struct line_reader *r, struct error *err)
{
    z_stream *z = &r->gzip;
    z->next_in = (Bytef *)r->raw + r->raw_at;
    z->avail_in = (uInt)(r->raw_n - r->raw_at);
    z->next_out = (Bytef *)r->text;
    z->avail_out = TEXT_BYTES;
    int result = inflate(z, Z_NO_FLUSH);
    r->raw_at = r->raw_n - z->avail_in;
    r->text_n = TEXT_BYTES - z->avail_out;
    if (result == Z_STREAM_END) { /* another member may follow (RFC 1952 section 2.2) */
        inflateReset(z);
        r->stream_open = false;
        return true;
    }
    if (result != Z_OK && result != Z_BUF_ERROR)
        return error_set(err, "%s is damaged: %s", r->path, z->msg ? z->msg : "not gzip data");
    r->stream_open = true;
    return true;
}

static bool unpack_zstd(struct line_reader *r, struct error *err)
{
    ZSTD_inBuffer in = {r->raw, r->raw_n, r->raw_at};
    ZSTD_outBuffer out = {r->text, TEXT_BYTES, 0};
    size_t result = ZSTD_decompressStream(r->zstd, &out, &in);
    r->raw_at = in.pos;
    r->text_n = out.pos;
    if (ZSTD_isError(result))
        return error_set(err, "%s is damaged: %s", r->path, ZSTD_getErrorName(result));
    r->stream_open = result != 0;
    return true;
}

static void take_plain(struct line_reader *r)
{
    memcpy(r->text, r->raw + r->raw_at, r->raw_n - r->raw_at); /* RAW_BYTES < TEXT_BYTES */
    r->text_n = r->raw_n - r->raw_at;
    r->raw_at = r->raw_n;
}

/* Fills `text`; at the end of the file it stays empty. */
static bool fill(struct line_reader *r, struct error *err)
{
    r->text_at = r->text_n = 0;
    while (!r->text_n) {
        if (!read_raw(r, err))
            return false;
        bool is_empty = r->raw_at == r->raw_n;
        if (is_empty && !r->stream_open)
            return true;
        size_t before = r->raw_at;
        if (r->packing == PACKING_NONE)
            take_plain(r);
        else if (!(r->packing == PACKING_GZIP ? unpack_gzip(r, err) : unpack_zstd(r, err)))
            return false;
        if (r->raw_ended && is_empty && !r->text_n && before == r->raw_at && r->stream_open) {
            r->stream_open = false;
            return error_set(err, "%s ends in the middle of its compressed data", r->path);
        }
    }
    return true;
}

static bool open_packing(struct line_reader *r, struct error *err)
{
    static const unsigned char gzip_magic[] = {0x1f, 0x8b}, zstd_magic[] = {0x28, 0xb5, 0x2f, 0xfd};
    if (!read_raw(r, err))
        return false;
    if (r->raw_n >= sizeof gzip_magic && !memcmp(r->raw, gzip_magic, sizeof gzip_magic)) {
        r->packing = PACKING_GZIP;
        if (inflateInit2(&r->gzip, 15 + 16) != Z_OK)
            BUG("zlib refuses its own window size");
    } else if (r->raw_n >= sizeof zstd_magic && !memcmp(r->raw, zstd_magic, sizeof zstd_magic)) {
        r->packing = PACKING_ZSTD;
        r->zstd = ZSTD_createDStream();
        BUG_IF(!r->zstd);
        ZSTD_DCtx_setParameter(r->zstd, ZSTD_d_windowLogMax, 27); /* 128 MiB, what `zstd --long` writes */
    }
    return true;
}

struct line_reader *line_reader_open(const char *path, size_t max_line_bytes, struct error *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        error_errno(err, "cannot open %s", path);
        return NULL;
    }
    struct line_reader *r = NEW(struct line_reader);
    r->fd = fd;
    r->path = memory_strdup(is_stdin ? "standard input" : path);
    r->max_line_bytes = max_line_bytes;
    r->raw = memory_alloc(RAW_BYTES);
    r->text = memory_alloc(TEXT_BYTES);
    if (!open_packing(r, err)) {
        line_reader_close(r);
        return NULL;
    }
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

void line_reader_close(struct line_reader *r)
{
    if (!r)
        return;
    if (r->packing == PACKING_GZIP)
        inflateEnd(&r->gzip);
    ZSTD_freeDStream(r->zstd);
    close(r->fd);
    buf_free(&r->line);
    memory_free(r->raw);
    memory_free(r->text);
    memory_free(r->path);
    memory_free(r);
}
