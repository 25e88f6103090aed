/* What a regular expression cannot match without. */
#ifndef DETECT_REGEX_LITERAL_H
#define DETECT_REGEX_LITERAL_H

#include "base/arena.h"
#include "base/str.h"

/* The longest run of plain characters that every match must contain, as written (not folded); "" when none is
 * certain. Careful rather than clever: groups, classes and anything optional give nothing. */
struct str regex_required_literal(struct str pattern, struct arena *arena);

#endif
