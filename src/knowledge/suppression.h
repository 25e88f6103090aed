/* Exceptions from rules, ready to be asked: which finding on which event is withheld. Immutable and counted,
 * like the knowledge; a change of the register builds a new set. Event time decides whether an exception has
 * expired, so that the same records are judged alike whenever they come. */
#ifndef KNOWLEDGE_SUPPRESSION_H
#define KNOWLEDGE_SUPPRESSION_H

#include "event/batch.h"
#include "query/query.h"
#include "store/state_exceptions.h"

#define SUPPRESSIONS_MAX 10000

struct suppressions;
/* Those of the rows that stand. An exception whose condition cannot be read is left out with a warning: its
 * findings are judged. */
struct suppressions *suppressions_new(const struct rule_exception *rows, uint32_t count);
struct suppressions *suppressions_ref(struct suppressions *s);
void suppressions_unref(struct suppressions *s);
uint32_t suppressions_count(const struct suppressions *s);

/* The number of the exception that withholds this finding of the event, 0 = none. `s` may be NULL. */
int64_t suppressions_find(const struct suppressions *s, const struct finding *f, const struct event *e);

/* What an exception must have before it enters the register: rule, condition that can be read and does not
 * hold for everything, owner, reason, an expiry after `now_ns` and within ten years. */
bool suppression_check(const struct rule_exception *e, int64_t now_ns, struct error *en,
                       struct error *ja) MUST_CHECK;

/* A YAML file with a list of exceptions (rule, condition, owner, reason, expires), for previews. */
bool suppressions_read_file(const char *path, struct arena *arena, struct rule_exception **rows,
                            uint32_t *count, struct error *err) MUST_CHECK;

#endif
