/* Categories as a table of what each needs and how it is calculated. Next: services_residual.c. */
#include "risk/residual_report.h"

#include <math.h>

#include "base/memory.h"

static const char *const names[CATEGORY_COUNT] = {"known",         "mail",     "web",
                                                  "vulnerability", "zero_day", "targeted"};

const char *residual_category_name(enum residual_category c)
{
    return names[c];
}

bool residual_category_find(struct str name, enum residual_category *out)
{
    for (unsigned c = 0; c < CATEGORY_COUNT; c++)
        if (str_eq(name, str_c(names[c]))) {
            *out = (enum residual_category)c;
            return true;
        }
    return false;
}

static double months(const struct residual_inputs *in)
{
    return in->content->window_days / MONTH_DAYS;
}

static double parameter(const struct residual_inputs *in, enum risk_parameter p)
{
    return in->content->parameters[p].value;
}

struct estimate residual_missed(const struct residual_inputs *in, bool *is_known)
{
    double later = in->totals[MEASURE_LATER] + (double)in->fleet.late_dated;
    *is_known = later + in->totals[MEASURE_REALTIME] > 0;
    return miss_ratio(later, in->totals[MEASURE_REALTIME]);
}

struct estimate residual_coverage(const struct residual_inputs *in, bool *is_known)
{
    *is_known = in->has_fleet && in->fleet.antivirus_told > 0 && in->fleet.hosts > 0;
    return *is_known ? estimate_share((double)in->fleet.effective, (double)in->fleet.hosts)
                     : (struct estimate){0.5, 0, 1};
}

static struct estimate launch_of(const struct residual_inputs *in, bool *is_known)
{
    *is_known = in->has_fleet && in->fleet.launch_told > 0 && in->fleet.hosts > 0;
    return *is_known ? estimate_share((double)in->fleet.launch, (double)in->fleet.hosts)
                     : (struct estimate){0.5, 0, 1};
}

static void show(struct residual_row *row, const char *name, struct estimate value)
{
    BUG_IF(row->input_count == RESIDUAL_INPUTS_MAX);
    row->inputs[row->input_count].name = name;
    row->inputs[row->input_count++].value = value;
}

/* The first input that is missing is the one that is named. */
static void need(struct residual_row *row, bool is_there, const char *name)
{
    if (!is_there && row->missing == NULL)
        row->missing = name;
}

static void known(const struct residual_inputs *in, struct residual_row *row)
{
    bool has_coverage;
    struct estimate coverage = residual_coverage(in, &has_coverage);
    struct estimate detections = estimate_rate(in->totals[MEASURE_MALWARE], months(in));
    need(row, has_coverage, "antivirus");
    show(row, "detections_a_month", detections);
    show(row, "effective_antivirus_coverage", coverage);
    row->estimate = risk_known(detections, coverage);
}

static void mail(const struct residual_inputs *in, struct residual_row *row)
{
    bool has_missed;
    struct estimate missed = residual_missed(in, &has_missed);
    double people = in->careful;
    need(row, in->totals[MEASURE_MAIL_ALIVE] > 0, "mail");
    need(row, has_missed, "detections");
    show(row, "people_who_need_care", estimate_exact(people));
    show(row, "drill_clicks", estimate_exact(in->rows[MEASURE_DRILL_CLICKS]));
    show(row, "mail_detections", estimate_exact(in->rows[MEASURE_MAIL_BY_PERSON]));
    show(row, "opened_reports", estimate_exact(in->rows[MEASURE_OPENED_REPORTS]));
    show(row, "heavy_mail", estimate_exact(in->heavy_mail));
    show(row, "p_open", estimate_exact(parameter(in, PARAMETER_OPEN)));
    show(row, "p_undetected", missed);
    row->estimate = risk_mail(people, parameter(in, PARAMETER_OPEN), missed);
}

static void web(const struct residual_inputs *in, struct residual_row *row)
{
    bool has_launch;
    struct estimate launch = launch_of(in, &has_launch);
    struct estimate visits = estimate_rate(in->totals[MEASURE_WEB_BY_PERSON], months(in));
    double p_infect = parameter(in, PARAMETER_INFECT), efficacy = parameter(in, PARAMETER_EFFICACY);
    need(row, in->totals[MEASURE_WEB_ALIVE] > 0, "web");
    need(row, has_launch, "launch_control");
    show(row, "suspicious_visits_a_month", visits);
    show(row, "visitors", estimate_exact(in->rows[MEASURE_WEB_BY_PERSON]));
    show(row, "p_infect", estimate_exact(p_infect));
    show(row, "launch_control_coverage", launch);
    show(row, "launch_control_efficacy", estimate_exact(efficacy));
    row->estimate = risk_web(visits, p_infect, launch, efficacy);
}

static void vulnerability(const struct residual_inputs *in, struct residual_row *row)
{
    const struct fleet_figures *f = &in->fleet;
    bool has_patches = in->has_fleet && f->patch_told > 0;
    double hosts = (double)(f->patch_told ? f->patch_told : 1);
    struct estimate share = estimate_share((double)f->unpatched, hosts);
    struct estimate attacks = estimate_rate(in->totals[MEASURE_ATTACKS], months(in) * hosts);
    need(row, has_patches, "patches");
    need(row, in->totals[MEASURE_ATTACKS] > 0, "intrusion_detection");
    show(row, "hosts", estimate_exact(hosts));
    show(row, "unpatched_share", share);
    show(row, "attacks_per_host_a_month", attacks);
    row->estimate = risk_worm(share, hosts, attacks);
}

static void zero_day(const struct residual_inputs *in, struct residual_row *row)
{
    row->estimate = estimate_exact(parameter(in, PARAMETER_ZERO_DAY));
    show(row, "zero_day", row->estimate);
}

/* Not a rate: a register of scenarios (S75). */
static void targeted(const struct residual_inputs *in, struct residual_row *row)
{
    need(row, false, in->scenarios ? "not_a_rate" : "scenarios");
    show(row, "scenarios", estimate_exact(in->scenarios));
}

void residual_calculate(const struct residual_inputs *in, enum residual_category c, struct residual_row *out)
{
    static void (*const calculate[CATEGORY_COUNT])(const struct residual_inputs *,
                                                   struct residual_row *) = {known,    mail,
                                                                             web,      vulnerability,
                                                                             zero_day, targeted};
    *out = (struct residual_row){.category = c};
    calculate[c](in, out);
    out->is_known = out->missing == NULL;
}

/* ----------------------------------------------------------------- writing */

static void put_number(struct json_writer *w, const char *key, double value)
{
    json_key(w, key);
    json_put_double(w, value == 0 ? 0 : round(value * 1e6) > 0 ? round(value * 1e6) / 1e6 : value);
}

void residual_write_estimate(struct json_writer *w, const char *key, struct estimate e)
{
    json_key(w, key);
    json_begin_object(w);
    put_number(w, "value", e.value);
    put_number(w, "low", e.low);
    put_number(w, "high", e.high);
    json_end_object(w);
}

void residual_write_row(const struct residual_row *row, struct json_writer *w)
{
    static const char *const references[CATEGORY_COUNT] = {"S70", "S71", "S72", "S73", "S74", "S75"};
    json_begin_object(w);
    json_key(w, "category");
    json_put_c(w, names[row->category]);
    json_key(w, "reference");
    json_put_c(w, references[row->category]);
    json_key(w, "known");
    json_put_bool(w, row->is_known);
    json_key(w, "missing");
    if (row->missing)
        json_put_c(w, row->missing);
    else
        json_put_null(w);
    if (row->is_known) {
        residual_write_estimate(w, "a_month", row->estimate);
    } else {
        json_key(w, "a_month");
        json_put_null(w);
    }
    json_key(w, "inputs");
    json_begin_array(w);
    for (uint32_t i = 0; i < row->input_count; i++) {
        json_begin_object(w);
        json_key(w, "input");
        json_put_c(w, row->inputs[i].name);
        residual_write_estimate(w, "estimate", row->inputs[i].value);
        json_end_object(w);
    }
    json_end_array(w);
    json_end_object(w);
}

static void write_parameters(const struct risk_content *c, struct json_writer *w)
{
    json_key(w, "parameters");
    json_begin_array(w);
    for (size_t i = 0; i < RISK_PARAMETERS; i++) {
        const struct risk_parameter_value *p = &c->parameters[i];
        json_begin_object(w);
        json_key(w, "name");
        json_put_c(w, p->name);
        put_number(w, "value", p->value);
        json_key(w, "owner");
        json_put_str(w, p->owner);
        json_key(w, "text");
        json_put_str(w, p->text_en);
        json_key(w, "text_ja");
        json_put_str(w, p->text_ja);
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_or_null(struct json_writer *w, const char *key, double value)
{
    json_key(w, key);
    if (value < 0)
        json_put_null(w);
    else
        json_put_double(w, round(value * 1000) / 1000);
}

void residual_write(const struct residual_inputs *in, struct json_writer *w)
{
    bool has_missed;
    struct estimate missed = residual_missed(in, &has_missed);
    json_key(w, "version");
    json_put_str(w, in->content->version);
    put_number(w, "window_days", in->content->window_days);
    json_key(w, "rows");
    json_begin_array(w);
    for (unsigned c = 0; c < CATEGORY_COUNT; c++) {
        struct residual_row row;
        residual_calculate(in, (enum residual_category)c, &row);
        residual_write_row(&row, w);
    }
    json_end_array(w);
    if (has_missed) {
        residual_write_estimate(w, "missed", missed);
    } else {
        json_key(w, "missed");
        json_put_null(w);
    }
    put_or_null(w, "gap_median_hours", in->has_fleet ? in->fleet.gap_median_hours : -1);
    put_or_null(w, "gap_p90_hours", in->has_fleet ? in->fleet.gap_p90_hours : -1);
    put_or_null(w, "new_names_share", in->new_names_share);
    write_parameters(in->content, w);
}
