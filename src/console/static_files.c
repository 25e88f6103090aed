/* Static files. Stage: console. Reads the web folder once, leaves an index of bytes, their gzip form and
 * entity tags. Next: http.c serves them when no route matches. */
#include "console/static_files.h"

#include <stdio.h>
#include <zlib.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/map.h"

#define FOLDER_BYTES_MAX ((size_t)64 << 20)
#define GZIP_BYTES_MIN   512
#define HASH_CHARS_MIN   8

struct static_files {
    struct arena arena;
    struct map by_path; /* path → struct static_file * */
    size_t bytes;
};

static const struct {
    const char *suffix, *content_type;
    bool compresses;
} TYPES[] = {
    {".html", "text/html; charset=utf-8", true},
    {".js", "text/javascript; charset=utf-8", true},
    {".mjs", "text/javascript; charset=utf-8", true},
    {".css", "text/css; charset=utf-8", true},
    {".json", "application/json", true},
    {".webmanifest", "application/manifest+json", true},
    {".map", "application/json", true},
    {".svg", "image/svg+xml", true},
    {".txt", "text/plain; charset=utf-8", true},
    {".wasm", "application/wasm", true},
    {".png", "image/png", false},
    {".jpg", "image/jpeg", false},
    {".webp", "image/webp", false},
    {".ico", "image/x-icon", false},
    {".woff2", "font/woff2", false},
};

static const char MISSING_PAGE[] =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>hyakuyo</title>"
    "<body style=\"font-family:sans-serif;margin:4rem auto;max-width:40rem;line-height:1.6\"><h1>hyakuyo "
    "百葉</h1>"
    "<p>The server is running, but its web console has not been built: run <code>make</code> and start it "
    "again. "
    "The API is at <a href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a>.</p>"
    "<p lang=\"ja\">サーバーは動作していますが、Web画面がまだ作られていません。<code>make</code> "
    "を実行してから起動し直してください。</p></body></html>";

static size_t type_of(struct str path)
{
    for (size_t i = 0; i < COUNT_OF(TYPES); i++)
        if (str_ends_nocase(path, str_c(TYPES[i].suffix)))
            return i;
    return COUNT_OF(TYPES);
}

/* "name-Ab3_x9Qz.js": what the bundler writes below /assets/. */
static bool name_has_hash(struct str path)
{
    if (!str_starts(path, STR("/assets/")))
        return false;
    size_t dash = str_find_last_char(path, '-'), dot = str_find_char(path, '.', 0);
    /* the hash itself may hold '-': look at the HASH_CHARS_MIN characters before the first dot */
    if (dot == STR_NOT_FOUND || dash == STR_NOT_FOUND || dot < HASH_CHARS_MIN + 9)
        return false;
    size_t before = dot - HASH_CHARS_MIN - 1;
    if (path.p[before] != '-' && (dash > dot || dot - dash <= HASH_CHARS_MIN))
        return false;
    for (size_t i = dot - HASH_CHARS_MIN; i < dot; i++) {
        char c = ascii_lower(path.p[i]);
        if (!(ascii_is_digit(c) || (c >= 'a' && c <= 'z') || c == '_' || c == '-'))
            return false;
    }
    return true;
}

static struct str gzip_bytes(struct str bytes, struct arena *arena)
{
    z_stream z = {0};
    /* 15 + 16: the largest window, in a gzip wrapper */
    if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        return STR_EMPTY;
    size_t room = deflateBound(&z, (uLong)bytes.n);
    char *out = arena_alloc(arena, room);
    z.next_in = (Bytef *)(uintptr_t)bytes.p;
    z.avail_in = (uInt)bytes.n;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)room;
    int result = deflate(&z, Z_FINISH);
    size_t n = z.total_out;
    deflateEnd(&z);
    return result == Z_STREAM_END && n < bytes.n ? str_n(out, n) : STR_EMPTY;
}

static struct static_file *add(struct static_files *f, struct str path, struct str bytes)
{
    struct static_file *file = ARENA_NEW(&f->arena, struct static_file);
    size_t type = type_of(path);
    unsigned long long hash = str_hash(bytes);
    file->path = arena_str(&f->arena, path);
    file->bytes = bytes;
    file->content_type = type < COUNT_OF(TYPES) ? TYPES[type].content_type : "application/octet-stream";
    file->is_immutable = name_has_hash(path);
    snprintf(file->etag, sizeof file->etag, "\"%016llx\"", hash);
    snprintf(file->etag_gzip, sizeof file->etag_gzip, "\"%016llx-gz\"", hash);
    *map_put(&f->by_path, file->path, NULL) = (uintptr_t)file;
    return file;
}

static void compress_file(struct static_files *f, struct static_file *file)
{
    size_t type = type_of(file->path);
    if (!file->gzip.n && file->bytes.n >= GZIP_BYTES_MIN && type < COUNT_OF(TYPES) && TYPES[type].compresses)
        file->gzip = gzip_bytes(file->bytes, &f->arena);
}

static bool load_file(struct static_files *f, struct str folder, struct str path, struct error *err)
{
    struct buf content = {0};
    bool ok = file_read(path.p, FOLDER_BYTES_MAX - f->bytes, &content, err);
    if (ok) {
        f->bytes += content.n;
        add(f, str_skip(path, folder.n), arena_str(&f->arena, buf_str(&content)));
    }
    buf_free(&content);
    return ok;
}

/* "x.gz" beside "x" is not a file of its own. */
static void adopt_compressed(struct static_files *f)
{
    for (uint32_t i = 0; i < f->by_path.count; i++) {
        struct static_file *file = (struct static_file *)f->by_path.entries[i].value;
        struct str name = arena_concat(&f->arena, file->path, STR(".gz"));
        struct static_file *compressed = map_get_pointer(&f->by_path, name);
        if (compressed)
            file->gzip = compressed->bytes;
        compress_file(f, file);
    }
}

static bool load_folder(struct static_files *f, const char *folder, struct error *err)
{
    static const char *const EVERYTHING[] = {"", NULL};
    struct file_list list = {0};
    struct str root = str_c(folder);
    while (root.n > 1 && root.p[root.n - 1] == '/')
        root.n--;
    struct str trimmed = arena_str(&f->arena, root);
    if (!file_walk(trimmed.p, EVERYTHING, &f->arena, &list, err))
        return false;
    for (size_t i = 0; i < list.count; i++)
        if (!load_file(f, root, list.paths[i], err))
            return error_prefix(err, "cannot load the console's files: ");
    return true;
}

struct static_files *static_files_load(const char *folder, struct error *err)
{
    struct static_files *f = NEW(struct static_files);
    arena_init(&f->arena, 1 << 20);
    if (folder && file_is_folder(folder) && !load_folder(f, folder, err)) {
        static_files_free(f);
        return NULL;
    }
    if (!static_files_find(f, STR("/")))
        add(f, STR("/index.html"), str_c(MISSING_PAGE));
    adopt_compressed(f);
    return f;
}

void static_files_free(struct static_files *f)
{
    if (!f)
        return;
    map_free(&f->by_path);
    arena_free(&f->arena);
    memory_free(f);
}

const struct static_file *static_files_find(const struct static_files *f, struct str path)
{
    char page[64];
    const struct static_file *file =
        map_get_pointer(&f->by_path, str_eq(path, STR("/")) ? STR("/index.html") : path);
    if (file != NULL || path.n + 5 >= sizeof page || str_find_char(path, '.', 0) != STR_NOT_FOUND)
        return file;
    /* "/report" is easier to say on the telephone than "/report.html" */
    int n = snprintf(page, sizeof page, "%.*s.html", STR_ARGS(path));
    return map_get_pointer(&f->by_path, str_n(page, (size_t)n));
}

bool etag_matches(struct str if_none_match, const char *etag)
{
    struct str part;
    while (if_none_match.n && str_split(&if_none_match, ',', &part)) {
        part = str_trim(part);
        if (str_starts(part, STR("W/")))
            part = str_skip(part, 2);
        if (str_eq(part, STR("*")) || str_eq(part, str_c(etag)))
            return true;
    }
    return false;
}
