/* Which log sources an event belongs to.
 * Stage: detect, on events. The fields that occur in conditions of log sources are the discriminators; each
 * of their values that a condition names is one bit. An event becomes a short bit vector (its key), and the
 * answer for a key is worked out once and remembered, so that in practice the cost of an event is one look-up
 * for each of its discriminating values.
 *
 *   event → bits of values → key → remembered list of log sources, or: evaluate every condition, remember
 *
 * Next: compile.c, which gives each log source its own tables. */
#include "detect/classifier.h"

#include <stdio.h>
#include <xxhash.h>

#include "base/log.h"
#include "base/map.h"
#include "detect/fold.h"

#define MAX_DISCRIMINATORS 64
#define MAX_KEY_WORDS      64
#define MEMORY_SLOTS       4096 /* direct mapped; an answer is at most forgotten */
#define TEXT_MAX           512  /* longer values equal no condition's value */

struct discriminator {
    struct str name;
    field_id field;
    struct map values; /* folded text → bit; bit 0 = any value at all */
    uint32_t first_bit, bit_count;
};

struct test {
    uint16_t discriminator;
    bool absent;    /* no value at all */
    uint32_t *bits; /* one of them is enough */
    uint32_t bit_count;
};

struct alternative {
    struct test *tests;
    uint32_t test_count;
};

struct part {
    struct alternative *alternatives;
    uint32_t alternative_count;
};

struct class_condition {
    struct part *parts;
    uint32_t part_count;
};

struct classifier {
    struct arena arena;
    struct discriminator discriminators[MAX_DISCRIMINATORS];
    uint32_t discriminator_count;
    struct class_condition *classes;
    uint32_t class_count, class_capacity;
    uint8_t of_field[FIELD_MAX]; /* discriminator + 1 */
};

struct classifier *classifier_new(void)
{
    struct classifier *c = NEW(struct classifier);
    arena_init(&c->arena, 65536);
    return c;
}

void classifier_free(struct classifier *c)
{
    if (!c)
        return;
    for (uint32_t i = 0; i < c->discriminator_count; i++)
        map_free(&c->discriminators[i].values);
    memory_free(c->classes);
    arena_free(&c->arena);
    memory_free(c);
}

static bool find_discriminator(struct classifier *c, const struct yaml *member, uint32_t *number,
                               struct error *err)
{
    field_id field = field_intern(member->key);
    if (field != FIELD_NONE && c->of_field[field]) {
        *number = c->of_field[field] - 1u;
        return true;
    }
    if (field == FIELD_NONE || c->discriminator_count == MAX_DISCRIMINATORS)
        return error_set(err,
                         tr("line %u: the taxonomy uses more than %d different fields in when:.",
                            "%u 行: taxonomy の when: で使うフィールドが %d 種類を超えています。"),
                         member->key_line, MAX_DISCRIMINATORS);
    *number = c->discriminator_count++;
    c->discriminators[*number] = (struct discriminator){.name = member->key, .field = field, .bit_count = 1};
    c->of_field[field] = (uint8_t)(*number + 1);
    return true;
}

static uint32_t value_bit(struct classifier *c, struct discriminator *d, struct str text)
{
    if (str_eq(text, STR("*")))
        return 0;
    bool is_new;
    char *folded = arena_alloc(&c->arena, FOLD_GROWTH(text.n));
    uintptr_t *bit = map_put(&d->values, str_n(folded, fold_text(text, folded, NULL)), &is_new);
    if (is_new)
        *bit = d->bit_count++;
    return (uint32_t)*bit;
}

static bool add_test(struct classifier *c, struct test *test, const struct yaml *member, struct error *err)
{
    uint32_t number = 0;
    if (!find_discriminator(c, member, &number, err))
        return false;
    test->discriminator = (uint16_t)number;
    test->absent = yaml_is_null(member) && member->type == YAML_SCALAR;
    if (test->absent)
        return true;
    bool is_list = member->type == YAML_LIST;
    test->bits = ARENA_ARRAY(&c->arena, uint32_t, is_list ? member->count : 1);
    for (const struct yaml *v = is_list ? member->child : member; v; v = is_list ? v->next : NULL)
        test->bits[test->bit_count++] = value_bit(c, &c->discriminators[number], v->text);
    return true;
}

static bool add_class_part(struct classifier *c, struct part *part, const struct yaml *when,
                           struct error *err)
{
    part->alternatives = ARENA_ARRAY(&c->arena, struct alternative, when->count);
    for (const struct yaml *a = when->child; a; a = a->next) {
        struct alternative *alternative = &part->alternatives[part->alternative_count++];
        alternative->tests = ARENA_ARRAY(&c->arena, struct test, a->count);
        for (const struct yaml *m = a->child; m; m = m->next)
            if (!add_test(c, &alternative->tests[alternative->test_count++], m, err))
                return false;
    }
    return true;
}

/* The bits of the key, one discriminator behind the other. */
static bool lay_out(struct classifier *c, struct error *err)
{
    uint32_t bit = 0;
    for (uint32_t i = 0; i < c->discriminator_count; i++) {
        c->discriminators[i].first_bit = bit;
        bit += c->discriminators[i].bit_count;
    }
    return bit <= MAX_KEY_WORDS * 64 || error_set(err, "%s",
                                                  tr("the taxonomy names too many values in when:.",
                                                     "taxonomy の when: の値が多すぎます。"));
}

bool classifier_add(struct classifier *c, const struct logsource *source, struct error *err)
{
    if (c->class_count == c->class_capacity) {
        c->class_capacity = c->class_capacity ? c->class_capacity * 2 : 64;
        c->classes = memory_resize_array(c->classes, c->class_capacity, sizeof *c->classes);
    }
    struct class_condition *condition = &c->classes[c->class_count];
    *condition = (struct class_condition){.parts = ARENA_ARRAY(&c->arena, struct part, source->part_count)};
    for (size_t i = 0; i < source->part_count; i++)
        if (!add_class_part(c, &condition->parts[condition->part_count++], source->parts[i], err))
            return false;
    if (!lay_out(c, err))
        return false;
    c->class_count++;
    return true;
}

/* On events */

struct answer {
    uint64_t key[MAX_KEY_WORDS];
    uint16_t *numbers; /* room for every class; NULL = nothing remembered here yet */
    uint32_t count;
};

struct class_memory {
    uint32_t words, classes;
    struct answer *answers;
};

struct class_memory *class_memory_new(const struct classifier *c)
{
    struct class_memory *m = NEW(struct class_memory);
    const struct discriminator *last =
        c->discriminator_count ? &c->discriminators[c->discriminator_count - 1] : NULL;
    m->words = last ? (last->first_bit + last->bit_count + 63) / 64 : 0;
    m->classes = c->class_count;
    m->answers = NEW_ARRAY(struct answer, MEMORY_SLOTS);
    return m;
}

void class_memory_free(struct class_memory *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < MEMORY_SLOTS; i++)
        memory_free(m->answers[i].numbers);
    memory_free(m->answers);
    memory_free(m);
}

static void set_bit(uint64_t *key, const struct discriminator *d, uint32_t bit)
{
    bit += d->first_bit;
    key[bit / 64] |= UINT64_C(1) << (bit % 64);
}

static bool has_bit(const uint64_t *key, const struct discriminator *d, uint32_t bit)
{
    bit += d->first_bit;
    return key[bit / 64] >> (bit % 64) & 1;
}

static struct str discriminating_text(const struct value *v, char out[32])
{
    if (v->type == TYPE_KEYWORD || v->type == TYPE_TEXT || v->type == TYPE_IP)
        return value_text(v);
    if (v->type == TYPE_BOOL)
        return v->number ? STR("true") : STR("false");
    int n = v->type == TYPE_LONG ? snprintf(out, 32, "%lld", (long long)v->number) : 0;
    return str_n(out, (size_t)n);
}

static void event_key(const struct classifier *c, const struct event *e, uint64_t *key)
{
    char folded[FOLD_GROWTH(TEXT_MAX)], number[32];
    for (uint16_t i = 0; i < e->count; i++) {
        uint8_t which = c->of_field[e->values[i].field];
        if (!which)
            continue;
        const struct discriminator *d = &c->discriminators[which - 1];
        struct str text = discriminating_text(&e->values[i], number);
        set_bit(key, d, 0);
        if (text.n > TEXT_MAX)
            continue;
        uintptr_t *bit = map_find(&d->values, str_n(folded, fold_text(text, folded, NULL)));
        if (bit)
            set_bit(key, d, (uint32_t)*bit);
    }
}

static bool test_holds(const struct classifier *c, const struct test *test, const uint64_t *key)
{
    const struct discriminator *d = &c->discriminators[test->discriminator];
    if (test->absent)
        return !has_bit(key, d, 0);
    for (uint32_t i = 0; i < test->bit_count; i++)
        if (has_bit(key, d, test->bits[i]))
            return true;
    return false;
}

static bool part_holds(const struct classifier *c, const struct part *part, const uint64_t *key)
{
    for (uint32_t a = 0; a < part->alternative_count; a++) {
        const struct alternative *alternative = &part->alternatives[a];
        uint32_t t = 0;
        while (t < alternative->test_count && test_holds(c, &alternative->tests[t], key))
            t++;
        if (t == alternative->test_count)
            return true;
    }
    return false;
}

static void answer_key(const struct classifier *c, struct answer *answer)
{
    answer->count = 0;
    for (uint32_t i = 0; i < c->class_count; i++) {
        uint32_t p = 0;
        while (p < c->classes[i].part_count && part_holds(c, &c->classes[i].parts[p], answer->key))
            p++;
        if (p == c->classes[i].part_count)
            answer->numbers[answer->count++] = (uint16_t)i;
    }
}

struct class_list classify(const struct classifier *c, struct class_memory *m, const struct event *e)
{
    uint64_t key[MAX_KEY_WORDS];
    size_t bytes = m->words * sizeof *key;
    memset(key, 0, bytes);
    event_key(c, e, key);
    struct answer *answer = &m->answers[XXH3_64bits(key, bytes) % MEMORY_SLOTS];
    if (!answer->numbers || memcmp(answer->key, key, bytes) != 0) {
        if (!answer->numbers)
            answer->numbers = memory_array(m->classes + 1, sizeof *answer->numbers);
        memcpy(answer->key, key, bytes);
        answer_key(c, answer);
    }
    return (struct class_list){answer->numbers, answer->count};
}
