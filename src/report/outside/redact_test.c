/* Spec 3.5, S188: what leaves the house names nobody and nothing inside; the same value keeps its pseudonym.
 */
#include "report/outside/redact.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/ip.h"

static const unsigned char key[REDACTION_KEY_BYTES] = {7, 7, 7};
static struct arena arena;

static struct redactor *make(enum redaction_profile profile)
{
    static struct incident_finding findings[] = {{.host_name = STR("PC-017.corp.example"),
                                                  .host_ip = STR("203.0.113.9"),
                                                  .user = STR("CORP\\suzuki"),
                                                  .department = STR("営業部")}};
    static const struct incident incident = {.hosts =
                                                 STR("PC-017.corp.example (203.0.113.9);SRV-DB (10.1.1.5)"),
                                             .findings = findings,
                                             .finding_count = 1};
    struct redactor *r = redactor_new(profile, key, &arena);
    redactor_know_incident(r, &incident);
    return r;
}

static void nothing_of_inside_is_left(void **state)
{
    static const char *const texts[] = {
        "PC-017 of suzuki talked to 198.51.100.7",
        "pc-017.corp.example:443",
        "CORP\\suzuki logged on to srv-db (10.1.1.5:445)",
        "mail to taro.suzuki@corp.example, from 192.168.3.4.",
        "営業部のsuzukiさんのPC-017が感染",
        "fd00::17 and 203.0.113.9",
        "{\"host.name\":\"PC-017.corp.example\",\"user.name\":\"CORP\\\\suzuki\"}",
    };
    static const char *const inside[] = {"PC-017",   "pc-017",  "suzuki",       "SRV-DB",      "srv-db",
                                         "10.1.1.5", "192.168", "corp.example", "203.0.113.9", "fd00::17"};
    struct redactor *r = make(REDACT_INTERNAL);
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct str done = redact_text(r, str_c(texts[i]));
        for (size_t n = 0; n < COUNT_OF(inside); n++)
            if (str_contains(done, str_c(inside[n])))
                fail_msg("%s is left in %.*s", inside[n], STR_ARGS(done));
    }
    assert_true(str_contains(redact_text(r, str_c(texts[0])), STR("198.51.100.7"))); /* the attacker stays */
    assert_true(str_contains(redact_text(r, str_c(texts[4])), STR("営業部")));
    assert_false(str_contains(redact_text(make(REDACT_ANONYMOUS), str_c(texts[4])), STR("営業部")));
    assert_true(str_eq(redact_text(make(REDACT_NONE), str_c(texts[0])), str_c(texts[0])));
}

static void other_words_stay(void **state)
{
    static const char *const texts[] = {
        "PC-0170 and XPC-017 are other hosts", "version 1.2.3", "suzukiya", "at 12:34:56", "T1071.001", "",
        "https://www.example.net/a@b"};
    struct redactor *r = make(REDACT_INTERNAL);
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (!str_eq(redact_text(r, str_c(texts[i])), str_c(texts[i])))
            fail_msg("%s became %.*s", texts[i], STR_ARGS(redact_text(r, str_c(texts[i]))));
}

static void pseudonyms_are_stable_and_valid(void **state)
{
    struct redactor *r = make(REDACT_INTERNAL);
    struct ip ip;
    (void)state;
    struct str host = redact_value(r, REDACT_HOST, STR("PC-017.corp.example"));
    assert_true(str_eq(host, redact_value(make(REDACT_ANONYMOUS), REDACT_HOST, STR("pc-017"))));
    assert_true(str_starts(host, STR("host-")));
    assert_false(str_eq(host, redact_value(r, REDACT_HOST, STR("PC-018"))));
    unsigned char other_key[REDACTION_KEY_BYTES] = {8};
    assert_false(str_eq(host, redact_value(redactor_new(REDACT_INTERNAL, other_key, &arena), REDACT_HOST,
                                           STR("PC-017"))));
    struct str v4 = redact_value(r, REDACT_IP, STR("10.1.1.5")),
               v6 = redact_value(r, REDACT_IP, STR("fd00::17"));
    assert_true(ip_parse(v4, &ip) && ip_is_v4(&ip) && ip.bytes[12] >= 240);
    assert_true(ip_parse(v6, &ip) && !ip_is_v4(&ip) && str_starts(v6, STR("2001:db8:")));
    assert_true(str_eq(redact_value(r, REDACT_IP, STR("198.51.100.7")), STR("198.51.100.7")));
    assert_true(str_ends(redact_value(r, REDACT_USER, STR("taro@corp.example")), STR("@redacted.invalid")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_of_inside_is_left),
                                       cmocka_unit_test(other_words_stay),
                                       cmocka_unit_test(pseudonyms_are_stable_and_valid)};
    arena_init(&arena, 64 << 10);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
