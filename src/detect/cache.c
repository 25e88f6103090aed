/* Compiled rule sets on disk, so that the next start need not read and compile thousands of files.
 * Stage: detect, at load. A file's name stands for the folders and the language; its header holds the key: a
 * hash of everything the set depends on, down to the program's own bytes and the processor. Whatever does not
 * fit is as good as no file: the set is built and the file written anew. Next: image.c, ruleset_image.c.
 *
 *   header (48 bytes) | image (ruleset_image.c)
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/file.h"
#include "base/log.h"
#include "detect/image.h"
#include "detect/ruleset.h"

#define CACHE_MIN_BYTES  (256u << 10) /* of rules: fewer are read as fast as an image */
#define CACHE_MAX_BYTES  (1u << 30)
#define CACHE_MAX_FILES  8 /* in a folder; then the oldest goes */
#define PROGRAM_MAX      (1u << 30)
#define RULE_FILE_MAX    (4u << 20) /* as base/yaml.c */
#define CACHE_NAME_START "rules-"
#define CACHE_NAME_END   ".cache"

struct cache_header {
    char magic[8];
    unsigned char key[16];
    uint64_t image_bytes, image_hash, unused;
};
_Static_assert(sizeof(struct cache_header) == 48, "the image behind it must be aligned to 8");

static const char magic[8] = "hyRULES";

/* The key */

struct hashing {
    XXH3_state_t *state;
    struct arena arena;
    struct buf text;
    size_t bytes;
    bool failed;
};

/* With its length, so that what follows cannot be taken for part of it. */
static void hash_text(struct hashing *h, struct str s)
{
    uint64_t n = s.n;
    XXH3_128bits_update(h->state, &n, sizeof n);
    XXH3_128bits_update(h->state, s.p, s.n);
}

static void hash_file(struct hashing *h, const char *path, size_t max_bytes)
{
    struct error why;
    buf_clear(&h->text);
    hash_text(h, str_c(path));
    if (file_read(path, max_bytes, &h->text, &why))
        hash_text(h, buf_str(&h->text));
    else
        h->failed = true; /* its refusal depends on more than contents */
    h->bytes += h->text.n;
}

static void hash_folder(struct hashing *h, const char *folder)
{
    static const char *const suffixes[] = {".yml", ".yaml", NULL};
    struct file_list files = {0};
    struct error why;
    hash_text(h, str_c(folder));
    if (!file_walk(folder, suffixes, &h->arena, &files, &why))
        h->failed = true;
    for (size_t i = 0; i < files.count && !h->failed; i++)
        hash_file(h, files.paths[i].p, RULE_FILE_MAX);
}

/* The words in which the set was asked for. */
static void hash_question(struct hashing *h, const struct ruleset_options *options)
{
    for (const char *const *folder = options->rule_folders; folder && *folder; folder++)
        hash_text(h, str_c(*folder));
    hash_text(h, STR("replaced by"));
    for (const char *const *folder = options->replacing_folders; folder && *folder; folder++)
        hash_text(h, str_c(*folder));
    hash_text(h, str_c(options->taxonomy_folder));
    hash_text(h, str_c(tr("en", "ja"))); /* of the report's sentences */
    hash_text(h, options->take_correlation ? STR("correlations and sequences") : STR_EMPTY);
}

static void hash_lists(struct hashing *h, const struct ruleset_options *options)
{
    for (size_t i = 0; i < options->list_count; i++) {
        hash_text(h, options->lists[i].name);
        for (size_t v = 0; v < options->lists[i].count; v++)
            hash_text(h, options->lists[i].values[v]);
        hash_text(h, STR("\n"));
    }
}

static void hashing_begin(struct hashing *h)
{
    *h = (struct hashing){.state = XXH3_createState()};
    if (!h->state)
        BUG("out of memory for hashing");
    XXH3_128bits_reset(h->state);
    arena_init(&h->arena, 65536);
}

static void hashing_end(struct hashing *h)
{
    XXH3_freeState(h->state);
    arena_free(&h->arena);
    buf_free(&h->text);
}

struct cache_key ruleset_cache_key(const struct ruleset_options *options)
{
    struct cache_key key = {.is_usable = false};
    struct hashing h;
    if (!options->cache_folder || options->text.n)
        return key;
    hashing_begin(&h);
    hash_question(&h, options);
    for (const char *const *folder = options->rule_folders; folder && *folder && !h.failed; folder++)
        hash_folder(&h, *folder);
    key.is_usable = h.bytes >= CACHE_MIN_BYTES;
    if (key.is_usable && !h.failed) {
        struct buf platform = {0};
        literal_index_platform(&platform);
        hash_text(&h, buf_str(&platform));
        buf_free(&platform);
        hash_lists(&h, options);
        hash_folder(&h, options->taxonomy_folder);
        hash_file(&h, "/proc/self/exe", PROGRAM_MAX); /* another program lays sets out in another way */
    }
    XXH128_hash_t hash = XXH3_128bits_digest(h.state);
    memcpy(key.bytes, &hash, sizeof key.bytes);
    key.is_usable = key.is_usable && !h.failed;
    hashing_end(&h);
    return key;
}

static struct str cache_path(const struct ruleset_options *options, struct arena *arena)
{
    struct hashing h;
    hashing_begin(&h);
    hash_question(&h, options);
    XXH128_hash_t hash = XXH3_128bits_digest(h.state);
    hashing_end(&h);
    return arena_printf(arena, "%s/" CACHE_NAME_START "%016llx" CACHE_NAME_END, options->cache_folder,
                        (unsigned long long)hash.low64);
}

/* Reading */

/* Only a file that nobody else can have written: scanners hold tables that are run without looking. */
static bool is_ours(const char *path, bool *is_there)
{
    struct stat st;
    *is_there = lstat(path, &st) == 0;
    return *is_there && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
           (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static bool is_intact(const struct buf *file, struct cache_header *header)
{
    if (file->n < sizeof *header)
        return false;
    memcpy(header, file->p, sizeof *header);
    struct str image = str_skip(buf_str(file), sizeof *header);
    return memcmp(header->magic, magic, sizeof magic) == 0 && header->image_bytes == image.n &&
           header->image_hash == XXH3_64bits(image.p, image.n);
}

static void ignore_file(const char *path)
{
    log_warning(
        tr("%s: damaged, cut off or somebody else's; the rules are compiled anew and the file is replaced",
           "%s: "
           "破損・切り詰め・他人のファイルのいずれかです。ルールを再コンパイルし、ファイルを置き換えます"),
        path);
}

/* The set in the bytes that `file` holds, which the set keeps; NULL when they do not fit. */
static struct ruleset *read_image(const struct ruleset_options *options, struct buf *file,
                                  struct rule_report *report)
{
    struct ruleset *set = ruleset_new();
    struct error why;
    set->image = *file;
    *file = (struct buf){0};
    struct image im = {.is_reading = true,
                       .in = set->image.p + sizeof(struct cache_header),
                       .in_bytes = set->image.n - sizeof(struct cache_header),
                       .arena = &set->arena};
    set->taxonomy = taxonomy_load(options->taxonomy_folder, &set->arena, &why);
    if (image_expect(&im, set->taxonomy != NULL))
        ruleset_image(set, report, &im);
    if (!im.is_bad)
        return set;
    ruleset_unref(set);
    return NULL;
}

struct ruleset *ruleset_cache_read(const struct ruleset_options *options, const struct cache_key *key,
                                   struct rule_report *report)
{
    struct arena arena;
    struct buf file = {0};
    struct cache_header header;
    struct ruleset *set = NULL;
    struct error why;
    bool is_there;
    arena_init(&arena, 4096);
    const char *path = cache_path(options, &arena).p;
    bool is_good = is_ours(path, &is_there) && file_read(path, CACHE_MAX_BYTES, &file, &why) &&
                   is_intact(&file, &header);
    bool is_current = is_good && memcmp(header.key, key->bytes, sizeof header.key) == 0;
    if (is_current)
        set = read_image(options, &file, report);
    if (is_there && !set && (!is_good || is_current))
        ignore_file(path);
    buf_free(&file);
    arena_free(&arena);
    return set;
}

/* Writing */

static bool is_cache_file(const char *name)
{
    return str_starts(str_c(name), STR(CACHE_NAME_START)) && str_ends(str_c(name), STR(CACHE_NAME_END));
}

/* Removes the oldest file when there are more than CACHE_MAX_FILES; each write adds one at most. */
static void make_room(const char *folder)
{
    DIR *d = opendir(folder);
    struct stat st, oldest = {.st_size = 0};
    char name[NAME_MAX + 1] = "";
    unsigned count = 0;
    for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
        if (!is_cache_file(e->d_name) || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (count++ == 0 || st.st_mtim.tv_sec < oldest.st_mtim.tv_sec) {
            oldest = st;
            snprintf(name, sizeof name, "%s", e->d_name);
        }
    }
    if (count > CACHE_MAX_FILES && unlinkat(dirfd(d), name, 0) != 0)
        log_info(tr("%s/%s cannot be removed", "%s/%s を削除できません"), folder, name);
    if (d)
        closedir(d);
}

void ruleset_cache_write(struct ruleset *set, const struct ruleset_options *options,
                         const struct cache_key *key, struct rule_report *report)
{
    struct cache_header header = {.unused = 0};
    struct arena arena;
    struct buf file = {0};
    struct error why;
    arena_init(&arena, 4096);
    buf_bytes(&file, &header, sizeof header);
    struct image im = {.out = &file};
    ruleset_image(set, report, &im);
    struct str image = str_skip(buf_str(&file), sizeof header);
    memcpy(header.magic, magic, sizeof magic);
    memcpy(header.key, key->bytes, sizeof header.key);
    header.image_bytes = image.n;
    header.image_hash = XXH3_64bits(image.p, image.n);
    memcpy(file.p, &header, sizeof header);
    if (!file_make_folders(options->cache_folder, 0700, &why) ||
        !file_write_atomic(cache_path(options, &arena).p, buf_str(&file), 0600, &why))
        log_info(tr("the compiled rules are not kept for the next start: %s",
                    "コンパイル済みルールを次回の起動用に保存できません: %s"),
                 why.text);
    else
        make_room(options->cache_folder);
    buf_free(&file);
    arena_free(&arena);
}
