/* Instrument: the list of ports to watch (S60, S61) and notices of others about ports (S62). Reads contacts
 * of inside hosts with the outside, allowed or denied; tells once a day which host used a watched port
 * without being among those who are expected to, and whose port outside notices speak of. The list, with
 * reason, origin and dates of each entry, stands in content/instruments/watch_port.yml. An entry that says
 * `told_by` is told by something that knows more about that port; here it is only counted. */
#include "instrument/kinds.h"

#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "instrument/ports.h"

#define MAX_ENTRIES 255
#define TCP         0
#define UDP         1

enum { WATCHED_PORT, NOTICED_PORT };
static const char *const findings[] = {"watched_port", "noticed_port"};

struct watch_port_parameters {
    double repeat_hours, max_entries;
};

#define P(field, low, high)                                                                                  \
    {                                                                                                        \
#field, offsetof(struct watch_port_parameters, field), low, high                                     \
    }
static const struct parameter parameters[] = {
    P(repeat_hours, 1, 8760),
    P(max_entries, 100, 1e7),
};
#undef P

struct expected {
    const struct yaml *roles, *departments, *users; /* lists; NULL = none */
};

struct entry {
    struct str reason_en, reason_ja, source, added, review, told_by;
    struct expected expected;
};

struct notice {
    struct str date, source, trend, link;
};

struct watch_list {
    struct entry entries[MAX_ENTRIES + 1]; /* from 1 */
    struct notice notices[MAX_ENTRIES + 1];
    uint32_t entry_count, notice_count;
    uint8_t entry_of[2][65536], notice_of[2][65536];
};

struct use { /* of a watched port by a host */
    int64_t told_ns;
    uint64_t passed, denied; /* passed: or nobody says */
    uint8_t told_passage;
};

struct watch_port {
    const struct watch_port_parameters *p;
    const struct watch_list *list;
    struct keyed *uses;
    uint64_t excepted;
};

/* ------------------------------------------------------------------- reading */

struct reader {
    const char *path;
    struct arena *arena;
    struct error *err;
};

/* `ports` and `protocol` of an entry into the map; an entry further down takes a port over. */
static bool read_ports(struct reader *r, const struct yaml *node, uint8_t number, uint8_t of[2][65536])
{
    const struct yaml *ports = yaml_get(node, "ports");
    struct str protocol = yaml_text(node, "protocol");
    struct ports *set = ARENA_NEW(r->arena, struct ports);
    bool is_udp = str_eq(protocol, STR("udp")), is_tcp = str_eq(protocol, STR("tcp"));
    if (ports == NULL || ports->count == 0)
        return error_at(r->err, r->path, node->line, node->column, "%s",
                        tr("an entry needs 'ports', a list", "項目には「ports」の一覧が必要です"));
    if (protocol.n && !is_udp && !is_tcp)
        return error_at(r->err, r->path, node->line, node->column, "%s",
                        tr("'protocol' is tcp or udp; without it, both",
                           "「protocol」は tcp か udp です(省略すると両方)"));
    for (const struct yaml *at = ports->child; at != NULL; at = at->next)
        if (!ports_add(set, at->text))
            return error_at(
                r->err, r->path, at->line, at->column,
                tr("'%.*s' is no port; write a number or a range such as 6660-6669",
                   "「%.*s」はポートではありません。番号か 6660-6669 のような範囲を書いてください"),
                STR_ARGS(at->text));
    for (uint32_t port = 1; port < 65536; port++)
        if (ports_has(set, (uint16_t)port)) {
            of[TCP][port] = is_udp ? of[TCP][port] : number;
            of[UDP][port] = is_tcp ? of[UDP][port] : number;
        }
    return true;
}

static bool is_date(struct str s)
{
    int64_t ns;
    struct time_context context = {.zone = zone_utc()};
    return s.n == 10 && time_parse_iso(s, &context, &ns);
}

static bool read_entry(struct reader *r, struct watch_list *list, const struct yaml *node)
{
    const struct yaml *reason = yaml_get(node, "reason"), *expected = yaml_get(node, "expected");
    struct entry e = {.reason_en = yaml_text(reason, "en"),
                      .reason_ja = yaml_text(reason, "ja"),
                      .source = yaml_text(node, "source"),
                      .added = yaml_text(node, "added"),
                      .review = yaml_text(node, "review"),
                      .told_by = yaml_text(node, "told_by"),
                      .expected = {yaml_get(expected, "roles"), yaml_get(expected, "departments"),
                                   yaml_get(expected, "users")}};
    if (e.reason_en.n == 0 || e.reason_ja.n == 0 || !is_date(e.added) || !is_date(e.review))
        return error_at(
            r->err, r->path, node->line, node->column, "%s",
            tr("a watched port needs 'reason' in en and ja, and 'added' and 'review' as dates "
               "(2026-11-23)",
               "要注意ポートには英語と日本語の「reason」、日付(2026-11-23)の「added」「review」が必要です"));
    if (list->entry_count == MAX_ENTRIES)
        return error_at(r->err, r->path, node->line, node->column, "%s",
                        tr("at most 255 entries", "項目は 255 個までです"));
    list->entries[++list->entry_count] = e;
    return read_ports(r, node, (uint8_t)list->entry_count, list->entry_of);
}

static bool read_notice(struct reader *r, struct watch_list *list, const struct yaml *node)
{
    struct notice n = {yaml_text(node, "date"), yaml_text(node, "source"), yaml_text(node, "trend"),
                       yaml_text(node, "link")};
    if (!is_date(n.date) || n.source.n == 0 || n.trend.n == 0)
        return error_at(r->err, r->path, node->line, node->column, "%s",
                        tr("a notice needs 'date' (2026-11-23), 'source' and 'trend'",
                           "情報には「date」(2026-11-23)、「source」、「trend」が必要です"));
    if (list->notice_count == MAX_ENTRIES)
        return error_at(r->err, r->path, node->line, node->column, "%s",
                        tr("at most 255 entries", "項目は 255 個までです"));
    list->notices[++list->notice_count] = n;
    return read_ports(r, node, (uint8_t)list->notice_count, list->notice_of);
}

static const void *read_watch_list(const char *path, const struct yaml *top, struct arena *a,
                                   struct error *err)
{
    struct reader r = {path, a, err};
    struct watch_list *list = ARENA_NEW(a, struct watch_list);
    const struct yaml *ports = yaml_get(top, "watch"), *notices = yaml_get(top, "notices");
    for (const struct yaml *at = ports ? ports->child : NULL; at != NULL; at = at->next)
        if (!read_entry(&r, list, at))
            return NULL;
    for (const struct yaml *at = notices ? notices->child : NULL; at != NULL; at = at->next)
        if (!read_notice(&r, list, at))
            return NULL;
    return list;
}

static void *open_watch_port(struct instrument *i)
{
    struct watch_port *w = NEW(struct watch_port);
    w->p = instrument_parameters(i);
    w->list = instrument_own(i);
    w->uses = keyed_new(&(struct keyed_options){.record_bytes = sizeof(struct use),
                                                .max_entries = (uint32_t)w->p->max_entries});
    return w;
}

static void close_watch_port(void *state)
{
    struct watch_port *w = state;
    keyed_free(w->uses);
    memory_free(w);
}

/* -------------------------------------------------------------------- seeing */

static bool has(const struct yaml *list, struct str text)
{
    for (const struct yaml *at = list ? list->child : NULL; text.n && at != NULL; at = at->next)
        if (str_eq_nocase(at->text, text))
            return true;
    return false;
}

static bool is_expected(const struct expected *x, const struct sight *s)
{
    if (has(x->departments, s->department) || has(x->users, s->user))
        return true;
    for (const struct value *v = s->event->values, *end = v + s->event->count; x->roles && v < end; v++)
        if (v->field == FIELD_HYAKUYO_ASSET_ROLE && has(x->roles, value_text(v)))
            return true;
    return false;
}

static struct use *use_of(struct watch_port *w, const struct sight *s, uint16_t kind)
{
    char key[200];
    uint16_t head[3] = {kind, s->protocol == 17 ? UDP : TCP, s->port};
    struct str host = str_slice(s->key, 0, sizeof key - sizeof head);
    memcpy(key, head, sizeof head);
    memcpy(key + sizeof head, host.p, host.n);
    return keyed_put(w->uses, str_n(key, sizeof head + host.n), s->time_ns, NULL);
}

/* Once a day, and at once when something gets through for the first time. */
static bool may_tell(const struct watch_port *w, struct use *u, const struct sight *s)
{
    int64_t repeat_ns = (int64_t)(w->p->repeat_hours * 3600) * NS_PER_SECOND;
    bool is_due = u->told_ns == 0 || s->time_ns >= u->told_ns + repeat_ns;
    if (!is_due && !(s->passage == PASSAGE_ALLOWED && u->told_passage != PASSAGE_ALLOWED))
        return false;
    u->told_ns = s->time_ns;
    u->told_passage = (uint8_t)s->passage;
    return true;
}

static struct str number_text(char text[24], uint64_t number)
{
    return str_n(text, (size_t)snprintf(text, 24, "%llu", (unsigned long long)number));
}

static void tell_watched(struct instrument *i, const struct sight *s, const struct entry *e,
                         const struct notice *n, const struct use *u)
{
    char port[24], passed[24], denied[24], notice[200];
    struct matched_value facts[9] = {
        /* two more may follow */
        {STR("destination.port"), number_text(port, s->port)},
        {STR("reason"), e->reason_en},
        {STR("reason_ja"), e->reason_ja},
        {STR("not_denied"), number_text(passed, u->passed)},
        {STR("denied"), number_text(denied, u->denied)},
        {STR("added"), e->added},
        {STR("review"), e->review},
    };
    size_t count = 7;
    if (e->source.n)
        facts[count++] = (struct matched_value){STR("source"), e->source};
    if (n != NULL) {
        int length = snprintf(notice, sizeof notice, "%.*s %.*s: %.*s", STR_ARGS(n->date),
                              STR_ARGS(n->source), STR_ARGS(n->trend));
        facts[count++] = (struct matched_value){STR("notice"), str_n(notice, (size_t)length < sizeof notice
                                                                                 ? (size_t)length
                                                                                 : sizeof notice - 1)};
    }
    struct reading r = {.finding = WATCHED_PORT,
                        .statistic_name = "connections",
                        .statistic = (double)(u->passed + u->denied),
                        .threshold = 1,
                        .peer = s->destination.text,
                        .facts = facts,
                        .fact_count = count};
    reading_about(&r, s);
    instrument_tell(i, &r);
}

/* A proposal for the list, not a verdict: nobody's posture changes by it. */
static void tell_noticed(struct instrument *i, const struct sight *s, const struct notice *n)
{
    char port[24];
    struct matched_value facts[] = {{STR("destination.port"), number_text(port, s->port)},
                                    {STR("date"), n->date},
                                    {STR("source"), n->source},
                                    {STR("trend"), n->trend},
                                    {STR("link"), n->link}};
    struct reading r = {.finding = NOTICED_PORT,
                        .statistic_name = "connections",
                        .statistic = 1,
                        .threshold = 1,
                        .peer = s->destination.text,
                        .facts = facts,
                        .fact_count = n->link.n ? 5 : 4};
    reading_about(&r, s);
    instrument_tell(i, &r);
}

static void see_watch_port(void *state, struct instrument *i, const struct sight *s)
{
    struct watch_port *w = state;
    int protocol = s->protocol == 17 ? UDP : TCP; /* unknown counts as TCP */
    uint8_t number = w->list->entry_of[protocol][s->port], notice = w->list->notice_of[protocol][s->port];
    if ((number | notice) == 0 || s->port == 0 || s->key.n == 0 || !s->source.is_inside ||
        s->destination.is_inside || !s->destination.is_known || s->is_backscatter)
        return;
    if (s->exceptions) {
        w->excepted++;
        return;
    }
    const struct notice *n = notice ? &w->list->notices[notice] : NULL;
    if (number == 0) {
        struct use *u = use_of(w, s, NOTICED_PORT);
        if (may_tell(w, u, s))
            tell_noticed(i, s, &w->list->notices[notice]);
        return;
    }
    const struct entry *e = &w->list->entries[number];
    if (is_expected(&e->expected, s))
        return;
    struct use *u = use_of(w, s, WATCHED_PORT);
    *(s->passage == PASSAGE_DENIED ? &u->denied : &u->passed) += 1;
    if (e->told_by.n == 0 && may_tell(w, u, s))
        tell_watched(i, s, e, n, u);
}

static void save_watch_port(const void *state, struct buf *out)
{
    const struct watch_port *w = state;
    buf_bytes(out, &w->excepted, sizeof w->excepted);
    keyed_save(w->uses, out);
}

static bool load_watch_port(void *state, struct cursor *in)
{
    struct watch_port *w = state;
    cursor_bytes(in, &w->excepted, sizeof w->excepted);
    return keyed_load(w->uses, in);
}

static void measure_watch_port(const void *state, struct instrument_info *out)
{
    const struct watch_port *w = state;
    out->excepted = w->excepted;
    out->entries = keyed_count(w->uses);
    out->dropped = keyed_dropped(w->uses);
    out->bytes = keyed_bytes(w->uses);
}

const struct instrument_kind watch_port_kind = {
    .name = "watch_port",
    .version = 1,
    .wants = SIGHT_FLOW,
    .parameter_bytes = sizeof(struct watch_port_parameters),
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .findings = findings,
    .finding_count = COUNT_OF(findings),
    .open = open_watch_port,
    .close = close_watch_port,
    .see = see_watch_port,
    .save = save_watch_port,
    .load = load_watch_port,
    .measure = measure_watch_port,
    .read = read_watch_list,
};
