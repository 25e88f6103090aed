/* Inside of a simulation: actors on a heap, each an activity of a host or a step of a scenario. */
#ifndef SIMULATE_ENGINE_H
#define SIMULATE_ENGINE_H

#include "simulate/line_heap.h"
#include "simulate/program.h"

#define ROLES_MAX 24

/* A scenario that was put in: its steps, and what its names stand for. */
struct run {
    struct str name, path;
    int64_t at_ns;
    uint64_t key;
    struct scope scope;
    struct cell cells[CELLS_MAX];
    struct {
        struct str name;
        struct host_set hosts;
        bool is_many;
    } roles[ROLES_MAX];
    uint32_t role_count;
    struct activity *steps;
    uint32_t step_count;
};

struct actor {
    int64_t next_ns;
    struct random random;
    const struct activity *activity;
    struct host *host;
    struct run *run;      /* of a step */
    uint32_t order, done; /* tie-break; repetitions so far */
};

struct simulation {
    struct arena arena;
    struct simulation_options options;
    int64_t from_ns, to_ns, first_day;
    struct calendar *calendar;
    struct quiet *quiet;
    double *presence; /* share of people at work, by day */
    struct words words;
    struct fleet fleet;
    struct office office;
    struct program program;
    int condition_off; /* the host is never switched on again */
    struct run **runs;
    uint32_t run_count;
    struct actor *actors; /* a heap by next_ns, order */
    uint32_t actor_count, actor_capacity;
    struct line_heap waiting;
    struct arena turn; /* what one turn binds */
    struct buf text;
    const struct simulation_sink *sink;
    bool ok;
};

/* presence.c: when people and computers are there; local times as times. */
struct window {
    int64_t from_ns, to_ns; /* empty when from == to */
};
struct window presence_of(const struct simulation *s, const struct host *h, int64_t day,
                          enum attendance attendance);
/* Before anybody is switched off for good: condition_off is −1. */
void presence_settle_conditions(const struct simulation *s, struct host *h);
/* When the actor acts next, after `after_ns`; INT64_MAX = never. */
int64_t presence_next(const struct simulation *s, struct actor *a, int64_t after_ns);

/* scenario.c */
bool scenario_load(struct simulation *s, struct str name, int64_t at_ns, struct str roles,
                   struct error *err) MUST_CHECK;

/* truth.c */
bool truth_begin(struct simulation *s);
bool truth_day(struct simulation *s, int64_t time_ns);
bool truth_infection(struct simulation *s, const struct run *run, const struct host *h, const struct host *by,
                     int64_t time_ns);

/* engine.c */
/* Gives the names of `let` their values. Texts go into `arena`; cells[0] is the host that acts. */
void engine_bind(struct simulation *s, const struct activity *a, struct rendering *r, struct cell *cells,
                 struct arena *arena);
void engine_add_actor(struct simulation *s, struct actor a);

#endif
