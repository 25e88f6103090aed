/* The thread that looks back (S1): takes what is new in the store and among the hits of indicators, and has
 * each file asked about and kept. How far it has come stands in state.db; what a crash interrupts is done
 * again. Next: retrospect_look.c. */
#include "work/retrospect.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/poked_thread.h"
#include "store/state_intel.h"

#define HITS_MOST 2000 /* the newest ones */

struct retrospect {
    struct server *server;
    struct poked_thread thread;
};

struct turn { /* one round */
    struct retrospect *r;
    struct casework c;
    struct console_failure failure;
    struct arena arena;
    struct gap_asking asking;
    struct gap_object *objects;
    uint32_t count;
    int64_t hits_ns; /* the newest search that was taken */
};

/* ---------------------------------------------------------------- how far */

static bool load_cursor(struct turn *t, struct work_row *cursor)
{
    struct work_rows rows;
    if (!work_all_rows(&t->c, WORK_LOOKED, &rows))
        return false;
    *cursor = rows.count > 0 ? rows.rows[rows.count - 1] : (struct work_row){0};
    return true;
}

static bool save_cursor(struct turn *t, struct work_row *cursor, uint64_t sequence)
{
    struct error err;
    struct state *s = t->c.s->state;
    cursor->values[LOOKED_SEQUENCE] = work_text_of((int64_t)sequence, &t->arena);
    cursor->values[LOOKED_HITS] = work_text_of(t->hits_ns, &t->arena);
    bool ok = cursor->id == 0 ? state_work_add(s, WORK_LOOKED, cursor, &err)
                              : state_work_set(s, WORK_LOOKED, cursor->id, LOOKED_SEQUENCE,
                                               cursor->values[LOOKED_SEQUENCE], &err) &&
                                    state_work_set(s, WORK_LOOKED, cursor->id, LOOKED_HITS,
                                                   cursor->values[LOOKED_HITS], &err);
    return ok || work_fail(&t->c, 500, &err);
}

/* ------------------------------------------------------------ what is new */

/* The kind of hash that a field holds; RETROSPECT_HASHES when it holds none. */
static enum retrospect_hash kind_of(const struct retrospect_rules *rules, struct str field)
{
    enum retrospect_hash k = 0;
    for (; k < RETROSPECT_HASHES; k++)
        for (uint32_t i = 0; i < rules->hashes[k].count; i++)
            if (str_eq(field_name(rules->hashes[k].fields[i]), field))
                return k;
    return k;
}

static struct str lower(struct str text, struct arena *arena)
{
    char *out = arena_alloc(arena, text.n + 1);
    for (size_t i = 0; i < text.n; i++)
        out[i] = ascii_lower(text.p[i]);
    return str_n(out, text.n);
}

static bool is_new_hit(const struct turn *t, const struct intel_hit *hit, int64_t since_ns,
                       enum retrospect_hash *kind)
{
    *kind = kind_of(t->c.s->retrospect_rules, hit->field);
    return hit->searched_ns > since_ns && hit->allowed_by.n == 0 && *kind < RETROSPECT_HASHES &&
           retrospect_is_hash(hit->value, *kind);
}

/* Files that an indicator has told of since the last round; the objects grow. */
static bool add_hits(struct turn *t, int64_t since_ns)
{
    struct intel_hit *hits;
    struct error err;
    uint32_t count;
    t->hits_ns = since_ns;
    if (!state_intel_hits(t->c.s->state, STR_EMPTY, HITS_MOST, &t->arena, &hits, &count, &err))
        return work_fail(&t->c, 500, &err);
    struct gap_object *objects = ARENA_ARRAY(&t->arena, struct gap_object, t->count + count + 1);
    if (t->count > 0)
        memcpy(objects, t->objects, t->count * sizeof *objects);
    for (uint32_t i = 0; i < count; i++) {
        enum retrospect_hash kind;
        if (!is_new_hit(t, &hits[i], since_ns, &kind))
            continue;
        struct gap_object *o = &objects[t->count++];
        *o = (struct gap_object){.known_ns = hits[i].searched_ns,
                                 .first_ns = TIME_UNKNOWN,
                                 .name = hits[i].description.n ? hits[i].description : hits[i].indicator,
                                 .known_by = hits[i].source,
                                 .basis = STR("indicator")};
        for (unsigned k = 0; k < RETROSPECT_HASHES; k++)
            o->hashes[k] = k == kind ? lower(hits[i].value, &t->arena) : STR_EMPTY;
        if (hits[i].searched_ns > t->hits_ns)
            t->hits_ns = hits[i].searched_ns;
    }
    t->objects = objects;
    return true;
}

/* -------------------------------------------------------------- one round */

static struct str object_name(const struct gap_object *o)
{
    unsigned k = 0;
    while (k + 1 < RETROSPECT_HASHES && o->hashes[k].n == 0)
        k++;
    return o->hashes[k];
}

/* What was noted before keeps its time of knowledge: a later indicator is no news. */
static bool remember(struct turn *t, struct gap_object *o)
{
    struct work_row gap = {0};
    if (!retrospect_gap(&t->c, object_name(o), &gap))
        return false;
    if (gap.id != 0 && (o->known_ns == TIME_UNKNOWN || work_number(&gap, GAP_KNOWN) < o->known_ns)) {
        o->known_ns = work_number(&gap, GAP_KNOWN);
        o->name = gap.values[GAP_NAME];
        o->known_by = gap.values[GAP_KNOWN_BY];
        o->basis = gap.values[GAP_BASIS];
    }
    return true;
}

static bool look_and_keep(struct turn *t)
{
    struct error err;
    for (uint32_t at = 0; at < t->count && !t->r->thread.is_over; at += GAP_GROUP_MOST) {
        struct gap_object *group = t->objects + at;
        uint32_t count = t->count - at < GAP_GROUP_MOST ? t->count - at : GAP_GROUP_MOST;
        for (uint32_t i = 0; i < count; i++)
            if (!remember(t, &group[i]))
                return false;
        if (!retrospect_look(&t->asking, group, count, &err))
            return work_fail(&t->c, 500, &err);
        for (uint32_t i = 0; i < count; i++) {
            struct str name = object_name(&group[i]);
            if (group[i].host_count > group[i].use_count)
                log_warning(
                    tr("the file %.*s was used on %u hosts before it was known: tasks are opened for "
                       "the first %u; look whether the verdict is a mistake",
                       "ファイル %.*s は検知可能になる前に %u 台の端末で使用されていました。先頭の %u "
                       "台にのみ作業を開きます。誤検知でないか確認してください"),
                    STR_ARGS(name), group[i].host_count, group[i].use_count);
            if (!retrospect_keep(&t->c, &group[i]))
                return false;
        }
    }
    return true;
}

static bool take_turn(struct turn *t)
{
    struct work_row cursor;
    struct store_status store;
    struct error err;
    if (!load_cursor(t, &cursor))
        return false;
    store_status(t->c.s->store, &store);
    uint64_t seen = (uint64_t)work_number(&cursor, LOOKED_SEQUENCE),
             last = store.next_sequence > 0 ? store.next_sequence - 1 : 0;
    int64_t hits_ns = work_number(&cursor, LOOKED_HITS);
    if (last > seen && !retrospect_verdicts(&t->asking, seen + 1, last, &t->objects, &t->count, &err))
        return work_fail(&t->c, 500, &err);
    if (!add_hits(t, hits_ns))
        return false;
    bool is_news = last > seen || t->hits_ns > hits_ns;
    return (!is_news || (look_and_keep(t) && !t->r->thread.is_over && save_cursor(t, &cursor, last))) &&
           retrospect_join(&t->c);
}

static int64_t go_round(void *context)
{
    struct retrospect *r = context;
    struct server *s = r->server;
    struct turn t = {.r = r};
    arena_init(&t.arena, 64 << 10);
    t.c = work_machine(s, &t.arena, &t.failure);
    t.asking = (struct gap_asking){.s = s,
                                   .arena = &t.arena,
                                   .is_over = &r->thread.is_over,
                                   .now_ns = clock_wall_ns()};
    if (!take_turn(&t) && !r->thread.is_over)
        log_warning(tr("what was used before it was known is not looked up yet: %s",
                       "検知できるようになる前の使用をまだ調べられていません: %s"),
                    t.failure.en.text);
    arena_free(&t.arena);
    return s->retrospect_rules->round_seconds * NS_PER_SECOND;
}

struct retrospect *retrospect_start(struct server *s)
{
    struct retrospect *r = NEW(struct retrospect);
    r->server = s;
    poked_thread_start(&r->thread, "retrospect", go_round, r);
    return r;
}

void retrospect_stop(struct retrospect *r)
{
    if (r == NULL)
        return;
    poked_thread_stop(&r->thread);
    memory_free(r);
}
