/* The library of cases without names (S188): one click makes a case of an incident that is over; it is
 * searched, and shown beside open incidents that look like it (S170). And the references one reads up in
 * (S189). Next: work_look.c. */
#include "work/library.h"

#include <stdlib.h>

#include "base/log.h"
#include "incident/incident.h"
#include "knowledge/references.h"
#include "store/state_incidents.h"
#include "work/outside.h"

#define SIMILAR_MOST 5

/* ------------------------------------------------------------------ making */

static bool load_source(struct casework *c, uint64_t id, struct library_source *s)
{
    struct error err;
    const struct {
        enum work_table table;
        struct work_rows *rows;
    } parts[] = {
        {WORK_TASK, &s->tasks},
        {WORK_HEARING, &s->hearing},
        {WORK_APPROVAL, &s->approvals},
        {WORK_COUNTERMEASURE, &s->countermeasures},
        {WORK_ENTRY, &s->entries},
        {WORK_CONSULTATION, &s->consultations},
        {WORK_INVOCATION, &s->invocations},
        {WORK_REVIEW, &s->reviews},
        {WORK_ACTION, &s->actions},
        {WORK_HOST, &s->hosts},
        {WORK_CASE, &s->facts},
    };
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (!work_rows_of(c, parts[i].table, id, parts[i].rows))
            return false;
    if (!state_incidents_changes(c->s->state, id, c->arena, &s->changes, &s->change_count, &err))
        return work_fail(c, 500, &err);
    return kpi_incident_values(c, &s->incident, s->kpis);
}

static struct str write_with(struct casework *c, const struct library_source *s, struct redactor *redactor)
{
    struct buf out = {0};
    struct json_writer w = {.out = &out};
    library_write(s, redactor, &w);
    struct str text = arena_str(c->arena, buf_str(&out));
    buf_free(&out);
    return text;
}

/* The escapes of JSON would join words: "\nabe" is not "nabe". */
static struct str without_escapes(struct casework *c, struct str json)
{
    struct buf out = {0};
    for (size_t i = 0; i < json.n; i++) {
        bool is_escape = json.p[i] == '\\' && i + 1 < json.n;
        buf_c(&out, is_escape ? "  " : "");
        if (!is_escape)
            buf_char(&out, json.p[i]);
        i += is_escape;
    }
    struct str text = arena_str(c->arena, buf_str(&out));
    buf_free(&out);
    return text;
}

static struct str kinds_of(struct casework *c, const struct incident *i, bool techniques)
{
    struct str all = STR_EMPTY, part;
    for (uint32_t k = 0; k < i->finding_count; k++) {
        struct str rest = techniques ? i->findings[k].techniques : i->findings[k].evidence_group;
        while (rest.n && str_split(&rest, ';', &part))
            if (part.n && !work_list_has(all, part))
                all = arena_printf(c->arena, "%.*s%s%.*s", STR_ARGS(all), all.n ? ";" : "", STR_ARGS(part));
    }
    return all;
}

static void fill_row(struct casework *c, const struct library_source *s, struct redactor *redactor,
                     struct str content, struct work_row *row)
{
    const struct incident *i = &s->incident;
    *row = (struct work_row){0};
    row->values[LIBRARY_INCIDENT] = work_text_of((int64_t)i->id, c->arena);
    row->values[LIBRARY_TYPE] = i->type;
    row->values[LIBRARY_TITLE_EN] = redact_text(redactor, i->title_en);
    row->values[LIBRARY_TITLE_JA] = redact_text(redactor, i->title_ja);
    row->values[LIBRARY_URGENCY] = work_text_of(i->urgency, c->arena);
    row->values[LIBRARY_IMPORTANCE] = work_text_of(i->importance, c->arena);
    row->values[LIBRARY_CONFIDENCE_LEVEL] = work_text_of(i->confidence_level, c->arena);
    row->values[LIBRARY_EVIDENCE_GROUPS] = kinds_of(c, i, false);
    row->values[LIBRARY_TECHNIQUES] = kinds_of(c, i, true);
    row->values[LIBRARY_LESSON] = redact_text(redactor, s->lesson);
    row->values[LIBRARY_FAILURE] = redact_text(redactor, s->failure);
    row->values[LIBRARY_CONTENT] = content;
    row->values[LIBRARY_CREATED] = work_text_of(c->now_ns, c->arena);
    row->values[LIBRARY_CREATED_BY] = c->actor;
}

/* Who may see the incident learns its number; nothing else says which one it was. */
static void put_case(struct casework *c, const struct work_row *row, bool with_content, struct json_writer *w)
{
    struct work_row shown = *row;
    if (!with_content)
        shown.values[LIBRARY_CONTENT] = STR("{}");
    if (!work_may_see_number(c, work_number(row, LIBRARY_INCIDENT)))
        shown.values[LIBRARY_INCIDENT] = STR("0");
    if (!c->sees_persons)
        shown.values[LIBRARY_CREATED_BY] = STR_EMPTY;
    json_begin_object(w);
    work_row_members(WORK_LIBRARY, &shown, c->sees_persons, w);
    json_end_object(w);
}

static bool check_over(struct casework *c, const struct incident *i)
{
    struct work_rows known;
    if (i->state != INCIDENT_CLOSED && i->state != INCIDENT_FALSE_POSITIVE)
        return work_refuse(c, 409, "A case is made of an incident that is over; close it first.",
                           "事例にできるのは完了したインシデントだけです。先に完了してください。");
    if (!work_rows_of(c, WORK_LIBRARY, i->id, &known))
        return false;
    return known.count == 0 ||
           work_refuse(
               c, 409, "The library has a case of this incident; remove that one to make it anew.",
               "このインシデントの事例は登録済みです。作り直すには登録済みの事例を削除してください。");
}

bool work_post_case(struct casework *c)
{
    struct library_source source = {.lesson = work_value(c, "lesson"), .failure = work_value(c, "failure")};
    struct work_row row;
    struct json_writer w = {.out = c->out};
    if (!work_incident(c, c->q->id, &source.incident) || !check_over(c, &source.incident) ||
        !load_source(c, c->q->id, &source))
        return false;
    struct str raw = write_with(c, &source, redactor_new(REDACT_NONE, c->s->outside->key, c->arena));
    struct redactor *redactor = redactor_new(REDACT_ANONYMOUS, c->s->outside->key, c->arena);
    if (!library_learn_names(c, &source, without_escapes(c, raw), redactor))
        return false;
    fill_row(c, &source, redactor, write_with(c, &source, redactor), &row);
    if (!work_enter(c, WORK_LIBRARY, &row, "report", source.incident.id, "library", row.values[LIBRARY_TYPE]))
        return false;
    put_case(c, &row, true, &w);
    return true;
}

/* ----------------------------------------------------------------- searching */

/* Every word of the question occurs somewhere in the case, whatever its letters' case. */
static bool answers(const struct work_row *row, struct str question)
{
    static const int places[] = {LIBRARY_TITLE_EN, LIBRARY_TITLE_JA, LIBRARY_CONTENT, LIBRARY_TYPE};
    struct str word;
    while (question.n && str_split(&question, ' ', &word)) {
        bool is_there = word.n == 0;
        for (size_t i = 0; i < COUNT_OF(places) && !is_there; i++)
            is_there = str_contains_nocase(row->values[places[i]], word);
        if (!is_there)
            return false;
    }
    return true;
}

bool work_get_library(struct casework *c)
{
    struct work_rows rows;
    struct json_writer w = {.out = c->out};
    struct str question = work_value(c, "q"), type = work_value(c, "type");
    if (!work_all_rows(c, WORK_LIBRARY, &rows))
        return false;
    json_begin_object(&w);
    json_key(&w, "rows");
    json_begin_array(&w);
    for (uint32_t i = rows.count; i-- > 0;) {
        const struct work_row *row = &rows.rows[i];
        if ((type.n == 0 || str_eq(row->values[LIBRARY_TYPE], type)) && answers(row, question))
            put_case(c, row, false, &w);
    }
    json_end_array(&w);
    json_end_object(&w);
    return true;
}

/* format=share: the case alone, as it may be handed on. */
bool work_get_library_case(struct casework *c)
{
    struct work_row row;
    struct json_writer w = {.out = c->out};
    if (!work_find(c, WORK_LIBRARY, c->q->id, &row))
        return false;
    if (str_eq(work_value(c, "format"), STR("share")))
        json_put_json(&w, row.values[LIBRARY_CONTENT]);
    else
        put_case(c, &row, true, &w);
    return true;
}

bool work_delete_library_case(struct casework *c)
{
    struct work_row row;
    struct error err;
    if (!work_find(c, WORK_LIBRARY, c->q->id, &row) || !work_begin(c))
        return false;
    bool ok = state_work_remove(c->s->state, WORK_LIBRARY, row.id, &err) || work_fail(c, 503, &err);
    struct deed deed =
        work_deed(c, "correct", (uint64_t)work_number(&row, LIBRARY_INCIDENT), "library", row.id, STR_EMPTY);
    c->answer->status = 204;
    return work_end(c, ok, &deed);
}

/* ------------------------------------------------------------------- similar */

struct resemblance {
    const struct work_row *row;
    double score, jaccard;
};

static uint32_t count_list(struct str list, struct str other, uint32_t *both)
{
    uint32_t count = 0;
    struct str part;
    while (list.n && str_split(&list, ';', &part)) {
        count += part.n > 0;
        *both += part.n > 0 && work_list_has(other, part);
    }
    return count;
}

static double jaccard_of(struct str a, struct str b)
{
    uint32_t both = 0, ignored = 0, in_a = count_list(a, b, &both), in_b = count_list(b, a, &ignored);
    return in_a + in_b > both ? (double)both / (in_a + in_b - both) : 0;
}

static int by_score(const void *left, const void *right)
{
    const struct resemblance *a = left, *b = right;
    if (a->score > b->score || a->score < b->score)
        return a->score > b->score ? -1 : 1;
    return (a->row->id < b->row->id) - (a->row->id > b->row->id);
}

bool work_put_similar_cases(struct casework *c, const struct incident *incident, struct json_writer *w)
{
    struct work_rows rows;
    uint32_t count = 0;
    struct str groups = kinds_of(c, incident, false), techniques = kinds_of(c, incident, true);
    if (!work_all_rows(c, WORK_LIBRARY, &rows))
        return false;
    struct resemblance *all = ARENA_ARRAY(c->arena, struct resemblance, rows.count + 1);
    for (uint32_t i = 0; i < rows.count; i++) {
        const struct work_row *row = &rows.rows[i];
        double jaccard = jaccard_of(groups, row->values[LIBRARY_EVIDENCE_GROUPS]);
        double score = jaccard + str_eq(incident->type, row->values[LIBRARY_TYPE]) +
                       jaccard_of(techniques, row->values[LIBRARY_TECHNIQUES]);
        if (score > 0 && (uint64_t)work_number(row, LIBRARY_INCIDENT) != incident->id)
            all[count++] = (struct resemblance){row, score, jaccard};
    }
    qsort(all, count, sizeof *all, by_score);
    json_begin_array(w);
    for (uint32_t i = 0; i < count && i < SIMILAR_MOST; i++) {
        const struct work_row *row = all[i].row;
        json_begin_object(w);
        json_key(w, "case");
        json_put_u64(w, row->id);
        json_both(w, "title", row->values[LIBRARY_TITLE_EN], row->values[LIBRARY_TITLE_JA]);
        json_key(w, "score");
        json_put_double(w, all[i].score);
        json_key(w, "jaccard");
        json_put_double(w, all[i].jaccard);
        json_key(w, "lesson");
        json_put_str(w, row->values[LIBRARY_LESSON]);
        json_key(w, "failure");
        json_put_str(w, row->values[LIBRARY_FAILURE]);
        json_end_object(w);
    }
    json_end_array(w);
    return true;
}

/* ---------------------------------------------------------------- references */

bool work_get_references(struct casework *c)
{
    const struct references *references = c->s->references;
    struct json_writer w = {.out = c->out};
    json_begin_object(&w);
    json_key(&w, "rows");
    json_begin_array(&w);
    for (uint32_t i = 0; i < references->count; i++)
        reference_json(&references->rows[i], c->now_ns, &w);
    json_end_array(&w);
    json_end_object(&w);
    return true;
}
