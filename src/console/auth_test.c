/* Set-up, log-in, sessions, tokens, over users in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/memory.h"
#include "console/auth.h"
#include "console/sessions.h"

struct memory {
    struct console_user users[2];
    uint64_t count;
    struct console_session saved[8];
    size_t saved_count, deleted;
    unsigned token_lookups;
    bool refuses;
};

static uint64_t user_count(void *ctx)
{
    return ((struct memory *)ctx)->count;
}

static bool user_find(void *ctx, struct str name, struct console_user *out)
{
    struct memory *m = ctx;
    for (uint64_t i = 0; i < m->count; i++)
        if (str_eq(str_c(m->users[i].name), name)) {
            *out = m->users[i];
            return true;
        }
    return false;
}

static bool user_add(void *ctx, const struct console_user *user, struct error *err)
{
    struct memory *m = ctx;
    if (m->refuses)
        return error_set(err, "the disk is full");
    m->users[m->count++] = *user;
    return true;
}

static bool set_language(void *ctx, struct str name, enum language language, struct error *err)
{
    (void)ctx, (void)name, (void)language, (void)err;
    return true;
}

static bool session_save(void *ctx, const struct console_session *session, struct error *err)
{
    struct memory *m = ctx;
    (void)err;
    m->saved[m->saved_count++ % 8] = *session;
    return true;
}

static void session_delete(void *ctx, const unsigned char hash[TOKEN_HASH_BYTES])
{
    (void)hash;
    ((struct memory *)ctx)->deleted++;
}

static bool sessions_load(void *ctx, void (*each)(void *context, const struct console_session *s),
                          void *context)
{
    struct memory *m = ctx;
    for (size_t i = 0; i < m->saved_count; i++)
        each(context, &m->saved[i]);
    return !m->refuses;
}

static bool token_find(void *ctx, const unsigned char hash[TOKEN_HASH_BYTES], struct console_token *out)
{
    unsigned char wanted[TOKEN_HASH_BYTES];
    ((struct memory *)ctx)->token_lookups++;
    auth_token_hash(STR("right"), wanted);
    *out = (struct console_token){.user = "program", .roles = ROLE_COLLECTOR, .expires_ns = TIME_UNKNOWN};
    return memcmp(hash, wanted, sizeof wanted) == 0;
}

static struct console_services services_of(struct memory *m)
{
    return (struct console_services){.ctx = m,
                                     .user_count = user_count,
                                     .user_find = user_find,
                                     .user_add = user_add,
                                     .user_set_language = set_language,
                                     .session_save = session_save,
                                     .session_delete = session_delete,
                                     .sessions_load = sessions_load,
                                     .token_find = token_find};
}

static const struct auth_options OPTIONS = {.session_idle_ns = 3600 * NS_PER_SECOND,
                                            .session_longest_ns = 7200 * NS_PER_SECOND};
#define PASSWORD STR("correct horse battery")

static void setup_happens_once(void **state)
{
    struct memory m = {.refuses = true};
    struct console_services services = services_of(&m);
    struct auth *a = auth_new(&OPTIONS, &services);
    struct auth_grant grant;
    (void)state;
    struct str token = str_c(auth_setup_token(a));
    assert_int_equal(token.n, 43);
    assert_int_equal(auth_setup(a, STR("x"), STR("admin"), PASSWORD, LANGUAGE_JA, STR("ip"), &grant),
                     AUTH_WRONG);
    assert_int_equal(auth_setup(a, token, STR("a\nb"), PASSWORD, LANGUAGE_JA, STR("ip"), &grant),
                     AUTH_BAD_NAME);
    assert_int_equal(auth_setup(a, token, STR("admin"), PASSWORD, LANGUAGE_JA, STR("ip"), &grant),
                     AUTH_FAILED);
    assert_string_equal(grant.err.text, "the disk is full");
    assert_true(auth_needs_setup(a));
    m.refuses = false;
    assert_int_equal(auth_setup(a, token, STR("admin"), PASSWORD, LANGUAGE_JA, STR("ip"), &grant), AUTH_OK);
    assert_int_equal(grant.who.roles, ROLE_ADMINISTRATOR);
    assert_true(str_starts(str_c(m.users[0].password_hash), STR("$argon2id$v=19$m=65536,t=2,p=1$")));
    assert_false(str_contains(str_c(m.users[0].password_hash), PASSWORD));
    assert_string_equal(auth_setup_token(a), "");
    assert_int_equal(auth_setup(a, token, STR("b"), PASSWORD, LANGUAGE_JA, STR("ip"), &grant),
                     AUTH_NOT_NEEDED);
    auth_free(a);
}

static void a_user_from_elsewhere_ends_the_setup(void **state)
{
    struct memory m = {0};
    struct console_services services = services_of(&m);
    struct auth *a = auth_new(&OPTIONS, &services);
    struct auth_grant grant;
    (void)state;
    assert_true(auth_needs_setup(a));
    m.count = 1; /* hyakuyo user add */
    assert_int_equal(auth_setup(a, str_c(auth_setup_token(a)), STR("b"), PASSWORD, LANGUAGE_JA, STR("ip"),
                                &grant),
                     AUTH_NOT_NEEDED);
    assert_false(auth_needs_setup(a));
    assert_string_equal(auth_setup_token(a), "");
    auth_free(a);
}

static void sessions_live_and_die(void **state)
{
    struct memory m = {.count = 1};
    struct console_services services = services_of(&m);
    struct error err;
    struct auth_grant grant;
    struct principal who;
    (void)state;
    snprintf(m.users[0].name, sizeof m.users[0].name, "admin");
    m.users[0].roles = ROLE_ANALYST;
    assert_true(auth_hash_password(PASSWORD, m.users[0].password_hash, &err));
    struct auth *a = auth_new(&OPTIONS, &services);
    assert_int_equal(auth_login(a, STR("admin"), STR("wrong"), STR("ip"), &grant), AUTH_WRONG);
    assert_int_equal(auth_login(a, STR("nobody"), PASSWORD, STR("ip"), &grant), AUTH_WRONG);
    assert_int_equal(auth_login(a, STR("admin"), PASSWORD, STR("ip"), &grant), AUTH_OK);
    char cookie[44];
    memcpy(cookie, grant.cookie, sizeof cookie);
    assert_true(auth_by_cookie(a, str_c(cookie), &who));
    assert_string_equal(who.user, "admin");
    assert_true(auth_csrf_matches(&who, str_c(grant.who.csrf)));
    assert_false(auth_csrf_matches(&who, STR("")));
    assert_false(auth_csrf_matches(&(struct principal){.roles = 1}, STR("")));
    assert_null(memmem(&m.saved[0], sizeof m.saved[0], cookie, 43)); /* only its hash is stored */
    auth_free(a);

    a = auth_new(&OPTIONS, &services); /* the program starts again */
    assert_true(auth_by_cookie(a, str_c(cookie), &who));
    assert_false(auth_by_cookie(a, STR("x"), &who));
    sessions_end_withdrawn(auth_sessions(a));
    assert_true(auth_by_cookie(a, str_c(cookie), &who));
    size_t stored = m.saved_count;
    m.saved_count = 0;
    m.refuses = true; /* what cannot be read withdraws nothing */
    sessions_end_withdrawn(auth_sessions(a));
    assert_true(auth_by_cookie(a, str_c(cookie), &who));
    m.refuses = false;
    sessions_end_withdrawn(auth_sessions(a));
    assert_false(auth_by_cookie(a, str_c(cookie), &who));
    auth_free(a);
    m.saved_count = stored;
    m.deleted = 0;
    a = auth_new(&OPTIONS, &services);
    assert_true(auth_by_cookie(a, str_c(cookie), &who));
    sessions_sweep(auth_sessions(a), clock_wall_ns() + 3601 * NS_PER_SECOND);
    assert_false(auth_by_cookie(a, str_c(cookie), &who));
    assert_int_equal(m.deleted, 1);
    m.users[0].disabled = true;
    assert_int_equal(auth_login(a, STR("admin"), PASSWORD, STR("ip"), &grant), AUTH_WRONG);
    m.users[0].disabled = false;
    assert_int_equal(auth_login(a, STR("admin"), PASSWORD, STR("ip"), &grant), AUTH_OK);
    sessions_close_user(auth_sessions(a), STR("admin"));
    assert_false(auth_by_cookie(a, str_c(grant.cookie), &who));
    auth_free(a);
}

static void full_table_drops_the_least_used(void **state)
{
    struct memory m = {.count = 1};
    struct console_services services = services_of(&m);
    struct console_user user = {.name = "u", .roles = ROLE_ANALYST};
    struct console_session session;
    char first[SESSION_TEXT_BYTES], text[SESSION_TEXT_BYTES];
    (void)state;
    services.sessions_load = NULL;
    struct sessions *s = sessions_new(&services, INT64_MAX / 4, INT64_MAX / 4, 0);
    sessions_open(s, &user, 1, first, &session);
    for (int i = 0; i < 4096; i++)
        sessions_open(s, &user, 10 + i, text, &session);
    assert_false(sessions_find(s, str_c(first), 5000, &session));
    assert_true(sessions_find(s, str_c(text), 5000, &session));
    sessions_free(s);
}

static void tokens(void **state)
{
    struct memory m = {.count = 1};
    struct console_services services = services_of(&m);
    struct auth *a = auth_new(&OPTIONS, &services);
    struct principal who;
    unsigned wait = 0;
    (void)state;
    assert_string_equal(auth_setup_token(a), "");
    for (int i = 0; i < 3; i++)
        assert_int_equal(auth_by_token(a, STR("right"), STR("ip"), &who, &wait), AUTH_OK);
    assert_int_equal(m.token_lookups, 1);
    assert_int_equal(who.permissions, MAY_INGEST);
    assert_false(who.has_session);
    for (int i = 0; i < 50; i++)
        assert_int_equal(auth_by_token(a, STR("wrong"), STR("ip"), &who, &wait), AUTH_WRONG);
    assert_int_equal(auth_by_token(a, STR("wrong"), STR("ip"), &who, &wait), AUTH_WAIT);
    assert_int_equal(auth_by_token(a, STR("right"), STR("ip"), &who, &wait), AUTH_OK); /* known ones go on */
    auth_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(setup_happens_once),
                                       cmocka_unit_test(a_user_from_elsewhere_ends_the_setup),
                                       cmocka_unit_test(sessions_live_and_die),
                                       cmocka_unit_test(full_table_drops_the_least_used),
                                       cmocka_unit_test(tokens)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
