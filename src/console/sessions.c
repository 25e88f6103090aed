/* The table of live sessions. Stage: console. Reads cookies, leaves who is behind them. Next: auth.c. */
#include "console/sessions.h"

#include <pthread.h>
#include <sodium.h>

#include "base/log.h"
#include "base/memory.h"

#define SESSIONS_MAX     4096
#define BUCKETS          1024
#define SAVE_INTERVAL_NS (5 * 60 * NS_PER_SECOND)

struct node {
    struct console_session session;
    int64_t saved_seen_ns;
    bool is_stored;   /* the store has it, or has withdrawn it */
    bool is_in_doubt; /* is_stored, and not yet seen in the store by the look under way */
    struct node *next;
};

struct sessions {
    pthread_mutex_t lock;
    struct node *buckets[BUCKETS];
    size_t count;
    int64_t idle_ns, longest_ns;
    const struct console_services *services;
    void (*ended)(void *context, const unsigned char *hash);
    void *ended_context;
};

/* The hash is uniform: any bits of it choose the bucket. */
static struct node **bucket_of(struct sessions *s, const unsigned char *hash)
{
    return &s->buckets[(hash[0] | (unsigned)hash[1] << 8) % BUCKETS];
}

static struct node **place_of(struct sessions *s, const unsigned char *hash)
{
    struct node **place = bucket_of(s, hash);
    while (*place && sodium_memcmp((*place)->session.hash, hash, TOKEN_HASH_BYTES) != 0)
        place = &(*place)->next;
    return place;
}

static struct node *insert(struct sessions *s, const struct console_session *session)
{
    struct node *node = NEW(struct node);
    struct node **bucket = bucket_of(s, session->hash);
    node->session = *session;
    node->saved_seen_ns = session->seen_ns;
    node->next = *bucket;
    *bucket = node;
    s->count++;
    return node;
}

static bool is_expired(const struct sessions *s, const struct console_session *session, int64_t now_ns)
{
    return now_ns >= session->expires_ns || now_ns - session->seen_ns >= s->idle_ns;
}

static void load_one(void *context, const struct console_session *session)
{
    struct sessions *s = context;
    if (s->count < SESSIONS_MAX && !*place_of(s, session->hash))
        insert(s, session)->is_stored = true;
}

struct sessions *sessions_new(const struct console_services *services, int64_t idle_ns, int64_t longest_ns,
                              int64_t now_ns)
{
    struct sessions *s = NEW(struct sessions);
    pthread_mutex_init(&s->lock, NULL);
    s->services = services;
    s->idle_ns = idle_ns;
    s->longest_ns = longest_ns;
    if (services->sessions_load && !services->sessions_load(services->ctx, load_one, s))
        log_warning("%s", tr("the sessions of the last run could not be read: people log in again",
                             "前回のセッションを読めません。もう一度ログインしてください"));
    sessions_sweep(s, now_ns);
    return s;
}

void sessions_free(struct sessions *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct node *node = s->buckets[i], *next; node; node = next) {
            next = node->next;
            memory_free(node);
        }
    }
    pthread_mutex_destroy(&s->lock);
    memory_free(s);
}

void sessions_on_end(struct sessions *s, void (*ended)(void *context, const unsigned char *hash),
                     void *context)
{
    s->ended = ended;
    s->ended_context = context;
}

/* Unlinks the nodes that the test wants gone and returns them as a list; the caller tells the store without
 * the lock. */
static struct node *take(struct sessions *s,
                         bool (*is_wanted)(const struct sessions *s, const struct node *n, const void *what),
                         const void *what)
{
    struct node *taken = NULL;
    for (size_t i = 0; i < BUCKETS; i++) {
        struct node **place = &s->buckets[i];
        while (*place) {
            struct node *node = *place;
            if (!is_wanted(s, node, what)) {
                place = &node->next;
                continue;
            }
            *place = node->next;
            node->next = taken;
            taken = node;
            s->count--;
        }
    }
    return taken;
}

static void end(struct sessions *s, struct node *taken)
{
    for (struct node *next; taken; taken = next) {
        next = taken->next;
        if (s->services->session_delete)
            s->services->session_delete(s->services->ctx, taken->session.hash);
        if (s->ended)
            s->ended(s->ended_context, taken->session.hash);
        memory_free(taken);
    }
}

static void note_stored(struct sessions *s, const unsigned char *hash)
{
    pthread_mutex_lock(&s->lock);
    struct node *node = *place_of(s, hash);
    if (node)
        node->is_stored = true;
    pthread_mutex_unlock(&s->lock);
}

static void save(struct sessions *s, const struct console_session *session)
{
    struct error err;
    if (s->services->session_save && !s->services->session_save(s->services->ctx, session, &err))
        log_warning(tr("a session could not be saved and will end with the process: %s",
                       "セッションを保存できず、プロセス終了とともに失われます: %s"),
                    err.text);
    else if (s->services->session_save)
        note_stored(s, session->hash);
}

static bool is_least_used(const struct sessions *s, const struct node *n, const void *seen_ns)
{
    (void)s;
    return n->session.seen_ns <= *(const int64_t *)seen_ns;
}

/* The table is full: the session that nobody used for longest ends. */
static struct node *make_room(struct sessions *s)
{
    int64_t oldest = INT64_MAX;
    if (s->count < SESSIONS_MAX)
        return NULL;
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct node *n = s->buckets[i]; n; n = n->next)
            if (n->session.seen_ns < oldest)
                oldest = n->session.seen_ns;
    return take(s, is_least_used, &oldest);
}

static void hash_text(struct str text, unsigned char hash[TOKEN_HASH_BYTES])
{
    crypto_generichash(hash, TOKEN_HASH_BYTES, (const unsigned char *)text.p, text.n, NULL, 0);
}

static void random_text(char out[SESSION_TEXT_BYTES])
{
    unsigned char bytes[32];
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2base64(out, SESSION_TEXT_BYTES, bytes, sizeof bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(bytes, sizeof bytes);
}

void sessions_open(struct sessions *s, const struct console_user *user, int64_t now_ns,
                   char text[SESSION_TEXT_BYTES], struct console_session *out)
{
    memset(out, 0, sizeof *out);
    random_text(text);
    hash_text(str_c(text), out->hash);
    random_text(out->csrf);
    memcpy(out->user, user->name, sizeof out->user);
    out->roles = user->roles;
    out->language = user->language;
    out->created_ns = out->seen_ns = now_ns;
    out->expires_ns = now_ns + s->longest_ns;
    pthread_mutex_lock(&s->lock);
    struct node *gone = make_room(s);
    insert(s, out);
    pthread_mutex_unlock(&s->lock);
    end(s, gone);
    save(s, out);
}

bool sessions_find(struct sessions *s, struct str text, int64_t now_ns, struct console_session *out)
{
    unsigned char hash[TOKEN_HASH_BYTES];
    if (text.n != SESSION_TEXT_BYTES - 1)
        return false;
    hash_text(text, hash);
    pthread_mutex_lock(&s->lock);
    struct node *node = *place_of(s, hash);
    bool found = node && !is_expired(s, &node->session, now_ns);
    if (found) {
        node->session.seen_ns = now_ns;
        *out = node->session;
    }
    pthread_mutex_unlock(&s->lock);
    return found;
}

void sessions_close(struct sessions *s, const unsigned char hash[TOKEN_HASH_BYTES])
{
    pthread_mutex_lock(&s->lock);
    struct node **place = place_of(s, hash);
    struct node *node = *place;
    if (node) {
        *place = node->next;
        node->next = NULL;
        s->count--;
    }
    pthread_mutex_unlock(&s->lock);
    end(s, node);
}

static bool belongs_to(const struct sessions *s, const struct node *n, const void *user)
{
    (void)s;
    return str_eq(str_c(n->session.user), *(const struct str *)user);
}

void sessions_close_user(struct sessions *s, struct str user)
{
    pthread_mutex_lock(&s->lock);
    struct node *gone = take(s, belongs_to, &user);
    pthread_mutex_unlock(&s->lock);
    end(s, gone);
}

void sessions_set_language(struct sessions *s, struct str user, enum language language)
{
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct node *n = s->buckets[i]; n; n = n->next)
            if (str_eq(str_c(n->session.user), user)) {
                n->session.language = language;
                n->saved_seen_ns = INT64_MIN; /* the next sweep writes it */
            }
    pthread_mutex_unlock(&s->lock);
}

static void believe(void *context, const struct console_session *session)
{
    struct sessions *s = context;
    pthread_mutex_lock(&s->lock);
    struct node *node = *place_of(s, session->hash);
    if (node)
        node->is_in_doubt = false;
    pthread_mutex_unlock(&s->lock);
}

static bool is_withdrawn(const struct sessions *s, const struct node *n, const void *what)
{
    (void)s, (void)what;
    return n->is_in_doubt;
}

/* Those that are saved while the store is being read are in no doubt. */
void sessions_end_withdrawn(struct sessions *s)
{
    if (!s->services->sessions_load || !s->services->session_save)
        return;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct node *n = s->buckets[i]; n; n = n->next)
            n->is_in_doubt = n->is_stored;
    pthread_mutex_unlock(&s->lock);
    if (!s->services->sessions_load(s->services->ctx, believe, s))
        return; /* the next look may tell */
    pthread_mutex_lock(&s->lock);
    struct node *gone = take(s, is_withdrawn, NULL);
    pthread_mutex_unlock(&s->lock);
    end(s, gone);
}

static bool has_expired(const struct sessions *s, const struct node *n, const void *now_ns)
{
    return is_expired(s, &n->session, *(const int64_t *)now_ns);
}

/* Copies of the sessions whose stored form is out of date. */
static size_t collect_unsaved(struct sessions *s, struct console_session **out)
{
    size_t n = 0;
    *out = NEW_ARRAY(struct console_session, s->count + 1);
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct node *node = s->buckets[i]; node; node = node->next)
            if (node->saved_seen_ns < node->session.seen_ns - SAVE_INTERVAL_NS) {
                node->saved_seen_ns = node->session.seen_ns;
                (*out)[n++] = node->session;
            }
    return n;
}

void sessions_sweep(struct sessions *s, int64_t now_ns)
{
    struct console_session *unsaved;
    pthread_mutex_lock(&s->lock);
    struct node *gone = take(s, has_expired, &now_ns);
    size_t n = collect_unsaved(s, &unsaved);
    pthread_mutex_unlock(&s->lock);
    end(s, gone);
    for (size_t i = 0; i < n; i++)
        save(s, &unsaved[i]);
    memory_free(unsaved);
}
