/* DATA/connectors.yml, else content/connectors.yml: who carries countermeasures out. There is none until
 * somebody writes one, and one that does not say `on: true` sends nothing. Secrets stand in files of their
 * own.
 *
 *   connectors_load() ─▶ connector_render(): what would be sent, as JSON ─▶ (outbox) ─▶ connector_carry.h */
#ifndef CONNECT_CONNECTORS_H
#define CONNECT_CONNECTORS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

enum connector_kind { CONNECTOR_WEBHOOK, CONNECTOR_COMMAND, CONNECTOR_RADIUS };
struct str connector_kind_name(enum connector_kind kind); /* "webhook", "command", "radius" */

enum connector_act { ACT_CARRY_OUT, ACT_UNDO, ACT_TEST, ACT_COUNT };
struct str connector_act_name(enum connector_act act); /* "carry_out", "undo", "test" */
bool connector_act_parse(struct str name, enum connector_act *act);

#define CONNECTOR_DEVICES_MAX 4

/* What one act of a command or of RADIUS is made of; texts with {names}, values below. */
struct connector_form {
    bool is_given;
    bool is_coa;             /* RADIUS: CoA-Request, else Disconnect-Request */
    const struct str *names; /* RADIUS: of attributes; NULL of a command */
    const struct str *texts; /* arguments, or values of the attributes */
    uint32_t count;
};

struct connector {
    struct str name;
    enum connector_kind kind;
    bool is_on;
    struct str serves[CONNECTOR_DEVICES_MAX]; /* devices of countermeasures */
    uint32_t serves_count;
    bool has_undo;
    struct connector_form forms[ACT_COUNT]; /* not of a webhook */
    const char *secret;                     /* webhook: key of the signature; RADIUS: shared; else NULL */
    const char *url, *ca_file;              /* webhook; ca_file NULL = the system's */
    bool is_plain;                          /* webhook: http:// by the operator's word */
    const char *program;                    /* command */
    unsigned seconds;                       /* command: longest run; webhook has the transport's own */
    const char *host, *port;                /* RADIUS */
    unsigned tries, timeout_ms;
    bool needs_authenticator;
};

struct connectors {
    const struct connector *items;
    uint32_t count;
    struct str version;
    int64_t first_retry_ns, longest_retry_ns, give_up_ns;
};

/* Everything lives in `arena`. Relative paths of secrets are below `data_dir`. False with a sentence that
 * names file and line. */
bool connectors_load(struct connectors *out, const char *path, const char *data_dir, struct arena *arena,
                     struct error *err) MUST_CHECK;
void connectors_forget(struct connectors *c); /* overwrites the secrets */

const struct connector *connector_find(const struct connectors *c, struct str name); /* NULL = none */
/* Whether it is on and has to do with countermeasures at that device. */
bool connector_is_for(const struct connector *c, struct str device);

/* What a form's {names} stand for; "" = not known. */
struct connector_values {
    struct str key, device, target;
    struct str host, ip, user;            /* of a computer that is cut off */
    struct str mac, mac_colon, mac_plain; /* "AA-BB-CC-DD-EE-FF" (RFC 3580), "aa:bb:…", "aabbccddeeff" */
    struct str countermeasure, incident, approved_by;
    struct str expires; /* seconds since 1970 */
};
/* Whether the text's {names} are all known; else *unknown is the first that is not. */
bool connector_check_names(struct str text, struct str *unknown);
/* What is sent, as one JSON value: the body of a webhook; ["/program", "argument", …]; or
 * {"request": "CoA-Request", "attributes": [{"name", "value"}, …]}. Without secrets. False with a sentence
 * when a value that it needs is not known or does not fit, or it has no such act. */
bool connector_render(const struct connector *c, enum connector_act act,
                      const struct connector_values *values, struct arena *arena, struct buf *out,
                      struct error *err) MUST_CHECK;

#endif
