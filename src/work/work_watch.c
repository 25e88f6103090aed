/* What is attached to an incident of low confidence by itself (S149): what its hosts were in before, who else
 * met the same destinations or sits in the same network, and a focus watch that ends by itself. Next:
 * work_hearing.c. */
#include "work/work_custody.h"

#include "base/ip.h"
#include "base/log.h"
#include "judge/score.h"
#include "risk/services_risk.h"
#include "store/state_incidents.h"
#include "store/state_register.h"

#define HISTORY_NS   (30 * DAY_NS)
#define LOOKED_AT    300 /* incidents, and as many candidates, of that time */
#define NAMED_MOST   20  /* of each kind */
#define WATCHED_MOST 5   /* hosts of one incident */
#define WAITING_MOST 10000
#define TEXT_MOST    7900 /* bytes; an entry takes 8,000 */
#define A_SECOND     3    /* incidents */

enum relation { SAME_HOST, SAME_DESTINATION, SAME_NETWORK, RELATION_COUNT };

struct found {
    uint32_t count[RELATION_COUNT];
    struct buf named[RELATION_COUNT]; /* "#7 title (state); …" in both languages' common form */
};

static bool is_same_host(const struct incident_finding *a, const struct incident_finding *b)
{
    return a->host_name.n && b->host_name.n ? str_eq_nocase(a->host_name, b->host_name)
                                            : a->host_ip.n && str_eq(a->host_ip, b->host_ip);
}

/* The first three numbers of an IPv4 address: the usual network of an office floor. */
static struct str network_of(struct str ip)
{
    size_t end = ip.n;
    while (end && ip.p[end - 1] != '.')
        end--;
    return str_slice(ip, 0, end);
}

static bool is_related(const struct incident_finding *a, const struct incident_finding *b,
                       enum relation relation)
{
    if (relation == SAME_HOST)
        return is_same_host(a, b);
    if (relation == SAME_DESTINATION)
        return a->peer.n && str_eq(a->peer, b->peer);
    if (a->is_outside || b->is_outside)
        return false;
    struct str network = network_of(a->host_ip);
    return network.n && str_eq(network, network_of(b->host_ip));
}

/* RELATION_COUNT: none. The closest relation counts. */
static enum relation relate(const struct incident *a, const struct incident *b)
{
    for (enum relation r = SAME_HOST; r < RELATION_COUNT; r++)
        for (uint32_t i = 0; i < a->finding_count; i++)
            for (uint32_t k = 0; k < b->finding_count; k++)
                if (is_related(&a->findings[i], &b->findings[k], r))
                    return r;
    return RELATION_COUNT;
}

static void note(struct found *f, enum relation r, const struct incident *other)
{
    if (f->count[r]++ >= NAMED_MOST)
        return;
    struct buf *out = &f->named[r];
    buf_printf(out, "%s#%llu %.*s / %.*s (%.*s)", out->n ? "; " : "", (unsigned long long)other->id,
               STR_ARGS(other->title_en), STR_ARGS(other->title_ja), STR_ARGS(other->hosts));
}

static bool look_back(struct casework *c, const struct incident *incident, enum incident_selection selection,
                      struct found *f)
{
    struct error err;
    struct incident_page page = {.selection = selection,
                                 .news_from_ns = incident->first_ns - HISTORY_NS,
                                 .limit = LOOKED_AT,
                                 .with_findings = true};
    if (!state_incidents_list(c->s->state, c->arena, &page, &err))
        return work_fail(c, 500, &err);
    for (uint32_t i = 0; i < page.count; i++) {
        const struct incident *other = &page.incidents[i];
        enum relation r = other->id == incident->id || other->is_exercise != incident->is_exercise
                              ? RELATION_COUNT
                              : relate(incident, other);
        if (r < RELATION_COUNT)
            note(f, r, other);
    }
    return true;
}

static struct str history_text(struct casework *c, const struct found *f)
{
    static const char *const titles[RELATION_COUNT] = {
        [SAME_HOST] = "The same computers, 30 days / 同じ端末（30日）",
        [SAME_DESTINATION] = "The same destinations / 同じ宛先",
        [SAME_NETWORK] = "The same network / 同じネットワーク"};
    struct buf text = {0};
    for (unsigned r = 0; r < RELATION_COUNT; r++)
        buf_printf(&text, "%s%s: %u%s%.*s", r ? "\n" : "", titles[r], f->count[r], f->count[r] ? ": " : "",
                   STR_ARGS(buf_str(&f->named[r])));
    struct str all = arena_str(c->arena, str_utf8_start(buf_str(&text), TEXT_MOST));
    buf_free(&text);
    return all;
}

static bool add_history(struct casework *c, const struct incident *incident)
{
    struct found f = {0};
    struct work_row row = {0};
    bool ok =
        look_back(c, incident, SELECT_LIVING, &f) && look_back(c, incident, SELECT_CLOSED_INCIDENTS, &f);
    row.values[ENTRY_INCIDENT] = work_text_of((int64_t)incident->id, c->arena);
    row.values[ENTRY_KIND] = STR("history");
    row.values[ENTRY_TEXT] = history_text(c, &f);
    row.values[ENTRY_HAPPENED] = row.values[ENTRY_ENTERED] = work_text_of(c->now_ns, c->arena);
    row.values[ENTRY_WHO] = c->actor;
    for (unsigned r = 0; r < RELATION_COUNT; r++)
        buf_free(&f.named[r]);
    if (!ok || !work_add(c, WORK_ENTRY, &row))
        return false;
    struct evidence_item item = {
        .type = "log",
        .description = STR("History of the hosts and their surroundings / 端末の履歴と周辺環境"),
        .location = arena_printf(c->arena, "state.db work_entry/%llu", (unsigned long long)row.id),
        .sha256 = evidence_sha256(row.values[ENTRY_TEXT], c->arena),
        .size = (int64_t)row.values[ENTRY_TEXT].n,
        .acquired_ns = c->now_ns};
    return evidence_attach(c, incident->id, &item);
}

/* ------------------------------------------------------------------ watch */

static bool stands(const struct register_entry *rows, uint32_t count, struct str host)
{
    for (uint32_t i = 0; i < count; i++)
        if (str_eq(rows[i].kind, STR("host")) && str_eq_nocase(rows[i].subject, host))
            return true;
    return false;
}

static bool watch_host(struct casework *c, const struct incident *incident, struct str host, int64_t until_ns)
{
    struct error err;
    int64_t id;
    const struct register_entry e = {
        .kind = STR("host"),
        .subject = host,
        .reason = arena_printf(c->arena, "incident %llu: low confidence / インシデント %llu: 確信度 低",
                               (unsigned long long)incident->id, (unsigned long long)incident->id),
        .owner = c->actor,
        .created_by = c->actor,
        .created_ns = c->now_ns,
        .until_ns = until_ns,
        .ended_ns = INT64_MAX,
        .details = STR("{}")};
    return state_register_add(c->s->state, register_name(REGISTER_FOCUS), &e, FOCUS_MAX, &id, &err) ||
           work_fail(c, 500, &err);
}

static bool watch_hosts(struct casework *c, const struct incident *incident, int64_t until_ns)
{
    struct error err;
    struct register_entry *rows;
    uint32_t count, watched = 0;
    if (!state_register_list(c->s->state, register_name(REGISTER_FOCUS), c->now_ns, FOCUS_MAX, c->arena,
                             &rows, &count, &err))
        return work_fail(c, 500, &err);
    struct str last = STR_EMPTY;
    for (uint32_t i = 0; i < incident->finding_count && watched < WATCHED_MOST && count + watched < FOCUS_MAX;
         i++) {
        const struct incident_finding *f = &incident->findings[i];
        struct str host = f->host_name.n ? f->host_name : f->host_ip;
        if (f->is_outside || host.n == 0 || str_eq_nocase(host, last) || stands(rows, count, host))
            continue;
        if (!watch_host(c, incident, host, until_ns))
            return false;
        last = host;
        watched++;
    }
    return true;
}

/* ------------------------------------------------------------- who waits */

void work_want_watch(struct server *s, uint64_t incident)
{
    pthread_mutex_lock(&s->watch_lock);
    if (s->watch_ids.n < WAITING_MOST * sizeof incident)
        buf_bytes(&s->watch_ids, &incident, sizeof incident);
    pthread_mutex_unlock(&s->watch_lock);
}

/* 0: nobody waits. */
static uint64_t take_waiting(struct server *s)
{
    uint64_t id = 0;
    pthread_mutex_lock(&s->watch_lock);
    if (s->watch_ids.n) {
        s->watch_ids.n -= sizeof id;
        memcpy(&id, s->watch_ids.p + s->watch_ids.n, sizeof id);
    }
    pthread_mutex_unlock(&s->watch_lock);
    return id;
}

/* A restart asks again for all that are open. */
static bool has_history(struct casework *c, uint64_t incident, bool *has)
{
    struct work_rows entries;
    if (!work_rows_of(c, WORK_ENTRY, incident, &entries))
        return false;
    *has = false;
    for (uint32_t i = 0; i < entries.count && !*has; i++)
        *has = str_eq(entries.rows[i].values[ENTRY_WHO], c->actor) &&
               str_eq(entries.rows[i].values[ENTRY_KIND], STR("history"));
    return true;
}

static bool attach(struct casework *c, uint64_t id, bool *is_new)
{
    struct error err;
    struct incident incident;
    struct work_row known;
    bool has;
    if (!state_incidents_load(c->s->state, id, c->arena, &incident, &err))
        return work_fail(c, 404, &err);
    if (!work_case(c, id, &known) || !has_history(c, id, &has))
        return false;
    const struct playbook_task *first =
        playbooks_first(c->s->playbooks, str_c(score_first_task(&incident)), work_is_server(c->s, &incident));
    if (has || first == NULL || first->watch_days == 0)
        return true; /* it was done, or the incident has moved on */
    if (!work_begin(c))
        return false;
    bool ok = add_history(c, &incident) && watch_hosts(c, &incident, c->now_ns + first->watch_days * DAY_NS);
    struct deed deed = work_deed(c, "observe", id, "incident", id, STR_EMPTY);
    *is_new = ok;
    return work_end(c, ok, &deed);
}

void work_tick_watch(struct server *s)
{
    struct error err;
    bool is_new = false;
    for (unsigned i = 0; i < A_SECOND; i++) {
        uint64_t id = take_waiting(s);
        if (id == 0)
            break;
        struct arena arena;
        struct console_failure failure = {0};
        arena_init(&arena, 64 << 10);
        struct casework c = work_machine(s, &arena, &failure);
        if (!attach(&c, id, &is_new))
            log_warning(tr("history of incident %llu could not be attached: %s",
                           "インシデント %llu の履歴を添付できませんでした: %s"),
                        (unsigned long long)id, failure.en.text);
        arena_free(&arena);
    }
    if (is_new && !server_reload_focus(s, &err))
        log_warning("%s", err.text);
}
