/* What canaries send: for each rule the records of one sample that must make it fire, for each correlation
 * and sequence the records of all its steps. */
#ifndef PROOF_CANARY_SAMPLE_H
#define PROOF_CANARY_SAMPLE_H

#include "knowledge/knowledge.h"
#include "store/state_proof.h"

#define CANARY_RULES_MAX   20000 /* rules with samples in one run */
#define CANARY_RECORDS_MAX 500   /* of one sample */

struct canary_record {
    struct str text;
    int64_t at_ns; /* after the sample's first */
};

struct canary_sample {
    struct str rule_id, title;
    enum proof_form form;          /* EVENT: at least one record is fields as JSON */
    struct canary_record *records; /* in their order; at least one */
    uint32_t record_count;
    uint32_t first_record; /* its number among the records of all samples */
    bool is_correlation;
    const char *unsendable; /* why it cannot be sent, in the process language; NULL = it can */
};

struct canary_samples {
    struct canary_sample *items;
    uint32_t count, record_count;
};

/* All texts are copied into the arena. */
void canary_samples_collect(struct knowledge *k, struct arena *arena, struct canary_samples *out);

#endif
