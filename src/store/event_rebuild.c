/* store stage: rows → events, the inverse of column_set.c; what that file does to fit an event into columns
 * is undone here. Used by store_query.c for whole documents. */
#include "store/event_rebuild.h"

#include "base/base64.h"
#include "base/json.h"
#include "base/memory.h"

void event_rebuild_begin(struct event_rebuild *r)
{
    if (r->arena.chunk_bytes == 0)
        arena_init(&r->arena, 16 * 1024);
    arena_reset(&r->arena);
    r->event = (struct event){.time_ns = TIME_UNKNOWN, .received_ns = TIME_UNKNOWN};
}

void event_rebuild_free(struct event_rebuild *r)
{
    if (r->arena.chunk_bytes)
        arena_free(&r->arena);
}

static void push(struct event_rebuild *r, struct value v)
{
    if (v.field != FIELD_NONE)
        (void)event_put_back(&r->event, &r->arena, &v); /* no row has as many values as an event may hold */
}

static void push_text(struct event_rebuild *r, field_id field, struct str text)
{
    enum value_type type = field == FIELD_NONE ? TYPE_KEYWORD : field_get(field)->type;
    if (type != TYPE_IP && type != TYPE_TEXT)
        type = TYPE_KEYWORD;
    push(r, (struct value){.text = arena_str(&r->arena, text).p,
                           .size = (uint32_t)text.n,
                           .field = field,
                           .type = (uint8_t)type});
}

/* ["a","b"] is how a vendor column keeps several values. */
static bool push_joined(struct event_rebuild *r, field_id field, struct str text)
{
    if (field < FIELD_STATIC_COUNT || !str_starts(text, STR("[\"")) || !str_ends(text, STR("\"]")))
        return false;
    struct error ignored;
    const struct json_node *array = json_parse(text, &r->arena, &ignored);
    if (!array || array->type != JSON_NODE_ARRAY || !array->child || !array->child->next)
        return false;
    for (const struct json_node *n = array->child; n; n = n->next)
        if (n->type != JSON_NODE_STRING)
            return false;
    for (const struct json_node *n = array->child; n; n = n->next)
        push_text(r, field, n->text);
    return true;
}

static void push_overflow(struct event_rebuild *r, struct str text)
{
    struct error ignored;
    const struct json_node *object = json_parse(text, &r->arena, &ignored);
    if (!object || object->type != JSON_NODE_OBJECT)
        return;
    for (const struct json_node *member = object->child; member; member = member->next)
        for (const struct json_node *n = member->child; n; n = n->next)
            push_text(r, field_intern(member->key), n->text);
}

static void set_original_bytes(struct event_rebuild *r, struct str encoded)
{
    struct buf bytes = {0};
    if (base64_decode(&bytes, encoded))
        r->event.raw = arena_str(&r->arena, buf_str(&bytes));
    buf_free(&bytes);
}

void event_rebuild_text(struct event_rebuild *r, struct str column, struct str text)
{
    if (str_eq(column, COLUMN_OVERFLOW)) {
        push_overflow(r, text);
        return;
    }
    field_id field = field_intern(column);
    if (field == FIELD_EVENT_ORIGINAL) {
        if (!r->event.raw.p)
            r->event.raw = arena_str(&r->arena, text);
    } else if (field == FIELD_HYAKUYO_ORIGINAL_BASE64) {
        set_original_bytes(r, text);
    } else if (!push_joined(r, field, text)) {
        push_text(r, field, text);
    }
}

static void add_to_time(int64_t *time_ns, int64_t number)
{
    if (*time_ns != TIME_UNKNOWN && *time_ns < INT64_MAX - number)
        *time_ns += number;
}

/* The column comes after the time it belongs to. */
static void add_nanoseconds(struct event_rebuild *r, field_id field, int64_t number)
{
    if (number < 1 || number > 999)
        return;
    if (field == FIELD_TIMESTAMP)
        add_to_time(&r->event.time_ns, number);
    for (uint16_t i = 0; i < r->event.count; i++)
        if (r->event.values[i].field == field && r->event.values[i].type == TYPE_DATE)
            add_to_time(&r->event.values[i].number, number);
}

void event_rebuild_number(struct event_rebuild *r, struct str column, enum column_kind kind, int64_t number)
{
    static const enum value_type types[COLUMN_KIND_COUNT] = {
        [COLUMN_NUMBER] = TYPE_LONG, [COLUMN_TIME] = TYPE_DATE, [COLUMN_BOOL] = TYPE_BOOL};
    if (str_starts(column, COLUMN_NANOSECONDS)) {
        add_nanoseconds(r, field_find(str_skip(column, COLUMN_NANOSECONDS.n)), number);
        return;
    }
    field_id field = field_intern(column);
    if (field == FIELD_TIMESTAMP)
        r->event.time_ns = number;
    else if (field == FIELD_EVENT_INGESTED)
        r->event.received_ns = number;
    else if (field == FIELD_HYAKUYO_SEQUENCE)
        r->event.sequence = (uint64_t)number;
    else
        push(r, (struct value){.number = number, .field = field, .type = (uint8_t)types[kind]});
}

void event_rebuild_real(struct event_rebuild *r, struct str column, double real)
{
    push(r, (struct value){.real = real, .field = field_intern(column), .type = TYPE_DOUBLE});
}

void event_rebuild_row(struct event_rebuild *r, const struct column_set *set, uint32_t row)
{
    event_rebuild_begin(r);
    for (uint32_t i = 0; i < set->count; i++) {
        const struct column *c = set->columns[i];
        for (uint32_t v = column_first(c, row); v < c->count && column_row(c, v) == row; v++) {
            if (c->kind == COLUMN_TEXT)
                event_rebuild_text(r, c->name, column_text(c, v));
            else if (c->kind == COLUMN_REAL)
                event_rebuild_real(r, c->name, c->reals[v]);
            else
                event_rebuild_number(r, c->name, c->kind,
                                     c->kind == COLUMN_TIME ? c->numbers[v] * 1000 : c->numbers[v]);
        }
    }
}
