/* Seals of the record: counters of incidents at the stop, files of content at each load. Next:
 * record_check.c. */
#include "recorder/record_seal.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/map.h"
#include "base/sha256.h"
#include "store/state_kept.h"
#include "store/state_record.h"
#include "store/state_work.h"

#define INCIDENT      "incident"
#define KEPT          "kept" /* no column has that name */
#define FILE_MOST     ((size_t)64 << 20)
#define ITEMS_MOST    100000
#define RUNNING_START "server.start"
#define RUNNING_STOP  "server.stop"

/* The last value of each field of a table, as the record has it. */
struct sealed {
    struct arena arena;
    struct record_change_row *rows;
    uint64_t *seqs;
    uint32_t count;
    struct map by_name; /* "id/field" → index */
};

static void bytes_hex(const unsigned char hash[SHA256_BYTES], char out[2 * SHA256_BYTES + 1])
{
    for (size_t i = 0; i < SHA256_BYTES; i++)
        snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

static void hash_hex(struct str text, char out[2 * SHA256_BYTES + 1])
{
    unsigned char hash[SHA256_BYTES];
    struct sha256 *h = sha256_new();
    sha256_add(h, text);
    sha256_end(h, hash);
    bytes_hex(hash, out);
}

static bool load(struct sealed *k, struct state *state, const char *table, const char *field,
                 struct error *err)
{
    *k = (struct sealed){.count = 0};
    arena_init(&k->arena, 64 << 10);
    if (!state_record_last_of(state, str_c(table), str_c(field), &k->arena, &k->rows, &k->seqs, &k->count,
                              err))
        return false;
    for (uint32_t i = 0; i < k->count; i++)
        *map_put(&k->by_name,
                 arena_printf(&k->arena, "%llu/%.*s", (unsigned long long)k->rows[i].id,
                              STR_ARGS(k->rows[i].field)),
                 NULL) = i;
    return true;
}

static void unload(struct sealed *k)
{
    map_free(&k->by_name);
    arena_free(&k->arena);
}

/* NULL: never sealed. */
static const struct record_change_row *find(const struct sealed *k, uint64_t id, struct str field,
                                            uint64_t *seq)
{
    char name[600];
    int n = snprintf(name, sizeof name, "%llu/%.*s", (unsigned long long)id, STR_ARGS(field));
    uintptr_t *at = n > 0 && (size_t)n < sizeof name ? map_find(&k->by_name, str_n(name, (size_t)n)) : NULL;
    if (at == NULL)
        return NULL;
    *seq = k->seqs[*at];
    return &k->rows[*at];
}

/* ---------------------------------------------------------------- incidents */

struct sealing {
    struct recorder *recorder;
    const struct sealed *known;
};

static bool seal_incident(void *context, const struct kept_incident *k, struct error *err)
{
    struct sealing *s = context;
    char hash[2 * SHA256_BYTES + 1];
    uint64_t seq;
    (void)err;
    hash_hex(k->text, hash);
    const struct record_change_row *before = find(s->known, k->id, STR(KEPT), &seq);
    if (before == NULL || !str_eq(before->new_value, str_c(hash)))
        recorder_change(s->recorder, INCIDENT, k->id, KEPT, before ? before->new_value : STR_EMPTY,
                        str_c(hash));
    return true;
}

bool record_seal_incidents(struct recorder *r, struct state *state, struct error *err)
{
    struct sealed known;
    bool ok = load(&known, state, INCIDENT, KEPT, err);
    struct sealing s = {r, &known};
    ok = ok && state_kept_walk(state, seal_incident, &s, err);
    unload(&known);
    return ok;
}

/* ------------------------------------------------------------------ content */

typedef bool file_visitor(void *context, struct str name, struct str hash, struct error *err);

static bool visit_file(const struct seal_folder *folder, struct str path, struct arena *arena,
                       file_visitor *visit, void *context, struct error *err)
{
    struct buf text = {0};
    char hash[2 * SHA256_BYTES + 1];
    struct str rest = str_skip(path, strlen(folder->path));
    while (rest.n && rest.p[0] == '/')
        rest = str_skip(rest, 1);
    if (folder->is_flat && str_find_char(rest, '/', 0) != STR_NOT_FOUND)
        return true;
    bool ok = file_read(path.p, FILE_MOST, &text, err);
    if (ok)
        hash_hex(buf_str(&text), hash);
    ok = ok && visit(context, arena_printf(arena, "%s/%.*s", folder->name, STR_ARGS(rest)), str_c(hash), err);
    buf_free(&text);
    return ok;
}

static bool visit_content(const struct seal_folder *folders, file_visitor *visit, void *context,
                          struct error *err)
{
    static const char *const suffixes[] = {".yml", ".yaml", NULL};
    bool ok = true;
    for (const struct seal_folder *f = folders; ok && f->name != NULL; f++) {
        struct arena arena;
        struct file_list list = {0};
        if (f->path == NULL || !file_is_folder(f->path))
            continue;
        arena_init(&arena, 64 << 10);
        ok = file_walk(f->path, suffixes, &arena, &list, err);
        for (size_t i = 0; ok && i < list.count; i++)
            ok = visit_file(f, list.paths[i], &arena, visit, context, err);
        arena_free(&arena);
    }
    return ok;
}

struct content {
    struct recorder *recorder; /* NULL: only compared */
    struct sealed known;
    bool *met; /* by place in known */
    struct seal_check *check;
};

static bool meet_file(void *context, struct str name, struct str hash, struct error *err)
{
    struct content *c = context;
    uint64_t seq = 0;
    struct error why;
    (void)err;
    const struct record_change_row *before = find(&c->known, 0, name, &seq);
    if (before != NULL)
        c->met[before - c->known.rows] = true;
    bool is_same = before != NULL && str_eq(before->new_value, hash);
    if (c->recorder != NULL && !is_same)
        recorder_change(c->recorder, SEAL_CONTENT, 0, arena_str(&c->known.arena, name).p,
                        before ? before->new_value : STR_EMPTY, hash);
    if (c->check == NULL)
        return true;
    c->check->compared++;
    if (is_same)
        return true;
    error_set(&why,
              before ? tr("%.*s is not the file that this entry loaded",
                          "%.*s はこの記録で読み込んだファイルと異なります")
                     : tr("%.*s is there, but was never loaded",
                          "%.*s は存在しますが、読み込まれた記録がありません"),
              STR_ARGS(name));
    c->check->found(c->check->context, seq, why.text);
    return true;
}

/* Those that were loaded and are not there any more. */
static void meet_gone(struct content *c)
{
    for (uint32_t i = 0; i < c->known.count; i++) {
        const struct record_change_row *row = &c->known.rows[i];
        struct error why;
        if (c->met[i] || row->new_value.n == 0)
            continue;
        if (c->recorder != NULL)
            recorder_change(c->recorder, SEAL_CONTENT, 0, arena_str(&c->known.arena, row->field).p,
                            row->new_value, STR_EMPTY);
        if (c->check == NULL)
            continue;
        error_set(&why,
                  tr("%.*s was loaded by this entry and is gone",
                     "%.*s はこの記録で読み込まれましたが、なくなっています"),
                  STR_ARGS(row->field));
        c->check->found(c->check->context, c->known.seqs[i], why.text);
    }
}

static bool walk_content(struct content *c, struct state *state, const struct seal_folder *folders,
                         struct error *err)
{
    bool ok = load(&c->known, state, SEAL_CONTENT, "", err);
    if (ok) {
        c->met = ARENA_ARRAY(&c->known.arena, bool, c->known.count + 1);
        ok = (c->recorder == NULL && c->known.count == 0) || visit_content(folders, meet_file, c, err);
    }
    if (ok)
        meet_gone(c);
    unload(&c->known);
    return ok;
}

bool record_seal_content(struct recorder *r, struct state *state, const struct seal_folder *folders,
                         struct error *err)
{
    struct content c = {.recorder = r};
    return walk_content(&c, state, folders, err);
}

/* ----------------------------------------------------------------- checking */

struct comparing {
    struct seal_check *check;
    struct sealed known;
    bool is_running;
    int64_t stopped_ns; /* the last stop; 0 = never */
};

static bool compare_incident(void *context, const struct kept_incident *k, struct error *err)
{
    struct comparing *c = context;
    char hash[2 * SHA256_BYTES + 1];
    uint64_t seq;
    struct error why;
    (void)err;
    const struct record_change_row *sealed = find(&c->known, k->id, STR(KEPT), &seq);
    bool stands_still = !c->is_running || (k->is_over && k->changed_ns < c->stopped_ns);
    if (sealed == NULL || !stands_still) {
        c->check->not_compared++;
        return true;
    }
    c->check->compared++;
    hash_hex(k->text, hash);
    if (str_eq(sealed->new_value, str_c(hash)))
        return true;
    error_set(&why,
              tr("incident %llu: its reason, times or counters are not those that this entry sealed",
                 "インシデント %llu: 判定理由・時刻・件数がこの記録で封印した内容と異なります"),
              (unsigned long long)k->id);
    c->check->found(c->check->context, seq, why.text);
    return true;
}

static bool check_incidents(struct seal_check *check, struct error *err)
{
    struct comparing c = {.check = check};
    int64_t started_ns;
    if (!state_record_last_target(check->state, STR(RUNNING_START), &started_ns, err) ||
        !state_record_last_target(check->state, STR(RUNNING_STOP), &c.stopped_ns, err))
        return false;
    c.is_running = started_ns > c.stopped_ns || c.stopped_ns == 0;
    bool ok = load(&c.known, check->state, INCIDENT, KEPT, err) &&
              state_kept_walk(check->state, compare_incident, &c, err);
    unload(&c.known);
    return ok;
}

static bool hash_file(const char *path, char hex[2 * SHA256_BYTES + 1], struct error *err)
{
    unsigned char hash[SHA256_BYTES];
    uint64_t bytes;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && sha256_of_file(fd, hash, &bytes);
    if (!ok)
        error_errno(err, "cannot read %s", path);
    else
        bytes_hex(hash, hex);
    if (fd >= 0)
        close(fd);
    return ok;
}

/* Items that lie in DATA/evidence under their hash and were not disposed of. The entry is that of the item's
 * row. */
static bool check_evidence(struct seal_check *check, struct error *err)
{
    struct arena arena;
    struct work_rows items;
    arena_init(&arena, 64 << 10);
    bool ok = state_work_list(check->state, WORK_EVIDENCE, -1, STR_EMPTY, ITEMS_MOST, &arena, &items, err);
    for (uint32_t i = 0; ok && i < items.count; i++) {
        const struct work_row *item = &items.rows[i];
        struct str location = item->values[EVIDENCE_LOCATION];
        struct error why;
        char hash[2 * SHA256_BYTES + 1];
        if (!str_starts(location, STR("evidence/")) || work_number(item, EVIDENCE_DISPOSED) != 0)
            continue;
        const char *path = arena_printf(&arena, "%s/%.*s", check->data_dir, STR_ARGS(location)).p;
        bool is_read = hash_file(path, hash, &why);
        check->compared++;
        if (is_read && !str_eq(str_c(hash), item->values[EVIDENCE_SHA256]))
            error_set(&why,
                      tr("evidence %.*s: the file %s is not what was taken in",
                         "証拠 %.*s: ファイル %s が取得時と異なります"),
                      STR_ARGS(item->values[EVIDENCE_NUMBER]), path);
        if (!is_read || !str_eq(str_c(hash), item->values[EVIDENCE_SHA256])) {
            uint64_t seq = 0;
            ok = state_record_last_change(check->state, STR("work_evidence"), item->id, &seq, err);
            check->found(check->context, seq, why.text);
        }
    }
    arena_free(&arena);
    return ok;
}

bool record_seal_check(struct seal_check *check, struct error *err)
{
    struct content content = {.check = check};
    check->compared = check->not_compared = 0;
    return check_incidents(check, err) && (check->data_dir == NULL || check_evidence(check, err)) &&
           (check->folders == NULL || walk_content(&content, check->state, check->folders, err));
}
