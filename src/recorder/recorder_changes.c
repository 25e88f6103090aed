/* Captured rows as changes of an entry. Next: record/entry.c hashes them. */
#include "recorder/recorder_changes.h"

#include "event/incident.h"

struct str recorded_value(struct str table, struct str field, struct str value)
{
    uint64_t number;
    bool is_state = (str_eq(table, STR("incident")) && str_eq(field, STR("state"))) ||
                    (str_eq(table, STR("incident_change")) &&
                     (str_starts(field, STR("from_")) || str_starts(field, STR("to_"))));
    if (is_state && str_to_u64(value, 10, &number) && number < INCIDENT_STATE_COUNT)
        return incident_state_name((enum incident_state)number);
    return value;
}

static void add(struct buf *changes, const struct captured_row *row, struct str field, struct str old_value,
                struct str new_value)
{
    struct record_change_row c = {row->table->name, field, old_value, new_value, row->id};
    buf_bytes(changes, &c, sizeof c);
}

static struct str open_value(const struct captured_row *row, const struct str *values, uint32_t column,
                             struct arena *arena)
{
    struct str field = row->table->columns[column].name;
    if (values == NULL)
        return STR_EMPTY;
    return arena_str(arena, recorded_value(row->table->name, field, values[column]));
}

/* Of a new or removed row only what says something. */
static bool is_worth_it(const struct captured_row *row, uint32_t column)
{
    const struct str *one = row->old_values ? row->old_values : row->new_values;
    if (row->old_values && row->new_values)
        return !str_eq(row->old_values[column], row->new_values[column]);
    return one != NULL && !state_value_is_default(one[column]);
}

void recorder_changes_of(const struct captured_row *row, struct str salt, struct arena *arena,
                         struct buf *changes)
{
    char old_digest[STATE_DIGEST_TEXT], new_digest[STATE_DIGEST_TEXT];
    state_row_digest(row->table, row->old_values, salt, old_digest);
    state_row_digest(row->table, row->new_values, salt, new_digest);
    if (strcmp(old_digest, new_digest) == 0) /* it came and went */
        return;
    for (uint32_t i = 0; i < row->table->count; i++)
        if (row->table->columns[i].is_open && is_worth_it(row, i))
            add(changes, row, row->table->columns[i].name, open_value(row, row->old_values, i, arena),
                open_value(row, row->new_values, i, arena));
    add(changes, row, STR(RECORDED_ROW), arena_str(arena, str_c(old_digest)),
        arena_str(arena, str_c(new_digest)));
}
