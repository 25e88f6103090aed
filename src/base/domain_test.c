/* Unit tests of registered domains (S63: www.a.co.jp and b.a.co.jp are both a.co.jp). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/domain.h"

static void test_registered_part(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"www.a.co.jp", "a.co.jp"},
        {"b.a.co.jp", "a.co.jp"},
        {"a.co.jp", "a.co.jp"},
        {"co.jp", "co.jp"},
        {"deep.down.example.com", "example.com"},
        {"x.y.unlisted-tld", "y.unlisted-tld"}, /* what is not listed is one label long */
        {"localhost", "localhost"},
        {"192.0.2.7", "192.0.2.7"},
        {"2001:db8::1", "2001:db8::1"},
        {"www.example.org.", "example.org"},
        {"", ""},
    };
    for (int again = 0; again < 2; again++) /* remembered answers are the same */
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            struct str got = domain_registered(str_c(cases[i][0]));
            assert_int_equal(got.n, strlen(cases[i][1]));
            assert_memory_equal(got.p, cases[i][1], got.n);
        }
}

static void test_customers_of_a_company(void **state)
{
    (void)state;
    assert_true(domain_is_below_private_suffix(STR("d111111abcdef8.cloudfront.net")));
    assert_true(domain_is_below_private_suffix(STR("someone.github.io")));
    static const char *const others[] = {
        "example.com", "example.co.jp", "cloudfront.net", "x.unlisted-tld", "localhost", "192.0.2.7", ""};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(domain_is_below_private_suffix(str_c(others[i])));
}

static void test_long_names_are_left_alone(void **state)
{
    (void)state;
    char name[600];
    memset(name, 'a', sizeof name);
    name[300] = '.';
    assert_int_equal(domain_registered(str_n(name, sizeof name)).n, sizeof name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registered_part),
        cmocka_unit_test(test_customers_of_a_company),
        cmocka_unit_test(test_long_names_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
