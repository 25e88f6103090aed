/* "Seen from the business" (業務状況から見て, S142, S143, spec 4.4): does an approved program on that host
 * explain a communication that looks suspicious? Knowledge: content/business.yml. */
#ifndef ENRICH_EXPLAIN_H
#define ENRICH_EXPLAIN_H

#include "enrich/context.h"

enum explanation {
    EXPLANATION_NONE,        /* not a question for this finding */
    EXPLANATION_UNKNOWN,     /* the inventory does not say what runs there */
    EXPLANATION_EXPLAINED,   /* an approved program uses such ports */
    EXPLANATION_UNEXPLAINED, /* none of the approved ones does */
};

struct business;
/* NULL on error; the sentence names file and line. */
struct business *business_load(const char *path, struct error *err) MUST_CHECK;
void business_free(struct business *b); /* NULL is fine */

/* Asks about the finding's host at the finding's time; `e` is the event that made it known, `c` may be NULL.
 * `*program` is the approved program that explains it, from the inventory. */
enum explanation explain(const struct business *b, const struct context *c, const struct finding *f,
                         const struct event *e, struct str *program);

/* The answer as evidence about the same host (group `business_context`), for judge/. Texts are copied. */
void explain_as_finding(const struct business *b, enum explanation answer, struct str program,
                        const struct finding *about, struct finding *out, struct arena *a);

#endif
