/* Unit tests of the launch instrument: S45–S47, S111. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "instrument/testing.h"

#define DAY 86400.0

static size_t launch(struct trial *t, double at, int host, const char *path, const char *more)
{
    char text[600];
    snprintf(text, sizeof text,
             "event.category=process;event.type=start;host.name=PC-%03d;host.ip=10.20.30.%d;process."
             "executable=%s;%s",
             host, host, path, more);
    return trial_event(t, at, text);
}

static size_t flow(struct trial *t, double at, int host, const char *more)
{
    char text[400];
    snprintf(text, sizeof text,
             "event.category=network;event.type=allowed;source.ip=10.20.30.%d;destination.ip=198.51.100.23;"
             "destination.port=6667;network.transport=tcp;%s",
             host, more);
    return trial_event(t, at, text);
}

#define UNSIGNED "process.code_signature.exists=false;process.hash.sha256=aa11"
#define TEMP     "C:\\Users\\t.sato\\AppData\\Local\\Temp\\codec.exe"

static void fill_office(struct trial *t, int hosts)
{
    for (int h = 1; h <= hosts; h++)
        launch(t, h, h, "C:\\Windows\\explorer.exe", "process.code_signature.exists=true");
}

/* A roll-out unpacks in temporary folders, and the log names no signer: at first every host is told, then no
 * more. */
static void test_roll_out_without_signer(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    fill_office(t, 60);
    for (int h = 1; h <= 60; h++) {
        launch(t, 5 * DAY + 3 * h, h, "C:\\Windows\\Temp\\setup.exe", "process.hash.sha256=cc");
        flow(t, 5 * DAY + 3 * h + 1, h, "");
    }
    size_t told = trial_count(t, "launch_suspicious", NULL);
    assert_true(told >= 5 && told < 15);
    trial_free(t);
}

/* S47: an unsigned program of a temporary folder on one host, with outbound communication. */
static void test_unsigned_and_outbound(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    fill_office(t, 100);
    assert_int_equal(launch(t, 5 * DAY, 31, TEMP, UNSIGNED), 1); /* 2 + 2 + 2 + 1 = 7 */
    assert_true(str_eq(trial_fact(t, "launch_suspicious", "score"), STR("7")));
    assert_true(str_eq(trial_fact(t, "launch_suspicious", "hosts_with_it"), STR("1")));
    assert_int_equal(launch(t, 5 * DAY + 60, 31, TEMP, UNSIGNED), 0); /* told already */
    /* unsigned in its proper folder: 2 + 2 + 1 = 5, alert; once 20 hosts have it for days: 0.7 + 2, silent */
    for (int h = 41; h <= 60; h++)
        launch(t, 6 * DAY, h, "C:\\Program Files\\Own\\tool.exe",
               "process.code_signature.exists=false;process.hash.sha256=bb");
    size_t before = trial_count(t, "launch_suspicious", NULL);
    launch(t, 9 * DAY, 70, "C:\\Program Files\\Own\\tool.exe",
           "process.code_signature.exists=false;process.hash.sha256=bb");
    assert_int_equal(trial_count(t, "launch_suspicious", NULL), before);
    trial_free(t);
}

/* S47: communication within ten minutes makes the difference. */
static void test_communication_follows(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    fill_office(t, 4);
    const char *old = "process.hash.sha256=cc;process.code_signature.exists=false";
    launch(t, 10, 1, "C:\\Tools\\own.exe", old);
    assert_int_equal(trial_count(t, "launch_suspicious", NULL), 0); /* log10(4) + 2 + 1 */
    flow(t, 10 + 601, 1, "");
    assert_int_equal(trial_count(t, "launch_suspicious", NULL), 0); /* too late */
    launch(t, 1000, 1, "C:\\Tools\\own.exe", old);
    flow(t, 1100, 2, ""); /* another host */
    assert_int_equal(trial_count(t, "launch_suspicious", NULL), 0);
    flow(t, 1200, 1, "");
    assert_int_equal(trial_count(t, "launch_suspicious", "10.20.30.1"), 1);
    assert_int_equal(trial_count(t, "launch_made_flow", NULL), 0); /* nobody names the process */
    trial_free(t);
}

/* S47: a new signed update on 60 of 100 hosts, whether or not the record names the signer; with all of them
 * communicating. */
static void test_signed_update_is_silent(void **state)
{
    (void)state;
    const char *signatures[] = {"process.code_signature.exists=true;process.code_signature.subject_name="
                                "Vendor K.K.;process.hash.sha256=dd2",
                                "process.code_signature.exists=true;process.hash.sha256=dd2"};
    for (int which = 0; which < 2; which++) {
        struct trial *t = trial_new();
        fill_office(t, 100);
        for (int h = 1; h <= 60; h++) {
            launch(t, 3 * DAY + 120 * h, h, "C:\\Windows\\Temp\\update-7.2.exe", signatures[which]);
            flow(t, 3 * DAY + 120 * h + 5, h, "");
        }
        trial_advance(t, 5 * DAY);
        assert_int_equal(trial_count(t, "launch_suspicious", NULL), 0);
        /* signed, but nobody else ever has it: told once its time to spread is over, also over a restart */
        launch(t, 6 * DAY, 7, "C:\\Windows\\Temp\\x.exe",
               "process.code_signature.exists=true;process.hash.sha256=ee");
        flow(t, 6 * DAY + 5, 7, "");
        trial_restart(t);
        assert_int_equal(trial_count(t, "launch_suspicious", NULL), 0);
        trial_advance(t, 6 * DAY + 5 * 3600);
        assert_int_equal(trial_count(t, "launch_suspicious", "PC-007"), 1);
        trial_free(t);
    }
}

/* S46, spec 4.4: the flow itself names a program off the list, by path, by name, or by number. */
static void test_process_made_the_flow(void **state)
{
    (void)state;
    const char *named[] = {"process.executable=C:\\Windows\\Temp\\SVCUPD.exe;host.name=PC-031",
                           "process.name=svcupd.exe", "process.pid=4711"};
    for (size_t n = 0; n < 3; n++) {
        struct trial *t = trial_new();
        fill_office(t, 40);
        launch(t, 100, 31, "C:\\Windows\\Temp\\svcupd.exe",
               "hyakuyo.launch.list=not-listed;event.action=logged;process.pid=4711;process.code_signature."
               "exists=false");
        flow(t, 110, 31, "process.executable=C:\\Windows\\explorer.exe;host.name=PC-031");
        assert_int_equal(trial_count(t, "launch_made_flow", NULL), 0);
        flow(t, 120, 31, named[n]);
        assert_int_equal(trial_count(t, "launch_made_flow", "10.20.30.31"), 1);
        flow(t, 121, 31, named[n]);
        assert_int_equal(trial_count(t, "launch_made_flow", NULL), 1);
        trial_free(t);
    }
    /* the process that waits for the connection did not make it */
    struct trial *t = trial_new();
    launch(t, 100, 31, "C:\\Windows\\Temp\\svcupd.exe", "hyakuyo.launch.list=not-listed");
    trial_event(t, 110,
                "event.category=network;source.ip=10.20.30.9;destination.ip=10.20.30.31;destination.port=445;"
                "host.ip=10.20.30.31;"
                "process.executable=C:\\Windows\\Temp\\svcupd.exe");
    assert_int_equal(trial_count(t, "launch_made_flow", NULL), 0);
    trial_free(t);
}

/* S45, S111, spec 4.4: removable media; stopped launches count, as what was stopped; approved ones do not. */
static void test_places_and_answers(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    fill_office(t, 3);
    launch(t, 100, 1, "E:\\menu.exe", "hyakuyo.launch.list=not-listed");
    assert_int_equal(trial_count(t, "launch_from_removable", "PC-001"), 1);
    launch(t, 200, 2, "%REMOVABLE%\\A.EXE", "event.action=not-allowed-blocked;event.type=denied");
    assert_int_equal(trial_count(t, "launch_blocked", "PC-002"), 1);
    assert_int_equal(trial_count(t, "launch_from_removable", "PC-002"), 0);
    launch(
        t, 300, 3, "C:\\Temp\\approved.exe",
        "hyakuyo.launch.list=not-listed;process.code_signature.exists=false;hyakuyo.exception=application");
    flow(t, 310, 3, "");
    assert_int_equal(trial_count(t, "launch_suspicious", "PC-003"), 0);
    trial_free(t);
}

/* What is 90 days old is forgotten, and rare again. */
static void test_memory(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    for (int h = 1; h <= 100; h++)
        launch(t, h, h, "C:\\Downloads\\tool.exe",
               "process.code_signature.exists=true;process.hash.sha256=f0");
    for (int h = 1; h <= 100; h++)
        launch(t, 89 * DAY + h, h, "C:\\Windows\\explorer.exe", "process.code_signature.exists=true");
    launch(t, 89.5 * DAY, 1, "C:\\Downloads\\tool.exe", "process.hash.sha256=f0");
    assert_int_equal(trial_count(t, "launch_suspicious", NULL), 0);
    trial_advance(t, 119 * DAY);
    launch(t, 120 * DAY, 2, "C:\\Downloads\\tool.exe",
           "process.code_signature.exists=false;process.hash.sha256=f0");
    assert_int_equal(trial_count(t, "launch_suspicious", "PC-002"), 1);
    assert_true(str_eq(trial_fact(t, "launch_suspicious", "hosts_with_it"), STR("2")));
    trial_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roll_out_without_signer),
        cmocka_unit_test(test_unsigned_and_outbound),
        cmocka_unit_test(test_communication_follows),
        cmocka_unit_test(test_signed_update_is_silent),
        cmocka_unit_test(test_process_made_the_flow),
        cmocka_unit_test(test_places_and_answers),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
