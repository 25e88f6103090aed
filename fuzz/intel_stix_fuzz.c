/* libFuzzer: feeds in the form "stix" from anybody. */
#include "intel_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_reader(data, size, indicators_read_stix);
}
