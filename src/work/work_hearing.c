/* The hearing: questions of the playbooks, and answers as evidence for the desk (S148). Next:
 * work_decisions.c. */
#include "work/work.h"

#include "incident/incident.h"

/* The last answer to this question; NULL = none. */
static const struct work_row *last_answer(const struct work_rows *given, struct str question)
{
    for (uint32_t i = given->count; i-- > 0;)
        if (str_eq(given->rows[i].values[HEARING_QUESTION], question))
            return &given->rows[i];
    return NULL;
}

static void put_question(const struct hearing_question *question, const struct work_row *given,
                         bool sees_persons, struct json_writer *w)
{
    json_begin_object(w);
    json_key(w, "question");
    json_put_str(w, question->id);
    json_both(w, "text", question->text.en, question->text.ja);
    json_key(w, "answers");
    json_begin_array(w);
    for (uint32_t i = 0; i < question->answer_count; i++) {
        json_begin_object(w);
        json_key(w, "answer");
        json_put_str(w, question->answers[i].id);
        json_both(w, "text", question->answers[i].text.en, question->answers[i].text.ja);
        json_key(w, "likelihood_ratio");
        json_put_double(w, question->answers[i].likelihood_ratio);
        json_end_object(w);
    }
    json_end_array(w);
    json_key(w, "given");
    if (given == NULL) {
        json_put_null(w);
    } else {
        json_begin_object(w);
        work_row_members(WORK_HEARING, given, sees_persons, w);
        json_end_object(w);
    }
    json_end_object(w);
}

static bool answer_hearing(struct casework *c, const struct incident *incident)
{
    struct work_rows given;
    uint32_t count;
    const struct hearing_question *questions = playbooks_hearing(c->s->playbooks, &count);
    struct json_writer w = {.out = c->out};
    if (!work_rows_of(c, WORK_HEARING, incident->id, &given))
        return false;
    json_begin_object(&w);
    json_key(&w, "confidence");
    json_put_double(&w, incident->confidence);
    json_key(&w, "confidence_level");
    json_put_i64(&w, incident->confidence_level);
    json_key(&w, "rows");
    json_begin_array(&w);
    for (uint32_t i = 0; i < count; i++)
        put_question(&questions[i], last_answer(&given, questions[i].id), c->sees_persons, &w);
    json_end_array(&w);
    json_end_object(&w);
    return true;
}

bool work_get_hearing(struct casework *c)
{
    struct incident incident;
    return work_incident(c, c->q->id, &incident) && answer_hearing(c, &incident);
}

static bool keep_answer(struct casework *c, const struct hearing_question *question,
                        const struct hearing_answer *answer)
{
    struct work_row row = {0};
    row.values[HEARING_INCIDENT] = work_text_of((int64_t)c->q->id, c->arena);
    row.values[HEARING_QUESTION] = question->id;
    row.values[HEARING_ANSWER] = answer ? answer->id : STR_EMPTY;
    row.values[HEARING_NOTE] = work_value(c, "note");
    row.values[HEARING_RATIO] = answer ? arena_printf(c->arena, "%g", answer->likelihood_ratio) : STR("1");
    row.values[HEARING_ANSWERED] = work_text_of(c->now_ns, c->arena);
    row.values[HEARING_ASKED_BY] = c->actor;
    row.values[HEARING_PLAYBOOK_VERSION] = playbooks_find(c->s->playbooks, STR("*"))->version;
    if (!work_begin(c))
        return false;
    bool ok = work_add(c, WORK_HEARING, &row);
    struct deed deed = work_deed(c, "observe", c->q->id, "hearing", row.id, work_value(c, "note"));
    return work_end(c, ok, &deed);
}

/* The answer weighs as the strongest word of the one who gave it. */
static bool weigh_answer(struct casework *c, const struct hearing_question *question,
                         const struct hearing_answer *answer)
{
    struct error err;
    struct incident_finding said = {.rule_id = arena_printf(c->arena, "hearing_%.*s", STR_ARGS(question->id)),
                                    .title_en =
                                        arena_printf(c->arena, "%.*s - %.*s", STR_ARGS(question->text.en),
                                                     STR_ARGS(answer->text.en)),
                                    .title_ja =
                                        arena_printf(c->arena, "%.*s：%.*s", STR_ARGS(question->text.ja),
                                                     STR_ARGS(answer->text.ja)),
                                    .level = LEVEL_INFORMATIONAL,
                                    .product = STR("hearing"),
                                    .evidence_group = question->evidence_group,
                                    .likelihood_ratio = answer->likelihood_ratio,
                                    .matched = STR("{}")};
    return desk_hear(c->s->desk, c->q->id, &said, &err) || work_fail(c, 409, &err);
}

bool work_post_hearing(struct casework *c)
{
    struct incident incident;
    struct str given = work_value(c, "answer");
    const struct hearing_question *question = playbooks_question(c->s->playbooks, work_value(c, "question"));
    const struct hearing_answer *answer = question && given.n ? hearing_find(question, given) : NULL;
    if (!work_incident(c, c->q->id, &incident))
        return false;
    if (question == NULL || (given.n && answer == NULL))
        return work_refuse(c, 400, "The hearing has no such question or answer; GET lists them.",
                           "その質問または回答はありません。GET で一覧を確認してください。");
    if (!incident_is_open(incident.state))
        return work_refuse(c, 409, "The incident is over; reopen it first.",
                           "終了したインシデントです。先に再開してください。");
    if (!keep_answer(c, question, answer) || (answer != NULL && !weigh_answer(c, question, answer)))
        return false;
    return work_incident(c, c->q->id, &incident) && answer_hearing(c, &incident);
}
