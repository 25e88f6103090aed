/* Allow lists: what indicators are known to be wrong about. Reads MISP's warning lists; answers whether one
 * of them contains a value. The kinds: cidr (addresses and networks within), hostname (the name and all below
 * it), string (equal), substring, regex. "matching_attributes" says which types of value a list is about; an
 * entry counts for its own type in any case.
 * Stage: detect, at load and for events that hit. Next: indicator_match.c. */
#include "detect/indicator_allow.h"

#include "base/log.h"
#include "base/map.h"
#include "base/regex.h"
#include "detect/indicator_json.h"

#define LISTS_MAX     4096
#define ENTRIES_MAX   (4u << 20)
#define REGEX_MAX     512
#define WINDOW_MIN    4 /* shorter substrings would contain nearly everything */
#define SUBSTRING_MAX 512

struct allow_list {
    struct allow_list_info info;
    unsigned types; /* bits of enum indicator_type */
};

struct substring {
    struct str text;
    uint32_t list, next; /* next with the same first bytes, + 1 */
};

struct pattern {
    struct regex *regex;
    uint32_t list;
};

struct allow_lists {
    struct arena arena;
    struct allow_list *lists;
    size_t count, capacity;
    struct map equal; /* type byte and canonical bytes → list + 1 */
    struct map hosts; /* type byte and name → list + 1; the type is that of the value whose host it is */
    struct cidr_map *networks; /* value: prefix length << 16 | list */
    struct map windows;        /* first WINDOW_MIN bytes → substring + 1 */
    struct substring *substrings;
    uint32_t substring_count, substring_capacity;
    struct pattern patterns[REGEX_MAX];
    size_t pattern_count;
    uint64_t entries;
};

#define BIT(type) (1u << (type))

/* MISP's attribute types: what their names contain. */
static const struct {
    struct str word;
    unsigned types;
} attribute_types[] = {
    {{"ip-", 3}, BIT(INDICATOR_ADDRESS) | BIT(INDICATOR_NETWORK)},
    {{"|ip", 3}, BIT(INDICATOR_ADDRESS) | BIT(INDICATOR_NETWORK)},
    {{"domain", 6}, BIT(INDICATOR_DOMAIN)},
    {{"hostname", 8}, BIT(INDICATOR_DOMAIN)},
    {{"url", 3}, BIT(INDICATOR_URL)},
    {{"uri", 3}, BIT(INDICATOR_URL)},
    {{"link", 4}, BIT(INDICATOR_URL)},
    {{"md5", 3}, BIT(INDICATOR_HASH)},
    {{"sha", 3}, BIT(INDICATOR_HASH)},
    {{"email", 5}, BIT(INDICATOR_MAIL)},
    {{"user-agent", 10}, BIT(INDICATOR_AGENT)},
    {{"filename", 8}, BIT(INDICATOR_FILE_NAME)},
};

/* -------------------------------------------------------------------- reading */

struct allow_lists *allow_lists_new(void)
{
    struct allow_lists *lists = NEW(struct allow_lists);
    arena_init(&lists->arena, 256 << 10);
    lists->networks = cidr_map_new();
    return lists;
}

void allow_lists_free(struct allow_lists *lists)
{
    if (!lists)
        return;
    for (size_t i = 0; i < lists->pattern_count; i++)
        regex_free(lists->patterns[i].regex);
    map_free(&lists->equal);
    map_free(&lists->hosts);
    map_free(&lists->windows);
    cidr_map_free(lists->networks);
    memory_free(lists->substrings);
    memory_free(lists->lists);
    arena_free(&lists->arena);
    memory_free(lists);
}

static struct str typed(struct arena *arena, enum indicator_type type, const void *bytes, size_t n)
{
    char *p = arena_alloc(arena, n + 1);
    p[0] = (char)type;
    memcpy(p + 1, bytes, n);
    return str_n(p, n + 1);
}

static void put(struct allow_lists *lists, struct map *map, enum indicator_type type, const void *bytes,
                size_t n, uint32_t list)
{
    bool is_new;
    struct str key = typed(&lists->arena, type, bytes, n);
    uintptr_t *value = map_put(map, key, &is_new);
    if (is_new)
        *value = list + 1;
}

static bool add_network(struct allow_lists *lists, struct str text, uint32_t list)
{
    struct cidr c;
    if (!cidr_parse(text, &c))
        return false;
    cidr_map_add(lists->networks, &c, (uint32_t)c.bits << 16 | list);
    return true;
}

static bool add_equal(struct allow_lists *lists, struct str text, uint32_t list)
{
    struct indicator_key key;
    if (!indicator_key_make(INDICATOR_ANY, text, &key))
        return false;
    if (key.type == INDICATOR_ADDRESS || key.type == INDICATOR_NETWORK)
        return add_network(lists, text, list);
    put(lists, &lists->equal, key.type, key.bytes, key.n, list);
    return true;
}

/* The name for values of each type that the list is about, and for domains in any case. */
static bool add_host(struct allow_lists *lists, struct str text, uint32_t list)
{
    static const enum indicator_type with_host[] = {INDICATOR_DOMAIN, INDICATOR_URL, INDICATOR_MAIL};
    struct indicator_key key;
    if (!indicator_key_make(INDICATOR_DOMAIN, text, &key) || key.type != INDICATOR_DOMAIN)
        return add_equal(lists, text, list);
    for (size_t i = 0; i < COUNT_OF(with_host); i++)
        if (with_host[i] == INDICATOR_DOMAIN || lists->lists[list].types & BIT(with_host[i]))
            put(lists, &lists->hosts, with_host[i], key.bytes, key.n, list);
    return true;
}

static bool add_substring(struct allow_lists *lists, struct str text, uint32_t list)
{
    bool is_exact = add_equal(lists, text, list);
    text = str_trim(text);
    if (text.n < WINDOW_MIN || text.n > SUBSTRING_MAX)
        return is_exact;
    if (lists->substring_count == lists->substring_capacity) {
        lists->substring_capacity = lists->substring_capacity ? lists->substring_capacity * 2 : 256;
        lists->substrings =
            memory_resize_array(lists->substrings, lists->substring_capacity, sizeof *lists->substrings);
    }
    struct substring *s = &lists->substrings[lists->substring_count++];
    *s = (struct substring){.text = arena_lower(&lists->arena, text), .list = list};
    uintptr_t *first = map_put(&lists->windows, str_slice(s->text, 0, WINDOW_MIN), NULL);
    s->next = (uint32_t)*first;
    *first = lists->substring_count;
    return true;
}

/* "/expression/i" as MISP writes them, or the bare expression. */
static bool add_regex(struct allow_lists *lists, struct str text, uint32_t list)
{
    struct error ignored;
    unsigned flags = 0;
    size_t end = text.n && text.p[0] == '/' ? str_find_last_char(text, '/') : 0;
    if (end != 0 && end != STR_NOT_FOUND) {
        if (str_find_char(text, 'i', end) != STR_NOT_FOUND)
            flags |= REGEX_NOCASE;
        text = str_slice(text, 1, end);
    }
    struct regex *regex = lists->pattern_count < REGEX_MAX ? regex_new(text, flags, &ignored) : NULL;
    if (!regex)
        return false;
    lists->patterns[lists->pattern_count++] = (struct pattern){regex, list};
    return true;
}

static const struct {
    const char *name;
    bool (*add)(struct allow_lists *lists, struct str text, uint32_t list);
} kinds[] = {{"cidr", add_network},
             {"hostname", add_host},
             {"string", add_equal},
             {"substring", add_substring},
             {"regex", add_regex}};

static unsigned read_types(struct str attributes, struct arena *arena)
{
    struct json_walk w;
    struct str key, value, name;
    unsigned types = 0;
    if (!json_walk_begin(attributes, &w))
        return ~0u;
    while (json_walk_next(&w, &key, &value))
        for (size_t i = 0; i < COUNT_OF(attribute_types); i++)
            if (json_walk_string(value, arena, &name) && str_contains(name, attribute_types[i].word))
                types |= attribute_types[i].types;
    return types;
}

bool allow_list_is(struct str text)
{
    struct json_walk w;
    struct str list = json_walk_find(text, "list");
    return json_walk_begin(text, &w) && w.is_object && list.n && list.p[0] == '[' &&
           json_walk_find(text, "name").n > 0;
}

static struct str text_member(struct allow_lists *lists, struct str text, const char *key)
{
    struct str out;
    return json_walk_string(json_walk_find(text, key), &lists->arena, &out) ? arena_str(&lists->arena, out)
                                                                            : STR_EMPTY;
}

static void add_entries(struct allow_lists *lists, struct str list, size_t kind, uint32_t number)
{
    struct json_walk w;
    struct str key, value, entry;
    struct arena scratch;
    struct allow_list_info *info = &lists->lists[number].info;
    arena_init(&scratch, 4096);
    if (!json_walk_begin(list, &w))
        info->refused++;
    else
        while (json_walk_next(&w, &key, &value)) {
            bool ok = lists->entries < ENTRIES_MAX && json_walk_string(value, &scratch, &entry) &&
                      kinds[kind].add(lists, str_trim(entry), number);
            info->entries += ok;
            info->refused += !ok;
            lists->entries += ok;
            arena_reset(&scratch);
        }
    info->refused += w.is_broken;
    arena_free(&scratch);
}

bool allow_lists_add(struct allow_lists *lists, struct str text, const char *path, struct error *err)
{
    struct str name = text_member(lists, text, "name"), kind = text_member(lists, text, "type");
    size_t at = 0;
    if (name.n == 0 || !allow_list_is(text))
        return error_set(
            err,
            tr("%s: it is no warning list: an object with 'name', 'type' and 'list' is expected",
               "%s: 警告リストではありません。'name'、'type'、'list' を持つオブジェクトが必要です"),
            path);
    while (at < COUNT_OF(kinds) && !str_eq(kind, str_c(kinds[at].name)))
        at++;
    if (at == COUNT_OF(kinds) && kind.n)
        return error_set(
            err,
            tr("%s: lists of type '%.*s' are not known; cidr, hostname, string, substring or regex",
               "%s: 種類 '%.*s' は使えません。cidr、hostname、string、substring、regex のどれかです"),
            path, STR_ARGS(kind));
    if (lists->count == LISTS_MAX)
        return error_set(err, tr("%s: more than %d allow lists", "%s: 許可リストは %d 個までです"), path,
                         LISTS_MAX);
    at = at == COUNT_OF(kinds) ? 2 : at; /* without a type: string, as MISP has it */
    if (lists->count == lists->capacity) {
        lists->capacity = lists->capacity ? lists->capacity * 2 : 64;
        lists->lists = memory_resize_array(lists->lists, lists->capacity, sizeof *lists->lists);
    }
    uint32_t number = (uint32_t)lists->count++;
    lists->lists[number] =
        (struct allow_list){.info = {.name = name,
                                     .description = text_member(lists, text, "description"),
                                     .kind = str_c(kinds[at].name)},
                            .types = read_types(json_walk_find(text, "matching_attributes"), &lists->arena)};
    add_entries(lists, json_walk_find(text, "list"), at, number);
    return true;
}

size_t allow_lists_count(const struct allow_lists *lists)
{
    return lists->count;
}

const struct allow_list_info *allow_lists_info(const struct allow_lists *lists, size_t index)
{
    return &lists->lists[index].info;
}

/* ------------------------------------------------------------------- answering */

static const struct allow_list_info *find(const struct allow_lists *lists, const struct map *map,
                                          enum indicator_type type, const void *bytes, size_t n)
{
    char key[INDICATOR_VALUE_MAX + 1];
    if (n > INDICATOR_VALUE_MAX)
        return NULL;
    key[0] = (char)type;
    memcpy(key + 1, bytes, n);
    const uintptr_t *list = map_find(map, str_n(key, n + 1));
    return list ? &lists->lists[*list - 1].info : NULL;
}

static const struct allow_list_info *find_host(const struct allow_lists *lists, enum indicator_type type,
                                               struct str host)
{
    while (host.n) {
        const struct allow_list_info *list = find(lists, &lists->hosts, type, host.p, host.n);
        size_t dot = str_find_char(host, '.', 0);
        if (list)
            return list;
        host = dot == STR_NOT_FOUND ? STR_EMPTY : str_skip(host, dot + 1);
    }
    return NULL;
}

static const struct allow_list_info *find_network(const struct allow_lists *lists, enum indicator_type type,
                                                  const struct cidr *c)
{
    uint32_t values[129];
    size_t count = cidr_map_find_all(lists->networks, &c->ip, values, COUNT_OF(values));
    for (size_t i = 0; i < count; i++) {
        const struct allow_list *list = &lists->lists[values[i] & 0xffff];
        bool is_about = type != INDICATOR_URL || list->types & BIT(INDICATOR_URL);
        if (values[i] >> 16 <= c->bits && is_about)
            return &list->info;
    }
    return NULL;
}

static const struct allow_list_info *find_substring(const struct allow_lists *lists, enum indicator_type type,
                                                    struct str text)
{
    for (size_t at = 0; lists->substring_count && at + WINDOW_MIN <= text.n; at++) {
        const uintptr_t *first = map_find(&lists->windows, str_n(text.p + at, WINDOW_MIN));
        for (uint32_t i = first ? (uint32_t)*first : 0; i; i = lists->substrings[i - 1].next) {
            const struct substring *s = &lists->substrings[i - 1];
            if (lists->lists[s->list].types & BIT(type) && str_starts(str_skip(text, at), s->text))
                return &lists->lists[s->list].info;
        }
    }
    return NULL;
}

static const struct allow_list_info *find_regex(const struct allow_lists *lists, enum indicator_type type,
                                                struct str text)
{
    struct regex_scratch *scratch = NULL;
    const struct allow_list_info *found = NULL;
    for (size_t i = 0; i < lists->pattern_count && !found; i++) {
        const struct allow_list *list = &lists->lists[lists->patterns[i].list];
        if (!(list->types & BIT(type)))
            continue;
        if (!scratch)
            scratch = regex_scratch_new();
        if (regex_match(lists->patterns[i].regex, scratch, text, NULL, 0) == REGEX_YES)
            found = &list->info;
    }
    if (scratch)
        regex_scratch_free(scratch);
    return found;
}

static struct str host_of(enum indicator_type type, struct str text)
{
    switch (type) {
    case INDICATOR_DOMAIN:
        return text;
    case INDICATOR_URL:
        return indicator_url_host(text);
    case INDICATOR_MAIL:
        return str_skip(text, str_find_last_char(text, '@') + 1);
    default:
        return STR_EMPTY;
    }
}

const struct allow_list_info *allow_lists_contain(const struct allow_lists *lists, enum indicator_type type,
                                                  struct str value)
{
    struct indicator_key key;
    struct cidr c;
    char text[INDICATOR_TEXT_MAX];
    if (lists->count == 0 || !indicator_key_make(type, value, &key))
        return NULL;
    struct str canonical = str_n(text, indicator_key_text(key.type, key.bytes, key.n, text));
    if (key.type == INDICATOR_ADDRESS || key.type == INDICATOR_NETWORK)
        return cidr_parse(canonical, &c) ? find_network(lists, key.type, &c) : NULL;
    struct str host = host_of(key.type, canonical);
    const struct allow_list_info *list = find(lists, &lists->equal, key.type, key.bytes, key.n);
    if (!list && host.n)
        list = find_host(lists, key.type, host);
    if (!list && key.type == INDICATOR_URL && cidr_parse(host, &c))
        list = find_network(lists, key.type, &c);
    if (!list)
        list = find_substring(lists, key.type, canonical);
    return list ? list : find_regex(lists, key.type, canonical);
}
