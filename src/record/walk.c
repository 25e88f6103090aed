/* Stage: record. The walk over all entries that says where the record is no longer what it was. It keeps the
 * last hash of every incident and the payloads that were erased. Next: checkpoint.c. */
#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "record/entry.h"

struct last_of_incident {
    uint64_t incident, incident_seq; /* the first is the key */
    struct record_hash hash;
};

struct record_walk {
    uint64_t seq;
    int64_t recorded_ns;
    struct record_hash head;
    struct arena names;
    struct map incidents; /* id → struct last_of_incident * */
    struct map erased;    /* "record/SEQ" → 1 erased, 2 and an entry says so */
};

struct record_walk *record_walk_new(void)
{
    struct record_walk *w = NEW(struct record_walk);
    arena_init(&w->names, 4 << 10);
    return w;
}

void record_walk_free(struct record_walk *w)
{
    if (w == NULL)
        return;
    for (uint32_t i = 0; i < w->incidents.count; i++)
        memory_free((void *)w->incidents.entries[i].value);
    map_free(&w->incidents);
    map_free(&w->erased);
    arena_free(&w->names);
    memory_free(w);
}

static bool same(const struct record_hash *a, const struct record_hash *b)
{
    return memcmp(a->bytes, b->bytes, RECORD_HASH_BYTES) == 0;
}

static bool check_place(const struct record_walk *w, const struct record_entry *e, struct error *err)
{
    int64_t back = w->seq && e->recorded_ns < w->recorded_ns ? w->recorded_ns - e->recorded_ns : 0;
    if (e->seq != w->seq + 1)
        return error_set(err, tr("entry %llu is missing", "記録 %llu がありません"),
                         (unsigned long long)w->seq + 1);
    if (!same(&e->prev_hash, &w->head))
        return error_set(err, "%s",
                         tr("it does not follow the entry before it", "直前の記録につながっていません"));
    if (e->clock_back_ns != back)
        return error_set(err, "%s",
                         tr("it hides how far the clock went back",
                            "時計が戻った量が正しく書かれていません"));
    return true;
}

static bool check_hashes(const struct record_entry *e, struct error *err)
{
    struct record_entry copy = *e;
    record_seal(&copy);
    if (!same(&copy.changes_hash, &e->changes_hash))
        return error_set(err, "%s",
                         tr("the changes noted with it were altered", "変更内容が書き換えられています"));
    if (!same(&copy.payload_hash, &e->payload_hash))
        return error_set(err, "%s", tr("its text was altered", "本文が書き換えられています"));
    if (!same(&copy.entry_hash, &e->entry_hash))
        return error_set(err, "%s", tr("it was altered", "書き換えられています"));
    return true;
}

static struct last_of_incident *last_of(struct record_walk *w, uint64_t incident)
{
    uintptr_t *place = map_find(&w->incidents, str_n((const char *)&incident, sizeof incident));
    if (place)
        return (struct last_of_incident *)*place;
    struct last_of_incident *last = NEW(struct last_of_incident);
    last->incident = incident;
    *map_put(&w->incidents, str_n((const char *)&last->incident, sizeof last->incident), NULL) =
        (uintptr_t)last;
    return last;
}

static bool check_incident(struct record_walk *w, const struct record_entry *e, struct error *err)
{
    static const struct last_of_incident none;
    struct last_of_incident *last = e->incident ? last_of(w, e->incident) : NULL;
    const struct last_of_incident *before = last ? last : &none;
    if (e->incident_seq != before->incident_seq + (e->incident != 0) ||
        !same(&e->incident_prev_hash, &before->hash))
        return error_set(err,
                         tr("it does not follow the entry before it of incident %llu",
                            "インシデント %llu の直前の記録につながっていません"),
                         (unsigned long long)e->incident);
    if (last) {
        last->incident_seq = e->incident_seq;
        last->hash = e->entry_hash;
    }
    return true;
}

#define ERASED   1
#define SAID     2
#define ERASURES STR("record/")

static void note(struct record_walk *w, struct str name, uintptr_t what)
{
    uintptr_t *place = map_find(&w->erased, name);
    if (place == NULL)
        place = map_put(&w->erased, arena_str(&w->names, name), NULL);
    *place |= what;
}

static void note_erasure(struct record_walk *w, const struct record_entry *e)
{
    if (e->is_erased)
        note(w, arena_printf(&w->names, "record/%llu", (unsigned long long)e->seq), ERASED);
    if (str_starts(e->target, ERASURES) && str_eq(e->action, STR("correct")))
        note(w, e->target, SAID);
}

bool record_walk_take(struct record_walk *w, const struct record_entry *e, struct error *err)
{
    if (!check_place(w, e, err) || !check_hashes(e, err) || !check_incident(w, e, err))
        return false;
    note_erasure(w, e);
    w->seq = e->seq;
    w->recorded_ns = e->recorded_ns;
    w->head = e->entry_hash;
    return true;
}

bool record_walk_end(const struct record_walk *w, uint64_t *seq, struct error *err)
{
    for (uint32_t i = 0; i < w->erased.count; i++) {
        if (w->erased.entries[i].value != ERASED)
            continue;
        struct str name = w->erased.entries[i].key;
        if (!str_to_u64(str_skip(name, ERASURES.n), 10, seq))
            *seq = 0;
        return error_set(err, "%s",
                         tr("its text is gone, and no entry says who erased it and why",
                            "本文が消えており、誰がなぜ消したかの記録がありません"));
    }
    return true;
}
