/* hyakuyo check --coverage: which rules can fire on what a data folder's server has seen, without the server.
 */
#ifndef PROOF_CHECK_COVERAGE_H
#define PROOF_CHECK_COVERAGE_H

#include "cli/command.h"
#include "knowledge/knowledge.h"

/* Prints one row for each rule, and to standard error how many rules and techniques are live; returns the
 * exit status: 0 also when rules are not live. */
int check_coverage(const struct arguments *a, const struct knowledge *k);

#endif
