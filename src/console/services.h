/* The seam between the console and everything it shows. The console knows no stage: whoever starts it fills
 * this table with functions over the real stores (serve.c) or over memory (test_server.c).
 *
 * Rules for every function
 *  - `ctx` is console_services.ctx.
 *  - Functions marked [io] run on the event loop: they must return in microseconds and never wait for disk,
 * locks held over I/O, or a query. All others run on the console's worker threads and may take their time;
 * they may be called by several threads at once.
 *  - Strings in requests are borrowed for the call. Strings and arrays in results live in the arena handed
 * in, or outlive the server.
 *  - bool functions: false fills the failure; what was asked has then not happened.
 *  - Functions marked [optional] may be NULL. */
#ifndef CONSOLE_SERVICES_H
#define CONSOLE_SERVICES_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "event/batch.h"
#include "event/incident.h"

struct metrics;

/* Becomes problem JSON. `status` 0 means 400 when a position is given, else 500. `ja` may stay empty: then
 * `en` is shown in both languages (it may itself already be in the process's language). */
struct console_failure {
    int status;             /* 400, 404, 409, 503, 507 … */
    int64_t position;       /* 0-based character in the expression; −1 = none (preset by the console) */
    unsigned retry_after_s; /* 503, 507: when to come back; 0 = the console's default */
    struct error en, ja;
};

/* On whose behalf. */
struct console_viewer {
    struct str user;
    unsigned roles;       /* role bits, console/roles.h */
    bool may_see_persons; /* false: leave out who sits behind a host or an address */
    enum language language;
};

/* ------------------------------------------------------------------ events */

struct search_request {
    struct str expression;  /* filter language; "" = everything */
    int64_t from_ns, to_ns; /* half open; INT64_MIN / INT64_MAX = unbounded */
    uint32_t limit;         /* 1–10,000 rows */
    struct str before;      /* cursor of an earlier result, "" = newest */
    struct console_viewer viewer;
};

struct search_result {
    struct str *columns; /* of a piped result; the columns worth showing otherwise */
    uint32_t column_count;
    struct buf rows; /* JSON objects separated by commas; the console frees it */
    struct str next; /* cursor of the next page, "" = no more */
    uint64_t parts_read, parts_total;
    struct str *warnings; /* unknown field names and the like, for people */
    uint32_t warning_count;
};

struct histogram_result {
    int64_t from_ns, to_ns; /* as used; buckets are aligned to the step */
    uint32_t step_seconds;
    uint64_t *counts;
    uint32_t count;
};

/* --------------------------------------------------------------- incidents */

enum incident_filter { INCIDENTS_OPEN, INCIDENTS_CLOSED, INCIDENTS_ALL };

struct incident_list {
    struct incident *rows; /* in the queue's order; findings filled at least with their product */
    uint32_t count;
};

struct finding_list {
    struct incident_finding *rows; /* newest first */
    uint32_t count;
};

/* What people did with it, oldest first. */
struct incident_step {
    int64_t time_ns;
    struct str user, note;
    enum incident_state from, to; /* equal: only a note */
};

struct incident_history {
    struct incident_step *rows;
    uint32_t count;
    unsigned next_states; /* 1u << state; the console fills it by incident_may_step */
};

struct incident_change {
    uint64_t id;
    bool has_state;
    enum incident_state state;
    struct str note; /* "" = none */
    struct console_viewer viewer;
};

/* ------------------------------------------------------------ sources, balance */

struct source_view {
    uint32_t id;
    struct str name, sender, transport, parser, timezone; /* timezone "" = the installation's */
    bool registered, silent;
    int64_t first_seen_ns, last_seen_ns; /* TIME_UNKNOWN = never */
    uint64_t events_today, parse_failures_today;
    double per_second;
};

struct source_list {
    struct source_view *rows;
    uint32_t count;
};

struct source_change {
    uint32_t id;
    bool has_name, has_parser, has_timezone, has_registered;
    struct str name, parser, timezone;
    bool registered;
    struct console_viewer viewer;
};

struct balance_row {
    struct str source;
    int64_t hour_ns;
    uint64_t received, stored, filtered, rejected, lost;
};

struct balance_list {
    struct balance_row *rows;
    uint32_t count;
};

/* ------------------------------------------------------------------- rules */

struct rule_view {
    struct str id, title_en, title_ja, level, status, file;
    bool proved;
    int64_t last_fired_ns; /* TIME_UNKNOWN = never */
    uint64_t fired;
};

struct rule_refusal {
    struct str file, reason;
    unsigned line, column;
};

struct rule_list {
    struct rule_view *rows;
    uint32_t count;
    struct rule_refusal *refusals;
    uint32_t refusal_count;
    uint64_t loaded, refused;
};

/* ------------------------------------------------------------------ status */

struct console_warning {
    struct str en, ja;
};

struct console_status {
    struct str version;
    int64_t started_ns;
    struct str posture; /* green, yellow, orange, red, unknown */
    uint64_t rules_loaded, rules_refused, parsers_loaded, parsers_refused;
    double events_per_second;
    uint64_t stored;
    uint64_t queue_depth, queue_capacity;
    uint64_t memory_bytes;
    struct console_warning *warnings;
    uint32_t warning_count;
};

struct console_rates {
    double received_per_second, stored_per_second, findings_per_second;
};

/* ------------------------------------------------------------------ ingest */

enum ingest_outcome {
    INGEST_STORED,     /* journalled and fsynced */
    INGEST_DUPLICATE,  /* the key was seen before; the numbers are those of the first time */
    INGEST_QUEUE_FULL, /* 503 */
    INGEST_DISK_FULL,  /* 507 */
    INGEST_STOPPING,   /* 503: the server is shutting down */
    INGEST_REFUSED,    /* 400: the body cannot be records; `detail` says why */
};

struct ingest_result {
    enum ingest_outcome outcome;
    uint64_t accepted, first_sequence, last_sequence;
    unsigned retry_after_s; /* 0 = the console's default */
    const char *detail;     /* one sentence or NULL; copied before `done` returns */
};

struct ingest_request {
    struct str source;          /* {source} of the path: 1–128 of [A-Za-z0-9._:-] */
    struct str body;            /* valid until `done` was called */
    struct str idempotency_key; /* "" = none; at most 256 visible ASCII bytes */
    struct str sender;          /* text address of the peer */
    /* Called exactly once, by any thread, also from inside ingest(). */
    void (*done)(void *token, const struct ingest_result *result);
    void *token;
};

/* ------------------------------------------------------- users and sessions */

#define USER_NAME_MAX     64  /* bytes */
#define PASSWORD_HASH_MAX 128 /* libsodium's crypto_pwhash_STRBYTES */
#define TOKEN_HASH_BYTES  32
#define CSRF_TEXT_BYTES   44

struct console_user {
    char name[USER_NAME_MAX + 1];
    char password_hash[PASSWORD_HASH_MAX]; /* Argon2id, encoded */
    unsigned roles;
    enum language language;
    bool disabled;
};

/* What survives a restart of a login: the cookie's value is not in it, only its BLAKE2b-256. */
struct console_session {
    unsigned char hash[TOKEN_HASH_BYTES];
    char csrf[CSRF_TEXT_BYTES];
    char user[USER_NAME_MAX + 1];
    unsigned roles;
    enum language language;
    int64_t created_ns, seen_ns, expires_ns;
};

struct console_token {
    char user[USER_NAME_MAX + 1]; /* who it acts as */
    unsigned roles;
    int64_t expires_ns; /* TIME_UNKNOWN = never */
};

struct console_audit {
    int64_t time_ns;
    struct str user, address, action, object; /* action: "login", "search", "incident.view" … */
    int status;                               /* HTTP status of the answer */
};

struct console_services {
    void *ctx;

    void (*status)(void *ctx, struct arena *arena, struct console_status *out);
    bool (*ready)(void *ctx, struct error *en, struct error *ja); /* [io] false: not taking records */
    void (*rates)(void *ctx, struct console_rates *out);          /* once a second */
    void (*metrics)(void *ctx, struct metrics *out);              /* console/metrics.h */

    bool (*search)(void *ctx, const struct search_request *request, struct arena *arena,
                   struct search_result *out, struct console_failure *failure);
    bool (*histogram)(void *ctx, const struct search_request *request, uint32_t buckets, struct arena *arena,
                      struct histogram_result *out, struct console_failure *failure);
    /* The whole ECS document with "_id"; 404 when the sequence number is not stored. */
    bool (*event)(void *ctx, uint64_t sequence, const struct console_viewer *viewer, struct buf *json,
                  struct console_failure *failure);

    bool (*findings)(void *ctx, int64_t from_ns, int64_t to_ns, uint32_t limit, struct arena *arena,
                     struct finding_list *out, struct console_failure *failure);
    bool (*incidents)(void *ctx, enum incident_filter filter, uint32_t limit, struct arena *arena,
                      struct incident_list *out, struct console_failure *failure);
    bool (*incident)(void *ctx, uint64_t id, struct arena *arena, struct incident *out,
                     struct console_failure *failure);
    bool (*incident_history)(void *ctx, uint64_t id, struct arena *arena, struct incident_history *out,
                             struct console_failure *failure); /* [optional] */
    bool (*incident_change)(void *ctx, const struct incident_change *change, struct console_failure *failure);
    /* [optional] Whether incident_change would allow the step; from and to differ. */
    bool (*incident_may_step)(enum incident_state from, enum incident_state to);

    bool (*sources)(void *ctx, struct arena *arena, struct source_list *out, struct console_failure *failure);
    bool (*source_change)(void *ctx, const struct source_change *change, struct console_failure *failure);
    bool (*balance)(void *ctx, int64_t from_ns, int64_t to_ns, struct arena *arena, struct balance_list *out,
                    struct console_failure *failure);

    bool (*rules)(void *ctx, struct arena *arena, struct rule_list *out, struct console_failure *failure);
    bool (*rules_reload)(void *ctx, const struct console_viewer *viewer, uint64_t *loaded, uint64_t *refused,
                         struct console_failure *failure);

    /* [io] Takes the records and returns; `done` answers when they are safe on disk. Never waits for room: a
     * full queue is INGEST_QUEUE_FULL. `request` itself is borrowed for the call only, its body until `done`.
     */
    void (*ingest)(void *ctx, const struct ingest_request *request);

    /* [io] Filters of live event streams. match() runs on pipeline workers, several at once, on the same
     * filter. */
    void *(*filter_new)(void *ctx, struct str expression, struct console_failure *failure);
    bool (*filter_match)(const void *filter, const struct event *event);
    void (*filter_free)(void *filter);

    uint64_t (*user_count)(void *ctx);
    bool (*user_find)(void *ctx, struct str name, struct console_user *out); /* false = no such user */
    bool (*user_add)(void *ctx, const struct console_user *user, struct error *err);
    bool (*user_set_language)(void *ctx, struct str name, enum language language, struct error *err);

    /* [optional] Without them sessions end with the process. */
    bool (*session_save)(void *ctx, const struct console_session *session,
                         struct error *err); /* insert or replace */
    void (*session_delete)(void *ctx, const unsigned char hash[TOKEN_HASH_BYTES]);
    void (*sessions_load)(void *ctx, void (*each)(void *context, const struct console_session *session),
                          void *context);

    /* [io] API tokens, found by the BLAKE2b-256 of their text (auth_token_hash): one indexed look-up; answers
     * are kept for some seconds and failures are rate limited per address. */
    bool (*token_find)(void *ctx, const unsigned char hash[TOKEN_HASH_BYTES], struct console_token *out);

    /* [optional] Who looked at what and who changed what: log-ins, searches, per-person views, changes. */
    void (*audit)(void *ctx, const struct console_audit *entry);
};

#endif
