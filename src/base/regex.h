/* One regular expression, through PCRE2 with JIT, always with match and depth limits. Compiled expressions
 * are immutable and shared by threads; each thread matches with its own scratch. */
#ifndef BASE_REGEX_H
#define BASE_REGEX_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

enum { REGEX_NOCASE = 1, REGEX_MULTILINE = 2, REGEX_DOTALL = 4, REGEX_ANCHORED = 8 };
#define REGEX_MAX_GROUPS 64

struct regex;
struct regex *regex_new(struct str pattern, unsigned flags,
                        struct error *err); /* the error names the offset */
void regex_free(struct regex *r);

struct regex_scratch; /* one per thread */
struct regex_scratch *regex_scratch_new(void);
void regex_scratch_free(struct regex_scratch *s);

enum regex_result { REGEX_NO, REGEX_YES, REGEX_LIMIT }; /* LIMIT: gave up; the caller counts and says so */
/* groups[0] is the whole match; unset groups have p == NULL. `max_groups` may be 0. */
enum regex_result regex_match(const struct regex *r, struct regex_scratch *scratch, struct str subject,
                              struct str *groups, size_t max_groups);
/* Named groups: names in order of number. */
size_t regex_group_count(const struct regex *r);                   /* highest number + 1 */
struct str regex_group_name(const struct regex *r, size_t number); /* "" when unnamed */

#endif
