/* What people have established about an incident beyond what machines saw: named values ("personal_data" =
 * "yes"), and which department knew when. Deadlines, forms and exports read it. Texts are borrowed. */
#ifndef EVENT_CASE_FACTS_H
#define EVENT_CASE_FACTS_H

#include "event/incident.h"

struct case_fact {
    struct str name, value; /* lower-case ASCII with '_'; "" = not known */
};

struct case_known {
    struct str department, who;
    int64_t at_ns;
};

struct case_facts {
    const struct incident *incident;
    const struct case_fact *facts;
    size_t fact_count;
    const struct case_known *known;
    size_t known_count;
};

/* "" when nobody has said. */
static inline struct str case_fact(const struct case_facts *c, struct str name)
{
    for (size_t i = 0; i < c->fact_count; i++)
        if (str_eq(c->facts[i].name, name))
            return c->facts[i].value;
    return STR_EMPTY;
}

#endif
