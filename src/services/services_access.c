/* People and programs for the console: users, tokens, and the line that is written whenever somebody looks or
 * changes. */
#include "server/server.h"

#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/client.h"
#include "console/auth.h"
#include "console/roles.h"
#include "store/state_users.h"

static uint64_t user_count(void *ctx)
{
    struct server *s = ctx;
    struct arena arena;
    struct error err;
    struct user *users;
    uint32_t count = 0;
    arena_init(&arena, 4096);
    /* A database that cannot be read must not offer the set-up of a first user. */
    uint64_t answer = state_users_list(s->state, &arena, &users, &count, &err) ? count : UINT64_MAX;
    arena_free(&arena);
    return answer;
}

static bool copy_text(char *to, size_t capacity, struct str from)
{
    if (from.n >= capacity)
        return false;
    memcpy(to, from.p, from.n);
    to[from.n] = 0;
    return true;
}

static bool to_console(const struct user *user, struct console_user *out)
{
    *out = (struct console_user){.disabled = user->disabled};
    return copy_text(out->name, sizeof out->name, user->name) &&
           copy_text(out->password_hash, sizeof out->password_hash, user->password_hash) &&
           roles_parse(user->roles, &out->roles) &&
           language_parse(user->language.n == 2 && user->language.p[0] == 'j' ? "ja" : "en", &out->language);
}

static bool user_find(void *ctx, struct str name, struct console_user *out)
{
    struct server *s = ctx;
    struct arena arena;
    struct error err;
    struct user user;
    bool found = false;
    arena_init(&arena, 4096);
    bool ok =
        state_users_find(s->state, name, &arena, &user, &found, &err) && found && to_console(&user, out);
    arena_free(&arena);
    return ok;
}

static struct str language_text(enum language l)
{
    return l == LANGUAGE_JA ? STR("ja") : STR("en");
}

static bool user_add(void *ctx, const struct console_user *from, struct error *err)
{
    struct server *s = ctx;
    struct buf roles = {0};
    roles_format(from->roles, &roles);
    struct user user = {.name = str_c(from->name),
                        .password_hash = str_c(from->password_hash),
                        .roles = buf_str(&roles),
                        .language = language_text(from->language),
                        .created_ns = clock_wall_ns(),
                        .disabled = from->disabled};
    bool ok = state_users_create(s->state, &user, err);
    buf_free(&roles);
    return ok;
}

static bool user_set_language(void *ctx, struct str name, enum language language, struct error *err)
{
    struct server *s = ctx;
    struct arena arena;
    struct user user;
    bool found = false;
    arena_init(&arena, 4096);
    bool ok = state_users_find(s->state, name, &arena, &user, &found, err);
    if (ok && !found)
        ok = error_set(err, tr("there is no user '%.*s'", "利用者 '%.*s' はいません"), STR_ARGS(name));
    if (ok) {
        user.language = language_text(language);
        ok = state_users_update(s->state, &user, err);
    }
    arena_free(&arena);
    return ok;
}

/* A log-in and its entry. Until it is there nobody is known to act: the deed is that of the new session. */
static bool open_session(struct server *s, const struct console_session *session, const struct session *row,
                         struct arena *arena, struct error *err)
{
    struct buf role = {0};
    if (s->recorder == NULL)
        return state_sessions_create(s->state, row, err);
    roles_format(session->roles, &role);
    struct deed deed = {.action = "execute",
                        .actor = str_c(session->user),
                        .role = buf_str(&role),
                        .target = arena_printf(arena, "login/%s", session->user),
                        .event_ns = session->created_ns};
    bool ok = recorder_begin(s->recorder, err);
    if (ok && !state_sessions_create(s->state, row, err)) {
        recorder_rollback(s->recorder);
        ok = false;
    }
    ok = ok && recorder_commit(s->recorder, &deed, err);
    buf_free(&role);
    return ok;
}

/* A session that was used since it was opened is there already, unless it was withdrawn meanwhile: it must
 * not come back then. */
static bool session_save(void *ctx, const struct console_session *session, struct error *err)
{
    struct server *s = ctx;
    struct str hash = str_n((const char *)session->hash, TOKEN_HASH_BYTES);
    if (session->seen_ns != session->created_ns)
        return state_sessions_seen(s->state, hash, session->seen_ns, session->expires_ns, err);
    struct arena arena;
    struct user user;
    bool found = false;
    arena_init(&arena, 4096);
    bool ok = state_users_find(s->state, str_c(session->user), &arena, &user, &found, err);
    struct session row = {.token_hash = hash,
                          .user = found ? user.id : 0,
                          .csrf = str_c(session->csrf),
                          .created_ns = session->created_ns,
                          .last_seen_ns = session->seen_ns,
                          .expires_ns = session->expires_ns};
    ok = ok && open_session(s, session, &row, &arena, err);
    arena_free(&arena);
    return ok;
}

static void session_delete(void *ctx, const unsigned char hash[TOKEN_HASH_BYTES])
{
    struct server *s = ctx;
    struct error err;
    if (!state_sessions_delete(s->state, str_n((const char *)hash, TOKEN_HASH_BYTES), &err))
        log_warning(tr("a session that ended is still stored until it expires: %s",
                       "終了したセッションが、期限まで保存されたままです: %s"),
                    err.text);
}

static bool session_to_console(struct server *s, const struct session *from, struct arena *arena,
                               struct console_session *out)
{
    struct error err;
    struct user user;
    struct console_user who;
    bool found = false;
    if (from->token_hash.n != TOKEN_HASH_BYTES ||
        !state_users_get(s->state, from->user, arena, &user, &found, &err) || !found ||
        !to_console(&user, &who))
        return false;
    *out = (struct console_session){.roles = who.roles,
                                    .language = who.language,
                                    .created_ns = from->created_ns,
                                    .seen_ns = from->last_seen_ns,
                                    .expires_ns = from->expires_ns};
    memcpy(out->hash, from->token_hash.p, TOKEN_HASH_BYTES);
    memcpy(out->user, who.name, sizeof out->user);
    return copy_text(out->csrf, sizeof out->csrf, from->csrf);
}

static bool sessions_load(void *ctx, void (*each)(void *context, const struct console_session *session),
                          void *context)
{
    struct server *s = ctx;
    struct arena arena;
    struct error err;
    struct session *rows;
    uint32_t count = 0;
    arena_init(&arena, 16 << 10);
    bool ok = state_sessions_list(s->state, &arena, &rows, &count, &err);
    for (uint32_t i = 0; ok && i < count; i++) {
        struct console_session session;
        if (session_to_console(s, &rows[i], &arena, &session))
            each(context, &session);
    }
    arena_free(&arena);
    return ok;
}

static bool token_find(void *ctx, const unsigned char hash[TOKEN_HASH_BYTES], struct console_token *out)
{
    struct server *s = ctx;
    struct arena arena;
    struct error err;
    struct api_token token;
    struct user user;
    bool found = false;
    if (sodium_memcmp(hash, s->local_token_hash, TOKEN_HASH_BYTES) == 0) {
        *out = (struct console_token){.user = "local",
                                      .roles = ROLE_ADMINISTRATOR | ROLE_ANALYST,
                                      .expires_ns = TIME_UNKNOWN};
        return true;
    }
    arena_init(&arena, 4096);
    bool ok = state_tokens_find(s->state, str_n((const char *)hash, TOKEN_HASH_BYTES), clock_wall_ns(),
                                &arena, &token, &found, &err) &&
              found && state_users_get(s->state, token.user, &arena, &user, &found, &err) && found;
    *out = (struct console_token){.expires_ns =
                                      ok && token.expires_ns != INT64_MAX ? token.expires_ns : TIME_UNKNOWN};
    ok = ok && copy_text(out->user, sizeof out->user, user.name) && roles_parse(token.roles, &out->roles);
    arena_free(&arena);
    return ok;
}

void server_choose_token(struct server *s)
{
    unsigned char random[TOKEN_HASH_BYTES];
    randombytes_buf(random, sizeof random);
    sodium_bin2hex(s->local_token, sizeof s->local_token, random, sizeof random);
    auth_token_hash(str_c(s->local_token), s->local_token_hash);
}

bool server_announce(struct server *s, struct error *err)
{
    char mark[CLIENT_MARK_BYTES];
    struct buf path = {0}, text = {0};
    if (!client_process_mark(getpid(), mark))
        return error_errno(err, "%s", tr("/proc/self/stat cannot be read", "/proc/self/stat を読めません"));
    buf_printf(&path, "%s/server.json", s->data_dir);
    buf_printf(&text, "{\"url\":\"%s\",\"token\":\"%s\",\"pid\":%d,\"started\":\"%s\"}\n", s->url,
               s->local_token, (int)getpid(), mark);
    bool ok = file_write_atomic(buf_cstr(&path), buf_str(&text), 0600, err);
    sodium_memzero(s->local_token, sizeof s->local_token);
    sodium_memzero(text.p, text.n);
    buf_free(&path);
    buf_free(&text);
    return ok;
}

/* ------------------------------------------------------------------- deeds */

struct act {
    struct recorder_act act;
    struct buf role, target, reason;
};

/* Nobody has come in yet when the first user is made or somebody logs in: the address is all there is. */
static void describe(const struct console_audit *entry, struct act *a)
{
    roles_format(entry->roles, &a->role);
    buf_add(&a->target, entry->action);
    if (entry->object.n)
        buf_printf(&a->target, "/%.*s", (int)(entry->object.n < 200 ? entry->object.n : 200),
                   entry->object.p);
    buf_add(&a->reason, entry->reason);
    a->act.deed = (struct deed){.action = "execute",
                                .actor = entry->user.n ? entry->user : entry->address,
                                .role = buf_str(&a->role),
                                .target = buf_str(&a->target),
                                .text = buf_str(&a->reason),
                                .event_ns = entry->time_ns};
}

static void forget_act(struct act *a)
{
    buf_free(&a->role);
    buf_free(&a->target);
    buf_free(&a->reason);
}

static void *act_begin(void *ctx, const struct console_audit *entry)
{
    struct server *s = ctx;
    if (s->recorder == NULL)
        return NULL;
    struct act *a = NEW(struct act);
    describe(entry, a);
    recorder_enter(s->recorder, &a->act);
    return a;
}

static bool act_end(void *ctx, void *act)
{
    struct server *s = ctx;
    struct act *a = act;
    if (a == NULL)
        return false;
    recorder_leave(s->recorder);
    bool is_recorded = a->act.entries > 0;
    forget_act(a);
    memory_free(a);
    return is_recorded;
}

/* What a person asked for and got, and what changed nothing in state.db. */
static void record_deed(struct server *s, const struct console_audit *entry)
{
    struct act a = {0};
    if (!entry->changes || entry->status >= 400 || entry->is_recorded)
        return;
    describe(entry, &a);
    server_note(s, &a.act.deed);
    forget_act(&a);
}

static void audit(void *ctx, const struct console_audit *entry)
{
    struct server *s = ctx;
    struct buf line = {0};
    struct json_writer w = {.out = &line};
    json_begin_object(&w);
    json_key(&w, "time");
    json_put_time(&w, entry->time_ns);
    json_key(&w, "user");
    json_put_str(&w, entry->user);
    json_key(&w, "address");
    json_put_str(&w, entry->address);
    json_key(&w, "action");
    json_put_str(&w, entry->action);
    json_key(&w, "object");
    json_put_str(&w, entry->object);
    json_key(&w, "status");
    json_put_i64(&w, entry->status);
    struct error err;
    if (!audit_log_add(s->audit_log, buf_str(&line), &err)) /* closes the object */
        log_error("%s", err.text);
    buf_free(&line);
    record_deed(s, entry);
}

void services_access(struct console_services *s)
{
    s->user_count = user_count;
    s->user_find = user_find;
    s->user_add = user_add;
    s->user_set_language = user_set_language;
    s->session_save = session_save;
    s->session_delete = session_delete;
    s->sessions_load = sessions_load;
    s->token_find = token_find;
    s->audit = audit;
    s->act_begin = act_begin;
    s->act_end = act_end;
}
