/* Figures for whoever calculates with the fleet (stage fleet): how many hosts, and how many of them are
 * protected as spec 1.D and 1.E want it. answer.c counts the same questions for people. */
#include <stdlib.h>

#include "base/memory.h"
#include "fleet/answer.h"

static bool is_good(const struct fleet *f, enum fleet_question q, const struct host *h,
                    enum control_function function)
{
    struct verdict v = ask(f, q, h, function);
    return v.state >= 0 && questions[q].states[v.state].is_good;
}

static bool counts(const struct fleet *f, enum fleet_question q, const struct host *h)
{
    struct verdict v = ask(f, q, h, FUNCTION_ANTIVIRUS);
    return v.state >= 0 && questions[q].states[v.state].counts;
}

static void add_host(const struct fleet *f, const struct host *h, struct fleet_figures *out)
{
    if (counts(f, QUESTION_COVERAGE, h)) {
        out->hosts++;
        out->antivirus += is_good(f, QUESTION_COVERAGE, h, FUNCTION_ANTIVIRUS);
        out->effective += is_good(f, QUESTION_AGENTS, h, FUNCTION_ANTIVIRUS) &&
                          is_good(f, QUESTION_PATTERNS, h, FUNCTION_ANTIVIRUS) &&
                          is_good(f, QUESTION_FULL_SCANS, h, FUNCTION_ANTIVIRUS);
        out->launch += is_good(f, QUESTION_FUNCTIONS, h, FUNCTION_LAUNCH);
    }
    out->launch_told += h->controls[FUNCTION_LAUNCH] != NULL;
    out->antivirus_told += h->controls[FUNCTION_ANTIVIRUS] != NULL;
    if (counts(f, QUESTION_PATCHES, h)) {
        out->patch_told++;
        out->unpatched += !is_good(f, QUESTION_PATCHES, h, FUNCTION_ANTIVIRUS);
    }
}

static int rising(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

/* S1: from the first sight of a file to its detection. */
static void add_gaps(const struct fleet *f, const struct fleet_asking *asking, struct fleet_figures *out)
{
    double *hours = NEW_ARRAY(double, f->late_count + 1);
    for (uint32_t i = 0; i < f->late_count; i++) {
        const struct late *l = &f->lates[i];
        if (f->watermark_ns - l->detected_ns > hours_ns(24 * f->rules->times.late_shown_days) ||
            (asking->department.n && !str_eq(asking->department, text_of(f, l->department))))
            continue;
        out->late++;
        if (l->basis)
            hours[out->late_dated++] = (double)(l->detected_ns - l->first_ns) / 3600e9;
    }
    qsort(hours, out->late_dated, sizeof *hours, rising);
    out->gap_median_hours = out->late_dated ? hours[(out->late_dated - 1) / 2] : -1;
    out->gap_p90_hours = out->late_dated ? hours[(out->late_dated * 9 + 9) / 10 - 1] : -1;
    memory_free(hours);
}

void fleet_figures(struct fleet *f, const struct fleet_asking *asking, struct fleet_figures *out)
{
    *out = (struct fleet_figures){0};
    apply_inventory(f, asking->assets);
    for (uint32_t i = 0; i < f->host_count; i++)
        if (is_asked(f, asking, f->hosts[i]))
            add_host(f, f->hosts[i], out);
    add_gaps(f, asking, out);
}

static int by_detection(const void *left, const void *right)
{
    const struct fleet_gap *a = left, *b = right;
    return (a->detected_ns > b->detected_ns) - (a->detected_ns < b->detected_ns);
}

uint32_t fleet_gaps(const struct fleet *f, struct fleet_gap *gaps, uint32_t most)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < f->late_count && count < most; i++)
        if (f->lates[i].basis)
            gaps[count++] = (struct fleet_gap){f->lates[i].detected_ns, f->lates[i].first_ns};
    qsort(gaps, count, sizeof *gaps, by_detection);
    return count;
}
