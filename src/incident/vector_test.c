/* The vector of an incident: the earliest finding that speaks for one counts; mistakes in the file have a
 * line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "incident/vector.h"

static const struct {
    struct {
        const char *group, *techniques;
    } findings[3];
    const char *vector;
} cases[] = {
    {{{"c2_flow", "T1071.001"}}, ""},
    {{{"mail", ""}}, "mail"},
    {{{"av", "T1566.001;T1204"}}, "mail"},
    {{{"c2_flow", "T1071"}, {"removable", ""}, {"mail", ""}}, "removable_media"},
    {{{"process", "T1204.002"}}, "download"},
    {{{"account", "T1133"}}, "remote_access"},
    {{{"approached", ""}}, "network_exploit"},
    {{{"av", "T15660"}}, ""}, /* another technique */
};

static void the_earliest_evidence_speaks(void **state)
{
    struct error err;
    struct vectors *v = vectors_load(SOURCE_ROOT "/content/vectors.yml", &err);
    (void)state;
    if (v == NULL)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct incident_finding findings[3] = {{0}};
        struct incident incident = {.findings = findings};
        for (; incident.finding_count < 3 && cases[i].findings[incident.finding_count].group;
             incident.finding_count++) {
            findings[incident.finding_count].evidence_group =
                str_c(cases[i].findings[incident.finding_count].group);
            findings[incident.finding_count].techniques =
                str_c(cases[i].findings[incident.finding_count].techniques);
        }
        struct str found = vectors_of(v, &incident);
        if (!str_eq(found, str_c(cases[i].vector)))
            fail_msg("case %zu: '%.*s'", i, STR_ARGS(found));
    }
    vectors_free(v);
}

#define TITLE "title: {en: a, ja: b}"
static const struct {
    const char *text, *line, *says;
} mistakes[] = {
    {"a: 1\n", ":1:", "vectors"},
    {"vectors:\n  - {id: nonsense, groups: [a], " TITLE "}\n", ":2:", "id"},
    {"vectors:\n  - {id: unknown, groups: [a], " TITLE "}\n", ":2:", "id"},
    {"vectors:\n  - {id: mail, groups: [a]}\n", ":2:", "title"},
    {"vectors:\n  - {id: mail, " TITLE "}\n", ":2:", "groups"},
    {"vectors:\n  - {id: mail, groups: a, " TITLE "}\n", ":2:", "groups"},
    {"vectors:\n  - {id: mail, groups: [a], " TITLE "}\n  - {id: mail, groups: [b], " TITLE "}\n",
     ":3:", "already"},
};

static void mistakes_are_refused_with_their_line(void **state)
{
    char path[] = "/tmp/vector_test_XXXXXX";
    struct error err;
    int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        assert_true(file_write_atomic(path, str_c(mistakes[i].text), 0600, &err));
        struct vectors *v = vectors_load(path, &err);
        if (v != NULL)
            fail_msg("accepted: %s", mistakes[i].text);
        if (strstr(err.text, mistakes[i].line) == NULL || strstr(err.text, mistakes[i].says) == NULL)
            fail_msg("%s says: %s", mistakes[i].text, err.text);
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_earliest_evidence_speaks),
        cmocka_unit_test(mistakes_are_refused_with_their_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
