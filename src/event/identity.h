/* Who held what, from when to when: what records say about addresses, computers and people. enrich/ makes
 * facts of events and keeps intervals; store/ keeps those for later. */
#ifndef EVENT_IDENTITY_H
#define EVENT_IDENTITY_H

#include "base/str.h"

enum identity_relation {
    IDENTITY_DEVICE,  /* address → hardware address and host name: leases, admissions. One at a time */
    IDENTITY_NAME,    /* hardware address → host name, as leases told it. One at a time */
    IDENTITY_TENANT,  /* address → person: remote access, proxy log-ins. One at a time, strong and weak ones
                         apart */
    IDENTITY_SESSION, /* host → person: log-ons. Several at a time */
    IDENTITY_RELATION_COUNT
};
struct str identity_relation_name(enum identity_relation r); /* "device", "name", "tenant", "session" */

/* One record's statement. Texts live with the batch. */
struct identity_fact {
    struct identity_fact *next;
    enum identity_relation relation;
    uint64_t sequence; /* of the event that says it */
    int64_t time_ns;   /* of the event */
    int64_t lasts_ns;  /* how long it holds at most without news */
    bool is_end, is_weak;
    struct str key;                 /* canonical address, hardware address or short host name in lower case */
    struct str mac;                 /* "aa-bb-cc-dd-ee-ff" or "" */
    struct str host, user, session; /* "" = not told; host is the short name as written */
    struct str by;                  /* "dhcp", "logon" … as content/identity.yml says */
};

/* [from, to): `key` was held by the rest. */
struct identity_interval {
    uint64_t id;      /* in this installation, from 1 */
    uint64_t learned; /* event that began it: events before that one do not know it */
    uint64_t ended;   /* event that ended it early, 0 = none did */
    int64_t from_ns, to_ns;
    int64_t limit_ns; /* until when it would hold had nobody ended it; ≥ to_ns */
    enum identity_relation relation;
    bool is_weak;
    struct str key, mac, host, user, session, by;
};

#endif
