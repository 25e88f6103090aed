/* Scenarios: content/scenarios/NAME.yml → roles given to hosts of the office, values chosen, steps as actors.
 * What a scenario expects of hyakuyo (`expect:`) is for the tests; the simulator passes it over. */
#include <stdlib.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "simulate/engine.h"

#define STEPS_MAX 500
#define TIMES_MAX 1000000

/* ---------------------------------------------------------------- roles */

struct candidate {
    struct host *host;
    unsigned penalty;
    uint64_t key;
};

static int by_penalty(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;
    if (a->penalty != b->penalty)
        return a->penalty < b->penalty ? -1 : 1;
    return a->key < b->key ? -1 : a->key > b->key;
}

static bool is_taken(const struct run *run, const struct host *h)
{
    for (uint32_t i = 0; i < run->role_count; i++)
        for (uint32_t k = 0; k < run->roles[i].hosts.count && !run->roles[i].is_many; k++)
            if (run->roles[i].hosts.items[k] == h)
                return true;
    return false;
}

/* People who are at work then, on computers that are in order, come first. */
static unsigned penalty(const struct simulation *s, const struct host *h, int64_t time_ns)
{
    struct window w = presence_of(s, h, time_day(time_ns), WHILE_PRESENT);
    unsigned sum = time_ns >= w.from_ns && time_ns < w.to_ns ? 0 : 2;
    for (unsigned i = 0; i < s->fleet.condition_count; i++)
        sum += h->control.since_ns[i] != INT64_MAX;
    return sum + 8 * (unsigned)!h->is_registered;
}

static void collect(struct simulation *s, const struct run *run, const struct selector *wanted,
                    struct str name, const struct host *same, uint32_t many, struct host_set *out)
{
    struct candidate *all = NEW_ARRAY(struct candidate, s->office.host_count + 1);
    uint32_t count = 0;
    for (size_t i = 0; i < s->office.host_count; i++) {
        struct host *h = &s->office.hosts[i];
        bool is_near = same == NULL || str_eq(h->texts[ATTRIBUTE_NET], same->texts[ATTRIBUTE_NET]);
        if (selector_takes(wanted, h) && is_near && !h->is_visitor && !is_taken(run, h))
            all[count++] = (struct candidate){h, penalty(s, h, run->at_ns),
                                              random_key_of(random_key(run->key, h->key), name)};
    }
    if (count)
        qsort(all, count, sizeof *all, by_penalty);
    out->count = count < many ? count : many;
    out->items = ARENA_ARRAY(&s->arena, struct host *, out->count + 1);
    for (uint32_t i = 0; i < out->count; i++)
        out->items[i] = all[i].host;
    memory_free(all);
}

/* "victim=PC-SALES-031,second=…" of the command line. */
static struct host *wanted_host(const struct simulation *s, struct str roles, struct str role,
                                struct str *named)
{
    struct str part;
    *named = STR_EMPTY;
    while (str_split(&roles, ',', &part)) {
        size_t at = str_find_char(part, '=', 0);
        if (at == STR_NOT_FOUND || !str_eq(str_slice(part, 0, at), role))
            continue;
        *named = str_skip(part, at + 1);
        for (size_t i = 0; i < s->office.host_count; i++)
            if (str_eq_nocase(s->office.hosts[i].texts[ATTRIBUTE_NAME], *named) ||
                str_eq(s->office.hosts[i].texts[ATTRIBUTE_IP], *named))
                return &s->office.hosts[i];
    }
    return NULL;
}

static bool give_role(struct simulation *s, struct run *run, const struct yaml *node, struct str wishes,
                      struct error *err)
{
    struct selector wanted;
    int same = scope_find(&run->scope, yaml_text(node, "same"));
    const struct host *neighbour = same >= 0 ? run->cells[same].host : NULL;
    int64_t many = yaml_int(node, "many", 0);
    struct str named;
    struct host *wished = wanted_host(s, wishes, node->key, &named);
    if (!selector_read(run->path.p, node, &wanted, err))
        return false;
    if (run->role_count == ROLES_MAX || !scope_add(&run->scope, node->key, CELL_HOST, NULL))
        return error_at(err, run->path.p, node->line, node->column,
                        tr("more than %d roles", "役割が %d を超えています"), ROLES_MAX);
    if (named.n && wished == NULL)
        return error_set(err,
                         tr("%.*s: there is no host \"%.*s\" in the office",
                            "%.*s: 端末「%.*s」がありません"),
                         STR_ARGS(run->name), STR_ARGS(named));
    struct host_set set = {0};
    if (yaml_bool(node, "new", false) && neighbour != NULL)
        wished = office_bring_in(&s->office, neighbour, yaml_text(node, "name"), yaml_text(node, "user"));
    if (wished != NULL) {
        set.items = ARENA_ARRAY(&s->arena, struct host *, 1);
        set.items[set.count++] = wished;
    } else {
        collect(s, run, &wanted, node->key, neighbour, many ? (uint32_t)many : 1, &set);
    }
    if (set.count == 0)
        return error_at(err, run->path.p, node->line, node->column,
                        tr("no host of the office can be \"%.*s\"; simulate more hosts",
                           "「%.*s」にできる端末がありません。端末数を増やしてください"),
                        STR_ARGS(node->key));
    run->roles[run->role_count].name = node->key;
    run->roles[run->role_count].is_many = many > 0;
    run->roles[run->role_count++].hosts = set;
    run->cells[scope_find(&run->scope, node->key)].host = set.items[0];
    return true;
}

/* ---------------------------------------------------------------- steps */

static const struct host_set *role_hosts(const struct run *run, struct str name)
{
    for (uint32_t i = 0; i < run->role_count; i++)
        if (str_eq(run->roles[i].name, name))
            return &run->roles[i].hosts;
    return NULL;
}

static bool read_loop(struct simulation *s, struct run *run, const struct yaml *node, struct scope *scope,
                      struct activity *a, struct error *err)
{
    struct str each = yaml_text(node, "each"), over = yaml_text(node, "over");
    a->times = (uint32_t)yaml_int(node, "times", 1);
    if (each.n) {
        const struct host_set *set = role_hosts(run, each);
        if (set == NULL)
            return error_at(err, run->path.p, node->line, node->column,
                            tr("there is no role \"%.*s\"", "役割「%.*s」がありません"), STR_ARGS(each));
        a->each = *set;
        if (!scope_add(scope, STR("peer"), CELL_HOST, NULL))
            return error_set(err, "%s", tr("too many names", "名前が多すぎます"));
        a->item_cell = (uint32_t)scope_find(scope, STR("peer"));
    } else if (over.n) {
        a->over = words_list(&s->words, over);
        if (a->over == NULL || !scope_add(scope, STR("item"), CELL_ROW, a->over))
            return error_at(err, run->path.p, node->line, node->column,
                            tr("there is no list \"%.*s\"", "リスト「%.*s」がありません"), STR_ARGS(over));
        a->item_cell = (uint32_t)scope_find(scope, STR("item"));
    }
    return a->times <= TIMES_MAX || error_at(err, run->path.p, node->line, node->column,
                                             tr("times: at most %d", "times は %d 以下です"), TIMES_MAX);
}

/* What it does to the host besides its lines. */
static bool read_marks(const struct simulation *s, const struct run *run, const struct yaml *node,
                       struct activity *a, struct error *err)
{
    struct str sets = yaml_text(node, "sets");
    a->infects = yaml_bool(node, "infects", false) || yaml_text(node, "infected_by").n;
    a->infected_by = yaml_text(node, "infected_by");
    if (sets.n == 0)
        return true;
    int i = fleet_condition(&s->fleet, sets);
    a->sets = (uint32_t)i;
    a->sets_condition = i >= 0;
    return i >= 0 ||
           error_at(err, run->path.p, node->line, node->column,
                    tr("there is no condition \"%.*s\" in fleet.yml", "fleet.yml に状態「%.*s」がありません"),
                    STR_ARGS(sets));
}

/* An exercise may go faster than the attack did. */
static void hasten(const struct simulation *s, struct activity *a, int64_t *at_ns)
{
    double speed = s->options.speed > 0 ? s->options.speed : 1;
    if (speed == 1)
        return;
    int64_t *spans[] = {at_ns, &a->every_low_ns, &a->every_high_ns};
    for (size_t i = 0; i < COUNT_OF(spans); i++)
        *spans[i] = (int64_t)((double)*spans[i] / speed);
    for (uint32_t i = 0; i < a->emission_count; i++) {
        a->emissions[i].after_low_ns = (int64_t)((double)a->emissions[i].after_low_ns / speed);
        a->emissions[i].after_high_ns = (int64_t)((double)a->emissions[i].after_high_ns / speed);
    }
    a->from_hour_ns = a->to_hour_ns = 0;
}

static bool read_step(struct simulation *s, struct run *run, const struct yaml *node, struct activity *a,
                      int64_t *at_ns, struct error *err)
{
    struct scope scope = run->scope;
    struct str host = yaml_text(node, "host");
    const struct yaml *hours = yaml_get(node, "hours");
    int64_t late_ns = 0;
    *a = (struct activity){.name = run->name, .when = WHEN_STEP, .chance = 1, .hosts = 1};
    *at_ns = 0;
    int cell = host.n ? scope_find(&scope, host) : 0;
    if (cell < 0 || scope.cells[cell].kind != CELL_HOST || (cell == 0 && run->role_count == 0))
        return error_at(err, run->path.p, node->line, node->column, "%s",
                        tr("a step needs `host:` with the name of a role",
                           "手順には役割名を書いた host: が必要です"));
    a->host_cell = (uint32_t)(cell ? cell : scope_find(&scope, run->roles[0].name));
    if (hours != NULL &&
        (hours->type != YAML_LIST || hours->count != 2 || !span_parse(hours->child->text, &a->from_hour_ns) ||
         !span_parse(hours->child->next->text, &a->to_hour_ns)))
        return error_at(err, run->path.p, hours->line, hours->column, "%s",
                        tr("hours is a pair of spans since midnight, [20h15m, 21h15m]",
                           "hours は [20h15m, 21h15m] のような午前0時からの時間の組です"));
    return program_read_range(run->path.p, node, "at", at_ns, &late_ns, err) &&
           program_read_range(run->path.p, node, "every", &a->every_low_ns, &a->every_high_ns, err) &&
           program_read_number(run->path.p, node, "drop", 0, 1, &a->drop, err) &&
           read_loop(s, run, node, &scope, a, err) && read_marks(s, run, node, a, err) &&
           program_read_body(&s->program, run->path.p, node, &scope, a, err);
}

static bool read_steps(struct simulation *s, struct run *run, const struct yaml *list, struct error *err)
{
    if (list == NULL || list->type != YAML_LIST || list->count > STEPS_MAX)
        return error_set(err,
                         tr("%s: there are no steps, or more than %d",
                            "%s: steps がないか %d を超えています"),
                         run->path.p, STEPS_MAX);
    run->steps = ARENA_ARRAY(&s->arena, struct activity, list->count + 1);
    for (const struct yaml *n = list->child; n; n = n->next) {
        int64_t at_ns;
        struct activity *a = &run->steps[run->step_count];
        if (!read_step(s, run, n, a, &at_ns, err))
            return false;
        hasten(s, a, &at_ns);
        engine_add_actor(s, (struct actor){.next_ns = run->at_ns + at_ns,
                                           .random = {random_key(run->key, run->step_count)},
                                           .activity = a,
                                           .run = run,
                                           .order = (uint32_t)s->office.host_count * 1024 +
                                                    s->run_count * STEPS_MAX + run->step_count});
        run->step_count++;
    }
    return true;
}

/* ---------------------------------------------------------------- loading */

static bool find_file(const struct simulation *s, struct str name, struct str *path, struct arena *arena,
                      struct error *err)
{
    const char *folders[] = {s->options.scenarios, arena_printf(arena, "%s/scenarios", s->options.content).p};
    for (size_t i = 0; i < COUNT_OF(folders) && str_find_char(name, '/', 0) == STR_NOT_FOUND && name.n; i++) {
        if (folders[i] == NULL)
            continue;
        *path = arena_printf(arena, "%s/%.*s.yml", folders[i], STR_ARGS(name));
        if (file_exists(path->p))
            return true;
    }
    return error_set(err,
                     tr("there is no scenario \"%.*s\"; `hyakuyo drill list` shows those there are",
                        "シナリオ「%.*s」がありません。hyakuyo drill list で一覧できます"),
                     STR_ARGS(name));
}

bool scenario_load(struct simulation *s, struct str name, int64_t at_ns, struct str roles, struct error *err)
{
    struct run *run = NEW(struct run);
    s->runs = memory_resize_array(s->runs, s->run_count + 1, sizeof(struct run *));
    s->runs[s->run_count++] = run;
    run->name = arena_str(&s->arena, name);
    run->at_ns = at_ns;
    run->key = random_key(random_key_of(s->options.seed, name), (uint64_t)at_ns);
    scope_add(&run->scope, STR("host"), CELL_HOST, NULL);
    struct yaml *top;
    if (!find_file(s, name, &run->path, &s->arena, err) ||
        (top = yaml_load(run->path.p, &s->arena, err)) == NULL)
        return false;
    const struct yaml *list = yaml_get(top, "roles");
    for (const struct yaml *n = list ? list->child : NULL; n; n = n->next)
        if (!give_role(s, run, n, roles, err))
            return false;
    struct activity values = {0};
    struct random random = {run->key};
    struct rendering r = {&random, run->cells, at_ns, 0};
    run->cells[0].host = run->role_count ? run->roles[0].hosts.items[0] : NULL;
    if (!program_read_let(&s->program, run->path.p, yaml_get(top, "values"), &run->scope, &values, err))
        return false;
    engine_bind(s, &values, &r, run->cells, &s->arena);
    return read_steps(s, run, yaml_get(top, "steps"), err);
}

bool simulation_inject(struct simulation *s, struct str text, struct error *err)
{
    size_t at = str_find_char(text, '@', 0);
    struct str name = str_slice(text, 0, at == STR_NOT_FOUND ? text.n : at), when = STR_EMPTY,
               roles = STR_EMPTY;
    if (at != STR_NOT_FOUND) {
        when = str_skip(text, at + 1);
        size_t comma = str_find_char(when, ',', 0);
        if (comma != STR_NOT_FOUND) {
            roles = arena_str(&s->arena, str_skip(when, comma + 1));
            when = str_slice(when, 0, comma);
        }
    }
    struct time_context context = {.zone = zone_find(STR("+09:00"))};
    int64_t at_ns, span_ns;
    bool is_known = span_parse(when, &span_ns);
    at_ns = s->from_ns + (is_known ? span_ns : 0);
    if (!is_known && !time_parse_iso(when, &context, &at_ns))
        return error_set(
            err,
            tr("--inject %.*s: write SCENARIO@TIME, where TIME is 2025-11-10T09:12:30 or a span from the "
               "start like 1d9h12m",
               "--inject %.*s: SCENARIO@TIME と書いてください(TIME は 2025-11-10T09:12:30、または開始からの "
               "1d9h12m のような時間)"),
            STR_ARGS(text));
    return scenario_load(s, name, at_ns, roles, err);
}

bool scenario_list_json(const char *folder, struct buf *out, struct error *err)
{
    static const char *const suffixes[] = {".yml", NULL};
    struct arena arena;
    struct file_list files = {0};
    struct json_writer w = {.out = out};
    arena_init(&arena, 256 << 10);
    bool ok = file_walk(folder, suffixes, &arena, &files, err);
    json_begin_array(&w);
    for (size_t i = 0; i < files.count && ok; i++) {
        struct yaml *top = yaml_load(files.paths[i].p, &arena, err);
        if ((ok = top != NULL) == false)
            break;
        size_t slash = str_find_last_char(files.paths[i], '/');
        const struct yaml *title = yaml_get(top, "title"), *about = yaml_get(top, "about");
        const char *language = tr("en", "ja");
        json_begin_object(&w);
        json_key(&w, "name");
        json_put_str(&w,
                     str_slice(files.paths[i], slash == STR_NOT_FOUND ? 0 : slash + 1, files.paths[i].n - 4));
        json_key(&w, "title");
        json_put_str(&w, yaml_text(title, language));
        json_key(&w, "about");
        json_put_str(&w, yaml_text(about, language));
        json_end_object(&w);
    }
    json_end_array(&w);
    arena_free(&arena);
    return ok;
}
