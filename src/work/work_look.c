/* What is only looked at: similar incidents of the past (S170), an incident as it was at some time (S169),
 * the playbooks (S144). Next: services_work.c. */
#include "work/work.h"

#include <stdlib.h>

#include "base/log.h"
#include "incident/incident.h"
#include "store/state_incidents.h"

#define PAST_MOST    2000 /* incidents that are compared */
#define SIMILAR_MOST 10

/* ---------------------------------------------------------------- similar */

struct likeness {
    const struct incident *incident;
    double jaccard, score;
    bool same_type, same_department, same_indicator;
};

static bool has_evidence(const struct incident *i, struct str group)
{
    for (uint32_t k = 0; k < i->finding_count; k++)
        if (str_eq(i->findings[k].evidence_group, group))
            return true;
    return false;
}

static bool is_first_of_its_kind(const struct incident *i, uint32_t at)
{
    for (uint32_t k = 0; k < at; k++)
        if (str_eq(i->findings[k].evidence_group, i->findings[at].evidence_group))
            return false;
    return i->findings[at].evidence_group.n > 0;
}

/* Kinds of evidence that both have, of those that either has. */
static double jaccard_of(const struct incident *a, const struct incident *b)
{
    uint32_t both = 0, either = 0;
    for (uint32_t k = 0; k < a->finding_count; k++)
        if (is_first_of_its_kind(a, k)) {
            either++;
            both += has_evidence(b, a->findings[k].evidence_group);
        }
    for (uint32_t k = 0; k < b->finding_count; k++)
        either += is_first_of_its_kind(b, k) && !has_evidence(a, b->findings[k].evidence_group);
    return either ? (double)both / either : 0;
}

static bool shares_peer(const struct incident *a, const struct incident *b)
{
    for (uint32_t i = 0; i < a->finding_count; i++)
        for (uint32_t k = 0; k < b->finding_count; k++)
            if (a->findings[i].peer.n && str_eq(a->findings[i].peer, b->findings[k].peer))
                return true;
    return false;
}

static struct likeness compare(const struct incident *a, const struct incident *b)
{
    struct likeness l = {.incident = b,
                         .jaccard = jaccard_of(a, b),
                         .same_type = str_eq(a->type, b->type),
                         .same_department = a->department.n && str_eq_nocase(a->department, b->department),
                         .same_indicator = shares_peer(a, b)};
    l.score = l.jaccard + l.same_type + l.same_indicator + 0.5 * l.same_department;
    return l;
}

static int by_score(const void *left, const void *right)
{
    const struct likeness *a = left, *b = right;
    if (a->score > b->score || a->score < b->score)
        return a->score > b->score ? -1 : 1;
    return a->incident->id > b->incident->id ? -1 : a->incident->id < b->incident->id;
}

static bool put_likeness(struct casework *c, const struct likeness *l, struct json_writer *w)
{
    struct work_rows reviews;
    if (!work_rows_of(c, WORK_REVIEW, l->incident->id, &reviews))
        return false;
    json_begin_object(w);
    json_key(w, "id");
    json_put_u64(w, l->incident->id);
    json_both(w, "title", l->incident->title_en, l->incident->title_ja);
    json_key(w, "state");
    json_put_str(w, incident_state_name(l->incident->state));
    json_key(w, "score");
    json_put_double(w, l->score);
    json_key(w, "jaccard");
    json_put_double(w, l->jaccard);
    json_key(w, "same_type");
    json_put_bool(w, l->same_type);
    json_key(w, "same_indicator");
    json_put_bool(w, l->same_indicator);
    json_key(w, "same_department");
    json_put_bool(w, l->same_department);
    json_key(w, "worked");
    json_put_str(w, reviews.count ? reviews.rows[reviews.count - 1].values[REVIEW_WORKED] : STR_EMPTY);
    json_end_object(w);
    return true;
}

bool work_get_similar(struct casework *c)
{
    struct incident incident;
    struct error err;
    struct incident_page page = {.selection = SELECT_ALL_INCIDENTS,
                                 .limit = PAST_MOST,
                                 .with_findings = true};
    if (!work_incident(c, c->q->id, &incident))
        return false;
    if (!state_incidents_list(c->s->state, c->arena, &page, &err))
        return work_fail(c, 500, &err);
    struct likeness *all = ARENA_ARRAY(c->arena, struct likeness, page.count + 1);
    uint32_t count = 0, written = 0;
    for (uint32_t i = 0; i < page.count; i++) {
        const struct incident *other = &page.incidents[i];
        struct likeness l = compare(&incident, other);
        if (other->id != incident.id && !other->is_exercise && l.score > 0 &&
            work_may_see(c->s, c->roles, c->actor, other))
            all[count++] = l;
    }
    qsort(all, count, sizeof *all, by_score);
    struct json_writer w = {.out = c->out};
    json_begin_object(&w);
    json_key(&w, "rows");
    json_begin_array(&w);
    for (; written < count && written < SIMILAR_MOST; written++)
        if (!put_likeness(c, &all[written], &w))
            return false;
    json_end_array(&w);
    json_key(&w, "library");
    bool ok = work_put_similar_cases(c, &incident, &w);
    json_end_object(&w);
    return ok;
}

/* -------------------------------------------------------------- playbooks */

static void put_sheet(const struct playbook_sheet *sheet, struct json_writer *w)
{
    const struct str texts[] = {sheet->type, sheet->version, sheet->owner, sheet->review};
    static const char *const names[] = {"type", "version", "owner", "review"};
    json_begin_object(w);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        json_key(w, names[i]);
        json_put_str(w, texts[i]);
    }
    json_both(w, "title", sheet->title.en, sheet->title.ja);
    json_key(w, "tasks");
    json_begin_array(w);
    for (uint32_t i = 0; i < sheet->task_count; i++) {
        const struct playbook_task *task = &sheet->tasks[i];
        json_begin_object(w);
        json_key(w, "id");
        json_put_str(w, task->id);
        json_key(w, "stage");
        json_put_str(w, incident_state_name(task->stage));
        json_both(w, "title", task->title.en, task->title.ja);
        json_key(w, "minutes");
        json_put_i64(w, task->minutes);
        json_key(w, "action");
        json_put_str(w, task->action);
        json_key(w, "scope");
        json_put_str(w, task->scope);
        json_end_object(w);
    }
    json_end_array(w);
    json_end_object(w);
}

bool work_get_playbooks(struct casework *c)
{
    uint32_t count;
    const struct playbook_sheet *sheets = playbooks_sheets(c->s->playbooks, &count);
    struct json_writer w = {.out = c->out};
    json_begin_object(&w);
    json_key(&w, "rows");
    json_begin_array(&w);
    for (uint32_t i = 0; i < count; i++)
        put_sheet(&sheets[i], &w);
    json_end_array(&w);
    json_end_object(&w);
    return true;
}
