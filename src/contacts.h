/* contacts.csv: who is reached how, beside the organisation's other files (S159). */
#ifndef CONTACTS_H
#define CONTACTS_H

#include "base/error.h"
#include "base/str.h"
#include "store/state.h"

struct contact_counts {
    uint32_t added, kept, removed;
};

/* Makes the register what the file says: rows that are there already stay as they are, those that the file no
 * longer holds go. Columns: role, position (primary or deputy), person, account, phone, mail, out_of_band,
 * hours, verified (a date or time); role, position and person must be there. False with file and line;
 * nothing has changed then. */
bool contacts_import(struct state *state, const char *path, struct contact_counts *counts,
                     struct error *err) MUST_CHECK;

#endif
