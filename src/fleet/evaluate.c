/* What the passing of time makes true, each few minutes of event time: agents that are silent while their
 * hosts speak (S10), releases that spread too slowly (S33), hosts to forget (stage fleet). */
#include "base/memory.h"
#include "fleet/spread.h"
#include "fleet/states.h"

#define MAX_DEPARTMENTS 64

/* ----------------------------------------------------------------- silence */

struct silence {
    uint32_t agents, silent; /* of a product: all, newly silent */
    bool is_together;
};

static bool is_newly_silent(const struct fleet *f, const struct control *c)
{
    return c != NULL && !c->silent_told && !c->is_removed && agent_is_silent(f, c);
}

static void count_silence(const struct fleet *f, struct silence *of)
{
    for (uint32_t i = 0; i < f->host_count; i++) {
        const struct control *c = f->hosts[i]->controls[FUNCTION_ANTIVIRUS];
        if (c == NULL)
            continue;
        of[c->product].agents++;
        of[c->product].silent += is_newly_silent(f, c);
    }
    for (uint32_t p = 0; p <= f->product_count; p++)
        of[p].is_together = of[p].silent >= f->rules->colours.mass_silence_hosts &&
                            of[p].silent * 100.0 >= f->rules->colours.mass_silence_percent * of[p].agents;
}

static void tell_together(struct fleet *f, uint32_t product, const struct silence *s, int64_t now_ns)
{
    struct arena *a = &f->batch->arena;
    struct told t = {.which = FOUND_SILENT_TOGETHER, .time_ns = now_ns};
    t.facts[t.fact_count++] =
        (struct matched_value){STR("product"),
                               product ? text_of(f, product_at(f, product)->name) : STR_EMPTY};
    t.facts[t.fact_count++] = (struct matched_value){STR("silent"), arena_printf(a, "%u", s->silent)};
    t.facts[t.fact_count++] = (struct matched_value){STR("agents"), arena_printf(a, "%u", s->agents)};
    tell(f, &t);
}

static void tell_silent(struct fleet *f, const struct host *h, const struct control *c, int64_t now_ns)
{
    struct arena *a = &f->batch->arena;
    char text[TIME_TEXT_MAX];
    struct told t = {.which = FOUND_AGENT_SILENT, .time_ns = now_ns, .host = h};
    struct str last = str_n(text, time_format_iso(c->heartbeat_ns, text));
    t.facts[t.fact_count++] =
        (struct matched_value){STR("product"),
                               c->product ? text_of(f, product_at(f, c->product)->name) : STR_EMPTY};
    t.facts[t.fact_count++] = (struct matched_value){STR("last_heartbeat"), arena_str(a, last)};
    t.facts[t.fact_count++] =
        (struct matched_value){STR("usual_interval_minutes"),
                               arena_printf(a, "%.0f", (double)control_interval_ns(f, c) / 60e9)};
    t.facts[t.fact_count++] =
        (struct matched_value){STR("traffic_hours"),
                               arena_printf(a, "%.1f",
                                            (double)(c->traffic_last_ns - c->traffic_from_ns) / 3600e9)};
    tell(f, &t);
}

static void find_silence(struct fleet *f, int64_t now_ns)
{
    struct silence *of = NEW_ARRAY(struct silence, f->product_count + 1);
    count_silence(f, of);
    for (uint32_t p = 0; p <= f->product_count; p++)
        if (of[p].is_together)
            tell_together(f, p, &of[p], now_ns);
    for (uint32_t i = 0; i < f->host_count; i++) {
        struct control *c = f->hosts[i]->controls[FUNCTION_ANTIVIRUS];
        if (!is_newly_silent(f, c))
            continue;
        c->silent_told = 1;
        c->silent_since_ns = c->heartbeat_ns;
        if (!of[c->product].is_together)
            tell_silent(f, f->hosts[i], c, now_ns);
    }
    memory_free(of);
}

/* ------------------------------------------------------------- propagation */

static void tell_delay(struct fleet *f, uint32_t product, const struct release *r, struct part part,
                       const struct spread_judgement *j, int64_t now_ns)
{
    struct arena *a = &f->batch->arena;
    struct told t = {.which = FOUND_UPDATE_DELAYED, .time_ns = now_ns};
    t.facts[t.fact_count++] =
        (struct matched_value){STR("product"), text_of(f, product_at(f, product)->name)};
    t.facts[t.fact_count++] = (struct matched_value){STR("version"), text_of(f, r->name)};
    t.facts[t.fact_count++] = (struct matched_value){STR("department"), text_of(f, part.department)};
    t.facts[t.fact_count++] =
        (struct matched_value){STR("hours_to_90_percent"),
                               arena_printf(a, "%s%.1f", j->is_open ? "> " : "", j->p90)};
    t.facts[t.fact_count++] = (struct matched_value){STR("usual_hours"), arena_printf(a, "%.1f", j->median)};
    t.facts[t.fact_count++] = (struct matched_value){STR("robust_z"), arena_printf(a, "%.1f", j->z)};
    tell(f, &t);
}

/* Departments in which the product is, each once. */
static uint32_t departments_of(const struct fleet *f, uint32_t product, name_id *out, uint32_t most)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->host_count; i++) {
        const struct control *c = f->hosts[i]->controls[FUNCTION_ANTIVIRUS];
        name_id department = f->hosts[i]->department;
        if (c == NULL || c->product != product || department == 0)
            continue;
        uint32_t at = 0;
        while (at < n && out[at] != department)
            at++;
        if (at == n && n < most)
            out[n++] = department;
    }
    return n;
}

/* Each department's delay is told once (departments share 31 bits), and the estate's. */
static void tell_once(struct fleet *f, uint32_t product, struct release *r, name_id department,
                      const struct spread_judgement *j, int64_t now_ns)
{
    uint32_t bit = department ? 1u << department % 31 : 1u << 31;
    if (r->delay_told & bit)
        return;
    r->delay_told |= bit;
    tell_delay(f, product, r, (struct part){department, 0}, j, now_ns);
}

static struct spread_judgement judge_part(const struct fleet *f, uint32_t product, name_id department,
                                          int64_t now_ns)
{
    struct spread spreads[RELEASES_JUDGED];
    uint32_t count = spread_measure(f, product, (struct part){department, 0}, spreads);
    return spread_judge(f, spreads, count, now_ns);
}

/* One slow relay is its department's delay, whatever it does to the whole; half of the departments are the
 * estate's. */
static void judge_release(struct fleet *f, uint32_t product, struct release *latest, int64_t now_ns)
{
    name_id departments[MAX_DEPARTMENTS];
    struct spread_judgement judged[MAX_DEPARTMENTS];
    uint32_t delayed = 0, n = departments_of(f, product, departments, MAX_DEPARTMENTS);
    struct spread_judgement all = judge_part(f, product, 0, now_ns);
    for (uint32_t i = 0; i < n; i++) {
        judged[i] = judge_part(f, product, departments[i], now_ns);
        delayed += judged[i].is_delayed;
    }
    if (all.is_delayed && 2 * delayed >= n)
        tell_once(f, product, latest, 0, &all, now_ns);
    for (uint32_t i = 0; i < n && 2 * delayed < n; i++)
        if (judged[i].is_delayed)
            tell_once(f, product, latest, departments[i], &judged[i], now_ns);
}

static uint32_t count_releases(const struct versions *v)
{
    uint32_t releases = 0;
    for (uint32_t i = 0; i < v->count; i++)
        releases += v->items[i].is_release;
    return releases;
}

static void find_delays(struct fleet *f, int64_t now_ns)
{
    for (uint32_t p = 1; p <= f->product_count; p++) {
        struct versions *v = &product_at(f, p)->versions[COMPONENT_PATTERN];
        struct release *latest = v->count ? &v->items[v->count - 1] : NULL;
        if (latest != NULL && latest->is_release &&
            count_releases(v) > f->rules->colours.propagation_releases_least)
            judge_release(f, p, latest, now_ns);
    }
}

void evaluate(struct fleet *f, int64_t now_ns)
{
    int64_t hour_ns = hours_ns(1);
    products_count(f);
    find_silence(f, now_ns);
    if (now_ns / hour_ns == f->watermark_ns / hour_ns)
        return; /* the rest is done once an hour */
    find_delays(f, now_ns);
    scans_find_long(f, now_ns);
    hosts_forget(f, now_ns - hours_ns(24 * f->rules->times.forget_days));
}
