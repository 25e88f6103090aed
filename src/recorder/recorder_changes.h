/* What became of which row, as an entry says it: the fingerprint of the whole row under the field "row", and
 * each open column by its name. */
#ifndef RECORDER_RECORDER_CHANGES_H
#define RECORDER_RECORDER_CHANGES_H

#include "base/buf.h"
#include "store/state_capture.h"
#include "store/state_record.h"

#define RECORDED_ROW "row" /* the field of fingerprints; no column has that name */

/* A value as the record says it: states by their names, everything else as it is. */
struct str recorded_value(struct str table, struct str field, struct str value);

/* Appends struct record_change_row; texts live in `arena`. The salt is that of the entry. */
void recorder_changes_of(const struct captured_row *row, struct str salt, struct arena *arena,
                         struct buf *changes);

#endif
