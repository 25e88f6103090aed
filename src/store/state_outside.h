/* What people established about an incident for those outside, and what they did about each deadline. Nothing
 * is ever changed or removed: the last word counts, all earlier ones stay. */
#ifndef STORE_STATE_OUTSIDE_H
#define STORE_STATE_OUTSIDE_H

#include "base/arena.h"
#include "base/error.h"
#include "store/state.h"

enum outside_kind {                 /* the numbers are stored: append only */
                    OUTSIDE_FACT,   /* name, value */
                    OUTSIDE_KNEW,   /* name = department; at_ns = when it knew */
                    OUTSIDE_MET,    /* name = clock; value = the sent copy, receipt */
                    OUTSIDE_WAIVED, /* name = clock; value = reason */
                    OUTSIDE_DRAFT, /* name = form; value = the text; receipt = of the report it supplements */
                    OUTSIDE_APPROVED, /* name = the draft's id */
                    OUTSIDE_SENT,     /* name = the draft's id; receipt */
};

struct outside_entry {
    uint64_t id, incident;
    enum outside_kind kind;
    struct str name, value, receipt, who;
    struct str missing; /* of a draft: required fields without a value; else "" */
    int64_t at_ns;      /* of what it tells */
    int64_t noted_ns;   /* when it was written down */
};

/* Sets entry->id. False with a sentence when there is no such incident. */
bool state_outside_add(struct state *s, struct outside_entry *entry, struct error *err) MUST_CHECK;
/* All of an incident, oldest first. */
bool state_outside_list(struct state *s, uint64_t incident, struct arena *arena, struct outside_entry **out,
                        uint32_t *count, struct error *err) MUST_CHECK;

#endif
