/* Ground floor: plain, gzip, zstd and zip files as streams of bytes. One buffer of input; the caller's room
 * is the output. Next: line_reader.c. */
#include "base/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/memory.h"
#include "base/unpack_internal.h"

#define RAW_BYTES (64 * 1024)

struct unpack {
    int fd;
    char *path;
    bool is_archive, is_started, has_ended;
    struct zip zip;
    enum packing packing;
    char *raw; /* as read: raw_at … raw_n not yet unpacked */
    size_t raw_at, raw_n;
    bool raw_ended;
    uint64_t raw_left;  /* bytes of the member not yet read */
    bool stream_open;   /* inside a gzip member, deflate stream or zstd frame */
    bool deflate_ended; /* a zip member's stream is over */
    bool has_zlib;
    z_stream zlib;
    ZSTD_DStream *zstd;
    atomic_uint_fast64_t position;
};

static bool read_raw(struct unpack *u, struct error *err)
{
    if (u->raw_at < u->raw_n || u->raw_ended)
        return true;
    size_t room = u->raw_left < RAW_BYTES ? (size_t)u->raw_left : RAW_BYTES;
    ssize_t n;
    do
        n = read(u->fd, u->raw, room);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return error_errno(err, "cannot read %s", u->path);
    u->raw_at = 0;
    u->raw_n = (size_t)n;
    u->raw_ended = n == 0;
    u->raw_left -= (uint64_t)n;
    atomic_fetch_add_explicit(&u->position, (uint_fast64_t)n, memory_order_relaxed);
    return true;
}

static void begin_zlib(struct unpack *u, int window)
{
    if (u->has_zlib)
        inflateEnd(&u->zlib);
    u->zlib = (z_stream){0};
    if (inflateInit2(&u->zlib, window) != Z_OK)
        BUG("zlib refuses its own window size");
    u->has_zlib = true;
}

static void begin_zstd(struct unpack *u)
{
    ZSTD_freeDStream(u->zstd);
    u->zstd = ZSTD_createDStream();
    BUG_IF(!u->zstd);
    ZSTD_DCtx_setParameter(u->zstd, ZSTD_d_windowLogMax, 27); /* 128 MiB, what `zstd --long` writes */
}

static void begin_packing(struct unpack *u, enum packing packing)
{
    u->packing = packing;
    u->stream_open = u->deflate_ended = u->has_ended = false;
    if (packing == PACKING_GZIP)
        begin_zlib(u, 15 + 16);
    else if (packing == PACKING_DEFLATE)
        begin_zlib(u, -15);
    else if (packing == PACKING_ZSTD)
        begin_zstd(u);
}

static bool unpack_zlib(struct unpack *u, char *to, size_t room, size_t *got, struct error *err)
{
    z_stream *z = &u->zlib;
    z->next_in = (Bytef *)u->raw + u->raw_at;
    z->avail_in = (uInt)(u->raw_n - u->raw_at);
    z->next_out = (Bytef *)to;
    z->avail_out = (uInt)room;
    int result = inflate(z, Z_NO_FLUSH);
    u->raw_at = u->raw_n - z->avail_in;
    *got = room - z->avail_out;
    if (result == Z_STREAM_END) { /* in gzip another member may follow (RFC 1952 section 2.2) */
        u->stream_open = false;
        u->deflate_ended = u->packing == PACKING_DEFLATE;
        inflateReset(z);
        return true;
    }
    if (result != Z_OK && result != Z_BUF_ERROR)
        return error_set(err, "%s is damaged: %s", u->path, z->msg ? z->msg : "not gzip data");
    u->stream_open = true;
    return true;
}

static bool unpack_zstd(struct unpack *u, char *to, size_t room, size_t *got, struct error *err)
{
    ZSTD_inBuffer in = {u->raw, u->raw_n, u->raw_at};
    ZSTD_outBuffer out = {to, room, 0};
    size_t result = ZSTD_decompressStream(u->zstd, &out, &in);
    u->raw_at = in.pos;
    *got = out.pos;
    if (ZSTD_isError(result))
        return error_set(err, "%s is damaged: %s", u->path, ZSTD_getErrorName(result));
    u->stream_open = result != 0;
    return true;
}

static void take_plain(struct unpack *u, char *to, size_t room, size_t *got)
{
    size_t n = u->raw_n - u->raw_at;
    *got = n < room ? n : room;
    memcpy(to, u->raw + u->raw_at, *got);
    u->raw_at += *got;
}

int unpack_read(struct unpack *u, char *to, size_t room, size_t *got, struct error *err)
{
    *got = 0;
    while (!*got && !u->has_ended) {
        if (!read_raw(u, err))
            return -1;
        bool is_empty = u->raw_at == u->raw_n;
        if ((is_empty && !u->stream_open) || u->deflate_ended) {
            u->has_ended = true;
            break;
        }
        size_t before = u->raw_at;
        if (u->packing == PACKING_NONE)
            take_plain(u, to, room, got);
        else if (!(u->packing == PACKING_ZSTD ? unpack_zstd(u, to, room, got, err)
                                              : unpack_zlib(u, to, room, got, err))) {
            u->has_ended = true;
            return -1;
        }
        if (u->raw_ended && is_empty && !*got && before == u->raw_at && u->stream_open) {
            u->has_ended = true;
            error_set(err, "%s ends in the middle of its compressed data", u->path);
            return -1;
        }
    }
    return *got ? 1 : 0;
}

static bool recognise(struct unpack *u, struct error *err)
{
    if (!read_raw(u, err))
        return false;
    struct str start = str_n(u->raw, u->raw_n);
    if (str_starts(start, STR("\x1f\x8b")))
        begin_packing(u, PACKING_GZIP);
    else if (str_starts(start, STR("\x28\xb5\x2f\xfd")))
        begin_packing(u, PACKING_ZSTD);
    u->is_archive = zip_is_magic(start);
    return !u->is_archive || zip_open(&u->zip, u->fd, u->path, err);
}

struct unpack *unpack_open(const char *path, struct error *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        error_errno(err, "cannot open %s", path);
        return NULL;
    }
    struct unpack *u = NEW(struct unpack);
    u->fd = fd;
    u->path = memory_strdup(is_stdin ? "standard input" : path);
    u->raw = memory_alloc(RAW_BYTES);
    u->raw_left = UINT64_MAX;
    if (!recognise(u, err)) {
        unpack_close(u);
        return NULL;
    }
    return u;
}

void unpack_close(struct unpack *u)
{
    if (!u)
        return;
    if (u->has_zlib)
        inflateEnd(&u->zlib);
    ZSTD_freeDStream(u->zstd);
    zip_close(&u->zip);
    close(u->fd);
    memory_free(u->raw);
    memory_free(u->path);
    memory_free(u);
}

bool unpack_is_archive(const struct unpack *u)
{
    return u->is_archive;
}

int unpack_next(struct unpack *u, struct str *name, struct error *err)
{
    bool is_first = !u->is_started;
    u->is_started = true;
    *name = STR_EMPTY;
    if (!u->is_archive)
        return is_first ? 1 : 0;
    if (u->zip.next == u->zip.count)
        return 0;
    const struct zip_member *m = &u->zip.members[u->zip.next++];
    uint64_t at;
    enum packing packing;
    *name = m->name;
    if (!zip_locate(u->fd, u->path, m, &at, &packing, err))
        return -1;
    if (lseek(u->fd, (off_t)at, SEEK_SET) < 0) {
        error_errno(err, "cannot read %s", u->path);
        return -1;
    }
    u->raw_at = u->raw_n = 0;
    u->raw_ended = false;
    u->raw_left = m->packed_bytes;
    begin_packing(u, packing);
    return 1;
}

uint64_t unpack_position(const struct unpack *u)
{
    return atomic_load_explicit(&u->position, memory_order_relaxed);
}

uint32_t crc32_add(uint32_t crc, struct str bytes)
{
    return (uint32_t)crc32_z(crc, (const Bytef *)bytes.p, bytes.n);
}
