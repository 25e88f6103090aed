/* An incident for machines elsewhere (spec 3.5, S154): pure functions from facts to text. Each takes the same
 * case and appends one document; everything internal goes through its redactor.
 *
 *   redact.c → indicators.c → stix.c, iodef.c, misp.c, indicator_csv.c */
#ifndef REPORT_OUTSIDE_EXPORT_H
#define REPORT_OUTSIDE_EXPORT_H

#include "base/buf.h"
#include "report/outside/redact.h"

/* TLP 2.0 (FIRST, 2022); never translated. */
enum tlp { TLP_CLEAR, TLP_GREEN, TLP_AMBER, TLP_AMBER_STRICT, TLP_RED };
bool tlp_parse(struct str s, enum tlp *out); /* "TLP:AMBER+STRICT" or "amber+strict" */
struct str tlp_label(enum tlp t);            /* "TLP:AMBER+STRICT" */

struct case_step { /* of its history */
    int64_t time_ns;
    struct str user, text, state; /* state "" = only a note */
};

struct case_export {
    const struct case_facts *facts;
    const struct case_step *steps;
    size_t step_count;
    struct redactor *redactor;
    enum tlp tlp;
    struct str organisation, email; /* who exports; "" = not told */
    struct str seed;                /* of identifiers: the same installation gives the same ones */
    int64_t now_ns;
    struct arena *arena;
};

enum observable_type {
    OBSERVABLE_IPV4,
    OBSERVABLE_IPV6,
    OBSERVABLE_DOMAIN,
    OBSERVABLE_URL,
    OBSERVABLE_MD5,
    OBSERVABLE_SHA1,
    OBSERVABLE_SHA256,
};
#define OBSERVABLE_TYPE_COUNT (OBSERVABLE_SHA256 + 1)
struct str observable_type_name(enum observable_type t); /* "ipv4-addr", "domain-name", "sha256" … */

/* What the other side showed; internal addresses are none. */
struct observable {
    enum observable_type type;
    struct str value;
    int64_t first_ns, last_ns;
    uint64_t count;
    struct str title;      /* of the finding that saw it first, redacted */
    struct str techniques; /* "T1071.001;T1059" */
};
size_t case_indicators(const struct case_export *c, struct observable **out);

/* "t1071.001" of ";" lists, each once, in order of appearance. */
size_t case_techniques(const struct case_export *c, struct str **out);

void export_stix(const struct case_export *c, struct buf *out);  /* STIX 2.1 bundle */
void export_iodef(const struct case_export *c, struct buf *out); /* RFC 7970 as JSON, RFC 8727 */
void export_misp(const struct case_export *c, struct buf *out);  /* {"Event": …} */
void export_csv(const struct case_export *c, bool has_bom, struct buf *out);

/* For the exports' own use. */
struct json_writer;
void export_member(struct json_writer *w, const char *key, struct str value); /* left out when "" */
void export_time(struct json_writer *w, const char *key, int64_t time_ns);    /* left out when unknown */
struct str export_uuid(const struct case_export *c, const char *kind, struct str name);
struct str export_title(const struct case_export *c);       /* redacted */
struct str export_description(const struct case_export *c); /* redacted */

#endif
