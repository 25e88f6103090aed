/* Finds which of many literals occur in a text. Stage: normalise. Reads the record once, leaves the numbers
 * of the literals. Next: recognise.c. */
#include "normalise/literal_scanner.h"

#include "base/map.h"
#include "base/memory.h"

#define WINDOW     4
#define HASH_BITS  15
#define SLOTS      (1u << HASH_BITS)
#define OFFSET_MAX 24 /* where in a literal a window is looked for */

struct literal {
    struct str text;
    uint32_t offset; /* of its window */
    uint32_t next;   /* literal + 1 with the same hash */
};

struct literal_scanner {
    struct literal *literals;
    uint32_t literal_count, literal_capacity;
    struct map numbers;
    uint32_t *short_ones; /* below four bytes: searched one by one */
    uint32_t short_count;
    uint64_t filter[SLOTS / 64];
    uint32_t first[SLOTS]; /* literal + 1 */
};

struct literal_scanner *literal_scanner_new(void)
{
    return NEW(struct literal_scanner);
}

void literal_scanner_free(struct literal_scanner *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; i < s->literal_count; i++)
        memory_free((char *)s->literals[i].text.p);
    memory_free(s->literals);
    memory_free(s->short_ones);
    map_free(&s->numbers);
    memory_free(s);
}

uint32_t literal_scanner_add(struct literal_scanner *s, struct str literal)
{
    BUG_IF(literal.n == 0);
    uintptr_t *known = map_find(&s->numbers, literal);
    if (known)
        return (uint32_t)*known;
    if (s->literal_count == s->literal_capacity) {
        s->literal_capacity = s->literal_capacity ? s->literal_capacity * 2 : 64;
        s->literals = memory_resize_array(s->literals, s->literal_capacity, sizeof *s->literals);
    }
    char *copy = memory_alloc(literal.n);
    memcpy(copy, literal.p, literal.n);
    struct str text = str_n(copy, literal.n);
    s->literals[s->literal_count] = (struct literal){.text = text};
    *map_put(&s->numbers, text, NULL) = s->literal_count;
    return s->literal_count++;
}

static inline uint32_t window_hash(const char *p)
{
    uint32_t bytes;
    memcpy(&bytes, p, sizeof bytes);
    return bytes * UINT32_C(0x9E3779B1) >> (32 - HASH_BITS);
}

/* How common a byte is in logs, roughly: windows of rare bytes are hit rarely. */
static unsigned commonness(char c)
{
    if ((c >= 'a' && c <= 'z') || ascii_is_digit(c) || c == ' ' || c == '.')
        return 4;
    if (c == '"' || c == ':' || c == '=' || c == ',')
        return 3;
    return c >= 'A' && c <= 'Z' ? 2 : 1;
}

static uint32_t choose_window(const struct literal_scanner *s, struct str text)
{
    uint32_t best = 0;
    unsigned best_cost = UINT32_MAX;
    for (uint32_t at = 0; at + WINDOW <= text.n && at < OFFSET_MAX; at++) {
        unsigned cost = 0;
        for (uint32_t i = 0; i < WINDOW; i++)
            cost += commonness(text.p[at + i]);
        for (uint32_t other = s->first[window_hash(text.p + at)]; other; other = s->literals[other - 1].next)
            cost += 2;
        if (cost < best_cost) {
            best_cost = cost;
            best = at;
        }
    }
    return best;
}

void literal_scanner_build(struct literal_scanner *s)
{
    s->short_ones = NEW_ARRAY(uint32_t, s->literal_count + 1);
    for (uint32_t i = 0; i < s->literal_count; i++) {
        struct literal *l = &s->literals[i];
        if (l->text.n < WINDOW) {
            s->short_ones[s->short_count++] = i;
            continue;
        }
        l->offset = choose_window(s, l->text);
        uint32_t h = window_hash(l->text.p + l->offset);
        l->next = s->first[h];
        s->first[h] = i + 1;
        s->filter[h / 64] |= UINT64_C(1) << (h % 64);
    }
}

uint32_t literal_scanner_count(const struct literal_scanner *s)
{
    return s->literal_count;
}

/* The literals whose window may stand at `at`. */
static uint32_t compare_at(const struct literal_scanner *s, struct str text, size_t at, uint32_t h,
                           uint64_t *seen, uint32_t *hits, uint32_t count)
{
    for (uint32_t n = s->first[h]; n; n = s->literals[n - 1].next) {
        const struct literal *l = &s->literals[n - 1];
        uint32_t number = n - 1;
        if (seen[number / 64] >> (number % 64) & 1 || at < l->offset ||
            text.n - (at - l->offset) < l->text.n ||
            memcmp(text.p + at - l->offset, l->text.p, l->text.n) != 0)
            continue;
        seen[number / 64] |= UINT64_C(1) << (number % 64);
        hits[count++] = number;
    }
    return count;
}

/* For one to three bytes: hops over the first byte. */
static bool find_short(struct str text, struct str literal)
{
    for (size_t at = 0; at + literal.n <= text.n; at++) {
        const char *hit = memchr(text.p + at, literal.p[0], text.n - at);
        if (!hit)
            return false;
        at = (size_t)(hit - text.p);
        if (text.n - at >= literal.n && memcmp(hit, literal.p, literal.n) == 0)
            return true;
    }
    return false;
}

uint32_t literal_scanner_scan(const struct literal_scanner *s, struct str text, uint64_t *seen,
                              uint32_t *hits)
{
    uint32_t count = 0;
    for (size_t at = 0; at + WINDOW <= text.n; at++) {
        uint32_t h = window_hash(text.p + at);
        if (s->filter[h / 64] >> (h % 64) & 1)
            count = compare_at(s, text, at, h, seen, hits, count);
    }
    for (uint32_t i = 0; i < s->short_count; i++) {
        uint32_t number = s->short_ones[i];
        if (!find_short(text, s->literals[number].text))
            continue;
        seen[number / 64] |= UINT64_C(1) << (number % 64);
        hits[count++] = number;
    }
    return count;
}
