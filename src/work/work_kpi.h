/* Samples of key figures over all incidents that somebody may see, made by
 * work_kpi_world.c for work_kpi.c, work_improve.c and work_library.c. */
#ifndef WORK_WORK_KPI_H
#define WORK_WORK_KPI_H

#include "incident/kpi.h"
#include "work/work.h"

struct kpi_sample {
    enum kpi kpi;
    uint64_t incident;
    int64_t when_ns; /* the month it counts for: alarm, question, or work */
    double value;    /* NAN = not measured yet */
};

struct kpi_world {
    struct incident *incidents; /* by id, without findings; in the request's arena */
    uint32_t incident_count;
    struct buf samples; /* struct kpi_sample */
    bool is_cut;        /* there is more than one answer takes: not all of it was read */
};

/* All figures as this person may see them. The caller frees the world, also after a failure. */
bool kpi_world_load(struct casework *c, struct kpi_world *world);
void kpi_world_free(struct kpi_world *world);
const struct incident *kpi_world_find(const struct kpi_world *world, int64_t id); /* NULL: not there */
const struct kpi_sample *kpi_world_samples(const struct kpi_world *world, uint32_t *count);

struct period_figure {
    double value; /* NAN = nothing to measure */
    uint32_t count, missed, pending;
};
/* The figure over a half-open time. */
struct period_figure kpi_world_figure(const struct kpi_world *world, enum kpi kpi, int64_t from_ns,
                                      int64_t to_ns);
/* The same, its value alone. */
double kpi_world_value(const struct kpi_world *world, enum kpi kpi, int64_t from_ns, int64_t to_ns);

/* What one incident contributes; NAN = not measured, or not yet. */
bool kpi_incident_values(struct casework *c, const struct incident *incident, double values[KPI_COUNT]);

/* work_improve.c: an array of actions; `kpi` "" = all. */
bool work_put_improvements(struct casework *c, struct str kpi, struct json_writer *w);

#endif
