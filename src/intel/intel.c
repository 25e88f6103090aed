/* Imports feeds into the data folder and opens what is there. */
#include "intel/intel.h"

#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "intel/intel_files.h"

#define FILES_MAX 4096

/* ------------------------------------------------------------------ plan, allow lists */

static bool add_allow_file(struct allow_lists *lists, const char *path, struct buf *text, struct error *err)
{
    return intel_read_feed(path, text, err) && allow_lists_add(lists, buf_str(text), path, err);
}

/* A list that cannot be read any more is left out with a warning: others still protect. */
static struct allow_lists *load_allow(const char *data_dir, const struct intel_source *sources,
                                      uint32_t count)
{
    struct allow_lists *lists = allow_lists_new();
    struct buf text = {0};
    struct arena arena;
    struct error err;
    arena_init(&arena, 4096);
    for (uint32_t i = 0; i < count; i++)
        if (sources[i].kind == INTEL_ALLOW_LIST &&
            !add_allow_file(lists, intel_file_path(&arena, data_dir, sources[i].file), &text, &err))
            log_warning(tr("allow list left out: %s", "許可リストを読み込めません: %s"), err.text);
    arena_free(&arena);
    buf_free(&text);
    return lists;
}

struct allow_lists *intel_allow_lists(struct state *state, const char *data_dir, struct error *err)
{
    struct arena arena;
    struct intel_source *sources;
    uint32_t count;
    arena_init(&arena, 64 << 10);
    bool ok = state_intel_list(state, &arena, &sources, &count, err);
    struct allow_lists *lists = ok ? load_allow(data_dir, sources, count) : NULL;
    arena_free(&arena);
    return lists;
}

/* --------------------------------------------------------------------- opening */

static void close_map(void *owner)
{
    file_map_close(owner);
    memory_free(owner);
}

static bool map_image(const char *path, struct indicator_image *image, struct error *err)
{
    struct file_map *map = NEW(struct file_map);
    bool ok = file_map_open(path, map, err) && indicator_image_is_whole(file_map_str(map), err);
    if (ok) {
        file_map_forget(map);
        *image = (struct indicator_image){file_map_str(map), close_map, map};
        return true;
    }
    close_map(map);
    return error_prefix(err, "%s: ", path);
}

struct opening {
    const char *data_dir, *content_folder;
    struct indicator_image images[FILES_MAX];
    size_t count;
};

static void add_file(struct opening *o, struct str file)
{
    struct arena arena;
    struct error err;
    arena_init(&arena, 1024);
    if (o->count == FILES_MAX)
        log_warning(tr("more than %d sources of indicators; '%.*s' is left out",
                       "指標の情報源が %d 個を超えました。'%.*s' を使いません"),
                    FILES_MAX, STR_ARGS(file));
    else if (map_image(intel_file_path(&arena, o->data_dir, file), &o->images[o->count], &err))
        o->count++;
    else
        log_warning(tr("indicators left out: %s", "指標を読み込めません: %s"), err.text);
    arena_free(&arena);
}

static struct indicator_set *finish_opening(struct opening *o, struct allow_lists *allow, struct error *err)
{
    struct indicator_set_options options = {.allow = allow, .images = o->images, .image_count = o->count};
    options.plan = indicator_plan_load(o->content_folder, err);
    struct indicator_set *set = options.plan ? indicator_set_new(&options, err) : NULL;
    for (size_t i = 0; set != NULL && i < o->count; i++)
        if (o->images[i].release == close_map)
            file_map_forget(o->images[i].owner); /* the tables are made; hits bring back what they need */
    if (options.plan == NULL) {
        for (size_t i = 0; i < o->count; i++)
            o->images[i].release(o->images[i].owner);
        allow_lists_free(allow);
    }
    memory_free(o);
    return set;
}

struct indicator_set *intel_open(struct state *state, const char *data_dir, const char *content_folder,
                                 struct error *err)
{
    struct arena arena;
    struct intel_source *sources;
    uint32_t count;
    struct opening *o = NEW(struct opening);
    *o = (struct opening){.data_dir = data_dir, .content_folder = content_folder};
    arena_init(&arena, 64 << 10);
    bool ok = state_intel_list(state, &arena, &sources, &count, err);
    for (uint32_t i = 0; ok && i < count; i++)
        if (sources[i].kind == INTEL_INDICATORS)
            add_file(o, sources[i].file);
    struct indicator_set *set = NULL;
    if (ok)
        set = finish_opening(o, load_allow(data_dir, sources, count), err);
    else
        memory_free(o);
    arena_free(&arena);
    return set;
}

struct indicator_set *intel_open_file(struct state *state, const char *data_dir, const char *file,
                                      const char *content_folder, struct error *err)
{
    struct arena arena;
    struct intel_source *sources;
    uint32_t count;
    struct opening *o = NEW(struct opening);
    *o = (struct opening){.data_dir = data_dir, .content_folder = content_folder};
    arena_init(&arena, 64 << 10);
    struct indicator_set *set = NULL;
    if (state_intel_list(state, &arena, &sources, &count, err) &&
        map_image(intel_file_path(&arena, data_dir, str_c(file)), &o->images[0], err)) {
        o->count = 1;
        set = finish_opening(o, load_allow(data_dir, sources, count), err);
    } else {
        memory_free(o);
    }
    arena_free(&arena);
    return set;
}

/* ------------------------------------------------------------------ files at rest */

static void free_buf(void *owner)
{
    buf_free(owner);
    memory_free(owner);
}

static bool read_one(struct opening *o, const struct indicator_plan *plan, struct allow_lists *allow,
                     const char *path, struct error *err)
{
    struct buf text = {0};
    bool ok = intel_read_feed(path, &text, err);
    if (ok && allow_list_is(buf_str(&text))) {
        ok = allow_lists_add(allow, buf_str(&text), path, err);
    } else if (ok && !indicators_is_manifest(buf_str(&text))) {
        struct indicator_builder_options options = {.plan = plan,
                                                    .source = intel_stem(path),
                                                    .confidence = -1,
                                                    .tlp = STR_EMPTY,
                                                    .now_ns = TIME_UNKNOWN};
        struct indicator_builder *b = indicator_builder_new(&options);
        ok = indicators_read(buf_str(&text), path, b, err);
        if (ok) {
            struct buf *image = NEW(struct buf);
            indicator_builder_finish(b, image);
            o->images[o->count++] = (struct indicator_image){buf_str(image), free_buf, image};
        }
        indicator_builder_free(b);
    }
    buf_free(&text);
    return ok;
}

struct indicator_set *intel_read(const char *const *paths, const char *content_folder, struct error *err)
{
    struct arena arena;
    struct file_list files = {0};
    size_t count = 0;
    struct opening *o = NEW(struct opening);
    struct allow_lists *allow = allow_lists_new();
    *o = (struct opening){.content_folder = content_folder};
    arena_init(&arena, 64 << 10);
    while (paths[count])
        count++;
    struct indicator_plan *plan = indicator_plan_load(content_folder, err);
    bool ok = plan != NULL && intel_list_files(paths, count, &arena, &files, err);
    for (size_t i = 0; ok && i < files.count; i++)
        ok = read_one(o, plan, allow, files.paths[i].p, err);
    indicator_plan_unref(plan);
    struct indicator_set *set = NULL;
    if (ok) {
        set = finish_opening(o, allow, err);
    } else {
        for (size_t i = 0; i < o->count; i++)
            o->images[i].release(o->images[i].owner);
        allow_lists_free(allow);
        memory_free(o);
    }
    arena_free(&arena);
    return set;
}
