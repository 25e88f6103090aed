/* The state plane, area by area; most cases close the database and open it again before they look. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/state_assets.h"
#include "store/state_balance.h"
#include "store/state_cursors.h"
#include "store/state_identity.h"
#include "store/state_incidents.h"
#include "store/state_intel.h"
#include "store/state_sources.h"
#include "store/state_sql.h"
#include "store/state_users.h"

struct fixture {
    char folder[64], path[96];
    struct state *state;
    struct arena arena;
    struct error err;
};

static void expect_ok(const struct fixture *f, bool ok, int line)
{
    if (!ok)
        fail_msg("line %d: %s", line, f->err.text);
}
#define OK(f, call) expect_ok((f), (call), __LINE__)

static int setup(void **state)
{
    struct fixture *f = NEW(struct fixture);
    snprintf(f->folder, sizeof(f->folder), "/tmp/state_test_XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof(f->path), "%s/state.db", f->folder);
    arena_init(&f->arena, 4096);
    f->state = state_open(f->path, &f->err);
    if (!f->state)
        fail_msg("%s", f->err.text);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    static const char *const endings[] = {"", "-wal", "-shm"};
    state_close(f->state);
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s%s", f->path, endings[i]);
        unlink(path);
    }
    rmdir(f->folder);
    arena_free(&f->arena);
    memory_free(f);
    return 0;
}

static void reopen(struct fixture *f)
{
    state_close(f->state);
    f->state = state_open(f->path, &f->err);
    if (!f->state)
        fail_msg("%s", f->err.text);
}

/* ---- ground ---- */

static void test_newer_schema_is_refused(void **state)
{
    struct fixture *f = *state;
    OK(f, state_exec(f->state, "PRAGMA user_version = 999", &f->err));
    state_close(f->state);
    f->state = state_open(f->path, &f->err);
    assert_null(f->state);
    assert_non_null(strstr(f->err.text, "999"));
}

static void test_settings(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *pragma;
        int64_t value;
    } expected[] = {{"PRAGMA foreign_keys", 1}, {"PRAGMA synchronous", 2}};
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        state_lock(f->state);
        sqlite3_stmt *q = sql_get(f->state, expected[i].pragma, &f->err);
        assert_int_equal(sql_step(f->state, q, &f->err), 1);
        assert_int_equal(sql_column_i64(q, 0), expected[i].value);
        sqlite3_reset(q);
        state_unlock(f->state);
    }
    assert_true(access(f->path, F_OK) == 0);
    assert_null(state_open("/nonexistent/folder/state.db", &f->err));
    assert_non_null(strstr(f->err.text, "/nonexistent/folder/state.db"));
}

static void test_nested_transactions(void **state)
{
    struct fixture *f = *state;
    struct balance_count one = {.source = 1, .hour = 5, .received = 1}, *rows;
    struct balance_filter all = {INT64_MIN, INT64_MAX, UINT32_MAX, false};
    uint32_t count;
    OK(f, state_begin(f->state, &f->err));
    OK(f, state_balance_add(f->state, &one, 1, &f->err));
    OK(f, state_begin(f->state, &f->err));
    OK(f, state_balance_add(f->state, &one, 1, &f->err));
    state_rollback(f->state);
    OK(f, state_commit(f->state, &f->err));
    OK(f, state_balance_list(f->state, &all, &f->arena, &rows, &count, NULL, &f->err));
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].received, 1);
    OK(f, state_begin(f->state, &f->err));
    OK(f, state_balance_add(f->state, &one, 1, &f->err));
    state_rollback(f->state);
    reopen(f);
    OK(f, state_balance_list(f->state, &all, &f->arena, &rows, &count, NULL, &f->err));
    assert_int_equal(rows[0].received, 1);
}

static int64_t asked(struct fixture *f, const char *sql)
{
    state_lock(f->state);
    sqlite3_stmt *q = sql_get(f->state, sql, &f->err);
    assert_int_equal(sql_step(f->state, q, &f->err), 1);
    int64_t answer = sql_column_i64(q, 0);
    sqlite3_reset(q);
    state_unlock(f->state);
    return answer;
}

/* Which of its transactions wait for the disk: 1 = NORMAL, not; 2 = FULL. */
static void test_unsynced_transactions(void **state)
{
    struct fixture *f = *state;
    OK(f, state_begin_unsynced(f->state, &f->err));
    assert_int_equal(asked(f, "PRAGMA synchronous"), 1);
    OK(f, state_begin_unsynced(f->state, &f->err)); /* a part of it */
    OK(f, state_commit(f->state, &f->err));
    assert_int_equal(asked(f, "PRAGMA synchronous"), 1);
    OK(f, state_exec(f->state, "CREATE TABLE kept (n INTEGER)", &f->err));
    OK(f, state_commit(f->state, &f->err));
    assert_int_equal(asked(f, "PRAGMA synchronous"), 2);
    OK(f, state_sync(f->state, &f->err));
    OK(f, state_begin_unsynced(f->state, &f->err));
    state_rollback(f->state);
    assert_int_equal(asked(f, "PRAGMA synchronous"), 2);
    OK(f, state_begin(f->state, &f->err));
    OK(f, state_begin_unsynced(f->state, &f->err)); /* of one that waits */
    assert_int_equal(asked(f, "PRAGMA synchronous"), 2);
    OK(f, state_commit(f->state, &f->err));
    OK(f, state_commit(f->state, &f->err));
    reopen(f);
    assert_int_equal(asked(f, "SELECT count(*) FROM kept"), 0);
}

static void *try_lock(void *state)
{
    bool has_it = state_try_lock(state);
    if (has_it)
        state_unlock(state);
    return has_it ? state : NULL;
}

static void *from_elsewhere(struct state *s)
{
    pthread_t thread;
    void *answer;
    assert_int_equal(pthread_create(&thread, NULL, try_lock, s), 0);
    assert_int_equal(pthread_join(thread, &answer), 0);
    return answer;
}

static void test_who_has_the_lock(void **state)
{
    struct fixture *f = *state;
    assert_non_null(from_elsewhere(f->state));
    assert_true(state_try_lock(f->state));
    assert_true(state_try_lock(f->state)); /* it is the same thread's */
    assert_null(from_elsewhere(f->state));
    state_unlock(f->state);
    assert_null(from_elsewhere(f->state));
    state_unlock(f->state);
    assert_non_null(from_elsewhere(f->state));
}

/* ---- balance ---- */

static void test_balance(void **state)
{
    struct fixture *f = *state;
    struct balance_count *rows, total;
    uint32_t count;
    struct balance_count first[] = {{.source = 1, .hour = 10, .received = 100, .bytes = 5000},
                                    {.source = 2, .hour = 10, .received = 7, .stored = 5, .lost = 2}};
    struct balance_count second[] = {{.source = 1, .hour = 10, .stored = 90, .filtered = 4, .rejected = 5}};
    OK(f, state_balance_add(f->state, first, 2, &f->err));
    OK(f, state_balance_add(f->state, second, 1, &f->err));
    reopen(f);
    struct balance_filter all = {INT64_MIN, INT64_MAX, UINT32_MAX, false};
    OK(f, state_balance_list(f->state, &all, &f->arena, &rows, &count, &total, &f->err));
    assert_int_equal(count, 2);
    assert_int_equal(rows[0].difference, 1);
    assert_int_equal(rows[1].difference, 0);
    assert_int_equal(rows[0].bytes, 5000);
    assert_int_equal(total.received, 107);
    assert_int_equal(total.difference, 1);
    all.only_open = true;
    OK(f, state_balance_list(f->state, &all, &f->arena, &rows, &count, NULL, &f->err));
    assert_int_equal(count, 1);
    struct balance_filter other = {11, 20, 1, false};
    OK(f, state_balance_list(f->state, &other, &f->arena, &rows, &count, NULL, &f->err));
    assert_int_equal(count, 0);
}

/* ---- cursors and keys ---- */

static void test_cursors(void **state)
{
    struct fixture *f = *state;
    struct tail_cursor *out, c = {STR("dev:ino\0x"), STR("100"), 50};
    uint32_t count;
    OK(f, state_cursors_put(f->state, &c, &f->err));
    c.position = STR("40");
    c.sequence = 49; /* older: ignored */
    OK(f, state_cursors_put(f->state, &c, &f->err));
    reopen(f);
    OK(f, state_cursors_load(f->state, &f->arena, &out, &count, &f->err));
    assert_int_equal(count, 1);
    assert_true(str_eq(out[0].position, STR("100")));
    assert_true(str_eq(out[0].identity, STR("dev:ino\0x")));
    c.position = STR("120");
    c.sequence = UINT64_C(51);
    OK(f, state_cursors_put(f->state, &c, &f->err));
    OK(f, state_cursors_load(f->state, &f->arena, &out, &count, &f->err));
    assert_true(str_eq(out[0].position, STR("120")));
    OK(f, state_cursors_delete(f->state, c.identity, &f->err));
    OK(f, state_cursors_load(f->state, &f->arena, &out, &count, &f->err));
    assert_int_equal(count, 0);
}

static void test_keys(void **state)
{
    struct fixture *f = *state;
    struct idempotency_key out, *all,
        k = {.source = STR("web"),
             .key_hash = {1, 2, 3},
             .first_sequence = 5,
             .last_sequence = 9,
             .expires_ns = 1000};
    bool found;
    uint32_t count;
    OK(f, state_keys_put(f->state, &k, &f->err));
    k.first_sequence = 77; /* the first one stays */
    OK(f, state_keys_put(f->state, &k, &f->err));
    reopen(f);
    OK(f, state_keys_find(f->state, STR("web"), k.key_hash, 999, &out, &found, &f->err));
    assert_true(found && out.first_sequence == 5 && out.last_sequence == 9);
    OK(f, state_keys_find(f->state, STR("other"), k.key_hash, 999, &out, &found, &f->err));
    assert_false(found);
    OK(f, state_keys_find(f->state, STR("web"), k.key_hash, 1000, &out, &found, &f->err));
    assert_false(found);
    OK(f, state_keys_load(f->state, 999, &f->arena, &all, &count, &f->err));
    assert_int_equal(count, 1);
    assert_true(str_eq(all[0].source, STR("web")));
    OK(f, state_keys_expire(f->state, 1000, &f->err));
    OK(f, state_keys_load(f->state, 0, &f->arena, &all, &count, &f->err));
    assert_int_equal(count, 0);
}

/* ---- sources ---- */

static void test_sources(void **state)
{
    struct fixture *f = *state;
    struct source_entry *all;
    uint32_t a, b, c, count;
    bool is_new;
    OK(f, state_sources_find_or_create(f->state, 1, STR("192.0.2.1"), 100, &a, &is_new, &f->err));
    assert_true(is_new);
    OK(f, state_sources_find_or_create(f->state, 2, STR("192.0.2.1"), 200, &b, &is_new, &f->err));
    assert_true(is_new && a != b);
    OK(f, state_sources_find_or_create(f->state, 1, STR("192.0.2.1"), 50, &c, &is_new, &f->err));
    assert_true(!is_new && c == a);
    struct source_decision d = {STR("境界 FW"), STR("fortinet.fortigate"), STR("Asia/Tokyo"), STR("CP932"),
                                true};
    OK(f, state_sources_decide(f->state, a, &d, &f->err));
    reopen(f);
    OK(f, state_sources_load(f->state, &f->arena, &all, &count, &f->err));
    assert_int_equal(count, 2);
    assert_true(all[0].source.registered && !all[1].source.registered);
    assert_true(str_eq(all[0].source.name, STR("境界 FW")) &&
                str_eq(all[1].source.name, STR("192.0.2.1 (2)")));
    assert_int_equal(zone_offset_at_utc(all[0].source.zone, 0), 9 * 3600);
    assert_int_equal(all[0].first_seen_ns, 50);
    assert_int_equal(all[0].last_seen_ns, 100);
    assert_false(state_sources_decide(f->state, b, &d, &f->err)); /* the name is taken */
    d.zone = STR("Mars/Olympus");
    assert_false(state_sources_decide(f->state, a, &d, &f->err));
    assert_non_null(strstr(f->err.text, "Mars/Olympus"));
    d = (struct source_decision){.name = STR("x")};
    assert_false(state_sources_decide(f->state, 99, &d, &f->err));
}

/* ---- incidents ---- */

static struct incident new_incident(struct incident_finding *findings, uint32_t count, int urgency,
                                    double confidence)
{
    return (struct incident){.state = INCIDENT_NEW,
                             .title_en = STR("IRC bot"),
                             .title_ja = STR("IRC ボット"),
                             .opened_ns = 1000,
                             .first_ns = 900,
                             .last_ns = 1100,
                             .hosts = STR("PC-1 (192.0.2.9)"),
                             .urgency = urgency,
                             .importance = 2,
                             .urgency_low = urgency,
                             .urgency_high = 4,
                             .confidence_level = 3,
                             .confidence = confidence,
                             .reason = STR("{}"),
                             .findings = findings,
                             .finding_count = count};
}

static void test_incidents(void **state)
{
    struct fixture *f = *state;
    struct incident_finding findings[2] = {
        {.rule_id = STR("late"),
         .first_ns = 20,
         .last_ns = 30,
         .last_sequence = UINT64_MAX,
         .count = 2,
         .level = LEVEL_HIGH,
         .likelihood_ratio = 300.5,
         .peers = STR("a;b"),
         .passage = PASSAGE_ALLOWED,
         .matched = STR("{\"x\":1}")},
        {.rule_id = STR("early"), .first_ns = 10, .last_ns = 10, .count = 1, .product = STR("nac")}};
    struct incident loaded, i = new_incident(findings, 2, 3, 0.5);
    OK(f, state_incidents_save(f->state, &i, &f->err));
    assert_true(i.id != 0 && findings[0].id != 0 && findings[1].id != 0);
    reopen(f);
    OK(f, state_incidents_load(f->state, i.id, &f->arena, &loaded, &f->err));
    assert_int_equal(loaded.finding_count, 2);
    assert_true(str_eq(loaded.findings[0].rule_id, STR("early")));
    assert_true(loaded.findings[1].last_sequence == UINT64_MAX &&
                loaded.findings[1].passage == PASSAGE_ALLOWED);
    assert_true(loaded.findings[1].likelihood_ratio == 300.5 && str_eq(loaded.findings[1].peers, STR("a;b")));
    assert_true(str_eq(loaded.title_ja, STR("IRC ボット")) && loaded.urgency_high == 4);
    assert_true(findings[0].is_stored && findings[1].is_stored);
    findings[0].count = 3; /* not said to have changed: left alone */
    findings[1].count = 8;
    findings[1].is_stored = false;
    i.urgency = 4;
    OK(f, state_incidents_save(f->state, &i, &f->err));
    OK(f, state_incidents_load(f->state, i.id, &f->arena, &loaded, &f->err));
    assert_true(loaded.urgency == 4 && loaded.finding_count == 2 && loaded.findings[0].count == 8);
    assert_int_equal(loaded.findings[1].count, 2);
    assert_false(state_incidents_load(f->state, 999, &f->arena, &loaded, &f->err));
    struct incident ghost = new_incident(NULL, 0, 1, 0);
    ghost.id = 999;
    assert_false(state_incidents_save(f->state, &ghost, &f->err));
    /* a finding of another incident is refused, and nothing of the new incident stays */
    struct incident thief = new_incident(findings, 1, 1, 0);
    findings[0].is_stored = false;
    assert_false(state_incidents_save(f->state, &thief, &f->err));
    assert_int_equal(thief.id, 0);
}

/* What counts on leaves the indexes alone; what moves in them is written as well. */
static void test_incident_goes_on(void **state)
{
    struct fixture *f = *state;
    struct incident_finding finding = {.rule_id = STR("r"), .first_ns = 20, .last_ns = 20, .count = 1};
    struct incident loaded, i = new_incident(&finding, 1, 3, 0.5);
    i.opened_ns = 20;
    OK(f, state_incidents_save(f->state, &i, &f->err));
    for (int step = 0; step < 2; step++) { /* 0: it counts on; 1: a late event moves its beginning */
        finding.first_ns -= step * 5;
        i.opened_ns -= step * 5;
        i.confidence += step * 0.25;
        finding.last_ns++;
        finding.count++;
        finding.matched = STR("{\"n\":1}");
        finding.is_stored = false;
        i.last_ns = finding.last_ns;
        i.reason = step ? STR("{\"b\":2}") : STR("{\"a\":1}");
        OK(f, state_incidents_save(f->state, &i, &f->err));
        OK(f, state_incidents_load(f->state, i.id, &f->arena, &loaded, &f->err));
        const struct incident_finding *kept = &loaded.findings[0];
        assert_true(kept->first_ns == finding.first_ns && kept->last_ns == finding.last_ns &&
                    kept->count == finding.count && str_eq(kept->matched, finding.matched));
        assert_true(loaded.opened_ns == i.opened_ns && loaded.last_ns == i.last_ns &&
                    loaded.confidence == i.confidence && str_eq(loaded.reason, i.reason));
    }
}

static void test_identity_goes_on(void **state)
{
    struct fixture *f = *state;
    struct identity_interval rows[] = {{.id = 1,
                                        .relation = IDENTITY_DEVICE,
                                        .key = STR("10.0.0.1"),
                                        .host = STR("a"),
                                        .from_ns = 5,
                                        .to_ns = 10},
                                       {.id = 2,
                                        .relation = IDENTITY_DEVICE,
                                        .key = STR("10.0.0.2"),
                                        .host = STR("b"),
                                        .from_ns = 5,
                                        .to_ns = 10}};
    struct identity_interval *loaded;
    uint32_t count;
    OK(f, state_identity_save(f->state, rows, 2, 0, &f->err));
    rows[0].to_ns = 20; /* just lasts longer */
    rows[0].by = STR("dhcp");
    rows[1].host = STR("c"); /* is somebody else */
    rows[1].from_ns = 4;
    OK(f, state_identity_save(f->state, rows, 2, 0, &f->err));
    OK(f, state_identity_load(f->state, 0, 10, &f->arena, &loaded, &count, &f->err));
    assert_int_equal(count, 2);
    assert_true(loaded[0].to_ns == 20 && str_eq(loaded[0].by, STR("dhcp")) &&
                str_eq(loaded[0].host, STR("a")));
    assert_true(loaded[1].from_ns == 4 && loaded[1].to_ns == 10 && str_eq(loaded[1].host, STR("c")));
}

static void test_incident_order_and_changes(void **state)
{
    struct fixture *f = *state;
    static const struct {
        int urgency;
        double confidence;
    } made[] = {{1, 0.9}, {4, 0.1}, {4, 0.8}, {3, 0.5}};
    uint64_t ids[4];
    for (size_t k = 0; k < 4; k++) {
        struct incident i = new_incident(NULL, 0, made[k].urgency, made[k].confidence);
        OK(f, state_incidents_save(f->state, &i, &f->err));
        ids[k] = i.id;
    }
    struct incident_page page = {.selection = SELECT_ALL_INCIDENTS, .limit = 3, .with_findings = true};
    OK(f, state_incidents_list(f->state, &f->arena, &page, &f->err));
    assert_true(page.total == 4 && page.count == 3);
    assert_true(page.incidents[0].id == ids[2] && page.incidents[1].id == ids[1] &&
                page.incidents[2].id == ids[3]);
    page.offset = 3;
    OK(f, state_incidents_list(f->state, &f->arena, &page, &f->err));
    assert_true(page.count == 1 && page.incidents[0].id == ids[0]);
    struct state_change *log, c = {STR("sato"), STR("確認"), 5, INCIDENT_NEW, INCIDENT_CLOSED};
    uint32_t count;
    OK(f, state_incidents_change(f->state, ids[0], &c, &f->err));
    assert_false(state_incidents_change(f->state, ids[0], &c, &f->err)); /* no longer new */
    assert_false(state_exec(f->state, "DELETE FROM incident_change", &f->err));
    assert_false(state_exec(f->state, "UPDATE incident_change SET who = 'x'", &f->err));
    reopen(f);
    OK(f, state_incidents_changes(f->state, ids[0], &f->arena, &log, &count, &f->err));
    assert_true(count == 1 && str_eq(log[0].who, STR("sato")) && log[0].to == INCIDENT_CLOSED);
    page = (struct incident_page){.selection = SELECT_CLOSED_INCIDENTS, .limit = 9};
    OK(f, state_incidents_list(f->state, &f->arena, &page, &f->err));
    assert_true(page.total == 1 && page.incidents[0].state == INCIDENT_CLOSED);
    page.selection = SELECT_OPEN_INCIDENTS;
    OK(f, state_incidents_list(f->state, &f->arena, &page, &f->err));
    assert_int_equal(page.count, 3);
}

/* ---- users ---- */

static void test_users(void **state)
{
    struct fixture *f = *state;
    struct user *all, found_user,
        u = {.name = STR("sato"),
             .password_hash = STR("$argon2id$x"),
             .roles = STR("administrator"),
             .language = STR("ja"),
             .created_ns = 7};
    bool found, needed, accepted;
    uint32_t count;
    OK(f, state_setup_needed(f->state, &needed, &f->err));
    assert_true(needed);
    OK(f, state_setup_create(f->state, STR("old"), 1, &f->err));
    OK(f, state_setup_create(f->state, STR("new"), 2, &f->err));
    OK(f, state_setup_use(f->state, STR("old"), 3, &accepted, &f->err));
    assert_false(accepted);
    OK(f, state_setup_use(f->state, STR("new"), 3, &accepted, &f->err));
    assert_true(accepted);
    OK(f, state_setup_use(f->state, STR("new"), 3, &accepted, &f->err));
    assert_false(accepted);
    OK(f, state_users_create(f->state, &u, &f->err));
    u.name = STR("SATO");
    assert_false(state_users_create(f->state, &u, &f->err));
    reopen(f);
    OK(f, state_setup_needed(f->state, &needed, &f->err));
    assert_false(needed);
    OK(f, state_users_find(f->state, STR("Sato"), &f->arena, &found_user, &found, &f->err));
    assert_true(found && found_user.id == u.id && str_eq(found_user.password_hash, u.password_hash));
    OK(f, state_users_find(f->state, STR("nobody"), &f->arena, &found_user, &found, &f->err));
    assert_false(found);
    OK(f, state_users_get(f->state, u.id, &f->arena, &found_user, &found, &f->err));
    assert_true(found);
    OK(f, state_users_list(f->state, &f->arena, &all, &count, &f->err));
    assert_int_equal(count, 1);
}

static void test_sessions_and_tokens(void **state)
{
    struct fixture *f = *state;
    struct user u = {.name = STR("mori"),
                     .password_hash = STR("h"),
                     .roles = STR("analyst"),
                     .language = STR("en")};
    bool found;
    uint32_t count;
    OK(f, state_users_create(f->state, &u, &f->err));
    struct session out, s = {STR("\1\0\2"), u.id, STR("csrf"), 10, 10, 100};
    struct api_token *tokens, token_out,
        t = {.token_hash = STR("hash"),
             .user = u.id,
             .name = STR("ci"),
             .roles = STR("analyst"),
             .created_ns = 1,
             .expires_ns = INT64_MAX};
    OK(f, state_sessions_create(f->state, &s, &f->err));
    OK(f, state_tokens_create(f->state, &t, &f->err));
    reopen(f);
    OK(f, state_sessions_find(f->state, STR("\1\0\2"), 50, &f->arena, &out, &found, &f->err));
    assert_true(found && out.user == u.id && str_eq(out.csrf, STR("csrf")));
    OK(f, state_sessions_find(f->state, STR("\1\0\3"), 50, &f->arena, &out, &found, &f->err));
    assert_false(found);
    OK(f, state_sessions_find(f->state, s.token_hash, 100, &f->arena, &out, &found, &f->err));
    assert_false(found);
    OK(f, state_sessions_seen(f->state, s.token_hash, 60, 200, &f->err));
    OK(f, state_sessions_find(f->state, s.token_hash, 100, &f->arena, &out, &found, &f->err));
    assert_true(found && out.last_seen_ns == 60);
    OK(f, state_tokens_find(f->state, STR("hash"), 5, &f->arena, &token_out, &found, &f->err));
    assert_true(found && token_out.id == t.id);
    OK(f, state_tokens_seen(f->state, t.id, 9, &f->err));
    OK(f, state_tokens_list(f->state, &f->arena, &tokens, &count, &f->err));
    assert_true(count == 1 && tokens[0].last_seen_ns == 9);
    u.disabled = true;
    OK(f, state_users_update(f->state, &u, &f->err));
    OK(f, state_sessions_find(f->state, s.token_hash, 100, &f->arena, &out, &found, &f->err));
    assert_false(found);
    OK(f, state_tokens_find(f->state, STR("hash"), 5, &f->arena, &token_out, &found, &f->err));
    assert_false(found);
    OK(f, state_tokens_delete(f->state, t.id, &f->err));
    s.user = 12345; /* nobody: the foreign key refuses it */
    assert_false(state_sessions_create(f->state, &s, &f->err));
}

static void test_login_failures(void **state)
{
    struct fixture *f = *state;
    uint32_t count;
    for (int64_t at = 1; at <= 12; at++)
        OK(f, state_failures_add(f->state, STR("sato"), STR("192.0.2.5"), at, &f->err));
    OK(f, state_failures_add(f->state, STR("sato"), STR("192.0.2.6"), 12, &f->err));
    OK(f, state_failures_count(f->state, STR("SATO"), STR("192.0.2.5"), 3, &count, &f->err));
    assert_int_equal(count, 10);
    OK(f, state_sessions_expire(f->state, 0, 12, &f->err));
    OK(f, state_failures_count(f->state, STR("sato"), STR("192.0.2.5"), 0, &count, &f->err));
    assert_int_equal(count, 1);
    OK(f, state_failures_clear(f->state, STR("sato"), STR("192.0.2.5"), &f->err));
    OK(f, state_failures_count(f->state, STR("sato"), STR("192.0.2.5"), 0, &count, &f->err));
    assert_int_equal(count, 0);
}

/* ---- assets ---- */

static void test_assets(void **state)
{
    struct fixture *f = *state;
    struct str roles[] = {STR("staff"), STR("mail-server")}, ips[] = {STR("192.0.2.1"), STR("2001:db8::1")};
    struct asset_host hosts[] = {
        {.row = {INT64_MIN, INT64_MAX, STR("{\"floor\":\"3\"}"), 2},
         .ips = {ips, 2},
         .hostname = STR("pc1"),
         .importance = 2,
         .roles = {roles, 2}},
        {.row = {100, 200, STR_EMPTY, 3}, .ips = {ips, 1}, .hostname = STR("pc2"), .owner = STR("佐藤")}};
    struct asset_exception exceptions[] = {{.row = {INT64_MIN, INT64_MAX, STR_EMPTY, 2},
                                            .kind = STR("scanner"),
                                            .networks = {ips, 1},
                                            .window = {720, 780},
                                            .expires_ns = INT64_MAX}};
    struct asset_set out, set = {.present = {[ASSET_HOSTS] = true, [ASSET_EXCEPTIONS] = true},
                                 .hosts = hosts,
                                 .exceptions = exceptions,
                                 .counts = {[ASSET_HOSTS] = 2, [ASSET_EXCEPTIONS] = 1}};
    struct asset_counts counts;
    OK(f, state_assets_save(f->state, &set, 1000, &counts, &f->err));
    assert_true(counts.added[ASSET_HOSTS] == 2 && counts.added[ASSET_EXCEPTIONS] == 1);
    OK(f, state_assets_save(f->state, &set, 2000, &counts, &f->err));
    assert_true(counts.added[ASSET_HOSTS] == 0 && counts.kept[ASSET_HOSTS] == 2 &&
                counts.retired[ASSET_HOSTS] == 0);
    reopen(f);
    OK(f, state_assets_load(f->state, false, &f->arena, &out, &f->err));
    assert_int_equal(out.counts[ASSET_HOSTS], 2);
    assert_true(str_eq(out.hosts[0].ips.items[1], STR("2001:db8::1")) && out.hosts[0].roles.count == 2);
    assert_true(str_eq(out.hosts[0].row.labels, STR("{\"floor\":\"3\"}")) && out.hosts[0].row.line == 2);
    assert_true(out.hosts[1].row.valid_from_ns == 100 && str_eq(out.hosts[1].owner, STR("佐藤")));
    assert_true(out.exceptions[0].window.from_minute == 720 && out.exceptions[0].window.to_minute == 780);
    assert_int_equal(out.exceptions[0].expires_ns, INT64_MAX);
    /* one row leaves, one is repeated; the file of exceptions is absent and stays */
    struct asset_host changed[] = {hosts[1], hosts[1]};
    struct asset_set next = {.present = {[ASSET_HOSTS] = true},
                             .hosts = changed,
                             .counts = {[ASSET_HOSTS] = 2}};
    OK(f, state_assets_save(f->state, &next, 3000, &counts, &f->err));
    assert_true(counts.kept[ASSET_HOSTS] == 1 && counts.repeated[ASSET_HOSTS] == 1 &&
                counts.retired[ASSET_HOSTS] == 1);
    OK(f, state_assets_load(f->state, false, &f->arena, &out, &f->err));
    assert_true(out.counts[ASSET_HOSTS] == 1 && out.counts[ASSET_EXCEPTIONS] == 1);
    OK(f, state_assets_load(f->state, true, &f->arena, &out, &f->err));
    assert_int_equal(out.counts[ASSET_HOSTS], 2);
    for (uint32_t i = 0; i < 2; i++)
        if (str_eq(out.hosts[i].hostname, STR("pc1")))
            assert_int_equal(out.hosts[i].row.valid_to_ns, 3000);
    /* it comes back: a new row, the history stays */
    OK(f, state_assets_save(f->state, &set, 4000, &counts, &f->err));
    assert_true(counts.added[ASSET_HOSTS] == 1 && counts.kept[ASSET_HOSTS] == 1);
    OK(f, state_assets_load(f->state, true, &f->arena, &out, &f->err));
    assert_int_equal(out.counts[ASSET_HOSTS], 3);
}

static void test_intel(void **state)
{
    struct fixture *f = *state;
    struct intel_source *sources, feed = {.name = STR("feed"),
                                          .format = STR("csv"),
                                          .origin = STR("/tmp/feed.csv"),
                                          .file = STR("feed.indicators"),
                                          .imported_ns = 5,
                                          .seen = 10,
                                          .kept = 6,
                                          .repeated = 1,
                                          .refused = 3,
                                          .expired = 2,
                                          .allowed = 4,
                                          .details = STR("{}"),
                                          .cursor = STR("2025"),
                                          .searched_ns = INT64_MIN};
    struct intel_hit *hits, hit = {.source = STR("feed"),
                                   .indicator = STR("evil.example"),
                                   .type = STR("domain"),
                                   .field = STR("url.domain"),
                                   .value = STR("www.evil.example"),
                                   .first_ns = 1,
                                   .last_ns = 9,
                                   .count = 3,
                                   .first_sequence = 77,
                                   .patient_zero = STR("PC-1"),
                                   .hosts = STR("[]"),
                                   .host_count = 2,
                                   .searched_ns = 100};
    uint32_t count;
    bool found;
    OK(f, state_intel_put(f->state, &feed, &f->err));
    feed.kept = 7; /* the same source again replaces it */
    OK(f, state_intel_put(f->state, &feed, &f->err));
    OK(f, state_intel_list(f->state, &f->arena, &sources, &count, &f->err));
    assert_int_equal(count, 1);
    assert_true(sources[0].kept == 7 && sources[0].expired == 2 && sources[0].allowed == 4);
    assert_true(str_eq(sources[0].cursor, STR("2025")) && sources[0].searched_ns == INT64_MIN);
    OK(f, state_intel_searched(f->state, STR("feed"), 200, 6, &f->err));
    OK(f, state_intel_list(f->state, &f->arena, &sources, &count, &f->err));
    assert_true(sources[0].searched_ns == 200 && sources[0].searched_for == 6);
    OK(f, state_intel_put_hit(f->state, &hit, &f->err));
    hit.count = 4;
    OK(f, state_intel_put_hit(f->state, &hit, &f->err));
    OK(f, state_intel_hits(f->state, STR_EMPTY, 10, &f->arena, &hits, &count, &f->err));
    assert_true(count == 1 && hits[0].count == 4 && hits[0].first_sequence == 77 && hits[0].host_count == 2);
    OK(f, state_intel_hits(f->state, STR("other"), 10, &f->arena, &hits, &count, &f->err));
    assert_int_equal(count, 0);
    OK(f, state_intel_remove(f->state, STR("feed"), &found, &f->err));
    assert_true(found);
    OK(f, state_intel_hits(f->state, STR_EMPTY, 10, &f->arena, &hits, &count, &f->err));
    assert_int_equal(count, 0);
    OK(f, state_intel_remove(f->state, STR("feed"), &found, &f->err));
    assert_false(found);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_newer_schema_is_refused),
        CASE(test_settings),
        CASE(test_nested_transactions),
        CASE(test_unsynced_transactions),
        CASE(test_who_has_the_lock),
        CASE(test_balance),
        CASE(test_cursors),
        CASE(test_keys),
        CASE(test_sources),
        CASE(test_incidents),
        CASE(test_incident_goes_on),
        CASE(test_identity_goes_on),
        CASE(test_incident_order_and_changes),
        CASE(test_users),
        CASE(test_sessions_and_tokens),
        CASE(test_login_failures),
        CASE(test_assets),
        CASE(test_intel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
