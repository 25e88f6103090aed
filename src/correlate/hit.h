/* Hits on their way into groups, and what travels with them. Inside the stage only. */
#ifndef CORRELATE_HIT_H
#define CORRELATE_HIT_H

#include "correlate/correlator.h"
#include "correlate/sequence.h"

enum { ONWARD_VALUE = 1, ONWARD_SECOND = 2, ONWARD_HOP = 4 };

/* Of one entry of a way on; key and the way on from there follow. */
struct onward_head {
    uint64_t value;
    double number;
    uint32_t step, key_size, onward_size;
    uint32_t flags;
};

/* key.c: the correlation's hash, then each part of the group's key: u16 length, text in lower case. What
 * belongs to an exercise is in groups of its own: their hash is turned by EXERCISE_HASH. */
enum variant { VARIANT_NAME, VARIANT_ADDRESS };
const struct value *find_value(const struct event *e, const struct field_list *fields);
struct str first_text(const struct event *e, const field_id *fields, size_t count);
void begin_key(struct buf *key, const struct correlation *rule, bool is_exercise);
void add_key_part(struct buf *key, struct str text);
struct str key_part(struct correlator *c, const struct route *r, uint32_t i, const struct event *e,
                    const struct finding *f, enum variant variant);
bool build_key(struct correlator *c, const struct route *r, const struct event *e, const struct finding *f,
               enum variant variant, struct buf *key); /* false: the event belongs to no group */
/* Whether a match is in the group of the host's address as well. */
bool has_two_names(const struct correlator *c, const struct route *r, const struct finding *f);

/* One entry of a way on; false at its end. */
bool next_onward(struct str *rest, struct onward_head *head, struct str *key, struct str *above);
uint32_t correlation_of_key(const struct correlator *c, struct str key); /* index + 1; 0 = none */

/* Into the group of that key, with all that follows from it. Takes over the hit's origin. */
void hit_insert(struct correlator *c, uint32_t correlation, struct str key, struct hit hit);
void hit_remove(struct correlator *c, struct group *g, uint32_t at);

/* hop.c: hits of the group that hop to another host, from that time on → tokens in the groups there. */
void hop_pass_on(struct correlator *c, struct group *g, int64_t from_ns);
/* This hit has gone from the group; so do its tokens. */
void hop_take_back(struct correlator *c, struct group *g, const struct hit *gone);

/* Which steps matched, on all hosts, in their order. */
struct trail_step {
    uint32_t part;
    int64_t time_ns;
    struct str host_name, host_ip, user; /* borrowed from the hits */
};
uint32_t trail_of(const struct hits *h, const struct sequence_match *m,
                  struct trail_step out[SEQUENCE_MAX_PARTS]);

#endif
