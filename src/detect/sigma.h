/* A Sigma rule as read: meta data and one condition tree whose leaves are comparisons of one field with one
 * value. Everything lives in an arena that is released once the rule set is compiled; ruleset.c keeps what
 * people see. Inside the stage only. */
#ifndef DETECT_SIGMA_H
#define DETECT_SIGMA_H

#include "base/ip.h"
#include "base/regex.h"
#include "base/yaml.h"
#include "detect/detect.h"
#include "detect/sigma_text.h"
#include "event/finding.h"

enum comparison {
    COMPARE_TEXT, /* sigma_text with outer stars: equals, prefix, suffix, contains, wildcards */
    COMPARE_REGEX,
    COMPARE_CIDR,
    COMPARE_NUMBER,  /* relation and number; also parts of times */
    COMPARE_PRESENT, /* the field is there, whatever it holds */
    COMPARE_ABSENT,  /* the field is not there: null, exists: false */
    COMPARE_FIELD,   /* another field of the same event */
};

enum relation {
    RELATION_EQUAL,
    RELATION_LESS,
    RELATION_LESS_EQUAL,
    RELATION_GREATER,
    RELATION_GREATER_EQUAL
};

enum time_part { TIME_WHOLE, TIME_MINUTE, TIME_HOUR, TIME_DAY, TIME_WEEK, TIME_MONTH, TIME_YEAR };

struct sigma_value {
    enum comparison comparison;
    bool cased;
    struct sigma_text text; /* TEXT: folded unless cased; FIELD: the other field's name */
    enum text_shape shape;  /* TEXT; FIELD: how this field's value relates to the other's */
    struct str literal;     /* TEXT: without outer stars; REGEX: the expression */
    unsigned regex_flags;   /* enum of base/regex.h */
    struct cidr cidr;
    enum relation relation;
    enum time_part time_part;
    double number;
};

enum sigma_node_type { NODE_VALUE, NODE_AND, NODE_OR, NODE_NOT, NODE_COUNT };

struct sigma_node {
    enum sigma_node_type type;
    uint32_t needed; /* COUNT: at least so many children are true */
    struct sigma_node **children;
    uint32_t child_count;
    struct str field; /* VALUE: as the rule writes it; "" = keyword search */
    struct sigma_value *value;
};

/* Who is meant when the rule fires. */
enum entity { ENTITY_UNSET, ENTITY_HOST, ENTITY_SOURCE, ENTITY_DESTINATION };

struct sigma_sample {
    struct sigma_sample *next;
    bool fires;
    struct str raw;           /* a record to normalise, or "" */
    const struct yaml *event; /* fields, nested or dotted, or NULL */
    unsigned line;
};

struct sigma_rule {
    struct rule_info info;                 /* what people see; detect.h */
    struct str category, product, service; /* these and the condition: only until the set is compiled */
    struct sigma_node *condition;
    enum entity entity;
    struct str peer_field; /* "" = the default for the entity */
    struct sigma_sample *samples;
    bool is_silent; /* speaks through correlations only */
    unsigned logsource_line, logsource_column;
};

/* A filter document: its condition must hold as well wherever one of the rules it names is to fire. */
struct sigma_filter {
    struct sigma_filter *next;
    struct sigma_rule rule;   /* title, place, log source and condition, read like those of a rule */
    const struct yaml *names; /* ids or names of rules; NULL = every rule of the log source */
};

/* Limits: a rule past them is refused, which bounds what a rule can cost. */
#define SIGMA_MAX_NODES  20000
#define SIGMA_MAX_DEPTH  60
#define SIGMA_MAX_VALUES 20000 /* after expansion of modifiers */

/* Reads every rule of one file. Rules that are fine are handed to `take`; the others are put into the report.
 */
typedef void (*sigma_take)(void *context, struct sigma_rule *rule);
typedef void (*sigma_take_filter)(void *context, struct sigma_filter *filter);
typedef void (*sigma_take_aside)(void *context, const char *path, const struct yaml *document);
struct sigma_source {
    const char *path;
    struct arena *arena;
    const struct ruleset_options *options;
    struct rule_report *report;
    sigma_take take;
    sigma_take_filter take_filter;
    sigma_take_aside take_aside; /* correlations, when the options want them */
    void *context;
};
void sigma_read(const struct sigma_source *source, struct yaml *documents);

/* sigma_meta.c: title, level, dates, tags …; and our own keys below `hyakuyo:` (`own` may be NULL). */
bool sigma_meta(const struct sigma_source *source, const struct yaml *document, struct rule_info *info,
                struct error *err) MUST_CHECK;
bool sigma_own(const struct sigma_source *source, const struct yaml *own, struct sigma_rule *rule,
               struct error *err) MUST_CHECK;

/* sigma_filter.c: which rules a filter means (`filter` is the map below that word); and, when all rules are
 * read, filters joined to them. What a filter names in vain is put into the report. */
bool sigma_filter_names(const struct sigma_source *source, const struct yaml *filter,
                        struct sigma_filter *out, struct error *err) MUST_CHECK;
void sigma_filters_apply(const struct sigma_filter *filters, struct sigma_rule *const *rules, size_t count,
                         struct arena *arena, struct rule_report *report);

/* sigma_item.c: the field with its modifiers ("CommandLine|contains|all") and its value or values as a
 * node. */
struct sigma_node *sigma_item(const struct sigma_source *source, struct str key, const struct yaml *values,
                              const struct yaml *at, struct error *err) MUST_CHECK;

/* sigma_condition.c */
struct sigma_selection {
    struct str name;
    struct sigma_node *node;
};
struct sigma_node *sigma_condition(const struct sigma_source *source, struct str text, const struct yaml *at,
                                   const struct sigma_selection *selections, size_t count,
                                   struct error *err) MUST_CHECK;

struct sigma_node *sigma_node_new(struct arena *arena, enum sigma_node_type type, uint32_t child_capacity);
/* A node that is not needed is not built: a single child is returned as it is. */
struct sigma_node *sigma_node_group(struct arena *arena, enum sigma_node_type type,
                                    struct sigma_node **children, uint32_t count);

#endif
