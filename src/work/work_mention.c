/* Notes that are for the person who asks, until they are read. They come from server/mentions.c. */
#include "work/work.h"

#define SHOWN_MOST 200

bool work_get_mentions(struct casework *c)
{
    struct error err;
    struct work_rows rows;
    struct json_writer w = {.out = c->out};
    bool all = str_eq(work_value(c, "state"), STR("all"));
    if (!state_work_list(c->s->state, WORK_MENTION, MENTION_ACCOUNT, c->actor, WORK_ROWS_MOST, c->arena,
                         &rows, &err))
        return work_fail(c, 500, &err);
    json_begin_object(&w);
    json_key(&w, "rows");
    json_begin_array(&w);
    for (uint32_t i = rows.count, shown = 0; i-- > 0 && shown < SHOWN_MOST;) { /* the newest first */
        const struct work_row *m = &rows.rows[i];
        if ((!all && work_number(m, MENTION_READ) != 0) ||
            !work_may_see_number(c, work_number(m, MENTION_INCIDENT)))
            continue;
        json_begin_object(&w);
        work_row_members(WORK_MENTION, m, true, &w); /* it was written to this person */
        json_end_object(&w);
        shown++;
    }
    json_end_array(&w);
    json_end_object(&w);
    return true;
}

bool work_read_mention(struct casework *c)
{
    struct work_row row;
    if (!work_find(c, WORK_MENTION, c->q->id, &row))
        return false;
    if (!str_eq_nocase(row.values[MENTION_ACCOUNT], c->actor))
        return work_refuse(c, 404, "There is no such note for you.", "あなた宛てのメモはありません。");
    if (work_number(&row, MENTION_READ) == 0) {
        if (!work_begin(c))
            return false;
        bool ok = work_set_number(c, WORK_MENTION, &row, MENTION_READ, c->now_ns);
        struct deed deed = work_deed(c, "observe", (uint64_t)work_number(&row, MENTION_INCIDENT), "mention",
                                     row.id, STR_EMPTY);
        if (!work_end(c, ok, &deed))
            return false;
    }
    struct json_writer w = {.out = c->out};
    json_begin_object(&w);
    work_row_members(WORK_MENTION, &row, true, &w);
    json_end_object(&w);
    return true;
}
