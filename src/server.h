/* Everything `hyakuyo serve` holds, for serve.c (which puts it together) and services_*.c (which show it to
 * the console). */
#ifndef SERVER_H
#define SERVER_H

#include <pthread.h>

#include "console/console.h"
#include "engine.h"
#include "input/input.h"
#include "journal/journal.h"
#include "judge/criteria.h"
#include "search.h"

struct server {
    const char *data_dir;
    const struct zone *zone; /* the installation's */
    struct knowledge_options knowledge_options;
    int64_t started_ns;

    struct state *state;
    struct registry *registry;
    struct ledger *ledger;
    struct criteria *criteria;
    struct desk *desk;
    struct store *store;
    struct engine *engine;
    _Atomic(struct journal *) journal; /* set while other threads already run */
    _Atomic(struct inputs *) inputs;
    struct counters *http_counters; /* owned by inputs */
    pthread_mutex_t publish_lock;   /* guards console against its own end */
    struct console *console;
    int audit_fd;
    char url[300];               /* of the console, as people on this machine reach it */
    pthread_mutex_t reload_lock; /* one load of content or context at a time: the newest wins */
    char local_token[2 * TOKEN_HASH_BYTES +
                     1]; /* of server.json, for commands on this machine; zeros once there */
    unsigned char local_token_hash[TOKEN_HASH_BYTES];

    /* Once a second, by the main thread. */
    _Atomic uint64_t received; /* since start */
    _Atomic double received_per_second, stored_per_second, findings_per_second;
};

/* Fills the table with functions over a struct server (its ctx). */
void services_events(
    struct console_services *s); /* services_events.c: search, histogram, event, findings, filters */
void services_incidents(struct console_services *s); /* services_incidents.c */
void services_admin(
    struct console_services *s); /* services_admin.c: sources, balance, rules, status, metrics */
void services_access(struct console_services *s); /* services_access.c: users, tokens, audit */
void services_ingest(struct console_services *s); /* services_ingest.c */

/* The token that commands of the same user find; before the console starts, whose threads read its hash. */
void server_choose_token(struct server *s);
/* Writes DATA/server.json: address, token, and which process this is. */
bool server_announce(struct server *s, struct error *err) MUST_CHECK;

/* Loads content again and swaps it in; the old one stays when it cannot be loaded. */
bool server_reload_knowledge(struct server *s, uint64_t *loaded, uint64_t *refused,
                             struct error *err) MUST_CHECK;
/* Reads the organisation from state.db again. */
bool server_reload_context(struct server *s, struct error *err) MUST_CHECK;

#endif
