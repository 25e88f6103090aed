/* Context files: CSV as people keep it, or JSON (contract, "Context files") → struct asset_set. Used by
 * `asset import` and `replay --assets`. */
#ifndef ENRICH_ASSET_CSV_H
#define ENRICH_ASSET_CSV_H

#include "base/arena.h"
#include "base/error.h"
#include "event/asset.h"

/* Reads hosts.csv, users.csv, departments.csv, networks.csv, exceptions.csv and conditions.csv of the folder,
 * or the same as .json, those that are there; at least one must be, and none twice. `set->zone` is read, all
 * else in `set` is written; strings live in `arena`. All or nothing: on false the sentence names file, line
 * and remedy of the first fault (and how many more there are), and the set is not to be used. One file holds
 * at most 64 MiB and 64 columns. Bytes are UTF-8 (a mark at the start is skipped) or else CP932. Columns may
 * come in any order and be missing; unknown ones become labels; empty lines and lines that start with '#' are
 * skipped. */
bool asset_read_folder(const char *folder, struct arena *arena, struct asset_set *set,
                       struct error *err) MUST_CHECK;

/* The same for text that was made of something else: its rows (one a line, behind the line of columns) are
 * told by `lines`, those of the source. */
bool asset_read_lines(enum asset_file file, const char *path, struct str text, const uint32_t *lines,
                      uint32_t line_count, struct arena *arena, struct asset_set *set,
                      struct error *err) MUST_CHECK;

/* One file's text; `path` is for messages. Rows are put into `set` as above. */
bool asset_read_text(enum asset_file file, const char *path, struct str text, struct arena *arena,
                     struct asset_set *set, struct error *err) MUST_CHECK;

/* The whole file, at most 64 MiB, into the arena. */
bool asset_read_file(const char *path, struct arena *arena, struct str *text, struct error *err) MUST_CHECK;

const char *asset_file_name(enum asset_file file); /* "hosts.csv" … */

/* Both at once: the context that a folder describes. NULL with a sentence. */
struct context;
struct context *context_read_folder(const char *folder, const struct zone *zone,
                                    struct error *err) MUST_CHECK;

#endif
