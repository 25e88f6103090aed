/* Reads the files of registers. Next: register_import.c, which brings a register into line with one. */
#include "organisation/register_csv.h"

#include "base/clock.h"
#include "base/log.h"
#include "parse/csv.h"

static const struct register_form forms[] = {
    {.file = "contacts.csv",
     .table = WORK_CONTACT,
     .required = {CONTACT_ROLE, CONTACT_POSITION, CONTACT_PERSON},
     .key = -1,
     .ended = -1,
     .choices = {{CONTACT_POSITION, "primary|deputy"}, {-1, NULL}}},
    {.file = "vendors.csv",
     .table = WORK_VENDOR,
     .required = {VENDOR_NAME, -1},
     .key = VENDOR_NAME,
     .ended = VENDOR_ENDED,
     .choices = {{-1, NULL}}},
    {.file = "partners.csv",
     .table = WORK_PARTNER,
     .required = {PARTNER_NAME, PARTNER_KIND, PARTNER_TLP},
     .key = PARTNER_NAME,
     .ended = PARTNER_ENDED,
     .choices = {{PARTNER_KIND, "public_body|police|expert|peer|vendor"},
                 {PARTNER_TLP, "CLEAR|GREEN|AMBER|AMBER+STRICT|RED"},
                 {PARTNER_REDACTION, "none|internal|anonymous"}}},
};

const struct register_form *register_forms(size_t *count)
{
    *count = COUNT_OF(forms);
    return forms;
}

const struct register_form *register_form_of(struct str path)
{
    for (size_t i = 0; i < COUNT_OF(forms); i++)
        if (str_ends(path, str_c(forms[i].file)))
            return &forms[i];
    return NULL;
}

/* ------------------------------------------------------------------ reading */

struct reader {
    const struct register_form *form;
    const char *path;
    struct arena *arena;
    struct error *err;
    const struct work_column *columns; /* of the table */
    uint32_t table_count;
    int places[WORK_COLUMNS_MAX]; /* column of the file → of the table */
    uint32_t count;
    struct register_rows *out;
};

static const struct column_form FORM = {.separator = ',', .quote = '"'};

static bool read_header(struct reader *r, struct str line)
{
    struct str names[WORK_COLUMNS_MAX];
    r->count = column_split(line, &FORM, names, WORK_COLUMNS_MAX, r->arena);
    for (uint32_t i = 0; i < r->count; i++) {
        r->places[i] = work_column_find(r->form->table, str_trim(names[i]));
        if (r->places[i] < 0)
            return error_at(r->err, r->path, 1, 0, tr("there is no column '%.*s'", "列「%.*s」はありません"),
                            STR_ARGS(names[i]));
        if (r->out->has_column[r->places[i]])
            return error_at(r->err, r->path, 1, 0,
                            tr("the column '%.*s' is there twice", "列「%.*s」が重複しています"),
                            STR_ARGS(names[i]));
        r->out->has_column[r->places[i]] = true;
    }
    for (int i = 0; i < 3 && r->form->required[i] >= 0; i++)
        if (!r->out->has_column[r->form->required[i]])
            return error_at(r->err, r->path, 1, 0, tr("the column '%s' is needed", "列「%s」が必要です"),
                            r->columns[r->form->required[i]].name);
    return true;
}

static bool read_time(struct reader *r, unsigned line, const char *name, struct str *value)
{
    int64_t time_ns;
    struct time_context context = {.zone = zone_find(STR("local"))};
    struct str text = *value;
    bool is_last_day = str_ends(str_c(name), STR("_until")); /* it still counts */
    if (text.n == 10)
        text = arena_concat(r->arena, text, is_last_day ? STR("T23:59:59") : STR("T00:00:00"));
    if (!time_parse_iso(text, &context, &time_ns))
        return error_at(r->err, r->path, line, 0,
                        tr("'%s': '%.*s' is not a date", "'%s': 「%.*s」は日付ではありません"), name,
                        STR_ARGS(*value));
    *value = work_text_of(time_ns, r->arena);
    return true;
}

static bool check_value(struct reader *r, unsigned line, int column, struct str *value)
{
    uint64_t number;
    const struct work_column *c = &r->columns[column];
    if (value->n == 0)
        return true;
    if (c->kind == WORK_TIME)
        return read_time(r, line, c->name, value);
    if (c->kind == WORK_NUMBER && (!str_to_u64(*value, 10, &number) || number > 1000000000000))
        return error_at(r->err, r->path, line, 0,
                        tr("'%s': '%.*s' is not a whole number", "'%s': 「%.*s」は整数ではありません"),
                        c->name, STR_ARGS(*value));
    return true;
}

static bool is_choice(const char *values, struct str value)
{
    struct str rest = str_c(values), one;
    while (str_split(&rest, '|', &one))
        if (str_eq(one, value))
            return true;
    return false;
}

static bool check_row(struct reader *r, unsigned line, struct work_row *row)
{
    for (int i = 0; i < 3 && r->form->required[i] >= 0; i++)
        if (row->values[r->form->required[i]].n == 0)
            return error_at(r->err, r->path, line, 0, tr("'%s' must be filled in", "'%s' を記入してください"),
                            r->columns[r->form->required[i]].name);
    for (int i = 0; i < 3 && r->form->choices[i].values != NULL; i++) {
        struct str value = row->values[r->form->choices[i].column];
        if (value.n && !is_choice(r->form->choices[i].values, value))
            return error_at(r->err, r->path, line, 0, tr("'%s' is one of %s", "'%s' は %s のいずれかです"),
                            r->columns[r->form->choices[i].column].name, r->form->choices[i].values);
    }
    for (uint32_t i = 0; r->form->key >= 0 && i + 1 < r->out->count; i++)
        if (str_eq_nocase(r->out->rows[i].values[r->form->key], row->values[r->form->key]))
            return error_at(r->err, r->path, line, 0, tr("'%.*s' is there twice", "「%.*s」が重複しています"),
                            STR_ARGS(row->values[r->form->key]));
    return true;
}

static bool read_row(struct reader *r, unsigned line, struct str text)
{
    struct str values[WORK_COLUMNS_MAX];
    if (r->out->count == REGISTER_ROWS_MOST)
        return error_at(r->err, r->path, line, 0, "%s",
                        tr("there are too many rows (5,000)", "行が多すぎます(5,000 行まで)"));
    struct work_row *row = &r->out->rows[r->out->count++];
    uint32_t count = column_split(text, &FORM, values, WORK_COLUMNS_MAX, r->arena);
    for (uint32_t i = 0; i < r->table_count; i++)
        row->values[i] = STR_EMPTY;
    for (uint32_t i = 0; i < count && i < r->count; i++) {
        struct str value = str_trim(values[i]);
        if (!check_value(r, line, r->places[i], &value))
            return false;
        row->values[r->places[i]] = value;
    }
    return check_row(r, line, row);
}

/* Room for as many rows as there can be. */
static uint32_t count_lines(struct str text)
{
    uint32_t lines = 1;
    for (size_t i = 0; i < text.n && lines <= REGISTER_ROWS_MOST; i++)
        lines += text.p[i] == '\n';
    return lines;
}

bool register_csv_read(const struct register_form *form, const char *path, struct str text,
                       struct arena *arena, struct register_rows *out, struct error *err)
{
    struct reader r = {.form = form, .path = path, .arena = arena, .err = err, .out = out};
    struct str line;
    unsigned number = 0;
    *out = (struct register_rows){.rows = ARENA_ARRAY(arena, struct work_row, count_lines(text))};
    r.columns = work_columns(form->table, &r.table_count);
    if (str_starts(text, STR("\xEF\xBB\xBF")))
        text = str_skip(text, 3);
    while (text.n && str_split(&text, '\n', &line)) {
        number++;
        line = str_trim(line);
        if (line.n && (r.count == 0 ? !read_header(&r, line) : !read_row(&r, number, line)))
            return false;
    }
    return r.count > 0 || error_at(err, path, 1, 0, "%s", tr("the file is empty", "ファイルが空です"));
}
