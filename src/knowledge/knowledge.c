/* Loads parsers, rules and correlations, links these, and hands all out by reference count. */
#include "knowledge/knowledge.h"

#include <malloc.h>

#include "base/memory.h"
#include "cli/command.h"
#include "instrument/instrument.h"
#include "knowledge/prove_correlations.h"

static void add_folders(const char **list, size_t max, const char *own, const char *const *more)
{
    size_t n = 0;
    list[n++] = own;
    for (; more != NULL && *more != NULL && n + 1 < max; more++)
        list[n++] = *more;
    list[n] = NULL;
}

void knowledge_default_folders(struct knowledge_folders *f, const struct arguments *a,
                               const char *const *more_parsers, const char *const *more_rules)
{
    add_folders(f->parsers, COUNT_OF(f->parsers), share_path(a, "content/parsers"), more_parsers);
    add_folders(f->rules, COUNT_OF(f->rules), share_path(a, "content/rules"), more_rules);
}

void knowledge_add_rules(struct knowledge_folders *f, const char *folder)
{
    size_t n = 0;
    while (f->rules[n] != NULL)
        n++;
    if (n + 1 < COUNT_OF(f->rules)) {
        f->rules[n] = folder;
        f->rules[n + 1] = NULL;
    }
}

/* What a rule's raw sample goes through: the same normaliser that events will. */
bool knowledge_normalise_sample(void *context, struct str raw, struct arena *arena, struct event *out)
{
    struct sample_runner *runner = context;
    struct record record = {.raw = raw, .sequence = 1, .received_ns = 0, .transport = TRANSPORT_FILE_SCAN};
    normalise_record(runner->normaliser, runner->scratch, NULL, &record, NULL, arena, out);
    return !(out->flags & EVENT_PARSE_FAILURE);
}

static void prove(struct knowledge *k)
{
    struct sample_runner runner = {k->normaliser, normaliser_scratch_new(k->normaliser)};
    if (!normaliser_prove(k->normaliser, &k->parsers_report) && k->parsers_report.samples_failed == 0)
        BUG("a proof failed without a failed sample");
    detect_prove(k->rules, knowledge_normalise_sample, &runner, &k->rules_report);
    prove_correlations(k, knowledge_normalise_sample, &runner);
    normaliser_scratch_free(runner.scratch);
}

/* ----------------------------------------------------------- correlations */

static void take_correlation(void *context, const char *path, const struct yaml *document,
                             struct rule_report *report)
{
    struct knowledge *k = context;
    struct rule_info info = {.title_en = STR_EMPTY};
    struct error err;
    if (!correlation_set_add(k->correlations, path, document, &info, &err))
        rule_report_add(report, RULE_REFUSED, &info, str_c(err.text));
}

static const uintptr_t *find_rule(const struct knowledge *k, struct str id_or_name)
{
    const uintptr_t *index = map_find(&k->rules_by_id, id_or_name);
    return index ? index : map_find(&k->rules_by_name, id_or_name);
}

/* A rule that correlations name speaks for itself only when one of them says so. */
enum { NAMED = 1, SPEAKS = 2 };

struct linking {
    struct knowledge *k;
    unsigned char *marks; /* by rule */
    struct rule_info other;
};

static const struct rule_info *link_find(void *context, struct str id_or_name)
{
    const struct knowledge *k = ((struct linking *)context)->k;
    const uintptr_t *index = find_rule(k, id_or_name);
    return index ? ruleset_rule(k->rules, *index - 1) : NULL;
}

/* What instruments find is a step of a sequence as a rule's match is. */
static const struct rule_info *link_find_other(void *context, struct str id)
{
    struct linking *l = context;
    l->other = (struct rule_info){.id = id, .name = STR_EMPTY};
    return instruments_can_find(id) ? &l->other : NULL;
}

static size_t link_fields(void *context, const struct rule_info *rule, struct str name, field_id *out,
                          size_t max)
{
    struct knowledge *k = ((struct linking *)context)->k;
    const uintptr_t *index = find_rule(k, rule->id);
    if (index != NULL)
        return ruleset_fields(k->rules, *index - 1, name, out, max);
    out[0] = field_intern(name);
    return 1;
}

static void link_named(void *context, const struct rule_info *rule, bool speaks)
{
    struct linking *l = context;
    const uintptr_t *index = find_rule(l->k, rule->id);
    if (index != NULL)
        l->marks[*index - 1] |= (unsigned char)(NAMED | (speaks ? SPEAKS : 0));
}

static void link_refused(void *context, const struct rule_info *correlation, const char *why)
{
    struct linking *l = context;
    rule_report_add(&l->k->rules_report, RULE_REFUSED, correlation, str_c(why));
    l->k->rules_report.correlations--;
}

static void link_correlations(struct knowledge *k)
{
    size_t count = ruleset_count(k->rules);
    struct linking linking = {.k = k, .marks = NEW_ARRAY(unsigned char, count + 1)};
    struct correlation_resolver resolver = {&linking,   link_find,    link_fields,
                                            link_named, link_refused, link_find_other};
    k->rules_report.correlations = (uint32_t)correlation_count(k->correlations);
    correlation_set_link(k->correlations, &resolver);
    for (size_t i = 0; i < count; i++)
        if (linking.marks[i] == NAMED)
            ruleset_silence(k->rules, i);
    memory_free(linking.marks);
}

static void name_rules(struct knowledge *k)
{
    for (size_t i = 0; i < ruleset_count(k->rules); i++) {
        const struct rule_info *info = ruleset_rule(k->rules, i);
        *map_put(&k->rules_by_id, info->id, NULL) = i + 1;
        if (info->name.n)
            *map_put(&k->rules_by_name, info->name, NULL) = i + 1;
    }
}

struct knowledge *knowledge_load(const struct knowledge_options *options, struct error *err)
{
    struct knowledge *k = NEW(struct knowledge);
    struct ruleset_options rules = {.rule_folders = options->rule_folders,
                                    .taxonomy_folder = options->taxonomy_folder,
                                    .cache_folder = options->cache_folder,
                                    .replacing_folders = options->replacing_folders,
                                    .text = options->rule_text,
                                    .take_correlation = take_correlation,
                                    .correlation_context = k};
    atomic_init(&k->references, 1);
    k->correlations = correlation_set_new();
    k->memories = memory_array(SOURCE_NUMBER_MAX, sizeof(*k->memories));
    k->normaliser = normaliser_load(options->parser_folders, &k->parsers_report, err);
    if (k->normaliser != NULL)
        k->rules = ruleset_load(&rules, &k->rules_report, err);
    if (k->rules == NULL) {
        knowledge_unref(k);
        return NULL;
    }
    name_rules(k);
    link_correlations(k);
    if (options->proves_samples)
        prove(k);
    malloc_trim(0); /* the trees of the files are gone; give their pages back */
    return k;
}

struct knowledge *knowledge_ref(struct knowledge *k)
{
    atomic_fetch_add_explicit(&k->references, 1, memory_order_relaxed);
    return k;
}

void knowledge_unref(struct knowledge *k)
{
    if (k == NULL || atomic_fetch_sub_explicit(&k->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < SOURCE_NUMBER_MAX; i++)
        if (k->memories[i] != NULL)
            source_memory_free(k->memories[i]);
    memory_free(k->memories);
    map_free(&k->rules_by_id);
    map_free(&k->rules_by_name);
    correlation_set_unref(k->correlations);
    if (k->rules != NULL)
        ruleset_unref(k->rules);
    if (k->normaliser != NULL)
        normaliser_free(k->normaliser);
    load_report_free(&k->parsers_report);
    rule_report_free(&k->rules_report);
    memory_free(k);
}

const struct rule_info *knowledge_rule(const struct knowledge *k, struct str rule_id)
{
    const uintptr_t *index = map_find(&k->rules_by_id, rule_id);
    return index ? ruleset_rule(k->rules, *index - 1) : correlation_find(k->correlations, rule_id);
}

struct source_memory *knowledge_memory(struct knowledge *k, uint32_t source)
{
    if (source == 0 || source >= SOURCE_NUMBER_MAX)
        return NULL;
    struct source_memory *known = atomic_load_explicit(&k->memories[source], memory_order_acquire);
    if (known != NULL)
        return known;
    struct source_memory *made = source_memory_new(false);
    if (atomic_compare_exchange_strong(&k->memories[source], &known, made))
        return made;
    source_memory_free(made);
    return known;
}

void knowledge_system_name(const struct normaliser *n, struct str system, struct str *en, struct str *ja)
{
    normaliser_system_name(n, system, en, ja);
    if (str_eq(*en, system) && instruments_has(system))
        *en = *ja = STR("hyakuyo");
}
