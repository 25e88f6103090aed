/* Who is asking: passwords, sessions, API tokens, the one-time set-up token. Any thread; functions marked
 * [slow] hash a password (64 MiB, some 100 ms) and belong on the password workers. */
#ifndef CONSOLE_AUTH_H
#define CONSOLE_AUTH_H

#include "console/roles.h"
#include "console/services.h"

#define PASSWORD_BYTES_MIN 12
#define PASSWORD_BYTES_MAX 1024
#define SESSION_COOKIE     "hyakuyo_session"

struct principal {
    char user[USER_NAME_MAX + 1];
    unsigned roles, permissions; /* 0 = nobody */
    enum language language;
    bool has_session; /* came by cookie: state changes need the CSRF token */
    unsigned char session[TOKEN_HASH_BYTES];
    char csrf[CSRF_TEXT_BYTES];
};

struct auth;
struct auth_options {
    int64_t session_idle_ns, session_longest_ns;
};
/* Makes the set-up token when there is no user yet. */
struct auth *auth_new(const struct auth_options *options, const struct console_services *services);
void auth_free(struct auth *a);
struct sessions *auth_sessions(struct auth *a);

/* Link token while no user exists, "" afterwards. */
const char *auth_setup_token(struct auth *a);
bool auth_needs_setup(struct auth *a); /* asks the services while no user is known */

enum auth_result {
    AUTH_OK,
    AUTH_WRONG,      /* user, password or token */
    AUTH_WAIT,       /* too many failures; see retry_after_s */
    AUTH_NOT_NEEDED, /* set-up: there is a user already */
    AUTH_BAD_NAME,
    AUTH_FAILED, /* the store or the memory for hashing; `err` is set */
};

/* What a log-in gives. */
struct auth_grant {
    char cookie[44];
    struct principal who;
    unsigned retry_after_s;
    struct error err;
};

/* [slow] The first user, an administrator. */
enum auth_result auth_setup(struct auth *a, struct str token, struct str user, struct str password,
                            enum language language, struct str address, struct auth_grant *grant);
/* [slow] At most 10 failures in 15 minutes per user and address, 50 per address. */
enum auth_result auth_login(struct auth *a, struct str user, struct str password, struct str address,
                            struct auth_grant *grant);
void auth_logout(struct auth *a, const struct principal *who);
bool auth_set_language(struct auth *a, const struct principal *who, enum language language,
                       struct error *err);

/* Fast. False: nobody (who is zeroed). */
bool auth_by_cookie(struct auth *a, struct str cookie, struct principal *who);
enum auth_result auth_by_token(struct auth *a, struct str token, struct str address, struct principal *who,
                               unsigned *retry_after_s);
bool auth_csrf_matches(const struct principal *who, struct str header);

/* For those who create users and tokens elsewhere. [slow] false when memory for hashing is short. */
bool auth_hash_password(struct str password, char out[PASSWORD_HASH_MAX], struct error *err) MUST_CHECK;
void auth_token_hash(struct str token, unsigned char out[TOKEN_HASH_BYTES]);
bool auth_name_is_acceptable(struct str name);

#endif
