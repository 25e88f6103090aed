/* Everything `hyakuyo serve` holds, for serve.c (which puts it together) and services_*.c (which show it to
 * the console). */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <pthread.h>

#include "console/console.h"
#include "engine/engine.h"
#include "incident/authority.h"
#include "incident/playbook.h"
#include "incident/readiness.h"
#include "incident/vector.h"
#include "input/input.h"
#include "journal/journal.h"
#include "judge/criteria.h"
#include "judge/posture.h"
#include "proof/canary.h"
#include "proof/lag.h"
#include "record/audit_log.h"
#include "recorder/recorder.h"
#include "replay/preview_job.h"
#include "search/search.h"

struct server {
    const char *data_dir;
    const struct zone *zone; /* the installation's */
    struct knowledge_options knowledge_options;
    const char *intel_folder; /* content/intel */
    const char *const *geoip; /* paths of the GeoIP databases */
    size_t geoip_count;
    const char *risk_file;  /* content/risk.yml; DATA/risk.yml takes its place when there is one */
    const char *fleet_file; /* content/fleet.yml; DATA/fleet.yml takes its place when there is one */
    int64_t started_ns;

    struct state *state;
    struct recorder *recorder;  /* every change of state goes through it */
    const char *content_folder; /* content/ */
    bool console_was_up;        /* the start went well */
    int posture_recorded;       /* level + 1; 0 = none yet; under the desk's lock */
    struct registry *registry;
    struct ledger *ledger;
    struct tables *tables; /* headers that sources have sent */
    struct criteria *criteria;
    struct rollup_content *trends; /* content/trends.yml */
    struct posture_criteria *posture_criteria;
    struct business *business;
    struct signatures *signatures;
    struct identity_rules *identity_rules;
    struct playbooks *playbooks;
    struct authority *authority;
    struct intake_rules *intake_rules;
    struct intake *intake; /* while it runs */
    struct retrospect_rules *retrospect_rules;
    struct retrospect *retrospect; /* while it runs: what passed before it was known */
    unsigned report_limit; /* reports of one address without log-in in ten minutes; 0 = the form is off */
    const char *evidence_password; /* of a file that is given out as a ZIP */
    uint64_t evidence_bytes;       /* of one file that is taken in as evidence; 0 = none are */
    struct references
        *references;             /* where to read up; DATA/references.yml takes its place when there is one */
    struct vectors *vectors;     /* which evidence speaks for which way in */
    struct readiness *readiness; /* what is asked; DATA/readiness.yml takes its place when there is one */
    struct calendar *calendar;
    int64_t readiness_noted_ns; /* of the main thread: when readiness was last worked out */
    const char
        *never_block_file; /* what no countermeasure may touch; DATA/never-block.yml when there is one */
    /* Whether the reports whose deadlines run for this incident have been sent; NULL = nobody keeps
     * deadlines.
     */
    bool (*deadlines_met)(struct server *s, uint64_t incident);
    struct outside *outside; /* deadlines, pseudonyms */
    struct desk *desk;
    pthread_mutex_t watch_lock;
    struct buf watch_ids; /* uint64_t each: incidents that wait for work_tick_watch(), under watch_lock */
    struct store *store;
    struct engine *engine;
    struct watch *watch;
    struct lag *lag; /* how late sources are (S4) */
    struct canary_key canary_key;
    struct canary *canary;
    struct preview_jobs *previews;
    const char *rules_dir; /* DATA/rules: rules made in the console, which take the place of others */
    struct retro *retro;   /* while it runs */
    struct reporter *reporter;
    struct notifier *notifier;
    struct carrier *carrier;           /* carries countermeasures out; while it runs */
    _Atomic(struct journal *) journal; /* set while other threads already run */
    _Atomic(struct inputs *) inputs;
    struct counters *http_counters; /* owned by inputs */
    pthread_mutex_t publish_lock;   /* guards console against its own end */
    struct console *console;
    struct audit_log *audit_log;
    uint64_t audit_anchored; /* of the main thread: bytes of the log that the record covers, and when */
    int64_t audit_anchored_ns;
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
void services_record(struct console_services *s);    /* services_record.c */
void services_work(struct console_services *s);      /* services_work.c */
void services_intake(struct console_services *s);    /* services_intake.c: the form without log-in */
void services_outside(struct console_services *s);   /* services_outside.c: deadlines, exports */
void services_forms(struct console_services *s);     /* services_forms.c: reports to public bodies */
void services_posture(struct console_services *s);   /* services_posture.c */
void services_admin(
    struct console_services *s); /* services_admin.c: sources, balance, rules, status, metrics */
void services_assets(struct console_services *s);    /* services_assets.c: who was behind a host */
void services_hosts(struct console_services *s);     /* services_hosts.c: all that is known of one */
void services_host_list(struct console_services *s); /* services_host_list.c: all of them */
void services_access(struct console_services *s);    /* services_access.c: users, tokens, audit */
void services_ingest(struct console_services *s);    /* services_ingest.c */
void services_proof(
    struct console_services *s); /* services_proof.c: canaries, coverage, exceptions from rules */
void services_editor(struct console_services *s); /* services_editor.c: rules made in the console, previews */
void services_intel(struct console_services *s);  /* services_intel.c */
void services_reports(struct console_services *s);     /* services_reports.c */
void services_instruments(struct console_services *s); /* services_instruments.c */
void server_put_instrument_metrics(struct server *s, struct metrics *m);
/* services_notify.c: a warning when messages are not delivered; there is room for it. */
void server_warn_of_notifications(struct server *s, struct console_status *out, struct arena *arena);
void server_put_notification_metrics(struct server *s, struct metrics *m);
/* services_connect.c: the same of orders of connectors. */
void server_warn_of_orders(struct server *s, struct console_status *out, struct arena *arena);
void server_put_order_metrics(struct server *s, struct metrics *m);
void services_trends(struct console_services *s); /* services_trends.c: the everyday trends */
void services_fleet(struct console_services *s);  /* services_fleet.c: states of controls */
void services_risk(struct console_services *s);   /* services_risk.c: risk, focus watch, work list */

/* An entry of the record for what changes nothing in state.db; a failure is logged. */
void server_note(struct server *s, const struct deed *deed);

/* The token that commands of the same user find; before the console starts, whose threads read its hash. */
void server_choose_token(struct server *s);
/* Writes DATA/server.json: address, token, and which process this is. */
bool server_announce(struct server *s, struct error *err) MUST_CHECK;

/* Loads content again and swaps it in; the old one stays when it cannot be loaded. */
bool server_reload_knowledge(struct server *s, uint64_t *loaded, uint64_t *refused,
                             struct error *err) MUST_CHECK;
/* Reads the register of exceptions from rules again. */
bool server_reload_exceptions(struct server *s, struct error *err) MUST_CHECK;
/* Reads the organisation from state.db again. */
bool server_reload_context(struct server *s, struct error *err) MUST_CHECK;
/* Opens the GeoIP databases again. */
bool server_reload_geo(struct server *s, struct error *err) MUST_CHECK;
/* Takes records over as the HTTP interface does: answers by request->done when they are safe. */
void server_ingest(struct server *s, const struct ingest_request *request);
/* Reads the fleet's thresholds, names and version lines again. */
bool server_reload_fleet(struct server *s, struct error *err) MUST_CHECK;
/* Somebody who may lead or approve, and is known here; the sentence says what is wanted. */
bool server_check_approver(struct server *s, struct str name, struct error *err) MUST_CHECK;
/* Reads the focus-watch list and the calibration in force again. */
bool server_reload_focus(struct server *s, struct error *err) MUST_CHECK;
bool server_reload_calibration(struct server *s, struct error *err) MUST_CHECK;
/* Looks at the premises of accepted residual risks; those that have been red too long are marked and told. */
bool server_review_acceptances(struct server *s, struct error *err) MUST_CHECK;
/* Reads the imported threat intelligence again. */
bool server_reload_intel(struct server *s, struct error *err) MUST_CHECK;

#endif
