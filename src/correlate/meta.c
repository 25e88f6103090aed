/* What correlations and sequences have in common: texts, timespans, aliases, what people read about them, and
 * samples. Stage: correlate, at load. Used by read.c and sequence_read.c. */
#include "base/log.h"
#include "base/memory.h"
#include "correlate/read.h"

bool reading_refuse(struct reading *r, const struct yaml *at, const char *what)
{
    return error_at(r->err, r->path, at->line, at->column, "%s", what);
}

bool reading_texts(struct reading *r, const struct yaml *node, uint32_t most, struct str **out,
                   uint32_t *count)
{
    bool is_list = node->type == YAML_LIST;
    uint32_t n = 0;
    if (node->type == YAML_MAP || (is_list && node->count > most))
        return error_at(r->err, r->path, node->line, node->column,
                        tr("'%.*s' must be a text or a list of at most %u texts.",
                           "「%.*s」は文字列か、%u 個以内の文字列の一覧でなければなりません。"),
                        STR_ARGS(node->key), most);
    *out = ARENA_ARRAY(r->arena, struct str, is_list ? node->count + 1 : 1);
    for (const struct yaml *e = is_list ? node->child : node; e; e = is_list ? e->next : NULL) {
        if (e->type != YAML_SCALAR || e->text.n == 0)
            return reading_refuse(r, e,
                                  tr("an entry of the list is no text.",
                                     "一覧の項目が文字列ではありません。"));
        (*out)[n++] = arena_str(r->arena, e->text);
    }
    *count = n;
    return true;
}

bool reading_span(struct reading *r, const struct yaml *node, int64_t *out_ns)
{
    static const struct {
        char letter;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    uint64_t n = 0;
    struct str text = node->type == YAML_SCALAR ? node->text : STR_EMPTY;
    for (size_t i = 0; text.n > 1 && i < COUNT_OF(units); i++)
        if (text.p[text.n - 1] == units[i].letter && str_to_u64(str_slice(text, 0, text.n - 1), 10, &n) &&
            n > 0 && n <= 366u * 86400u / (uint64_t)units[i].seconds) {
            *out_ns = (int64_t)n * units[i].seconds * NS_PER_SECOND;
            return true;
        }
    return error_at(r->err, r->path, node->line, node->column,
                    tr("%.*s must be a number and one of s, m, h, d, such as 10m; at most 366 days.",
                       "%.*s は 10m のように数値と s、m、h、d のいずれかで書きます(最大 366 日)。"),
                    STR_ARGS(node->key));
}

bool reading_timespan(struct reading *r, const struct yaml *section)
{
    const struct yaml *node = yaml_get(section, "timespan");
    if (!node)
        return reading_refuse(r, section,
                              tr("the correlation has no timespan.", "相関ルールに timespan がありません。"));
    return reading_span(r, node, &r->out->timespan_ns);
}

bool reading_aliases(struct reading *r, const struct yaml *section)
{
    const struct yaml *aliases = yaml_get(section, "aliases");
    struct correlation *c = r->out;
    uint32_t most = 0;
    if (!aliases || yaml_is_null(aliases))
        return true;
    if (aliases->type != YAML_MAP)
        return reading_refuse(r, aliases, tr("aliases must be a map.", "aliases は表でなければなりません。"));
    for (const struct yaml *a = aliases->child; a; a = a->next)
        most += (uint32_t)a->count;
    c->aliases = ARENA_ARRAY(r->arena, struct correlation_alias, most + 1);
    for (const struct yaml *a = aliases->child; a; a = a->next)
        for (const struct yaml *f = a->child; f; f = f->next) {
            if (a->type != YAML_MAP || f->type != YAML_SCALAR)
                return reading_refuse(r, f,
                                      tr("an alias maps the names of rules to fields.",
                                         "別名はルール名からフィールドへの表です。"));
            c->aliases[c->alias_count++] =
                (struct correlation_alias){arena_str(r->arena, a->key), arena_str(r->arena, f->key),
                                           arena_str(r->arena, f->text)};
        }
    return true;
}

/* ------------------------------------------------------------ meta data */

static struct str lines_of(struct arena *arena, const struct yaml *list)
{
    struct buf b = {0};
    if (list && list->type == YAML_SCALAR)
        return arena_str(arena, list->text);
    for (const struct yaml *e = list ? list->child : NULL; e; e = e->next) {
        if (b.n)
            buf_char(&b, '\n');
        buf_add(&b, e->text);
    }
    struct str out = arena_str(arena, buf_str(&b));
    buf_free(&b);
    return out;
}

static void read_techniques(struct arena *arena, const struct yaml *tags, struct rule_info *info)
{
    if (!tags || tags->type != YAML_LIST)
        return;
    info->techniques = ARENA_ARRAY(arena, struct str, tags->count + 1);
    for (const struct yaml *t = tags->child; t; t = t->next)
        if (str_starts_nocase(t->text, STR("attack.t")) && t->text.n > 8 && ascii_is_digit(t->text.p[8]))
            info->techniques[info->technique_count++] = arena_concat(arena, STR("T"), str_skip(t->text, 8));
}

static bool read_level(struct reading *r, const struct yaml *document, struct rule_info *info)
{
    const struct yaml *level = yaml_get(document, "level");
    info->level = LEVEL_MEDIUM; /* the specification makes it optional */
    if (!level || yaml_is_null(level) || level_parse(level->text, &info->level))
        return true;
    return error_at(r->err, r->path, level->line, level->column,
                    tr("the level '%.*s' is none of informational, low, medium, high, critical.",
                       "level「%.*s」は informational、low、medium、high、critical のいずれでもありません。"),
                    STR_ARGS(level->text));
}

bool reading_meta(struct reading *r, const struct yaml *document)
{
    struct rule_info *info = &r->out->info;
    struct arena *a = r->arena;
    struct str path = str_c(r->path);
    size_t slash = str_find_last_char(path, '/');
    info->path = arena_str(a, path);
    info->line = document->line;
    info->title_en = arena_str(a, yaml_text(document, "title"));
    info->id = arena_str(a, yaml_text(document, "id"));
    info->name = arena_str(a, yaml_text(document, "name"));
    if (info->id.n == 0)
        info->id = info->name.n ? info->name
                                : arena_str(a, slash == STR_NOT_FOUND ? path : str_skip(path, slash + 1));
    info->description_en = arena_str(a, yaml_text(document, "description"));
    info->status = arena_str(a, yaml_text(document, "status"));
    info->author = arena_str(a, yaml_text(document, "author"));
    info->false_positives = lines_of(a, yaml_get(document, "falsepositives"));
    info->references = lines_of(a, yaml_get(document, "references"));
    info->logsource = STR("correlation");
    read_techniques(a, yaml_get(document, "tags"), info);
    if (info->title_en.n == 0)
        return reading_refuse(r, document, tr("the rule has no title.", "ルールに title がありません。"));
    return read_level(r, document, info);
}

/* Our own keys, as single-event rules have them (docs/rules.md). */
bool reading_own(struct reading *r, const struct yaml *document)
{
    static const char *const keys[] = {"title_ja", "description_ja", "evidence_group", "likelihood_ratio",
                                       "stage",    "next_steps",     "samples"};
    const struct yaml *own = yaml_get(document, "hyakuyo"), *steps = yaml_get(own, "next_steps"),
                      *ratio = yaml_get(own, "likelihood_ratio");
    struct rule_info *info = &r->out->info;
    for (const struct yaml *m = own ? own->child : NULL; m; m = m->next) {
        size_t i = 0;
        while (i < COUNT_OF(keys) && !str_eq(m->key, str_c(keys[i])))
            i++;
        if (i == COUNT_OF(keys))
            return error_at(
                r->err, r->path, m->key_line, m->key_column,
                tr("hyakuyo.%.*s does not exist in a correlation; see docs/correlation.md.",
                   "相関ルールに hyakuyo.%.*s はありません。docs/correlation.md を見てください。"),
                STR_ARGS(m->key));
    }
    info->title_ja = arena_str(r->arena, yaml_text(own, "title_ja"));
    info->description_ja = arena_str(r->arena, yaml_text(own, "description_ja"));
    info->evidence_group = arena_str(r->arena, yaml_text(own, "evidence_group"));
    info->stage = arena_str(r->arena, yaml_text(own, "stage"));
    info->next_steps_en = lines_of(r->arena, yaml_get(steps, "en"));
    info->next_steps_ja = lines_of(r->arena, yaml_get(steps, "ja"));
    if (ratio && (!str_to_double(ratio->text, &info->likelihood_ratio) || info->likelihood_ratio <= 0))
        return reading_refuse(r, ratio,
                              tr("likelihood_ratio must be a number above zero.",
                                 "likelihood_ratio には正の数が必要です。"));
    return true;
}

/* --------------------------------------------------------------- samples */

/* The tree outlives the file's own arena. */
static const struct yaml *copy_tree(struct arena *arena, const struct yaml *from)
{
    struct yaml *to = ARENA_NEW(arena, struct yaml), **end = &to->child;
    *to = *from;
    to->next = to->child = NULL;
    to->key = arena_str(arena, from->key);
    to->text = arena_str(arena, from->text);
    for (const struct yaml *m = from->child; m; m = m->next) {
        *end = (struct yaml *)copy_tree(arena, m);
        end = &(*end)->next;
    }
    return to;
}

static bool read_sample_step(struct reading *r, const struct yaml *node, struct correlation_step *out)
{
    const struct yaml *event = yaml_get(node, "event"), *every = yaml_get(node, "every"),
                      *at = yaml_get(node, "at");
    double at_s = 0, every_s = 1;
    out->raw = arena_str(r->arena, yaml_text(node, "raw"));
    out->event = event && event->type == YAML_MAP ? copy_tree(r->arena, event) : NULL;
    out->repeat = (uint32_t)yaml_int(node, "repeat", 1);
    bool ok = (out->event != NULL) != (out->raw.n > 0) && out->repeat >= 1 && out->repeat <= 10000 &&
              (!at || str_to_double(at->text, &at_s)) && (!every || str_to_double(every->text, &every_s)) &&
              at_s >= 0 && at_s <= 1e8 && every_s >= 0 && every_s <= 1e8;
    out->at_ns = (int64_t)(at_s * 1e9);
    out->every_ns = (int64_t)(every_s * 1e9);
    return ok ||
           reading_refuse(r, node,
                          tr("a step of a sample needs either event: or raw:, and may have at: and every: in "
                             "seconds and "
                             "repeat: 1 to 10000.",
                             "サンプルの各項目には event: か raw: のどちらか一方が必要で、at: と "
                             "every:(秒)、repeat:(1～10000)を"
                             "指定できます。"));
}

bool reading_samples(struct reading *r, const struct yaml *document)
{
    const struct yaml *list = yaml_get(yaml_get(document, "hyakuyo"), "samples");
    struct correlation *c = r->out;
    if (!list)
        return true;
    c->samples = ARENA_ARRAY(r->arena, struct correlation_sample, list->count + 1);
    for (const struct yaml *s = list->child; s; s = s->next) {
        struct correlation_sample *sample = &c->samples[c->sample_count++];
        const struct yaml *events = yaml_get(s, "events");
        if (!yaml_get(s, "fires") || !events || events->type != YAML_LIST || events->count == 0)
            return reading_refuse(r, s,
                                  tr("a sample needs fires: true or false, and a list of events:.",
                                     "サンプルには fires: true/false と events: の一覧が必要です。"));
        sample->fires = yaml_bool(s, "fires", true);
        sample->line = s->line;
        sample->steps = ARENA_ARRAY(r->arena, struct correlation_step, events->count);
        for (const struct yaml *e = events->child; e; e = e->next)
            if (!read_sample_step(r, e, &sample->steps[sample->step_count++]))
                return false;
    }
    c->info.sample_count = c->sample_count;
    return true;
}
