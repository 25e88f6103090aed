/* store stage: events → columns. Reads finished events, leaves rows of the open part. The layout of a part,
 * documented in column_set.h and docs/store.md, is decided here. Next: open_part.c (who may read meanwhile),
 * parquet_file.c. */
#include "store/column_set.h"

#include "base/base64.h"
#include "base/charset.h"
#include "base/json.h"
#include "base/memory.h"

enum { COLUMN_BY_OVERFLOW = UINT16_MAX, AHEAD = 32 };

static const enum column_kind kind_of_type[] = {
    [TYPE_KEYWORD] = COLUMN_TEXT, [TYPE_TEXT] = COLUMN_TEXT,   [TYPE_IP] = COLUMN_TEXT,
    [TYPE_LONG] = COLUMN_NUMBER,  [TYPE_DOUBLE] = COLUMN_REAL, [TYPE_BOOL] = COLUMN_BOOL,
    [TYPE_DATE] = COLUMN_TIME,
};

enum column_kind column_kind_of(enum value_type type)
{
    return kind_of_type[type];
}

/* ---- columns ---- */

/* A spare column of that name. Names of declared and vendor fields live as long as the process, so their
 * place tells. */
static struct column *take_spare(struct column_set *set, struct str name)
{
    for (uint32_t i = 0; i < set->spare_count; i++) {
        struct column *c = set->spare[i];
        if (c->name.p == name.p) {
            set->spare[i] = set->spare[--set->spare_count];
            return c;
        }
    }
    return NULL;
}

static struct column *make_column(struct str name, enum column_kind kind, bool is_list)
{
    struct column *c = NEW(struct column);
    column_init(c, name, kind, is_list);
    field_id known = field_find(name);
    c->has_bloom = known != FIELD_NONE && kind == COLUMN_TEXT && field_get(known)->index == INDEX_BLOOM;
    return c;
}

static struct column *append_column(struct column_set *set, struct str name, enum column_kind kind,
                                    bool is_list)
{
    if (set->count == set->capacity) {
        set->capacity = set->capacity ? set->capacity * 2 : 64;
        set->columns = memory_resize_array(set->columns, set->capacity, sizeof *set->columns);
    }
    struct column *c = take_spare(set, name);
    if (!c)
        c = make_column(name, kind, is_list);
    set->columns[set->count++] = c;
    return c;
}

static struct column *declared_column(struct column_set *set, field_id id)
{
    const struct field *f = field_get(id);
    struct column *c = append_column(set, f->name, kind_of_type[f->type], f->shape == FIELD_ARRAY);
    set->by_field[id] = (uint16_t)set->count;
    return c;
}

struct column *column_set_add_column(struct column_set *set, struct str name, enum column_kind kind,
                                     bool is_list)
{
    return append_column(set, arena_str(&set->arena, name), kind, is_list);
}

struct column *column_set_find(const struct column_set *set, struct str name)
{
    for (uint32_t i = 0; i < set->count; i++)
        if (str_eq(set->columns[i]->name, name))
            return set->columns[i];
    return NULL;
}

static void begin_columns(struct column_set *set)
{
    set->min_time_ns = set->max_time_ns = set->first_time_ns = TIME_UNKNOWN;
    set->sequence = declared_column(set, FIELD_HYAKUYO_SEQUENCE);
    set->timestamp = declared_column(set, FIELD_TIMESTAMP);
    set->ingested = declared_column(set, FIELD_EVENT_INGESTED);
    set->original = declared_column(set, FIELD_EVENT_ORIGINAL);
    set->original->is_plain = true; /* records hardly ever repeat */
}

struct column_set *column_set_new(void)
{
    struct column_set *set = NEW(struct column_set);
    arena_init(&set->arena, 16 * 1024);
    set->by_field = NEW_ARRAY(uint16_t, FIELD_MAX);
    begin_columns(set);
    return set;
}

static void free_column(struct column *c)
{
    column_free(c);
    memory_free(c);
}

static void free_spare(struct column_set *set)
{
    for (uint32_t i = 0; i < set->spare_count; i++)
        free_column(set->spare[i]);
    memory_free(set->spare);
    set->spare = NULL;
    set->spare_count = 0;
}

void column_set_recycle(struct column_set *set)
{
    free_spare(set);
    set->spare = NEW_ARRAY(struct column *, set->count);
    for (uint32_t i = 0; i < set->count; i++) {
        struct column *c = set->columns[i];
        if (str_starts(c->name, COLUMN_NANOSECONDS)) { /* its name goes with the arena */
            free_column(c);
            continue;
        }
        column_recycle(c);
        set->spare[set->spare_count++] = c;
    }
    arena_reset(&set->arena);
    memset(set->by_field, 0, FIELD_MAX * sizeof *set->by_field);
    set->count = set->rows = 0;
    set->text_bytes = 0;
    set->overflow = NULL;
    begin_columns(set);
}

void column_set_free(struct column_set *set)
{
    if (!set)
        return;
    free_spare(set);
    for (uint32_t i = 0; i < set->count; i++)
        free_column(set->columns[i]);
    memory_free(set->columns);
    memory_free(set->by_field);
    arena_free(&set->arena);
    buf_free(&set->scratch);
    memory_free(set);
}

/* ---- which column a field goes to ---- */

static bool is_clean_name(struct str name)
{
    if (name.n == 0 || name.n > COLUMN_NAME_MAX || !str_is_utf8(name))
        return false;
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] < 0x20 || name.p[i] == 0x7F)
            return false;
    return true;
}

/* SQL names are equal when they differ in case only; a declared field keeps its name free even before it
 * occurs. */
static bool is_name_taken(const struct column_set *set, struct str name)
{
    struct buf lower = {0};
    for (size_t i = 0; i < name.n; i++)
        buf_char(&lower, ascii_lower(name.p[i]));
    field_id declared = field_find(buf_str(&lower));
    buf_free(&lower);
    if (declared != FIELD_NONE && declared < FIELD_STATIC_COUNT)
        return true;
    for (uint32_t i = 0; i < set->count; i++)
        if (str_eq_nocase(set->columns[i]->name, name))
            return true;
    return false;
}

/* NULL: the overflow column takes it. Decided once for each field and part. */
static struct column *place_field(struct column_set *set, field_id id)
{
    if (id < FIELD_STATIC_COUNT)
        return declared_column(set, id);
    struct str name = field_name(id);
    bool is_reserved = str_eq(name, COLUMN_OVERFLOW) || str_starts(name, COLUMN_NANOSECONDS);
    if (set->count >= COLUMN_LIMIT || is_reserved || !is_clean_name(name) || is_name_taken(set, name)) {
        set->by_field[id] = COLUMN_BY_OVERFLOW;
        return NULL;
    }
    return declared_column(set, id);
}

static struct column *column_of(struct column_set *set, field_id id)
{
    uint16_t number = set->by_field[id];
    if (number == COLUMN_BY_OVERFLOW)
        return NULL;
    return number ? set->columns[number - 1] : place_field(set, id);
}

/* ---- values ---- */

static void add_nanoseconds(struct column_set *set, struct column *c, int64_t remainder)
{
    if (!c->nanoseconds) {
        struct str name = arena_concat(&set->arena, COLUMN_NANOSECONDS, c->name);
        c->nanoseconds = append_column(set, name, COLUMN_NUMBER, false);
    }
    column_add_number(c->nanoseconds, set->rows, remainder);
}

static int64_t floor_to_us(int64_t time_ns, int64_t *remainder)
{
    int64_t us = time_ns / 1000;
    *remainder = time_ns % 1000;
    if (*remainder < 0) {
        *remainder += 1000;
        us--;
    }
    return us;
}

static void add_time(struct column_set *set, struct column *c, int64_t time_ns)
{
    if (time_ns == TIME_UNKNOWN)
        return;
    int64_t remainder;
    column_add_number(c, set->rows, floor_to_us(time_ns, &remainder));
    if (remainder && !c->is_list && c != set->ingested)
        add_nanoseconds(set, c, remainder);
}

static void add_value(struct column_set *set, struct column *c, const struct value *v, uint32_t hash)
{
    switch (c->kind) {
    case COLUMN_TEXT:
        column_add_text_ahead(c, set->rows, value_text(v), hash);
        break;
    case COLUMN_TIME:
        add_time(set, c, v->number);
        break;
    case COLUMN_REAL:
        column_add_real(c, set->rows, v->real);
        break;
    default:
        column_add_number(c, set->rows, v->number);
    }
}

/* One member of the overflow object holds all values of a field as an array. */
static void add_overflow_member(struct buf *out, const struct event *e, const struct value *v)
{
    buf_char(out, out->n ? ',' : '{');
    json_string(out, field_name(v->field));
    buf_c(out, ":[");
    for (const struct value *next = v; next; next = event_next(e, next)) {
        if (next != v)
            buf_char(out, ',');
        json_string(out, value_text(next));
    }
    buf_char(out, ']');
}

static void add_overflow(struct column_set *set, const struct event *e)
{
    buf_clear(&set->scratch);
    for (uint16_t i = 0; i < e->count; i++) {
        const struct value *v = &e->values[i];
        if (set->by_field[v->field] == COLUMN_BY_OVERFLOW && event_get(e, v->field) == v)
            add_overflow_member(&set->scratch, e, v);
    }
    buf_char(&set->scratch, '}');
    if (!set->overflow)
        set->overflow = append_column(set, COLUMN_OVERFLOW, COLUMN_TEXT, false);
    column_add_text(set->overflow, set->rows, buf_str(&set->scratch));
}

static void add_original(struct column_set *set, struct str raw)
{
    if (str_is_utf8(raw)) {
        column_add_utf8(set->original, set->rows, raw);
        return;
    }
    struct arena scratch;
    arena_init(&scratch, raw.n * 4 + 1024);
    column_add_text(set->original, set->rows, charset_to_utf8(raw, &scratch, NULL));
    arena_free(&scratch);
    buf_clear(&set->scratch);
    base64_encode(&set->scratch, raw);
    struct column *c = column_of(set, FIELD_HYAKUYO_ORIGINAL_BASE64);
    column_add_text(c, set->rows, buf_str(&set->scratch));
}

static bool is_member(field_id id)
{
    return id == FIELD_TIMESTAMP || id == FIELD_EVENT_INGESTED || id == FIELD_EVENT_ORIGINAL ||
           id == FIELD_HYAKUYO_SEQUENCE || id == FIELD_HYAKUYO_ORIGINAL_BASE64 || id == FIELD_NONE;
}

static void add_failure_tag(struct column_set *set, const struct event *e)
{
    for (const struct value *v = event_get(e, FIELD_TAGS); v; v = event_next(e, v))
        if (str_eq(value_text(v), STR("parse_failure")))
            return;
    column_add_text(column_of(set, FIELD_TAGS), set->rows, STR("parse_failure"));
}

/* A few values at once: where they go, then what is needed there, then the values. False when some must go to
 * the overflow column. */
static bool add_values(struct column_set *set, const struct value *values, unsigned count)
{
    struct column *columns[AHEAD];
    uint32_t hashes[AHEAD];
    bool all_placed = true;
    for (unsigned i = 0; i < count; i++) {
        bool is_wanted = !is_member(values[i].field);
        columns[i] = is_wanted ? column_of(set, values[i].field) : NULL;
        all_placed = all_placed && (!is_wanted || columns[i]);
        bool is_text = columns[i] && columns[i]->kind == COLUMN_TEXT;
        hashes[i] = is_text ? column_ahead(columns[i], value_text(&values[i])) : 0;
    }
    for (unsigned i = 0; i < count; i++)
        if (hashes[i])
            column_ahead_entry(columns[i], hashes[i]);
    for (unsigned i = 0; i < count; i++)
        if (hashes[i])
            column_ahead_text(columns[i], hashes[i]);
    for (unsigned i = 0; i < count; i++)
        if (columns[i])
            add_value(set, columns[i], &values[i], hashes[i]);
    return all_placed;
}

void column_set_add_event(struct column_set *set, const struct event *e, uint64_t sequence)
{
    bool has_overflow = false;
    column_add_number(set->sequence, set->rows, (int64_t)sequence);
    add_time(set, set->timestamp, e->time_ns);
    add_time(set, set->ingested, e->received_ns);
    add_original(set, e->raw);
    if (e->flags & EVENT_PARSE_FAILURE)
        add_failure_tag(set, e);
    for (unsigned i = 0; i < e->count; i += AHEAD)
        has_overflow |= !add_values(set, &e->values[i], e->count - i < AHEAD ? e->count - i : AHEAD);
    if (has_overflow)
        add_overflow(set, e);
    set->text_bytes += e->raw.n;
    column_set_end_row(set, e->time_ns);
}

void column_set_end_row(struct column_set *set, int64_t time_ns)
{
    set->rows++;
    if (time_ns == TIME_UNKNOWN)
        return;
    if (set->first_time_ns == TIME_UNKNOWN)
        set->first_time_ns = set->min_time_ns = set->max_time_ns = time_ns;
    if (time_ns < set->min_time_ns)
        set->min_time_ns = time_ns;
    if (time_ns > set->max_time_ns)
        set->max_time_ns = time_ns;
}

size_t column_set_bytes(const struct column_set *set)
{
    size_t bytes = sizeof *set + FIELD_MAX * sizeof *set->by_field;
    for (uint32_t i = 0; i < set->count; i++)
        bytes += sizeof(struct column) + column_bytes(set->columns[i]);
    return bytes;
}

void column_set_freeze(struct column_set *set)
{
    for (uint32_t i = 0; i < set->count; i++)
        column_freeze(set->columns[i]);
    memory_free(set->by_field);
    set->by_field = NULL;
}

/* The two letters outside ASCII whose lower case lies inside it: U+212A KELVIN SIGN → k, U+0130 I WITH DOT →
 * i. */
struct str column_fold(struct str text, struct buf *scratch)
{
    buf_clear(scratch);
    char *out = buf_reserve(scratch, text.n);
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        struct str rest = {text.p + i, text.n - i};
        if ((unsigned char)text.p[i] < 0x80) {
            out[n++] = ascii_lower(text.p[i]);
        } else if (str_starts(rest, STR("\xE2\x84\xAA"))) {
            out[n++] = 'k';
            i += 2;
        } else if (str_starts(rest, STR("\xC4\xB0"))) {
            out[n++] = 'i';
            i += 1;
        } else {
            out[n++] = text.p[i];
        }
    }
    scratch->n = n;
    return buf_str(scratch);
}
