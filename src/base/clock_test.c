/* Times: reading, zones, formats, writing, expressions. Cases are input beside expected UTC output. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"

static int64_t at(const char *iso)
{
    int64_t t;
    assert_true(time_parse_iso(str_c(iso), NULL, &t));
    return t;
}

static void assert_time(int64_t t, const char *expected)
{
    char text[TIME_TEXT_MAX];
    size_t n = time_format_iso(t, text);
    assert_int_equal(n, strlen(text));
    assert_string_equal(text, expected);
}

static void calendar(void **state)
{
    (void)state;
    assert_int_equal(civil_to_days(1970, 1, 1), 0);
    assert_int_equal(civil_to_days(2000, 3, 1), 11017);
    for (int64_t day = -800000; day < 800000; day += 13) {
        int64_t year;
        unsigned month, d;
        days_to_civil(day, &year, &month, &d);
        assert_int_equal(civil_to_days(year, month, d), day);
    }
}

static void iso(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"2025-11-10T00:13:09.123456789Z", "2025-11-10T00:13:09.123456789Z"},
        {"2025-11-10 09:13:09,123+09:00", "2025-11-10T00:13:09.123Z"},
        {"2025-11-10T09:13:09.1+0900", "2025-11-10T00:13:09.100Z"},
        {"2025-11-10T09:13:09+09", "2025-11-10T00:13:09.000Z"},
        {"2025-11-10 00:13:09", "2025-11-10T00:13:09.000Z"},
        {"2025-11-10 00:13", "2025-11-10T00:13:00.000Z"},
        {"2025-11-10", "2025-11-10T00:00:00.000Z"},
        {"2025/11/10 09:13:09 JST", "2025-11-10T00:13:09.000Z"},
        {"2025-11-10 00:13:09.123456 UTC", "2025-11-10T00:13:09.123456Z"},
        {"2025-11-10 09:13:09 +0900", "2025-11-10T00:13:09.000Z"},
        {"20251110T001309Z", "2025-11-10T00:13:09.000Z"},
        {"2025-11-10T00:13:09.1234567891234Z", "2025-11-10T00:13:09.123456789Z"},
        {"1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500Z"},
        {"2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"},
        {"2025-11-10T24:00:00Z", "2025-11-11T00:00:00.000Z"},
        {"2024-02-29t00:00:00z", "2024-02-29T00:00:00.000Z"},
        {"2025-11-10T00:13:09-03:30", "2025-11-10T03:43:09.000Z"},
    };
    static const char *const bad[] = {"",
                                      "2025",
                                      "2025-11-1",
                                      "2025-13-10T00:00:00Z",
                                      "2025-02-29T00:00:00Z",
                                      "2025-11-10T25:00:00Z",
                                      "2025-11-10T00:60:00Z",
                                      "2025-11-10T00:00:00Zx",
                                      "2025-11-10T00:00:00 XYZ",
                                      "2025-11-10X00:00:00",
                                      "2025-11-10T",
                                      "x025-11-10",
                                      "2025-11-10T00:00:",
                                      "2025-11/10T00:00:00Z",
                                      "1500-01-01T00:00:00Z",
                                      "9999-01-01T00:00:00Z",
                                      "2025-00-10",
                                      "2025-11-00",
                                      "2025-11-10T00:13:09.Z",
                                      "2025-11-10 00:13:09+19:00"};
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_time(at(cases[i][0]), cases[i][1]);
    int64_t t;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (time_parse_iso(str_c(bad[i]), NULL, &t))
            fail_msg("taken: %s", bad[i]);
}

static void bsd(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
        size_t consumed;
    } cases[] = {
        {"Nov  2 09:13:07 host", "2025-11-02T09:13:07.000Z", 15},
        {"Nov 2 09:13:07 host", "2025-11-02T09:13:07.000Z", 14},
        {"Nov 02 09:13:07 host", "2025-11-02T09:13:07.000Z", 15},
        {"Nov  2 2023 09:13:07: x", "2023-11-02T09:13:07.000Z", 20},
        {"2023 Nov  2 09:13:07.250 x", "2023-11-02T09:13:07.250Z", 24},
        {"Nov  2 09:13:07.123456 x", "2025-11-02T09:13:07.123456Z", 22},
        {"Nov  2 18:13:07 JST x", "2025-11-02T09:13:07.000Z", 19},
        {"Nov  2 18:13:07 +0900 x", "2025-11-02T09:13:07.000Z", 21},
        {"Nov  2 09:13:07 UTC: x", "2025-11-02T09:13:07.000Z", 19},
        {"Nov  2 09:13:07", "2025-11-02T09:13:07.000Z", 15},
        {"Nov  2 09:13:07 JSThost x", "2025-11-02T09:13:07.000Z", 15},
        {"Nov 16 00:00:00 x", "2025-11-16T00:00:00.000Z", 15}, /* six days ahead */
        {"Nov 18 00:00:00 x", "2024-11-18T00:00:00.000Z", 15}, /* more than a week ahead: last year */
        {"Feb 29 00:00:00 x", "2024-02-29T00:00:00.000Z", 15},
        {"nov  2 09:13:07 x", "2025-11-02T09:13:07.000Z", 15},
    };
    static const char *const bad[] = {"",
                                      "Nov",
                                      "Nov  2 09:13",
                                      "Xov  2 09:13:07",
                                      "Nov 32 09:13:07",
                                      "Nov  2 25:13:07",
                                      "Nov  2 9:13:07 xx",
                                      "Feb 30 00:00:00 ",
                                      "Nov  x 09:13:07 "};
    struct time_context context = {.reference_ns = at("2025-11-10T00:00:00Z")};
    int64_t t;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(time_parse_bsd(str_c(cases[i].text), &context, &t), cases[i].consumed);
        assert_time(t, cases[i].expected);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (time_parse_bsd(str_c(bad[i]), &context, &t))
            fail_msg("taken: %s", bad[i]);
    /* a year without a number around New Year, both ways, and in a zone */
    context.reference_ns = at("2026-01-01T00:10:00Z");
    time_parse_bsd(STR("Dec 31 23:59:59"), &context, &t);
    assert_time(t, "2025-12-31T23:59:59.000Z");
    context.reference_ns = at("2025-12-31T23:59:00Z");
    time_parse_bsd(STR("Jan  1 00:00:30"), &context, &t);
    assert_time(t, "2026-01-01T00:00:30.000Z");
    context.zone = zone_find(STR("Asia/Tokyo"));
    time_parse_bsd(STR("Jan  1 08:59:30"), &context, &t);
    assert_time(t, "2025-12-31T23:59:30.000Z");
}

static void epoch(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"1762733589", "2025-11-10T00:13:09.000Z"},
        {"1762733589.123456789", "2025-11-10T00:13:09.123456789Z"},
        {"1762733589123", "2025-11-10T00:13:09.123Z"},
        {"1762733589123.456", "2025-11-10T00:13:09.123456Z"},
        {"1762733589123456", "2025-11-10T00:13:09.123456Z"},
        {"1762733589123456789", "2025-11-10T00:13:09.123456789Z"},
        {"0", "1970-01-01T00:00:00.000Z"},
        {"-1.5", "1969-12-31T23:59:58.500Z"},
        {"1.762733589e9", "2025-11-10T00:13:09.000Z"},
    };
    static const char *const bad[] = {
        "",  ".",     "x",           "1762733589x", "1762733589.", "99999999999999999999",
        "-", "1e300", "660000000e5", "6.6e10",      "-6.6e10"};
    int64_t t;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_true(time_parse_epoch(str_c(cases[i][0]), &t));
        assert_time(t, cases[i][1]);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (time_parse_epoch(str_c(bad[i]), &t) && strcmp(bad[i], "1762733589.") != 0)
            fail_msg("taken: %s", bad[i]);
}

static void zones(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *utc, *local;
    } cases[] = {
        {"UTC", "2025-11-10T00:00:00Z", "2025-11-10T00:00:00.000+00:00"},
        {"", "2025-11-10T00:00:00Z", "2025-11-10T00:00:00.000+00:00"},
        {"JST", "2025-11-10T00:00:00Z", "2025-11-10T09:00:00.000+09:00"},
        {"+09:00", "2025-11-10T00:00:00Z", "2025-11-10T09:00:00.000+09:00"},
        {"-0330", "2025-11-10T00:00:00Z", "2025-11-09T20:30:00.000-03:30"},
        {"UTC+9", "2025-11-10T00:00:00Z", "2025-11-10T09:00:00.000+09:00"},
        {"Asia/Tokyo", "2025-11-10T00:00:00Z", "2025-11-10T09:00:00.000+09:00"},
        {"Asia/Tokyo", "1950-07-01T00:00:00Z", "1950-07-01T10:00:00.000+10:00"}, /* summer time 1948–1951 */
        {"Asia/Kathmandu", "2025-01-01T00:00:00Z", "2025-01-01T05:45:00.000+05:45"},
        {"Europe/Berlin", "2025-03-30T00:59:59Z", "2025-03-30T01:59:59.000+01:00"},
        {"Europe/Berlin", "2025-03-30T01:00:00Z", "2025-03-30T03:00:00.000+02:00"},
        {"Europe/Berlin", "2025-10-26T00:59:59Z", "2025-10-26T02:59:59.000+02:00"},
        {"Europe/Berlin", "2025-10-26T01:00:00Z", "2025-10-26T02:00:00.000+01:00"},
        {"Europe/Berlin", "2060-07-01T00:00:00Z",
         "2060-07-01T02:00:00.000+02:00"}, /* behind the table: the footer's rule */
        {"Europe/Berlin", "2060-12-01T00:00:00Z", "2060-12-01T01:00:00.000+01:00"},
        {"America/New_York", "2055-03-14T07:00:00Z", "2055-03-14T03:00:00.000-04:00"},
        {"America/New_York", "2055-03-14T06:59:59Z", "2055-03-14T01:59:59.000-05:00"},
        {"Australia/Sydney", "2050-01-01T00:00:00Z", "2050-01-01T11:00:00.000+11:00"}, /* southern half */
        {"Australia/Sydney", "2050-07-01T00:00:00Z", "2050-07-01T10:00:00.000+10:00"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct zone *z = zone_find(str_c(cases[i].zone));
        assert_non_null(z);
        char text[TIME_TEXT_MAX];
        size_t n = time_format_local(at(cases[i].utc), z, text);
        assert_int_equal(n, strlen(text));
        assert_string_equal(text, cases[i].local);
    }
    assert_non_null(zone_find(STR("local")));
    assert_ptr_equal(zone_find(STR("Asia/Tokyo")), zone_find(STR("Asia/Tokyo")));
    static const char *const bad[] = {"Mars/Phobos", "../../etc/passwd", "/etc/localtime", "Asia",
                                      "Asia/",       "tzdata.zi",        "+25:00",         "++9",
                                      "zone1970.tab"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (zone_find(str_c(bad[i])))
            fail_msg("taken: %s", bad[i]);
}

static void local_times_around_changes(void **state)
{
    (void)state;
    struct time_context berlin = {.zone = zone_find(STR("Europe/Berlin"))};
    static const char *const cases[][2] = {
        {"2025-03-30T01:59:59", "2025-03-30T00:59:59.000Z"},
        {"2025-03-30T02:30:00", "2025-03-30T01:30:00.000Z"}, /* skipped: read with the offset before */
        {"2025-03-30T03:00:00", "2025-03-30T01:00:00.000Z"},
        {"2025-10-26T02:30:00", "2025-10-26T00:30:00.000Z"}, /* twice: the earlier */
        {"2025-10-26T03:00:00", "2025-10-26T02:00:00.000Z"},
        {"2025-07-01T12:00:00", "2025-07-01T10:00:00.000Z"},
    };
    int64_t t;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_true(time_parse_iso(str_c(cases[i][0]), &berlin, &t));
        assert_time(t, cases[i][1]);
    }
}

static void formats(void **state)
{
    (void)state;
    static const struct {
        const char *format, *text, *expected;
    } cases[] = {
        {"%d/%b/%Y:%H:%M:%S %z", "10/Nov/2025:09:13:09 +0900", "2025-11-10T00:13:09.000Z"},
        {"%Y/%m/%d %H:%M:%S.%f", "2025/11/10 00:13:09.5", "2025-11-10T00:13:09.500Z"},
        {"%m/%d/%y %I:%M:%S %p", "11/10/25 12:13:09 AM", "2025-11-10T00:13:09.000Z"},
        {"%m/%d/%Y %I:%M:%S %p", "1/5/2025 1:02:03 pm", "2025-01-05T13:02:03.000Z"},
        {"%Y/%m/%d %p %I:%M:%S", "2025/11/10 午後 01:13:09", "2025-11-10T13:13:09.000Z"},
        {"%a %b %e %T %Y", "Mon Nov 10 00:13:09 2025", "2025-11-10T00:13:09.000Z"},
        {"%a %b  %e %T %Y", "月 Nov  2 00:13:09 2025", "2025-11-02T00:13:09.000Z"},
        {"%A, %B %d, %Y %R", "Monday, November 10, 2025 00:13", "2025-11-10T00:13:00.000Z"},
        {"%s", "1762733589", "2025-11-10T00:13:09.000Z"},
        {"%s.%f", "1762733589.25", "2025-11-10T00:13:09.250Z"},
        {"%L", "1762733589123", "2025-11-10T00:13:09.123Z"},
        {"%Y %j %T", "2024 060 00:00:00", "2024-02-29T00:00:00.000Z"},
        {"%F %T %Z", "2025-11-10 09:13:09 JST", "2025-11-10T00:13:09.000Z"},
        {"%F %T %Z", "2025-11-10 09:13:09 Asia/Tokyo", "2025-11-10T00:13:09.000Z"},
        {"%Y%m%d%H%M%S", "20251110001309", "2025-11-10T00:13:09.000Z"},
        {"%b %d %H:%M:%S", "Nov 02 09:13:07", "2025-11-02T09:13:07.000Z"},
        {"%D", "11/10/25", "2025-11-10T00:00:00.000Z"},
        {"100%% %F", "100% 2025-11-10", "2025-11-10T00:00:00.000Z"},
    };
    static const char *const bad[][2] = {{"%F", "2025-13-01"},
                                         {"%F", "2025-11-10x"},
                                         {"%H:%M", "25:00"},
                                         {"%Y", "99"},
                                         {"%F", ""},
                                         {"%b", "Foo"},
                                         {"%F %T %Z", "2025-11-10 09:13:09 Nowhere"},
                                         {"%L", "99999999999999999999"},
                                         {"%j %Y", "366 x"},
                                         {"%f", ""}};
    struct time_context context = {.reference_ns = at("2025-11-10T00:00:00Z")};
    struct error err;
    int64_t t;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct time_format *f = time_format_new(str_c(cases[i].format), &err);
        assert_non_null(f);
        if (!time_format_parse(f, str_c(cases[i].text), &context, &t))
            fail_msg("refused: %s", cases[i].text);
        assert_time(t, cases[i].expected);
        time_format_free(f);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct time_format *f = time_format_new(str_c(bad[i][0]), &err);
        if (time_format_parse(f, str_c(bad[i][1]), &context, &t))
            fail_msg("taken: %s", bad[i][1]);
        time_format_free(f);
    }
    assert_null(time_format_new(STR("%Y %Q"), &err));
    assert_non_null(strstr(err.text, "character 4"));
    assert_null(time_format_new(STR("%"), &err));
    assert_null(time_format_new(STR(""), &err));
}

static void expressions(void **state)
{
    (void)state;
    const struct zone *tokyo = zone_find(STR("Asia/Tokyo"));
    int64_t now = at("2025-11-10T00:13:09Z"), t;
    static const char *const cases[][2] = {
        {"now", "2025-11-10T00:13:09.000Z"},
        {"now-7d", "2025-11-03T00:13:09.000Z"},
        {"now-15m", "2025-11-09T23:58:09.000Z"},
        {"now-1d+6h", "2025-11-09T06:13:09.000Z"},
        {"-30s", "2025-11-10T00:12:39.000Z"},
        {"today", "2025-11-09T15:00:00.000Z"},
        {"today+9h", "2025-11-10T00:00:00.000Z"},
        {"now-2w", "2025-10-27T00:13:09.000Z"},
        {"2025-11-10T09:00:00", "2025-11-10T00:00:00.000Z"},
        {"2025-11-10", "2025-11-09T15:00:00.000Z"},
        {"1762733589", "2025-11-10T00:13:09.000Z"},
    };
    static const char *const bad[] = {
        "", "yesterday", "now-", "now-d", "now-7x", "now7d", "now-99999999999999999999d", "now-9999999999w"};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_true(time_parse_expression(str_c(cases[i][0]), now, tokyo, &t));
        assert_time(t, cases[i][1]);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (time_parse_expression(str_c(bad[i]), now, tokyo, &t))
            fail_msg("taken: %s", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calendar), cmocka_unit_test(iso),
        cmocka_unit_test(bsd),      cmocka_unit_test(epoch),
        cmocka_unit_test(zones),    cmocka_unit_test(local_times_around_changes),
        cmocka_unit_test(formats),  cmocka_unit_test(expressions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
