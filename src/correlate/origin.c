/* Packing who a hit is about. Stage: correlate. Next: window.c. */
#include "base/memory.h"
#include "correlate/window.h"

#define TEXTS 6

static void texts_of(struct who *w, struct str *texts[TEXTS])
{
    struct str *all[TEXTS] = {&w->host_name, &w->host_ip, &w->user, &w->department, &w->product, &w->peer};
    memcpy(texts, all, sizeof all);
}

/* fixed numbers, then each text with its length (at most 64 KiB), then the way on */
struct origin *origin_new(const struct who *who, struct str onward)
{
    struct who copy = *who;
    struct str *texts[TEXTS];
    texts_of(&copy, texts);
    size_t size = 3 * sizeof(uint32_t) + onward.n;
    for (size_t i = 0; i < TEXTS; i++) {
        *texts[i] = str_slice(*texts[i], 0, UINT16_MAX);
        size += sizeof(uint16_t) + texts[i]->n;
    }
    struct origin *o = memory_alloc(sizeof *o + size);
    uint32_t numbers[3] = {(uint32_t)who->importance, who->source, (uint32_t)who->passage};
    char *at = o->bytes;
    *o = (struct origin){.references = 1, .size = (uint32_t)size};
    memcpy(at, numbers, sizeof numbers);
    at += sizeof numbers;
    for (size_t i = 0; i < TEXTS; i++) {
        uint16_t n = (uint16_t)texts[i]->n;
        memcpy(at, &n, sizeof n);
        if (n)
            memcpy(at + sizeof n, texts[i]->p, n);
        at += sizeof n + n;
    }
    if (onward.n)
        memcpy(at, onward.p, onward.n);
    return o;
}

struct str origin_read(const struct origin *o, struct who *who)
{
    uint32_t numbers[3];
    const char *at = o->bytes;
    struct str *texts[TEXTS];
    memcpy(numbers, at, sizeof numbers);
    at += sizeof numbers;
    *who = (struct who){.importance = (int)numbers[0],
                        .source = numbers[1],
                        .passage = (enum passage)numbers[2]};
    texts_of(who, texts);
    for (size_t i = 0; i < TEXTS; i++) {
        uint16_t n;
        memcpy(&n, at, sizeof n);
        *texts[i] = str_n(at + sizeof n, n);
        at += sizeof n + n;
    }
    return str_n(at, o->size - (size_t)(at - o->bytes));
}

struct origin *origin_share(struct origin *o)
{
    o->references++;
    return o;
}

void origin_release(struct origin *o)
{
    if (--o->references == 0)
        memory_free(o);
}
