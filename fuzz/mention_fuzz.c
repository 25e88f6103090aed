/* Notes of people: names behind "@" lie within the text, in its order, and never hold half a character of a
 * text that is well-formed. */
#include "base/memory.h"
#include "incident/mention.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_n((const char *)data, size), rest = text, name;
    const char *last = text.p;
    while (mention_next(&rest, &name)) {
        BUG_IF(name.n == 0 || name.p <= last - 1 || name.p + name.n > text.p + text.n);
        BUG_IF(str_is_utf8(text) && !str_is_utf8(name));
        BUG_IF(!mention_is(name, name) || mention_shown(name).n == 0 || mention_shown(name).n > name.n);
        BUG_IF(rest.n >= text.n || (rest.n > 0 && rest.p != name.p + name.n));
        last = name.p + name.n;
    }
    return 0;
}
