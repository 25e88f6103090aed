/* The index of one column's literals.
 * Stage: detect. Built at load by compile.c, probed for every value by match.c. The only file that includes
 * vectorscan. Next: match.c. */
#include "detect/literal_index.h"

#include <hs/hs.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/log.h"
#include "base/memory.h"
#include "detect/image.h"

struct key_slot {
    uint64_t key;
    uint32_t first, count; /* in index->predicates */
};

enum literal_place prefix_place(size_t n)
{
    return n >= 8 ? PLACE_PREFIX8 : n >= 4 ? PLACE_PREFIX4 : n >= 2 ? PLACE_PREFIX2 : PLACE_COUNT;
}

enum literal_place suffix_place(size_t n)
{
    return n >= 8 ? PLACE_SUFFIX8 : n >= 4 ? PLACE_SUFFIX4 : n >= 2 ? PLACE_SUFFIX2 : PLACE_COUNT;
}

enum literal_place inside_place(struct str literal)
{
    for (size_t i = 0; i < literal.n; i++)
        if (literal.p[i] & 0x80)
            return PLACE_INSIDE_BEYOND_ASCII;
    return literal.n >= LITERAL_MIN_INSIDE ? PLACE_INSIDE : PLACE_COUNT;
}

static uint64_t load8(const char *p)
{
    uint64_t key;
    memcpy(&key, p, sizeof key);
    return key;
}

static uint64_t load4(const char *p)
{
    uint32_t key;
    memcpy(&key, p, sizeof key);
    return key;
}

static uint64_t load2(const char *p)
{
    uint16_t key;
    memcpy(&key, p, sizeof key);
    return key;
}

/* The key of a value for a table; false when the value is too short to have one. */
static inline bool key_of(enum literal_place place, struct str s, uint64_t *key)
{
    switch (place) {
    case PLACE_EQUALS:
        *key = XXH3_64bits(s.p, s.n);
        return true;
    case PLACE_PREFIX8:
        return s.n >= 8 && (*key = load8(s.p), true);
    case PLACE_PREFIX4:
        return s.n >= 4 && (*key = load4(s.p), true);
    case PLACE_PREFIX2:
        return s.n >= 2 && (*key = load2(s.p), true);
    case PLACE_SUFFIX2:
        return s.n >= 2 && (*key = load2(s.p + s.n - 2), true);
    case PLACE_SUFFIX8:
        return s.n >= 8 && (*key = load8(s.p + s.n - 8), true);
    case PLACE_SUFFIX4:
        return s.n >= 4 && (*key = load4(s.p + s.n - 4), true);
    default:
        return false;
    }
}

static inline uint64_t spread(uint64_t key)
{
    key *=
        UINT64_C(0x9E3779B97F4A7C15); /* 2^64 / golden ratio: low bits of neighbours differ after the shift */
    return key ^ key >> 29;
}

static int compare_entries(const void *a, const void *b)
{
    const struct literal_entry *x = a, *y = b;
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    uint64_t key_x = 0, key_y = 0;
    if (key_of(x->place, x->literal, &key_x) && key_of(y->place, y->literal, &key_y) && key_x != key_y)
        return key_x < key_y ? -1 : 1;
    int order = x->place >= PLACE_INSIDE ? str_compare(x->literal, y->literal) : 0;
    return order ? order : (x->predicate > y->predicate) - (x->predicate < y->predicate);
}

static bool same_group(const struct literal_entry *x, const struct literal_entry *y)
{
    uint64_t key_x = 0, key_y = 0;
    if (x->place != y->place)
        return false;
    if (x->place >= PLACE_INSIDE)
        return str_eq(x->literal, y->literal);
    return key_of(x->place, x->literal, &key_x) && key_of(y->place, y->literal, &key_y) && key_x == key_y;
}

static void table_size(struct key_table *table, uint32_t groups)
{
    uint64_t slots = 4;
    while (slots < groups * UINT64_C(2))
        slots *= 2;
    table->slots = NEW_ARRAY(struct key_slot, slots);
    table->mask = slots - 1;
}

static void table_add(struct key_table *table, uint64_t key, uint32_t first, uint32_t count)
{
    uint64_t at = spread(key) & table->mask;
    while (table->slots[at].count)
        at = (at + 1) & table->mask;
    table->slots[at] = (struct key_slot){key, first, count};
    table->used++;
}

/* Of literals[0..n), whose numbers begin at `first`. */
static bool build_scanner(struct literal_index *index, int which, const struct str *literals, uint32_t first,
                          uint32_t n, struct error *err)
{
    if (n == 0)
        return true;
    const char **texts = NEW_ARRAY(const char *, n);
    size_t *sizes = NEW_ARRAY(size_t, n);
    unsigned *flags = NEW_ARRAY(unsigned, n), *numbers = NEW_ARRAY(unsigned, n);
    for (uint32_t i = 0; i < n; i++) {
        texts[i] = literals[i].p;
        sizes[i] = literals[i].n;
        flags[i] = HS_FLAG_SINGLEMATCH;
        numbers[i] = first + i;
    }
    hs_compile_error_t *failure = NULL;
    hs_error_t result = hs_compile_lit_multi(texts, flags, numbers, sizes, n, HS_MODE_BLOCK, NULL,
                                             &index->scanners[which], &failure);
    bool ok = result == HS_SUCCESS || error_set(err,
                                                tr("the scanner for %u literals cannot be built: %s",
                                                   "%u 個の文字列の走査器を作れません: %s"),
                                                n, failure ? failure->message : "");
    hs_free_compile_error(failure);
    memory_free(texts);
    memory_free(sizes);
    memory_free(flags);
    memory_free(numbers);
    size_t bytes = 0;
    if (ok && hs_database_size(index->scanners[which], &bytes) == HS_SUCCESS)
        index->bytes += bytes;
    return ok;
}

static void count_groups(const struct literal_entry *entries, uint32_t count, uint32_t *groups)
{
    for (uint32_t i = 0; i < count; i++)
        groups[entries[i].place] += i == 0 || !same_group(&entries[i - 1], &entries[i]);
}

bool literal_index_build(struct literal_index *index, struct literal_entry *entries, uint32_t count,
                         struct error *err)
{
    uint32_t groups[PLACE_COUNT] = {0};
    qsort(entries, count, sizeof *entries, compare_entries);
    count_groups(entries, count, groups);
    for (int place = 0; place < TABLE_COUNT; place++)
        if (groups[place])
            table_size(&index->tables[place], groups[place]);
    index->predicates = NEW_ARRAY(uint32_t, count + 1);
    uint32_t ascii = groups[PLACE_INSIDE], others = groups[PLACE_INSIDE_BEYOND_ASCII];
    index->inside_first = NEW_ARRAY(uint32_t, ascii + others + 1);
    struct str *literals = NEW_ARRAY(struct str, ascii + others + 1);
    for (uint32_t first = 0, end; first < count; first = end) {
        for (end = first; end < count && same_group(&entries[first], &entries[end]); end++)
            index->predicates[end] = entries[end].predicate;
        uint64_t key;
        if (entries[first].place >= PLACE_INSIDE) {
            index->inside_first[index->literal_count] = first;
            literals[index->literal_count++] = entries[first].literal;
        } else if (key_of(entries[first].place, entries[first].literal, &key)) {
            table_add(&index->tables[entries[first].place], key, first, end - first);
        }
    }
    index->inside_first[index->literal_count] = count;
    index->bytes += count * sizeof(uint32_t);
    bool ok = build_scanner(index, 0, literals, 0, ascii, err) &&
              build_scanner(index, 1, literals + ascii, ascii, others, err);
    memory_free(literals);
    return ok;
}

void literal_index_free(struct literal_index *index)
{
    for (int place = 0; place < TABLE_COUNT; place++)
        memory_free(index->tables[place].slots);
    memory_free(index->predicates);
    memory_free(index->inside_first);
    for (int which = 0; which < 2; which++)
        if (index->scanners[which])
            hs_free_database(index->scanners[which]);
    *index = (struct literal_index){0};
}

/* As bytes and back */

/* An array that the index owns. */
static void *image_owned(struct image *im, void *items, uint32_t *count, size_t each)
{
    void *there = image_array(im, items, count, each);
    if (!im->is_reading)
        return items;
    void *own = memory_array(*count + (size_t)1, each);
    memcpy(own, there, *count * each);
    return own;
}

static void image_table(struct key_table *table, struct image *im, uint32_t hits)
{
    uint32_t slots = table->slots ? (uint32_t)table->mask + 1 : 0, used = 0;
    table->slots = image_owned(im, table->slots, &slots, sizeof *table->slots);
    if (!im->is_reading)
        return;
    image_expect(im, (slots & (slots - 1)) == 0); /* also 0 */
    for (uint32_t i = 0; i < slots; i++) {
        const struct key_slot *s = &table->slots[i];
        used += s->count > 0;
        image_expect(im, s->count <= hits && s->first <= hits - s->count);
    }
    image_expect(im, slots == 0 || used < slots); /* a free slot ends each search */
    table->mask = slots ? slots - 1 : 0;
    table->used = used;
}

static void image_scanner(struct hs_database **scanner, struct image *im)
{
    char *bytes = NULL;
    size_t size = 0;
    if (*scanner && hs_serialize_database(*scanner, &bytes, &size) != HS_SUCCESS)
        BUG("a scanner cannot be serialised");
    uint32_t count = (uint32_t)size;
    void *there = image_array(im, bytes, &count, 1);
    if (im->is_reading && count) /* checks its own checksum, version and processor */
        image_expect(im, hs_deserialize_database(there, count, scanner) == HS_SUCCESS);
    free(bytes); /* from the library's malloc() */
}

void literal_index_image(struct literal_index *index, struct image *im, uint32_t predicates)
{
    uint32_t hits = index->inside_first ? index->inside_first[index->literal_count] : 0;
    uint32_t firsts = index->inside_first ? index->literal_count + 1 : 0;
    index->predicates = image_owned(im, index->predicates, &hits, sizeof(uint32_t));
    index->inside_first = image_owned(im, index->inside_first, &firsts, sizeof(uint32_t));
    for (int place = 0; place < TABLE_COUNT; place++)
        image_table(&index->tables[place], im, hits);
    for (int which = 0; which < 2; which++)
        image_scanner(&index->scanners[which], im);
    IMAGE_VALUE(im, index->bytes);
    if (!im->is_reading)
        return;
    index->literal_count = firsts ? firsts - 1 : 0;
    for (uint32_t i = 0; i < hits; i++)
        image_expect(im, index->predicates[i] < predicates);
    for (uint32_t i = 0; i < firsts; i++)
        image_expect(im, index->inside_first[i] <= hits &&
                             (i == 0 || index->inside_first[i - 1] <= index->inside_first[i]));
    image_expect(im, firsts == 0 || index->inside_first[firsts - 1] == hits);
}

void literal_index_platform(struct buf *out)
{
    hs_platform_info_t platform;
    memset(&platform, 0, sizeof platform);
    if (hs_populate_platform(&platform) == HS_SUCCESS)
        buf_printf(out, "%s %u %llx ", hs_version(), platform.tune, platform.cpu_features);
}

bool literal_scratch_add(struct hs_scratch **scratch, const struct literal_index *index)
{
    for (int which = 0; which < 2; which++)
        if (index->scanners[which] && hs_alloc_scratch(index->scanners[which], scratch) != HS_SUCCESS)
            return false;
    return true;
}

void literal_scratch_free(struct hs_scratch *scratch)
{
    if (scratch)
        hs_free_scratch(scratch);
}

struct scan {
    const struct literal_index *index;
    literal_hit hit;
    void *context;
};

static int on_match(unsigned literal, unsigned long long from, unsigned long long to, unsigned flags,
                    void *context)
{
    (void)from, (void)to, (void)flags;
    struct scan *scan = context;
    for (uint32_t i = scan->index->inside_first[literal]; i < scan->index->inside_first[literal + 1]; i++)
        scan->hit(scan->context, scan->index->predicates[i]);
    return 0;
}

static void probe_table(const struct literal_index *index, enum literal_place place, struct str value,
                        literal_hit hit, void *context)
{
    const struct key_table *table = &index->tables[place];
    uint64_t key = 0;
    if (!key_of(place, value, &key))
        return;
    for (uint64_t at = spread(key) & table->mask; table->slots[at].count; at = (at + 1) & table->mask)
        if (table->slots[at].key == key) {
            for (uint32_t i = 0; i < table->slots[at].count; i++)
                hit(context, index->predicates[table->slots[at].first + i]);
            return;
        }
}

void literal_index_look_up(const struct literal_index *index, struct str value, literal_hit hit,
                           void *context)
{
    for (int place = 0; place < TABLE_COUNT; place++)
        if (index->tables[place].used)
            probe_table(index, (enum literal_place)place, value, hit, context);
}

void literal_index_scan(const struct literal_index *index, struct hs_scratch *scratch, struct str value,
                        bool is_ascii, literal_hit hit, void *context)
{
    struct scan scan = {index, hit, context};
    if (index->scanners[0] && value.n >= LITERAL_MIN_INSIDE)
        hs_scan(index->scanners[0], value.p, (unsigned)value.n, 0, scratch, on_match, &scan);
    if (index->scanners[1] && !is_ascii)
        hs_scan(index->scanners[1], value.p, (unsigned)value.n, 0, scratch, on_match, &scan);
}

void literal_index_probe(const struct literal_index *index, struct hs_scratch *scratch, struct str value,
                         bool is_ascii, literal_hit hit, void *context)
{
    literal_index_look_up(index, value, hit, context);
    literal_index_scan(index, scratch, value, is_ascii, hit, context);
}
