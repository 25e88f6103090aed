/* hyakuyo user: people who may come in, without the console. The password is read from standard input. */
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/commands.h"
#include "cli/rows.h"
#include "command/command_record.h"
#include "console/auth.h"
#include "console/roles.h"
#include "store/state_users.h"

#define PASSWORD_MIN 12

static bool read_password(char *out, size_t capacity, struct error *err)
{
    struct termios was, silent;
    bool is_terminal = tcgetattr(STDIN_FILENO, &was) == 0;
    if (is_terminal) {
        fputs(tr("password: ", "パスワード: "), stderr);
        silent = was;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSANOW, &silent);
    }
    bool ok = fgets(out, (int)capacity, stdin) != NULL;
    if (is_terminal) {
        tcsetattr(STDIN_FILENO, TCSANOW, &was);
        fputc('\n', stderr);
    }
    if (!ok)
        return error_set(err, "%s",
                         tr("no password came from standard input", "標準入力からパスワードを読めません"));
    out[strcspn(out, "\r\n")] = 0;
    if (strlen(out) < PASSWORD_MIN)
        return error_set(err,
                         tr("the password needs at least %d characters", "パスワードは %d 文字以上必要です"),
                         PASSWORD_MIN);
    return true;
}

static bool save_and_record(struct state *state, struct user *user, bool is_new, struct error *err)
{
    char name[USER_NAME_MAX + 1];
    struct command_record record;
    snprintf(name, sizeof name, "%.*s", STR_ARGS(user->name));
    if (!command_record_begin(&record, state, is_new ? "user.add" : "user.password", name, err))
        return false;
    bool ok = is_new ? state_users_create(state, user, err) : state_users_update(state, user, err);
    command_record_end(&record);
    return ok;
}

static bool add(struct state *state, const struct arguments *a, struct error *err)
{
    char password[1024], hash[PASSWORD_HASH_MAX];
    unsigned roles;
    const char *role = argument_text(a, "role");
    if (!roles_parse(str_c(role), &roles))
        return error_set(err,
                         tr("'%s' are not roles; use analyst, lead, helpdesk, department, approver, auditor, "
                            "administrator, vendor, separated by ';'",
                            "'%s' "
                            "は役割ではありません。analyst、lead、helpdesk、department、approver、auditor、ad"
                            "ministrator、vendor を ';' で区切ってください"),
                         role);
    if (!auth_name_is_acceptable(str_c(a->words[1])))
        return error_set(err, tr("'%s' cannot be a user's name", "'%s' は利用者名に使えません"), a->words[1]);
    bool ok = read_password(password, sizeof password, err) && auth_hash_password(str_c(password), hash, err);
    explicit_bzero(password, sizeof password);
    if (!ok)
        return false;
    struct user user = {.name = str_c(a->words[1]),
                        .password_hash = str_c(hash),
                        .roles = str_c(role),
                        .language = language_current() == LANGUAGE_JA ? STR("ja") : STR("en"),
                        .created_ns = clock_wall_ns()};
    return save_and_record(state, &user, true, err);
}

static bool change_password(struct state *state, const struct arguments *a, struct error *err)
{
    char password[1024], hash[PASSWORD_HASH_MAX];
    struct arena arena;
    struct user user;
    bool found = false;
    arena_init(&arena, 4096);
    bool ok = state_users_find(state, str_c(a->words[1]), &arena, &user, &found, err);
    if (ok && !found)
        ok = error_set(err,
                       tr("there is no user '%s'; 'hyakuyo user list' names them",
                          "利用者 '%s' はいません。'hyakuyo user list' で確認してください"),
                       a->words[1]);
    ok =
        ok && read_password(password, sizeof password, err) && auth_hash_password(str_c(password), hash, err);
    explicit_bzero(password, sizeof password);
    if (ok) {
        user.password_hash = str_c(hash);
        ok = save_and_record(state, &user, false, err);
    }
    arena_free(&arena);
    return ok;
}

static bool list(struct state *state, const struct arguments *a, struct error *err)
{
    static const char *const columns[] = {"user", "roles", "language", "created", "disabled", NULL};
    struct arena arena;
    struct user *users;
    uint32_t count;
    struct buf rows = {0};
    arena_init(&arena, 16 << 10);
    bool ok = state_users_list(state, &arena, &users, &count, err);
    struct json_writer w = {.out = &rows};
    json_begin_array(&w);
    for (uint32_t i = 0; ok && i < count; i++) {
        json_begin_object(&w);
        json_key(&w, "user");
        json_put_str(&w, users[i].name);
        json_key(&w, "roles");
        json_put_str(&w, users[i].roles);
        json_key(&w, "language");
        json_put_str(&w, users[i].language);
        json_key(&w, "created");
        json_put_time(&w, users[i].created_ns);
        json_key(&w, "disabled");
        json_put_bool(&w, users[i].disabled);
        json_end_object(&w);
    }
    json_end_array(&w);
    ok = ok && rows_print(a, buf_str(&rows), columns, err);
    buf_free(&rows);
    arena_free(&arena);
    return ok;
}

static bool act(struct state *state, const struct arguments *a, struct error *err)
{
    if (strcmp(a->words[0], "list") == 0 && a->word_count == 1)
        return list(state, a, err);
    if (strcmp(a->words[0], "add") == 0 && a->word_count == 2)
        return add(state, a, err);
    if (strcmp(a->words[0], "password") == 0 && a->word_count == 2)
        return change_password(state, a, err);
    return error_set(err, "%s",
                     tr("write 'hyakuyo user list', 'hyakuyo user add NAME' or 'hyakuyo user password NAME'",
                        "'hyakuyo user list'、'hyakuyo user add 名前'、'hyakuyo user password 名前' "
                        "のいずれかを書いてください"));
}

static int run(const struct arguments *a)
{
    char path[4096];
    struct error err;
    const char *data_dir = argument_text(a, "data");
    snprintf(path, sizeof path, "%s/state.db", data_dir);
    struct state *state = file_make_folders(data_dir, 0700, &err) ? state_open(path, &err) : NULL;
    bool ok = state != NULL && act(state, a, &err);
    if (state != NULL)
        state_close(state);
    return ok ? EXIT_DONE : command_fail(a, EXIT_USAGE, &err);
}

static const struct option options[] = {
    {.name = "data",
     .type = OPTION_TEXT,
     .values = "DIR",
     .fallback = "./var",
     .help_en = "data folder",
     .help_ja = "データフォルダー"},
    {.name = "role",
     .type = OPTION_TEXT,
     .values = "ROLES",
     .fallback = "analyst",
     .help_en = "roles of the new user, separated by ';'",
     .help_ja = "新しい利用者の役割(';' 区切り)"},
    ROWS_FORMAT_OPTION,
};

const struct command command_user = {
    .name = "user",
    .run = run,
    .summary_en = "list or add people who may log in, change a password (ends their sessions)",
    .summary_ja = "ログインできる利用者の一覧と追加、パスワード変更(セッションは終了)",
    .words = "list | add NAME | password NAME",
    .word_min = 1,
    .word_max = 2,
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = "  hyakuyo user add hanako --role 'analyst;lead'\n  hyakuyo user list\n  hyakuyo user "
                "password hanako\n",
};
