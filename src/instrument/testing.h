/* For unit tests: all instruments with the parameters of content/instruments, fed event by event. A test that
 * is named after an instrument (TRIAL_OF, by meson.build) counts that one's only when an event comes. */
#ifndef INSTRUMENT_TESTING_H
#define INSTRUMENT_TESTING_H

#include "instrument/instrument.h"

struct trial;
struct trial *trial_new(void);
void trial_free(struct trial *t);

/* One event at `seconds` since 2025-11-10T00:00:00Z; `text` is "field=value;field=value", fields of arrays
 * may come again. Returns how many findings it made. */
size_t trial_event(struct trial *t, double seconds, const char *text);
/* An event about which a rule found something. */
size_t trial_found(struct trial *t, double seconds, const char *group, double likelihood_ratio,
                   const char *host_ip, const char *host_name);
/* The watermark moves on without an event. */
size_t trial_advance(struct trial *t, double seconds);
/* Findings with this id since the start; about this address or name when `who` is not NULL. */
size_t trial_count(const struct trial *t, const char *rule_id, const char *who);
/* The latest one: a value of its `matched`, "" when there is none. Valid until the next event. */
struct str trial_fact(const struct trial *t, const char *rule_id, const char *name);
/* The peer of the latest one about this address or name. */
struct str trial_peer(const struct trial *t, const char *rule_id, const char *who);
double trial_seconds(const struct trial *t, const char *rule_id); /* event time of the first one; −1 none */
/* Saves all, begins anew, loads. */
void trial_restart(struct trial *t);
void *trial_state(const struct trial *t, const char *instrument); /* what it has counted */
const struct instruments *trial_instruments(const struct trial *t);

#endif
