/* Units of incident/: every pair of states is either on the drawing or refused with a sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "incident/incident.h"

static void promotion_happens_once(void **state)
{
    (void)state;
    struct incident i = {.state = INCIDENT_CANDIDATE};
    assert_false(incident_promote(&i, false, 5));
    assert_int_equal(i.state, INCIDENT_CANDIDATE);
    assert_true(incident_promote(&i, true, 5));
    assert_int_equal(i.state, INCIDENT_NEW);
    assert_int_equal(i.opened_ns, 5);
    assert_false(incident_promote(&i, true, 9));
    assert_int_equal(i.opened_ns, 5);
}

static void the_whole_way(void **state)
{
    (void)state;
    struct error err;
    for (int s = INCIDENT_NEW; s < INCIDENT_CLOSED; s++)
        assert_true(incident_check_transition((enum incident_state)s, (enum incident_state)(s + 1), &err));
}

static void refusals_name_the_way_out(void **state)
{
    (void)state;
    struct error err = {{0}};
    assert_false(incident_check_transition(INCIDENT_NEW, INCIDENT_CLOSED, &err));
    assert_non_null(strstr(err.text, "triage"));
    for (int s = 0; s < INCIDENT_STATE_COUNT; s++) {
        assert_false(incident_check_transition((enum incident_state)s, (enum incident_state)s, &err));
        assert_false(incident_check_transition(INCIDENT_MERGED, (enum incident_state)s, &err));
        assert_false(incident_check_transition((enum incident_state)s, INCIDENT_CANDIDATE, &err));
    }
}

static void names_read_back(void **state)
{
    (void)state;
    for (int s = 0; s < INCIDENT_STATE_COUNT; s++) {
        enum incident_state back;
        assert_true(incident_state_parse(incident_state_name((enum incident_state)s), &back));
        assert_int_equal(back, s);
    }
    enum incident_state none;
    assert_false(incident_state_parse(STR("nonsense"), &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(promotion_happens_once),
        cmocka_unit_test(the_whole_way),
        cmocka_unit_test(refusals_name_the_way_out),
        cmocka_unit_test(names_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
