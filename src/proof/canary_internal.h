/* A run of canaries, for canary.c and canary_report.c. */
#ifndef PROOF_CANARY_INTERNAL_H
#define PROOF_CANARY_INTERNAL_H

#include <pthread.h>

#include "proof/canary.h"
#include "proof/canary_sample.h"
#include "proof/canary_trial.h"

struct expected {
    uint32_t sample, input;
    enum proof_outcome outcome;
    int64_t sent_ns, came_ns;
    const char *why;            /* UNSENDABLE, NO_INPUT */
    uint32_t came_count;        /* of the sample's records */
    struct canary_trial *trial; /* of a correlation, from its first record to the last */
};

/* A record over an input; its place is its canary's number. */
struct due {
    uint32_t expected, record;
    bool has_come;
};

struct canary {
    struct canary_options options;
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below but what the run's own thread alone uses */
    pthread_cond_t changed;
    bool is_asked, is_stopping;
    struct canary_status status;
    /* the run */
    struct arena arena;
    struct knowledge *knowledge; /* whose rules are proven */
    struct canary_samples samples;
    struct expected *expected; /* input by input, in the order of the samples */
    uint32_t expected_count, open_count;
    struct due *dues; /* input by input, in the order of the records */
    uint32_t due_count;
    uint64_t first_number;
    struct error input_errors[CANARY_INPUTS_MAX];
};

/* Journals the failures of one input and counts them. An input over which nothing comes back is one failure,
 * not one for each rule. The run is over: no lock is needed. */
void canary_report_input(struct canary *c, uint32_t input);
/* Keeps all outcomes in one transaction; reports inputs that are configured no more. On failure nothing was
 * kept. */
bool canary_keep(struct canary *c, struct error *err) MUST_CHECK;

#endif
