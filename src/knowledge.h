/* What the program knows, loaded from content/: parsers and rules. Immutable and counted; SIGHUP or the API
 * loads a new one beside the old, and workers change over between two batches. */
#ifndef KNOWLEDGE_H
#define KNOWLEDGE_H

#include <stdatomic.h>

#include "base/map.h"
#include "detect/detect.h"
#include "normalise/normalise.h"

#define SOURCE_NUMBER_MAX 65536

struct knowledge {
    atomic_uint references;
    struct normaliser *normaliser;
    struct ruleset *rules;
    struct load_report parsers_report;
    struct rule_report rules_report;
    struct map rules_by_id;                  /* rule id → index + 1 */
    struct source_memory *_Atomic *memories; /* by source number; made when first needed */
};

struct knowledge_options {
    const char *const *parser_folders; /* NULL-terminated */
    const char *const *rule_folders;   /* NULL-terminated */
    const char *taxonomy_folder;
    bool proves_samples; /* runs the samples of parsers and rules while loading */
};

/* The folders of content/, and those the operator adds by --parsers and --rules. */
struct knowledge_folders {
    const char *parsers[66], *rules[66];
};
struct arguments;
void knowledge_default_folders(struct knowledge_folders *f, const struct arguments *a,
                               const char *const *more_parsers, const char *const *more_rules);

struct knowledge *knowledge_load(const struct knowledge_options *options, struct error *err) MUST_CHECK;
struct knowledge *knowledge_ref(struct knowledge *k);
void knowledge_unref(struct knowledge *k);

/* NULL when no such rule is loaded (any more). */
const struct rule_info *knowledge_rule(const struct knowledge *k, struct str rule_id);

/* The memory of a source, NULL for number 0. */
struct source_memory *knowledge_memory(struct knowledge *k, uint32_t source);

#endif
