/* See disturb.h. Lines wait in a heap by time of arrival, which is bounded by what 120 s bring. */
#include "simulate/disturb.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "simulate/clock_shift.h"
#include "simulate/line_heap.h"
#include "simulate/random.h"

#define LATE_MAX_NS  (120 * NS_PER_SECOND)
#define LATE_SHARE   0.2
#define TWICE_MAX_NS (30 * NS_PER_SECOND)
#define TWICE_SHARE  0.1
#define DISORDER_NS  (5 * NS_PER_SECOND)
#define SKEW_SECONDS 90

struct disturber {
    struct disturbance_options options;
    struct random random;
    struct line_heap waiting;
    struct buf shifted;
    disturbed_line line;
    void *context;
};

static const char *const names[] = {[DISTURB_LATE] = "late",
                                    [DISTURB_DUPLICATED] = "duplicated",
                                    [DISTURB_OUT_OF_ORDER] = "out-of-order",
                                    [DISTURB_SKEWED] = "skewed",
                                    [DISTURB_MISSING] = "missing"};

bool disturbance_parse(struct str text, struct disturbance_options *out, struct error *err)
{
    size_t colon = str_find_char(text, ':', 0);
    struct str name = str_slice(text, 0, colon == STR_NOT_FOUND ? text.n : colon);
    *out = (struct disturbance_options){.source =
                                            colon == STR_NOT_FOUND ? STR_EMPTY : str_skip(text, colon + 1)};
    for (size_t i = 1; i < COUNT_OF(names); i++)
        if (str_eq(name, str_c(names[i])))
            out->kind = (enum disturbance)i;
    bool wants_source = out->kind == DISTURB_SKEWED || out->kind == DISTURB_MISSING;
    return (out->kind != DISTURB_NONE && wants_source == (out->source.n > 0)) ||
           error_set(err, "%s",
                     tr("--variant is late, duplicated, out-of-order, skewed:SOURCE or missing:SOURCE",
                        "--variant は late、duplicated、out-of-order、skewed:SOURCE、missing:SOURCE "
                        "のいずれかです"));
}

struct disturber *disturber_new(const struct disturbance_options *options, disturbed_line line, void *context)
{
    struct disturber *d = NEW(struct disturber);
    d->options = *options;
    d->random.state = random_key(options->seed, (uint64_t)options->kind);
    d->line = line;
    d->context = context;
    return d;
}

static bool release(struct disturber *d, int64_t until_ns)
{
    struct waiting_line line;
    bool ok = true;
    while (line_heap_take(&d->waiting, until_ns, &line)) {
        ok = ok && d->line(d->context, line.time_ns, line.source, str_n(line.text, line.size));
        memory_free(line.text);
    }
    return ok;
}

static int64_t up_to(struct disturber *d, int64_t most_ns)
{
    return (int64_t)(random_unit(&d->random) * (double)most_ns);
}

bool disturber_take(struct disturber *d, int64_t time_ns, unsigned source, bool is_its_source,
                    struct str text)
{
    int64_t arrival_ns = time_ns;
    switch (d->options.kind) {
    case DISTURB_MISSING:
        if (is_its_source)
            return true;
        break;
    case DISTURB_SKEWED:
        if (is_its_source) {
            buf_clear(&d->shifted);
            clock_shift(text, SKEW_SECONDS, &d->shifted);
            text = buf_str(&d->shifted);
        }
        break;
    case DISTURB_LATE:
        if (random_unit(&d->random) < LATE_SHARE)
            arrival_ns += up_to(d, LATE_MAX_NS);
        break;
    case DISTURB_OUT_OF_ORDER:
        arrival_ns += up_to(d, DISORDER_NS);
        break;
    case DISTURB_DUPLICATED:
        if (random_unit(&d->random) < TWICE_SHARE)
            line_heap_add(&d->waiting, time_ns + up_to(d, TWICE_MAX_NS), source, text);
        break;
    case DISTURB_NONE:
        break;
    }
    line_heap_add(&d->waiting, arrival_ns, source, text);
    return release(d, time_ns);
}

bool disturber_end(struct disturber *d)
{
    bool ok = release(d, INT64_MAX);
    line_heap_free(&d->waiting);
    buf_free(&d->shifted);
    memory_free(d);
    return ok;
}
