/* Who may do what. Roles are bits in a user's record; permissions are what routes ask for. */
#ifndef CONSOLE_ROLES_H
#define CONSOLE_ROLES_H

#include "base/buf.h"

enum role {
    ROLE_ANALYST = 1 << 0,
    ROLE_LEAD = 1 << 1,
    ROLE_HELPDESK = 1 << 2,
    ROLE_DEPARTMENT = 1 << 3,
    ROLE_APPROVER = 1 << 4,
    ROLE_AUDITOR = 1 << 5,
    ROLE_ADMINISTRATOR = 1 << 6,
    ROLE_COLLECTOR = 1 << 7, /* for tokens of programs that only send records */
    ROLE_VENDOR = 1 << 8,    /* outside: proposes and writes down what it did, never decides (S156) */
};

enum permission {
    MAY_SEE_STATUS = 1 << 0,
    MAY_SEARCH = 1 << 1, /* raw events: names of people and what they did */
    MAY_SEE_INCIDENTS = 1 << 2,
    MAY_WORK_INCIDENTS = 1 << 3,
    MAY_SEE_SOURCES = 1 << 4,
    MAY_MANAGE_SOURCES = 1 << 5,
    MAY_SEE_RULES = 1 << 6,
    MAY_MANAGE_RULES = 1 << 7,
    MAY_INGEST = 1 << 8,
    MAY_SEE_METRICS = 1 << 9,
    MAY_SEE_PERSONS = 1 << 10, /* who is behind a host (S38); such views are audited */
    MAY_USE_OWN_SESSION = 1 << 11,
    MAY_SEE_RECORD = 1 << 20,      /* the response record: who did what */
    MAY_ERASE_RECORD = 1 << 21,    /* a text of it, by law */
    MAY_PROPOSE = 1 << 12,         /* ask for a decision, add an entry of work */
    MAY_APPROVE = 1 << 13,         /* check and sign; which decisions, the authority matrix says */
    MAY_MANAGE_CHANNELS = 1 << 22, /* notifications: send a test, try again; the administrator's alone */
};

/* The bit of a role's name; 0 = unknown. */
unsigned roles_find(struct str name);
unsigned roles_permissions(unsigned roles);
/* "analyst;lead" ↔ bits. Unknown names: false. */
bool roles_parse(struct str list, unsigned *out);
void roles_format(unsigned roles, struct buf *out);
/* ["analyst","lead"] */
void roles_json(unsigned roles, struct buf *out);
/* ["see_status","search"]: the names of MAY_… in small letters. */
void roles_permissions_json(unsigned permissions, struct buf *out);

#endif
