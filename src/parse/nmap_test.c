/* Unit tests of the reader of nmap's results (S97). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "parse/nmap.h"

#define HEAD                                                                                                 \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE nmaprun>\n<?xml-stylesheet "                      \
    "href=\"file:///x\"?>\n"                                                                                 \
    "<nmaprun scanner=\"nmap\" args=\"nmap -oX - 10.10.0.0/24\" start=\"1762743900\" version=\"7.93\">\n"    \
    "<scaninfo type=\"connect\" protocol=\"tcp\" numservices=\"3\" services=\"22,80,31337\"/>\n"

struct seen {
    char text[2000];
    size_t n;
};

static bool note(void *context, const struct nmap_run *run, const struct nmap_host *host)
{
    struct seen *s = context;
    (void)run;
    s->n += (size_t)snprintf(s->text + s->n, sizeof s->text - s->n, "[%.*s %.*s %s %.*s %lld",
                             STR_ARGS(host->address), STR_ARGS(host->name), host->is_up ? "up" : "down",
                             STR_ARGS(host->reason), (long long)host->end_s);
    for (size_t i = 0; i < host->port_count; i++)
        s->n += (size_t)snprintf(s->text + s->n, sizeof s->text - s->n, " %u/%.*s %.*s(%.*s)",
                                 host->ports[i].number, STR_ARGS(host->ports[i].protocol),
                                 STR_ARGS(host->ports[i].service), STR_ARGS(host->ports[i].banner));
    s->n += (size_t)snprintf(s->text + s->n, sizeof s->text - s->n, "]");
    return true;
}

static struct nmap_run read_ok(const char *text, struct seen *seen)
{
    struct nmap_run run;
    struct error err;
    *seen = (struct seen){.n = 0};
    if (!nmap_read(str_c(text), "x.xml", note, seen, &run, &err))
        fail_msg("%s", err.text);
    return run;
}

static void test_hosts_and_ports(void **state)
{
    (void)state;
    struct seen seen;
    struct nmap_run run = read_ok(
        HEAD "<hosthint><address addr=\"10.9.9.9\" addrtype=\"ipv4\"/></hosthint>\n"
             "<host starttime=\"1762743901\" endtime=\"1762743905\"><status state=\"up\" reason=\"syn-ack\" "
             "reason_ttl=\"0\"/>\n"
             "<address addr=\"02:00:5E:00:00:01\" addrtype=\"mac\"/><address addr=\"10.10.0.21\" "
             "addrtype=\"ipv4\"/>\n"
             "<hostnames>\n<hostname name=\"web01.example.co.jp\" type=\"PTR\"/>\n</hostnames>\n"
             "<ports><extraports state=\"closed\" count=\"1\"><extrareasons reason=\"conn-refused\" "
             "count=\"1\"/></extraports>\n"
             "<port protocol=\"tcp\" portid=\"22\"><state state=\"open\" reason=\"syn-ack\"/><service "
             "name=\"ssh\" product=\"OpenSSH\" "
             "version=\"9.2 &lt;b&gt; &lt;/host&gt;\" method=\"probed\"><cpe>cpe:/a:x</cpe></service><script "
             "id=\"s\" output=\"x\"/></port>\n"
             "<port protocol=\"tcp\" portid=\"80\"><state state=\"closed\" reason=\"conn-refused\"/></port>\n"
             "<port protocol=\"udp\" portid=\"161\"><state state=\"open|filtered\" "
             "reason=\"no-response\"/></port>\n"
             "<port protocol=\"tcp\" portid=\"31337\"><state state=\"open\" reason=\"syn-ack\"/><service "
             "name=\"Elite\" method=\"table\"/></port>\n"
             "</ports></host>\n"
             "<host><status state=\"down\" reason=\"no-response\"/><address addr=\"2001:db8::7\" "
             "addrtype=\"ipv6\"/></host>\n"
             "<runstats><finished time=\"1762743990\"/></runstats></nmaprun>\n",
        &seen);
    assert_string_equal(
        seen.text,
        "[10.10.0.21 web01.example.co.jp up syn-ack 1762743905 22/tcp ssh(OpenSSH 9.2 <b> </host>) "
        "31337/tcp elite()][2001:db8::7  down no-response 0]");
    assert_string_equal(run.coverage, "tcp:22,80,31337");
    assert_int_equal(run.start_s, 1762743900);
    assert_int_equal(run.hosts, 2);
    assert_int_equal(run.open, 2);
    assert_false(run.is_broken_off);
}

/* What is complete is taken; what is no address or port is counted. */
static void test_damaged(void **state)
{
    (void)state;
    struct seen seen;
    struct nmap_run run = read_ok(
        HEAD
        "<host><address addr=\"10.10.0.1\" addrtype=\"ipv4\"/><ports><port protocol=\"tcp\" portid=\"99999\">"
        "<state state=\"open\"/></port></ports></host><host><status state=\"up\"/></host>"
        "<host><address addr=\"10.10.0.2\" addrtype=\"ipv4\"/><ports><port",
        &seen);
    assert_string_equal(seen.text, "[10.10.0.1  down  0]");
    assert_int_equal(run.refused, 2);
    assert_true(run.is_broken_off);
}

static void test_not_nmap(void **state)
{
    (void)state;
    const char *texts[] = {"", "<html></html>", "<nmaprun", "no xml", "<nmaprunx></nmaprunx>"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct nmap_run run;
        struct error err = {0};
        struct seen seen = {.n = 0};
        assert_false(nmap_read(str_c(texts[i]), "scan.xml", note, &seen, &run, &err));
        assert_true(str_starts(str_c(err.text), STR("scan.xml: ")));
    }
}

/* The same ports give the same coverage, however long the list; other ports another one. */
static void test_coverage(void **state)
{
    (void)state;
    struct seen seen;
    char text[3000], coverage[2][80];
    for (int which = 0; which < 2; which++) {
        size_t n = (size_t)snprintf(text, sizeof text, "<nmaprun><scaninfo protocol=\"tcp\" services=\"");
        for (int port = 1; port < 300; port++)
            n += (size_t)snprintf(text + n, sizeof text - n, "%d,", port + which);
        snprintf(text + n, sizeof text - n, "\"/></nmaprun>");
        struct nmap_run run = read_ok(text, &seen);
        struct nmap_run again = read_ok(text, &seen);
        assert_string_equal(run.coverage, again.coverage);
        memcpy(coverage[which], run.coverage, sizeof run.coverage);
    }
    assert_string_not_equal(coverage[0], coverage[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts_and_ports),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_not_nmap),
        cmocka_unit_test(test_coverage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
