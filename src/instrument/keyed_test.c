/* Unit tests of the instruments' tables: against a plain list, over thousands of random steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "instrument/keyed.h"

#define KEYS 300
#define MOST 100

struct model {
    uint64_t value[KEYS];
    int64_t used_ns[KEYS];
    uint64_t order[KEYS]; /* of last use; 0 = absent */
    uint64_t next;
    uint32_t count, dropped;
};

static struct str key_text(uint32_t n, char text[80])
{
    /* some keys are short, some longer than what fits inside an item */
    return (struct str){
        text, (size_t)snprintf(text, 80,
                               n % 3 ? "k%u" : "a key that is much longer than forty bytes, number %u", n)};
}

static uint32_t oldest(const struct model *m)
{
    uint32_t best = KEYS;
    for (uint32_t i = 0; i < KEYS; i++)
        if (m->order[i] && (best == KEYS || m->order[i] < m->order[best]))
            best = i;
    return best;
}

static void model_put(struct model *m, uint32_t n, int64_t time_ns)
{
    if (m->order[n] == 0) {
        if (m->count == MOST) {
            m->order[oldest(m)] = 0;
            m->count--;
            m->dropped++;
        }
        m->count++;
        m->value[n] = 0;
        m->used_ns[n] = time_ns;
    }
    m->order[n] = ++m->next;
    if (time_ns > m->used_ns[n])
        m->used_ns[n] = time_ns;
}

static void compare(const struct keyed *k, const struct model *m)
{
    char text[80];
    const void *place = NULL;
    struct keyed_entry e;
    uint64_t last = 0;
    assert_int_equal(keyed_count(k), m->count);
    for (uint32_t i = 0; i < KEYS; i++) {
        uint64_t *v = keyed_find(k, key_text(i, text));
        assert_int_equal(v != NULL, m->order[i] != 0);
        if (v != NULL)
            assert_int_equal(*v, m->value[i]);
    }
    for (uint32_t n = 0; n < m->count; n++) { /* in order of use */
        assert_true(keyed_next(k, &place, &e));
        uint32_t number;
        for (number = 0; !str_eq(key_text(number, text), e.key); number++)
            assert_true(number < KEYS);
        assert_true(m->order[number] > last);
        assert_int_equal(e.used_ns, m->used_ns[number]);
        last = m->order[number];
    }
    assert_false(keyed_next(k, &place, &e));
}

static void count_drop(void *context, struct str key, void *record)
{
    (void)record;
    assert_true(key.n > 0);
    ++*(uint32_t *)context;
}

static void test_like_a_list(void **state)
{
    (void)state;
    uint32_t told = 0;
    struct keyed *k = keyed_new(&(struct keyed_options){
        .record_bytes = 12, .max_entries = MOST, .dropped = count_drop, .context = &told});
    struct model m = {0};
    char text[80];
    srandom(7);
    for (int step = 0; step < 20000; step++) {
        uint32_t n = (uint32_t)random() % KEYS;
        if (random() % 5 == 0) {
            keyed_remove(k, key_text(n, text));
            m.count -= m.order[n] != 0;
            m.order[n] = 0;
        } else {
            bool is_new;
            uint64_t *v = keyed_put(k, key_text(n, text), step, &is_new);
            assert_int_equal(is_new, m.order[n] == 0);
            model_put(&m, n, step);
            *v += n;
            m.value[n] += n;
        }
        if (step % 1000 == 0)
            compare(k, &m);
    }
    compare(k, &m);
    assert_int_equal(told, m.dropped);
    assert_int_equal(keyed_dropped(k), m.dropped);
    assert_true(m.dropped > 100);
    keyed_free(k);
}

static void test_saved_and_loaded(void **state)
{
    (void)state;
    struct keyed_options options = {.record_bytes = 8, .max_entries = MOST};
    struct keyed *k = keyed_new(&options), *again = keyed_new(&options);
    struct model m = {0};
    struct buf saved = {0}, twice = {0};
    char text[80];
    for (uint32_t n = 0; n < 250; n++) {
        *(uint64_t *)keyed_put(k, key_text(n % KEYS, text), n, NULL) = n;
        model_put(&m, n % KEYS, n);
        m.value[n % KEYS] = n;
    }
    keyed_save(k, &saved);
    struct cursor in = {.rest = buf_str(&saved)};
    assert_true(keyed_load(again, &in));
    assert_int_equal(in.rest.n, 0);
    compare(again, &m);
    keyed_save(again, &twice);
    assert_true(str_eq(buf_str(&saved), buf_str(&twice)));
    for (size_t cut = 0; cut < saved.n; cut += 7) { /* damaged: empty, and no more */
        in = (struct cursor){.rest = str_slice(buf_str(&saved), 0, cut)};
        assert_false(keyed_load(again, &in));
        assert_int_equal(keyed_count(again), 0);
    }
    buf_free(&saved);
    buf_free(&twice);
    keyed_free(k);
    keyed_free(again);
}

static void test_unused_entries_go(void **state)
{
    (void)state;
    struct keyed *k = keyed_new(&(struct keyed_options){.record_bytes = 8, .max_entries = MOST});
    keyed_put(k, STR("a"), 10, NULL);
    keyed_put(k, STR("b"), 20, NULL);
    keyed_put(k, STR("a"), 30, NULL);
    keyed_drop_before(k, 25);
    assert_non_null(keyed_find(k, STR("a")));
    assert_null(keyed_find(k, STR("b")));
    keyed_drop_before(k, 31);
    assert_int_equal(keyed_count(k), 0);
    keyed_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_like_a_list),
        cmocka_unit_test(test_saved_and_loaded),
        cmocka_unit_test(test_unused_entries_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
