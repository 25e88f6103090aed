/* Reads content/retrospect.yml (stage incident). Next: work/retrospect.c, which looks back, and
 * work/work_retrospect.c, which keeps the tasks. */
#include "incident/retrospect.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/yaml.h"

struct reader {
    const char *path;
    struct error *err;
    struct retrospect_rules *rules;
};

static bool complain(const struct reader *r, const struct yaml *at, const char *what)
{
    return error_at(r->err, r->path, at ? at->line : 1, at ? at->column : 1, "%s", what);
}

static bool read_number(const struct reader *r, const struct yaml *root, const char *key, int64_t least,
                        int64_t most, int64_t *out)
{
    const struct yaml *node = yaml_get(root, key);
    *out = yaml_int(root, key, INT64_MIN);
    return (*out >= least && *out <= most) ||
           error_at(r->err, r->path, node ? node->line : root->line, node ? node->column : 1,
                    tr("'%s' must be a whole number from %lld to %lld",
                       "「%s」は %lld から %lld までの整数にしてください"),
                    key, (long long)least, (long long)most);
}

/* ------------------------------------------------------------------- texts */

static const char *const places[] = {"{name}", "{host}", "{use}"};

/* The place that begins at `at`, COUNT_OF(places) when it is none. */
static size_t place_at(struct str text, size_t at)
{
    size_t i = 0;
    while (i < COUNT_OF(places) && !str_starts(str_skip(text, at), str_c(places[i])))
        i++;
    return i;
}

static bool has_only_places(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] == '{' && place_at(text, i) == COUNT_OF(places))
            return false;
    return true;
}

static bool read_text(const struct reader *r, const struct yaml *node, const struct yaml *at,
                      struct retrospect_text *out)
{
    *out = (struct retrospect_text){yaml_text(node, "en"), yaml_text(node, "ja")};
    if (out->en.n == 0 || out->ja.n == 0)
        return complain(r, node ? node : at,
                        tr("a text in English (en) and one in Japanese (ja) are needed",
                           "英語(en)と日本語(ja)の文が必要です"));
    return (has_only_places(out->en) && has_only_places(out->ja)) ||
           complain(r, node,
                    tr("in braces only {name}, {host} and {use} may stand",
                       "波かっこの中に書けるのは {name}・{host}・{use} だけです"));
}

struct str retrospect_fill(struct str text, struct str name, struct str host, struct str use,
                           struct arena *arena)
{
    const struct str values[COUNT_OF(places)] = {name, host, use};
    struct buf out = {0};
    for (size_t i = 0; i < text.n;) {
        size_t place = text.p[i] == '{' ? place_at(text, i) : COUNT_OF(places);
        if (place < COUNT_OF(places)) {
            buf_add(&out, values[place]);
            i += strlen(places[place]);
        } else {
            buf_char(&out, text.p[i++]);
        }
    }
    struct str filled = arena_str(arena, buf_str(&out));
    buf_free(&out);
    return filled;
}

/* ------------------------------------------------------------------ hashes */

static const struct {
    const char *name;
    size_t digits;
} kinds[RETROSPECT_HASHES] = {
    [RETROSPECT_SHA256] = {"sha256", 64}, [RETROSPECT_SHA1] = {"sha1", 40}, [RETROSPECT_MD5] = {"md5", 32}};

bool retrospect_is_hash(struct str text, enum retrospect_hash kind)
{
    if (text.n != kinds[kind].digits)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        char c = ascii_lower(text.p[i]);
        if (!ascii_is_digit(c) && (c < 'a' || c > 'f'))
            return false;
    }
    return true;
}

static bool read_field(const struct reader *r, struct str name, const struct yaml *at, field_id *out)
{
    *out = field_find(name);
    bool is_text = *out != FIELD_NONE && field_get(*out)->type == TYPE_KEYWORD;
    return is_text || error_at(r->err, r->path, at->line, at->column,
                               tr("'%.*s' is no field that holds words; see docs/content.md",
                                  "「%.*s」は語を保持するフィールドではありません。docs/content.md "
                                  "を参照してください"),
                               STR_ARGS(name));
}

static bool read_hashes(const struct reader *r, const struct yaml *root)
{
    const struct yaml *map = yaml_get(root, "hashes");
    for (size_t k = 0; k < RETROSPECT_HASHES; k++) {
        const struct yaml *list = yaml_get(map, kinds[k].name);
        if (list == NULL || list->type != YAML_LIST || list->count == 0 ||
            list->count > RETROSPECT_FIELDS_MAX)
            return complain(r,
                            list  ? list
                            : map ? map
                                  : root,
                            tr("'hashes' names under sha256, sha1 and md5 1 to 16 fields each",
                               "「hashes」には sha256・sha1・md5 "
                               "それぞれに1〜16個のフィールドを書いてください"));
        for (const struct yaml *at = list->child; at != NULL; at = at->next)
            if (!read_field(r, at->text, at, &r->rules->hashes[k].fields[r->rules->hashes[k].count++]))
                return false;
    }
    return true;
}

static bool read_places(const struct reader *r, const struct yaml *root)
{
    const struct yaml *list = yaml_get(root, "places");
    if (list == NULL || list->type != YAML_LIST || list->count == 0 || list->count > RETROSPECT_PLACES_MAX)
        return complain(r, list ? list : root,
                        tr("'places' must be a list of 1 to 8 entries",
                           "「places」には1〜8件の列を書いてください"));
    for (const struct yaml *at = list->child; at != NULL; at = at->next) {
        struct retrospect_place *place = &r->rules->places[r->rules->place_count++];
        struct str hash = yaml_text(at, "hash");
        if (!read_field(r, yaml_text(at, "path"), at, &place->path))
            return false;
        for (size_t k = 0; k < RETROSPECT_HASHES; k++)
            if (!read_field(r, arena_printf(r->rules->arena, "%.*s.%s", STR_ARGS(hash), kinds[k].name), at,
                            &place->hashes[k]))
                return false;
    }
    return true;
}

/* -------------------------------------------------------------------- uses */

static bool is_id(struct str id)
{
    for (size_t i = 0; i < id.n; i++)
        if (!ascii_is_digit(id.p[i]) && id.p[i] != '_' && (id.p[i] < 'a' || id.p[i] > 'z'))
            return false;
    return id.n > 0 && id.n <= 32;
}

static bool read_conditions(const struct reader *r, const struct yaml *map, const struct yaml *at,
                            struct retrospect_conditions *out)
{
    if (map == NULL || map->type != YAML_MAP || map->count == 0 || map->count > RETROSPECT_CONDITIONS_MAX)
        return complain(r, map ? map : at,
                        tr("'when' and 'prevented' name 1 to 4 fields, each with its value",
                           "「when」「prevented」には1〜4個のフィールドと値を書いてください"));
    for (const struct yaml *one = map->child; one != NULL; one = one->next) {
        struct retrospect_condition *condition = &out->items[out->count++];
        if (one->type != YAML_SCALAR || one->text.n == 0)
            return complain(r, one, tr("a value is needed", "値が必要です"));
        condition->value = one->text;
        if (!read_field(r, one->key, one, &condition->field))
            return false;
    }
    return true;
}

static bool read_use(const struct reader *r, const struct yaml *node, struct retrospect_use *use)
{
    use->id = yaml_text(node, "id");
    if (!is_id(use->id))
        return complain(r, node,
                        tr("an 'id' of at most 32 small letters, digits and _ is needed",
                           "'id' は32文字以内の英小文字・数字・_ で書いてください"));
    for (uint32_t i = 0; i + 1 < r->rules->use_count; i++)
        if (str_eq(r->rules->uses[i].id, use->id))
            return complain(r, node, tr("this id stands twice", "id が重複しています"));
    return read_conditions(r, yaml_get(node, "when"), node, &use->when) &&
           read_text(r, yaml_get(node, "text"), node, &use->text);
}

static bool read_uses(const struct reader *r, const struct yaml *root)
{
    const struct yaml *list = yaml_get(root, "uses");
    if (list == NULL || list->type != YAML_LIST || list->count == 0 || list->count > RETROSPECT_USES_MAX)
        return complain(r, list ? list : root,
                        tr("'uses' must be a list of 1 to 16 entries",
                           "「uses」には1〜16件の列を書いてください"));
    for (const struct yaml *at = list->child; at != NULL; at = at->next)
        if (!read_use(r, at, &r->rules->uses[r->rules->use_count++]))
            return false;
    const struct yaml *prevented = yaml_get(root, "prevented");
    return prevented == NULL || read_conditions(r, prevented, root, &r->rules->prevented);
}

/* -------------------------------------------------------------------- task */

static bool read_ignored(const struct reader *r, const struct yaml *root)
{
    struct retrospect_rules *rules = r->rules;
    const struct yaml *list = yaml_get(root, "ignored");
    if (list != NULL && (list->type != YAML_LIST || list->count > RETROSPECT_IGNORED_MAX))
        return complain(r, list,
                        tr("'ignored' must be a list of at most 16 words",
                           "「ignored」には16語以内の列を書いてください"));
    for (const struct yaml *at = list ? list->child : NULL; at != NULL; at = at->next) {
        char *lower = arena_alloc(rules->arena, at->text.n + 1);
        if (at->text.n == 0)
            return complain(r, at, tr("an empty word is in every name", "空の語はすべての名前に一致します"));
        for (size_t i = 0; i < at->text.n; i++)
            lower[i] = ascii_lower(at->text.p[i]);
        rules->ignored[rules->ignored_count++] = str_n(lower, at->text.n);
    }
    return true;
}

static bool read_task(const struct reader *r, const struct yaml *root)
{
    struct retrospect_rules *rules = r->rules;
    const struct yaml *task = yaml_get(root, "task"), *checks = yaml_get(task, "checklist");
    if (!read_text(r, yaml_get(task, "title"), task ? task : root, &rules->title) ||
        !read_text(r, yaml_get(task, "script"), task, &rules->script))
        return false;
    if (checks == NULL || checks->type != YAML_LIST || checks->count == 0 ||
        checks->count > RETROSPECT_CHECKS_MAX)
        return complain(r, checks ? checks : task,
                        tr("'checklist' must be a list of 1 to 16 entries",
                           "「checklist」には1〜16件の列を書いてください"));
    for (const struct yaml *at = checks->child; at != NULL; at = at->next)
        if (!read_text(r, at, at, &rules->checks[rules->check_count++]))
            return false;
    return true;
}

static bool read_root(const struct reader *r, const struct yaml *root)
{
    struct retrospect_rules *rules = r->rules;
    rules->version = yaml_text(root, "version");
    if (rules->version.n == 0)
        return complain(r, root, tr("'version' is missing", "'version' がありません"));
    return read_number(r, root, "round_seconds", 1, 86400, &rules->round_seconds) &&
           read_number(r, root, "look_back_days", 1, 3660, &rules->look_back_days) &&
           read_number(r, root, "gap_least_seconds", 0, 86400, &rules->gap_least_seconds) &&
           read_number(r, root, "due_minutes", 1, 527040, &rules->due_minutes) &&
           read_number(r, root, "due_server_minutes", 1, 527040, &rules->due_server_minutes) &&
           read_number(r, root, "hosts_most", 1, 10000, &rules->hosts_most) && read_hashes(r, root) &&
           read_places(r, root) && read_uses(r, root) && read_ignored(r, root) && read_task(r, root);
}

static struct retrospect_rules *rules_new(void)
{
    struct retrospect_rules *rules = NEW(struct retrospect_rules);
    rules->arena = NEW(struct arena);
    arena_init(rules->arena, 16 << 10);
    return rules;
}

static struct retrospect_rules *finish(struct retrospect_rules *rules, const struct yaml *root,
                                       const char *path, struct error *err)
{
    struct reader r = {.path = path, .err = err, .rules = rules};
    if (root != NULL && read_root(&r, root))
        return rules;
    retrospect_rules_free(rules);
    return NULL;
}

struct retrospect_rules *retrospect_rules_read(struct str text, const char *path, struct error *err)
{
    struct retrospect_rules *rules = rules_new();
    return finish(rules, yaml_parse(arena_str(rules->arena, text), path, rules->arena, err), path, err);
}

struct retrospect_rules *retrospect_rules_load(const char *path, struct error *err)
{
    struct retrospect_rules *rules = rules_new();
    return finish(rules, yaml_load(path, rules->arena, err), path, err);
}

void retrospect_rules_free(struct retrospect_rules *r)
{
    if (r == NULL)
        return;
    arena_free(r->arena);
    memory_free(r->arena);
    memory_free(r);
}
