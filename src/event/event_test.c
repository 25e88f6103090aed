/* Adding to events: types, shapes, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/event.h"

static struct arena arena;

static void assert_text(const struct event *e, field_id field, const char *expected)
{
    struct str s = event_text(e, field);
    assert_int_equal(s.n, strlen(expected));
    assert_memory_equal(s.p, expected, s.n);
}

static void converts_to_declared_types(void **state)
{
    (void)state;
    static const struct {
        field_id field;
        const char *text, *expected; /* NULL: dropped */
    } cases[] = {
        {FIELD_SOURCE_PORT, "25", "25"},
        {FIELD_SOURCE_PORT, " 42 ", "42"},
        {FIELD_SOURCE_PORT, "0x1f", "31"},
        {FIELD_SOURCE_PORT, "12.0", "12"},
        {FIELD_SOURCE_PORT, "-7", "-7"},
        {FIELD_SOURCE_PORT, "12.5", NULL},
        {FIELD_SOURCE_PORT, "http", NULL},
        {FIELD_SOURCE_PORT, "", NULL},
        {FIELD_SOURCE_PORT, "0x", NULL},
        {FIELD_SOURCE_BYTES, "9223372036854775807", "9223372036854775807"},
        {FIELD_SOURCE_BYTES, "9223372036854775808", NULL},
        {FIELD_SOURCE_BYTES, "1e3", "1000"},
        {FIELD_SOURCE_IP, "192.0.2.1", "192.0.2.1"},
        {FIELD_SOURCE_IP, "[2001:DB8::1]", "2001:db8::1"},
        {FIELD_SOURCE_IP, " fe80::1%eth0", "fe80::1"},
        {FIELD_SOURCE_IP, "::ffff:192.0.2.1", "192.0.2.1"},
        {FIELD_SOURCE_IP, "host.example", NULL},
        {FIELD_SOURCE_IP, "192.0.2.256", NULL},
        {FIELD_EVENT_START, "2025-11-10T00:13:09Z", "2025-11-10T00:13:09.000Z"},
        {FIELD_EVENT_START, "1762733589", "2025-11-10T00:13:09.000Z"},
        {FIELD_EVENT_START, "tomorrow", NULL},
        {FIELD_HYAKUYO_ASSET_REGISTERED, "Yes", "true"},
        {FIELD_HYAKUYO_ASSET_REGISTERED, "0", "false"},
        {FIELD_HYAKUYO_ASSET_REGISTERED, "perhaps", NULL},
        {FIELD_EVENT_RISK_SCORE, "0.1", "0.1"},
        {FIELD_EVENT_RISK_SCORE, "73", "73"},
        {FIELD_EVENT_RISK_SCORE, "high", NULL},
        {FIELD_EVENT_CODE, "4625", "4625"},
        {FIELD_EVENT_CODE, "", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct event e = {0};
        assert_int_equal(event_add(&e, &arena, cases[i].field, str_c(cases[i].text)),
                         cases[i].expected != NULL);
        const struct value *v = event_get(&e, cases[i].field);
        assert_int_equal(v != NULL, cases[i].expected != NULL);
        if (!v)
            continue;
        assert_int_equal(v->type, field_get(cases[i].field)->type);
        struct str s = value_as_text(v, &arena);
        if (!str_eq(s, str_c(cases[i].expected)))
            fail_msg("%s became %.*s", cases[i].text, STR_ARGS(s));
    }
}

static void numbers_fit_any_type(void **state)
{
    (void)state;
    struct event e = {0};
    int64_t n;
    assert_true(event_add_number(&e, &arena, FIELD_EVENT_CODE, 4625));
    assert_text(&e, FIELD_EVENT_CODE, "4625");
    assert_true(event_add_number(&e, &arena, FIELD_EVENT_RISK_SCORE, 3));
    assert_true(event_get(&e, FIELD_EVENT_RISK_SCORE)->real == 3);
    assert_false(event_add_number(&e, &arena, FIELD_SOURCE_IP, 1));
    assert_true(event_add_double(&e, &arena, FIELD_SOURCE_PORT, 80));
    assert_true(event_number(&e, FIELD_SOURCE_PORT, &n) && n == 80);
    assert_false(event_add_double(&e, &arena, FIELD_DESTINATION_PORT, 80.5));
    assert_false(event_add_double(&e, &arena, FIELD_DESTINATION_PORT, 1e300));
    assert_true(event_add_double(&e, &arena, FIELD_RULE_ID, 0.1));
    assert_text(&e, FIELD_RULE_ID, "0.1");
    assert_text(&e, FIELD_SOURCE_PORT, ""); /* numbers are no texts */
    assert_false(event_number(&e, FIELD_RULE_ID, &n));
    assert_false(event_add(&e, &arena, FIELD_NONE, STR("x")));
}

static void scalars_and_arrays(void **state)
{
    (void)state;
    struct event e = {0};
    event_add(&e, &arena, FIELD_USER_NAME, STR("first"));
    assert_true(event_add(&e, &arena, FIELD_USER_NAME, STR("second")));
    assert_text(&e, FIELD_USER_NAME, "first");
    event_set(&e, &arena, FIELD_USER_NAME, STR("third"));
    assert_text(&e, FIELD_USER_NAME, "third");
    event_add(&e, &arena, FIELD_TAGS, STR("a"));
    event_add(&e, &arena, FIELD_TAGS, STR("b"));
    event_add(&e, &arena, FIELD_TAGS, STR("a"));
    assert_int_equal(e.count, 3);
    const struct value *v = event_next(&e, event_get(&e, FIELD_TAGS));
    assert_true(str_eq(value_text(v), STR("b")));
    assert_null(event_next(&e, v));
    event_set(&e, &arena, FIELD_TAGS, STR("only"));
    assert_int_equal(e.count, 2);
    assert_null(event_next(&e, event_get(&e, FIELD_TAGS)));
    event_remove(&e, FIELD_USER_NAME);
    assert_null(event_get(&e, FIELD_USER_NAME));
    assert_int_equal(e.count, 1);
    event_set_number(&e, &arena, FIELD_SOURCE_PORT, 1);
    event_set_number(&e, &arena, FIELD_SOURCE_PORT, 2);
    int64_t n;
    assert_true(event_number(&e, FIELD_SOURCE_PORT, &n) && n == 2);
}

static void vendor_fields_keep_every_value(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 4096);
    struct event e = {0};
    field_id field = field_intern(STR("vendor.example.boxes"));
    assert_true(event_add(&e, &a, field, STR("one")));
    assert_true(event_add(&e, &a, field, STR("two")));
    assert_true(event_add(&e, &a, field, STR("one")));
    const struct value *first = event_get(&e, field);
    assert_non_null(first);
    const struct value *second = event_next(&e, first);
    assert_non_null(second);
    assert_true(str_eq(value_text(second), STR("two")));
    assert_null(event_next(&e, second));
    arena_free(&a);
}

static void members_stand_for_fields(void **state)
{
    (void)state;
    struct event e = {.raw = STR("raw line")};
    int64_t n;
    assert_true(event_add(&e, &arena, FIELD_TIMESTAMP, STR("2025-11-10T00:13:09Z")));
    assert_int_equal(e.count, 0);
    assert_true(event_number(&e, FIELD_TIMESTAMP, &n) && n == e.time_ns && n == INT64_C(1762733589000000000));
    assert_false(event_set(&e, &arena, FIELD_EVENT_ORIGINAL, STR("forged")));
    assert_text(&e, FIELD_EVENT_ORIGINAL, "raw line");
}

static void is_bounded(void **state)
{
    (void)state;
    struct event e = {0};
    int taken = 0;
    for (int i = 0; i < 5000; i++)
        taken += event_add(&e, &arena, FIELD_RELATED_HOSTS, arena_printf(&arena, "h%d", i));
    assert_int_equal(taken, 4000);
    assert_int_equal(e.count, 4000);
    assert_false(event_set(&e, &arena, FIELD_USER_NAME, STR("x")));
}

static int release(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(converts_to_declared_types), cmocka_unit_test(numbers_fit_any_type),
        cmocka_unit_test(scalars_and_arrays),         cmocka_unit_test(vendor_fields_keep_every_value),
        cmocka_unit_test(members_stand_for_fields),   cmocka_unit_test(is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
