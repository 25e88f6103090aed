/* The seam between json.c and simdjson (json_scan.cpp is the only file that includes it; it cannot include
 * headers with C-only constructs, so this one stands alone). Stage 1 of simdjson finds every structural
 * character of a document and checks UTF-8, string ends and control characters on the way; json.c walks what
 * it found. */
#ifndef BASE_JSON_SCAN_H
#define BASE_JSON_SCAN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct json_scanner;                         /* one per thread */
struct json_scanner *json_scanner_new(void); /* NULL when out of memory */
void json_scanner_free(struct json_scanner *s);

/* Offsets of { } [ ] : , and of the first byte of each string, number or word, in order, and then `n` as an
 * end mark. Valid until the next call. `*count` excludes the end mark. NULL: not JSON, `*reason` says why. */
const uint32_t *json_scan(struct json_scanner *s, const char *p, size_t n, size_t *count,
                          const char **reason);

#ifdef __cplusplus
}
#endif

#endif
