/* The simulator: an office whose systems write logs, with infections put into it. The same options give the
 * same lines, byte for byte.
 *
 *   content/simulate/ ─▶ office, fleet, activities ─┐
 *   content/scenarios/NAME.yml ─▶ steps ──────────────┴─▶ heap of next events ─▶ lines in order of time ─▶
 * sink
 *
 * Files in reading order: time_form, random, quiet, fleet, office, office_context, template,
 * template_render, words, program (activities and steps, compiled), presence (when people are there), engine
 * (the heap), scenario, truth; clock_shift and disturb stand apart: they disturb any lines. */
#ifndef SIMULATE_SIMULATE_H
#define SIMULATE_SIMULATE_H

#include "base/buf.h"
#include "base/error.h"
#include "event/asset.h"

#define SIMULATE_SOURCES_MAX 64
#define SIMULATE_DAYS_MAX    3660

struct simulation_options {
    const char *content;   /* folder of simulate/ and scenarios/ */
    const char *scenarios; /* further scenarios, asked first; may be NULL */
    unsigned hosts, days;
    uint64_t seed;
    int64_t start_ns;               /* of the first day or, without a background, of the time simulated */
    double rate;                    /* lines of everyday work per host and day */
    bool has_background;            /* false: nothing but what is injected */
    double speed;                   /* of scenarios: spans are divided by it; 0 = 1 */
    const struct asset_set *assets; /* the organisation's own hosts instead of an office; may be NULL */
};

struct simulation;
struct simulation *simulation_new(const struct simulation_options *options, struct error *err);
void simulation_free(struct simulation *s); /* NULL is fine */

/* "NAME@TIME" or "NAME@TIME,role=HOST,…": TIME is a local time ("2025-11-10T09:12:30") or a span from the
 * start
 * ("1d9h12m"). Before simulation_run(). */
bool simulation_inject(struct simulation *s, struct str text, struct error *err) MUST_CHECK;

/* Calls come in order of time; texts live during the call. False ends the simulation. */
struct simulation_sink {
    bool (*line)(void *context, int64_t time_ns, unsigned source, struct str text);
    bool (*truth)(void *context, struct str json);
    void *context;
};
bool simulation_run(struct simulation *s, const struct simulation_sink *sink) MUST_CHECK;

unsigned simulation_source_count(const struct simulation *s);
struct str simulation_source_name(const struct simulation *s, unsigned source); /* "proxy" */
int simulation_source_find(const struct simulation *s, struct str name);        /* −1 = none */
bool simulation_write_context(const struct simulation *s, const char *folder, struct error *err) MUST_CHECK;

/* The scenarios of a folder: name, title and what it is about, as a JSON array of objects; appended. */
bool scenario_list_json(const char *folder, struct buf *out, struct error *err) MUST_CHECK;

#endif
