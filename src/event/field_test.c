/* The dictionary and the interner. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/arena.h"
#include "event/field.h"

static void dictionary_is_in_order(void **state)
{
    (void)state;
    for (unsigned id = 2; id < FIELD_STATIC_COUNT; id++)
        if (str_compare(field_name((field_id)(id - 1)), field_name((field_id)id)) >= 0)
            fail_msg("%.*s is out of order", STR_ARGS(field_name((field_id)id)));
}

static void dictionary_knows_ecs(void **state)
{
    (void)state;
    static const struct {
        field_id id;
        const char *name;
        enum value_type type;
        enum field_shape shape;
        enum field_index index;
    } cases[] = {
        {FIELD_TIMESTAMP, "@timestamp", TYPE_DATE, FIELD_SCALAR, INDEX_NONE},
        {FIELD_SOURCE_IP, "source.ip", TYPE_IP, FIELD_SCALAR, INDEX_BLOOM},
        {FIELD_SOURCE_PORT, "source.port", TYPE_LONG, FIELD_SCALAR, INDEX_NONE},
        {FIELD_HOST_IP, "host.ip", TYPE_IP, FIELD_ARRAY, INDEX_BLOOM},
        {FIELD_EVENT_CATEGORY, "event.category", TYPE_KEYWORD, FIELD_ARRAY, INDEX_NONE},
        {FIELD_EVENT_CODE, "event.code", TYPE_KEYWORD, FIELD_SCALAR, INDEX_NONE},
        {FIELD_EVENT_RISK_SCORE, "event.risk_score", TYPE_DOUBLE, FIELD_SCALAR, INDEX_NONE},
        {FIELD_EVENT_START, "event.start", TYPE_DATE, FIELD_SCALAR, INDEX_NONE},
        {FIELD_FILE_HASH_SHA256, "file.hash.sha256", TYPE_KEYWORD, FIELD_SCALAR, INDEX_BLOOM},
        {FIELD_MESSAGE, "message", TYPE_TEXT, FIELD_SCALAR, INDEX_NONE},
        {FIELD_TAGS, "tags", TYPE_KEYWORD, FIELD_ARRAY, INDEX_NONE},
        {FIELD_USER_ID, "user.id", TYPE_KEYWORD, FIELD_SCALAR, INDEX_BLOOM},
        {FIELD_DNS_ANSWERS_TTL, "dns.answers.ttl", TYPE_LONG, FIELD_ARRAY, INDEX_NONE},
        {FIELD_FILE_CODE_SIGNATURE_TRUSTED, "file.code_signature.trusted", TYPE_BOOL, FIELD_SCALAR,
         INDEX_NONE},
        {FIELD_HYAKUYO_ASSET_ROLE, "hyakuyo.asset.role", TYPE_KEYWORD, FIELD_ARRAY, INDEX_NONE},
        {FIELD_HYAKUYO_SEQUENCE, "hyakuyo.sequence", TYPE_LONG, FIELD_SCALAR, INDEX_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct field *f = field_get(cases[i].id);
        assert_true(str_eq(f->name, str_c(cases[i].name)));
        assert_int_equal(f->type, cases[i].type);
        assert_int_equal(f->shape, cases[i].shape);
        assert_int_equal(f->index, cases[i].index);
    }
    for (unsigned id = 1; id < FIELD_STATIC_COUNT; id++)
        assert_int_equal(field_find(field_name((field_id)id)), id);
}

static void interns_vendor_names(void **state)
{
    (void)state;
    assert_int_equal(field_find(STR("vendor.x")), FIELD_NONE);
    field_id id = field_intern(STR("vendor.x"));
    assert_true(id >= FIELD_STATIC_COUNT);
    assert_int_equal(field_find(STR("vendor.x")), id);
    assert_int_equal(field_intern(STR("vendor.x")), id);
    assert_int_equal(field_get(id)->type, TYPE_KEYWORD);
    assert_true(str_eq(field_name(id), STR("vendor.x")));
    assert_int_equal(field_count(), id + 1);
    assert_int_equal(field_intern(STR_EMPTY), FIELD_NONE);
    assert_int_equal(field_intern(STR("source.ip")), FIELD_SOURCE_IP);
    assert_int_equal(field_name(FIELD_NONE).n, 0);
    assert_int_equal(field_refused(), 0);
    char longer[1000];
    memset(longer, 'x', sizeof longer);
    assert_int_equal(field_intern(str_n(longer, sizeof longer)), FIELD_NONE);
    assert_int_equal(field_refused(), 1);
}

#define NAMES 3000

static void *intern_many(void *given)
{
    field_id *ids = given;
    struct arena a = {0};
    for (int i = 0; i < NAMES; i++)
        ids[i] = field_intern(arena_printf(&a, "thread.name%d", i));
    arena_free(&a);
    return NULL;
}

static void interns_from_many_threads(void **state)
{
    (void)state;
    static field_id ids[4][NAMES];
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, intern_many, ids[i]);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < NAMES; i++) {
        char name[32];
        snprintf(name, sizeof name, "thread.name%d", i);
        assert_true(str_eq(field_name(ids[0][i]), str_c(name)));
        for (size_t t = 1; t < 4; t++)
            assert_int_equal(ids[t][i], ids[0][i]);
    }
}

static void is_bounded(void **state)
{
    (void)state;
    struct arena a = {0};
    uint64_t before = field_refused();
    for (int i = 0; i < FIELD_MAX; i++)
        field_intern(arena_printf(&a, "flood.%d", i));
    assert_int_equal(field_count(), FIELD_MAX);
    assert_true(field_refused() > before);
    assert_int_equal(field_intern(STR("one.more")), FIELD_NONE);
    assert_int_equal(field_find(STR("one.more")), FIELD_NONE);
    assert_true(field_find(STR("vendor.x")) != FIELD_NONE);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dictionary_is_in_order),
        cmocka_unit_test(dictionary_knows_ecs),
        cmocka_unit_test(interns_vendor_names),
        cmocka_unit_test(interns_from_many_threads),
        cmocka_unit_test(is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
