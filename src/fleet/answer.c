/* The fleet's answers as JSON: each question's counts (stage fleet; rows.c lists the hosts behind them).
 * States are as of the watermark. questions.c judges one host; estate.c speaks about departments and
 * products. */
#include "fleet/answer.h"

#include "base/memory.h"

/* ------------------------------------------------------------------ writing */

void answer_text(struct json_writer *w, const char *key, struct str text)
{
    json_key(w, key);
    json_put_str(w, text);
}

void answer_name(struct json_writer *w, const struct fleet *f, const char *key, name_id id)
{
    answer_text(w, key, text_of(f, id));
}

void answer_count(struct json_writer *w, const char *key, uint64_t n)
{
    json_key(w, key);
    json_put_u64(w, n);
}

void answer_real(struct json_writer *w, const char *key, double value)
{
    json_key(w, key);
    if (value < 0)
        json_put_null(w);
    else
        json_put_double(w, (double)(int64_t)(value * 1000 + 0.5) / 1000);
}

void answer_moment(struct json_writer *w, const char *key, int64_t time_ns)
{
    json_key(w, key);
    json_put_time(w, time_ns);
}

void answer_titled(struct json_writer *w, const struct titled *t)
{
    answer_text(w, "name", t->name);
    answer_text(w, "title", t->title_en);
    answer_text(w, "title_ja", t->title_ja);
}

const char *colour_name(enum colour c)
{
    static const char *const names[] = {"grey", "green", "amber", "red"};
    return names[c];
}

bool is_asked_by_name(const struct fleet_asking *asking, struct str host)
{
    return asking->host.n == 0 || str_eq_nocase(ip_host_label(asking->host), ip_host_label(host));
}

bool fleet_knows(struct fleet *f, struct str host)
{
    const struct fleet_asking asking = {.host = host};
    for (uint32_t i = 0; i < f->host_count; i++)
        if (is_asked_by_name(&asking, text_of(f, f->hosts[i]->shown)))
            return true;
    return false;
}

bool is_asked(const struct fleet *f, const struct fleet_asking *asking, const struct host *h)
{
    return (asking->department.n == 0 || str_eq(asking->department, text_of(f, h->department))) &&
           is_asked_by_name(asking, text_of(f, h->shown));
}

/* ---------------------------------------------------------------- inventory */

struct host *host_of_asset(struct fleet *f, const struct asset_host *asset)
{
    struct ip ip;
    struct host *h = host_by_name(f, asset->hostname, false);
    for (uint32_t i = 0; h == NULL && i < asset->ips.count; i++)
        if (ip_parse(asset->ips.items[i], &ip))
            h = host_by_address(f, &ip, f->watermark_ns, false);
    return h;
}

static void describe(struct fleet *f, struct host *h, const struct asset_host *asset)
{
    h->is_in_inventory = 1;
    if (asset->hostname.n && !h->is_nameless)
        h->shown = name_put(&f->names, asset->hostname);
    if (asset->department.n)
        h->department = name_put(&f->names, asset->department);
    if (asset->type.n)
        h->type = name_put(&f->names, asset->type);
    h->is_server = str_eq_nocase(asset->type, STR("server"));
    h->is_exempt = rules_lists(&f->rules->exempt_types, asset->type);
    for (uint32_t i = 0; i < asset->roles.count; i++) {
        struct str role = asset->roles.items[i];
        h->is_server |=
            str_ends_nocase(role, STR("-server")) || str_eq_nocase(role, STR("domain-controller"));
        h->is_exempt |= rules_lists(&f->rules->exempt_roles, role);
    }
}

static bool holds_now(const struct fleet *f, const struct asset_row *row)
{
    return f->watermark_ns >= row->valid_from_ns && f->watermark_ns < row->valid_to_ns;
}

/* What the inventory says now holds for every answer, whenever events came. */
void apply_inventory(struct fleet *f, const struct asset_set *assets)
{
    products_count(f);
    f->has_inventory = assets != NULL && assets->counts[ASSET_HOSTS] > 0;
    if (!f->has_inventory)
        return;
    for (uint32_t i = 0; i < f->host_count; i++)
        f->hosts[i]->is_in_inventory = 0;
    for (uint32_t i = 0; i < assets->counts[ASSET_HOSTS]; i++) {
        struct host *h = holds_now(f, &assets->hosts[i].row) ? host_of_asset(f, &assets->hosts[i]) : NULL;
        if (h != NULL)
            describe(f, h, &assets->hosts[i]);
    }
}

bool is_never_seen(struct fleet *f, const struct fleet_asking *asking, const struct asset_host *asset)
{
    return holds_now(f, &asset->row) && host_of_asset(f, asset) == NULL &&
           (asking->department.n == 0 || str_eq(asking->department, asset->department)) &&
           is_asked_by_name(asking, asset->hostname);
}

/* Of a host that may be forgotten by now. */
struct str shown_name(struct fleet *f, name_id host)
{
    const struct host *h = host_by_name(f, text_of(f, host), false);
    return text_of(f, h ? h->shown : host);
}

/* ------------------------------------------------------------------- counts */

struct counts {
    uint64_t of[STATES_MAX + 1];
};

static void count_late(const struct fleet *f, const struct fleet_asking *asking, struct counts *out)
{
    for (uint32_t i = 0; i < f->late_count; i++) {
        const struct late *l = &f->lates[i];
        if (f->watermark_ns - l->detected_ns <= hours_ns(24 * f->rules->times.late_shown_days) &&
            (asking->department.n == 0 || str_eq(asking->department, text_of(f, l->department))))
            out->of[l->basis ? 0 : 1]++;
    }
}

struct verdict ask(const struct fleet *f, enum fleet_question q, const struct host *h,
                   enum control_function function)
{
    struct verdict v = {.state = -1, .reason = ""};
    questions[q].judge(f, h, function, f->watermark_ns, &v);
    return v;
}

static void count_question(struct fleet *f, const struct fleet_asking *asking, enum fleet_question q,
                           struct counts *out)
{
    const struct question *question = &questions[q];
    bool is_each = question->function == FUNCTION_COUNT;
    if (q == QUESTION_LATE)
        count_late(f, asking, out);
    for (uint32_t i = 0; i < f->host_count; i++)
        for (unsigned n = is_each ? 0 : question->function;
             is_asked(f, asking, f->hosts[i]) && n < (is_each ? FUNCTION_COUNT : question->function + 1u);
             n++) {
            struct verdict v = ask(f, q, f->hosts[i], (enum control_function)n);
            if (v.state >= 0)
                out->of[v.state]++;
        }
    for (uint32_t i = 0;
         q == QUESTION_UNMANAGED && asking->assets != NULL && i < asking->assets->counts[ASSET_HOSTS]; i++)
        out->of[4] += is_never_seen(f, asking, &asking->assets->hosts[i]);
}

static enum colour colour_of(const struct fleet *f, double percent, uint64_t total)
{
    if (total == 0)
        return COLOUR_GREY;
    return percent < f->rules->colours.coverage_red_percent     ? COLOUR_RED
           : percent < f->rules->colours.coverage_amber_percent ? COLOUR_AMBER
                                                                : COLOUR_GREEN;
}

static void write_question(struct fleet *f, const struct fleet_asking *asking, enum fleet_question q,
                           struct json_writer *w)
{
    const struct question *question = &questions[q];
    struct counts counts = {0};
    uint64_t total = 0, good = 0;
    count_question(f, asking, q, &counts);
    for (unsigned i = 0; question->states[i].name != NULL; i++) {
        total += question->states[i].counts ? counts.of[i] : 0;
        good += question->states[i].is_good ? counts.of[i] : 0;
    }
    double percent = total ? 100.0 * (double)good / (double)total : -1;
    enum colour colour = colour_of(f, percent, total);
    if (q == QUESTION_LATE) /* one is one too many */
        colour = total ? COLOUR_RED : COLOUR_GREEN;
    json_begin_object(w);
    answer_text(w, "question", str_c(question->name));
    answer_text(w, "reference", str_c(question->reference));
    answer_count(w, "total", total);
    answer_count(w, "good", good);
    answer_real(w, "percent", q == QUESTION_LATE ? -1 : percent);
    answer_text(w, "colour", str_c(colour_name(colour)));
    json_key(w, "states");
    json_begin_array(w);
    for (unsigned i = 0; question->states[i].name != NULL; i++) {
        json_begin_object(w);
        answer_text(w, "state", str_c(question->states[i].name));
        answer_text(w, "colour", str_c(colour_name(question->states[i].colour)));
        answer_count(w, "count", counts.of[i]);
        json_end_object(w);
    }
    json_end_array(w);
    json_end_object(w);
}

static void write_hosts(const struct fleet *f, const struct fleet_asking *asking, struct json_writer *w)
{
    uint64_t known = 0, present = 0, registered = 0, servers = 0;
    for (uint32_t i = 0; i < f->host_count; i++) {
        const struct host *h = f->hosts[i];
        if (!is_asked(f, asking, h))
            continue;
        known++;
        present += host_is_present(f, h, f->watermark_ns);
        registered += h->is_in_inventory;
        servers += h->is_server;
    }
    json_key(w, "hosts");
    json_begin_object(w);
    answer_count(w, "known", known);
    answer_count(w, "present", present);
    answer_count(w, "registered", registered);
    answer_count(w, "servers", servers);
    json_end_object(w);
}

static void write_limits(const struct fleet *f, struct json_writer *w)
{
    struct fleet_counters c = fleet_counters(f);
    json_key(w, "limits");
    json_begin_object(w);
    answer_count(w, "dropped_hosts", c.dropped_hosts);
    answer_count(w, "dropped_gateways", c.dropped_gateways);
    answer_count(w, "dropped_hashes", c.dropped_hashes);
    answer_count(w, "dropped_versions", c.dropped_versions);
    answer_count(w, "dropped_names", c.dropped_names);
    json_end_object(w);
    json_key(w, "unknown_words");
    json_begin_array(w);
    for (uint32_t i = 0; i < f->word_count; i++)
        json_put_str(w, text_of(f, f->words[i].name));
    json_end_array(w);
}

static void write_reasons(const struct fleet *f, struct json_writer *w)
{
    json_key(w, "refusal_reasons");
    json_begin_array(w);
    for (uint32_t i = 0; i < f->reason_count; i++) {
        json_begin_object(w);
        answer_name(w, f, "reason", f->reasons[i].name);
        answer_count(w, "count", f->reasons[i].count);
        answer_moment(w, "last", f->reasons[i].last_ns);
        json_end_object(w);
    }
    json_end_array(w);
}

void fleet_summary(struct fleet *f, const struct fleet_asking *asking, struct json_writer *w)
{
    apply_inventory(f, asking->assets);
    answer_moment(w, "as_of", f->watermark_ns);
    answer_text(w, "rules_version", f->rules->version);
    write_hosts(f, asking, w);
    json_key(w, "questions");
    json_begin_array(w);
    for (unsigned q = 0; q < QUESTION_COUNT; q++)
        write_question(f, asking, (enum fleet_question)q, w);
    json_end_array(w);
    estate_matrix(f, asking, w);
    estate_propagation(f, asking, w);
    estate_uniformity(f, asking, w);
    estate_scans(f, asking, w);
    estate_products(f, asking, w);
    write_reasons(f, w);
    write_limits(f, w);
}
