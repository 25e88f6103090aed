/* The estate as a whole: control × threat by department (S9), uniformity (S11), propagation (S33), products,
 * vendors on each path and the installed-only badge (S16, S20). Stage fleet. */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "fleet/answer.h"
#include "fleet/spread.h"

/* ----------------------------------------------------------- by department */

struct department {
    name_id name;
    uint32_t hosts, with[THREAT_COUNT];
    uint32_t first, count; /* of its combinations */
};

static int by_name_id(const void *left, const void *right)
{
    const struct department *a = left, *b = right;
    return a->name < b->name ? -1 : a->name > b->name;
}

static struct department *departments_of(struct fleet *f, const struct fleet_asking *asking, uint32_t *count)
{
    struct map numbers = {0};
    struct department *all = NEW_ARRAY(struct department, f->host_count + 1);
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->host_count; i++) {
        const struct host *h = f->hosts[i];
        if (!host_is_present(f, h, f->watermark_ns) || h->is_exempt || !is_asked(f, asking, h))
            continue;
        uintptr_t *at = map_put(&numbers, text_of(f, h->department), NULL);
        if (*at == 0)
            *at = ++n;
        struct department *d = &all[*at - 1];
        d->name = h->department;
        d->hosts++;
        for (unsigned t = 0; t < THREAT_COUNT; t++) {
            bool is_met = false;
            for (unsigned c = 0; c < FUNCTION_COUNT; c++)
                is_met |= (f->rules->threat_functions[t] >> c & 1) &&
                          agent_state(f, h, (enum control_function)c, f->watermark_ns).state == AGENT_UP;
            d->with[t] += is_met;
        }
    }
    map_free(&numbers);
    if (n)
        qsort(all, n, sizeof *all, by_name_id);
    *count = n;
    return all;
}

void estate_matrix(struct fleet *f, const struct fleet_asking *asking, struct json_writer *w)
{
    uint32_t count;
    struct department *all = departments_of(f, asking, &count);
    json_key(w, "matrix");
    json_begin_object(w);
    json_key(w, "threats");
    json_begin_array(w);
    for (unsigned t = 0; t < THREAT_COUNT; t++) {
        json_begin_object(w);
        answer_titled(w, &f->rules->threats[t]);
        json_end_object(w);
    }
    json_end_array(w);
    json_key(w, "departments");
    json_begin_array(w);
    for (uint32_t i = 0; i < count; i++) {
        json_begin_object(w);
        answer_name(w, f, "department", all[i].name);
        answer_count(w, "hosts", all[i].hosts);
        json_key(w, "covered");
        json_begin_array(w);
        for (unsigned t = 0; t < THREAT_COUNT; t++)
            json_put_u64(w, all[i].with[t]);
        json_end_array(w);
        json_end_object(w);
    }
    json_end_array(w);
    json_end_object(w);
    memory_free(all);
}

/* -------------------------------------------------------------- uniformity */

struct combination {
    name_id department, version, policy;
    uint32_t product, hosts;
};

static int by_kind(const void *left, const void *right)
{
    const struct combination *a = left, *b = right;
    const uint32_t x[] = {a->department, a->product, a->version, a->policy};
    const uint32_t y[] = {b->department, b->product, b->version, b->policy};
    for (unsigned i = 0; i < COUNT_OF(x); i++)
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    return 0;
}

static int by_department_and_rarity(const void *left, const void *right)
{
    const struct combination *a = left, *b = right;
    if (a->department != b->department)
        return a->department < b->department ? -1 : 1;
    return a->hosts != b->hosts ? (a->hosts < b->hosts ? -1 : 1) : by_kind(left, right);
}

/* Equal ones become one with their number. */
static uint32_t combine(struct fleet *f, const struct fleet_asking *asking, struct combination *all)
{
    uint32_t n = 0, kept = 0;
    for (uint32_t i = 0; i < f->host_count; i++) {
        const struct host *h = f->hosts[i];
        const struct control *c = h->controls[FUNCTION_ANTIVIRUS];
        if (c != NULL && !c->is_removed && host_is_present(f, h, f->watermark_ns) && is_asked(f, asking, h))
            all[n++] = (struct combination){h->department, c->held[COMPONENT_PRODUCT].name, c->policy,
                                            c->product, 1};
    }
    if (n == 0)
        return 0;
    qsort(all, n, sizeof *all, by_kind);
    for (uint32_t i = 1; i < n; i++)
        if (by_kind(&all[kept], &all[i]) == 0)
            all[kept].hosts++;
        else
            all[++kept] = all[i];
    qsort(all, kept + 1, sizeof *all, by_department_and_rarity);
    return kept + 1;
}

/* 1 − H / ln n: 1 when all hosts of the department are alike, 0 when no two are. */
static double uniformity(const struct combination *c, uint32_t count, uint32_t hosts)
{
    double entropy = 0;
    for (uint32_t i = 0; i < count; i++) {
        double p = (double)c[i].hosts / hosts;
        entropy -= p * log(p);
    }
    return hosts > 1 ? 1 - entropy / log(hosts) : 1;
}

static void write_uniformity(struct fleet *f, const struct combination *c, uint32_t count,
                             struct json_writer *w)
{
    uint32_t hosts = 0, most = (uint32_t)f->rules->colours.minority_combinations;
    for (uint32_t i = 0; i < count; i++)
        hosts += c[i].hosts;
    json_begin_object(w);
    answer_name(w, f, "department", c->department);
    answer_count(w, "hosts", hosts);
    answer_count(w, "combinations", count);
    double index = uniformity(c, count, hosts);
    answer_real(w, "uniformity", index > 0 ? index : 0);
    json_key(w, "minorities");
    json_begin_array(w);
    for (uint32_t i = 0; i + 1 < count && i < most; i++) {
        json_begin_object(w);
        answer_text(w, "product", c[i].product ? text_of(f, product_at(f, c[i].product)->name) : STR_EMPTY);
        answer_name(w, f, "version", c[i].version);
        answer_name(w, f, "policy", c[i].policy);
        answer_count(w, "hosts", c[i].hosts);
        json_end_object(w);
    }
    json_end_array(w);
    json_end_object(w);
}

void estate_uniformity(struct fleet *f, const struct fleet_asking *asking, struct json_writer *w)
{
    struct combination *all = NEW_ARRAY(struct combination, f->host_count + 1);
    uint32_t count = combine(f, asking, all);
    json_key(w, "uniformity");
    json_begin_array(w);
    for (uint32_t from = 0, to; from < count; from = to) {
        for (to = from; to < count && all[to].department == all[from].department; to++)
            ;
        write_uniformity(f, all + from, to - from, w);
    }
    json_end_array(w);
    memory_free(all);
}

/* ------------------------------------------------------------- propagation */

static void write_spread(const struct fleet *f, struct part part, const struct spread *s, uint32_t count,
                         struct json_writer *w)
{
    static const char *const keys[SPREAD_POINTS] = {"hours_50", "hours_90", "hours_95", "hours_99"};
    struct spread_judgement j = spread_judge(f, s, count, f->watermark_ns);
    answer_name(w, f, "department", part.department);
    answer_count(w, "reached", s->reached);
    answer_count(w, "behind", s->behind);
    for (unsigned i = 0; i < SPREAD_POINTS; i++)
        answer_real(w, keys[i], s->hours[i]);
    answer_count(w, "history", j.history);
    answer_real(w, "usual_hours_90", j.history ? j.median : -1);
    json_key(w, "z");
    if (j.history)
        json_put_double(w, j.z);
    else
        json_put_null(w);
    answer_text(w, "judgement",
                j.history == 0 ? STR("unknown")
                : j.is_delayed ? STR("delayed")
                               : STR("in_time"));
}

/* The S-curve of the latest release: hours and hosts that had it by then, in at most twenty steps. */
static int by_after(const void *left, const void *right)
{
    const struct adoption *a = left, *b = right;
    return a->after_seconds < b->after_seconds ? -1 : a->after_seconds > b->after_seconds;
}

static void write_curve(const struct release *r, struct json_writer *w)
{
    json_key(w, "curve");
    json_begin_array(w);
    if (r->adoption_count)
        qsort(r->adoptions, r->adoption_count, sizeof *r->adoptions, by_after);
    for (uint32_t step = 1; step <= 20 && r->adoption_count; step++) {
        uint32_t rank = (r->adoption_count * step + 19) / 20;
        json_begin_object(w);
        answer_real(w, "hours", r->adoptions[rank - 1].after_seconds / 3600.0);
        answer_count(w, "hosts", rank);
        json_end_object(w);
    }
    json_end_array(w);
}

static void write_parts(struct fleet *f, uint32_t product, struct json_writer *w)
{
    struct spread spreads[RELEASES_JUDGED];
    struct map seen = {0};
    json_key(w, "departments");
    json_begin_array(w);
    for (uint32_t i = 0; i < f->host_count; i++) {
        const struct host *h = f->hosts[i];
        const struct control *c = h->controls[FUNCTION_ANTIVIRUS];
        bool is_new = false;
        if (c == NULL || c->product != product || h->department == 0)
            continue;
        map_put(&seen, text_of(f, h->department), &is_new);
        struct part part = {h->department, 0};
        uint32_t count = is_new && seen.count <= 64 ? spread_measure(f, product, part, spreads) : 0;
        if (count == 0)
            continue;
        json_begin_object(w);
        write_spread(f, part, spreads, count, w);
        json_end_object(w);
    }
    json_end_array(w);
    map_free(&seen);
}

void estate_propagation(struct fleet *f, const struct fleet_asking *asking, struct json_writer *w)
{
    struct spread spreads[RELEASES_JUDGED];
    (void)asking;
    json_key(w, "propagation");
    json_begin_array(w);
    for (uint32_t p = 1; p <= f->product_count; p++) {
        const struct product *product = product_at(f, p);
        uint32_t count = product->hosts ? spread_measure(f, p, (struct part){0, 0}, spreads) : 0;
        if (count == 0)
            continue;
        json_begin_object(w);
        answer_name(w, f, "product", product->name);
        answer_name(w, f, "version", spreads[0].release->name);
        answer_moment(w, "released", spreads[0].release->first_ns);
        write_spread(f, (struct part){0, 0}, spreads, count, w);
        write_curve(spreads[0].release, w);
        write_parts(f, p, w);
        json_end_object(w);
    }
    json_end_array(w);
}

/* ---------------------------------------------------------------- products */

/* For each product, which paths it guards. */
static void find_paths(const struct fleet *f, uint32_t paths[PRODUCTS_MAX])
{
    memset(paths, 0, PRODUCTS_MAX * sizeof *paths);
    for (uint32_t i = 0; i < f->gateway_count; i++)
        paths[f->gateways[i].product] |= f->gateways[i].paths;
    for (uint32_t i = 0; i < f->host_count; i++) {
        const struct control *c = f->hosts[i]->controls[FUNCTION_ANTIVIRUS];
        if (c != NULL && !c->is_removed)
            paths[c->product] |= f->hosts[i]->is_server ? PATH_SERVER : PATH_CLIENT;
    }
}

static const struct {
    enum path_bits bit;
    const char *name;
} path_names[] = {{PATH_MAIL, "mail"}, {PATH_WEB, "web"}, {PATH_SERVER, "server"}, {PATH_CLIENT, "client"}};

/* A product that names no vendor is its own. */
static struct str vendor_of(const struct fleet *f, const struct product *p)
{
    return text_of(f, p->vendor ? p->vendor : p->name);
}

/* S20. Each criterion is met, not met, or unknown; unknown is not met. */
static void write_badge(const struct fleet *f, const struct fleet_asking *asking, uint32_t number,
                        struct json_writer *w)
{
    static const char *const keys[] = {"arriving",     "updates_current", "policy_of_our_own",
                                       "acknowledged", "reviewed",        "tested"};
    static const char *const names[] = {"unknown", "no", "yes"};
    const struct product *p = product_at(f, number);
    const struct versions *v = &p->versions[COMPONENT_PATTERN];
    uint32_t own = 0, standard = 0, score = 0;
    enum fleet_answer answers[6] = {ANSWER_UNKNOWN};
    for (uint32_t i = 0; i < f->host_count; i++)
        for (unsigned n = 0; n < FUNCTION_COUNT; n++) {
            const struct control *c = f->hosts[i]->controls[n];
            if (c == NULL || c->product != number || c->policy == 0)
                continue;
            *(rules_lists(&f->rules->default_policies, text_of(f, c->policy)) ? &standard : &own) += 1;
        }
    answers[0] =
        f->watermark_ns - p->last_ns <= hours_ns(f->rules->badge.arriving_hours) ? ANSWER_YES : ANSWER_NO;
    if (v->count)
        answers[1] =
            f->watermark_ns - v->items[v->count - 1].first_ns <= hours_ns(f->rules->badge.updates_hours)
                ? ANSWER_YES
                : ANSWER_NO;
    if (own + standard)
        answers[2] = own > standard ? ANSWER_YES : ANSWER_NO;
    for (uint32_t i = 0; i < asking->care_count; i++)
        if (str_eq_nocase(asking->care[i].product, text_of(f, p->name))) {
            answers[3] = asking->care[i].acknowledged;
            answers[4] = asking->care[i].reviewed;
        }
    if (is_known(p->tested_ns))
        answers[5] = f->watermark_ns - p->tested_ns <= hours_ns(24 * f->rules->badge.test_days) ? ANSWER_YES
                                                                                                : ANSWER_NO;
    for (unsigned i = 0; i < COUNT_OF(keys); i++) {
        answer_text(w, keys[i], str_c(names[answers[i]]));
        score += answers[i] == ANSWER_YES;
    }
    answer_count(w, "score", score);
    json_key(w, "installed_only");
    json_put_bool(w, score < f->rules->badge.least);
}

static void write_product(struct fleet *f, const struct fleet_asking *asking, uint32_t number, uint32_t paths,
                          struct json_writer *w)
{
    const struct product *p = product_at(f, number);
    json_begin_object(w);
    answer_name(w, f, "product", p->name);
    answer_text(w, "vendor", vendor_of(f, p));
    answer_count(w, "hosts", p->hosts);
    answer_count(w, "events", p->events);
    answer_count(w, "alarms", p->alarms);
    answer_moment(w, "last", p->last_ns);
    json_key(w, "paths");
    json_begin_array(w);
    for (unsigned i = 0; i < COUNT_OF(path_names); i++)
        if (paths & path_names[i].bit)
            json_put_c(w, path_names[i].name);
    json_end_array(w);
    write_badge(f, asking, number, w);
    json_end_object(w);
}

/* S16: which vendors watch each path; one that stands alone there, or at the gateways and on the clients too,
 * is flagged: what it misses, nobody sees. */
static void write_path(const struct fleet *f, const uint32_t *paths, unsigned which, struct json_writer *w)
{
    struct map vendors = {0}, on_hosts = {0};
    bool is_gateway = path_names[which].bit & (PATH_MAIL | PATH_WEB), is_at_both = false;
    for (uint32_t i = 1; i <= f->product_count; i++)
        if (paths[i] & (PATH_CLIENT | PATH_SERVER))
            map_put(&on_hosts, vendor_of(f, product_at(f, i)), NULL);
    json_begin_object(w);
    answer_text(w, "path", str_c(path_names[which].name));
    json_key(w, "vendors");
    json_begin_array(w);
    for (uint32_t i = 1; i <= f->product_count; i++) {
        struct str vendor = vendor_of(f, product_at(f, i));
        bool is_new = false;
        if (paths[i] & path_names[which].bit)
            map_put(&vendors, vendor, &is_new);
        if (!is_new)
            continue;
        json_put_str(w, vendor);
        is_at_both |= is_gateway && map_find(&on_hosts, vendor) != NULL;
    }
    json_end_array(w);
    json_key(w, "one_vendor");
    json_put_bool(w, vendors.count == 1);
    json_key(w, "same_as_hosts");
    json_put_bool(w, is_at_both);
    json_end_object(w);
    map_free(&vendors);
    map_free(&on_hosts);
}

static void write_catches(const struct fleet *f, struct json_writer *w)
{
    json_key(w, "catches");
    json_begin_array(w);
    for (uint32_t i = 0; i < f->catch_count; i++) {
        const struct catch *c = &f->catches[i];
        json_begin_object(w);
        answer_text(w, "passed", text_of(f, product_at(f, c->passed_product)->name));
        answer_text(w, "caught", text_of(f, product_at(f, c->caught_product)->name));
        answer_count(w, "count", c->count);
        json_end_object(w);
    }
    json_end_array(w);
}

void estate_products(struct fleet *f, const struct fleet_asking *asking, struct json_writer *w)
{
    uint32_t paths[PRODUCTS_MAX];
    find_paths(f, paths);
    json_key(w, "products");
    json_begin_array(w);
    for (uint32_t i = 1; i <= f->product_count; i++)
        write_product(f, asking, i, paths[i], w);
    json_end_array(w);
    json_key(w, "paths");
    json_begin_array(w);
    for (unsigned i = 0; i < COUNT_OF(path_names); i++)
        write_path(f, paths, i, w);
    json_end_array(w);
    write_catches(f, w);
}

/* ------------------------------------------------------- for the program */

const struct fleet_class *fleet_classes(const struct fleet *f, uint32_t *count)
{
    *count = f->rules->class_count;
    return f->rules->classes;
}

const struct str *fleet_gateway_categories(const struct fleet *f, uint32_t *count, int64_t *down_ns)
{
    *count = f->rules->gateway_category_count;
    *down_ns = minutes_ns(f->rules->gateway_down_minutes);
    return f->rules->gateway_categories;
}

struct fleet_badge_times fleet_badge_times(const struct fleet *f)
{
    const struct fleet_badge *b = &f->rules->badge;
    return (struct fleet_badge_times){hours_ns(b->acknowledge_hours), hours_ns(24 * b->review_days)};
}
