/* Tailing: which files there are, and where to begin in each. Input stage; tail.c calls it before it reads.
 *
 *   a new file ──► resumed at its cursor, or at the place of the file it is a copy of, or at the start
 *   a known inode under another name, or under none ──► rotated: read to its end, last line included
 *
 * Rotation by copying (copytruncate): the copy starts with the same bytes as a file we read, so it is held
 * until that file is truncated; then the copy goes on where the original stood. When no truncation comes
 * within HOLD_NS it was only alike, and is read from its start. */
#include <dirent.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "input/tail.h"

#define PATH_BYTES    4352
#define HOLD_NS       (10 * NS_PER_SECOND)
#define CUT_MEMORY_NS (120 * NS_PER_SECOND)
/* Newest cursors without a file whose rest is looked for at the start. */
#define RESTS_MAX  1000
#define WATCH_MASK (WATCH_NAMES | IN_MODIFY | IN_ONLYDIR | IN_EXCL_UNLINK)

static struct tail_file *find_inode(const struct tail *t, const struct stat *info)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->files[i]->position.inode == info->st_ino && t->files[i]->position.device == info->st_dev)
            return t->files[i];
    return NULL;
}

/* The file of this position is still where it was and as it was: nothing else is a copy that replaces it. */
static bool is_original_there(const struct tail_position *p)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%.*s", STR_ARGS(p->path));
    struct tail_file *f = tail_file_open(path, NULL);
    bool is_there = f && f->position.inode == p->inode && f->position.device == p->device &&
                    tail_position_holds(p, f->fd);
    if (f)
        tail_file_free(f);
    return is_there;
}

/* A cursor for this file: its own, else that of a file it is a copy of. */
static struct tail_position *find_known(struct tail *t, const struct tail_file *f)
{
    for (size_t i = t->known_count; i-- > 0;) {
        struct tail_position *p = &t->known[i];
        if (p->device == f->position.device && p->inode == f->position.inode)
            return tail_position_holds(p, f->fd) ? p : NULL;
    }
    for (size_t i = t->known_count; i-- > 0;) {
        struct tail_position *p = &t->known[i];
        if (p->device && p->offset > 0 && tail_position_holds(p, f->fd) && !is_original_there(p))
            return p;
    }
    return NULL;
}

/* Truncated not long ago where `f` still has the bytes: `f` is the copy. */
static struct tail_file *find_cut_original(const struct tail *t, const struct tail_file *f)
{
    int64_t now = clock_monotonic_ns();
    for (size_t i = 0; i < t->count; i++) {
        struct tail_file *o = t->files[i];
        if (o != f && o->cut_ns && now - o->cut_ns < CUT_MEMORY_NS && o->cut_position.offset > 0 &&
            tail_position_holds(&o->cut_position, f->fd))
            return o;
    }
    return NULL;
}

/* Begins like a file that is read under its own name: perhaps a copy that was just made, or is being made. */
static bool is_like_another(const struct tail *t, const struct tail_file *f)
{
    unsigned char head[PRINT_BYTES];
    ssize_t n = pread(f->fd, head, sizeof head, 0);
    for (size_t i = 0; i < t->count && n > 0; i++) {
        const struct tail_file *o = t->files[i];
        size_t common = o->head_bytes < (size_t)n ? o->head_bytes : (size_t)n;
        if (o != f && !o->is_rotated && !o->held_since_ns && o->position.offset > 0 && common > 0 &&
            memcmp(head, o->head, common) == 0)
            return true;
    }
    return false;
}

static bool is_empty(const struct tail_file *f)
{
    struct stat info;
    return fstat(f->fd, &info) != 0 || info.st_size == 0;
}

/* True when the file may be read now. */
bool tail_may_read(struct tail *t, struct tail_file *f)
{
    if (!f->held_since_ns)
        return true;
    struct tail_file *original = find_cut_original(t, f);
    int64_t now = clock_monotonic_ns();
    if (original) {
        tail_file_resume(f, &original->cut_position);
        original->cut_ns = 0;
        f->held_since_ns = 0;
        f->is_rotated = true;
        return true;
    }
    if (is_empty(f)) {
        f->held_since_ns = now; /* the wait begins with the first bytes */
        return false;
    }
    if (is_like_another(t, f) && now - f->held_since_ns < HOLD_NS)
        return false;
    f->held_since_ns = 0;
    return true;
}

static void place_new(struct tail *t, struct tail_file *f)
{
    struct tail_position *known = find_known(t, f);
    if (known) {
        tail_file_resume(f, known);
        known->device = 0;
    } else if (!t->has_scanned && t->in->settings.starts_at_end) {
        f->position.offset = f->scanned = f->size;
        (void)tail_position_print(&f->position, f->fd);
    } else if (t->has_scanned) {
        f->held_since_ns = clock_monotonic_ns();
    }
}

void tail_complain(struct tail *t, const char *sentence)
{
    if (!t->has_complained)
        log_warning(tr("input %s: %s", "入力 %s: %s"), t->in->settings.name, sentence);
    t->has_complained = true;
}

static void add_file(struct tail *t, const char *path)
{
    struct error err;
    if (t->count >= t->in->settings.max_files) {
        tail_complain(t, tr("there are more files than max_files allows; the rest is not read",
                            "ファイル数が max_files を超えています。超えた分は読みません"));
        return;
    }
    struct tail_file *f = tail_file_open(path, &err);
    if (!f) {
        tail_complain(t, err.text);
        return;
    }
    if (t->count == t->capacity) {
        t->capacity = t->capacity ? t->capacity * 2 : 16;
        t->files = memory_resize_array(t->files, t->capacity, sizeof(struct tail_file *));
    }
    place_new(t, f);
    f->is_rotated = !str_eq(str_c(f->path), str_c(f->path_now));
    f->was_seen = true;
    t->files[t->count++] = f;
}

static void rename_file(struct tail_file *f, const char *path)
{
    if (str_eq(str_c(f->path_now), str_c(path)))
        return;
    memory_free(f->path_now);
    f->path_now = memory_strdup(path);
    f->is_rotated = !str_eq(str_c(path), str_c(f->path));
}

static void watch_folder(struct tail *t, struct str path)
{
    size_t slash = str_find_last_char(path, '/');
    struct str folder = slash == STR_NOT_FOUND ? STR(".") : str_slice(path, 0, slash ? slash : 1);
    char name[PATH_BYTES];
    if (t->inotify_fd < 0 || map_find(&t->watched, folder))
        return;
    snprintf(name, sizeof name, "%.*s", STR_ARGS(folder));
    if (inotify_add_watch(t->inotify_fd, name, WATCH_MASK) >= 0) /* else polling has to do; tried again */
        *map_put(&t->watched, arena_str(&t->arena, folder), NULL) = 1;
}

static void see(struct tail *t, const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode))
        return;
    watch_folder(t, str_c(path));
    struct tail_file *f = find_inode(t, &info);
    if (!f) {
        add_file(t, path);
        return;
    }
    /* hard links and overlapping patterns: the name that it has keeps it */
    if (!f->was_seen || str_eq(str_c(path), str_c(f->path)))
        rename_file(f, path);
    f->was_seen = true;
}

static bool is_open(const struct tail *t, const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && find_inode(t, &info) != NULL;
}

/* A file with a cursor was rotated to a name outside the patterns while nobody looked: its rest is read from
 * whichever file of its folder has the bytes. */
static void look_for_rest(struct tail *t, struct tail_position *p)
{
    char folder[PATH_BYTES], path[PATH_BYTES + 256];
    size_t slash = str_find_last_char(p->path, '/');
    struct dirent *e;
    snprintf(folder, sizeof folder, "%.*s", slash == STR_NOT_FOUND ? 1 : (int)(slash + 1),
             slash == STR_NOT_FOUND ? "." : p->path.p);
    DIR *d = opendir(folder);
    while (d && p->device && (e = readdir(d)) != NULL) {
        snprintf(path, sizeof path, "%s%s%s", folder, slash == STR_NOT_FOUND ? "/" : "", e->d_name);
        if ((e->d_type != DT_REG && e->d_type != DT_UNKNOWN) || is_open(t, path))
            continue;
        struct tail_file *f = tail_file_open(path, NULL);
        if (f && f->size > p->offset && tail_position_holds(p, f->fd))
            add_file(t, path); /* finds this cursor again, by inode or by content */
        if (f)
            tail_file_free(f);
    }
    if (d)
        closedir(d);
}

static void look_for_rests(struct tail *t)
{
    size_t first = t->known_count > RESTS_MAX ? t->known_count - RESTS_MAX : 0;
    for (size_t i = first; i < t->known_count; i++)
        if (t->known[i].device && t->known[i].offset > 0)
            look_for_rest(t, &t->known[i]);
}

void tail_scan(struct tail *t)
{
    for (size_t i = 0; i < t->count; i++)
        t->files[i]->was_seen = false;
    for (size_t i = 0; i < t->pattern_count; i++) {
        glob_t found = {0};
        watch_folder(t, str_c(t->patterns[i]));
        if (glob(t->patterns[i], GLOB_NOSORT, NULL, &found) == 0)
            for (size_t k = 0; k < found.gl_pathc; k++)
                see(t, found.gl_pathv[k]);
        globfree(&found);
    }
    if (!t->has_scanned)
        look_for_rests(t);
    for (size_t i = 0; i < t->count; i++) {
        struct tail_file *f = t->files[i];
        f->is_gone = !f->was_seen;
        f->is_rotated = f->is_rotated || f->is_gone;
    }
    t->has_scanned = true;
}
