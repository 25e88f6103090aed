/* Stage: report. ZIP archives through libarchive; nothing else includes it. */
#include "report/zip.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

struct zip {
    struct archive *archive;
    int64_t seconds;
};

static la_ssize_t keep(struct archive *a, void *context, const void *bytes, size_t n)
{
    (void)a;
    buf_bytes(context, bytes, n);
    return (la_ssize_t)n;
}

static bool fail(struct archive *a, struct error *err)
{
    const char *why = a != NULL ? archive_error_string(a) : NULL;
    return error_set(err, tr("the ZIP archive could not be written: %s", "ZIP を書けません: %s"),
                     why != NULL ? why : "?");
}

struct zip *zip_new(struct buf *out, int64_t time_ns, struct error *err)
{
    struct zip *z = NEW(struct zip);
    z->archive = archive_write_new();
    z->seconds = time_ns / NS_PER_SECOND;
    if (z->archive != NULL && archive_write_set_format_zip(z->archive) == ARCHIVE_OK &&
        archive_write_set_options(z->archive, "zip:hdrcharset=UTF-8") >= ARCHIVE_WARN &&
        archive_write_set_bytes_in_last_block(z->archive, 1) == ARCHIVE_OK &&
        archive_write_open(z->archive, out, NULL, keep, NULL) == ARCHIVE_OK)
        return z;
    fail(z->archive, err);
    archive_write_free(z->archive);
    memory_free(z);
    return NULL;
}

bool zip_add(struct zip *z, struct str name, struct str content, struct error *err)
{
    struct buf path = {0};
    buf_add(&path, name);
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname_utf8(entry, buf_cstr(&path));
    archive_entry_set_size(entry, (la_int64_t)content.n);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_mtime(entry, z->seconds, 0);
    bool ok = archive_write_header(z->archive, entry) == ARCHIVE_OK &&
              archive_write_data(z->archive, content.p, content.n) == (la_ssize_t)content.n;
    archive_entry_free(entry);
    buf_free(&path);
    return ok || fail(z->archive, err);
}

bool zip_end(struct zip *z, struct error *err)
{
    bool ok = archive_write_close(z->archive) == ARCHIVE_OK || fail(z->archive, err);
    archive_write_free(z->archive);
    memory_free(z);
    return ok;
}

/* --------------------------------------------------------------- one large file */

#define BLOCK_BYTES ((size_t)1 << 18)

/* Block by block: files of evidence are larger than memory. */
static bool copy(struct archive *a, int in, uint64_t bytes, struct error *err)
{
    char *block = memory_alloc(BLOCK_BYTES);
    uint64_t at = 0;
    bool ok = true;
    while (ok && at < bytes) {
        size_t wanted = bytes - at < BLOCK_BYTES ? (size_t)(bytes - at) : BLOCK_BYTES;
        ssize_t n = pread(in, block, wanted, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            ok = error_errno(err, "cannot read the file of the archive");
        else if (n == 0)
            ok = error_set(err, "the file of the archive ends after %llu of %llu bytes",
                           (unsigned long long)at, (unsigned long long)bytes);
        else if (archive_write_data(a, block, (size_t)n) != n)
            ok = fail(a, err);
        at += n > 0 ? (uint64_t)n : 0;
    }
    memory_free(block);
    return ok;
}

static bool write_entry(struct archive *a, const struct zip_file *f, struct error *err)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname_utf8(entry, f->name);
    archive_entry_set_size(entry, (la_int64_t)f->bytes);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0600);
    archive_entry_set_mtime(entry, f->time_ns / NS_PER_SECOND, 0);
    bool ok = archive_write_header(a, entry) == ARCHIVE_OK || fail(a, err);
    archive_entry_free(entry);
    return ok && copy(a, f->in, f->bytes, err);
}

bool zip_file_encrypted(const struct zip_file *f, struct error *err)
{
    struct archive *a = archive_write_new();
    bool ok =
        (a != NULL && archive_write_set_format_zip(a) == ARCHIVE_OK &&
         archive_write_set_options(a, "zip:hdrcharset=UTF-8,zip:compression=store,zip:encryption=aes256") ==
             ARCHIVE_OK &&
         archive_write_set_passphrase(a, f->password) == ARCHIVE_OK &&
         archive_write_set_bytes_in_last_block(a, 1) == ARCHIVE_OK &&
         archive_write_open_fd(a, f->out) == ARCHIVE_OK) ||
        fail(a, err);
    ok = ok && write_entry(a, f, err);
    ok = ok && (archive_write_close(a) == ARCHIVE_OK || fail(a, err));
    archive_write_free(a);
    return ok;
}
