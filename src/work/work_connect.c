/* Connectors as people see them: who carries out what and how it went last, what would be sent, a test, and
 * trying again. Next: carrier.h. */
#include "base/log.h"
#include "work/carrier_internal.h"
#include "work/work.h"

/* -------------------------------------------------------------------- looking */

static bool put_last(struct casework *c, const struct connector *connector, struct json_writer *w)
{
    struct error err;
    struct work_rows rows;
    if (!state_work_list(c->s->state, WORK_ORDER, ORDER_CONNECTOR, connector->name, 1, c->arena, &rows, &err))
        return work_fail(c, 500, &err);
    json_key(w, "last");
    if (rows.count == 0) {
        json_put_null(w);
        return true;
    }
    json_begin_object(w);
    work_row_members(WORK_ORDER, &rows.rows[0], c->sees_persons, w);
    json_end_object(w);
    return true;
}

static bool put_connector(struct casework *c, const struct connector *connector, struct json_writer *w)
{
    json_begin_object(w);
    json_key(w, "name");
    json_put_str(w, connector->name);
    json_key(w, "kind");
    json_put_str(w, connector_kind_name(connector->kind));
    json_key(w, "on");
    json_put_bool(w, connector->is_on);
    work_put_names(w, "serves", connector->serves, connector->serves_count);
    json_key(w, "undo");
    json_put_bool(w, connector->has_undo);
    bool ok = put_last(c, connector, w);
    json_end_object(w);
    return ok;
}

bool work_get_connectors(struct casework *c)
{
    struct json_writer w = {.out = c->out};
    if (!work_is_inside(c))
        return false;
    struct carrier_settings *set = carrier_settings(c->s->carrier);
    bool ok = true;
    json_begin_object(&w);
    json_key(&w, "rows");
    json_begin_array(&w);
    for (uint32_t i = 0; set != NULL && ok && i < set->connectors.count; i++)
        ok = put_connector(c, &set->connectors.items[i], &w);
    json_end_array(&w);
    json_end_object(&w);
    carrier_settings_unref(set);
    return ok;
}

/* A rehearsal: rendered as it will be, but for the key, which the order itself gets. */
static void put_preview(struct casework *c, const struct connector *connector, const struct work_row *measure,
                        enum connector_act act, struct json_writer *w)
{
    struct buf request = {0};
    struct error why = {{0}};
    struct connector_values values = carrier_values(c, measure, STR("{key}"));
    if (!c->sees_persons && values.user.n)
        values.user = STR("{user}");
    bool is_clear = connector_render(connector, act, &values, c->arena, &request, &why);
    json_begin_object(w);
    json_key(w, "connector");
    json_put_str(w, connector->name);
    json_key(w, "kind");
    json_put_str(w, connector_kind_name(connector->kind));
    json_key(w, "act");
    json_put_str(w, connector_act_name(act));
    json_key(w, "request");
    json_put_str(w, is_clear ? buf_str(&request) : STR_EMPTY);
    json_key(w, "problem");
    json_put_str(w, is_clear ? STR_EMPTY : str_c(why.text));
    json_end_object(w);
    buf_free(&request);
}

static void put_previews(struct casework *c, const struct connectors *connectors,
                         const struct work_row *measure, struct json_writer *w)
{
    for (uint32_t i = 0; i < connectors->count; i++) {
        const struct connector *connector = &connectors->items[i];
        if (!connector_is_for(connector, measure->values[COUNTERMEASURE_DEVICE]))
            continue;
        put_preview(c, connector, measure, ACT_CARRY_OUT, w);
        if (connector->has_undo)
            put_preview(c, connector, measure, ACT_UNDO, w);
    }
}

bool work_get_preview(struct casework *c)
{
    struct work_row measure;
    struct incident incident = {0};
    struct json_writer w = {.out = c->out};
    if (!work_is_inside(c) || !work_find_measure(c, &measure, &incident))
        return false;
    struct carrier_settings *set = carrier_settings(c->s->carrier);
    json_begin_object(&w);
    json_key(&w, "rows");
    json_begin_array(&w);
    if (set != NULL)
        put_previews(c, &set->connectors, &measure, &w);
    json_end_array(&w);
    json_end_object(&w);
    carrier_settings_unref(set);
    return true;
}

/* --------------------------------------------------------------------- acting */

static bool test(struct casework *c, const struct connectors *connectors)
{
    struct work_row order;
    const struct connector *connector = connectors ? connector_find(connectors, c->q->name) : NULL;
    if (connector == NULL)
        return work_refuse(c, 404,
                           "There is no such connector; connectors are written in DATA/connectors.yml.",
                           "そのコネクタはありません。コネクタは DATA/connectors.yml に書きます。");
    if (!connector->is_on)
        return work_refuse(
            c, 409,
            "This connector is off and sends nothing; say on: true, with serves: [] to test it first.",
            "このコネクタは無効で何も送信しません。試験だけなら on: true と serves: [] を書いてください。");
    if (!work_begin(c))
        return false;
    bool ok = carrier_enter(c, connector, ACT_TEST, NULL, &order);
    struct deed deed = work_deed(c, "execute", 0, "order", order.id, work_value(c, "note"));
    c->answer->status = 201;
    if (!work_end(c, ok, &deed))
        return false;
    carrier_wake(c->s->carrier);
    return work_answer_row(c, WORK_ORDER, &order);
}

bool work_test_connector(struct casework *c)
{
    struct carrier_settings *set = carrier_settings(c->s->carrier);
    bool ok = test(c, set ? &set->connectors : NULL);
    carrier_settings_unref(set);
    return ok;
}

/* The same request under the same key; one that could not be rendered is rendered now. */
static bool render_again(struct casework *c, const struct connector *connector,
                         const struct work_row *measure, struct work_row *order)
{
    struct buf request = {0};
    struct error why;
    enum connector_act act;
    if (order->values[ORDER_REQUEST].n)
        return true;
    if (connector == NULL || !connector_act_parse(order->values[ORDER_ACT], &act))
        return work_refuse(c, 409, "There is no such connector any more.", "そのコネクタはもうありません。");
    struct connector_values values = carrier_values(c, measure, order->values[ORDER_KEY]);
    bool ok = connector_render(connector, act, &values, c->arena, &request, &why);
    struct str text = arena_str(c->arena, buf_str(&request));
    buf_free(&request);
    return ok ? work_set(c, WORK_ORDER, order, ORDER_REQUEST, text) : work_fail(c, 409, &why);
}

static bool revive(struct casework *c, const struct connectors *connectors, const struct work_row *measure,
                   struct work_row *order)
{
    const struct connector *connector =
        connectors ? connector_find(connectors, order->values[ORDER_CONNECTOR]) : NULL;
    return render_again(c, connector, measure, order) &&
           work_set(c, WORK_ORDER, order, ORDER_STATUS, STR("waiting")) &&
           work_set_number(c, WORK_ORDER, order, ORDER_ENTERED, c->now_ns) &&
           work_set_number(c, WORK_ORDER, order, ORDER_DUE, c->now_ns);
}

bool work_retry_order(struct casework *c)
{
    struct work_row order, measure;
    struct incident incident = {0};
    if (!work_find(c, WORK_ORDER, c->q->id, &order) ||
        !work_incident(c, (uint64_t)work_number(&order, ORDER_INCIDENT), &incident) ||
        !work_find(c, WORK_COUNTERMEASURE, (uint64_t)work_number(&order, ORDER_COUNTERMEASURE), &measure))
        return false;
    bool has_failed = str_eq(order.values[ORDER_STATUS], STR("failed")) ||
                      str_eq(order.values[ORDER_STATUS], STR("refused"));
    if (!has_failed)
        return work_refuse(c, 409, "This order has not failed.", "この指示は失敗していません。");
    struct carrier_settings *set = carrier_settings(c->s->carrier);
    bool ok = work_begin(c);
    if (ok) {
        bool is_set = revive(c, set ? &set->connectors : NULL, &measure, &order);
        struct deed deed = work_deed(c, "execute", incident.id, "order", order.id, work_value(c, "note"));
        ok = work_end(c, is_set, &deed);
    }
    carrier_settings_unref(set);
    if (!ok)
        return false;
    carrier_wake(c->s->carrier);
    return work_answer_row(c, WORK_ORDER, &order);
}
