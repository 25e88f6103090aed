/* How commands print rows: a table on a terminal, NDJSON in a pipe, or CSV. */
#ifndef CLI_ROWS_H
#define CLI_ROWS_H

#include "base/json.h"
#include "cli/command.h"

#define ROWS_FORMAT_OPTION                                                                                   \
    {                                                                                                        \
        .name = "format", .type = OPTION_CHOICE, .values = "table|ndjson|csv",                               \
        .help_en = "how rows are printed (default: table on a terminal, else ndjson)",                       \
        .help_ja = "行の表示形式(既定: 端末では table、それ以外は ndjson)"                 \
    }

#define ROWS_COLUMNS_MAX 64

/* One output in any number of pages; the columns and their widths are those of the first. */
struct rows_printer {
    const struct arguments *arguments;
    struct arena arena;
    const char *format;
    const char *columns[ROWS_COLUMNS_MAX];
    size_t widths[ROWS_COLUMNS_MAX];
    size_t column_count;
    bool has_begun;
};

/* `columns` names what a table or CSV shows, NULL-terminated; NULL takes the members of the first row. */
void rows_begin(struct rows_printer *p, const struct arguments *a, const char *const *columns);
/* `rows` is a JSON array of objects. */
bool rows_page(struct rows_printer *p, struct str rows, struct error *err) MUST_CHECK;
void rows_end(struct rows_printer *p);

/* All three, for a single page. */
bool rows_print(const struct arguments *a, struct str rows, const char *const *columns,
                struct error *err) MUST_CHECK;

#endif
