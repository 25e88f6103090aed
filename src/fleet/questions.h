/* The questions that can be asked of the fleet, as a table: which hosts each is about, which states they may
 * be in, and which of these are good. Inside the stage only. */
#ifndef FLEET_QUESTIONS_H
#define FLEET_QUESTIONS_H

#include "fleet/states.h"

enum colour { COLOUR_GREY, COLOUR_GREEN, COLOUR_AMBER, COLOUR_RED };

#define STATES_MAX 8
struct state_kind {
    const char *name;
    enum colour colour;
    bool counts; /* in the denominator */
    bool is_good;
};

struct verdict {
    int state;          /* index into the question's states; −1: the question is not about this host */
    const char *reason; /* "" = none */
    struct lag lag;     /* of the worst component, where the question is about versions */
    const struct version_line *line;
    const struct held *held;
};

struct question {
    const char *name, *reference; /* "agents", "S30" */
    struct state_kind states[STATES_MAX + 1];
    enum control_function function; /* whose control a row shows */
    void (*judge)(const struct fleet *f, const struct host *h, enum control_function function, int64_t now_ns,
                  struct verdict *out);
};
extern const struct question questions[QUESTION_COUNT];

#endif
