/* Reads content/readiness.yml and adds up what its items were answered (stage incident). Answers come from
 * readiness_measure.c. */
#include "incident/readiness.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/yaml.h"

#define ITEMS_MOST  100
#define MONTHS_MOST 60
#define WEIGHT_MOST 10

struct readiness {
    struct arena arena;
    struct str version;
    struct readiness_item *items;
    uint32_t count;
};

static const struct {
    const char *name;
    bool asks_months;
} kinds[] = {
    [READINESS_CONTACTS] = {"contacts", true},    [READINESS_DEPUTIES] = {"deputies", false},
    [READINESS_APPROVERS] = {"approvers", false}, [READINESS_PLAYBOOKS] = {"playbooks", true},
    [READINESS_EXERCISE] = {"exercise", true},    [READINESS_ATTESTED] = {"attested", true},
    [READINESS_DOCUMENTS] = {"documents", false}, [READINESS_REFERENCES] = {"references", false},
    [READINESS_VENDORS] = {"vendors", false},     [READINESS_PARTNERS] = {"partners", true},
};

static const char *const statuses[] = {"unknown", "missed", "met"};

/* ------------------------------------------------------------------ reading */

static bool complain(const char *path, const struct yaml *node, struct error *err, const char *text)
{
    return error_at(err, path, node->line, node->column, "%s", text);
}

static struct readiness_text read_text(const struct yaml *map, const char *key)
{
    const struct yaml *both = yaml_get(map, key);
    return (struct readiness_text){yaml_text(both, "en"), yaml_text(both, "ja")};
}

static bool find_kind(struct str name, enum readiness_kind *kind)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (str_eq(name, str_c(kinds[i].name))) {
            *kind = (enum readiness_kind)i;
            return true;
        }
    return false;
}

static bool read_documents(struct readiness *r, const char *path, const struct yaml *node,
                           struct readiness_item *item, struct error *err)
{
    const struct yaml *list = yaml_get(node, "documents");
    bool wants = item->kind == READINESS_DOCUMENTS;
    if (wants != (list != NULL && list->type == YAML_LIST && list->count > 0))
        return complain(path, node, err,
                        tr("'documents' is the list of an item of kind documents, and of no other",
                           "'documents' は kind が documents の項目にだけ書く一覧です"));
    item->documents = ARENA_ARRAY(&r->arena, struct readiness_document, (wants ? list->count : 0) + 1);
    for (const struct yaml *n = wants ? list->child : NULL; n != NULL; n = n->next) {
        struct readiness_document d = {.id = yaml_text(n, "id"), .title = read_text(n, "title")};
        if (d.id.n == 0 || d.title.en.n == 0 || d.title.ja.n == 0)
            return complain(path, n, err,
                            tr("a document needs id, and title in both languages",
                               "文書には id と両言語の title が必要です"));
        item->documents[item->document_count++] = d;
    }
    return true;
}

static bool read_limits(const char *path, const struct yaml *node, struct readiness_item *item,
                        struct error *err)
{
    bool asks = kinds[item->kind].asks_months;
    item->months = yaml_int(node, "months", 0);
    item->weight = yaml_int(node, "weight", 1);
    if (asks ? item->months < 1 || item->months > MONTHS_MOST : item->months != 0)
        return complain(
            path, node, err,
            tr("'months' is 1 to 60 for contacts, playbooks, exercise, attested and partners, and "
               "absent elsewhere",
               "'months' は contacts、playbooks、exercise、attested、partners で 1〜60 とし、"
               "それ以外には書きません"));
    return (item->weight >= 1 && item->weight <= WEIGHT_MOST) ||
           complain(path, node, err, tr("'weight' is 1 to 10", "'weight' は 1〜10 です"));
}

static bool read_item(struct readiness *r, const char *path, const struct yaml *node,
                      struct readiness_item *item, struct error *err)
{
    *item = (struct readiness_item){.id = yaml_text(node, "id"),
                                    .requirement = yaml_text(node, "requirement"),
                                    .page = yaml_text(node, "page"),
                                    .title = read_text(node, "title"),
                                    .todo = read_text(node, "todo")};
    if (!find_kind(yaml_text(node, "kind"), &item->kind))
        return complain(path, node, err,
                        tr("'kind' is contacts, deputies, approvers, playbooks, exercise, attested, "
                           "documents, references, vendors or partners",
                           "'kind' は contacts、deputies、approvers、playbooks、exercise、attested、"
                           "documents、references、vendors、partners のいずれかです"));
    if (!item->id.n || !item->requirement.n || !item->page.n || !item->title.en.n || !item->title.ja.n ||
        !item->todo.en.n || !item->todo.ja.n)
        return complain(path, node, err,
                        tr("an item needs id, kind, requirement, page, and title and todo in both languages",
                           "項目には id、kind、requirement、page と、両言語の title、todo が必要です"));
    for (uint32_t i = 0; i < r->count; i++)
        if (str_eq(r->items[i].id, item->id))
            return complain(path, node, err, tr("this id is there already", "この id はすでにあります"));
    return read_limits(path, node, item, err) && read_documents(r, path, node, item, err);
}

static bool read_all(struct readiness *r, const char *path, struct error *err)
{
    const struct yaml *top = yaml_load(path, &r->arena, err);
    if (top == NULL)
        return false;
    const struct yaml *list = yaml_get(top, "items");
    r->version = yaml_text(top, "version");
    if (r->version.n == 0)
        return complain(path, top, err, tr("'version' is missing", "'version' がありません"));
    if (list == NULL || list->type != YAML_LIST || list->count == 0 || list->count > ITEMS_MOST)
        return complain(path, list ? list : top, err,
                        tr("'items' is a list of 1 to 100 items", "'items' は 1〜100 件の一覧です"));
    r->items = ARENA_ARRAY(&r->arena, struct readiness_item, list->count);
    for (const struct yaml *node = list->child; node != NULL; node = node->next) {
        struct readiness_item item;
        if (!read_item(r, path, node, &item, err))
            return false;
        r->items[r->count++] = item;
    }
    return true;
}

struct readiness *readiness_load(const char *path, struct error *err)
{
    struct readiness *r = NEW(struct readiness);
    arena_init(&r->arena, 16 << 10);
    if (read_all(r, path, err))
        return r;
    readiness_free(r);
    return NULL;
}

void readiness_free(struct readiness *r)
{
    if (r == NULL)
        return;
    arena_free(&r->arena);
    memory_free(r);
}

/* ------------------------------------------------------------------ asking */

struct str readiness_version(const struct readiness *r)
{
    return r->version;
}

const struct readiness_item *readiness_items(const struct readiness *r, uint32_t *count)
{
    *count = r->count;
    return r->items;
}

const struct readiness_item *readiness_find(const struct readiness *r, struct str id)
{
    for (uint32_t i = 0; i < r->count; i++)
        if (str_eq(r->items[i].id, id))
            return &r->items[i];
    return NULL;
}

const char *readiness_kind_name(enum readiness_kind kind)
{
    return kinds[kind].name;
}

const char *readiness_status_name(enum readiness_status status)
{
    return statuses[status];
}

bool readiness_status_find(struct str name, enum readiness_status *out)
{
    for (size_t i = 0; i < COUNT_OF(statuses); i++)
        if (str_eq(name, str_c(statuses[i]))) {
            *out = (enum readiness_status)i;
            return true;
        }
    return false;
}

int64_t readiness_score(const struct readiness *r, const enum readiness_status *answers)
{
    int64_t met = 0, all = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        all += r->items[i].weight;
        met += answers[i] == READINESS_MET ? r->items[i].weight : 0;
    }
    return all > 0 ? met * 100 / all : 0; /* a list has items, and an item weighs something */
}

int64_t readiness_months_after(int64_t time_ns, int64_t months)
{
    static const int64_t DAY_NS = 86400 * NS_PER_SECOND;
    int64_t days = time_ns / DAY_NS, rest_ns = time_ns % DAY_NS, year;
    unsigned month, day;
    if (rest_ns < 0) {
        days--;
        rest_ns += DAY_NS;
    }
    days_to_civil(days, &year, &month, &day);
    int64_t number = year * 12 + month - 1 + months;
    int64_t first = civil_to_days(number / 12, (unsigned)(number % 12) + 1, 1);
    int64_t length = civil_to_days((number + 1) / 12, (unsigned)((number + 1) % 12) + 1, 1) - first;
    return (first + (day < length ? day : length) - 1) * DAY_NS + rest_ns;
}
