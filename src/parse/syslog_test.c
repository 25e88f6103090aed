/* Headers as senders write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "parse/syslog.h"

struct header_case {
    const char *raw;
    enum syslog_form form;
    int priority; /* -1 = none */
    const char *time, *host, *app, *pid, *message;
};

static const struct header_case cases[] = {
    {"Nov 10 09:13:09 h sshd[9]: [ID 800047 auth.info] text", SYSLOG_BSD, -1, "2025-11-10T09:13:09.000Z", "h",
     "sshd", "9", "text"},
    {"<34>1 2025-11-10T09:13:09.003+09:00 mx1.example su 77 ID47 [a@1 x=\"y\"] hello", SYSLOG_IETF, 34,
     "2025-11-10T00:13:09.003Z", "mx1.example", "su", "77", "hello"},
    {"<34>1 2025-11-10T09:13:09Z - - - - - \xEF\xBB\xBFhello", SYSLOG_IETF, 34, "2025-11-10T09:13:09.000Z",
     "", "", "", "hello"},
    {"<13>1 - host app - - -", SYSLOG_IETF, 13, NULL, "host", "app", "", ""},
    {"1 2025-11-10T09:13:09Z h a - - - no priority", SYSLOG_IETF, -1, "2025-11-10T09:13:09.000Z", "h", "a",
     "", "no priority"},
    {"<13>Nov 10 09:13:09 host1 sshd[22]: text", SYSLOG_BSD, 13, "2025-11-10T09:13:09.000Z", "host1", "sshd",
     "22", "text"},
    {"Nov  2 09:13:09 host1 kernel: [123.4] text", SYSLOG_BSD, -1, "2025-11-02T09:13:09.000Z", "host1",
     "kernel", "", "[123.4] text"},
    {"Nov 10 09:13:09 host1 CRON[1]: a: b", SYSLOG_BSD, -1, "2025-11-10T09:13:09.000Z", "host1", "CRON", "1",
     "a: b"},
    {"Nov 10 09:13:09 host1 date=2025-11-10 time=1", SYSLOG_BSD, -1, "2025-11-10T09:13:09.000Z", "host1", "",
     "", "date=2025-11-10 time=1"},
    {"<140>Oct 03 2023 16:40:40 asa1 : %ASA-4-106012: Deny", SYSLOG_BSD, 140, "2023-10-03T16:40:40.000Z",
     "asa1", "%ASA-4-106012", "", "Deny"},
    {"Oct 20 2019 15:42:54: %ASA-6-106100: access-list", SYSLOG_BSD, -1, "2019-10-20T15:42:54.000Z", "",
     "%ASA-6-106100", "", "access-list"},
    {"May  5 17:51:17 dev01: %FTD-6-302013: Built", SYSLOG_BSD, -1, "2025-05-05T17:51:17.000Z", "dev01",
     "%FTD-6-302013", "", "Built"},
    {"2019-06-14T10:40:20.912134 localhost sudo: pam", SYSLOG_BSD, -1, "2019-06-14T10:40:20.912134Z",
     "localhost", "sudo", "", "pam"},
    {"2019-06-14T13:01:15.412+01:30 localhost pam: user", SYSLOG_BSD, -1, "2019-06-14T11:31:15.412Z",
     "localhost", "pam", "", "user"},
    {"<30>Mar 27 08:32:59 dhcp1.example 10.0.0.1 dhcpd[70]: DHCPACK", SYSLOG_BSD, 30,
     "2025-03-27T08:32:59.000Z", "dhcp1.example", "dhcpd", "70", "DHCPACK"},
    {"Nov 10 09:13:09 gw-1 gw-1 sshd[45]: text", SYSLOG_BSD, -1, "2025-11-10T09:13:09.000Z", "gw-1", "sshd",
     "45", "text"},
    {"Nov 10 09:13:09 gw-1 10.0.0.1 said nothing", SYSLOG_BSD, -1, "2025-11-10T09:13:09.000Z", "gw-1", "", "",
     "10.0.0.1 said nothing"},
    {"<187>date=2020-04-23 time=12:32:47", SYSLOG_PRI, 187, NULL, "", "", "",
     "date=2020-04-23 time=12:32:47"},
    {"<6>kernel: oops", SYSLOG_PRI, 6, NULL, "", "kernel", "", "oops"},
    {"2025-11-10 09:13:09 ALLOW TCP 10.20.30.31 198.51.100.23 49712", SYSLOG_NONE, -1, NULL, "", "", "",
     "2025-11-10 09:13:09 ALLOW TCP 10.20.30.31 198.51.100.23 49712"},
    {"1762733551.000    212 10.20.30.31 TCP_MISS/200", SYSLOG_NONE, -1, NULL, "", "", "",
     "1762733551.000    212 10.20.30.31 TCP_MISS/200"},
    {"{\"a\":1}", SYSLOG_NONE, -1, NULL, "", "", "", "{\"a\":1}"},
    {"<999>x", SYSLOG_NONE, -1, NULL, "", "", "", "<999>x"},
    {"", SYSLOG_NONE, -1, NULL, "", "", "", ""},
    {"<189>45: router1: Nov 10 09:13:09.123: %SYS-5-CONFIG_I: Configured", SYSLOG_BSD, 189,
     "2025-11-10T09:13:09.123Z", "router1", "%SYS-5-CONFIG_I", "", "Configured"},
};

static void assert_text(struct str actual, const char *expected)
{
    if (!str_eq(actual, str_c(expected)))
        fail_msg("got \"%.*s\", expected \"%s\"", STR_ARGS(actual), expected);
}

static void reads_headers(void **state)
{
    (void)state;
    struct time_context context = {.zone = zone_utc(),
                                   .reference_ns =
                                       INT64_C(1762765200) * NS_PER_SECOND}; /* 2025-11-10T09:00Z */
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct header_case *c = &cases[i];
        struct syslog y;
        char text[TIME_TEXT_MAX];
        syslog_parse(str_c(c->raw), &context, &y);
        print_message("%s\n", c->raw);
        assert_int_equal(y.form, c->form);
        assert_int_equal(y.has_priority ? y.facility * 8 + y.severity : -1, c->priority);
        if (c->time)
            assert_text(str_n(text, time_format_iso(y.time_ns, text)), c->time);
        else
            assert_true(y.time_ns == TIME_UNKNOWN);
        assert_text(y.host, c->host);
        assert_text(y.app, c->app);
        assert_text(y.pid, c->pid);
        assert_text(y.message, c->message);
    }
}

static void reads_structured_data(void **state)
{
    (void)state;
    static struct named_list list;
    struct arena arena;
    arena_init(&arena, 1024);
    named_clear(&list);
    struct str text = STR("[e host=\"PC-1\" path=\"C:\\\\a\\]\"][x@1 y=\"\"] rest");
    assert_int_equal(syslog_structured(text, &list, &arena), text.n - 5);
    assert_text(named_get(&list, "e.host"), "PC-1");
    assert_text(named_get(&list, "path"), "C:\\a]");
    assert_int_equal(list.count, 6);
    named_clear(&list);
    text = STR("[e share=\"\\\\FS01\\keiri\" dir=\"C:\\\\a\\\\b\"]");
    assert_int_equal(syslog_structured(text, &list, &arena), text.n);
    assert_text(named_get(&list, "share"), "\\\\FS01\\keiri"); /* a sender that does not escape */
    assert_text(named_get(&list, "dir"), "C:\\a\\b");
    named_clear(&list);
    assert_int_equal(syslog_structured(STR("[e host=\"PC-1"), &list, &arena), 0);
    arena_free(&arena);
}

static void names_facilities_and_severities(void **state)
{
    (void)state;
    assert_text(syslog_facility_name(10), "authpriv");
    assert_text(syslog_severity_name(0), "emergency");
    assert_text(syslog_severity_name(9), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_headers),
                                       cmocka_unit_test(reads_structured_data),
                                       cmocka_unit_test(names_facilities_and_severities)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
