/* The desk's own: what its files share. desk.c puts it together and takes batches, desk_find.c finds,
 * desk_keep.c keeps, desk_restore.c brings back what was kept, desk_ask.c answers others. Whoever calls a
 * function here holds d->lock, unless it says otherwise. */
#ifndef DESK_DESK_INTERNAL_H
#define DESK_DESK_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/memory.h"
#include "desk/desk.h"
#include "desk/priors.h"

#define KEEP_ALL_BEYOND     5000 /* changed candidates: then they are kept with the incidents */
#define OBSERVERS_MAX_BYTES ((size_t)2 << 30)
#define LEVEL_NOT_JUDGED    (-1)

struct desk {
    struct desk_options options;
    pthread_mutex_t keeping; /* one desk_keep_all() at a time; before the other */
    pthread_mutex_t
        lock; /* guards the judge and what follows: the desk thread and those that keep come here */
    struct judge *judge;
    struct priors *priors;
    struct risk *risk;
    struct focus *focus;     /* NULL = nobody is watched */
    struct arena *learned;   /* what the judge has of it; NULL = none */
    int64_t reached_ns;      /* event time, with findings or without */
    struct posture *posture; /* NULL = none */
    uint64_t posture_kept;   /* hash of what state.db has of it; 0 = not known */
    _Atomic int level_shown; /* desk_posture_level() */
    struct correlator *correlator;
    struct context *context;             /* for what instruments find; NULL = none */
    struct suppressions *suppressions;   /* for what correlations find; NULL = none */
    struct buf saved_correlations;       /* of an earlier run, until there is a set to load them with */
    int64_t watermark_ns;                /* latest event time so far; nothing happens after it was received */
    atomic_uint_fast64_t counted_before; /* by an earlier run: findings up to this event */
    atomic_uint_fast64_t taken_through;  /* the last event of the last batch */
    uint64_t next_id;                    /* without state.db */
    int64_t trends_day_s;                /* the latest day of the everyday trends that was kept */
    int64_t observers_due_ns;            /* monotonic: the state of instruments and fleet is written next */
    pthread_mutex_t notes_lock;
    struct buf notes; /* struct note each */
};

/* desk_restore.c */
bool desk_restore(struct desk *d, struct error *err) MUST_CHECK;
bool desk_restore_observers(struct desk *d, struct error *err) MUST_CHECK;
void desk_show_level(struct desk *d);

/* desk_find.c */
void desk_advance(struct desk *d, const struct batch *batch, const struct finding *f);
struct finding *desk_set_exercises_aside(struct batch *batch);
void desk_find(struct desk *d, struct batch *batch, uint64_t counted);
void desk_ask_inventory(struct desk *d, struct batch *batch, uint64_t counted);
void desk_note_awake(struct desk *d, const struct batch *batch);
int64_t desk_reached_by(const struct batch *batch);
void desk_take_posture(struct desk *d, const struct batch *batch, int64_t reached_ns, uint64_t counted);
void desk_follow_posture(struct desk *d);

/* desk_keep.c */
bool desk_hand_out(struct desk *d, enum hand_out which, uint32_t most, struct error *err) MUST_CHECK;

/* desk_trends.c: within the transaction that keeps how far the desk is. */
bool desk_keep_trends(struct desk *d, const struct rollup_cells *cells, struct error *err) MUST_CHECK;

/* desk.c */
void desk_free_learned(struct desk *d);
void desk_read_notes(struct desk *d);
void desk_take_up_again(struct desk *d, uint64_t id);

#endif
