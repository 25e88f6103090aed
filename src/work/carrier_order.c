/* Orders enter the outbox, and leave it when nobody wants them any more. Everything here happens within the
 * transaction of whoever decides. Next: carrier_values.c. */
#include <sys/random.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/state_incidents.h"
#include "work/carrier_internal.h"

#define KEY_BYTES    16
#define TASK_MINUTES 30
#define MINUTE_NS    (60 * NS_PER_SECOND)

struct str carrier_new_key(struct arena *arena)
{
    uint8_t bytes[KEY_BYTES];
    struct str key = STR_EMPTY;
    BUG_IF(getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        key = arena_printf(arena, "%.*s%02x", STR_ARGS(key), bytes[i]);
    return key;
}

/* --------------------------------------------------------------------- tasks */

struct words {
    const char *en, *ja;
};

/* What is asked of people, by act. */
static const struct words titles[] = {
    [ACT_CARRY_OUT] = {"Carry out by hand: %.*s at %.*s (connector %.*s did not)",
                       "手作業で実施: %.*s(%.*s)。コネクタ %.*s では実施できませんでした"},
    [ACT_UNDO] = {"Take back by hand: %.*s at %.*s (connector %.*s did not)",
                  "手作業で解除: %.*s(%.*s)。コネクタ %.*s では解除できませんでした"}};

bool carrier_open_task(struct casework *c, const struct work_row *order, const struct work_row *measure)
{
    struct incident incident = {0};
    struct error err;
    enum connector_act act = ACT_TEST;
    struct work_row row = {0};
    if (measure == NULL || !connector_act_parse(order->values[ORDER_ACT], &act) || act == ACT_TEST)
        return true;
    uint64_t id = (uint64_t)work_number(measure, COUNTERMEASURE_INCIDENT);
    if (!state_incidents_load(c->s->state, id, c->arena, &incident, &err))
        return work_fail(c, 503, &err);
    struct str target = measure->values[COUNTERMEASURE_TARGET],
               device = measure->values[COUNTERMEASURE_DEVICE], connector = order->values[ORDER_CONNECTOR];
    row.values[TASK_INCIDENT] = measure->values[COUNTERMEASURE_INCIDENT];
    row.values[TASK_KEY] = STR("connector");
    row.values[TASK_STAGE] = incident_state_name(incident.state);
    row.values[TASK_TITLE_EN] =
        arena_printf(c->arena, titles[act].en, STR_ARGS(target), STR_ARGS(device), STR_ARGS(connector));
    row.values[TASK_TITLE_JA] =
        arena_printf(c->arena, titles[act].ja, STR_ARGS(target), STR_ARGS(device), STR_ARGS(connector));
    row.values[TASK_SCRIPT_EN] = row.values[TASK_SCRIPT_JA] = order->values[ORDER_FAILURE];
    row.values[TASK_CHECKLIST] = STR("[]");
    row.values[TASK_STATUS] = STR("open");
    row.values[TASK_OPENED] = work_text_of(c->now_ns, c->arena);
    row.values[TASK_MINUTES] = work_text_of(TASK_MINUTES, c->arena);
    row.values[TASK_DUE] = work_text_of(c->now_ns + TASK_MINUTES * MINUTE_NS, c->arena);
    return work_add(c, WORK_TASK, &row);
}

/* ------------------------------------------------------------------- entering */

bool carrier_enter(struct casework *c, const struct connector *connector, enum connector_act act,
                   const struct work_row *measure, struct work_row *order)
{
    struct buf request = {0};
    struct error why;
    struct str key = carrier_new_key(c->arena);
    struct connector_values values =
        measure != NULL ? carrier_values(c, measure, key) : (struct connector_values){.key = key};
    bool is_clear = connector_render(connector, act, &values, c->arena, &request, &why);
    *order = (struct work_row){0};
    order->values[ORDER_INCIDENT] = measure != NULL ? measure->values[COUNTERMEASURE_INCIDENT] : STR("0");
    order->values[ORDER_COUNTERMEASURE] =
        measure != NULL ? work_text_of((int64_t)measure->id, c->arena) : STR("0");
    order->values[ORDER_CONNECTOR] = connector->name;
    order->values[ORDER_KIND] = connector_kind_name(connector->kind);
    order->values[ORDER_ACT] = connector_act_name(act);
    order->values[ORDER_KEY] = key;
    order->values[ORDER_STATUS] = is_clear ? STR("waiting") : STR("refused");
    order->values[ORDER_APPROVED_BY] =
        measure != NULL ? measure->values[COUNTERMEASURE_APPROVED_BY] : c->actor;
    order->values[ORDER_ENTERED] = order->values[ORDER_DUE] = work_text_of(c->now_ns, c->arena);
    order->values[ORDER_REQUEST] = is_clear ? arena_str(c->arena, buf_str(&request)) : STR_EMPTY;
    buf_free(&request);
    if (!is_clear) {
        order->values[ORDER_FAILURE] = arena_str(c->arena, str_c(why.text));
        order->values[ORDER_ENDED] = order->values[ORDER_ENTERED];
    }
    return work_add(c, WORK_ORDER, order) && (is_clear || carrier_open_task(c, order, measure));
}

bool carrier_order(struct casework *c, const struct work_row *measure)
{
    struct carrier_settings *set = carrier_settings(c->s->carrier);
    struct work_row order;
    bool ok = true;
    for (uint32_t i = 0; set != NULL && ok && i < set->connectors.count; i++)
        if (connector_is_for(&set->connectors.items[i], measure->values[COUNTERMEASURE_DEVICE]))
            ok = carrier_enter(c, &set->connectors.items[i], ACT_CARRY_OUT, measure, &order);
    carrier_settings_unref(set);
    return ok;
}

/* ---------------------------------------------------------------- taking back */

static bool withdraw(struct casework *c, struct work_row *order)
{
    return work_set(c, WORK_ORDER, order, ORDER_STATUS, STR("withdrawn")) &&
           work_set_number(c, WORK_ORDER, order, ORDER_ENDED, c->now_ns);
}

/* An order that was tried may have been carried out even when no answer came. */
static bool take_back(struct casework *c, const struct connectors *connectors, const struct work_row *measure,
                      struct work_row *order)
{
    const struct connector *connector = connector_find(connectors, order->values[ORDER_CONNECTOR]);
    bool is_waiting = str_eq(order->values[ORDER_STATUS], STR("waiting"));
    struct work_row undo;
    if (!str_eq(order->values[ORDER_ACT], connector_act_name(ACT_CARRY_OUT)) ||
        (is_waiting && !withdraw(c, order)))
        return !str_eq(order->values[ORDER_ACT], connector_act_name(ACT_CARRY_OUT));
    bool may_have_been_done = work_number(order, ORDER_ATTEMPTS) > 0;
    return !may_have_been_done || connector == NULL || !connector->is_on || !connector->has_undo ||
           carrier_enter(c, connector, ACT_UNDO, measure, &undo);
}

bool carrier_take_back(struct casework *c, const struct work_row *measure)
{
    struct carrier_settings *set = carrier_settings(c->s->carrier);
    struct work_rows orders;
    struct error err;
    bool ok = state_work_list(c->s->state, WORK_ORDER, ORDER_COUNTERMEASURE,
                              work_text_of((int64_t)measure->id, c->arena), WORK_ROWS_MOST, c->arena, &orders,
                              &err) ||
              work_fail(c, 503, &err);
    bool has_undo = false; /* already, when it expired before it was removed */
    for (uint32_t i = 0; ok && i < orders.count; i++)
        has_undo |= str_eq(orders.rows[i].values[ORDER_ACT], connector_act_name(ACT_UNDO));
    for (uint32_t i = 0; ok && set != NULL && !has_undo && i < orders.count; i++)
        ok = take_back(c, &set->connectors, measure, &orders.rows[i]);
    carrier_settings_unref(set);
    return ok;
}
