/* /api/v1/setup and /api/v1/session: the first user, log-in, log-out, language. Stage: console. Reads
 * credentials, leaves cookies. Next: auth.c. */
#include "base/json.h"
#include "console/console_internal.h"
#include "console/router.h"

enum { SETUP_USER, SETUP_TOKEN, SETUP_PASSWORD, SETUP_LANGUAGE };
static const struct parameter SETUP[] = {
    {"user", PARAMETER_TEXT, true, 1, USER_NAME_MAX, NULL},
    {"token", PARAMETER_TEXT, true, 1, 128, NULL},
    {"password", PARAMETER_TEXT, true, PASSWORD_BYTES_MIN, PASSWORD_BYTES_MAX, NULL},
    {"language", PARAMETER_CHOICE, false, 0, 0, "en|ja"},
    {0},
};

enum { LOGIN_USER, LOGIN_PASSWORD };
static const struct parameter LOGIN[] = {
    {"user", PARAMETER_TEXT, true, 1, 256, NULL},
    {"password", PARAMETER_TEXT, true, 1, PASSWORD_BYTES_MAX, NULL},
    {0},
};

static const struct parameter LANGUAGE[] = {{"language", PARAMETER_CHOICE, true, 0, 0, "en|ja"}, {0}};

static void write_session(struct request *r, int status)
{
    struct buf *out = reply_json(r, status);
    struct json_writer w = {.out = out};
    json_begin_object(&w);
    json_key(&w, "user");
    json_put_c(&w, r->who.user);
    json_key(&w, "roles");
    roles_json(r->who.roles, out);
    w.needs_comma = true;
    json_key(&w, "permissions");
    roles_permissions_json(r->who.permissions, out);
    w.needs_comma = true;
    json_key(&w, "language");
    json_put_c(&w, r->who.language == LANGUAGE_JA ? "ja" : "en");
    json_key(&w, "csrf");
    json_put_c(&w, r->who.csrf);
    json_end_object(&w);
}

static void set_cookie(struct request *r, struct str value, unsigned seconds)
{
    reply_header(r, "Set-Cookie",
                 arena_printf(&r->arena,
                              SESSION_COOKIE "=%.*s; Path=/; Max-Age=%u; HttpOnly; SameSite=Strict%s",
                              STR_ARGS(value), seconds, r->is_https ? "; Secure" : ""));
}

static void write_grant(struct request *r, int status, const struct auth_grant *grant)
{
    r->who = grant->who;
    write_session(r, status);
    set_cookie(r, str_c(grant->cookie), r->console->config.session_max_s);
}

/* Everything but AUTH_OK. */
static void refuse(struct request *r, enum auth_result result, const struct auth_grant *grant)
{
    switch (result) {
    case AUTH_WAIT:
        reply_problem_retry(r, PROBLEM_RATE, grant->retry_after_s,
                            STR("Too many failed attempts; wait and try again."),
                            STR("失敗が続いたため、しばらく待ってからやり直してください。"));
        return;
    case AUTH_NOT_NEEDED:
        reply_problem(r, PROBLEM_CONFLICT, STR("The first user exists already; log in."),
                      STR("最初のユーザーはすでに登録されています。ログインしてください。"));
        return;
    case AUTH_BAD_NAME:
        reply_problem(r, PROBLEM_BODY,
                      STR("User names have no control characters and no spaces at their ends."),
                      STR("ユーザー名に制御文字や前後の空白は使えません。"));
        return;
    case AUTH_FAILED:
        reply_problem_retry(r, PROBLEM_UNAVAILABLE, 0, str_c(grant->err.text), str_c(grant->err.text));
        return;
    case AUTH_OK:
    case AUTH_WRONG:
        break;
    }
    reply_problem(r, PROBLEM_CREDENTIALS, STR("Check both and try again."),
                  STR("入力内容を確認してください。"));
}

static void get_setup(struct request *r)
{
    buf_printf(reply_json(r, 200), "{\"needed\":%s}", auth_needs_setup(r->console->auth) ? "true" : "false");
}

static void post_setup(struct request *r)
{
    struct auth_grant grant;
    const struct parameter_value *v = r->members;
    enum language language =
        v[SETUP_LANGUAGE].is_given ? (enum language)v[SETUP_LANGUAGE].number : r->language;
    enum auth_result result = auth_setup(r->console->auth, v[SETUP_TOKEN].text, v[SETUP_USER].text,
                                         v[SETUP_PASSWORD].text, language, str_c(r->address), &grant);
    if (result == AUTH_OK)
        write_grant(r, 201, &grant);
    else if (result == AUTH_WRONG)
        reply_problem(r, PROBLEM_SETUP_TOKEN,
                      STR("Use the link that the server printed when it was last started."),
                      STR("サーバーが最後に起動したときに表示したリンクを使ってください。"));
    else
        refuse(r, result, &grant);
}

static void post_session(struct request *r)
{
    struct auth_grant grant;
    enum auth_result result = auth_login(r->console->auth, r->members[LOGIN_USER].text,
                                         r->members[LOGIN_PASSWORD].text, str_c(r->address), &grant);
    if (result == AUTH_OK)
        write_grant(r, 200, &grant);
    else
        refuse(r, result, &grant);
}

static void get_session(struct request *r)
{
    write_session(r, 200);
}

static void delete_session(struct request *r)
{
    auth_logout(r->console->auth, &r->who);
    reply_nothing(r, 204);
    set_cookie(r, STR_EMPTY, 0);
}

static void put_language(struct request *r)
{
    struct error err = {.text = ""};
    r->who.language = (enum language)r->members[0].number;
    if (auth_set_language(r->console->auth, &r->who, r->who.language, &err))
        write_session(r, 200);
    else
        reply_problem_retry(r, PROBLEM_UNAVAILABLE, 0, str_c(err.text), str_c(err.text));
}

static const struct route ROUTES[] = {
    {METHOD_GET, "/api/v1/setup", get_setup, RUN_WORKER, 0, ROUTE_PUBLIC, NULL, NULL, NULL},
    {METHOD_POST, "/api/v1/setup", post_setup, RUN_PASSWORD, 0, ROUTE_PUBLIC, NULL, SETUP, "setup"},
    {METHOD_GET, "/api/v1/session", get_session, RUN_INLINE, MAY_USE_OWN_SESSION, 0, NULL, NULL, NULL},
    {METHOD_POST, "/api/v1/session", post_session, RUN_PASSWORD, 0, ROUTE_PUBLIC, NULL, LOGIN, "login"},
    {METHOD_DELETE, "/api/v1/session", delete_session, RUN_WORKER, MAY_USE_OWN_SESSION, 0, NULL, NULL,
     "logout"},
    {METHOD_PUT, "/api/v1/session/language", put_language, RUN_WORKER, MAY_USE_OWN_SESSION, 0, NULL, LANGUAGE,
     "user.language"},
};
const struct route_table session_routes = {ROUTES, COUNT_OF(ROUTES)};
