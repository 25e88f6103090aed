/* Prometheus text format. Stage: console. Reads numbers as they are now, leaves the body of GET /metrics.
 * Next: api_status.c. */
#include "console/metrics.h"

#include <math.h>

#include "base/clock.h"
#include "base/memory.h"

/* 0.5 ms to 10 s: searches and fsyncs live in between. */
static const double BOUNDS_S[METRICS_BOUNDS] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                0.1,    0.25,  0.5,    1,     2.5,  5,     10};

static void head(struct metrics *m, const char *name, const char *type, const char *help)
{
    if (strcmp(m->family, name) == 0)
        return;
    snprintf(m->family, sizeof m->family, "%s", name);
    buf_printf(m->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void number(struct buf *out, double value)
{
    if (isnan(value))
        buf_c(out, "NaN");
    else if (isinf(value))
        buf_c(out, value > 0 ? "+Inf" : "-Inf");
    else if (value == floor(value) && fabs(value) < 1e15)
        buf_printf(out, "%.0f", value);
    else
        buf_printf(out, "%.9g", value);
}

static void sample(struct metrics *m, const char *name, const char *suffix, struct str labels, double value)
{
    buf_printf(m->out, "%s%s", name, suffix);
    if (labels.n)
        buf_printf(m->out, "{%.*s}", STR_ARGS(labels));
    buf_char(m->out, ' ');
    number(m->out, value);
    buf_char(m->out, '\n');
}

void metrics_counter(struct metrics *m, const char *name, const char *help, struct str labels, double value)
{
    head(m, name, "counter", help);
    sample(m, name, "", labels, value);
}

void metrics_gauge(struct metrics *m, const char *name, const char *help, struct str labels, double value)
{
    head(m, name, "gauge", help);
    sample(m, name, "", labels, value);
}

void metrics_label(struct buf *labels, const char *name, struct str value)
{
    if (labels->n)
        buf_char(labels, ',');
    buf_printf(labels, "%s=\"", name);
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];
        if (c == '\\' || c == '"')
            buf_char(labels, '\\');
        if (c == '\n')
            buf_c(labels, "\\n");
        else
            buf_char(labels, c);
    }
    buf_char(labels, '"');
}

void metrics_observe(struct metrics_histogram *h, int64_t duration_ns)
{
    size_t i = 0;
    while (i < METRICS_BOUNDS && (double)duration_ns > BOUNDS_S[i] * 1e9)
        i++;
    atomic_fetch_add_explicit(&h->counts[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->sum_ns, (uint64_t)duration_ns, memory_order_relaxed);
}

static void bucket(struct metrics *m, const char *name, struct str labels, const char *le, uint64_t count)
{
    struct buf all = {0};
    buf_add(&all, labels);
    metrics_label(&all, "le", str_c(le));
    sample(m, name, "_bucket", buf_str(&all), (double)count);
    buf_free(&all);
}

void metrics_histogram(struct metrics *m, const char *name, const char *help, struct str labels,
                       struct metrics_histogram *h)
{
    uint64_t total = 0;
    char le[32];
    head(m, name, "histogram", help);
    for (size_t i = 0; i < METRICS_BOUNDS; i++) {
        total += atomic_load_explicit(&h->counts[i], memory_order_relaxed);
        snprintf(le, sizeof le, "%g", BOUNDS_S[i]);
        bucket(m, name, labels, le, total);
    }
    total += atomic_load_explicit(&h->counts[METRICS_BOUNDS], memory_order_relaxed);
    bucket(m, name, labels, "+Inf", total);
    sample(m, name, "_sum", labels, (double)atomic_load_explicit(&h->sum_ns, memory_order_relaxed) / 1e9);
    sample(m, name, "_count", labels, (double)total);
}
