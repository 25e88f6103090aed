/* What went wrong, as one finished sentence for the operator: what, where (file:line), what to do.
 * Functions that can fail through an operator's mistake or I/O return bool and take a `struct error *`;
 * on false the sentence is set and the function's comment says what state is left behind. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

#define MUST_CHECK        __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

struct error {
    char text[1024];
};

/* Both return false, so that `return error_set(err, …);` reads well. `err` may be NULL. */
bool error_set(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);
/* Puts "path:line:column: " before the sentence (line or column 0: left out). */
bool error_at(struct error *err, const char *path, unsigned line, unsigned column, const char *format, ...)
    PRINTF_LIKE(5, 6);
/* Appends ": strerror(errno)". */
bool error_errno(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);
/* Puts words in front of what is already there: "cannot load rules: " + text. */
bool error_prefix(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
