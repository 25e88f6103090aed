/* hyakuyo check --coverage: which rules can fire on what a data folder's server has seen, without the server.
 */
#ifndef CHECK_COVERAGE_H
#define CHECK_COVERAGE_H

#include "command.h"
#include "knowledge.h"

/* Prints one row for each rule, and to standard error how many rules and techniques are live; returns the
 * exit status: 0 also when rules are not live. */
int check_coverage(const struct arguments *a, const struct knowledge *k);

#endif
