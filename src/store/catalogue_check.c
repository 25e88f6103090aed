/* store stage: compares the events folder with the catalogue when the program starts. Reads both, leaves a
 * folder in which every *.parquet file is in the catalogue. What may be deleted is only what is certainly
 * somewhere else:
 *
 *   file's range              because                                          what happens
 *   begins at stored_through+1  a crash between rename and commit: the journal has it   deleted
 *   covered by usable parts     inputs or output of a merge                             deleted
 *   ends before stored_through, retention dropped the row, then came the crash          deleted
 *     touches no part
 *   anything else               state.db is older than the folder?                      set aside as
 * *.orphan, loudly */
#include "store/catalogue_check.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"

static bool is_usable(const struct part *p)
{
    struct stat info;
    if (stat(p->file, &info) != 0) {
        log_error(
            tr("The event file %s is missing: its %llu events cannot be found. Restore it from a backup.",
               "イベントファイル %s がありません。%llu "
               "件のイベントを検索できません。バックアップから復元してください。"),
            p->file, (unsigned long long)p->rows);
        return false;
    }
    if ((uint64_t)info.st_size == p->bytes)
        return true;
    log_error(tr("The event file %s has %lld bytes instead of %llu: it is left out of searches. Restore it "
                 "from a backup.",
                 "イベントファイル %s の大きさが %lld バイトです（正しくは "
                 "%llu）。検索から除外します。バックアップから復元してください。"),
              p->file, (long long)info.st_size, (unsigned long long)p->bytes);
    return false;
}

/* Parts that cannot be used move behind the others, into `lost`. */
static void take_out_lost(struct part_list *parts, struct part_list *lost)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < parts->count; i++) {
        if (is_usable(parts->parts[i]))
            parts->parts[kept++] = parts->parts[i];
        else
            part_list_add(lost, parts->parts[i]);
    }
    parts->count = kept;
}

static bool touches(const struct part_list *parts, uint64_t first, uint64_t last)
{
    for (uint32_t i = 0; i < parts->count; i++)
        if (parts->parts[i]->first_sequence <= last && parts->parts[i]->last_sequence >= first)
            return true;
    return false;
}

/* Parts are sorted and contiguous where they are neighbours; a hole ends the cover. */
static bool covers(const struct part_list *parts, uint64_t first, uint64_t last)
{
    uint64_t next = first;
    for (uint32_t i = 0; i < parts->count && next <= last; i++)
        if (parts->parts[i]->first_sequence <= next && parts->parts[i]->last_sequence >= next)
            next = parts->parts[i]->last_sequence + 1;
    return next > last;
}

static void set_aside(const char *path, struct catalogue_check *out)
{
    struct buf to = {0};
    buf_printf(&to, "%s.orphan", path);
    if (rename(path, buf_cstr(&to)) != 0)
        buf_clear(&to);
    log_error(tr("The event file %s is not in the catalogue, and nothing tells that its events are "
                 "elsewhere. It was renamed to "
                 "*.orphan. Was state.db restored from an older backup?",
                 "イベントファイル %s は目録になく、そのイベントが他にある保証もありません。*.orphan "
                 "に改名しました。"
                 "state.db を古いバックアップから復元していませんか。"),
              path);
    buf_free(&to);
    out->set_aside++;
}

struct judgement {
    uint64_t stored_through;
    const struct part_list *parts, *lost;
};

static bool is_elsewhere(const struct judgement *j, uint64_t first, uint64_t last)
{
    if (first == j->stored_through + 1 || covers(j->parts, first, last))
        return true;
    return last <= j->stored_through && !touches(j->parts, first, last) && !touches(j->lost, first, last);
}

static void judge_file(const struct judgement *j, const char *path, struct catalogue_check *out)
{
    uint64_t first, last;
    bool is_part = part_parse_name(path, &first, &last);
    if (str_ends(str_c(path), STR(".tmp")) || (is_part && is_elsewhere(j, first, last))) {
        out->removed += unlink(path) == 0;
        log_info(tr("Removed %s, which was left behind by a stop in the middle of writing.",
                    "書き込み中の停止で残された %s を削除しました。"),
                 path);
    } else {
        set_aside(path, out);
    }
}

bool catalogue_check_folder(const char *events_folder, uint64_t stored_through, bool is_new,
                            struct part_list *parts, struct catalogue_check *out, struct error *err)
{
    static const char *const suffixes[] = {".parquet", ".tmp", NULL};
    struct arena arena;
    struct file_list files = {0};
    struct map known = {0};
    struct part_list lost = {0};
    *out = (struct catalogue_check){0};
    arena_init(&arena, 64 * 1024);
    bool ok = file_walk(events_folder, suffixes, &arena, &files, err);
    for (uint32_t i = 0; i < parts->count; i++)
        *map_put(&known, str_c(parts->parts[i]->file), NULL) = 1;
    take_out_lost(parts, &lost);
    out->missing = lost.count;
    struct judgement j = {stored_through, parts, &lost};
    for (size_t i = 0; ok && i < files.count; i++) {
        if (map_find(&known, files.paths[i]))
            continue;
        if (is_new && str_ends(files.paths[i], STR(".parquet")))
            ok = error_set(
                err,
                tr("%s holds event files, but state.db knows of none: was state.db lost? Restore it from a "
                   "backup, or move the event files away",
                   "%s にイベントファイルがありますが、state.db に記録がありません。state.db "
                   "をバックアップから"
                   "復元するか、イベントファイルを移動してください"),
                events_folder);
        else
            judge_file(&j, files.paths[i].p, out);
    }
    map_free(&known);
    part_list_free(&lost);
    arena_free(&arena);
    return ok;
}
