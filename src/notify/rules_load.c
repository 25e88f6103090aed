/* Reads content/notify.yml and proves it by its samples (stage notify). Next: plan.c. */
#include "base/memory.h"
#include "base/yaml.h"
#include "notify/plan.h"

#define MINUTE_NS   (60 * NS_PER_SECOND)
#define MINUTES_MAX (7 * 1440)
#define STORM_MAX   1000

struct reader {
    const char *path;
    struct error *err;
    struct arena *arena;
};

static bool complain(const struct reader *r, const struct yaml *node, const char *text)
{
    return error_at(r->err, r->path, node ? node->line : 0, node ? node->column : 0, "%s", text);
}

/* "22:00" → minute of the day. */
static bool read_time(struct str s, int *minute)
{
    uint64_t hours, minutes;
    size_t colon = str_find_char(s, ':', 0);
    if (colon == STR_NOT_FOUND || !str_to_u64(str_slice(s, 0, colon), 10, &hours) ||
        !str_to_u64(str_skip(s, colon + 1), 10, &minutes) || hours > 23 || minutes > 59)
        return false;
    *minute = (int)(hours * 60 + minutes);
    return true;
}

static bool check_keys(const struct reader *r, const struct yaml *map, const char *const *known, size_t count)
{
    if (map->type != YAML_MAP)
        return complain(r, map, tr("this must be a map", "ここはマップにしてください"));
    for (const struct yaml *at = map->child; at != NULL; at = at->next) {
        bool is_known = false;
        for (size_t i = 0; i < count; i++)
            is_known |= str_eq(at->key, str_c(known[i]));
        if (!is_known)
            return error_at(r->err, r->path, at->key_line, at->key_column,
                            tr("'%.*s' is not known here", "「%.*s」はここでは使えません"),
                            STR_ARGS(at->key));
    }
    return true;
}

static bool read_list(const struct reader *r, const struct yaml *list, struct str *out, uint32_t *count)
{
    *count = 0;
    if (list == NULL)
        return true;
    if (list->type != YAML_LIST || list->count == 0 || list->count > NOTIFY_LIST_MAX)
        return complain(r, list, tr("this is a list of one to eight names", "ここは 1〜8 件の名前の列です"));
    for (const struct yaml *at = list->child; at != NULL; at = at->next) {
        if (at->type != YAML_SCALAR || at->text.n == 0)
            return complain(r, at, tr("a name is missing", "名前がありません"));
        out[(*count)++] = at->text;
    }
    return true;
}

static bool read_minutes(const struct reader *r, const struct yaml *map, const char *key, int64_t least,
                         int64_t *out_ns)
{
    int64_t minutes = yaml_int(map, key, least);
    if (minutes < least || minutes > MINUTES_MAX)
        return error_at(r->err, r->path, yaml_get(map, key)->line, yaml_get(map, key)->column,
                        tr("%s is a number of minutes from %lld to %d", "%s は %lld〜%d の分数です"), key,
                        (long long)least, MINUTES_MAX);
    *out_ns = minutes * MINUTE_NS;
    return true;
}

static bool read_position(const struct reader *r, const struct yaml *map, enum contact_position *out)
{
    struct str position = yaml_text(map, "position");
    *out = str_eq(position, STR("primary"))  ? POSITION_PRIMARY
           : str_eq(position, STR("deputy")) ? POSITION_DEPUTY
                                             : POSITION_ANY;
    return position.n == 0 || *out != POSITION_ANY ||
           complain(r, yaml_get(map, "position"),
                    tr("'position' is primary or deputy", "'position' は primary か deputy です"));
}

static bool read_steps(const struct reader *r, const struct yaml *node, struct notify_rule *rule)
{
    static const char *const known[] = {"minutes", "to", "position"};
    const struct yaml *list = yaml_get(node, "escalate");
    rule->step_count = 1;
    if (!read_list(r, yaml_get(node, "to"), rule->steps[0].roles, &rule->steps[0].role_count))
        return false;
    if (list != NULL && (list->type != YAML_LIST || list->count >= NOTIFY_STEPS_MAX))
        return complain(r, list,
                        tr("'escalate' is a list of up to three steps", "'escalate' は 3 段までの列です"));
    for (const struct yaml *at = list ? list->child : NULL; at != NULL; at = at->next) {
        struct notify_step *step = &rule->steps[rule->step_count++];
        if (!check_keys(r, at, known, COUNT_OF(known)) ||
            !read_minutes(r, at, "minutes", 1, &step->after_ns) ||
            !read_list(r, yaml_get(at, "to"), step->roles, &step->role_count) ||
            !read_position(r, at, &step->position))
            return false;
        if (step->role_count == 0 || yaml_get(at, "minutes") == NULL)
            return complain(r, at, tr("a step needs 'minutes' and 'to'", "段には minutes と to が必要です"));
    }
    return true;
}

static bool read_collect(const struct reader *r, const struct yaml *node, struct notify_rule *rule)
{
    static const char *const known[] = {"minutes", "until"};
    const struct yaml *collect = yaml_get(node, "collect");
    rule->collect_until = -1;
    if (collect == NULL)
        return true;
    if (!check_keys(r, collect, known, COUNT_OF(known)) ||
        !read_minutes(r, collect, "minutes", 0, &rule->collect_ns))
        return false;
    struct str until = yaml_text(collect, "until");
    if ((until.n != 0) == (rule->collect_ns != 0) || (until.n && !read_time(until, &rule->collect_until)))
        return complain(r, collect,
                        tr("'collect' has either minutes, or until: \"08:30\"",
                           "'collect' は minutes か until: \"08:30\" のどちらかです"));
    return true;
}

static bool read_levels(const struct reader *r, const struct yaml *node, struct notify_rule *rule)
{
    static const char *const postures[] = {"green", "yellow", "orange", "red"};
    struct str posture = yaml_text(node, "posture"), quiet = yaml_text(node, "quiet");
    rule->urgency_least = (int)yaml_int(node, "urgency", 0);
    rule->importance_least = (int)yaml_int(node, "importance", 0);
    rule->posture_least = -1;
    for (size_t i = 0; i < COUNT_OF(postures); i++)
        if (str_eq(posture, str_c(postures[i])))
            rule->posture_least = (int)i;
    if (rule->urgency_least < 0 || rule->urgency_least > 4 || rule->importance_least < 0 ||
        rule->importance_least > 4)
        return complain(r, node,
                        tr("urgency and importance are levels from 1 to 4",
                           "urgency と importance は 1〜4 の段階です"));
    if (posture.n && rule->posture_least < 0)
        return complain(r, yaml_get(node, "posture"),
                        tr("'posture' is green, yellow, orange or red",
                           "'posture' は green、yellow、orange、red です"));
    rule->through_quiet_hours = str_eq(quiet, STR("through"));
    if (quiet.n && !rule->through_quiet_hours && !str_eq(quiet, STR("wait")))
        return complain(r, yaml_get(node, "quiet"),
                        tr("'quiet' is through or wait", "'quiet' は through か wait です"));
    return true;
}

/* "@" alone is the person whom a note is for. */
static bool check_person(const struct reader *r, const struct yaml *node, enum notice_kind on)
{
    const struct yaml *to = yaml_get(node, "to");
    for (const struct yaml *at = to ? to->child : NULL; at != NULL; at = at->next)
        if (str_eq(at->text, STR("@")) && on != NOTICE_MENTIONED)
            return complain(r, to,
                            tr("\"@\" in 'to' is the person whom a note is for: only with on: mentioned",
                               "'to' の \"@\" はメモの宛先の人です。on: mentioned でのみ使えます"));
    return true;
}

static bool read_rule(const struct reader *r, const struct yaml *node, struct notify_rule *rule)
{
    static const char *const known[] = {"id",      "on",     "urgency", "importance", "posture",
                                        "reports", "to",     "by",      "escalate",   "quiet",
                                        "collect", "window", "details", "attach"};
    if (!check_keys(r, node, known, COUNT_OF(known)))
        return false;
    rule->id = yaml_text(node, "id");
    rule->has_details = yaml_bool(node, "details", false);
    rule->attaches = yaml_bool(node, "attach", false);
    if (rule->id.n == 0 || !notice_kind_parse(yaml_text(node, "on"), &rule->on) || rule->on == NOTICE_TEST)
        return complain(
            r, node,
            tr("a rule needs id and on: incident_opened, incident_raised, posture_changed, "
               "decision_waiting, decision_late, task_overdue, deadline_near, deadline_missed, "
               "source_silent, report_made, report_unsigned, outside_ready or mentioned",
               "規則には id と on(incident_opened、incident_raised、posture_changed、decision_waiting、"
               "decision_late、task_overdue、deadline_near、deadline_missed、source_silent、report_"
               "made、report_unsigned、"
               "outside_ready、mentioned のいずれか)が必要です"));
    if (!read_levels(r, node, rule) || !check_person(r, node, rule->on) || !read_steps(r, node, rule) ||
        !read_collect(r, node, rule) || !read_minutes(r, node, "window", 0, &rule->window_ns) ||
        !read_list(r, yaml_get(node, "reports"), rule->names, &rule->name_count) ||
        !read_list(r, yaml_get(node, "by"), rule->channels, &rule->channel_count))
        return false;
    if (rule->channel_count == 0)
        return complain(r, node, tr("'by' says over which channels", "'by' に経路を書いてください"));
    return rule->step_count == 1 || !notify_rule_collects(rule) ||
           complain(r, node,
                    tr("what waits in a digest cannot be escalated",
                       "まとめて送る通知はエスカレーションできません"));
}

static bool read_quiet(const struct reader *r, const struct yaml *top, struct notify_rules *out)
{
    static const char *const known[] = {"from", "to", "closed_days"};
    const struct yaml *quiet = yaml_get(top, "quiet");
    struct str language = yaml_text(top, "language");
    if (language.n && !language_parse(language.p, &out->language))
        return complain(r, yaml_get(top, "language"),
                        tr("'language' is ja or en", "'language' は ja か en です"));
    if (quiet == NULL)
        return true;
    out->quiet_closed_days = yaml_bool(quiet, "closed_days", false);
    return check_keys(r, quiet, known, COUNT_OF(known)) &&
           ((read_time(yaml_text(quiet, "from"), &out->quiet_from) &&
             read_time(yaml_text(quiet, "to"), &out->quiet_to)) ||
            complain(r, quiet,
                     tr("quiet hours are from: \"22:00\" and to: \"07:00\"",
                        "静かな時間は from: \"22:00\" と to: \"07:00\" です")));
}

/* ------------------------------------------------------------------ proving */

static bool is_in(const struct yaml *list, struct str id)
{
    for (const struct yaml *at = list ? list->child : NULL; at != NULL; at = at->next)
        if (str_eq(at->text, id))
            return true;
    return false;
}

/* A sample: an occurrence, the local time, the rules that tell it, and when the first message leaves. */
static bool prove(const struct reader *r, const struct yaml *sample, const struct notify_rules *rules,
                  const struct calendar *calendar)
{
    static const char *const postures[] = {"green", "yellow", "orange", "red"};
    struct time_context context = {.zone = zone_utc()};
    struct occurrence o = {.urgency = (int)yaml_int(sample, "urgency", 0),
                           .importance = (int)yaml_int(sample, "importance", 0),
                           .posture = -1,
                           .name = yaml_text(sample, "report")};
    struct notify_when when = {.calendar = calendar, .zone = zone_utc()};
    int64_t first_ns = INT64_MAX, wanted_ns;
    for (size_t i = 0; i < COUNT_OF(postures); i++)
        if (str_eq(yaml_text(sample, "posture"), str_c(postures[i])))
            o.posture = (int)i;
    if (!notice_kind_parse(yaml_text(sample, "on"), &o.kind) ||
        !time_parse_iso(yaml_text(sample, "at"), &context, &when.now_ns))
        return complain(r, sample, tr("a sample needs on and at", "見本には on と at が必要です"));
    for (uint32_t i = 0; i < rules->count; i++) {
        bool is_met = notify_rule_is_met(&rules->rules[i], &o);
        if (is_met != is_in(yaml_get(sample, "rules"), rules->rules[i].id))
            return error_at(r->err, r->path, sample->line, sample->column,
                            tr("the sample expects otherwise of rule '%.*s'",
                               "規則「%.*s」の結果が見本と異なります"),
                            STR_ARGS(rules->rules[i].id));
        int64_t due_ns = is_met ? notify_due(rules, &rules->rules[i], &when) : INT64_MAX;
        first_ns = due_ns < first_ns ? due_ns : first_ns;
    }
    struct str leaves = yaml_text(sample, "leaves");
    if (leaves.n && (!time_parse_iso(leaves, &context, &wanted_ns) || wanted_ns != first_ns))
        return complain(r, sample,
                        tr("it leaves at another time than the sample expects",
                           "送信時刻が見本と異なります"));
    return true;
}

/* Hundreds of mails in a worm's hour would hide the one that matters. */
static bool read_storm(const struct reader *r, const struct yaml *top, struct notify_rules *out)
{
    static const char *const known[] = {"messages", "minutes"};
    const struct yaml *storm = yaml_get(top, "storm");
    int64_t count = yaml_int(storm, "messages", 20), minutes = yaml_int(storm, "minutes", 10);
    out->storm_count = (uint32_t)count;
    out->storm_ns = minutes * MINUTE_NS;
    if (storm != NULL && !check_keys(r, storm, known, COUNT_OF(known)))
        return false;
    return (count >= 1 && count <= STORM_MAX && minutes >= 1 && minutes <= 1440) ||
           complain(r, storm,
                    tr("a storm is messages: 1 to 1000 within minutes: 1 to 1440",
                       "storm は messages: 1〜1000 と minutes: 1〜1440 です"));
}

static bool read_all(const struct reader *r, const struct yaml *top, const struct calendar *calendar,
                     struct notify_rules *out)
{
    static const char *const known[] = {"version", "language", "quiet", "storm", "rules", "samples"};
    const struct yaml *list = yaml_get(top, "rules"), *samples = yaml_get(top, "samples");
    if (!check_keys(r, top, known, COUNT_OF(known)) || !read_quiet(r, top, out) || !read_storm(r, top, out))
        return false;
    if (list == NULL || list->type != YAML_LIST)
        return complain(r, list ? list : top, tr("'rules' must be a list", "'rules' は列にしてください"));
    struct notify_rule *rules = ARENA_ARRAY(r->arena, struct notify_rule, list->count + 1);
    out->rules = rules;
    out->version = yaml_text(top, "version");
    for (const struct yaml *at = list->child; at != NULL; at = at->next) {
        if (!read_rule(r, at, &rules[out->count]))
            return false;
        for (uint32_t i = 0; i < out->count; i++)
            if (str_eq(rules[i].id, rules[out->count].id))
                return complain(r, at, tr("this id is there already", "この id はすでにあります"));
        out->count++;
    }
    for (const struct yaml *at = samples ? samples->child : NULL; at != NULL; at = at->next)
        if (!prove(r, at, out, calendar))
            return false;
    return true;
}

bool notify_rules_load(struct notify_rules *out, const char *path, const struct calendar *calendar,
                       struct arena *arena, struct error *err)
{
    struct reader r = {path, err, arena};
    const struct yaml *top = yaml_load(path, arena, err);
    *out = (struct notify_rules){.language = language_current()};
    return top != NULL && read_all(&r, top, calendar, out);
}
