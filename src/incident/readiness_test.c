/* The list of readiness: what the file must say, how answers become a score, and months by the calendar. */
#include "incident/readiness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"

static void own_list_is_read(void **state)
{
    struct error err;
    uint32_t count, documents = 0, attested = 0;
    struct readiness *r = readiness_load(SOURCE_ROOT "/content/readiness.yml", &err);
    (void)state;
    if (r == NULL)
        fail_msg("%s", err.text);
    const struct readiness_item *items = readiness_items(r, &count);
    for (uint32_t i = 0; i < count; i++) {
        documents += items[i].document_count;
        attested += items[i].kind == READINESS_ATTESTED;
        assert_ptr_equal(readiness_find(r, items[i].id), &items[i]);
    }
    assert_true(documents >= 4 && attested >= 2);
    assert_null(readiness_find(r, STR("nonsense")));
    readiness_free(r);
}

static void score_is_the_weight_of_what_is_met(void **state)
{
    struct error err;
    uint32_t count;
    int64_t all = 0;
    struct readiness *r = readiness_load(SOURCE_ROOT "/content/readiness.yml", &err);
    (void)state;
    assert_non_null(r);
    const struct readiness_item *items = readiness_items(r, &count);
    enum readiness_status *statuses = memory_alloc(count * sizeof *statuses);
    for (uint32_t i = 0; i < count; i++) {
        statuses[i] = READINESS_UNKNOWN;
        all += items[i].weight;
    }
    assert_int_equal(readiness_score(r, statuses), 0);
    statuses[0] = READINESS_MET;
    statuses[1] = READINESS_MISSED;
    assert_true(all > 0);
    assert_int_equal(readiness_score(r, statuses), items[0].weight * 100 / (all > 0 ? all : 1));
    for (uint32_t i = 0; i < count; i++)
        statuses[i] = READINESS_MET;
    assert_int_equal(readiness_score(r, statuses), 100);
    memory_free(statuses);
    readiness_free(r);
}

#define TEXTS "requirement: S1, page: contacts, title: {en: a, ja: b}, todo: {en: c, ja: d}"
static const struct {
    const char *text, *line, *says;
} mistakes[] = {
    {"items: []\n", ":1:", "version"},
    {"version: 1\nitems: []\n", ":2:", "items"},
    {"version: 1\nitems:\n  - {id: a, kind: nonsense, " TEXTS "}\n", ":3:", "kind"},
    {"version: 1\nitems:\n  - {id: a, kind: deputies, page: contacts}\n", ":3:", "title"},
    {"version: 1\nitems:\n  - {id: a, kind: contacts, " TEXTS "}\n", ":3:", "months"},
    {"version: 1\nitems:\n  - {id: a, kind: deputies, months: 3, " TEXTS "}\n", ":3:", "months"},
    {"version: 1\nitems:\n  - {id: a, kind: deputies, weight: 11, " TEXTS "}\n", ":3:", "weight"},
    {"version: 1\nitems:\n  - {id: a, kind: documents, " TEXTS "}\n", ":3:", "documents"},
    {"version: 1\nitems:\n  - {id: a, kind: documents, documents: [{id: p}], " TEXTS "}\n", ":3:", "title"},
    {"version: 1\nitems:\n  - {id: a, kind: deputies, " TEXTS "}\n  - {id: a, kind: vendors, " TEXTS "}\n",
     ":4:", "already"},
};

static void mistakes_are_refused_with_their_line(void **state)
{
    char path[] = "/tmp/readiness_test_XXXXXX";
    struct error err;
    int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        assert_true(file_write_atomic(path, str_c(mistakes[i].text), 0600, &err));
        struct readiness *r = readiness_load(path, &err);
        if (r != NULL)
            fail_msg("accepted: %s", mistakes[i].text);
        if (strstr(err.text, mistakes[i].line) == NULL || strstr(err.text, mistakes[i].says) == NULL)
            fail_msg("%s says: %s", mistakes[i].text, err.text);
    }
    unlink(path);
}

static int64_t day(int64_t year, unsigned month, unsigned number)
{
    return civil_to_days(year, month, number) * 86400 * NS_PER_SECOND;
}

static void months_go_by_the_calendar(void **state)
{
    (void)state;
    assert_int_equal(readiness_months_after(day(2026, 1, 15), 3), day(2026, 4, 15));
    assert_int_equal(readiness_months_after(day(2026, 1, 31), 1), day(2026, 2, 28));
    assert_int_equal(readiness_months_after(day(2024, 1, 31), 1), day(2024, 2, 29));
    assert_int_equal(readiness_months_after(day(2026, 11, 30) + 5, 12), day(2027, 11, 30) + 5);
    assert_int_equal(readiness_months_after(day(2026, 12, 1), 1), day(2027, 1, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_list_is_read),
        cmocka_unit_test(score_is_the_weight_of_what_is_met),
        cmocka_unit_test(mistakes_are_refused_with_their_line),
        cmocka_unit_test(months_go_by_the_calendar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
