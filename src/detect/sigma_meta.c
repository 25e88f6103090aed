/* What a rule says about itself: title, level, dates, tags, and our own keys.
 * Stage: detect, at load. Reads the top of a rule's document; leaves struct rule_info and the samples. A
 * value of the wrong kind is a mistake, not something to pass over: whoever wrote it meant something by it.
 * Next: taxonomy.c, which says what a logsource and a field are in ECS. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "detect/sigma.h"

static struct str joined_lines(struct arena *arena, const struct yaml *list)
{
    struct buf b = {0};
    if (list && list->type == YAML_SCALAR)
        return list->text;
    for (const struct yaml *e = list ? list->child : NULL; e; e = e->next) {
        if (b.n)
            buf_char(&b, '\n');
        buf_add(&b, e->text);
    }
    struct str out = arena_str(arena, buf_str(&b));
    buf_free(&b);
    return out;
}

/* "attack.t1071.001" → "T1071.001" */
static void read_tags(struct arena *arena, const struct yaml *tags, struct rule_info *info)
{
    if (!tags || tags->type != YAML_LIST)
        return;
    info->techniques = ARENA_ARRAY(arena, struct str, tags->count);
    for (const struct yaml *t = tags->child; t; t = t->next)
        if (str_starts_nocase(t->text, STR("attack.t")) && t->text.n > 8 && ascii_is_digit(t->text.p[8]))
            info->techniques[info->technique_count++] = arena_concat(arena, STR("T"), str_skip(t->text, 8));
}

static bool read_samples(const struct sigma_source *source, const struct yaml *samples,
                         struct sigma_rule *rule, struct error *err)
{
    struct sigma_sample **end = &rule->samples;
    if (samples && samples->type != YAML_LIST)
        return error_at(err, source->path, samples->line, samples->column, "%s",
                        tr("samples must be a list.", "samples には一覧が必要です。"));
    for (const struct yaml *s = samples ? samples->child : NULL; s; s = s->next) {
        struct sigma_sample *sample = ARENA_NEW(source->arena, struct sigma_sample);
        const struct yaml *fires = yaml_get(s, "fires");
        sample->event = yaml_get(s, "event");
        sample->raw = yaml_text(s, "raw");
        sample->fires = yaml_bool(s, "fires", true);
        sample->line = s->line;
        bool has_event = sample->event && sample->event->type == YAML_MAP;
        if (!fires || has_event == (sample->raw.n > 0))
            return error_at(
                err, source->path, s->line, s->column, "%s",
                tr("a sample needs fires: true or false, and either event: or raw:.",
                   "samples の各項目には fires: true/false と、event: か raw: のどちらか一方が必要です。"));
        *end = sample;
        end = &sample->next;
        rule->info.sample_count++;
    }
    return true;
}

static const struct {
    const char *name;
    enum entity entity;
} entities[] = {{"", ENTITY_UNSET},
                {"host", ENTITY_HOST},
                {"source", ENTITY_SOURCE},
                {"destination", ENTITY_DESTINATION}};

static const char *const stages[] = {"",         "exposure",     "stopped",
                                     "executed", "c2_suspected", "outward_attack",
                                     "spreading"};

static const char *const own_keys[] = {"title_ja", "description_ja", "evidence_group", "likelihood_ratio",
                                       "stage",    "entity",         "peer",           "next_steps",
                                       "samples"};

static bool is_among(struct str s, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(s, str_c(list[i])))
            return true;
    return false;
}

static bool read_entity(const struct sigma_source *source, const struct yaml *own, struct sigma_rule *rule,
                        struct error *err)
{
    struct str entity = yaml_text(own, "entity");
    for (size_t i = 0; i < COUNT_OF(entities); i++)
        if (str_eq(entity, str_c(entities[i].name))) {
            rule->entity = entities[i].entity;
            return true;
        }
    return error_at(err, source->path, own->line, own->column, "%s",
                    tr("hyakuyo.entity must be host, source or destination.",
                       "hyakuyo.entity は host、source、destination のいずれかです。"));
}

/* Our own keys, under `hyakuyo:`. Here a word that is not known is a mistake: nobody else writes them. */
bool sigma_own(const struct sigma_source *source, const struct yaml *own, struct sigma_rule *rule,
               struct error *err)
{
    if (!own)
        return true;
    if (own->type != YAML_MAP)
        return error_at(err, source->path, own->line, own->column, "%s",
                        tr("hyakuyo must be a map of our own keys; see docs/rules.md.",
                           "hyakuyo には独自キーの表が必要です。docs/rules.md を見てください。"));
    for (const struct yaml *m = own->child; m; m = m->next)
        if (!is_among(m->key, own_keys, COUNT_OF(own_keys)))
            return error_at(err, source->path, m->key_line, m->key_column,
                            tr("hyakuyo.%.*s does not exist; see docs/rules.md.",
                               "hyakuyo.%.*s は存在しません。docs/rules.md を見てください。"),
                            STR_ARGS(m->key));
    struct rule_info *info = &rule->info;
    info->title_ja = yaml_text(own, "title_ja");
    info->description_ja = yaml_text(own, "description_ja");
    info->evidence_group = yaml_text(own, "evidence_group");
    info->stage = yaml_text(own, "stage");
    rule->peer_field = yaml_text(own, "peer");
    const struct yaml *steps = yaml_get(own, "next_steps"), *ratio = yaml_get(own, "likelihood_ratio");
    info->next_steps_en = joined_lines(source->arena, yaml_get(steps, "en"));
    info->next_steps_ja = joined_lines(source->arena, yaml_get(steps, "ja"));
    if (ratio && (!str_to_double(ratio->text, &info->likelihood_ratio) || info->likelihood_ratio <= 0))
        return error_at(err, source->path, ratio->line, ratio->column, "%s",
                        tr("likelihood_ratio must be a number above zero.",
                           "likelihood_ratio には正の数が必要です。"));
    if (!is_among(info->stage, stages, COUNT_OF(stages)))
        return error_at(err, source->path, own->line, own->column,
                        tr("the stage '%.*s' is not one of those in docs/rules.md.",
                           "stage '%.*s' は docs/rules.md の一覧にありません。"),
                        STR_ARGS(info->stage));
    return read_entity(source, own, rule, err) && read_samples(source, yaml_get(own, "samples"), rule, err);
}

/* The keys at the top of a rule that decide something, each with what its value must be. A false positive
 * that YAML took for a map ("- Backup: nightly") costs nobody a detection. */

static bool mistake(const struct sigma_source *source, const struct yaml *at, struct error *err,
                    const char *en, const char *ja)
{
    struct str name = at->key.n ? at->key : at->text;
    return error_at(err, source->path, at->line, at->column, tr(en, ja), STR_ARGS(name));
}

static bool check_text(const struct sigma_source *source, const struct yaml *value, struct error *err)
{
    return value->type == YAML_SCALAR ||
           mistake(source, value, err, "%.*s must be a text.", "%.*s には文字列が必要です。");
}

static bool check_status(const struct sigma_source *source, const struct yaml *value, struct error *err)
{
    static const char *const words[] = {"stable", "test", "experimental", "deprecated", "unsupported"};
    if (!check_text(source, value, err))
        return false;
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (str_eq_nocase(value->text, str_c(words[i])))
            return true;
    return error_at(err, source->path, value->line, value->column,
                    tr("the status '%.*s' is none of stable, test, experimental, deprecated, unsupported.",
                       "status '%.*s' は stable、test、experimental、deprecated、unsupported のいずれでも"
                       "ありません。"),
                    STR_ARGS(value->text));
}

static bool check_level(const struct sigma_source *source, const struct yaml *value, struct error *err)
{
    enum level level;
    if (!check_text(source, value, err))
        return false;
    return level_parse(value->text, &level) ||
           error_at(err, source->path, value->line, value->column,
                    tr("the level '%.*s' is none of informational, low, medium, high, critical.",
                       "level '%.*s' は informational、low、medium、high、critical のいずれでもありません。"),
                    STR_ARGS(value->text));
}

static bool all_digits(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_digit(s.p[i]))
            return false;
    return true;
}

/* 2026-11-23; rules from before Sigma 2 write 2026/11/23. The calendar must know the day. */
static bool is_date(struct str s)
{
    uint64_t year, month, day;
    if (s.n != 10 || (s.p[4] != '-' && s.p[4] != '/') || s.p[7] != s.p[4])
        return false;
    struct str parts[] = {str_slice(s, 0, 4), str_slice(s, 5, 7), str_slice(s, 8, 10)};
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (!all_digits(parts[i]))
            return false;
    if (!str_to_u64(parts[0], 10, &year) || !str_to_u64(parts[1], 10, &month) ||
        !str_to_u64(parts[2], 10, &day) || month < 1 || month > 12 || day < 1 || day > 31)
        return false;
    int64_t same_year;
    unsigned same_month, same_day;
    days_to_civil(civil_to_days((int64_t)year, (unsigned)month, (unsigned)day), &same_year, &same_month,
                  &same_day);
    return same_month == month && same_day == day;
}

static bool check_date(const struct sigma_source *source, const struct yaml *value, struct error *err)
{
    return (value->type == YAML_SCALAR && is_date(value->text)) ||
           mistake(source, value, err, "%.*s must be a day of the calendar as YYYY-MM-DD.",
                   "%.*s には実在する日付を YYYY-MM-DD で書いてください。");
}

/* "attack.t1059.001": a namespace, a dot, a name. */
static bool is_tag(struct str s)
{
    size_t dot = str_find_char(s, '.', 0);
    if (dot == STR_NOT_FOUND || dot == 0 || dot + 1 == s.n)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = ascii_lower(s.p[i]);
        if (!ascii_is_digit(c) && !(c >= 'a' && c <= 'z') && c != '_' && c != '-' && c != '.')
            return false;
    }
    return true;
}

static bool check_tags(const struct sigma_source *source, const struct yaml *value, struct error *err)
{
    if (yaml_is_null(value))
        return true;
    if (value->type != YAML_LIST)
        return mistake(source, value, err, "%.*s must be a list.", "%.*s には一覧が必要です。");
    for (const struct yaml *tag = value->child; tag; tag = tag->next)
        if (tag->type != YAML_SCALAR || !is_tag(tag->text))
            return error_at(err, source->path, tag->line, tag->column,
                            tr("the tag '%.*s' is not of the form namespace.name, such as attack.t1059.",
                               "タグ '%.*s' は attack.t1059 のような「名前空間.名前」の形ではありません。"),
                            STR_ARGS(tag->text));
    return true;
}

static bool check_related(const struct sigma_source *source, const struct yaml *value, struct error *err)
{
    static const char *const kinds[] = {"derived", "obsolete", "obsoletes",  "merged",
                                        "renamed", "similar",  "correlation"};
    if (yaml_is_null(value))
        return true;
    if (value->type != YAML_LIST)
        return mistake(source, value, err, "%.*s must be a list.", "%.*s には一覧が必要です。");
    for (const struct yaml *r = value->child; r; r = r->next) {
        bool is_known = false;
        for (size_t i = 0; i < COUNT_OF(kinds); i++)
            is_known = is_known || str_eq_nocase(yaml_text(r, "type"), str_c(kinds[i]));
        if (!is_known || yaml_text(r, "id").n == 0)
            return error_at(
                err, source->path, r->line, r->column, "%s",
                tr("an entry of related needs an id and a type: derived, obsolete, merged, renamed, "
                   "similar or correlation.",
                   "related の各項目には id と type (derived、obsolete、merged、renamed、similar、"
                   "correlation のいずれか) が必要です。"));
    }
    return true;
}

static const struct {
    const char *name;
    bool (*check)(const struct sigma_source *source, const struct yaml *value, struct error *err);
} top_keys[] = {
    {"title", check_text},    {"id", check_text},         {"name", check_text}, {"description", check_text},
    {"status", check_status}, {"level", check_level},     {"date", check_date}, {"modified", check_date},
    {"tags", check_tags},     {"related", check_related},
};

static bool check_top(const struct sigma_source *source, const struct yaml *document, struct error *err)
{
    for (size_t i = 0; i < COUNT_OF(top_keys); i++) {
        const struct yaml *value = yaml_get(document, top_keys[i].name);
        if (!yaml_is_null(value) && !top_keys[i].check(source, value, err))
            return false;
    }
    return true;
}

bool sigma_meta(const struct sigma_source *source, const struct yaml *document, struct rule_info *info,
                struct error *err)
{
    if (!check_top(source, document, err))
        return false;
    info->title_en = yaml_text(document, "title");
    if (info->title_en.n == 0)
        return error_at(err, source->path, document->line, document->column, "%s",
                        tr("the rule has no title.", "ルールに title がありません。"));
    info->level = LEVEL_MEDIUM; /* the specification makes it optional */
    (void)level_parse(yaml_text(document, "level"), &info->level);
    info->name = yaml_text(document, "name");
    info->description_en = yaml_text(document, "description");
    info->status = yaml_text(document, "status");
    info->author = yaml_text(document, "author");
    info->false_positives = joined_lines(source->arena, yaml_get(document, "falsepositives"));
    info->references = joined_lines(source->arena, yaml_get(document, "references"));
    read_tags(source->arena, yaml_get(document, "tags"), info);
    return true;
}
