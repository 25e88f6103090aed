/* A data structure as bytes and back, by one description for both ways: each function writes what it is
 * given, or reads what was written and puts it there. What is read is not trusted: lengths are checked here,
 * numbers that point somewhere by whoever reads them. The first thing that does not fit makes the image bad;
 * then all that follows reads as zeros. Inside the stage only. */
#ifndef DETECT_IMAGE_H
#define DETECT_IMAGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/yaml.h"

struct image {
    bool is_reading, is_bad;
    struct buf *out;     /* writing: appended to; its length at the first call must be divisible by 8 */
    char *in;            /* reading: must live, and be writable, as long as what is read */
    size_t in_bytes, at; /* `in` is aligned to 8 */
    struct arena *arena; /* reading: for what is not used in place */
};

/* Marks the image as bad unless it holds; returns whether it is still good. */
bool image_expect(struct image *im, bool holds);
/* `n` bytes as they are. */
void image_bytes(struct image *im, void *p, size_t n);
#define IMAGE_VALUE(im, value) image_bytes((im), &(value), sizeof(value))
/* A number below `limit`. */
void image_number(struct image *im, uint32_t *n, uint64_t limit);
/* A text; read in place, with a NUL behind it. */
void image_str(struct image *im, struct str *s);
/* `*count` items of `each` bytes without pointers, or whose pointers the caller sets afterwards. Returns them
 * when writing; reading, their place in the image (never NULL), aligned to 8. */
void *image_array(struct image *im, const void *items, uint32_t *count, size_t each);
/* A YAML tree, or NULL. */
void image_yaml(struct image *im, const struct yaml **node);

#endif
