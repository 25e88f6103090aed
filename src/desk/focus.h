/* The focus-watch list (S69): hosts, users and departments that somebody looks at more closely for a while.
 * An immutable index of the entries that are not ended, made anew when the list changes; what happens within
 * an entry's time has a prior that is higher by the criteria's factor. */
#ifndef DESK_FOCUS_H
#define DESK_FOCUS_H

#include "event/incident.h"
#include "judge/risk.h"

#define FOCUS_MAX 5000 /* entries in the index; the list refuses more */

enum focus_kind { FOCUS_HOST = RISK_HOST, FOCUS_USER = RISK_USER, FOCUS_DEPARTMENT = RISK_DEPARTMENT };

struct focus_entry {
    int64_t id;
    enum focus_kind kind;
    struct str name, reason, owner;
    int64_t from_ns, until_ns;
};

/* Names are compared by a host's first label and without regard to case. */
struct focus_key {
    char text[RISK_NAME_MAX + 1];
};
struct str focus_key(enum focus_kind kind, struct str name, struct focus_key *key);

struct focus;
struct focus *focus_new(const struct focus_entry *entries, uint32_t count); /* copied */
void focus_free(struct focus *f);                                           /* NULL is fine */

/* The entry in force at that time that this incident falls under; NULL = none. */
const struct focus_entry *focus_find(const struct focus *f, const struct incident *incident, int64_t now_ns);
const struct focus_entry *focus_named(const struct focus *f, enum focus_kind kind, struct str name,
                                      int64_t now_ns);

#endif
