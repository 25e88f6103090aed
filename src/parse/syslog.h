/* The syslog header in all the shapes senders give it: RFC 5424, RFC 3164, and what vendors make of them. */
#ifndef PARSE_SYSLOG_H
#define PARSE_SYSLOG_H

#include "base/clock.h"
#include "base/str.h"
#include "parse/named.h"

enum syslog_form {
    SYSLOG_NONE, /* no header: `message` is the whole record */
    SYSLOG_PRI,  /* only "<n>" */
    SYSLOG_BSD,  /* RFC 3164 and its relatives */
    SYSLOG_IETF, /* RFC 5424 */
};

struct syslog {
    enum syslog_form form;
    bool has_priority;
    uint8_t facility, severity;
    int64_t time_ns;      /* TIME_UNKNOWN when the header has none */
    struct str time_text; /* as written */
    struct str host;      /* "" when absent, like all the following */
    struct str app;       /* program or tag, without "[pid]" and ':' */
    struct str pid;
    struct str msgid;
    struct str structured;     /* RFC 5424 structured data with its brackets */
    struct str message;        /* what follows the header */
    struct str after_priority; /* the record without "<n>", for formats that begin with their own time */
    struct str after_host;     /* the message with the tag still in front: some senders have no tag at all */
};

/* Never fails: what is no header is message. */
void syslog_parse(struct str raw, const struct time_context *context, struct syslog *out);

/* Adds the parameters of the structured data as ID.NAME, and as NAME alone (first wins on the caller's side).
 * Escapes of RFC 5424 section 6.3.3 are removed. Returns the bytes read, 0 when malformed at the start. */
size_t syslog_structured(struct str text, struct named_list *out, struct arena *arena);

/* "kern", "user", "local0"; "emergency" … "debug" as ECS names them. */
struct str syslog_facility_name(unsigned facility);
struct str syslog_severity_name(unsigned severity);

#endif
