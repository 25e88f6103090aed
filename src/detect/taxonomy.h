/* What the log sources and field names of Sigma are in ECS: the files of content/taxonomy, read once per rule
 * set. Inside the stage only; everything lives in the arena given to taxonomy_load(). */
#ifndef DETECT_TAXONOMY_H
#define DETECT_TAXONOMY_H

#include "base/map.h"
#include "base/yaml.h"
#include "detect/sigma.h"

#define TAXONOMY_MAX_CHAIN 16
#define TAXONOMY_MAX_PARTS 12

struct taxonomy;

/* A log source of a rule: the event must satisfy every part; a part is a list of alternatives, maps from ECS
 * fields to the values allowed (a scalar or list; "*": present, null: absent). */
struct logsource {
    struct str key; /* "category/product/service" */
    const struct yaml *parts[TAXONOMY_MAX_PARTS];
    size_t part_count;
    const struct yaml *field_sets[TAXONOMY_MAX_PARTS]; /* names of sets: first match wins */
    size_t field_set_count;
    enum entity entity;
    struct str category, product, service;
};

/* The event fields that stand for a field of a rule, best first. `hashes` is set for a field that holds
 * "MD5=…,SHA256=…": a map from algorithm to the fields with that hash alone. */
struct field_chain {
    struct str names[TAXONOMY_MAX_CHAIN];
    size_t count;
    const struct yaml *hashes;
};

struct taxonomy *taxonomy_load(const char *folder, struct arena *arena, struct error *err) MUST_CHECK;
void taxonomy_free(struct taxonomy *t); /* what is not in the arena */
/* False when the taxonomy does not know the log source; the sentence tells what to add where. */
bool taxonomy_logsource(struct taxonomy *t, struct str category, struct str product, struct str service,
                        struct logsource *out, struct error *err) MUST_CHECK;
void taxonomy_fields(const struct taxonomy *t, const struct logsource *source, struct str field,
                     struct field_chain *out);

/* Field names compare without spaces ("Threat Name" is Sigma's ThreatName). `s` itself when it has none. */
struct str without_spaces(struct str s, struct arena *arena);

#endif
