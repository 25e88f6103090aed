/* Looks of intake.yml as questions of the filter language (docs/query.md). */
#ifndef INTAKE_INTAKE_QUESTION_H
#define INTAKE_INTAKE_QUESTION_H

#include "intake/intake.h"

#define INTAKE_VALUES_MAX 100 /* of a computer that are held against all others */

/* Appends the text in quotation marks, whatever is in it. */
void intake_add_quoted(struct buf *out, struct str text);
/* (field:"value" or …) and (only), of what the report knows; "" when it knows nothing of it. */
struct str intake_filter(const struct intake_look *look, const struct work_row *report, struct arena *arena);
/* The whole question of that look for a filter. */
struct str intake_question(const struct intake_look *look, struct str filter, struct arena *arena);

#endif
