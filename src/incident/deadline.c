/* The clocks of an incident (stage incident): content/deadlines.yml and the facts → times and states. The
 * file is read by deadline_load.c.
 *
 * A span of days ends with the last of them: at the midnight that follows it, local time. */
#include "incident/deadline.h"

#include "base/log.h"
#include "base/yaml.h"
#include "incident/deadline_internal.h"

#define DAY_S 86400

struct str deadline_state_name(enum deadline_state s)
{
    static const char *const names[] = {"not_applicable", "undecided", "open",  "soon",
                                        "overdue",        "met",       "waived"};
    BUG_IF((size_t)s >= COUNT_OF(names));
    return str_c(names[s]);
}

/* -------------------------------------------------------------- conditions */

struct question {
    const struct case_facts *facts;
    struct str missing[DEADLINE_FACTS_MAX];
    size_t missing_count;
};

enum answer { ANSWER_NO, ANSWER_UNKNOWN, ANSWER_YES };

static bool value_matches(struct str wanted, struct str value)
{
    double limit, number;
    bool is_more = str_starts(wanted, STR(">"));
    if (!is_more && !str_starts(wanted, STR("<")))
        return str_eq_nocase(wanted, value);
    return str_to_double(str_skip(wanted, 1), &limit) && str_to_double(value, &number) &&
           (is_more ? number > limit : number < limit);
}

static void note_missing(struct question *q, struct str name)
{
    for (size_t i = 0; i < q->missing_count; i++)
        if (str_eq(q->missing[i], name))
            return;
    if (q->missing_count < DEADLINE_FACTS_MAX)
        q->missing[q->missing_count++] = name;
}

/* One fact against a value or a list of values. */
static enum answer ask_fact(struct question *q, const struct yaml *member)
{
    struct str value = case_fact(q->facts, member->key);
    if (value.n == 0 || str_eq(value, STR("unknown"))) {
        note_missing(q, member->key);
        return ANSWER_UNKNOWN;
    }
    if (member->type == YAML_SCALAR)
        return value_matches(member->text, value) ? ANSWER_YES : ANSWER_NO;
    for (const struct yaml *n = member->child; n != NULL; n = n->next)
        if (value_matches(n->text, value))
            return ANSWER_YES;
    return ANSWER_NO;
}

/* A list of maps: within a map all must hold, of the maps one. */
static enum answer ask(struct question *q, const struct yaml *list)
{
    enum answer best = ANSWER_NO;
    for (const struct yaml *map = list ? list->child : NULL; map != NULL; map = map->next) {
        enum answer all = ANSWER_YES;
        size_t missing_before = q->missing_count;
        for (const struct yaml *n = map->child; n != NULL; n = n->next) {
            enum answer one = ask_fact(q, n);
            all = one < all ? one : all;
        }
        if (all == ANSWER_NO)
            q->missing_count = missing_before; /* nothing there can decide any more */
        best = all > best ? all : best;
    }
    return best;
}

static enum answer applies(struct question *q, const struct deadline_rule *rule)
{
    enum answer when = ask(q, rule->when);
    size_t missing = q->missing_count;
    enum answer unless = rule->unless ? ask(q, rule->unless) : ANSWER_NO;
    if (when == ANSWER_NO || unless == ANSWER_YES)
        return ANSWER_NO;
    if (when == ANSWER_YES) /* what is not known to be exempt is not exempt */
        return ANSWER_YES;
    q->missing_count = missing;
    return ANSWER_UNKNOWN;
}

/* ------------------------------------------------------------------- times */

static int64_t local_day(const struct zone *zone, int64_t time_ns)
{
    int64_t seconds = time_ns / NS_PER_SECOND - (time_ns % NS_PER_SECOND < 0);
    seconds += zone_offset_at_utc(zone, seconds);
    return seconds >= 0 ? seconds / DAY_S : (seconds - DAY_S + 1) / DAY_S;
}

static int64_t midnight(const struct zone *zone, int64_t day)
{
    int64_t local = day * DAY_S;
    return (local - zone_offset_at_local(zone, local)) * NS_PER_SECOND;
}

/* The last day of `count` days counted from `start`, which is the first when it counts. */
static int64_t last_day(const struct deadline_rule *rule, const struct calendar *c, int64_t start)
{
    enum calendar_office office = rule->due.unit == UNIT_BUSINESS_DAYS ? OFFICE_COMPANY : OFFICE_GOVERNMENT;
    unsigned count = rule->due.count;
    if (rule->due.unit == UNIT_CALENDAR_DAYS)
        return start + count - (rule->first_day_counts ? 1 : 0);
    if (rule->first_day_counts && calendar_is_business_day(c, office, start))
        count--;
    return calendar_add_business_days(c, office, start, count);
}

int64_t deadline_due(const struct deadline_rule *rule, const struct calendar *calendar,
                     const struct zone *zone, int64_t start_ns)
{
    if (rule->due.unit == UNIT_HOURS)
        return start_ns + (int64_t)rule->due.count * 3600 * NS_PER_SECOND;
    int64_t last = last_day(rule, calendar, local_day(zone, start_ns));
    if (rule->moves_to_business_day)
        last = calendar_business_day_from(calendar, OFFICE_GOVERNMENT, last);
    return midnight(zone, last + 1);
}

static int64_t warn_time(const struct deadline_rule *rule, const struct calendar *c, const struct zone *zone,
                         int64_t due_ns)
{
    if (rule->warn.unit == UNIT_HOURS)
        return due_ns - (int64_t)rule->warn.count * 3600 * NS_PER_SECOND;
    enum calendar_office office = rule->warn.unit == UNIT_BUSINESS_DAYS ? OFFICE_COMPANY : OFFICE_GOVERNMENT;
    int64_t day = local_day(zone, due_ns - 1) + 1; /* the last day is one of those left */
    for (unsigned left = rule->warn.count; left > 0; day--)
        if (rule->warn.unit == UNIT_CALENDAR_DAYS || calendar_is_business_day(c, office, day - 1))
            left--;
    return midnight(zone, day);
}

/* ------------------------------------------------------------------ states */

static void find_start(struct deadline *d, const struct case_facts *facts)
{
    d->start_ns = TIME_UNKNOWN;
    for (size_t i = 0; i < facts->known_count; i++)
        if (d->start_ns == TIME_UNKNOWN || facts->known[i].at_ns < d->start_ns) {
            d->start_ns = facts->known[i].at_ns;
            d->known_by = facts->known[i].department;
        }
    if (d->start_ns == TIME_UNKNOWN && facts->incident != NULL) {
        d->start_ns = facts->incident->opened_ns;
        d->is_start_assumed = true;
    }
}

static const struct deadline_mark *find_mark(const struct deadline_mark *marks, size_t count, struct str id)
{
    const struct deadline_mark *found = NULL;
    for (size_t i = 0; i < count; i++)
        if (str_eq(marks[i].rule_id, id))
            found = &marks[i]; /* the last word counts */
    return found;
}

static enum deadline_state state_of(const struct deadline *d, enum answer answer, int64_t now_ns)
{
    if (answer == ANSWER_NO)
        return DEADLINE_NOT_APPLICABLE;
    if (d->mark != NULL)
        return d->mark->is_waived ? DEADLINE_WAIVED : DEADLINE_MET;
    if (answer == ANSWER_UNKNOWN)
        return DEADLINE_UNDECIDED;
    if (d->due_ns == TIME_UNKNOWN || now_ns < d->warn_ns)
        return DEADLINE_OPEN;
    return now_ns < d->due_ns ? DEADLINE_SOON : DEADLINE_OVERDUE;
}

struct deadline *deadlines_judge(const struct deadlines *all, const struct case_facts *facts,
                                 const struct deadline_mark *marks, size_t mark_count,
                                 const struct calendar *calendar, const struct zone *zone, int64_t now_ns,
                                 struct arena *arena)
{
    struct deadline *out = ARENA_ARRAY(arena, struct deadline, all->count + 1);
    for (size_t i = 0; i < all->count; i++) {
        struct deadline *d = &out[i];
        struct question q = {.facts = facts};
        *d = (struct deadline){.rule = &all->rules[i],
                               .due_ns = TIME_UNKNOWN,
                               .warn_ns = TIME_UNKNOWN,
                               .mark = find_mark(marks, mark_count, all->rules[i].id)};
        enum answer answer = applies(&q, d->rule);
        find_start(d, facts);
        if (d->start_ns != TIME_UNKNOWN) {
            d->due_ns = deadline_due(d->rule, calendar, zone, d->start_ns);
            d->warn_ns = warn_time(d->rule, calendar, zone, d->due_ns);
        }
        d->state = state_of(d, answer, now_ns);
        struct str *missing = ARENA_ARRAY(arena, struct str, q.missing_count + 1);
        memcpy(missing, q.missing, q.missing_count * sizeof *missing);
        d->missing = missing;
        d->missing_count = d->state == DEADLINE_UNDECIDED ? q.missing_count : 0;
    }
    return out;
}

bool deadline_is_met_late(const struct deadline *d)
{
    return d->state == DEADLINE_MET && d->mark != NULL && d->due_ns != TIME_UNKNOWN &&
           d->mark->when_ns >= d->due_ns;
}

bool deadlines_are_met(const struct deadline *all, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct deadline *d = &all[i];
        struct str title = language_current() == LANGUAGE_JA ? d->rule->title_ja : d->rule->title_en;
        if (d->state == DEADLINE_OPEN || d->state == DEADLINE_SOON || d->state == DEADLINE_OVERDUE)
            return error_set(err,
                             tr("the report '%.*s' is due and neither sent nor waived",
                                "報告「%.*s」が送付も免除もされていません"),
                             STR_ARGS(title));
        if (d->state == DEADLINE_UNDECIDED && d->rule->blocks_undecided)
            return error_set(err,
                             tr("whether '%.*s' is due is not decided: answer '%.*s'",
                                "報告「%.*s」が必要かどうか決まっていません。「%.*s」に答えてください"),
                             STR_ARGS(title), STR_ARGS(d->missing_count ? d->missing[0] : STR_EMPTY));
    }
    return true;
}
