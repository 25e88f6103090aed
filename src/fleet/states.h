/* In which state a control is on a host, as of a time: the part of the fleet that judges. Inside the stage
 * only; the same functions serve findings (evaluate.c) and answers (answer.c). */
#ifndef FLEET_STATES_H
#define FLEET_STATES_H

#include "fleet/state.h"

enum agent_state { AGENT_UP, AGENT_OFF, AGENT_SILENT, AGENT_ABSENT, AGENT_UNKNOWN, AGENT_NONE };

struct agent {
    enum agent_state state;
    const char *reason; /* of OFF and UNKNOWN: "realtime_off", "feed_silent", …; "" */
};
/* S30 and S10. products_count() must have run. */
struct agent agent_state(const struct fleet *f, const struct host *h, enum control_function function,
                         int64_t now_ns);
/* Silent by S10 and not for want of the feed. */
bool agent_is_silent(const struct fleet *f, const struct control *c);

bool host_is_present(const struct fleet *f, const struct host *h, int64_t now_ns);

enum lag_colour { LAG_GREEN, LAG_AMBER, LAG_RED, LAG_UNKNOWN };
struct lag {
    enum lag_colour colour;
    uint32_t versions; /* newer ones seen in the estate */
    double hours;
    bool is_least;    /* the hours are at least these: when the older version came out was not seen */
    bool is_by_sight; /* between two first sights in the estate */
    name_id newest;
};
/* S32, S41. */
struct lag version_lag(const struct fleet *f, enum component c, const struct held *held, int64_t now_ns);

enum line_status { LINE_CURRENT, LINE_ALLOWED, LINE_OBSOLETE, LINE_UNLISTED, LINE_UNKNOWN };
/* S31; `line` (may be NULL) is the row it was judged by, NULL when there is none. */
enum line_status version_line_status(const struct fleet *f, enum component c, const struct held *held,
                                     const struct version_line **line);

#endif
