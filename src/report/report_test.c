/* Reports without a store: forms that are wrong, periods, how cells are said, tables as CSV, ZIP and PDF. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/file.h"
#include "report/report.h"
#include "report/zip.h"

static char folder[] = "/tmp/hyakuyo_report_XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static void write_text(const char *name, const char *text)
{
    char path[256];
    struct error err;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_true(file_write_atomic(path, str_c(text), 0600, &err));
}

static const char labels[] =
    "columns:\n"
    "  name: {en: Name, ja: 名前}\n"
    "  count: {en: Count, ja: 件数, type: number}\n"
    "  at: {en: At, ja: 時刻, type: time}\n"
    "  grade: {en: Grade, ja: 度合い, type: number, values: {4: {en: highest, ja: 最高}}}\n";

static struct report *load(const char *form, struct error *err)
{
    write_text("labels.yml", labels);
    write_text("test.yml", form);
    struct report *r = report_form_load(folder, STR("test"), err);
    if (r != NULL) {
        r->zone = zone_find(STR("Asia/Tokyo"));
        r->language = LANGUAGE_EN;
    }
    return r;
}

static void forms_that_are_wrong_are_told_with_their_line(void **state)
{
    static const struct {
        const char *form, *sentence;
    } cases[] = {
        {"title: {en: T, ja: 題}\n", "sections"},
        {"title: {en: T, ja: 題}\nperiod: year\nsections:\n  - {name: a, title: {en: A, ja: あ}, shape: "
         "text}\n",
         "'year' is no period"},
        {"sections:\n  - {name: a, title: {en: A}, shape: text}\n", "test.yml:2:"},
        {"sections:\n  - {name: a, title: {en: A, ja: あ}}\n", "exactly one of query, state and document"},
        {"sections:\n  - {name: a, title: {en: A, ja: あ}, state: x, query: '*', columns: [name]}\n",
         "exactly one"},
        {"sections:\n  - {name: a, title: {en: A, ja: あ}, shape: pie, state: x}\n", "'pie' is no shape"},
        {"sections:\n  - {name: a, title: {en: A, ja: あ}, shape: bar, state: x}\n", "needs x and y"},
        {"sections:\n  - {name: a, title: {en: A, ja: あ}, query: '*'}\n", "needs columns"},
        {"period: day\nschedule: soon\nsections:\n  - {name: a, title: {en: A, ja: あ}, shape: text}\n",
         "no schedule"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {0};
        struct report *r = load(cases[i].form, &err);
        if (r != NULL || strstr(err.text, cases[i].sentence) == NULL)
            fail_msg("case %zu: %s", i, err.text);
    }
    struct error err;
    assert_null(report_form_load(folder, STR("../test"), &err));
}

static int64_t at(const char *text)
{
    struct time_context context = {.zone = zone_find(STR("Asia/Tokyo"))};
    int64_t time_ns = 0;
    assert_true(time_parse_iso(str_c(text), &context, &time_ns));
    return time_ns;
}

static void expect_period(enum report_period period, const char *now, const char *from, const char *to)
{
    int64_t got_from, got_to;
    report_default_period(period, zone_find(STR("Asia/Tokyo")), at(now), &got_from, &got_to);
    assert_int_equal(got_from, at(from));
    assert_int_equal(got_to, at(to));
}

static void the_period_is_the_whole_one_before_now(void **state)
{
    (void)state;
    expect_period(PERIOD_DAY, "2025-11-10T00:00:00", "2025-11-09T00:00:00", "2025-11-10T00:00:00");
    expect_period(PERIOD_DAY, "2025-11-10T23:59:59", "2025-11-09T00:00:00", "2025-11-10T00:00:00");
    expect_period(PERIOD_WEEK, "2025-11-10T08:00:00", "2025-11-03T00:00:00",
                  "2025-11-10T00:00:00"); /* a Monday */
    expect_period(PERIOD_WEEK, "2025-11-16T08:00:00", "2025-11-03T00:00:00",
                  "2025-11-10T00:00:00"); /* a Sunday */
    expect_period(PERIOD_MONTH, "2026-01-01T08:00:00", "2025-12-01T00:00:00", "2026-01-01T00:00:00");
    expect_period(PERIOD_MONTH, "2024-03-31T08:00:00", "2024-02-01T00:00:00", "2024-03-01T00:00:00");
}

static struct report *filled(void)
{
    struct error err;
    struct report *r = load("title: {en: 'Title, \"quoted\"', ja: 題}\nsections:\n"
                            "  - {name: a, title: {en: A, ja: あ}, state: x, limit: 3}\n",
                            &err);
    static const char *const names[] = {"name", "count", "at", "grade"};
    assert_non_null(r);
    struct report_section *s = &r->sections[0];
    s->columns = ARENA_ARRAY(&r->arena, struct report_column, 4);
    s->column_count = 4;
    for (size_t i = 0; i < 4; i++)
        s->columns[i] = report_column_named(r, str_c(names[i]));
    struct report_cell *row = report_add_row(r, s);
    row[0] = report_text(STR("=cmd|' /C calc'!A0"));
    row[1] = report_whole(1234567);
    row[2] = report_whole(INT64_C(1762732800) * NS_PER_SECOND);
    row[3] = report_whole(4);
    row = report_add_row(r, s);
    row[0] = report_text(STR("a \"b\", c\nd <script>"));
    return r;
}

static void cells_are_said_and_unknown_is_never_zero(void **state)
{
    struct report *r = filled();
    const struct report_section *s = &r->sections[0];
    static const char *const en[] = {"=cmd|' /C calc'!A0", "1,234,567", "2025-11-10 09:00", "highest"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct str shown = report_show(r, &s->columns[i], &s->cells[i], &r->arena);
        assert_true(str_eq(shown, str_c(en[i])));
    }
    for (size_t i = 1; i < 4; i++)
        assert_true(str_eq(report_show(r, &s->columns[i], &s->cells[4 + i], &r->arena), STR("unknown")));
    r->language = LANGUAGE_JA;
    assert_true(str_eq(report_show(r, &s->columns[3], &s->cells[3], &r->arena), STR("最高")));
    assert_true(str_eq(report_show(r, &s->columns[3], &s->cells[7], &r->arena), STR("不明")));
    report_free(r);
}

static void tables_say_what_they_left_out(void **state)
{
    struct report *r = filled();
    struct report_section *s = &r->sections[0];
    (void)state;
    assert_int_equal(report_remark(r, s, &r->arena).n, 0);
    assert_non_null(report_add_row(r, s));
    assert_null(report_add_row(r, s));
    assert_true(str_contains(report_remark(r, s, &r->arena), STR("only the first 3 rows")));
    report_free(r);
}

static void csv_is_rfc_4180_and_carries_no_formula(void **state)
{
    struct report *r = filled();
    struct buf out = {0};
    (void)state;
    report_csv(r, &r->sections[0], true, &out);
    assert_string_equal(buf_cstr(&out),
                        "\xEF\xBB\xBFName,Count,At,Grade\r\n"
                        "'=cmd|' /C calc'!A0,1234567,2025-11-10T09:00:00.000+09:00,highest\r\n"
                        "\"a \"\"b\"\", c\nd <script>\",unknown,unknown,unknown\r\n");
    buf_free(&out);
    report_free(r);
}

static void pages_escape_what_came_from_outside(void **state)
{
    struct report *r = filled();
    struct buf out = {0};
    (void)state;
    report_html(r, &out);
    assert_null(strstr(buf_cstr(&out), "<script"));
    assert_non_null(strstr(buf_cstr(&out), "&lt;script&gt;"));
    buf_free(&out);
    report_free(r);
}

static void the_same_report_gives_the_same_pdf_and_zip(void **state)
{
    struct buf out[4] = {0};
    struct error err;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct report *r = filled();
        assert_true(report_pdf(r, &out[i], &err));
        struct zip *z = zip_new(&out[2 + i], NS_PER_SECOND * 1762732800, &err);
        assert_non_null(z);
        assert_true(zip_add(z, STR("日報.csv"), STR("a,b\r\n"), &err));
        assert_true(zip_end(z, &err));
        report_free(r);
    }
    assert_true(str_starts(buf_str(&out[0]), STR("%PDF-")) &&
                str_starts(buf_str(&out[2]), STR("PK\x03\x04")));
    assert_true(str_eq(buf_str(&out[2]), buf_str(&out[3])));
    assert_int_equal(out[0].n, out[1].n);
    for (size_t i = 0; i < 4; i++)
        buf_free(&out[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_that_are_wrong_are_told_with_their_line),
        cmocka_unit_test(the_period_is_the_whole_one_before_now),
        cmocka_unit_test(cells_are_said_and_unknown_is_never_zero),
        cmocka_unit_test(tables_say_what_they_left_out),
        cmocka_unit_test(csv_is_rfc_4180_and_carries_no_formula),
        cmocka_unit_test(pages_escape_what_came_from_outside),
        cmocka_unit_test(the_same_report_gives_the_same_pdf_and_zip),
    };
    language_set(LANGUAGE_EN);
    return cmocka_run_group_tests(tests, make_folder, NULL);
}
