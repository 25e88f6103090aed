/* The work on incidents, between its rules (incident/), its rows (store/state_work.h), the record and the
 * console. One struct casework is one request, or one thing the machine does by itself; its functions answer
 * false once the failure is set. work.c has what all share, work_tasks.c tasks, work_hearing.c the hearing,
 * work_retrospect.c what was used before it was known, work_decisions.c approvals, work_state.c the steps of
 * an incident, work_items.c hosts, entries and reviews, work_evidence.c and work_custody.c evidence,
 * work_counter.c, work_target.c, work_measure.c countermeasures, work_connect.c who carries them out,
 * work_look.c what is only looked at; the registers around incidents: work_vendors.c, work_sharing.c,
 * work_improve.c, work_kpi_world.c, work_kpi.c, work_dossier.c, work_library.c, work_documents.c,
 * work_readiness.c. */
#ifndef WORK_WORK_H
#define WORK_WORK_H

#include "console/roles.h"
#include "incident/authority.h"
#include "incident/playbook.h"
#include "incident/workflow.h"
#include "recorder/recorder.h"
#include "server/server.h"
#include "store/state_work.h"

#define WORK_ROWS_MOST 10000 /* of one answer */

struct casework {
    struct server *s;
    const struct casework_request *q; /* NULL: the machine by itself */
    struct arena *arena;
    struct buf *out;
    struct casework_answer *answer;
    struct console_failure *failure;
    struct str actor;
    unsigned roles;
    bool sees_persons;
    int64_t now_ns;
};
typedef bool casework_handler(struct casework *c);

/* The machine as the actor; `failure` receives what went wrong. */
struct casework work_machine(struct server *s, struct arena *arena, struct console_failure *failure);

/* What the request brought; "" and `fallback` when it did not. */
bool work_given(const struct casework *c, const char *name);
struct str work_value(const struct casework *c, const char *name);
int64_t work_value_number(const struct casework *c, const char *name, int64_t fallback);

/* All return false. */
bool work_refuse(struct casework *c, int status, const char *en, const char *ja);
bool work_fail(struct casework *c, int status, const struct error *err);

/* Who is only a department's officer sees the incidents of that department. */
bool work_may_see(struct server *s, unsigned roles, struct str user, const struct incident *incident);
/* The incident of the path; 404 when there is none, or it is not for this person's eyes. */
bool work_incident(struct casework *c, uint64_t id, struct incident *out);
/* A row that belongs to that incident (its first column); 404 otherwise. */
bool work_row_of(struct casework *c, enum work_table table, uint64_t id, uint64_t incident,
                 struct work_row *row);
bool work_rows_of(struct casework *c, enum work_table table, uint64_t parent, struct work_rows *out);
/* The one row of people's knowledge of an incident; id 0 when there is none yet. */
bool work_case(struct casework *c, uint64_t incident, struct work_row *row);

/* One transaction with the record. After begin exactly one end; `ok` false rolls back. */
bool work_begin(struct casework *c);
bool work_end(struct casework *c, bool ok, const struct deed *deed);
/* Within it. */
bool work_add(struct casework *c, enum work_table table, struct work_row *row);
bool work_set(struct casework *c, enum work_table table, struct work_row *row, int column, struct str value);
bool work_set_number(struct casework *c, enum work_table table, struct work_row *row, int column,
                     int64_t number);
/* Every member of the request whose name is a column goes into the row; times default to nothing. */
void work_take_members(const struct casework *c, enum work_table table, struct work_row *row);
bool work_change_members(struct casework *c, enum work_table table, struct work_row *row);

/* A deed of this person on that target, with the request's instructed_by, approved_by, reported_to. */
struct deed work_deed(const struct casework *c, const char *action, uint64_t incident, const char *kind,
                      uint64_t id, struct str text);

/* Adds the row in a transaction of its own, recorded as `action` on `kind`/id; the answer becomes a 201. */
bool work_enter(struct casework *c, enum work_table table, struct work_row *row, const char *action,
                uint64_t incident, const char *kind, struct str text);
/* One row, 404 when there is none; all rows, the newest WORK_ROWS_MOST. */
bool work_find(struct casework *c, enum work_table table, uint64_t id, struct work_row *row);
bool work_all_rows(struct casework *c, enum work_table table, struct work_rows *out);
/* Whether what belongs to that incident (0 = none) is for this person's eyes; sets no failure. */
bool work_may_see_number(struct casework *c, int64_t incident);
/* False with a refusal for accounts that are only a vendor's: our own affairs. */
bool work_is_inside(struct casework *c);
/* Of "a;b", whatever the case. */
bool work_list_has(struct str list, struct str wanted);

/* {"rows":[…]} of the rows of a table, or one row as the whole answer. */
bool work_answer_rows(struct casework *c, enum work_table table, const struct work_rows *rows);
/* The review of the incident of the path with its actions; the members of one action, with what is late. */
bool work_answer_review(struct casework *c);
void work_action_members(struct casework *c, const struct work_row *action, struct json_writer *w);
bool work_answer_row(struct casework *c, enum work_table table, const struct work_row *row);
void work_put_names(struct json_writer *w, const char *key, const struct str *names, uint32_t count);
/* Who answers: by question. */
casework_handler *work_handler(enum casework_question question);

/* What is asked before a countermeasure is requested, set or carried out: whether that may be blocked at that
 * device, or (device "access") cut off. Refuses otherwise. */
bool work_check_target(struct casework *c, struct str device, struct str target);
bool work_is_server_target(struct casework *c, struct str target);
/* Tells the desk which computers are verified to be cut off. Not within a transaction. */
void work_tell_isolated(struct server *s);
/* The countermeasure of the path and its incident. */
bool work_find_measure(struct casework *c, struct work_row *row, struct incident *incident);
/* One countermeasure, or {"rows":[…]} of an incident's, with signatures and orders. */
bool work_answer_measure(struct casework *c, const struct incident *incident, const struct work_row *row);
bool work_answer_measures(struct casework *c, const struct incident *incident, const struct work_rows *rows);

/* Roles of the matrix that this person holds. */
bool work_signer(struct casework *c, struct authority_signer *signer);
/* The approval that lets an action of this incident happen now: approved and not expired, or an emergency.
 * `action` "" = any containment. False also when there is none; *found tells. */
bool work_find_approval(struct casework *c, uint64_t incident, struct str action, struct str scope,
                        bool *found, struct work_row *approval);
/* For the status: vendors whose contract or review wants somebody, actions past their date. */
uint32_t work_vendors_due(struct server *s);
bool work_vendor_is_due(const struct work_row *vendor, int64_t now_ns);
uint32_t work_actions_late(struct server *s);
/* An array of cases of the library that look like it, the likest first. */
bool work_put_similar_cases(struct casework *c, const struct incident *incident, struct json_writer *w);
/* Within a transaction: asks whether the control of a dossier may be introduced (S184). */
bool work_propose_control(struct casework *c, uint64_t dossier, struct str question, struct work_row *a);
bool work_is_server(struct server *s, const struct incident *incident);
bool work_may_act(struct casework *c, const struct incident *incident, struct str action, struct str scope,
                  bool *may, struct work_row *approval);
bool work_facts(struct casework *c, const struct incident *incident, struct workflow_facts *facts);

/* Opens the tasks of an incident that has become one, and swaps the first task when its kind has changed. */
void work_follow(struct server *s, const struct incident *incident);
/* What a first task that watches brings by itself: history and neighbours as an entry, a focus watch of the
 * hosts (S149). Asked for by any thread, cheaply; done by the main thread, a few incidents a second, because
 * it looks at many. Once for each incident. */
void work_want_watch(struct server *s, uint64_t incident);
void work_tick_watch(struct server *s);
/* At the start: incidents that have no tasks yet, since the program ended before or is new to them. */
bool work_catch_up(struct server *s, struct error *err) MUST_CHECK;
/* Timers of the tasks of the state that was entered begin to run. Within a transaction. */
bool work_enter_stage(struct casework *c, uint64_t incident, enum incident_state state);
/* Tasks that nobody will do any more: the incident was merged or put aside. Within a transaction. */
bool work_drop_tasks(struct casework *c, uint64_t incident, struct str reason);
/* A task as an object, with whether it is late. */
void work_put_task(const struct work_row *task, int64_t now_ns, bool sees_persons, struct json_writer *w);
/* What the request says of a task; `incident` NULL: the task asks for no authority (409, 400 otherwise). */
bool work_change_task(struct casework *c, struct work_row *task, const struct incident *incident);
bool work_tasks_json(struct server *s, uint64_t incident, bool sees_persons, struct arena *arena,
                     struct str *first, struct str *all);
/* Moves an incident on, or only adds a note. */
bool work_change_state(struct casework *c, const struct incident_change *change);
/* Clocks: decisions that are late, watches and countermeasures that end. Once a second, by the main thread.
 */
void work_tick(struct server *s);

/* In force: owner, version and approval are entered, and the review is ahead. Due: used, and not in force. */
bool work_document_is_in_force(const struct work_row *document, int64_t now_ns);
bool work_document_is_due(const struct work_row *document, int64_t now_ns);
/* Works readiness out and keeps it when a day begins or an answer changed (S79): at the start, once an hour,
 * and when somebody entered what may change it. By the main thread; the second for whoever entered. */
void work_tick_readiness(struct server *s);
bool work_note_readiness(struct casework *c);

/* The same relation both ways: `back` is how the other one reads it. */
bool work_relate(struct casework *c, uint64_t from, uint64_t to, const char *kind, const char *back,
                 struct str note);
bool work_answer_case(struct casework *c, const struct incident *incident);
/* Runs `regroup`, which moves findings between the two incidents it names, with the desk standing still. */
bool work_regroup(struct casework *c, bool (*regroup)(void *context, uint64_t ids[2]), void *context);
/* Inside a transaction: all findings of that incident go to the other. */
bool work_move_all_findings(struct casework *c, const struct incident *from, uint64_t to);
casework_handler work_get_case, work_patch_case, work_merge, work_split;
casework_handler work_get_tasks, work_post_task, work_patch_task, work_get_hearing, work_post_hearing;
casework_handler work_get_approvals, work_propose, work_get_all_approvals, work_get_approval, work_check,
    work_approve, work_reject, work_withdraw, work_get_authority;
casework_handler work_get_evidence, work_post_evidence, work_post_evidence_query, work_post_evidence_file,
    work_get_evidence_file, work_get_evidence_item, work_post_custody, work_get_hosts, work_post_host,
    work_patch_host, work_get_residual, work_get_entries, work_post_entry, work_get_mentions,
    work_read_mention, work_get_review, work_post_review, work_sign_review, work_post_action,
    work_patch_action;
casework_handler work_get_countermeasures, work_post_countermeasure, work_get_all_countermeasures,
    work_patch_countermeasure, work_approve_measure, work_check_measure, work_get_blocklist,
    work_get_contacts, work_post_contact, work_patch_contact, work_delete_contact;
casework_handler work_get_intake, work_post_intake, work_get_intake_item, work_patch_intake,
    work_post_intake_tick, work_post_intake_looks;
casework_handler work_get_vendors, work_post_vendor, work_get_vendor, work_patch_vendor, work_get_invocations,
    work_post_invocation, work_patch_invocation;
casework_handler work_get_partners, work_post_partner, work_patch_partner, work_get_consultations,
    work_get_all_consultations, work_post_consultation, work_patch_consultation, work_get_sharing,
    work_post_sharing, work_patch_sharing;
casework_handler work_get_improvements, work_get_kpis, work_get_kpi;
casework_handler work_get_dossiers, work_post_dossier, work_get_dossier, work_patch_dossier,
    work_submit_dossier;
casework_handler work_post_case, work_get_library, work_get_library_case, work_delete_library_case,
    work_get_references;
casework_handler work_get_similar, work_get_as_of, work_get_playbooks;
casework_handler work_get_connectors, work_test_connector, work_get_preview, work_retry_order;
casework_handler work_get_documents, work_post_document, work_patch_document, work_get_readiness,
    work_post_attestation;
casework_handler work_get_retrospects, work_patch_retrospect;
casework_handler work_get_notifications, work_acknowledge, work_retry_message, work_test_channel;

#endif
