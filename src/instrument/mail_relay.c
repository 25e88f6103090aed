/* Instrument: an inside host that sends mass mail through our own mail server (S88). Reads what mail servers
 * say about deliveries; tells clients whose mail bounces, within minutes. A list mail with few bounces is no
 * finding, whatever its size.
 *
 *   client=… of a queue id ──▶ mails ──▶ each recipient's outcome counts for that client
 *
 * A mail that goes through a filter gets a second queue id from the server itself; its message id carries the
 * client over. Records that name client and recipients at once (gateways, refusals) count by themselves. */
#include "instrument/kinds.h"

#include <stdio.h>

#include "base/memory.h"

#define MINUTE_NS (60 * NS_PER_SECOND)
#define MINUTES   16

enum { RELAY_BOUNCES, RELAY_MANY, FINDINGS };
static const char *const findings[] = {"relay_bounces", "relay_many_recipients"};

struct mail_relay_parameters {
    double bounce_share, least_recipients, many_recipients, many_bounce_share, window_minutes, repeat_minutes,
        max_hosts, max_mails;
};

#define P(field, low, high)                                                                                  \
    {                                                                                                        \
#field, offsetof(struct mail_relay_parameters, field), low, high                                     \
    }
static const struct parameter parameters[] = {
    P(bounce_share, 0.01, 1),   P(least_recipients, 1, 1e6),       P(many_recipients, 1, 1e7),
    P(many_bounce_share, 0, 1), P(window_minutes, 1, MINUTES - 1), P(repeat_minutes, 1, 10080),
    P(max_hosts, 100, 1e6),     P(max_mails, 1000, 1e7),
};
#undef P

struct client {
    char key[80]; /* of the table of senders */
    char ip[IP_TEXT_MAX];
    char user[64];
    uint8_t key_bytes, ip_bytes, user_bytes;
};

struct sender {
    int64_t minutes[MINUTES]; /* since 1970 */
    uint32_t recipients[MINUTES], failed[MINUTES];
    int64_t told_ns[FINDINGS];
};

struct mail_relay {
    const struct mail_relay_parameters *p;
    struct keyed *mails; /* queue id or message id → struct client */
    struct keyed *senders;
    uint64_t excepted;
};

static void *open_mail_relay(struct instrument *i)
{
    struct mail_relay *m = NEW(struct mail_relay);
    m->p = instrument_parameters(i);
    m->mails = keyed_new(&(struct keyed_options){.record_bytes = sizeof(struct client),
                                                 .max_entries = (uint32_t)m->p->max_mails});
    m->senders = keyed_new(&(struct keyed_options){.record_bytes = sizeof(struct sender),
                                                   .max_entries = (uint32_t)m->p->max_hosts});
    return m;
}

static void close_mail_relay(void *state)
{
    struct mail_relay *m = state;
    keyed_free(m->mails);
    keyed_free(m->senders);
    memory_free(m);
}

/* ------------------------------------------------------------ whose mail it is */

static struct client client_of(const struct sight *s)
{
    struct client c = {.key_bytes = 0};
    c.key_bytes = keep_bytes(c.key, sizeof c.key, s->key);
    c.ip_bytes = keep_bytes(c.ip, sizeof c.ip, s->source.text);
    c.user_bytes = keep_bytes(c.user, sizeof c.user, s->user);
    return c;
}

struct id {
    char text[300];
    struct str str;
};

/* Queue ids are the server's own, message ids everybody's. */
static struct str queue_key(const struct sight *s, struct id *id)
{
    struct str queue = event_text(s->event, FIELD_EMAIL_LOCAL_ID);
    int n = snprintf(id->text, sizeof id->text, "q%.*s\n%.*s", STR_ARGS(s->host_name), STR_ARGS(queue));
    id->str = str_n(id->text, (size_t)n < sizeof id->text ? (size_t)n : sizeof id->text - 1);
    return queue.n ? id->str : STR_EMPTY;
}

static struct str message_key(const struct sight *s, struct id *id)
{
    struct str message = event_text(s->event, FIELD_EMAIL_MESSAGE_ID);
    int n = snprintf(id->text, sizeof id->text, "m%.*s", STR_ARGS(message));
    id->str = str_n(id->text, (size_t)n < sizeof id->text ? (size_t)n : sizeof id->text - 1);
    return message.n ? id->str : STR_EMPTY;
}

static void remember(struct mail_relay *m, struct str key, const struct client *c, int64_t time_ns)
{
    if (key.n)
        *(struct client *)keyed_put(m->mails, key, time_ns, NULL) = *c;
}

/* True when it is known whose mail the record speaks of. */
static bool find_client(struct mail_relay *m, const struct sight *s, struct client *out)
{
    struct id queue_text, message_text;
    struct str queue = queue_key(s, &queue_text), message = message_key(s, &message_text);
    if (s->source.is_inside) {
        if (s->roles & ROLE_MAIL_SERVER)
            return false;
        if (s->exceptions & (EXCEPTED_SMTP | EXCEPTED_DESTINATION)) {
            m->excepted++;
            return false;
        }
        *out = client_of(s);
        remember(m, queue, out, s->time_ns);
        return true;
    }
    const struct client *known = queue.n ? keyed_find(m->mails, queue) : NULL;
    if (known == NULL && message.n)
        known = keyed_find(m->mails, message);
    if (known == NULL)
        return false;
    *out = *known;
    if (message.n) { /* the two name the same mail */
        remember(m, queue, out, s->time_ns);
        remember(m, message, out, s->time_ns);
    }
    return true;
}

/* ------------------------------------------------------------------ counting */

struct delivery {
    struct mail_relay *relay;
    struct instrument *instrument;
    const struct sight *sight;
    const struct client *client;
    struct sender *sender;
};

static void tell(const struct delivery *d, unsigned finding, const char *name, double statistic,
                 double threshold, double recipients)
{
    const struct mail_relay_parameters *p = d->relay->p;
    int64_t *told_ns = &d->sender->told_ns[finding], now = d->sight->time_ns;
    char number[24];
    if (*told_ns != 0 && now < *told_ns + (int64_t)p->repeat_minutes * MINUTE_NS)
        return;
    *told_ns = now;
    struct matched_value fact = {STR("recipients"), {number, 0}};
    fact.text.n = (size_t)snprintf(number, sizeof number, "%.0f", recipients);
    struct reading r = {.finding = finding,
                        .time_ns = now,
                        .host_ip = str_n(d->client->ip, d->client->ip_bytes),
                        .user = str_n(d->client->user, d->client->user_bytes),
                        .peer = d->sight->host_name, /* the server that relayed it */
                        .product = event_text(d->sight->event, FIELD_OBSERVER_PRODUCT),
                        .passage = PASSAGE_ALLOWED,
                        .statistic_name = name,
                        .statistic = statistic,
                        .threshold = threshold,
                        .window_ns = (int64_t)p->window_minutes * MINUTE_NS,
                        .facts = &fact,
                        .fact_count = 1};
    instrument_tell(d->instrument, &r);
}

static void judge(const struct delivery *d)
{
    const struct mail_relay_parameters *p = d->relay->p;
    int64_t now = d->sight->time_ns / MINUTE_NS;
    double recipients = 0, failed = 0;
    for (int n = 0; n < MINUTES; n++)
        if (d->sender->minutes[n] > now - (int64_t)p->window_minutes && d->sender->minutes[n] <= now) {
            recipients += d->sender->recipients[n];
            failed += d->sender->failed[n];
        }
    double share = recipients > 0 ? failed / recipients : 0;
    if (recipients >= p->least_recipients && share > p->bounce_share)
        tell(d, RELAY_BOUNCES, "bounce_share", share, p->bounce_share, recipients);
    if (recipients >= p->many_recipients && share > p->many_bounce_share)
        tell(d, RELAY_MANY, "recipients", recipients, p->many_recipients, recipients);
}

static uint32_t recipients_of(const struct event *e)
{
    uint32_t count = 0;
    for (const struct value *v = e->values, *end = v + e->count; v < end; v++)
        count += v->field == FIELD_EMAIL_TO_ADDRESS;
    return count;
}

static bool is_to_itself(const struct sight *s) /* a filter on the same machine: not delivered yet */
{
    return str_starts(s->destination.text, STR("127.")) || str_eq(s->destination.text, STR("::1"));
}

static void see_mail_relay(void *state, struct instrument *i, const struct sight *s)
{
    struct mail_relay *m = state;
    struct client client;
    struct str outcome = event_text(s->event, FIELD_EVENT_OUTCOME);
    if (!find_client(m, s, &client) || is_to_itself(s))
        return;
    bool is_failed = str_eq(outcome, STR("failure"));
    uint32_t recipients = recipients_of(s->event);
    if (recipients == 0 || (!is_failed && !str_eq(outcome, STR("success"))))
        return;
    struct sender *sender = keyed_put(m->senders, str_n(client.key, client.key_bytes), s->time_ns, NULL);
    int64_t minute = s->time_ns / MINUTE_NS;
    uint32_t at = (uint32_t)(minute % MINUTES);
    if (minute < sender->minutes[at]) /* too late to count */
        return;
    if (minute > sender->minutes[at])
        sender->recipients[at] = sender->failed[at] = 0;
    sender->minutes[at] = minute;
    sender->recipients[at] += recipients;
    sender->failed[at] += is_failed ? recipients : 0;
    judge(&(struct delivery){m, i, s, &client, sender});
}

#define FORGET_NS (INT64_C(86400) * NS_PER_SECOND) /* a queue id is used again some day */

static void reach_mail_relay(void *state, struct instrument *i, int64_t watermark_ns)
{
    struct mail_relay *m = state;
    (void)i;
    keyed_drop_before(m->mails, watermark_ns - FORGET_NS);
}

static void save_mail_relay(const void *state, struct buf *out)
{
    const struct mail_relay *m = state;
    buf_bytes(out, &m->excepted, sizeof m->excepted);
    keyed_save(m->mails, out);
    keyed_save(m->senders, out);
}

static bool load_mail_relay(void *state, struct cursor *in)
{
    struct mail_relay *m = state;
    cursor_bytes(in, &m->excepted, sizeof m->excepted);
    return keyed_load(m->mails, in) && keyed_load(m->senders, in);
}

static void measure_mail_relay(const void *state, struct instrument_info *out)
{
    const struct mail_relay *m = state;
    out->excepted = m->excepted;
    out->entries = keyed_count(m->mails) + keyed_count(m->senders);
    out->dropped = keyed_dropped(m->mails) + keyed_dropped(m->senders);
    out->bytes = keyed_bytes(m->mails) + keyed_bytes(m->senders);
}

const struct instrument_kind mail_relay_kind = {
    .name = "mail_relay",
    .version = 1,
    .wants = SIGHT_MAIL,
    .parameter_bytes = sizeof(struct mail_relay_parameters),
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .findings = findings,
    .finding_count = COUNT_OF(findings),
    .open = open_mail_relay,
    .close = close_mail_relay,
    .see = see_mail_relay,
    .reach = reach_mail_relay,
    .save = save_mail_relay,
    .load = load_mail_relay,
    .measure = measure_mail_relay,
};
