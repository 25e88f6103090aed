/* Templates of tickets (stage notify): read, checked, filled. Next: transport.c. */
#include "notify/ticket.h"

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"

/* What every ticket may name; the notifier gives them all. */
static const char *const GIVEN[] = {"title",       "text",    "kind",       "incident",     "key",
                                    "url",         "urgency", "importance", "confidence",   "happened",
                                    "happened_ms", "hosts",   "secret",     "secret_base64"};

/* -------------------------------------------------------------------- values */

void ticket_add(struct ticket_values *v, const char *name, struct str text)
{
    BUG_IF(v->count == TICKET_VALUES_MAX);
    v->items[v->count++] = (struct ticket_value){str_c(name), text, false};
}

void ticket_add_number(struct ticket_values *v, const char *name, int64_t number, struct arena *arena)
{
    ticket_add(v, name, arena_printf(arena, "%lld", (long long)number));
    v->items[v->count - 1].is_number = true;
}

static const struct ticket_value *find(const struct ticket_values *v, struct str name)
{
    for (uint32_t i = 0; i < v->count; i++)
        if (str_eq(v->items[i].name, name))
            return &v->items[i];
    return NULL;
}

/* The next "{name}" at or behind `from`: its place, its name, the place behind it. */
static bool next_name(struct str text, size_t from, size_t *at, struct str *name, size_t *behind)
{
    for (*at = str_find_char(text, '{', from); *at != STR_NOT_FOUND;
         *at = str_find_char(text, '{', *at + 1)) {
        size_t end = *at + 1;
        while (end < text.n && ((text.p[end] >= 'a' && text.p[end] <= 'z') || text.p[end] == '_' ||
                                ascii_is_digit(text.p[end])))
            end++;
        if (end < text.n && text.p[end] == '}' && end > *at + 1) {
            *name = str_slice(text, *at + 1, end);
            *behind = end + 1;
            return true;
        }
    }
    return false;
}

static void fill(struct str text, const struct ticket_values *values, struct buf *out)
{
    size_t from = 0, at, behind;
    struct str name;
    while (next_name(text, from, &at, &name, &behind)) {
        const struct ticket_value *value = find(values, name);
        buf_add(out, str_slice(text, from, at));
        if (value != NULL)
            buf_add(out, value->text);
        from = behind;
    }
    buf_add(out, str_skip(text, from));
}

/* ------------------------------------------------------------------- reading */

static bool is_given(const struct yaml *with, const struct yaml *levels, struct str name)
{
    for (size_t i = 0; i < COUNT_OF(GIVEN); i++)
        if (str_eq(name, str_c(GIVEN[i])))
            return true;
    for (const struct yaml *at = levels ? levels->child : NULL; at != NULL; at = at->next)
        if (str_eq(at->key, name))
            return true;
    for (const struct yaml *at = with ? with->child : NULL; at != NULL; at = at->next)
        if (str_eq(at->key, name))
            return true;
    return false;
}

/* Every {name} below `node` is known. */
static bool check_names(const char *path, const struct yaml *node, const struct yaml *with,
                        const struct yaml *levels, struct error *err)
{
    size_t from = 0, at, behind;
    struct str name;
    if (node->type == YAML_SCALAR)
        for (; next_name(node->text, from, &at, &name, &behind); from = behind)
            if (!is_given(with, levels, name))
                return error_at(err, path, node->line, node->column,
                                tr("nothing gives {%.*s}; put it into 'with' of the channel",
                                   "{%.*s} の値がありません。経路の 'with' に書いてください"),
                                STR_ARGS(name));
    for (const struct yaml *child = node->child; node->type != YAML_SCALAR && child != NULL;
         child = child->next)
        if (!check_names(path, child, with, levels, err))
            return false;
    return true;
}

static bool check_levels(const char *path, const struct yaml *levels, struct error *err)
{
    for (const struct yaml *at = levels ? levels->child : NULL; at != NULL; at = at->next) {
        const struct yaml *is = yaml_get(at, "is");
        struct str of = yaml_text(at, "of");
        bool is_level =
            str_eq(of, STR("urgency")) || str_eq(of, STR("importance")) || str_eq(of, STR("confidence"));
        if (!is_level || is == NULL || is->type != YAML_LIST || is->count != 5)
            return error_at(
                err, path, at->line, at->column, "%s",
                tr("a level has of: urgency, importance or confidence, and is: [five values, for unknown "
                   "and 1 to 4]",
                   "段階には of(urgency、importance、confidence)と is([不明、1〜4 の値] の 5 個)が必要です"));
    }
    return true;
}

bool ticket_template_load(struct ticket_template *out, const char *path, const struct yaml *with,
                          struct arena *arena, struct error *err)
{
    static const char *const known[] = {"version", "name",   "path",    "headers",
                                        "body",    "levels", "receipt", "duplicate"};
    const struct yaml *top = yaml_load(path, arena, err);
    if (top == NULL)
        return false;
    for (const struct yaml *at = top->child; at != NULL; at = at->next) {
        bool is_known = false;
        for (size_t i = 0; i < COUNT_OF(known); i++)
            is_known |= str_eq(at->key, str_c(known[i]));
        if (!is_known)
            return error_at(err, path, at->key_line, at->key_column,
                            tr("'%.*s' is not known here", "「%.*s」はここでは使えません"),
                            STR_ARGS(at->key));
    }
    const struct yaml *duplicate = yaml_get(top, "duplicate");
    *out = (struct ticket_template){.name = yaml_text(top, "name"),
                                    .path = yaml_text(top, "path"),
                                    .headers = yaml_get(top, "headers"),
                                    .body = yaml_get(top, "body"),
                                    .levels = yaml_get(top, "levels"),
                                    .receipt = yaml_text(top, "receipt"),
                                    .duplicate_status = yaml_int(duplicate, "status", 0),
                                    .duplicate_contains = yaml_text(duplicate, "contains")};
    if (out->name.n == 0 || !str_starts(out->path, STR("/")) || out->body == NULL ||
        out->body->type != YAML_MAP ||
        (out->headers != NULL &&
         (out->headers->type != YAML_MAP || out->headers->count > TICKET_HEADERS_MAX)))
        return error_at(
            err, path, top->line, top->column, "%s",
            tr("a template needs name, path (from /), and body as a map; headers is a map of at most eight",
               "ひな型には name、/ から始まる path、マップの body が必要です。headers は 8 "
               "個までのマップです"));
    return check_levels(path, out->levels, err) && check_names(path, out->body, with, out->levels, err) &&
           (out->headers == NULL || check_names(path, out->headers, with, out->levels, err));
}

/* ------------------------------------------------------------------- filling */

static bool is_number_text(const struct yaml *scalar)
{
    double number;
    return scalar->is_plain && str_to_double(scalar->text, &number);
}

void ticket_complete(const struct ticket_template *t, const struct yaml *with, struct ticket_values *values,
                     struct arena *arena)
{
    (void)arena;
    for (const struct yaml *at = t->levels ? t->levels->child : NULL; at != NULL; at = at->next) {
        const struct ticket_value *of = find(values, yaml_text(at, "of"));
        int64_t level = 0;
        const struct yaml *is = yaml_get(at, "is")->child;
        if (of != NULL && !str_to_i64(of->text, &level))
            level = 0;
        for (; level > 0 && is->next != NULL; level--)
            is = is->next;
        if (values->count < TICKET_VALUES_MAX)
            values->items[values->count++] = (struct ticket_value){at->key, is->text, is_number_text(is)};
    }
    for (const struct yaml *at = with ? with->child : NULL; at != NULL; at = at->next)
        if (values->count < TICKET_VALUES_MAX)
            values->items[values->count++] = (struct ticket_value){at->key, at->text, is_number_text(at)};
}

static void put_scalar(const struct yaml *node, const struct ticket_values *values, struct json_writer *w)
{
    size_t at, behind;
    struct str name;
    if (next_name(node->text, 0, &at, &name, &behind) && at == 0 && behind == node->text.n) {
        const struct ticket_value *value = find(values, name);
        if (value != NULL && value->is_number)
            json_put_json(w, value->text);
        else
            json_put_str(w, value ? value->text : STR_EMPTY);
        return;
    }
    if (is_number_text(node) ||
        (node->is_plain && (str_eq(node->text, STR("true")) || str_eq(node->text, STR("false"))))) {
        json_put_json(w, node->text);
        return;
    }
    struct buf text = {0};
    fill(node->text, values, &text);
    json_put_str(w, buf_str(&text));
    buf_free(&text);
}

static void put_node(const struct yaml *node, const struct ticket_values *values, struct json_writer *w)
{
    if (node->type == YAML_SCALAR) {
        put_scalar(node, values, w);
        return;
    }
    bool is_map = node->type == YAML_MAP;
    is_map ? json_begin_object(w) : json_begin_array(w);
    for (const struct yaml *child = node->child; child != NULL; child = child->next) {
        if (is_map)
            json_key_str(w, child->key);
        put_node(child, values, w);
    }
    is_map ? json_end_object(w) : json_end_array(w);
}

void ticket_body(const struct ticket_template *t, const struct ticket_values *values, struct buf *json)
{
    struct json_writer w = {.out = json};
    put_node(t->body, values, &w);
}

bool ticket_header(const struct ticket_template *t, uint32_t at, const struct ticket_values *values,
                   struct buf *out)
{
    const struct yaml *node = t->headers ? t->headers->child : NULL;
    while (node != NULL && at-- > 0)
        node = node->next;
    if (node == NULL)
        return false;
    buf_add(out, node->key);
    buf_c(out, ": ");
    fill(node->text, values, out);
    for (size_t i = 0; i < out->n; i++)
        if ((unsigned char)out->p[i] < 0x20 || out->p[i] == 0x7f)
            out->p[i] = ' ';
    return true;
}

struct str ticket_receipt(const struct ticket_template *t, struct str answer, struct arena *arena)
{
    struct error ignored;
    struct str rest = t->receipt, part;
    const struct json_node *node = t->receipt.n ? json_parse(answer, arena, &ignored) : NULL;
    while (node != NULL && rest.n && str_split(&rest, '.', &part))
        node = json_member(node, arena_str(arena, part).p);
    bool is_scalar = node != NULL && (node->type == JSON_NODE_STRING || node->type == JSON_NODE_NUMBER);
    return is_scalar ? str_slice(node->text, 0, 100) : STR_EMPTY;
}
