/* Ground floor: an event as one nested JSON object. Reads the event only. The values are sorted by name, so
 * that "source.ip" and "source.port" become neighbours, and each run with the same first word becomes an
 * object. */
#include <stdlib.h>

#include "base/base64.h"
#include "base/charset.h"
#include "base/json.h"
#include "event/event.h"

#define MAX_NESTING 32 /* deeper names stay dotted */

struct item {
    struct str name;
    struct value value;
    uint32_t order; /* of adding: keeps the values of one field in their order */
};

struct items {
    struct item *list;
    size_t count;
};

/* fields.def is in byte order, so among declared fields the numbers compare like the names. */
static int compare_items(const void *x, const void *y)
{
    const struct item *a = x, *b = y;
    if (a->value.field != b->value.field) {
        if (a->value.field < FIELD_STATIC_COUNT && b->value.field < FIELD_STATIC_COUNT)
            return a->value.field < b->value.field ? -1 : 1;
        return str_compare(a->name, b->name);
    }
    return a->order < b->order ? -1 : a->order > b->order;
}

static void add_item(struct items *items, const struct value *v)
{
    items->list[items->count] =
        (struct item){.name = field_name(v->field), .value = *v, .order = (uint32_t)items->count};
    items->count++;
}

static void add_text(struct items *items, field_id field, struct str text)
{
    struct value v = {.text = text.p, .size = (uint32_t)text.n, .field = field, .type = TYPE_KEYWORD};
    add_item(items, &v);
}

static void add_number(struct items *items, field_id field, enum value_type type, int64_t number)
{
    struct value v = {.number = number, .field = field, .type = (uint8_t)type};
    add_item(items, &v);
}

static void add_original(struct items *items, const struct event *e, struct arena *a)
{
    if (!e->raw.p)
        return;
    if (str_is_utf8(e->raw)) {
        add_text(items, FIELD_EVENT_ORIGINAL, e->raw);
        return;
    }
    struct buf encoded = {0};
    base64_encode(&encoded, e->raw);
    add_text(items, FIELD_HYAKUYO_ORIGINAL_BASE64, arena_str(a, buf_str(&encoded)));
    buf_free(&encoded);
    add_text(items, FIELD_EVENT_ORIGINAL, charset_to_utf8(e->raw, a, NULL));
}

#define MEMBER_ITEMS 6

/* What lives in members of the struct instead of the list. */
static void add_members(struct items *items, const struct event *e, struct arena *a)
{
    if (e->time_ns != TIME_UNKNOWN)
        add_number(items, FIELD_TIMESTAMP, TYPE_DATE, e->time_ns);
    if (e->received_ns > 0)
        add_number(items, FIELD_EVENT_INGESTED, TYPE_DATE, e->received_ns);
    if (e->sequence && !event_get(e, FIELD_HYAKUYO_SEQUENCE))
        add_number(items, FIELD_HYAKUYO_SEQUENCE, TYPE_LONG, (int64_t)e->sequence);
    if (e->flags & EVENT_PARSE_FAILURE)
        add_text(items, FIELD_TAGS, STR("parse_failure"));
    add_original(items, e, a);
}

static bool is_tagged_failure(const struct event *e, const struct value *v)
{
    return v->field == FIELD_TAGS && e->flags & EVENT_PARSE_FAILURE &&
           str_eq(value_text(v), STR("parse_failure"));
}

static void sort_items(struct items *items)
{
    if (items->count > 64) {
        qsort(items->list, items->count, sizeof items->list[0], compare_items);
        return;
    }
    for (size_t i = 1; i < items->count; i++) {
        struct item moving = items->list[i];
        size_t at = i;
        for (; at && compare_items(&items->list[at - 1], &moving) > 0; at--)
            items->list[at] = items->list[at - 1];
        items->list[at] = moving;
    }
}

static void put_value(struct json_writer *w, const struct value *v)
{
    switch ((enum value_type)v->type) {
    case TYPE_KEYWORD:
    case TYPE_TEXT:
    case TYPE_IP:
        json_put_str(w, value_text(v));
        return;
    case TYPE_LONG:
        json_put_i64(w, v->number);
        return;
    case TYPE_DOUBLE:
        json_put_double(w, v->real);
        return;
    case TYPE_BOOL:
        json_put_bool(w, v->number != 0);
        return;
    case TYPE_DATE:
        json_put_time(w, v->number);
        return;
    }
}

static size_t end_of_field(const struct item *list, size_t from, size_t to)
{
    size_t end = from + 1;
    while (end < to && list[end].value.field == list[from].value.field)
        end++;
    return end;
}

/* All values of the field at `from`, under `key`; returns the index behind them. */
static size_t put_field(struct json_writer *w, const struct item *list, size_t from, size_t to,
                        struct str key)
{
    size_t end = end_of_field(list, from, to);
    bool is_array = end - from > 1 || field_get(list[from].value.field)->shape == FIELD_ARRAY;
    json_key_str(w, key);
    if (is_array)
        json_begin_array(w);
    for (size_t i = from; i < end; i++)
        put_value(w, &list[i].value);
    if (is_array)
        json_end_array(w);
    return end;
}

static bool has_name(const struct item *list, size_t from, size_t to, struct str name)
{
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = str_compare(list[middle].name, name);
        if (!order)
            return true;
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return false;
}

/* Whether "a" itself is a field, with the item at `at` being the first "a.…". All names between the two in
 * byte order begin with "a" as well, so usually the item before tells. */
static bool is_field_itself(const struct item *list, size_t from, size_t at, struct str a)
{
    return at > from && str_starts(list[at - 1].name, a) && has_name(list, from, at, a);
}

/* Items [from, to) share the first `skip` bytes of their names, which enclosing objects have already written.
 * Where both "a" and "a.b" exist, "a" cannot be an object: "a.b" is then written as a dotted key beside it.
 */
static void put_members(struct json_writer *w, const struct item *list, size_t from, size_t to, size_t skip,
                        unsigned depth)
{
    for (size_t i = from; i < to;) {
        struct str rest = str_skip(list[i].name, skip);
        size_t dot = str_find_char(rest, '.', 0);
        if (dot == STR_NOT_FOUND || depth == MAX_NESTING ||
            is_field_itself(list, from, i, str_slice(list[i].name, 0, skip + dot))) {
            i = put_field(w, list, i, to, rest);
            continue;
        }
        struct str shared = str_slice(list[i].name, 0, skip + dot + 1);
        size_t end = i + 1;
        while (end < to && str_starts(list[end].name, shared))
            end++;
        json_key_str(w, str_slice(rest, 0, dot));
        json_begin_object(w);
        put_members(w, list, i, end, shared.n, depth + 1);
        json_end_object(w);
        i = end;
    }
}

void event_json(const struct event *e, struct buf *out)
{
    struct item room[96];
    struct items items = {.list = room};
    struct arena arena;
    arena_init(&arena, 4096);
    size_t most = (size_t)e->count + MEMBER_ITEMS;
    if (most > COUNT_OF(room))
        items.list = arena_alloc(&arena, most * sizeof items.list[0]);
    add_members(&items, e, &arena);
    for (uint16_t i = 0; i < e->count; i++)
        if (!is_tagged_failure(e, &e->values[i]))
            add_item(&items, &e->values[i]);
    sort_items(&items);
    struct json_writer w = {.out = out};
    json_begin_object(&w);
    put_members(&w, items.list, 0, items.count, 0, 0);
    json_end_object(&w);
    arena_free(&arena);
}
