/* What leaves the house says nothing about who and what is inside (spec 3.5, S188): internal addresses, host
 * names, users and mail addresses become pseudonyms, the same for the same value as long as the key is.
 *
 *   host   host-1f2e3d4c           (the name without its domain, so that "pc7" and "pc7.corp.example" are
 * one) user   user-1f2e3d4c           department   dept-1f2e3d4c          mail user-1f2e3d4c@redacted.invalid
 *   IPv4   240.0.0.0/4 (reserved, RFC 1112: nobody's)                  IPv6   2001:db8::/32 (RFC 3849)
 *
 * Pseudonyms are HMAC-SHA-256 cut to 32 bits (28 for IPv4): two of 300 values meet once in 5,000 exports or
 * so; who has the key can tell values apart by trying them, nobody else can. */
#ifndef REPORT_OUTSIDE_REDACT_H
#define REPORT_OUTSIDE_REDACT_H

#include "base/arena.h"
#include "event/case_facts.h"

#define REDACTION_KEY_BYTES 32

enum redaction_profile {
    REDACT_NONE,
    REDACT_INTERNAL,  /* addresses, hosts, users, mail */
    REDACT_ANONYMOUS, /* and departments: for the library of cases */
};
bool redaction_profile_parse(struct str s, enum redaction_profile *out); /* "none", "internal", "anonymous" */
struct str redaction_profile_name(enum redaction_profile p);

enum redact_kind { REDACT_HOST, REDACT_IP, REDACT_USER, REDACT_DEPARTMENT };

struct redactor; /* lives in its arena; one thread */
struct redactor *redactor_new(enum redaction_profile profile, const unsigned char key[REDACTION_KEY_BYTES],
                              struct arena *arena);
/* From now on this value is found in free text. Borrowed. */
void redactor_know(struct redactor *r, enum redact_kind kind, struct str value);
/* All that the incident names. */
void redactor_know_incident(struct redactor *r, const struct incident *incident);

/* One value that is internal by its role; an address only when it is private or known. */
struct str redact_value(struct redactor *r, enum redact_kind kind, struct str value);
/* Every known value, private address and mail address in it. */
struct str redact_text(struct redactor *r, struct str text);

#endif
