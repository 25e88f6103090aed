/* How releases of patterns spread (S33). Inside the stage only. */
#ifndef FLEET_SPREAD_H
#define FLEET_SPREAD_H

#include "fleet/state.h"

/* Whose hosts: a department, a site, or all when both are 0. */
struct part {
    name_id department, site;
};

#define SPREAD_POINTS 4 /* 50, 90, 95, 99 % */
struct spread {
    const struct release *release;
    uint32_t reached, behind;    /* hosts that came to it; present since it came out, and not yet there */
    double hours[SPREAD_POINTS]; /* −1: not reached yet */
};
/* Releases of the product's patterns, the latest first, at most RELEASES_JUDGED; `out` has that many. */
uint32_t spread_measure(const struct fleet *f, uint32_t product, struct part part, struct spread *out);

struct spread_judgement {
    double z;                 /* robust z of the latest release's time to 90 % against those before */
    double p90, median, mad;  /* hours */
    uint32_t history;         /* releases it was judged by; 0: too few to judge */
    bool is_delayed, is_open; /* open: 90 % are not reached, p90 is its age */
};
struct spread_judgement spread_judge(const struct fleet *f, const struct spread *spreads, uint32_t count,
                                     int64_t now_ns);

#endif
