/* Writes the syslog of an imaginary office, one line for each record, the same bytes for the same arguments:
 * firewalls, a proxy, mail, name servers, log-ins, anti-virus and an intrusion detection system, in the
 * proportions of a real collector and with its skew (few hosts, users and sites make most of the traffic).
 * The office holds together: a host has its user, a site its address, and only name servers ask the outside
 * for names and the time. About 250 bytes a line.
 *
 *   generate_logs COUNT [--seed N] [--infected PER_MILLION] [--start SECONDS] [--per-second N]
 * [--no-priority] [--windows]
 *
 * --windows: the event log of the office's Windows hosts in its place, mostly Sysmon, one JSON object a line
 * (windows_lines.c), about 700 bytes.
 * --infected: so many lines of a million come from infected hosts and meet the rules of content/rules.
 * Addresses of the outside are 198.18.0.0/15, which RFC 2544 keeps for benchmarks; names end in .example and
 * .test. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "windows_lines.h"

#define INSIDE_HOSTS   3000
#define OUTSIDE_HOSTS  20000
#define SITES          5000
#define SITE_ADDRESSES 4000
#define USERS          2500
#define NAME_SERVER    52 /* 10.10.0.53 and the next */
#define INFECTED       12

/* ---- who and where ---- */

struct text {
    char p[96];
};

static struct text address(const char *net, unsigned host)
{
    struct text t;
    snprintf(t.p, sizeof t.p, "%s%u.%u", net, host / 250, host % 250 + 1);
    return t;
}

static struct text inside(struct generator *g)
{
    return address("10.20.", skewed(g, INSIDE_HOSTS));
}

/* Somebody out there: scanners, mail servers, log-in attempts. */
static struct text outside(struct generator *g)
{
    return address("198.18.", skewed(g, OUTSIDE_HOSTS));
}

static struct text infected(struct generator *g)
{
    return address("10.66.", below(g, INFECTED));
}

static unsigned mixed(unsigned number, unsigned limit)
{
    return (unsigned)((uint64_t)(number * 2654435761u) * limit >> 32);
}

struct site {
    struct text name, address;
};

static struct site site(struct generator *g)
{
    static const char *const words[] = {"mail", "static", "news",  "shop", "cloud", "portal", "img",
                                        "data", "media",  "files", "apps", "login", "update", "video"};
    unsigned number = skewed(g, SITES);
    struct site s = {.address = address("198.19.", mixed(number, SITE_ADDRESSES))};
    snprintf(s.name.p, sizeof s.name.p, "%s%u.%s%u.example", words[number % COUNT_OF(words)], number % 7,
             words[number / 7 % COUNT_OF(words)], number);
    return s;
}

static struct text user_number(unsigned number)
{
    struct text t;
    snprintf(t.p, sizeof t.p, "user%03u", number);
    return t;
}

static struct text user(struct generator *g)
{
    return user_number(skewed(g, USERS));
}

/* A host inside and who sits at it: nearly always the same. */
struct seat {
    struct text address, user;
};

static struct seat seat(struct generator *g)
{
    unsigned host = skewed(g, INSIDE_HOSTS);
    unsigned who = below(g, 1000) ? mixed(host, USERS) : below(g, USERS);
    return (struct seat){.address = address("10.20.", host), .user = user_number(who)};
}

/* What goes out. */
struct flow {
    struct text from, to;
    struct text name; /* of the site; "" = none */
    unsigned port;
};

static struct flow flow(struct generator *g)
{
    static const unsigned ports[] = {443, 443, 443, 443, 443, 443, 443, 443, 80, 53, 123, 993, 8443};
    unsigned port = ports[below(g, COUNT_OF(ports))];
    struct flow f = {.port = port};
    if (port == 53 || port == 123) {
        f.from = address("10.10.", NAME_SERVER + below(g, 2));
        f.to = address("198.19.", mixed(below(g, 64), SITE_ADDRESSES));
        return f;
    }
    struct site s = site(g);
    f.from = inside(g);
    f.to = s.address;
    f.name = s.name;
    return f;
}

static unsigned scanned_port(struct generator *g)
{
    static const unsigned ports[] = {22, 23, 80, 443, 445, 1433, 3306, 3389, 5060, 8080};
    return ports[below(g, COUNT_OF(ports))];
}

static unsigned high_port(struct generator *g)
{
    return between(g, 32768, 60999);
}

static struct text formatted_time(int64_t seconds, const char *format)
{
    time_t when = (time_t)seconds;
    struct tm parts;
    struct text t;
    gmtime_r(&when, &parts);
    t.p[strftime(t.p, sizeof t.p, format, &parts)] = 0;
    return t;
}

/* RFC 3164: "<4>Nov 21 09:00:00 fw01 ". */
static void begin(struct generator *g, unsigned priority, const char *host)
{
    buf_clear(&g->line);
    if (g->has_priority)
        buf_printf(&g->line, "<%u>", priority);
    buf_printf(&g->line, "%s %s ", formatted_time(g->now, "%b %e %H:%M:%S").p, host);
}

/* ---- one function for each kind of source ---- */

static void netfilter_line(struct generator *g, const char *verdict, const char *source,
                           const char *destination, unsigned port, bool is_outbound)
{
    struct buf *b = &g->line;
    unsigned network = below(g, 250);
    begin(g, 4, PICK(g, "fw01", "fw02", "fw03", "fw04"));
    buf_printf(b,
               "kernel: [%u.%06u] [UFW %s] IN=%s OUT=%s MAC=02:00:5e:%02x:00:01:02:00:5e:%02x:00:02:08:00 "
               "SRC=%s DST=%s ",
               between(g, 1000, 999999), below(g, 1000000), verdict, is_outbound ? "eth1" : "eth0",
               is_outbound ? "eth0" : "eth1", network, network + 3, source, destination);
    buf_printf(b, "LEN=%u TOS=0x00 PREC=0x00 TTL=%u ID=%u DF PROTO=%s SPT=%u DPT=%u ", between(g, 40, 1500),
               between(g, 32, 128), below(g, 65536), port == 53 || port == 123 ? "UDP" : "TCP", high_port(g),
               port);
    buf_printf(b, "WINDOW=%u RES=0x00 SYN URGP=0", below(g, 65536));
}

static void netfilter(struct generator *g)
{
    if (below(g, 3)) {
        struct flow f = flow(g);
        netfilter_line(g, below(g, 100) ? "ALLOW" : "BLOCK", f.from.p, f.to.p, f.port, true);
    } else {
        struct text out = outside(g), in = inside(g);
        netfilter_line(g, "BLOCK", out.p, in.p, scanned_port(g), false);
    }
}

static void sshd(struct generator *g)
{
    struct buf *b = &g->line;
    unsigned kind = below(g, 100);
    struct seat who = seat(g);
    char host[16];
    snprintf(host, sizeof host, "srv%03u", skewed(g, 200));
    begin(g, 86, host);
    buf_printf(b, "sshd[%u]: ", between(g, 300, 65535));
    if (kind < 45)
        buf_printf(b, "Failed password for %s%s from %s port %u ssh2", below(g, 2) ? "invalid user " : "",
                   user(g).p, outside(g).p, high_port(g));
    else if (kind < 65)
        buf_printf(b, "Accepted %s for %s from %s port %u ssh2",
                   PICK(g, "publickey", "publickey", "password"), who.user.p, who.address.p, high_port(g));
    else if (kind < 80)
        buf_printf(b, "Invalid user %s from %s port %u", user(g).p, outside(g).p, high_port(g));
    else if (kind < 90)
        buf_printf(b, "Connection closed by authenticating user %s %s port %u [preauth]", user(g).p,
                   outside(g).p, high_port(g));
    else
        buf_printf(b, "pam_unix(sshd:session): session opened for user %s(uid=%u) by (uid=0)", who.user.p,
                   between(g, 1000, 2000));
}

static void squid(struct generator *g)
{
    struct buf *b = &g->line;
    struct seat who = seat(g);
    struct site where = site(g);
    const char *name = below(g, 3) ? who.user.p : "-";
    begin(g, 134, PICK(g, "proxy1", "proxy2"));
    buf_printf(b, "squid[%u]: %lld.%03u %6u %s ", between(g, 1000, 1010), (long long)g->now, below(g, 1000),
               skewed(g, 60000) + 1, who.address.p);
    if (below(g, 100) < 60) {
        buf_printf(b, "TCP_TUNNEL/200 %u CONNECT %s:443 %s HIER_DIRECT/%s -", between(g, 300, 900000),
                   where.name.p, name, where.address.p);
        return;
    }
    buf_printf(b, "%s %u %s http://%s/%s/%s?id=%08x&v=%u %s HIER_DIRECT/%s %s",
               PICK(g, "TCP_MISS/200", "TCP_MISS/200", "TCP_HIT/200", "TCP_MISS/304", "TCP_DENIED/403",
                    "TCP_MISS/404"),
               between(g, 300, 90000), PICK(g, "GET", "GET", "GET", "POST"), where.name.p,
               PICK(g, "news", "img", "api", "css"), PICK(g, "index.html", "list", "item", "a.png"),
               (unsigned)next(g), below(g, 20), name, where.address.p,
               PICK(g, "text/html", "image/png", "text/css", "application/json"));
}

static void named(struct generator *g)
{
    struct text where = site(g).name;
    begin(g, 30, PICK(g, "ns1", "ns2"));
    buf_printf(&g->line, "named[%u]: client @0x7f%010llx %s#%u (%s): query: %s IN %s %s (10.10.0.53)",
               between(g, 500, 510), (unsigned long long)(next(g) >> 24), inside(g).p, high_port(g), where.p,
               where.p, PICK(g, "A", "A", "A", "AAAA", "HTTPS", "PTR", "TXT"),
               PICK(g, "+", "+E(0)K", "+E(0)DC"));
}

static void postfix(struct generator *g)
{
    struct buf *b = &g->line;
    unsigned kind = below(g, 10), process = between(g, 1000, 60000), queue = (unsigned)next(g);
    struct text peer = outside(g), name = site(g).name;
    begin(g, 22, PICK(g, "mx1", "mx2"));
    if (kind < 3)
        buf_printf(b, "postfix/smtpd[%u]: connect from %s[%s]", process, below(g, 3) ? name.p : "unknown",
                   peer.p);
    else if (kind < 5)
        buf_printf(b,
                   "postfix/smtpd[%u]: NOQUEUE: reject: RCPT from unknown[%s]: 554 5.7.1 Service "
                   "unavailable; Client host "
                   "[%s] blocked using dnsbl.test; from=<%s@%s> to=<%s@office.example> proto=ESMTP helo=<%s>",
                   process, peer.p, peer.p, user(g).p, name.p, user(g).p, name.p);
    else if (kind < 7)
        buf_printf(b, "postfix/qmgr[%u]: %08X: from=<%s@%s>, size=%u, nrcpt=%u (queue active)", process,
                   queue, user(g).p, name.p, skewed(g, 9000000) + 500, between(g, 1, 5));
    else
        buf_printf(b,
                   "postfix/smtp[%u]: %08X: to=<%s@%s>, relay=%s[%s]:25, delay=%u.%02u, "
                   "delays=0.05/0.01/0.4/1.2, dsn=2.0.0, "
                   "status=%s (250 2.0.0 Ok: queued as %08X)",
                   process, queue, user(g).p, name.p, name.p, peer.p, below(g, 9), below(g, 100),
                   PICK(g, "sent", "sent", "sent", "deferred", "bounced"), queue + 1);
}

static void clamd(struct generator *g)
{
    begin(g, 30, PICK(g, "fs01", "fs02", "mailgw1"));
    buf_printf(&g->line, "clamd[%u]: /srv/share/%s/%08x.%s: OK", between(g, 500, 900), user(g).p,
               (unsigned)next(g), PICK(g, "docx", "pdf", "eml", "xlsx"));
}

static void asa(struct generator *g)
{
    struct buf *b = &g->line;
    unsigned kind = below(g, 100), number = below(g, 99999999), own_port = high_port(g);
    struct flow f = flow(g);
    struct text out = outside(g);
    begin(g, 166, "asa1");
    if (kind < 40)
        buf_printf(b,
                   ": %%ASA-6-302013: Built outbound TCP connection %u for outside:%s/%u (%s/%u) to "
                   "inside:%s/%u (203.0.113.1/%u)",
                   number, f.to.p, f.port, f.to.p, f.port, f.from.p, own_port, own_port);
    else if (kind < 70)
        buf_printf(b,
                   ": %%ASA-4-106023: Deny %s src outside:%s/%u dst inside:%s/%u by access-group "
                   "\"OUTSIDE_IN\" [0x%x, 0x0]",
                   PICK(g, "tcp", "tcp", "udp"), out.p, own_port, inside(g).p, scanned_port(g),
                   (unsigned)next(g));
    else if (kind < 95)
        buf_printf(b,
                   ": %%ASA-6-302014: Teardown TCP connection %u for outside:%s/%u to inside:%s/%u duration "
                   "0:%02u:%02u bytes %u TCP FINs",
                   number, f.to.p, f.port, f.from.p, own_port, below(g, 10), below(g, 60), skewed(g, 999999));
    else
        buf_printf(b,
                   ": %%ASA-6-113005: AAA user authentication Rejected : reason = AAA failure : server = "
                   "10.10.0.9 : user = %s : user IP = %s",
                   user(g).p, out.p);
}

static void fortigate_line(struct generator *g, const char *source, const char *destination, unsigned port,
                           const char *name, const char *action)
{
    struct buf *b = &g->line;
    begin(g, 189, "fgt1");
    buf_printf(b, "date=%s time=%s devname=\"FW-EDGE\" devid=\"FGT60FTK2000%04u\" ",
               formatted_time(g->now, "%Y-%m-%d").p, formatted_time(g->now, "%H:%M:%S").p, 1 + below(g, 2));
    buf_printf(b,
               "logid=\"0000000013\" type=\"traffic\" subtype=\"forward\" level=\"notice\" vd=\"root\" "
               "eventtime=%lld000000000 ",
               (long long)g->now);
    buf_printf(b,
               "srcip=%s srcport=%u srcintf=\"lan\" dstip=%s dstport=%u dstintf=\"wan1\" policyid=%u "
               "sessionid=%u proto=%u ",
               source, high_port(g), destination, port, between(g, 1, 60), below(g, 99999999),
               port == 53 ? 17 : 6);
    buf_printf(b,
               "action=\"%s\" service=\"%s\" dstcountry=\"%s\" trandisp=\"snat\" duration=%u sentbyte=%u "
               "rcvdbyte=%u sentpkt=%u ",
               action,
               port == 443  ? "HTTPS"
               : port == 53 ? "DNS"
                            : "HTTP",
               PICK(g, "Japan", "Japan", "Germany", "Brazil"), below(g, 600), skewed(g, 99999),
               skewed(g, 9999999), below(g, 999));
    buf_printf(b, "app=\"%s\"", port == 53 ? "DNS" : PICK(g, "HTTPS.BROWSER", "SSL"));
    if (*name)
        buf_printf(b, " hostname=\"%s\"", name);
}

static void fortigate(struct generator *g)
{
    struct flow f = flow(g);
    fortigate_line(g, f.from.p, f.to.p, f.port, f.name.p,
                   below(g, 100) ? PICK(g, "accept", "accept", "close") : "deny");
}

static void suricata_detail(struct generator *g, unsigned kind, const char *domain, const char *address_of)
{
    struct buf *b = &g->line;
    if (kind < 10)
        buf_printf(b,
                   ",\"alert\":{\"action\":\"allowed\",\"gid\":1,\"signature_id\":%u,\"rev\":%u,"
                   "\"signature\":\"%s\",\"category\":\"%s\","
                   "\"severity\":3},\"app_proto\":\"http\"",
                   between(g, 1000000, 1000200), between(g, 1, 9),
                   PICK(g, "LOCAL POLICY update check", "LOCAL INFO file over clear text"),
                   PICK(g, "Misc activity", "Not Suspicious Traffic"));
    else if (kind < 40)
        buf_printf(b,
                   ",\"tls\":{\"subject\":\"CN=%s\",\"issuerdn\":\"C=JP, O=Test CA, "
                   "CN=T3\",\"serial\":\"%016llx\",\"sni\":\"%s\","
                   "\"version\":\"TLS "
                   "1.3\",\"notbefore\":\"2026-09-01T00:00:00\",\"notafter\":\"2026-11-30T00:00:00\","
                   "\"ja3\":{\"hash\":\"%016llx%016llx\"},\"ja3s\":{\"hash\":\"%016llx%016llx\"}}",
                   domain, (unsigned long long)next(g), domain, (unsigned long long)next(g),
                   (unsigned long long)next(g), (unsigned long long)next(g), (unsigned long long)next(g));
    else if (kind < 70)
        buf_printf(b,
                   ",\"dns\":{\"version\":2,\"type\":\"answer\",\"id\":%u,\"flags\":\"8180\",\"qr\":true,"
                   "\"rd\":true,\"ra\":true,"
                   "\"rrname\":\"%s\",\"rrtype\":\"A\",\"rcode\":\"NOERROR\",\"answers\":[{\"rrname\":\"%s\","
                   "\"rrtype\":\"A\","
                   "\"ttl\":%u,\"rdata\":\"%s\"}]}",
                   below(g, 65536), domain, domain, between(g, 1, 3600), address_of);
    else
        buf_printf(b,
                   ",\"http\":{\"hostname\":\"%s\",\"url\":\"/%s/%08x\",\"http_user_agent\":\"Mozilla/5.0 "
                   "(Windows NT 10.0; Win64; x64) "
                   "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 "
                   "Safari/537.36\",\"http_content_type\":\"text/html\","
                   "\"http_method\":\"GET\",\"protocol\":\"HTTP/1.1\",\"status\":%s,\"length\":%u}",
                   domain, PICK(g, "news", "img", "api"), (unsigned)next(g),
                   PICK(g, "200", "200", "304", "404"), skewed(g, 99999));
}

static void suricata(struct generator *g)
{
    struct buf *b = &g->line;
    unsigned kind = below(g, 100);
    struct site where = site(g);
    struct text when = formatted_time(g->now, "%Y-%m-%dT%H:%M:%S"), domain = where.name;
    begin(g, 142, "ids1");
    buf_printf(
        b,
        "suricata[1234]: "
        "{\"timestamp\":\"%s.%06u+0000\",\"flow_id\":%llu,\"in_iface\":\"eth2\",\"event_type\":\"%s\",",
        when.p, below(g, 1000000), (unsigned long long)(next(g) >> 14),
        kind < 10   ? "alert"
        : kind < 40 ? "tls"
        : kind < 70 ? "dns"
                    : "http");
    buf_printf(b, "\"src_ip\":\"%s\",\"src_port\":%u,\"dest_ip\":\"%s\",\"dest_port\":%u,\"proto\":\"TCP\"",
               inside(g).p, high_port(g), kind >= 40 && kind < 70 ? "10.10.0.53" : where.address.p,
               kind < 40   ? 443
               : kind < 70 ? 53
                           : 80);
    suricata_detail(g, kind, domain.p, where.address.p);
    buf_printf(b,
               ",\"flow\":{\"pkts_toserver\":%u,\"pkts_toclient\":%u,\"bytes_toserver\":%u,\"bytes_"
               "toclient\":%u,\"start\":\"%s.000000+0000\"}}",
               between(g, 1, 99), between(g, 1, 99), skewed(g, 99999), skewed(g, 999999), when.p);
}

/* What an infected host does; each of these meets a rule of content/rules. */
static void infection(struct generator *g)
{
    struct text host = infected(g), out = outside(g);
    switch (below(g, 4)) {
    case 0:
        netfilter_line(g, "BLOCK", host.p, out.p, 6667, true);
        return;
    case 1:
        netfilter_line(g, "BLOCK", host.p, out.p, 25, true);
        return;
    case 2:
        fortigate_line(g, host.p, out.p, 6697, "", "deny");
        return;
    default:
        begin(g, 30, "ns1");
        buf_printf(&g->line, "named[500]: client @0x7f0000000001 %s#%u (%s): query: %s IN MX + (10.10.0.53)",
                   host.p, high_port(g), site(g).name.p, site(g).name.p);
    }
}

/* ---- the mixture ---- */

static const struct {
    unsigned percent;
    void (*write)(struct generator *g);
} kinds[] = {{22, netfilter}, {12, sshd}, {18, squid},    {7, postfix}, {12, named},
             {3, clamd},      {10, asa},  {8, fortigate}, {8, suricata}};

static void write_line(struct generator *g, unsigned infected_per_million)
{
    if (below(g, 1000000) < infected_per_million) {
        infection(g);
        return;
    }
    unsigned dice = below(g, 100);
    size_t k = 0;
    while (dice >= kinds[k].percent)
        dice -= kinds[k++].percent;
    kinds[k].write(g);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"seed", 1, NULL, 's'},
                                            {"infected", 1, NULL, 'i'},
                                            {"start", 1, NULL, 't'},
                                            {"per-second", 1, NULL, 'r'},
                                            {"no-priority", 0, NULL, 'n'},
                                            {"windows", 0, NULL, 'w'},
                                            {0}};
    struct generator g = {.state = 20261122, .now = 1795219200, .has_priority = true};
    unsigned infected_per_million = 0;
    bool is_windows = false;
    uint64_t per_second = 1000;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
        switch (c) {
        case 's':
            g.state = strtoull(optarg, NULL, 10);
            break;
        case 'i':
            infected_per_million = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 't':
            g.now = strtoll(optarg, NULL, 10);
            break;
        case 'r':
            per_second = strtoull(optarg, NULL, 10);
            break;
        case 'n':
            g.has_priority = false;
            break;
        case 'w':
            is_windows = true;
            break;
        default:
            return 2;
        }
    if (optind + 1 != argc || per_second == 0) {
        fprintf(stderr, "usage: generate_logs COUNT [--seed N] [--infected PER_MILLION] [--start SECONDS] "
                        "[--per-second N] [--no-priority] [--windows]\n");
        return 2;
    }
    uint64_t count = strtoull(argv[optind], NULL, 10);
    for (uint64_t i = 1; i <= count; i++) {
        if (is_windows)
            windows_line(&g);
        else
            write_line(&g, infected_per_million);
        buf_char(&g.line, '\n');
        if (fwrite(g.line.p, 1, g.line.n, stdout) != g.line.n)
            return 1;
        g.now += i % per_second == 0;
    }
    buf_free(&g.line);
    return fflush(stdout) == 0 ? 0 : 1;
}
