/* Units of mentions: where a name begins and ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "incident/mention.h"

static void names_are_found(void **state)
{
    (void)state;
    const struct {
        const char *text, *names;
    } cases[] = {
        {"@mori please look", "mori|"},
        {"look, @mori: and @ito.", "mori|ito|"},
        {"@t.sato/@m_abe-2", "t.sato|m_abe-2|"},
        {"moriさんへ。@moriさん、＠itoお願いします", "moriさん|itoお願いします|"},
        {"「@mori」(@ito)", "mori|ito|"},
        {"@山田　見てください", "山田|"},
        {"mail to soc@example.jp or a.b@example.jp", ""},
        {"@ @, @", ""},
        {"", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char got[200] = "";
        size_t n = 0;
        struct str rest = str_c(cases[i].text), name;
        while (mention_next(&rest, &name))
            n += (size_t)snprintf(got + n, sizeof got - n, "%.*s|", STR_ARGS(name));
        assert_string_equal(got, cases[i].names);
    }
}

static void accounts_are_whole_words(void **state)
{
    (void)state;
    assert_true(mention_is(STR("mori"), STR("mori")) && mention_is(STR("Mori"), STR("mori")));
    assert_true(mention_is(STR("moriさんへ"), STR("mori")));
    assert_false(mention_is(STR("morita"), STR("mori")));
    assert_false(mention_is(STR("mori.k"), STR("mori")));
    assert_false(mention_is(STR("mo"), STR("mori")) || mention_is(STR("mori"), STR_EMPTY));
    assert_true(str_eq(mention_shown(STR("morrさんへ")), STR("morr")));
    assert_true(str_eq(mention_shown(STR("山田")), STR("山田")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_are_found),
                                       cmocka_unit_test(accounts_are_whole_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
