/* The console's files, read once at start: a request can only name what was found then, so no path can leave
 * the folder. Immutable after loading; any thread reads. */
#ifndef CONSOLE_STATIC_FILES_H
#define CONSOLE_STATIC_FILES_H

#include "base/error.h"
#include "base/str.h"

struct static_file {
    struct str path; /* "/assets/index-B3f9aK2x.js" */
    struct str bytes;
    struct str gzip; /* n == 0: not worth sending */
    const char *content_type;
    char etag[24]; /* strong, quoted; the compressed form appends "-gz" inside the quotes */
    char etag_gzip[28];
    bool is_immutable; /* its name holds a hash of its content */
};

struct static_files;
/* NULL folder or one that does not exist: an index that holds only a page saying so. NULL result with a
 * sentence when the folder cannot be read or holds more than 64 MiB. A file "x.gz" beside "x" is its
 * compressed form. */
struct static_files *static_files_load(const char *folder, struct error *err) MUST_CHECK;
void static_files_free(struct static_files *f);
/* By decoded path; "/" is "/index.html". NULL when there is none. */
const struct static_file *static_files_find(const struct static_files *f, struct str path);
/* Whether an If-None-Match header names this entity tag (weak comparison, lists, "*"). */
bool etag_matches(struct str if_none_match, const char *etag);

#endif
