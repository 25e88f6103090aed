/* What the server knows about reporting to the outside: the clocks, the calendar, who we are, the key of
 * pseudonyms; and an incident with all that people established about it. */
#ifndef WORK_OUTSIDE_H
#define WORK_OUTSIDE_H

#include "base/calendar.h"
#include "incident/deadline.h"
#include "report/outside/export.h"
#include "report/outside/form.h"
#include "store/state.h"
#include "store/state_outside.h"

struct outside {
    struct arena arena;
    struct calendar *calendar;
    struct deadlines deadlines;
    struct forms forms;
    struct str organisation, email; /* "" = not told */
    unsigned char key[REDACTION_KEY_BYTES];
    char seed[33]; /* of identifiers in exports */
};

/* `content` is the folder content/; DATA/deadlines.yml, DATA/calendar.yml, DATA/organisation.yml and
 * DATA/forms/ take the place of its files. NULL with a sentence. */
struct outside *outside_load(const char *content, const char *data_dir, struct error *err) MUST_CHECK;
void outside_free(struct outside *o); /* NULL is fine */

struct outside_case {
    struct incident incident;
    struct case_facts facts;
    struct outside_entry *entries;
    uint32_t entry_count;
    struct deadline_mark *marks;
    size_t mark_count;
};
/* False with a sentence when there is no such incident. All lives in `arena`. */
bool outside_case_load(struct state *state, uint64_t incident, struct arena *arena, struct outside_case *out,
                       struct error *err) MUST_CHECK;

/* The clocks of a case as they stand; outside->deadlines.count of them. */
struct deadline *outside_deadlines(const struct outside *o, const struct outside_case *c,
                                   const struct zone *zone, int64_t now_ns, struct arena *arena);

/* The guard of closing, for whoever moves states: false with a sentence that names the report that is due. */
bool outside_deadlines_are_met(const struct outside *o, struct state *state, uint64_t incident,
                               const struct zone *zone, int64_t now_ns, struct error *err) MUST_CHECK;

#endif
