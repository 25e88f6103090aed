/* Reads the list of references (S189). Shown by work_library.c. */
#include "knowledge/references.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/yaml.h"

#define REFERENCES_MOST 1000
#define MONTH_NS        (INT64_C(2629746) * NS_PER_SECOND) /* a twelfth of the mean Gregorian year */

static bool complain(const char *path, const struct yaml *node, struct error *err, const char *text)
{
    return error_at(err, path, node->line, node->column, "%s", text);
}

static bool is_kind(struct str kind)
{
    static const char *const kinds[] = {"law", "guide", "form", "body", "advisory", "standard"};
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (str_eq(kind, str_c(kinds[i])))
            return true;
    return false;
}

static bool read_day(struct str text, int64_t *day_ns)
{
    struct time_context context = {.zone = NULL};
    char whole[32];
    if (text.n != 10)
        return false;
    snprintf(whole, sizeof whole, "%.*sT00:00:00Z", STR_ARGS(text));
    return time_parse_iso(str_c(whole), &context, day_ns);
}

static bool read_reference(const char *path, const struct yaml *node, struct reference *r, struct error *err)
{
    const struct yaml *title = yaml_get(node, "title"), *use = yaml_get(node, "use");
    *r = (struct reference){.id = yaml_text(node, "id"),
                            .kind = yaml_text(node, "kind"),
                            .url = yaml_text(node, "url"),
                            .title_en = yaml_text(title, "en"),
                            .title_ja = yaml_text(title, "ja"),
                            .use_en = yaml_text(use, "en"),
                            .use_ja = yaml_text(use, "ja"),
                            .months = yaml_int(node, "months", 12)};
    if (!r->id.n || !r->title_en.n || !r->title_ja.n || !r->use_en.n || !r->use_ja.n)
        return complain(path, node, err,
                        tr("a reference needs id, kind, url, and title and use in both languages",
                           "参考資料には id、kind、url と、両言語の title、use が必要です"));
    if (!is_kind(r->kind))
        return complain(path, node, err,
                        tr("'kind' is law, guide, form, body, advisory or standard",
                           "'kind' は law、guide、form、body、advisory、standard のいずれかです"));
    if (!str_starts(r->url, STR("https://")))
        return complain(path, node, err,
                        tr("'url' begins with https://", "'url' は https:// で始めてください"));
    struct str checked = yaml_text(node, "checked");
    r->checked_ns = TIME_UNKNOWN;
    if (checked.n && !read_day(checked, &r->checked_ns))
        return complain(path, node, err,
                        tr("'checked' is a day like 2026-11-01", "'checked' は 2026-11-01 のような日付です"));
    return (r->months >= 1 && r->months <= 60) ||
           complain(path, node, err, tr("'months' is 1 to 60", "'months' は 1〜60 です"));
}

static bool is_repeated(const struct references *r)
{
    for (uint32_t i = 0; i + 1 < r->count; i++)
        if (str_eq(r->rows[i].id, r->rows[r->count - 1].id))
            return true;
    return false;
}

static bool read_all(struct references *r, const char *path, struct error *err)
{
    const struct yaml *top = yaml_load(path, &r->arena, err);
    if (top == NULL)
        return false;
    const struct yaml *list = yaml_get(top, "references");
    if (list == NULL || list->type != YAML_LIST || list->count > REFERENCES_MOST)
        return complain(path, list ? list : top, err,
                        tr("'references' is a list of at most 1,000 entries",
                           "'references' は 1,000 件までのリストです"));
    r->rows = ARENA_ARRAY(&r->arena, struct reference, list->count + 1);
    for (const struct yaml *node = list->child; node != NULL; node = node->next) {
        if (!read_reference(path, node, &r->rows[r->count++], err))
            return false;
        if (is_repeated(r))
            return complain(path, node, err, tr("this id is there already", "この id はすでにあります"));
    }
    return true;
}

struct references *references_load(const char *path, struct error *err)
{
    struct references *r = NEW(struct references);
    arena_init(&r->arena, 16 << 10);
    if (read_all(r, path, err))
        return r;
    references_free(r);
    return NULL;
}

void references_free(struct references *r)
{
    if (r == NULL)
        return;
    arena_free(&r->arena);
    memory_free(r);
}

static void put(struct json_writer *w, const char *key, struct str text)
{
    json_key(w, key);
    json_put_str(w, text);
}

static int64_t due_of(const struct reference *r)
{
    return r->checked_ns != TIME_UNKNOWN ? r->checked_ns + r->months * MONTH_NS : TIME_UNKNOWN;
}

bool reference_is_stale(const struct reference *r, int64_t now_ns)
{
    return r->checked_ns == TIME_UNKNOWN || due_of(r) <= now_ns;
}

void reference_json(const struct reference *r, int64_t now_ns, struct json_writer *w)
{
    json_begin_object(w);
    put(w, "id", r->id);
    put(w, "kind", r->kind);
    put(w, "url", r->url);
    json_both(w, "title", r->title_en, r->title_ja);
    json_both(w, "use", r->use_en, r->use_ja);
    json_key(w, "checked");
    json_put_time(w, r->checked_ns);
    json_key(w, "due");
    json_put_time(w, due_of(r));
    json_key(w, "is_stale");
    json_put_bool(w, reference_is_stale(r, now_ns));
    json_end_object(w);
}
