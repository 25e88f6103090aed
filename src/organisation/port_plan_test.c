/* Unit tests of what is scanned, and when (S98, S99). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "enrich/asset_csv.h"
#include "organisation/port_plan.h"
#include "organisation/ports.h"

static struct arena arena;
static struct port_plan plans[16];
static size_t plan_count;

static struct port_plan read_plan(const char *profile)
{
    struct error err;
    struct port_plan *plan = &plans[plan_count++];
    assert_true(plan_count <= COUNT_OF(plans));
    if (!port_plan_read(plan, SOURCE_ROOT "/content", profile, &arena, &err))
        fail_msg("%s", err.text);
    return *plan;
}

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 64 << 10);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    while (plan_count > 0)
        port_plan_free(&plans[--plan_count]);
    arena_free(&arena);
    return 0;
}

static int64_t at(const char *iso)
{
    int64_t ns = 0;
    assert_true(time_parse_iso(str_c(iso), NULL, &ns));
    return ns;
}

/* Weekdays at noon in Japan; not on the third of November 2025 (a holiday on a Monday), not at weekends. */
static void test_window(void **state)
{
    (void)state;
    struct port_plan plan = read_plan("light");
    const struct zone *tokyo = zone_find(STR("Asia/Tokyo"));
    const struct {
        const char *time;
        bool open;
        const char *next;
    } cases[] = {
        {"2025-11-10T12:04:59+09:00", false, "2025-11-10T12:05:00+09:00"},
        {"2025-11-10T12:05:00+09:00", true, "2025-11-10T12:05:00+09:00"},
        {"2025-11-10T12:54:59+09:00", true, "2025-11-10T12:54:59+09:00"},
        {"2025-11-10T12:55:00+09:00", false, "2025-11-11T12:05:00+09:00"},
        {"2025-10-31T13:00:00+09:00", false, "2025-11-04T12:05:00+09:00"}, /* Friday → Tuesday */
        {"2025-11-08T12:30:00+09:00", false, "2025-11-10T12:05:00+09:00"},
        {"2026-01-01T12:30:00+09:00", false, "2026-01-05T12:05:00+09:00"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(port_plan_is_open(&plan, tokyo, at(cases[i].time)), cases[i].open);
        assert_int_equal(port_plan_next(&plan, tokyo, at(cases[i].time)), at(cases[i].next));
    }
}

static void test_profiles(void **state)
{
    (void)state;
    struct port_plan light = read_plan("light"), full = read_plan("full"), again = read_plan("light");
    bool has_backdoor = false;
    for (size_t i = 0; i < light.profile.port_count; i++) {
        has_backdoor |= light.profile.ports[i] == 31337;
        assert_true(i == 0 || light.profile.ports[i - 1] < light.profile.ports[i]);
    }
    assert_true(has_backdoor && !light.profile.needs_approval && light.profile.packets_per_second <= 10);
    assert_true(full.profile.needs_approval && full.profile.port_count == 65535);
    assert_string_equal(light.profile.coverage, again.profile.coverage);
    assert_string_not_equal(light.profile.coverage, full.profile.coverage);
    struct port_plan none;
    struct error err;
    assert_false(port_plan_read(&none, SOURCE_ROOT "/content", "loud", &arena, &err));
    port_plan_free(&none);
    assert_true(str_contains(str_c(err.text), STR("port-scan.yml:")));
}

static void read_csv(enum asset_file file, const char *text, struct asset_set *set)
{
    struct error err;
    if (!asset_read_text(file, asset_file_name(file), str_c(text), &arena, set, &err))
        fail_msg("%s", err.text);
}

/* Public servers and important departments; never printers, plant and medical devices, whoever asks. */
static void test_targets(void **state)
{
    (void)state;
    struct port_plan plan = read_plan("light");
    struct asset_set set = {.zone = zone_utc()};
    read_csv(ASSET_HOSTS,
             "ip,hostname,department,importance,role,type\n"
             "10.20.30.31,PC1,Sales,2,staff,laptop\n"
             "10.20.10.5,CFO,Finance,,executive,laptop\n"
             "10.10.0.80,web1,IT,2,web-server,server\n"
             "203.0.113.9,www,IT,1,,server\n"
             "10.20.10.9,MFP,Finance,3,,Printer\n"
             "10.10.0.7,gate,IT,4,ot,server\n",
             &set);
    read_csv(ASSET_DEPARTMENTS, "department,sensor,importance\nFinance,no,3\nSales,yes,2\n", &set);
    read_csv(ASSET_NETWORKS, "cidr,department,zone\n203.0.113.0/24,IT,DMZ\n10.20.0.0/16,Office,clients\n",
             &set);
    struct port_target *targets;
    size_t count = port_plan_targets(&plan, &set, &arena, &targets);
    char text[400] = "";
    for (size_t i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s%s%s ", STR_ARGS(targets[i].name),
                 targets[i].why_not ? "!" : "", targets[i].why_not ? targets[i].why_not : "");
    assert_string_equal(text, "CFO web1 www MFP!printer gate!ot ");
    struct ip ip;
    assert_true(ip_parse(STR("10.20.10.9"), &ip));
    assert_non_null(port_plan_target(&plan, &set, &ip, &arena).why_not);
}

/* Hosts that were off are remembered over runs. */
static void test_state_on_disk(void **state)
{
    (void)state;
    char folder[] = "/tmp/hyakuyo-ports-XXXXXX", path[100];
    struct error err;
    struct ports_state s, again;
    assert_non_null(mkdtemp(folder));
    assert_true(ports_state_load(&s, folder, &arena, &err));
    assert_int_equal(s.count, 0);
    s.day = 20400;
    s.missed[s.count++] = (struct ports_missed){STR("10.10.0.80"), 3};
    assert_true(ports_state_save(&s, folder, &err));
    assert_true(ports_state_load(&again, folder, &arena, &err));
    assert_int_equal(again.day, 20400);
    assert_int_equal(again.count, 1);
    assert_true(str_eq(again.missed[0].address, STR("10.10.0.80")) && again.missed[0].times == 3);
    assert_false(ports_are_stopped(folder));
    snprintf(path, sizeof path, "%s/ports.state", folder);
    remove(path);
    remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_window, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_profiles, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_targets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_state_on_disk, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
