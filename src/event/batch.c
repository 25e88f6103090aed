/* Ground floor: what travels through the stages. Inputs fill records, parsers events, detectors findings. */
#include "event/batch.h"

#define ARENA_CHUNK_BYTES (256 * 1024)

struct batch *batch_new(uint32_t capacity)
{
    struct batch *b = NEW(struct batch);
    arena_init(&b->arena, ARENA_CHUNK_BYTES);
    b->capacity = capacity ? capacity : 1;
    b->records = NEW_ARRAY(struct record, b->capacity);
    b->events = NEW_ARRAY(struct event, b->capacity);
    b->findings_end = &b->findings;
    b->silent_end = &b->silent;
    b->facts_end = &b->facts;
    return b;
}

void batch_free(struct batch *b)
{
    if (!b)
        return;
    if (b->unpin)
        b->unpin(b->pinned);
    arena_free(&b->arena);
    memory_free(b->records);
    memory_free(b->events);
    memory_free(b);
}

static void grow(struct batch *b)
{
    BUG_IF(b->capacity > UINT32_MAX / 2);
    uint32_t more = b->capacity * 2;
    b->records = memory_resize_array(b->records, more, sizeof b->records[0]);
    b->events = memory_resize_array(b->events, more, sizeof b->events[0]);
    memset(b->events + b->capacity, 0, (more - b->capacity) * sizeof b->events[0]);
    b->capacity = more;
}

struct record *batch_add(struct batch *b, struct str raw, struct str sender)
{
    if (b->count == b->capacity)
        grow(b);
    struct record *r = &b->records[b->count];
    /* records of one connection or file come in a row: one copy of the sender serves them all */
    const struct record *before = b->count ? r - 1 : NULL;
    *r = (struct record){.raw = arena_str(&b->arena, raw)};
    if (before && str_eq(before->sender, sender))
        r->sender = before->sender;
    else
        r->sender = sender.n ? arena_str(&b->arena, sender) : STR_EMPTY;
    b->count++;
    b->bytes += raw.n;
    return r;
}

struct finding *batch_add_finding(struct batch *b)
{
    struct finding *f = ARENA_NEW(&b->arena, struct finding);
    *b->findings_end = f;
    b->findings_end = &f->next;
    return f;
}

struct finding *batch_insert_finding(struct batch *b, struct finding **at)
{
    struct finding *f = ARENA_NEW(&b->arena, struct finding);
    f->next = *at;
    *at = f;
    if (b->findings_end == at)
        b->findings_end = &f->next;
    return f;
}

void batch_silence_finding(struct batch *b, struct finding **at)
{
    struct finding *f = *at;
    *at = f->next;
    if (b->findings_end == &f->next)
        b->findings_end = at;
    f->next = NULL;
    *b->silent_end = f;
    b->silent_end = &f->next;
}

void batch_merge_findings(struct batch *b, struct finding *findings)
{
    struct finding **at = &b->findings;
    while (findings) {
        if (*at && (*at)->sequence < findings->sequence) {
            at = &(*at)->next;
            continue;
        }
        struct finding *next = findings->next;
        findings->next = *at;
        *at = findings;
        at = &findings->next;
        findings = next;
    }
    while (*at)
        at = &(*at)->next;
    b->findings_end = at;
}
