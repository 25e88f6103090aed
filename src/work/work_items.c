/* Infected hosts, entries of work, the review: mostly rows that people add and change. Next: work_evidence.c,
 * work_improve.c, work_counter.c. */
#include "work/work.h"

#include "base/ip.h"
#include "base/log.h"
#include "incident/incident.h"
#include "incident/mention.h"
#include "server/mentions.h"

static bool get_rows(struct casework *c, enum work_table table)
{
    struct incident incident = {0};
    struct work_rows rows;
    return work_incident(c, c->q->id, &incident) && work_rows_of(c, table, c->q->id, &rows) &&
           work_answer_rows(c, table, &rows);
}

/* Adds the row in a transaction of its own and answers with it. */
static bool add_row(struct casework *c, enum work_table table, struct work_row *row, const char *action,
                    const char *kind, struct str text)
{
    if (!work_begin(c))
        return false;
    bool ok = work_add(c, table, row);
    struct deed deed = work_deed(c, action, c->q->id, kind, row->id, text);
    c->answer->status = 201;
    return work_end(c, ok, &deed) && work_answer_row(c, table, row);
}

static void start_row(const struct casework *c, enum work_table table, struct work_row *row)
{
    *row = (struct work_row){0};
    work_take_members(c, table, row);
    row->values[0] = work_text_of((int64_t)c->q->id, c->arena);
}

static struct str now_text(const struct casework *c)
{
    return work_text_of(c->now_ns, c->arena);
}

/* ------------------------------------------------------------------ hosts */

bool work_get_hosts(struct casework *c)
{
    return get_rows(c, WORK_HOST);
}

/* When the incident first saw something of that computer; now, when a person knows of it from elsewhere. The
 * age of what is not clean counts from here. */
static int64_t first_seen(const struct casework *c, const struct incident *incident)
{
    struct str host = work_value(c, "host"), ip = work_value(c, "ip");
    for (uint32_t i = 0; i < incident->finding_count; i++) {
        const struct incident_finding *f = &incident->findings[i];
        bool is_it =
            str_eq_nocase(f->host_name, host) || str_eq(f->host_ip, host) || (ip.n && str_eq(f->host_ip, ip));
        if (is_it && f->first_ns > 0 && f->first_ns < c->now_ns)
            return f->first_ns;
    }
    return c->now_ns;
}

/* Whether the findings of the incident know that address for one of ours: leases, names. */
static bool is_host_of(const struct incident *incident, struct str address)
{
    for (uint32_t i = 0; i < incident->finding_count; i++)
        if (!incident->findings[i].is_outside && str_eq(incident->findings[i].host_ip, address))
            return true;
    return false;
}

/* Only computers of ours are cleaned; an address of others is an indicator. */
static bool check_ours(struct casework *c, const struct incident *incident)
{
    struct ip ip;
    struct str host = work_value(c, "host");
    if (!ip_parse(host, &ip) || ip_is_private(&ip) || is_host_of(incident, host))
        return true;
    struct context *context = engine_context(c->s->engine);
    bool is_inside = context != NULL && context_is_inside(context, host, c->now_ns);
    context_unref(context);
    if (is_inside)
        return true;
    c->failure->status = 409;
    error_set(&c->failure->en,
              "%.*s is in none of the registered networks and is no host of ours; block it as a "
              "countermeasure, or register its network under Settings",
              STR_ARGS(host));
    error_set(&c->failure->ja,
              "%.*s は登録済みネットワークになく、自組織の端末ではありません。対策として遮断するか、"
              "設定でネットワークを登録してください",
              STR_ARGS(host));
    return false;
}

bool work_post_host(struct casework *c)
{
    struct incident incident = {0};
    struct work_rows hosts;
    struct work_row row;
    if (!work_incident(c, c->q->id, &incident) || !work_rows_of(c, WORK_HOST, c->q->id, &hosts))
        return false;
    if (!check_ours(c, &incident))
        return false;
    for (uint32_t i = 0; i < hosts.count; i++)
        if (str_eq_nocase(hosts.rows[i].values[HOST_HOST], work_value(c, "host")))
            return work_refuse(c, 409, "The host has been entered already.", "この端末は登録済みです。");
    start_row(c, WORK_HOST, &row);
    row.values[HOST_STATUS] = STR("detected");
    row.values[HOST_DETECTED] = work_text_of(first_seen(c, &incident), c->arena);
    return add_row(c, WORK_HOST, &row, "observe", "host", work_value(c, "host"));
}

static const char *const life[] = {"detected", "acted", "contained", "verified_clean", "closed"};
static const char *const life_ja[] = {"検知", "初動済み", "封じ込め済み", "駆除確認済み", "対応終了"};

static int place_in_life(struct str status)
{
    for (int i = 0; i < (int)COUNT_OF(life); i++)
        if (str_eq(status, str_c(life[i])))
            return i;
    return 0;
}

/* One stage after the other; back to detected when it shows signs again. A host that is not clean is closed
 * only as a residual risk that somebody has accepted. */
static bool check_life(struct casework *c, const struct work_row *host, int to)
{
    int from = place_in_life(host->values[HOST_STATUS]);
    bool is_accepted = work_value(c, "residual_reason").n && work_value(c, "accepted_by").n;
    if (to == 0 || to == from + 1 || (to == 4 && is_accepted))
        return true;
    c->failure->status = 409;
    error_set(
        &c->failure->en,
        "a host that is %s comes to %s next; it is closed earlier only with residual_reason and accepted_by",
        life[from], life[from < 4 ? from + 1 : 4]);
    error_set(&c->failure->ja,
              "「%s」の端末の次の段階は「%s」です。途中で閉じるには残存リスクの理由(residual_reason)と"
              "受容者(accepted_by)が必要です",
              life_ja[from], life_ja[from < 4 ? from + 1 : 4]);
    return false;
}

bool work_patch_host(struct casework *c)
{
    struct incident incident = {0};
    struct work_row host;
    int to = place_in_life(work_value(c, "status"));
    if (!work_incident(c, c->q->id, &incident) || !work_row_of(c, WORK_HOST, c->q->item, c->q->id, &host) ||
        (work_given(c, "status") && !check_life(c, &host, to)) || !work_begin(c))
        return false;
    bool ok =
        work_change_members(c, WORK_HOST, &host) &&
        (!work_given(c, "status") || work_set_number(c, WORK_HOST, &host, HOST_DETECTED + to, c->now_ns));
    struct deed deed =
        work_deed(c, "execute", incident.id, "host", host.id, work_value(c, "residual_reason"));
    return work_end(c, ok, &deed) && work_answer_row(c, WORK_HOST, &host);
}

/* What is still infected, or was closed without being clean, and for how long (the residual ledger). */
bool work_get_residual(struct casework *c)
{
    struct error err;
    struct work_rows rows;
    struct json_writer w = {.out = c->out};
    if (!state_work_list(c->s->state, WORK_HOST, -1, STR_EMPTY, WORK_ROWS_MOST, c->arena, &rows, &err))
        return work_fail(c, 500, &err);
    json_begin_object(&w);
    json_key(&w, "rows");
    json_begin_array(&w);
    for (uint32_t i = 0; i < rows.count; i++) {
        const struct work_row *host = &rows.rows[i];
        struct incident incident;
        if (work_number(host, HOST_VERIFIED_CLEAN) != 0 ||
            (c->roles == ROLE_DEPARTMENT && !work_incident(c, (uint64_t)work_number(host, 0), &incident)))
            continue;
        json_begin_object(&w);
        work_row_members(WORK_HOST, host, c->sees_persons, &w);
        json_key(&w, "age_days");
        json_put_i64(&w, (c->now_ns - work_number(host, HOST_DETECTED)) / (86400 * NS_PER_SECOND));
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    return true;
}

/* ---------------------------------------------------------------- entries */

bool work_get_entries(struct casework *c)
{
    return get_rows(c, WORK_ENTRY);
}

struct seeing {
    struct server *server;
    const struct incident *incident;
};

static bool may_see_incident(void *context, struct str user, unsigned roles)
{
    const struct seeing *s = context;
    return (roles_permissions(roles) & MAY_SEE_INCIDENTS) &&
           work_may_see(s->server, roles, user, s->incident);
}

/* The entry and what it tells others are one transaction; the answer says whom it did not reach. */
static bool add_entry(struct casework *c, const struct incident *incident, struct work_row *row)
{
    struct seeing seeing = {c->s, incident};
    struct mention_outcome outcome;
    struct error err;
    bool is_work = str_eq(row->values[ENTRY_KIND], STR("work"));
    if (!work_begin(c))
        return false;
    bool ok = work_add(c, WORK_ENTRY, row);
    struct mention_source source = {.incident = incident->id,
                                    .kind = "entry",
                                    .item = row->id,
                                    .author = c->actor,
                                    .text = row->values[ENTRY_TEXT],
                                    .names = row->values[ENTRY_MENTIONS],
                                    .at_ns = c->now_ns,
                                    .may_see = may_see_incident,
                                    .context = &seeing};
    ok = ok && (mentions_add(c->s->state, &source, c->arena, &outcome, &err) || work_fail(c, 500, &err));
    struct deed deed =
        work_deed(c, is_work ? "execute" : "observe", incident->id, "entry", row->id, work_value(c, "text"));
    c->answer->status = 201;
    if (!work_end(c, ok, &deed))
        return false;
    struct json_writer w = {.out = c->out};
    json_begin_object(&w);
    work_row_members(WORK_ENTRY, row, c->sees_persons, &w);
    mentions_members(&outcome, &w);
    json_end_object(&w);
    return true;
}

bool work_post_entry(struct casework *c)
{
    struct incident incident = {0};
    struct work_row row;
    if (!work_incident(c, c->q->id, &incident))
        return false;
    start_row(c, WORK_ENTRY, &row);
    if (!work_given(c, "kind"))
        row.values[ENTRY_KIND] = STR("note");
    struct str rest = work_value(c, "text"), name;
    if (str_eq(row.values[ENTRY_KIND], STR("mention")) && work_value(c, "mentions").n == 0 &&
        !mention_next(&rest, &name))
        return work_refuse(c, 400, "A mention names somebody: @ and an account in the text, or \"mentions\".",
                           "メンションには宛先が必要です(本文の @アカウント名、または「mentions」)。");
    if (!work_given(c, "happened"))
        row.values[ENTRY_HAPPENED] = now_text(c);
    row.values[ENTRY_ENTERED] = now_text(c);
    row.values[ENTRY_WHO] = c->actor;
    return add_entry(c, &incident, &row);
}

/* ----------------------------------------------------------------- review */

bool work_answer_review(struct casework *c)
{
    struct work_rows reviews, actions;
    struct json_writer w = {.out = c->out};
    if (!work_rows_of(c, WORK_REVIEW, c->q->id, &reviews) ||
        !work_rows_of(c, WORK_ACTION, c->q->id, &actions))
        return false;
    json_begin_object(&w);
    json_key(&w, "review");
    if (reviews.count) {
        json_begin_object(&w);
        work_row_members(WORK_REVIEW, &reviews.rows[reviews.count - 1], c->sees_persons, &w);
        json_end_object(&w);
    } else {
        json_put_null(&w);
    }
    json_key(&w, "actions");
    json_begin_array(&w);
    for (uint32_t i = 0; i < actions.count; i++) {
        const struct work_row *action = &actions.rows[i];
        json_begin_object(&w);
        work_action_members(c, action, &w);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    return true;
}

bool work_get_review(struct casework *c)
{
    struct incident incident = {0};
    return work_incident(c, c->q->id, &incident) && work_answer_review(c);
}

/* Written anew it has to be signed anew. */
bool work_post_review(struct casework *c)
{
    struct incident incident = {0};
    struct work_row row;
    if (!work_incident(c, c->q->id, &incident))
        return false;
    start_row(c, WORK_REVIEW, &row);
    if (!work_given(c, "held"))
        row.values[REVIEW_HELD] = now_text(c);
    if (!work_begin(c))
        return false;
    bool ok = work_add(c, WORK_REVIEW, &row);
    struct deed deed = work_deed(c, "judge", incident.id, "review", row.id, work_value(c, "summary"));
    return work_end(c, ok, &deed) && work_answer_review(c);
}

bool work_sign_review(struct casework *c)
{
    struct incident incident = {0};
    struct work_rows reviews;
    if (!work_incident(c, c->q->id, &incident) || !work_rows_of(c, WORK_REVIEW, c->q->id, &reviews))
        return false;
    if (reviews.count == 0)
        return work_refuse(c, 409, "There is no review to sign yet.", "署名する事後検証がまだありません。");
    struct work_row *review = &reviews.rows[reviews.count - 1];
    if (work_number(review, REVIEW_SIGNED) != 0)
        return work_refuse(c, 409, "It has been signed already.", "すでに署名済みです。");
    if (!work_begin(c))
        return false;
    bool ok = work_set(c, WORK_REVIEW, review, REVIEW_SIGNED_BY, c->actor) &&
              work_set_number(c, WORK_REVIEW, review, REVIEW_SIGNED, c->now_ns);
    struct deed deed = work_deed(c, "approve", incident.id, "review", review->id, work_value(c, "note"));
    deed.approved_by = c->actor;
    return work_end(c, ok, &deed) && work_answer_review(c);
}
