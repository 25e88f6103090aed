/* libFuzzer: allow lists from anybody; the first line is a value that is asked for. */
#include "detect/indicator_allow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_n((const char *)data, size), value;
    struct error err = {{0}};
    if (!str_split(&text, '\n', &value) || text.p == NULL)
        return 0;
    struct allow_lists *lists = allow_lists_new();
    if (allow_list_is(text) && allow_lists_add(lists, text, "fuzz", &err))
        for (int type = 0; type <= INDICATOR_ANY; type++)
            allow_lists_contain(lists, (enum indicator_type)type, value);
    allow_lists_free(lists);
    return 0;
}
