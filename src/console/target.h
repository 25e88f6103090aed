/* The target of a request line: path segments and query parameters, percent-decoded (RFC 3986; '+' is a space
 * in the query, as HTML forms write it). */
#ifndef CONSOLE_TARGET_H
#define CONSOLE_TARGET_H

#include "base/arena.h"
#include "base/str.h"

#define TARGET_BYTES_MAX    16384
#define TARGET_SEGMENTS_MAX 16
#define TARGET_QUERY_MAX    64

struct pair {
    struct str name, value;
};

struct target {
    struct str path;                          /* decoded, for static files and messages */
    struct str segments[TARGET_SEGMENTS_MAX]; /* between the slashes; "/" has none; "/a/" has "a" and "" */
    size_t segment_count;
    struct pair query[TARGET_QUERY_MAX];
    size_t query_count;
};

enum target_result { TARGET_OK, TARGET_TOO_LONG, TARGET_BAD_ENCODING, TARGET_TOO_MANY };

/* Texts live in the arena. Malformed escapes, NUL, control characters in the path and bytes that are not
 * UTF-8 are BAD_ENCODING; the target is then unusable. Absolute forms ("http://host/path") are taken by their
 * path. */
enum target_result target_parse(struct str uri, struct arena *arena, struct target *out);

/* False on a malformed escape. */
bool percent_decode(struct str s, bool plus_is_space, struct arena *arena, struct str *out);

#endif
