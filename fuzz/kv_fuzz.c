/* libFuzzer: key=value pairs; the first byte chooses the form. */
#include "parse/key_value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct named_list list;
    struct key_value_form form = key_value_default();
    struct arena arena;
    if (!size)
        return 0;
    form.values_have_spaces = data[0] & 1;
    form.keep_flags = data[0] & 2;
    form.separators = data[0] & 4 ? "," : data[0] & 8 ? "|;" : " \t\n";
    form.assign = data[0] & 16 ? ':' : '=';
    form.second_assign = data[0] & 32 ? '=' : 0;
    arena_init(&arena, 4096);
    named_clear(&list);
    BUG_IF(key_value_parse(str_n((const char *)data + 1, size - 1), &form, &list, &arena) > size);
    arena_free(&arena);
    return 0;
}
