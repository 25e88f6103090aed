/* The catalogue of threat intelligence: which sources and allow lists were imported with what result, and
 * what searching newly imported indicators back through the stored events has found. The indicators
 * themselves are files below the data folder (detect/indicator_image.h). */
#ifndef STORE_STATE_INTEL_H
#define STORE_STATE_INTEL_H

#include "base/arena.h"
#include "store/state.h"

enum intel_kind { INTEL_INDICATORS, INTEL_ALLOW_LIST };

struct intel_source {
    struct str name;
    enum intel_kind kind;
    struct str format; /* stix, misp, zeek, csv, list; allow lists: cidr, hostname … */
    struct str origin; /* path or address it came from */
    struct str file;   /* below the data folder's intel/ */
    int64_t imported_ns;
    uint64_t seen, kept, repeated, refused, expired, allowed;
    struct str details;    /* JSON: {"refused":[{"reason","count","sample","line"}],"types":{…}} */
    struct str cursor;     /* TAXII: added_after of the next request; "" = from the beginning */
    int64_t searched_ns;   /* when the search back was done; TIME_UNKNOWN = not yet */
    uint64_t searched_for; /* indicators that were new to it */
};

/* Inserts, or replaces the source of that name. */
bool state_intel_put(struct state *s, const struct intel_source *source, struct error *err) MUST_CHECK;
/* Takes the source and its hits away; `*found` tells whether there was one. */
bool state_intel_remove(struct state *s, struct str name, bool *found, struct error *err) MUST_CHECK;
/* All, by kind and name. */
bool state_intel_list(struct state *s, struct arena *arena, struct intel_source **out, uint32_t *count,
                      struct error *err) MUST_CHECK;
bool state_intel_searched(struct state *s, struct str name, int64_t when_ns, uint64_t searched_for,
                          struct error *err) MUST_CHECK;

/* One indicator that was met in the past (S1, S35): who, since when. */
struct intel_hit {
    struct str source, indicator, type, description;
    struct str field, value; /* where the stored events name it */
    struct str allowed_by;   /* "" = by no list */
    int64_t first_ns, last_ns;
    uint64_t count, first_sequence;
    uint64_t before_valid;   /* of them before the indicator's valid_from */
    struct str patient_zero; /* the host of the first event: name, address or user */
    struct str hosts; /* JSON: [{"host","ip","user","first","last","count"}], by first; "" when cut off */
    uint32_t host_count;
    int64_t searched_ns;
};
/* Replaces the hit of the same source, indicator, field and value. */
bool state_intel_put_hit(struct state *s, const struct intel_hit *hit, struct error *err) MUST_CHECK;
/* Newest search first; `source` "" = all. */
bool state_intel_hits(struct state *s, struct str source, uint32_t limit, struct arena *arena,
                      struct intel_hit **out, uint32_t *count, struct error *err) MUST_CHECK;

#endif
