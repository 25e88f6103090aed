/* Units of incident/: promotion, and the names of states. */
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
        cmocka_unit_test(names_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
