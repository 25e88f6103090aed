/* Registers that come from files beside the organisation's: contacts.csv (S159), vendors.csv (S155), and
 * partners.csv (S154). */
#ifndef ORGANISATION_REGISTER_CSV_H
#define ORGANISATION_REGISTER_CSV_H

#include "base/error.h"
#include "base/str.h"
#include "store/state.h"
#include "store/state_work.h"

#define REGISTER_ROWS_MOST 5000

/* What a file may hold and what happens to rows that it no longer holds. */
struct register_form {
    const char *file; /* "contacts.csv" */
    enum work_table table;
    int required[3]; /* columns that must be there and filled in; −1 = no more */
    int key;         /* by which a row of the file is a known one; −1 = by all of it */
    int ended;       /* takes the time when the file no longer holds it; −1 = the row goes */
    struct {
        int column;         /* −1 = no more */
        const char *values; /* "primary|deputy" */
    } choices[3];
};
const struct register_form *register_forms(size_t *count);
/* The form whose file ends this path; NULL: none. */
const struct register_form *register_form_of(struct str path);

struct register_counts {
    uint32_t added, changed, kept, removed; /* removed: or ended */
};

struct register_rows {
    struct work_row *rows; /* columns that the file does not have are "" */
    uint32_t count;
    bool has_column[WORK_COLUMNS_MAX];
};

/* The text of such a file: a line of columns, then rows. False with file and line. */
bool register_csv_read(const struct register_form *form, const char *path, struct str text,
                       struct arena *arena, struct register_rows *out, struct error *err) MUST_CHECK;

/* Makes the register what the file says, in one transaction with its entry in the record: what is there
 * already stays as it is, columns that the file does not have stay too. False with file and line; nothing has
 * changed then. */
bool register_import(const struct register_form *form, struct state *state, const char *path,
                     struct register_counts *counts, struct error *err) MUST_CHECK;

#endif
