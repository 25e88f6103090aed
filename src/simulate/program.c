/* Reading activities (content/simulate/activities.yml) and the parts they share with scenario steps. */
#include "simulate/program.h"

#include "base/log.h"

/* ---------------------------------------------------------------- selectors */

bool selector_read(const char *path, const struct yaml *node, struct selector *out, struct error *err)
{
    *out = (struct selector){.kind = -1, .sensor = -1};
    for (const struct yaml *m = node && node->type == YAML_MAP ? node->child : NULL; m; m = m->next) {
        static const char *const kinds[] = {"client", "server", "device"};
        bool ok = true;
        if (str_eq(m->key, STR("kind"))) {
            for (int i = 0; i < 3; i++)
                if (str_eq(m->text, str_c(kinds[i])))
                    out->kind = i;
            ok = out->kind >= 0;
        } else if (str_eq(m->key, STR("sensor"))) {
            out->sensor = yaml_bool(node, "sensor", false);
        } else if (str_eq(m->key, STR("type"))) {
            out->type = m->text;
        } else if (str_eq(m->key, STR("role"))) {
            out->role = m->text;
        } else if (str_eq(m->key, STR("department"))) {
            out->department = m->text;
        } else if (str_eq(m->key, STR("vendor"))) {
            out->vendor = m->text;
        } else if (str_eq(m->key, STR("key"))) {
            out->key = m->text;
        } else {
            ok = str_eq(m->key, STR("same")) || str_eq(m->key, STR("new")) || str_eq(m->key, STR("many")) ||
                 str_eq(m->key, STR("user")) || str_eq(m->key, STR("name"));
        }
        if (!ok)
            return error_at(
                err, path, m->key_line, m->key_column,
                tr("hosts are chosen by kind (client, server, device), type, role, department, vendor, key, "
                   "sensor; not by \"%.*s\"",
                   "端末は kind(client/server/device)、type、role、department、vendor、key、sensor で選びます"
                   "(「%.*s」は使えません)"),
                STR_ARGS(m->key));
    }
    return true;
}

static bool fits(struct str wanted, struct str there)
{
    return wanted.n == 0 || str_eq(wanted, there);
}

bool selector_takes(const struct selector *s, const struct host *h)
{
    return (s->kind < 0 || s->kind == (int)h->kind) && (s->role.n == 0 || host_has_role(h, s->role)) &&
           (s->sensor < 0 || (h->department != NULL && s->sensor == (int)h->department->is_sensor)) &&
           fits(s->type, h->texts[ATTRIBUTE_TYPE]) && fits(s->department, h->texts[ATTRIBUTE_DEPARTMENT]) &&
           fits(s->vendor, h->texts[ATTRIBUTE_VENDOR]) && fits(s->key, h->texts[ATTRIBUTE_KEY]);
}

void selector_collect(const struct selector *s, const struct office *o, struct arena *arena,
                      struct host_set *out)
{
    out->count = 0;
    out->items = ARENA_ARRAY(arena, struct host *, o->host_count + 1);
    for (size_t i = 0; i < o->host_count; i++)
        if (selector_takes(s, &o->hosts[i]))
            out->items[out->count++] = &o->hosts[i];
}

/* ---------------------------------------------------------------- values */

bool program_read_number(const char *path, const struct yaml *node, const char *key, double low, double high,
                         double *value, struct error *err)
{
    const struct yaml *n = yaml_get(node, key);
    if (n == NULL)
        return true;
    return (n->type == YAML_SCALAR && str_to_double(n->text, value) && *value >= low && *value <= high) ||
           error_at(err, path, n->line, n->column,
                    tr("%s must be a number from %g to %g", "%s は %g〜%g の数です"), key, low, high);
}

bool program_read_range(const char *path, const struct yaml *node, const char *key, int64_t *low_ns,
                        int64_t *high_ns, struct error *err)
{
    const struct yaml *n = yaml_get(node, key);
    if (n == NULL)
        return true;
    return (n->type == YAML_SCALAR && span_range_parse(n->text, low_ns, high_ns)) ||
           error_at(err, path, n->line, n->column,
                    tr("%s must be a span like 90s, 9m30s, 1h or a range like 30-60ms",
                       "%s は 90s、9m30s、1h のような時間か、30-60ms のような範囲です"),
                    key);
}

static bool read_binding(struct program *p, const char *path, const struct yaml *node, struct scope *scope,
                         struct binding *out, struct error *err)
{
    const struct yaml *host = yaml_get(node, "host");
    struct str list = yaml_text(node, "pick");
    if (node->type == YAML_SCALAR) {
        out->kind = CELL_TEXT;
        if (!template_compile(p->words, scope, path, node, &out->text, err))
            return false;
    } else if (host != NULL) {
        struct selector selector;
        out->kind = CELL_HOST;
        if (!selector_read(path, host, &selector, err))
            return false;
        selector_collect(&selector, p->office, p->arena, &out->hosts);
        if (out->hosts.count == 0)
            out->hosts = (struct host_set){&p->office->hosts, 0};
    } else {
        out->kind = CELL_ROW;
        out->list = words_list(p->words, list);
        out->is_zipf = str_eq(yaml_text(node, "skew"), STR("zipf"));
        out->favourites = (uint32_t)yaml_int(node, "favourites", 0);
        if (out->list == NULL || out->list->count == 0)
            return error_at(err, path, node->line, node->column,
                            tr("there is no list \"%.*s\"", "リスト「%.*s」がありません"), STR_ARGS(list));
    }
    if (!scope_add(scope, node->key, out->kind, out->list))
        return error_at(err, path, node->line, node->column,
                        tr("more than %d names", "名前が %d 個を超えています"), CELLS_MAX);
    out->cell = (uint32_t)scope_find(scope, node->key);
    return true;
}

static int find_source(struct program *p, struct str name)
{
    for (uint32_t i = 0; i < p->source_count; i++)
        if (str_eq(p->sources[i], name))
            return (int)i;
    if (p->source_count == SIMULATE_SOURCES_MAX)
        return -1;
    p->sources[p->source_count] = name;
    return (int)p->source_count++;
}

static bool read_emission(struct program *p, const char *path, const struct yaml *node,
                          const struct scope *scope, struct emission *out, struct error *err)
{
    struct str source, outcome = yaml_text(node, "if");
    out->chance = 1;
    out->outcome = str_eq(outcome, STR("done"))     ? OUTCOME_DONE
                   : str_eq(outcome, STR("failed")) ? OUTCOME_FAILED
                                                    : OUTCOME_ANY;
    out->is_at_scan_end = str_eq(yaml_text(node, "after"), STR("end"));
    if (!template_compile_format(p->words, scope, path, node, &out->text, &source, err) ||
        !program_read_number(path, node, "chance", 0, 1, &out->chance, err) ||
        (!out->is_at_scan_end &&
         !program_read_range(path, node, "after", &out->after_low_ns, &out->after_high_ns, err)))
        return false;
    int found = find_source(p, source);
    out->source = (uint32_t)found;
    return (found >= 0 && source.n) ||
           error_at(err, path, node->line, node->column,
                    tr("the format has no source, or there are more than %d sources",
                       "形式に source がないか、ソースが %d を超えています"),
                    SIMULATE_SOURCES_MAX);
}

bool program_read_let(struct program *p, const char *path, const struct yaml *let, struct scope *scope,
                      struct activity *out, struct error *err)
{
    out->bindings = ARENA_ARRAY(p->arena, struct binding, (let ? let->count : 0) + 1);
    for (const struct yaml *n = let ? let->child : NULL; n; n = n->next)
        if (!read_binding(p, path, n, scope, &out->bindings[out->binding_count++], err))
            return false;
    return true;
}

bool program_read_body(struct program *p, const char *path, const struct yaml *node, struct scope *scope,
                       struct activity *out, struct error *err)
{
    const struct yaml *lines = yaml_get(node, "lines");
    bool is_one = yaml_get(node, "format") != NULL;
    out->emissions = ARENA_ARRAY(p->arena, struct emission, (lines ? lines->count : 0) + 2);
    if (!program_read_let(p, path, yaml_get(node, "let"), scope, out, err))
        return false;
    for (const struct yaml *n = lines ? lines->child : NULL; n; n = n->next)
        if (!read_emission(p, path, n, scope, &out->emissions[out->emission_count++], err))
            return false;
    return !is_one || read_emission(p, path, node, scope, &out->emissions[out->emission_count++], err);
}

/* ---------------------------------------------------------------- activities */

static bool read_choice(const char *path, const struct yaml *node, const char *key,
                        const char *const *choices, int count, int *out, struct error *err)
{
    const struct yaml *n = yaml_get(node, key);
    if (n == NULL)
        return true;
    for (int i = 0; i < count; i++)
        if (str_eq(n->text, str_c(choices[i]))) {
            *out = i;
            return true;
        }
    return error_at(err, path, n->line, n->column, tr("%s cannot be \"%.*s\"", "%s に「%.*s」は使えません"),
                    key, STR_ARGS(n->text));
}

static bool read_days(const char *path, const struct yaml *node, unsigned *days, struct error *err)
{
    static const char *const names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    const struct yaml *n = yaml_get(node, "days");
    *days = 0x7f;
    if (n == NULL || (n->type == YAML_SCALAR && str_eq(n->text, STR("all"))))
        return true;
    if (n->type == YAML_SCALAR && str_eq(n->text, STR("work"))) {
        *days |= 0x80;
        return true;
    }
    *days = 0;
    for (const struct yaml *d = n->child; d; d = d->next)
        for (unsigned i = 0; i < 7; i++)
            if (str_eq(d->text, str_c(names[i])))
                *days |= 1u << i;
    return *days != 0 || error_at(err, path, n->line, n->column, "%s",
                                  tr("days is all, work, or a list of mon, tue, wed, thu, fri, sat, sun",
                                     "days は all、work、または mon tue wed thu fri sat sun の並びです"));
}

static bool read_conditions(const struct program *p, const char *path, const struct yaml *node,
                            const char *key, uint32_t *mask, struct error *err)
{
    const struct yaml *list = yaml_get(node, key);
    for (const struct yaml *n = list ? list->child : NULL; n; n = n->next) {
        int i = fleet_condition(p->fleet, n->text);
        if (i < 0)
            return error_at(err, path, n->line, n->column,
                            tr("there is no condition \"%.*s\" in fleet.yml",
                               "fleet.yml に状態「%.*s」がありません"),
                            STR_ARGS(n->text));
        *mask |= 1u << i;
    }
    return true;
}

static bool clock_parse(struct str text, int64_t *of_day_ns)
{
    uint64_t hour, minute;
    bool ok = text.n == 5 && text.p[2] == ':' && str_to_u64(str_slice(text, 0, 2), 10, &hour) &&
              str_to_u64(str_skip(text, 3), 10, &minute) && hour < 24 && minute < 60;
    if (ok)
        *of_day_ns = (int64_t)(hour * 60 + minute) * 60 * NS_PER_SECOND;
    return ok;
}

static bool read_profile(struct program *p, const char *path, const struct yaml *node, struct activity *a,
                         struct error *err)
{
    struct str name = yaml_text(node, "profile");
    const struct yaml *list = p->profiles ? p->profiles->child : NULL;
    double *weights = ARENA_ARRAY(p->arena, double, 24), sum = 0;
    while (list != NULL && name.n && !str_eq(list->key, name))
        list = list->next;
    const struct yaml *n = list ? list->child : NULL;
    for (unsigned i = 0; i < 24 && n != NULL; i++, n = n->next)
        sum += str_to_double(n->text, &weights[i]) ? weights[i] : -1000;
    if (list == NULL || list->count != 24 || sum <= 0)
        return error_at(err, path, node->line, node->column,
                        tr("there is no profile \"%.*s\" of 24 weights",
                           "24 個の重みからなる profile「%.*s」がありません"),
                        STR_ARGS(name));
    for (unsigned i = 0; i < 24; i++)
        weights[i] /= sum;
    a->profile = weights;
    return true;
}

static bool read_schedule(const char *path, const struct yaml *node, struct activity *a, struct error *err)
{
    static const char *const whens[] = {"rate", "session_start", "session_end", "daily", "every", "onset"};
    static const char *const whiles[] = {"present", "powered", "always"};
    static const char *const deeds[] = {"nothing", "update", "scan"};
    int when = WHEN_RATE, attendance = WHILE_PRESENT, deed = DOES_NOTHING;
    int64_t unused;
    if (!read_choice(path, node, "when", whens, COUNT_OF(whens), &when, err) ||
        !read_choice(path, node, "while", whiles, COUNT_OF(whiles), &attendance, err) ||
        !read_choice(path, node, "does", deeds, COUNT_OF(deeds), &deed, err) ||
        !program_read_range(path, node, "spread", &a->spread_ns, &unused, err) ||
        !program_read_range(path, node, "period", &a->period_ns, &unused, err) ||
        !program_read_range(path, node, "duration", &a->low_ns, &a->high_ns, err))
        return false;
    a->when = (enum when)when;
    a->attendance = (enum attendance)attendance;
    a->deed = (enum deed)deed;
    bool ok = (a->when != WHEN_EVERY || a->period_ns > 0) &&
              (a->when != WHEN_DAILY || clock_parse(yaml_text(node, "at"), &a->at_ns)) &&
              (a->when != WHEN_RATE || a->share > 0 || a->per_day > 0) && (a->when != WHEN_ONSET || a->with);
    return ok || error_at(err, path, node->line, node->column, "%s",
                          tr("`rate` needs share or per_day, `daily` needs at: 'HH:MM', `every` needs "
                             "period, `onset` needs with",
                             "rate には share か per_day、daily には at: 'HH:MM'、every には period、onset "
                             "には with が必要です"));
}

static bool read_activity(struct program *p, const char *path, const struct yaml *node, struct activity *a,
                          struct error *err)
{
    struct scope scope = {0};
    scope_add(&scope, STR("host"), CELL_HOST, NULL);
    *a = (struct activity){.name = yaml_text(node, "name"), .chance = 1, .hosts = 1};
    return selector_read(path, yaml_get(node, "who"), &a->who, err) && read_days(path, node, &a->days, err) &&
           read_conditions(p, path, node, "with", &a->with, err) &&
           read_conditions(p, path, node, "without", &a->without, err) &&
           program_read_number(path, node, "share", 0, 1e6, &a->share, err) &&
           program_read_number(path, node, "per_day", 0, 1e6, &a->per_day, err) &&
           program_read_number(path, node, "chance", 0, 1, &a->chance, err) &&
           program_read_number(path, node, "hosts", 0, 1, &a->hosts, err) &&
           program_read_number(path, node, "jitter", 0, 1, &a->jitter, err) &&
           read_schedule(path, node, a, err) &&
           (a->when != WHEN_RATE || read_profile(p, path, node, a, err)) &&
           program_read_body(p, path, node, &scope, a, err);
}

bool program_read_activities(struct program *p, const char *path, struct error *err)
{
    const struct yaml *top = yaml_load(path, p->arena, err);
    if (top == NULL)
        return false;
    const struct yaml *list = yaml_get(top, "activities");
    p->profiles = yaml_get(top, "profiles");
    p->activities = ARENA_ARRAY(p->arena, struct activity, (list ? list->count : 0) + 1);
    for (const struct yaml *n = list ? list->child : NULL; n; n = n->next)
        if (!read_activity(p, path, n, &p->activities[p->activity_count++], err))
            return false;
    return true;
}

static double lines_of(const struct activity *a)
{
    double lines = 0;
    for (uint32_t i = 0; i < a->emission_count; i++)
        lines += a->emissions[i].chance;
    return lines * a->chance * a->hosts;
}

/* Shares are of the host that has most of them: an ordinary client, a server of some role. */
void program_set_rate(struct program *p, double rate)
{
    double most = 0;
    for (size_t h = 0; h < p->office->host_count; h++) {
        double lines = 0;
        if (p->office->hosts[h].kind != HOST_CLIENT)
            continue;
        for (uint32_t i = 0; i < p->activity_count; i++)
            if (p->activities[i].when == WHEN_RATE && p->activities[i].hosts == 1 &&
                selector_takes(&p->activities[i].who, &p->office->hosts[h]))
                lines += p->activities[i].share * lines_of(&p->activities[i]);
        most = lines > most ? lines : most;
    }
    for (uint32_t i = 0; i < p->activity_count; i++)
        if (p->activities[i].share > 0)
            p->activities[i].per_day = most > 0 ? rate * p->activities[i].share / most : 0;
}
