/* The console: HTTP API, live stream and the web console's files. This is all that serve.c needs to know.
 *
 * Threads: libmicrohttpd's event loop(s), two workers for queries, two for passwords, one for the live stream
 * and time limits. Every function here may be called by any thread. */
#ifndef CONSOLE_CONSOLE_H
#define CONSOLE_CONSOLE_H

#include "console/services.h"

enum ingest_policy {
    INGEST_LOOPBACK_OPEN, /* peers on this machine need no token, others do */
    INGEST_TOKEN,         /* every peer needs one (role collector) */
    INGEST_OPEN,          /* nobody does */
};

/* Texts are borrowed until console_stop. */
struct console_config {
    const char *listen;     /* "127.0.0.1:8480", "[::]:8480"; port 0 takes a free one */
    const char *web_folder; /* built console files; NULL or missing: a page says so */
    const char *const
        *hosts; /* names people call this server by (Host header); NULL-terminated, may be NULL */
    const char *certificate_pem, *key_pem; /* texts, not paths; both or none */
    bool public_https;                     /* a proxy in front speaks TLS: cookies are Secure */
    enum ingest_policy ingest;
    enum language language; /* for people who have not chosen one */

    /* 0 = the default in brackets */
    unsigned loops;                   /* event loop threads [1] */
    unsigned query_threads;           /* [2], at most 16 */
    unsigned query_queue;             /* requests that wait before 503 [64] */
    unsigned connections;             /* at once [2048] */
    unsigned connections_per_address; /* at once, loopback excepted [256] */
    unsigned header_timeout_s;        /* to send a request's head [15] */
    unsigned idle_timeout_s;          /* without a byte either way [30] */
    unsigned session_idle_s;          /* [12 h] */
    unsigned session_max_s;           /* [7 days] */
    unsigned stream_clients;          /* [1000] */
    size_t ingest_body_bytes;         /* [16 MiB] */
    const char *upload_folder;        /* where files lie while they come; NULL = none are taken */
    uint64_t upload_bytes;            /* of one file; 0 = none are taken */
    unsigned reports_per_address;     /* of users without log-in, in ten minutes; 0 = the form is off */
};

struct console;

/* Binds, indexes the web folder, starts the threads. NULL with a sentence when the address cannot be bound,
 * the folder cannot be read or the certificate is wrong. `services` is copied, its ctx must outlive the
 * console. */
struct console *console_start(const struct console_config *config, const struct console_services *services,
                              struct error *err) MUST_CHECK;
/* Refuses new work, waits for what runs (ingest answers included: the journal must still be running), ends
 * the streams, joins the threads. */
void console_stop(struct console *c);

unsigned console_port(const struct console *c);
/* The one-time token of the set-up link while no user exists; "" otherwise. Valid until console_stop. */
const char *console_setup_token(struct console *c);
/* After a user was disabled, removed or given another password elsewhere. */
void console_end_sessions_of(struct console *c, struct str user);

/* Live stream. Cheap when nobody listens (one atomic read). Nothing is kept from the arguments. */
void console_publish_finding(struct console *c, const struct finding *finding);
void console_publish_incident(struct console *c, const struct incident *incident);
/* Called by pipeline workers with every finished batch: at most 20 events a second reach each listener. */
void console_offer_events(struct console *c, const struct batch *batch);

#endif
