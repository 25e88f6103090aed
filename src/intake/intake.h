/* Reports of users (S80 to S86): the form without log-in, the help desk's form, and what the machine does
 * with each report by itself.
 *
 *   form, telephone ─▶ intake.c: row in state.db with its entry in the record ─▶ answered
 *                                  │ intake_thread.c, in the background
 *                                  ├─▶ an event through the journal like any other ─▶ rule ─▶ finding
 *                                  ├─▶ the incident or candidate that the finding has joined
 *                                  └─▶ intake_look.c: what the logs have of that computer and person
 *
 * work_intake.c shows all of it to the help desk. */
#ifndef INTAKE_INTAKE_H
#define INTAKE_INTAKE_H

#include <stdatomic.h>

#include "incident/intake.h"
#include "work/work.h"

#define INTAKE_KEY_CHARS 24 /* hexadecimal */

/* Checks the members of the request, enters the report (and its `done` steps) and pokes the thread. `address`
 * is where the request came from, "" for the telephone. False once the failure is set. */
bool intake_file(struct casework *c, struct str channel, struct str address, struct work_row *row);
/* One step or deviation; what is ticked already keeps its first time. */
bool intake_tick(struct casework *c, const struct work_row *report, struct str step, int64_t happened_ns);
/* The secret with which whoever sent the report may tick its card. */
void intake_key(const struct server *s, const struct work_row *report, char out[INTAKE_KEY_CHARS + 1]);
/* [{"step":…,"ticked":…}, …] */
bool intake_put_ticks(struct casework *c, uint64_t report, struct json_writer *w);
/* Lists of intake.yml in both languages. */
void intake_put_list(const struct intake_list *list, struct json_writer *w, const char *key);

/* One line that content/parsers/hyakuyo.user-report.yml reads. */
void intake_write_event(const struct work_row *report, struct buf *out);

struct intake_found {
    struct str status;      /* found, nothing, unknown (nobody to look for), failed */
    struct str query;       /* as it could be asked again; "" when unknown */
    int64_t from_ns, to_ns; /* the window */
    uint32_t hits;
    struct str rows; /* a JSON array */
};
/* Asks the store; bounded in time and rows. All lives in `arena`. `now_ns` ends the window. */
void intake_look(struct server *s, const struct intake_look *look, const struct work_row *report,
                 int64_t now_ns, struct arena *arena, struct intake_found *out);
/* The last event that the computer has sent since the report; TIME_UNKNOWN = none. */
int64_t intake_last_seen(struct server *s, const struct work_row *report, struct arena *arena);
/* Every look's filter can be read: false with a sentence. For `hyakuyo check` and the start. */
bool intake_prove(const struct intake_rules *rules, struct error *err) MUST_CHECK;

/* The thread. Any thread may poke; NULL is fine for poke and stop. */
struct intake *intake_start(struct server *s);
void intake_poke(struct intake *i);
void intake_stop(struct intake *i);

#endif
