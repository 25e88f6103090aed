/* Reads content/intake.yml (stage incident): symptoms, the card, the script, the looks. Next: the program's
 * intake.c, which takes reports, and intake_look.c, which searches. */
#include "incident/intake.h"

#include "base/arena.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/yaml.h"

#define DAYS_MAX    31
#define MINUTES_MAX (DAYS_MAX * 24 * 60)

struct reader {
    const char *path;
    struct error *err;
    struct intake_rules *rules;
};

static bool complain(const struct reader *r, const struct yaml *at, const char *what)
{
    return error_at(r->err, r->path, at ? at->line : 1, at ? at->column : 1, "%s", what);
}

static bool read_text(const struct reader *r, const struct yaml *node, const struct yaml *at,
                      struct intake_text *out)
{
    out->en = yaml_text(node, "en");
    out->ja = yaml_text(node, "ja");
    return (out->en.n && out->ja.n) ||
           complain(r, at,
                    tr("a text in English (en) and one in Japanese (ja) are needed",
                       "英語(en)と日本語(ja)の文が必要です"));
}

const struct intake_item *intake_find(const struct intake_list *list, struct str id)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (id.n && str_eq(list->items[i].id, id))
            return &list->items[i];
    return NULL;
}

/* Ids go into events and into links: a narrow alphabet. */
static bool is_id(struct str id)
{
    for (size_t i = 0; i < id.n; i++)
        if (!ascii_is_digit(id.p[i]) && id.p[i] != '_' && (id.p[i] < 'a' || id.p[i] > 'z'))
            return false;
    return id.n > 0 && id.n <= 32;
}

static bool read_list(const struct reader *r, const struct yaml *root, const char *key, bool has_ids,
                      struct intake_list *out)
{
    const struct yaml *list = yaml_get(root, key);
    if (list == NULL || list->type != YAML_LIST || list->count == 0)
        return error_at(r->err, r->path, list ? list->line : 1, 1,
                        tr("'%s' must be a list with at least one entry",
                           "'%s' には1件以上の列を書いてください"),
                        key);
    out->items = ARENA_ARRAY(r->rules->arena, struct intake_item, list->count);
    for (const struct yaml *at = list->child; at != NULL; at = at->next) {
        struct intake_item item = {.id = yaml_text(at, "id")};
        if (has_ids && !is_id(item.id))
            return complain(r, at,
                            tr("an 'id' of at most 32 small letters, digits and _ is needed",
                               "'id' は32文字以内の英小文字・数字・_ で書いてください"));
        if (intake_find(out, item.id))
            return complain(r, at, tr("this id stands twice", "id が重複しています"));
        if (!read_text(r, has_ids ? yaml_get(at, "text") : at, at, &item.text))
            return false;
        out->items[out->count++] = item;
    }
    return true;
}

/* ------------------------------------------------------------------ looks */

static bool read_symptoms(const struct reader *r, const struct yaml *node, struct intake_look *look)
{
    const struct yaml *list = yaml_get(node, "symptoms");
    if (list == NULL || list->count == 0)
        return complain(r, node,
                        tr("a look needs 'symptoms' ('*' for all)", "'symptoms' が必要です('*' はすべて)"));
    look->symptoms = ARENA_ARRAY(r->rules->arena, struct str, list->count);
    for (const struct yaml *at = list->child; at != NULL; at = at->next) {
        if (str_eq(at->text, STR("*")))
            look->is_for_all = true;
        else if (intake_find(&r->rules->symptoms, at->text))
            look->symptoms[look->symptom_count++] = at->text;
        else
            return complain(r, at, tr("there is no such symptom", "その症状は定義されていません"));
    }
    return true;
}

static bool read_who(const struct reader *r, const struct yaml *node, struct intake_look *look)
{
    static const char *const keys[] = {"host", "ip", "user", "mailbox"};
    const struct yaml *map = yaml_get(node, "who");
    if (map == NULL || map->count == 0 || map->count > INTAKE_WHO_MAX)
        return complain(r, node,
                        tr("'who' names 1 to 8 fields, each with host, ip, user or mailbox",
                           "'who' には1〜8個のフィールドと host・ip・user・mailbox の対応を書いてください"));
    for (const struct yaml *at = map->child; at != NULL; at = at->next) {
        size_t key = 0;
        while (key < COUNT_OF(keys) && !str_eq(at->text, str_c(keys[key])))
            key++;
        if (key == COUNT_OF(keys))
            return complain(r, at,
                            tr("write host, ip, user or mailbox", "host・ip・user・mailbox のいずれかです"));
        look->who[look->who_count].field = at->key;
        look->who[look->who_count++].key = (enum intake_key)key;
    }
    return true;
}

static bool read_show(const struct reader *r, const struct yaml *node, struct intake_look *look)
{
    const struct yaml *list = yaml_get(node, "show");
    if (list == NULL)
        return true;
    if (list->count == 0 || list->count > INTAKE_SHOW_MAX)
        return complain(r, list, tr("'show' names 1 to 12 fields", "'show' は1〜12個のフィールドです"));
    for (const struct yaml *at = list->child; at != NULL; at = at->next)
        look->show[look->show_count++] = at->text;
    return true;
}

static bool read_kind(const struct reader *r, const struct yaml *node, struct intake_look *look)
{
    struct str rare = yaml_text(node, "rare"), volume = yaml_text(node, "volume");
    if ((look->show_count > 0) + (rare.n > 0) + (volume.n > 0) != 1)
        return complain(r, node,
                        tr("a look has exactly one of 'show', 'rare', 'volume'",
                           "'show'・'rare'・'volume' のうち1つだけを書いてください"));
    look->kind = look->show_count ? INTAKE_SHOW : rare.n ? INTAKE_RARE : INTAKE_VOLUME;
    look->field = rare.n ? rare : volume;
    look->across = yaml_text(node, "across");
    look->follow = yaml_text(node, "follow");
    if (look->follow.n && look->kind != INTAKE_SHOW)
        return complain(r, node, tr("'follow' goes with 'show'", "'follow' は 'show' と組で書いてください"));
    return look->kind != INTAKE_RARE || look->across.n > 0 ||
           complain(r, node,
                    tr("'rare' needs 'across', the field that tells computers apart",
                       "'rare' には端末を区別するフィールド 'across' が必要です"));
}

static bool read_number(const struct reader *r, const struct yaml *node, const char *key, int64_t fallback,
                        int64_t least, int64_t most, int64_t *out)
{
    *out = yaml_int(node, key, fallback);
    return (*out >= least && *out <= most) ||
           error_at(r->err, r->path, node->line, node->column,
                    tr("'%s' must be between %lld and %lld", "'%s' は %lld から %lld の間にしてください"),
                    key, (long long)least, (long long)most);
}

static bool read_look(const struct reader *r, const struct yaml *node, struct intake_look *look)
{
    look->id = yaml_text(node, "id");
    look->only = yaml_text(node, "only");
    if (!is_id(look->id))
        return complain(r, node, tr("a look needs an 'id'", "'id' が必要です"));
    for (uint32_t i = 0; i + 1 < r->rules->look_count; i++)
        if (str_eq(r->rules->looks[i].id, look->id))
            return complain(r, node, tr("this id stands twice", "id が重複しています"));
    return read_text(r, yaml_get(node, "title"), node, &look->title) && read_symptoms(r, node, look) &&
           read_who(r, node, look) && read_show(r, node, look) && read_kind(r, node, look) &&
           read_number(r, node, "before", 1440, 1, MINUTES_MAX, &look->before_minutes) &&
           read_number(r, node, "after", 30, 0, MINUTES_MAX, &look->after_minutes) &&
           read_number(r, node, "hosts", 2, 1, 1000, &look->hosts) &&
           read_number(r, node, "days", 7, 1, DAYS_MAX, &look->days) &&
           read_number(r, node, "rows", 20, 1, INTAKE_ROWS_MAX, &look->rows);
}

static bool read_looks(const struct reader *r, const struct yaml *list)
{
    struct intake_rules *rules = r->rules;
    rules->looks = ARENA_ARRAY(rules->arena, struct intake_look, (list ? list->count : 0) + 1);
    for (const struct yaml *at = list ? list->child : NULL; at != NULL; at = at->next)
        if (!read_look(r, at, &rules->looks[rules->look_count++]))
            return false;
    return true;
}

static bool read_root(const struct reader *r, const struct yaml *root)
{
    struct intake_rules *rules = r->rules;
    rules->version = yaml_text(root, "version");
    if (rules->version.n == 0)
        return complain(r, root, tr("'version' is missing", "'version' がありません"));
    return read_number(r, root, "first_answer_minutes", 10, 1, 1440, &rules->first_answer_minutes) &&
           read_list(r, root, "symptoms", true, &rules->symptoms) &&
           read_list(r, root, "steps", true, &rules->steps) &&
           read_list(r, root, "deviations", true, &rules->deviations) &&
           read_list(r, root, "script", false, &rules->script) && read_looks(r, yaml_get(root, "looks"));
}

static struct intake_rules *rules_new(void)
{
    struct intake_rules *rules = NEW(struct intake_rules);
    rules->arena = NEW(struct arena);
    arena_init(rules->arena, 16 << 10);
    return rules;
}

static struct intake_rules *finish(struct intake_rules *rules, const struct yaml *root, const char *path,
                                   struct error *err)
{
    struct reader r = {.path = path, .err = err, .rules = rules};
    if (root != NULL && read_root(&r, root))
        return rules;
    intake_rules_free(rules);
    return NULL;
}

struct intake_rules *intake_rules_read(struct str text, const char *path, struct error *err)
{
    struct intake_rules *rules = rules_new();
    return finish(rules, yaml_parse(arena_str(rules->arena, text), path, rules->arena, err), path, err);
}

struct intake_rules *intake_rules_load(const char *path, struct error *err)
{
    struct intake_rules *rules = rules_new();
    return finish(rules, yaml_load(path, rules->arena, err), path, err);
}

void intake_rules_free(struct intake_rules *r)
{
    if (r == NULL)
        return;
    arena_free(r->arena);
    memory_free(r->arena);
    memory_free(r);
}

static bool has_symptom(struct str symptoms, struct str wanted)
{
    struct str part;
    while (symptoms.n && str_split(&symptoms, ';', &part))
        if (str_eq(part, wanted))
            return true;
    return false;
}

bool intake_is_for(const struct intake_look *look, struct str symptoms)
{
    if (look->is_for_all)
        return true;
    for (uint32_t i = 0; i < look->symptom_count; i++)
        if (has_symptom(symptoms, look->symptoms[i]))
            return true;
    return false;
}
