/* What is thought of a host before anything is found on it (spec 4.4): the posture's prior, twofold near a
 * sensor that was hit (S113), without patches, or without a working antivirus, threefold under focus watch
 * (S69); and what else moves its urgency: Orange for
 * what it is about, and that it is cut off. Told to the judge at each weighing, with the factors by name.
 * Belongs to the desk: one thread at a time. */
#ifndef DESK_PRIORS_H
#define DESK_PRIORS_H

#include "desk/focus.h"
#include "event/event.h"
#include "fleet/fleet.h"
#include "judge/judge.h"

#define PRIORS_MAX 2000 /* hosts of sensor departments that were hit; those that end first make room */

struct priors;
struct priors *priors_new(const struct criteria *criteria); /* borrowed */
void priors_free(struct priors *p);

/* The posture's priors: of all, and of incidents that hold a finding of one of these rules (Orange is about
 * one class, spec 4.4). Such incidents are more urgent too (spec 4.1). The ids are copied. */
#define PRIORS_CLASS_MAX 16
void priors_set_posture(struct priors *p, double prior, double of_class, const struct str *rules,
                        size_t rule_count);

/* A finding in a sensor department raises the prior of its whole network for a while. */
void priors_note(struct priors *p, const struct finding *f, const struct event *e);

/* Who knows the hosts' patches and controls; borrowed; NULL = nobody. */
void priors_set_fleet(struct priors *p, struct fleet *fleet);

/* Who is under focus watch; borrowed until the next call; NULL = nobody. */
void priors_set_focus(struct priors *p, const struct focus *focus);

/* Hosts (names or addresses) that are cut off, as verified by whoever cut them off: all of them, each time.
 * Copied; those beyond PRIORS_MAX are not known to be. */
void priors_set_isolated(struct priors *p, const struct str *hosts, size_t count);

struct prior priors_of(void *priors, const struct incident *incident); /* judge_prior_fn */

void priors_save(const struct priors *p, struct buf *out);
void priors_load(struct priors *p, struct str saved); /* what is damaged or of another version is left out */

#endif
