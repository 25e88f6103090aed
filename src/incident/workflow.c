/* Steps and guards as tables (stage incident). Reads the facts of an incident; leaves yes, or what is
 * missing. Next: incident.c, which promotes; playbook.c, which says what to do in each state. */
#include "incident/workflow.h"

#include "base/buf.h"
#include "base/memory.h"

/* ---------------------------------------------------------------- guards */

static bool approval(const struct workflow_facts *f)
{
    return f->has_approval || f->is_preauthorised;
}

static bool eradicated(const struct workflow_facts *f)
{
    return f->has_eradication_evidence;
}

static bool owner(const struct workflow_facts *f)
{
    return f->owner_agreed;
}

static bool vector(const struct workflow_facts *f)
{
    return f->has_vector;
}

static bool root_cause(const struct workflow_facts *f)
{
    return f->has_root_cause || f->has_unknown_reason;
}

static bool tasks(const struct workflow_facts *f)
{
    return f->open_tasks == 0;
}

static bool entries(const struct workflow_facts *f)
{
    return f->incomplete_entries == 0;
}

static bool deadlines(const struct workflow_facts *f)
{
    return f->deadlines_met;
}

/* Of what was never likely no review has to be held. */
static bool review(const struct workflow_facts *f)
{
    return f->review_signed || f->confidence_level < 2;
}

static bool evidence(const struct workflow_facts *f)
{
    return f->has_evidence;
}

static bool second_person(const struct workflow_facts *f)
{
    return f->second_person_agreed || f->importance < 3;
}

static bool reason(const struct workflow_facts *f)
{
    return f->has_reason;
}

static bool target(const struct workflow_facts *f)
{
    return f->has_target;
}

static bool offline(const struct workflow_facts *f)
{
    return f->has_offline_check || !f->is_rootkit_suspected;
}

static const struct {
    const char *name, *en, *ja;
    bool (*holds)(const struct workflow_facts *facts);
} guards[GUARD_COUNT] = {
    [GUARD_APPROVAL] = {"approval", "an approval of the containment, or a pre-authorised action (S161)",
                        "封じ込めの承認、または事前承認された措置(S161)", approval},
    [GUARD_ERADICATED] = {"eradication_evidence", "evidence that the infection is gone", "根絶を示す証拠",
                          eradicated},
    [GUARD_OWNER] = {"owner_agreement", "the owner's agreement to return to service",
                     "復旧に対する所有者の同意", owner},
    [GUARD_VECTOR] = {"vector", "the vector of the infection", "侵入・感染の経路", vector},
    [GUARD_ROOT_CAUSE] = {"root_cause", "the root cause, or why it stays unknown",
                          "根本原因、または不明である理由", root_cause},
    [GUARD_TASKS] = {"tasks", "every task done or waived", "すべての作業の完了または免除", tasks},
    [GUARD_ENTRIES] = {"work_entries",
                       "approver, reported-to and instructed-by on every work entry (S172-S174)",
                       "すべての作業記録の承認者・報告先・指示者(S172〜S174)", entries},
    [GUARD_DEADLINES] = {"deadlines", "the reports whose deadlines run", "期限のある報告", deadlines},
    [GUARD_REVIEW] = {"review", "a signed review", "署名済みの事後検証", review},
    [GUARD_EVIDENCE] = {"evidence", "evidence for the false alarm", "誤検知を示す証拠", evidence},
    [GUARD_SECOND_PERSON] = {"second_person", "the agreement of a second person", "別の担当者の同意",
                             second_person},
    [GUARD_REASON] = {"reason", "a reason", "理由", reason},
    [GUARD_TARGET] = {"target", "the incident it belongs to", "統合先のインシデント", target},
    [GUARD_OFFLINE] =
        {"offline_check",
         "evidence of a scan from another system or of a rebuild, as a rootkit is suspected (S76)",
         "rootkit の疑いがあるため、別 OS からの検査または再構築の証拠(S76)", offline},
};

struct str workflow_guard_name(enum workflow_guard guard)
{
    return str_c(guards[guard].name);
}

struct str workflow_guard_en(enum workflow_guard guard)
{
    return str_c(guards[guard].en);
}

struct str workflow_guard_ja(enum workflow_guard guard)
{
    return str_c(guards[guard].ja);
}

bool workflow_guard_holds(enum workflow_guard guard, const struct workflow_facts *facts)
{
    return guards[guard].holds(facts);
}

/* ----------------------------------------------------------------- steps */

#define G(guard)  (1u << GUARD_##guard)
#define RECOVERED (G(ERADICATED) | G(OWNER) | G(OFFLINE))
#define FINISHED  (G(VECTOR) | G(ROOT_CAUSE) | G(TASKS) | G(ENTRIES) | G(DEADLINES) | G(REVIEW) | G(OFFLINE))
#define STEP(from, to, guards)                                                                               \
    {                                                                                                        \
        INCIDENT_##from, INCIDENT_##to, guards                                                               \
    }

/* Into each working state, and out of the way, from a state that is open. */
#define WORK_FROM(from)                                                                                      \
    STEP(from, TRIAGE, 0), STEP(from, INVESTIGATING, 0), STEP(from, CONTAINING, G(APPROVAL)),                \
        STEP(from, ERADICATING, 0), STEP(from, RECOVERING, RECOVERED), STEP(from, MONITORING, 0)
#define ASIDE_FROM(from)                                                                                     \
    STEP(from, FALSE_POSITIVE, G(EVIDENCE) | G(SECOND_PERSON) | G(OFFLINE)), STEP(from, MERGED, G(TARGET)),  \
        STEP(from, DUPLICATE, G(TARGET)), STEP(from, EXERCISE, G(REASON))
#define OPEN_FROM(from) WORK_FROM(from), STEP(from, ON_HOLD, G(REASON)), ASIDE_FROM(from)

/* A step from a state to itself stands here too and is never found: nothing would happen. */
static const struct workflow_step steps[] = {
    STEP(CANDIDATE, NEW, 0),
    STEP(CANDIDATE, MERGED, 0),
    STEP(NEW, TRIAGE, 0),
    STEP(NEW, ON_HOLD, G(REASON)),
    ASIDE_FROM(NEW),
    OPEN_FROM(TRIAGE),
    OPEN_FROM(INVESTIGATING),
    OPEN_FROM(CONTAINING),
    OPEN_FROM(ERADICATING),
    OPEN_FROM(RECOVERING),
    OPEN_FROM(MONITORING),
    STEP(MONITORING, REVIEW, 0),
    OPEN_FROM(REVIEW),
    STEP(REVIEW, CLOSED, FINISHED),
    WORK_FROM(ON_HOLD),
    STEP(ON_HOLD, REVIEW, 0),
    ASIDE_FROM(ON_HOLD),
    OPEN_FROM(REOPENED),
    STEP(CLOSED, REOPENED, G(REASON)),
    STEP(FALSE_POSITIVE, REOPENED, G(REASON)),
    STEP(DUPLICATE, REOPENED, G(REASON)),
    STEP(EXERCISE, REOPENED, G(REASON)),
};

const struct workflow_step *workflow_steps(uint32_t *count)
{
    *count = COUNT_OF(steps);
    return steps;
}

const struct workflow_step *workflow_find(enum incident_state from, enum incident_state to)
{
    for (size_t i = 0; i < COUNT_OF(steps); i++)
        if (steps[i].from == from && steps[i].to == to && from != to)
            return &steps[i];
    return NULL;
}

unsigned workflow_missing(const struct workflow_step *step, const struct workflow_facts *facts)
{
    unsigned missing = 0;
    for (int g = 0; g < GUARD_COUNT; g++)
        if (step->guards & 1u << g && !guards[g].holds(facts))
            missing |= 1u << g;
    return missing;
}

static bool refuse_step(enum incident_state from, enum incident_state to, struct error *en, struct error *ja)
{
    struct buf choices = {0}, choices_ja = {0};
    for (size_t i = 0; i < COUNT_OF(steps); i++)
        if (steps[i].from == from && steps[i].to != from) {
            buf_printf(&choices, "%s%s", choices.n ? ", " : "", incident_state_name(steps[i].to).p);
            buf_printf(&choices_ja, "%s%s", choices_ja.n ? "、" : "", incident_state_ja(steps[i].to).p);
        }
    error_set(en, "an incident in state %s cannot go to %s; from here it can go to: %s",
              incident_state_name(from).p, incident_state_name(to).p, choices.n ? buf_cstr(&choices) : "-");
    error_set(ja, "「%s」のインシデントを「%s」にはできません。ここから移れる状態: %s",
              incident_state_ja(from).p, incident_state_ja(to).p,
              choices_ja.n ? buf_cstr(&choices_ja) : "なし");
    buf_free(&choices);
    buf_free(&choices_ja);
    return false;
}

bool workflow_check(enum incident_state from, enum incident_state to, const struct workflow_facts *facts,
                    struct error *en, struct error *ja)
{
    const struct workflow_step *step = workflow_find(from, to);
    if (step == NULL)
        return refuse_step(from, to, en, ja);
    unsigned missing = workflow_missing(step, facts);
    struct buf list_en = {0}, list_ja = {0};
    for (int g = 0; g < GUARD_COUNT; g++)
        if (missing & 1u << g) {
            buf_printf(&list_en, "%s%s", list_en.n ? "; " : "", guards[g].en);
            buf_printf(&list_ja, "%s%s", list_ja.n ? "、" : "", guards[g].ja);
        }
    if (missing) {
        error_set(en, "before %s this is missing: %s", incident_state_name(to).p, buf_cstr(&list_en));
        error_set(ja, "「%s」に進むには次が足りません: %s", incident_state_ja(to).p, buf_cstr(&list_ja));
    }
    buf_free(&list_en);
    buf_free(&list_ja);
    return missing == 0;
}
