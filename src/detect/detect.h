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
#include "base/yaml.h"
#include "event/batch.h"
#include "event/finding.h"
#include "event/rule.h"

enum rule_problem_kind {
    RULE_REFUSED,     /* not loaded; the text says why */
    RULE_CORRELATION, /* a correlation document that nobody took */
    RULE_FILTER,      /* a filter that names a rule in vain */
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
    /* Where compiled sets are kept for the next start, made when missing; NULL = nowhere. */
    const char *cache_folder;
    /* Rules of these folders (also in rule_folders; NULL-terminated; may be NULL) and of `text` take the
     * place of others with the same id. */
    const char *const *replacing_folders;
    /* Gets every correlation document, when all rules are read; what is wrong with it is the receiver's to
     * report. NULL: such documents are reported as not loaded. */
    void (*take_correlation)(void *context, const char *path, const struct yaml *document,
                             struct rule_report *report);
    void *correlation_context;
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
/* From now on the rule's findings are marked as silent: a correlation speaks for it. Before threads use the
 * set. */
void ruleset_silence(struct ruleset *set, size_t index);
/* The event fields that stand for a field name in events of the rule's log source, best first. */
size_t ruleset_fields(struct ruleset *set, size_t index, struct str name, field_id *out, size_t max);
/* Adds a line to the report and counts it; texts are copied. */
void rule_report_add(struct rule_report *report, enum rule_problem_kind kind, const struct rule_info *info,
                     struct str text);
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

/* What a rule costs in the stream: one event in COST_SAMPLE is run with a clock beside it. Of the time that
 * detection takes, what is done for one rule alone: its comparisons, trees and findings; not the scanning for
 * all rules together. Counted over all threads since the set was loaded; any thread may ask. */
#define COST_SAMPLE     64
#define COST_MIN_EVENTS 1000 /* timed events, before a rule is called dear */
#define COST_DEAR_SHARE 0.10 /* of detection; */
#define COST_DEAR_NS    200 /* and so much an event, so that small sets have no dear rule for want of others */
struct rule_cost {
    double ns_per_event, share;
    bool is_dear;
};
struct rule_cost ruleset_cost(const struct ruleset *set, size_t index);
/* All of detection, an event; 0 as long as none was timed. */
double ruleset_ns_per_event(const struct ruleset *set);

/* Runs the samples of all rules. Samples that hold a raw record need `normalise`, which turns it into an
 * event (false: it was not understood, which fails the sample); without it they are counted as not run.
 * Samples that fail are added to the report. */
/* The event that a sample's map of fields describes. */
void sample_event(const struct yaml *fields, struct arena *arena, struct event *out);
typedef bool (*detect_normalise)(void *context, struct str raw, struct arena *arena, struct event *out);
void detect_prove(struct ruleset *set, detect_normalise normalise, void *context, struct rule_report *report);

/* A sample as the rule carries it; false when there is no such number (0…). The texts live as long as the
 * rule set. */
struct yaml;
struct detect_sample {
    bool fires;
    struct str raw;           /* a record, or "" */
    const struct yaml *event; /* fields, nested or dotted, or NULL */
    unsigned line;
};
bool ruleset_sample(const struct ruleset *set, size_t rule, size_t number, struct detect_sample *out);

/* Whether the rule fires on the fields of a sample (its `event`). */
bool detect_fields_fire(struct ruleset *set, struct detect_scratch *scratch, size_t rule,
                        const struct detect_sample *sample);

/* coverage.c: what events give the rules. */
#define DETECT_WATCH_MAX   4096 /* pairs of log source and sender in one scratch; more are counted only */
#define DETECT_MISSING_MAX 16   /* fields named by detect_could_fire() */

/* From now on the scratch watches the events that it runs (canaries excepted). */
void detect_scratch_watch(struct detect_scratch *scratch);
struct detect_seen {
    uint32_t source;
    struct str logsource; /* "category/product/service" */
    struct str field;     /* as rules name it; "" = events of the log source */
    uint64_t events;      /* of those looked at: that filled it; for "" all events */
    uint64_t looked;      /* events whose fields were looked at: all of few, some of many */
    uint64_t missed;      /* looked at since the last that filled it */
    int64_t last_ns;      /* receipt of the last that filled it; 0 = none did */
};
typedef void (*detect_take_seen)(void *context, const struct detect_seen *seen);
/* Hands over what was seen since the last call, each log source before its fields. Returns how many events
 * were left out since the scratch was made. */
uint64_t detect_scratch_seen(struct detect_scratch *scratch, detect_take_seen take, void *context);

/* "category/product/service" of the rule. */
struct str detect_logsource(const struct ruleset *set, size_t rule);
/* Whether the rule could fire on events that have the fields for which has_field() is true, whatever their
 * values. When it could not, `missing` names fields that would be needed, one or several of them. */
struct detect_need {
    struct str missing[DETECT_MISSING_MAX];
    uint32_t missing_count;
};
typedef bool (*detect_has_field)(void *context, struct str field);
bool detect_could_fire(const struct ruleset *set, size_t rule, detect_has_field has_field, void *context,
                       struct arena *arena, struct detect_need *need);

#endif
