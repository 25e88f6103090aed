/* Reads content/instruments/NAME.yml (stage instrument) into what an instrument works with. Next:
 * instrument.c. */
#include "instrument/book.h"

#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/yaml.h"

struct reader {
    struct book *book;
    const struct instrument_kind *kind;
    const char *path;
    struct error *err;
};

static bool complain(struct reader *r, const struct yaml *at, const char *what, struct str name)
{
    return error_at(r->err, r->path, at ? at->line : 1, at ? at->column : 1, "%s: '%.*s'", what,
                    STR_ARGS(name));
}

/* `key: {en: …, ja: …}`; both or complaint. */
static bool read_texts(struct reader *r, const struct yaml *map, const char *key, struct str *en,
                       struct str *ja)
{
    const struct yaml *both = yaml_get(map, key);
    *en = yaml_text(both, "en");
    *ja = yaml_text(both, "ja");
    if (en->n && ja->n)
        return true;
    return complain(r, both ? both : map,
                    tr("this needs a text in English (en) and one in Japanese (ja)",
                       "英語(en)と日本語(ja)の文が必要です"),
                    str_c(key));
}

static bool read_parameter(struct reader *r, const struct yaml *all, size_t index)
{
    const struct parameter *p = &r->kind->parameters[index];
    struct parameter_info *info = &r->book->parameter_infos[index];
    const struct yaml *node = yaml_get(all, p->name), *value = yaml_get(node, "value");
    double number;
    if (node == NULL)
        return complain(r, all, tr("this parameter is missing", "このパラメーターがありません"),
                        str_c(p->name));
    if (value == NULL || !str_to_double(value->text, &number) || !(number >= p->least && number <= p->most))
        return error_at(r->err, r->path, node->line, node->column,
                        tr("'value' of '%s' must be a number from %g to %g",
                           "'%s' の 'value' は %g から %g の数です"),
                        p->name, p->least, p->most);
    memcpy((char *)r->book->parameters + p->offset, &number, sizeof number);
    *info = (struct parameter_info){.name = str_c(p->name), .unit = yaml_text(node, "unit"), .value = number};
    return read_texts(r, node, "description", &info->description_en, &info->description_ja);
}

static bool read_parameters(struct reader *r, const struct yaml *all)
{
    const struct instrument_kind *kind = r->kind;
    r->book->parameters = arena_zero(&r->book->arena, kind->parameter_bytes + 1);
    r->book->parameter_infos = ARENA_ARRAY(&r->book->arena, struct parameter_info, kind->parameter_count + 1);
    for (size_t i = 0; i < kind->parameter_count; i++)
        if (!read_parameter(r, all, i))
            return false;
    for (const struct yaml *at = all ? all->child : NULL; at != NULL; at = at->next) {
        size_t i = 0;
        while (i < kind->parameter_count && !str_eq(at->key, str_c(kind->parameters[i].name)))
            i++;
        if (i == kind->parameter_count)
            return complain(r, at, tr("there is no such parameter", "このパラメーターはありません"), at->key);
    }
    return true;
}

static struct str lines_of(struct arena *a, const struct yaml *list)
{
    struct buf all = {0};
    for (const struct yaml *at = list ? list->child : NULL; at != NULL; at = at->next) {
        if (all.n)
            buf_char(&all, '\n');
        buf_add(&all, at->text);
    }
    struct str text = arena_str(a, buf_str(&all));
    buf_free(&all);
    return text;
}

static bool read_finding(struct reader *r, const struct yaml *all, size_t index)
{
    struct arena *a = &r->book->arena;
    struct str id = str_c(r->kind->findings[index]);
    struct rule_info *info = &r->book->findings[index];
    const struct yaml *node = yaml_get(all, id.p), *ratio = yaml_get(node, "likelihood_ratio"),
                      *attack = yaml_get(node, "attack"), *steps = yaml_get(node, "next_steps");
    if (node == NULL)
        return complain(r, all, tr("this finding is missing", "この検知の定義がありません"), id);
    *info = (struct rule_info){.id = id,
                               .name = id,
                               .path = arena_str(a, str_c(r->path)),
                               .line = node->line,
                               .logsource = str_c(r->kind->name),
                               .evidence_group = yaml_text(node, "evidence_group"),
                               .stage = yaml_text(node, "stage"),
                               .next_steps_en = lines_of(a, yaml_get(steps, "en")),
                               .next_steps_ja = lines_of(a, yaml_get(steps, "ja"))};
    if (!level_parse(yaml_text(node, "level"), &info->level))
        return complain(r, node,
                        tr("'level' must be informational, low, medium, high or critical",
                           "'level' は informational、low、medium、high、critical のいずれかです"),
                        id);
    if (ratio != NULL && (!str_to_double(ratio->text, &info->likelihood_ratio) || info->likelihood_ratio < 0))
        return complain(r, ratio, tr("a likelihood ratio is a positive number", "尤度比は正の数です"), id);
    info->techniques = ARENA_ARRAY(a, struct str, attack ? attack->count + 1 : 1);
    for (const struct yaml *at = attack ? attack->child : NULL; at != NULL; at = at->next)
        info->techniques[info->technique_count++] = at->text;
    return read_texts(r, node, "title", &info->title_en, &info->title_ja) &&
           read_texts(r, node, "description", &info->description_en, &info->description_ja);
}

static bool read_findings(struct reader *r, const struct yaml *all)
{
    r->book->findings = ARENA_ARRAY(&r->book->arena, struct rule_info, r->kind->finding_count + 1);
    for (size_t i = 0; i < r->kind->finding_count; i++)
        if (!read_finding(r, all, i))
            return false;
    return true;
}

static struct book_list list_of(struct book *b, const struct yaml *node)
{
    struct book_list list = {node->key, ARENA_ARRAY(&b->arena, struct str, node->count + 1), 0};
    for (const struct yaml *item = node->child; item != NULL; item = item->next)
        list.items[list.count++] = item->text;
    return list;
}

static void read_lists(struct reader *r, const struct yaml *all)
{
    struct book *b = r->book;
    b->lists = ARENA_ARRAY(&b->arena, struct book_list, all ? all->count + 1 : 1);
    for (const struct yaml *at = all ? all->child : NULL; at != NULL; at = at->next)
        b->lists[b->list_count++] = list_of(b, at);
}

static bool read_own(struct reader *r, const struct yaml *top)
{
    struct book *b = r->book;
    const struct yaml *replaces = yaml_get(top, "replaces");
    if (replaces != NULL)
        b->replaces = list_of(b, replaces);
    if (r->kind->read == NULL)
        return true;
    b->own = r->kind->read(r->path, top, &b->arena, r->err);
    return b->own != NULL;
}

bool book_read(struct book *b, const struct instrument_kind *kind, const char *folder, struct error *err)
{
    *b = (struct book){0};
    arena_init(&b->arena, 16 << 10);
    const char *path = arena_printf(&b->arena, "%s/%s.yml", folder, kind->name).p;
    struct reader r = {b, kind, path, err};
    const struct yaml *top = yaml_load(path, &b->arena, err);
    if (top == NULL)
        return false;
    read_lists(&r, yaml_get(top, "lists"));
    return read_texts(&r, top, "title", &b->title_en, &b->title_ja) &&
           read_texts(&r, top, "description", &b->description_en, &b->description_ja) &&
           read_parameters(&r, yaml_get(top, "parameters")) && read_findings(&r, yaml_get(top, "findings")) &&
           read_own(&r, top);
}

void book_free(struct book *b)
{
    arena_free(&b->arena);
    *b = (struct book){0};
}
