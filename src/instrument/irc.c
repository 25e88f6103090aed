/* Instrument: what makes IRC a bot's IRC (S101, S102, spec 2.8). Reads IRC commands that a sensor recognised
 * on any port, and long flows to IRC ports; tells a channel that several inside hosts share, nicknames made
 * by a program, commands in a channel, and sessions that only keep themselves alive. That there is IRC at
 * all, by port or by protocol, is told by the rules irc_port_outbound, irc_protocol and irc_alert: one event
 * is enough. */
#include "instrument/kinds.h"

#include <math.h>
#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/regex.h"
#include "instrument/ports.h"

#define MEMBERS      16
#define MAX_CROWDS   2000
#define MAX_SESSIONS 20000
#define PATTERNS     64

enum { SHARED_CHANNEL, BOT_NICK, SIMILAR_NICKS, BOT_COMMAND, IDLE_SESSION, FINDINGS };
static const char *const findings[] = {"irc_shared_channel", "irc_bot_nick", "irc_similar_nicks",
                                       "irc_bot_command", "irc_idle_session"};

struct irc_parameters {
    double channel_hosts, similar_hosts, member_hours, idle_minutes, idle_bytes_per_minute, idle_pings,
        repeat_minutes, max_hosts;
};

#define P(field, low, high)                                                                                  \
    {                                                                                                        \
#field, offsetof(struct irc_parameters, field), low, high                                            \
    }
static const struct parameter parameters[] = {
    P(channel_hosts, 2, MEMBERS), P(similar_hosts, 2, MEMBERS),     P(member_hours, 1, 8760),
    P(idle_minutes, 1, 1440),     P(idle_bytes_per_minute, 1, 1e9), P(idle_pings, 2, 1e6),
    P(repeat_minutes, 1, 44640),  P(max_hosts, 100, 1e6),
};
#undef P

/* Of NAME.yml. */
struct irc_knowledge {
    const struct ports *ports;
    struct str nicks[PATTERNS]; /* regular expressions that compile */
    size_t nick_count;
    const struct yaml *verbs;
};

struct member {
    char key[64], ip[IP_TEXT_MAX], name[64], peer[IP_TEXT_MAX];
    uint8_t key_bytes, ip_bytes, name_bytes, peer_bytes, is_told;
    int64_t seen_ns; /* 0 = free */
};

/* Hosts that have something in common: a channel, the form of their nicknames. */
struct crowd {
    struct member members[MEMBERS];
};

/* A host's session with a server. */
struct session {
    int64_t first_ping_ns;
    uint32_t pings, words;
};

struct host {
    int64_t told_ns[FINDINGS];
};

struct irc {
    const struct irc_parameters *p;
    const struct irc_knowledge *k;
    struct keyed *channels, *forms, *sessions, *hosts;
    struct regex *nicks[PATTERNS];
    struct regex_scratch *scratch;
    uint64_t excepted;
};

/* ------------------------------------------------------------------- reading */

static const void *read_irc(const char *path, const struct yaml *top, struct arena *a, struct error *err)
{
    const struct yaml *lists = yaml_get(top, "lists"), *nicks = yaml_get(lists, "nick_patterns");
    struct irc_knowledge *k = ARENA_NEW(a, struct irc_knowledge);
    struct error why;
    k->verbs = yaml_get(lists, "command_verbs");
    k->ports = ports_read(path, top, "irc_ports", a, err);
    if (k->ports == NULL)
        return NULL;
    for (const struct yaml *at = nicks ? nicks->child : NULL; at != NULL; at = at->next) {
        struct regex *r = k->nick_count < PATTERNS ? regex_new(at->text, 0, &why) : NULL;
        if (r == NULL) {
            (void)error_at(err, path, at->line, at->column, "%s",
                           k->nick_count < PATTERNS ? why.text
                                                    : tr("at most 64 patterns", "パターンは 64 個までです"));
            return NULL;
        }
        regex_free(r);
        k->nicks[k->nick_count++] = at->text;
    }
    return k;
}

static struct keyed *table(uint32_t record_bytes, double most)
{
    return keyed_new(&(struct keyed_options){.record_bytes = record_bytes, .max_entries = (uint32_t)most});
}

static void *open_irc(struct instrument *i)
{
    struct irc *s = NEW(struct irc);
    struct error err;
    s->p = instrument_parameters(i);
    s->k = instrument_own(i);
    s->channels = table(sizeof(struct crowd), MAX_CROWDS);
    s->forms = table(sizeof(struct crowd), MAX_CROWDS);
    s->sessions = table(sizeof(struct session), MAX_SESSIONS);
    s->hosts = table(sizeof(struct host), s->p->max_hosts);
    s->scratch = regex_scratch_new();
    for (size_t n = 0; n < s->k->nick_count; n++) {
        s->nicks[n] = regex_new(s->k->nicks[n], 0, &err);
        BUG_IF(s->nicks[n] == NULL); /* it did when it was read */
    }
    return s;
}

static void close_irc(void *state)
{
    struct irc *s = state;
    keyed_free(s->channels);
    keyed_free(s->forms);
    keyed_free(s->sessions);
    keyed_free(s->hosts);
    for (size_t n = 0; n < s->k->nick_count; n++)
        regex_free(s->nicks[n]);
    regex_scratch_free(s->scratch);
    memory_free(s);
}

/* ------------------------------------------------------------------- telling */

struct line { /* one event */
    struct irc *irc;
    struct instrument *instrument;
    const struct sight *sight;
    struct str nick, channel, text, command;
};

struct measured {
    unsigned finding;
    const char *name;
    double statistic, threshold;
    int64_t window_ns;
    struct str fact_name, fact;
};

static bool may_tell(const struct line *l, struct str key, unsigned finding)
{
    struct host *h = keyed_put(l->irc->hosts, key, l->sight->time_ns, NULL);
    int64_t repeat_ns = (int64_t)(l->irc->p->repeat_minutes * 60) * NS_PER_SECOND;
    if (h->told_ns[finding] != 0 && l->sight->time_ns < h->told_ns[finding] + repeat_ns)
        return false;
    h->told_ns[finding] = l->sight->time_ns;
    return true;
}

/* About the host of the event, or about `m`, which shares something with it. */
static void tell(const struct line *l, const struct measured *v, const struct member *m)
{
    char port[8];
    struct matched_value facts[] = {{v->fact_name, v->fact}, {STR("destination.port"), {port, 0}}};
    facts[1].text.n = (size_t)snprintf(port, sizeof port, "%u", l->sight->port);
    struct reading r = {.finding = v->finding,
                        .statistic_name = v->name,
                        .statistic = v->statistic,
                        .threshold = v->threshold,
                        .window_ns = v->window_ns,
                        .facts = facts,
                        .fact_count = l->sight->port ? 2 : 1};
    reading_about(&r, l->sight);
    r.peer = l->sight->destination.text;
    if (m != NULL) {
        r.host_ip = str_n(m->ip, m->ip_bytes);
        r.host_name = str_n(m->name, m->name_bytes);
        r.peer = str_n(m->peer, m->peer_bytes);
        r.user = r.department = STR_EMPTY;
        r.passage = PASSAGE_UNKNOWN;
    }
    instrument_tell(l->instrument, &r);
}

/* -------------------------------------------------------------------- crowds */

static struct member member_of(const struct sight *s)
{
    struct member m = {.seen_ns = s->time_ns};
    m.key_bytes = keep_bytes(m.key, sizeof m.key, s->key);
    m.ip_bytes = keep_bytes(m.ip, sizeof m.ip, s->ip);
    m.name_bytes = keep_bytes(m.name, sizeof m.name, s->name);
    m.peer_bytes = keep_bytes(m.peer, sizeof m.peer, s->destination.text);
    return m;
}

/* The place of the host, or one that is free or longest unseen. */
static struct member *place_in(struct crowd *c, struct str key, bool *is_known)
{
    struct member *oldest = &c->members[0];
    for (uint32_t n = 0; n < MEMBERS; n++) {
        struct member *m = &c->members[n];
        *is_known = m->seen_ns != 0 && str_eq(str_n(m->key, m->key_bytes), key);
        if (*is_known)
            return m;
        if (m->seen_ns < oldest->seen_ns)
            oldest = m;
    }
    return oldest;
}

/* Tells about every member once the crowd is large enough, and later about each that joins. */
static void join(const struct line *l, struct keyed *crowds, struct str common, struct measured v)
{
    const struct sight *s = l->sight;
    bool is_known;
    struct crowd *c = keyed_put(crowds, common, s->time_ns, NULL);
    struct str key = str_slice(s->key, 0, sizeof c->members[0].key);
    struct member *own = place_in(c, key, &is_known);
    uint8_t was_told = is_known ? own->is_told : 0;
    *own = member_of(s);
    own->is_told = was_told;
    v.window_ns = (int64_t)(l->irc->p->member_hours * 3600) * NS_PER_SECOND;
    for (uint32_t n = 0; n < MEMBERS; n++)
        v.statistic += c->members[n].seen_ns != 0 && c->members[n].seen_ns > s->time_ns - v.window_ns;
    for (uint32_t n = 0; n < MEMBERS && v.statistic >= v.threshold; n++) {
        struct member *m = &c->members[n];
        if (m->seen_ns == 0 || m->seen_ns <= s->time_ns - v.window_ns || m->is_told)
            continue;
        m->is_told = 1;
        tell(l, &v, m == own ? NULL : m);
    }
}

/* --------------------------------------------------------------------- nicks */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* "JPN|73920481" and "USA|11820044" → "A|9": runs of letters and of digits by their kind, the rest as it is.
 * "" when there are no four digits in a row, or nothing but a word and a few digits: people do that too. */
static struct str form_of(struct str nick, char out[32])
{
    size_t n = 0, digits = 0, most = 0;
    bool has_mark = false;
    char last = 0;
    for (size_t i = 0; i < nick.n && n < 31; i++) {
        char c = nick.p[i], kind = is_letter(c) ? 'A' : c >= '0' && c <= '9' ? '9' : c;
        digits = kind == '9' ? digits + 1 : 0;
        most = digits > most ? digits : most;
        has_mark |= kind != 'A' && kind != '9';
        if (kind != last || (kind != 'A' && kind != '9'))
            out[n++] = kind;
        last = kind;
    }
    return most >= (has_mark ? 4 : 6) ? str_n(out, n) : STR_EMPTY;
}

/* Shannon entropy in bits a character. */
static double entropy_of(struct str text)
{
    uint32_t counts[256] = {0};
    double bits = 0;
    for (size_t i = 0; i < text.n; i++)
        counts[(unsigned char)text.p[i]]++;
    for (int c = 0; c < 256; c++)
        if (counts[c])
            bits -= counts[c] * log2((double)counts[c] / (double)text.n);
    return text.n ? bits / (double)text.n : 0;
}

static void see_nick(const struct line *l)
{
    char text[32];
    struct str nick = str_slice(l->nick, 0, 64), form = form_of(nick, text);
    if (form.n)
        join(l, l->irc->forms, form,
             (struct measured){SIMILAR_NICKS, "hosts_with_such_nicks", 0, l->irc->p->similar_hosts, 0,
                               STR("hyakuyo.irc.nick"), nick});
    for (size_t n = 0; n < l->irc->k->nick_count; n++)
        if (regex_match(l->irc->nicks[n], l->irc->scratch, nick, NULL, 0) == REGEX_YES) {
            if (may_tell(l, l->sight->key, BOT_NICK))
                tell(l,
                     &(struct measured){BOT_NICK, "entropy_bits", entropy_of(nick), 0, 0,
                                        STR("hyakuyo.irc.nick"), nick},
                     NULL);
            return;
        }
}

/* ------------------------------------------------------------------ commands */

/* ".scan 445", "!ddos.syn …": a mark, then a word of the list. */
static bool is_bot_command(const struct irc_knowledge *k, struct str text)
{
    static const char marks[] = ".!@#$%^&*-+~=";
    text = str_trim(text);
    if (text.n < 3 || memchr(marks, text.p[0], sizeof marks - 1) == NULL)
        return false;
    size_t end = 1;
    while (end < text.n && (is_letter(text.p[end]) || text.p[end] == '_'))
        end++;
    struct str word = str_slice(text, 1, end);
    for (const struct yaml *at = k->verbs ? k->verbs->child : NULL; at != NULL; at = at->next)
        if (str_eq_nocase(word, at->text))
            return true;
    return false;
}

/* Only PING and PONG for long: nobody sits there. */
static void see_idling(const struct line *l)
{
    const struct sight *s = l->sight;
    const struct irc_parameters *p = l->irc->p;
    char key[160];
    int n = snprintf(key, sizeof key, "%.*s\n%.*s\n%u", STR_ARGS(str_slice(s->key, 0, 80)),
                     STR_ARGS(str_slice(s->destination.text, 0, 64)), s->port);
    struct session *session = keyed_put(l->irc->sessions, str_n(key, (size_t)n), s->time_ns, NULL);
    if (str_eq(l->command, STR("PING")) || str_eq(l->command, STR("PONG"))) {
        if (session->pings++ == 0)
            session->first_ping_ns = s->time_ns;
    } else if (l->text.n || str_eq(l->command, STR("PRIVMSG")) || str_eq(l->command, STR("QUIT"))) {
        *session = (struct session){0};
        return;
    }
    int64_t silent_ns = s->time_ns - session->first_ping_ns;
    if (session->pings < (uint32_t)p->idle_pings ||
        silent_ns < (int64_t)(p->idle_minutes * 60) * NS_PER_SECOND || !may_tell(l, s->key, IDLE_SESSION))
        return;
    tell(l,
         &(struct measured){IDLE_SESSION, "pings", session->pings, p->idle_pings, silent_ns,
                            STR("destination.ip"), s->destination.text},
         NULL);
}

static void see_protocol(const struct line *l)
{
    if (l->nick.n)
        see_nick(l);
    if (l->channel.n)
        join(l, l->irc->channels, str_slice(l->channel, 0, 200),
             (struct measured){SHARED_CHANNEL, "hosts_in_channel", 0, l->irc->p->channel_hosts, 0,
                               STR("hyakuyo.irc.channel"), l->channel});
    if (l->text.n && is_bot_command(l->irc->k, l->text) && may_tell(l, l->sight->key, BOT_COMMAND))
        tell(l, &(struct measured){BOT_COMMAND, "commands", 1, 1, 0, STR("hyakuyo.irc.text"), l->text}, NULL);
    if (l->command.n)
        see_idling(l);
}

/* A flow on an IRC port that lasted long and carried next to nothing. */
static void see_flow(const struct line *l)
{
    const struct sight *s = l->sight;
    const struct irc_parameters *p = l->irc->p;
    double minutes = (double)s->duration_ns / 6e10;
    if (minutes < p->idle_minutes || s->bytes_out <= 0 || s->bytes_in <= 0)
        return;
    double rate = (double)(s->bytes_out + s->bytes_in) / minutes;
    if (rate <= p->idle_bytes_per_minute && may_tell(l, s->key, IDLE_SESSION))
        tell(l,
             &(struct measured){IDLE_SESSION, "bytes_per_minute", rate, p->idle_bytes_per_minute,
                                s->duration_ns, STR("destination.ip"), s->destination.text},
             NULL);
}

static void see_irc(void *state, struct instrument *i, const struct sight *s)
{
    struct irc *irc = state;
    bool is_irc = s->kinds & SIGHT_IRC;
    if (!is_irc && !(ports_has(irc->k->ports, s->port) && s->duration_ns > 0 && s->protocol == 6))
        return;
    if (s->key.n == 0 || !s->source.is_inside)
        return;
    if (s->exceptions & (EXCEPTED_APPLICATION | EXCEPTED_DESTINATION)) {
        irc->excepted++;
        return;
    }
    struct line l = {irc, i, s, STR_EMPTY, STR_EMPTY, STR_EMPTY, STR_EMPTY};
    if (is_irc) {
        l.nick = event_text(s->event, FIELD_HYAKUYO_IRC_NICK);
        l.channel = event_text(s->event, FIELD_HYAKUYO_IRC_CHANNEL);
        l.text = event_text(s->event, FIELD_HYAKUYO_IRC_TEXT);
        l.command = event_text(s->event, FIELD_EVENT_ACTION);
        see_protocol(&l);
    }
    if (!s->destination.is_inside)
        see_flow(&l);
}

static void reach_irc(void *state, struct instrument *i, int64_t watermark_ns)
{
    struct irc *s = state;
    int64_t kept_ns = (int64_t)(s->p->member_hours * 3600) * NS_PER_SECOND;
    (void)i;
    keyed_drop_before(s->channels, watermark_ns - kept_ns);
    keyed_drop_before(s->forms, watermark_ns - kept_ns);
    keyed_drop_before(s->sessions, watermark_ns - kept_ns);
}

static void save_irc(const void *state, struct buf *out)
{
    const struct irc *s = state;
    buf_bytes(out, &s->excepted, sizeof s->excepted);
    keyed_save(s->channels, out);
    keyed_save(s->forms, out);
    keyed_save(s->sessions, out);
    keyed_save(s->hosts, out);
}

static bool load_irc(void *state, struct cursor *in)
{
    struct irc *s = state;
    cursor_bytes(in, &s->excepted, sizeof s->excepted);
    return keyed_load(s->channels, in) && keyed_load(s->forms, in) && keyed_load(s->sessions, in) &&
           keyed_load(s->hosts, in);
}

static void measure_irc(const void *state, struct instrument_info *out)
{
    const struct irc *s = state;
    const struct keyed *tables[] = {s->channels, s->forms, s->sessions, s->hosts};
    out->excepted = s->excepted;
    for (size_t n = 0; n < COUNT_OF(tables); n++) {
        out->entries += keyed_count(tables[n]);
        out->dropped += keyed_dropped(tables[n]);
        out->bytes += keyed_bytes(tables[n]);
    }
}

const struct instrument_kind irc_kind = {
    .name = "irc",
    .version = 1,
    .wants = SIGHT_IRC | SIGHT_FLOW,
    .parameter_bytes = sizeof(struct irc_parameters),
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .findings = findings,
    .finding_count = COUNT_OF(findings),
    .open = open_irc,
    .close = close_irc,
    .see = see_irc,
    .reach = reach_irc,
    .save = save_irc,
    .load = load_irc,
    .measure = measure_irc,
    .read = read_irc,
};
