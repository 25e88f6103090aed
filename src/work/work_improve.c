/* Improvements (S171, S187): what reviews asked for, over all incidents. An action is open, then carried out
 * with something to show for it, then done once its effect can be told; beside that it may be dropped with
 * its reason. One that names a key figure keeps the figure before it and after it.
 *
 *   open ─evidence─▶ carried_out ─effect─▶ done          any ─effect says why─▶ dropped
 * Next: work_kpi_world.c. */
#include <math.h>

#include "base/log.h"
#include "work/work_kpi.h"

#define DAY_NS       (86400 * NS_PER_SECOND)
#define MEASURE_DAYS 90 /* of the figure before, and until the effect is looked for */

static bool has_status(const struct work_row *a, const char *status)
{
    return str_eq(a->values[ACTION_STATUS], str_c(status));
}

static bool is_late(const struct work_row *a, int64_t now_ns)
{
    return has_status(a, "open") && work_number(a, ACTION_DUE) < now_ns;
}

static bool is_measure_late(const struct work_row *a, int64_t now_ns)
{
    return has_status(a, "carried_out") && work_number(a, ACTION_MEASURE_DUE) < now_ns;
}

void work_action_members(struct casework *c, const struct work_row *action, struct json_writer *w)
{
    work_row_members(WORK_ACTION, action, c->sees_persons, w);
    json_key(w, "is_late");
    json_put_bool(w, is_late(action, c->now_ns));
    json_key(w, "measure_is_late");
    json_put_bool(w, is_measure_late(action, c->now_ns));
}

/* ------------------------------------------------------------------ tracker */

static bool put_rows(struct casework *c, const struct work_rows *rows, struct str kpi, struct json_writer *w)
{
    struct str state = work_value(c, "state");
    bool only_open = str_eq(state, STR("open")), only_late = str_eq(state, STR("late"));
    json_begin_array(w);
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct work_row *a = &rows->rows[i];
        if ((kpi.n && !str_eq(a->values[ACTION_KPI], kpi)) ||
            (only_open && work_number(a, ACTION_ENDED) != 0) ||
            (only_late && !is_late(a, c->now_ns) && !is_measure_late(a, c->now_ns)) ||
            !work_may_see_number(c, work_number(a, ACTION_INCIDENT)))
            continue;
        json_begin_object(w);
        work_action_members(c, a, w);
        json_end_object(w);
    }
    json_end_array(w);
    return true;
}

bool work_put_improvements(struct casework *c, struct str kpi, struct json_writer *w)
{
    struct work_rows rows;
    return work_all_rows(c, WORK_ACTION, &rows) && put_rows(c, &rows, kpi, w);
}

static void put_counts(struct casework *c, const struct work_rows *rows, struct json_writer *w)
{
    static const char *const statuses[] = {"open", "carried_out", "done", "dropped"};
    int64_t counts[COUNT_OF(statuses)] = {0}, late = 0, measure_late = 0;
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct work_row *a = &rows->rows[i];
        if (!work_may_see_number(c, work_number(a, ACTION_INCIDENT)))
            continue;
        for (size_t k = 0; k < COUNT_OF(statuses); k++)
            counts[k] += has_status(a, statuses[k]);
        late += is_late(a, c->now_ns);
        measure_late += is_measure_late(a, c->now_ns);
    }
    json_key(w, "counts");
    json_begin_object(w);
    for (size_t k = 0; k < COUNT_OF(statuses); k++) {
        json_key(w, statuses[k]);
        json_put_i64(w, counts[k]);
    }
    json_key(w, "late");
    json_put_i64(w, late);
    json_key(w, "measure_late");
    json_put_i64(w, measure_late);
    json_end_object(w);
}

bool work_get_improvements(struct casework *c)
{
    struct work_rows rows;
    struct json_writer w = {.out = c->out};
    if (!work_is_inside(c) || !work_all_rows(c, WORK_ACTION, &rows))
        return false;
    json_begin_object(&w);
    put_counts(c, &rows, &w);
    json_key(&w, "rows");
    bool ok = put_rows(c, &rows, work_value(c, "kpi"), &w);
    json_end_object(&w);
    return ok;
}

uint32_t work_actions_late(struct server *s)
{
    struct arena arena;
    struct work_rows rows;
    struct error err;
    uint32_t late = 0;
    int64_t now_ns = clock_wall_ns();
    arena_init(&arena, 16 << 10);
    bool ok = state_work_list(s->state, WORK_ACTION, -1, STR_EMPTY, WORK_ROWS_MOST, &arena, &rows, &err);
    for (uint32_t i = 0; ok && i < rows.count; i++)
        late += is_late(&rows.rows[i], now_ns) || is_measure_late(&rows.rows[i], now_ns);
    arena_free(&arena);
    return late;
}

/* ------------------------------------------------------------------- effect */

/* The figure over a time, as text; "" = nothing to measure. Over all incidents, whoever asks: the effect of
 * an action is not that of one department. */
static bool measure(struct casework *c, struct str name, int64_t from_ns, int64_t to_ns, struct str *out)
{
    struct kpi_world world;
    struct casework all = *c;
    enum kpi kpi;
    *out = STR_EMPTY;
    if (!kpi_find(name, &kpi))
        return name.n == 0 || work_refuse(c, 400, "There is no such figure; see GET /api/v1/kpis.",
                                          "その指標はありません。GET /api/v1/kpis を参照してください。");
    all.roles = ~0u;
    bool ok = kpi_world_load(&all, &world);
    if (ok) {
        double value = kpi_world_value(&world, kpi, from_ns, to_ns);
        *out = isnan(value) ? STR_EMPTY : arena_printf(c->arena, "%.1f", value);
    }
    kpi_world_free(&world);
    return ok;
}

bool work_post_action(struct casework *c)
{
    struct incident incident = {0};
    struct work_row row = {0};
    struct str before;
    if (!work_incident(c, c->q->id, &incident) ||
        !measure(c, work_value(c, "kpi"), c->now_ns - MEASURE_DAYS * DAY_NS, c->now_ns, &before))
        return false;
    work_take_members(c, WORK_ACTION, &row);
    row.values[ACTION_INCIDENT] = work_text_of((int64_t)incident.id, c->arena);
    row.values[ACTION_STATUS] = STR("open");
    row.values[ACTION_KPI_BEFORE] = before;
    if (!work_begin(c))
        return false;
    bool ok = work_add(c, WORK_ACTION, &row);
    struct deed deed = work_deed(c, "instruct", incident.id, "action", row.id, work_value(c, "title"));
    return work_end(c, ok, &deed) && work_answer_review(c);
}

static bool check_status(struct casework *c, const struct work_row *a, struct str to)
{
    bool is_done = str_eq(to, STR("done")) || str_eq(to, STR("dropped"));
    bool has_evidence = a->values[ACTION_EVIDENCE].n || work_value(c, "evidence").n;
    if (is_done && work_value(c, "effect").n == 0)
        return work_refuse(c, 400, "Say what effect it had (\"effect\").",
                           "効果(effect)を記入してください。");
    if (str_eq(to, STR("carried_out")) && !has_evidence)
        return work_refuse(c, 400, "Say what shows that it was carried out (\"evidence\").",
                           "実施の証跡(evidence)を記入してください。");
    return true;
}

static bool note_status(struct casework *c, struct work_row *a, struct str to, struct str after)
{
    bool is_carried_out = str_eq(to, STR("carried_out"));
    bool is_over = str_eq(to, STR("done")) || str_eq(to, STR("dropped"));
    if (is_carried_out && (!work_set_number(c, WORK_ACTION, a, ACTION_CARRIED_OUT, c->now_ns) ||
                           !work_set(c, WORK_ACTION, a, ACTION_CARRIED_OUT_BY, c->actor)))
        return false;
    if (is_carried_out && work_number(a, ACTION_MEASURE_DUE) == 0 &&
        !work_set_number(c, WORK_ACTION, a, ACTION_MEASURE_DUE, c->now_ns + MEASURE_DAYS * DAY_NS))
        return false;
    if (is_over && !work_set(c, WORK_ACTION, a, ACTION_KPI_AFTER, after))
        return false;
    return work_set_number(c, WORK_ACTION, a, ACTION_ENDED, is_over ? c->now_ns : 0);
}

/* An improvement is done when its effect can be told (S187); the figure since it was carried out says so
 * too. */
bool work_patch_action(struct casework *c)
{
    struct incident incident = {0};
    struct work_row action;
    struct str to = work_value(c, "status"), after = STR_EMPTY;
    if (!work_incident(c, c->q->id, &incident) ||
        !work_row_of(c, WORK_ACTION, c->q->item, c->q->id, &action) || !check_status(c, &action, to))
        return false;
    int64_t since_ns = work_number(&action, ACTION_CARRIED_OUT);
    if (str_eq(to, STR("done")) && since_ns != 0 &&
        !measure(c, action.values[ACTION_KPI], since_ns, c->now_ns, &after))
        return false;
    if (!work_begin(c))
        return false;
    bool ok = work_change_members(c, WORK_ACTION, &action) && note_status(c, &action, to, after);
    struct str text = work_value(c, "effect").n ? work_value(c, "effect") : work_value(c, "evidence");
    struct deed deed = work_deed(c, "execute", incident.id, "action", action.id, text);
    return work_end(c, ok, &deed) && work_answer_review(c);
}
