/* libFuzzer: contacts.csv, vendors.csv and partners.csv from anybody; the first byte chooses. What was read
 * keeps what the form demands. */
#include "base/log.h"
#include "organisation/register_csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = {{0}};
    struct arena arena;
    struct register_rows rows;
    size_t count;
    const struct register_form *forms = register_forms(&count);
    if (!size)
        return 0;
    const struct register_form *form = &forms[data[0] % count];
    arena_init(&arena, 16 << 10);
    struct str text = arena_str(&arena, str_n((const char *)data + 1, size - 1));
    if (!register_csv_read(form, "f", text, &arena, &rows, &err)) {
        if (err.text[0] == 0)
            __builtin_trap(); /* a refusal says why */
    } else {
        for (uint32_t i = 0; i < rows.count; i++)
            for (int k = 0; k < 3 && form->required[k] >= 0; k++)
                if (rows.rows[i].values[form->required[k]].n == 0)
                    __builtin_trap();
    }
    arena_free(&arena);
    return 0;
}
