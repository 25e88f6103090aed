/* What rules.c and rules_lists.c share while content/fleet.yml is read. */
#ifndef FLEET_RULES_READER_H
#define FLEET_RULES_READER_H

#include "base/log.h"
#include "base/yaml.h"
#include "fleet/rules.h"

struct reader {
    const char *path;
    struct error *err;
    struct fleet_rules *rules;
};

/* All return false with the sentence set when something is wrong. */
bool read_number(struct reader *r, const struct yaml *map, const char *key, double least, double most,
                 double *out);
bool read_words(struct reader *r, const struct yaml *list, const char *key, struct map *into,
                uintptr_t value);
bool read_lists(struct reader *r, const struct yaml *top);
bool wrong(struct reader *r, const struct yaml *node, const char *key, const char *en, const char *ja);

#endif
