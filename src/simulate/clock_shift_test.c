/* Spec 5.8: one source's clock is wrong. Each form of time moves, over the ends of hours, days, months and
 * years. */
#include "simulate/clock_shift.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void expect(const char *line, int64_t seconds, const char *shifted)
{
    struct buf out = {0};
    clock_shift(str_c(line), seconds, &out);
    assert_string_equal(buf_cstr(&out), shifted);
    buf_free(&out);
}

static void every_form_moves(void **state)
{
    (void)state;
    expect("2025-11-10 23:59:06 DROP TCP 10.20.30.31", 90, "2025-11-11 00:00:36 DROP TCP 10.20.30.31");
    expect("<134>1 2025-12-31T23:59:00+09:00 nac01 NAC", 90, "<134>1 2026-01-01T00:00:30+09:00 nac01 NAC");
    expect("{\"TimeCreated\":\"2025-11-10T00:25:40.123Z\",\"EventID\":5001}", 90,
           "{\"TimeCreated\":\"2025-11-10T00:27:10.123Z\",\"EventID\":5001}");
    expect("date=2025-11-30 time=23:59:59 devname=\"FW\" eventtime=1762733589000000000 srcport=49712", 90,
           "date=2025-12-01 time=00:01:29 devname=\"FW\" eventtime=1762733679000000000 srcport=49712");
    expect("10-Nov-2025 09:13:07.259 queries: info: client", 90,
           "10-Nov-2025 09:14:37.259 queries: info: client");
    expect("Feb 28 23:59:00 mail01 postfix/qmgr[221]: x", 90, "Feb 29 00:00:30 mail01 postfix/qmgr[221]: x");
    expect("<30>Nov  1 00:00:30 dhcp01 dhcpd: x", -60, "<30>Oct 31 23:59:30 dhcp01 dhcpd: x");
    expect("1762733556.000   1480 10.20.30.31 TCP_MISS/200 1762733556 GET", 90,
           "1762733646.000   1480 10.20.30.31 TCP_MISS/200 1762733556 GET");
    expect("{\"ts\":1762733591.204,\"bytes\":1762733591}", 90,
           "{\"ts\":1762733681.204,\"bytes\":1762733591}");
    expect("CEF:0|K|S|1|a|b|4|msg=x rt=1762732800123 dhost=P", 90,
           "CEF:0|K|S|1|a|b|4|msg=x rt=1762732890123 dhost=P");
}

static void what_is_no_time_stays(void **state)
{
    (void)state;
    expect("", 90, "");
    expect("192.0.2.17 9999-99-99 99:99:99 Foo 10 10:00:00", 90,
           "192.0.2.17 9999-99-99 99:99:99 Foo 10 10:00:00");
    expect("12025-11-10 09:13:07", 90, "12025-11-10 09:13:07");
    expect("2025-11-10", 90, "2025-11-10");
    expect("Nov 10 09:1", 90, "Nov 10 09:1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_form_moves),
                                       cmocka_unit_test(what_is_no_time_stays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
