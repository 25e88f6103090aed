/* libFuzzer: the syslog header and RFC 5424 structured data. */
#include "parse/syslog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct named_list list;
    struct time_context context = {.zone = zone_utc(), .reference_ns = INT64_C(1762765200) * NS_PER_SECOND};
    struct str raw = str_n((const char *)data, size);
    struct arena arena;
    struct syslog y;
    arena_init(&arena, 4096);
    named_clear(&list);
    syslog_parse(raw, &context, &y);
    BUG_IF(y.message.n > raw.n || y.host.n > raw.n || y.app.n > raw.n);
    syslog_structured(y.structured.n ? y.structured : raw, &list, &arena);
    arena_free(&arena);
    return 0;
}
