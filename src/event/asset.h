/* What the organisation says about itself: hosts, users, departments, networks, approved exceptions,
 * conditions. Read from the context files (enrich/asset_csv.h) or from the state database
 * (store/state_assets.h) into plain arrays; strings are borrowed from the arena that was given to the reader.
 * Immutable once read. */
#ifndef EVENT_ASSET_H
#define EVENT_ASSET_H

#include "base/clock.h"
#include "base/str.h"

struct asset_list { /* "a;b" as its parts, trimmed, none empty */
    struct str *items;
    uint32_t count;
};

struct asset_port_range {
    uint16_t from, to; /* both inclusive */
};

struct asset_window { /* minutes since midnight in the set's zone; from > to runs over midnight */
    int16_t from_minute, to_minute; /* [from, to); both 0 = always */
};

enum asset_flag { ASSET_FLAG_UNKNOWN = -1, ASSET_FLAG_NO = 0, ASSET_FLAG_YES = 1 };

/* Every row holds from valid_from_ns to just before valid_to_ns (INT64_MIN and INT64_MAX when open). A date
 * without a time stands for its first moment in valid_from, and for its end in valid_to, expires and review.
 */
struct asset_row {
    int64_t valid_from_ns, valid_to_ns;
    struct str labels; /* unknown columns as a JSON object, "" when there are none */
    uint32_t line;     /* of the file, 1-based, for messages */
};

struct asset_host {
    struct asset_row row;
    struct asset_list ips; /* canonical text */
    struct str hostname;
    struct asset_list macs;
    struct str owner, department;
    int importance; /* 1–4, 0 = not told */
    struct asset_list roles;
    struct str type;
    struct asset_list approved_applications;
};

struct asset_user {
    struct asset_row row;
    struct str user, department;
    struct asset_list roles;
    int importance;
    struct asset_list hosts;
};

struct asset_department {
    struct asset_row row;
    struct str department;
    struct asset_list networks; /* as written, each accepted by cidr_parse() */
    int sensor;                 /* enum asset_flag */
    int importance;
    struct asset_list approved_applications;
};

struct asset_network {
    struct asset_row row;
    struct asset_list cidrs;
    struct str department, zone;
    int sensor;
};

struct asset_exception {
    struct asset_row row;
    struct str kind; /* lower case: scanner, smtp, dns, application, listening, destination, … */
    struct asset_list networks;
    struct str protocol;
    struct asset_list ports; /* "25" or "6000-6010"; asset_port_parse() reads them */
    struct asset_list domains;
    struct asset_window window;
    struct str reason, owner;
    int64_t expires_ns; /* INT64_MAX = never */
};

struct asset_condition {
    struct asset_row row;
    struct str kind, value, reason, added_by; /* kind: country, asn, port, domain, … */
    int64_t review_ns;                        /* INT64_MAX = no date set */
};

enum asset_file {
    ASSET_HOSTS,
    ASSET_USERS,
    ASSET_DEPARTMENTS,
    ASSET_NETWORKS,
    ASSET_EXCEPTIONS,
    ASSET_CONDITIONS,
    ASSET_FILE_COUNT
};

struct asset_set {
    const struct zone *zone; /* given by the caller before reading: for dates without an offset; NULL = UTC */
    bool present[ASSET_FILE_COUNT]; /* the folder held this file (an empty file empties the set; an absent one
                                       does not) */
    struct asset_host *hosts;
    struct asset_user *users;
    struct asset_department *departments;
    struct asset_network *networks;
    struct asset_exception *exceptions;
    struct asset_condition *conditions;
    uint32_t counts[ASSET_FILE_COUNT]; /* rows of the arrays above, in the order of enum asset_file */
};

/* One of an exception's ports: "25" or "6000-6010". */
static inline bool asset_port_parse(struct str text, struct asset_port_range *out)
{
    size_t dash = str_find_char(text, '-', 0);
    uint64_t from, to;
    if (!str_to_u64(str_trim(str_slice(text, 0, dash == STR_NOT_FOUND ? text.n : dash)), 10, &from))
        return false;
    to = from;
    if (dash != STR_NOT_FOUND && !str_to_u64(str_trim(str_skip(text, dash + 1)), 10, &to))
        return false;
    if (from > to || to > 65535)
        return false;
    *out = (struct asset_port_range){(uint16_t)from, (uint16_t)to};
    return true;
}

/* How the columns of a file are kept; see asset_columns.def. */
enum asset_kind {
    ASSET_TEXT,          /* struct str */
    ASSET_WORD,          /* struct str, lower case */
    ASSET_LIST,          /* struct asset_list */
    ASSET_ADDRESSES,     /* struct asset_list of canonical addresses */
    ASSET_NETWORKS_LIST, /* struct asset_list of networks */
    ASSET_PORTS,         /* struct asset_list of ports */
    ASSET_LEVEL,         /* int 0–4 */
    ASSET_FLAG,          /* int, enum asset_flag */
    ASSET_WINDOW,        /* struct asset_window */
    ASSET_UNTIL,         /* int64_t ns */
};

#endif
