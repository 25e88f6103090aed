/* Instrument: an inside host that sends mail past our own servers (S88–S91). Reads contacts of hosts without
 * the role of a mail server with mail ports outside, allowed or denied; tells the first one, several servers,
 * mass mailing, and once a day and firewall rule that the way out is open. What a registered exception covers
 * is counted and not told; expired ones cover nothing (enrich/exception.c).
 *
 * A connection is one attempt however many systems saw it and whether its beginning, its end or both were
 * logged: the same source port to the same destination. What is told again before `repeat_minutes` is that
 * something got through now. Mail that goes through our own servers: mail_relay.c. */
#include "instrument/kinds.h"

#include <stdio.h>

#include "base/memory.h"
#include "instrument/ports.h"
#include "instrument/recent.h"

#define SMTP_PORT    25
#define DAY_NS       (INT64_C(86400) * NS_PER_SECOND)
#define MAX_POLICIES 1000

enum { DIRECT_SMTP, SEVERAL_SERVERS, MASS_MAILING, EGRESS_OPEN, FINDINGS };
static const char *const findings[] = {"direct_smtp", "direct_smtp_several", "mass_mailing",
                                       "egress_25_open"};

struct mass_mail_parameters {
    double several_destinations, mass_destinations, mass_attempts, window_minutes, repeat_minutes, max_hosts;
};

#define P(field, low, high)                                                                                  \
    {                                                                                                        \
#field, offsetof(struct mass_mail_parameters, field), low, high                                      \
    }
static const struct parameter parameters[] = {
    P(several_destinations, 2, RECENT_MAX),
    P(mass_destinations, 2, RECENT_MAX),
    P(mass_attempts, 2, RECENT_MAX),
    P(window_minutes, 1, 1440),
    P(repeat_minutes, 1, 10080),
    P(max_hosts, 100, 1e6),
};
#undef P

struct sender {
    struct recent smtp, destinations, attempts; /* servers on 25/tcp; on any mail port; connections */
    int64_t allowed_ns;                         /* the latest that got through; 0 = none */
    int64_t told_ns[FINDINGS];
    uint8_t told_passage[FINDINGS];
    uint64_t excepted;
};

struct mass_mail {
    const struct mass_mail_parameters *p;
    const struct ports *ports;
    struct keyed *senders, *policies; /* policies: when a firewall rule was told of, int64_t */
    uint64_t excepted;
};

static const void *read_mass_mail(const char *path, const struct yaml *top, struct arena *a,
                                  struct error *err)
{
    return ports_read(path, top, "mail_ports", a, err);
}

static void *open_mass_mail(struct instrument *i)
{
    struct mass_mail *m = NEW(struct mass_mail);
    m->p = instrument_parameters(i);
    m->ports = instrument_own(i);
    m->senders = keyed_new(&(struct keyed_options){.record_bytes = sizeof(struct sender),
                                                   .max_entries = (uint32_t)m->p->max_hosts});
    m->policies =
        keyed_new(&(struct keyed_options){.record_bytes = sizeof(int64_t), .max_entries = MAX_POLICIES});
    return m;
}

static void close_mass_mail(void *state)
{
    struct mass_mail *m = state;
    keyed_free(m->senders);
    keyed_free(m->policies);
    memory_free(m);
}

/* ------------------------------------------------------------------- telling */

struct attempt {
    struct mass_mail *mail;
    struct instrument *instrument;
    const struct sight *sight;
    struct sender *sender;
    enum passage passage; /* of this one */
    int64_t window_ns;
};

static bool may_tell(const struct attempt *t, unsigned finding, enum passage passage)
{
    struct sender *s = t->sender;
    int64_t repeat_ns = (int64_t)(t->mail->p->repeat_minutes * 60) * NS_PER_SECOND;
    bool is_due = s->told_ns[finding] == 0 || t->sight->time_ns >= s->told_ns[finding] + repeat_ns;
    if (!is_due && !(passage == PASSAGE_ALLOWED && s->told_passage[finding] != PASSAGE_ALLOWED))
        return false;
    s->told_ns[finding] = t->sight->time_ns;
    s->told_passage[finding] = (uint8_t)passage;
    return true;
}

static void tell(const struct attempt *t, unsigned finding, const char *name, double statistic,
                 double threshold)
{
    int64_t since_ns = t->sight->time_ns - t->window_ns;
    bool got_through = t->sender->allowed_ns > since_ns && t->sender->allowed_ns != 0;
    enum passage passage = got_through ? PASSAGE_ALLOWED : t->passage;
    char port[8], excepted[24];
    struct matched_value facts[2] = {{STR("destination.port"), {port, 0}}, {STR("excepted"), {excepted, 0}}};
    if (!may_tell(t, finding, passage))
        return;
    facts[0].text.n = (size_t)snprintf(port, sizeof port, "%u", t->sight->port);
    facts[1].text.n =
        (size_t)snprintf(excepted, sizeof excepted, "%llu", (unsigned long long)t->sender->excepted);
    struct reading r = {.finding = finding,
                        .statistic_name = name,
                        .statistic = statistic,
                        .threshold = threshold,
                        .window_ns = t->window_ns,
                        .peer = t->sight->destination.text,
                        .facts = facts,
                        .fact_count = 1 + (t->sender->excepted > 0)};
    reading_about(&r, t->sight);
    r.passage = passage;
    instrument_tell(t->instrument, &r);
}

/* About the firewall, not about the host: nobody is suspected of anything (S90). */
static void tell_open_way(const struct attempt *t)
{
    const struct event *e = t->sight->event;
    struct str rule = event_text(e, FIELD_RULE_ID), observer = event_text(e, FIELD_OBSERVER_NAME);
    char key[256];
    if (rule.n == 0)
        rule = event_text(e, FIELD_RULE_NAME);
    int n = snprintf(key, sizeof key, "%.*s\n%.*s", STR_ARGS(observer), STR_ARGS(rule));
    struct str name = str_n(key, (size_t)n < sizeof key ? (size_t)n : sizeof key - 1);
    int64_t *told_ns = keyed_put(t->mail->policies, name, t->sight->time_ns, NULL);
    if (*told_ns != 0 && t->sight->time_ns < *told_ns + DAY_NS)
        return;
    *told_ns = t->sight->time_ns;
    struct matched_value facts[] = {{STR("rule.id"), rule.n ? rule : STR("unknown")},
                                    {STR("observer.name"), observer.n ? observer : STR("unknown")},
                                    {STR("source.ip"), t->sight->source.text},
                                    {STR("destination.port"), STR("25")}};
    struct reading r = {.finding = EGRESS_OPEN,
                        .time_ns = t->sight->time_ns,
                        .peer = t->sight->destination.text,
                        .product = event_text(e, FIELD_OBSERVER_PRODUCT),
                        .passage = PASSAGE_ALLOWED,
                        .statistic_name = "allowed",
                        .statistic = 1,
                        .threshold = 1,
                        .facts = facts,
                        .fact_count = COUNT_OF(facts)};
    instrument_tell(t->instrument, &r);
}

/* ------------------------------------------------------------------ counting */

/* What makes two records one connection; without a source port each record is one of its own. */
static uint64_t connection_of(const struct sight *s)
{
    struct {
        struct ip ip;
        int64_t port;
        uint64_t sequence;
    } key = {s->destination.ip, 0, 0};
    if (!event_number(s->event, FIELD_SOURCE_PORT, &key.port))
        key.sequence = s->event->sequence;
    return str_hash(str_n((const char *)&key, sizeof key));
}

static void count(const struct attempt *t)
{
    const struct sight *s = t->sight;
    const struct mass_mail_parameters *p = t->mail->p;
    struct sender *sender = t->sender;
    uint64_t server = str_hash(str_n((const char *)&s->destination.ip, sizeof s->destination.ip));
    recent_add(&sender->destinations, server, s->time_ns, t->window_ns);
    recent_add(&sender->attempts, connection_of(s), s->time_ns, t->window_ns);
    if (s->port == SMTP_PORT) {
        recent_add(&sender->smtp, server, s->time_ns, t->window_ns);
        tell(t, DIRECT_SMTP, "connections", 1, 1);
        uint32_t servers = recent_count(&sender->smtp, s->time_ns, t->window_ns);
        if (servers >= (uint32_t)p->several_destinations)
            tell(t, SEVERAL_SERVERS, "distinct_destinations", servers, p->several_destinations);
    }
    uint32_t destinations = recent_count(&sender->destinations, s->time_ns, t->window_ns);
    uint32_t attempts = recent_count(&sender->attempts, s->time_ns, t->window_ns);
    if (destinations >= (uint32_t)p->mass_destinations)
        tell(t, MASS_MAILING, "distinct_destinations", destinations, p->mass_destinations);
    else if (attempts >= (uint32_t)p->mass_attempts)
        tell(t, MASS_MAILING, "attempts", attempts, p->mass_attempts);
}

static bool is_of_interest(const struct sight *s)
{
    return s->key.n && s->source.is_inside && s->destination.is_known && !s->destination.is_inside &&
           (s->protocol == 6 || s->protocol == 0) && !(s->roles & ROLE_MAIL_SERVER) && !s->is_backscatter;
}

static void see_mass_mail(void *state, struct instrument *i, const struct sight *s)
{
    struct mass_mail *m = state;
    if (!ports_has(m->ports, s->port) || !is_of_interest(s))
        return;
    struct sender *sender = keyed_put(m->senders, s->key, s->time_ns, NULL);
    if (s->exceptions & (EXCEPTED_SMTP | EXCEPTED_DESTINATION | EXCEPTED_SCANNER)) {
        sender->excepted++;
        m->excepted++;
        return;
    }
    struct attempt t = {.mail = m,
                        .instrument = i,
                        .sight = s,
                        .sender = sender,
                        .passage = s->answer == ANSWER_YES ? PASSAGE_ALLOWED : s->passage,
                        .window_ns = (int64_t)(m->p->window_minutes * 60) * NS_PER_SECOND};
    if (t.passage == PASSAGE_ALLOWED && s->time_ns > sender->allowed_ns)
        sender->allowed_ns = s->time_ns;
    count(&t);
    if (t.passage == PASSAGE_ALLOWED && s->port == SMTP_PORT)
        tell_open_way(&t);
}

static void save_mass_mail(const void *state, struct buf *out)
{
    const struct mass_mail *m = state;
    buf_bytes(out, &m->excepted, sizeof m->excepted);
    keyed_save(m->senders, out);
    keyed_save(m->policies, out);
}

static bool load_mass_mail(void *state, struct cursor *in)
{
    struct mass_mail *m = state;
    cursor_bytes(in, &m->excepted, sizeof m->excepted);
    return keyed_load(m->senders, in) && keyed_load(m->policies, in);
}

static void measure_mass_mail(const void *state, struct instrument_info *out)
{
    const struct mass_mail *m = state;
    out->excepted = m->excepted;
    out->entries = keyed_count(m->senders) + keyed_count(m->policies);
    out->dropped = keyed_dropped(m->senders) + keyed_dropped(m->policies);
    out->bytes = keyed_bytes(m->senders) + keyed_bytes(m->policies);
}

const struct instrument_kind mass_mail_kind = {
    .name = "mass_mail",
    .version = 1,
    .wants = SIGHT_FLOW,
    .parameter_bytes = sizeof(struct mass_mail_parameters),
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .findings = findings,
    .finding_count = COUNT_OF(findings),
    .open = open_mass_mail,
    .close = close_mass_mail,
    .see = see_mass_mail,
    .save = save_mass_mail,
    .load = load_mass_mail,
    .measure = measure_mass_mail,
    .read = read_mass_mail,
};
