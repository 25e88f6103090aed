/* libFuzzer: an answer of a time stamp authority from anybody. None of them is about this hash but by its
 * seed; a refusal says why. */
#include "record/timestamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = {{0}};
    struct record_timestamp stamp;
    struct record_hash hash;
    memset(hash.bytes, 7, sizeof hash.bytes);
    if (!record_timestamp_check(str_n((const char *)data, size), &hash, NULL, &stamp, &err) &&
        err.text[0] == 0)
        __builtin_trap();
    return 0;
}
