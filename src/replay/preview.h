/* Previews: what a change of rules or exceptions would add and remove, on events of the past. Both sets run
 * side by side on the same events in one pass; a finding is the same when the rule and the event are; that of
 * a correlation or sequence when the event that completed it is. What instruments find is not part of it. */
#ifndef REPLAY_PREVIEW_H
#define REPLAY_PREVIEW_H

#include "engine/pipeline.h"

#define PREVIEW_RULES_MAX    10000
#define PREVIEW_HOSTS_MAX    20
#define PREVIEW_EXAMPLES_MAX 5

struct preview_side {
    struct knowledge *knowledge;       /* referenced */
    struct suppressions *suppressions; /* referenced; may be NULL */
};

struct preview_example {
    uint64_t sequence;
    int64_t time_ns;
    struct str host;
    bool is_added;
};

struct preview_rule {
    struct str rule_id, title_en, title_ja;
    uint64_t added, removed;
    struct str hosts[PREVIEW_HOSTS_MAX];
    uint32_t host_count;
    bool has_more_hosts;
    struct preview_example examples[PREVIEW_EXAMPLES_MAX];
    uint32_t example_count;
};

/* Called for each difference, in the order of the events; the finding is valid during the call. */
typedef void (*preview_difference)(void *context, const struct finding *f, bool is_added);

struct preview;
/* Takes over the references of both sides and of `context` (may be NULL). Parsers are those of `before`.
 * `each` may be NULL. */
struct preview *preview_new(struct preview_side before, struct preview_side after, struct context *context,
                            preview_difference each, void *each_context);
/* Before the first batch: findings are attributed by leases and log-ons too. `rules` is borrowed. */
void preview_learn(struct preview *p, const struct identity_rules *rules);
void preview_free(struct preview *p);
/* `batch` holds records with sequence numbers; it is filled as by pipeline_prepare(). */
void preview_batch(struct preview *p, struct batch *batch);

uint64_t preview_events(const struct preview *p);
/* Sorted by rule id; valid until the preview is freed. */
const struct preview_rule *preview_rules(struct preview *p, uint32_t *count);
/* Members "events", "added", "removed", "incomplete" and "rules" of an object that the caller has begun. */
struct json_writer;
void preview_json(struct preview *p, struct json_writer *w);

#endif
