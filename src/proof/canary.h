/* Canaries: the proof that each rule can still fire. Once in a while every rule's sample goes through every
 * real input of this installation, from the socket to the finding, and must come back in time. What does not
 * is written down, and is itself a record ("control test failed") on which a rule fires.
 *
 *   rules' samples ─mark─▶ UDP, TCP, tailed file, HTTP ─▶ journal ─▶ pipeline ─▶ desk ─watch─▶ here ─▶
 * state.db late or wrong journal ◀─ "control test failed" ◀──────────────────────────────────────┘
 */
#ifndef PROOF_CANARY_H
#define PROOF_CANARY_H

#include "event/batch.h"
#include "event/canary_mark.h"
#include "knowledge/knowledge.h"
#include "proof/watch.h"

#define CANARY_INPUTS_MAX 16

struct canary_input {
    const char *name; /* "syslog/udp" */
    enum transport transport;
    char host[64]; /* UDP, TCP */
    unsigned port;
    const char *path; /* tail: the file */
    size_t line_max;  /* longest record it takes */
};

struct canary_options {
    struct canary_input inputs[CANARY_INPUTS_MAX];
    unsigned input_count;
    const char *data_dir; /* HTTP is reached by what server.json says */
    const struct canary_key *key;
    struct state *state;
    struct watch *watch;
    int64_t every_ns; /* between two runs; 0 = on demand only */
    int64_t wait_ns;  /* for canaries to come back */
    /* What the rules are now; the caller unrefs. */
    struct knowledge *(*knowledge)(void *context);
    /* Takes a record of the program itself; false when it cannot be journalled. */
    bool (*report)(void *context, struct str record);
    void *context;
};

struct canary;
struct canary *canary_start(const struct canary_options *options, struct error *err) MUST_CHECK;
void canary_stop(struct canary *c); /* NULL is fine; a run is given up */
void canary_free(struct canary *c); /* once the desk's thread has ended: it tells of canaries */

/* Any thread. False when a run is under way already. */
bool canary_run_now(struct canary *c);
struct canary_status {
    bool is_running;
    int64_t last_run_ns, next_run_ns; /* TIME_UNKNOWN = never, not planned */
    uint32_t sent, proven, failed;    /* of the last run, or of the one under way */
};
void canary_status(struct canary *c, struct canary_status *out);

#endif
