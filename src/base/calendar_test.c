/* The days of a Japanese office (spec 3.2: clocks count days). The dates are those that the Cabinet
 * Office published for each year. */
#include "base/calendar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct calendar *load(void)
{
    struct error err;
    struct calendar *c = calendar_load(SOURCE_ROOT "/content/calendar.yml", &err);
    if (c == NULL)
        fail_msg("%s", err.text);
    return c;
}

static void expect_year(struct calendar *c, int64_t year, const char *expected)
{
    char found[1024] = "";
    size_t n = 0;
    for (int64_t day = civil_to_days(year, 1, 1); day < civil_to_days(year + 1, 1, 1); day++) {
        int64_t y;
        unsigned m, d;
        days_to_civil(day, &y, &m, &d);
        if (calendar_holiday(c, day).n)
            n += (size_t)snprintf(found + n, sizeof found - n, "%s%u/%u", n ? " " : "", m, d);
    }
    assert_string_equal(found, expected);
}

static void holidays_are_those_of_the_law(void **state)
{
    struct calendar *c = load();
    (void)state;
    /* a day between two holidays, and what the enthronement brought */
    expect_year(c, 2009,
                "1/1 1/12 2/11 3/20 4/29 5/3 5/4 5/5 5/6 7/20 9/21 9/22 9/23 10/12 11/3 11/23 12/23");
    expect_year(
        c, 2019,
        "1/1 1/14 2/11 3/21 4/29 4/30 5/1 5/2 5/3 5/4 5/5 5/6 7/15 8/11 8/12 9/16 9/23 10/14 10/22 11/3 "
        "11/4 11/23");
    expect_year(c, 2020,
                "1/1 1/13 2/11 2/23 2/24 3/20 4/29 5/3 5/4 5/5 5/6 7/23 7/24 8/10 9/21 9/22 11/3 11/23");
    expect_year(c, 2021, "1/1 1/11 2/11 2/23 3/20 4/29 5/3 5/4 5/5 7/22 7/23 8/8 8/9 9/20 9/23 11/3 11/23");
    expect_year(
        c, 2025,
        "1/1 1/13 2/11 2/23 2/24 3/20 4/29 5/3 5/4 5/5 5/6 7/21 8/11 9/15 9/23 10/13 11/3 11/23 11/24");
    expect_year(c, 2026,
                "1/1 1/12 2/11 2/23 3/20 4/29 5/3 5/4 5/5 5/6 7/20 8/11 9/21 9/22 9/23 10/12 11/3 11/23");
    calendar_free(c);
}

/* What a table of days must say of one: c = the company works, g = government offices do. */
static void business_days(void **state)
{
    static const struct {
        int year;
        unsigned month, day;
        const char *works;
    } cases[] = {
        {2025, 12, 26, "cg"}, /* Friday */
        {2025, 12, 27, ""},   /* Saturday */
        {2025, 12, 29, ""},   /* closed from here on */
        {2025, 12, 31, ""},   {2026, 1, 1, ""},    {2026, 1, 2, ""},    {2026, 1, 3, ""},
        {2026, 1, 5, "cg"},   {2026, 8, 12, "cg"}, {2026, 8, 13, "g"}, /* Obon is the company's alone */
        {2026, 8, 14, "g"},   {2026, 8, 17, "cg"}, {2026, 5, 1, "cg"},  {2026, 5, 6, ""}, /* substitute */
        {2026, 9, 22, ""}, /* between two holidays */
        {2025, 2, 24, ""},    {2025, 11, 24, ""},  {2024, 2, 29, "cg"}, {2024, 3, 20, ""},
        {2024, 9, 22, ""},    {2024, 9, 23, ""},
    };
    struct calendar *c = load();
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t day = civil_to_days(cases[i].year, cases[i].month, cases[i].day);
        bool company = strchr(cases[i].works, 'c') != NULL, government = strchr(cases[i].works, 'g') != NULL;
        if (calendar_is_business_day(c, OFFICE_COMPANY, day) != company ||
            calendar_is_business_day(c, OFFICE_GOVERNMENT, day) != government)
            fail_msg("%d-%u-%u", cases[i].year, cases[i].month, cases[i].day);
    }
    assert_int_equal(calendar_add_business_days(c, OFFICE_COMPANY, civil_to_days(2025, 12, 26), 1),
                     civil_to_days(2026, 1, 5));
    assert_int_equal(calendar_add_business_days(c, OFFICE_GOVERNMENT, civil_to_days(2026, 8, 12), 2),
                     civil_to_days(2026, 8, 14));
    assert_int_equal(calendar_business_day_from(c, OFFICE_COMPANY, civil_to_days(2026, 5, 2)),
                     civil_to_days(2026, 5, 7));
    assert_int_equal(calendar_weekday(civil_to_days(2025, 11, 10)), 0);
    assert_true(calendar_is_office_hour(c, civil_to_days(2025, 11, 10), 9 * 60));
    assert_false(calendar_is_office_hour(c, civil_to_days(2025, 11, 10), 17 * 60 + 30));
    assert_false(calendar_is_office_hour(c, civil_to_days(2025, 11, 9), 12 * 60));
    calendar_free(c);
}

/* A closing over the year's end belongs to the year in which it begins. */
static void closings_and_mistakes(void **state)
{
    static const struct {
        const char *text, *complaint; /* NULL = fine */
    } files[] = {
        {"weekend: [fri, sat]\noffice_hours: {from: '08:00', to: '24:00'}\nclosed:\n"
         "  - {from: '12-30', to: '01-02', for: company, since: 2026, until: 2026}\n"
         "  - {from: '05-01', for: company}\n",
         NULL},
        {"weekend: [sat, sunday]\noffice_hours: {from: '08:00', to: '17:00'}\n", ":1:16: "},
        {"weekend: [mon, tue, wed, thu, fri, sat, sun]\noffice_hours: {from: '08:00', to: '17:00'}\n", ":1:"},
        {"weekend: [sat]\noffice_hours: {from: '18:00', to: '17:00'}\n", ":2:"},
        {"weekend: [sat]\n", "office_hours"},
        {"closed: [{from: '13-01', for: company}]\n", ":1:10: "},
        {"closed: [{from: '12-01', for: us}]\n", ":1:10: "},
        {"holidays: [{name: X, monday: [1, 9]}]\n", ":1:12: "},
        {"holidays: [{on: '01-01'}]\n", ":1:12: "},
    };
    char path[] = "/tmp/calendar_test_XXXXXX";
    int fd = mkstemp(path);
    (void)state;
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        struct error err = {0};
        assert_true(ftruncate(fd, 0) == 0 &&
                    pwrite(fd, files[i].text, strlen(files[i].text), 0) == (ssize_t)strlen(files[i].text));
        struct calendar *c = calendar_load(path, &err);
        if ((c == NULL) != (files[i].complaint != NULL))
            fail_msg("%zu: %s", i, err.text);
        if (c == NULL) {
            if (strstr(err.text, files[i].complaint) == NULL)
                fail_msg("%zu: %s", i, err.text);
            continue;
        }
        assert_true(calendar_is_business_day(c, OFFICE_COMPANY, civil_to_days(2025, 12, 31)));
        assert_false(calendar_is_business_day(c, OFFICE_COMPANY, civil_to_days(2026, 12, 30)));
        assert_false(calendar_is_business_day(c, OFFICE_COMPANY, civil_to_days(2027, 1, 2)));
        assert_true(calendar_is_business_day(c, OFFICE_GOVERNMENT, civil_to_days(2026, 12, 30)));
        assert_true(calendar_is_business_day(c, OFFICE_COMPANY, civil_to_days(2025, 11, 9))); /* Sunday */
        assert_false(calendar_is_business_day(c, OFFICE_COMPANY, civil_to_days(2025, 11, 7)));
        calendar_free(c);
    }
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(holidays_are_those_of_the_law),
                                       cmocka_unit_test(business_days),
                                       cmocka_unit_test(closings_and_mistakes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
