/* Any bytes as a record that may carry a canary's mark. Without the key none is ever one; what the key marks
 * is always read again. */
#include <stdlib.h>

#include "event/canary_mark.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct canary_key key = {{7}};
    const int64_t now_ns = INT64_C(1795000000) * NS_PER_SECOND;
    struct canary_mark mark, written = {now_ns, size, 3};
    struct str raw = {(const char *)data, size};
    struct buf text = {0};
    if (canary_mark_read(&key, raw, now_ns, 3, &mark))
        abort();
    canary_mark_write(&key, &written, raw, &text);
    if (!canary_mark_read(&key, buf_str(&text), now_ns, 3, &mark) || mark.number != size)
        abort();
    buf_free(&text);
    return 0;
}
