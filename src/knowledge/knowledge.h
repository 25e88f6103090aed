/* What the program knows, loaded from content/: parsers and rules. Immutable and counted; SIGHUP or the API
 * loads a new one beside the old, and workers change over between two batches. */
#ifndef KNOWLEDGE_KNOWLEDGE_H
#define KNOWLEDGE_KNOWLEDGE_H

#include <stdatomic.h>

#include "base/map.h"
#include "correlate/correlate.h"
#include "detect/detect.h"
#include "normalise/normalise.h"

#define SOURCE_NUMBER_MAX 65536

struct knowledge {
    atomic_uint references;
    struct normaliser *normaliser;
    struct ruleset *rules;
    struct correlation_set *correlations;
    struct load_report parsers_report;
    struct rule_report rules_report;
    struct map rules_by_id, rules_by_name;   /* index + 1 */
    struct source_memory *_Atomic *memories; /* by source number; made when first needed */
};

struct knowledge_options {
    const char *const *parser_folders; /* NULL-terminated */
    const char *const *rule_folders;   /* NULL-terminated */
    const char *taxonomy_folder;
    bool proves_samples;      /* runs the samples of parsers and rules while loading */
    const char *cache_folder; /* for compiled rules; NULL = none are kept */
    /* Of rule_folders: their rules take the place of others with the same id. NULL-terminated; may be NULL.
     */
    const char *const *replacing_folders;
    struct str rule_text; /* further rules (the editor's), which replace too */
};

/* The folders of content/, and those the operator adds by --parsers and --rules. */
struct knowledge_folders {
    const char *parsers[66], *rules[66];
};
struct arguments;
void knowledge_default_folders(struct knowledge_folders *f, const struct arguments *a,
                               const char *const *more_parsers, const char *const *more_rules);
void knowledge_add_rules(struct knowledge_folders *f, const char *folder);

struct knowledge *knowledge_load(const struct knowledge_options *options, struct error *err) MUST_CHECK;
struct knowledge *knowledge_ref(struct knowledge *k);
void knowledge_unref(struct knowledge *k);

/* Turns a rule's raw sample into an event, as detect_prove() wants it; `context` is a struct sample_runner.
 */
struct sample_runner {
    struct normaliser *normaliser;
    struct normaliser_scratch *scratch;
};
bool knowledge_normalise_sample(void *context, struct str raw, struct arena *arena, struct event *out);

/* What people call the system that a finding names. An instrument's name is the program's own affair: it is
 * hyakuyo that saw it. The texts live as long as `n` and `system`. */
void knowledge_system_name(const struct normaliser *n, struct str system, struct str *en, struct str *ja);
/* Rules of single events and correlations. NULL when no such rule is loaded (any more). */
const struct rule_info *knowledge_rule(const struct knowledge *k, struct str rule_id);

/* The memory of a source, NULL for number 0. */
struct source_memory *knowledge_memory(struct knowledge *k, uint32_t source);

#endif
