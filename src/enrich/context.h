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
#include "event/finding.h"

struct context;

/* Takes over `arena`, in which the texts and rows of `set` live. `zone` is the installation's: exception
 * windows are local times. */
struct context *context_new(struct arena *arena, const struct asset_set *set, const struct zone *zone);
struct context *context_ref(struct context *c);
void context_unref(struct context *c);
/* What it was made of; lives as long as the context. */
const struct asset_set *context_assets(const struct context *c);

/* Adds fields only; never changes what a parser said. */
void enrich_event(const struct context *c, struct event *e, struct arena *a);

/* Whether an event has its host's row already; and what describes it so: role, type, owner, importance,
 * department, hyakuyo.asset.registered. For attribution, which learns names later. */
bool context_describes(const struct event *e);
void context_describe(const struct context *c, const struct asset_host *host, struct event *e,
                      struct arena *a);

/* Who the finding is about, from the inventory: a rule saw an address or a name, people want both, the
 * department and the importance. Texts go into the arena: the finding outlives the context. */
void context_attach(const struct context *c, struct finding *f, struct arena *a);

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
