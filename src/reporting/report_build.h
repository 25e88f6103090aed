/* Fills a report's form with rows: from the events by the filter language, from the state by named tables,
 * and from what the program knows as JSON documents. For the command and for the server. */
#ifndef REPORTING_REPORT_BUILD_H
#define REPORTING_REPORT_BUILD_H

#include "report/report.h"
#include "store/state_reader.h"
#include "store/store.h"

struct report_world {
    const char *data_dir;
    struct store *store;
    struct state_reader *state;
    int64_t now_ns;
    struct str criteria_version;
    const char *console_url; /* where the console is; NULL = not known: links are relative to it */
    /* "fleet", "posture" (not "education" and "kpis", which are worked out here): one JSON object appended.
     * False, with the sentence, when there is none. */
    bool (*document)(void *context, struct str name, struct buf *json, struct error *err);
    /* What people call a system, by the name that findings have; texts live as long as the context. */
    void (*system_name)(void *context, struct str system, struct arena *arena, struct str *en,
                        struct str *ja);
    void *context;
};

struct report_order {
    const char *forms; /* folder */
    struct str name;
    int64_t from_ns, to_ns; /* TIME_UNKNOWN: the form's own period before now */
    uint64_t incident;      /* 0 = none */
    enum language language;
    const struct zone *zone;
};

/* NULL with a sentence: no such form, a form that is wrong, a period that is none, no such incident. What
 * could not be measured is in the report as unknown, with the reason. */
struct report *report_build(const struct report_world *world, const struct report_order *order,
                            struct error *err) MUST_CHECK;

#endif
