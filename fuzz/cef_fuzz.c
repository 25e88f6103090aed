/* libFuzzer: CEF and LEEF. */
#include "parse/cef.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct named_list list;
    struct str text = str_n((const char *)data, size);
    struct arena arena;
    arena_init(&arena, 4096);
    named_clear(&list);
    cef_parse(text, &list, &arena);
    leef_parse(text, &list, &arena);
    arena_free(&arena);
    return 0;
}
