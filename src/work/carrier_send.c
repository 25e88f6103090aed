/* One attempt at an order, and what became of it. That an attempt is made is noted before it is made: after a
 * crash in between it is known that the order may have been carried out. Next: carrier_carry.c. */
#include <sys/random.h>

#include "base/log.h"
#include "notify/plan.h"
#include "work/carrier_internal.h"

#define SHOWN_BYTES 2000 /* of what came back, in an order */

struct sending {
    struct casework *c;
    const struct connectors *connectors;
    const struct connector *connector; /* NULL: there is none any more */
    struct work_row *order;
    struct work_row measure; /* id 0: a test */
    enum connector_act act;
    struct carrying carrying;
};

/* ------------------------------------------------------------------- wanted */

static const struct work_row *measure_of(const struct sending *x)
{
    return x->measure.id != 0 ? &x->measure : NULL;
}

/* Whether somebody still wants it: by hand done, removed or over is no longer. */
static bool is_wanted(const struct sending *x)
{
    struct str status = x->measure.values[COUNTERMEASURE_STATUS];
    if (x->act == ACT_CARRY_OUT)
        return (str_eq(status, STR("approved")) || str_eq(status, STR("active"))) &&
               work_number(&x->measure, COUNTERMEASURE_EXPIRES) > x->c->now_ns;
    return true;
}

/* The last look before anything leaves. The sentence goes into `err`. */
static bool may_send(struct sending *x, struct error *err)
{
    struct console_failure *failure = x->c->failure;
    const struct str *v = x->measure.values;
    if (x->connector == NULL)
        return error_set(err, tr("there is no connector '%.*s' any more", "コネクタ「%.*s」はもうありません"),
                         STR_ARGS(x->order->values[ORDER_CONNECTOR]));
    if (!x->connector->is_on)
        return error_set(err, tr("the connector '%.*s' is off", "コネクタ「%.*s」は無効です"),
                         STR_ARGS(x->connector->name));
    if (!str_eq(x->order->values[ORDER_KIND], connector_kind_name(x->connector->kind)))
        return error_set(err,
                         tr("the connector '%.*s' is of another kind now",
                            "コネクタ「%.*s」の種類が変わりました"),
                         STR_ARGS(x->connector->name));
    if (x->act != ACT_CARRY_OUT ||
        work_check_target(x->c, v[COUNTERMEASURE_DEVICE], v[COUNTERMEASURE_TARGET]))
        return true;
    error_set(err, "%s",
              language_current() == LANGUAGE_JA && failure->ja.text[0] ? failure->ja.text : failure->en.text);
    *failure = (struct console_failure){0};
    return false;
}

/* -------------------------------------------------------------------- noting */

static bool set(struct sending *x, int column, struct str value)
{
    return work_set(x->c, WORK_ORDER, x->order, column, value);
}

/* What the record keeps for itself (state_recorded.def): no entry. */
static bool note_attempt(struct sending *x)
{
    struct error err;
    struct casework *c = x->c;
    if (!state_begin(c->s->state, &err))
        return work_fail(c, 503, &err);
    if (work_set_number(c, WORK_ORDER, x->order, ORDER_ATTEMPTS, work_number(x->order, ORDER_ATTEMPTS) + 1) &&
        work_set_number(c, WORK_ORDER, x->order, ORDER_TRIED, clock_wall_ns()))
        return state_commit(c->s->state, &err) || work_fail(c, 503, &err);
    state_rollback(c->s->state);
    return false;
}

static bool put_off(struct sending *x, struct str failure)
{
    struct error err;
    struct casework *c = x->c;
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        random = 0;
    int64_t due_ns = clock_wall_ns() + notify_back_off((uint32_t)work_number(x->order, ORDER_ATTEMPTS),
                                                       x->connectors->first_retry_ns,
                                                       x->connectors->longest_retry_ns, random);
    if (!state_begin(c->s->state, &err))
        return work_fail(c, 503, &err);
    if (set(x, ORDER_FAILURE, failure) && work_set_number(c, WORK_ORDER, x->order, ORDER_DUE, due_ns))
        return state_commit(c->s->state, &err) || work_fail(c, 503, &err);
    state_rollback(c->s->state);
    return false;
}

/* All its connectors have done it: the countermeasure stands. */
static bool is_last(struct sending *x, bool *is)
{
    struct error err;
    struct work_rows orders;
    if (!state_work_list(x->c->s->state, WORK_ORDER, ORDER_COUNTERMEASURE,
                         x->order->values[ORDER_COUNTERMEASURE], WORK_ROWS_MOST, x->c->arena, &orders, &err))
        return work_fail(x->c, 503, &err);
    *is = true;
    for (uint32_t i = 0; i < orders.count; i++)
        *is &= !str_eq(orders.rows[i].values[ORDER_ACT], connector_act_name(ACT_CARRY_OUT)) ||
               str_eq(orders.rows[i].values[ORDER_STATUS], STR("done"));
    return true;
}

static bool move_measure(struct sending *x, const char *status, int who, int when)
{
    return work_set(x->c, WORK_COUNTERMEASURE, &x->measure, COUNTERMEASURE_STATUS, str_c(status)) &&
           work_set(x->c, WORK_COUNTERMEASURE, &x->measure, who, x->c->actor) &&
           work_set_number(x->c, WORK_COUNTERMEASURE, &x->measure, when, x->c->now_ns);
}

/* Read again: people may have moved it on while the connector was at work. */
static bool follow_success(struct sending *x)
{
    struct error err;
    bool is = false;
    if (x->measure.id == 0)
        return true;
    if (!state_work_get(x->c->s->state, WORK_COUNTERMEASURE, x->measure.id, x->c->arena, &x->measure, &err))
        return work_fail(x->c, 503, &err);
    struct str status = x->measure.values[COUNTERMEASURE_STATUS];
    if (x->act == ACT_CARRY_OUT && str_eq(status, STR("approved")))
        return is_last(x, &is) &&
               (!is || move_measure(x, "active", COUNTERMEASURE_ACTIVATED_BY, COUNTERMEASURE_ACTIVATED));
    if (x->act == ACT_UNDO && str_eq(status, STR("expired")))
        return move_measure(x, "removed", COUNTERMEASURE_REMOVED_BY, COUNTERMEASURE_REMOVED);
    return true;
}

/* Who approved, which connector, what was sent, what came back. */
static struct deed deed_of(struct sending *x, const char *status, struct str said)
{
    const struct str *v = x->order->values;
    struct deed deed =
        work_deed(x->c, "execute", (uint64_t)work_number(x->order, ORDER_INCIDENT), "order", x->order->id,
                  arena_printf(x->c->arena, "%.*s (%.*s) %.*s: %s\n-> %.*s\n<- %.*s",
                               STR_ARGS(v[ORDER_CONNECTOR]), STR_ARGS(v[ORDER_KIND]), STR_ARGS(v[ORDER_ACT]),
                               status, STR_ARGS(v[ORDER_REQUEST]), STR_ARGS(said)));
    deed.approved_by = v[ORDER_APPROVED_BY];
    deed.evidence = v[ORDER_KEY];
    return deed;
}

static bool end_order(struct sending *x, struct str status, struct str answer, struct str failure)
{
    struct error err;
    struct work_row now;
    if (!state_work_get(x->c->s->state, WORK_ORDER, x->order->id, x->c->arena, &now, &err))
        return work_fail(x->c, 503, &err);
    bool is_withdrawn =
        str_eq(now.values[ORDER_STATUS], STR("withdrawn")); /* while it was being carried out */
    return set(x, ORDER_ANSWER, answer) && set(x, ORDER_FAILURE, failure) &&
           work_set_number(x->c, WORK_ORDER, x->order, ORDER_ENDED, clock_wall_ns()) &&
           (is_withdrawn || set(x, ORDER_STATUS, status));
}

static bool note_done(struct sending *x)
{
    struct str answer = arena_str(x->c->arena, str_utf8_start(buf_str(&x->carrying.answer), SHOWN_BYTES));
    if (!work_begin(x->c))
        return false;
    bool ok = end_order(x, STR("done"), answer, STR_EMPTY) && follow_success(x);
    struct deed deed = deed_of(x, "done", answer);
    if (!work_end(x->c, ok, &deed))
        return false;
    work_tell_isolated(x->c->s);
    return true;
}

/* Failed or refused: people are asked to do it. */
static bool note_end(struct sending *x, const char *status, struct str failure)
{
    struct str answer = arena_str(x->c->arena, str_utf8_start(buf_str(&x->carrying.answer), SHOWN_BYTES));
    log_warning(tr("connector %.*s: order %llu is given up: %.*s",
                   "コネクタ %.*s: 指示 %llu を断念しました: %.*s"),
                STR_ARGS(x->order->values[ORDER_CONNECTOR]), (unsigned long long)x->order->id,
                STR_ARGS(failure));
    if (!work_begin(x->c))
        return false;
    bool ok =
        end_order(x, str_c(status), answer, failure) && carrier_open_task(x->c, x->order, measure_of(x));
    struct deed deed = deed_of(x, status, failure);
    return work_end(x->c, ok, &deed);
}

static bool note_unwanted(struct sending *x)
{
    if (!work_begin(x->c))
        return false;
    bool ok = end_order(x, STR("withdrawn"), STR_EMPTY, STR_EMPTY);
    struct deed deed = deed_of(x, "withdrawn", STR_EMPTY);
    deed.action = "close";
    return work_end(x->c, ok, &deed);
}

static bool note_failure(struct sending *x, struct str failure)
{
    int64_t age_ns = clock_wall_ns() - work_number(x->order, ORDER_ENTERED);
    if (x->carrying.is_permanent || x->act == ACT_TEST || age_ns > x->connectors->give_up_ns)
        return note_end(x, "failed", failure);
    if (work_number(x->order, ORDER_ATTEMPTS) == 1)
        log_warning(tr("connector %.*s: order %llu is tried again: %.*s",
                       "コネクタ %.*s: 指示 %llu を再試行します: %.*s"),
                    STR_ARGS(x->order->values[ORDER_CONNECTOR]), (unsigned long long)x->order->id,
                    STR_ARGS(failure));
    return put_off(x, failure);
}

/* ------------------------------------------------------------------- sending */

static bool load(struct sending *x)
{
    struct error err;
    uint64_t measure = (uint64_t)work_number(x->order, ORDER_COUNTERMEASURE);
    if (!connector_act_parse(x->order->values[ORDER_ACT], &x->act))
        BUG("unknown act of an order");
    x->connector = connector_find(x->connectors, x->order->values[ORDER_CONNECTOR]);
    return measure == 0 ||
           state_work_get(x->c->s->state, WORK_COUNTERMEASURE, measure, x->c->arena, &x->measure, &err) ||
           work_fail(x->c, 500, &err);
}

static bool attempt(struct sending *x, const atomic_bool *is_over, bool *reached)
{
    struct error why = {{0}};
    if (!note_attempt(x))
        return false;
    x->carrying = (struct carrying){.connector = x->connector,
                                    .order = x->order,
                                    .act = x->act,
                                    .arena = x->c->arena,
                                    .is_over = is_over};
    *reached = carrier_carry(&x->carrying, &why);
    if (*reached)
        return note_done(x);
    if (is_over != NULL && atomic_load(is_over)) /* broken off by the stop: tried again at the next start */
        return true;
    return note_failure(x, arena_str(x->c->arena, str_c(why.text)));
}

bool carrier_send(struct casework *c, const struct connectors *connectors, struct work_row *order,
                  const atomic_bool *is_over, bool *reached)
{
    struct sending x = {.c = c, .connectors = connectors, .order = order};
    struct error why;
    *reached = true;
    c->now_ns = clock_wall_ns();
    if (!load(&x))
        return false;
    if (!is_wanted(&x))
        return note_unwanted(&x);
    bool ok = may_send(&x, &why) ? attempt(&x, is_over, reached)
                                 : note_end(&x, "refused", arena_str(c->arena, str_c(why.text)));
    buf_free(&x.carrying.answer);
    return ok;
}
