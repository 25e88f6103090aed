/* All hosts for the console: inventory, fleet and risk joined to one row each, filtered, sorted, and given
 * out by pages or as one CSV file. The desk waits only while rows are gathered. services_hosts.c has one
 * host. */
#include <stdlib.h>

#include "base/json.h"
#include "base/map.h"
#include "enrich/context_index.h"
#include "server/server.h"
#include "work/work.h"

struct host_row {
    struct str name, ip, department, network, type, control, patches;
    struct asset_list roles;
    int importance;
    bool is_registered, is_watched;
    double risk;
    int64_t last_ns;
};

struct host_list {
    struct server *s;
    const struct hosts_request *request;
    struct arena *arena;
    const struct context *context;
    struct buf rows;    /* struct host_row each */
    struct map may_see; /* department → 1 no, 2 yes; for a viewer of one department */
    int64_t now_ns;
};

/* ------------------------------------------------------------------ gathering */

static bool may_see(struct host_list *l, struct str department)
{
    if (l->request->viewer.roles != ROLE_DEPARTMENT)
        return true;
    uintptr_t *known = map_find(&l->may_see, department);
    if (known == NULL) {
        struct incident of = {.department = department};
        known = map_put(&l->may_see, arena_str(l->arena, department), NULL);
        *known = 1 + work_may_see(l->s, l->request->viewer.roles, l->request->viewer.user, &of);
    }
    return *known == 2;
}

static struct str network_of(const struct host_list *l, struct str ip)
{
    const struct asset_network *n =
        l->context && ip.n ? context_find_network(l->context, ip, l->now_ns) : NULL;
    return n ? arena_str(l->arena, n->zone.n ? n->zone : n->department) : STR_EMPTY;
}

static void gather(void *context, const struct fleet_host *h)
{
    struct host_list *l = context;
    const struct asset_host *asset = h->asset;
    struct str department = asset && asset->department.n ? asset->department : h->department;
    if (!may_see(l, department))
        return;
    struct str ip = h->ip.n || !asset || asset->ips.count == 0 ? h->ip : asset->ips.items[0];
    struct host_row row = {.name = arena_str(l->arena, h->name),
                           .ip = arena_str(l->arena, ip),
                           .department = arena_str(l->arena, department),
                           .network = network_of(l, ip),
                           .type = arena_str(l->arena, h->type),
                           .control = h->control,
                           .patches = h->patches,
                           .is_registered = asset != NULL,
                           .last_ns = h->last_ns};
    if (asset != NULL) {
        row.importance =
            l->context ? context_importance(l->context, asset, STR_EMPTY, l->now_ns) : asset->importance;
        row.roles.items = ARENA_ARRAY(l->arena, struct str, asset->roles.count + 1);
        for (uint32_t i = 0; i < asset->roles.count; i++)
            row.roles.items[row.roles.count++] = arena_str(l->arena, asset->roles.items[i]);
    }
    buf_bytes(&l->rows, &row, sizeof row);
}

static void gather_fleet(void *context, struct fleet *fleet, const struct asset_set *assets)
{
    struct host_list *l = context;
    fleet_walk(fleet, assets, l->now_ns, gather, l);
}

static void gather_risk(void *context, const struct risk *risk, const struct focus *focus, int64_t now_ns)
{
    struct host_list *l = context;
    struct host_row *rows = (void *)l->rows.p;
    for (size_t i = 0; i < l->rows.n / sizeof *rows; i++) {
        char name[RISK_NAME_MAX];
        struct str known = str_n(name, risk_name(RISK_HOST, rows[i].name, rows[i].ip, name));
        rows[i].is_watched = focus_named(focus, FOCUS_HOST, rows[i].name, l->now_ns) != NULL;
        rows[i].risk = known.n ? risk_index(risk, RISK_HOST, known, rows[i].is_watched, now_ns) : 0;
    }
}

/* ------------------------------------------------------- filtering and sorting */

static bool has_role(const struct host_row *row, struct str role)
{
    for (uint32_t i = 0; i < row->roles.count; i++)
        if (str_eq_nocase(row->roles.items[i], role))
            return true;
    return false;
}

static bool fits(struct str value, struct str wanted)
{
    return wanted.n == 0 || str_eq_nocase(value, wanted);
}

static bool is_asked_for(const struct host_row *row, const struct hosts_request *q)
{
    bool is_either = q->registered == HOSTS_ANY || row->is_registered == (q->registered == HOSTS_REGISTERED);
    return is_either && fits(row->department, q->department) && fits(row->network, q->network) &&
           fits(row->type, q->type) && fits(row->control, q->control) && fits(row->patches, q->patches) &&
           (q->role.n == 0 || has_role(row, q->role)) && row->importance >= q->importance &&
           row->risk >= (double)q->risk &&
           (q->text.n == 0 || str_contains_nocase(row->name, q->text) || str_contains(row->ip, q->text));
}

/* The gravest first when falling. */
static int gravity(struct str control)
{
    static const char *const order[] = {"healthy",  "exempt",  "absent", "never_seen", "unknown",
                                        "outdated", "missing", "silent", "off"};
    for (int i = 0; i < (int)COUNT_OF(order); i++)
        if (str_eq(control, str_c(order[i])))
            return i;
    return -1;
}

static int compare_real(double a, double b)
{
    return (a > b) - (a < b);
}

static int compare_time(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int in_order(const void *left, const void *right, void *context)
{
    const struct host_row *a = left, *b = right;
    const struct hosts_request *q = context;
    int order = 0;
    switch (q->order) {
    case HOSTS_BY_NAME:
        break;
    case HOSTS_BY_DEPARTMENT:
        order = str_compare(a->department, b->department);
        break;
    case HOSTS_BY_IMPORTANCE:
        order = a->importance - b->importance;
        break;
    case HOSTS_BY_CONTROL:
        order = gravity(a->control) - gravity(b->control);
        break;
    case HOSTS_BY_RISK:
        order = compare_real(a->risk, b->risk);
        break;
    case HOSTS_BY_SEEN:
        order = compare_time(a->last_ns, b->last_ns);
        break;
    }
    if (order == 0 && q->order != HOSTS_BY_NAME) /* among equals by name, whichever way */
        return str_compare(a->name, b->name);
    order = order ? order : str_compare(a->name, b->name);
    return q->is_falling ? -order : order;
}

static uint32_t keep_asked(struct host_list *l)
{
    struct host_row *rows = (void *)l->rows.p;
    uint32_t kept = 0;
    for (size_t i = 0; i < l->rows.n / sizeof *rows; i++)
        if (is_asked_for(&rows[i], l->request))
            rows[kept++] = rows[i];
    if (kept)
        qsort_r(rows, kept, sizeof *rows, in_order, (void *)l->request);
    return kept;
}

/* ------------------------------------------------------------------- answers */

static void put(struct json_writer *w, const char *key, struct str text)
{
    json_key(w, key);
    json_put_str(w, text);
}

static void put_row(struct json_writer *w, const struct host_row *row)
{
    json_begin_object(w);
    put(w, "host", row->name);
    put(w, "ip", row->ip);
    put(w, "department", row->department);
    put(w, "network", row->network);
    put(w, "type", row->type);
    json_key(w, "roles");
    json_begin_array(w);
    for (uint32_t i = 0; i < row->roles.count; i++)
        json_put_str(w, row->roles.items[i]);
    json_end_array(w);
    json_key(w, "importance");
    json_put_i64(w, row->importance);
    json_key(w, "registered");
    json_put_bool(w, row->is_registered);
    put(w, "control", row->control);
    put(w, "patches", row->patches);
    json_key(w, "risk");
    json_put_double(w, row->risk);
    put(w, "risk_level", str_c(risk_level(row->risk)));
    json_key(w, "watched");
    json_put_bool(w, row->is_watched);
    json_key(w, "last_seen");
    json_put_time(w, row->last_ns);
    json_end_object(w);
}

struct facet {
    struct map counts; /* value → hosts */
};

static void count_value(struct facet *f, struct str value)
{
    if (value.n)
        ++*map_put(&f->counts, value, NULL);
}

static int by_name(const void *left, const void *right)
{
    const struct map_entry *a = left, *b = right;
    return str_compare(a->key, b->key);
}

static void put_facet(struct json_writer *w, const char *name, struct facet *f)
{
    json_key(w, name);
    json_begin_array(w);
    if (f->counts.count)
        qsort(f->counts.entries, f->counts.count, sizeof *f->counts.entries, by_name);
    for (uint32_t i = 0; i < f->counts.count; i++) {
        json_begin_object(w);
        put(w, "value", f->counts.entries[i].key);
        json_key(w, "hosts");
        json_put_u64(w, f->counts.entries[i].value);
        json_end_object(w);
    }
    json_end_array(w);
    map_free(&f->counts);
}

/* What there is to filter by, of all hosts. */
static void put_facets(const struct host_list *l, struct json_writer *w)
{
    struct facet departments = {0}, networks = {0}, roles = {0}, types = {0}, controls = {0};
    const struct host_row *rows = (const void *)l->rows.p;
    for (size_t i = 0; i < l->rows.n / sizeof *rows; i++) {
        count_value(&departments, rows[i].department);
        count_value(&networks, rows[i].network);
        count_value(&types, rows[i].type);
        count_value(&controls, rows[i].control);
        for (uint32_t k = 0; k < rows[i].roles.count; k++)
            count_value(&roles, rows[i].roles.items[k]);
    }
    json_key(w, "facets");
    json_begin_object(w);
    put_facet(w, "department", &departments);
    put_facet(w, "network", &networks);
    put_facet(w, "role", &roles);
    put_facet(w, "type", &types);
    put_facet(w, "control", &controls);
    json_end_object(w);
}

/* A value that begins like a formula is none: spreadsheets must not run it. */
static void put_cell(struct buf *out, struct str text)
{
    bool is_formula = text.n && str_find_char(STR("=+-@\t\r"), text.p[0], 0) != STR_NOT_FOUND;
    buf_c(out, is_formula ? "\"'" : "\"");
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '"')
            buf_char(out, '"');
        buf_char(out, text.p[i]);
    }
    buf_char(out, '"');
}

static void put_csv_row(struct buf *out, const struct host_row *row)
{
    const struct str texts[] = {row->name, row->ip,      row->department, row->network,
                                row->type, row->control, row->patches};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        put_cell(out, texts[i]);
        buf_char(out, ',');
    }
    struct buf roles = {0}, time = {0};
    for (uint32_t i = 0; i < row->roles.count; i++) {
        buf_c(&roles, i ? ";" : "");
        buf_add(&roles, row->roles.items[i]);
    }
    struct json_writer w = {.out = &time};
    if (row->last_ns != TIME_UNKNOWN)
        json_put_time(&w, row->last_ns);
    put_cell(out, buf_str(&roles));
    buf_printf(out, ",%d,%s,%.1f,%s,%s\r\n", row->importance, row->is_registered ? "true" : "false",
               row->risk, row->is_watched ? "true" : "false", buf_cstr(&time));
    buf_free(&roles);
    buf_free(&time);
}

static void put_csv(const struct host_list *l, uint32_t count, struct buf *out)
{
    const struct host_row *rows = (const void *)l->rows.p;
    buf_c(out, "\xef\xbb\xbfhost,ip,department,network,type,control,patches,roles,importance,registered,risk,"
               "watched,last_seen\r\n");
    for (uint32_t i = 0; i < count; i++)
        put_csv_row(out, &rows[i]);
}

static void put_page(const struct host_list *l, uint32_t all, uint32_t count, struct json_writer *w)
{
    const struct host_row *rows = (const void *)l->rows.p;
    const struct hosts_request *q = l->request;
    json_key(w, "all");
    json_put_u64(w, all);
    json_key(w, "total");
    json_put_u64(w, count);
    json_key(w, "rows");
    json_begin_array(w);
    for (uint32_t i = q->offset; i < count && i - q->offset < q->limit; i++)
        put_row(w, &rows[i]);
    json_end_array(w);
}

static bool hosts(void *ctx, const struct hosts_request *request, struct arena *arena, struct buf *out,
                  struct console_failure *failure)
{
    struct server *s = ctx;
    struct context *context = engine_context(s->engine);
    struct host_list l = {
        .s = s, .request = request, .arena = arena, .context = context, .now_ns = clock_wall_ns()};
    bool ok = desk_ask_fleet(s->desk, gather_fleet, &l);
    if (ok) {
        struct json_writer w = {.out = out};
        desk_ask_risk(s->desk, gather_risk, &l);
        uint32_t all = (uint32_t)(l.rows.n / sizeof(struct host_row));
        if (!request->as_csv) {
            json_begin_object(&w);
            put_facets(&l, &w);
        }
        uint32_t count = keep_asked(&l);
        if (request->as_csv) {
            put_csv(&l, count, out);
        } else {
            put_page(&l, all, count, &w);
            json_end_object(&w);
        }
    } else {
        failure->status = 404;
        error_set(&failure->en, "This server learns nothing about hosts.");
        error_set(&failure->ja, "このサーバーはホストについて学習していません。");
    }
    context_unref(context);
    map_free(&l.may_see);
    buf_free(&l.rows);
    return ok;
}

void services_host_list(struct console_services *s)
{
    s->hosts = hosts;
}
