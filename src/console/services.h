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

/* ------------------------------------------------------------------ assets */

struct identity_request {
    struct str host;        /* name, with or without its domain */
    int64_t from_ns, to_ns; /* half open; INT64_MIN / INT64_MAX = unbounded */
    uint32_t limit;         /* 1–10,000 rows, the newest */
};

struct host_request {
    struct str host; /* name, with or without its domain, or an address */
    struct console_viewer viewer;
};

/* The inventory's list. Texts are "" and numbers 0 where nothing is asked. */
enum host_order {
    HOSTS_BY_NAME,
    HOSTS_BY_DEPARTMENT,
    HOSTS_BY_IMPORTANCE,
    HOSTS_BY_CONTROL,
    HOSTS_BY_RISK,
    HOSTS_BY_SEEN
};
enum host_registered { HOSTS_ANY, HOSTS_REGISTERED, HOSTS_UNREGISTERED };
struct hosts_request {
    struct str text; /* part of a name or address */
    struct str department, network, role, type, control, patches;
    int64_t importance, risk; /* at least */
    enum host_registered registered;
    enum host_order order;
    bool is_falling, as_csv;
    uint32_t limit, offset;
    struct console_viewer viewer;
};

/* ------------------------------------------------------------------ trends */

enum trend_scale { TREND_FINE, TREND_HOUR, TREND_DAY }; /* 5m|1h|1d */
struct trend_request {
    enum { TRENDS_LIST, TRENDS_TOP, TRENDS_SERIES } what;
    struct str dimension, key;
    bool has_key; /* false: all of the dimension */
    enum trend_scale scale;
    int64_t from_ns, to_ns;
    uint32_t limit;
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
    struct str first_task, tasks; /* JSON: an object or null, an array; "" = none are kept */
    unsigned next_states;         /* 1u << state; the console fills it by incident_may_step */
};

struct incident_change {
    uint64_t id;
    bool has_state;
    enum incident_state state;
    struct str note;        /* "" = none; the reason, where the step asks for one */
    struct str hold_reason; /* with on_hold: user, approval, vendor, evidence */
    uint64_t target;        /* with merged and duplicate; 0 = none */
    struct console_viewer viewer;
};

/* ------------------------------------------------------------ work on incidents */

/* One for each route of work_routes.def. */
enum casework_question {
#define CASEWORK(constant, ...) CASEWORK_##constant,
#include "console/work_routes.def"
#undef CASEWORK
    CASEWORK_QUESTION_COUNT
};

struct parameter;
struct parameter_value;

/* A file that came as the body. It lies at `path`, on disk, until the service renames it; else the console
 * removes it. */
struct console_upload {
    const char *path;
    char sha256[65]; /* hexadecimal */
    uint64_t bytes;
};

struct casework_request {
    enum casework_question what;
    uint64_t id, item;             /* of the path, 0 = none */
    struct str name;               /* the first value of the path as text */
    const struct parameter *names; /* of `values`, console/parameters.h; NULL = none were taken */
    const struct parameter_value *values;
    const struct console_upload *upload; /* NULL = none came */
    struct console_viewer viewer;
};

struct casework_answer {
    int status;               /* preset to 200 */
    const char *content_type; /* NULL = JSON */
    struct buf body;          /* the console frees it */
    /* Instead of the body: an open file, handed over; people get it as an attachment of that name. */
    int file; /* 0 = none */
    uint64_t file_bytes;
    const char *file_name; /* of letters, digits, "-" and "."; lives in the arena */
};

/* The form of people who are not logged in (api_report_form.c). */
enum report_form_question { REPORT_FORM_SHOW, REPORT_FORM_SEND, REPORT_FORM_TICK, REPORT_FORM_READ };

struct report_form_request {
    enum report_form_question what;
    struct str address;            /* of the peer, canonical text */
    const struct parameter *names; /* of `values`; NULL = none were taken */
    const struct parameter_value *values;
    enum language language;
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
    double cost_ns, cost_share; /* of detection, an event */
    bool is_dear;
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

/* -------------------------------------------------------- proof, exceptions */

struct exception_request {
    struct str rule_id, condition, owner, reason;
    int64_t expires_ns;
    struct console_viewer viewer;
};

/* ------------------------------------------------------------------ posture */

enum posture_action_kind {
    POSTURE_LOOK,
    POSTURE_OVERRIDE,       /* level, text = reason, approver, time_ns = expiry */
    POSTURE_WITHDRAW,       /* the override */
    POSTURE_CONFIRM,        /* that Orange is over */
    POSTURE_NOTICE,         /* issuer, text = trend, port, tlp, time_ns */
    POSTURE_CONFIRM_NOTICE, /* id */
};

struct posture_action {
    enum posture_action_kind kind;
    int level; /* 0 green … 3 red */
    struct str text, approver, issuer, tlp;
    uint16_t port; /* 0 = none */
    int64_t time_ns;
    uint64_t id;
    struct console_viewer viewer;
};

struct preview_request {
    struct str text;           /* rules as YAML; "" = none */
    struct str exception_rule; /* "" = no exception */
    struct str exception_condition;
    int64_t from_ns, to_ns;
    struct console_viewer viewer;
};

/* ------------------------------------------------------- deadlines, exports */

enum deadline_action {
    DEADLINE_ACT_FACT,  /* name, value */
    DEADLINE_ACT_KNEW,  /* name = department, at_ns */
    DEADLINE_ACT_MET,   /* name = clock, value = copy of what was sent, receipt */
    DEADLINE_ACT_WAIVE, /* name = clock, value = reason */
};

struct deadline_act {
    uint64_t id; /* of the incident */
    enum deadline_action action;
    struct str name, value, receipt;
    int64_t at_ns; /* TIME_UNKNOWN = now */
    struct console_viewer viewer;
};

enum export_format { EXPORT_STIX, EXPORT_IODEF, EXPORT_MISP, EXPORT_CSV, EXPORT_JSONL };

struct export_request {
    uint64_t id;
    enum export_format format;
    int redact; /* 0 none, 1 internal, 2 anonymous */
    int tlp;    /* 0 clear … 4 red */
    bool has_bom;
    struct console_viewer viewer;
};

enum form_action { FORM_ACT_DRAFT, FORM_ACT_APPROVE, FORM_ACT_SENT };

struct form_act {
    uint64_t id, report;             /* incident; report: of a draft, the one it supplements; 0 = none */
    struct str form, receipt, clock; /* clock: the deadline that sending meets; "" = none */
    enum form_action action;
    int redact, tlp; /* as of exports */
    enum language language;
    struct console_viewer viewer;
};

struct form_request {
    uint64_t id;
    struct str form;
    int media; /* 0 text, 1 HTML, 2 JSON */
    int redact, tlp;
    enum language language;
    struct console_viewer viewer;
};

/* ------------------------------------------------------------------- fleet */

struct fleet_request {
    struct str question, state, department; /* "" = all states, all departments */
    uint32_t limit, offset;
};

/* ------------------------------------------------------------------ record */

enum record_request_kind {
    RECORD_LIST, /* incident, actor, from_ns to to_ns, seq = before (0 = newest), limit */
    RECORD_HEAD,
    RECORD_VERIFY,
    RECORD_ERASE, /* seq, text = reason */
};

struct record_request {
    enum record_request_kind kind;
    uint64_t incident, seq;
    struct str actor, text;
    int64_t from_ns, to_ns;
    uint32_t limit;
    struct console_viewer viewer;
};

/* -------------------------------------------------------------------- risk */

enum risk_action {
    RISK_ENTITIES, /* kind, limit */
    RISK_RESIDUAL,
    RISK_EXPOSURE, /* kind: "person" or "department", limit */
    RISK_TRAINING_EFFECT,
    RISK_WORKLIST, /* limit */
    RISK_CALIBRATION,
    RISK_LIST, /* a register's entries: limit, with_ended */
    RISK_ADD,  /* to a register; answers with its id */
    RISK_END,  /* id, reason */
};

/* Registers of decisions about risk. */
enum risk_register {
    REGISTER_FOCUS,       /* kind host, user or department; subject, reason, owner, approver, until */
    REGISTER_ACCEPTANCE,  /* kind: category; decision, reason, owner, approver, until */
    REGISTER_SCENARIO,    /* subject, impact, indicators, controls, owner, until = review */
    REGISTER_TRAINING,    /* subject: department; kind: what was taught; people, from = when, reason */
    REGISTER_HANDOVER,    /* subject: for whom, may be ""; reason: the note (S107) */
    REGISTER_SNOOZE,      /* subject: item of the work list; reason, until */
    REGISTER_CALIBRATION, /* reason: adopts what closed incidents teach */
};

struct risk_request {
    enum risk_action action;
    enum risk_register which;
    struct str kind, subject, reason, owner, approver; /* "" = none */
    struct str decision, impact, indicators, controls;
    int64_t from_ns, until_ns; /* TIME_UNKNOWN = none */
    int64_t people;
    uint64_t id;
    uint32_t limit;
    bool with_ended, may_see_persons;
    struct console_viewer viewer;
};

/* ----------------------------------------------------------------- reports */

struct report_request {
    struct str name;
    int64_t from_ns, to_ns; /* TIME_UNKNOWN: the report's own period */
    uint64_t incident;      /* 0 = none */
    enum language language;
    int format;         /* 0 pdf, 1 html, 2 csv */
    struct str section; /* csv: only this table; "" = all, as ZIP */
    bool bom;
    int64_t seed; /* of samples */
    struct console_viewer viewer;
};

struct report_file {
    struct buf content; /* the console frees it */
    const char *type;   /* media type */
    struct str name, sha256;
};

/* -------------------------------------------------------------- indicators */

struct indicator_import {
    struct str source, content, origin, tlp; /* tlp "" = none */
    int confidence;                          /* −1 = unknown */
    int64_t valid_days;                      /* 0 = for ever */
    struct console_viewer viewer;
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
    struct console_geoip { /* databases of places in use */
        struct str type, path;
        int64_t built_ns;
    } * geoip;
    uint32_t geoip_count;
    struct console_lag { /* sources with events of the last two minutes, or late (S4) */
        uint32_t source;
        struct str name;
        uint64_t events;
        double p95_s;
        int64_t late_since_ns; /* 0 = it is not */
    } * lags;
    uint32_t lag_count;
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
    unsigned roles;                           /* of the user */
    bool changes;                             /* the request was one to change something */
    struct str reason;                        /* of act_begin() only; what the request says why, or "" */
    bool is_recorded;                         /* it has an entry in the response record already */
};

struct console_services {
    void *ctx;

    void (*status)(void *ctx, struct arena *arena, struct console_status *out);
    bool (*ready)(void *ctx, struct error *en, struct error *ja); /* [io] false: not taking records */
    void (*rates)(void *ctx, struct console_rates *out);          /* once a second */
    void (*metrics)(void *ctx, struct metrics *out);              /* console/metrics.h */
    /* What people call the system that a finding names ("microsoft.windows.sysmon"), into the arena. NULL: as
     * it is called inside. */
    void (*system_name)(void *ctx, struct str system, struct arena *arena, struct str *en, struct str *ja);

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
    /* [optional] Whether it is for this person's eyes: a department's officer sees that department's. */
    bool (*incident_is_visible)(void *ctx, const struct console_viewer *viewer, struct str department);
    /* [optional] Whether incident_change would allow the step; from and to differ. */
    bool (*incident_may_step)(enum incident_state from, enum incident_state to);

    /* [optional] What routes of work_routes.def ask; JSON as openapi.json describes it. */
    bool (*casework)(void *ctx, const struct casework_request *request, struct arena *arena,
                     struct casework_answer *out, struct console_failure *failure);
    /* [optional] Reports of users who are not logged in; JSON as openapi.json describes it. */
    bool (*report_form)(void *ctx, const struct report_form_request *request, struct arena *arena,
                        struct casework_answer *out, struct console_failure *failure);
    /* [optional] Deadlines of an incident as JSON, and what people tell about them; its exports. All or none.
     */
    bool (*deadlines)(void *ctx, uint64_t id, struct arena *arena, struct buf *json,
                      struct console_failure *failure);
    bool (*deadline_act)(void *ctx, const struct deadline_act *act, struct console_failure *failure);
    bool (*incident_export)(void *ctx, const struct export_request *request, struct arena *arena,
                            struct buf *out, struct console_failure *failure);

    /* [optional] Reports to public bodies: templates and ledger of an incident, one filled, one step. All or
     * none.
     */
    bool (*forms)(void *ctx, uint64_t id, struct arena *arena, struct buf *json,
                  struct console_failure *failure);
    bool (*form)(void *ctx, const struct form_request *request, struct arena *arena, struct buf *out,
                 struct console_failure *failure);
    bool (*form_act)(void *ctx, const struct form_act *act, struct arena *arena,
                     struct console_failure *failure);

    bool (*sources)(void *ctx, struct arena *arena, struct source_list *out, struct console_failure *failure);
    bool (*source_change)(void *ctx, const struct source_change *change, struct console_failure *failure);
    bool (*balance)(void *ctx, int64_t from_ns, int64_t to_ns, struct arena *arena, struct balance_list *out,
                    struct console_failure *failure);

    bool (*rules)(void *ctx, struct arena *arena, struct rule_list *out, struct console_failure *failure);
    bool (*rules_reload)(void *ctx, const struct console_viewer *viewer, uint64_t *loaded, uint64_t *refused,
                         struct console_failure *failure);

    /* [optional] Both or neither; each writes one JSON value. */
    bool (*instruments)(void *ctx, struct buf *json, struct console_failure *failure);
    bool (*instrument_list)(void *ctx, struct str name, struct buf *json, struct console_failure *failure);

    /* [optional] All hosts: a JSON object, or a CSV file. */
    bool (*hosts)(void *ctx, const struct hosts_request *request, struct arena *arena, struct buf *out,
                  struct console_failure *failure);

    /* [optional] The everyday trends; writes one JSON value. */
    bool (*trends)(void *ctx, const struct trend_request *request, struct arena *arena, struct buf *json,
                   struct console_failure *failure);

    /* [optional] Acts, then writes the posture as openapi.json describes it. */
    bool (*posture)(void *ctx, const struct posture_action *action, struct buf *json,
                    struct console_failure *failure);

    /* [optional] The response record; acts, then writes what openapi.json describes. */
    bool (*record)(void *ctx, const struct record_request *request, struct buf *json,
                   struct console_failure *failure);

    /* [optional] Each writes one JSON value. */
    bool (*proof)(void *ctx, struct arena *arena, struct buf *json, struct console_failure *failure);
    bool (*proof_run)(void *ctx); /* false: one is under way */
    bool (*coverage)(void *ctx, struct arena *arena, struct buf *json, struct console_failure *failure);
    bool (*fleet)(void *ctx, struct str department, struct arena *arena, struct buf *json,
                  struct console_failure *failure);
    bool (*fleet_hosts)(void *ctx, const struct fleet_request *request, struct buf *json,
                        struct console_failure *failure);
    bool (*exceptions)(void *ctx, struct arena *arena, struct buf *json, struct console_failure *failure);
    bool (*exception_add)(void *ctx, const struct exception_request *request, uint64_t *id,
                          struct console_failure *failure);
    bool (*exception_withdraw)(void *ctx, uint64_t id, const struct console_viewer *viewer,
                               struct console_failure *failure);
    bool (*rule_text)(void *ctx, struct str id, struct arena *arena, struct buf *json,
                      struct console_failure *failure);
    bool (*rule_check)(void *ctx, struct str text, struct arena *arena, struct buf *json,
                       struct console_failure *failure);
    bool (*rule_save)(void *ctx, struct str name, struct str text, struct arena *arena, struct buf *json,
                      struct console_failure *failure);
    bool (*rule_remove)(void *ctx, struct str name, struct console_failure *failure);
    bool (*preview_start)(void *ctx, const struct preview_request *request, uint64_t *id,
                          struct console_failure *failure);
    bool (*preview)(void *ctx, uint64_t id, struct buf *json, struct console_failure *failure);

    /* [optional] Acts, then writes the answer as openapi.json describes it. */
    bool (*risk)(void *ctx, const struct risk_request *request, struct arena *arena, struct buf *json,
                 struct console_failure *failure);
    /* [optional] Reports; all of them or none. The answers are JSON as openapi.json describes it. */
    bool (*reports)(void *ctx, struct arena *arena, struct buf *json, struct console_failure *failure);
    bool (*report_make)(void *ctx, const struct report_request *request, struct buf *json,
                        struct console_failure *failure);
    bool (*report_file)(void *ctx, uint64_t id, struct arena *arena, struct report_file *out,
                        struct console_failure *failure);
    bool (*report_sign)(void *ctx, uint64_t id, struct str note, const struct console_viewer *viewer,
                        struct buf *json, struct console_failure *failure);

    /* [optional] All that is known of a host, as members of the JSON object at hand, and its incidents. 404:
     * nobody has heard of it, or the viewer may not see its department. */
    bool (*host)(void *ctx, const struct host_request *request, struct arena *arena, struct buf *json,
                 struct incident_list *incidents, struct console_failure *failure);
    /* [optional] Which addresses a host had and who was behind it, as JSON. */
    bool (*host_identity)(void *ctx, const struct identity_request *request, struct buf *json,
                          struct console_failure *failure);

    /* [optional] Threat intelligence; all of them or none. The answers are JSON as openapi.json describes it.
     */
    bool (*indicators)(void *ctx, struct buf *json, struct console_failure *failure);
    bool (*indicator_hits)(void *ctx, struct str source, uint32_t limit, struct buf *json,
                           struct console_failure *failure);
    bool (*indicator_lookup)(void *ctx, struct str value, struct buf *json, struct console_failure *failure);
    bool (*indicator_import)(void *ctx, const struct indicator_import *request, struct buf *json,
                             struct console_failure *failure);
    bool (*indicator_remove)(void *ctx, struct str name, struct console_failure *failure);

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
    /* [io] All that are stored; at the start, and to see which were withdrawn from outside. False: could not.
     */
    bool (*sessions_load)(void *ctx, void (*each)(void *context, const struct console_session *session),
                          void *context);

    /* [io] API tokens, found by the BLAKE2b-256 of their text (auth_token_hash): one indexed look-up; answers
     * are kept for some seconds and failures are rate limited per address. */
    bool (*token_find)(void *ctx, const unsigned char hash[TOKEN_HASH_BYTES], struct console_token *out);

    /* [optional] Who looked at what and who changed what: log-ins, searches, per-person views, changes. */
    void (*audit)(void *ctx, const struct console_audit *entry);
    /* [optional] Around the handler of a request that changes something, on the same thread: entries of the
     * response record say who asked. act_end() tells whether one was written. */
    void *(*act_begin)(void *ctx, const struct console_audit *entry);
    bool (*act_end)(void *ctx, void *act);
};

#endif
