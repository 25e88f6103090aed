/* Readiness (S79): what is asked, how it stands, the score, its history, and what people attest. The history
 * has a row when a day begins and when an answer changed, so that each item knows when it was last met. Next:
 * work_library.c. */
#include "work/readiness_measure.h"

#include "base/log.h"

#define HOUR_NS       (3600 * NS_PER_SECOND)
#define HISTORY_SHOWN 400
#define SHOWN_MOST    200 /* attestations of one answer */

/* The state of things, and what the newest row of the history says of it. */
struct standing {
    const struct readiness_item *items;
    uint32_t count;
    struct readiness_answer *answers;
    enum readiness_status *statuses;
    int64_t *last_met_ns; /* 0 = never seen met */
    int64_t noted_ns;     /* of the newest row; 0 = there is none */
    bool is_changed;      /* an answer is another than in that row */
    struct work_row row;  /* as it is to be kept now */
};

static int64_t day_of(const struct casework *c, int64_t time_ns)
{
    int64_t seconds = time_ns / NS_PER_SECOND;
    return (seconds + zone_offset_at_utc(c->s->zone, seconds)) / 86400;
}

/* What the newest row says of an item; NULL = it was not asked then. */
static const struct json_node *find_before(const struct json_node *before, struct str id)
{
    for (const struct json_node *n = before ? before->child : NULL; n != NULL; n = n->next) {
        const struct json_node *item = json_member(n, "item");
        if (item != NULL && str_eq(item->text, id))
            return n;
    }
    return NULL;
}

static void compare(struct standing *s, const struct json_node *before, int64_t now_ns)
{
    for (uint32_t i = 0; i < s->count; i++) {
        const struct json_node *old = find_before(before, s->items[i].id);
        const struct json_node *status = old ? json_member(old, "status") : NULL;
        const struct json_node *met = old ? json_member(old, "last_met_ns") : NULL;
        s->statuses[i] = s->answers[i].status;
        s->is_changed = s->is_changed || status == NULL ||
                        !str_eq(status->text, str_c(readiness_status_name(s->statuses[i])));
        if (s->statuses[i] == READINESS_MET)
            s->last_met_ns[i] = now_ns;
        else if (met == NULL || !str_to_i64(met->text, &s->last_met_ns[i]))
            s->last_met_ns[i] = 0;
    }
}

static void put_number(struct json_writer *w, const char *key, int64_t number)
{
    json_key(w, key);
    json_put_i64(w, number);
}

static void put_both(struct json_writer *w, const char *key, struct readiness_text text)
{
    json_key(w, key);
    json_begin_object(w);
    json_key(w, "en");
    json_put_str(w, text.en);
    json_key(w, "ja");
    json_put_str(w, text.ja);
    json_end_object(w);
}

/* As kept: readable without the list it was asked by. */
static void put_kept(const struct standing *s, uint32_t i, struct json_writer *w)
{
    const struct readiness_answer *a = &s->answers[i];
    json_begin_object(w);
    json_key(w, "item");
    json_put_str(w, s->items[i].id);
    json_key(w, "requirement");
    json_put_str(w, s->items[i].requirement);
    put_both(w, "title", s->items[i].title);
    put_both(w, "todo", s->items[i].todo);
    json_key(w, "status");
    json_put_c(w, readiness_status_name(a->status));
    put_number(w, "good", a->good);
    put_number(w, "all", a->all);
    put_number(w, "months", s->items[i].months);
    put_number(w, "last_met_ns", s->last_met_ns[i]);
    json_end_object(w);
}

static void fill_row(struct casework *c, struct standing *s)
{
    struct buf items = {0};
    struct json_writer w = {.out = &items};
    int64_t counts[] = {0, 0, 0};
    json_begin_array(&w);
    for (uint32_t i = 0; i < s->count; i++) {
        counts[s->statuses[i]]++;
        put_kept(s, i, &w);
    }
    json_end_array(&w);
    s->row.values[READINESS_DAY_NOTED] = work_text_of(c->now_ns, c->arena);
    s->row.values[READINESS_DAY_VERSION] = readiness_version(c->s->readiness);
    s->row.values[READINESS_DAY_SCORE] =
        work_text_of(readiness_score(c->s->readiness, s->statuses), c->arena);
    s->row.values[READINESS_DAY_MET] = work_text_of(counts[READINESS_MET], c->arena);
    s->row.values[READINESS_DAY_MISSED] = work_text_of(counts[READINESS_MISSED], c->arena);
    s->row.values[READINESS_DAY_UNKNOWN] = work_text_of(counts[READINESS_UNKNOWN], c->arena);
    s->row.values[READINESS_DAY_ITEMS] = arena_str(c->arena, buf_str(&items));
    buf_free(&items);
}

static bool stand(struct casework *c, struct standing *s)
{
    struct error err;
    struct work_rows rows;
    const struct json_node *before = NULL;
    *s = (struct standing){0};
    s->items = readiness_items(c->s->readiness, &s->count);
    s->statuses = ARENA_ARRAY(c->arena, enum readiness_status, s->count);
    s->last_met_ns = ARENA_ARRAY(c->arena, int64_t, s->count);
    if (!state_work_list(c->s->state, WORK_READINESS_DAY, -1, STR_EMPTY, 1, c->arena, &rows, &err))
        return work_fail(c, 500, &err);
    if (rows.count) {
        s->noted_ns = work_number(&rows.rows[0], READINESS_DAY_NOTED);
        before = json_parse(rows.rows[0].values[READINESS_DAY_ITEMS], c->arena, &err);
    }
    if (!readiness_measure(c, &s->answers))
        return false;
    compare(s, before, c->now_ns);
    fill_row(c, s);
    return true;
}

/* ------------------------------------------------------------------ keeping */

/* Looking and keeping are one transaction: two who enter something at once do not both keep the old. */
bool work_note_readiness(struct casework *c)
{
    struct standing s;
    if (!work_begin(c))
        return false;
    bool ok = stand(c, &s);
    if (ok && !s.is_changed && s.noted_ns != 0 && day_of(c, s.noted_ns) == day_of(c, c->now_ns)) {
        recorder_rollback(c->s->recorder);
        return true;
    }
    ok = ok && work_add(c, WORK_READINESS_DAY, &s.row);
    struct casework machine = *c;
    machine.actor = STR("hyakuyo");
    machine.roles = 0;
    machine.q = NULL;
    struct deed deed = work_deed(&machine, "observe", 0, "readiness", s.row.id, STR_EMPTY);
    return work_end(c, ok, &deed);
}

void work_tick_readiness(struct server *s)
{
    struct arena arena;
    struct console_failure failure = {0};
    int64_t now_ns = clock_wall_ns();
    if (s->readiness_noted_ns != 0 && now_ns >= s->readiness_noted_ns &&
        now_ns / HOUR_NS == s->readiness_noted_ns / HOUR_NS)
        return;
    s->readiness_noted_ns = now_ns;
    arena_init(&arena, 64 << 10);
    struct casework c = work_machine(s, &arena, &failure);
    if (!work_note_readiness(&c))
        log_warning(tr("readiness could not be worked out: %s", "準備状況を確認できませんでした: %s"),
                    failure.en.text);
    arena_free(&arena);
}

/* ------------------------------------------------------------------ showing */

/* Whom we work with outside is not a department's business. */
static void put_lacks(struct casework *c, const struct standing *s, uint32_t i, struct json_writer *w)
{
    bool is_hidden = c->roles == ROLE_DEPARTMENT &&
                     (s->items[i].kind == READINESS_VENDORS || s->items[i].kind == READINESS_PARTNERS);
    work_put_names(w, "lacks", s->answers[i].lacks, is_hidden ? 0 : s->answers[i].lack_count);
}

static void put_time(struct json_writer *w, const char *key, int64_t time_ns)
{
    json_key(w, key);
    json_put_time(w, time_ns != 0 ? time_ns : TIME_UNKNOWN);
}

static void put_item(struct casework *c, const struct standing *s, uint32_t i, struct json_writer *w)
{
    const struct readiness_item *item = &s->items[i];
    const struct readiness_answer *a = &s->answers[i];
    json_begin_object(w);
    json_key(w, "item");
    json_put_str(w, item->id);
    json_key(w, "kind");
    json_put_c(w, readiness_kind_name(item->kind));
    json_key(w, "requirement");
    json_put_str(w, item->requirement);
    json_key(w, "page");
    json_put_str(w, item->page);
    put_both(w, "title", item->title);
    put_both(w, "todo", item->todo);
    json_key(w, "status");
    json_put_c(w, readiness_status_name(a->status));
    put_number(w, "weight", item->weight);
    put_number(w, "good", a->good);
    put_number(w, "all", a->all);
    put_number(w, "months", item->months);
    put_time(w, "since", a->since_ns);
    put_time(w, "until", a->since_ns ? readiness_months_after(a->since_ns, item->months) : 0);
    put_time(w, "last_met", s->last_met_ns[i]);
    put_lacks(c, s, i, w);
    json_end_object(w);
}

static bool put_history(struct casework *c, struct json_writer *w)
{
    struct error err;
    struct work_rows rows;
    if (!state_work_list(c->s->state, WORK_READINESS_DAY, -1, STR_EMPTY, HISTORY_SHOWN, c->arena, &rows,
                         &err))
        return work_fail(c, 500, &err);
    json_key(w, "history");
    json_begin_array(w);
    for (uint32_t i = 0; i < rows.count; i++) {
        json_begin_object(w);
        put_time(w, "noted", work_number(&rows.rows[i], READINESS_DAY_NOTED));
        put_number(w, "score", work_number(&rows.rows[i], READINESS_DAY_SCORE));
        put_number(w, "met", work_number(&rows.rows[i], READINESS_DAY_MET));
        put_number(w, "missed", work_number(&rows.rows[i], READINESS_DAY_MISSED));
        put_number(w, "unknown", work_number(&rows.rows[i], READINESS_DAY_UNKNOWN));
        json_end_object(w);
    }
    json_end_array(w);
    return true;
}

static bool put_attestations(struct casework *c, struct json_writer *w)
{
    struct error err;
    struct work_rows rows;
    if (!state_work_list(c->s->state, WORK_ATTESTATION, -1, STR_EMPTY, SHOWN_MOST, c->arena, &rows, &err))
        return work_fail(c, 500, &err);
    json_key(w, "attestations");
    json_begin_array(w);
    for (uint32_t i = rows.count; i-- > 0;) {
        json_begin_object(w);
        work_row_members(WORK_ATTESTATION, &rows.rows[i], c->sees_persons, w);
        json_end_object(w);
    }
    json_end_array(w);
    return true;
}

static bool answer_readiness(struct casework *c)
{
    struct standing s;
    struct json_writer w = {.out = c->out};
    if (!stand(c, &s))
        return false;
    json_begin_object(&w);
    json_key(&w, "version");
    json_put_str(&w, readiness_version(c->s->readiness));
    put_number(&w, "score", readiness_score(c->s->readiness, s.statuses));
    json_key(&w, "items");
    json_begin_array(&w);
    for (uint32_t i = 0; i < s.count; i++)
        put_item(c, &s, i, &w);
    json_end_array(&w);
    bool ok = put_attestations(c, &w) && put_history(c, &w);
    json_end_object(&w);
    return ok;
}

bool work_get_readiness(struct casework *c)
{
    return work_is_inside(c) && answer_readiness(c);
}

/* ---------------------------------------------------------------- attesting */

static bool check_attestation(struct casework *c)
{
    const struct readiness_item *item = readiness_find(c->s->readiness, work_value(c, "item"));
    if (item == NULL || item->kind != READINESS_ATTESTED)
        return work_refuse(
            c, 409, "This item is worked out, not attested; see GET /api/v1/readiness.",
            "この項目は自動で判定され、申告はできません。GET /api/v1/readiness を参照してください。");
    return work_value_number(c, "checked", c->now_ns) <= c->now_ns ||
           work_refuse(c, 400, "\"checked\" lies in the future; enter the day it was checked.",
                       "「checked」が未来の日付です。点検した日を入力してください。");
}

bool work_post_attestation(struct casework *c)
{
    struct work_row row = {0};
    if (!work_is_inside(c) || !check_attestation(c))
        return false;
    work_take_members(c, WORK_ATTESTATION, &row);
    row.values[ATTESTATION_CHECKED] = work_text_of(work_value_number(c, "checked", c->now_ns), c->arena);
    row.values[ATTESTATION_ATTESTED_BY] = c->actor;
    row.values[ATTESTATION_ENTERED] = work_text_of(c->now_ns, c->arena);
    return work_enter(c, WORK_ATTESTATION, &row, "observe", 0, "attestation", work_value(c, "result")) &&
           work_note_readiness(c) && answer_readiness(c);
}
