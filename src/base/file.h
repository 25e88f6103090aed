/* Files and folders as the program uses them. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

bool file_read(const char *path, size_t max_bytes, struct buf *out, struct error *err) MUST_CHECK;
/* Writes to a temporary name beside it, fsyncs, renames, fsyncs the folder. */
bool file_write_atomic(const char *path, struct str content, unsigned mode, struct error *err) MUST_CHECK;
bool file_make_folders(const char *path, unsigned mode, struct error *err) MUST_CHECK; /* like mkdir -p */
bool file_sync_folder(const char *path, struct error *err) MUST_CHECK;
bool file_exists(const char *path);
bool file_is_folder(const char *path);

/* Paths below `root` (a file or folder) whose names end in one of `suffixes` (NULL-terminated list), in byte
 * order, at most 32 levels deep. A root that is a file is listed whatever its name; hidden files are passed
 * over. */
struct file_list {
    struct str *paths; /* NUL-terminated in the arena */
    size_t count, capacity;
};
bool file_walk(const char *root, const char *const *suffixes, struct arena *arena, struct file_list *out,
               struct error *err) MUST_CHECK;

/* Reading lines of plain, .gz or .zst files with bounded memory. */
struct line_reader;
struct line_reader *line_reader_open(const char *path, size_t max_line_bytes,
                                     struct error *err); /* "-" = stdin */
/* 1 = a line (without its end; valid until the next call), 0 = end, -1 = error. `*was_cut` tells that the
 * line was longer than the limit and the rest skipped; may be NULL. */
int line_reader_next(struct line_reader *r, struct str *line, bool *was_cut, struct error *err);
void line_reader_close(struct line_reader *r);

#endif
