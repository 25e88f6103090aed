/* libFuzzer: XML. */
#include "parse/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct named_list list;
    struct arena arena;
    arena_init(&arena, 4096);
    named_clear(&list);
    xml_parse(str_n((const char *)data, size), &list, &arena);
    arena_free(&arena);
    return 0;
}
