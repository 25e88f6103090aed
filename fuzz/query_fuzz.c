/* Any text as a query: it is either refused with a place inside the text and a sentence in both languages, or
 * it can be matched and compiled. */
#include <stdlib.h>

#include "query/query.h"
#include "query/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_refusal(struct str text, const struct query_error *err)
{
    if (err->byte > text.n || err->position > err->byte || !err->en[0] || !err->ja[0])
        abort();
}

static void use_query(const struct query *q, const struct event *e)
{
    struct arena arena;
    struct query_plan plan;
    struct query_options options = {.from_ns = 0, .to_ns = INT64_MAX, .step_ns = NS_PER_SECOND};
    arena_init(&arena, 4096);
    (void)query_match(q, e);
    for (int purpose = QUERY_ROWS; purpose <= QUERY_COUNT; purpose++) {
        options.purpose = (enum query_purpose)purpose;
        query_compile(q, &options, &arena, &plan);
        if (plan.sql.n == 0 || plan.result_count == 0 || plan.from_ns < 0)
            abort();
    }
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct query_context context = {.now_ns = INT64_C(1762743600000000000), .zone = NULL};
    struct query_error err;
    struct arena arena;
    struct event e = {.sequence = 1, .time_ns = context.now_ns, .raw = text};
    arena_init(&arena, 4096);
    (void)event_add(&e, &arena, FIELD_SOURCE_IP, STR("192.0.2.1"));
    (void)event_add(&e, &arena, FIELD_DESTINATION_PORT, STR("25"));
    (void)event_add(&e, &arena, FIELD_HOST_NAME, STR("Mail01"));
    (void)event_add(&e, &arena, FIELD_MESSAGE, arena_str(&arena, text));
    (void)event_add(&e, &arena, field_intern(STR("vendor.list")), arena_str(&arena, text));
    struct query *q = query_parse(text, &context, &err);
    if (q)
        use_query(q, &e);
    else
        check_refusal(text, &err);
    query_free(q);
    arena_free(&arena);
    return 0;
}
