/* The folder of context files (stage enrich): which are there, as CSV or JSON, and each to its reader. Next:
 * asset_csv.c, asset_json.c. */
#include "base/file.h"
#include "base/log.h"
#include "enrich/asset_csv.h"
#include "enrich/asset_json.h"
#include "enrich/context.h"

#define FILE_MAX_BYTES (64u << 20)

bool asset_read_file(const char *path, struct arena *arena, struct str *text, struct error *err)
{
    struct buf bytes = {0};
    bool ok = file_read(path, FILE_MAX_BYTES, &bytes, err);
    *text = ok ? arena_str(arena, buf_str(&bytes)) : STR_EMPTY;
    buf_free(&bytes);
    return ok;
}

/* "hosts.csv" → "FOLDER/hosts.json" */
static struct str json_path(const char *folder, enum asset_file file, struct arena *arena)
{
    struct str name = str_c(asset_file_name(file));
    return arena_printf(arena, "%s/%.*s.json", folder, (int)str_find_char(name, '.', 0), name.p);
}

/* The file of that kind, if it is there; `any` becomes true then. */
static bool read_kind(const char *folder, enum asset_file file, struct arena *arena, struct asset_set *set,
                      bool *any, struct error *err)
{
    struct str text, csv = arena_printf(arena, "%s/%s", folder, asset_file_name(file));
    struct str json = json_path(folder, file, arena);
    bool has_csv = file_exists(csv.p), has_json = file_exists(json.p);
    if (!has_csv && !has_json)
        return true;
    *any = true;
    if (has_csv && has_json)
        return error_set(err,
                         tr("%s and %s are both there; leave only one of them",
                            "%s と %s の両方があります。どちらか一方にしてください"),
                         csv.p, json.p);
    const char *path = has_csv ? csv.p : json.p;
    if (!asset_read_file(path, arena, &text, err))
        return false;
    return has_csv ? asset_read_text(file, path, text, arena, set, err)
                   : asset_read_json(file, path, text, arena, set, err);
}

bool asset_read_folder(const char *folder, struct arena *arena, struct asset_set *set, struct error *err)
{
    struct asset_set empty = {.zone = set->zone};
    *set = empty;
    bool ok = true, any = false;
    for (int i = 0; ok && i < ASSET_FILE_COUNT; i++)
        ok = read_kind(folder, (enum asset_file)i, arena, set, &any, err);
    if (ok && !any)
        return error_set(
            err,
            tr("%s: none of hosts.csv, users.csv, departments.csv, networks.csv, exceptions.csv, "
               "conditions.csv (or the same as .json) is in this folder",
               "%s: このフォルダーに hosts.csv, users.csv, departments.csv, networks.csv, exceptions.csv, "
               "conditions.csv (または .json)のどれもありません"),
            folder);
    return ok;
}

struct context *context_read_folder(const char *folder, const struct zone *zone, struct error *err)
{
    struct arena arena;
    struct asset_set set = {.zone = zone};
    arena_init(&arena, 64 << 10);
    if (asset_read_folder(folder, &arena, &set, err))
        return context_new(&arena, &set, zone);
    arena_free(&arena);
    return NULL;
}
