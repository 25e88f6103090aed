/* What the files of the notifier share. */
#ifndef NOTIFIER_NOTIFIER_INTERNAL_H
#define NOTIFIER_NOTIFIER_INTERNAL_H

#include <stdatomic.h>

#include "notifier/notifier.h"
#include "notify/channels.h"
#include "notify/plan.h"
#include "notify/transport.h"
#include "store/state_work.h"

/* Immutable; shared by the thread and the console's workers. */
struct notify_settings {
    atomic_uint references;
    struct arena arena;
    struct calendar *calendar;
    struct notify_rules rules;
    struct channels channels;
};
struct notify_settings *notifier_settings(struct notifier *n); /* a reference: give it back */
void notify_settings_unref(struct notify_settings *set);

/* One round of the thread, or one request. */
struct notify_run {
    struct server *s;
    const struct notify_settings *set;
    struct arena *arena;
    int64_t now_ns;
    const atomic_bool *is_over;
    struct str posture; /* the level last heard of; "" = none yet */
};

/* notifier_look.c. `since_ns`: nothing that was due before is told. */
bool notify_look_record(struct notify_run *run, struct work_row *feed, struct error *err) MUST_CHECK;
bool notify_look_clocks(struct notify_run *run, int64_t since_ns, struct error *err) MUST_CHECK;

/* notifier_text.c: what an occurrence says; the arena is the run's. */
void notify_say_incident(struct notify_run *run, const struct incident *incident, struct occurrence *o);
void notify_say_decision(struct notify_run *run, const struct work_row *approval, struct occurrence *o);
void notify_say_task(struct notify_run *run, const struct work_row *task, struct occurrence *o);
void notify_say_mention(struct notify_run *run, const struct work_row *mention, struct occurrence *o);
void notify_say_posture(struct notify_run *run, struct str before, struct str now, struct occurrence *o);
void notify_say_report(struct notify_run *run, uint64_t id, struct occurrence *o);

/* notifier_queue.c. Each is a transaction with its entry in the record. */
bool notify_tell(struct notify_run *run, const struct occurrence *o, struct error *err) MUST_CHECK;
bool notify_tell_test(struct notify_run *run, const struct channel *channel, struct str recipient,
                      struct str who, uint64_t *notice, struct error *err) MUST_CHECK;
bool notify_gather(struct notify_run *run, struct error *err) MUST_CHECK;
/* Within a transaction of the recorder: */
/* What a step of a rule, or a test, puts into the outbox. */
struct notify_post {
    struct notify_run *run;
    struct work_row *notice;
    const struct notify_rule *rule; /* NULL: a test */
    uint32_t step;
    int64_t due_ns;
};
bool notify_post(const struct notify_post *p, struct error *err) MUST_CHECK;
struct deed notify_deed(const struct notify_run *run, const char *action, struct str actor, const char *kind,
                        uint64_t id, uint64_t incident);
/* Commits with the deed, or rolls back when not `ok`. */
bool notify_end(struct notify_run *run, bool ok, const struct deed *deed, struct error *err) MUST_CHECK;
/* A column of a row becomes another, within a transaction of the recorder, which names it. */
bool notify_mark(struct notify_run *run, enum work_table table, struct work_row *row, int column,
                 struct str value, struct error *err) MUST_CHECK;

/* notifier_ladder.c: notices that nobody has acknowledged in time. */
bool notify_escalate(struct notify_run *run, struct error *err) MUST_CHECK;

/* notifier_carry.c: over the channel; may set the receipt. False with the reason. */
struct notify_sending {
    struct notify_run *run;
    struct work_row *message;
    struct work_rows notices; /* one; several of a digest */
    bool is_ja;
    struct delivery delivery;
    struct str receipt;
};
bool notify_carry(struct notify_sending *x, struct error *err) MUST_CHECK;

/* notifier_send.c: tries one message and notes what became of it. False only when that could not be noted;
 * `*reached` is false when the channel cannot be reached now. */
bool notify_send(struct notify_run *run, struct work_row *message, bool *reached,
                 struct error *err) MUST_CHECK;

#endif
