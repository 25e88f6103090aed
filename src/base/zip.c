/* Ground floor: the directory of zip archives, after PKWARE's APPNOTE.TXT 6.3: end record (4.3.16), its
 * 64-bit form (4.3.14), central directory (4.3.12), local headers (4.3.7). Next: unpack.c. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/memory.h"
#include "base/unpack_internal.h"

#define END_BYTES       22
#define END64_BYTES     56
#define LOCATOR_BYTES   20
#define ENTRY_BYTES     46
#define LOCAL_BYTES     30
#define DIRECTORY_BYTES ((uint64_t)64 << 20)

static uint64_t number(struct str s, size_t at, size_t bytes)
{
    uint64_t v = 0;
    for (size_t i = bytes; i-- > 0;)
        v = v << 8 | (unsigned char)s.p[at + i];
    return v;
}

bool zip_is_magic(struct str start)
{
    return str_starts(start, STR("PK\3\4")) || str_starts(start, STR("PK\5\6"));
}

static bool read_at(int fd, uint64_t at, size_t n, struct buf *out, const char *path, struct error *err)
{
    buf_clear(out);
    buf_reserve(out, n + 1);
    while (out->n < n) {
        ssize_t got = pread(fd, out->p + out->n, n - out->n, (off_t)(at + out->n));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_errno(err, "cannot read %s", path);
        if (got == 0)
            return error_set(err, "%s is damaged: it ends before its zip directory says", path);
        out->n += (size_t)got;
    }
    return true;
}

struct directory {
    uint64_t at, bytes, count;
};

/* The 64-bit end record, when the 32-bit one says that it is needed. */
static bool read_end64(int fd, const char *path, uint64_t end_at, struct directory *d, struct error *err)
{
    struct buf b = {0};
    bool ok = end_at >= LOCATOR_BYTES && read_at(fd, end_at - LOCATOR_BYTES, LOCATOR_BYTES, &b, path, err);
    if (ok && str_starts(buf_str(&b), STR("PK\6\7"))) {
        uint64_t at = number(buf_str(&b), 8, 8);
        ok = read_at(fd, at, END64_BYTES, &b, path, err);
        if (ok && str_starts(buf_str(&b), STR("PK\6\6")))
            *d = (struct directory){.count = number(buf_str(&b), 32, 8),
                                    .bytes = number(buf_str(&b), 40, 8),
                                    .at = number(buf_str(&b), 48, 8)};
    }
    buf_free(&b);
    return ok;
}

/* The end record stands before a comment of at most 65,535 bytes. */
static bool find_directory(int fd, const char *path, uint64_t size, struct directory *d, struct error *err)
{
    struct buf b = {0};
    size_t n = size < END_BYTES + 65535 ? (size_t)size : END_BYTES + 65535;
    bool found = false, ok = read_at(fd, size - n, n, &b, path, err);
    struct str tail = buf_str(&b);
    size_t at = ok && n >= END_BYTES ? n - END_BYTES + 1 : 0;
    while (ok && !found && at-- > 0)
        found = str_starts(str_skip(tail, at), STR("PK\5\6"));
    if (ok && !found)
        ok = error_set(err, "%s is damaged: the directory at the end of the zip archive is missing", path);
    if (ok) {
        *d = (struct directory){.count = number(tail, at + 10, 2),
                                .bytes = number(tail, at + 12, 4),
                                .at = number(tail, at + 16, 4)};
        if (d->count == 0xFFFF || d->bytes == 0xFFFFFFFF || d->at == 0xFFFFFFFF)
            ok = read_end64(fd, path, size - n + at, d, err);
    }
    buf_free(&b);
    return ok;
}

/* Sizes and places that do not fit into 32 bits stand in the extra field 1, in this order (4.5.3). */
static void read_extra64(struct str extra, struct zip_member *m, bool has_size)
{
    while (extra.n >= 4) {
        size_t n = (size_t)number(extra, 2, 2), at = 4;
        struct str field = str_slice(extra, 0, 4 + n);
        if (number(extra, 0, 2) == 1) {
            at += has_size ? 8 : 0;
            if (m->packed_bytes == 0xFFFFFFFF && at + 8 <= field.n) {
                m->packed_bytes = number(field, at, 8);
                at += 8;
            }
            if (m->header_at == 0xFFFFFFFF && at + 8 <= field.n)
                m->header_at = number(field, at, 8);
        }
        extra = str_skip(extra, 4 + n);
    }
}

/* One entry of the central directory; its bytes, or 0 when it is broken. */
static size_t read_entry(struct arena *a, struct str s, struct zip_member *m)
{
    if (s.n < ENTRY_BYTES || !str_starts(s, STR("PK\1\2")))
        return 0;
    size_t name = (size_t)number(s, 28, 2), extra = (size_t)number(s, 30, 2), note = (size_t)number(s, 32, 2);
    size_t whole = ENTRY_BYTES + name + extra + note;
    if (whole > s.n)
        return 0;
    *m = (struct zip_member){.name = arena_str(a, str_slice(s, ENTRY_BYTES, ENTRY_BYTES + name)),
                             .packed_bytes = number(s, 20, 4),
                             .header_at = number(s, 42, 4),
                             .method = (uint16_t)number(s, 10, 2),
                             .is_encrypted = (number(s, 8, 2) & 1) != 0};
    read_extra64(str_slice(s, ENTRY_BYTES + name, ENTRY_BYTES + name + extra), m,
                 number(s, 24, 4) == 0xFFFFFFFF);
    return whole;
}

static bool read_entries(struct zip *z, struct str s, uint64_t count, uint64_t file_bytes, const char *path,
                         struct error *err)
{
    uint64_t packed = 0;
    z->members = ARENA_ARRAY(&z->arena, struct zip_member, count + 1);
    for (uint64_t i = 0; i < count; i++) {
        struct zip_member *m = &z->members[z->count];
        size_t n = read_entry(&z->arena, s, m);
        if (!n)
            return error_set(err, "%s is damaged: entry %llu of its zip directory is broken", path,
                             (unsigned long long)i + 1);
        s = str_skip(s, n);
        if (str_ends(m->name, STR("/"))) /* a folder */
            continue;
        if (m->packed_bytes > file_bytes || (packed += m->packed_bytes) > file_bytes)
            return error_set(err,
                             "%s is refused: its members overlap, as in archives made to overflow a disk",
                             path);
        z->count++;
    }
    return true;
}

bool zip_open(struct zip *z, int fd, const char *path, struct error *err)
{
    struct stat st;
    struct directory d = {0};
    struct buf b = {0};
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return error_set(err, "%s is a zip archive: give it as a file, its directory stands at the end",
                         path);
    if (!find_directory(fd, path, (uint64_t)st.st_size, &d, err))
        return false;
    if (d.count > UNPACK_MEMBERS_MAX || d.bytes > DIRECTORY_BYTES)
        return error_set(err, "%s is refused: more than %d members", path, UNPACK_MEMBERS_MAX);
    arena_init(&z->arena, 16 << 10);
    bool ok = read_at(fd, d.at, (size_t)d.bytes, &b, path, err) &&
              read_entries(z, buf_str(&b), d.count, (uint64_t)st.st_size, path, err);
    buf_free(&b);
    return ok;
}

void zip_close(struct zip *z)
{
    arena_free(&z->arena);
}

bool zip_locate(int fd, const char *path, const struct zip_member *m, uint64_t *at, enum packing *packing,
                struct error *err)
{
    struct buf b = {0};
    if (!read_at(fd, m->header_at, LOCAL_BYTES, &b, path, err)) {
        buf_free(&b);
        return false;
    }
    bool ok = str_starts(buf_str(&b), STR("PK\3\4"));
    *at = m->header_at + LOCAL_BYTES + number(buf_str(&b), 26, 2) + number(buf_str(&b), 28, 2);
    buf_free(&b);
    *packing = m->method == 0    ? PACKING_NONE
               : m->method == 8  ? PACKING_DEFLATE
               : m->method == 93 ? PACKING_ZSTD
                                 : PACKING_UNKNOWN;
    if (!ok)
        return error_set(err, "%s: %.*s is damaged: its header is not where the directory says", path,
                         STR_ARGS(m->name));
    if (m->is_encrypted)
        return error_set(err, "%s: %.*s is encrypted: unpack it first", path, STR_ARGS(m->name));
    if (*packing == PACKING_UNKNOWN)
        return error_set(err, "%s: %.*s is packed by method %u, only stored, deflate and zstd are read", path,
                         STR_ARGS(m->name), m->method);
    return true;
}
