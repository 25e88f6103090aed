/* The register of policies, rules and organisation (S160): which version is in force, who answers for it, who
 * approved it when, and when it is looked at again. Which kinds there must be, content/readiness.yml says.
 * Next: work_readiness.c. */
#include "work/work.h"

#include "base/log.h"

/* The list of kinds that are asked for; others may be registered too. */
static void put_kinds(struct casework *c, struct json_writer *w)
{
    uint32_t count;
    const struct readiness_item *items = readiness_items(c->s->readiness, &count);
    json_key(w, "kinds");
    json_begin_array(w);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < items[i].document_count; k++) {
            const struct readiness_document *d = &items[i].documents[k];
            json_begin_object(w);
            json_key(w, "kind");
            json_put_str(w, d->id);
            json_key(w, "title");
            json_begin_object(w);
            json_key(w, "en");
            json_put_str(w, d->title.en);
            json_key(w, "ja");
            json_put_str(w, d->title.ja);
            json_end_object(w);
            json_end_object(w);
        }
    json_end_array(w);
}

bool work_get_documents(struct casework *c)
{
    struct work_rows rows;
    struct json_writer w = {.out = c->out};
    if (!work_is_inside(c) || !work_all_rows(c, WORK_DOCUMENT, &rows))
        return false;
    json_begin_object(&w);
    put_kinds(c, &w);
    json_key(&w, "rows");
    json_begin_array(&w);
    for (uint32_t i = 0; i < rows.count; i++) {
        json_begin_object(&w);
        work_row_members(WORK_DOCUMENT, &rows.rows[i], c->sees_persons, &w);
        json_key(&w, "is_due");
        json_put_bool(&w, work_document_is_due(&rows.rows[i], c->now_ns));
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    return true;
}

bool work_document_is_in_force(const struct work_row *d, int64_t now_ns)
{
    int64_t approved_ns = work_number(d, DOCUMENT_APPROVED);
    return work_number(d, DOCUMENT_ENDED) == 0 && d->values[DOCUMENT_OWNER].n > 0 &&
           d->values[DOCUMENT_VERSION].n > 0 && approved_ns > 0 && approved_ns <= now_ns &&
           work_number(d, DOCUMENT_REVIEW_DUE) > now_ns;
}

bool work_document_is_due(const struct work_row *d, int64_t now_ns)
{
    return work_number(d, DOCUMENT_ENDED) == 0 && !work_document_is_in_force(d, now_ns);
}

/* Nobody approves what is not there yet, and a review before the approval is none. */
static bool check_days(struct casework *c, const struct work_row *d)
{
    int64_t approved_ns = work_number(d, DOCUMENT_APPROVED), due_ns = work_number(d, DOCUMENT_REVIEW_DUE);
    if (approved_ns > c->now_ns)
        return work_refuse(c, 400, "\"approved\" lies in the future; enter the day it was approved.",
                           "「approved」が未来の日付です。承認された日を入力してください。");
    return due_ns == 0 || approved_ns == 0 || due_ns > approved_ns ||
           work_refuse(c, 400, "\"review_due\" comes after \"approved\".",
                       "「review_due」は「approved」より後の日付にしてください。");
}

static bool answer_document(struct casework *c, const struct work_row *d)
{
    struct json_writer w = {.out = c->out};
    json_begin_object(&w);
    work_row_members(WORK_DOCUMENT, d, c->sees_persons, &w);
    json_key(&w, "is_due");
    json_put_bool(&w, work_document_is_due(d, c->now_ns));
    json_end_object(&w);
    return true;
}

bool work_post_document(struct casework *c)
{
    struct work_row d = {0};
    work_take_members(c, WORK_DOCUMENT, &d);
    d.values[DOCUMENT_ENTERED] = work_text_of(c->now_ns, c->arena);
    d.values[DOCUMENT_ENTERED_BY] = c->actor;
    return work_is_inside(c) && check_days(c, &d) &&
           work_enter(c, WORK_DOCUMENT, &d, "correct", 0, "document", d.values[DOCUMENT_TITLE]) &&
           work_note_readiness(c) && answer_document(c, &d);
}

/* A new version is the same document with another version and approval; the record keeps what it was. */
bool work_patch_document(struct casework *c)
{
    struct work_row d, wanted;
    if (!work_is_inside(c) || !work_find(c, WORK_DOCUMENT, c->q->id, &d))
        return false;
    wanted = d;
    work_take_members(c, WORK_DOCUMENT, &wanted);
    if (work_given(c, "title") && wanted.values[DOCUMENT_TITLE].n == 0)
        return work_refuse(c, 400, "A document needs a \"title\".", "文書には「title」が必要です。");
    if (!check_days(c, &wanted) || !work_begin(c))
        return false;
    bool ok = work_change_members(c, WORK_DOCUMENT, &d);
    struct deed deed = work_deed(c, "correct", 0, "document", d.id, d.values[DOCUMENT_TITLE]);
    return work_end(c, ok, &deed) && work_note_readiness(c) && answer_document(c, &d);
}
