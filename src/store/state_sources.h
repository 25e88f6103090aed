/* The registry of sources (S21: no anonymous source): every sender that was ever seen has a number, and
 * somebody accepts it, names it and may pin its parser, zone and character set. */
#ifndef STORE_STATE_SOURCES_H
#define STORE_STATE_SOURCES_H

#include "base/arena.h"
#include "event/source.h"
#include "store/state.h"

struct source_entry {
    struct source source;
    uint8_t transport; /* enum transport of event/batch.h */
    struct str zone;   /* name as given; source.zone is the zone it stands for, NULL when "" or unknown */
    int64_t first_seen_ns, last_seen_ns; /* times of receipt */
};

/* The number of the source with this transport and sender; made as not registered, named after the sender,
 * when it is new. `seen_ns` widens first and last seen. `*is_new` may be NULL. */
bool state_sources_find_or_create(struct state *s, uint8_t transport, struct str sender, int64_t seen_ns,
                                  uint32_t *number, bool *is_new, struct error *err) MUST_CHECK;

/* What a person decides about a source. Refused with a sentence: no such number, a name that is empty or
 * taken (names differ by more than letter case), a zone that is not known. */
struct source_decision {
    struct str name, parser, zone, charset; /* parser, zone, charset: "" = not pinned */
    bool registered;
};
bool state_sources_decide(struct state *s, uint32_t number, const struct source_decision *d,
                          struct error *err) MUST_CHECK;

/* Moves last seen forward; an unknown number changes nothing. */
bool state_sources_seen(struct state *s, uint32_t number, int64_t seen_ns, struct error *err) MUST_CHECK;

/* All of them in order of number, for a snapshot or a list. Strings live in `arena`. */
bool state_sources_load(struct state *s, struct arena *arena, struct source_entry **out, uint32_t *count,
                        struct error *err) MUST_CHECK;

#endif
