/* Loads parsers and rules and hands them out by reference count. */
#include "knowledge.h"

#include <malloc.h>

#include "base/memory.h"
#include "command.h"

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

/* What a rule's raw sample goes through: the same normaliser that events will. */
struct sample_runner {
    struct normaliser *normaliser;
    struct normaliser_scratch *scratch;
};

static bool normalise_sample(void *context, struct str raw, struct arena *arena, struct event *out)
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
    detect_prove(k->rules, normalise_sample, &runner, &k->rules_report);
    normaliser_scratch_free(runner.scratch);
}

struct knowledge *knowledge_load(const struct knowledge_options *options, struct error *err)
{
    struct knowledge *k = NEW(struct knowledge);
    struct ruleset_options rules = {.rule_folders = options->rule_folders,
                                    .taxonomy_folder = options->taxonomy_folder};
    atomic_init(&k->references, 1);
    k->memories = memory_array(SOURCE_NUMBER_MAX, sizeof(*k->memories));
    k->normaliser = normaliser_load(options->parser_folders, &k->parsers_report, err);
    if (k->normaliser != NULL)
        k->rules = ruleset_load(&rules, &k->rules_report, err);
    if (k->rules == NULL) {
        knowledge_unref(k);
        return NULL;
    }
    for (size_t i = 0; i < ruleset_count(k->rules); i++)
        *map_put(&k->rules_by_id, ruleset_rule(k->rules, i)->id, NULL) = i + 1;
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
    return index ? ruleset_rule(k->rules, *index - 1) : NULL;
}

struct source_memory *knowledge_memory(struct knowledge *k, uint32_t source)
{
    if (source == 0 || source >= SOURCE_NUMBER_MAX)
        return NULL;
    struct source_memory *known = atomic_load_explicit(&k->memories[source], memory_order_acquire);
    if (known != NULL)
        return known;
    struct source_memory *made = source_memory_new();
    if (atomic_compare_exchange_strong(&k->memories[source], &known, made))
        return made;
    source_memory_free(made);
    return known;
}
