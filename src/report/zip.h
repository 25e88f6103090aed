/* Several files in one ZIP, written by libarchive. */
#ifndef REPORT_ZIP_H
#define REPORT_ZIP_H

#include "base/buf.h"
#include "base/error.h"

struct zip;
/* `time_ns` is the date that all files bear: the same content gives the same bytes. NULL on error. */
struct zip *zip_new(struct buf *out, int64_t time_ns, struct error *err) MUST_CHECK;
bool zip_add(struct zip *z, struct str name, struct str content, struct error *err) MUST_CHECK;
/* Completes the archive and frees `z`, also on false. */
bool zip_end(struct zip *z, struct error *err) MUST_CHECK;

/* One file in a ZIP that the password opens: AES-256 as WinZip has it (AE-2), stored, not packed, so that it
 * is about as large as the file. `in` is read from its beginning; `out` is written where it stands. */
struct zip_file {
    int in, out;
    const char *name; /* inside */
    uint64_t bytes;   /* of `in` */
    const char *password;
    int64_t time_ns;
};
bool zip_file_encrypted(const struct zip_file *f, struct error *err) MUST_CHECK;

#endif
