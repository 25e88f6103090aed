/* Units of identity: intervals made of facts (spec 0.3), what an event can know of them, bounds, keeping, and
 * how events and findings are attributed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "enrich/asset_csv.h"
#include "enrich/attribute.h"

static int64_t at(const char *clock)
{
    char text[32] = "2025-11-10T";
    int64_t ns = 0;
    memcpy(text + 11, clock, 5);
    memcpy(text + 16, ":00Z", 5);
    assert_true(time_parse_iso(str_c(text), NULL, &ns));
    return ns;
}

static struct identity *make_table(uint32_t intervals)
{
    const int64_t day_ns = 86400 * NS_PER_SECOND;
    return identity_new((struct identity_limits){intervals, 8 * day_ns, 400 * day_ns});
}

static struct identity_fact lease(const char *clock, uint64_t sequence, const char *ip, const char *mac,
                                  const char *host)
{
    return (struct identity_fact){.relation = IDENTITY_DEVICE,
                                  .sequence = sequence,
                                  .time_ns = at(clock),
                                  .lasts_ns = 4 * 3600 * NS_PER_SECOND,
                                  .key = str_c(ip),
                                  .mac = str_c(mac),
                                  .host = str_c(host),
                                  .user = STR_EMPTY,
                                  .session = STR_EMPTY,
                                  .by = STR("dhcp")};
}

static struct identity_fact person(enum identity_relation relation, const char *clock, uint64_t sequence,
                                   const char *key, const char *user, const char *session)
{
    struct identity_fact f = lease(clock, sequence, key, "", "");
    f.relation = relation;
    f.user = str_c(user);
    f.session = str_c(session);
    f.by = STR("logon");
    return f;
}

static void take(struct identity *t, struct identity_fact f)
{
    identity_take(t, &f, INT64_MAX);
}

static void take_end(struct identity *t, struct identity_fact f)
{
    f.is_end = true;
    identity_take(t, &f, INT64_MAX);
}

static void assert_holder(const struct identity *t, const char *ip, const char *clock, uint64_t sequence,
                          const char *host)
{
    const struct identity_interval *i =
        identity_device(identity_find(t, SUBJECT_ADDRESS, str_c(ip)), at(clock), sequence);
    struct str got = i != NULL ? i->host : STR_EMPTY;
    if (!str_eq(got, str_c(host)))
        fail_msg("at %s event %llu: '%.*s', expected '%s'", clock, (unsigned long long)sequence,
                 STR_ARGS(got), host);
}

#define IP "10.20.30.31"
#define A  "02-00-5e-00-00-0a"
#define B  "02-00-5e-00-00-0b"

static void one_address_two_hosts_in_a_day(void **state)
{
    (void)state;
    struct identity *t = make_table(1000);
    take(t, lease("08:00", 1, IP, A, "PC-A"));
    take(t, lease("10:00", 2, IP, A, "PC-A")); /* renewed */
    take(t, lease("12:30", 3, IP, B, "PC-B"));
    assert_int_equal(identity_counters(t).intervals, 4); /* two leases, two names */
    assert_holder(t, IP, "07:59", 9, "");
    assert_holder(t, IP, "08:00", 9, "PC-A");
    assert_holder(t, IP, "12:29", 9, "PC-A");
    assert_holder(t, IP, "12:30", 9, "PC-B");
    assert_holder(t, IP, "16:29", 9, "PC-B");
    assert_holder(t, IP, "16:30", 9, ""); /* expired, nobody renewed */
    assert_true(
        str_eq(identity_name(identity_find(t, SUBJECT_HARDWARE, STR(A)), at("09:00"), 9), STR("PC-A")));
    identity_free(t);
}

static void an_event_knows_what_came_before_it(void **state)
{
    (void)state;
    struct identity *t = make_table(1000);
    take(t, lease("08:00", 5, IP, A, "PC-A"));
    take(t, lease("09:00", 8, IP, B, "PC-B"));
    assert_holder(t, IP, "08:30", 4, "");
    assert_holder(t, IP, "08:30", 5, "PC-A");
    assert_holder(t, IP, "09:30", 7, "PC-A"); /* event 8 ended it */
    assert_holder(t, IP, "09:30", 8, "PC-B");
    identity_note_recovered(t, 3); /* the journal counts on from 4 */
    assert_holder(t, IP, "09:30", 4, "PC-B");
    identity_free(t);
}

static void facts_come_late(void **state)
{
    (void)state;
    struct identity *t = make_table(1000);
    take(t, lease("12:00", 1, IP, B, "PC-B"));
    take(t, lease("10:00", 2, IP, A, "PC-A"));
    assert_holder(t, IP, "11:59", 9, "PC-A");
    assert_holder(t, IP, "12:00", 9, "PC-B");
    assert_holder(t, IP, "13:59", 9, "PC-B");
    identity_free(t);
}

static void releases_end_their_own_lease_only(void **state)
{
    (void)state;
    struct identity *t = make_table(1000);
    take(t, lease("08:00", 1, IP, A, "PC-A"));
    take_end(t, lease("09:00", 2, IP, B, ""));
    assert_holder(t, IP, "09:30", 9, "PC-A");
    take_end(t, lease("09:00", 3, IP, A, ""));
    assert_holder(t, IP, "08:30", 9, "PC-A");
    assert_holder(t, IP, "09:30", 9, "");
    take(t, lease("10:00", 4, IP, A, "PC-A")); /* came back */
    assert_holder(t, IP, "09:30", 9, "");
    assert_holder(t, IP, "10:30", 9, "PC-A");
    identity_free(t);
}

static size_t users_at(const struct identity *t, const char *ip, const char *host, const char *clock,
                       const struct identity_interval *out[])
{
    return identity_users(identity_find(t, SUBJECT_ADDRESS, str_c(ip)),
                          identity_find(t, SUBJECT_HOST, str_c(host)), at(clock), 99, out,
                          IDENTITY_USERS_MAX);
}

static void sessions_and_strength(void **state)
{
    (void)state;
    struct identity *t = make_table(1000);
    const struct identity_interval *who[IDENTITY_USERS_MAX];
    struct identity_fact proxy = person(IDENTITY_TENANT, "08:00", 1, IP, "guest", "");
    proxy.is_weak = true;
    take(t, proxy);
    assert_int_equal(users_at(t, IP, "pc-a", "08:30", who), 1);
    assert_true(str_eq(who[0]->user, STR("guest")));
    take(t, person(IDENTITY_SESSION, "08:10", 2, "pc-a", "t.sato", "0x1"));
    take(t, person(IDENTITY_SESSION, "08:20", 3, "pc-a", "h.desk", "0x2"));
    assert_int_equal(users_at(t, IP, "PC-A", "08:30", who), 2); /* the weak one is not asked any more */
    assert_true(str_eq(who[0]->user, STR("h.desk")));
    take_end(t, person(IDENTITY_SESSION, "08:25", 4, "pc-a", "h.desk", "0x9")); /* another session */
    assert_int_equal(users_at(t, IP, "pc-a", "08:30", who), 2);
    take_end(t, person(IDENTITY_SESSION, "08:25", 5, "pc-a", "h.desk", "0x2"));
    assert_int_equal(users_at(t, IP, "pc-a", "08:30", who), 1);
    take_end(t, person(IDENTITY_SESSION, "09:00", 6, "pc-a", "", "")); /* the computer starts anew */
    assert_int_equal(users_at(t, "", "pc-a", "09:30", who), 0);
    take(t, person(IDENTITY_TENANT, "10:00", 7, IP, "vpn.user", ""));
    assert_int_equal(users_at(t, IP, "pc-a", "10:30", who), 1);
    assert_true(str_eq(who[0]->user, STR("vpn.user")));
    identity_free(t);
}

static void the_table_is_bounded(void **state)
{
    (void)state;
    struct identity *t = make_table(1000);
    for (uint64_t i = 0; i < 5000; i++) {
        char ip[32];
        snprintf(ip, sizeof ip, "10.%u.%u.1", (unsigned)(i >> 8), (unsigned)(i & 255));
        take(t, lease(i < 2500 ? "08:00" : "09:00", i + 1, ip, "", "PC-A"));
    }
    struct identity_counters c = identity_counters(t);
    assert_true(c.intervals <= 1000 && c.forgotten > 0 && c.facts == 5000);
    assert_int_equal(c.forgotten + c.intervals, 5000);
    assert_holder(t, "10.19.135.1", "09:30", 9999, "PC-A"); /* the newest one is there */
    identity_free(t);
}

static void what_is_kept_comes_back(void **state)
{
    (void)state;
    struct identity *t = make_table(1000), *again = make_table(1000);
    struct identity_change change;
    struct arena a;
    arena_init(&a, 4096);
    take(t, lease("08:00", 1, IP, A, "PC-A"));
    take(t, lease("11:00", 3, IP, B, "PC-B"));
    identity_changes(t, &a, &change);
    assert_int_equal(change.count, 4);
    for (uint32_t i = 0; i < change.count; i++)
        identity_restore(again, &change.rows[i]);
    assert_holder(again, IP, "10:59", 9, "PC-A");
    assert_holder(again, IP, "11:00", 9, "PC-B");
    assert_holder(again, IP, "11:00", 2, "PC-A");
    identity_changes(t, &a, &change); /* the save failed: they are still to be kept */
    assert_int_equal(change.count, 4);
    identity_saved(t, change.version);
    take(t, lease("13:00", 4, IP, B, "PC-B"));
    identity_changes(t, &a, &change);
    assert_int_equal(change.count, 2); /* the lease and the name, renewed */
    take(again, lease("18:00", 5, IP, A, "PC-A"));
    identity_changes(again, &a, &change);
    assert_true(change.rows[change.count - 1].id > 4); /* ids go on */
    arena_free(&a);
    identity_free(t);
    identity_free(again);
}

/* ------------------------------------------------------------- attribution */

static struct context *make_context(void)
{
    struct arena arena;
    struct error err;
    struct asset_set set = {.zone = NULL};
    arena_init(&arena, 16 << 10);
    assert_true(asset_read_text(
        ASSET_HOSTS, "hosts.csv",
        STR("ip,hostname,mac,department,importance,role\n"
            ",PC-A,02:00:5E:00:00:0A,Sales,2,staff\n,PC-B,0200.5e00.000b,Finance,4,executive\n"
            "10.20.30.99,PC-STATIC,,IT,1,staff\n"),
        &arena, &set, &err));
    return context_new(&arena, &set, NULL);
}

static struct batch *make_batch(const char *clock, uint64_t sequence, const char *source_ip)
{
    struct batch *b = batch_new(1);
    struct event *e = &b->events[0];
    batch_add(b, STR("x"), STR("x"));
    *e = (struct event){.sequence = sequence, .time_ns = at(clock), .received_ns = at(clock)};
    b->first_sequence = b->last_sequence = sequence;
    event_add(e, &b->arena, FIELD_SOURCE_IP, str_c(source_ip));
    return b;
}

static void assert_text(const struct event *e, field_id field, const char *expected)
{
    struct str got = event_text(e, field);
    if (!str_eq(got, str_c(expected)))
        fail_msg("%s is '%.*s', expected '%s'", field_name(field).p, STR_ARGS(got), expected);
}

/* RADIUS and switches name a computer by its hardware address: the inventory's word, else what a lease said.
 */
static void hardware_addresses_name_the_host(void **state)
{
    (void)state;
    struct identity *t = make_table(1000);
    struct context *c = make_context();
    take(t, lease("08:00", 1, IP, "02-00-5E-00-00-0C", "NOTE-GUEST"));
    const struct {
        const char *mac, *host, *department;
    } cases[] = {{"02-00-5E-00-00-0B", "PC-B", "Finance"},
                 {"02-00-5E-00-00-0C", "NOTE-GUEST", ""},
                 {"02-00-5E-00-00-0D", "", ""}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct batch *b = batch_new(1);
        struct event *e = &b->events[0];
        batch_add(b, STR("x"), STR("x"));
        *e = (struct event){.sequence = 10 + i, .time_ns = at("09:00"), .received_ns = at("09:00")};
        b->first_sequence = b->last_sequence = 10 + i;
        event_add(e, &b->arena, FIELD_HOST_MAC, str_c(cases[i].mac));
        struct finding *f = batch_add_finding(b);
        f->time_ns = e->time_ns;
        f->sequence = e->sequence;
        attribute_events(t, c, b, 0);
        attribute_findings(t, c, b, f);
        assert_text(e, FIELD_HOST_NAME, cases[i].host);
        assert_true(str_eq(f->host_name, str_c(cases[i].host)));
        assert_true(str_eq(f->department, str_c(cases[i].department)));
        batch_free(b);
    }
    context_unref(c);
    identity_free(t);
}

static void events_and_findings_learn_their_host(void **state)
{
    (void)state;
    struct identity *t = make_table(1000);
    struct context *c = make_context();
    take(t, lease("08:00", 1, IP, A, "pc-a"));
    take(t, lease("12:30", 2, IP, B, "")); /* named by its hardware in the inventory */
    take(t, person(IDENTITY_SESSION, "08:10", 3, "pc-a", "t.sato", "0x1"));
    const struct {
        const char *clock, *host, *department, *user;
        int importance;
    } cases[] = {{"09:00", "PC-A", "Sales", "t.sato", 2}, {"13:00", "PC-B", "Finance", "", 4}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct batch *b = make_batch(cases[i].clock, 10 + i, IP);
        struct event *e = &b->events[0];
        int64_t number = 0;
        enrich_event(c, e, &b->arena);
        assert_true(event_number(e, FIELD_HYAKUYO_ASSET_REGISTERED, &number) &&
                    number == 0); /* S11: not yet known */
        attribute_events(t, c, b, 0);
        assert_text(e, FIELD_HYAKUYO_SOURCE_HOST, cases[i].host);
        assert_text(e, FIELD_HYAKUYO_DEPARTMENT, cases[i].department);
        assert_text(e, FIELD_HYAKUYO_SOURCE_USER, cases[i].user);
        assert_text(e, FIELD_HYAKUYO_IDENTITY_BY, "dhcp");
        assert_true(event_number(e, FIELD_HYAKUYO_ASSET_REGISTERED, &number) && number == 1);
        assert_true(event_number(e, FIELD_HYAKUYO_ASSET_IMPORTANCE, &number) &&
                    number == cases[i].importance);
        struct finding *f = batch_add_finding(b);
        f->host_ip = STR(IP);
        f->time_ns = e->time_ns;
        f->sequence = e->sequence;
        attribute_findings(t, c, b, f);
        assert_true(str_eq(f->host_name, str_c(cases[i].host)) && f->is_identified);
        assert_true(str_eq(f->department, str_c(cases[i].department)) &&
                    str_eq(f->user, str_c(cases[i].user)));
        assert_int_equal(f->importance, cases[i].importance);
        batch_free(b);
    }
    context_unref(c);
    identity_free(t);
}

static void the_inventory_wins_and_conflicts_are_told(void **state)
{
    (void)state;
    struct identity *t = make_table(1000);
    struct context *c = make_context();
    take(t, lease("08:00", 1, "10.20.30.99", A, "PC-A"));
    struct batch *b = make_batch("09:00", 5, "10.20.30.99");
    enrich_event(c, &b->events[0], &b->arena);
    attribute_events(t, c, b, 0);
    assert_text(&b->events[0], FIELD_HYAKUYO_SOURCE_HOST, "PC-STATIC");
    assert_text(&b->events[0], FIELD_HYAKUYO_IDENTITY_CONFLICT, "PC-A");
    assert_int_equal(identity_counters(t).conflicts, 1);
    batch_free(b);
    context_unref(c);
    identity_free(t);
}

static struct context *make_networks(void)
{
    struct arena arena;
    struct error err;
    struct asset_set set = {.zone = NULL};
    arena_init(&arena, 16 << 10);
    assert_true(
        asset_read_text(ASSET_HOSTS, "hosts.csv", STR("ip,hostname\n192.0.2.77,\n"), &arena, &set, &err));
    assert_true(asset_read_text(ASSET_NETWORKS, "networks.csv",
                                STR("cidr,name\n203.0.113.0/28,DMZ\n2001:db8:a::/48,Office\n"), &arena, &set,
                                &err));
    return context_new(&arena, &set, NULL);
}

/* An address of others is no host of ours; what is registered, leased, private or named is. */
static void addresses_of_others_are_outside(void **state)
{
    (void)state;
    struct identity *t = make_table(1000);
    struct context *c = make_networks();
    take(t, lease("08:00", 1, "198.51.100.40", A, "PC-A"));
    take(t, person(IDENTITY_TENANT, "08:00", 2, "198.51.100.41", "t.sato", "s1"));
    struct identity_fact seen = person(IDENTITY_TENANT, "08:00", 3, "198.51.100.42", "t.sato", "");
    seen.is_weak = true;
    take(t, seen);
    const struct {
        const char *name, *ip;
        bool is_outside, without_networks;
    } cases[] = {
        {"", "198.51.100.201", true, true},
        {"", "10.1.2.3", false, false},
        {"", "203.0.113.9", false, true},
        {"", "203.0.113.99", true, true},
        {"", "2001:db8:a::7", false, true},
        {"", "2001:db8:b::7", true, true},
        {"", "fd00::7", false, false},
        {"", "fe80::1", false, false},
        {"", "127.0.0.1", false, false},
        {"", "192.0.2.77", false, true},
        {"", "198.51.100.40", false, false},
        {"", "198.51.100.41", false, false},
        {"", "198.51.100.42", true, true},
        {"PC-9", "", false, false},
        {"PC-9", "198.51.100.7", false, false},
        {"198.51.100.7", "", true, true},
        {"", "", false, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct finding f = {.host_name = str_c(cases[i].name),
                            .host_ip = str_c(cases[i].ip),
                            .time_ns = at("09:00"),
                            .sequence = 10};
        if (attribute_is_outside(t, c, &f) != cases[i].is_outside ||
            attribute_is_outside(t, NULL, &f) != cases[i].without_networks)
            fail_msg("'%s' '%s'", cases[i].name, cases[i].ip);
    }
    context_unref(c);
    identity_free(t);
}

/* -------------------------------------------------------------- extraction */

struct field_text {
    field_id field;
    const char *text;
};

static struct batch *extract(const struct field_text *texts, size_t n)
{
    struct error err;
    struct identity_rules *rules = identity_rules_load(SOURCE_ROOT "/content/identity.yml", &err);
    if (rules == NULL)
        fail_msg("%s", err.text);
    struct batch *b = make_batch("08:00", 7, "192.0.2.1");
    for (size_t i = 0; i < n; i++)
        event_set(&b->events[0], &b->arena, texts[i].field, str_c(texts[i].text));
    identity_extract(rules, b);
    identity_rules_free(rules);
    return b;
}

static void records_become_facts(void **state)
{
    (void)state;
    struct batch *b =
        extract((const struct field_text[]){{FIELD_NETWORK_PROTOCOL, "dhcp"},
                                            {FIELD_EVENT_ACTION, "dhcpack"},
                                            {FIELD_CLIENT_IP, IP},
                                            {FIELD_CLIENT_MAC, "02-00-5E-00-00-0A"},
                                            {FIELD_CLIENT_DOMAIN, "PC-A.corp.example"},
                                            {field_intern(STR("dhcpd.lease_duration")), "1800"}},
                6);
    const struct identity_fact *f = b->facts;
    assert_true(f != NULL && f->next == NULL && f->relation == IDENTITY_DEVICE && !f->is_end &&
                f->sequence == 7);
    assert_true(str_eq(f->key, STR(IP)) && str_eq(f->mac, STR(A)) && str_eq(f->host, STR("PC-A")));
    assert_true(f->lasts_ns == 1800 * NS_PER_SECOND);
    batch_free(b);

    struct field_text logon[] = {{FIELD_EVENT_CODE, "4624"},
                                 {field_intern(STR("winlog.channel")), "Security"},
                                 {field_intern(STR("winlog.logon.type")), "Interactive"},
                                 {field_intern(STR("winlog.logon.id")), "0x3e7a1"},
                                 {FIELD_HOST_NAME, "PC-A.corp.example"},
                                 {FIELD_USER_NAME, "CORP\\t.sato"}};
    b = extract(logon, COUNT_OF(logon));
    f = b->facts;
    assert_true(f != NULL && f->relation == IDENTITY_SESSION && str_eq(f->key, STR("pc-a")));
    assert_true(str_eq(f->user, STR("t.sato")) && str_eq(f->session, STR("0x3e7a1")) && !f->is_weak);
    batch_free(b);
    logon[5].text = "PC-A$"; /* the computer itself */
    b = extract(logon, COUNT_OF(logon));
    assert_null(b->facts);
    batch_free(b);
    logon[5].text = "t.sato";
    logon[2].text = "Network"; /* says who comes from the other address */
    b = extract(logon, COUNT_OF(logon));
    assert_true(b->facts != NULL && b->facts->relation == IDENTITY_TENANT && b->facts->is_weak);
    assert_true(str_eq(b->facts->key, STR("192.0.2.1")) && b->facts->next == NULL);
    batch_free(b);
}

static void bad_rules_are_refused_with_their_line(void **state)
{
    (void)state;
    const char *cases[][2] = {
        {"limits: {intervals: 5, days: 8, history_days: 400}\nfacts: [{by: x}]\n", "intervals"},
        {"limits: {intervals: 5000, days: 8, history_days: 400}\nfacts: []\n", "facts"},
        {"limits: {intervals: 5000, days: 8, history_days: 400}\nfacts:\n  - {by: x, relation: guess}\n",
         ":3"},
        {"limits: {intervals: 5000, days: 8, history_days: 400}\nfacts:\n  - {by: x, relation: device, key: "
         "[a]}\n",
         "when"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char path[] = "/tmp/identity-XXXXXX";
        struct error err = {{0}};
        FILE *f = fdopen(mkstemp(path), "w");
        fputs(cases[i][0], f);
        fclose(f);
        assert_null(identity_rules_load(path, &err));
        remove(path);
        if (strstr(err.text, cases[i][1]) == NULL)
            fail_msg("'%s' does not say '%s'", err.text, cases[i][1]);
    }
}

static void hardware_addresses(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1024);
    const char *same[] = {"02-00-5E-00-00-0A", "02:00:5e:00:00:0a", "0200.5e00.000a", "02005E00000A"};
    for (size_t i = 0; i < COUNT_OF(same); i++)
        assert_true(str_eq(identity_mac(str_c(same[i]), &a), STR(A)));
    const char *none[] = {"",     "02:00:5e:00:00",    "02:00:5e:00:00:0a:01",
                          "PC-A", "00:00:00:00:00:00", "FFFFFFFFFFFF"};
    for (size_t i = 0; i < COUNT_OF(none); i++)
        assert_int_equal(identity_mac(str_c(none[i]), &a).n, 0);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_address_two_hosts_in_a_day),
        cmocka_unit_test(an_event_knows_what_came_before_it),
        cmocka_unit_test(facts_come_late),
        cmocka_unit_test(releases_end_their_own_lease_only),
        cmocka_unit_test(sessions_and_strength),
        cmocka_unit_test(the_table_is_bounded),
        cmocka_unit_test(what_is_kept_comes_back),
        cmocka_unit_test(hardware_addresses_name_the_host),
        cmocka_unit_test(events_and_findings_learn_their_host),
        cmocka_unit_test(the_inventory_wins_and_conflicts_are_told),
        cmocka_unit_test(addresses_of_others_are_outside),
        cmocka_unit_test(records_become_facts),
        cmocka_unit_test(bad_rules_are_refused_with_their_line),
        cmocka_unit_test(hardware_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
