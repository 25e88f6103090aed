/* Brings a register into line with its file, in one transaction with the entry in the record. Next:
 * command_asset.c. */
#include "base/clock.h"
#include "base/log.h"
#include "enrich/asset_csv.h"
#include "organisation/register_csv.h"

struct import {
    const struct register_form *form;
    struct state *state;
    const struct work_column *columns;
    uint32_t column_count;
    struct register_rows file;
    struct work_rows known;
    struct register_counts *counts;
    struct arena *arena;
    struct error *err;
};

static bool is_number(enum work_kind kind)
{
    return kind == WORK_NUMBER || kind == WORK_TIME || kind == WORK_BOOLEAN;
}

/* A column that the file lacks says nothing. */
static bool says_the_same(const struct import *i, int column, const struct work_row *file,
                          const struct work_row *known)
{
    if (!i->file.has_column[column])
        return i->form->key >= 0 || known->values[column].n == 0 || work_number(known, column) == 0;
    return is_number(i->columns[column].kind) ? work_number(file, column) == work_number(known, column)
                                              : str_eq(file->values[column], known->values[column]);
}

static bool is_same(const struct import *i, const struct work_row *file, const struct work_row *known)
{
    for (uint32_t c = 0; c < i->column_count; c++)
        if (!says_the_same(i, (int)c, file, known))
            return false;
    return true;
}

static bool is_it(const struct import *i, const struct work_row *file, const struct work_row *known)
{
    int key = i->form->key;
    return key < 0 ? is_same(i, file, known) : str_eq_nocase(file->values[key], known->values[key]);
}

static struct work_row *find(const struct import *i, const struct work_row *file)
{
    for (uint32_t k = 0; k < i->known.count; k++)
        if (is_it(i, file, &i->known.rows[k]))
            return &i->known.rows[k];
    return NULL;
}

static bool is_in_file(const struct import *i, const struct work_row *known, uint32_t before)
{
    for (uint32_t k = 0; k < before; k++)
        if (is_it(i, &i->file.rows[k], known))
            return true;
    return false;
}

static bool take_out(struct import *i, struct work_row *row)
{
    if (i->form->ended >= 0 && work_number(row, i->form->ended) != 0)
        return true;
    i->counts->removed++;
    if (i->form->ended < 0)
        return state_work_remove(i->state, i->form->table, row->id, i->err);
    struct str now = work_text_of(clock_wall_ns(), i->arena);
    return state_work_set(i->state, i->form->table, row->id, i->form->ended, now, i->err);
}

static bool add(struct import *i, struct work_row *row)
{
    i->counts->added++;
    return state_work_add(i->state, i->form->table, row, i->err);
}

/* What is in the file again stands again. */
static bool change(struct import *i, const struct work_row *row, struct work_row *known)
{
    int ended = i->form->ended;
    bool is_back = ended >= 0 && work_number(known, ended) != 0 && !i->file.has_column[ended];
    if (is_same(i, row, known) && !is_back) {
        i->counts->kept++;
        return true;
    }
    i->counts->changed++;
    for (uint32_t c = 0; c < i->column_count; c++)
        if (!says_the_same(i, (int)c, row, known) &&
            !state_work_set(i->state, i->form->table, known->id, (int)c, row->values[c], i->err))
            return false;
    return !is_back || state_work_set(i->state, i->form->table, known->id, ended, STR_EMPTY, i->err);
}

static bool reconcile(struct import *i)
{
    if (!state_work_list(i->state, i->form->table, -1, STR_EMPTY, REGISTER_ROWS_MOST, i->arena, &i->known,
                         i->err))
        return false;
    for (uint32_t k = 0; k < i->known.count; k++)
        if (!is_in_file(i, &i->known.rows[k], i->file.count) && !take_out(i, &i->known.rows[k]))
            return false;
    for (uint32_t k = 0; k < i->file.count; k++) {
        struct work_row *row = &i->file.rows[k], *known = find(i, row);
        bool is_repeated = is_in_file(i, row, k);
        if (is_repeated)
            i->counts->kept++;
        else if (known != NULL ? !change(i, row, known) : !add(i, row))
            return false;
    }
    return true;
}

static bool run(struct import *i)
{
    if (!state_begin(i->state, i->err))
        return false;
    if (reconcile(i))
        return state_commit(i->state, i->err);
    state_rollback(i->state);
    return false;
}

bool register_import(const struct register_form *form, struct state *state, const char *path,
                     struct register_counts *counts, struct error *err)
{
    struct arena arena;
    struct str text;
    arena_init(&arena, 64 << 10);
    struct import i = {.form = form, .state = state, .counts = counts, .arena = &arena, .err = err};
    *counts = (struct register_counts){0};
    i.columns = work_columns(form->table, &i.column_count);
    bool ok = asset_read_file(path, &arena, &text, err) &&
              register_csv_read(form, path, text, &arena, &i.file, err);
    ok = ok && run(&i);
    arena_free(&arena);
    return ok;
}
