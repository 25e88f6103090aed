/* The state database against its record: each row's fingerprint and open values, rows that are gone, rows
 * that no entry tells of. */
#include "recorder/record_compare.h"

#include <stdio.h>

#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "recorder/record_seal.h"
#include "recorder/recorder_changes.h"

struct last {
    const struct record_change_row *row;
    uint64_t seq;
    bool is_met; /* its row is in the database */
};

struct run {
    struct record_compare *c;
    struct arena arena;
    struct last *values;
    uint32_t count;
    struct map by_name; /* "table/id/field" → index */
    bool has_baseline;
};

static struct str key_of(struct arena *arena, struct str table, uint64_t id, struct str field)
{
    return arena_printf(arena, "%.*s/%llu/%.*s", STR_ARGS(table), (unsigned long long)id, STR_ARGS(field));
}

static struct last *find(struct run *r, struct str table, uint64_t id, struct str field)
{
    char key[200];
    int n =
        snprintf(key, sizeof key, "%.*s/%llu/%.*s", STR_ARGS(table), (unsigned long long)id, STR_ARGS(field));
    uintptr_t *at = map_find(&r->by_name, str_n(key, (size_t)n));
    return at ? &r->values[*at] : NULL;
}

static bool load(struct run *r, struct error *err)
{
    struct record_change_row *rows;
    uint64_t *seqs;
    if (!state_record_last_values(r->c->state, &r->arena, &rows, &seqs, &r->count, err) ||
        !state_record_has_target(r->c->state, STR(RECORD_BASELINE), &r->has_baseline, err))
        return false;
    r->values = ARENA_ARRAY(&r->arena, struct last, r->count + 1);
    for (uint32_t i = 0; i < r->count; i++) {
        r->values[i] = (struct last){&rows[i], seqs[i], false};
        *map_put(&r->by_name, key_of(&r->arena, rows[i].table, rows[i].id, rows[i].field), NULL) = i;
    }
    return true;
}

static void report(struct run *r, uint64_t seq, const struct captured_row *row, struct str field,
                   struct str recorded, struct str now)
{
    struct error why;
    error_set(&why,
              tr("%.*s %llu: %.*s was made \"%.*s\" by this entry, but the state database says \"%.*s\"",
                 "%.*s %llu の %.*s はこの記録では「%.*s」ですが、状態データベースでは「%.*s」です"),
              STR_ARGS(row->table->name), (unsigned long long)row->id, STR_ARGS(field), STR_ARGS(recorded),
              STR_ARGS(now));
    r->c->found(r->c->context, seq, why.text);
}

/* A column that no entry names is what a new row has: nothing. */
static bool compare_open(struct run *r, const struct captured_row *row, uint64_t row_seq)
{
    bool is_good = true;
    for (uint32_t i = 0; i < row->table->count; i++) {
        struct str field = row->table->columns[i].name;
        struct last *said = find(r, row->table->name, row->id, field);
        struct str now = recorded_value(row->table->name, field, row->new_values[i]);
        if (!row->table->columns[i].is_open)
            continue;
        r->c->compared++;
        if (said ? str_eq(said->row->new_value, now) : state_value_is_default(row->new_values[i]))
            continue;
        is_good = false;
        report(r, said ? said->seq : row_seq, row, field, said ? said->row->new_value : STR_EMPTY, now);
    }
    return is_good;
}

static bool compare_digest(struct run *r, const struct captured_row *row, const struct last *said,
                           struct error *err)
{
    struct arena arena;
    struct str salt;
    char digest[STATE_DIGEST_TEXT];
    arena_init(&arena, 256);
    bool ok = state_record_salt(r->c->state, said->seq, &arena, &salt, err);
    if (ok && salt.n == 0) {
        r->c->not_compared++;
    } else if (ok) {
        r->c->compared++;
        state_row_digest(row->table, row->new_values, salt, digest);
        if (!str_eq(said->row->new_value, str_c(digest)))
            report(r, said->seq, row, STR(RECORDED_ROW), said->row->new_value, str_c(digest));
    }
    arena_free(&arena);
    return ok;
}

static bool compare_row(void *context, const struct captured_row *row, struct error *err)
{
    struct run *r = context;
    struct last *said = find(r, row->table->name, row->id, STR(RECORDED_ROW));
    if (said != NULL && said->row->new_value.n) {
        said->is_met = true;
        return !compare_open(r, row, said->seq) || compare_digest(r, row, said, err);
    }
    if (!r->has_baseline) {
        r->c->not_compared++;
        return true;
    }
    struct error why;
    error_set(&why,
              tr("%.*s %llu is in the state database, but no entry tells of it",
                 "%.*s %llu は状態データベースにありますが、どの記録にもありません"),
              STR_ARGS(row->table->name), (unsigned long long)row->id);
    r->c->found(r->c->context, said ? said->seq : 0, why.text);
    return true;
}

static bool is_recorded(const struct recorded_table *tables, uint32_t count, struct str name)
{
    for (uint32_t i = 0; i < count; i++)
        if (str_eq(tables[i].name, name))
            return true;
    return false;
}

/* Compared by record_seal.c. */
static bool is_sealed(struct str table)
{
    return str_eq(table, STR(SEAL_CONTENT));
}

static void look_for_gone(struct run *r, const struct recorded_table *tables, uint32_t count)
{
    for (uint32_t i = 0; i < r->count; i++) {
        const struct last *v = &r->values[i];
        struct error why;
        if (!str_eq(v->row->field, STR(RECORDED_ROW))) {
            r->c->not_compared += !is_recorded(tables, count, v->row->table) && !is_sealed(v->row->table);
            continue;
        }
        if (v->is_met || v->row->new_value.n == 0)
            continue;
        error_set(&why,
                  tr("%.*s %llu: this entry made the row, but it is gone from the state database",
                     "%.*s %llu: この記録で作られた行が状態データベースから消えています"),
                  STR_ARGS(v->row->table), (unsigned long long)v->row->id);
        r->c->found(r->c->context, v->seq, why.text);
    }
}

bool record_compare_run(struct record_compare *c, struct error *err)
{
    struct run r = {.c = c};
    struct recorded_table *tables;
    uint32_t count = 0;
    if (!state_begin(c->state, err)) /* nothing moves meanwhile */
        return false;
    arena_init(&r.arena, 256 << 10);
    c->compared = c->not_compared = 0;
    bool ok = load(&r, err) && state_recorded_tables(c->state, &r.arena, &tables, &count, err);
    for (uint32_t i = 0; ok && i < count; i++)
        ok = state_recorded_walk(c->state, &tables[i], compare_row, &r, err);
    if (ok)
        look_for_gone(&r, tables, count);
    map_free(&r.by_name);
    arena_free(&r.arena);
    state_rollback(c->state);
    return ok;
}
