/* Retrospects as people see and answer them (S1): GET /api/v1/retrospects, PATCH /api/v1/retrospects/{id}.
 * Next: work_hearing.c. */
#include <stdlib.h>

#include "desk/desk.h"
#include "work/retrospect.h"

#define ROWS_SHOWN 500

struct shown {
    struct casework *c;
    struct work_row row, gap, task;
    struct fleet_scanned scanned;
};

static bool has_ended(const struct work_row *task)
{
    struct str status = task->values[TASK_STATUS];
    return str_eq(status, STR("done")) || str_eq(status, STR("waived"));
}

static bool is_late(const struct shown *s)
{
    return !has_ended(&s->task) && work_number(&s->task, TASK_DUE) < s->c->now_ns;
}

/* ---------------------------------------------------------- is it clean now */

static void ask_scanned(void *context, struct fleet *fleet, const struct asset_set *assets)
{
    struct shown *s = context;
    (void)assets;
    s->scanned = fleet_scanned(fleet, s->row.values[RETROSPECT_HOST], s->row.values[RETROSPECT_IP]);
}

/* A verdict on the host and no full scan after it: "found". Scanned whole since the file is known, and
 * nothing found after that: "clean". All else is unknown. */
static struct str state_of(const struct shown *s)
{
    int64_t known_ns = work_number(&s->gap, GAP_KNOWN), scanned_ns = s->scanned.scanned_ns,
            malware_ns = s->scanned.malware_ns;
    if (malware_ns != TIME_UNKNOWN && (scanned_ns == TIME_UNKNOWN || scanned_ns <= malware_ns))
        return STR("found");
    return scanned_ns != TIME_UNKNOWN && scanned_ns > known_ns ? STR("clean") : STR("unknown");
}

static void put_time(struct json_writer *w, const char *key, int64_t time_ns)
{
    json_key(w, key);
    json_put_time(w, time_ns);
}

/* ------------------------------------------------------------------- rows */

static void put_row(struct shown *s, struct json_writer *w)
{
    static const struct {
        const char *key;
        int column;
    } texts[] = {{"object", GAP_OBJECT},
                 {"name", GAP_NAME},
                 {"basis", GAP_BASIS},
                 {"known_by", GAP_KNOWN_BY}};
    int64_t first_ns = work_number(&s->gap, GAP_FIRST), known_ns = work_number(&s->gap, GAP_KNOWN);
    desk_ask_fleet(s->c->s->desk, ask_scanned, s);
    json_begin_object(w);
    work_row_members(WORK_RETROSPECT, &s->row, s->c->sees_persons, w);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        json_key(w, texts[i].key);
        json_put_str(w, s->gap.values[texts[i].column]);
    }
    put_time(w, "first", first_ns);
    put_time(w, "known", known_ns);
    json_key(w, "gap_hours");
    json_put_double(w, (double)(known_ns - first_ns) / 3600e9);
    json_key(w, "host_state");
    json_put_str(w, state_of(s));
    put_time(w, "scanned", s->scanned.scanned_ns);
    put_time(w, "malware_found", s->scanned.malware_ns);
    json_key(w, "is_late");
    json_put_bool(w, is_late(s));
    json_key(w, "work");
    work_put_task(&s->task, s->c->now_ns, s->c->sees_persons, w);
    json_end_object(w);
}

static bool load(struct shown *s)
{
    s->scanned = (struct fleet_scanned){TIME_UNKNOWN, TIME_UNKNOWN};
    return work_find(s->c, WORK_GAP, (uint64_t)work_number(&s->row, RETROSPECT_GAP), &s->gap) &&
           work_find(s->c, WORK_TASK, (uint64_t)work_number(&s->row, RETROSPECT_TASK), &s->task);
}

static bool put_rows(struct casework *c, struct json_writer *w, uint32_t counts[3])
{
    struct work_rows rows;
    bool with_ended = str_eq(work_value(c, "state"), STR("all"));
    uint32_t written = 0;
    if (!work_all_rows(c, WORK_RETROSPECT, &rows))
        return false;
    json_key(w, "rows");
    json_begin_array(w);
    for (uint32_t i = rows.count; i-- > 0;) { /* newest first */
        struct shown s = {.c = c, .row = rows.rows[i]};
        if (!work_may_see_number(c, work_number(&s.row, RETROSPECT_INCIDENT)))
            continue;
        if (!load(&s))
            return false;
        counts[has_ended(&s.task) ? 2 : 0]++;
        counts[1] += is_late(&s);
        if ((with_ended || !has_ended(&s.task)) && written < ROWS_SHOWN && ++written)
            put_row(&s, w);
    }
    json_end_array(w);
    return true;
}

/* ----------------------------------------------------------------- months */

static int64_t month_of(const struct casework *c, int64_t time_ns)
{
    int64_t seconds = time_ns / NS_PER_SECOND, year;
    unsigned month, day;
    days_to_civil((seconds + zone_offset_at_utc(c->s->zone, seconds)) / 86400, &year, &month, &day);
    return year * 12 + month - 1;
}

static int by_known(const void *left, const void *right)
{
    int64_t a = work_number(left, GAP_KNOWN), b = work_number(right, GAP_KNOWN);
    return (a > b) - (a < b);
}

static int by_hours(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* `gaps` became known in one month. */
static void put_month(struct casework *c, const struct work_row *gaps, uint32_t count, struct json_writer *w)
{
    double *hours = ARENA_ARRAY(c->arena, double, count);
    int64_t month = month_of(c, work_number(gaps, GAP_KNOWN));
    uint32_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
        hours[i] = (double)(work_number(&gaps[i], GAP_KNOWN) - work_number(&gaps[i], GAP_FIRST)) / 3600e9;
        used += work_number(&gaps[i], GAP_HOSTS) > 0;
    }
    qsort(hours, count, sizeof *hours, by_hours);
    json_begin_object(w);
    json_key(w, "month");
    json_put_str(w, arena_printf(c->arena, "%04lld-%02lld", (long long)(month / 12),
                                 (long long)(month % 12 + 1)));
    json_key(w, "objects");
    json_put_u64(w, count);
    json_key(w, "used");
    json_put_u64(w, used);
    json_key(w, "median_hours");
    json_put_double(w, hours[(count - 1) / 2]);
    json_key(w, "p90_hours");
    json_put_double(w, hours[(count * 9 + 9) / 10 - 1]);
    json_end_object(w);
}

/* Files that were known at once are noted too, when only their path told of them: they are none. */
static uint32_t keep_gaps(const struct casework *c, struct work_row *gaps, uint32_t count)
{
    uint32_t kept = 0;
    int64_t least_ns = c->s->retrospect_rules->gap_least_seconds * NS_PER_SECOND;
    for (uint32_t i = 0; i < count; i++) {
        int64_t gap_ns = work_number(&gaps[i], GAP_KNOWN) - work_number(&gaps[i], GAP_FIRST);
        if (gap_ns > 0 && gap_ns >= least_ns)
            gaps[kept++] = gaps[i];
    }
    return kept;
}

static bool put_months(struct casework *c, struct json_writer *w)
{
    struct work_rows gaps;
    if (!work_all_rows(c, WORK_GAP, &gaps))
        return false;
    gaps.count = keep_gaps(c, gaps.rows, gaps.count);
    if (gaps.count > 0)
        qsort(gaps.rows, gaps.count, sizeof *gaps.rows, by_known);
    json_key(w, "months");
    json_begin_array(w);
    for (uint32_t i = 0, next; i < gaps.count; i = next) {
        int64_t month = month_of(c, work_number(&gaps.rows[i], GAP_KNOWN));
        for (next = i + 1;
             next < gaps.count && month_of(c, work_number(&gaps.rows[next], GAP_KNOWN)) == month; next++)
            ;
        put_month(c, gaps.rows + i, next - i, w);
    }
    json_end_array(w);
    return true;
}

/* --------------------------------------------------------------- requests */

bool work_get_retrospects(struct casework *c)
{
    static const char *const names[] = {"open", "late", "ended"};
    struct json_writer w = {.out = c->out};
    uint32_t counts[COUNT_OF(names)] = {0};
    if (!work_is_inside(c))
        return false;
    json_begin_object(&w);
    bool ok = put_rows(c, &w, counts) && put_months(c, &w);
    json_key(&w, "counts");
    json_begin_object(&w);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        json_key(&w, names[i]);
        json_put_u64(&w, counts[i]);
    }
    json_end_object(&w);
    json_end_object(&w);
    return ok;
}

bool work_patch_retrospect(struct casework *c)
{
    struct json_writer w = {.out = c->out};
    struct shown s = {.c = c};
    if (!work_is_inside(c) || !work_find(c, WORK_RETROSPECT, c->q->id, &s.row))
        return false;
    if (!work_may_see_number(c, work_number(&s.row, RETROSPECT_INCIDENT)))
        return work_refuse(c, 404, "There is no such retrospect.", "その遡及調査はありません。");
    if (!load(&s) || !work_change_task(c, &s.task, NULL))
        return false;
    put_row(&s, &w);
    return true;
}
