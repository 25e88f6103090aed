/* What the files of the carrier share. */
#ifndef WORK_CARRIER_INTERNAL_H
#define WORK_CARRIER_INTERNAL_H

#include <stdatomic.h>

#include "connect/connectors.h"
#include "work/carrier.h"

/* Immutable; shared by the thread and the console's workers. */
struct carrier_settings {
    atomic_uint references;
    struct arena arena;
    struct connectors connectors;
};
/* A reference: give it back. NULL when nobody carries here. */
struct carrier_settings *carrier_settings(struct carrier *c);
void carrier_settings_unref(struct carrier_settings *set); /* NULL is fine */

/* carrier_lane.c: from the carrier's thread alone. */
struct carrier_lanes;
struct carrier_lanes *carrier_lanes_new(struct carrier *carrier, struct server *s);
/* A lane for each connector that has an order due and none yet. Does not wait for what it starts. */
bool carrier_lanes_serve(struct carrier_lanes *l, struct casework *c);
/* Into the log, unless it was the last thing that was told. Any thread. */
void carrier_lanes_tell(struct carrier_lanes *l, const struct error *failure);
/* Breaks off what is under way and waits for its end. */
void carrier_lanes_free(struct carrier_lanes *l);

/* carrier_values.c: what an order's texts may name; in the request's arena. */
struct connector_values carrier_values(struct casework *c, const struct work_row *measure, struct str key);

/* carrier_order.c */
struct str carrier_new_key(struct arena *arena);
/* Within a transaction: an order that waits; one that is refused when it cannot be rendered. */
bool carrier_enter(struct casework *c, const struct connector *connector, enum connector_act act,
                   const struct work_row *measure, struct work_row *order);
/* Within a transaction: what people must do now by hand. `measure` NULL: a test; nothing is opened. */
bool carrier_open_task(struct casework *c, const struct work_row *order, const struct work_row *measure);

/* carrier_carry.c: hands the order over. False with the reason; `answer` gets what came back. */
struct carrying {
    const struct connector *connector;
    const struct work_row *order;
    enum connector_act act;
    struct arena *arena;
    const atomic_bool *is_over;
    struct buf answer;
    bool is_permanent; /* out: trying again will not help */
};
bool carrier_carry(struct carrying *x, struct error *err) MUST_CHECK;

/* carrier_send.c: one attempt at an order that is due, and what became of it. False with c->failure set when
 * that could not be noted. `*reached` is false when the connector failed. */
bool carrier_send(struct casework *c, const struct connectors *connectors, struct work_row *order,
                  const atomic_bool *is_over, bool *reached);

#endif
