/* Runs a program that the configuration names: with arguments, never through a shell; without the files,
 * signals and environment of this process; without a way to more privileges; for a limited time. */
#ifndef CONNECT_PROGRAM_H
#define CONNECT_PROGRAM_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/error.h"

#define PROGRAM_OUTPUT_MAX 4096

struct program {
    const char *const *arguments;   /* NULL behind the last; the first is the path, absolute */
    const char *const *environment; /* "NAME=value", NULL behind the last */
    unsigned seconds;               /* then it and all it started are killed */
    const atomic_bool *is_over;     /* kills it at once when it becomes true; may be NULL */
    int exit_code;                  /* out */
    struct buf output; /* out: what it wrote to both outputs, the first PROGRAM_OUTPUT_MAX bytes */
};
/* True when it ended by itself with 0. False with a sentence otherwise; frees nothing. */
bool program_run(struct program *p, struct error *err) MUST_CHECK;
/* A regular file that may be run, and that nobody but its owner can change; root or this user owns it. */
bool program_is_trusted(const char *path, struct error *err) MUST_CHECK;

#endif
