/* Commands that change state without the server: their entries in the response record. The actor is the
 * account of the operating system that ran the command. */
#ifndef COMMAND_COMMAND_RECORD_H
#define COMMAND_COMMAND_RECORD_H

#include "cli/command.h"
#include "recorder/recorder.h"

struct command_record {
    struct recorder *recorder;
    struct recorder_act act;
    char actor[64], target[512];
};

/* From here to the end what this thread changes in `state` is the deed WHAT/OBJECT: each transaction gets its
 * entry by itself. */
bool command_record_begin(struct command_record *c, struct state *state, const char *what, const char *object,
                          struct error *err) MUST_CHECK;
void command_record_end(struct command_record *c);

/* A deed that changes files only: opens the data folder's state for one entry. `approved_by` may be NULL. */
bool command_record_note(const struct arguments *a, const char *what, const char *object,
                         const char *approved_by, struct error *err) MUST_CHECK;

/* The same with evidence ("sha256:…"). */
bool command_record_evidence(const struct arguments *a, const char *what, const char *object,
                             const char *evidence, struct error *err) MUST_CHECK;

#endif
