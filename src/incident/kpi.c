/* Key figures of the response (stage incident). Read by src/work/work_kpi.c, which gathers the facts. */
#include "incident/kpi.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"

static const struct kpi_about about[KPI_COUNT] = {
    [KPI_COMPLETE_FIELDS] = {"complete_fields", "percent", KPI_MEAN, true, true,
                             "Tickets that say who instructed, approved and was told",
                             "指示者・承認者・報告先がそろったチケット",
                             "Incidents opened in the month whose tasks done and entries of work all have "
                             "the three fields ÷ those with any (S172–S174)",
                             "当月に開始したインシデントのうち、完了タスクと作業記録のすべてに3項目がある"
                             "もの ÷ 作業のあるもの(S172〜S174)"},
    [KPI_SLA] = {"sla", "percent", KPI_MEAN, true, true, "Alarms checked in time", "期限内に確認したアラーム",
                 "Incidents opened in the month that somebody checked within the time of their service "
                 "level ÷ those checked or late (S23)",
                 "当月に開始したインシデントのうち、サービスレベルの時間内に確認したもの ÷ "
                 "確認済みまたは超過したもの(S23)"},
    [KPI_EFFORT] = {"effort_hours", "hours", KPI_SUM, false, false, "Hours of work", "作業時間",
                    "Sum of the effort in entries of work and calls of vendors of the month (S186)",
                    "当月の作業記録と委託先への依頼に記入された工数の合計(S186)"},
    [KPI_COST] = {"cost", "currency", KPI_SUM, false, false, "Cost of the response", "対応費用",
                  "Sum of the cost in entries of work and calls of vendors of the month (S186)",
                  "当月の作業記録と委託先への依頼に記入された費用の合計(S186)"},
    [KPI_DECISION] = {"decision_latency", "minutes", KPI_MEDIAN, false, false, "Time to decide",
                      "判断に要した時間",
                      "Median from asking to deciding, of decisions asked for in the month (S158)",
                      "当月に求めた判断の、起案から決定までの中央値(S158)"},
    [KPI_DETECT] = {"ttd", "minutes", KPI_MEDIAN, false, true, "Time to detect (TTD)", "検知までの時間(TTD)",
                    "Median from the first malicious event to the alarm",
                    "最初の悪性イベントからアラームまでの中央値"},
    [KPI_CHECK] = {"tta", "minutes", KPI_MEDIAN, false, true, "Time to check (TTA)", "確認までの時間(TTA)",
                   "Median from the alarm to the first step that a person took",
                   "アラームから人が最初に操作するまでの中央値"},
    [KPI_TRIAGE] = {"ttt", "minutes", KPI_MEDIAN, false, true, "Time to triage (TTT)",
                    "一次判定までの時間(TTT)", "Median from the alarm to the end of triage",
                    "アラームから一次判定が終わるまでの中央値"},
    [KPI_CONTAIN] = {"ttc", "minutes", KPI_MEDIAN, false, true, "Time to contain (TTC)",
                     "封じ込めまでの時間(TTC)",
                     "Median from the alarm to the last malicious event, of incidents past containment",
                     "封じ込めを終えたインシデントの、アラームから最後の悪性イベントまでの中央値"},
    [KPI_RECOVER] = {"ttr", "minutes", KPI_MEDIAN, false, true, "Time to recover (TTR)",
                     "復旧までの時間(TTR)", "Median from the alarm to the return to service",
                     "アラームから業務に戻るまでの中央値"},
    [KPI_REOPENED] = {"reopen_rate", "percent", KPI_MEAN, false, true, "Reopened", "再開率",
                      "Incidents opened in the month that were reopened ÷ those that were over once",
                      "当月に開始し、一度完了したインシデントのうち再開したもの"},
    [KPI_FALSE_POSITIVE] = {"false_positive_rate", "percent", KPI_MEAN, false, true, "False alarms",
                            "誤検知率",
                            "Incidents opened in the month that were false alarms ÷ those that are over",
                            "当月に開始し、終了したインシデントのうち誤検知だったもの"},
};

const struct kpi_about *kpi_about(enum kpi k)
{
    return &about[k];
}

bool kpi_find(struct str name, enum kpi *out)
{
    for (int i = 0; i < KPI_COUNT; i++)
        if (str_eq(name, str_c(about[i].name))) {
            *out = (enum kpi)i;
            return true;
        }
    return false;
}

/* ---------------------------------------------------------------- measuring */

/* Events and people have clocks of their own: what seems to lie before the alarm took no time. */
static double minutes_between(int64_t from_ns, int64_t to_ns)
{
    return to_ns > from_ns ? (double)(to_ns - from_ns) / (60.0 * NS_PER_SECOND) : 0;
}

typedef bool step_test(const struct kpi_step *s);

static bool is_by_person(const struct kpi_step *s)
{
    return s->by_person;
}

static bool ends_triage(const struct kpi_step *s)
{
    return s->to > INCIDENT_TRIAGE && s->to != INCIDENT_ON_HOLD && s->to != INCIDENT_REOPENED;
}

static bool is_past_containing(const struct kpi_step *s)
{
    return s->to > INCIDENT_CONTAINING && s->to <= INCIDENT_CLOSED;
}

static bool is_back_in_service(const struct kpi_step *s)
{
    return s->to >= INCIDENT_MONITORING && s->to <= INCIDENT_CLOSED;
}

static bool is_end(const struct kpi_step *s)
{
    return s->to == INCIDENT_CLOSED || s->to == INCIDENT_FALSE_POSITIVE;
}

static bool is_reopening(const struct kpi_step *s)
{
    return s->to == INCIDENT_REOPENED;
}

static const struct kpi_step *first_step(const struct kpi_case *c, step_test *test)
{
    for (uint32_t i = 0; i < c->step_count; i++)
        if (test(&c->steps[i]))
            return &c->steps[i];
    return NULL;
}

static const struct kpi_step *last_step(const struct kpi_case *c)
{
    return c->step_count ? &c->steps[c->step_count - 1] : NULL;
}

static double share(bool counts)
{
    return counts ? 100 : 0;
}

void kpi_measure(const struct kpi_case *c, double out[KPI_COUNT])
{
    const struct kpi_step *checked = first_step(c, is_by_person), *triaged = first_step(c, ends_triage);
    const struct kpi_step *contained = first_step(c, is_past_containing);
    const struct kpi_step *back = first_step(c, is_back_in_service), *over = first_step(c, is_end);
    const struct kpi_step *last = last_step(c);
    for (int i = 0; i < KPI_COUNT; i++)
        out[i] = NAN;
    out[KPI_DETECT] = minutes_between(c->first_ns, c->opened_ns);
    if (c->deeds)
        out[KPI_COMPLETE_FIELDS] = share(c->incomplete_deeds == 0);
    if (checked != NULL) {
        out[KPI_CHECK] = minutes_between(c->opened_ns, checked->when_ns);
        out[KPI_SLA] = share(checked->when_ns - c->opened_ns <= c->sla_ns);
    } else if (c->now_ns - c->opened_ns > c->sla_ns) {
        out[KPI_SLA] = 0;
    }
    if (triaged != NULL)
        out[KPI_TRIAGE] = minutes_between(c->opened_ns, triaged->when_ns);
    if (contained != NULL)
        out[KPI_CONTAIN] = minutes_between(c->opened_ns, c->last_ns);
    if (back != NULL)
        out[KPI_RECOVER] = minutes_between(c->opened_ns, back->when_ns);
    if (over != NULL)
        out[KPI_REOPENED] = share(first_step(c, is_reopening) != NULL);
    if (last != NULL && is_end(last))
        out[KPI_FALSE_POSITIVE] = share(last->to == INCIDENT_FALSE_POSITIVE);
}

bool kpi_is_missed(enum kpi k, double value)
{
    if (about[k].way != KPI_MEAN)
        return false;
    return about[k].more_is_better ? value < 100 : value > 0;
}

/* ---------------------------------------------------------------- combining */

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

double kpi_combine(enum kpi k, double *values, uint32_t count)
{
    double sum = 0;
    if (count == 0)
        return NAN;
    qsort(values, count, sizeof *values, by_value);
    for (uint32_t i = 0; i < count; i++)
        sum += values[i];
    switch (about[k].way) {
    case KPI_MEDIAN:
        return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
    case KPI_MEAN:
        return sum / count;
    case KPI_SUM:
        return sum;
    }
    return NAN;
}
