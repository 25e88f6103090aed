/* Ground floor: one event as a flat list of typed values. Parsers and maps add to it, everybody after them
 * reads. event_json.c writes it out. */
#include "event/event.h"

#include <assert.h>
#include <math.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/ip.h"

#define GROUP          8  /* fields that are compared at once; capacities are multiples of it */
#define FIRST_CAPACITY 56 /* most events keep within it, what is added on the way included */
#define MAX_VALUES     4000

static_assert(sizeof(struct value) == 16, "four values to a cache line");
static_assert(FIRST_CAPACITY % GROUP == 0 && MAX_VALUES % GROUP == 0, "groups are read whole");

/* Bit i: fields[i] is the one. Eight are read. */
static unsigned equal_among_eight(const field_id *fields, field_id field)
{
#ifdef __SSE2__
    __m128i equal = _mm_cmpeq_epi16(_mm_loadu_si128((const __m128i *)fields), _mm_set1_epi16((short)field));
    return (unsigned)_mm_movemask_epi8(_mm_packs_epi16(equal, _mm_setzero_si128()));
#else
    unsigned bits = 0;
    for (unsigned i = 0; i < GROUP; i++)
        bits |= (unsigned)(fields[i] == field) << i;
    return bits;
#endif
}

const struct value *event_find(const struct event *e, field_id field, unsigned from)
{
    const field_id *fields = event_fields(e);
    for (unsigned at = from / GROUP * GROUP; at < e->count; at += GROUP) {
        unsigned equal = equal_among_eight(fields + at, field);
        if (at < from)
            equal &= ~0u << (from - at);
        if (e->count - at < GROUP)
            equal &= (1u << (e->count - at)) - 1;
        if (equal)
            return &e->values[at + (unsigned)__builtin_ctz(equal)];
    }
    return NULL;
}

/* The member that stands for a field outside the list, or NULL. */
static int64_t *member_time(struct event *e, field_id field)
{
    if (field == FIELD_TIMESTAMP)
        return &e->time_ns;
    return field == FIELD_EVENT_INGESTED ? &e->received_ns : NULL;
}

bool event_number(const struct event *e, field_id field, int64_t *out)
{
    if (field == FIELD_TIMESTAMP || field == FIELD_EVENT_INGESTED) {
        *out = field == FIELD_TIMESTAMP ? e->time_ns : e->received_ns;
        return true;
    }
    const struct value *v = event_get(e, field);
    if (!v || value_is_text(v))
        return false;
    *out = v->type == TYPE_DOUBLE ? (int64_t)v->real : v->number;
    return true;
}

static field_id *fields_of(struct event *e)
{
    return (field_id *)(e->values + e->capacity);
}

/* Values and fields into one new place. */
static void move_values(struct event *e, struct arena *a, uint16_t capacity)
{
    const struct event old = *e;
    e->values = arena_alloc(a, capacity * (sizeof *e->values + sizeof(field_id)));
    e->capacity = capacity;
    if (e->count == 0)
        return;
    memcpy(e->values, old.values, e->count * sizeof *e->values);
    memcpy(fields_of(e), event_fields(&old), e->count * sizeof(field_id));
}

static bool append_within(struct event *e, struct arena *a, const struct value *v, uint32_t most)
{
    if (e->count == e->capacity) {
        if (e->count >= most)
            return false;
        uint32_t capacity = e->capacity ? e->capacity * 2u : FIRST_CAPACITY;
        move_values(e, a, (uint16_t)(capacity < most ? capacity : most));
    }
    fields_of(e)[e->count] = v->field;
    e->values[e->count++] = *v;
    e->present[(v->field >> 6) & 1] |= UINT64_C(1) << (v->field & 63);
    return true;
}

static bool append(struct event *e, struct arena *a, const struct value *v)
{
    return append_within(e, a, v, MAX_VALUES);
}

bool event_put_back(struct event *e, struct arena *a, const struct value *v)
{
    return append_within(e, a, v, UINT16_MAX / GROUP * GROUP);
}

static bool same_value(const struct value *a, const struct value *b)
{
    return value_is_text(a) ? str_eq(value_text(a), value_text(b)) : a->number == b->number;
}

static bool add_value(struct event *e, struct arena *a, const struct value *v)
{
    const struct value *old = event_get(e, v->field);
    if (old && v->field < FIELD_STATIC_COUNT && field_get(v->field)->shape == FIELD_SCALAR)
        return true; /* the first value stays; of a vendor's field nobody knows, so all do */
    for (; old; old = event_next(e, old))
        if (same_value(old, v))
            return true;
    return append(e, a, v);
}

static bool set_value(struct event *e, struct arena *a, const struct value *v)
{
    struct value *old = (struct value *)(uintptr_t)event_get(e, v->field);
    if (!old)
        return append(e, a, v);
    *old = *v;
    if (!event_next(e, old))
        return true;
    event_remove(e, v->field); /* an array had several */
    return append(e, a, v);
}

/* Conversions to a field's declared type. Each leaves number, real or text in *v and tells whether the text
 * was one. */
static bool long_of_text(struct str s, int64_t *out)
{
    s = str_trim(s);
    if (str_to_i64(s, out))
        return true;
    uint64_t bits;
    if (s.n > 2 && s.p[0] == '0' && ascii_lower(s.p[1]) == 'x') {
        if (!str_to_u64(s, 16, &bits) || bits > INT64_MAX)
            return false;
        *out = (int64_t)bits;
        return true;
    }
    double real;
    if (!str_to_double(s, &real) || real != floor(real) || fabs(real) > 9007199254740992.0)
        return false;
    *out = (int64_t)real;
    return true;
}

static bool bool_of_text(struct str s, int64_t *out)
{
    static const struct {
        struct str word;
        bool value;
    } words[] = {{{"true", 4}, true}, {{"false", 5}, false}, {{"yes", 3}, true},
                 {{"no", 2}, false},  {{"1", 1}, true},      {{"0", 1}, false}};
    s = str_trim(s);
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (str_eq_nocase(s, words[i].word)) {
            *out = words[i].value;
            return true;
        }
    }
    return false;
}

static bool date_of_text(struct str s, int64_t *out)
{
    static const struct time_context utc = {.reference_ns = 0};
    s = str_trim(s);
    return time_parse_iso(s, &utc, out) || time_parse_epoch(s, out);
}

/* Keeps the given bytes when they already are the canonical form, which is the common case. */
static bool ip_of_text(struct str s, struct arena *a, struct str *out)
{
    struct ip ip;
    s = str_trim(s);
    if (!ip_parse(s, &ip))
        return false;
    char text[IP_TEXT_MAX];
    struct str canonical = {text, ip_format(&ip, text)};
    *out = str_eq(s, canonical) ? s : arena_str(a, canonical);
    return true;
}

static void put_text(struct value *v, struct str s)
{
    v->text = s.p ? s.p : "";
    v->size = (uint32_t)s.n;
}

static bool convert_text(const struct field *f, struct arena *a, struct str s, struct value *v)
{
    struct str address;
    if (s.n > UINT32_MAX)
        return false;
    switch (f->type) {
    case TYPE_KEYWORD:
    case TYPE_TEXT:
        put_text(v, s);
        return true;
    case TYPE_IP:
        if (!ip_of_text(s, a, &address))
            return false;
        put_text(v, address);
        return true;
    case TYPE_LONG:
        return long_of_text(s, &v->number);
    case TYPE_DOUBLE:
        return str_to_double(str_trim(s), &v->real);
    case TYPE_BOOL:
        return bool_of_text(s, &v->number);
    case TYPE_DATE:
        return date_of_text(s, &v->number);
    }
    BUG("unknown type of field");
}

static struct str number_text(int64_t number, struct arena *a)
{
    char text[24];
    struct buf digits = {.p = text, .capacity = sizeof text};
    buf_i64(&digits, number);
    return arena_str(a, buf_str(&digits));
}

static struct str double_text(double real, struct arena *a)
{
    for (int precision = 15; precision < 17; precision++) {
        struct str s = arena_printf(a, "%.*g", precision, real);
        double back;
        if (str_to_double(s, &back) && back == real)
            return s;
    }
    return arena_printf(a, "%.17g", real);
}

static bool convert_number(const struct field *f, struct arena *a, int64_t number, struct value *v)
{
    switch (f->type) {
    case TYPE_KEYWORD:
    case TYPE_TEXT:
        put_text(v, number_text(number, a));
        return true;
    case TYPE_IP:
        return false;
    case TYPE_DOUBLE:
        v->real = (double)number;
        return true;
    case TYPE_BOOL:
        v->number = number != 0;
        return true;
    case TYPE_LONG:
    case TYPE_DATE:
        v->number = number;
        return true;
    }
    BUG("unknown type of field");
}

/* @timestamp and event.ingested are members; event.original is nobody's to change. */
static bool write_member(struct event *e, const struct value *v)
{
    int64_t *time_ns = member_time(e, v->field);
    if (!time_ns)
        return false;
    *time_ns = v->number;
    return true;
}

static bool is_member(field_id field)
{
    return field == FIELD_TIMESTAMP || field == FIELD_EVENT_INGESTED || field == FIELD_EVENT_ORIGINAL;
}

typedef bool store_value(struct event *e, struct arena *a, const struct value *v);

static bool put(struct event *e, struct arena *a, const struct value *v, store_value *store)
{
    if (is_member(v->field))
        return write_member(e, v);
    return v->field != FIELD_NONE && store(e, a, v);
}

static bool put_as_text(struct event *e, struct arena *a, field_id field, struct str text, store_value *store)
{
    const struct field *f = field_get(field);
    struct value v = {.field = field, .type = (uint8_t)f->type};
    return convert_text(f, a, text, &v) && put(e, a, &v, store);
}

static bool put_as_number(struct event *e, struct arena *a, field_id field, int64_t number,
                          store_value *store)
{
    const struct field *f = field_get(field);
    struct value v = {.field = field, .type = (uint8_t)f->type};
    return convert_number(f, a, number, &v) && put(e, a, &v, store);
}

bool event_add(struct event *e, struct arena *a, field_id field, struct str text)
{
    return put_as_text(e, a, field, text, add_value);
}

bool event_set(struct event *e, struct arena *a, field_id field, struct str text)
{
    return put_as_text(e, a, field, text, set_value);
}

bool event_add_number(struct event *e, struct arena *a, field_id field, int64_t number)
{
    return put_as_number(e, a, field, number, add_value);
}

bool event_set_number(struct event *e, struct arena *a, field_id field, int64_t number)
{
    return put_as_number(e, a, field, number, set_value);
}

bool event_add_double(struct event *e, struct arena *a, field_id field, double real)
{
    const struct field *f = field_get(field);
    if (f->type == TYPE_DOUBLE) {
        struct value v = {.field = field, .type = TYPE_DOUBLE, .real = real};
        return isfinite(real) && put(e, a, &v, add_value);
    }
    if (f->type == TYPE_KEYWORD || f->type == TYPE_TEXT)
        return event_add(e, a, field, double_text(real, a));
    if (!(fabs(real) <= 9007199254740992.0) || real != floor(real))
        return false;
    return event_add_number(e, a, field, (int64_t)real);
}

void event_remove(struct event *e, field_id field)
{
    uint16_t kept = 0;
    for (uint16_t i = 0; i < e->count; i++)
        if (e->values[i].field != field) {
            fields_of(e)[kept] = e->values[i].field;
            e->values[kept++] = e->values[i];
        }
    e->count = kept; /* the bit in `present` may stand for another field too, so it stays */
}

struct str value_as_text(const struct value *v, struct arena *a)
{
    char text[TIME_TEXT_MAX];
    switch ((enum value_type)v->type) {
    case TYPE_KEYWORD:
    case TYPE_TEXT:
    case TYPE_IP:
        return value_text(v);
    case TYPE_LONG:
        return number_text(v->number, a);
    case TYPE_DOUBLE:
        return double_text(v->real, a);
    case TYPE_BOOL:
        return v->number ? STR("true") : STR("false");
    case TYPE_DATE:
        return arena_str(a, (struct str){text, time_format_iso(v->number, text)});
    }
    BUG("unknown type of value");
}

void event_copy(const struct event *from, struct event *to, struct arena *a)
{
    *to = *from;
    move_values(to, a, (uint16_t)(from->count / GROUP * GROUP + GROUP));
    to->raw = arena_str(a, from->raw);
    for (uint16_t i = 0; i < to->count; i++) {
        struct value *v = &to->values[i];
        if (value_is_text(v))
            v->text = arena_str(a, value_text(v)).p;
    }
}
