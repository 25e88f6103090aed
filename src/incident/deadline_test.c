/* Spec 3.2: when a clock ends, over holidays, year ends, the leap day, zones and summer time; and how it
 * stands. */
#include "base/yaml.h"
#include "incident/deadline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena arena;
static struct calendar *calendar;

static int set_up(void **state)
{
    struct error err;
    (void)state;
    arena_init(&arena, 64 << 10);
    calendar = calendar_load(SOURCE_ROOT "/content/calendar.yml", &err);
    return calendar == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    calendar_free(calendar);
    arena_free(&arena);
    return 0;
}

static int64_t at(const char *iso)
{
    int64_t time_ns;
    assert_true(time_parse_iso(str_c(iso), NULL, &time_ns));
    return time_ns;
}

/* clang-format off */
static const struct {
    enum deadline_unit unit;
    unsigned count;
    bool first_day_counts, moves;
    const char *zone, *start, *due; /* due: the first moment that is too late */
} spans[] = {
    {UNIT_CALENDAR_DAYS, 5, false, false, "Asia/Tokyo", "2025-11-10T09:13:00+09:00", "2025-11-15T15:00:00Z"},
    {UNIT_CALENDAR_DAYS, 5, false, false, "Asia/Tokyo", "2025-11-10T00:00:00+09:00", "2025-11-15T15:00:00Z"},
    {UNIT_CALENDAR_DAYS, 5, false, false, "Asia/Tokyo", "2025-11-10T23:59:59+09:00", "2025-11-15T15:00:00Z"},
    {UNIT_CALENDAR_DAYS, 5, false, false, "Asia/Tokyo", "2025-11-09T15:00:00+00:00", "2025-11-15T15:00:00Z"},
    {UNIT_CALENDAR_DAYS, 5, false, false, "Asia/Tokyo", "2025-12-27T10:00:00+09:00", "2026-01-01T15:00:00Z"},
    {UNIT_CALENDAR_DAYS, 5, false, false, "Asia/Tokyo", "2024-02-27T10:00:00+09:00", "2024-03-03T15:00:00Z"},
    {UNIT_CALENDAR_DAYS, 5, false, false, "Asia/Tokyo", "2025-02-27T10:00:00+09:00", "2025-03-04T15:00:00Z"},
    {UNIT_CALENDAR_DAYS, 5, false, false, "Asia/Tokyo", "2026-04-28T18:00:00+09:00", "2026-05-03T15:00:00Z"},
    {UNIT_CALENDAR_DAYS, 5, false, false, "Asia/Tokyo", "2026-12-30T01:00:00+09:00", "2027-01-04T15:00:00Z"},
    {UNIT_CALENDAR_DAYS, 30, true, true, "Asia/Tokyo", "2025-11-10T09:13:00+09:00", "2025-12-09T15:00:00Z"},
    {UNIT_CALENDAR_DAYS, 30, true, true, "Asia/Tokyo", "2025-12-01T09:00:00+09:00", "2026-01-05T15:00:00Z"},
    {UNIT_CALENDAR_DAYS, 30, true, true, "Asia/Tokyo", "2025-12-02T09:00:00+09:00", "2026-01-05T15:00:00Z"},
    {UNIT_CALENDAR_DAYS, 30, true, true, "Asia/Tokyo", "2025-12-05T09:00:00+09:00", "2026-01-05T15:00:00Z"},
    {UNIT_CALENDAR_DAYS, 30, true, true, "Asia/Tokyo", "2024-01-31T09:00:00+09:00", "2024-02-29T15:00:00Z"},
    {UNIT_CALENDAR_DAYS, 30, true, true, "Asia/Tokyo", "2026-04-04T12:00:00+09:00", "2026-05-07T15:00:00Z"},
    {UNIT_CALENDAR_DAYS, 30, true, true, "Asia/Tokyo", "2026-08-14T12:00:00+09:00", "2026-09-14T15:00:00Z"},
    {UNIT_CALENDAR_DAYS, 30, true, true, "Asia/Tokyo", "2026-08-23T12:00:00+09:00", "2026-09-24T15:00:00Z"},
    {UNIT_CALENDAR_DAYS, 60, true, true, "Asia/Tokyo", "2025-11-10T09:13:00+09:00", "2026-01-08T15:00:00Z"},
    {UNIT_CALENDAR_DAYS, 60, true, true, "Asia/Tokyo", "2025-11-01T09:00:00+09:00", "2026-01-05T15:00:00Z"},
    {UNIT_CALENDAR_DAYS, 60, true, true, "Asia/Tokyo", "2025-11-05T09:00:00+09:00", "2026-01-05T15:00:00Z"},
    {UNIT_CALENDAR_DAYS, 60, true, true, "Asia/Tokyo", "2023-12-31T09:00:00+09:00", "2024-02-28T15:00:00Z"},
    {UNIT_CALENDAR_DAYS, 60, true, true, "Asia/Tokyo", "2025-12-31T09:00:00+09:00", "2026-03-02T15:00:00Z"},
    {UNIT_CALENDAR_DAYS, 60, true, true, "Asia/Tokyo", "2026-07-24T09:00:00+09:00", "2026-09-24T15:00:00Z"},
    {UNIT_CALENDAR_DAYS, 60, true, true, "Asia/Tokyo", "2026-03-05T09:00:00+09:00", "2026-05-07T15:00:00Z"},
    {UNIT_BUSINESS_DAYS, 3, false, false, "Asia/Tokyo", "2025-12-25T09:00:00+09:00", "2026-01-06T15:00:00Z"},
    {UNIT_BUSINESS_DAYS, 3, false, false, "Asia/Tokyo", "2025-12-26T17:00:00+09:00", "2026-01-07T15:00:00Z"},
    {UNIT_BUSINESS_DAYS, 3, false, false, "Asia/Tokyo", "2025-12-27T00:00:00+09:00", "2026-01-07T15:00:00Z"},
    {UNIT_BUSINESS_DAYS, 3, false, false, "Asia/Tokyo", "2026-01-03T12:00:00+09:00", "2026-01-07T15:00:00Z"},
    {UNIT_BUSINESS_DAYS, 3, false, false, "Asia/Tokyo", "2026-04-30T12:00:00+09:00", "2026-05-08T15:00:00Z"},
    {UNIT_BUSINESS_DAYS, 3, false, false, "Asia/Tokyo", "2026-08-11T12:00:00+09:00", "2026-08-18T15:00:00Z"},
    {UNIT_BUSINESS_DAYS, 3, false, false, "Asia/Tokyo", "2026-08-12T12:00:00+09:00", "2026-08-19T15:00:00Z"},
    {UNIT_BUSINESS_DAYS, 3, false, false, "Asia/Tokyo", "2026-09-18T12:00:00+09:00", "2026-09-28T15:00:00Z"},
    {UNIT_BUSINESS_DAYS, 3, false, false, "Asia/Tokyo", "2025-02-21T12:00:00+09:00", "2025-02-27T15:00:00Z"},
    {UNIT_BUSINESS_DAYS, 3, false, false, "Asia/Tokyo", "2024-09-20T12:00:00+09:00", "2024-09-26T15:00:00Z"},
    {UNIT_GOVERNMENT_DAYS, 3, false, false, "Asia/Tokyo", "2026-08-12T12:00:00+09:00", "2026-08-17T15:00:00Z"},
    {UNIT_GOVERNMENT_DAYS, 3, false, false, "Asia/Tokyo", "2025-12-26T17:00:00+09:00", "2026-01-07T15:00:00Z"},
    {UNIT_GOVERNMENT_DAYS, 3, false, false, "Asia/Tokyo", "2026-09-18T12:00:00+09:00", "2026-09-28T15:00:00Z"},
    {UNIT_GOVERNMENT_DAYS, 3, false, false, "Asia/Tokyo", "2024-05-02T12:00:00+09:00", "2024-05-09T15:00:00Z"},
    {UNIT_GOVERNMENT_DAYS, 3, false, false, "Asia/Tokyo", "2027-03-19T12:00:00+09:00", "2027-03-25T15:00:00Z"},
    {UNIT_BUSINESS_DAYS, 1, true, false, "Asia/Tokyo", "2025-11-10T12:00:00+09:00", "2025-11-10T15:00:00Z"},
    {UNIT_BUSINESS_DAYS, 2, true, false, "Asia/Tokyo", "2025-11-10T12:00:00+09:00", "2025-11-11T15:00:00Z"},
    {UNIT_BUSINESS_DAYS, 1, true, false, "Asia/Tokyo", "2025-11-09T12:00:00+09:00", "2025-11-10T15:00:00Z"},
    {UNIT_BUSINESS_DAYS, 2, true, false, "Asia/Tokyo", "2025-11-09T12:00:00+09:00", "2025-11-11T15:00:00Z"},
    {UNIT_BUSINESS_DAYS, 1, true, false, "Asia/Tokyo", "2025-12-26T12:00:00+09:00", "2025-12-26T15:00:00Z"},
    {UNIT_BUSINESS_DAYS, 2, true, false, "Asia/Tokyo", "2025-12-26T12:00:00+09:00", "2026-01-05T15:00:00Z"},
    {UNIT_HOURS, 24, false, false, "Asia/Tokyo", "2025-11-10T12:00:00+09:00", "2025-11-11T03:00:00Z"},
    {UNIT_HOURS, 72, false, false, "Asia/Tokyo", "2025-11-10T12:00:00+09:00", "2025-11-13T03:00:00Z"},
    {UNIT_HOURS, 24, false, false, "Asia/Tokyo", "2025-12-31T23:30:00+09:00", "2026-01-01T14:30:00Z"},
    {UNIT_HOURS, 72, false, false, "Asia/Tokyo", "2025-12-31T23:30:00+09:00", "2026-01-03T14:30:00Z"},
    {UNIT_HOURS, 24, false, false, "Asia/Tokyo", "2024-02-28T23:30:00+09:00", "2024-02-29T14:30:00Z"},
    {UNIT_HOURS, 72, false, false, "Asia/Tokyo", "2024-02-28T23:30:00+09:00", "2024-03-02T14:30:00Z"},
    {UNIT_CALENDAR_DAYS, 5, false, false, "America/New_York", "2026-03-06T12:00:00-05:00", "2026-03-12T04:00:00Z"},
    {UNIT_CALENDAR_DAYS, 5, false, false, "America/New_York", "2026-10-30T12:00:00-04:00", "2026-11-05T05:00:00Z"},
    {UNIT_CALENDAR_DAYS, 5, false, false, "Europe/Berlin", "2026-03-27T23:30:00+01:00", "2026-04-01T22:00:00Z"},
    {UNIT_CALENDAR_DAYS, 5, false, false, "Europe/Berlin", "2026-10-24T23:30:00+02:00", "2026-10-29T23:00:00Z"},
    {UNIT_CALENDAR_DAYS, 5, false, false, "Australia/Lord_Howe", "2026-04-03T10:00:00+11:00", "2026-04-08T13:30:00Z"},
    {UNIT_CALENDAR_DAYS, 5, false, false, "Asia/Kathmandu", "2025-11-10T18:30:00+00:00", "2025-11-16T18:15:00Z"},
    {UNIT_CALENDAR_DAYS, 5, false, false, "Asia/Kathmandu", "2025-11-10T18:00:00+00:00", "2025-11-15T18:15:00Z"},
    {UNIT_CALENDAR_DAYS, 5, false, false, "Pacific/Kiritimati", "2025-11-10T09:59:59+00:00", "2025-11-15T10:00:00Z"},
    {UNIT_CALENDAR_DAYS, 5, false, false, "Pacific/Kiritimati", "2025-11-10T10:00:00+00:00", "2025-11-16T10:00:00Z"},
    {UNIT_CALENDAR_DAYS, 5, false, false, "UTC", "2025-11-10T23:59:59+00:00", "2025-11-16T00:00:00Z"},
    {UNIT_CALENDAR_DAYS, 5, false, false, "Pacific/Honolulu", "2025-11-10T09:59:59+00:00", "2025-11-15T10:00:00Z"},
    {UNIT_CALENDAR_DAYS, 5, false, false, "Pacific/Honolulu", "2025-11-10T10:00:00+00:00", "2025-11-16T10:00:00Z"},
    {UNIT_CALENDAR_DAYS, 5, false, false, "America/Santiago", "2026-08-31T12:00:00-04:00", "2026-09-06T04:00:00Z"},
    {UNIT_CALENDAR_DAYS, 5, false, false, "Asia/Beirut", "2026-03-23T12:00:00+02:00", "2026-03-28T22:00:00Z"},
    {UNIT_HOURS, 24, false, false, "America/New_York", "2026-03-07T12:00:00-05:00", "2026-03-08T17:00:00Z"},
    {UNIT_CALENDAR_DAYS, 1, false, false, "Europe/London", "2026-03-28T00:30:00+00:00", "2026-03-29T23:00:00Z"},
    {UNIT_CALENDAR_DAYS, 1, true, false, "Europe/London", "2026-03-29T00:30:00+00:00", "2026-03-29T23:00:00Z"},
};
/* clang-format on */

static void spans_end_where_the_law_says(void **state)
{
    (void)state;
    assert_true(COUNT_OF(spans) >= 60);
    for (size_t i = 0; i < COUNT_OF(spans); i++) {
        struct deadline_rule rule = {.due = {spans[i].unit, spans[i].count},
                                     .first_day_counts = spans[i].first_day_counts,
                                     .moves_to_business_day = spans[i].moves};
        const struct zone *zone = zone_find(str_c(spans[i].zone));
        char text[TIME_TEXT_MAX];
        assert_non_null(zone);
        int64_t due = deadline_due(&rule, calendar, zone, at(spans[i].start));
        size_t n = time_format_iso(due, text);
        if (due != at(spans[i].due))
            fail_msg("%zu: %u from %s in %s ends %.*s, not %s", i, spans[i].count, spans[i].start,
                     spans[i].zone, (int)n, text, spans[i].due);
    }
}

/* ------------------------------------------------------------- the file */

static struct deadlines load(void)
{
    struct error err;
    struct deadlines all;
    if (!deadlines_load(&all, SOURCE_ROOT "/content/deadlines.yml", &arena, &err))
        fail_msg("%s", err.text);
    return all;
}

static const struct deadline *find(const struct deadlines *all, const struct deadline *rows, const char *id)
{
    for (size_t i = 0; i < all->count; i++)
        if (str_eq(all->rules[i].id, str_c(id)))
            return &rows[i];
    fail_msg("no clock %s", id);
    return NULL;
}

struct world {
    struct incident incident;
    struct case_fact facts[16];
    struct case_known known[4];
    struct case_facts all;
};

/* "name=value;name=value" */
static struct world *world(const char *facts, const char *knew)
{
    struct world *w = ARENA_NEW(&arena, struct world);
    struct str rest = str_c(facts), part;
    w->incident.opened_ns = at("2025-11-10T09:00:00+09:00");
    while (str_split(&rest, ';', &part)) {
        size_t eq = str_find_char(part, '=', 0);
        if (eq != STR_NOT_FOUND)
            w->facts[w->all.fact_count++] =
                (struct case_fact){str_slice(part, 0, eq), str_skip(part, eq + 1)};
    }
    if (knew != NULL)
        w->known[w->all.known_count++] = (struct case_known){STR("CSIRT"), STR("sato"), at(knew)};
    w->all.incident = &w->incident;
    w->all.facts = w->facts;
    w->all.known = w->known;
    return w;
}

static struct deadline *judge(const struct deadlines *d, const struct world *w, const struct deadline_mark *m,
                              size_t marks, const char *now)
{
    return deadlines_judge(d, &w->all, m, marks, calendar, zone_find(STR("Asia/Tokyo")), at(now), &arena);
}

/* What facts make of a clock: the four classes of rule 7, and who is exempt. */
static void conditions_over_facts(void **state)
{
    static const struct {
        const char *facts, *rule, *state;
    } cases[] = {
        {"", "ppc-preliminary", "undecided"},
        {"personal_data=unknown", "ppc-preliminary", "undecided"},
        {"personal_data=no", "ppc-preliminary", "not_applicable"},
        {"personal_data=no", "ppc-final-wrongful", "not_applicable"},
        {"personal_data=yes", "ppc-preliminary", "undecided"},
        {"personal_data=possible;wrongful_purpose=possible", "ppc-preliminary", "open"},
        {"personal_data=possible;wrongful_purpose=possible", "ppc-final-wrongful", "open"},
        {"personal_data=possible;wrongful_purpose=possible", "ppc-final", "not_applicable"},
        {"personal_data=yes;sensitive_data=yes;wrongful_purpose=no", "ppc-final", "open"},
        {"personal_data=yes;persons=1001", "ppc-preliminary", "open"},
        {"personal_data=yes;persons=1000;sensitive_data=no;property_damage_risk=no;wrongful_purpose=no;"
         "administrative_organ=no",
         "ppc-preliminary", "not_applicable"},
        {"personal_data=yes;persons=101;administrative_organ=yes;sensitive_data=no;property_damage_risk=no;"
         "wrongful_purpose=no",
         "ppc-preliminary", "open"},
        {"personal_data=yes;persons=100;administrative_organ=yes;sensitive_data=no;property_damage_risk=no;"
         "wrongful_purpose=no",
         "ppc-preliminary", "not_applicable"},
        {"personal_data=yes;sensitive_data=yes;highly_encrypted=yes", "ppc-preliminary", "not_applicable"},
        {"personal_data=yes;sensitive_data=yes;processor_notified_principal=yes", "ppc-preliminary",
         "not_applicable"},
        {"personal_data=yes;processor=yes", "principal", "open"},
        {"ransomware=possible", "police", "open"},
        {"ransomware=no", "police", "undecided"},
        {"ransomware=no;ddos=no", "police", "not_applicable"},
        {"sector=retail", "ministry", "not_applicable"},
        {"sector=medical;service_affected=yes", "ministry", "open"},
        {"listed_company=yes;material_to_investors=no", "disclosure", "not_applicable"},
    };
    struct deadlines d = load();
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct world *w = world(cases[i].facts, "2025-11-10T09:00:00+09:00");
        const struct deadline *rows = judge(&d, w, NULL, 0, "2025-11-10T09:00:01+09:00");
        struct str name = deadline_state_name(find(&d, rows, cases[i].rule)->state);
        if (!str_eq(name, str_c(cases[i].state)))
            fail_msg("%zu: %s with %s: %.*s, not %s", i, cases[i].rule, cases[i].facts, STR_ARGS(name),
                     cases[i].state);
    }
}

static void what_is_sent_too_late_says_so(void **state)
{
    static const struct {
        const char *sent;
        bool is_late;
    } cases[] = {{"2025-11-15T23:59:59+09:00", false},
                 {"2025-11-16T00:00:00+09:00", true}, /* five days after the 10th, the last one whole */
                 {"2025-12-01T00:00:00+09:00", true}};
    struct deadlines d = load();
    struct world *w = world("personal_data=yes;sensitive_data=yes", "2025-11-10T09:00:00+09:00");
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct deadline_mark mark = {.rule_id = STR("ppc-preliminary"),
                                     .when_ns = at(cases[i].sent),
                                     .who = STR("mori"),
                                     .receipt = STR("1")};
        const struct deadline *rows = judge(&d, w, &mark, 1, "2025-12-24T00:00:00+09:00");
        assert_int_equal(find(&d, rows, "ppc-preliminary")->state, DEADLINE_MET);
        assert_true(deadline_is_met_late(find(&d, rows, "ppc-preliminary")) == cases[i].is_late);
        mark.is_waived = true;
        rows = judge(&d, w, &mark, 1, "2025-12-24T00:00:00+09:00");
        assert_false(deadline_is_met_late(find(&d, rows, "ppc-preliminary")));
    }
}

/* Every fact that a clock asks for has its question in both languages. */
static void facts_have_questions(void **state)
{
    struct deadlines d = load();
    (void)state;
    for (size_t i = 0; i < d.count; i++)
        for (const struct yaml *map = d.rules[i].when->child; map; map = map->next)
            for (const struct yaml *n = map->child; n; n = n->next) {
                size_t q = 0;
                while (q < d.question_count && !str_eq(d.questions[q].fact, n->key))
                    q++;
                if (q == d.question_count)
                    fail_msg("nobody is asked for %.*s", STR_ARGS(n->key));
            }
}

static void a_clock_starts_with_the_first_who_knew(void **state)
{
    struct deadlines d = load();
    struct world *w = world("personal_data=yes;sensitive_data=yes", NULL);
    (void)state;
    const struct deadline *p =
        find(&d, judge(&d, w, NULL, 0, "2025-11-10T10:00:00+09:00"), "ppc-preliminary");
    assert_true(p->is_start_assumed && p->start_ns == w->incident.opened_ns);
    w->known[0] = (struct case_known){STR("CSIRT"), STR("a"), at("2025-11-10T10:00:00+09:00")};
    w->known[1] = (struct case_known){STR("Sales"), STR("b"), at("2025-11-07T16:00:00+09:00")};
    w->all.known_count = 2;
    p = find(&d, judge(&d, w, NULL, 0, "2025-11-10T10:00:00+09:00"), "ppc-preliminary");
    assert_true(!p->is_start_assumed && str_eq(p->known_by, STR("Sales")));
    assert_int_equal(p->due_ns, at("2025-11-13T00:00:00+09:00"));
    assert_int_equal(p->state, DEADLINE_OPEN);
    static const struct {
        const char *now;
        enum deadline_state state;
    } moments[] = {{"2025-11-10T23:59:59+09:00", DEADLINE_OPEN},
                   {"2025-11-11T00:00:00+09:00", DEADLINE_SOON},
                   {"2025-11-12T23:59:59+09:00", DEADLINE_SOON},
                   {"2025-11-13T00:00:00+09:00", DEADLINE_OVERDUE}};
    for (size_t i = 0; i < COUNT_OF(moments); i++)
        assert_int_equal(find(&d, judge(&d, w, NULL, 0, moments[i].now), "ppc-preliminary")->state,
                         moments[i].state);
}

static void closing_waits_for_what_runs(void **state)
{
    struct deadlines d = load();
    const struct world *w = world("personal_data=no;ransomware=yes", "2025-11-10T09:00:00+09:00");
    struct deadline_mark marks[] = {
        {.rule_id = STR("police"), .is_waived = true, .who = STR("suzuki"), .reason = STR("withdrawn")},
        {.rule_id = STR("police"), .who = STR("sato"), .receipt = STR("R-17"), .report = 3}};
    struct error err = {0};
    (void)state;
    assert_false(deadlines_are_met(judge(&d, w, NULL, 0, "2025-11-10T12:00:00+09:00"), d.count, &err));
    assert_non_null(strstr(err.text, "police"));
    const struct deadline *rows = judge(&d, w, marks, 1, "2026-11-10T12:00:00+09:00");
    assert_int_equal(find(&d, rows, "police")->state, DEADLINE_WAIVED);
    assert_true(deadlines_are_met(rows, d.count, &err));
    rows = judge(&d, w, marks, 2, "2026-11-10T12:00:00+09:00");
    assert_int_equal(find(&d, rows, "police")->state, DEADLINE_MET);
    assert_int_equal(find(&d, rows, "police")->mark->report, 3);
    /* undecided clocks do not keep an incident open, unless the file says so */
    const struct world *silent = world("", "2025-11-10T09:00:00+09:00");
    assert_true(deadlines_are_met(judge(&d, silent, NULL, 0, "2026-11-10T12:00:00+09:00"), d.count, &err));
    ((struct deadline_rule *)d.rules)[0].blocks_undecided = true;
    assert_false(deadlines_are_met(judge(&d, silent, NULL, 0, "2026-11-10T12:00:00+09:00"), d.count, &err));
    assert_non_null(strstr(err.text, "personal_data"));
}

static void mistakes_in_the_file_are_named(void **state)
{
    static const struct {
        const char *text, *place;
    } files[] = {
        {"clocks: [{id: a}]\n", ":1:10: "},
        {"clocks:\n  - {id: a, title: {en: A, ja: A}, to: {en: B, ja: B}, when: [], due: {count: 1, unit: "
         "hours}, warn: {count: 1, unit: hours}}\n",
         ":2:"},
        {"clocks:\n  - {id: a, title: {en: A, ja: A}, to: {en: B, ja: B}, when: [{x: yes}], due: {count: 0, "
         "unit: hours}, warn: {count: 1, unit: hours}}\n",
         ":2:"},
        {"clocks:\n  - {id: a, title: {en: A, ja: A}, to: {en: B, ja: B}, when: [{x: yes}], due: {count: 1, "
         "unit: days}, warn: {count: 1, unit: hours}}\n",
         ":2:"},
        {"clocks:\n  - {id: a, title: {en: A, ja: A}, to: {en: B, ja: B}, when: [{x: yes}], "
         "when_undecided: maybe, due: {count: 1, unit: hours}, warn: {count: 1, unit: hours}}\n",
         ":2:"},
    };
    char path[] = "/tmp/deadline_test_XXXXXX";
    int fd = mkstemp(path);
    (void)state;
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        struct deadlines d;
        struct error err = {0};
        ssize_t n = (ssize_t)strlen(files[i].text);
        assert_true(ftruncate(fd, 0) == 0 && pwrite(fd, files[i].text, (size_t)n, 0) == n);
        assert_false(deadlines_load(&d, path, &arena, &err));
        if (strstr(err.text, files[i].place) == NULL)
            fail_msg("%zu: %s", i, err.text);
    }
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_end_where_the_law_says),
        cmocka_unit_test(conditions_over_facts),
        cmocka_unit_test(what_is_sent_too_late_says_so),
        cmocka_unit_test(facts_have_questions),
        cmocka_unit_test(a_clock_starts_with_the_first_who_knew),
        cmocka_unit_test(closing_waits_for_what_runs),
        cmocka_unit_test(mistakes_in_the_file_are_named),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
