/* The work on incidents: tasks, decisions, evidence, hosts, countermeasures, contacts, reviews. All tables
 * have the same shape, a number and columns of text, so one set of functions serves them; state_work.def
 * names the columns. Which change is allowed is the business of the incident stage and of whoever calls. */
#ifndef STORE_STATE_WORK_H
#define STORE_STATE_WORK_H

#include "base/arena.h"
#include "base/json.h"
#include "store/state.h"

enum work_kind {
    WORK_TEXT,
    WORK_LIST, /* "a;b" */
    WORK_NUMBER,
    WORK_TIME,    /* ns since 1970 as text; "0" = none */
    WORK_BOOLEAN, /* "0", "1" */
    WORK_JSON,    /* a whole JSON value */
    WORK_ENGLISH, /* one text with the next column */
    WORK_JAPANESE,
    WORK_PROSE,  /* what somebody wrote: kept out of the chain of the record, which nobody can erase */
    WORK_PERSON, /* names or says something of a person: shown to those who may see persons */
};

#define TABLE(table, name) WORK_##table,
#define COLUMN(table, column, name, kind)
#define END(table)
enum work_table {
#include "store/state_work.def"
    WORK_TABLE_COUNT
};
#undef TABLE
#undef COLUMN
#undef END

/* TASK_STATUS and so on: places in work_row.values. */
#define TABLE(table, name)                enum {
#define COLUMN(table, column, name, kind) table##_##column,
#define END(table)                                                                                           \
    table##_COLUMNS                                                                                          \
    }                                                                                                        \
    ;
#include "store/state_work.def"
#undef TABLE
#undef COLUMN
#undef END

#define WORK_COLUMNS_MAX 32

struct work_column {
    const char *name;
    enum work_kind kind;
};

struct work_row {
    uint64_t id;
    struct str values[WORK_COLUMNS_MAX]; /* numbers and times as decimal text; "" = 0 */
};

struct work_rows {
    struct work_row *rows;
    uint32_t count;
};

const char *work_table_name(enum work_table table);
const struct work_column *work_columns(enum work_table table, uint32_t *count);
/* −1: the table has no such column. */
int work_column_find(enum work_table table, struct str name);

/* Whether the record holds such values as they are: what people wrote or what concerns a person cannot be
 * erased from the chain, so it never enters it. */
bool work_is_recorded_open(enum work_kind kind);

/* 0 when it is not a number. */
int64_t work_number(const struct work_row *row, int column);
bool work_flag(const struct work_row *row, int column);
struct str work_text_of(int64_t number, struct arena *arena);

/* Sets row->id. */
bool state_work_add(struct state *s, enum work_table table, struct work_row *row,
                    struct error *err) MUST_CHECK;
/* False with a sentence when there is no such row. */
bool state_work_set(struct state *s, enum work_table table, uint64_t id, int column, struct str value,
                    struct error *err) MUST_CHECK;
bool state_work_remove(struct state *s, enum work_table table, uint64_t id, struct error *err) MUST_CHECK;
bool state_work_get(struct state *s, enum work_table table, uint64_t id, struct arena *arena,
                    struct work_row *out, struct error *err) MUST_CHECK;
/* Those whose column has that value, or all (column −1), by id; at most `limit`, the newest. */
bool state_work_list(struct state *s, enum work_table table, int column, struct str value, uint32_t limit,
                     struct arena *arena, struct work_rows *out, struct error *err) MUST_CHECK;

/* As a JSON object: members are the columns; what is not known is null or "". */
void work_row_members(enum work_table table, const struct work_row *row, bool sees_persons,
                      struct json_writer *w);

#endif
