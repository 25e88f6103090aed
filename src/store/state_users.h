/* People and programs that may come in: users, sessions, API tokens, the one-time set-up token, failed
 * log-ins. Only keeps what console/auth.c gives it: hashing, randomness and comparing are done there, and
 * `now_ns` is the caller's clock. Tokens are never kept, only their hashes (any length up to 64 bytes). */
#ifndef STORE_STATE_USERS_H
#define STORE_STATE_USERS_H

#include "base/arena.h"
#include "base/str.h"
#include "store/state.h"

struct user {
    uint64_t id;
    struct str name;          /* unique, letter case does not tell names apart */
    struct str password_hash; /* Argon2id's own text */
    struct str roles;         /* "administrator;analyst" */
    struct str language;      /* "ja" or "en" */
    int64_t created_ns;
    bool disabled;
};

/* Gives the id. Refused with a sentence when the name is empty or taken. */
bool state_users_create(struct state *s, struct user *user, struct error *err) MUST_CHECK;
/* All but name and created_ns. Disabling a user or changing the password ends its sessions. */
bool state_users_update(struct state *s, const struct user *user, struct error *err) MUST_CHECK;
/* `*found` false: no such user; that is no error. */
bool state_users_find(struct state *s, struct str name, struct arena *arena, struct user *out, bool *found,
                      struct error *err) MUST_CHECK;
bool state_users_get(struct state *s, uint64_t id, struct arena *arena, struct user *out, bool *found,
                     struct error *err) MUST_CHECK;
bool state_users_list(struct state *s, struct arena *arena, struct user **out, uint32_t *count,
                      struct error *err) MUST_CHECK;

struct session {
    struct str token_hash;
    uint64_t user;
    struct str csrf;
    int64_t created_ns, last_seen_ns, expires_ns;
};
bool state_sessions_create(struct state *s, const struct session *session, struct error *err) MUST_CHECK;
/* Finds a session that has not expired, of a user that is not disabled. */
bool state_sessions_find(struct state *s, struct str token_hash, int64_t now_ns, struct arena *arena,
                         struct session *out, bool *found, struct error *err) MUST_CHECK;
bool state_sessions_seen(struct state *s, struct str token_hash, int64_t now_ns, int64_t expires_ns,
                         struct error *err) MUST_CHECK;
bool state_sessions_delete(struct state *s, struct str token_hash, struct error *err) MUST_CHECK;
bool state_sessions_delete_user(struct state *s, uint64_t user, struct error *err) MUST_CHECK;
/* Those of users that are not disabled. */
bool state_sessions_list(struct state *s, struct arena *arena, struct session **out, uint32_t *count,
                         struct error *err) MUST_CHECK;
/* Removes expired sessions and log-in failures older than `failures_before_ns`. */
bool state_sessions_expire(struct state *s, int64_t now_ns, int64_t failures_before_ns,
                           struct error *err) MUST_CHECK;

struct api_token {
    uint64_t id;
    struct str token_hash;
    uint64_t user;
    struct str name, roles;
    int64_t created_ns, last_seen_ns; /* last_seen_ns 0 = never used */
    int64_t expires_ns;               /* INT64_MAX = never */
};
bool state_tokens_create(struct state *s, struct api_token *token, struct error *err) MUST_CHECK;
bool state_tokens_find(struct state *s, struct str token_hash, int64_t now_ns, struct arena *arena,
                       struct api_token *out, bool *found,
                       struct error *err) MUST_CHECK; /* not expired, user not disabled */
bool state_tokens_seen(struct state *s, uint64_t id, int64_t now_ns, struct error *err) MUST_CHECK;
bool state_tokens_list(struct state *s, struct arena *arena, struct api_token **out, uint32_t *count,
                       struct error *err) MUST_CHECK;
bool state_tokens_delete(struct state *s, uint64_t id, struct error *err) MUST_CHECK;

/* The set-up token: a new one replaces those that were not used. Using it and creating the first user belong
 * in one transaction of the caller. `*accepted` is true once only, and only while there is no user. */
bool state_setup_create(struct state *s, struct str token_hash, int64_t now_ns, struct error *err) MUST_CHECK;
bool state_setup_use(struct state *s, struct str token_hash, int64_t now_ns, bool *accepted,
                     struct error *err) MUST_CHECK;
bool state_setup_needed(struct state *s, bool *needed, struct error *err) MUST_CHECK; /* no user yet */

/* Failed log-ins by name and address, for the rate limit. */
bool state_failures_add(struct state *s, struct str user, struct str address, int64_t now_ns,
                        struct error *err) MUST_CHECK;
bool state_failures_count(struct state *s, struct str user, struct str address, int64_t since_ns,
                          uint32_t *count, struct error *err) MUST_CHECK;
bool state_failures_clear(struct state *s, struct str user, struct str address, struct error *err) MUST_CHECK;

#endif
