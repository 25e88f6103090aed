/* Stage: report. Forms: which sections a report has, as YAML (docs/reports.md). Next: report_build.c in src/
 * fills them. */
#include <stdio.h>

#include "base/file.h"
#include "base/yaml.h"
#include "report/report.h"

#define SECTIONS_MAX 40
#define ROWS_MAX     100000
#define ROWS_DEFAULT 200

struct labels {
    struct report_column *columns;
    uint32_t count;
};

/* A report with what only its own files know. */
struct loaded {
    struct report report;
    struct labels labels;
};

static struct report_word word_of(const struct yaml *map, const char *key, struct arena *a)
{
    const struct yaml *node = yaml_get(map, key);
    return (struct report_word){arena_str(a, yaml_text(node, "en")), arena_str(a, yaml_text(node, "ja"))};
}

static bool is_one_of(struct str word, const char *const *words, size_t count, size_t *index)
{
    for (*index = 0; *index < count; ++*index)
        if (str_eq(word, str_c(words[*index])))
            return true;
    return false;
}

static bool refuse(const struct report *r, const struct yaml *at, struct error *err, const char *en,
                   const char *ja, struct str what)
{
    return error_at(err, r->path.p, at ? at->line : 0, at ? at->column : 0, tr(en, ja), STR_ARGS(what));
}

/* ------------------------------------------------------------------- labels */

static const char *const types[] = {"text", "number", "real",  "percent", "time",
                                    "date", "span",   "bytes", "link"};

static void read_values(struct report *r, const struct yaml *values, struct report_column *c)
{
    size_t count = values ? values->count : 0;
    struct report_value *list = ARENA_ARRAY(&r->arena, struct report_value, count + 1);
    uint32_t n = 0;
    for (const struct yaml *v = values ? values->child : NULL; v != NULL; v = v->next)
        list[n++] = (struct report_value){arena_str(&r->arena, v->key),
                                          {arena_str(&r->arena, yaml_text(v, "en")),
                                           arena_str(&r->arena, yaml_text(v, "ja"))}};
    c->values = list;
    c->value_count = n;
}

static bool read_label(struct report *r, const struct yaml *node, struct report_column *c, struct error *err)
{
    struct str type = yaml_text(node, "type");
    size_t index = REPORT_TEXT;
    c->name = arena_str(&r->arena, node->key);
    c->label = (struct report_word){arena_str(&r->arena, yaml_text(node, "en")),
                                    arena_str(&r->arena, yaml_text(node, "ja"))};
    if (c->label.en.n == 0 || c->label.ja.n == 0)
        return refuse(r, node, err, "the column '%.*s' needs a label in both languages (en, ja)",
                      "列 '%.*s' には en と ja の見出しが必要です", node->key);
    c->is_system = str_eq(type, STR("system"));
    if (type.n && !c->is_system && !is_one_of(type, types, COUNT_OF(types), &index))
        return refuse(r, node, err, "'%.*s' is no type of a column", "'%.*s' という列の型はありません", type);
    c->type = (enum report_type)index;
    read_values(r, yaml_get(node, "values"), c);
    return true;
}

static bool read_labels(struct loaded *l, const char *path, struct error *err)
{
    struct yaml *top = yaml_load(path, &l->report.arena, err);
    if (top == NULL)
        return false;
    const struct yaml *columns = yaml_get(top, "columns");
    l->labels.columns = ARENA_ARRAY(&l->report.arena, struct report_column, columns ? columns->count + 1 : 1);
    l->report.path = str_c(path);
    for (const struct yaml *c = columns ? columns->child : NULL; c != NULL; c = c->next)
        if (!read_label(&l->report, c, &l->labels.columns[l->labels.count++], err))
            return false;
    return true;
}

struct report_column report_column_named(const struct report *r, struct str wanted)
{
    const struct loaded *l = (const struct loaded *)r;
    size_t equals = str_find_char(wanted, '=', 0);
    struct str name = str_slice(wanted, 0, equals);
    struct report_column c = {.name = name, .label = {name, name}, .type = REPORT_TEXT};
    for (uint32_t i = 0; i < l->labels.count; i++)
        if (str_eq(l->labels.columns[i].name, name))
            c = l->labels.columns[i];
    c.member = equals == STR_NOT_FOUND ? name : str_skip(wanted, equals + 1);
    return c;
}

/* ----------------------------------------------------------------- sections */

static struct str *read_names(struct report *r, const struct yaml *list, uint32_t *count)
{
    struct str *names = ARENA_ARRAY(&r->arena, struct str, (list ? list->count : 0) + 1);
    *count = 0;
    for (const struct yaml *n = list ? list->child : NULL; n != NULL; n = n->next)
        names[(*count)++] = arena_str(&r->arena, n->text);
    return names;
}

static void read_parameters(struct report *r, const struct yaml *with, struct report_section *s)
{
    s->parameters = ARENA_ARRAY(&r->arena, struct report_parameter, (with ? with->count : 0) + 1);
    for (const struct yaml *p = with ? with->child : NULL; p != NULL; p = p->next)
        s->parameters[s->parameter_count++] =
            (struct report_parameter){arena_str(&r->arena, p->key),
                                      yaml_int(with, arena_str(&r->arena, p->key).p, 0)};
}

static bool read_source(struct report *r, const struct yaml *node, struct report_section *s,
                        struct error *err)
{
    s->source = (struct report_source){.query = arena_str(&r->arena, yaml_text(node, "query")),
                                       .rest = arena_str(&r->arena, yaml_text(node, "rest")),
                                       .state = arena_str(&r->arena, yaml_text(node, "state")),
                                       .document = arena_str(&r->arena, yaml_text(node, "document")),
                                       .rows = arena_str(&r->arena, yaml_text(node, "rows"))};
    unsigned count = (s->source.query.n > 0) + (s->source.state.n > 0) + (s->source.document.n > 0);
    if (count != (s->shape == SHAPE_TEXT ? 0 : 1))
        return refuse(r, node, err, "the section '%.*s' needs exactly one of query, state and document",
                      "節 '%.*s' には query、state、document のどれか一つが必要です", s->name);
    return true;
}

static int64_t step_of(const struct yaml *node)
{
    struct str step = yaml_text(node, "step");
    return str_eq(step, STR("1h"))   ? 3600 * NS_PER_SECOND
           : str_eq(step, STR("1d")) ? 86400 * NS_PER_SECOND
                                     : 0;
}

static bool read_shape(struct report *r, const struct yaml *node, struct report_section *s, struct error *err)
{
    static const char *const shapes[] = {"numbers", "table", "line", "bar", "stacked", "text"};
    struct str shape = yaml_text(node, "shape");
    size_t index = SHAPE_TABLE;
    if (shape.n && !is_one_of(shape, shapes, COUNT_OF(shapes), &index))
        return refuse(r, node, err, "'%.*s' is no shape of a section", "'%.*s' という節の形はありません",
                      shape);
    s->shape = (enum report_shape)index;
    s->x = arena_str(&r->arena, yaml_text(node, "x"));
    s->series = arena_str(&r->arena, yaml_text(node, "series"));
    s->y = read_names(r, yaml_get(node, "y"), &s->y_count);
    bool is_chart = index == SHAPE_LINE || index == SHAPE_BAR || index == SHAPE_STACKED;
    if (is_chart && (s->x.n == 0 || s->y_count == 0))
        return refuse(r, node, err, "the chart '%.*s' needs x and y", "図 '%.*s' には x と y が必要です",
                      s->name);
    return true;
}

static void read_control(struct report *r, const struct yaml *node, struct report_control *c)
{
    int64_t sample = yaml_int(node, "sample", 25);
    c->id = arena_str(&r->arena, yaml_text(node, "id"));
    c->owner = arena_str(&r->arena, yaml_text(node, "owner"));
    c->area = word_of(node, "area", &r->arena);
    c->description = word_of(node, "description", &r->arena);
    c->frequency = word_of(node, "frequency", &r->arena);
    c->sample = sample < 1 ? 1 : sample > 1000 ? 1000 : (uint32_t)sample;
}

static bool read_section(struct report *r, const struct yaml *node, struct report_section *s,
                         struct error *err)
{
    s->line = node->line;
    s->name = arena_str(&r->arena, yaml_text(node, "name"));
    s->title = word_of(node, "title", &r->arena);
    s->text = word_of(node, "text", &r->arena);
    if (s->name.n == 0 || s->title.en.n == 0 || s->title.ja.n == 0)
        return refuse(r, node, err, "a section needs a name and a title in both languages%.*s",
                      "節には name と、en と ja の title が必要です%.*s", STR_EMPTY);
    if (!read_shape(r, node, s, err) || !read_source(r, node, s, err))
        return false;
    s->wanted = read_names(r, yaml_get(node, "columns"), &s->wanted_count);
    read_parameters(r, yaml_get(node, "with"), s);
    s->step_ns = step_of(node);
    s->is_now = yaml_bool(node, "now", false);
    s->with_table = yaml_bool(node, "table", false);
    if (yaml_get(node, "control") != NULL)
        read_control(r, yaml_get(node, "control"), &s->control);
    int64_t limit = yaml_int(node, "limit", r->is_pack ? ROWS_MAX : ROWS_DEFAULT);
    s->limit = limit < 1 ? 1 : limit > ROWS_MAX ? ROWS_MAX : (uint32_t)limit;
    if (s->source.query.n && s->wanted_count == 0)
        return refuse(r, node, err, "the query of section '%.*s' needs columns",
                      "節 '%.*s' の query には columns が必要です", s->name);
    return true;
}

/* "08:00" */
static int minute_of(struct str text)
{
    int64_t hour, minute;
    if (text.n != 5 || text.p[2] != ':' || !str_to_i64(str_n(text.p, 2), &hour) ||
        !str_to_i64(str_skip(text, 3), &minute) || hour < 0 || hour > 23 || minute < 0 || minute > 59)
        return -1;
    return (int)(hour * 60 + minute);
}

static bool read_form(struct report *r, struct error *err)
{
    static const char *const periods[] = {"none", "day", "week", "month"};
    struct yaml *top = yaml_load(r->path.p, &r->arena, err);
    size_t period = PERIOD_NONE;
    if (top == NULL)
        return false;
    r->title = word_of(top, "title", &r->arena);
    r->text = word_of(top, "text", &r->arena);
    r->scheduled_minute = minute_of(yaml_text(top, "schedule"));
    r->needs_incident = yaml_bool(top, "incident", false);
    r->is_pack = yaml_bool(top, "pack", false);
    struct str asked = yaml_text(top, "period");
    if (asked.n && !is_one_of(asked, periods, COUNT_OF(periods), &period))
        return refuse(r, top, err, "'%.*s' is no period: none, day, week or month",
                      "'%.*s' は期間ではありません(none、day、week、month)", asked);
    if (yaml_text(top, "schedule").n && (r->scheduled_minute < 0 || period == PERIOD_NONE))
        return refuse(r, top, err,
                      "'%.*s' is no schedule: a time of the day such as \"08:00\", with a period",
                      "'%.*s' は schedule ではありません(\"08:00\" のような時刻と period が必要です)",
                      yaml_text(top, "schedule"));
    r->period = (enum report_period)period;
    const struct yaml *sections = yaml_get(top, "sections");
    if (sections == NULL || sections->count == 0 || sections->count > SECTIONS_MAX)
        return refuse(r, top, err, "a report has 1 to 40 sections%.*s", "節は 1~40 個です%.*s", STR_EMPTY);
    r->sections = ARENA_ARRAY(&r->arena, struct report_section, sections->count);
    for (const struct yaml *s = sections->child; s != NULL; s = s->next)
        if (!read_section(r, s, &r->sections[r->section_count++], err))
            return false;
    return true;
}

static bool is_name(struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (!(name.p[i] >= 'a' && name.p[i] <= 'z') && !ascii_is_digit(name.p[i]) && name.p[i] != '-')
            return false;
    return name.n > 0 && name.n <= 40 && !str_eq(name, STR("labels"));
}

struct report *report_form_load(const char *folder, struct str name, struct error *err)
{
    struct loaded *l = NEW(struct loaded);
    struct report *r = &l->report;
    arena_init(&r->arena, 64 << 10);
    r->name = arena_str(&r->arena, name);
    struct str path = arena_printf(&r->arena, "%s/%.*s.yml", folder, STR_ARGS(name));
    struct str labels = arena_printf(&r->arena, "%s/labels.yml", folder);
    bool ok = (is_name(name) && file_exists(path.p)) ||
              error_set(err,
                        tr("there is no report '%.*s'; `hyakuyo report` without a name lists them",
                           "'%.*s' という報告書はありません。名前なしの `hyakuyo report` で一覧を表示します"),
                        STR_ARGS(name));
    ok = ok && read_labels(l, labels.p, err);
    r->path = path;
    if (ok && read_form(r, err))
        return r;
    report_free(r);
    return NULL;
}

void report_free(struct report *r)
{
    if (r == NULL)
        return;
    arena_free(&r->arena);
    memory_free((struct loaded *)r);
}

bool report_form_names(const char *folder, struct arena *arena, struct str **names, size_t *count,
                       struct error *err)
{
    static const char *const suffixes[] = {".yml", NULL};
    struct file_list files = {0};
    if (!file_walk(folder, suffixes, arena, &files, err))
        return false;
    *names = ARENA_ARRAY(arena, struct str, files.count + 1);
    *count = 0;
    for (size_t i = 0; i < files.count; i++) {
        struct str path = files.paths[i];
        size_t slash = str_find_last_char(path, '/');
        struct str name = str_slice(path, slash == STR_NOT_FOUND ? 0 : slash + 1, path.n - 4);
        if (is_name(name))
            (*names)[(*count)++] = name;
    }
    return true;
}
