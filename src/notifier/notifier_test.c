/* The outbox with a clock that is set: who is told, once; digests; the ladder; what is acknowledged or no
 * longer so. State is a real state.db, nothing is sent. */
#include "notifier/notifier_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "proof/watch.h"
#include "store/state_incidents.h"
#include "store/state_proof.h"
#include "store/state_record.h"
#include "store/state_sources.h"
#include "work/outside.h"

#define MINUTE_NS (60 * NS_PER_SECOND)

struct fixture {
    char folder[64];
    struct server server;
    struct outside outside;
    struct notify_settings set;
    struct arena arena;
    struct notify_run run;
    struct error err;
    atomic_bool is_over;
};

static int64_t at(const char *iso)
{
    int64_t time_ns;
    assert_true(time_parse_iso(str_c(iso), NULL, &time_ns));
    return time_ns;
}

static void put_file(struct fixture *f, const char *name, const char *text, unsigned mode)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", f->folder, name);
    assert_true(file_write_atomic(path, str_c(text), mode, &f->err));
}

static void load_rules(struct fixture *f, const char *text)
{
    char path[128];
    put_file(f, "notify.yml", text, 0600);
    snprintf(path, sizeof path, "%s/notify.yml", f->folder);
    if (!notify_rules_load(&f->set.rules, path, f->set.calendar, &f->set.arena, &f->err))
        fail_msg("%s", f->err.text);
}

static void add_contact(struct fixture *f, const char *role, const char *position, const char *mail)
{
    struct work_row row = {0};
    row.values[CONTACT_ROLE] = str_c(role);
    row.values[CONTACT_POSITION] = str_c(position);
    row.values[CONTACT_PERSON] = str_c(mail);
    row.values[CONTACT_MAIL] = str_c(mail);
    assert_true(state_work_add(f->server.state, WORK_CONTACT, &row, &f->err));
}

static uint64_t add_incident(struct fixture *f)
{
    struct incident i = {.state = INCIDENT_NEW,
                         .title_en = STR("Beacon"),
                         .title_ja = STR("ビーコン"),
                         .hosts = STR("PC1 (10.0.0.1)"),
                         .department = STR_EMPTY,
                         .user = STR_EMPTY,
                         .type = STR("c2"),
                         .urgency = 4,
                         .urgency_low = 4,
                         .urgency_high = 4,
                         .importance = 3,
                         .confidence_level = 3,
                         .reason = STR("{}")};
    assert_true(state_incidents_save(f->server.state, &i, &f->err));
    return i.id;
}

static int set_up(void **state)
{
    struct fixture *f = *state = NEW(struct fixture);
    char path[128];
    snprintf(f->folder, sizeof f->folder, "/tmp/notifier_test.XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    language_set(LANGUAGE_EN);
    arena_init(&f->arena, 64 << 10);
    arena_init(&f->set.arena, 64 << 10);
    snprintf(path, sizeof path, "%s/state.db", f->folder);
    f->server.state = state_open(path, &f->err);
    assert_non_null(f->server.state);
    f->server.recorder = recorder_new(f->server.state, &f->err);
    f->server.zone = zone_find(STR("Asia/Tokyo"));
    f->server.outside = &f->outside;
    snprintf(f->outside.seed, sizeof f->outside.seed, "0123456789abcdef");
    f->set.calendar = calendar_load(SOURCE_ROOT "/content/calendar.yml", &f->err);
    put_file(f, "hook.key", "secret\n", 0600);
    put_file(f, "channels.yml",
             "channels:\n  - {name: post, type: mail, url: 'smtp://127.0.0.1:1', from: a@example.jp}\n"
             "  - {name: hook, type: webhook, url: 'https://127.0.0.1:1/', secret_file: hook.key}\n",
             0600);
    if (!channels_load(&f->set.channels, f->folder, SOURCE_ROOT "/content/webhooks", &f->set.arena, &f->err))
        fail_msg("%s", f->err.text);
    f->run = (struct notify_run){.s = &f->server,
                                 .set = &f->set,
                                 .arena = &f->arena,
                                 .now_ns = at("2025-11-10T12:00:00+09:00"),
                                 .is_over = &f->is_over};
    add_contact(f, "lead", "primary", "lead@example.jp");
    add_contact(f, "lead", "deputy", "deputy@example.jp");
    add_contact(f, "ciso", "primary", "ciso@example.jp");
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    static const char *const files[] = {"state.db",   "state.db-wal", "state.db-shm",
                                        "notify.yml", "channels.yml", "hook.key"};
    char path[128];
    recorder_free(f->server.recorder);
    state_close(f->server.state);
    calendar_free(f->set.calendar);
    arena_free(&f->set.arena);
    arena_free(&f->arena);
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        snprintf(path, sizeof path, "%s/%s", f->folder, files[i]);
        unlink(path);
    }
    rmdir(f->folder);
    memory_free(f);
    return 0;
}

static void tell(struct fixture *f, uint64_t incident, int urgency)
{
    struct occurrence o = {.kind = NOTICE_INCIDENT_OPENED,
                           .key =
                               arena_printf(&f->arena, "incident/%llu/opened", (unsigned long long)incident),
                           .incident = incident,
                           .urgency = urgency,
                           .importance = 3,
                           .posture = -1,
                           .title_en = STR("Beacon"),
                           .title_ja = STR("ビーコン"),
                           .text_en = STR("text"),
                           .text_ja = STR("本文"),
                           .hosts = STR("PC1 (10.0.0.1)"),
                           .happened_ns = f->run.now_ns};
    if (!notify_tell(&f->run, &o, &f->err))
        fail_msg("%s", f->err.text);
}

static struct work_rows rows(struct fixture *f, enum work_table table)
{
    struct work_rows found;
    assert_true(state_work_list(f->server.state, table, -1, STR_EMPTY, 1000, &f->arena, &found, &f->err));
    return found;
}

static uint32_t count(struct fixture *f, const char *recipient, const char *status)
{
    struct work_rows all = rows(f, WORK_MESSAGE);
    uint32_t n = 0;
    for (uint32_t i = 0; i < all.count; i++)
        n += str_eq(all.rows[i].values[MESSAGE_RECIPIENT], str_c(recipient)) &&
             str_eq(all.rows[i].values[MESSAGE_STATUS], str_c(status));
    return n;
}

static void pass_minutes(struct fixture *f, int64_t minutes)
{
    f->run.now_ns += minutes * MINUTE_NS;
    if (!notify_escalate(&f->run, &f->err) || !notify_gather(&f->run, &f->err))
        fail_msg("%s", f->err.text);
}

/* ------------------------------------------------------------------- tests */

static void the_same_is_told_once_in_its_window(void **state)
{
    struct fixture *f = *state;
    load_rules(f, "rules:\n  - {id: a, on: incident_opened, to: [lead], by: [mail, webhook], window: 60}\n");
    tell(f, 7, 2);
    tell(f, 7, 2);
    assert_int_equal(rows(f, WORK_NOTICE).count, 1);
    assert_int_equal(count(f, "lead@example.jp", "waiting"), 1);
    assert_int_equal(count(f, "", "waiting"), 1); /* the webhook */
    tell(f, 8, 2);                                /* another incident is something else */
    assert_int_equal(rows(f, WORK_NOTICE).count, 2);
    tell(f, 7, 3); /* graver than what was told */
    assert_int_equal(rows(f, WORK_NOTICE).count, 3);
    f->run.now_ns += 59 * MINUTE_NS;
    tell(f, 7, 3);
    assert_int_equal(rows(f, WORK_NOTICE).count, 3);
    f->run.now_ns += 2 * MINUTE_NS;
    tell(f, 7, 2);
    assert_int_equal(rows(f, WORK_NOTICE).count, 4);
    assert_int_equal(count(f, "deputy@example.jp", "waiting"), 0);
}

static void hosts_go_along_only_with_details(void **state)
{
    struct fixture *f = *state;
    load_rules(f, "rules:\n  - {id: a, on: incident_opened, to: [lead], by: [mail]}\n"
                  "  - {id: b, on: incident_opened, to: [lead], by: [mail], details: true}\n");
    tell(f, 7, 2);
    struct work_rows notices = rows(f, WORK_NOTICE);
    assert_int_equal(notices.count, 2);
    assert_int_equal(notices.rows[0].values[NOTICE_HOSTS].n, 0);
    assert_true(notices.rows[1].values[NOTICE_HOSTS].n > 0);
}

static void nobody_to_tell_is_a_failure_that_shows(void **state)
{
    struct fixture *f = *state;
    load_rules(f, "rules:\n  - {id: a, on: incident_opened, to: [legal], by: [mail]}\n"
                  "  - {id: b, on: incident_opened, to: [legal], by: [ticket]}\n");
    tell(f, 7, 2);
    assert_int_equal(rows(f, WORK_NOTICE).count, 1); /* no channel of rule b: nothing */
    assert_int_equal(count(f, "", "failed"), 1);
    assert_true(rows(f, WORK_MESSAGE).rows[0].values[MESSAGE_FAILURE].n > 0);
}

static void quiet_hours_hold_back_what_may_wait(void **state)
{
    struct fixture *f = *state;
    load_rules(f,
               "quiet: {from: '22:00', to: '07:00'}\nrules:\n"
               "  - {id: patient, on: incident_opened, to: [lead], by: [mail]}\n"
               "  - {id: urgent, on: incident_opened, urgency: 4, to: [ciso], by: [mail], quiet: through}\n");
    f->run.now_ns = at("2025-11-10T23:30:00+09:00");
    tell(f, 7, 4);
    struct work_rows all = rows(f, WORK_MESSAGE);
    assert_int_equal(all.count, 2);
    assert_true(work_number(&all.rows[0], MESSAGE_DUE) == at("2025-11-11T07:00:00+09:00"));
    assert_true(work_number(&all.rows[1], MESSAGE_DUE) == f->run.now_ns);
}

static void a_digest_is_one_message(void **state)
{
    struct fixture *f = *state;
    load_rules(f,
               "rules:\n  - {id: a, on: incident_opened, to: [lead], by: [mail], collect: {minutes: 30}}\n");
    tell(f, 7, 2);
    f->run.now_ns += 10 * MINUTE_NS;
    tell(f, 8, 2);
    pass_minutes(f, 19);
    assert_int_equal(count(f, "lead@example.jp", "waiting"), 2); /* parts: none leaves alone */
    pass_minutes(f, 1);
    assert_int_equal(count(f, "lead@example.jp", "gathered"), 2);
    assert_int_equal(count(f, "lead@example.jp", "waiting"), 1);
    struct work_row digest = rows(f, WORK_MESSAGE).rows[2];
    assert_true(work_number(&digest, MESSAGE_NOTICE) == 0 && digest.values[MESSAGE_BATCH].n == 0);
    assert_true(work_number(&rows(f, WORK_MESSAGE).rows[0], MESSAGE_DIGEST) == (int64_t)digest.id);
    pass_minutes(f, 30); /* what is gathered is not gathered again */
    assert_int_equal(rows(f, WORK_MESSAGE).count, 3);
    tell(f, 9, 2); /* the next one begins a digest of its own */
    pass_minutes(f, 30);
    assert_int_equal(rows(f, WORK_MESSAGE).count, 5);
}

/* What comes faster than anybody reads is gathered; others are not kept waiting by it. */
static void a_storm_becomes_a_digest(void **state)
{
    struct fixture *f = *state;
    load_rules(f, "storm: {messages: 3, minutes: 10}\nrules:\n"
                  "  - {id: a, on: incident_opened, to: [lead], by: [mail, webhook], quiet: through}\n"
                  "  - {id: b, on: incident_opened, urgency: 4, to: [ciso], by: [mail], quiet: through}\n");
    for (uint64_t id = 1; id <= 8; id++)
        tell(f, id, id == 8 ? 4 : 3);
    uint32_t at_once = 0;
    struct work_rows all = rows(f, WORK_MESSAGE);
    for (uint32_t i = 0; i < all.count; i++)
        at_once += str_eq(all.rows[i].values[MESSAGE_RECIPIENT], STR("lead@example.jp")) &&
                   all.rows[i].values[MESSAGE_BATCH].n == 0;
    assert_int_equal(at_once, 3);
    assert_int_equal(count(f, "", "waiting"), 8); /* programs read fast */
    assert_int_equal(count(f, "ciso@example.jp", "waiting"), 1);
    pass_minutes(f, 10);
    assert_int_equal(count(f, "lead@example.jp", "gathered"), 5);
    assert_int_equal(count(f, "lead@example.jp", "waiting"), 3 + 1);
    pass_minutes(f, 10);
    tell(f, 9, 3); /* it is over */
    assert_int_equal(rows(f, WORK_MESSAGE).rows[rows(f, WORK_MESSAGE).count - 2].values[MESSAGE_BATCH].n, 0);
}

static const char ladder[] =
    "rules:\n  - {id: a, on: incident_opened, to: [lead], by: [mail, webhook], quiet: through, "
    "escalate: [{minutes: 15, to: [lead], position: deputy}, {minutes: 30, to: [ciso]}]}\n";

static void the_ladder_is_climbed_until_somebody_answers(void **state)
{
    struct fixture *f = *state;
    load_rules(f, ladder);
    tell(f, add_incident(f), 4);
    pass_minutes(f, 14);
    assert_int_equal(count(f, "deputy@example.jp", "waiting"), 0);
    pass_minutes(f, 1);
    assert_int_equal(count(f, "deputy@example.jp", "waiting"), 1);
    assert_int_equal(count(f, "ciso@example.jp", "waiting"), 0);
    pass_minutes(f, 29);
    assert_int_equal(count(f, "ciso@example.jp", "waiting"), 0);
    pass_minutes(f, 1);
    assert_int_equal(count(f, "ciso@example.jp", "waiting"), 1);
    pass_minutes(f, 600); /* the top */
    assert_int_equal(rows(f, WORK_MESSAGE).count, 4);
    assert_int_equal(count(f, "", "waiting"), 1); /* programs are told once */
    assert_true(str_eq(rows(f, WORK_NOTICE).rows[0].values[NOTICE_STATUS], STR("open")));
}

static void what_is_acknowledged_climbs_no_further(void **state)
{
    struct fixture *f = *state;
    load_rules(f, ladder);
    tell(f, add_incident(f), 4);
    struct work_row notice = rows(f, WORK_NOTICE).rows[0];
    assert_true(
        state_work_set(f->server.state, WORK_NOTICE, notice.id, NOTICE_STATUS, STR("acknowledged"), &f->err));
    pass_minutes(f, 600);
    assert_int_equal(count(f, "deputy@example.jp", "waiting"), 0);
}

static void what_is_worked_on_climbs_no_further(void **state)
{
    struct fixture *f = *state;
    load_rules(f, ladder);
    uint64_t id = add_incident(f);
    tell(f, id, 4);
    struct state_change change = {
        .who = STR("ito"), .note = STR_EMPTY, .when_ns = 1, .from = INCIDENT_NEW, .to = INCIDENT_TRIAGE};
    assert_true(state_incidents_change(f->server.state, id, &change, &f->err));
    pass_minutes(f, 600);
    assert_int_equal(count(f, "deputy@example.jp", "waiting"), 0);
    assert_true(str_eq(rows(f, WORK_NOTICE).rows[0].values[NOTICE_STATUS], STR("settled")));
}

/* Everything that was entered is in the record, by table and status; keys never repeat. */
static void the_record_knows_of_it(void **state)
{
    struct fixture *f = *state;
    struct record_change_row *changes;
    uint64_t *seqs;
    uint32_t changed, messages = 0, notices = 0;
    load_rules(f, ladder);
    tell(f, add_incident(f), 4);
    pass_minutes(f, 60);
    assert_true(state_record_last_values(f->server.state, &f->arena, &changes, &seqs, &changed, &f->err));
    for (uint32_t i = 0; i < changed; i++) {
        messages += str_eq(changes[i].table, STR("work_message")) && str_eq(changes[i].field, STR("status"));
        notices += str_eq(changes[i].table, STR("work_notice")) && str_eq(changes[i].field, STR("status"));
    }
    struct work_rows all = rows(f, WORK_MESSAGE);
    assert_int_equal(notices, 1);
    assert_int_equal(messages, all.count);
    for (uint32_t i = 0; i < all.count; i++)
        for (uint32_t k = 0; k < i; k++)
            assert_false(str_eq(all.rows[i].values[MESSAGE_KEY], all.rows[k].values[MESSAGE_KEY]));
}

static void look_at_clocks(struct fixture *f, int64_t since_ns)
{
    if (!notify_look_clocks(&f->run, since_ns, &f->err))
        fail_msg("%s", f->err.text);
}

static void tasks_are_told_when_they_are_overdue(void **state)
{
    struct fixture *f = *state;
    struct work_row task = {0};
    int64_t since_ns = f->run.now_ns;
    load_rules(f, "rules:\n  - {id: a, on: task_overdue, urgency: 3, to: [lead], by: [mail]}\n");
    task.values[TASK_INCIDENT] = work_text_of((int64_t)add_incident(f), &f->arena);
    task.values[TASK_TITLE_EN] = STR("Pull the connector");
    task.values[TASK_STATUS] = STR("open");
    task.values[TASK_DUE] = work_text_of(since_ns + 15 * MINUTE_NS, &f->arena);
    assert_true(state_work_add(f->server.state, WORK_TASK, &task, &f->err));
    look_at_clocks(f, since_ns);
    assert_int_equal(rows(f, WORK_NOTICE).count, 0);
    f->run.now_ns += 16 * MINUTE_NS;
    look_at_clocks(f, since_ns);
    look_at_clocks(f, since_ns);
    assert_int_equal(rows(f, WORK_NOTICE).count, 1);
    assert_int_equal(work_number(&rows(f, WORK_NOTICE).rows[0], NOTICE_URGENCY), 4);
    f->run.now_ns += 24 * 60 * MINUTE_NS;
    look_at_clocks(f, since_ns);
    assert_int_equal(rows(f, WORK_NOTICE).count, 1);
    /* what was due before notifications were on is nobody's news; what is done is over */
    task.values[TASK_DUE] = work_text_of(since_ns - MINUTE_NS, &f->arena);
    assert_true(state_work_add(f->server.state, WORK_TASK, &task, &f->err));
    task.values[TASK_DUE] = work_text_of(since_ns + MINUTE_NS, &f->arena);
    task.values[TASK_STATUS] = STR("done");
    assert_true(state_work_add(f->server.state, WORK_TASK, &task, &f->err));
    look_at_clocks(f, since_ns);
    assert_int_equal(rows(f, WORK_NOTICE).count, 1);
}

static void a_source_that_is_silent_is_told_once_for_each_silence(void **state)
{
    struct fixture *f = *state;
    uint32_t number;
    int64_t since_ns = f->run.now_ns;
    load_rules(f, "rules:\n  - {id: a, on: source_silent, to: [lead], by: [mail]}\n");
    assert_true(
        state_sources_find_or_create(f->server.state, 1, STR("fw-1"), since_ns, &number, NULL, &f->err));
    struct source_activity hour = {.source = number,
                                   .hour = since_ns / (3600 * NS_PER_SECOND),
                                   .events = 5,
                                   .longest_gap_ns = NS_PER_SECOND,
                                   .last_ns = since_ns};
    assert_true(state_source_activity_put(f->server.state, &hour, &f->err));
    f->server.watch = watch_new(f->server.state, &f->err);
    assert_non_null(f->server.watch);
    f->run.now_ns += 14 * MINUTE_NS;
    look_at_clocks(f, since_ns);
    assert_int_equal(rows(f, WORK_NOTICE).count, 0);
    f->run.now_ns += 2 * MINUTE_NS;
    look_at_clocks(f, since_ns);
    f->run.now_ns += 600 * MINUTE_NS;
    look_at_clocks(f, since_ns);
    assert_int_equal(rows(f, WORK_NOTICE).count, 1);
    assert_true(str_contains(rows(f, WORK_NOTICE).rows[0].values[NOTICE_TITLE_EN], STR("fw-1")));
    watch_free(f->server.watch);
}

int main(void)
{
#define WITH_STATE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_STATE(the_same_is_told_once_in_its_window),
        WITH_STATE(hosts_go_along_only_with_details),
        WITH_STATE(nobody_to_tell_is_a_failure_that_shows),
        WITH_STATE(quiet_hours_hold_back_what_may_wait),
        WITH_STATE(a_digest_is_one_message),
        WITH_STATE(a_storm_becomes_a_digest),
        WITH_STATE(the_ladder_is_climbed_until_somebody_answers),
        WITH_STATE(what_is_acknowledged_climbs_no_further),
        WITH_STATE(what_is_worked_on_climbs_no_further),
        WITH_STATE(the_record_knows_of_it),
        WITH_STATE(tasks_are_told_when_they_are_overdue),
        WITH_STATE(a_source_that_is_silent_is_told_once_for_each_silence),
    };
    return cmocka_run_group_tests_name("notifier", tests, NULL, NULL);
}
