/* Countermeasures with their end, the lists that devices fetch, and the contacts. A block is requested,
 * approved by the roles of the matrix (work_measure.c), active (it stands in the list, or a connector carried
 * it out), verified by what the store no longer sees, and ends by its expiry or by being removed. Next:
 * work_measure.c. */
#include "work/work.h"

#include "base/ip.h"
#include "base/log.h"
#include "incident/incident.h"
#include "search/search.h"
#include "work/carrier.h"

/* --------------------------------------------------------- countermeasures */

bool work_get_countermeasures(struct casework *c)
{
    struct incident incident = {0};
    struct work_rows rows;
    return work_incident(c, c->q->id, &incident) && work_rows_of(c, WORK_COUNTERMEASURE, c->q->id, &rows) &&
           work_answer_measures(c, &incident, &rows);
}

bool work_get_all_countermeasures(struct casework *c)
{
    struct error err;
    struct work_rows rows, seen = {0};
    if (!state_work_list(c->s->state, WORK_COUNTERMEASURE, -1, STR_EMPTY, WORK_ROWS_MOST, c->arena, &rows,
                         &err))
        return work_fail(c, 500, &err);
    seen.rows = ARENA_ARRAY(c->arena, struct work_row, rows.count + 1);
    for (uint32_t i = 0; i < rows.count; i++) {
        struct incident incident;
        if (c->roles != ROLE_DEPARTMENT ||
            work_incident(c, (uint64_t)work_number(&rows.rows[i], 0), &incident))
            seen.rows[seen.count++] = rows.rows[i];
    }
    return work_answer_rows(c, WORK_COUNTERMEASURE, &seen);
}

bool work_post_countermeasure(struct casework *c)
{
    struct incident incident = {0};
    struct work_row row = {0};
    struct str target = arena_lower(c->arena, work_value(c, "target"));
    if (!work_incident(c, c->q->id, &incident) || !work_check_target(c, work_value(c, "device"), target))
        return false;
    if (work_value_number(c, "expires", 0) <= c->now_ns)
        return work_refuse(c, 400, "\"expires\" must lie ahead: no block is for ever.",
                           "「expires」は未来の時刻にしてください(無期限の遮断はできません)。");
    work_take_members(c, WORK_COUNTERMEASURE, &row);
    row.values[COUNTERMEASURE_INCIDENT] = work_text_of((int64_t)incident.id, c->arena);
    row.values[COUNTERMEASURE_TARGET] = target;
    row.values[COUNTERMEASURE_STATUS] = STR("requested");
    row.values[COUNTERMEASURE_REQUESTED_BY] = c->actor;
    row.values[COUNTERMEASURE_REQUESTED] = work_text_of(c->now_ns, c->arena);
    if (!work_begin(c))
        return false;
    bool ok = work_add(c, WORK_COUNTERMEASURE, &row);
    struct deed deed =
        work_deed(c, "instruct", incident.id, "countermeasure", row.id, work_value(c, "reason"));
    c->answer->status = 201;
    return work_end(c, ok, &deed) && work_answer_measure(c, &incident, &row);
}

/* Events that still reach the target since the block stands, denied ones left out; −1: the store was not able
 * to say. */
static int64_t count_traffic(struct casework *c, const struct work_row *row)
{
    struct str target = row->values[COUNTERMEASURE_TARGET];
    struct cidr network;
    bool is_network = cidr_parse(target, &network);
    struct search wanted = {.from_ns = work_number(row, COUNTERMEASURE_ACTIVATED),
                            .to_ns = INT64_MAX,
                            .now_ns = c->now_ns,
                            .zone = c->s->zone,
                            .limit = 1};
    struct search_page page = {0};
    struct query_error syntax;
    struct error err;
    if (str_eq(row->values[COUNTERMEASURE_DEVICE], STR("access")))
        wanted.expression = arena_printf(
            c->arena,
            is_network ? "source.ip:\"%.*s\" and not event.type:denied | count"
                       : "(host.name:\"%.*s\" or source.domain:\"%.*s\") and not event.type:denied | count",
            STR_ARGS(target), STR_ARGS(target));
    else
        wanted.expression = arena_printf(
            c->arena,
            is_network
                ? "destination.ip:\"%.*s\" and not event.type:denied | count"
                : "(destination.domain:\"%.*s\" or url.domain:\"%.*s\") and not event.type:denied | count",
            STR_ARGS(target), STR_ARGS(target));
    if (is_network && str_find_char(target, '/', 0) != STR_NOT_FOUND) /* never of "access" */
        wanted.expression =
            arena_printf(c->arena, "destination.ip:%.*s and not event.type:denied | count", STR_ARGS(target));
    enum search_end end = search_run(c->s->store, &wanted, c->arena, &page, &syntax, &err);
    int64_t count = -1;
    struct json_node *node = end == SEARCH_DONE ? json_parse(buf_str(&page.rows), c->arena, &err) : NULL;
    if (node == NULL || !str_to_i64(json_text(node, "count"), &count))
        count = -1;
    buf_free(&page.rows);
    return count;
}

static bool check_silence(struct casework *c, struct work_row *row, int64_t *seen)
{
    *seen = count_traffic(c, row);
    if (*seen < 0)
        return work_refuse(c, 503, "The store was not able to say whether there is traffic.",
                           "通信の有無を確認できませんでした。");
    if (*seen == 0)
        return true;
    c->failure->status = 409;
    error_set(&c->failure->en, "%lld events still reached the target since the block stands.",
              (long long)*seen);
    error_set(&c->failure->ja, "遮断後も対象への通信が %lld 件あります。", (long long)*seen);
    return false;
}

struct countermeasure_step {
    const char *from[3], *to;
    int who, when; /* −1 = none */
};
static const struct countermeasure_step countermeasure_steps[] = {
    {{"approved"}, "active", COUNTERMEASURE_ACTIVATED_BY, COUNTERMEASURE_ACTIVATED},
    {{"active"}, "verified", -1, COUNTERMEASURE_VERIFIED},
    {{"approved"}, "removed", COUNTERMEASURE_REMOVED_BY, COUNTERMEASURE_REMOVED},
    {{"active", "verified", "expired"}, "removed", COUNTERMEASURE_REMOVED_BY, COUNTERMEASURE_REMOVED},
};

static const struct countermeasure_step *find_step(struct str from, struct str to)
{
    for (size_t i = 0; i < COUNT_OF(countermeasure_steps); i++)
        for (size_t k = 0; k < 3 && countermeasure_steps[i].from[k] != NULL; k++)
            if (str_eq(to, str_c(countermeasure_steps[i].to)) &&
                str_eq(from, str_c(countermeasure_steps[i].from[k])))
                return &countermeasure_steps[i];
    return NULL;
}

static bool take_step(struct casework *c, struct work_row *row, const struct countermeasure_step *step)
{
    return work_set(c, WORK_COUNTERMEASURE, row, COUNTERMEASURE_STATUS, str_c(step->to)) &&
           (step->who < 0 || work_set(c, WORK_COUNTERMEASURE, row, step->who, c->actor)) &&
           work_set_number(c, WORK_COUNTERMEASURE, row, step->when, c->now_ns);
}

bool work_find_measure(struct casework *c, struct work_row *row, struct incident *incident)
{
    return work_find(c, WORK_COUNTERMEASURE, c->q->id, row) &&
           work_incident(c, (uint64_t)work_number(row, COUNTERMEASURE_INCIDENT), incident);
}

bool work_patch_countermeasure(struct casework *c)
{
    struct work_row row;
    struct incident incident = {0};
    struct str to = work_value(c, "status");
    int64_t seen = 0;
    if (str_eq(to, STR("approved")))
        return work_approve_measure(c);
    if (!work_find_measure(c, &row, &incident))
        return false;
    const struct countermeasure_step *step = find_step(row.values[COUNTERMEASURE_STATUS], to);
    if (step == NULL)
        return work_refuse(c, 409, "From its state the countermeasure cannot go there.",
                           "現在の状態からその状態には移せません。");
    if ((str_eq(to, STR("active")) &&
         !work_check_target(c, row.values[COUNTERMEASURE_DEVICE], row.values[COUNTERMEASURE_TARGET])) ||
        (str_eq(to, STR("verified")) && !check_silence(c, &row, &seen)))
        return false;
    if (!work_begin(c))
        return false;
    bool ok = take_step(c, &row, step) && (!str_eq(to, STR("removed")) || carrier_take_back(c, &row));
    struct deed deed = work_deed(c, "execute", incident.id, "countermeasure", row.id, work_value(c, "note"));
    if (!work_end(c, ok, &deed))
        return false;
    work_tell_isolated(c->s);
    carrier_wake(c->s->carrier);
    return work_answer_measure(c, &incident, &row);
}

/* -------------------------------------------------------------- block lists */

/* RPZ: the name and all below it do not exist; an IPv4 network as its rpz-ip trigger. */
static void put_rpz(struct buf *out, struct str target)
{
    struct cidr network;
    if (!cidr_parse(target, &network)) {
        buf_printf(out, "%.*s CNAME .\n*.%.*s CNAME .\n", STR_ARGS(target), STR_ARGS(target));
        return;
    }
    const uint8_t *b = network.ip.bytes;
    if (ip_is_v4(&network.ip))
        buf_printf(out, "%d.%d.%d.%d.%d.rpz-ip CNAME .\n", network.bits - 96, b[15], b[14], b[13], b[12]);
    else
        buf_printf(out, "; %.*s: IPv6 is not in this list\n", STR_ARGS(target));
}

static void put_head(struct buf *out, struct str format, int64_t now_ns)
{
    if (str_eq(format, STR("rpz")))
        buf_printf(out,
                   "$TTL 60\n@ SOA localhost. hostmaster.localhost. (%lld 60 60 86400 60)\n@ NS localhost.\n",
                   (long long)(now_ns / NS_PER_SECOND));
    else if (str_eq(format, STR("plain")))
        buf_c(out, "# hyakuyo\n");
}

bool work_get_blocklist(struct casework *c)
{
    struct error err;
    struct work_rows rows;
    struct str format = work_value(c, "format"), device = c->q->name;
    if (!str_eq(device, STR("firewall")) && !str_eq(device, STR("proxy")) && !str_eq(device, STR("dns")))
        return work_refuse(c, 404, "There are the lists firewall, proxy and dns.",
                           "リストは firewall、proxy、dns です。");
    if (!state_work_list(c->s->state, WORK_COUNTERMEASURE, COUNTERMEASURE_DEVICE, device, WORK_ROWS_MOST,
                         c->arena, &rows, &err))
        return work_fail(c, 500, &err);
    format = format.n ? format : STR("plain");
    put_head(c->out, format, c->now_ns);
    for (uint32_t i = 0; i < rows.count; i++) {
        const struct work_row *row = &rows.rows[i];
        bool is_in_force = str_eq(row->values[COUNTERMEASURE_STATUS], STR("active")) ||
                           str_eq(row->values[COUNTERMEASURE_STATUS], STR("verified"));
        if (!is_in_force || work_number(row, COUNTERMEASURE_EXPIRES) <= c->now_ns)
            continue;
        if (str_eq(format, STR("rpz")))
            put_rpz(c->out, row->values[COUNTERMEASURE_TARGET]);
        else
            buf_printf(c->out, "%.*s\n", STR_ARGS(row->values[COUNTERMEASURE_TARGET]));
    }
    c->answer->content_type = "text/plain; charset=utf-8";
    return true;
}

/* ---------------------------------------------------------------- contacts */

/* A sheet to print: what is needed when nothing works any more (S159). */
static void put_sheet(struct casework *c, const struct work_rows *rows)
{
    char when[TIME_TEXT_MAX];
    size_t n = time_format_local(c->now_ns, c->s->zone, when);
    buf_printf(c->out, "連絡網 / Contacts  %.*s\n\n", (int)n, when);
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct str *v = rows->rows[i].values;
        int64_t verified_ns = work_number(&rows->rows[i], CONTACT_VERIFIED);
        n = verified_ns ? time_format_local(verified_ns, c->s->zone, when) : 0;
        buf_printf(c->out, "%.*s (%.*s)  %.*s\n", STR_ARGS(v[CONTACT_ROLE]), STR_ARGS(v[CONTACT_POSITION]),
                   STR_ARGS(c->sees_persons ? v[CONTACT_PERSON] : STR_EMPTY));
        if (c->sees_persons)
            buf_printf(c->out, "  電話/phone %.*s  mail %.*s\n  別経路/out of band %.*s\n",
                       STR_ARGS(v[CONTACT_PHONE]), STR_ARGS(v[CONTACT_MAIL]),
                       STR_ARGS(v[CONTACT_OUT_OF_BAND]));
        buf_printf(c->out, "  時間/hours %.*s  確認日/verified %.*s\n\n", STR_ARGS(v[CONTACT_HOURS]),
                   n ? (int)n : 1, n ? when : "-");
    }
    c->answer->content_type = "text/plain; charset=utf-8";
}

bool work_get_contacts(struct casework *c)
{
    struct error err;
    struct work_rows rows;
    if (!state_work_list(c->s->state, WORK_CONTACT, -1, STR_EMPTY, WORK_ROWS_MOST, c->arena, &rows, &err))
        return work_fail(c, 500, &err);
    if (!str_eq(work_value(c, "format"), STR("text")))
        return work_answer_rows(c, WORK_CONTACT, &rows);
    put_sheet(c, &rows);
    return true;
}

bool work_post_contact(struct casework *c)
{
    struct work_row row = {0};
    if (work_value(c, "person").n == 0)
        return work_refuse(c, 400, "\"person\" is missing.", "「person」がありません。");
    work_take_members(c, WORK_CONTACT, &row);
    if (!work_begin(c))
        return false;
    bool ok = work_add(c, WORK_CONTACT, &row);
    struct deed deed = work_deed(c, "correct", 0, "contact", row.id, row.values[CONTACT_ROLE]);
    c->answer->status = 201;
    return work_end(c, ok, &deed) && work_answer_row(c, WORK_CONTACT, &row);
}

bool work_patch_contact(struct casework *c)
{
    struct error err;
    struct work_row row;
    if (!state_work_get(c->s->state, WORK_CONTACT, c->q->id, c->arena, &row, &err))
        return work_fail(c, 404, &err);
    if (!work_begin(c))
        return false;
    bool ok = work_change_members(c, WORK_CONTACT, &row);
    struct deed deed = work_deed(c, "correct", 0, "contact", row.id, row.values[CONTACT_ROLE]);
    return work_end(c, ok, &deed) && work_answer_row(c, WORK_CONTACT, &row);
}

bool work_delete_contact(struct casework *c)
{
    struct error err;
    struct work_row row;
    if (!state_work_get(c->s->state, WORK_CONTACT, c->q->id, c->arena, &row, &err))
        return work_fail(c, 404, &err);
    if (!work_begin(c))
        return false;
    bool ok = state_work_remove(c->s->state, WORK_CONTACT, row.id, &err) || work_fail(c, 503, &err);
    struct deed deed = work_deed(c, "correct", 0, "contact", row.id, row.values[CONTACT_ROLE]);
    c->answer->status = 204;
    return work_end(c, ok, &deed);
}
