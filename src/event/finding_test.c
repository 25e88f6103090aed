/* Levels, and findings as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/memory.h"
#include "event/finding.h"

static void levels(void **state)
{
    (void)state;
    enum level l;
    for (int i = LEVEL_INFORMATIONAL; i <= LEVEL_CRITICAL; i++)
        assert_true(level_parse(level_name((enum level)i), &l) && (int)l == i);
    assert_true(level_parse(STR("HIGH"), &l) && l == LEVEL_HIGH);
    assert_false(level_parse(STR("urgent"), &l) || level_parse(STR(""), &l));
}

static void writes_what_is_known(void **state)
{
    (void)state;
    struct buf out = {0};
    struct finding bare = {.rule_id = STR("r1"), .title_en = STR("A \"rule\""), .level = LEVEL_HIGH};
    finding_json(&bare, STR_EMPTY, &out);
    assert_string_equal(buf_cstr(&out),
                        "{\"rule_id\":\"r1\",\"rule\":\"A \\\"rule\\\"\",\"level\":\"high\","
                        "\"time\":\"1970-01-01T00:00:00.000Z\",\"record\":0,\"entities\":{},\"matched\":{}}");
    struct str techniques[] = {STR("T1071.001"), STR("T1059")};
    struct matched_value matched[] = {{STR("port"), STR("25")},
                                      {STR("image"), STR("a.exe")},
                                      {STR("port"), STR("26")}};
    struct finding full = {.rule_id = STR("r"),
                           .title_en = STR("t"),
                           .title_ja = STR("題"),
                           .level = LEVEL_LOW,
                           .time_ns = 1,
                           .sequence = UINT64_C(9007199254740993),
                           .record_number = 12,
                           .product = STR("FortiGate"),
                           .evidence_group = STR("c2_flow"),
                           .likelihood_ratio = 2.5,
                           .stage = STR("executed"),
                           .techniques = techniques,
                           .technique_count = 2,
                           .host_name = STR("pc"),
                           .host_ip = STR("192.0.2.1"),
                           .user = STR("u"),
                           .department = STR("d"),
                           .peer = STR("p.example"),
                           .matched = matched,
                           .matched_count = 3};
    buf_clear(&out);
    finding_json(&full, STR("a.log"), &out);
    assert_string_equal(
        buf_cstr(&out),
        "{\"rule_id\":\"r\",\"rule\":\"t\",\"rule_ja\":\"題\",\"level\":\"low\",\"time\":\"1970-01-01T00:00:"
        "00.000000001Z\","
        "\"file\":\"a.log\",\"record\":12,\"source_product\":\"FortiGate\",\"entities\":{\"host\":\"pc\","
        "\"ip\":\"192.0.2.1\","
        "\"user\":\"u\",\"department\":\"d\"},\"peer\":\"p.example\",\"matched\":{\"port\":[\"25\",\"26\"],"
        "\"image\":\"a.exe\"},"
        "\"techniques\":[\"T1071.001\",\"T1059\"],\"evidence_group\":\"c2_flow\",\"likelihood_ratio\":2.5,"
        "\"stage\":\"executed\",\"event_id\":\"9007199254740993\"}");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(levels), cmocka_unit_test(writes_what_is_known)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
