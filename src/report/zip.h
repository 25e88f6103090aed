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

#endif
