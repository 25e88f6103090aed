/* Who may sign what, and when (S156–S166): the matrix that came with the program, deputies, two persons. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "incident/authority.h"

static struct authority *own(void)
{
    struct error err = {{0}};
    struct authority *a = authority_load(SOURCE_ROOT "/content/authority.yml", &err);
    if (a == NULL)
        print_error("%s\n", err.text);
    assert_non_null(a);
    return a;
}

static void the_four_rows_are_there(void **state)
{
    (void)state;
    static const struct {
        const char *action, *scope, *approvers[2];
    } rows[] = {{"cut", "internet", {"ciso", "business_head"}},
                {"isolate", "server", {"system_owner", "lead"}},
                {"cut", "department", {"department_head", "lead"}},
                {"seize", "person_pc", {"department_head", NULL}}};
    struct authority *a = own();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct authority_row *row = authority_find(a, str_c(rows[i].action), str_c(rows[i].scope), 1);
        assert_non_null(row);
        assert_true(row->is_containment);
        for (uint32_t k = 0; k < 2 && rows[i].approvers[k]; k++)
            assert_true(str_eq(row->approvers[k], str_c(rows[i].approvers[k])));
        assert_false(authority_is_preauthorised(row, 4, 1));
    }
    assert_int_equal(authority_decision_minutes(a), 30);
    assert_int_equal(authority_emergency_hours(a), 24);
    assert_null(authority_find(a, STR("cut"), STR("nothing"), 4));
    const struct authority_row *pc = authority_find(a, STR("isolate"), STR("single_pc"), 1);
    assert_true(authority_is_preauthorised(pc, 3, 4));
    assert_false(authority_is_preauthorised(pc, 2, 1));
    authority_free(a);
}

struct attempt {
    const char *user, *primary, *deputy;
    bool is_outside, is_late;
    enum authority_answer answer;
    const char *role;
};

static void signing(void **state)
{
    (void)state;
    struct authority *a = own();
    const struct authority_row *row = authority_find(a, STR("cut"), STR("department"), 1);
    static const struct attempt attempts[] = {
        {"mori", "lead", NULL, false, false, AUTHORITY_YES, "lead"},
        {"Abe", "lead", NULL, false, true, AUTHORITY_FORBIDDEN, ""},            /* proposed it */
        {"vendor", "lead", NULL, true, true, AUTHORITY_FORBIDDEN, ""},          /* S156 */
        {"ito", NULL, NULL, false, true, AUTHORITY_FORBIDDEN, ""},              /* no role */
        {"ito", "ciso", NULL, false, true, AUTHORITY_FORBIDDEN, ""},            /* not this one's */
        {"ueda", NULL, "department_head", false, false, AUTHORITY_NOT_NOW, ""}, /* the clock runs */
        {"ueda", NULL, "department_head", false, true, AUTHORITY_YES, "department_head"},
    };
    for (size_t i = 0; i < COUNT_OF(attempts); i++) {
        const struct attempt *t = &attempts[i];
        struct authority_case c = {.proposer = STR("abe"), .is_late = t->is_late};
        struct str primary = str_c(t->primary ? t->primary : ""), deputy = str_c(t->deputy ? t->deputy : "");
        struct authority_signer signer = {str_c(t->user), t->is_outside,      &primary,
                                          &deputy,        t->primary != NULL, t->deputy != NULL};
        struct str role;
        struct error en = {{0}}, ja = {{0}};
        assert_int_equal(authority_sign(row, &c, &signer, &role, &en, &ja), t->answer);
        if (t->answer == AUTHORITY_YES)
            assert_true(str_eq(role, str_c(t->role)));
        else
            assert_true(en.text[0] && ja.text[0]);
    }
    authority_free(a);
}

static void two_roles_need_two_people(void **state)
{
    (void)state;
    struct authority *a = own();
    const struct authority_row *row = authority_find(a, STR("cut"), STR("internet"), 4);
    struct str both[] = {STR("ciso"), STR("business_head")}, role;
    struct authority_signature signatures[2] = {{STR("ciso"), STR("mori")}};
    struct authority_case c = {.proposer = STR("abe")};
    struct authority_signer mori = {STR("mori"), false, both, NULL, 2, 0},
                            kato = {STR("kato"), false, both, NULL, 2, 0};
    struct error en, ja;
    assert_int_equal(authority_sign(row, &c, &mori, &role, &en, &ja), AUTHORITY_NOT_NOW); /* not checked */
    assert_int_equal(authority_check(&c, &(struct authority_signer){.user = STR("ABE")}, &en, &ja),
                     AUTHORITY_FORBIDDEN);
    assert_int_equal(authority_check(&c, &(struct authority_signer){.user = STR("x"), .is_outside = true},
                                     &en, &ja),
                     AUTHORITY_FORBIDDEN);
    assert_int_equal(authority_check(&c, &kato, &en, &ja), AUTHORITY_YES);
    c.checker = STR("ito");
    assert_int_equal(authority_check(&c, &kato, &en, &ja), AUTHORITY_NOT_NOW);
    assert_int_equal(authority_sign(row, &c, &mori, &role, &en, &ja), AUTHORITY_YES);
    c.signatures = signatures;
    c.signature_count = 1;
    assert_false(authority_is_complete(row, &c));
    assert_int_equal(authority_sign(row, &c, &mori, &role, &en, &ja), AUTHORITY_FORBIDDEN);
    assert_int_equal(authority_sign(row, &c, &kato, &role, &en, &ja), AUTHORITY_YES);
    assert_true(str_eq(role, STR("business_head")));
    signatures[1] = (struct authority_signature){role, STR("kato")};
    c.signature_count = 2;
    assert_true(authority_is_complete(row, &c));
    authority_free(a);
}

#define HEAD                                                                                                 \
    "version: 1\ndecision_minutes: 30\nemergency_hours: 24\nroles:\n  lead: {account: lead, title: {en: a, " \
    "ja: b}}\n"

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"version: 1\n", "decision_minutes"},
        {"version: 1\ndecision_minutes: 30\nemergency_hours: 25\n", "emergency_hours"},
        {HEAD "rows:\n  - {action: a, scope: b, hours: 1, approvers: [boss], title: {en: a, ja: b}}\n",
         "boss"},
        {HEAD "rows:\n  - {action: a, scope: b, hours: 1, title: {en: a, ja: b}}\n", "approvers"},
        {HEAD "rows:\n  - {action: a, scope: b, approvers: [lead], title: {en: a, ja: b}}\n", "hours"},
        {HEAD "rows:\n  - {action: a, scope: b, hours: 1, approvers: [lead], title: {en: a, ja: b}}\n",
         "samples"},
        {HEAD "rows:\n  - {action: a, scope: b, hours: 1, approvers: [lead], title: {en: a, ja: b}}\n"
              "samples:\n  - {action: a, scope: c}\n",
         ":9:"},
    };
    char path[] = "/tmp/authority_test.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {{0}};
        assert_true(file_write_atomic(path, str_c(cases[i].text), 0600, &err));
        assert_null(authority_load(path, &err));
        if (strstr(err.text, cases[i].says) == NULL)
            print_error("case %zu: %s\n", i, err.text);
        assert_non_null(strstr(err.text, cases[i].says));
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_four_rows_are_there),
        cmocka_unit_test(signing),
        cmocka_unit_test(two_roles_need_two_people),
        cmocka_unit_test(what_is_wrong_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
