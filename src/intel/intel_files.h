/* Files of feeds, for intel.c and intel_import.c only. */
#ifndef INTEL_INTEL_FILES_H
#define INTEL_INTEL_FILES_H

#include "base/file.h"
#include "detect/indicator.h"
#include "store/state.h"

/* gzip, zstd and zip archives of one file are unpacked; at most 1 GiB. Replaces what is in `out`. */
bool intel_read_feed(const char *path, struct buf *out, struct error *err) MUST_CHECK;
/* Files below the paths, at most 4,096. */
bool intel_list_files(const char *const *paths, size_t count, struct arena *arena, struct file_list *files,
                      struct error *err) MUST_CHECK;
/* What a source is called after its file: "feeds/ipsum.txt.gz" → "ipsum". */
struct str intel_stem(const char *path);
/* A file name that no source name can break out of; different names stay different. */
struct str intel_file_name(struct arena *arena, struct str name, const char *ending);
const char *intel_file_path(struct arena *arena, const char *data_dir, struct str file);
/* Those of the data folder; one that cannot be read is left out with a warning. NULL: the catalogue cannot be
 * read. */
struct allow_lists *intel_allow_lists(struct state *state, const char *data_dir,
                                      struct error *err) MUST_CHECK;

#endif
