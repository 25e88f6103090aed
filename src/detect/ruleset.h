/* The compiled rule set: what the compiler leaves and the matcher reads. Immutable. Inside the stage only.
 *
 *   ruleset ── unit (one per log source that rules name)
 *                ├─ columns      fields as this log source's rules see them: a chain of event fields, best
 * first │    └─ index   literals that, when seen in a value, point at predicates ├─ predicates   (column,
 * comparison, value), each once however many rules use it ├─ nodes        condition trees in negation normal
 * form └─ rules        each with its triggers: predicates of which one must hold for the rule to fire
 */
#ifndef DETECT_RULESET_H
#define DETECT_RULESET_H

#include <stdatomic.h>

#include "base/map.h"
#include "detect/classifier.h"
#include "detect/detect.h"
#include "detect/literal_index.h"
#include "detect/sigma.h"

enum column_kind {
    COLUMN_FIELDS, /* values of event fields */
    COLUMN_RECORD, /* keyword search: the record and all its texts */
    COLUMN_TIME,   /* the event's time */
};

struct column {
    struct str name; /* as the first rule writes it */
    enum column_kind kind;
    bool is_indexed; /* has triggers: looked at for every event */
    struct literal_index index;
    uint32_t *direct; /* triggers that no index can hold (numbers, short words): tried one by one */
    uint32_t direct_count;
    const struct yaml *hashes; /* see struct field_chain */
};

struct predicate {
    uint8_t comparison; /* enum comparison */
    uint8_t shape;      /* enum text_shape */
    uint8_t relation, time_part;
    bool cased, is_indexed;
    uint8_t regex_flags; /* REGEX: with the literal, what to compile again from an image */
    uint16_t column, other_column;
    struct str literal;
    union {
        struct sigma_text text;
        struct regex *regex;
        struct cidr cidr;
        double number;
    };
    uint32_t first_rule, rule_count; /* in the unit's `triggered` */
};

enum node_type { TREE_PREDICATE, TREE_NOT_PREDICATE, TREE_AND, TREE_OR, TREE_COUNT };

struct node {
    uint8_t type;    /* enum node_type */
    uint32_t needed; /* COUNT */
    uint32_t first;  /* predicate, or first child: children lie side by side */
    uint32_t count;
};

struct compiled_rule {
    uint32_t rule; /* in ruleset.rules */
    uint32_t root; /* node */
};

/* A slot is a field name that some rule can use; the unit says which of its columns it feeds, and how good it
 * is there. */
struct slot_entry {
    uint16_t column;
    uint16_t rank; /* 0 = best */
};

struct unit {
    struct logsource logsource;
    struct column *columns;
    uint32_t column_count;
    struct predicate *predicates;
    uint32_t predicate_count;
    struct node *nodes;
    uint32_t node_count;
    struct compiled_rule *rules;
    uint32_t rule_count;
    uint32_t *triggered; /* numbers of rules (in this unit), grouped by predicate */
    uint32_t *always;    /* rules that could fire without any indexed predicate */
    uint32_t always_count;
    uint16_t *indexed_columns;
    uint32_t indexed_column_count;
    uint32_t *slot_first; /* slot → first entry; slot_count + 1 of them */
    struct slot_entry *slot_entries;
};

/* Time spent for rules, in timed events; written by all threads, seldom. */
struct costs {
    _Atomic uint64_t events, ns;
    _Atomic uint64_t rule_ns[]; /* by number in ruleset.rules */
};

/* A correlation document, handed on when the rules are in. */
struct aside {
    struct aside *next;
    struct str path;
    const struct yaml *document;
};

struct ruleset {
    atomic_int references;
    struct arena arena;
    struct buf image;     /* what it was read from, if it came from the cache: texts and tables lie in it */
    struct arena reading; /* YAML and condition trees: released when the set is compiled */
    struct aside *asides, **asides_end;          /* in `reading` */
    struct sigma_filter *filters, **filters_end; /* until they are joined to the rules */
    struct sigma_rule **rules;                   /* sorted by id */
    uint32_t rule_count, rule_capacity;
    struct classifier *classifier;
    struct unit *units; /* same numbers as the classifier's */
    uint32_t unit_count;
    struct map slots; /* field name without spaces → slot + 1 */
    struct taxonomy *taxonomy;
    struct costs *costs; /* the one part that changes */
    size_t index_bytes;
};

/* ruleset.c */
struct ruleset *ruleset_new(void);

/* ruleset_image.c: the set and the report as they are once the rules are compiled and before correlations are
 * handed on, written to the image or read from it into a new set whose taxonomy is loaded. Reading, the image
 * is bad if anything in it does not fit; then nothing was added to the report. */
struct image;
void ruleset_image(struct ruleset *set, struct rule_report *report, struct image *im);

/* cost.c */
void costs_init(struct ruleset *set);

/* cache.c: NULL when there is no usable image. `key`: of everything that the set depends on. */
struct cache_key {
    unsigned char bytes[16];
    bool is_usable;
};
struct cache_key ruleset_cache_key(const struct ruleset_options *options);
struct ruleset *ruleset_cache_read(const struct ruleset_options *options, const struct cache_key *key,
                                   struct rule_report *report);
void ruleset_cache_write(struct ruleset *set, const struct ruleset_options *options,
                         const struct cache_key *key, struct rule_report *report);

/* compile.c: rules (read, sorted) → units. Rules whose log source or fields cannot be mapped are reported as
 * refused and left out. */
bool ruleset_compile(struct ruleset *set, struct rule_report *report, struct error *err) MUST_CHECK;

#endif
