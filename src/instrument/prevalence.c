/* See prevalence.h (stage instrument). */
#include "instrument/prevalence.h"

#include "base/memory.h"

struct program {
    uint32_t number; /* in keys of pairs; 0 = not seen yet */
    uint32_t hosts;
    int64_t first_ns;
};

struct pair {
    uint32_t program, host;
};

struct prevalence {
    struct keyed *programs; /* program → struct program */
    struct keyed *numbers;  /* number → program */
    struct keyed *pairs;
    uint32_t next_number;
};

#define BYTES(x) str_n((const char *)&(x), sizeof(x))

/* A host no longer has the program: it was not started there for long, or the pair made room. */
static void forget_pair(void *context, struct str key, void *record)
{
    struct prevalence *p = context;
    struct pair pair;
    (void)record;
    memcpy(&pair, key.p, sizeof pair);
    const uint64_t *id = keyed_find(p->numbers, BYTES(pair.program));
    struct program *program = id ? keyed_find(p->programs, BYTES(*id)) : NULL;
    if (program != NULL && program->number == pair.program && program->hosts > 0)
        program->hosts--;
}

static void forget_program(void *context, struct str key, void *record)
{
    struct prevalence *p = context;
    const struct program *program = record;
    (void)key;
    keyed_remove(p->numbers, BYTES(program->number));
}

struct prevalence *prevalence_new(double max_programs, double max_pairs)
{
    struct prevalence *p = NEW(struct prevalence);
    p->programs =
        keyed_new(&(struct keyed_options){sizeof(struct program), (uint32_t)max_programs, forget_program, p});
    p->numbers = keyed_new(&(struct keyed_options){sizeof(uint64_t), (uint32_t)max_programs + 1, NULL, NULL});
    p->pairs = keyed_new(&(struct keyed_options){1, (uint32_t)max_pairs, forget_pair, p});
    return p;
}

void prevalence_free(struct prevalence *p)
{
    keyed_free(p->pairs);
    keyed_free(p->programs);
    keyed_free(p->numbers);
    memory_free(p);
}

void prevalence_count(struct prevalence *p, uint64_t id, uint32_t host, int64_t time_ns)
{
    bool is_new;
    struct program *program = keyed_put(p->programs, BYTES(id), time_ns, NULL);
    if (program->number == 0) {
        program->number = ++p->next_number;
        program->first_ns = time_ns;
        *(uint64_t *)keyed_put(p->numbers, BYTES(program->number), time_ns, NULL) = id;
    } else if (time_ns < program->first_ns) {
        program->first_ns = time_ns;
    }
    struct pair pair = {program->number, host};
    keyed_put(p->pairs, BYTES(pair), time_ns, &is_new);
    program->hosts += is_new;
}

bool prevalence_of(const struct prevalence *p, uint64_t id, uint32_t *hosts, int64_t *first_ns)
{
    const struct program *program = keyed_find(p->programs, BYTES(id));
    if (program == NULL)
        return false;
    *hosts = program->hosts;
    *first_ns = program->first_ns;
    return true;
}

void prevalence_drop_before(struct prevalence *p, int64_t time_ns)
{
    keyed_drop_before(p->pairs, time_ns);
    keyed_drop_before(p->programs, time_ns);
}

void prevalence_save(const struct prevalence *p, struct buf *out)
{
    buf_bytes(out, &p->next_number, sizeof p->next_number);
    keyed_save(p->programs, out);
    keyed_save(p->numbers, out);
    keyed_save(p->pairs, out);
}

bool prevalence_load(struct prevalence *p, struct cursor *in)
{
    cursor_bytes(in, &p->next_number, sizeof p->next_number);
    return keyed_load(p->programs, in) && keyed_load(p->numbers, in) && keyed_load(p->pairs, in);
}

void prevalence_measure(const struct prevalence *p, struct instrument_info *out)
{
    const struct keyed *tables[] = {p->programs, p->numbers, p->pairs};
    for (size_t n = 0; n < COUNT_OF(tables); n++) {
        out->entries += keyed_count(tables[n]);
        out->dropped += keyed_dropped(tables[n]);
        out->bytes += keyed_bytes(tables[n]);
    }
}
