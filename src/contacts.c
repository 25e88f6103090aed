/* Reads contacts.csv and brings the register into line with it, in one transaction with its entry in the
 * record. Next: work_counter.c, which shows the contacts. */
#include "contacts.h"

#include "base/clock.h"
#include "base/log.h"
#include "enrich/asset_csv.h"
#include "enrich/context.h"
#include "parse/csv.h"
#include "store/state_work.h"

#define CONTACTS_MOST 5000

struct reader {
    const char *path;
    struct arena *arena;
    struct error *err;
    int columns[CONTACT_COLUMNS]; /* of the file → of the table; −1 = not ours */
    uint32_t column_count;
    struct work_row *rows;
    uint32_t row_count;
};

static const struct column_form FORM = {.separator = ',', .quote = '"'};

static bool read_header(struct reader *r, struct str line)
{
    struct str names[CONTACT_COLUMNS];
    bool has_role = false, has_position = false, has_person = false;
    r->column_count = column_split(line, &FORM, names, CONTACT_COLUMNS, r->arena);
    for (uint32_t i = 0; i < r->column_count; i++) {
        r->columns[i] = work_column_find(WORK_CONTACT, str_trim(names[i]));
        if (r->columns[i] < 0)
            return error_at(r->err, r->path, 1, 0, tr("there is no column '%.*s'", "列「%.*s」はありません"),
                            STR_ARGS(names[i]));
        has_role |= r->columns[i] == CONTACT_ROLE;
        has_position |= r->columns[i] == CONTACT_POSITION;
        has_person |= r->columns[i] == CONTACT_PERSON;
    }
    return (has_role && has_position && has_person) ||
           error_at(r->err, r->path, 1, 0, "%s",
                    tr("the columns role, position and person are needed",
                       "role、position、person の列が必要です"));
}

static bool read_time(struct reader *r, unsigned line, struct str *value)
{
    int64_t time_ns;
    struct time_context context = {.zone = zone_find(STR("local"))};
    struct str text = *value;
    if (text.n == 10)
        text = arena_concat(r->arena, text, STR("T00:00:00"));
    if (text.n == 0)
        return true;
    if (!time_parse_iso(text, &context, &time_ns))
        return error_at(r->err, r->path, line, 0, tr("'%.*s' is not a date", "「%.*s」は日付ではありません"),
                        STR_ARGS(*value));
    *value = work_text_of(time_ns, r->arena);
    return true;
}

static bool read_row(struct reader *r, unsigned line, struct str text)
{
    struct str values[CONTACT_COLUMNS];
    struct work_row *row = &r->rows[r->row_count++];
    uint32_t count = column_split(text, &FORM, values, CONTACT_COLUMNS, r->arena);
    for (int i = 0; i < CONTACT_COLUMNS; i++)
        row->values[i] = STR_EMPTY;
    for (uint32_t i = 0; i < count && i < r->column_count; i++)
        row->values[r->columns[i]] = str_trim(values[i]);
    struct str position = row->values[CONTACT_POSITION];
    if (!str_eq(position, STR("primary")) && !str_eq(position, STR("deputy")))
        return error_at(r->err, r->path, line, 0, "%s",
                        tr("'position' is primary or deputy", "'position' は primary か deputy です"));
    if (row->values[CONTACT_ROLE].n == 0 || row->values[CONTACT_PERSON].n == 0)
        return error_at(r->err, r->path, line, 0, "%s",
                        tr("role and person must be filled in", "role と person を記入してください"));
    return read_time(r, line, &row->values[CONTACT_VERIFIED]);
}

static bool read_file(struct reader *r)
{
    struct str text, line;
    unsigned number = 0;
    if (!asset_read_file(r->path, r->arena, &text, r->err))
        return false;
    if (str_starts(text, STR("\xEF\xBB\xBF")))
        text = str_skip(text, 3);
    r->rows = ARENA_ARRAY(r->arena, struct work_row, CONTACTS_MOST);
    while (text.n && str_split(&text, '\n', &line)) {
        number++;
        line = str_trim(line);
        if (line.n == 0)
            continue;
        if (r->column_count == 0 ? !read_header(r, line) : !read_row(r, number, line))
            return false;
        if (r->row_count == CONTACTS_MOST)
            return error_at(r->err, r->path, number, 0, "%s",
                            tr("there are too many contacts (5,000)", "連絡先が多すぎます(5,000 件まで)"));
    }
    return r->column_count > 0 ||
           error_at(r->err, r->path, 1, 0, "%s", tr("the file is empty", "ファイルが空です"));
}

static bool is_same(const struct work_row *a, const struct work_row *b)
{
    for (int i = 0; i < CONTACT_COLUMNS; i++)
        if (i == CONTACT_VERIFIED ? work_number(a, i) != work_number(b, i)
                                  : !str_eq(a->values[i], b->values[i]))
            return false;
    return true;
}

static bool is_among(const struct work_row *row, const struct work_row *rows, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (is_same(row, &rows[i]))
            return true;
    return false;
}

static bool reconcile(struct reader *r, struct state *state, struct contact_counts *counts)
{
    struct work_rows known;
    if (!state_work_list(state, WORK_CONTACT, -1, STR_EMPTY, CONTACTS_MOST, r->arena, &known, r->err))
        return false;
    for (uint32_t i = 0; i < known.count; i++) {
        struct work_row *row = &known.rows[i];
        if (is_among(row, r->rows, r->row_count))
            continue;
        if (!state_work_remove(state, WORK_CONTACT, row->id, r->err))
            return false;
        counts->removed++;
    }
    for (uint32_t i = 0; i < r->row_count; i++) {
        struct work_row *row = &r->rows[i];
        if (is_among(row, known.rows, known.count) || is_among(row, r->rows, i)) {
            counts->kept++;
            continue;
        }
        if (!state_work_add(state, WORK_CONTACT, row, r->err))
            return false;
        counts->added++;
    }
    return true;
}

static bool change(struct reader *r, struct state *state, struct contact_counts *counts)
{
    if (!state_begin(state, r->err))
        return false;
    if (reconcile(r, state, counts))
        return state_commit(state, r->err);
    state_rollback(state);
    return false;
}

bool contacts_import(struct state *state, const char *path, struct contact_counts *counts, struct error *err)
{
    struct arena arena;
    arena_init(&arena, 64 << 10);
    struct reader r = {.path = path, .arena = &arena, .err = err};
    *counts = (struct contact_counts){0};
    bool ok = read_file(&r) && change(&r, state, counts);
    arena_free(&arena);
    return ok;
}
