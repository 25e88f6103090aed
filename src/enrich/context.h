/* What the organisation knows about itself, indexed for look-ups by event time; and its use on events. A
 * context is immutable and shared by all workers; a new import builds a new one, which is swapped in by
 * reference count.
 *
 *   source.ip, destination.ip ──▶ host row or network row ──▶ hyakuyo.source.*, hyakuyo.destination.*,
 * hyakuyo.direction the host that the event is about ──▶ hyakuyo.asset.*, hyakuyo.department registered
 * exceptions ──▶ hyakuyo.exception
 */
#ifndef ENRICH_CONTEXT_H
#define ENRICH_CONTEXT_H

#include "base/clock.h"
#include "base/ip.h"
#include "event/asset.h"
#include "event/event.h"

struct context;

/* Takes over `arena`, in which the texts and rows of `set` live. `zone` is the installation's: exception
 * windows are local times. */
struct context *context_new(struct arena *arena, const struct asset_set *set, const struct zone *zone);
struct context *context_ref(struct context *c);
void context_unref(struct context *c);

/* Adds fields only; never changes what a parser said. */
void enrich_event(const struct context *c, struct event *e, struct arena *a);

/* The host row that holds for an address or name (either may be "") at that time; NULL when not in the
 * inventory. */
const struct asset_host *context_find_host(const struct context *c, struct str name, struct str ip,
                                           int64_t time_ns);
/* Its department, or that of the address's network, or "". */
struct str context_department(const struct context *c, const struct asset_host *host, struct str ip,
                              int64_t time_ns);
/* The department's importance or the host's, whichever is higher; 0 = unknown. */
int context_importance(const struct context *c, const struct asset_host *host, struct str user,
                       int64_t time_ns);
/* Inside: within a registered network, or a private address when no networks are registered. */
bool context_is_inside(const struct context *c, struct str ip, int64_t time_ns);

#endif
