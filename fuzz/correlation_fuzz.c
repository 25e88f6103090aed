/* Correlations and sequences from anybody, and a saved state that is damaged. The input is a rule file;
 * behind a NUL byte come either happenings, three bytes each (which rule, after how many seconds, which
 * value), or, when the first byte is 'S', a saved state to load. */
#include <string.h>

#include "base/yaml.h"
#include "correlate/correlate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct rule_info *find_rule(void *context, struct str id)
{
    static const struct rule_info rules[] = {{.id = {"a", 1}, .title_en = {"a", 1}},
                                             {.id = {"b", 1}, .title_en = {"b", 1}}};
    (void)context;
    for (size_t i = 0; i < COUNT_OF(rules); i++)
        if (str_eq(rules[i].id, id))
            return &rules[i];
    return NULL;
}

static size_t fields_of(void *context, const struct rule_info *rule, struct str name, field_id *out,
                        size_t max)
{
    static const field_id fields[] = {FIELD_USER_NAME, FIELD_HOST_NAME, FIELD_SOURCE_PORT};
    (void)context;
    (void)rule;
    (void)max;
    out[0] = fields[name.n % COUNT_OF(fields)];
    return 1;
}

static void named(void *context, const struct rule_info *rule, bool speaks)
{
    (void)context;
    (void)rule;
    (void)speaks;
}

static void refused(void *context, const struct rule_info *correlation, const char *why)
{
    (void)context;
    (void)correlation;
    (void)why;
}

static struct correlation_set *load(struct str text)
{
    struct correlation_set *set = correlation_set_new();
    struct correlation_resolver resolver = {NULL, find_rule, fields_of, named, refused};
    struct arena arena;
    struct error err;
    arena_init(&arena, 4096);
    for (struct yaml *d = yaml_parse(text, "text", &arena, &err); d; d = d->next)
        if (yaml_get(d, "correlation") || yaml_get(d, "sequence"))
            (void)!correlation_set_add(set, "text", d, NULL, &err);
    arena_free(&arena);
    correlation_set_link(set, &resolver);
    return set;
}

static void happen(struct correlator *c, const uint8_t *three, int64_t *time_ns, uint64_t sequence)
{
    static const char *const texts[] = {"u", "v", "w", "17"};
    struct batch *b = batch_new(1);
    batch_add(b, STR_EMPTY, STR_EMPTY);
    struct event *e = &b->events[0];
    *time_ns += ((int64_t)three[1] - 40) * NS_PER_SECOND;
    e->time_ns = *time_ns;
    e->received_ns = INT64_MAX;
    e->sequence = b->first_sequence = b->last_sequence = sequence;
    event_add(e, &b->arena, FIELD_USER_NAME, str_c(texts[three[2] & 3]));
    event_add(e, &b->arena, FIELD_HOST_NAME, str_c(texts[three[2] >> 2 & 3]));
    event_add_number(e, &b->arena, FIELD_SOURCE_PORT, three[2]);
    event_add(e, &b->arena, FIELD_DESTINATION_IP, str_c(texts[three[2] >> 4 & 3]));
    struct finding *f = batch_add_finding(b);
    *f = (struct finding){.rule_id = three[0] & 1 ? STR("a") : STR("b"),
                          .sequence = sequence,
                          .level = (enum level)(three[0] >> 1 & 3),
                          .time_ns = e->time_ns};
    f->user = f->department = f->product = f->peer = f->stage = f->instrument = STR_EMPTY;
    f->evidence_group = three[0] & 8 ? STR("av") : STR_EMPTY;
    f->host_name = three[0] & 16 ? str_c(texts[three[2] & 3]) : STR_EMPTY;
    f->host_ip = three[0] & 32 ? str_c(texts[three[2] >> 2 & 3]) : STR_EMPTY;
    correlator_take(c, b, 0);
    batch_free(b);
}

/* What was saved can be loaded, whatever came before. */
static void go_round(struct correlator *c, struct correlation_set *set)
{
    struct buf saved = {0};
    struct error err;
    correlator_save(c, &saved);
    struct correlator *other = correlator_new(correlation_set_ref(set), CORRELATE_LATENESS_NS);
    if (!correlator_load(other, buf_str(&saved), &err) ||
        correlator_counters(other).live_hits != correlator_counters(c).live_hits)
        __builtin_trap();
    correlator_free(other);
    buf_free(&saved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = {(const char *)data, size};
    size_t nul = str_find_char(input, '\0', 0);
    struct str rest = nul == STR_NOT_FOUND ? STR_EMPTY : str_skip(input, nul + 1);
    struct correlation_set *set = load(str_slice(input, 0, nul));
    struct correlator *c = correlator_new(correlation_set_ref(set), CORRELATE_LATENESS_NS);
    struct error err;
    int64_t time_ns = 0;
    if (rest.n && rest.p[0] == 'S') {
        struct buf state = {0};
        buf_add(&state, str_skip(rest, 1));
        uint64_t sum = str_hash(buf_str(&state)); /* past the checksum, to what lies behind */
        buf_bytes(&state, &sum, sizeof sum);
        (void)!correlator_load(c, buf_str(&state), &err);
        buf_free(&state);
        rest = STR_EMPTY;
    }
    for (uint64_t n = 1; rest.n >= 3 && n < 2000; n++, rest = str_skip(rest, 3))
        happen(c, (const uint8_t *)rest.p, &time_ns, n);
    go_round(c, set);
    correlator_free(c);
    correlation_set_unref(set);
    return 0;
}
