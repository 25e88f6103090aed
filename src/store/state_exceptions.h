/* The register of exceptions from rules: whose findings are withheld, where, why and until when. Nothing is
 * ever deleted; an exception ends by its expiry or by being withdrawn. (Exceptions of the organisation, which
 * rules read from events, are in state_assets.h.) */
#ifndef STORE_STATE_EXCEPTIONS_H
#define STORE_STATE_EXCEPTIONS_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "store/state.h"

struct rule_exception {
    int64_t id; /* 0 = not stored yet */
    struct str rule_id, condition, owner, reason, created_by;
    int64_t created_ns, expires_ns;
    struct str withdrawn_by;
    int64_t withdrawn_ns; /* INT64_MAX = stands */
    uint64_t suppressed;  /* findings withheld so far */
};

bool state_exceptions_add(struct state *s, const struct rule_exception *e, int64_t *id,
                          struct error *err) MUST_CHECK;
/* Refused when there is none, or when it was withdrawn before. */
bool state_exceptions_withdraw(struct state *s, int64_t id, struct str who, int64_t when_ns,
                               struct error *err) MUST_CHECK;
bool state_exceptions_count(struct state *s, int64_t id, uint64_t suppressed, struct error *err) MUST_CHECK;
/* By id. */
bool state_exceptions_list(struct state *s, struct arena *arena, struct rule_exception **rows,
                           uint32_t *count, struct error *err) MUST_CHECK;

#endif
