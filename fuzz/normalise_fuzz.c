/* libFuzzer: the whole stage with the parsers of content/parsers (or $PARSERS). A first byte below the number
 * of parsers pins that parser. */
#include <stdlib.h>

#include "normalise/normalise.h"

struct world {
    struct normaliser *n;
    struct normaliser_scratch *s;
    struct source_memory *memory;
};

static const struct world *world(void)
{
    static struct world w;
    if (w.n)
        return &w;
    const char *given = getenv("PARSERS"), *folders[] = {given ? given : "content/parsers", NULL};
    struct load_report report = {0};
    w.n = normaliser_load(folders, &report, NULL);
    BUG_IF(!w.n);
    w.s = normaliser_scratch_new(w.n);
    w.memory = source_memory_new(true);
    load_report_free(&report);
    return &w;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct world *w = world();
    if (!size)
        return 0;
    struct str pinned = normaliser_parser_name(w->n, data[0]);
    struct source source = {.name = pinned, .parser = pinned, .sender = STR_EMPTY, .charset = STR_EMPTY};
    struct record record = {.raw = str_n((const char *)data + 1, size - 1),
                            .received_ns = INT64_C(1762765200) * NS_PER_SECOND};
    struct arena arena;
    struct event e;
    struct buf json = {0};
    arena_init(&arena, 1 << 14);
    normalise_record(w->n, w->s, size & 1 ? w->memory : NULL, &record, pinned.n ? &source : NULL, &arena, &e);
    event_json(&e, &json);
    BUG_IF(!json.n || json.p[0] != '{');
    buf_free(&json);
    arena_free(&arena);
    return 0;
}
