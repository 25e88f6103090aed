/* Which log sources an event belongs to. Immutable once built; each thread has its own memory of answers. */
#ifndef DETECT_CLASSIFIER_H
#define DETECT_CLASSIFIER_H

#include "detect/taxonomy.h"
#include "event/event.h"

struct classifier;
struct classifier *classifier_new(void);
void classifier_free(struct classifier *c);
/* Adds a log source; its number is the count of those added before. The texts must outlive the classifier. */
bool classifier_add(struct classifier *c, const struct logsource *source, struct error *err) MUST_CHECK;

struct class_memory;
struct class_memory *class_memory_new(const struct classifier *c);
void class_memory_free(struct class_memory *m);

/* Numbers of the log sources, ascending; valid until the next call with this memory. */
struct class_list {
    const uint16_t *numbers;
    uint32_t count;
};
struct class_list classify(const struct classifier *c, struct class_memory *m, const struct event *e);

#endif
