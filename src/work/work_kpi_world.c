/* Samples of key figures: what each incident, decision and entry of work contributes, for those who may see
 * it. Next: work_kpi.c, which shows them by month. */
#include "work/work_kpi.h"

#include <math.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "incident/incident.h"
#include "judge/score.h"
#include "store/state_incidents.h"

/* ----------------------------------------------------------------- gathering */

static int by_id(const void *left, const void *right)
{
    const struct incident *a = left, *b = right;
    return (a->id > b->id) - (a->id < b->id);
}

/* An exercise is no incident, and one that was merged or repeated counts where it went. */
static bool counts(const struct incident *i)
{
    return !i->is_exercise && i->state != INCIDENT_EXERCISE && i->state != INCIDENT_MERGED &&
           i->state != INCIDENT_DUPLICATE;
}

static bool load_incidents(struct casework *c, struct kpi_world *world)
{
    struct error err;
    struct incident_page page = {.selection = SELECT_ALL_INCIDENTS,
                                 .limit = WORK_ROWS_MOST,
                                 .with_findings = true};
    if (!state_incidents_list(c->s->state, c->arena, &page, &err))
        return work_fail(c, 500, &err);
    world->incidents = page.incidents;
    world->is_cut = page.total > page.count;
    for (uint32_t i = 0; i < page.count; i++)
        if (counts(&page.incidents[i]) && work_may_see(c->s, c->roles, c->actor, &page.incidents[i]))
            world->incidents[world->incident_count++] = page.incidents[i];
    qsort(world->incidents, world->incident_count, sizeof *world->incidents, by_id);
    return true;
}

const struct incident *kpi_world_find(const struct kpi_world *world, int64_t id)
{
    struct incident wanted = {.id = (uint64_t)id};
    if (id <= 0 || world->incident_count == 0)
        return NULL;
    return bsearch(&wanted, world->incidents, world->incident_count, sizeof wanted, by_id);
}

static void add(struct kpi_world *world, enum kpi kpi, uint64_t incident, int64_t when_ns, double value)
{
    struct kpi_sample sample = {kpi, incident, when_ns, value};
    buf_bytes(&world->samples, &sample, sizeof sample);
}

/* Tasks done and entries of work, by the place of their incident. */
struct deeds {
    uint32_t all, incomplete;
};

/* What ends by itself (`alone` ≠ 0: a watch) nobody answers for. */
static void count_deeds(const struct kpi_world *world, const struct work_rows *rows, int column,
                        struct str wanted, const int fields[3], int alone, struct deeds *deeds)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct work_row *row = &rows->rows[i];
        const struct incident *incident = kpi_world_find(world, work_number(row, 0));
        if (incident == NULL || !str_eq(row->values[column], wanted) ||
            (alone >= 0 && work_number(row, alone) != 0))
            continue;
        struct deeds *of = &deeds[incident - world->incidents];
        of->all++;
        of->incomplete += !row->values[fields[0]].n || !row->values[fields[1]].n || !row->values[fields[2]].n;
    }
}

static bool measure_incident(struct casework *c, const struct incident *incident, const struct deeds *deeds,
                             double values[KPI_COUNT])
{
    struct state_change *changes;
    uint32_t count;
    struct error err;
    if (!state_incidents_changes(c->s->state, incident->id, c->arena, &changes, &count, &err))
        return work_fail(c, 500, &err);
    struct kpi_step *steps = ARENA_ARRAY(c->arena, struct kpi_step, count + 1);
    for (uint32_t i = 0; i < count; i++)
        steps[i] =
            (struct kpi_step){changes[i].when_ns, changes[i].to, !str_eq(changes[i].who, STR("hyakuyo"))};
    struct kpi_case one = {.first_ns = incident->first_ns,
                           .last_ns = incident->last_ns,
                           .opened_ns = incident->opened_ns,
                           .sla_ns = score_sla(incident->urgency, incident->importance).minutes * 60 *
                                     NS_PER_SECOND,
                           .now_ns = c->now_ns,
                           .steps = steps,
                           .step_count = count,
                           .deeds = deeds->all,
                           .incomplete_deeds = deeds->incomplete};
    kpi_measure(&one, values);
    return true;
}

static bool add_incident(struct casework *c, struct kpi_world *world, const struct incident *incident,
                         const struct deeds *deeds)
{
    double values[KPI_COUNT] = {0};
    if (!measure_incident(c, incident, deeds, values))
        return false;
    for (int k = 0; k < KPI_COUNT; k++)
        if (kpi_about((enum kpi)k)->is_of_incident)
            add(world, (enum kpi)k, incident->id, incident->opened_ns, values[k]); /* NAN: not yet */
    return true;
}

static void take_effort(struct kpi_world *world, const struct work_rows *rows, int when, int minutes,
                        int cost)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct work_row *row = &rows->rows[i];
        const struct incident *incident = kpi_world_find(world, work_number(row, 0));
        if (incident == NULL)
            continue;
        if (work_number(row, minutes) > 0)
            add(world, KPI_EFFORT, incident->id, work_number(row, when),
                (double)work_number(row, minutes) / 60);
        if (work_number(row, cost) > 0)
            add(world, KPI_COST, incident->id, work_number(row, when), (double)work_number(row, cost));
    }
}

static void take_decisions(struct kpi_world *world, const struct work_rows *rows)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct work_row *row = &rows->rows[i];
        const struct incident *incident = kpi_world_find(world, work_number(row, APPROVAL_INCIDENT));
        int64_t asked_ns = work_number(row, APPROVAL_PROPOSED),
                decided_ns = work_number(row, APPROVAL_DECIDED);
        if (incident != NULL && !str_eq(row->values[APPROVAL_STATUS], STR("withdrawn")))
            add(world, KPI_DECISION, incident->id, asked_ns,
                decided_ns ? (double)(decided_ns - asked_ns) / (60.0 * NS_PER_SECOND) : NAN);
    }
}

static const int task_fields[] = {TASK_INSTRUCTED_BY, TASK_APPROVED_BY, TASK_REPORTED_TO},
                 entry_fields[] = {ENTRY_INSTRUCTED_BY, ENTRY_APPROVED_BY, ENTRY_REPORTED_TO};

bool kpi_incident_values(struct casework *c, const struct incident *incident, double values[KPI_COUNT])
{
    struct incident copy = *incident;
    struct kpi_world world = {.incidents = &copy, .incident_count = 1};
    struct work_rows tasks, entries;
    struct deeds deeds = {0};
    if (!work_rows_of(c, WORK_TASK, incident->id, &tasks) ||
        !work_rows_of(c, WORK_ENTRY, incident->id, &entries))
        return false;
    count_deeds(&world, &tasks, TASK_STATUS, STR("done"), task_fields, TASK_WATCH_UNTIL, &deeds);
    count_deeds(&world, &entries, ENTRY_KIND, STR("work"), entry_fields, -1, &deeds);
    return measure_incident(c, incident, &deeds, values);
}

bool kpi_world_load(struct casework *c, struct kpi_world *world)
{
    struct work_rows tasks, entries, invocations, approvals;
    *world = (struct kpi_world){0};
    if (!load_incidents(c, world) || !work_all_rows(c, WORK_TASK, &tasks) ||
        !work_all_rows(c, WORK_ENTRY, &entries) || !work_all_rows(c, WORK_INVOCATION, &invocations) ||
        !work_all_rows(c, WORK_APPROVAL, &approvals))
        return false;
    world->is_cut |= tasks.count == WORK_ROWS_MOST || entries.count == WORK_ROWS_MOST ||
                     invocations.count == WORK_ROWS_MOST || approvals.count == WORK_ROWS_MOST;
    struct deeds *deeds = ARENA_ARRAY(c->arena, struct deeds, world->incident_count + 1);
    count_deeds(world, &tasks, TASK_STATUS, STR("done"), task_fields, TASK_WATCH_UNTIL, deeds);
    count_deeds(world, &entries, ENTRY_KIND, STR("work"), entry_fields, -1, deeds);
    for (uint32_t i = 0; i < world->incident_count; i++)
        if (!add_incident(c, world, &world->incidents[i], &deeds[i]))
            return false;
    take_decisions(world, &approvals);
    take_effort(world, &entries, ENTRY_HAPPENED, ENTRY_EFFORT_MINUTES, ENTRY_COST);
    take_effort(world, &invocations, INVOCATION_ASKED, INVOCATION_EFFORT_MINUTES, INVOCATION_COST);
    return true;
}

void kpi_world_free(struct kpi_world *world)
{
    buf_free(&world->samples);
}

const struct kpi_sample *kpi_world_samples(const struct kpi_world *world, uint32_t *count)
{
    *count = (uint32_t)(world->samples.n / sizeof(struct kpi_sample));
    return (const struct kpi_sample *)(const void *)world->samples.p;
}

/* ------------------------------------------------------------------- periods */

struct period_figure kpi_world_figure(const struct kpi_world *world, enum kpi kpi, int64_t from_ns,
                                      int64_t to_ns)
{
    uint32_t all;
    const struct kpi_sample *samples = kpi_world_samples(world, &all);
    double *values = NEW_ARRAY(double, all + 1);
    struct period_figure f = {0};
    for (uint32_t i = 0; i < all; i++) {
        const struct kpi_sample *s = &samples[i];
        if (s->kpi != kpi || s->when_ns < from_ns || s->when_ns >= to_ns)
            continue;
        if (isnan(s->value)) {
            f.pending++;
            continue;
        }
        f.missed += kpi_is_missed(kpi, s->value);
        values[f.count++] = s->value;
    }
    f.value = kpi_combine(kpi, values, f.count);
    memory_free(values);
    return f;
}

double kpi_world_value(const struct kpi_world *world, enum kpi kpi, int64_t from_ns, int64_t to_ns)
{
    return kpi_world_figure(world, kpi, from_ns, to_ns).value;
}
