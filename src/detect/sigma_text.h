/* A string of a Sigma rule: bytes, some of which are wildcards. */
#ifndef DETECT_SIGMA_TEXT_H
#define DETECT_SIGMA_TEXT_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

enum glyph {
    GLYPH_BYTE, /* the byte itself */
    GLYPH_STAR, /* any run of characters, also none */
    GLYPH_ONE,  /* exactly one character */
};

struct sigma_text {
    const char *bytes;
    const uint8_t *glyphs; /* enum glyph, one for each byte */
    uint32_t n;
};

/* How a text compares once its outer stars are looked at. */
enum text_shape { SHAPE_EQUALS, SHAPE_PREFIX, SHAPE_SUFFIX, SHAPE_CONTAINS, SHAPE_GLOB, SHAPE_ANY };

/* The escapes of the specification: a backslash makes a following '*', '?' or backslash plain; before
 * anything else it is a plain backslash. */
struct sigma_text sigma_text_parse(struct str s, struct arena *arena);
struct sigma_text sigma_text_plain(struct str s, struct arena *arena); /* no wildcards at all */
struct sigma_text sigma_text_surround(struct sigma_text t, bool before, bool behind, struct arena *arena);
bool sigma_text_has_wildcard(struct sigma_text t);
struct str sigma_text_bytes(struct sigma_text t);
struct sigma_text sigma_text_fold(struct sigma_text t, struct arena *arena);

/* The shape, and in `*literal` the part without outer stars (SHAPE_GLOB: the longest part without wildcards).
 */
enum text_shape sigma_text_shape(struct sigma_text t, struct str *literal);
/* Does the whole of `s` match? `?` takes one UTF-8 character. Linear in practice, quadratic at worst. */
bool sigma_text_match(struct sigma_text t, struct str s);

/* Encodings that rules ask for. The results are plain bytes. */
struct str encode_utf16(struct str s, bool big_endian, bool with_mark, struct arena *arena);
struct str encode_base64(struct str s, struct arena *arena);
/* The characters that do not depend on what stands before and behind, when `s` starts `shift` (0–2) bytes
 * into a group of three. */
struct str encode_base64_offset(struct str s, unsigned shift, struct arena *arena);

#endif
