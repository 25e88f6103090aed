/* A lane is a thread that carries the orders of one connector, in the order they were given, until none is
 * due or one could not be carried out. Lanes of different connectors run at the same time: one that takes its
 * time holds up nobody else's. Next: carrier_send.c. */
#include "base/log.h"
#include "base/memory.h"
#include "work/carrier_internal.h"

#define LANES_MOST   16
#define WAITING_MOST 10000

struct lane {
    struct carrier_lanes *lanes;
    struct buf connector; /* its name; written while nobody runs */
    pthread_t thread;
    bool is_started; /* to be joined */
    bool is_busy;    /* guarded by the lock of all */
};

struct carrier_lanes {
    struct carrier *carrier;
    struct server *server;
    atomic_bool is_over;
    pthread_mutex_t lock; /* guards is_busy of lanes, told */
    struct error told;    /* the last failure: each is told once */
    struct lane items[LANES_MOST];
};

struct carrier_lanes *carrier_lanes_new(struct carrier *carrier, struct server *s)
{
    struct carrier_lanes *l = NEW(struct carrier_lanes);
    l->carrier = carrier;
    l->server = s;
    pthread_mutex_init(&l->lock, NULL);
    return l;
}

/* --------------------------------------------------------------- in the lane */

/* False when something could not be noted: then the round that comes looks again. `*sent`: orders that left.
 */
static bool carry_due(struct lane *lane, struct casework *c, const struct connectors *connectors,
                      uint32_t *sent)
{
    struct error err;
    struct work_rows waiting;
    bool reached = true;
    if (!state_work_list(c->s->state, WORK_ORDER, ORDER_STATUS, STR("waiting"), WAITING_MOST, c->arena,
                         &waiting, &err))
        return work_fail(c, 500, &err);
    for (uint32_t i = 0; i < waiting.count && reached && !atomic_load(&lane->lanes->is_over); i++) {
        struct work_row *order = &waiting.rows[i];
        if (work_number(order, ORDER_DUE) > clock_wall_ns() ||
            !str_eq(order->values[ORDER_CONNECTOR], buf_str(&lane->connector)))
            continue;
        if (!carrier_send(c, connectors, order, &lane->lanes->is_over, &reached))
            return false;
        *sent += reached;
    }
    return true;
}

void carrier_lanes_tell(struct carrier_lanes *l, const struct error *failure)
{
    pthread_mutex_lock(&l->lock);
    if (!str_eq(str_c(failure->text), str_c(l->told.text)))
        log_warning(tr("orders of connectors could not be looked after: %s",
                       "コネクタの指示を処理できませんでした: %s"),
                    failure->text);
    l->told = *failure;
    pthread_mutex_unlock(&l->lock);
}

static void *run_lane(void *context)
{
    struct lane *lane = context;
    struct carrier_lanes *l = lane->lanes;
    struct arena arena;
    struct console_failure failure = {0};
    uint32_t sent = 0;
    struct carrier_settings *set = carrier_settings(l->carrier);
    arena_init(&arena, 32 << 10);
    struct casework c = work_machine(l->server, &arena, &failure);
    bool ok = carry_due(lane, &c, &set->connectors, &sent);
    if (!ok)
        carrier_lanes_tell(l, &failure.en);
    arena_free(&arena);
    carrier_settings_unref(set);
    pthread_mutex_lock(&l->lock);
    lane->is_busy = false;
    pthread_mutex_unlock(&l->lock);
    if (ok && sent > 0) /* others may wait for a lane, or came meanwhile */
        carrier_wake(l->carrier);
    return NULL;
}

/* ------------------------------------------------------------ from the round */

static bool is_busy(struct carrier_lanes *l, const struct lane *lane)
{
    pthread_mutex_lock(&l->lock);
    bool is = lane->is_busy;
    pthread_mutex_unlock(&l->lock);
    return is;
}

/* NULL: the connector is being served, or all lanes are. */
static struct lane *lane_for(struct carrier_lanes *l, struct str connector)
{
    struct lane *room = NULL;
    for (size_t i = 0; i < LANES_MOST; i++) {
        struct lane *lane = &l->items[i];
        if (!is_busy(l, lane))
            room = room ? room : lane;
        else if (str_eq(buf_str(&lane->connector), connector))
            return NULL;
    }
    return room;
}

static void join(struct lane *lane)
{
    if (lane->is_started)
        pthread_join(lane->thread, NULL);
    lane->is_started = false;
}

/* Where the system has no thread to give the orders wait; the next round tries again. */
static bool start(struct carrier_lanes *l, struct lane *lane, struct str connector)
{
    join(lane);
    lane->lanes = l;
    buf_clear(&lane->connector);
    buf_add(&lane->connector, connector);
    lane->is_busy = lane->is_started = true;
    if (pthread_create(&lane->thread, NULL, run_lane, lane) != 0)
        lane->is_busy = lane->is_started = false;
    return lane->is_started;
}

bool carrier_lanes_serve(struct carrier_lanes *l, struct casework *c)
{
    struct error err;
    struct work_rows waiting;
    if (!state_work_list(c->s->state, WORK_ORDER, ORDER_STATUS, STR("waiting"), WAITING_MOST, c->arena,
                         &waiting, &err))
        return work_fail(c, 500, &err);
    for (uint32_t i = 0; i < waiting.count; i++) {
        const struct work_row *order = &waiting.rows[i];
        struct str connector = order->values[ORDER_CONNECTOR];
        struct lane *lane = work_number(order, ORDER_DUE) > c->now_ns ? NULL : lane_for(l, connector);
        if (lane != NULL && !start(l, lane, connector)) {
            error_set(&err,
                      tr("no thread could be started for the connector %.*s",
                         "コネクタ %.*s のスレッドを開始できません"),
                      STR_ARGS(connector));
            return work_fail(c, 500, &err);
        }
    }
    return true;
}

void carrier_lanes_free(struct carrier_lanes *l)
{
    atomic_store(&l->is_over, true);
    for (size_t i = 0; i < LANES_MOST; i++)
        join(&l->items[i]);
    for (size_t i = 0; i < LANES_MOST; i++)
        buf_free(&l->items[i].connector);
    pthread_mutex_destroy(&l->lock);
    memory_free(l);
}
