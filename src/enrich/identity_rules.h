/* content/identity.yml: which records say who held what. Workers make facts of events; identity.h keeps them.
 *
 *   event ──identity_extract()──▶ batch->facts ──desk, in the order of the journal──▶ identity_take()
 */
#ifndef ENRICH_IDENTITY_RULES_H
#define ENRICH_IDENTITY_RULES_H

#include "event/batch.h"

struct identity_rules; /* immutable once loaded */
struct identity_rules *identity_rules_load(const char *path, struct error *err) MUST_CHECK;
void identity_rules_free(struct identity_rules *r);

struct identity_limits {
    uint32_t intervals; /* in memory */
    int64_t memory_ns;  /* that an ended one stays in memory */
    int64_t history_ns; /* that it stays in state.db */
};
struct identity_limits identity_rules_limits(const struct identity_rules *r);

/* Adds what the batch's events say to batch->facts, in the order of events. Canaries and
 * exercises say nothing. Any thread.
 */
void identity_extract(const struct identity_rules *r, struct batch *batch);

/* Hardware addresses as one text: "AA-BB-CC-DD-EE-FF", "aa:bb…" and "aabb.ccdd.eeff" → "aa-bb-cc-dd-ee-ff";
 * "" for anything else. */
struct str identity_mac(struct str text, struct arena *a);
/* Up to the first dot, as written; "" for addresses. */
struct str identity_short_name(struct str name);

#endif
