/* libFuzzer: columns and header lines; the first byte chooses the form. */
#include "parse/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct column_header header, copy;
    static struct str columns[COLUMN_HEADER_MAX];
    static const char separators[] = ",\t| ";
    struct arena arena;
    if (!size)
        return 0;
    struct column_form form = {.separator = separators[data[0] & 3],
                               .quote = data[0] & 4 ? '"' : 0,
                               .brackets = data[0] & 8};
    struct str text = str_n((const char *)data + 1, size - 1), line;
    arena_init(&arena, 1 << 14);
    uint32_t split = column_split(text, &form, columns, data[0] & 16 ? 4 : COLUMN_HEADER_MAX, &arena);
    column_header_clear(&header);
    while (str_split(&text, '\n', &line))
        if (!column_header_line(line, &header))
            column_header_names(line, &form, &header, &arena);
    column_header_copy(&header, &copy);
    if (column_header_fit(&copy, columns, split) > COLUMN_HEADER_MAX + 1)
        __builtin_trap();
    arena_free(&arena);
    return 0;
}
