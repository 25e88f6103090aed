/* Reads content/vectors.yml and finds the vector of an incident (stage incident). Used by work_tasks.c. */
#include "incident/vector.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/yaml.h"

#define VECTORS_MOST 32

struct vector {
    struct str id;
    const struct yaml *groups, *techniques; /* lists; NULL = none */
};

struct vectors {
    struct arena arena;
    struct vector rows[VECTORS_MOST];
    uint32_t count;
};

static bool complain(const char *path, const struct yaml *node, struct error *err, const char *text)
{
    return error_at(err, path, node->line, node->column, "%s", text);
}

/* One of the ids that the interface knows, but not the one that nothing can speak for. */
static bool is_vector(struct str id)
{
    struct str all = STR(VECTOR_CHOICES), one;
    while (all.n && str_split(&all, '|', &one))
        if (str_eq(one, id))
            return !str_eq(id, VECTOR_UNKNOWN);
    return false;
}

static bool read_list(const char *path, const struct yaml *node, const char *key, const struct yaml **out,
                      struct error *err)
{
    *out = yaml_get(node, key);
    if (*out == NULL)
        return true;
    bool ok = (*out)->type == YAML_LIST && (*out)->count > 0;
    for (const struct yaml *n = ok ? (*out)->child : NULL; n != NULL; n = n->next)
        ok = ok && n->type == YAML_SCALAR && n->text.n > 0;
    return ok || complain(path, *out, err,
                          tr("'groups' and 'techniques' are lists of names",
                             "'groups' と 'techniques' は名前の一覧です"));
}

static bool read_vector(struct vectors *v, const char *path, const struct yaml *node, struct error *err)
{
    const struct yaml *title = yaml_get(node, "title");
    struct vector row = {.id = yaml_text(node, "id")};
    if (!is_vector(row.id))
        return complain(path, node, err,
                        tr("'id' is one of " VECTOR_CHOICES " but unknown",
                           "'id' は " VECTOR_CHOICES " (unknown を除く)のいずれかです"));
    for (uint32_t i = 0; i < v->count; i++)
        if (str_eq(v->rows[i].id, row.id))
            return complain(path, node, err, tr("this id is there already", "この id はすでにあります"));
    if (!yaml_text(title, "en").n || !yaml_text(title, "ja").n)
        return complain(path, node, err,
                        tr("a vector needs a title in both languages", "両言語の title が必要です"));
    if (!read_list(path, node, "groups", &row.groups, err) ||
        !read_list(path, node, "techniques", &row.techniques, err))
        return false;
    if (row.groups == NULL && row.techniques == NULL)
        return complain(path, node, err,
                        tr("a vector needs groups or techniques", "groups か techniques が必要です"));
    v->rows[v->count++] = row;
    return true;
}

static bool read_all(struct vectors *v, const char *path, struct error *err)
{
    const struct yaml *top = yaml_load(path, &v->arena, err);
    if (top == NULL)
        return false;
    const struct yaml *list = yaml_get(top, "vectors");
    if (list == NULL || list->type != YAML_LIST || list->count > VECTORS_MOST)
        return complain(path, list ? list : top, err,
                        tr("'vectors' is a list of at most 32", "'vectors' は 32 件までの一覧です"));
    for (const struct yaml *node = list->child; node != NULL; node = node->next)
        if (!read_vector(v, path, node, err))
            return false;
    return true;
}

struct vectors *vectors_load(const char *path, struct error *err)
{
    struct vectors *v = NEW(struct vectors);
    arena_init(&v->arena, 16 << 10);
    if (read_all(v, path, err))
        return v;
    vectors_free(v);
    return NULL;
}

void vectors_free(struct vectors *v)
{
    if (v == NULL)
        return;
    arena_free(&v->arena);
    memory_free(v);
}

static bool has_text(const struct yaml *list, struct str text)
{
    for (const struct yaml *n = list ? list->child : NULL; n != NULL; n = n->next)
        if (str_eq(n->text, text))
            return true;
    return false;
}

static bool has_technique(const struct yaml *list, struct str techniques)
{
    struct str one;
    while (techniques.n && str_split(&techniques, ';', &one)) {
        size_t dot = str_find_char(one, '.', 0);
        if (has_text(list, dot == STR_NOT_FOUND ? one : str_slice(one, 0, dot)))
            return true;
    }
    return false;
}

struct str vectors_of(const struct vectors *v, const struct incident *incident)
{
    for (uint32_t i = 0; i < incident->finding_count; i++)
        for (uint32_t k = 0; k < v->count; k++) {
            const struct incident_finding *f = &incident->findings[i];
            if (has_text(v->rows[k].groups, f->evidence_group) ||
                has_technique(v->rows[k].techniques, f->techniques))
                return v->rows[k].id;
        }
    return STR_EMPTY;
}
