/* Any bytes in any character set: UTF-8 comes out. */
#include "base/charset.h"
#include "base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const sets[] = {"CP932", "EUC-JP", "ISO-2022-JP-3", "CP1252", "UTF-16LE"};
    struct str s = str_n((const char *)data, size);
    struct arena arena = {0};
    const char *name = NULL;
    struct str text = charset_to_utf8(s, &arena, &name);
    BUG_IF(!name || !str_is_utf8(text));
    for (size_t i = 0; i < COUNT_OF(sets); i++)
        BUG_IF(!str_is_utf8(charset_convert(s, sets[i], &arena)));
    arena_free(&arena);
    return 0;
}
