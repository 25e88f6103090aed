/* State of the destination instrument: destination.c counts, destination_day.c tells. */
#ifndef INSTRUMENT_DESTINATION_INTERNAL_H
#define INSTRUMENT_DESTINATION_INTERNAL_H

#include "instrument/destination.h"

enum { UNKNOWN_DESTINATION, RARE_DESTINATION_KEPT, BESIDE_BAD_DESTINATION, FREQUENT_VISITOR };

struct destination_parameters {
    double least_clients, rare_clients, rare_share, new_days, bottom_days, forget_days, unknown_score,
        daily_limit, kept_hours, beside_seconds, beside_lift, beside_times, visitor_domains, visitor_ratio,
        visitor_confidence, name_hours, max_destinations, max_clients, max_crowds, max_addresses;
};

#define PLACE_CLIENTS   6
#define CROWD_EXACT     256
#define CROWD_LOG2_BITS 12
#define RECENT          4
#define COUNTED         64
#define LISTED          8
#define REVIEW_S        (90 * 86400) /* S67: a candidate stays one so long */
#define BAD_VISITS      32

/* One registered domain or address. Clients are numbers of struct client. */
struct place {
    uint64_t bytes_out, bytes_in;
    uint32_t first_s, requests;
    uint32_t serial;
    uint32_t client_count; /* exact, until is_estimate: then at least this */
    uint32_t excepted_s;   /* latest visit that somebody has excepted; 0 = none */
    uint32_t told_s;       /* as a candidate; 0 = never */
    uint32_t kept_told_s;
    uint32_t last_hour; /* since 1970 */
    uint16_t hours;     /* distinct ones with a visit */
    uint16_t clients[PLACE_CLIENTS];
    uint8_t is_allowed, is_address, is_crowd, is_estimate;
};

/* More than PLACE_CLIENTS of them. */
struct crowd {
    uint32_t count;
    uint32_t is_estimate;
    union {
        uint16_t numbers[CROWD_EXACT];
        uint64_t bits[1 << (CROWD_LOG2_BITS - 6)];
    };
};

struct recent {
    uint32_t time_s;
    uint8_t name_bytes;
    char name[51];
};

struct client {
    uint32_t serial;
    uint16_t number; /* the serial's low half: place in people[], comes round after 65,536 */
    uint16_t at;
    struct recent recent[RECENT]; /* rare places */
    uint32_t counted[COUNTED];    /* serials of places that have this client in their count already */
    uint32_t listed[LISTED];      /* serials of candidates it visited (S68); the first ones */
    uint32_t listed_count, listed_visits, last_listed, last_listed_hour;
    uint32_t active_days, last_day, visitor_told_s;
};

/* A rare place that was visited beside a bad one. */
struct beside {
    uint32_t times, told_s;
    uint64_t last_bad; /* number of the bad visit that counted last */
};

/* What an address was last asked for as: by name, or in an answer of DNS. */
struct address_name {
    uint32_t time_s;
    uint8_t is_ambiguous;                 /* several registered domains within name_hours */
    uint8_t name_bytes, registered_bytes; /* the registered domain is the end of the name */
    char name[101];
};

struct bad_visit {
    uint32_t time_s;
    uint16_t client;
};

struct tallies {
    int64_t day, next_day_s; /* local; of the last day that ended */
    int64_t latest_s;
    uint64_t visits, near_visits, bad_visits;
    struct bad_visit bad[BAD_VISITS];
    uint32_t clients, places; /* serials given */
};

struct destination {
    const struct destination_parameters *p;
    struct instrument *self;
    struct keyed *places, *clients, *crowds, *beside, *addresses;
    struct about *people; /* by number */
    size_t people_count;
    struct tallies t;
    struct name_set allowed, dynamic, odd;
    const struct str *owners; /* of networks: part of the name */
    size_t owner_count;
    struct cidr_map *networks; /* allowed ones */
    void *const *dga;
    uint64_t ignored_ports[1024]; /* bitmap */
    /* The visit at hand: others ask for it next. */
    const struct event *seen; /* the event that was counted last, and its number */
    uint64_t seen_sequence;
    bool is_visit;
    struct visit visit;
};

/* Rare, young, on no allow list and excepted by nobody: S65. */
bool destination_is_bottom(const struct destination *d, const struct place *p, int64_t now_s);
/* The day that ends at `end_s`. */
void destination_tell_day(struct destination *d, struct instrument *i, int64_t end_s);
void destination_see_beside(struct destination *d, struct instrument *i, const struct sight *s,
                            const struct target *t, struct client *c);

/* destination_names.c: which name an address goes by. */
void destination_learn_name(struct destination *d, const struct sight *s, const struct target *t);
void destination_learn_answers(struct destination *d, const struct sight *s);
void destination_infer_name(const struct destination *d, int64_t now_s, struct target *t);
bool destination_is_owner_allowed(const struct destination *d, const struct sight *s, const struct target *t);

struct destination_rank {
    struct str name;
    uint32_t clients;
    bool is_estimate;
    uint64_t requests, bytes_out, bytes_in;
    int64_t first_s;
};
/* The first `max` by clients, then requests; `bottom`: of the list of S65 only. `out` has room for max. */
size_t destination_ranking(const struct destination *d, bool bottom, int64_t now_s,
                           struct destination_rank *out, size_t max);

uint32_t destination_crowd_size(const struct crowd *c);
/* instrument_kind.list: rows of both lists, with "list": "top" or "bottom". */
void destination_list(const void *state, const struct instrument *i, struct json_writer *rows);

#endif
