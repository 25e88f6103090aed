/* Reading documents: what read.c (Sigma correlations) and sequence_read.c share. Inside the stage only.
 * Functions that return bool set `err` with path:line:column on false. */
#ifndef CORRELATE_READ_H
#define CORRELATE_READ_H

#include "correlate/rule.h"

struct reading {
    struct arena *arena; /* of the set: what is read lives there */
    const char *path;
    struct correlation *out;
    struct error *err;
};

bool reading_refuse(struct reading *r, const struct yaml *at, const char *what); /* always false */
/* A text or a list of texts. */
bool reading_texts(struct reading *r, const struct yaml *node, uint32_t most, struct str **out,
                   uint32_t *count) MUST_CHECK;
/* "90s", "5m", "1h", "2d" */
bool reading_span(struct reading *r, const struct yaml *node, int64_t *out_ns) MUST_CHECK;
bool reading_timespan(struct reading *r, const struct yaml *section) MUST_CHECK; /* the key `timespan` */
bool reading_aliases(struct reading *r, const struct yaml *section) MUST_CHECK;
/* Title, id, level …; the keys below `hyakuyo`; the samples. Of the whole document. */
bool reading_meta(struct reading *r, const struct yaml *document) MUST_CHECK;
bool reading_own(struct reading *r, const struct yaml *document) MUST_CHECK;
bool reading_samples(struct reading *r, const struct yaml *document) MUST_CHECK;

/* sequence_read.c: the section `sequence`. */
bool reading_sequence(struct reading *r, const struct yaml *document) MUST_CHECK;

#endif
