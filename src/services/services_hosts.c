/* All that is known of one host, for the console: what the inventory says and said, the states of its
 * controls, its risk, its incidents. Who sat at it is asked for apart (services_assets.c), because that is
 * about persons. */
#include "base/json.h"
#include "server/server.h"
#include "store/state_assets.h"
#include "store/state_incidents.h"
#include "work/work.h"

#define INCIDENTS_LOOKED_AT 1000
#define CONTROL_ROWS_MOST   20 /* of one question: late detections may be many */

struct host_question {
    struct server *s;
    const struct host_request *request;
    struct str name; /* without its domain */
    struct arena *arena;
    struct json_writer w;
    bool is_known;
};

static void put(struct json_writer *w, const char *key, struct str text)
{
    json_key(w, key);
    json_put_str(w, text);
}

static void put_all(struct json_writer *w, const char *key, const struct asset_list *list)
{
    json_key(w, key);
    json_begin_array(w);
    for (uint32_t i = 0; i < list->count; i++)
        json_put_str(w, list->items[i]);
    json_end_array(w);
}

static void put_open_time(struct json_writer *w, const char *key, int64_t time_ns)
{
    json_key(w, key);
    if (time_ns == INT64_MIN || time_ns == INT64_MAX)
        json_put_null(w);
    else
        json_put_time(w, time_ns);
}

/* ------------------------------------------------------------- inventory */

static bool is_host(const struct asset_host *host, struct str name)
{
    bool is_it = str_eq_nocase(ip_host_label(host->hostname), name);
    for (uint32_t i = 0; i < host->ips.count && !is_it; i++)
        is_it = str_eq(host->ips.items[i], name);
    return is_it;
}

static void put_registration(struct host_question *q, const struct asset_host *host)
{
    struct json_writer *w = &q->w;
    json_begin_object(w);
    put_open_time(w, "from", host->row.valid_from_ns);
    put_open_time(w, "to", host->row.valid_to_ns);
    put(w, "hostname", host->hostname);
    put_all(w, "ip", &host->ips);
    put(w, "department", host->department);
    put(w, "owner", q->request->viewer.may_see_persons ? host->owner : STR_EMPTY);
    json_key(w, "importance");
    json_put_i64(w, host->importance);
    put_all(w, "roles", &host->roles);
    put(w, "type", host->type);
    put_all(w, "approved_applications", &host->approved_applications);
    json_end_object(w);
}

/* `department`: the one in force, for who may see the host. */
static bool put_registrations(struct host_question *q, struct str *department, struct error *err)
{
    struct asset_set set = {.zone = q->s->zone};
    int64_t now_ns = clock_wall_ns();
    bool is_registered = false;
    if (!state_assets_load(q->s->state, true, q->arena, &set, err))
        return false;
    json_key(&q->w, "registrations");
    json_begin_array(&q->w);
    for (uint32_t i = 0; i < set.counts[ASSET_HOSTS]; i++) {
        const struct asset_host *host = &set.hosts[i];
        if (!is_host(host, q->name))
            continue;
        put_registration(q, host);
        q->is_known = true;
        if (host->row.valid_from_ns <= now_ns && now_ns < host->row.valid_to_ns) {
            is_registered = true;
            *department = host->department;
        }
    }
    json_end_array(&q->w);
    json_key(&q->w, "registered");
    json_put_bool(&q->w, is_registered);
    return true;
}

/* ------------------------------------------------------- controls and risk */

static void put_controls(void *context, struct fleet *fleet, const struct asset_set *assets)
{
    struct host_question *q = context;
    struct fleet_asking asking = {.assets = assets, .host = q->name, .limit = CONTROL_ROWS_MOST};
    q->is_known |= fleet_knows(fleet, q->name);
    json_key(&q->w, "controls");
    json_begin_array(&q->w);
    for (unsigned i = 0; i < QUESTION_COUNT; i++) {
        json_begin_object(&q->w);
        fleet_rows(fleet, (enum fleet_question)i, &asking, &q->w);
        json_end_object(&q->w);
    }
    json_end_array(&q->w);
}

static bool is_watched(const void *focus, enum risk_kind kind, struct str name)
{
    return focus_named(focus, (enum focus_kind)kind, name, clock_wall_ns()) != NULL;
}

static void put_risk(void *context, const struct risk *risk, const struct focus *focus, int64_t now_ns)
{
    struct host_question *q = context;
    char name[RISK_NAME_MAX];
    struct risk_asking asking = {.kind = RISK_HOST,
                                 .name = str_n(name, risk_name(RISK_HOST, q->name, q->name, name)),
                                 .limit = 1,
                                 .now_ns = now_ns,
                                 .is_watched = is_watched,
                                 .context = focus};
    q->is_known |= risk_capped(risk, RISK_HOST, asking.name, now_ns) > 0;
    json_key(&q->w, "watched");
    json_put_bool(&q->w, focus_named(focus, FOCUS_HOST, q->name, clock_wall_ns()) != NULL);
    json_key(&q->w, "risk");
    json_begin_object(&q->w);
    risk_json(risk, &asking, &q->w);
    json_end_object(&q->w);
}

/* -------------------------------------------------------------- incidents */

/* "PC-7 (10.20.30.31);FS01 (10.20.50.9)" names it, by name or address. */
static bool lists_host(struct str hosts, struct str name)
{
    struct str one;
    while (str_split(&hosts, ';', &one)) {
        one = str_trim(one);
        size_t open = str_find_char(one, '(', 0);
        struct str host = str_trim(str_slice(one, 0, open));
        struct str ip = open == STR_NOT_FOUND ? STR_EMPTY : str_slice(one, open + 1, one.n - open - 2);
        if (str_eq(ip, name) || str_eq(host, name) || str_eq_nocase(ip_host_label(host), name))
            return true;
    }
    return false;
}

static bool find_incidents(struct host_question *q, struct incident_list *out, struct error *err)
{
    struct incident_page page = {.selection = SELECT_ALL_INCIDENTS, .limit = INCIDENTS_LOOKED_AT};
    if (!state_incidents_list(q->s->state, q->arena, &page, err))
        return false;
    *out = (struct incident_list){page.incidents, 0};
    for (uint32_t i = 0; i < page.count; i++) {
        if (!lists_host(page.incidents[i].hosts, q->name))
            continue;
        q->is_known = true;
        if (work_may_see(q->s, q->request->viewer.roles, q->request->viewer.user, &page.incidents[i]))
            out->rows[out->count++] = page.incidents[i];
    }
    return true;
}

static bool unknown(struct console_failure *failure)
{
    failure->status = 404;
    error_set(&failure->en, "Nobody has heard of that host.");
    error_set(&failure->ja, "そのホストは知られていません。");
    return false;
}

static bool host(void *ctx, const struct host_request *request, struct arena *arena, struct buf *json,
                 struct incident_list *incidents, struct console_failure *failure)
{
    struct str department = STR_EMPTY;
    struct host_question q = {.s = ctx, .request = request, .arena = arena, .w = {.out = json}};
    q.name = ip_host_label(request->host);
    if (q.name.n == 0)
        return unknown(failure);
    put(&q.w, "host", q.name);
    if (!put_registrations(&q, &department, &failure->en) || !find_incidents(&q, incidents, &failure->en)) {
        failure->status = 500;
        return false;
    }
    desk_ask_risk(q.s->desk, put_risk, &q);
    if (!desk_ask_fleet(q.s->desk, put_controls, &q)) {
        json_key(&q.w, "controls");
        json_begin_array(&q.w);
        json_end_array(&q.w);
    }
    if (q.is_known && work_may_see(q.s, request->viewer.roles, request->viewer.user,
                                   &(struct incident){.department = department}))
        return true;
    return unknown(failure);
}

void services_hosts(struct console_services *s)
{
    s->host = host;
}
