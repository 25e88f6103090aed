/* What the files of services about risk share. */
#ifndef RISK_SERVICES_RISK_H
#define RISK_SERVICES_RISK_H

#include "risk/residual_report.h"
#include "server/server.h"
#include "store/state_register.h"

/* One answer being made. */
struct risk_answer {
    struct server *server;
    const struct risk_request *request;
    struct arena *arena;
    struct json_writer *w; /* inside an object */
    struct console_failure *failure;
    int64_t now_ns;
};

bool risk_fail(struct risk_answer *a, int status, const struct error *err);

/* services_register.c */
const char *register_name(enum risk_register which);
bool register_list(struct risk_answer *a);
bool register_add(struct risk_answer *a);
bool register_end(struct risk_answer *a);

/* services_measure.c: one answer's measuring. */
#define DAY_NS (86400 * NS_PER_SECOND)
struct measuring {
    struct risk_answer *answer;
    struct risk_content *content; /* the caller frees it, also when measuring_begin() fails */
    struct residual_inputs inputs;
};
bool measuring_begin(struct measuring *m, struct risk_answer *a);
/* Rows with the same key are added up; their sum and number go into the inputs. Rows live in the arena. */
bool measuring_take(struct measuring *m, enum risk_measure which, int64_t from_ns, int64_t to_ns,
                    struct measured **rows);
bool measuring_take_window(struct measuring *m, enum risk_measure which, struct measured **rows);
/* False: there is no fleet. */
bool measuring_figures(struct server *s, struct str department, struct fleet_figures *out);
/* content/risk.yml, or the one in the data folder; the caller frees it. */
struct risk_content *risk_load_content(struct server *s, struct error *err) MUST_CHECK;

/* services_residual.c, services_exposure.c */
bool risk_residual(struct risk_answer *a);
bool risk_exposure(struct risk_answer *a);
bool risk_training_effect(struct risk_answer *a);
/* The estimate of one category, as an acceptance keeps it; false: there is none. */
bool risk_estimate(struct risk_answer *a, struct str category, struct buf *details);
/* Writes "broken" of an acceptance: which premise is red, since when. */
bool risk_premises(struct risk_answer *a, struct register_entry *e);

/* services_fatigue.c: members "checklist", "handovers" and "load" of the work list. */
struct incidents_of {
    const struct incident *rows;
    uint32_t count;
};
bool risk_fatigue(struct risk_answer *a, const struct risk_content *content, const struct incidents_of *open,
                  const struct incidents_of *closed);

/* services_worklist.c, services_calibration.c */
bool risk_worklist(struct risk_answer *a);
bool risk_calibration(struct risk_answer *a);
bool risk_adopt(struct risk_answer *a, struct buf *details);

static inline void risk_put(struct json_writer *w, const char *key, struct str text)
{
    json_key(w, key);
    json_put_str(w, text);
}

#endif
