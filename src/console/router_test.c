/* The table of routes, and openapi.json held against it in both directions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "console/openapi.h"
#include "console/roles.h"
#include "console/router.h"

static const struct route *find(const char *uri, enum method method, struct str values[2], unsigned *allowed)
{
    static struct target t; /* NOLINT: a test's scratch */
    struct arena arena;
    arena_init(&arena, 4096);
    assert_int_equal(target_parse(str_c(uri), &arena, &t), TARGET_OK);
    const struct route *route = router_find(&t, method, values, allowed);
    if (route && values[0].n) {
        static char kept[64];
        memcpy(kept, values[0].p, values[0].n);
        values[0].p = kept;
    }
    arena_free(&arena);
    return route;
}

static void finds(void **state)
{
    struct str values[2] = {STR_EMPTY, STR_EMPTY};
    unsigned allowed;
    (void)state;
    const struct route *route = find("/api/v1/incidents/42", METHOD_PATCH, values, &allowed);
    assert_non_null(route);
    assert_true(str_eq(values[0], STR("42")));
    assert_ptr_equal(find("/api/v1/incidents/42", METHOD_HEAD, values, &allowed),
                     find("/api/v1/incidents/42", METHOD_GET, values, &allowed));
    assert_null(find("/api/v1/incidents/42", METHOD_DELETE, values, &allowed));
    assert_int_equal(allowed,
                     1u << METHOD_GET | 1u << METHOD_HEAD | 1u << METHOD_PATCH | 1u << METHOD_OPTIONS);
    assert_null(find("/api/v1/incidents/", METHOD_GET, values, &allowed));
    assert_int_equal(allowed, 0);
    assert_null(find("/api/v1", METHOD_GET, values, &allowed));
    assert_null(find("/", METHOD_GET, values, &allowed));
    assert_null(find("/api/v1/incidents/42/x", METHOD_GET, values, &allowed));
}

static void routes_are_sound(void **state)
{
    (void)state;
    for (size_t t = 0; router_tables()[t]; t++)
        for (size_t i = 0; i < router_tables()[t]->count; i++) {
            const struct route *r = &router_tables()[t]->routes[i];
            assert_true(r->permission != 0 || (r->flags & ROUTE_PUBLIC));
            struct buf name = {0};
            roles_permissions_json(r->permission, &name);
            assert_true(r->permission == 0 || name.n > 2); /* it has a name */
            buf_free(&name);
            if (r->audit) /* writing the audit record waits for the disk */
                assert_true(r->run == RUN_WORKER || r->run == RUN_PASSWORD);
            for (size_t p = 0; r->query && r->query[p].name; p++)
                assert_true(p < PARAMETERS_MAX);
        }
}

static const struct json_node *resolve(const struct json_node *document, const struct json_node *node)
{
    struct str reference = json_text(node, "$ref"), part;
    if (!reference.n)
        return node;
    reference = str_skip(reference, 2);
    const struct json_node *at = document;
    while (at && str_split(&reference, '/', &part)) {
        const struct json_node *child = at->child;
        while (child && !str_eq(child->key, part))
            child = child->next;
        at = child;
    }
    assert_non_null(at);
    return at;
}

static const struct json_node *load(struct arena *arena)
{
    struct error err = {.text = ""};
    const struct json_node *document = json_parse(openapi_text(), arena, &err);
    assert_string_equal(err.text, "");
    assert_non_null(document);
    return document;
}

static const struct json_node *operation_of(const struct json_node *document, const struct route *route)
{
    char method[16];
    size_t n = strlen(method_name(route->method));
    for (size_t i = 0; i <= n; i++)
        method[i] = ascii_lower(method_name(route->method)[i]);
    const struct json_node *path = json_member(json_member(document, "paths"), route->pattern);
    return path ? json_member(path, method) : NULL;
}

/* Bounds and choices that the document must repeat. */
static void check_schema(const struct json_node *schema, const struct parameter *p)
{
    struct str part, choices = p->choices ? str_c(p->choices) : STR_EMPTY;
    int64_t bound;
    const char *low = p->kind == PARAMETER_INTEGER ? "minimum" : "minLength";
    const char *high = p->kind == PARAMETER_INTEGER ? "maximum" : "maxLength";
    if (json_member(schema, "enum")) {
        const struct json_node *value = json_member(schema, "enum")->child;
        for (; choices.n && str_split(&choices, '|', &part); value = value->next) {
            assert_non_null(value);
            assert_true(str_eq(value->text, part));
        }
        return;
    }
    if (p->kind != PARAMETER_INTEGER && p->kind != PARAMETER_TEXT)
        return;
    assert_true(str_to_i64(json_text(schema, low), &bound));
    assert_int_equal(bound, p->min);
    assert_true(str_to_i64(json_text(schema, high), &bound));
    assert_int_equal(bound, p->max);
}

static void check_query(const struct json_node *document, const struct json_node *operation,
                        const struct route *route)
{
    size_t documented = 0, declared = 0;
    const struct json_node *list = json_member(operation, "parameters");
    for (const struct json_node *n = list ? list->child : NULL; n; n = n->next)
        documented += str_eq(json_text(resolve(document, n), "in"), STR("query"));
    for (; route->query && route->query[declared].name; declared++) {
        const struct json_node *n = list ? list->child : NULL;
        while (n && !str_eq(json_text(resolve(document, n), "name"), str_c(route->query[declared].name)))
            n = n->next;
        assert_non_null(n);
        check_schema(json_member(resolve(document, n), "schema"), &route->query[declared]);
    }
    assert_int_equal(documented, declared);
}

static bool is_required(const struct json_node *schema, const char *name)
{
    const struct json_node *list = json_member(schema, "required");
    for (const struct json_node *n = list ? list->child : NULL; n; n = n->next)
        if (str_eq(n->text, str_c(name)))
            return true;
    return false;
}

static void check_members(const struct json_node *document, const struct json_node *operation,
                          const struct route *route)
{
    size_t documented = 0, declared = 0;
    if (!route->members)
        return;
    const struct json_node *content = json_member(json_member(operation, "requestBody"), "content");
    const struct json_node *schema =
        resolve(document, json_member(json_member(content, "application/json"), "schema"));
    for (const struct json_node *n = json_member(schema, "properties")->child; n; n = n->next)
        documented++;
    for (; route->members[declared].name; declared++) {
        const struct parameter *p = &route->members[declared];
        const struct json_node *property = json_member(json_member(schema, "properties"), p->name);
        assert_non_null(property);
        check_schema(resolve(document, property), p);
        assert_int_equal(is_required(schema, p->name), p->required);
    }
    assert_int_equal(documented, declared);
}

static void every_route_is_described(void **state)
{
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 20);
    const struct json_node *document = load(&arena);
    for (size_t t = 0; router_tables()[t]; t++)
        for (size_t i = 0; i < router_tables()[t]->count; i++) {
            const struct route *route = &router_tables()[t]->routes[i];
            const struct json_node *operation = operation_of(document, route);
            if (!operation)
                print_error("%s %s is not in openapi.json\n", method_name(route->method), route->pattern);
            assert_non_null(operation);
            check_query(document, operation, route);
            check_members(document, operation, route);
        }
    arena_free(&arena);
}

static bool is_routed(const char *method, struct str path)
{
    for (size_t t = 0; router_tables()[t]; t++)
        for (size_t i = 0; i < router_tables()[t]->count; i++) {
            const struct route *r = &router_tables()[t]->routes[i];
            if (str_eq_nocase(str_c(method), str_c(method_name(r->method))) &&
                str_eq(path, str_c(r->pattern)))
                return true;
        }
    return false;
}

static void every_operation_is_routed(void **state)
{
    struct arena arena;
    struct buf seen = {0};
    (void)state;
    arena_init(&arena, 1 << 20);
    const struct json_node *document = load(&arena);
    for (const struct json_node *path = json_member(document, "paths")->child; path; path = path->next)
        for (const struct json_node *operation = path->child; operation; operation = operation->next) {
            struct str method = arena_str(&arena, operation->key);
            struct str id = json_text(operation, "operationId");
            assert_true(is_routed(method.p, path->key));
            assert_true(id.n > 0);
            assert_false(str_contains(buf_str(&seen), arena_concat(&arena, id, STR("\n"))));
            buf_add(&seen, id);
            buf_char(&seen, '\n');
            for (const struct json_node *reply = json_member(operation, "responses")->child; reply;
                 reply = reply->next)
                assert_non_null(json_member(resolve(document, reply), "description"));
        }
    buf_free(&seen);
    arena_free(&arena);
}

static void roles(void **state)
{
    unsigned bits;
    struct buf text = {0};
    (void)state;
    assert_true(roles_parse(STR("lead; analyst"), &bits));
    assert_int_equal(bits, ROLE_LEAD | ROLE_ANALYST);
    roles_format(bits, &text);
    assert_true(str_eq(buf_str(&text), STR("analyst;lead")));
    assert_false(roles_parse(STR("analyst;root"), &bits));
    assert_false(roles_parse(STR(""), &bits));
    assert_int_equal(roles_permissions(ROLE_COLLECTOR), MAY_INGEST);
    assert_false(roles_permissions(ROLE_AUDITOR) & (MAY_SEARCH | MAY_SEE_PERSONS | MAY_WORK_INCIDENTS));
    assert_int_equal(roles_permissions(0), 0);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds), cmocka_unit_test(routes_are_sound),
                                       cmocka_unit_test(every_route_is_described),
                                       cmocka_unit_test(every_operation_is_routed), cmocka_unit_test(roles)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
