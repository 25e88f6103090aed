/* DATA/channels.yml: the ways out. There is none until somebody writes that file, so nothing leaves by
 * itself. Secrets stand in files of their own, which only their owner may read. */
#ifndef NOTIFY_CHANNELS_H
#define NOTIFY_CHANNELS_H

#include "base/log.h"
#include "notify/ticket.h"

enum channel_type { CHANNEL_MAIL, CHANNEL_WEBHOOK, CHANNEL_SYSLOG, CHANNEL_TICKET };
struct str channel_type_name(enum channel_type t); /* "mail", "webhook", "syslog", "ticket" */

enum syslog_form { SYSLOG_STRUCTURED, SYSLOG_CEF };

struct channel {
    struct str name;
    enum channel_type type;
    const char *url;     /* smtp:// smtps:// http:// https:// udp://host:port tcp://host:port */
    bool is_plain;       /* unencrypted by the operator's word: smtp:// without STARTTLS, http:// */
    const char *user;    /* of mail; NULL = no log-in */
    const char *secret;  /* password, key of the signature, token; NULL = none */
    const char *ca_file; /* NULL = the system's */
    struct str from;     /* of mail: "hyakuyo <soc@example.jp>" */
    enum syslog_form form;
    const struct ticket_template *ticket;
    const struct yaml *values; /* `with`: further values of the ticket's template; NULL = none */
};

struct channels {
    const struct channel *items;
    uint32_t count;
    const char *console_url; /* links in messages begin so; "" = no links */
    int64_t first_retry_ns, longest_retry_ns, give_up_ns;
};

/* Everything lives in `arena`. Relative paths of secrets are below `data_dir`; templates are found in
 * DATA/webhooks, then in `webhooks`. No file: no channel. False with a sentence that names file and line. */
bool channels_load(struct channels *out, const char *data_dir, const char *webhooks, struct arena *arena,
                   struct error *err) MUST_CHECK;

const struct channel *channel_find(const struct channels *c, struct str name); /* NULL = none */
/* Whether a rule's word means this channel: its name, or its type. */
bool channel_is_meant(const struct channel *c, struct str word);
/* "Name <a@b>" or "a@b" → "a@b"; "" when it is none. */
struct str mail_address(struct str from);

#endif
