/* One feed or allow list into the data folder: read, written as a whole or not at all, entered in the
 * catalogue. Importing a source again replaces it. */
#include "intel/intel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "intel/intel_files.h"

struct import {
    struct state *state;
    const struct intel_options *options;
    struct indicator_plan *plan;
    struct allow_lists *allow; /* of the data folder; read when first needed */
    struct arena arena;
    intel_told *told;
    void *context;
};

/* ------------------------------------------------------------------------ report */

void intel_details_json(const struct indicator_report *report, struct buf *out)
{
    struct json_writer w = {.out = out};
    json_begin_object(&w);
    json_key(&w, "refused");
    json_begin_array(&w);
    for (int i = 0; i < REASON_COUNT; i++) {
        if (report->refused[i] == 0)
            continue;
        json_begin_object(&w);
        json_key(&w, "reason");
        json_put_c(&w, indicator_reason_name((enum indicator_reason)i));
        json_key(&w, "count");
        json_put_u64(&w, report->refused[i]);
        json_key(&w, "sample");
        json_put_c(&w, report->sample[i]);
        json_key(&w, "line");
        json_put_u64(&w, report->sample_line[i]);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_key(&w, "types");
    json_begin_object(&w);
    for (int t = 0; t < INDICATOR_TYPE_COUNT; t++) {
        if (report->by_type[t] == 0)
            continue;
        json_key_str(&w, indicator_type_name((enum indicator_type)t));
        json_put_u64(&w, report->by_type[t]);
    }
    json_end_object(&w);
    json_end_object(&w);
}

/* -------------------------------------------------------------------- indicators */

/* What this import brought that the one before did not have, and what an earlier import brought that has not
 * been searched for yet. */
static bool write_added(struct str image, const char *path, const char *added_path, uint64_t *added,
                        struct error *err)
{
    struct error ignored;
    struct file_map before = {0}, waiting = {0};
    struct buf out = {0};
    bool has_before = file_exists(path) && file_map_open(path, &before, &ignored);
    bool has_waiting = file_exists(added_path) && file_map_open(added_path, &waiting, &ignored);
    *added = indicator_image_added(image, has_before ? file_map_str(&before) : STR_EMPTY,
                                   has_waiting ? file_map_str(&waiting) : STR_EMPTY, &out);
    bool ok = true;
    if (*added > 0)
        ok = file_write_atomic(added_path, buf_str(&out), 0600, err);
    else
        unlink(added_path);
    file_map_close(&before);
    file_map_close(&waiting);
    buf_free(&out);
    return ok;
}

/* How many of the source an allow list contains: they stay and are shown, but raise nothing. */
static bool count_allowed(struct import *m, struct str image, uint64_t *allowed, struct error *err)
{
    if (m->allow == NULL)
        m->allow = intel_allow_lists(m->state, m->options->data_dir, err);
    if (m->allow == NULL)
        return false;
    *allowed = indicator_image_allowed(image, m->allow);
    return true;
}

static bool keep_image(struct import *m, struct str name, struct str image, struct intel_source *row,
                       uint64_t *added, struct error *err)
{
    struct str file = intel_file_name(&m->arena, name, ".indicators");
    const char *path = intel_file_path(&m->arena, m->options->data_dir, file);
    const char *added_path =
        intel_file_path(&m->arena, m->options->data_dir, intel_file_name(&m->arena, name, ".new"));
    row->file = file;
    return write_added(image, path, added_path, added, err) && file_write_atomic(path, image, 0600, err) &&
           count_allowed(m, image, &row->allowed, err);
}

static bool enter(struct import *m, struct intel_source *row, const struct indicator_report *report,
                  uint64_t added, struct error *err)
{
    struct buf details = {0};
    intel_details_json(report, &details);
    row->details = buf_str(&details);
    row->imported_ns = m->options->now_ns;
    row->cursor = m->options->cursor;
    row->searched_ns = added ? TIME_UNKNOWN : m->options->now_ns;
    bool ok = state_intel_put(m->state, row, err);
    if (ok && m->told)
        m->told(m->context, row, report, added);
    buf_free(&details);
    return ok;
}

static void take_earlier(struct import *m, struct indicator_builder *b, struct str name)
{
    struct file_map earlier;
    struct error ignored;
    const char *path =
        intel_file_path(&m->arena, m->options->data_dir, intel_file_name(&m->arena, name, ".indicators"));
    if (!file_exists(path) || !file_map_open(path, &earlier, &ignored))
        return;
    indicator_builder_take(b, file_map_str(&earlier));
    file_map_close(&earlier);
}

static struct indicator_builder *new_builder(struct import *m, struct str name)
{
    struct indicator_builder_options options = {.plan = m->plan,
                                                .source = name,
                                                .confidence = m->options->confidence,
                                                .tlp = m->options->tlp,
                                                .valid_ns = m->options->valid_ns,
                                                .now_ns = m->options->now_ns};
    struct indicator_builder *b = indicator_builder_new(&options);
    if (m->options->adds)
        take_earlier(m, b, name);
    return b;
}

static bool finish(struct import *m, struct indicator_builder *b, struct str name, struct str origin,
                   struct error *err)
{
    struct buf image = {0};
    uint64_t added = 0;
    indicator_builder_finish(b, &image);
    const struct indicator_report *report = indicator_builder_report(b);
    if (report->kept == 0 && report->seen > 0 && report->refused[REASON_NOT_RECOGNISED] == report->seen) {
        log_warning(tr("%.*s: no line is an indicator; nothing was imported",
                       "%.*s: 指標と読める行がありません。取り込みません"),
                    STR_ARGS(origin));
        buf_free(&image);
        return true;
    }
    struct intel_source row = {.name = name,
                               .kind = INTEL_INDICATORS,
                               .format = str_c(report->format ? report->format : ""),
                               .origin = m->options->origin.n ? m->options->origin : origin,
                               .seen = report->seen,
                               .kept = report->kept,
                               .repeated = report->repeated,
                               .refused = indicator_report_refused(report),
                               .expired = report->refused[REASON_EXPIRED]};
    bool ok = keep_image(m, name, buf_str(&image), &row, &added, err) && enter(m, &row, report, added, err);
    buf_free(&image);
    return ok;
}

/* -------------------------------------------------------------------- allow lists */

static bool import_allow(struct import *m, struct str text, struct str origin, struct error *err)
{
    struct allow_lists *lists = allow_lists_new();
    struct indicator_report report = {.format = "warninglist"};
    bool ok = allow_lists_add(lists, text, arena_str(&m->arena, origin).p, err);
    if (ok) {
        const struct allow_list_info *info = allow_lists_info(lists, 0);
        struct intel_source row = {.name = str_slice(info->name, 0, 128),
                                   .kind = INTEL_ALLOW_LIST,
                                   .format = info->kind,
                                   .origin = origin,
                                   .file = intel_file_name(&m->arena, info->name, ".allow"),
                                   .seen = info->entries + info->refused,
                                   .kept = info->entries,
                                   .refused = info->refused};
        ok = file_write_atomic(intel_file_path(&m->arena, m->options->data_dir, row.file), text, 0600, err) &&
             enter(m, &row, &report, 0, err);
        allow_lists_free(m->allow); /* read again with this one */
        m->allow = NULL;
    }
    allow_lists_free(lists);
    return ok;
}

/* ------------------------------------------------------------------------- entry */

static bool begin(struct import *m, struct state *state, const struct intel_options *options,
                  intel_told *told, void *context, struct error *err)
{
    *m = (struct import){.state = state, .options = options, .told = told, .context = context};
    arena_init(&m->arena, 64 << 10);
    const char *folder = arena_printf(&m->arena, "%s/intel", options->data_dir).p;
    m->plan = indicator_plan_load(options->content_folder, err);
    return m->plan != NULL && file_make_folders(folder, 0700, err);
}

static void end(struct import *m)
{
    allow_lists_free(m->allow);
    indicator_plan_unref(m->plan);
    arena_free(&m->arena);
}

static bool import_one(struct import *m, struct str text, struct str name, struct str origin,
                       struct error *err)
{
    if (allow_list_is(text))
        return import_allow(m, text, origin, err);
    struct indicator_builder *b = new_builder(m, name);
    bool ok =
        indicators_read(text, arena_str(&m->arena, origin).p, b, err) && finish(m, b, name, origin, err);
    indicator_builder_free(b);
    return ok;
}

bool intel_import_text(struct state *state, const struct intel_options *options, struct str text,
                       intel_told *told, void *context, struct error *err)
{
    struct import m;
    bool ok =
        begin(&m, state, options, told, context, err) &&
        import_one(&m, text, options->source, options->origin.n ? options->origin : options->source, err);
    end(&m);
    return ok;
}

/* All files become one source: a MISP feed, or what --source joins. */
static bool import_joined(struct import *m, const struct file_list *files, struct str name, struct str origin,
                          struct error *err)
{
    struct buf text = {0};
    struct indicator_builder *b = new_builder(m, name);
    bool ok = true, has_any = false;
    for (size_t i = 0; ok && i < files->count; i++) {
        ok = intel_read_feed(files->paths[i].p, &text, err);
        if (!ok || indicators_is_manifest(buf_str(&text)))
            continue;
        if (allow_list_is(buf_str(&text)))
            ok = import_allow(m, buf_str(&text), files->paths[i], err);
        else
            ok = has_any = indicators_read(buf_str(&text), files->paths[i].p, b, err);
    }
    if (ok && has_any)
        ok = finish(m, b, name, origin, err);
    indicator_builder_free(b);
    buf_free(&text);
    return ok;
}

static bool is_misp_feed(struct arena *arena, const char *path)
{
    return file_is_folder(path) && file_exists(arena_printf(arena, "%s/manifest.json", path).p);
}

static bool import_path(struct import *m, const char *path, struct error *err)
{
    struct file_list files = {0};
    struct buf text = {0};
    struct str source = m->options->source;
    if (!intel_list_files(&path, 1, &m->arena, &files, err))
        return false;
    if (source.n || is_misp_feed(&m->arena, path))
        return import_joined(m, &files, source.n ? source : intel_stem(path), str_c(path), err);
    bool ok = true;
    for (size_t i = 0; ok && i < files.count; i++)
        ok = intel_read_feed(files.paths[i].p, &text, err) &&
             import_one(m, buf_str(&text), intel_stem(files.paths[i].p), files.paths[i], err);
    buf_free(&text);
    return ok;
}

bool intel_import_paths(struct state *state, const struct intel_options *options, const char *const *paths,
                        size_t count, intel_told *told, void *context, struct error *err)
{
    struct import m;
    bool ok = begin(&m, state, options, told, context, err);
    if (ok && options->source.n && count > 1) {
        struct file_list files = {0};
        ok = intel_list_files(paths, count, &m.arena, &files, err) &&
             import_joined(&m, &files, options->source, str_c(paths[0]), err);
    } else {
        for (size_t i = 0; ok && i < count; i++)
            ok = import_path(&m, paths[i], err);
    }
    end(&m);
    return ok;
}

bool intel_remove(struct state *state, const char *data_dir, struct str name, bool *found, struct error *err)
{
    static const char *const endings[] = {".indicators", ".new", ".allow"};
    struct arena arena;
    if (!state_intel_remove(state, name, found, err))
        return false;
    if (!*found)
        return true;
    arena_init(&arena, 4096);
    for (size_t i = 0; i < COUNT_OF(endings); i++)
        unlink(intel_file_path(&arena, data_dir, intel_file_name(&arena, name, endings[i])));
    arena_free(&arena);
    return true;
}
