/* The form without log-in: its members, and how often it may be used. */
#ifndef CONSOLE_REPORT_FORM_H
#define CONSOLE_REPORT_FORM_H

#include "base/memory.h"
#include "console/parameters.h"
#include "console/rate_limit.h"

/* What the form takes; the help desk's form takes the same. Fuzzed by fuzz/report_form_fuzz.c. */
extern const struct parameter report_form_members[];

struct report_form;
/* Reports that one address may send in ten minutes; 0 = the form is off. */
struct report_form *report_form_new(unsigned per_address);
void report_form_free(struct report_form *f); /* NULL is fine */

#endif
