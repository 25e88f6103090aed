/* The first entry of a state database that was there before its record knew rows: every recorded row that no
 * entry tells of yet gets its fingerprint, once. From then on a row without an entry is one too many. */
#include "recorder/recorder_internal.h"

#include "base/map.h"
#include "recorder/record_compare.h"
#include "recorder/recorder_changes.h"

struct baseline {
    struct recorder *recorder;
    struct map known; /* "table/id" of rows that an entry tells of */
    struct arena arena;
};

static struct str key_of(struct arena *arena, struct str table, uint64_t id)
{
    return arena_printf(arena, "%.*s/%llu", STR_ARGS(table), (unsigned long long)id);
}

static bool take(void *context, const struct captured_row *row, struct error *err)
{
    struct baseline *b = context;
    (void)err;
    if (map_find(&b->known, key_of(&b->arena, row->table->name, row->id)) == NULL)
        recorder_take_row(b->recorder, row);
    return true;
}

static bool take_all(struct baseline *b, struct error *err)
{
    struct state *state = b->recorder->state;
    struct record_change_row *rows;
    struct recorded_table *tables;
    uint64_t *seqs;
    uint32_t row_count, count = 0;
    bool ok = state_record_last_values(state, &b->arena, &rows, &seqs, &row_count, err) &&
              state_recorded_tables(state, &b->arena, &tables, &count, err);
    for (uint32_t i = 0; ok && i < row_count; i++)
        if (str_eq(rows[i].field, STR(RECORDED_ROW)))
            *map_put(&b->known, key_of(&b->arena, rows[i].table, rows[i].id), NULL) = 1;
    for (uint32_t i = 0; ok && i < count; i++)
        ok = state_recorded_walk(state, &tables[i], take, b, err);
    return ok;
}

bool recorder_baseline(struct recorder *r, struct error *err)
{
    struct baseline b = {.recorder = r};
    bool is_there;
    if (!state_record_has_target(r->state, STR(RECORD_BASELINE), &is_there, err))
        return false;
    if (is_there)
        return true;
    if (!recorder_begin(r, err))
        return false;
    arena_init(&b.arena, 64 << 10);
    bool ok = take_all(&b, err);
    if (!ok)
        recorder_rollback(r);
    ok = ok && recorder_commit(r,
                               &(struct deed){.action = "observe",
                                              .actor = STR("hyakuyo"),
                                              .target = STR(RECORD_BASELINE)},
                               err);
    map_free(&b.known);
    arena_free(&b.arena);
    return ok;
}
