/* The hosts behind each figure, with what their state was judged by (stage fleet). answer.c has the figures.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "fleet/answer.h"

struct row {
    const struct host *host; /* NULL: a late detection, or a host that only the inventory knows */
    const struct late *late;
    const struct asset_host *asset;
    enum control_function function;
    struct str name;
    struct verdict verdict;
    enum colour colour;
};

struct row_list {
    struct row *items;
    uint32_t count, capacity;
    const struct question *question;
    const struct fleet_asking *asking;
};

static void add_row(struct row_list *list, struct row row)
{
    const struct state_kind *kind = &list->question->states[row.verdict.state];
    if (list->asking->state.n && !str_eq(list->asking->state, str_c(kind->name)))
        return;
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 256;
        list->items = memory_resize_array(list->items, list->capacity, sizeof *list->items);
    }
    row.colour = kind->colour;
    list->items[list->count++] = row;
}

static int by_gravity(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    if (a->colour != b->colour)
        return a->colour < b->colour ? 1 : -1;
    if (a->verdict.state != b->verdict.state)
        return a->verdict.state < b->verdict.state ? -1 : 1;
    int order = str_compare(a->name, b->name);
    return order ? order : (int)a->function - (int)b->function;
}

static void collect_hosts(struct fleet *f, enum fleet_question q, struct row_list *list)
{
    bool is_each = list->question->function == FUNCTION_COUNT;
    for (uint32_t i = 0; i < f->host_count; i++) {
        const struct host *h = f->hosts[i];
        for (unsigned n = is_each ? 0 : list->question->function;
             is_asked(f, list->asking, h) && n < (is_each ? FUNCTION_COUNT : list->question->function + 1u);
             n++) {
            struct verdict v = ask(f, q, h, (enum control_function)n);
            if (v.state >= 0)
                add_row(list, (struct row){.host = h,
                                           .function = (enum control_function)n,
                                           .name = text_of(f, h->shown),
                                           .verdict = v});
        }
    }
}

static void collect_others(struct fleet *f, enum fleet_question q, struct row_list *list)
{
    const struct fleet_asking *asking = list->asking;
    for (uint32_t i = 0; q == QUESTION_LATE && i < f->late_count; i++) {
        const struct late *l = &f->lates[i];
        if (f->watermark_ns - l->detected_ns <= hours_ns(24 * f->rules->times.late_shown_days) &&
            (asking->department.n == 0 || str_eq(asking->department, text_of(f, l->department))) &&
            is_asked_by_name(asking, shown_name(f, l->host)))
            add_row(list, (struct row){.late = l,
                                       .host = host_by_name(f, text_of(f, l->host), false),
                                       .name = shown_name(f, l->host),
                                       .verdict = {.state = l->basis ? 0 : 1, .reason = ""}});
    }
    for (uint32_t i = 0;
         q == QUESTION_UNMANAGED && asking->assets != NULL && i < asking->assets->counts[ASSET_HOSTS]; i++) {
        const struct asset_host *asset = &asking->assets->hosts[i];
        if (is_never_seen(f, asking, asset))
            add_row(list,
                    (struct row){.asset = asset,
                                 .name = asset->hostname.n || asset->ips.count == 0 ? asset->hostname
                                                                                    : asset->ips.items[0],
                                 .verdict = {.state = 4, .reason = ""}});
    }
}

/* ---------------------------------------------------------- details of a row */

static void detail_version(const struct fleet *f, const struct row *r, struct json_writer *w)
{
    const struct verdict *v = &r->verdict;
    if (v->held == NULL)
        return;
    answer_name(w, f, "version", v->held->name);
    answer_moment(w, "version_since", v->held->since_ns);
    answer_name(w, f, "newest", v->lag.newest);
    answer_count(w, "versions_behind", v->lag.versions);
    answer_real(w, "hours_behind", v->lag.colour == LAG_UNKNOWN ? -1 : v->lag.hours);
    json_key(w, "hours_are_least");
    json_put_bool(w, v->lag.is_least);
    if (v->line == NULL)
        return;
    answer_text(w, "line_current", v->line->current);
    answer_text(w, "line_allowed", v->line->allowed);
    answer_text(w, "line_by", v->line->by);
    answer_text(w, "line_date", v->line->date);
    answer_text(w, "line_reason", v->line->reason);
}

static const char *tri_name(enum tri t)
{
    return t == TRI_YES ? "on" : t == TRI_NO ? "off" : "unknown";
}

static void detail_control(const struct fleet *f, const struct control *c, struct json_writer *w)
{
    int64_t interval_ns = control_interval_ns(f, c);
    answer_moment(w, "last_heartbeat", c->heartbeat_ns);
    answer_real(w, "interval_minutes", is_known(interval_ns) ? (double)interval_ns / 60e9 : -1);
    answer_text(w, "service", str_c(tri_name(c->service)));
    answer_text(w, "realtime", str_c(tri_name(c->realtime)));
    answer_text(w, "enabled", str_c(tri_name(c->enabled)));
    answer_moment(w, "tampered", c->tamper_ns);
}

static void detail_updates(const struct control *c, struct json_writer *w)
{
    double days = is_known(c->first_update_ns) ? (double)(c->update_ns - c->first_update_ns) / 86400e9 : 0;
    answer_moment(w, "last_update", c->update_ns);
    answer_moment(w, "last_failed_update", c->update_failed_ns);
    answer_count(w, "failed_updates", c->update_failures);
    answer_real(w, "updates_per_day", days > 0 ? (c->updates - 1) / days : -1);
}

static void detail_scans(const struct control *c, struct json_writer *w)
{
    answer_moment(w, "last_completed", c->scan_completed_ns);
    answer_moment(w, "last_started", c->scan_started_ns);
    answer_moment(w, "unended_since", c->scan_from_ns);
    answer_real(w, "took_hours", c->scan_took_ns > 0 ? (double)c->scan_took_ns / 3600e9 : -1);
    answer_count(w, "cancelled", c->scans_cancelled);
    answer_count(w, "failed", c->scans_failed);
    answer_real(w, "skipped_share",
                c->scan_files > 0 && c->scan_skipped >= 0 ? (double)c->scan_skipped / (double)c->scan_files
                                                          : -1);
}

static void detail_policy(const struct fleet *f, const struct control *c, struct json_writer *w)
{
    answer_name(w, f, "policy", c->policy);
    answer_name(w, f, "assigned_policy", c->assigned_policy);
    answer_count(w, "contradictions", c->contradictions);
    answer_moment(w, "contradicted", c->contradiction_ns);
    answer_count(w, "contradicted_port", c->contradiction_port);
    answer_text(w, "contradicted_direction",
                !c->contradictions         ? STR_EMPTY
                : c->contradiction_inbound ? STR("inbound")
                                           : STR("outbound"));
}

static void detail_late(struct fleet *f, const struct late *l, struct json_writer *w)
{
    struct sighting *s = l->file ? sighting_find(&f->sightings, l->file, l->detected_ns, false) : NULL;
    answer_name(w, f, "malware", l->malware);
    answer_name(w, f, "path", l->path);
    answer_name(w, f, "hash", l->hash_text);
    answer_moment(w, "detected", l->detected_ns);
    answer_moment(w, "first_seen", l->first_ns);
    answer_real(w, "dwell_hours", l->basis ? (double)(l->detected_ns - l->first_ns) / 3600e9 : -1);
    answer_text(w, "basis",
                l->basis == LATE_BY_FILE_TIME ? STR("file_time")
                : l->basis == LATE_BY_SIGHT   ? STR("first_sight")
                                              : STR("unknown"));
    answer_moment(w, "timeline_from", l->basis ? l->first_ns - hours_ns(1) : TIME_UNKNOWN);
    json_key(w, "other_hosts");
    json_begin_array(w);
    for (uint32_t i = 0; s != NULL && i < s->host_count && i < SIGHTING_HOSTS; i++)
        if (s->hosts[i] != l->host)
            json_put_str(w, shown_name(f, s->hosts[i]));
    json_end_array(w);
}

static void detail_refusals(const struct fleet *f, const struct host *h, struct json_writer *w)
{
    answer_count(w, "refusals", h->refusals);
    answer_count(w, "attempts", h->attempts);
    answer_moment(w, "last_refusal", h->refusal_ns);
    answer_name(w, f, "refusal_reason", h->refusal_reason);
}

static void detail_patches(const struct fleet *f, const struct host *h, struct json_writer *w)
{
    answer_moment(w, "reported", h->patch_ns);
    json_key(w, "missing");
    json_begin_array(w);
    for (uint32_t i = 0; i < h->patch_count; i++)
        json_put_str(w, text_of(f, h->patches[i].id));
    json_end_array(w);
    answer_moment(w, "released", h->patch_count ? h->patches[0].released_ns : TIME_UNKNOWN);
}

static void write_detail(struct fleet *f, enum fleet_question q, const struct row *r, struct json_writer *w)
{
    const struct control *c = r->host ? r->host->controls[r->function] : NULL;
    json_key(w, "detail");
    json_begin_object(w);
    if (q == QUESTION_LATE)
        detail_late(f, r->late, w);
    else if (q == QUESTION_REFUSALS)
        detail_refusals(f, r->host, w);
    else if (q == QUESTION_PATCHES)
        detail_patches(f, r->host, w);
    else {
        detail_version(f, r, w);
        if (c != NULL && (q == QUESTION_AGENTS || q == QUESTION_TAMPERING || q == QUESTION_COVERAGE ||
                          q == QUESTION_FUNCTIONS))
            detail_control(f, c, w);
        if (c != NULL && q == QUESTION_UPDATES)
            detail_updates(c, w);
        if (c != NULL && (q == QUESTION_FULL_SCANS || q == QUESTION_SCAN_DURATIONS))
            detail_scans(c, w);
        if (c != NULL && q == QUESTION_FIREWALL_POLICY)
            detail_policy(f, c, w);
    }
    json_end_object(w);
}

struct str host_newest_address(const struct host *h, char text[IP_TEXT_MAX])
{
    const struct host_address *newest = NULL;
    for (uint32_t i = 0; i < h->address_count; i++)
        if (newest == NULL || h->addresses[i].seen_ns > newest->seen_ns)
            newest = &h->addresses[i];
    return newest ? str_n(text, ip_format(&newest->ip, text)) : STR_EMPTY;
}

static void write_row(struct fleet *f, enum fleet_question q, const struct row *r, struct json_writer *w)
{
    char text[IP_TEXT_MAX];
    const struct host *h = r->host;
    const struct control *c = h ? h->controls[r->function] : NULL;
    uint32_t product = r->late ? r->late->product : c ? c->product : 0;
    json_begin_object(w);
    answer_text(w, "host", r->name);
    answer_text(w, "ip",
                h                                 ? host_newest_address(h, text)
                : r->asset && r->asset->ips.count ? r->asset->ips.items[0]
                                                  : STR_EMPTY);
    answer_text(w, "department",
                r->asset  ? r->asset->department
                : r->late ? text_of(f, r->late->department)
                : h       ? text_of(f, h->department)
                          : STR_EMPTY);
    answer_text(w, "site", h ? text_of(f, h->site) : STR_EMPTY);
    answer_text(w, "type", r->asset ? r->asset->type : h ? text_of(f, h->type) : STR_EMPTY);
    json_key(w, "server");
    json_put_bool(w, h != NULL && h->is_server);
    json_key(w, "registered");
    json_put_bool(w, r->asset != NULL || (h != NULL && h->is_in_inventory));
    answer_text(w, "control", h ? f->rules->functions[r->function].name : STR_EMPTY);
    answer_text(w, "product", product ? text_of(f, product_at(f, product)->name) : STR_EMPTY);
    answer_text(w, "state", str_c(questions[q].states[r->verdict.state].name));
    answer_text(w, "colour", str_c(colour_name(r->colour)));
    answer_text(w, "reason", str_c(r->verdict.reason));
    answer_moment(w, "last_seen", h ? h->last_ns : r->late ? r->late->detected_ns : TIME_UNKNOWN);
    answer_moment(w, "last_traffic", h ? h->traffic_ns : TIME_UNKNOWN);
    write_detail(f, q, r, w);
    json_end_object(w);
}

void fleet_rows(struct fleet *f, enum fleet_question q, const struct fleet_asking *asking,
                struct json_writer *w)
{
    struct row_list list = {.question = &questions[q], .asking = asking};
    apply_inventory(f, asking->assets);
    collect_hosts(f, q, &list);
    collect_others(f, q, &list);
    if (list.count)
        qsort(list.items, list.count, sizeof *list.items, by_gravity);
    answer_moment(w, "as_of", f->watermark_ns);
    answer_text(w, "question", fleet_question_name(q));
    answer_count(w, "total", list.count);
    json_key(w, "rows");
    json_begin_array(w);
    for (uint32_t i = asking->offset; i < list.count && i - asking->offset < asking->limit; i++)
        write_row(f, q, &list.items[i], w);
    json_end_array(w);
    memory_free(list.items);
}
