/* Authentication. Stage: console. Reads credentials, leaves principals. Passwords are Argon2id through
 * libsodium (RFC 9106; crypto_pwhash INTERACTIVE: 2 passes over 64 MiB). Next: http.c asks before any handler
 * runs. */
#include "console/auth.h"

#include <pthread.h>
#include <sodium.h>

#include "base/memory.h"
#include "console/rate_limit.h"
#include "console/sessions.h"

#define FAILURES_PER_USER    10
#define FAILURES_PER_ADDRESS 50
#define FAILURE_WINDOW_NS    (15 * 60 * NS_PER_SECOND)
#define LIMITED_KEYS_MAX     4096
#define TOKEN_CACHE_SIZE     256
#define TOKEN_CACHE_NS       (10 * NS_PER_SECOND)

_Static_assert(PASSWORD_HASH_MAX == crypto_pwhash_STRBYTES, "room for an encoded hash");

struct cached_token {
    unsigned char hash[TOKEN_HASH_BYTES];
    struct console_token token;
    int64_t until_ns;
};

struct auth {
    const struct console_services *services;
    struct sessions *sessions;
    struct rate_limit *per_user, *per_address, *per_token_address;
    pthread_mutex_t lock; /* set-up and token cache */
    char setup_token[SESSION_TEXT_BYTES];
    bool setup_needed;
    struct cached_token tokens[TOKEN_CACHE_SIZE];
};

static void make_setup_token(struct auth *a)
{
    unsigned char bytes[32];
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2base64(a->setup_token, sizeof a->setup_token, bytes, sizeof bytes,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

struct auth *auth_new(const struct auth_options *options, const struct console_services *services)
{
    BUG_IF(sodium_init() < 0);
    struct auth *a = NEW(struct auth);
    pthread_mutex_init(&a->lock, NULL);
    a->services = services;
    a->sessions =
        sessions_new(services, options->session_idle_ns, options->session_longest_ns, clock_wall_ns());
    a->per_user = rate_limit_new(FAILURES_PER_USER, FAILURE_WINDOW_NS, LIMITED_KEYS_MAX);
    a->per_address = rate_limit_new(FAILURES_PER_ADDRESS, FAILURE_WINDOW_NS, LIMITED_KEYS_MAX);
    a->per_token_address = rate_limit_new(FAILURES_PER_ADDRESS, FAILURE_WINDOW_NS, LIMITED_KEYS_MAX);
    a->setup_needed = services->user_count(services->ctx) == 0;
    if (a->setup_needed)
        make_setup_token(a);
    return a;
}

void auth_free(struct auth *a)
{
    if (!a)
        return;
    sessions_free(a->sessions);
    rate_limit_free(a->per_user);
    rate_limit_free(a->per_address);
    rate_limit_free(a->per_token_address);
    pthread_mutex_destroy(&a->lock);
    sodium_memzero(a, sizeof *a);
    memory_free(a);
}

struct sessions *auth_sessions(struct auth *a)
{
    return a->sessions;
}

static bool setup_is_open(struct auth *a)
{
    pthread_mutex_lock(&a->lock);
    bool needed = a->setup_needed;
    pthread_mutex_unlock(&a->lock);
    return needed;
}

/* A user whom a command has added ends the set-up too. */
bool auth_needs_setup(struct auth *a)
{
    if (setup_is_open(a) && a->services->user_count(a->services->ctx) > 0) {
        pthread_mutex_lock(&a->lock);
        a->setup_needed = false;
        pthread_mutex_unlock(&a->lock);
    }
    return setup_is_open(a);
}

const char *auth_setup_token(struct auth *a)
{
    return setup_is_open(a) ? a->setup_token : "";
}

bool auth_name_is_acceptable(struct str name)
{
    if (name.n == 0 || name.n > USER_NAME_MAX || !str_is_utf8(name) || !str_eq(str_trim(name), name))
        return false;
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] < 0x20 || name.p[i] == 0x7f)
            return false;
    return true;
}

bool auth_hash_password(struct str password, char out[PASSWORD_HASH_MAX], struct error *err)
{
    memset(out, 0, PASSWORD_HASH_MAX);
    if (crypto_pwhash_str_alg(out, password.p, password.n, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                              crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13) == 0)
        return true;
    return error_set(err, "There is not enough memory to hash a password (64 MiB are needed); try again.");
}

void auth_token_hash(struct str token, unsigned char out[TOKEN_HASH_BYTES])
{
    crypto_generichash(out, TOKEN_HASH_BYTES, (const unsigned char *)token.p, token.n, NULL, 0);
}

static void principal_of_session(const struct console_session *session, struct principal *who)
{
    memset(who, 0, sizeof *who);
    memcpy(who->user, session->user, sizeof who->user);
    memcpy(who->session, session->hash, sizeof who->session);
    memcpy(who->csrf, session->csrf, sizeof who->csrf);
    who->roles = session->roles;
    who->permissions = roles_permissions(session->roles);
    who->language = session->language;
    who->has_session = true;
}

static void grant_session(struct auth *a, const struct console_user *user, struct auth_grant *grant)
{
    struct console_session session;
    sessions_open(a->sessions, user, clock_wall_ns(), grant->cookie, &session);
    principal_of_session(&session, &grant->who);
}

/* Both limits in one: the pair stops guessing one account, the address stops trying many. */
static unsigned take_attempt(struct auth *a, struct str pair, struct str address)
{
    int64_t now_ns = clock_monotonic_ns();
    unsigned wait = rate_limit_wait(a->per_address, address, now_ns);
    if (!wait)
        wait = rate_limit_attempt(a->per_user, pair, now_ns);
    return wait ? wait : rate_limit_attempt(a->per_address, address, now_ns);
}

/* An unknown user costs the same time as a wrong password: a hash of the same parameters that no password
 * has. */
static bool password_matches(const struct console_user *user, struct str password)
{
    static const char NOBODY[PASSWORD_HASH_MAX] =
        "$argon2id$v=19$m=65536,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    bool matches = crypto_pwhash_str_verify(user ? user->password_hash : NOBODY, password.p, password.n) == 0;
    return user && !user->disabled && matches;
}

enum auth_result auth_login(struct auth *a, struct str name, struct str password, struct str address,
                            struct auth_grant *grant)
{
    struct buf key = {0};
    struct console_user user;
    memset(grant, 0, sizeof *grant);
    buf_add(&key, address);
    buf_char(&key, '\n');
    buf_add(&key, name);
    grant->retry_after_s = take_attempt(a, buf_str(&key), address);
    if (grant->retry_after_s) {
        buf_free(&key);
        return AUTH_WAIT;
    }
    bool known = auth_name_is_acceptable(name) && a->services->user_find(a->services->ctx, name, &user);
    bool right = password_matches(known ? &user : NULL, password);
    if (right) {
        rate_limit_forget(a->per_user, buf_str(&key));
        rate_limit_undo(a->per_address, address);
        grant_session(a, &user, grant);
    }
    buf_free(&key);
    return right ? AUTH_OK : AUTH_WRONG;
}

static bool setup_token_matches(struct auth *a, struct str token)
{
    return token.n == strlen(a->setup_token) && sodium_memcmp(token.p, a->setup_token, token.n) == 0;
}

/* Whoever holds the right token first takes the set-up; it is given back when the user could not be stored.
 */
static enum auth_result claim_setup(struct auth *a, struct str token)
{
    pthread_mutex_lock(&a->lock);
    enum auth_result result = AUTH_NOT_NEEDED;
    if (a->setup_needed && setup_token_matches(a, token)) {
        a->setup_needed = false;
        result = AUTH_OK;
    } else if (a->setup_needed) {
        result = AUTH_WRONG;
    }
    pthread_mutex_unlock(&a->lock);
    return result;
}

static void return_setup(struct auth *a)
{
    pthread_mutex_lock(&a->lock);
    a->setup_needed = true;
    pthread_mutex_unlock(&a->lock);
}

static bool add_first_user(struct auth *a, struct str name, struct str password, enum language language,
                           struct console_user *user, struct error *err)
{
    memset(user, 0, sizeof *user);
    memcpy(user->name, name.p, name.n);
    user->roles = ROLE_ADMINISTRATOR;
    user->language = language;
    return auth_hash_password(password, user->password_hash, err) &&
           a->services->user_add(a->services->ctx, user, err);
}

enum auth_result auth_setup(struct auth *a, struct str token, struct str name, struct str password,
                            enum language language, struct str address, struct auth_grant *grant)
{
    struct console_user user;
    memset(grant, 0, sizeof *grant);
    if (!auth_name_is_acceptable(name))
        return AUTH_BAD_NAME;
    grant->retry_after_s = rate_limit_attempt(a->per_address, address, clock_monotonic_ns());
    if (grant->retry_after_s)
        return AUTH_WAIT;
    enum auth_result result = auth_needs_setup(a) ? claim_setup(a, token) : AUTH_NOT_NEEDED;
    if (result != AUTH_OK)
        return result;
    rate_limit_undo(a->per_address, address);
    if (!add_first_user(a, name, password, language, &user, &grant->err)) {
        return_setup(a);
        return AUTH_FAILED;
    }
    grant_session(a, &user, grant);
    return AUTH_OK;
}

void auth_logout(struct auth *a, const struct principal *who)
{
    if (who->has_session)
        sessions_close(a->sessions, who->session);
}

bool auth_set_language(struct auth *a, const struct principal *who, enum language language, struct error *err)
{
    if (!a->services->user_set_language(a->services->ctx, str_c(who->user), language, err))
        return false;
    sessions_set_language(a->sessions, str_c(who->user), language);
    return true;
}

bool auth_by_cookie(struct auth *a, struct str cookie, struct principal *who)
{
    struct console_session session;
    memset(who, 0, sizeof *who);
    if (!sessions_find(a->sessions, cookie, clock_wall_ns(), &session))
        return false;
    principal_of_session(&session, who);
    return true;
}

static struct cached_token *cache_slot(struct auth *a, const unsigned char *hash)
{
    return &a->tokens[hash[0] % TOKEN_CACHE_SIZE];
}

static bool cached_token(struct auth *a, const unsigned char *hash, int64_t now_ns, struct console_token *out)
{
    pthread_mutex_lock(&a->lock);
    struct cached_token *slot = cache_slot(a, hash);
    bool hit = now_ns < slot->until_ns && sodium_memcmp(slot->hash, hash, TOKEN_HASH_BYTES) == 0;
    if (hit)
        *out = slot->token;
    pthread_mutex_unlock(&a->lock);
    return hit;
}

static void cache_token(struct auth *a, const unsigned char *hash, int64_t now_ns,
                        const struct console_token *token)
{
    pthread_mutex_lock(&a->lock);
    struct cached_token *slot = cache_slot(a, hash);
    memcpy(slot->hash, hash, TOKEN_HASH_BYTES);
    slot->token = *token;
    slot->until_ns = now_ns + TOKEN_CACHE_NS;
    pthread_mutex_unlock(&a->lock);
}

enum auth_result auth_by_token(struct auth *a, struct str text, struct str address, struct principal *who,
                               unsigned *retry_after_s)
{
    unsigned char hash[TOKEN_HASH_BYTES];
    struct console_token token;
    int64_t now_ns = clock_monotonic_ns();
    memset(who, 0, sizeof *who);
    auth_token_hash(text, hash);
    if (!cached_token(a, hash, now_ns, &token)) {
        *retry_after_s = rate_limit_wait(a->per_token_address, address, now_ns);
        if (*retry_after_s)
            return AUTH_WAIT;
        if (!a->services->token_find(a->services->ctx, hash, &token)) {
            rate_limit_attempt(a->per_token_address, address, now_ns);
            return AUTH_WRONG;
        }
        cache_token(a, hash, now_ns, &token);
    }
    if (token.expires_ns != TIME_UNKNOWN && token.expires_ns <= clock_wall_ns())
        return AUTH_WRONG;
    memcpy(who->user, token.user, sizeof who->user);
    who->roles = token.roles;
    who->permissions = roles_permissions(token.roles);
    return AUTH_OK;
}

bool auth_csrf_matches(const struct principal *who, struct str header)
{
    size_t n = strlen(who->csrf);
    return n && header.n == n && sodium_memcmp(header.p, who->csrf, n) == 0;
}
