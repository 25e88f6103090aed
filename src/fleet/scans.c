/* Full scans: when each began and ended, how long it took, which do not end, and how that changes (stage
 * fleet; S4, S34). A scan that was paused and goes on is one; its pause counts, since the host is not scanned
 * meanwhile. Next: estate.c. */
#include <stdlib.h>

#include "base/memory.h"
#include "fleet/answer.h"

#define WEEK_NS     (7 * 86400 * NS_PER_SECOND)
#define MONDAY_NS   (4 * 86400 * NS_PER_SECOND) /* 1970-01-05 was one */
#define WEEKS_MOST  53
#define WORTH_KNOWN 95 /* percentile, S4 */

static void keep_scan(struct fleet *f, const struct host *h, const struct control *c, int64_t ended_ns)
{
    if (f->scans == NULL)
        f->scans = NEW_ARRAY(struct scan, f->scan_capacity);
    f->scans[f->scans_ever++ % f->scan_capacity] = (struct scan){.host = h->name,
                                                                 .department = h->department,
                                                                 .product = c->product,
                                                                 .ended_ns = ended_ns,
                                                                 .took_ns = c->scan_took_ns};
    if (f->scan_count < f->scan_capacity)
        f->scan_count++;
}

/* What the product says itself comes first, then the start that was told. −1 = neither. */
static int64_t time_taken(const struct control *c, const struct event *e, int64_t time_ns)
{
    int64_t told_ns;
    if (event_number(e, FIELD_EVENT_DURATION, &told_ns) && told_ns > 0)
        return told_ns;
    return is_known(c->scan_from_ns) && c->scan_from_ns < time_ns ? time_ns - c->scan_from_ns : -1;
}

static void end_scan(struct fleet *f, const struct host *h, struct control *c, const struct event *e,
                     int64_t time_ns)
{
    c->scan_took_ns = time_taken(c, e, time_ns);
    c->scan_files = c->scan_skipped = -1;
    (void)event_number(e, FIELD_HYAKUYO_SCAN_FILES, &c->scan_files);
    (void)event_number(e, FIELD_HYAKUYO_SCAN_SKIPPED, &c->scan_skipped);
    if (c->scan_took_ns > 0)
        keep_scan(f, h, c, time_ns);
}

void scan_take(struct fleet *f, const struct host *h, struct control *c, const struct event *e,
               int64_t time_ns)
{
    int64_t told_ns;
    if (event_number(e, FIELD_HYAKUYO_CONTROL_LAST_FULL_SCAN, &told_ns) && told_ns <= time_ns)
        c->scan_completed_ns = later(c->scan_completed_ns, told_ns);
    struct str state = event_text(e, FIELD_HYAKUYO_SCAN_STATE);
    if (state.n == 0 || !str_eq(event_text(e, FIELD_HYAKUYO_SCAN_EXTENT), STR("full")))
        return;
    bool is_completed = str_eq(state, STR("completed")), is_cancelled = str_eq(state, STR("cancelled")),
         is_failed = str_eq(state, STR("failed"));
    if (str_eq(state, STR("started"))) {
        c->scan_started_ns = later(c->scan_started_ns, time_ns);
        if (!is_known(c->scan_from_ns) || !c->scan_is_paused)
            c->scan_from_ns = later(c->scan_from_ns, time_ns);
        c->scan_is_paused = 0;
    }
    if (str_eq(state, STR("paused")))
        c->scan_is_paused = is_known(c->scan_from_ns);
    if (is_completed && time_ns >= c->scan_completed_ns)
        end_scan(f, h, c, e, time_ns);
    if (is_completed)
        c->scan_completed_ns = later(c->scan_completed_ns, time_ns);
    c->scans_cancelled += is_cancelled;
    c->scans_failed += is_failed;
    if (is_cancelled || is_failed)
        c->scan_failed_ns = later(c->scan_failed_ns, time_ns);
    if ((is_completed || is_cancelled || is_failed) && time_ns >= c->scan_from_ns) {
        c->scan_from_ns = TIME_UNKNOWN;
        c->scan_is_paused = 0;
    }
}

/* ------------------------------------------------------------------ figures */

struct scan_figures {
    uint32_t count, hosts, longer;
    double median_hours, high_hours; /* −1 = none */
};

static int rising(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static int by_host(const void *left, const void *right)
{
    name_id a = *(const name_id *)left, b = *(const name_id *)right;
    return (a > b) - (a < b);
}

static uint32_t distinct(name_id *hosts, uint32_t count)
{
    uint32_t n = 0;
    if (count > 0)
        qsort(hosts, count, sizeof *hosts, by_host);
    for (uint32_t i = 0; i < count; i++)
        n += i == 0 || hosts[i] != hosts[i - 1];
    return n;
}

/* Of the scans that ended in [from, to); product 0 and department "" = all. */
static struct scan_figures measure(const struct fleet *f, uint32_t product, struct str department,
                                   int64_t from_ns, int64_t to_ns)
{
    struct scan_figures out = {.median_hours = -1, .high_hours = -1};
    double *hours = NEW_ARRAY(double, f->scan_count + 1);
    name_id *hosts = NEW_ARRAY(name_id, f->scan_count + 1);
    for (uint32_t i = 0; i < f->scan_count; i++) {
        const struct scan *s = &f->scans[i];
        if (s->ended_ns < from_ns || s->ended_ns >= to_ns || (product != 0 && s->product != product) ||
            (department.n && !str_eq(department, text_of(f, s->department))))
            continue;
        hosts[out.count] = s->host;
        hours[out.count] = (double)s->took_ns / 3600e9;
        out.longer += hours[out.count++] > f->rules->times.scan_long_hours;
    }
    out.hosts = distinct(hosts, out.count);
    if (out.count > 0) {
        qsort(hours, out.count, sizeof *hours, rising);
        out.median_hours = hours[(out.count - 1) / 2];
        out.high_hours = hours[((uint64_t)out.count * WORTH_KNOWN + 99) / 100 - 1];
    }
    memory_free(hours);
    memory_free(hosts);
    return out;
}

static void write_figures(struct json_writer *w, const struct scan_figures *s)
{
    answer_count(w, "scans", s->count);
    answer_count(w, "hosts", s->hosts);
    answer_count(w, "long", s->longer);
    answer_real(w, "median_hours", s->median_hours);
    answer_real(w, "p95_hours", s->high_hours);
}

static void write_products(struct fleet *f, const struct fleet_asking *asking, struct json_writer *w)
{
    int64_t from_ns = f->watermark_ns - hours_ns(24 * f->rules->times.scan_window_days);
    json_key(w, "products");
    json_begin_array(w);
    for (uint32_t p = 1; p <= f->product_count; p++) {
        struct scan_figures s = measure(f, p, asking->department, from_ns, INT64_MAX);
        if (s.count == 0)
            continue;
        json_begin_object(w);
        answer_name(w, f, "product", product_at(f, p)->name);
        write_figures(w, &s);
        json_end_object(w);
    }
    json_end_array(w);
}

/* Oldest first, from Monday 00:00 UTC on; weeks without an end of a scan are left out. */
static void write_weeks(const struct fleet *f, const struct fleet_asking *asking, struct json_writer *w)
{
    int64_t now_ns = is_known(f->watermark_ns) ? f->watermark_ns : 0;
    int64_t this_ns = now_ns - (now_ns - MONDAY_NS) % WEEK_NS;
    json_key(w, "weeks");
    json_begin_array(w);
    for (int n = WEEKS_MOST - 1; n >= 0; n--) {
        int64_t from_ns = this_ns - n * WEEK_NS;
        struct scan_figures s = measure(f, 0, asking->department, from_ns, from_ns + WEEK_NS);
        if (s.count == 0)
            continue;
        json_begin_object(w);
        answer_moment(w, "from", from_ns);
        write_figures(w, &s);
        json_end_object(w);
    }
    json_end_array(w);
}

void estate_scans(struct fleet *f, const struct fleet_asking *asking, struct json_writer *w)
{
    json_key(w, "scans");
    json_begin_object(w);
    answer_real(w, "limit_hours", f->rules->times.scan_long_hours);
    answer_real(w, "window_days", f->rules->times.scan_window_days);
    write_products(f, asking, w);
    write_weeks(f, asking, w);
    json_end_object(w);
}

/* -------------------------------------------------------------------- alarm */

static void tell_long(struct fleet *f, uint32_t product, const struct scan_figures *s, int64_t now_ns)
{
    struct arena *a = &f->batch->arena;
    struct told t = {.which = FOUND_SCANS_LONG, .time_ns = now_ns};
    t.facts[t.fact_count++] =
        (struct matched_value){STR("product"), text_of(f, product_at(f, product)->name)};
    t.facts[t.fact_count++] =
        (struct matched_value){STR("p95_hours"), arena_printf(a, "%.1f", s->high_hours)};
    t.facts[t.fact_count++] =
        (struct matched_value){STR("median_hours"), arena_printf(a, "%.1f", s->median_hours)};
    t.facts[t.fact_count++] =
        (struct matched_value){STR("limit_hours"), arena_printf(a, "%g", f->rules->times.scan_long_hours)};
    t.facts[t.fact_count++] = (struct matched_value){STR("scans"), arena_printf(a, "%u", s->count)};
    tell(f, &t);
}

/* Told once for each product, and again after it was below the limit in between. */
void scans_find_long(struct fleet *f, int64_t now_ns)
{
    int64_t from_ns = now_ns - hours_ns(24 * f->rules->times.scan_window_days);
    for (uint32_t p = 1; f->scan_count > 0 && p <= f->product_count; p++) {
        struct product *product = product_at(f, p);
        struct scan_figures s = measure(f, p, STR_EMPTY, from_ns, INT64_MAX);
        bool is_long =
            s.count >= f->rules->colours.scans_least && s.high_hours > f->rules->times.scan_long_hours;
        if (is_long && !product->scans_long_told)
            tell_long(f, p, &s, now_ns);
        product->scans_long_told = is_long;
    }
}
