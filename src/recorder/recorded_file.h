/* A change of a file in the record. No transaction holds a file and an entry together: one entry says what is
 * going to happen before, one how it ended after. A first without its second is a crash in between; what the
 * file is then, its hash tells. */
#ifndef RECORDER_RECORDED_FILE_H
#define RECORDER_RECORDED_FILE_H

#include "base/sha256.h"
#include "recorder/recorder.h"

struct recorded_file {
    char name[140];                                                 /* "NAME.yml" */
    char before[2 * SHA256_BYTES + 1], after[2 * SHA256_BYTES + 1]; /* SHA-256; "" = no file */
};

/* What the file at `path` is, and what it is going to be; `text` NULL: it goes. */
bool recorded_file_describe(const char *path, struct str name, const struct str *text,
                            struct recorded_file *out, struct error *err) MUST_CHECK;
/* An entry with both hashes; `stage`: intended, done, withdrawn. The deed is that of the thread. */
bool recorded_file_stage(struct recorder *r, const char *stage, const struct recorded_file *change,
                         struct error *err) MUST_CHECK;

#endif
