/* Ground floor: whole files and folders. Lines of logs, compressed or not, are line_reader.c. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FOLDER_DEPTH 32
#define READ_STEP        65536

static bool read_all(int fd, const char *path, size_t max_bytes, struct buf *out, struct error *err)
{
    size_t before = out->n;
    for (;;) {
        char *at = buf_reserve(out, READ_STEP);
        ssize_t n = read(fd, at, READ_STEP);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, "cannot read %s", path);
        if (n == 0)
            return true;
        out->n += (size_t)n;
        if (out->n - before > max_bytes)
            return error_set(err, "%s is larger than the limit of %zu bytes", path, max_bytes);
    }
}

/* Appends to `out`; on false what was read so far is taken away again. */
bool file_read(const char *path, size_t max_bytes, struct buf *out, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, "cannot open %s", path);
    size_t before = out->n;
    bool is_read = read_all(fd, path, max_bytes, out, err);
    if (!is_read)
        out->n = before;
    close(fd);
    return is_read;
}

static bool write_all(int fd, struct str content)
{
    while (content.n) {
        ssize_t n = write(fd, content.p, content.n);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0)
            content = str_skip(content, (size_t)n);
    }
    return true;
}

/* Folder part of a path, "." when it has none. */
static struct str folder_of(const char *path)
{
    struct str s = str_c(path);
    size_t slash = str_find_last_char(s, '/');
    if (slash == STR_NOT_FOUND)
        return STR(".");
    return slash ? str_slice(s, 0, slash) : STR("/");
}

bool file_sync_folder(const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, "cannot open folder %s", path);
    bool is_synced = fsync(fd) == 0;
    if (!is_synced)
        error_errno(err, "cannot sync folder %s", path);
    close(fd);
    return is_synced;
}

static bool write_and_rename(int fd, const char *temporary, const char *path, struct str content,
                             unsigned mode, struct error *err)
{
    if (fchmod(fd, mode) != 0)
        return error_errno(err, "cannot set the mode of %s", temporary);
    if (!write_all(fd, content))
        return error_errno(err, "cannot write %s", temporary);
    if (fsync(fd) != 0)
        return error_errno(err, "cannot sync %s", temporary);
    if (rename(temporary, path) != 0)
        return error_errno(err, "cannot rename %s to %s", temporary, path);
    return true;
}

/* On false the old content of `path` is untouched, unless only the folder's fsync failed. */
bool file_write_atomic(const char *path, struct str content, unsigned mode, struct error *err)
{
    char temporary[PATH_MAX], folder[PATH_MAX];
    struct str parent = folder_of(path);
    int n = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    if (n < 0 || (size_t)n >= sizeof temporary)
        return error_set(err, "the path %s is too long", path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, "cannot create a file beside %s", path);
    bool is_written = write_and_rename(fd, temporary, path, content, mode, err);
    close(fd);
    if (!is_written) {
        unlink(temporary);
        return false;
    }
    snprintf(folder, sizeof folder, "%.*s", STR_ARGS(parent));
    return file_sync_folder(folder, err);
}

static bool make_folder(const char *path, unsigned mode, struct error *err)
{
    if (mkdir(path, mode) == 0)
        return true;
    if (errno == EEXIST && file_is_folder(path))
        return true;
    return error_errno(err, "cannot create folder %s", path);
}

bool file_make_folders(const char *path, unsigned mode, struct error *err)
{
    char part[PATH_MAX];
    size_t n = strlen(path);
    if (!n || n >= sizeof part)
        return error_set(err, "\"%s\" is no usable folder path", path);
    memcpy(part, path, n + 1);
    for (size_t i = 1; i < n; i++) {
        if (part[i] != '/')
            continue;
        part[i] = '\0';
        if (!make_folder(part, mode, err))
            return false;
        part[i] = '/';
    }
    return make_folder(part, mode, err);
}

int64_t file_modified_ns(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return INT64_MAX;
    return (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool file_is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void list_add(struct file_list *list, struct arena *arena, struct str path)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 64;
        struct str *moved = ARENA_ARRAY(arena, struct str, capacity);
        if (list->count)
            memcpy(moved, list->paths, list->count * sizeof *moved);
        list->paths = moved;
        list->capacity = capacity;
    }
    list->paths[list->count++] = arena_str(arena, path);
}

static bool has_suffix(struct str path, const char *const *suffixes)
{
    for (; *suffixes; suffixes++)
        if (str_ends(path, str_c(*suffixes)))
            return true;
    return false;
}

static bool walk(struct buf *path, const char *const *suffixes, unsigned depth, struct arena *arena,
                 struct file_list *out, struct error *err);

/* One entry of a folder: its name is already at the end of *path. Links that lead nowhere are passed over. */
static bool walk_entry(struct buf *path, const char *const *suffixes, unsigned depth, struct arena *arena,
                       struct file_list *out, struct error *err)
{
    struct stat st;
    if (stat(buf_cstr(path), &st) != 0)
        return errno == ENOENT || errno == ELOOP || error_errno(err, "cannot look at %s", buf_cstr(path));
    if (S_ISDIR(st.st_mode))
        return walk(path, suffixes, depth + 1, arena, out, err);
    if (S_ISREG(st.st_mode) && has_suffix(buf_str(path), suffixes))
        list_add(out, arena, buf_str(path));
    return true;
}

static bool walk(struct buf *path, const char *const *suffixes, unsigned depth, struct arena *arena,
                 struct file_list *out, struct error *err)
{
    if (depth > MAX_FOLDER_DEPTH)
        return error_set(err, "%s is more than %d folders deep; is a link going round in a circle?",
                         buf_cstr(path), MAX_FOLDER_DEPTH);
    DIR *folder = opendir(buf_cstr(path));
    if (!folder)
        return error_errno(err, "cannot open folder %s", buf_cstr(path));
    size_t before = path->n;
    bool is_walked = true;
    for (struct dirent *entry; is_walked && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.') /* hidden, "." and ".." */
            continue;
        if (before && path->p[before - 1] != '/')
            buf_char(path, '/');
        buf_c(path, entry->d_name);
        is_walked = walk_entry(path, suffixes, depth, arena, out, err);
        path->n = before;
    }
    closedir(folder);
    return is_walked;
}

static int compare_paths(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

/* A root that is a file is listed whatever its name. */
bool file_walk(const char *root, const char *const *suffixes, struct arena *arena, struct file_list *out,
               struct error *err)
{
    struct stat st;
    *out = (struct file_list){0};
    if (stat(root, &st) != 0)
        return error_errno(err, "cannot open %s", root);
    if (!S_ISDIR(st.st_mode)) {
        list_add(out, arena, str_c(root));
        return true;
    }
    struct buf path = {0};
    buf_c(&path, root);
    bool is_walked = walk(&path, suffixes, 0, arena, out, err);
    buf_free(&path);
    if (out->count)
        qsort(out->paths, out->count, sizeof out->paths[0], compare_paths);
    return is_walked;
}
