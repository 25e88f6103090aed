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
/* When a regular file was last written; INT64_MAX for anything else, and when it cannot be told. */
int64_t file_modified_ns(const char *path);
bool file_exists(const char *path);
bool file_is_folder(const char *path);

/* A file's bytes without a copy of them: the page cache holds them. They stay as they are when the name is
 * given to another file (file_write_atomic); a file that is cut while it is mapped is not survived. */
struct file_map {
    void *address;
    size_t size;
};
bool file_map_open(const char *path, struct file_map *map, struct error *err) MUST_CHECK;
void file_map_close(struct file_map *map);
/* The pages that were touched so far need not stay in this process's memory. */
void file_map_forget(const struct file_map *map);
static inline struct str file_map_str(const struct file_map *map)
{
    return (struct str){map->address ? map->address : "", map->size};
}

/* Paths below `root` (a file or folder) whose names end in one of `suffixes` (NULL-terminated list), in byte
 * order, at most 32 levels deep. A root that is a file is listed whatever its name; hidden files are passed
 * over. */
struct file_list {
    struct str *paths; /* NUL-terminated in the arena */
    size_t count, capacity;
};
bool file_walk(const char *root, const char *const *suffixes, struct arena *arena, struct file_list *out,
               struct error *err) MUST_CHECK;

#endif
