/* Stage: store. Incidents and their findings; the log of state changes is append-only (triggers in the schema
 * refuse anything else). Next: state_desk.c. */
#include "store/state_incidents.h"

#include "base/log.h"
#include "store/state_sql.h"

/* SQLite writes an index again when a column of it is named, changed or not. Most updates leave those alone:
 * they stand behind the others. */
#define OTHER_INCIDENT                                                                                       \
    "title_en, title_ja, first_ns, last_ns, hosts, department, user, urgency_low, "                          \
    "urgency_high, confidence_level, reason, news_ns, type, exercise, outside"
#define OTHER_INCIDENT_MARKS   "?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16"
#define INDEXED_INCIDENT       "opened_ns, urgency, importance, confidence"
#define INDEXED_INCIDENT_MARKS "?17, ?18, ?19, ?20"
#define OTHER_FINDING                                                                                        \
    "rule_id, title_en, title_ja, level, last_ns, first_sequence, last_sequence, count, "                    \
    "product, evidence_group, stage, likelihood_ratio, host_name, host_ip, user, department, "               \
    "peer, peers, importance, passage, techniques, matched, outside"
#define OTHER_FINDING_MARKS                                                                                  \
    "?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, "                \
    "?21, ?22, ?23, ?24"
#define INDEXED_FINDING       "incident, first_ns"
#define INDEXED_FINDING_MARKS "?25, ?26"
#define INCIDENT_COLUMNS      OTHER_INCIDENT ", " INDEXED_INCIDENT
#define INCIDENT_MARKS        OTHER_INCIDENT_MARKS ", " INDEXED_INCIDENT_MARKS
#define FINDING_COLUMNS       OTHER_FINDING ", " INDEXED_FINDING
#define FINDING_MARKS         OTHER_FINDING_MARKS ", " INDEXED_FINDING_MARKS

static void bind_incident(sqlite3_stmt *q, const struct incident *i)
{
    sql_text(q, 2, i->title_en);
    sql_text(q, 3, i->title_ja);
    sql_i64(q, 4, i->first_ns);
    sql_i64(q, 5, i->last_ns);
    sql_text(q, 6, i->hosts);
    sql_text(q, 7, i->department);
    sql_text(q, 8, i->user);
    sql_i64(q, 9, i->urgency_low);
    sql_i64(q, 10, i->urgency_high);
    sql_i64(q, 11, i->confidence_level);
    sql_text(q, 12, i->reason);
    sql_i64(q, 13, i->news_ns);
    sql_text(q, 14, i->type);
    sql_i64(q, 15, i->is_exercise);
    sql_text(q, 16, i->outside);
    sql_i64(q, 17, i->opened_ns);
    sql_i64(q, 18, i->urgency);
    sql_i64(q, 19, i->importance);
    sql_real(q, 20, i->confidence);
}

static bool insert_incident(struct state *s, struct incident *i, struct error *err)
{
    sqlite3_stmt *q =
        sql_get(s, "INSERT INTO incident (" INCIDENT_COLUMNS ", state) VALUES (" INCIDENT_MARKS ", ?1)", err);
    if (!q)
        return false;
    sql_i64(q, 1, i->state);
    bind_incident(q, i);
    if (!sql_run(s, q, err))
        return false;
    i->id = (uint64_t)sqlite3_last_insert_rowid(s->db);
    return true;
}

static bool no_such_incident(struct error *err, uint64_t id)
{
    return error_set(err, tr("there is no incident %llu", "インシデント %llu はありません"),
                     (unsigned long long)id);
}

/* Changes the row that the words name; *found says whether there was one. */
static bool update_row(struct state *s, sqlite3_stmt *q, bool *found, struct error *err)
{
    if (!sql_run(s, q, err))
        return false;
    *found = sqlite3_changes(s->db) == 1;
    return true;
}

static bool update_incident_as(struct state *s, const char *words, const struct incident *i, bool *found,
                               struct error *err)
{
    sqlite3_stmt *q = sql_get(s, words, err);
    if (!q)
        return false;
    sql_u64(q, 1, i->id);
    bind_incident(q, i);
    return update_row(s, q, found, err);
}

static bool update_incident(struct state *s, const struct incident *i, struct error *err)
{
    bool found = false;
    return update_incident_as(s,
                              "UPDATE incident SET (" OTHER_INCIDENT ") = (" OTHER_INCIDENT_MARKS
                              ") WHERE id = ?1 AND (" INDEXED_INCIDENT ") = (" INDEXED_INCIDENT_MARKS ")",
                              i, &found, err) &&
           (found || update_incident_as(s,
                                        "UPDATE incident SET (" INCIDENT_COLUMNS ") = (" INCIDENT_MARKS
                                        ") WHERE id = ?1",
                                        i, &found, err)) &&
           (found || no_such_incident(err, i->id));
}

static void bind_finding(sqlite3_stmt *q, uint64_t incident, const struct incident_finding *f)
{
    sql_text(q, 2, f->rule_id);
    sql_text(q, 3, f->title_en);
    sql_text(q, 4, f->title_ja);
    sql_i64(q, 5, f->level);
    sql_i64(q, 6, f->last_ns);
    sql_u64(q, 7, f->first_sequence);
    sql_u64(q, 8, f->last_sequence);
    sql_u64(q, 9, f->count);
    sql_text(q, 10, f->product);
    sql_text(q, 11, f->evidence_group);
    sql_text(q, 12, f->stage);
    sql_real(q, 13, f->likelihood_ratio);
    sql_text(q, 14, f->host_name);
    sql_text(q, 15, f->host_ip);
    sql_text(q, 16, f->user);
    sql_text(q, 17, f->department);
    sql_text(q, 18, f->peer);
    sql_text(q, 19, f->peers);
    sql_i64(q, 20, f->importance);
    sql_i64(q, 21, f->passage);
    sql_text(q, 22, f->techniques);
    sql_text(q, 23, f->matched);
    sql_i64(q, 24, f->is_outside);
    sql_u64(q, 25, incident);
    sql_i64(q, 26, f->first_ns);
}

static bool insert_finding(struct state *s, uint64_t incident, struct incident_finding *f, struct error *err)
{
    sqlite3_stmt *q =
        sql_get(s, "INSERT INTO incident_finding (id, " FINDING_COLUMNS ") VALUES (?1, " FINDING_MARKS ")",
                err);
    if (!q)
        return false;
    bind_finding(q, incident, f); /* ?1 unbound = NULL = a new id */
    if (!sql_run(s, q, err))
        return false;
    f->id = (uint64_t)sqlite3_last_insert_rowid(s->db);
    return true;
}

static bool update_finding_as(struct state *s, const char *words, uint64_t incident,
                              const struct incident_finding *f, bool *found, struct error *err)
{
    sqlite3_stmt *q = sql_get(s, words, err);
    if (!q)
        return false;
    sql_u64(q, 1, f->id);
    bind_finding(q, incident, f);
    return update_row(s, q, found, err);
}

static bool save_finding(struct state *s, uint64_t incident, struct incident_finding *f, struct error *err)
{
    bool found = false;
    if (!f->id)
        return insert_finding(s, incident, f, err);
    return update_finding_as(s,
                             "UPDATE incident_finding SET (" OTHER_FINDING ") = (" OTHER_FINDING_MARKS
                             ") WHERE id = ?1 AND (" INDEXED_FINDING ") = (" INDEXED_FINDING_MARKS ")",
                             incident, f, &found, err) &&
           (found ||
            update_finding_as(s,
                              "UPDATE incident_finding SET (" OTHER_FINDING
                              ", first_ns) = (" OTHER_FINDING_MARKS ", ?26) WHERE id = ?1 AND incident = ?25",
                              incident, f, &found, err)) &&
           (found ||
            error_set(err,
                      tr("incident %llu has no finding %llu", "インシデント %llu に検知 %llu はありません"),
                      (unsigned long long)incident, (unsigned long long)f->id));
}

/* Ids that were given during a save that failed are taken back: the caller's structs stay as they were. */
static void forget_new_ids(struct incident *i, bool was_new, const bool *finding_was_new)
{
    for (uint32_t k = 0; k < i->finding_count; k++)
        if (finding_was_new[k])
            i->findings[k].id = 0;
    if (was_new)
        i->id = 0;
}

bool state_incidents_save(struct state *s, struct incident *incident, struct error *err)
{
    bool was_new = incident->id == 0;
    bool *finding_was_new = NEW_ARRAY(bool, incident->finding_count + 1);
    for (uint32_t k = 0; k < incident->finding_count; k++)
        finding_was_new[k] = incident->findings[k].id == 0;
    bool ok = state_begin(s, err);
    if (ok) {
        ok = was_new ? insert_incident(s, incident, err) : update_incident(s, incident, err);
        for (uint32_t k = 0; ok && k < incident->finding_count; k++)
            ok =
                incident->findings[k].is_stored || save_finding(s, incident->id, &incident->findings[k], err);
        ok = state_end(s, ok, err);
    }
    if (!ok)
        forget_new_ids(incident, was_new, finding_was_new);
    for (uint32_t k = 0; ok && k < incident->finding_count; k++)
        incident->findings[k].is_stored = true;
    memory_free(finding_was_new);
    return ok;
}

static void read_incident(sqlite3_stmt *q, struct arena *arena, struct incident *i)
{
    i->title_en = sql_column_str(q, 0, arena);
    i->title_ja = sql_column_str(q, 1, arena);
    i->first_ns = sql_column_i64(q, 2);
    i->last_ns = sql_column_i64(q, 3);
    i->hosts = sql_column_str(q, 4, arena);
    i->department = sql_column_str(q, 5, arena);
    i->user = sql_column_str(q, 6, arena);
    i->urgency_low = (int)sql_column_i64(q, 7);
    i->urgency_high = (int)sql_column_i64(q, 8);
    i->confidence_level = (int)sql_column_i64(q, 9);
    i->reason = sql_column_str(q, 10, arena);
    i->news_ns = sql_column_i64(q, 11);
    i->type = sql_column_str(q, 12, arena);
    i->is_exercise = sql_column_i64(q, 13) != 0;
    i->outside = sql_column_str(q, 14, arena);
    i->opened_ns = sql_column_i64(q, 15);
    i->urgency = (int)sql_column_i64(q, 16);
    i->importance = (int)sql_column_i64(q, 17);
    i->confidence = sql_column_real(q, 18);
    i->state = (enum incident_state)sql_column_i64(q, 19);
    i->id = sql_column_u64(q, 20);
}

bool state_incidents_judged(struct state *s, uint64_t id, struct arena *arena, struct incident *out,
                            struct error *err)
{
    *out = (struct incident){0};
    state_lock(s);
    sqlite3_stmt *q =
        sql_get(s, "SELECT urgency, importance, confidence_level, type, state FROM incident WHERE id = ?",
                err);
    if (q)
        sql_u64(q, 1, id);
    int row = q ? sql_step(s, q, err) : -1;
    if (row == 1) {
        out->id = id;
        out->urgency = (int)sql_column_i64(q, 0);
        out->importance = (int)sql_column_i64(q, 1);
        out->confidence_level = (int)sql_column_i64(q, 2);
        out->type = sql_column_str(q, 3, arena);
        out->state = (enum incident_state)sql_column_i64(q, 4);
        sqlite3_reset(q);
    }
    state_unlock(s);
    return row >= 0;
}

static void read_finding(sqlite3_stmt *q, struct arena *arena, struct incident_finding *f)
{
    f->rule_id = sql_column_str(q, 0, arena);
    f->title_en = sql_column_str(q, 1, arena);
    f->title_ja = sql_column_str(q, 2, arena);
    f->level = (enum level)sql_column_i64(q, 3);
    f->last_ns = sql_column_i64(q, 4);
    f->first_sequence = sql_column_u64(q, 5);
    f->last_sequence = sql_column_u64(q, 6);
    f->count = sql_column_u64(q, 7);
    f->product = sql_column_str(q, 8, arena);
    f->evidence_group = sql_column_str(q, 9, arena);
    f->stage = sql_column_str(q, 10, arena);
    f->likelihood_ratio = sql_column_real(q, 11);
    f->host_name = sql_column_str(q, 12, arena);
    f->host_ip = sql_column_str(q, 13, arena);
    f->user = sql_column_str(q, 14, arena);
    f->department = sql_column_str(q, 15, arena);
    f->peer = sql_column_str(q, 16, arena);
    f->peers = sql_column_str(q, 17, arena);
    f->importance = (int)sql_column_i64(q, 18);
    f->passage = (enum passage)sql_column_i64(q, 19);
    f->techniques = sql_column_str(q, 20, arena);
    f->matched = sql_column_str(q, 21, arena);
    f->is_outside = sql_column_i64(q, 22) != 0;
    f->first_ns = sql_column_i64(q, 24);
    f->id = sql_column_u64(q, 25);
}

static bool load_findings(struct state *s, struct arena *arena, struct incident *i, struct error *err)
{
    struct buf rows = {0};
    sqlite3_stmt *q = sql_get(s,
                              "SELECT " FINDING_COLUMNS
                              ", id FROM incident_finding WHERE incident = ? ORDER BY first_ns, id",
                              err);
    if (q)
        sql_u64(q, 1, i->id);
    int row = -1;
    while (q && (row = sql_step(s, q, err)) == 1) {
        struct incident_finding f = {0};
        read_finding(q, arena, &f);
        buf_bytes(&rows, &f, sizeof(f));
    }
    i->finding_count = i->finding_capacity = (uint32_t)(rows.n / sizeof(struct incident_finding));
    i->findings = sql_rows(&rows, arena);
    return row == 0;
}

bool state_incidents_load(struct state *s, uint64_t id, struct arena *arena, struct incident *out,
                          struct error *err)
{
    *out = (struct incident){0};
    state_lock(s);
    sqlite3_stmt *q = sql_get(s, "SELECT " INCIDENT_COLUMNS ", state, id FROM incident WHERE id = ?", err);
    if (q)
        sql_u64(q, 1, id);
    int row = q ? sql_step(s, q, err) : -1;
    if (row == 1)
        read_incident(q, arena, out);
    else if (row == 0)
        no_such_incident(err, id);
    if (q)
        sqlite3_reset(q);
    bool ok = row == 1 && load_findings(s, arena, out, err);
    state_unlock(s);
    return ok;
}

/* The states a selection takes in, one bit each. Work is over in five of them; one on hold is open. */
#define BIT(state) (INT64_C(1) << (state))
#define OVER                                                                                                 \
    (BIT(INCIDENT_CLOSED) | BIT(INCIDENT_FALSE_POSITIVE) | BIT(INCIDENT_MERGED) | BIT(INCIDENT_DUPLICATE) |  \
     BIT(INCIDENT_EXERCISE))
#define EVERY (BIT(INCIDENT_STATE_COUNT) - 1)

static const int64_t selections[] = {
    [SELECT_OPEN_INCIDENTS] = EVERY & ~OVER & ~BIT(INCIDENT_CANDIDATE),
    [SELECT_CLOSED_INCIDENTS] = OVER,
    [SELECT_ALL_INCIDENTS] = EVERY & ~BIT(INCIDENT_CANDIDATE),
    [SELECT_LIVING] = EVERY & ~OVER,
};

static bool count_selection(struct state *s, struct incident_page *page, struct error *err)
{
    sqlite3_stmt *q =
        sql_get(s, "SELECT count(*) FROM incident WHERE (?1 >> state) & 1 AND (?2 = 0 OR news_ns >= ?2)",
                err);
    if (!q)
        return false;
    sql_i64(q, 1, selections[page->selection]);
    sql_i64(q, 2, page->news_from_ns);
    if (sql_step(s, q, err) != 1)
        return false;
    page->total = sql_column_u64(q, 0);
    return sql_run(s, q, err);
}

static bool read_page(struct state *s, struct arena *arena, struct incident_page *page, struct error *err)
{
    struct buf rows = {0};
    sqlite3_stmt *q =
        sql_get(s,
                "SELECT " INCIDENT_COLUMNS ", state, id FROM incident WHERE (?1 >> state) & 1"
                " AND (?2 = 0 OR news_ns >= ?2)"
                " ORDER BY urgency DESC, importance DESC, confidence DESC, opened_ns, id LIMIT ?3 OFFSET ?4",
                err);
    int row = -1;
    if (q) {
        sql_i64(q, 1, selections[page->selection]);
        sql_i64(q, 2, page->news_from_ns);
        sql_i64(q, 3, page->limit);
        sql_i64(q, 4, page->offset);
    }
    while (q && (row = sql_step(s, q, err)) == 1) {
        struct incident i = {0};
        read_incident(q, arena, &i);
        buf_bytes(&rows, &i, sizeof(i));
    }
    page->count = (uint32_t)(rows.n / sizeof(struct incident));
    page->incidents = sql_rows(&rows, arena);
    return row == 0;
}

bool state_incidents_list(struct state *s, struct arena *arena, struct incident_page *page, struct error *err)
{
    state_lock(s);
    bool ok = count_selection(s, page, err) && read_page(s, arena, page, err);
    for (uint32_t i = 0; ok && page->with_findings && i < page->count; i++)
        ok = load_findings(s, arena, &page->incidents[i], err);
    state_unlock(s);
    return ok;
}
