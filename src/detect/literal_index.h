/* For one column: which predicates can hold, given a (folded) value? Built at load, immutable, shared.
 *
 *   equality           hash of the whole value
 *   prefix, suffix     the first or last 8 (4, 2) bytes as a number, looked up in a hash table
 *   contains           vectorscan over the literals, if there are any; those with bytes beyond ASCII are in a
 * scanner of their own, which plain ASCII values (nearly all) need not pass
 *
 * Answers are candidates: the caller verifies each. */
#ifndef DETECT_LITERAL_INDEX_H
#define DETECT_LITERAL_INDEX_H

#include "base/error.h"
#include "base/str.h"

enum literal_place {
    PLACE_EQUALS,
    PLACE_PREFIX8,
    PLACE_PREFIX4,
    PLACE_PREFIX2,
    PLACE_SUFFIX8,
    PLACE_SUFFIX4,
    PLACE_SUFFIX2,
    PLACE_INSIDE,
    PLACE_INSIDE_BEYOND_ASCII,
    PLACE_COUNT
};
#define TABLE_COUNT PLACE_INSIDE

/* Shorter ASCII literals inside a value are not worth looking for: they are nearly everywhere. */
#define LITERAL_MIN_INSIDE 4

struct literal_index {
    struct key_table {
        struct key_slot *slots; /* open addressing; count 0 = free */
        uint64_t mask;
        uint32_t used;
    } tables[TABLE_COUNT];
    uint32_t *predicates;            /* of all tables and literals, in groups */
    struct hs_database *scanners[2]; /* NULL when nothing is looked for inside; [1]: beyond ASCII */
    uint32_t *inside_first;          /* literal → first predicate; literal_count + 1 of them */
    uint32_t literal_count;
    size_t bytes;
};

struct literal_entry {
    enum literal_place place;
    struct str literal; /* folded */
    uint32_t predicate;
};

/* Where a literal of this length can be looked for; PLACE_COUNT = nowhere. */
enum literal_place prefix_place(size_t n);
enum literal_place suffix_place(size_t n);
enum literal_place inside_place(struct str literal);

bool literal_index_build(struct literal_index *index, struct literal_entry *entries, uint32_t count,
                         struct error *err) MUST_CHECK;
void literal_index_free(struct literal_index *index);

/* The index as bytes and back; `predicates`: how many there are. Call literal_index_free() also when the
 * image is bad. */
struct image;
void literal_index_image(struct literal_index *index, struct image *im, uint32_t predicates);
/* Appends what scanners depend on: the library's version and the processor. */
struct buf;
void literal_index_platform(struct buf *out);

/* Room that scanning needs: one per thread, for all indexes added to it. */
struct hs_scratch;
bool literal_scratch_add(struct hs_scratch **scratch, const struct literal_index *index);
void literal_scratch_free(struct hs_scratch *scratch);

typedef void (*literal_hit)(void *context, uint32_t predicate);
/* Calls `hit` for each candidate, possibly several times for the same. `is_ascii`: no byte of the value is
 * above 127. */
void literal_index_probe(const struct literal_index *index, struct hs_scratch *scratch, struct str value,
                         bool is_ascii, literal_hit hit, void *context);
/* The two halves of it: literals of whole values, beginnings and ends; literals inside. */
void literal_index_look_up(const struct literal_index *index, struct str value, literal_hit hit,
                           void *context);
void literal_index_scan(const struct literal_index *index, struct hs_scratch *scratch, struct str value,
                        bool is_ascii, literal_hit hit, void *context);

#endif
