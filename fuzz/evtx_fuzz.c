/* libFuzzer: chunks of Windows event logs, one after the other. Blocks are short, so that small inputs have
 * several. */
#include "parse/evtx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct evtx_reader *reader;
    struct str file = str_n((const char *)data, size);
    struct evtx_counts counts = {0};
    struct evtx_record record;
    if (reader == NULL)
        reader = evtx_reader_new();
    evtx_recognise(file);
    for (size_t at = 0; at < file.n; at += 8192) {
        evtx_begin(reader, str_slice(file, at, at + 8192), &counts);
        while (evtx_next(reader, &record))
            if (record.xml.n > 4 * EVTX_XML_BYTES) /* the limit is looked at between tokens */
                __builtin_trap();
    }
    return 0;
}
