/* What moves too often for an entry each time, sealed when it stands still (docs/record.md): at the stop of
 * the server the hash of what the program counts for itself in each incident; at the start and at each load
 * the hash of each file of content. Asked by serve_record.c, checked by record_check.c. */
#ifndef RECORDER_RECORD_SEAL_H
#define RECORDER_RECORD_SEAL_H

#include "recorder/recorder.h"

#define RECORD_SEAL_BROKEN "seal.broken"  /* target of entries: found at a start */
#define SEAL_CONTENT       "content_file" /* table of changes; the field is the file's name */

/* Inside a transaction: names what differs from the last seal. */
bool record_seal_incidents(struct recorder *r, struct state *state, struct error *err) MUST_CHECK;
/* `folders`: pairs of a name and a path, NULL-ended: {"content", "/usr/share/…/content", "DATA", "/var/…"}.
 * Of DATA only the files beside each other and rules/. */
struct seal_folder {
    const char *name, *path; /* path NULL = it is not there */
    bool is_flat;            /* only the files directly in it */
};
bool record_seal_content(struct recorder *r, struct state *state, const struct seal_folder *folders,
                         struct error *err) MUST_CHECK;

struct seal_check {
    struct state *state;
    const char *data_dir;              /* of DATA/evidence; NULL: those files are not read */
    const struct seal_folder *folders; /* NULL: files are not compared */
    void (*found)(void *context, uint64_t seq, const char *why);
    void *context;
    uint64_t compared, not_compared; /* out */
};
/* Incidents are compared when the server has stopped, or the incident was over at the last stop: what has
 * moved since has no seal yet. */
bool record_seal_check(struct seal_check *c, struct error *err) MUST_CHECK;

#endif
