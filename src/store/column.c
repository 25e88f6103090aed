/* store stage: columns of the part that is still open. Reads values of events (through column_set.c), leaves
 * them in the shape in which they are written (parquet_page.c) and searched before that (duckdb.c). Next:
 * column_set.c. */
#include "store/column.h"

#include <sys/mman.h>

#include "base/json.h"
#include "base/memory.h"

enum {
    FIRST_CAPACITY = 64,
    FIRST_SLOTS = 128,
    HUGE_PAGE = 2 << 20,
    TRIAL_ENTRIES = 1 << 14, /* so many different texts are needed before a dictionary is judged */
};

void column_init(struct column *c, struct str name, enum column_kind kind, bool is_list)
{
    *c = (struct column){.name = name, .kind = kind, .is_list = is_list, .last_code = UINT32_MAX};
}

void column_free(struct column *c)
{
    memory_free(c->rows);
    memory_free(c->kept_rows);
    memory_free(c->numbers);
    memory_free(c->entries);
    memory_free(c->slots);
    buf_free(&c->heap);
}

static size_t value_bytes(const struct column *c)
{
    return c->kind == COLUMN_TEXT ? sizeof(uint32_t) : sizeof(int64_t);
}

static void grow_values(struct column *c)
{
    c->capacity = c->capacity ? c->capacity * 2 : FIRST_CAPACITY;
    c->numbers = memory_resize_array(c->numbers, c->capacity, value_bytes(c));
    if (c->rows)
        c->rows = memory_resize_array(c->rows, c->capacity, sizeof *c->rows);
    memory_free(c->kept_rows); /* too small now */
    c->kept_rows = NULL;
}

/* The first row that is left out, or the first second value: from here on each value names its row. */
static void start_rows(struct column *c)
{
    c->rows = c->kept_rows ? c->kept_rows : NEW_ARRAY(uint32_t, c->capacity);
    c->kept_rows = NULL;
    for (uint32_t i = 0; i < c->count; i++)
        c->rows[i] = i;
}

/* Room for one more value of `row`; its index. */
static uint32_t push_value(struct column *c, uint32_t row)
{
    if (c->count == c->capacity)
        grow_values(c);
    if (!c->rows && row != c->count)
        start_rows(c);
    if (c->rows)
        c->rows[c->count] = row;
    return c->count++;
}

static bool has_row(const struct column *c, uint32_t row)
{
    return c->count && column_row(c, c->count - 1) == row;
}

/* ---- dictionary ---- */

static uint64_t make_slot(uint32_t hash, uint32_t code)
{
    return (uint64_t)hash << 32 | (code + 1);
}

static void grow_slots(struct column *c)
{
    uint32_t old_size = c->slots ? c->slot_mask + 1 : 0, size = old_size ? old_size * 2 : FIRST_SLOTS;
    uint64_t *old = c->slots;
    c->slots = NEW_ARRAY(uint64_t, size);
    c->slot_mask = size - 1;
    for (uint32_t i = 0; i < old_size; i++) {
        if (!old[i])
            continue;
        uint32_t at = (uint32_t)(old[i] >> 32) & c->slot_mask;
        while (c->slots[at])
            at = (at + 1) & c->slot_mask;
        c->slots[at] = old[i];
    }
    memory_free(old);
}

/* Filling fresh memory costs more than the copy itself when it comes in small pages. */
static void prefer_huge_pages(const struct buf *heap)
{
    uintptr_t from = ((uintptr_t)heap->p + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1);
    uintptr_t to = ((uintptr_t)heap->p + heap->capacity) & ~(uintptr_t)(HUGE_PAGE - 1);
    if (to > from)
        madvise((void *)from, to - from, MADV_HUGEPAGE); /* a wish; nothing depends on it */
}

static void append_text(struct buf *heap, struct str text)
{
    size_t before = heap->capacity;
    buf_add(heap, text);
    if (heap->capacity != before && heap->capacity >= 2 * HUGE_PAGE)
        prefer_huge_pages(heap);
}

static uint32_t append_entry(struct column *c, struct str text)
{
    if (c->entry_count == c->entry_capacity) {
        c->entry_capacity = c->entry_capacity ? c->entry_capacity * 2 : FIRST_CAPACITY;
        c->entries = memory_resize_array(c->entries, c->entry_capacity, sizeof *c->entries);
    }
    BUG_IF(c->heap.n + text.n > UINT32_MAX);
    c->entries[c->entry_count] = (struct text_entry){(uint32_t)c->heap.n, (uint32_t)text.n};
    append_text(&c->heap, text);
    return c->entry_count++;
}

/* Slot of the text: where it is, or the free one where it belongs. */
static uint32_t find_slot(const struct column *c, struct str text, uint32_t hash)
{
    uint32_t at = hash & c->slot_mask;
    for (uint64_t slot; (slot = c->slots[at]) != 0; at = (at + 1) & c->slot_mask)
        if (slot >> 32 == hash && str_eq(column_entry(c, (uint32_t)slot - 1), text))
            break;
    return at;
}

/* Not worth it when more than half of the values are new ones. */
static void judge_dictionary(struct column *c)
{
    if (c->entry_count < TRIAL_ENTRIES || c->entry_count < c->count / 2)
        return;
    c->is_plain = true;
    memory_free(c->slots);
    c->slots = NULL;
}

static struct str replace_invalid(struct str text, struct buf *out)
{
    for (size_t i = 0; i < text.n;) {
        unsigned char lead = (unsigned char)text.p[i];
        size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
        if (size <= text.n - i && str_is_utf8(str_slice(text, i, i + size))) {
            buf_bytes(out, text.p + i, size);
            i += size;
        } else {
            buf_c(out, "\xEF\xBF\xBD");
            i++;
        }
    }
    return buf_str(out);
}

static uint32_t text_code(struct column *c, struct str text, uint32_t hash, bool is_utf8);

static uint32_t invalid_text_code(struct column *c, struct str text)
{
    struct buf clean = {0};
    uint32_t code = text_code(c, replace_invalid(text, &clean), 0, true);
    buf_free(&clean);
    return code;
}

static bool is_last(const struct column *c, struct str text)
{
    return c->last_code != UINT32_MAX && str_eq(column_entry(c, c->last_code), text);
}

/* Entries are valid UTF-8, so only a text that is not among them needs to be looked at, unless somebody has.
 * `hash` is 0 when it is not known yet. */
static uint32_t text_code(struct column *c, struct str text, uint32_t hash, bool is_utf8)
{
    if (is_last(c, text))
        return c->last_code;
    uint32_t slot = 0;
    if (!c->is_plain) {
        if (!c->slots || c->entry_count * 2 > c->slot_mask)
            grow_slots(c);
        hash = hash ? hash : (uint32_t)str_hash(text);
        slot = find_slot(c, text, hash);
        if (c->slots[slot])
            return c->last_code = (uint32_t)c->slots[slot] - 1;
    }
    if (!is_utf8 && !str_is_utf8(text))
        return invalid_text_code(c, text);
    c->last_code = append_entry(c, text);
    if (!c->is_plain) {
        c->slots[slot] = make_slot(hash, c->last_code);
        judge_dictionary(c);
    }
    return c->last_code;
}

/* ---- looking ahead ---- */

uint32_t column_ahead(const struct column *c, struct str text)
{
    if (!c->slots || is_last(c, text))
        return 0;
    uint32_t hash = (uint32_t)str_hash(text);
    __builtin_prefetch(&c->slots[hash & c->slot_mask]);
    return hash;
}

/* The first slot is nearly always the right one; when it is not, only time is lost. */
void column_ahead_entry(const struct column *c, uint32_t hash)
{
    uint64_t slot = c->slots ? c->slots[hash & c->slot_mask] : 0;
    if (hash && slot >> 32 == hash)
        __builtin_prefetch(&c->entries[(uint32_t)slot - 1]);
}

void column_ahead_text(const struct column *c, uint32_t hash)
{
    uint64_t slot = c->slots ? c->slots[hash & c->slot_mask] : 0;
    if (hash && slot >> 32 == hash)
        __builtin_prefetch(column_entry(c, (uint32_t)slot - 1).p);
}

/* ---- adding ---- */

/* ["first","second"]: vendor fields may hold several values although nobody declared a list. */
static void join_texts(struct column *c, struct str text)
{
    struct str have = column_text(c, c->count - 1);
    struct buf joined = {0};
    if (c->row_is_array) {
        buf_add(&joined, str_slice(have, 0, have.n - 1));
    } else {
        buf_char(&joined, '[');
        json_string(&joined, have);
    }
    buf_char(&joined, ',');
    json_string(&joined, text);
    buf_char(&joined, ']');
    c->codes[c->count - 1] = text_code(c, buf_str(&joined), 0, false);
    c->row_is_array = true;
    buf_free(&joined);
}

void column_add_text(struct column *c, uint32_t row, struct str text)
{
    column_add_text_ahead(c, row, text, 0);
}

void column_add_utf8(struct column *c, uint32_t row, struct str text)
{
    uint32_t code = text_code(c, text, 0, true);
    uint32_t at = push_value(c, row); /* may move c->codes */
    c->codes[at] = code;
    c->row_is_array = false;
}

void column_add_text_ahead(struct column *c, uint32_t row, struct str text, uint32_t hash)
{
    if (!c->is_list && has_row(c, row)) {
        join_texts(c, text);
        return;
    }
    uint32_t code = text_code(c, text, hash, false);
    uint32_t at = push_value(c, row);
    c->codes[at] = code;
    c->row_is_array = false;
}

void column_add_number(struct column *c, uint32_t row, int64_t number)
{
    if (!c->is_list && has_row(c, row))
        return;
    uint32_t at = push_value(c, row);
    c->numbers[at] = number;
}

void column_add_real(struct column *c, uint32_t row, double real)
{
    if (!c->is_list && has_row(c, row))
        return;
    uint32_t at = push_value(c, row);
    c->reals[at] = real;
}

/* ---- reading ---- */

uint32_t column_first(const struct column *c, uint32_t row)
{
    if (!c->rows)
        return row < c->count ? row : c->count;
    uint32_t low = 0, high = c->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (c->rows[middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t column_bytes(const struct column *c)
{
    return c->count * (value_bytes(c) + (c->rows ? sizeof *c->rows : 0)) +
           c->entry_count * sizeof *c->entries + c->heap.n +
           (c->slots ? (c->slot_mask + 1) * sizeof *c->slots : 0);
}

void column_freeze(struct column *c)
{
    memory_free(c->slots);
    c->slots = NULL;
    c->is_plain = true;
}

static bool is_too_large(size_t capacity, size_t used)
{
    return capacity > FIRST_CAPACITY && capacity / 4 > used;
}

static void recycle_values(struct column *c)
{
    if (c->rows)
        c->kept_rows = c->rows; /* grow_values() left no other */
    c->rows = NULL;
    if (is_too_large(c->capacity, c->count)) {
        memory_free(c->numbers);
        memory_free(c->kept_rows);
        c->numbers = NULL;
        c->kept_rows = NULL;
        c->capacity = 0;
    }
    c->count = 0;
}

static void recycle_texts(struct column *c)
{
    if (is_too_large(c->entry_capacity, c->entry_count)) {
        memory_free(c->entries);
        c->entries = NULL;
        c->entry_capacity = 0;
    }
    if (c->slots &&
        is_too_large(c->slot_mask / 4, c->entry_count)) { /* they are a quarter full when they grow */
        memory_free(c->slots);
        c->slots = NULL;
    }
    if (c->slots)
        memset(c->slots, 0, (c->slot_mask + 1) * sizeof *c->slots);
    if (is_too_large(c->heap.capacity, c->heap.n))
        buf_free(&c->heap);
    buf_clear(&c->heap);
    c->entry_count = 0;
    c->last_code = UINT32_MAX;
}

void column_recycle(struct column *c)
{
    recycle_values(c);
    recycle_texts(c);
    c->is_plain = c->row_is_array = false;
    c->nanoseconds = NULL;
}
