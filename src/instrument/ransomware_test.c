/* Unit tests of the ransomware instrument: spec 2.10, 5.5, and what must stay silent there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "instrument/testing.h"

#define DAY 86400.0

static size_t renamed(struct trial *t, double at, int file, const char *extension, const char *more)
{
    char text[400];
    snprintf(text, sizeof text,
             "event.category=file;event.type=change;event.action=rename;host.name=FS01;user.name=adm;"
             "file.path=D:\\share\\a%d.docx;file.target_path=D:\\share\\a%d.docx.%s;%s",
             file, file, extension, more);
    return trial_event(t, at, text);
}

/* 100 files a minute with an extension nobody knew; one file a hundred times is one file. */
static void test_counted_events(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    for (int n = 1; n <= 300; n++)
        renamed(t, 0.1 * n, 7, "lckd", "");
    assert_int_equal(trial_count(t, "mass_rename", NULL), 0);
    for (int n = 1; n < 100; n++)
        renamed(t, 1000 + 0.5 * n, n, "lckd", "");
    assert_int_equal(trial_count(t, "mass_rename", NULL), 0);
    trial_restart(t);
    renamed(t, 1050, 100, "lckd", "");
    assert_int_equal(trial_count(t, "mass_rename", "FS01"), 1);
    assert_true(str_eq(trial_fact(t, "mass_rename", "files"), STR("100")));
    for (int n = 101; n <= 400; n++)
        renamed(t, 1050 + 0.1 * n, n, "lckd", "");
    assert_int_equal(trial_count(t, "mass_rename", NULL), 1);
    trial_free(t);
}

/* A random extension for each file, and 101 files in a slow drip. */
static void test_extensions_and_pace(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char extension[16];
    for (int n = 1; n <= 400; n++)
        renamed(t, 2.0 * n, n, "lckd", ""); /* 30 a minute */
    assert_int_equal(trial_count(t, "mass_rename", NULL), 0);
    for (int n = 1; n <= 100; n++) {
        snprintf(extension, sizeof extension, "x%04x", n * 7919 % 65536);
        renamed(t, 5000 + 0.2 * n, n, extension, "");
    }
    assert_int_equal(trial_count(t, "mass_rename", NULL), 1);
    trial_free(t);
}

/* Summaries: at the rate they tell, added up, and only for what is new. */
static void test_summaries(void **state)
{
    (void)state;
    const char *summary =
        "event.category=file;event.type=change;event.action=rename;host.name=FS01;user.name=adm-backup;"
        "file.path=\\\\FS01\\keiri;hyakuyo.file.share=\\\\FS01\\keiri;hyakuyo.file.count=%d;hyakuyo.file."
        "window=%s;file.extension=%s";
    const struct {
        int count;
        const char *window, *extension;
        bool told;
    } cases[] = {{1840, "60s", "lckd", true}, {1840, "1h", "lckd", false},  {6000, "60m", "lckd", true},
                 {99, "60s", "lckd", false},  {1840, "60s", "docx", false}, {1840, "60s", "JPG", false}};
    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
        char text[400];
        struct trial *t = trial_new();
        trial_event(t, 1, "event.category=configuration;host.name=FS01;hyakuyo.control.realtime=false");
        trial_event(t, 2,
                    "event.category=process;event.type=start;host.name=FS01;process.executable=C:"
                    "\\Windows\\System32\\vssadmin.exe;"
                    "process.command_line=vssadmin.exe  Delete Shadows /all /quiet");
        snprintf(text, sizeof text, summary, cases[n].count, cases[n].window, cases[n].extension);
        trial_event(t, 10, text);
        assert_int_equal(trial_count(t, "mass_rename", "FS01"), cases[n].told);
        if (cases[n].told) {
            assert_true(str_eq(trial_fact(t, "mass_rename", "protection_off_since"),
                               STR("2025-11-10T00:00:01.000Z")));
            assert_true(
                str_eq(trial_fact(t, "mass_rename", "recovery_deleted_at"), STR("2025-11-10T00:00:02.000Z")));
        }
        trial_free(t);
    }
}

/* An extension that has been in use for a day is part of the work; reading is nothing; a backup that writes
 * and a registered change neither. */
static void test_silent(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    for (int n = 1; n <= 10; n++)
        renamed(t, n, n, "cadx", "");
    for (int n = 1; n <= 500; n++)
        renamed(t, 2 * DAY + 0.01 * n, n, "cadx", "");
    for (int n = 1; n <= 500; n++) {
        char text[300];
        snprintf(text, sizeof text,
                 "event.category=file;event.type=access;event.action=read;host.name=FS%02d;source.ip=10.10.0."
                 "40;file.path=D:\\a%d.unk",
                 n % 9, n);
        trial_event(t, 3 * DAY + 0.01 * n, text);
        renamed(t, 4 * DAY + 0.01 * n, n, "vbkx", "hyakuyo.exception=backup");
        renamed(t, 5 * DAY + 0.01 * n, n, "v2", "hyakuyo.exception=change");
    }
    assert_int_equal(trial_count(t, "mass_rename", NULL) + trial_count(t, "mass_smb_writes", NULL), 0);
    trial_free(t);
}

static void test_writes_to_many_servers(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char text[300];
    for (int server = 1; server <= 5; server++) {
        snprintf(text, sizeof text,
                 "event.category=network;event.type=allowed;source.ip=10.20.30.31;destination.ip=10.10.0.%d;"
                 "destination.port=445;"
                 "network.transport=tcp;source.bytes=%d;destination.bytes=9000",
                 server, server == 5 ? 200000 : 2000000);
        trial_event(t, server, text);
    }
    assert_int_equal(trial_count(t, "mass_smb_writes", NULL), 0); /* four, and a look at the fifth */
    trial_event(t, 60,
                "event.category=network;event.type=allowed;source.ip=10.20.30.31;destination.ip=10.10.0.9;"
                "destination.port=445;"
                "network.transport=tcp;source.bytes=3000000;destination.bytes=9000");
    assert_int_equal(trial_count(t, "mass_smb_writes", "10.20.30.31"), 1);
    for (int host = 1; host <= 30; host++) { /* what a distribution server is there for */
        snprintf(text, sizeof text,
                 "event.category=network;event.type=allowed;source.ip=10.10.0.72;hyakuyo.asset.role=software-"
                 "distribution;destination.ip=10.20.30.%d;destination.port=445;"
                 "network.transport=tcp;source.bytes=30000000;destination.bytes=9000",
                 host);
        trial_event(t, 100 + host, text);
    }
    assert_int_equal(trial_count(t, "mass_smb_writes", NULL), 1);
    for (int n = 0; n < 40; n++) { /* the audit of five servers; the same person on two is no news */
        snprintf(text, sizeof text,
                 "event.category=file;event.type=change;host.name=FS%02d;source.ip=10.20.30.%d;file.path=D:"
                 "\\doc%d.docx",
                 n % (n < 20 ? 2 : 5), n < 20 ? 50 : 51, n);
        trial_event(t, 1000 + n, text);
    }
    assert_int_equal(trial_count(t, "mass_smb_writes", NULL), 2);
    assert_true(str_eq(trial_fact(t, "mass_smb_writes", "actor"), STR("10.20.30.51")));
    trial_free(t);
}

static size_t installed(struct trial *t, double at, int host, const char *service, const char *image,
                        const char *more)
{
    char text[400];
    snprintf(text, sizeof text,
             "event.category=configuration;event.type=creation;event.action=service-installed;host.name=SRV%"
             "02d;service.name=%s;"
             "process.executable=%s;%s",
             host, service, image, more);
    return trial_event(t, at, text);
}

/* Three hosts in ten minutes by name or by image; updates and CHG-118 are silent (5.5). */
static void test_service_fan_out(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    installed(t, 1, 1, "svcxq", "%SystemRoot%\\svcxq.exe", "");
    installed(t, 2, 1, "svcxq", "%SystemRoot%\\svcxq.exe", "");
    installed(t, 300, 2, "svcxq", "%SystemRoot%\\svcxq.exe", "");
    assert_int_equal(trial_count(t, "service_fan_out", NULL), 0);
    installed(t, 500, 3, "svcxq", "%SystemRoot%\\svcxq.exe", "");
    assert_int_equal(trial_count(t, "service_fan_out", "SRV03"), 1);
    for (int host = 1; host <= 3; host++) {
        char name[20];
        snprintf(name, sizeof name, "rnd%d", host * 77);
        installed(t, 5000 + host, host, name, "C:\\Windows\\wmix.exe", "");
    }
    assert_int_equal(trial_count(t, "service_fan_out", NULL), 2);
    for (int host = 1; host <= 9; host++) {
        installed(t, 9000 + host, host, "Vendor Updater", "C:\\Program Files\\Vendor\\upd.exe", "");
        installed(t, 12000 + 400 * host, host, "slowsvc", "C:\\Windows\\slow.exe",
                  ""); /* two within ten minutes */
        installed(t, 20000 + host, host, "PSEXESVC", "%SystemRoot%\\PSEXESVC.exe",
                  "hyakuyo.exception=change");
    }
    assert_int_equal(trial_count(t, "service_fan_out", NULL), 2);
    for (int host = 1; host <= 9; host++) { /* the change names the administrator's host, not the servers */
        char text[300];
        snprintf(text, sizeof text,
                 "event.category=network;source.ip=10.20.50.7;destination.ip=10.10.0.%d;destination.port=445;"
                 "hyakuyo.destination.host=srv%02d;"
                 "hyakuyo.exception=change",
                 host, host);
        trial_event(t, 30000 + host, text);
        installed(t, 30030 + host, host, "PSEXESVC", "%SystemRoot%\\PSEXESVC.exe", "");
    }
    assert_int_equal(trial_count(t, "service_fan_out", NULL), 2);
    for (int host = 1; host <= 3; host++) /* after the change */
        installed(t, 40000 + host, host, "PSEXESVC", "%SystemRoot%\\PSEXESVC.exe", "");
    assert_int_equal(trial_count(t, "service_fan_out", NULL), 3);
    trial_free(t);
}

static void test_canary_files(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    trial_event(t, 1,
                "event.category=file;event.type=access;event.action=read;host.name=FS01;user.name=backup;"
                "file.path=D:\\s\\ZZ_do_not_touch_hyakuyo.xlsx");
    assert_int_equal(trial_count(t, "canary_file_touched", NULL), 0);
    trial_event(t, 2,
                "event.category=file;event.type=deletion;event.action=delete;host.name=FS01;user.name=adm;"
                "file.path=D:\\s\\ZZ_do_not_touch_hyakuyo.xlsx");
    assert_int_equal(trial_count(t, "canary_file_touched", "FS01"), 1);
    trial_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counted_events),  cmocka_unit_test(test_extensions_and_pace),
        cmocka_unit_test(test_summaries),       cmocka_unit_test(test_silent),
        cmocka_unit_test(test_service_fan_out), cmocka_unit_test(test_writes_to_many_servers),
        cmocka_unit_test(test_canary_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
