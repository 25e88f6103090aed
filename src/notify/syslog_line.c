/* Notices as syslog (stage notify). Next: syslog_send.c. */
#include "notify/syslog_line.h"

#include "base/clock.h"

#define FACILITY_LOCAL0 16

/* RFC 5424, 6.3.3: " \ ] are escaped. */
static void put_parameter(struct buf *out, const char *name, struct str value)
{
    buf_printf(out, " %s=\"", name);
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];
        if (c == '"' || c == '\\' || c == ']')
            buf_char(out, '\\');
        buf_char(out, (unsigned char)c < 0x20 ? ' ' : c);
    }
    buf_char(out, '"');
}

static void put_parameter_number(struct buf *out, const char *name, uint64_t number)
{
    if (number)
        buf_printf(out, " %s=\"%llu\"", name, (unsigned long long)number);
}

static void put_one_line(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        buf_char(out, (unsigned char)text.p[i] < 0x20 ? ' ' : text.p[i]);
}

/* CEF: in the header | and \ are escaped, in extensions = and \ and line ends. */
static void put_cef(struct buf *out, struct str text, char special)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '\n' && special == '=') {
            buf_c(out, "\\n");
            continue;
        }
        if (c == special || c == '\\')
            buf_char(out, '\\');
        buf_char(out, (unsigned char)c < 0x20 ? ' ' : c);
    }
}

static void put_cef_message(const struct syslog_notice *n, struct buf *out)
{
    static const int severities[] = {3, 3, 5, 8, 10};
    buf_c(out, "CEF:0|hyakuyo|hyakuyo|1|");
    put_cef(out, n->kind, '|');
    buf_char(out, '|');
    put_cef(out, n->title, '|');
    buf_printf(out, "|%d|externalId=", severities[n->urgency]);
    put_cef(out, n->key, '=');
    buf_printf(out, " rt=%lld", (long long)(n->time_ns / NS_PER_MS));
    if (n->incident)
        buf_printf(out, " cn1Label=incident cn1=%llu", (unsigned long long)n->incident);
    if (n->urgency)
        buf_printf(out, " cn2Label=importance cn2=%d cn3Label=confidence cn3=%d", n->importance,
                   n->confidence);
    if (n->url.n) {
        buf_c(out, " request=");
        put_cef(out, n->url, '=');
    }
    buf_c(out, " msg=");
    put_cef(out, n->text, '=');
}

void syslog_line(const struct syslog_notice *n, enum syslog_form form, struct buf *out)
{
    static const int severities[] = {5, 5, 4, 3, 2};
    char time[TIME_TEXT_MAX];
    time_format_iso(n->time_ns / 1000 * 1000, time); /* at most six digits, RFC 5424, 6.2.3 */
    buf_printf(out, "<%d>1 %s %.*s hyakuyo - %.*s ", FACILITY_LOCAL0 * 8 + severities[n->urgency], time,
               STR_ARGS(n->host.n ? n->host : STR("-")), STR_ARGS(n->kind));
    if (form == SYSLOG_CEF) {
        buf_c(out, "- ");
        put_cef_message(n, out);
        return;
    }
    buf_c(out, "[hyakuyo@32473");
    put_parameter(out, "key", n->key);
    put_parameter_number(out, "incident", n->incident);
    put_parameter_number(out, "urgency", (uint64_t)n->urgency);
    put_parameter_number(out, "importance", (uint64_t)n->importance);
    put_parameter_number(out, "confidence", (uint64_t)n->confidence);
    if (n->url.n)
        put_parameter(out, "url", n->url);
    buf_c(out, "] \xEF\xBB\xBF");
    put_one_line(out, n->title);
}
