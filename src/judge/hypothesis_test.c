/* Kinds of incidents (S115, S118): each kind's own signs put it first, silence counts only when somebody was
 * there, and the next check is the one that tells most. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "judge/hypothesis.h"

#define MINUTE_NS (60 * NS_PER_SECOND)

static struct signatures *load(void)
{
    struct error err;
    struct signatures *s = signatures_load(SOURCE_ROOT "/content/signatures.yml", &err);
    if (s == NULL)
        fail_msg("%s", err.text);
    return s;
}

static struct systems_awake nobody(void)
{
    struct systems_awake awake;
    for (size_t i = 0; i < SYSTEMS_MAX; i++)
        awake.last_ns[i] = INT64_MIN;
    return awake;
}

static struct systems_awake everybody(int64_t now_ns)
{
    struct systems_awake awake;
    for (size_t i = 0; i < SYSTEMS_MAX; i++)
        awake.last_ns[i] = now_ns;
    return awake;
}

/* An incident that began at 0 with a finding of each group. */
static struct incident incident_with(struct incident_finding *room, const char *const *groups)
{
    struct incident i = {.findings = room};
    for (; groups[i.finding_count] != NULL; i.finding_count++)
        room[i.finding_count] = (struct incident_finding){.evidence_group = str_c(groups[i.finding_count])};
    return i;
}

static struct str first_kind(const struct signatures *s, const char *const *groups)
{
    struct incident_finding room[10];
    struct incident i = incident_with(room, groups);
    struct systems_awake awake = nobody();
    struct hypotheses h;
    hypotheses_rank(s, &i, &awake, 0, &h);
    return s->kinds[h.ranked[0]].id;
}

/* What the systems report in the scenarios of spec 5. */
static void test_true_kind_first(void **state)
{
    (void)state;
    struct signatures *s = load();
    static const struct {
        const char *kind, *groups[8];
    } cases[] = {
        {"web_irc_bot", {"destination", "process", "c2_flow", "scan", "inside_exploit", "agent_state", NULL}},
        {"web_irc_bot", {"process", "c2_flow", NULL}},
        {"mass_mailer", {"mail", "process", "mx_query", "spam", NULL}},
        {"mass_mailer", {"mx_query", NULL}},
        {"network_worm", {"scan", "inside_exploit", NULL}},
        {"usb_trojan", {"removable", "process", "listening_port", NULL}},
        {"ransomware", {"remote_access", "account", "agent_state", NULL}},
        {"ransomware", {"recovery", "encryption", NULL}},
        {"covert_c2", {"c2_flow", "dns_tunnel", "destination", NULL}},
        {"contained_malware", {"av", NULL}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str got = first_kind(s, cases[i].groups);
        if (!str_eq(got, str_c(cases[i].kind)))
            fail_msg("case %zu: %.*s instead of %s", i, STR_ARGS(got), cases[i].kind);
    }
    signatures_free(s);
}

static double posterior_of(const struct signatures *s, const struct hypotheses *h, const char *kind)
{
    for (uint32_t n = 0; n < s->kind_count; n++)
        if (str_eq(s->kinds[n].id, str_c(kind)))
            return h->posterior[n];
    fail_msg("no kind %s", kind);
    return 0;
}

static void test_silence_counts_when_awake(void **state)
{
    (void)state;
    struct signatures *s = load();
    static const char *const groups[] = {"process", NULL};
    struct incident_finding room[4];
    struct incident i = incident_with(room, groups);
    struct systems_awake asleep = nobody(), awake = everybody(0);
    struct hypotheses then, soon, later, deaf;
    hypotheses_rank(s, &i, &awake, 0, &then);
    hypotheses_rank(s, &i, &awake, 59 * MINUTE_NS, &soon);
    hypotheses_rank(s, &i, &awake, 61 * MINUTE_NS, &later);
    hypotheses_rank(s, &i, &asleep, 61 * MINUTE_NS, &deaf);
    assert_true(fabs(posterior_of(s, &soon, "mass_mailer") - posterior_of(s, &then, "mass_mailer")) > 1e-9 ||
                soon.missing != 0); /* a worm's scan would have come within 30 minutes */
    assert_true(posterior_of(s, &later, "mass_mailer") < posterior_of(s, &soon, "mass_mailer") / 5);
    assert_true(posterior_of(s, &deaf, "mass_mailer") == posterior_of(s, &then, "mass_mailer"));
    assert_int_equal(deaf.missing, 0);
    assert_true(later.missing != 0);
    double sum = 0;
    for (uint32_t n = 0; n < s->kind_count; n++)
        sum += later.posterior[n];
    assert_true(fabs(sum - 1) < 1e-9);
    signatures_free(s);
}

/* Two kinds, two signs, by hand: prior .5 each, p = .9/.1 and .5/.5, nothing seen. "a" tells 1 − H(.9) bits.
 */
static void test_next_check(void **state)
{
    (void)state;
    static const char text[] =
        "version: t\nleak: 0.01\n"
        "evidence:\n"
        "  a: {benign: 0.1, systems: [x], title: {en: a, ja: a}, check: {en: a, ja: a}}\n"
        "  b: {benign: 0.1, systems: [x], title: {en: b, ja: b}, check: {en: look, ja: look}}\n"
        "kinds:\n"
        "  one: {prior: 0.5, title: {en: o, ja: o}, signs: {a: {p: 0.5}, b: {p: 0.9}}}\n"
        "  two: {prior: 0.5, title: {en: t, ja: t}, signs: {a: {p: 0.5}, b: {p: 0.1}}}\n";
    char path[] = "/tmp/signatures-XXXXXX";
    struct error err;
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, sizeof text - 1) == (ssize_t)sizeof text - 1);
    close(fd);
    struct signatures *s = signatures_load(path, &err);
    unlink(path);
    assert_non_null(s);
    struct incident none = {0};
    struct systems_awake awake = nobody();
    struct hypotheses h;
    hypotheses_rank(s, &none, &awake, 0, &h);
    assert_int_equal(h.next_check, 1);
    assert_true(fabs(h.next_bits - 0.5310) < 0.0001);
    struct buf out = {0};
    struct json_writer w = {.out = &out};
    hypotheses_json(s, &h, &w);
    assert_true(str_find(buf_str(&out), STR("\"check\":\"look\""), 0) != STR_NOT_FOUND);
    buf_free(&out);
    signatures_free(s);
}

static void test_mistakes_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"version: 1\nleak: 2\nevidence: {}\nkinds: {}\n", "'leak'"},
        {"version: 1\nleak: 0.1\nevidence:\n  a: {benign: 0.1, title: {en: a, ja: a}, check: {en: a, ja: "
         "a}}\nkinds: {}\n",
         ":4:"},
        {"version: 1\nleak: 0.1\nevidence: {}\nkinds:\n  k: {prior: 0.1, title: {en: k, ja: k}, signs: {x: "
         "{p: 0.5}}}\n",
         "not among"},
        {"version: 1\n", "'evidence'"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char path[] = "/tmp/signatures-XXXXXX";
        struct error err;
        int fd = mkstemp(path);
        assert_true(write(fd, cases[i].text, strlen(cases[i].text)) > 0);
        close(fd);
        assert_null(signatures_load(path, &err));
        unlink(path);
        if (strstr(err.text, cases[i].says) == NULL)
            fail_msg("case %zu: %s", i, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_true_kind_first),
        cmocka_unit_test(test_silence_counts_when_awake),
        cmocka_unit_test(test_next_check),
        cmocka_unit_test(test_mistakes_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
