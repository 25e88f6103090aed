/* store stage: builds the relation `events` from the parts a search needs: read_parquet() over the sealed
 * ones, the table function over the open ones. Every requested column comes out on both sides with the
 * declared type; one that occurs nowhere is NULL. Used by store_query.c. */
#include "store/events_sql.h"

#include "base/map.h"
#include "base/memory.h"

static const char *const type_names[COLUMN_KIND_COUNT] = {
    [COLUMN_TEXT] = "VARCHAR", [COLUMN_NUMBER] = "BIGINT", [COLUMN_TIME] = "TIMESTAMP",
    [COLUMN_REAL] = "DOUBLE",  [COLUMN_BOOL] = "BOOLEAN",
};

struct wanted {
    struct str name;
    enum column_kind kind;
    bool is_list;
    bool is_declared; /* in the field dictionary */
    bool in_sealed, in_open;
    bool must_cast; /* some sealed part has another type: written by a program with another dictionary */
};

struct wanted_list {
    struct wanted *items;
    uint32_t count, capacity;
    struct map by_name; /* lower-case name → index + 1; SQL names ignore case */
    struct arena arena;
};

void sql_identifier(struct buf *out, struct str name)
{
    buf_char(out, '"');
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '"')
            buf_char(out, '"');
        if (name.p[i])
            buf_char(out, name.p[i]);
    }
    buf_char(out, '"');
}

void sql_literal(struct buf *out, struct str text)
{
    buf_char(out, '\'');
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\'')
            buf_char(out, '\'');
        if (text.p[i])
            buf_char(out, text.p[i]);
    }
    buf_char(out, '\'');
}

/* ---- what is wanted ---- */

static struct wanted *want(struct wanted_list *list, struct str name, bool *is_new)
{
    uintptr_t *at = map_put(&list->by_name, arena_lower(&list->arena, name), is_new);
    if (*at)
        return &list->items[*at - 1];
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 32;
        list->items = memory_resize_array(list->items, list->capacity, sizeof *list->items);
    }
    struct wanted *w = &list->items[list->count++];
    *w = (struct wanted){.name = arena_str(&list->arena, name), .kind = COLUMN_TEXT};
    *at = list->count;
    field_id id = field_find(name);
    if (id != FIELD_NONE && id < FIELD_STATIC_COUNT) {
        const struct field *f = field_get(id);
        w->kind = column_kind_of(f->type);
        w->is_list = f->shape == FIELD_ARRAY;
        w->is_declared = true;
    }
    return w;
}

static void see(struct wanted_list *list, struct str name, enum column_kind kind, bool is_list, bool is_open,
                bool is_all)
{
    bool is_new = false;
    struct wanted *w;
    if (is_all && !str_starts(name, COLUMN_NANOSECONDS)) {
        w = want(list, name, &is_new);
    } else {
        uintptr_t *at = map_find(&list->by_name, arena_lower(&list->arena, name));
        if (!at)
            return;
        w = &list->items[*at - 1];
    }
    if (!w->is_declared && !w->in_sealed && !w->in_open) {
        w->kind = kind;
        w->is_list = is_list;
    }
    w->must_cast |= w->kind != kind || w->is_list != is_list;
    if (is_open)
        w->in_open = true;
    else
        w->in_sealed = true;
}

static void see_all(struct wanted_list *list, const struct snapshot *s, bool is_all)
{
    for (uint32_t p = 0; p < s->sealed.count; p++)
        for (uint32_t i = 0; i < s->sealed.parts[p]->column_count; i++) {
            const struct part_column *c = &s->sealed.parts[p]->columns[i];
            see(list, c->name, c->kind, c->is_list, false, is_all);
        }
    for (uint32_t p = 0; p < s->open_count; p++) {
        struct open_part *open = s->open[p].part;
        pthread_mutex_lock(&open->lock);
        for (uint32_t i = 0; i < open->set->count; i++) {
            const struct column *c = open->set->columns[i];
            see(list, c->name, c->kind, c->is_list, true, is_all);
        }
        pthread_mutex_unlock(&open->lock);
    }
}

static bool overflows(const struct wanted_list *list, bool is_open)
{
    uintptr_t *at = map_find(&list->by_name, COLUMN_OVERFLOW);
    return at && (is_open ? list->items[*at - 1].in_open : list->items[*at - 1].in_sealed);
}

/* ---- text ---- */

static void add_type(struct buf *out, const struct wanted *w)
{
    buf_printf(out, "%s%s", type_names[w->kind], w->is_list ? "[]" : "");
}

/* Files hold times with the mark UTC (TIMESTAMP WITH TIME ZONE); the relation has plain UTC times. */
static void add_stored(struct buf *out, const struct wanted *w, bool is_open)
{
    const char *before = "", *after = "";
    if (w->must_cast)
        before = "TRY_CAST(";
    else if (w->kind == COLUMN_TIME && !is_open && w->is_list)
        before = "[make_timestamp(epoch_us(t)) FOR t IN ", after = "]";
    else if (w->kind == COLUMN_TIME && !is_open)
        before = "make_timestamp(epoch_us(", after = "))";
    buf_c(out, before);
    sql_identifier(out, w->name);
    buf_c(out, after);
    if (w->must_cast) {
        buf_c(out, " AS ");
        add_type(out, w);
        buf_char(out, ')');
    }
}

/* RFC 6901: ~ is ~0, / is ~1. */
static void add_pointer(struct buf *out, struct str name, const char *after)
{
    struct buf pointer = {0};
    buf_char(&pointer, '/');
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '~' || name.p[i] == '/')
            buf_c(&pointer, name.p[i] == '~' ? "~0" : "~1");
        else
            buf_char(&pointer, name.p[i]);
    }
    buf_c(&pointer, after);
    sql_literal(out, buf_str(&pointer));
    buf_free(&pointer);
}

/* The field's values in the overflow object, in the form of a vendor column: one text, or a JSON array text.
 */
static void add_overflow(struct buf *out, const struct wanted *w)
{
    buf_c(out, "CASE WHEN json_array_length(\"hyakuyo.overflow\", ");
    add_pointer(out, w->name, "");
    buf_c(out, ") > 1 THEN CAST(json_extract(\"hyakuyo.overflow\", ");
    add_pointer(out, w->name, "");
    buf_c(out, ") AS VARCHAR) ELSE json_extract_string(\"hyakuyo.overflow\", ");
    add_pointer(out, w->name, "/0");
    buf_c(out, ") END");
}

static void add_column(struct buf *out, const struct wanted_list *list, const struct wanted *w, bool is_open)
{
    bool is_stored = is_open ? w->in_open : w->in_sealed;
    bool is_overflow = !w->is_declared && w->kind == COLUMN_TEXT && !w->is_list && overflows(list, is_open) &&
                       !str_eq(w->name, COLUMN_OVERFLOW);
    if (is_stored && is_overflow)
        buf_c(out, "coalesce(");
    if (is_stored)
        add_stored(out, w, is_open);
    if (is_overflow) {
        buf_c(out, is_stored ? ", " : "");
        add_overflow(out, w);
        buf_c(out, is_stored ? ")" : "");
    }
    if (!is_stored && !is_overflow) {
        buf_c(out, "CAST(NULL AS ");
        add_type(out, w);
        buf_char(out, ')');
    }
    buf_c(out, " AS ");
    sql_identifier(out, w->name);
}

static void add_select(struct buf *out, const struct wanted_list *list, const bool *is_hidden, bool is_open)
{
    buf_c(out, "SELECT ");
    bool needs_comma = false;
    for (uint32_t i = 0; i < list->count; i++) {
        if (is_hidden[i])
            continue;
        buf_c(out, needs_comma ? ", " : "");
        add_column(out, list, &list->items[i], is_open);
        needs_comma = true;
    }
    buf_c(out, " FROM ");
}

static void add_condition(struct buf *out, bool *has_any, const char *left, const char *function,
                          int64_t number)
{
    buf_printf(out, "%s%s %s(%lld)", *has_any ? " AND " : " WHERE ", left, function, (long long)number);
    *has_any = true;
}

static int64_t floor_us(int64_t ns)
{
    return ns / 1000 - (ns % 1000 < 0);
}

/* On the stored columns themselves, so that the reader skips row groups by their statistics. */
static void add_range(struct buf *out, const struct part_filter *f, bool is_open)
{
    const char *make = is_open ? "make_timestamp" : "make_timestamptz";
    bool has_any = false;
    if (f->from_ns != TIME_UNKNOWN)
        add_condition(out, &has_any, "\"@timestamp\" >=", make, floor_us(f->from_ns));
    if (f->to_ns != TIME_UNKNOWN)
        add_condition(out, &has_any, "\"@timestamp\" <=", make, floor_us(f->to_ns - 1));
    if (f->first_sequence)
        add_condition(out, &has_any, "\"hyakuyo.sequence\" >=", "", (int64_t)f->first_sequence);
    if (f->last_sequence)
        add_condition(out, &has_any, "\"hyakuyo.sequence\" <=", "", (int64_t)f->last_sequence);
}

static void add_sources(struct buf *out, const struct events_request *r, const struct wanted_list *list,
                        const bool *is_hidden)
{
    const struct snapshot *s = r->snapshot;
    if (s->sealed.count) {
        add_select(out, list, is_hidden, false);
        buf_c(out, "read_parquet([");
        for (uint32_t i = 0; i < s->sealed.count; i++) {
            buf_c(out, i ? "," : "");
            sql_literal(out, str_c(s->sealed.parts[i]->file));
        }
        buf_c(out, "], union_by_name=true, hive_partitioning=false)");
        add_range(out, r->filter, false);
    }
    if (s->open_count) {
        buf_c(out, s->sealed.count ? " UNION ALL " : "");
        add_select(out, list, is_hidden, true);
        buf_printf(out, "hyakuyo_open(%llu)", (unsigned long long)r->open_number);
        add_range(out, r->filter, true);
    }
    if (!s->sealed.count && !s->open_count) {
        add_select(out, list, is_hidden, true);
        buf_c(out, "(SELECT 1) WHERE false");
    }
}

void events_sql(const struct events_request *r, struct buf *out)
{
    struct wanted_list list = {0};
    bool is_all = r->columns == NULL, is_new;
    arena_init(&list.arena, 8192);
    want(&list, STR("hyakuyo.sequence"), &is_new);
    for (size_t i = 0; i < r->column_count; i++)
        want(&list, r->columns[i], &is_new);
    uint32_t asked = list.count;
    bool is_overflow_asked = map_find(&list.by_name, COLUMN_OVERFLOW) != NULL;
    want(&list, COLUMN_OVERFLOW, &is_new);
    see_all(&list, r->snapshot, is_all);
    bool *is_hidden = NEW_ARRAY(bool, list.count);
    if (!is_overflow_asked && !(is_all && (list.items[asked].in_sealed || list.items[asked].in_open)))
        is_hidden[asked] = true;
    add_sources(out, r, &list, is_hidden);
    memory_free(is_hidden);
    memory_free(list.items);
    map_free(&list.by_name);
    arena_free(&list.arena);
}
