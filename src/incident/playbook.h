/* What to do, as data: the sheets of content/playbooks/. One for each type of incident (and one, "*", for
 * all): version, owner, date of the next review, and for each state of the work its tasks with timers,
 * checklists and call scripts; the first tasks by confidence (S147–S149, spec 4.6); the questions of the
 * hearing, whose answers are evidence (spec 4.6). Samples in the sheets prove them. Immutable once loaded. */
#ifndef INCIDENT_PLAYBOOK_H
#define INCIDENT_PLAYBOOK_H

#include "base/arena.h"
#include "base/error.h"
#include "event/incident.h"

struct playbook_text {
    struct str en, ja;
};

struct playbook_task {
    struct str id;
    enum incident_state stage;
    bool is_first; /* one of the first tasks; its id is the kind's name */
    struct playbook_text title;
    struct playbook_text script; /* what to say on the phone; may be empty */
    struct playbook_text *checks;
    uint32_t check_count;
    int64_t minutes;          /* from the entry into the stage; 0 = no timer */
    struct str action, scope; /* row of the authority matrix; "" = needs no approval */
    int64_t watch_days;       /* 0 = it does not end by itself */
};

struct playbook_sheet {
    struct str type;                   /* of content/signatures.yml; "*" = every incident */
    struct str version, owner, review; /* review: date as written, YYYY-MM-DD */
    struct playbook_text title;
    struct playbook_task *tasks; /* in order of stage, then as written */
    uint32_t task_count;
    uint32_t sample_count;
};

struct hearing_answer {
    struct str id;
    struct playbook_text text;
    double likelihood_ratio; /* below 1: speaks against an infection */
};

struct hearing_question {
    struct str id, evidence_group;
    struct playbook_text text;
    struct hearing_answer *answers;
    uint32_t answer_count; /* 0: only free text, which weighs nothing */
};

struct playbooks;
/* Reads and proves the folder. NULL with a sentence naming file and line. */
struct playbooks *playbooks_load(const char *folder, struct error *err) MUST_CHECK;
void playbooks_free(struct playbooks *p);

const struct playbook_sheet *playbooks_sheets(const struct playbooks *p, uint32_t *count);
/* NULL: there is none for this type. */
const struct playbook_sheet *playbooks_find(const struct playbooks *p, struct str type);
/* The first task of that kind (pull_connector, hearing_or_direct_check, history_and_watch, isolate_and_hear);
 * a server is never just unplugged: for it another task stands in. NULL = no such kind. */
const struct playbook_task *playbooks_first(const struct playbooks *p, struct str kind, bool is_server);
/* The tasks to open for this type: those of all incidents, then its own. A task of the same id in the type's
 * own sheet takes the place of the common one. Array in the arena. */
const struct playbook_task **playbooks_tasks(const struct playbooks *p, struct str type, struct arena *arena,
                                             uint32_t *count);
const struct hearing_question *playbooks_hearing(const struct playbooks *p, uint32_t *count);
/* NULL: no such question, or no such answer. */
const struct hearing_question *playbooks_question(const struct playbooks *p, struct str id);
const struct hearing_answer *hearing_find(const struct hearing_question *question, struct str answer);

#endif
