/* Units of enrich/: who an address was at that time, what it is worth, and which exceptions cover an event.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "enrich/asset_csv.h"
#include "enrich/context.h"

static void read_file(enum asset_file file, const char *text, struct arena *arena, struct asset_set *set)
{
    struct error err;
    if (!asset_read_text(file, asset_file_name(file), str_c(text), arena, set, &err))
        fail_msg("%s", err.text);
}

static struct context *make_context(void)
{
    struct arena arena;
    struct asset_set set = {.zone = zone_find(STR("Asia/Tokyo"))};
    arena_init(&arena, 16 << 10);
    read_file(ASSET_HOSTS,
              "ip,hostname,owner,department,importance,role,type,valid_from,valid_to\n"
              "10.20.30.31,PC-SALES-031,t.sato,Sales,2,staff,laptop,,2025-11-10\n"
              "10.20.30.31,PC-NEW-001,a.new,Finance,3,staff,laptop,2025-11-11,\n"
              "10.10.0.25,mail01,,IT,3,mail-server;smtp,server,,\n"
              "10.10.0.99,scanner01,,IT,2,scanner,server,,\n",
              &arena, &set);
    read_file(ASSET_USERS, "user,department,importance\ncfo,Finance,4\n", &arena, &set);
    read_file(ASSET_DEPARTMENTS, "department,sensor,importance\nSales,yes,1\nFinance,no,3\n", &arena, &set);
    read_file(ASSET_NETWORKS,
              "cidr,department,zone\n10.20.0.0/16,Office,clients\n10.20.30.0/24,Sales,clients\n"
              "203.0.113.0/24,DMZ,dmz\n",
              &arena, &set);
    read_file(ASSET_EXCEPTIONS,
              "kind,ip,protocol,port,domain,window,reason,owner,expires\n"
              "scanner,10.10.0.99,,,,12:05-12:55,noon scan,ops,2099-01-01\n"
              "smtp,10.20.40.0/24,tcp,25;587,relay.example,,mfp,ops,2025-11-09\n"
              "destination,,,,updates.example,,vendor,ops,2099-01-01\n",
              &arena, &set);
    return context_new(&arena, &set, set.zone);
}

static int64_t at(const char *iso)
{
    int64_t ns = 0;
    assert_true(time_parse_iso(str_c(iso), NULL, &ns));
    return ns;
}

static struct event make_event(struct arena *a, const char *time, const char *source, const char *destination)
{
    struct event e = {.time_ns = at(time)};
    if (*source)
        event_add(&e, a, FIELD_SOURCE_IP, str_c(source));
    if (*destination)
        event_add(&e, a, FIELD_DESTINATION_IP, str_c(destination));
    return e;
}

static void assert_field(const struct event *e, field_id field, const char *expected)
{
    struct str got = event_text(e, field);
    if (!str_eq(got, str_c(expected)))
        fail_msg("%s is '%.*s', expected '%s'", field_name(field).p, STR_ARGS(got), expected);
}

static void rows_hold_for_their_time(void **state)
{
    (void)state;
    struct context *c = make_context();
    struct arena a;
    arena_init(&a, 4096);
    struct event e = make_event(&a, "2025-11-10T00:13:00Z", "10.20.30.31", "198.51.100.23");
    enrich_event(c, &e, &a);
    assert_field(&e, FIELD_HYAKUYO_SOURCE_HOST, "PC-SALES-031");
    assert_field(&e, FIELD_HYAKUYO_DEPARTMENT, "Sales");
    assert_field(&e, FIELD_HYAKUYO_SOURCE_ZONE, "clients");
    assert_field(&e, FIELD_HYAKUYO_DIRECTION, "outbound");
    int64_t importance = 0, sensor = 0;
    assert_true(event_number(&e, FIELD_HYAKUYO_ASSET_IMPORTANCE, &importance));
    assert_int_equal(importance, 2);
    assert_true(event_number(&e, FIELD_HYAKUYO_SENSOR, &sensor));

    e = make_event(&a, "2025-11-12T00:13:00Z", "10.20.30.31", "198.51.100.23");
    enrich_event(c, &e, &a);
    assert_field(&e, FIELD_HYAKUYO_SOURCE_HOST, "PC-NEW-001");
    assert_field(&e, FIELD_HYAKUYO_DEPARTMENT, "Finance");
    assert_null(event_get(&e, FIELD_HYAKUYO_SENSOR));
    arena_free(&a);
    context_unref(c);
}

static void the_most_specific_network_names_the_department(void **state)
{
    (void)state;
    struct context *c = make_context();
    struct arena a;
    arena_init(&a, 4096);
    struct event e = make_event(&a, "2025-11-10T00:00:00Z", "10.20.30.99", "10.20.99.1");
    enrich_event(c, &e, &a);
    assert_field(&e, FIELD_HYAKUYO_SOURCE_DEPARTMENT, "Sales");
    assert_field(&e, FIELD_HYAKUYO_DESTINATION_DEPARTMENT, "Office");
    assert_field(&e, FIELD_HYAKUYO_DIRECTION, "internal");
    assert_null(event_get(&e, FIELD_HYAKUYO_ASSET_IMPORTANCE));

    e = make_event(&a, "2025-11-10T00:00:00Z", "198.51.100.1", "203.0.113.7");
    enrich_event(c, &e, &a);
    assert_field(&e, FIELD_HYAKUYO_DIRECTION, "inbound"); /* a public network of our own is inside */
    arena_free(&a);
    context_unref(c);
}

static void roles_and_reporting_hosts(void **state)
{
    (void)state;
    struct context *c = make_context();
    struct arena a;
    arena_init(&a, 4096);
    struct event e = make_event(&a, "2025-11-10T00:00:00Z", "10.10.0.25", "198.51.100.1");
    enrich_event(c, &e, &a);
    const struct value *role = event_get(&e, FIELD_HYAKUYO_ASSET_ROLE);
    assert_non_null(role);
    assert_true(str_eq(value_text(role), STR("mail-server")));
    assert_non_null(event_next(&e, role));

    e = make_event(&a, "2025-11-10T00:00:00Z", "", "");
    event_add(&e, &a, FIELD_HOST_NAME, STR("pc-sales-031.example.co.jp"));
    enrich_event(c, &e, &a);
    assert_field(&e, FIELD_HYAKUYO_DEPARTMENT, "Sales");
    arena_free(&a);
    context_unref(c);
}

static void importance_is_the_highest_known(void **state)
{
    (void)state;
    struct context *c = make_context();
    const struct asset_host *host =
        context_find_host(c, STR_EMPTY, STR("10.20.30.31"), at("2025-11-12T00:00:00Z"));
    assert_non_null(host);
    assert_int_equal(context_importance(c, host, STR_EMPTY, at("2025-11-12T00:00:00Z")), 3);
    assert_int_equal(context_importance(c, host, STR("cfo"), at("2025-11-12T00:00:00Z")), 4);
    assert_int_equal(context_importance(c, NULL, STR_EMPTY, 0), 0);
    context_unref(c);
}

static void exceptions_expire_and_keep_their_window(void **state)
{
    (void)state;
    struct context *c = make_context();
    struct arena a;
    arena_init(&a, 4096);
    struct event e = make_event(&a, "2025-11-10T03:10:00Z", "10.10.0.99", "10.20.30.40"); /* 12:10 in Tokyo */
    enrich_event(c, &e, &a);
    assert_field(&e, FIELD_HYAKUYO_EXCEPTION, "scanner");
    e = make_event(&a, "2025-11-10T05:10:00Z", "10.10.0.99", "10.20.30.40");
    enrich_event(c, &e, &a);
    assert_null(event_get(&e, FIELD_HYAKUYO_EXCEPTION));

    const char *times[] = {"2025-11-08T00:00:00Z", "2025-11-10T00:00:00Z"};
    for (int i = 0; i < 2; i++) {
        e = make_event(&a, times[i], "10.20.40.200", "198.51.100.1");
        event_add(&e, &a, FIELD_NETWORK_TRANSPORT, STR("tcp"));
        event_add(&e, &a, FIELD_DESTINATION_PORT, STR("25"));
        event_add(&e, &a, FIELD_DESTINATION_DOMAIN, STR("mx.relay.example"));
        enrich_event(c, &e, &a);
        assert_int_equal(event_get(&e, FIELD_HYAKUYO_EXCEPTION) != NULL, i == 0);
    }
    e = make_event(&a, "2025-11-10T03:10:00Z", "", ""); /* its name only: an address by the inventory */
    event_add(&e, &a, FIELD_HOST_NAME, STR("scanner01"));
    enrich_event(c, &e, &a);
    assert_field(&e, FIELD_HYAKUYO_EXCEPTION, "scanner");
    arena_free(&a);
    context_unref(c);
}

static void exceptions_match_whole_domain_labels(void **state)
{
    (void)state;
    struct context *c = make_context();
    struct arena a;
    arena_init(&a, 4096);
    const struct {
        const char *domain;
        bool covered;
    } cases[] = {{"updates.example", true},
                 {"eu.updates.example", true},
                 {"notupdates.example", false},
                 {"example", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct event e = make_event(&a, "2025-11-10T00:00:00Z", "10.20.30.31", "198.51.100.1");
        event_add(&e, &a, FIELD_URL_DOMAIN, str_c(cases[i].domain));
        enrich_event(c, &e, &a);
        assert_int_equal(event_get(&e, FIELD_HYAKUYO_EXCEPTION) != NULL, cases[i].covered);
    }
    arena_free(&a);
    context_unref(c);
}

/* conditions.csv (S105): rows of a kind are alternatives, ports and places must both match. */
static struct context *with_conditions(const char *rows)
{
    struct arena arena;
    struct asset_set set = {.zone = zone_find(STR("Asia/Tokyo"))};
    arena_init(&arena, 16 << 10);
    read_file(ASSET_CONDITIONS, rows, &arena, &set);
    return context_new(&arena, &set, set.zone);
}

static void assert_condition(struct context *c, const char *port, const char *country, const char *asn,
                             const char *domain, const char *expected)
{
    struct arena a;
    arena_init(&a, 4096);
    struct event e = make_event(&a, "2025-11-10T00:13:00Z", "10.20.30.31", "198.51.100.23");
    event_add(&e, &a, FIELD_DESTINATION_PORT, str_c(port));
    event_add(&e, &a, FIELD_NETWORK_TRANSPORT, STR("tcp"));
    if (*country)
        event_add(&e, &a, FIELD_DESTINATION_GEO_COUNTRY_ISO_CODE, str_c(country));
    if (*asn)
        event_add(&e, &a, FIELD_DESTINATION_AS_NUMBER, str_c(asn));
    if (*domain)
        event_add(&e, &a, FIELD_DESTINATION_DOMAIN, str_c(domain));
    enrich_event(c, &e, &a);
    char got[200] = "";
    for (uint32_t i = 0; i < e.count; i++)
        if (e.values[i].field == FIELD_HYAKUYO_CONDITION) {
            size_t n = strlen(got);
            snprintf(got + n, sizeof got - n, "%s%.*s", n ? " " : "", STR_ARGS(value_text(&e.values[i])));
        }
    assert_string_equal(got, expected);
    arena_free(&a);
}

static void conditions_mark_what_they_ask_for(void **state)
{
    (void)state;
    struct context *c =
        with_conditions("kind,value,reason,valid_from\nport,8080/tcp,proxies,\nport,6000-6010,x11,\n"
                        "country,ZZ,many,\ncountry,XX,later,2025-11-11\nasn,AS64500,bad,\n"
                        "domain,evil.example,bad,\n");
    assert_condition(c, "8080", "ZZ", "64501", "", "port:8080 country:zz");
    assert_condition(c, "6005", "zz", "64501", "", "port:6005 country:zz");
    assert_condition(c, "8080", "JP", "64500", "", "port:8080 asn:64500");
    assert_condition(c, "8080", "JP", "64501", "www.evil.example", "port:8080 domain:evil.example");
    assert_condition(c, "8080", "JP", "64501", "notevil.example", "");
    assert_condition(c, "443", "ZZ", "64500", "evil.example", ""); /* another port */
    assert_condition(c, "8080", "XX", "64501", "", "");            /* not in force yet */
    /* a place that nobody knows is no reason to leave it out */
    assert_condition(c, "8080", "", "", "", "port:8080 country:unknown asn:unknown");
    assert_condition(c, "8080", "JP", "", "", "port:8080 asn:unknown");
    context_unref(c);
    c = with_conditions("kind,value\nport,8080\n");
    assert_condition(c, "8080", "", "", "", "port:8080");
    assert_condition(c, "80", "", "", "", "");
    context_unref(c);
    c = with_conditions("kind,value\ncountry,ZZ\n");
    assert_condition(c, "12345", "ZZ", "", "", "country:zz");
    assert_condition(c, "12345", "JP", "", "", "");
    context_unref(c);
}

/* Which networks an IDS watches: the further column `ids` of networks.csv (S96). */
static void networks_say_whether_an_ids_watches(void **state)
{
    (void)state;
    struct arena arena, a;
    struct asset_set set = {.zone = zone_find(STR("Asia/Tokyo"))};
    arena_init(&arena, 16 << 10);
    arena_init(&a, 4096);
    read_file(ASSET_NETWORKS, "cidr,zone,ids\n10.1.0.0/16,a,core\n10.2.0.0/16,b,no\n10.3.0.0/16,c,\n", &arena,
              &set);
    struct context *c = context_new(&arena, &set, set.zone);
    int64_t watched;
    struct event e = make_event(&a, "2025-11-10T00:13:00Z", "10.1.0.5", "10.2.0.5");
    enrich_event(c, &e, &a);
    assert_true(event_number(&e, FIELD_HYAKUYO_SOURCE_WATCHED, &watched) && watched == 1);
    assert_true(event_number(&e, FIELD_HYAKUYO_DESTINATION_WATCHED, &watched) && watched == 0);
    e = make_event(&a, "2025-11-10T00:13:00Z", "10.3.0.5", "10.2.0.5");
    enrich_event(c, &e, &a);
    assert_false(event_number(&e, FIELD_HYAKUYO_SOURCE_WATCHED, &watched)); /* nobody says */
    context_unref(c);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_mark_what_they_ask_for),
        cmocka_unit_test(networks_say_whether_an_ids_watches),
        cmocka_unit_test(rows_hold_for_their_time),
        cmocka_unit_test(the_most_specific_network_names_the_department),
        cmocka_unit_test(roles_and_reporting_hosts),
        cmocka_unit_test(importance_is_the_highest_known),
        cmocka_unit_test(exceptions_expire_and_keep_their_window),
        cmocka_unit_test(exceptions_match_whole_domain_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
