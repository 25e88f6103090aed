/* What a message says over each kind of channel, and handing it over. Next: notify/transport.c. */
#include <stdio.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/memory.h"
#include "notifier/notifier_internal.h"
#include "notify/mime.h"
#include "notify/syslog_line.h"
#include "report/report.h"
#include "reporting/reporter.h"

#define ATTACHMENT_MAX (20u << 20)

/* ------------------------------------------------------------------- content */

static const struct notify_rule *rule_of(const struct notify_sending *x)
{
    const struct notify_rules *rules = &x->run->set->rules;
    for (uint32_t i = 0; i < rules->count && x->notices.count; i++)
        if (str_eq(rules->rules[i].id, x->notices.rows[0].values[NOTICE_RULE]))
            return &rules->rules[i];
    return NULL;
}

static struct str title_of(const struct notify_sending *x, const struct work_row *notice)
{
    return notice->values[x->is_ja ? NOTICE_TITLE_JA : NOTICE_TITLE_EN];
}

static struct str link_to(const struct notify_sending *x, const struct work_row *notice)
{
    const char *console = x->run->set->channels.console_url;
    int64_t incident = work_number(notice, NOTICE_INCIDENT);
    if (console[0] == 0)
        return STR_EMPTY;
    return incident ? arena_printf(x->run->arena, "%s/#/incidents/%lld", console, (long long)incident)
                    : arena_printf(x->run->arena, "%s/#/notifications", console);
}

static void put_notice(const struct notify_sending *x, const struct work_row *notice, struct buf *out)
{
    char happened[TIME_TEXT_MAX];
    struct str link = link_to(x, notice), hosts = notice->values[NOTICE_HOSTS];
    time_format_local(work_number(notice, NOTICE_HAPPENED) / NS_PER_SECOND * NS_PER_SECOND, x->run->s->zone,
                      happened);
    buf_printf(out, "%.*s\n%s\n", STR_ARGS(title_of(x, notice)), happened);
    buf_add(out, notice->values[x->is_ja ? NOTICE_TEXT_JA : NOTICE_TEXT_EN]);
    if (hosts.n)
        buf_printf(out, "%s: %.*s\n", x->is_ja ? "端末" : "Hosts", STR_ARGS(hosts));
    if (link.n)
        buf_printf(out, "%.*s\n", STR_ARGS(link));
    if (str_eq(notice->values[NOTICE_STATUS], STR("open")))
        buf_printf(
            out,
            x->is_ja
                ? "通知 %llu をコンソールで確認済みにしてください。確認がなければ次の担当者に送ります。\n"
                : "Acknowledge notification %llu in the console; otherwise the next ones are told.\n",
            (unsigned long long)notice->id);
}

static struct str subject_of(const struct notify_sending *x)
{
    if (x->notices.count == 1)
        return arena_printf(x->run->arena, "[hyakuyo] %.*s", STR_ARGS(title_of(x, &x->notices.rows[0])));
    return arena_printf(x->run->arena, x->is_ja ? "[hyakuyo] 通知 %u 件" : "[hyakuyo] %u notifications",
                        x->notices.count);
}

static void put_text(const struct notify_sending *x, struct buf *out)
{
    for (uint32_t i = 0; i < x->notices.count; i++) {
        if (i)
            buf_char(out, '\n');
        put_notice(x, &x->notices.rows[i], out);
    }
}

/* ---------------------------------------------------------------------- mail */

/* The report goes along when its rule says so; a file that is missing or is not what was kept is an error. */
static bool attach_report(const struct notify_sending *x, struct mail *mail,
                          struct mail_attachment *attachment, struct buf *file, struct error *err)
{
    struct notify_run *run = x->run;
    struct report_row row;
    enum report_format format = REPORT_PDF;
    bool found;
    const struct notify_rule *rule = rule_of(x);
    if (rule == NULL || !rule->attaches || rule->on != NOTICE_REPORT_MADE || x->notices.count != 1)
        return true;
    if (!state_reports_get(run->s->state, (uint64_t)work_number(&x->notices.rows[0], NOTICE_ITEM), run->arena,
                           &row, &found, err) ||
        !found || row.bytes > ATTACHMENT_MAX)
        return true; /* too large for a mail: the link leads to it */
    if (!reporter_read(run->s->reporter, &row, file, err))
        return false;
    report_format_parse(row.format, &format);
    attachment->name = arena_printf(run->arena, "%.*s-%llu.%.*s", STR_ARGS(row.name),
                                    (unsigned long long)row.id, STR_ARGS(row.format));
    attachment->type = str_c(report_format_type(format));
    attachment->bytes = buf_str(file);
    mail->attachments = attachment;
    mail->attachment_count = 1;
    return true;
}

static bool send_mail(struct notify_sending *x, struct error *err)
{
    struct notify_run *run = x->run;
    struct buf text = {0}, file = {0}, whole = {0};
    struct mail_attachment attachment;
    struct str address = mail_address(x->delivery.channel->from);
    struct str domain = str_skip(address, str_find_char(address, '@', 0) + 1);
    int64_t incident = x->notices.count == 1 ? work_number(&x->notices.rows[0], NOTICE_INCIDENT) : 0;
    put_text(x, &text);
    struct mail mail = {.from = x->delivery.channel->from,
                        .to = x->message->values[MESSAGE_RECIPIENT],
                        .subject = subject_of(x),
                        .text = buf_str(&text),
                        .id = arena_printf(run->arena, "hyakuyo.%.*s@%.*s",
                                           STR_ARGS(x->message->values[MESSAGE_KEY]), STR_ARGS(domain)),
                        .time_ns = work_number(x->message, MESSAGE_ENTERED),
                        .zone = run->s->zone};
    if (incident)
        mail.thread =
            arena_printf(run->arena, "hyakuyo.incident.%lld@%.*s", (long long)incident, STR_ARGS(domain));
    bool ok = attach_report(x, &mail, &attachment, &file, err);
    if (ok) {
        mime_compose(&mail, &whole);
        ok = transport_mail(&x->delivery, mail.to, buf_str(&whole), err);
    }
    buf_free(&text);
    buf_free(&file);
    buf_free(&whole);
    return ok;
}

/* ----------------------------------------------------------- webhook, ticket */

static void put_json(const struct notify_sending *x, const struct work_row *n, struct json_writer *w)
{
    static const struct {
        const char *key;
        int column;
    } numbers[] = {{"urgency", NOTICE_URGENCY},
                   {"importance", NOTICE_IMPORTANCE},
                   {"confidence", NOTICE_CONFIDENCE}};
    json_begin_object(w);
    json_key(w, "id");
    json_put_u64(w, n->id);
    json_key(w, "kind");
    json_put_str(w, n->values[NOTICE_KIND]);
    json_key(w, "incident");
    if (work_number(n, NOTICE_INCIDENT))
        json_put_i64(w, work_number(n, NOTICE_INCIDENT));
    else
        json_put_null(w);
    json_both(w, "title", n->values[NOTICE_TITLE_EN], n->values[NOTICE_TITLE_JA]);
    json_both(w, "text", n->values[NOTICE_TEXT_EN], n->values[NOTICE_TEXT_JA]);
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        json_key(w, numbers[i].key);
        json_put_i64(w, work_number(n, numbers[i].column));
    }
    if (n->values[NOTICE_HOSTS].n) {
        json_key(w, "hosts");
        json_put_str(w, n->values[NOTICE_HOSTS]);
    }
    json_key(w, "happened");
    json_put_time(w, work_number(n, NOTICE_HAPPENED));
    json_key(w, "url");
    json_put_str(w, link_to(x, n));
    json_end_object(w);
}

/* The body is the same at each attempt; the time of the signature is not. */
static bool send_webhook(struct notify_sending *x, struct error *err)
{
    struct buf body = {0}, signature = {0}, answer = {0};
    struct json_writer w = {.out = &body};
    char time_header[64], key_header[120];
    int64_t seconds = clock_wall_ns() / NS_PER_SECOND;
    json_begin_object(&w);
    json_key(&w, "key");
    json_put_str(&w, x->message->values[MESSAGE_KEY]);
    json_key(&w, "notifications");
    json_begin_array(&w);
    for (uint32_t i = 0; i < x->notices.count; i++)
        put_json(x, &x->notices.rows[i], &w);
    json_end_array(&w);
    json_end_object(&w);
    buf_c(&signature, "X-Hyakuyo-Signature: ");
    transport_sign(x->delivery.channel->secret, seconds, buf_str(&body), &signature);
    snprintf(time_header, sizeof time_header, "X-Hyakuyo-Timestamp: %lld", (long long)seconds);
    snprintf(key_header, sizeof key_header, "Idempotency-Key: %.*s",
             STR_ARGS(x->message->values[MESSAGE_KEY]));
    const char *headers[] = {time_header, buf_cstr(&signature), key_header, NULL};
    bool ok = transport_post(&x->delivery, x->delivery.channel->url, headers, buf_str(&body), &answer, err);
    buf_free(&body);
    buf_free(&signature);
    buf_free(&answer);
    return ok;
}

static void fill_values(const struct notify_sending *x, struct ticket_values *v, struct buf *text,
                        struct buf *encoded)
{
    const struct work_row *n = &x->notices.rows[0];
    struct arena *arena = x->run->arena;
    const char *secret = x->delivery.channel->secret ? x->delivery.channel->secret : "";
    char happened[TIME_TEXT_MAX];
    int64_t happened_ns = work_number(n, NOTICE_HAPPENED);
    size_t length = time_format_iso(happened_ns / NS_PER_MS * NS_PER_MS, happened);
    put_text(x, text);
    base64_encode(encoded, str_c(secret));
    ticket_add(v, "title", x->notices.count == 1 ? title_of(x, n) : subject_of(x));
    ticket_add(v, "text", buf_str(text));
    ticket_add(v, "kind", n->values[NOTICE_KIND]);
    ticket_add(v, "key", x->message->values[MESSAGE_KEY]);
    ticket_add(v, "url", link_to(x, n));
    ticket_add(v, "hosts", n->values[NOTICE_HOSTS]);
    ticket_add(v, "happened", arena_str(arena, str_n(happened, length)));
    ticket_add(v, "secret", str_c(secret));
    ticket_add(v, "secret_base64", buf_str(encoded));
    ticket_add_number(v, "happened_ms", happened_ns / NS_PER_MS, arena);
    ticket_add_number(v, "incident", work_number(n, NOTICE_INCIDENT), arena);
    ticket_add_number(v, "urgency", work_number(n, NOTICE_URGENCY), arena);
    ticket_add_number(v, "importance", work_number(n, NOTICE_IMPORTANCE), arena);
    ticket_add_number(v, "confidence", work_number(n, NOTICE_CONFIDENCE), arena);
    ticket_complete(x->delivery.channel->ticket, x->delivery.channel->values, v, arena);
}

/* A system that says "I have that already" has it. */
static bool is_duplicate(const struct notify_sending *x, struct str answer)
{
    const struct ticket_template *t = x->delivery.channel->ticket;
    return t->duplicate_status != 0 && x->delivery.status == t->duplicate_status &&
           str_contains_nocase(answer, t->duplicate_contains);
}

static bool send_ticket(struct notify_sending *x, struct error *err)
{
    const struct ticket_template *t = x->delivery.channel->ticket;
    struct ticket_values values = {0};
    struct buf body = {0}, text = {0}, encoded = {0}, answer = {0}, lines[TICKET_HEADERS_MAX] = {0};
    const char *headers[TICKET_HEADERS_MAX + 1] = {NULL};
    fill_values(x, &values, &text, &encoded);
    ticket_body(t, &values, &body);
    for (uint32_t i = 0; i < TICKET_HEADERS_MAX && ticket_header(t, i, &values, &lines[i]); i++)
        headers[i] = buf_cstr(&lines[i]);
    struct str url =
        arena_printf(x->run->arena, "%.*s%.*s",
                     STR_ARGS(str_trim_chars(str_c(x->delivery.channel->url), "/")), STR_ARGS(t->path));
    bool ok = transport_post(&x->delivery, url.p, headers, buf_str(&body), &answer, err) ||
              is_duplicate(x, buf_str(&answer));
    if (ok)
        x->receipt = arena_str(x->run->arena, ticket_receipt(t, buf_str(&answer), x->run->arena));
    for (uint32_t i = 0; i < TICKET_HEADERS_MAX; i++) {
        if (lines[i].p != NULL)
            explicit_bzero(lines[i].p, lines[i].n);
        buf_free(&lines[i]);
    }
    buf_free(&body);
    buf_free(&text);
    buf_free(&encoded);
    buf_free(&answer);
    return ok;
}

/* -------------------------------------------------------------------- syslog */

static bool send_syslog(struct notify_sending *x, struct error *err)
{
    char host[256] = "-";
    bool ok = true;
    gethostname(host, sizeof host - 1);
    for (uint32_t i = 0; ok && i < x->notices.count; i++) {
        const struct work_row *n = &x->notices.rows[i];
        struct buf line = {0};
        struct syslog_notice notice = {.host = str_c(host),
                                       .kind = n->values[NOTICE_KIND],
                                       .key = x->message->values[MESSAGE_KEY],
                                       .title = title_of(x, n),
                                       .text = n->values[x->is_ja ? NOTICE_TEXT_JA : NOTICE_TEXT_EN],
                                       .url = link_to(x, n),
                                       .incident = (uint64_t)work_number(n, NOTICE_INCIDENT),
                                       .urgency = (int)work_number(n, NOTICE_URGENCY),
                                       .importance = (int)work_number(n, NOTICE_IMPORTANCE),
                                       .confidence = (int)work_number(n, NOTICE_CONFIDENCE),
                                       .time_ns = work_number(n, NOTICE_HAPPENED)};
        syslog_line(&notice, x->delivery.channel->form, &line);
        ok = transport_syslog(&x->delivery, buf_str(&line), err);
        buf_free(&line);
    }
    return ok;
}

bool notify_carry(struct notify_sending *x, struct error *err)
{
    switch (x->delivery.channel->type) {
    case CHANNEL_MAIL:
        return send_mail(x, err);
    case CHANNEL_WEBHOOK:
        return send_webhook(x, err);
    case CHANNEL_TICKET:
        return send_ticket(x, err);
    case CHANNEL_SYSLOG:
        return send_syslog(x, err);
    }
    BUG("unknown type of channel");
}
