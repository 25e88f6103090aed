/* Times as systems write them, and spans as people do. */
#include "simulate/time_form.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/memory.h"

/* 2025-11-10 09:13:11.204 in Japan, the example of spec 5.1 */
#define AT (INT64_C(1762733591204) * NS_PER_MS)

static void each_form_is_like_its_example(void **state)
{
    static const char *const expected[] = {"1762733591.204",
                                           "1762733591204000000",
                                           "10-Nov-2025 09:13:11.204",
                                           "Nov 10 09:13:11",
                                           "2025-11-10T09:13:11+09:00",
                                           "2025-11-10 09:13:11",
                                           "2025-11-10",
                                           "09:13:11",
                                           "2025-11-10T00:13:11.204Z",
                                           "2025-11-10 00:13:11",
                                           "2025-11-10T09:13:11.204000+0900",
                                           "1762733591204",
                                           "251110"};
    (void)state;
    assert_int_equal(COUNT_OF(expected), TIME_FORM_COUNT);
    for (int i = 0; i < TIME_FORM_COUNT; i++) {
        struct buf out = {0};
        time_form_put((enum time_form)i, AT, &out);
        assert_string_equal(buf_cstr(&out), expected[i]);
        buf_free(&out);
    }
    assert_int_equal(time_of_day(time_day(AT)), INT64_C(1762700400) * NS_PER_SECOND);
}

static void spans_are_read(void **state)
{
    int64_t low, high;
    (void)state;
    assert_true(span_parse(STR("1d9h12m30s"), &low) &&
                low == (((24 + 9) * 60 + 12) * 60 + 30) * NS_PER_SECOND);
    assert_true(span_parse(STR("0.11s"), &low) && low == 110 * NS_PER_MS);
    assert_true(span_range_parse(STR("30-60ms"), &low, &high) && low == 30 * NS_PER_MS &&
                high == 60 * NS_PER_MS);
    assert_true(span_range_parse(STR("1s-3m"), &low, &high) && low == NS_PER_SECOND &&
                high == 180 * NS_PER_SECOND);
    assert_true(span_range_parse(STR("5m"), &low, &high) && low == high);
    static const char *const refused[] = {"", "5", "m", "5x", "1h-5m", "-5m", "5m-", "1e9d", "..s"};
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        assert_false(span_range_parse(str_c(refused[i]), &low, &high));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_form_is_like_its_example),
                                       cmocka_unit_test(spans_are_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
