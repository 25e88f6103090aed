/* Counts events by the dimensions of the everyday trends (stage instrument). Each event's values are walked
 * once for all dimensions. desk_keep.c hands the cells to state.db. */
#include "instrument/rollup.h"

#include <stdio.h>

#include "base/domain.h"
#include "base/memory.h"

#define AHEAD_SECONDS 86400
#define FIELDS_MAX    (ROLLUP_DIMENSIONS_MAX * (ROLLUP_WHEN_MAX + ROLLUP_BY_MAX) + 1)
#define WHEN_MAX      (ROLLUP_DIMENSIONS_MAX * ROLLUP_WHEN_MAX)

/* One value that a field may have for some condition. */
struct wanted {
    struct str value; /* "*" = any */
    uint64_t bit;     /* of the condition */
    struct wanted *next;
};

struct rollup {
    const struct rollup_content *content;
    const struct zone *zone;
    uint8_t slots[FIELD_STATIC_COUNT]; /* field → place in `first`; 0 = nobody asks for it */
    struct wanted *wanted[FIELDS_MAX];
    size_t field_count; /* slots in use, 0 among them */
    uint64_t needed[ROLLUP_DIMENSIONS_MAX];
    struct arena arena; /* of what is above */
    struct rollup_cells cells;
    int64_t day_s, day_end_s; /* the local day of the last event */
    uint64_t out_of_range;
};

int64_t rollup_day_start(const struct zone *zone, int64_t seconds)
{
    int64_t local = seconds + zone_offset_at_utc(zone, seconds);
    int64_t midnight = local - ((local % 86400) + 86400) % 86400;
    return midnight - zone_offset_at_local(zone, midnight);
}

/* --------------------------------------------------------------- what is asked */

static uint8_t slot_of(struct rollup *r, field_id field)
{
    if (r->slots[field] == 0) {
        BUG_IF(r->field_count >= FIELDS_MAX);
        r->slots[field] = (uint8_t)r->field_count++;
    }
    return r->slots[field];
}

static bool is_same(const struct rollup_condition *a, const struct rollup_condition *b)
{
    if (a->field != b->field || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!str_eq(a->values[i], b->values[i]))
            return false;
    return true;
}

/* The bit of an equal condition that an earlier dimension has; 0 = none. */
static uint64_t known_bit(const struct rollup_condition *const *known, unsigned count,
                          const struct rollup_condition *c)
{
    for (unsigned i = 0; i < count; i++)
        if (is_same(known[i], c))
            return 1ull << i;
    return 0;
}

static void want(struct rollup *r, const struct rollup_condition *c, uint64_t bit)
{
    uint8_t slot = slot_of(r, c->field);
    for (size_t i = 0; i < c->count; i++) {
        struct wanted *w = ARENA_NEW(&r->arena, struct wanted);
        *w = (struct wanted){c->values[i], bit, r->wanted[slot]};
        r->wanted[slot] = w;
    }
}

static void prepare(struct rollup *r)
{
    const struct rollup_condition *known[WHEN_MAX];
    _Static_assert(WHEN_MAX <= 64, "conditions are bits");
    unsigned count = 0;
    r->field_count = 1;
    for (size_t d = 0; d < r->content->count; d++) {
        const struct rollup_dimension *dimension = &r->content->dimensions[d];
        for (size_t i = 0; i < dimension->when_count; i++) {
            const struct rollup_condition *c = &dimension->when[i];
            uint64_t bit = known_bit(known, count, c);
            if (bit == 0) {
                bit = 1ull << count;
                known[count++] = c;
                want(r, c, bit);
            }
            r->needed[d] |= bit;
        }
        for (size_t i = 0; i < dimension->by_count; i++)
            slot_of(r, dimension->by[i].field);
    }
}

static void begin(struct rollup_cells *cells)
{
    *cells = (struct rollup_cells){0};
    arena_init(&cells->arena, 64 << 10);
}

struct rollup *rollup_new(const struct rollup_content *content, const struct zone *zone)
{
    struct rollup *r = NEW(struct rollup);
    r->content = content;
    r->zone = zone;
    arena_init(&r->arena, 4 << 10);
    begin(&r->cells);
    prepare(r);
    return r;
}

void rollup_cells_free(struct rollup_cells *cells)
{
    map_free(&cells->map);
    arena_free(&cells->arena);
}

void rollup_free(struct rollup *r)
{
    if (r == NULL)
        return;
    rollup_cells_free(&r->cells);
    arena_free(&r->arena);
    memory_free(r);
}

/* -------------------------------------------------------------------- counting */

struct key {
    char text[sizeof(struct rollup_place) + ROLLUP_KEY_MAX];
    size_t n;
    bool is_too_long;
};

static void put_byte(struct key *k, char c)
{
    if (k->n == sizeof k->text)
        k->is_too_long = true;
    else
        k->text[k->n++] = c;
}

/* In lower case, as questions compare. */
static void put_text(struct key *k, struct str text)
{
    for (size_t i = 0; i < text.n && !k->is_too_long; i++) {
        char c = text.p[i];
        if ((unsigned char)c < ' ')
            k->is_too_long = true; /* nobody could ask for it */
        if (c == '|' || c == '\\')
            put_byte(k, '\\');
        put_byte(k, ascii_lower(c));
    }
}

static void put_part(struct key *k, const struct rollup_part *part, const struct value *v)
{
    char digits[24];
    if (v == NULL)
        return;
    switch ((enum value_type)v->type) {
    case TYPE_KEYWORD:
    case TYPE_TEXT:
    case TYPE_IP:
        break;
    default:
        put_text(k, str_n(digits, (size_t)snprintf(digits, sizeof digits, "%lld", (long long)v->number)));
        return;
    }
    size_t start = k->n;
    put_text(k, value_text(v));
    if (!part->is_registered || k->is_too_long)
        return;
    struct str name = str_n(k->text + start, k->n - start), registered = domain_registered(name);
    memmove(k->text + start, registered.p, registered.n);
    k->n = start + registered.n;
}

static void add(struct rollup_cells *cells, const struct key *k, uint64_t count)
{
    struct str text = str_n(k->text, k->n);
    uintptr_t *known = map_find(&cells->map, text);
    if (known == NULL)
        known = map_put(&cells->map, arena_str(&cells->arena, text), NULL);
    *known += count;
}

static void add_special(struct rollup_cells *cells, const struct key *k, const char *name, uint64_t count)
{
    struct key special = *k;
    special.n = sizeof(struct rollup_place);
    put_byte(&special, name[0]);
    add(cells, &special, count);
}

static void count_key(struct rollup_cells *cells, const struct key *k, uint64_t count)
{
    if (k->is_too_long) {
        add_special(cells, k, ROLLUP_OTHER, count);
    } else if (cells->map.count < ROLLUP_CELLS_MAX || map_find(&cells->map, str_n(k->text, k->n)) != NULL) {
        add(cells, k, count);
    } else {
        add_special(cells, k, ROLLUP_OTHER, count);
        add_special(cells, k, ROLLUP_SHORT, count);
    }
}

static void count_in(struct rollup *r, size_t index, struct rollup_place place,
                     const struct value *const *first)
{
    const struct rollup_dimension *d = &r->content->dimensions[index];
    struct key k = {.n = sizeof place};
    place.dimension = (uint16_t)index;
    memcpy(k.text, &place, sizeof place);
    for (size_t i = 0; i < d->by_count; i++) {
        if (i)
            put_byte(&k, '|');
        put_part(&k, &d->by[i], first[r->slots[d->by[i].field]]);
    }
    count_key(&r->cells, &k, 1);
}

static bool find_place(struct rollup *r, const struct event *e, struct rollup_place *out)
{
    int64_t seconds = e->time_ns / NS_PER_SECOND, received_s = e->received_ns / NS_PER_SECOND;
    if (seconds > received_s + AHEAD_SECONDS || seconds < received_s - (int64_t)r->content->days * 86400 ||
        seconds < 86400) {
        r->out_of_range++;
        return false;
    }
    if (seconds < r->day_s || seconds >= r->day_end_s) {
        r->day_s = rollup_day_start(r->zone, seconds);
        r->day_end_s = rollup_day_start(r->zone, r->day_s + 86400 + 7200); /* 23 to 25 hours later */
    }
    *out = (struct rollup_place){.day_s = r->day_s,
                                 .bin = (uint16_t)((seconds - r->day_s) / ROLLUP_BIN_SECONDS)};
    return true;
}

/* Which conditions it meets, and its first value of each field that is asked for. */
static uint64_t look(const struct rollup *r, const struct event *e, const struct value **first)
{
    uint64_t met = 0;
    for (uint32_t i = 0; i < e->count; i++) {
        const struct value *v = &e->values[i];
        uint8_t slot = v->field < FIELD_STATIC_COUNT ? r->slots[v->field] : 0;
        if (slot == 0)
            continue;
        if (first[slot] == NULL)
            first[slot] = v;
        for (const struct wanted *w = r->wanted[slot]; w != NULL; w = w->next)
            if ((w->value.n == 1 && w->value.p[0] == '*') || str_eq_nocase(w->value, value_text(v)))
                met |= w->bit;
    }
    return met;
}

void rollup_take(struct rollup *r, const struct batch *batch, uint64_t after)
{
    for (uint32_t n = 0; n < batch->count; n++) {
        const struct event *e = &batch->events[n];
        const struct value *first[FIELDS_MAX];
        struct rollup_place place;
        if (e->sequence <= after || e->flags & (EVENT_CANARY | EVENT_EXERCISE))
            continue;
        memset(first, 0, r->field_count * sizeof *first);
        uint64_t met = look(r, e, first);
        if (met == 0 || !find_place(r, e, &place))
            continue;
        for (size_t d = 0; d < r->content->count; d++)
            if ((met & r->needed[d]) == r->needed[d])
                count_in(r, d, place, first);
    }
}

uint64_t rollup_out_of_range(const struct rollup *r)
{
    return r->out_of_range;
}

/* -------------------------------------------------------------------- handing on */

void rollup_hand_over(struct rollup *r, struct rollup_cells *out)
{
    *out = r->cells;
    begin(&r->cells);
}

void rollup_put_back(struct rollup *r, struct rollup_cells *cells)
{
    for (uint32_t i = 0; i < cells->map.count; i++) {
        const struct map_entry *e = &cells->map.entries[i];
        struct key k = {.n = e->key.n};
        memcpy(k.text, e->key.p, e->key.n);
        count_key(&r->cells, &k, e->value);
    }
    rollup_cells_free(cells);
}

/* ------------------------------------------------------------------------ usual */

#define ALPHA 0.2
#define BETA  0.02
#define GAMMA 0.1
#define WIDTH 3 /* spec 2.1, 5: ± 3 · 1.25 · EWMA of the deviations */

void rollup_bands(const double *hours, size_t n, unsigned first_hour_of_week, struct band *out)
{
    struct holt_winters h = {0};
    for (size_t i = 0; i < n; i++) {
        unsigned hour = (first_hour_of_week + i) % WEEK_HOURS;
        out[i] = holt_winters_band(&h, hour, WIDTH);
        out[i].expected = out[i].expected > 0 ? out[i].expected : 0;
        holt_winters_step(&h, hour, hours[i], ALPHA, BETA, GAMMA);
    }
}
