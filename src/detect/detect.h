/* The stage detect: Sigma rules on every event.
 *
 *   folders of rules + content/taxonomy  --ruleset_load()-->  struct ruleset  (immutable, counted, shared by
 * threads) struct ruleset + detect_scratch (one per thread) + event  --detect_event()-->  findings of the
 * batch
 *
 * A new rule set is loaded beside the old one and put in its place by exchanging a pointer; a worker that
 * sees the new one frees its scratch and makes another. Findings point into the rule set, which
 * detect_batch() pins to the batch. */
#ifndef DETECT_DETECT_H
#define DETECT_DETECT_H

#include "base/arena.h"
#include "base/error.h"
#include "event/batch.h"
#include "event/finding.h"

/* What people see of a rule. Texts live as long as the rule set; "" when the rule says nothing. */
struct rule_info {
    struct str id; /* or the file's name when it has none */
    struct str name, path;
    unsigned line;
    struct str title_en, title_ja, description_en, description_ja, status, author;
    struct str next_steps_en, next_steps_ja; /* one step a line */
    struct str false_positives, references;  /* one a line */
    enum level level;
    struct str logsource;   /* "category/product/service" */
    struct str *techniques; /* "T1071.001" */
    uint32_t technique_count;
    struct str evidence_group, stage;
    double likelihood_ratio; /* 0 = not said */
    uint32_t sample_count;
};

enum rule_problem_kind {
    RULE_REFUSED,     /* not loaded; the text says why */
    RULE_CORRELATION, /* a correlation document: recognised, not loaded */
    RULE_FILTER,      /* a filter document: recognised, not loaded */
    RULE_UNPROVED,    /* a sample did not give what it promises */
    RULE_NOTE,        /* loaded, but something deserves a look */
};

struct rule_problem {
    enum rule_problem_kind kind;
    struct str path, rule_id, title;
    struct str text; /* finished sentence with file:line:column, in the process language */
};

/* What loading or proving gave. Zero-initialise; rule_report_free() afterwards. */
struct rule_report {
    struct arena arena;
    struct rule_problem *problems;
    uint32_t problem_count, problem_capacity;
    uint32_t files, loaded, refused, correlations, filters;
    uint32_t samples, samples_failed, rules_proved, rules_without_samples;
};
void rule_report_free(struct rule_report *report);

/* Values for the placeholders of `expand`, by name without the percent signs. */
struct watch_list {
    struct str name;
    const struct str *values;
    size_t count;
};

struct ruleset_options {
    const char *const *rule_folders; /* folders or files; NULL-terminated; may be NULL */
    const char *taxonomy_folder;     /* content/taxonomy */
    const struct watch_list *lists;
    size_t list_count;
    struct str text; /* further rules as YAML text (the editor's); "text" in messages */
};

struct ruleset;
/* False (NULL) only when nothing can work: the taxonomy is unreadable or a folder does not exist. Rules that
 * cannot be loaded are in the report and the others go on. Takes seconds for thousands of rules; call it away
 * from the workers. */
struct ruleset *ruleset_load(const struct ruleset_options *options, struct rule_report *report,
                             struct error *err) MUST_CHECK;
struct ruleset *ruleset_ref(struct ruleset *set); /* any thread */
void ruleset_unref(struct ruleset *set);          /* any thread; the last one frees */

size_t ruleset_count(const struct ruleset *set);
const struct rule_info *ruleset_rule(const struct ruleset *set, size_t index);
/* How the compiler laid the rules out, for `check`, `trace` and the benchmarks. */
struct ruleset_shape {
    uint32_t rules, logsources, predicates, indexed_predicates, literals, untriggered_rules;
    size_t memory_bytes;
};
struct ruleset_shape ruleset_shape(const struct ruleset *set);

struct detect_scratch;
struct detect_scratch *detect_scratch_new(const struct ruleset *set);
void detect_scratch_free(struct detect_scratch *scratch);

/* Runs every rule that can apply on one event and appends the findings to the batch, in the order of the
 * rules' ids. Returns their number. Allocates nothing when nothing fires. The rule set must stay referenced
 * as long as the batch: detect_batch() sees to it. `record_number` is copied into the findings (0 = not
 * scanning files). */
uint32_t detect_event(const struct ruleset *set, struct detect_scratch *scratch, const struct event *event,
                      uint32_t record_number, struct batch *batch);
/* All events of the batch; pins the rule set to the batch when there are findings. */
uint32_t detect_batch(struct ruleset *set, struct detect_scratch *scratch, struct batch *batch);

/* Since the scratch was made: what the engine did, for /metrics and for naming what costs. */
struct detect_counters {
    uint64_t events, findings, rules_evaluated, regex_limits, cut_values;
};
struct detect_counters detect_scratch_counters(const struct detect_scratch *scratch);

/* Runs the samples of all rules. Samples that hold a raw record need `normalise`, which turns it into an
 * event (false: it was not understood, which fails the sample); without it they are counted as not run.
 * Samples that fail are added to the report. */
typedef bool (*detect_normalise)(void *context, struct str raw, struct arena *arena, struct event *out);
void detect_prove(struct ruleset *set, detect_normalise normalise, void *context, struct rule_report *report);

#endif
