/* The envelope of most records: "<PRI>", time, host, program. Stage: parse. Reads the record, leaves a struct
 * syslog that points into it. Senders differ: no PRI, no host, a year, a zone word, ISO times, "host :",
 * Cisco sequence numbers. Rules that keep free text from being taken for a header: without PRI there must be
 * a time, and after an ISO time there must be a host and a tag that ends in ':' or "]:". Next: key_value.c.
 */
#include "parse/syslog.h"

#include "base/ip.h"

static const char *const facility_names[24] = {"kern",         "user",   "mail",   "daemon",   "auth",
                                               "syslog",       "lpr",    "news",   "uucp",     "cron",
                                               "authpriv",     "ftp",    "ntp",    "security", "console",
                                               "solaris-cron", "local0", "local1", "local2",   "local3",
                                               "local4",       "local5", "local6", "local7"};
static const char *const severity_names[8] = {"emergency", "alert",  "critical",      "error",
                                              "warning",   "notice", "informational", "debug"};

struct str syslog_facility_name(unsigned facility)
{
    return facility < COUNT_OF(facility_names) ? str_c(facility_names[facility]) : STR_EMPTY;
}

struct str syslog_severity_name(unsigned severity)
{
    return severity < COUNT_OF(severity_names) ? str_c(severity_names[severity]) : STR_EMPTY;
}

static struct str skip_spaces(struct str s)
{
    while (s.n && (*s.p == ' ' || *s.p == '\t'))
        s = str_skip(s, 1);
    return s;
}

/* A word up to a space; `*rest` moves behind the spaces that follow. */
static struct str take_word(struct str *rest)
{
    size_t n = 0;
    while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t' && rest->p[n] != '\n')
        n++;
    struct str word = str_n(rest->p, n);
    *rest = skip_spaces(str_skip(*rest, n));
    return word;
}

static struct str take_priority(struct str s, struct syslog *out)
{
    if (s.n < 3 || s.p[0] != '<')
        return s;
    unsigned value = 0;
    size_t i = 1;
    for (; i < s.n && i < 5 && ascii_is_digit(s.p[i]); i++)
        value = value * 10 + (unsigned)(s.p[i] - '0');
    if (i == 1 || i >= s.n || s.p[i] != '>' || value > 191)
        return s;
    out->has_priority = true;
    out->facility = (uint8_t)(value >> 3);
    out->severity = value & 7;
    out->form = SYSLOG_PRI;
    return str_skip(s, i + 1);
}

static struct str nil(struct str word)
{
    return word.n == 1 && word.p[0] == '-' ? STR_EMPTY : word;
}

/* Length of "[id a=\"b\" …][…]" at the start; 0 when it is not closed. */
static size_t structured_length(struct str s)
{
    size_t i = 0;
    while (i < s.n && s.p[i] == '[') {
        bool quoted = false;
        for (i++; i < s.n; i++) {
            if (quoted && s.p[i] == '\\' && i + 1 < s.n)
                i++;
            else if (s.p[i] == '"')
                quoted = !quoted;
            else if (s.p[i] == ']' && !quoted)
                break;
        }
        if (i == s.n)
            return 0;
        i++;
    }
    return i;
}

static bool looks_like_version(struct str s)
{
    return s.n > 2 && s.p[0] == '1' && s.p[1] == ' ';
}

static bool parse_ietf(struct str s, const struct time_context *context, struct syslog *out)
{
    struct str rest = skip_spaces(str_skip(s, 1));
    struct str stamp = take_word(&rest);
    int64_t t = TIME_UNKNOWN;
    if (nil(stamp).n && !time_parse_iso(stamp, context, &t))
        return false;
    struct str host = take_word(&rest), app = take_word(&rest), pid = take_word(&rest),
               msgid = take_word(&rest);
    if (!msgid.n)
        return false;
    struct str structured = STR_EMPTY;
    if (rest.n && rest.p[0] == '[') {
        size_t n = structured_length(rest);
        structured = str_slice(rest, 0, n);
        rest = str_skip(rest, n);
    } else if (rest.n && rest.p[0] == '-' && (rest.n == 1 || rest.p[1] == ' ')) {
        rest = str_skip(rest, 1);
    }
    if (rest.n && rest.p[0] == ' ')
        rest = str_skip(rest, 1);
    if (str_starts(rest, STR("\xEF\xBB\xBF")))
        rest = str_skip(rest, 3);
    out->form = SYSLOG_IETF;
    out->time_ns = t;
    out->time_text = nil(stamp);
    out->host = nil(host);
    out->app = nil(app);
    out->pid = nil(pid);
    out->msgid = nil(msgid);
    out->structured = structured;
    out->message = out->after_host = rest;
    return true;
}

static bool is_tag_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || ascii_is_digit(c) ||
           (c && strchr("_-./%()@$*+\\", c));
}

/* "name:", "name[pid]:", "name[pid]" + space, "%ASA-6-302013:". Returns the bytes of the tag with what closes
 * it, 0 when none. */
static size_t tag_length(struct str s, struct str *app, struct str *pid)
{
    size_t n = 0;
    while (n < s.n && n < 128 && is_tag_char(s.p[n]))
        n++;
    if (n == 0 || n == s.n || n == 128)
        return 0;
    *app = str_n(s.p, n);
    *pid = STR_EMPTY;
    size_t i = n;
    if (s.p[i] == '[') {
        size_t close = str_find_char(s, ']', i);
        if (close == STR_NOT_FOUND || close - i > 64)
            return 0;
        *pid = str_slice(s, i + 1, close);
        i = close + 1;
        if (i < s.n && s.p[i] == ':')
            return i + 1;
        return i < s.n && s.p[i] == ' ' ? i : 0;
    }
    if (s.p[i] == ' ' && i + 1 < s.n && s.p[i + 1] == '[') { /* "name [pid]:" */
        size_t close = str_find_char(s, ']', i);
        if (close != STR_NOT_FOUND && close - i < 16 && close + 1 < s.n && s.p[close + 1] == ':') {
            *pid = str_slice(s, i + 2, close);
            return close + 2;
        }
    }
    if (s.p[i] != ':' || (i + 1 < s.n && s.p[i + 1] == ':'))
        return 0;
    return i + 1 < s.n && s.p[i + 1] != ' ' && s.p[0] != '%' && ascii_is_digit(s.p[i + 1]) ? 0 : i + 1;
}

static bool is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || ascii_is_digit(c) ||
           (c && strchr("._-:%/@", c)) || (c & 0x80);
}

static bool is_host(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_host_char(s.p[i]))
            return false;
    return s.n > 0 && s.n <= 255;
}

static size_t bsd_time(struct str s, const struct time_context *context, int64_t *t)
{
    size_t skip = s.n && (s.p[0] == '*' || s.p[0] == '.') ? 1 : 0; /* Cisco: clock not synchronised */
    size_t n = time_parse_bsd(str_skip(s, skip), context, t);
    return n ? n + skip : 0;
}

/* An ISO time as the first word, or "date time" as the first two. */
static size_t iso_time(struct str s, const struct time_context *context, int64_t *t)
{
    if (s.n < 19 || !ascii_is_digit(s.p[0]) || s.p[4] != '-')
        return 0;
    size_t end = str_find_char(s, ' ', 0);
    if (end == 10)
        end = str_find_char(s, ' ', 11);
    if (end == STR_NOT_FOUND || end > 40)
        return 0;
    return time_parse_iso(str_slice(s, 0, end), context, t) ? end : 0;
}

/* "host 10.0.0.1 dhcpd[7]: …", "host host sshd[7]: …": a relay or a careless sender wrote the host twice, by
 * name and address or alike. The tag behind it proves it; else nothing is skipped. */
static size_t skip_second_host(struct str *rest, struct str host, struct str *app, struct str *pid)
{
    struct str after = *rest, word = take_word(&after), tag_app, tag_pid;
    struct ip address;
    if (!word.n || (!str_eq(word, host) && !ip_parse(word, &address)))
        return 0;
    size_t tag = tag_length(after, &tag_app, &tag_pid);
    if (!tag)
        return 0;
    *rest = after;
    *app = tag_app;
    *pid = tag_pid;
    return tag;
}

/* After the time: [host] [tag] message. A word that ends in ':' is the tag, and there is no host. */
static void host_and_tag(struct str rest, struct syslog *out)
{
    struct str app, pid;
    size_t tag = tag_length(rest, &app, &pid);
    bool word_is_key = tag && app.n + 1 == tag && rest.n > tag && rest.p[tag] != ' ';
    if (!tag || word_is_key) {
        struct str after = rest, host = take_word(&after);
        bool has_pair = str_find_char(host, '=', 0) != STR_NOT_FOUND;
        if (host.n && host.p[host.n - 1] == ':' && !has_pair) /* "dev01: %ASA-…", "host:" */
            host = str_slice(host, 0, host.n - 1);
        if (after.n > 1 && after.p[0] == ':' && after.p[1] == ' ')
            after = skip_spaces(str_skip(after, 1));
        if (!has_pair && is_host(host)) {
            out->host = host;
            rest = after;
        }
        tag = tag_length(rest, &app, &pid);
        if (!tag && out->host.n && rest.n)
            tag = skip_second_host(&rest, out->host, &app, &pid);
    } else if (app.p[0] != '%' && rest.n > tag + 2) {
        /* "dev01: %ASA-6-302013: …": the first word is the host when a %-tag follows */
        struct str after = skip_spaces(str_skip(rest, tag));
        if (after.n && after.p[0] == '%') {
            out->host = app;
            rest = after;
            tag = tag_length(rest, &app, &pid);
        }
    }
    out->after_host = out->message = rest;
    if (!tag)
        return;
    out->app = app;
    out->pid = pid;
    struct str message = str_skip(rest, tag);
    out->message = message.n && message.p[0] == ' ' ? str_skip(message, 1) : message;
}

/* Solaris puts "[ID 800047 auth.info] " in front of the text: its message id. */
static void skip_message_id(struct syslog *out)
{
    struct str m = out->message;
    if (!str_starts(m, STR("[ID ")))
        return;
    size_t close = str_find_char(str_slice(m, 0, 48), ']', 0), space = str_find_char(m, ' ', 4);
    if (close == STR_NOT_FOUND || space == STR_NOT_FOUND || space > close)
        return;
    out->msgid = str_slice(m, 4, space);
    out->message = skip_spaces(str_skip(m, close + 1));
}

/* "host:" or "123:" or "host: 123:" in front of the time, as Cisco IOS and some relays send it. */
static struct str skip_sequence(struct str s, struct syslog *out)
{
    for (int i = 0; i < 2; i++) {
        size_t n = 0;
        while (n < s.n && n < 64 && is_host_char(s.p[n]) && s.p[n] != ':')
            n++;
        if (n == 0 || n + 1 >= s.n || s.p[n] != ':' || s.p[n + 1] != ' ')
            break;
        struct str word = str_n(s.p, n);
        bool digits = true;
        for (size_t k = 0; k < n; k++)
            digits = digits && ascii_is_digit(word.p[k]);
        if (!digits)
            out->host = word;
        s = skip_spaces(str_skip(s, n + 1));
    }
    return s;
}

static bool parse_bsd(struct str s, const struct time_context *context, struct syslog *out)
{
    int64_t t;
    struct str rest = s;
    size_t n = bsd_time(rest, context, &t);
    bool is_iso = false;
    if (!n) {
        n = iso_time(rest, context, &t);
        is_iso = n > 0;
    }
    if (!n && out->has_priority) {
        rest = skip_sequence(s, out);
        n = rest.p == s.p ? 0 : bsd_time(rest, context, &t);
    }
    if (!n) {
        out->host = STR_EMPTY;
        return false;
    }
    struct syslog found = *out;
    found.time_ns = t;
    found.time_text = str_slice(rest, 0, n);
    rest = skip_spaces(str_skip(rest, n));
    if (rest.n && rest.p[0] == ':') /* "Oct 20 2019 15:42:54: %ASA-…" */
        rest = skip_spaces(str_skip(rest, 1));
    struct str earlier_host = found.host;
    host_and_tag(rest, &found);
    if (!found.host.n)
        found.host = earlier_host;
    if (is_iso && !out->has_priority && (!found.app.n || !found.host.n))
        return false;
    skip_message_id(&found);
    found.form = SYSLOG_BSD;
    *out = found;
    return true;
}

void syslog_parse(struct str raw, const struct time_context *context, struct syslog *out)
{
    *out = (struct syslog){.time_ns = TIME_UNKNOWN,
                           .time_text = STR_EMPTY,
                           .host = STR_EMPTY,
                           .app = STR_EMPTY,
                           .pid = STR_EMPTY,
                           .msgid = STR_EMPTY,
                           .structured = STR_EMPTY};
    struct str s = raw;
    s = take_priority(s, out);
    out->after_priority = out->message = out->after_host = s;
    if (!s.n || s.p[0] == '{')
        return;
    if (looks_like_version(s) && parse_ietf(s, context, out))
        return;
    struct str body = skip_spaces(s);
    if (parse_bsd(body, context, out) || !out->has_priority)
        return;
    struct str app, pid; /* "<13>kernel: text": a tag right behind the priority */
    size_t tag = tag_length(body, &app, &pid);
    if (tag && tag < body.n && body.p[tag] == ' ' && app.n < 49) {
        out->app = app;
        out->pid = pid;
        out->message = str_skip(body, tag + 1);
    }
}

/* RFC 5424, 6.3.3: only quote, backslash and bracket are escaped. A backslash in front of anything else shows
 * a sender that does not escape ("\\FS01\share"): then none of them is one. */
static bool is_escaped_throughout(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] != '\\')
            continue;
        char next = ++i < text.n ? text.p[i] : '\0';
        if (next != '"' && next != '\\' && next != ']')
            return false;
    }
    return true;
}

/* One NAME="VALUE" inside an element; moves `*i` behind it. */
static bool structured_parameter(struct str s, size_t *i, struct str id, struct named_list *out,
                                 struct arena *arena)
{
    size_t equals = str_find_char(s, '=', *i);
    if (equals == STR_NOT_FOUND || equals + 1 >= s.n || s.p[equals + 1] != '"')
        return false;
    struct str name = str_trim(str_slice(s, *i, equals));
    size_t end = equals + 2;
    while (end < s.n && s.p[end] != '"')
        end += s.p[end] == '\\' ? 2 : 1;
    if (end >= s.n)
        return false;
    struct str text = str_slice(s, equals + 2, end);
    if (is_escaped_throughout(text))
        text = named_unescape(text, '\\', "\"\\]", false, arena);
    named_add(out, arena_printf(arena, "%.*s.%.*s", STR_ARGS(id), STR_ARGS(name)), text);
    named_add(out, name, text);
    *i = end + 1;
    return true;
}

size_t syslog_structured(struct str text, struct named_list *out, struct arena *arena)
{
    size_t length = structured_length(text), i = 0;
    struct str s = str_slice(text, 0, length);
    while (i < s.n && s.p[i] == '[') {
        size_t start = ++i;
        while (i < s.n && s.p[i] != ' ' && s.p[i] != ']')
            i++;
        struct str id = str_slice(s, start, i);
        while (i < s.n && s.p[i] != ']') {
            if (s.p[i] == ' ')
                i++;
            else if (!structured_parameter(s, &i, id, out, arena))
                return i;
        }
        i++;
    }
    return length;
}
