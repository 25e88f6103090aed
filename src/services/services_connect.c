/* How the orders of connectors fare, for the status of the program and its metrics. Next: work_connect.c. */
#include "console/metrics.h"
#include "server/server.h"
#include "store/state_work.h"

#define COUNTED_MOST 1000
#define DAY_NS       (86400 * NS_PER_SECOND)

struct order_numbers {
    unsigned waiting, retrying;     /* retrying: of those waiting, tried in vain already */
    unsigned failed, failed_lately; /* failed or refused; in the last day */
};

static bool add_ended(struct server *s, struct str status, struct arena *arena, struct order_numbers *out)
{
    struct work_rows rows;
    struct error ignored;
    int64_t yesterday_ns = clock_wall_ns() - DAY_NS;
    if (!state_work_list(s->state, WORK_ORDER, ORDER_STATUS, status, COUNTED_MOST, arena, &rows, &ignored))
        return false;
    out->failed += rows.count;
    for (uint32_t i = 0; i < rows.count; i++)
        out->failed_lately += work_number(&rows.rows[i], ORDER_ENDED) > yesterday_ns &&
                              !str_eq(rows.rows[i].values[ORDER_ACT], STR("test"));
    return true;
}

static bool count(struct server *s, struct order_numbers *out)
{
    struct arena arena;
    struct work_rows rows;
    struct error ignored;
    *out = (struct order_numbers){0};
    arena_init(&arena, 16 << 10);
    bool ok = state_work_list(s->state, WORK_ORDER, ORDER_STATUS, STR("waiting"), COUNTED_MOST, &arena, &rows,
                              &ignored);
    out->waiting = ok ? rows.count : 0;
    for (uint32_t i = 0; ok && i < rows.count; i++)
        out->retrying += rows.rows[i].values[ORDER_FAILURE].n > 0;
    ok = ok && add_ended(s, STR("failed"), &arena, out) && add_ended(s, STR("refused"), &arena, out);
    arena_free(&arena);
    return ok;
}

void server_warn_of_orders(struct server *s, struct console_status *out, struct arena *arena)
{
    struct order_numbers n;
    if (!count(s, &n) || n.retrying + n.failed_lately == 0)
        return;
    struct console_warning *w = &out->warnings[out->warning_count++];
    w->en = arena_printf(arena,
                         "connectors: %u orders are tried again, %u were given up or refused in the last day",
                         n.retrying, n.failed_lately);
    w->ja = arena_printf(arena, "コネクタ: 再試行中の指示 %u 件、この 1 日で断念または拒否したもの %u 件",
                         n.retrying, n.failed_lately);
}

void server_put_order_metrics(struct server *s, struct metrics *m)
{
    struct order_numbers n;
    if (!count(s, &n))
        return;
    metrics_gauge(m, "hyakuyo_orders", "Orders of connectors.", STR("state=\"waiting\""), n.waiting);
    metrics_gauge(m, "hyakuyo_orders", "Orders of connectors.", STR("state=\"retrying\""), n.retrying);
    metrics_gauge(m, "hyakuyo_orders", "Orders of connectors.", STR("state=\"failed\""), n.failed);
}
