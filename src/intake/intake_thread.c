/* What happens to a report by itself, in a thread of its own: it becomes an event, is joined to the incident
 * that the event has led to, and the logs are asked. Each step is kept with its entry in the record and is
 * done again when the program ended before. Next: work_intake.c. */
#include <semaphore.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/poked_thread.h"
#include "intake/intake.h"
#include "store/state_incidents.h"
#include "store/state_intake.h"
#include "work/work_custody.h"

#define REPORTS_MOST    500                         /* the newest ones, that are looked at in one round */
#define PAUSE_NS        (2 * NS_PER_SECOND)         /* between rounds while something is awaited */
#define JOIN_LONGEST_NS (24 * 3600 * NS_PER_SECOND) /* how long a report waits for an incident */
#define SOURCE          STR("hyakuyo.user-report")

struct intake {
    struct server *server;
    struct poked_thread thread;
};

/* One report in work. */
struct step {
    struct intake *intake;
    struct casework c;
    struct console_failure failure;
    struct work_row *report;
    struct arena *arena;
};

static bool set_fields(struct step *p, const int *columns, const int64_t *numbers, uint32_t count,
                       const char *action, struct str text)
{
    struct casework *c = &p->c;
    if (!work_begin(c))
        return false;
    bool ok = true;
    for (uint32_t i = 0; ok && i < count; i++)
        ok = work_set_number(c, WORK_USER_REPORT, p->report, columns[i], numbers[i]);
    struct deed deed = work_deed(c, action, (uint64_t)work_number(p->report, USER_REPORT_INCIDENT),
                                 "user_report", p->report->id, text);
    return work_end(c, ok, &deed);
}

/* ---------------------------------------------------------------- 1: event */

struct waiting {
    sem_t done;
    struct ingest_result result;
};

static void answered(void *token, const struct ingest_result *result)
{
    struct waiting *waiting = token;
    waiting->result = *result;
    waiting->result.detail = NULL;
    sem_post(&waiting->done);
}

/* The key makes sure that a report which is sent again after a crash is one event. */
static bool send_event(struct step *p)
{
    struct waiting waiting = {.result = {.outcome = INGEST_STOPPING}};
    struct buf line = {0};
    intake_write_event(p->report, &line);
    struct ingest_request request = {
        .source = SOURCE,
        .body = buf_str(&line),
        .idempotency_key = arena_printf(p->arena, "user-report-%llu-%lld", (unsigned long long)p->report->id,
                                        (long long)work_number(p->report, USER_REPORT_RECEIVED)),
        .sender = STR("127.0.0.1"),
        .done = answered,
        .token = &waiting};
    sem_init(&waiting.done, 0, 0);
    server_ingest(p->c.s, &request);
    while (sem_wait(&waiting.done) != 0)
        ;
    sem_destroy(&waiting.done);
    buf_free(&line);
    if (waiting.result.outcome != INGEST_STORED && waiting.result.outcome != INGEST_DUPLICATE)
        return false;
    static const int columns[] = {USER_REPORT_STORED, USER_REPORT_SEQUENCE};
    const int64_t numbers[] = {p->c.now_ns, (int64_t)waiting.result.first_sequence};
    return set_fields(p, columns, numbers, COUNT_OF(columns), "observe", STR_EMPTY);
}

/* ------------------------------------------------------------- 2: incident */

static bool is_waiting_for_people(const struct work_row *r)
{
    return str_eq(r->values[USER_REPORT_STATUS], STR("new")) ||
           str_eq(r->values[USER_REPORT_STATUS], STR("taken"));
}

/* Waits until it is an incident's or a candidate's; once that is work, the report is linked. */
static bool join_incident(struct step *p)
{
    struct error err;
    struct incident incident;
    struct casework *c = &p->c;
    struct work_row *r = p->report;
    uint64_t known = (uint64_t)work_number(r, USER_REPORT_INCIDENT), id = known;
    if (known == 0 &&
        !state_intake_incident(c->s->state, (uint64_t)work_number(r, USER_REPORT_SEQUENCE),
                               r->values[USER_REPORT_HOST], r->values[USER_REPORT_IP], &id, &err))
        return work_fail(c, 500, &err);
    if (id == 0 || !state_incidents_load(c->s->state, id, p->arena, &incident, &err))
        return true;
    bool is_work = incident.state != INCIDENT_CANDIDATE;
    if (known == id && (!is_work || !is_waiting_for_people(r)))
        return true;
    /* read again under the state's lock: somebody may have taken or closed it meanwhile */
    if (!work_begin(c))
        return false;
    bool ok = state_work_get(c->s->state, WORK_USER_REPORT, r->id, p->arena, r, &err) &&
              (known != 0 || work_set_number(c, WORK_USER_REPORT, r, USER_REPORT_INCIDENT, (int64_t)id)) &&
              (!is_work || !is_waiting_for_people(r) ||
               work_set(c, WORK_USER_REPORT, r, USER_REPORT_STATUS, STR("linked")));
    struct deed deed = work_deed(c, "observe", id, "user_report", r->id, STR_EMPTY);
    return work_end(c, ok, &deed);
}

/* ---------------------------------------------------------------- 3: looks */

static bool keep_look(struct step *p, const struct intake_look *look, const struct intake_found *found)
{
    struct casework *c = &p->c;
    struct work_row row = {0};
    row.values[LOOK_REPORT] = work_text_of((int64_t)p->report->id, p->arena);
    row.values[LOOK_LOOK] = look->id;
    row.values[LOOK_TITLE_EN] = look->title.en;
    row.values[LOOK_TITLE_JA] = look->title.ja;
    row.values[LOOK_STATUS] = found->status;
    row.values[LOOK_QUERY] = found->query;
    row.values[LOOK_BEGINS] = work_text_of(found->from_ns, p->arena);
    row.values[LOOK_ENDS] = work_text_of(found->to_ns, p->arena);
    row.values[LOOK_HITS] = work_text_of(found->hits, p->arena);
    row.values[LOOK_FOUND] = found->rows;
    row.values[LOOK_SHA256] = evidence_sha256(found->rows, p->arena);
    row.values[LOOK_LOOKED] = work_text_of(clock_wall_ns(), p->arena);
    if (!work_begin(c))
        return false;
    bool ok = work_add(c, WORK_LOOK, &row);
    struct deed deed = work_deed(c, "observe", (uint64_t)work_number(p->report, USER_REPORT_INCIDENT),
                                 "report_look", row.id, STR_EMPTY);
    return work_end(c, ok, &deed);
}

static bool ask_logs(struct step *p)
{
    const struct intake_rules *rules = p->c.s->intake_rules;
    struct arena arena;
    bool ok = true;
    for (uint32_t i = 0; ok && i < rules->look_count && !p->intake->thread.is_over; i++) {
        const struct intake_look *look = &rules->looks[i];
        struct intake_found found;
        if (!intake_is_for(look, p->report->values[USER_REPORT_SYMPTOMS]))
            continue;
        arena_init(&arena, 64 << 10);
        intake_look(p->c.s, look, p->report, clock_wall_ns(), &arena, &found);
        ok = p->intake->thread.is_over || keep_look(p, look, &found);
        arena_free(&arena);
    }
    static const int columns[] = {USER_REPORT_LOOKED};
    const int64_t numbers[] = {clock_wall_ns()};
    return !ok || p->intake->thread.is_over || set_fields(p, columns, numbers, 1, "observe", STR_EMPTY);
}

/* ----------------------------------------------------------------- 4: note */

static bool is_newest(const struct work_rows *looks, uint32_t at)
{
    for (uint32_t i = at + 1; i < looks->count; i++)
        if (str_eq(looks->rows[i].values[LOOK_LOOK], looks->rows[at].values[LOOK_LOOK]))
            return false;
    return true;
}

/* The incident learns in one entry what was looked for and how much there was, by the looks' ids, which are
 * the same in every language; titles and lists stay with the report, under their hashes. */
static struct str write_note(struct step *p, const struct work_rows *looks)
{
    struct buf text = {0};
    buf_printf(&text, "U%llu:", (unsigned long long)p->report->id);
    for (uint32_t i = 0; i < looks->count; i++) {
        const struct work_row *look = &looks->rows[i];
        if (is_newest(looks, i))
            buf_printf(&text, "\n%.*s: %.*s, %.*s, sha256 %.*s", STR_ARGS(look->values[LOOK_LOOK]),
                       STR_ARGS(look->values[LOOK_STATUS]), STR_ARGS(look->values[LOOK_HITS]),
                       STR_ARGS(look->values[LOOK_SHA256]));
    }
    struct str note = arena_str(p->arena, buf_str(&text));
    buf_free(&text);
    return note;
}

/* Each answer of the logs is an item of evidence, under its hash. */
static bool attach_looks(struct step *p, uint64_t incident, const struct work_rows *looks)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < looks->count; i++) {
        const struct work_row *look = &looks->rows[i];
        struct evidence_item item = {.type = "log",
                                     .description = arena_printf(p->arena, "U%llu: %.*s / %.*s",
                                                                 (unsigned long long)p->report->id,
                                                                 STR_ARGS(look->values[LOOK_TITLE_EN]),
                                                                 STR_ARGS(look->values[LOOK_TITLE_JA])),
                                     .location = arena_printf(p->arena, "state.db work_report_look/%llu",
                                                              (unsigned long long)look->id),
                                     .sha256 = look->values[LOOK_SHA256],
                                     .source_host = p->report->values[USER_REPORT_HOST],
                                     .size = (int64_t)look->values[LOOK_FOUND].n,
                                     .acquired_ns = work_number(look, LOOK_LOOKED)};
        ok = evidence_attach(&p->c, incident, &item);
    }
    return ok;
}

static bool tell_incident(struct step *p)
{
    struct casework *c = &p->c;
    struct work_rows looks;
    int64_t incident = work_number(p->report, USER_REPORT_INCIDENT);
    struct work_row entry = {0};
    if (!work_rows_of(c, WORK_LOOK, p->report->id, &looks))
        return false;
    entry.values[ENTRY_INCIDENT] = work_text_of(incident, p->arena);
    entry.values[ENTRY_KIND] = STR("note");
    entry.values[ENTRY_TEXT] = write_note(p, &looks);
    entry.values[ENTRY_HAPPENED] = p->report->values[USER_REPORT_LOOKED];
    entry.values[ENTRY_ENTERED] = work_text_of(c->now_ns, p->arena);
    entry.values[ENTRY_WHO] = c->actor;
    if (!work_begin(c))
        return false;
    bool ok = work_add(c, WORK_ENTRY, &entry) && attach_looks(p, (uint64_t)incident, &looks) &&
              work_set_number(c, WORK_USER_REPORT, p->report, USER_REPORT_TOLD, incident);
    struct deed deed =
        work_deed(c, "observe", (uint64_t)incident, "entry", entry.id, entry.values[ENTRY_TEXT]);
    return work_end(c, ok, &deed);
}

/* ------------------------------------------------------------------ thread */

static bool has_arrived(struct server *s, const struct work_row *report)
{
    struct store_status status;
    store_status(s->store, &status);
    return status.next_sequence > (uint64_t)work_number(report, USER_REPORT_SEQUENCE);
}

/* True when it waits for something still. */
static bool work_on(struct step *p)
{
    struct server *s = p->c.s;
    const struct work_row *r = p->report;
    bool is_young = work_number(r, USER_REPORT_RECEIVED) + JOIN_LONGEST_NS > p->c.now_ns;
    if (work_number(r, USER_REPORT_STORED) == 0 && !send_event(p))
        return true;
    if (!has_arrived(s, r))
        return true;
    if (work_number(r, USER_REPORT_LOOKED) == 0 && !ask_logs(p))
        return true;
    if (is_young && !join_incident(p))
        return true;
    int64_t incident = work_number(r, USER_REPORT_INCIDENT);
    if (incident != 0 && work_number(r, USER_REPORT_TOLD) != incident &&
        work_number(r, USER_REPORT_LOOKED) != 0 && !tell_incident(p))
        return true;
    bool has_computer = r->values[USER_REPORT_HOST].n || r->values[USER_REPORT_IP].n;
    return is_young && has_computer && is_waiting_for_people(r);
}

static bool round_of_all(struct intake *i)
{
    struct arena arena;
    struct error err;
    struct work_rows rows;
    bool waits = false;
    arena_init(&arena, 64 << 10);
    if (!state_work_list(i->server->state, WORK_USER_REPORT, -1, STR_EMPTY, REPORTS_MOST, &arena, &rows,
                         &err)) {
        log_warning("%s", err.text);
        rows.count = 0;
        waits = true;
    }
    for (uint32_t k = 0; k < rows.count && !i->thread.is_over; k++) {
        struct step p = {.intake = i, .report = &rows.rows[k], .arena = &arena};
        p.c = work_machine(i->server, &arena, &p.failure);
        if (!work_on(&p))
            continue;
        waits = true;
        if (p.failure.en.text[0])
            log_warning(tr("user report %llu waits: %s", "利用者申告 %llu は処理を待っています: %s"),
                        (unsigned long long)rows.rows[k].id, p.failure.en.text);
    }
    arena_free(&arena);
    return waits;
}

static int64_t go_round(void *context)
{
    return round_of_all(context) ? PAUSE_NS : UNTIL_POKED;
}

struct intake *intake_start(struct server *s)
{
    struct intake *i = NEW(struct intake);
    i->server = s;
    poked_thread_start(&i->thread, "intake", go_round, i); /* what an earlier run left comes first */
    return i;
}

void intake_poke(struct intake *i)
{
    if (i)
        poked_thread_poke(&i->thread);
}

void intake_stop(struct intake *i)
{
    if (i == NULL)
        return;
    poked_thread_stop(&i->thread);
    memory_free(i);
}
