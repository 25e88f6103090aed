/* How commands print rows: a table on a terminal, NDJSON in a pipe, or CSV. */
#ifndef ROWS_H
#define ROWS_H

#include "base/json.h"
#include "command.h"

#define ROWS_FORMAT_OPTION                                                                                   \
    {                                                                                                        \
        .name = "format", .type = OPTION_CHOICE, .values = "table|ndjson|csv",                               \
        .help_en = "how rows are printed (default: table on a terminal, else ndjson)",                       \
        .help_ja = "行の表示形式(既定: 端末では table、それ以外は ndjson)"                 \
    }

/* `rows` is a JSON array of objects (or the objects of a page separated by commas, in brackets). `columns`
 * names what a table or CSV shows, NULL-terminated; NULL takes the members of the first row. */
bool rows_print(const struct arguments *a, struct str rows, const char *const *columns,
                struct error *err) MUST_CHECK;

#endif
