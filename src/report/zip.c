/* Stage: report. ZIP archives through libarchive; nothing else includes it. */
#include "report/zip.h"

#include <archive.h>
#include <archive_entry.h>

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

static bool fail(const struct zip *z, struct error *err)
{
    const char *why = archive_error_string(z->archive);
    return error_set(err, tr("the ZIP archive could not be written: %s", "ZIP を書けません: %s"),
                     why ? why : "?");
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
    fail(z, err);
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
    return ok || fail(z, err);
}

bool zip_end(struct zip *z, struct error *err)
{
    bool ok = archive_write_close(z->archive) == ARCHIVE_OK || fail(z, err);
    archive_write_free(z->archive);
    memory_free(z);
    return ok;
}
