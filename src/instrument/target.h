/* What the covert-channel instruments have in common: the outside destination that a sight speaks of, a short
 * copy of who asked for it, lists of names, days. */
#ifndef INSTRUMENT_TARGET_H
#define INSTRUMENT_TARGET_H

#include "base/map.h"
#include "instrument/kind.h"

/* An inside actor and an outside destination. Behind an explicit proxy the proxy's log (or what is asked of
 * the proxy's port) names the domain, whatever address the connection went to. Questions of DNS are no visit.
 * Multicast and broadcast are no destination. Texts are the sight's. */
struct target {
    struct str name;       /* the name asked for in full, else the address */
    struct str registered; /* eTLD+1, or the address */
    bool is_address;
    bool is_inferred; /* the sight has an address only; the name was learned for it before */
};
bool target_of(const struct sight *s, struct target *out);

/* Who, for findings told later; longer texts are cut. Flat. */
struct about {
    uint8_t ip_bytes, name_bytes, user_bytes, department_bytes, product_bytes, passage;
    char ip[46], name[64], user[64], department[64], product[32];
};
void about_fill(struct about *a, const struct sight *s);
void about_reading(const struct about *a, struct reading *r);

/* Domains (with everything below them) and addresses. */
struct name_set {
    struct map names;
};
void name_set_fill(struct name_set *set, const struct instrument *i, const char *list);
void name_set_free(struct name_set *set);
bool name_set_holds(const struct name_set *set, struct str name);

int64_t local_day(const struct instrument *i, int64_t time_s); /* days since 1970 on the wall calendar */
int64_t day_start_s(const struct instrument *i, int64_t day);  /* UTC seconds of its midnight */

static inline int64_t seconds_of(int64_t time_ns)
{
    return time_ns / NS_PER_SECOND;
}

struct key_pair {
    uint64_t who, what;
};
struct key_pair key_pair_of(struct str who, struct str what);
static inline struct str key_pair_str(const struct key_pair *k)
{
    return (struct str){(const char *)k, sizeof *k};
}

/* For the facts of a reading: a name and a printed number, kept in `room`. */
struct facts {
    struct matched_value items[12];
    size_t count, used;
    char room[512];
};
void fact_number(struct facts *f, const char *name, double value);
void fact_text(struct facts *f, const char *name, struct str text);

#endif
