/* Instrument: a client that asks for mail exchangers of many domains (S92, spec 2.9). Reads questions of
 * hosts that are neither mail nor name servers nor proxies; tells many names, or many questions, within
 * minutes. That a client asks for an MX at all is told by the rule mx_query_by_client: one question is enough
 * (Whyte, van Oorschot, Kranakis, ACSAC 2006). */
#include "instrument/kinds.h"

#include "base/memory.h"
#include "instrument/recent.h"

enum { MANY_NAMES, MANY_QUESTIONS, FINDINGS };
static const char *const findings[] = {"mx_many_names", "mx_many_questions"};

struct mx_parameters {
    double distinct_names, questions, window_minutes, repeat_minutes, max_hosts;
};

#define P(field, low, high)                                                                                  \
    {                                                                                                        \
#field, offsetof(struct mx_parameters, field), low, high                                             \
    }
static const struct parameter parameters[] = {
    P(distinct_names, 2, RECENT_MAX), P(questions, 2, RECENT_MAX), P(window_minutes, 1, 1440),
    P(repeat_minutes, 1, 10080),      P(max_hosts, 100, 1e6),
};
#undef P

struct client {
    struct recent names, questions;
    int64_t told_ns[FINDINGS];
};

struct mx {
    const struct mx_parameters *p;
    struct keyed *clients;
    uint64_t excepted;
};

static void *open_mx(struct instrument *i)
{
    struct mx *m = NEW(struct mx);
    m->p = instrument_parameters(i);
    m->clients = keyed_new(&(struct keyed_options){.record_bytes = sizeof(struct client),
                                                   .max_entries = (uint32_t)m->p->max_hosts});
    return m;
}

static void close_mx(void *state)
{
    struct mx *m = state;
    keyed_free(m->clients);
    memory_free(m);
}

struct question {
    struct mx *mx;
    struct instrument *instrument;
    const struct sight *sight;
    struct client *client;
    int64_t window_ns;
};

static void tell(const struct question *q, unsigned finding, const char *name, double statistic,
                 double threshold)
{
    int64_t *told_ns = &q->client->told_ns[finding], now = q->sight->time_ns;
    if (*told_ns != 0 && now < *told_ns + (int64_t)(q->mx->p->repeat_minutes * 60) * NS_PER_SECOND)
        return;
    *told_ns = now;
    struct matched_value fact = {STR("dns.question.name"), q->sight->domain};
    struct reading r = {.finding = finding,
                        .statistic_name = name,
                        .statistic = statistic,
                        .threshold = threshold,
                        .window_ns = q->window_ns,
                        .peer = q->sight->domain,
                        .facts = &fact,
                        .fact_count = 1};
    reading_about(&r, q->sight);
    instrument_tell(q->instrument, &r);
}

static bool is_mx(struct str type)
{
    return str_eq_nocase(type, STR("MX")) || str_eq(type, STR("15"));
}

/* An answer that was seen goes to the one who asked, from port 53; the question itself was seen as well. */
static bool is_answer(const struct sight *s)
{
    int64_t port;
    return s->port != 53 && event_number(s->event, FIELD_SOURCE_PORT, &port) && port == 53;
}

static void see_mx(void *state, struct instrument *i, const struct sight *s)
{
    struct mx *m = state;
    if (!is_mx(s->question_type) || s->key.n == 0 || !s->source.is_inside || is_answer(s) ||
        (s->roles & (ROLE_MAIL_SERVER | ROLE_DNS_SERVER | ROLE_PROXY | ROLE_SCANNER)))
        return;
    if (s->exceptions & (EXCEPTED_DNS | EXCEPTED_SMTP | EXCEPTED_SCANNER)) {
        m->excepted++;
        return;
    }
    struct question q = {m, i, s, keyed_put(m->clients, s->key, s->time_ns, NULL),
                         (int64_t)(m->p->window_minutes * 60) * NS_PER_SECOND};
    recent_add(&q.client->names, str_hash(s->domain), s->time_ns, q.window_ns);
    recent_add(&q.client->questions, s->event->sequence, s->time_ns, q.window_ns);
    uint32_t names = recent_count(&q.client->names, s->time_ns, q.window_ns),
             questions = recent_count(&q.client->questions, s->time_ns, q.window_ns);
    if (names >= (uint32_t)m->p->distinct_names)
        tell(&q, MANY_NAMES, "distinct_names", names, m->p->distinct_names);
    if (questions >= (uint32_t)m->p->questions)
        tell(&q, MANY_QUESTIONS, "questions", questions, m->p->questions);
}

static void save_mx(const void *state, struct buf *out)
{
    const struct mx *m = state;
    buf_bytes(out, &m->excepted, sizeof m->excepted);
    keyed_save(m->clients, out);
}

static bool load_mx(void *state, struct cursor *in)
{
    struct mx *m = state;
    cursor_bytes(in, &m->excepted, sizeof m->excepted);
    return keyed_load(m->clients, in);
}

static void measure_mx(const void *state, struct instrument_info *out)
{
    const struct mx *m = state;
    out->excepted = m->excepted;
    out->entries = keyed_count(m->clients);
    out->dropped = keyed_dropped(m->clients);
    out->bytes = keyed_bytes(m->clients);
}

const struct instrument_kind mx_kind = {
    .name = "mx",
    .version = 1,
    .wants = SIGHT_DNS,
    .parameter_bytes = sizeof(struct mx_parameters),
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .findings = findings,
    .finding_count = COUNT_OF(findings),
    .open = open_mx,
    .close = close_mx,
    .see = see_mx,
    .save = save_mx,
    .load = load_mx,
    .measure = measure_mx,
};
