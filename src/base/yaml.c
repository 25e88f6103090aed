/* Ground floor: YAML 1.2 through libfyaml's event parser (no other file includes it). Reads a text, leaves a
 * tree with the place of every node. Anchors, aliases and merge keys are resolved here, because only here
 * their cost can be counted: an alias shares the children of its anchor, and what walking the tree would meet
 * is what the node limit counts. */
#include "base/yaml.h"

#include <libfyaml.h>

#include "base/file.h"
#include "base/log.h"
#include "base/map.h"

#define MAX_BYTES   (4u << 20)
#define MAX_DEPTH   64
#define MAX_NODES   200000
#define MAX_ALIASES 10000

struct reader {
    struct fy_parser *parser;
    struct fy_diag *diag; /* collects what libfyaml complains about */
    const char *path;
    struct arena *arena;
    struct error *err;
    struct map anchors; /* name → struct anchored */
    size_t nodes, aliases;
    unsigned depth;
};

struct anchored {
    struct yaml *node;
    size_t nodes; /* in its subtree, itself included */
};

static struct yaml *fail_at(struct reader *r, unsigned line, unsigned column, const char *what)
{
    error_at(r->err, r->path, line, column, "%s", what);
    return NULL;
}

static bool count_nodes(struct reader *r, size_t more, unsigned line, unsigned column)
{
    r->nodes += more;
    if (r->nodes <= MAX_NODES)
        return true;
    fail_at(r, line, column,
            tr("the YAML has more than 200,000 nodes, aliases resolved",
               "YAML の要素が、エイリアスを展開すると 200,000 個を超えます。"));
    return false;
}

/* The next event; NULL with the error set when the text is not YAML. */
static struct fy_event *next_event(struct reader *r)
{
    struct fy_event *event = fy_parser_parse(r->parser);
    if (event)
        return event;
    void *at = NULL;
    struct fy_diag_error *problem = fy_diag_errors_iterate(r->diag, &at);
    if (problem)
        error_at(r->err, r->path, (unsigned)(problem->line > 0 ? problem->line : 0),
                 (unsigned)(problem->column > 0 ? problem->column : 0),
                 tr("not valid YAML: %s", "YAML として読めません: %s"), problem->msg ? problem->msg : "?");
    else
        error_at(r->err, r->path, 1, 1, "%s",
                 tr("not valid YAML: it ends too early", "YAML として読めません: 途中で終わっています。"));
    return NULL;
}

static struct str token_text(struct reader *r, struct fy_token *token)
{
    size_t n = 0;
    const char *p = token ? fy_token_get_text(token, &n) : NULL;
    return p ? arena_str(r->arena, str_n(p, n)) : STR_EMPTY;
}

static struct yaml *new_node(struct reader *r, struct fy_event *event, enum yaml_type type)
{
    struct yaml *node = ARENA_NEW(r->arena, struct yaml);
    const struct fy_mark *mark = fy_event_start_mark(event);
    node->type = type;
    if (mark) {
        node->line = (unsigned)mark->line + 1;
        node->column = (unsigned)mark->column + 1;
    }
    return node;
}

static void remember(struct reader *r, struct str name, struct yaml *node, size_t nodes)
{
    if (!name.n)
        return;
    struct anchored *a = ARENA_NEW(r->arena, struct anchored);
    *a = (struct anchored){node, nodes};
    *map_put(&r->anchors, name, NULL) = (uintptr_t)a;
}

static struct yaml *read_scalar(struct reader *r, struct fy_event *event)
{
    struct yaml *node = new_node(r, event, YAML_SCALAR);
    node->text = token_text(r, event->scalar.value);
    enum fy_scalar_style style =
        event->scalar.value ? fy_token_scalar_style(event->scalar.value) : FYSS_PLAIN;
    node->is_plain = style == FYSS_PLAIN;
    if ((style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) && node->column > 1)
        node->column--; /* libfyaml marks the byte behind the quotation mark */
    if (!count_nodes(r, 1, node->line, node->column))
        return NULL;
    remember(r, token_text(r, event->scalar.anchor), node, 1);
    return node;
}

static struct yaml *read_alias(struct reader *r, struct fy_event *event)
{
    struct yaml *node = new_node(r, event, YAML_SCALAR);
    unsigned line = node->line, column = node->column;
    struct str name = token_text(r, event->alias.anchor);
    const struct anchored *a = map_get_pointer(&r->anchors, name);
    if (!a) {
        error_at(r->err, r->path, line, column,
                 tr("the alias *%.*s has no anchor before it",
                    "エイリアス *%.*s より前に対応するアンカーがありません。"),
                 STR_ARGS(name));
        return NULL;
    }
    if (++r->aliases > MAX_ALIASES)
        return fail_at(r, line, column,
                       tr("the YAML uses more than 10,000 aliases",
                          "YAML のエイリアスが 10,000 個を超えています。"));
    if (!count_nodes(r, a->nodes, line, column))
        return NULL;
    *node = *a->node;
    node->next = NULL;
    node->line = line;
    node->column = column;
    return node;
}

static struct yaml *read_node(struct reader *r, struct fy_event *event);

static void append(struct yaml *parent, struct yaml **last, struct yaml *child)
{
    if (*last)
        (*last)->next = child;
    else
        parent->child = child;
    *last = child;
    parent->count++;
}

/* Elements up to the end of the list. */
static bool read_elements(struct reader *r, struct yaml *list)
{
    struct yaml *last = NULL;
    for (;;) {
        struct fy_event *event = next_event(r);
        if (!event)
            return false;
        bool is_end = event->type == FYET_SEQUENCE_END;
        struct yaml *child = is_end ? NULL : read_node(r, event);
        fy_parser_event_free(r->parser, event);
        if (is_end)
            return true;
        if (!child)
            return false;
        append(list, &last, child);
    }
}

static bool set_key(struct reader *r, struct yaml *map, struct map *keys, const struct yaml *key,
                    struct yaml *value)
{
    bool is_new;
    uintptr_t *place = map_put(keys, key->text, &is_new);
    if (!is_new) {
        const struct yaml *first = (const struct yaml *)*place;
        error_at(r->err, r->path, key->line, key->column,
                 tr("the key \"%.*s\" is already there in line %u",
                    "キー \"%.*s\" は %u 行目にすでにあります。"),
                 STR_ARGS(key->text), first->key_line);
        return false;
    }
    value->key = key->text;
    value->key_line = key->line;
    value->key_column = key->column;
    *place = (uintptr_t)value;
    (void)map;
    return true;
}

/* Members of one merged map that are not there yet (YAML merge key: what is written explicitly wins). */
static bool merge_map(struct reader *r, struct yaml *map, struct yaml **last, struct map *keys,
                      const struct yaml *from)
{
    for (const struct yaml *m = from->child; m; m = m->next) {
        bool is_new;
        uintptr_t *place = map_put(keys, m->key, &is_new);
        if (!is_new)
            continue;
        if (!count_nodes(r, 1, from->line, from->column))
            return false;
        struct yaml *copy = ARENA_NEW(r->arena, struct yaml);
        *copy = *m;
        copy->next = NULL;
        *place = (uintptr_t)copy;
        append(map, last, copy);
    }
    return true;
}

static bool merge(struct reader *r, struct yaml *map, struct yaml **last, struct map *keys,
                  const struct yaml *from)
{
    if (from->type == YAML_MAP)
        return merge_map(r, map, last, keys, from);
    bool is_good = from->type == YAML_LIST;
    for (const struct yaml *e = from->child; is_good && e; e = e->next)
        is_good = e->type == YAML_MAP;
    if (!is_good) {
        fail_at(r, from->line, from->column,
                tr("<< takes a map or a list of maps", "<< には表か、表の一覧が必要です。"));
        return false;
    }
    for (const struct yaml *e = from->child; e; e = e->next)
        if (!merge_map(r, map, last, keys, e))
            return false;
    return true;
}

/* A key and its value; NULL at the end of the map (*is_end) or on an error. */
static struct yaml *read_member(struct reader *r, struct yaml **key, bool *is_end)
{
    struct fy_event *event = next_event(r);
    *is_end = false;
    if (!event)
        return NULL;
    *is_end = event->type == FYET_MAPPING_END;
    *key = *is_end ? NULL : read_node(r, event);
    fy_parser_event_free(r->parser, event);
    if (!*key)
        return NULL;
    if ((*key)->type != YAML_SCALAR)
        return fail_at(r, (*key)->line, (*key)->column,
                       tr("a key must be a single word or text",
                          "キーは 1 つの語か文字列でなければなりません。"));
    event = next_event(r);
    if (!event)
        return NULL;
    struct yaml *value = read_node(r, event);
    fy_parser_event_free(r->parser, event);
    return value;
}

static bool read_members(struct reader *r, struct yaml *map)
{
    struct map keys = {0};
    struct yaml *last = NULL, *key, *merged = NULL, **merged_end = &merged;
    bool is_end, is_good = true;
    for (;;) {
        struct yaml *value = read_member(r, &key, &is_end);
        if (!value)
            break;
        if (key->is_plain && str_eq(key->text, STR("<<"))) { /* merged last: explicit members come first */
            *merged_end = value;
            merged_end = &value->next;
        } else if (set_key(r, map, &keys, key, value)) {
            append(map, &last, value);
        } else {
            is_good = false;
            break;
        }
    }
    is_good = is_good && is_end;
    for (struct yaml *m = merged, *next; is_good && m; m = next) {
        next = m->next;
        is_good = merge(r, map, &last, &keys, m);
    }
    map_free(&keys);
    return is_good;
}

static struct yaml *read_container(struct reader *r, struct fy_event *event)
{
    bool is_map = event->type == FYET_MAPPING_START;
    struct yaml *node = new_node(r, event, is_map ? YAML_MAP : YAML_LIST);
    struct str anchor = token_text(r, is_map ? event->mapping_start.anchor : event->sequence_start.anchor);
    size_t before = r->nodes;
    if (!count_nodes(r, 1, node->line, node->column))
        return NULL;
    if (++r->depth > MAX_DEPTH)
        return fail_at(r, node->line, node->column,
                       tr("the YAML is nested deeper than 64 levels",
                          "YAML の入れ子が 64 段を超えています。"));
    if (!(is_map ? read_members(r, node) : read_elements(r, node)))
        return NULL;
    r->depth--;
    remember(r, anchor, node,
             r->nodes - before); /* known only now: an alias cannot lie inside its own anchor */
    return node;
}

static struct yaml *read_node(struct reader *r, struct fy_event *event)
{
    switch (event->type) {
    case FYET_SCALAR:
        return read_scalar(r, event);
    case FYET_ALIAS:
        return read_alias(r, event);
    case FYET_MAPPING_START:
    case FYET_SEQUENCE_START:
        return read_container(r, event);
    default:
        return fail_at(r, 1, 1,
                       tr("not valid YAML: a value is missing", "YAML として読めません: 値がありません。"));
    }
}

/* Content of one document, between its start and its end. */
static struct yaml *read_document(struct reader *r)
{
    map_clear(&r->anchors); /* anchors end with their document */
    struct fy_event *event = next_event(r);
    if (!event)
        return NULL;
    struct yaml *root = read_node(r, event);
    fy_parser_event_free(r->parser, event);
    return root;
}

static struct yaml *read_stream(struct reader *r)
{
    struct yaml *first = NULL, **end = &first;
    for (;;) {
        struct fy_event *event = next_event(r);
        if (!event)
            return NULL;
        enum fy_event_type type = event->type;
        fy_parser_event_free(r->parser, event);
        if (type == FYET_STREAM_END)
            break;
        if (type != FYET_DOCUMENT_START)
            continue;
        *end = read_document(r);
        if (!*end)
            return NULL;
        end = &(*end)->next;
    }
    return first ? first : fail_at(r, 1, 1, tr("the YAML is empty", "YAML が空です。"));
}

static struct fy_parser *open_parser(struct fy_diag **diag)
{
    struct fy_diag_cfg messages;
    fy_diag_cfg_default(&messages);
    messages.fp = NULL;
    *diag = fy_diag_create(&messages);
    if (!*diag)
        BUG("out of memory for reading YAML");
    fy_diag_set_collect_errors(*diag, true);
    struct fy_parse_cfg how = {.flags = FYPCF_QUIET | FYPCF_DISABLE_DEPTH_LIMIT, .diag = *diag};
    struct fy_parser *parser = fy_parser_create(&how);
    if (!parser)
        BUG("out of memory for reading YAML");
    return parser;
}

/* The line and column (in bytes) of a place. */
static void place_of(struct str text, size_t at, unsigned *line, unsigned *column)
{
    *line = *column = 1;
    for (size_t i = 0; i < at && i < text.n; i++) {
        ++*column;
        if (text.p[i] == '\n') {
            ++*line;
            *column = 1;
        }
    }
}

/* How many bytes from the beginning are UTF-8 text without NUL. */
static size_t good_part(struct str text)
{
    size_t at = 0;
    while (at < text.n && text.p[at]) {
        unsigned char c = (unsigned char)text.p[at];
        size_t n = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
        if (at + n > text.n || !str_is_utf8(str_slice(text, at, at + n)))
            break;
        at += n;
    }
    return at;
}

static bool check_text(struct str text, const char *path, struct error *err)
{
    unsigned line, column;
    size_t good = good_part(text);
    if (good == text.n)
        return true;
    place_of(text, good, &line, &column);
    return error_at(err, path, line, column, "%s",
                    tr("the YAML is not UTF-8 text; save it as UTF-8",
                       "YAML が UTF-8 の文字列ではありません。UTF-8 で保存してください。"));
}

struct yaml *yaml_parse(struct str text, const char *path, struct arena *arena, struct error *err)
{
    if (text.n > MAX_BYTES) {
        error_at(err, path, 1, 1, "%s",
                 tr("the YAML is larger than 4 MiB", "YAML が 4 MiB を超えています。"));
        return NULL;
    }
    if (!check_text(text, path, err))
        return NULL;
    struct reader r = {.path = path, .arena = arena, .err = err};
    struct str copy = arena_str(arena, text); /* libfyaml wants it to live as long as the parser */
    r.parser = open_parser(&r.diag);
    struct yaml *first = NULL;
    if (fy_parser_set_string(r.parser, copy.p, copy.n) == 0)
        first = read_stream(&r);
    else
        fail_at(&r, 0, 0, "the YAML cannot be read");
    fy_parser_destroy(r.parser);
    fy_diag_destroy(r.diag);
    map_free(&r.anchors);
    return first;
}

struct yaml *yaml_load(const char *path, struct arena *arena, struct error *err)
{
    struct buf text = {0};
    struct yaml *root = NULL;
    if (file_read(path, MAX_BYTES, &text, err))
        root = yaml_parse(buf_str(&text), path, arena, err);
    buf_free(&text);
    return root;
}

struct yaml *yaml_get(const struct yaml *map, const char *key)
{
    if (!map || map->type != YAML_MAP)
        return NULL;
    for (struct yaml *m = map->child; m; m = m->next)
        if (str_eq(m->key, str_c(key)))
            return m;
    return NULL;
}

struct str yaml_text(const struct yaml *map, const char *key)
{
    const struct yaml *m = yaml_get(map, key);
    return m && m->type == YAML_SCALAR ? m->text : STR_EMPTY;
}

static bool is_one_of(struct str s, const char *const *words)
{
    for (; *words; words++)
        if (str_eq(s, str_c(*words)))
            return true;
    return false;
}

bool yaml_is_null(const struct yaml *node)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL", NULL};
    return !node || (node->type == YAML_SCALAR && node->is_plain && is_one_of(node->text, words));
}

bool yaml_bool(const struct yaml *map, const char *key, bool fallback)
{
    static const char *const yes[] = {"true", "True", "TRUE", "yes", "Yes", "on", NULL};
    static const char *const no[] = {"false", "False", "FALSE", "no", "No", "off", NULL};
    struct str s = yaml_text(map, key);
    return is_one_of(s, yes) || (fallback && !is_one_of(s, no));
}

int64_t yaml_int(const struct yaml *map, const char *key, int64_t fallback)
{
    int64_t v;
    return str_to_i64(yaml_text(map, key), &v) ? v : fallback;
}
