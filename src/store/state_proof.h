/* What is known about whether rules can fire: the last canary of each rule over each input, when each rule
 * fired, and what each source gave. Written now and then by the server, read by it at its start and by `check
 * --coverage`. */
#ifndef STORE_STATE_PROOF_H
#define STORE_STATE_PROOF_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "store/state.h"

/* The numbers are stored: append only. */
enum proof_outcome {
    PROOF_SENT,       /* under way */
    PROOF_PROVEN,     /* the finding came back */
    PROOF_SILENT,     /* nothing came back in time */
    PROOF_NO_FINDING, /* the event came back, without the finding */
    PROOF_NO_INPUT,   /* the input that was proven before is not there any more, or refuses */
    PROOF_UNSENDABLE, /* the input cannot carry this sample (line breaks in it, too long) */
};

enum proof_form {
    PROOF_RECORD, /* the sample is a record as the product writes it */
    PROOF_EVENT,  /* the sample names fields: sent as JSON, so that no product's parser is proven */
};

struct proof_row {
    struct str rule_id, input;
    enum proof_form form;
    int64_t sent_ns, proven_ns; /* TIME_UNKNOWN = never */
    enum proof_outcome outcome;
    struct str detail; /* "" or one sentence */
};
bool state_proof_put(struct state *s, const struct proof_row *row, struct error *err) MUST_CHECK;
bool state_proof_list(struct state *s, struct arena *arena, struct proof_row **rows, uint32_t *count,
                      struct error *err) MUST_CHECK;

struct rule_activity {
    struct str rule_id;
    uint64_t fired, suppressed;
    int64_t last_ns; /* event time */
};
bool state_rule_activity_put(struct state *s, const struct rule_activity *row, struct error *err) MUST_CHECK;
bool state_rule_activity_list(struct state *s, struct arena *arena, struct rule_activity **rows,
                              uint32_t *count, struct error *err) MUST_CHECK;

struct source_activity {
    uint32_t source;
    int64_t hour; /* hours since 1970 UTC, of receipt */
    uint64_t events, failures;
    int64_t longest_gap_ns; /* between two of its events, ended in this hour */
    int64_t last_ns;        /* receipt of its last event of the hour */
};
bool state_source_activity_put(struct state *s, const struct source_activity *row,
                               struct error *err) MUST_CHECK;
bool state_source_activity_expire(struct state *s, int64_t before_hour, struct error *err) MUST_CHECK;
/* By source and hour. */
bool state_source_activity_list(struct state *s, struct arena *arena, struct source_activity **rows,
                                uint32_t *count, struct error *err) MUST_CHECK;

struct observation {
    uint32_t source;
    struct str logsource; /* "category/product/service" */
    struct str field;     /* as rules name it; "" = the log source itself */
    uint64_t events;      /* of those looked at: that had it; "": all events */
    uint64_t looked;      /* events whose fields were looked at */
    uint64_t missed;      /* looked at since the last that had it */
    int64_t last_ns;      /* receipt of the last that had it */
};
bool state_observation_put(struct state *s, const struct observation *row, struct error *err) MUST_CHECK;
bool state_observation_list(struct state *s, struct arena *arena, struct observation **rows, uint32_t *count,
                            struct error *err) MUST_CHECK;

#endif
