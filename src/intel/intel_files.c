/* Reading feeds from files, and how they are called in the data folder. */
#include "intel/intel_files.h"

#include <xxhash.h>

#include "base/line_reader.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/unpack.h"

#define FEED_BYTES_MAX (UINT64_C(1) << 30)
#define FILES_MAX      4096

#define READ_BYTES (1u << 20)

static bool too_large(const char *path, struct error *err)
{
    return error_set(err, tr("%s: larger than 1 GiB", "%s: 1 GiB を超えています"), path);
}

static bool read_member(struct unpack *u, const char *path, struct buf *out, struct error *err)
{
    size_t got = 0;
    int more;
    while ((more = unpack_read(u, buf_reserve(out, READ_BYTES), READ_BYTES, &got, err)) == 1) {
        out->n += got;
        if (out->n > FEED_BYTES_MAX)
            return too_large(path, err);
    }
    return more == 0;
}

bool intel_read_feed(const char *path, struct buf *out, struct error *err)
{
    struct str name;
    struct unpack *u = unpack_open(path, err);
    buf_clear(out);
    if (u == NULL)
        return false;
    int more = unpack_next(u, &name, err);
    bool ok = more == 0 || (more == 1 && read_member(u, path, out, err));
    if (ok && more == 1 && unpack_is_archive(u) && unpack_next(u, &name, err) != 0)
        ok = error_set(err,
                       tr("%s: an archive with several files; unpack it first",
                          "%s: 複数のファイルを含むアーカイブです。先に展開してください"),
                       path);
    unpack_close(u);
    return ok;
}

/* A file name that no source name can break out of; different names stay different. */
static void put_slug(struct buf *out, struct str name)
{
    bool is_same = true;
    for (size_t i = 0; i < name.n; i++) {
        char c = ascii_lower(name.p[i]);
        bool is_plain =
            (c >= 'a' && c <= 'z') || ascii_is_digit(c) || c == '-' || c == '_' || (c == '.' && i > 0);
        is_same &= is_plain && c == name.p[i];
        buf_char(out, is_plain ? c : '-');
    }
    if (!is_same)
        buf_printf(out, "-%08x", (unsigned)XXH3_64bits(name.p, name.n));
}

struct str intel_file_name(struct arena *arena, struct str name, const char *ending)
{
    struct buf slug = {0};
    put_slug(&slug, str_slice(name, 0, 64));
    struct str file = arena_printf(arena, "%.*s%s", STR_ARGS(buf_str(&slug)), ending);
    buf_free(&slug);
    return file;
}

const char *intel_file_path(struct arena *arena, const char *data_dir, struct str file)
{
    return arena_printf(arena, "%s/intel/%.*s", data_dir, STR_ARGS(file)).p;
}

/* "feeds/ipsum-level3.txt.gz" → "ipsum-level3" */
struct str intel_stem(const char *path)
{
    static const char *const endings[] = {".gz",    ".zst",  ".txt",  ".csv", ".json",
                                          ".intel", ".list", ".stix", ".lst", ".dat"};
    struct str s = str_c(path);
    while (str_ends(s, STR("/")))
        s.n--;
    size_t slash = str_find_last_char(s, '/');
    if (slash != STR_NOT_FOUND)
        s = str_skip(s, slash + 1);
    for (size_t i = 0; i < COUNT_OF(endings); i++)
        if (str_ends_nocase(s, str_c(endings[i])) && s.n > strlen(endings[i]))
            s.n -= strlen(endings[i]);
    return str_slice(s, 0, 64);
}

bool intel_list_files(const char *const *paths, size_t count, struct arena *arena, struct file_list *files,
                      struct error *err)
{
    static const char *const any[] = {"", NULL};
    files->paths = ARENA_ARRAY(arena, struct str, FILES_MAX);
    files->count = 0;
    for (size_t i = 0; i < count; i++) {
        struct file_list found;
        if (!file_walk(paths[i], any, arena, &found, err))
            return false;
        if (files->count + found.count > FILES_MAX)
            return error_set(err, tr("more than %d files", "ファイルは %d 個までです"), FILES_MAX);
        if (found.count)
            memcpy(files->paths + files->count, found.paths, found.count * sizeof *found.paths);
        files->count += found.count;
    }
    return true;
}
