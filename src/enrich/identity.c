/* Intervals of who held what (stage enrich). Reads facts; answers by time and by event. attribute.c is next.
 *
 * One list for each subject, relation and strength, latest beginning first. Where only one can hold a key at
 * a time (all but sessions), a new holder ends the old one:
 *
 *     same holder, still holding ──▶ lengthened          another holder ──▶ cut there; a new interval begins
 *     end of the holder          ──▶ cut there           older than what is known ──▶ ends where the next
 * begins
 *
 * When the table is full, those that ended longest ago go. */
#include "enrich/identity.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/memory.h"

#define SEEN_WORDS 8192 /* 64 KiB: one in ten false at 50,000 subjects */

struct held {
    struct held *older, *ahead; /* ahead: AHEAD older ones further, fetched into the cache meanwhile */
    struct identity_interval i;
    uint64_t changed; /* the table's version then */
};

struct identity {
    struct identity_limits limits;
    struct arena arena;
    uint64_t seen[SEEN_WORDS]; /* a bit for the hash of each subject: most addresses of the world end here, in
                                  the cache */
    struct map subjects;       /* kind + text in lower case → struct identity_subject * */
    struct held **all;
    uint32_t count, capacity;
    uint64_t next_id, version, saved_version;
    int64_t watermark_ns;
    struct identity_counters counters;
};

/* Lists of held by relation and strength. */
struct identity_subject {
    struct held *lists[IDENTITY_RELATION_COUNT][2];
};

#define SUBJECT_KEY_MAX    300
#define SESSIONS_LOOKED_AT 128
#define AHEAD              8

struct subject_key {
    char text[SUBJECT_KEY_MAX];
    size_t n;
};

static struct subject_key subject_key(enum identity_subject_kind kind, struct str text)
{
    struct subject_key k = {.n = 1};
    k.text[0] = (char)('0' + kind);
    text = str_slice(text, 0, SUBJECT_KEY_MAX - 1);
    for (size_t i = 0; i < text.n; i++)
        k.text[k.n++] = ascii_lower(text.p[i]);
    return k;
}

static enum identity_subject_kind kind_of(enum identity_relation relation)
{
    static const enum identity_subject_kind kinds[IDENTITY_RELATION_COUNT] = {
        [IDENTITY_DEVICE] = SUBJECT_ADDRESS,
        [IDENTITY_NAME] = SUBJECT_HARDWARE,
        [IDENTITY_TENANT] = SUBJECT_ADDRESS,
        [IDENTITY_SESSION] = SUBJECT_HOST};
    return kinds[relation];
}

struct identity *identity_new(struct identity_limits limits)
{
    struct identity *t = NEW(struct identity);
    t->limits = limits;
    t->next_id = 1;
    t->version = 1;
    t->watermark_ns = INT64_MIN;
    arena_init(&t->arena, 256 << 10);
    return t;
}

void identity_free(struct identity *t)
{
    if (t == NULL)
        return;
    map_free(&t->subjects);
    arena_free(&t->arena);
    memory_free(t->all);
    memory_free(t);
}

/* ------------------------------------------------------------------- lists */

static bool is_seen(const struct identity *t, struct str key)
{
    uint64_t hash = str_hash(key);
    return t->seen[hash / 64 % SEEN_WORDS] >> hash % 64 & 1;
}

const struct identity_subject *identity_find(const struct identity *t, enum identity_subject_kind kind,
                                             struct str text)
{
    if (text.n == 0 || t->count == 0)
        return NULL;
    struct subject_key k = subject_key(kind, text);
    struct str key = str_n(k.text, k.n);
    return is_seen(t, key) ? map_get_pointer(&t->subjects, key) : NULL;
}

static struct identity_subject *subject_of(struct identity *t, enum identity_relation relation,
                                           struct str key)
{
    struct subject_key k = subject_key(kind_of(relation), key);
    struct str text = str_n(k.text, k.n);
    struct identity_subject *subject = map_get_pointer(&t->subjects, text);
    if (subject == NULL) {
        subject = ARENA_NEW(&t->arena, struct identity_subject);
        *map_put(&t->subjects, arena_str(&t->arena, text), NULL) = (uintptr_t)subject;
        uint64_t hash = str_hash(text);
        t->seen[hash / 64 % SEEN_WORDS] |= UINT64_C(1) << hash % 64;
    }
    return subject;
}

/* Into its list, which stays in order: among equals the newest first. */
static void link_held(struct identity *t, struct held *h)
{
    struct held **place = &subject_of(t, h->i.relation, h->i.key)->lists[h->i.relation][h->i.is_weak];
    while (*place != NULL && (*place)->i.from_ns > h->i.from_ns)
        place = &(*place)->older;
    h->older = *place;
    *place = h;
    h->ahead = h;
    for (int i = 0; i < AHEAD && h->ahead != NULL; i++)
        h->ahead = h->ahead->older;
}

static void copy_texts(struct identity_interval *i, struct arena *a)
{
    struct str *texts[] = {&i->key, &i->mac, &i->host, &i->user, &i->session, &i->by};
    for (size_t n = 0; n < COUNT_OF(texts); n++)
        *texts[n] = arena_str(a, *texts[n]);
}

static void keep(struct identity *t, const struct identity_interval *i, uint64_t changed)
{
    if (t->count == t->capacity) {
        t->capacity = t->capacity ? t->capacity * 2 : 1024;
        t->all = memory_resize_array(t->all, t->capacity, sizeof *t->all);
    }
    struct held *h = ARENA_NEW(&t->arena, struct held);
    h->i = *i;
    h->changed = changed;
    copy_texts(&h->i, &t->arena);
    t->all[t->count++] = h;
    link_held(t, h);
}

static int longest_ended_first(const void *left, const void *right)
{
    const struct held *a = *(struct held *const *)left, *b = *(struct held *const *)right;
    if (a->i.to_ns != b->i.to_ns)
        return a->i.to_ns < b->i.to_ns ? -1 : 1;
    return a->i.id < b->i.id ? -1 : a->i.id > b->i.id;
}

static int by_id(const void *left, const void *right)
{
    const struct held *a = *(struct held *const *)left, *b = *(struct held *const *)right;
    return a->i.id < b->i.id ? -1 : a->i.id > b->i.id;
}

/* The table anew, without what ended long ago, and at most three quarters full. */
static void make_room(struct identity *t)
{
    struct identity old = *t;
    uint32_t most = t->limits.intervals / 4 * 3, first = 0;
    int64_t from_ns = identity_memory_from(t);
    qsort(old.all, old.count, sizeof *old.all, longest_ended_first);
    while (first < old.count && (old.all[first]->i.to_ns < from_ns || old.count - first > most)) {
        t->counters.forgotten += old.all[first]->i.to_ns >= from_ns;
        first++;
    }
    qsort(old.all + first, old.count - first, sizeof *old.all,
          by_id); /* among equals the newest first, as before */
    arena_init(&t->arena, 256 << 10);
    t->subjects = (struct map){0};
    memset(t->seen, 0, sizeof t->seen);
    t->all = NULL;
    t->count = t->capacity = 0;
    for (uint32_t i = first; i < old.count; i++)
        keep(t, &old.all[i]->i, old.all[i]->changed);
    map_free(&old.subjects);
    arena_free(&old.arena);
    memory_free(old.all);
}

/* ------------------------------------------------------------------- facts */

static int64_t plus(int64_t time_ns, int64_t more_ns)
{
    int64_t sum;
    return __builtin_add_overflow(time_ns, more_ns, &sum) ? INT64_MAX : sum;
}

/* What one does not tell does not contradict the other. */
static bool agree(struct str a, struct str b)
{
    return a.n == 0 || b.n == 0 || str_eq_nocase(a, b);
}

static bool is_same_holder(const struct identity_interval *i, const struct identity_fact *f)
{
    return agree(i->mac, f->mac) && agree(i->host, f->host) && agree(i->user, f->user);
}

static void note_change(struct identity *t, struct held *h)
{
    h->changed = t->version;
}

static void learn_texts(struct identity *t, struct identity_interval *i, const struct identity_fact *f)
{
    if (i->mac.n == 0 && f->mac.n)
        i->mac = arena_str(&t->arena, f->mac);
    if (i->host.n == 0 && f->host.n)
        i->host = arena_str(&t->arena, f->host);
    if (i->session.n == 0 && f->session.n)
        i->session = arena_str(&t->arena, f->session);
}

/* Until `next` begins, where only one can hold the key. */
static void lengthen(struct identity *t, struct held *h, const struct held *next,
                     const struct identity_fact *f)
{
    int64_t limit_ns = plus(f->time_ns, f->lasts_ns);
    learn_texts(t, &h->i, f);
    if (limit_ns > h->i.limit_ns)
        h->i.limit_ns = limit_ns;
    int64_t to_ns = next != NULL && next->i.from_ns < h->i.limit_ns ? next->i.from_ns : h->i.limit_ns;
    if (to_ns > h->i.to_ns)
        h->i.to_ns = to_ns;
    note_change(t, h);
}

static void cut(struct identity *t, struct held *h, const struct identity_fact *f)
{
    if (h->i.to_ns <= f->time_ns)
        return;
    h->i.to_ns = f->time_ns;
    h->i.ended = f->sequence;
    note_change(t, h);
}

static void begin(struct identity *t, const struct held *next, const struct identity_fact *f)
{
    int64_t limit_ns = plus(f->time_ns, f->lasts_ns);
    struct identity_interval i = {.id = t->next_id++,
                                  .learned = f->sequence,
                                  .from_ns = f->time_ns,
                                  .to_ns =
                                      next != NULL && next->i.from_ns < limit_ns ? next->i.from_ns : limit_ns,
                                  .limit_ns = limit_ns,
                                  .relation = f->relation,
                                  .is_weak = f->is_weak,
                                  .key = f->key,
                                  .mac = f->mac,
                                  .host = f->host,
                                  .user = f->user,
                                  .session = f->session,
                                  .by = f->by};
    keep(t, &i, t->version);
}

/* One holder at a time. */
static void take_exclusive(struct identity *t, const struct identity_fact *f)
{
    struct held *next = NULL, *h = subject_of(t, f->relation, f->key)->lists[f->relation][f->is_weak];
    for (; h != NULL && h->i.from_ns > f->time_ns; h = h->older)
        next = h;
    bool is_its = h != NULL && f->time_ns <= h->i.to_ns && is_same_holder(&h->i, f);
    if (f->is_end) {
        if (is_its)
            cut(t, h, f);
        return;
    }
    if (is_its && h->i.ended == 0) {
        lengthen(t, h, next, f);
        return;
    }
    if (h != NULL)
        cut(t, h, f);
    begin(t, next, f);
}

static bool is_same_session(const struct identity_interval *i, const struct identity_fact *f)
{
    return agree(i->session, f->session) && agree(i->user, f->user);
}

/* Several people at once, each with sessions of their own. */
static void take_session(struct identity *t, const struct identity_fact *f)
{
    bool is_known = false;
    for (struct held *h = subject_of(t, f->relation, f->key)->lists[f->relation][f->is_weak]; h != NULL;
         h = h->older) {
        if (h->i.from_ns > f->time_ns || h->i.to_ns < f->time_ns || !is_same_session(&h->i, f))
            continue;
        if (f->is_end)
            cut(t, h, f);
        else if (h->i.ended == 0)
            lengthen(t, h, NULL, f);
        is_known |= h->i.ended == 0;
    }
    if (!f->is_end && !is_known)
        begin(t, NULL, f);
}

/* A lease that names its client tells the name of the hardware too. */
static void take_name(struct identity *t, const struct identity_fact *f)
{
    struct identity_fact name = *f;
    if (f->is_end || f->relation != IDENTITY_DEVICE || f->mac.n == 0 || f->host.n == 0)
        return;
    name.relation = IDENTITY_NAME;
    name.key = f->mac;
    name.mac = STR_EMPTY;
    name.lasts_ns = t->limits.history_ns;
    take_exclusive(t, &name);
}

void identity_take(struct identity *t, const struct identity_fact *f, int64_t received_ns)
{
    int64_t time_ns = f->time_ns < received_ns ? f->time_ns : received_ns;
    if (time_ns > t->watermark_ns)
        t->watermark_ns = time_ns;
    t->counters.facts++;
    if (t->count + 2 > t->limits.intervals)
        make_room(t);
    if (f->is_end && identity_find(t, kind_of(f->relation), f->key) == NULL)
        return; /* nothing has begun */
    if (f->relation == IDENTITY_SESSION)
        take_session(t, f);
    else
        take_exclusive(t, f);
    take_name(t, f);
}

/* --------------------------------------------------------------- questions */

/* Whether the interval held then, as far as that event can know. */
static bool covers(const struct identity_interval *i, int64_t time_ns, uint64_t sequence)
{
    int64_t to_ns = i->ended > sequence ? i->limit_ns : i->to_ns;
    return i->learned <= sequence && i->from_ns <= time_ns && time_ns < to_ns;
}

static const struct held *find(const struct held *h, int64_t time_ns, uint64_t sequence)
{
    while (h != NULL && !covers(&h->i, time_ns, sequence))
        h = h->older;
    return h;
}

const struct identity_interval *identity_device(const struct identity_subject *address, int64_t time_ns,
                                                uint64_t sequence)
{
    const struct held *h =
        address != NULL ? find(address->lists[IDENTITY_DEVICE][false], time_ns, sequence) : NULL;
    return h != NULL ? &h->i : NULL;
}

struct str identity_name(const struct identity_subject *hardware, int64_t time_ns, uint64_t sequence)
{
    const struct held *h =
        hardware != NULL ? find(hardware->lists[IDENTITY_NAME][false], time_ns, sequence) : NULL;
    return h != NULL ? h->i.host : STR_EMPTY;
}

struct answer {
    const struct identity_interval **out;
    size_t n, max;
};

/* The newest first. A server that programs log on to every second has thousands of sessions: whoever sits at
 * it cannot be told from them, and looking through all would cost more than all else about the event. */
static void add_people(struct answer *a, const struct held *h, int64_t time_ns, uint64_t sequence)
{
    for (int looked_at = 0; h != NULL && looked_at < SESSIONS_LOOKED_AT && a->n < a->max;
         h = h->older, looked_at++) {
        __builtin_prefetch(h->ahead);
        bool is_there = !covers(&h->i, time_ns, sequence);
        for (size_t i = 0; i < a->n && !is_there; i++)
            is_there = str_eq_nocase(a->out[i]->user, h->i.user);
        if (!is_there)
            a->out[a->n++] = &h->i;
    }
}

size_t identity_users(const struct identity_subject *address, const struct identity_subject *host,
                      int64_t time_ns, uint64_t sequence, const struct identity_interval *out[], size_t max)
{
    struct answer a = {out, 0, max};
    for (int is_weak = 0; is_weak <= 1 && a.n == 0; is_weak++) {
        if (address != NULL)
            add_people(&a, address->lists[IDENTITY_TENANT][is_weak], time_ns, sequence);
        if (a.n > 1)
            a.n = 1; /* one at a time: the latest */
        if (a.n == 0 && host != NULL)
            add_people(&a, host->lists[IDENTITY_SESSION][is_weak], time_ns, sequence);
    }
    return a.n;
}

/* ----------------------------------------------------------------- keeping */

void identity_changes(struct identity *t, struct arena *a, struct identity_change *out)
{
    struct buf rows = {0};
    for (uint32_t i = 0; i < t->count; i++) {
        if (t->all[i]->changed <= t->saved_version)
            continue;
        struct identity_interval copy = t->all[i]->i;
        copy_texts(&copy, a);
        buf_bytes(&rows, &copy, sizeof copy);
    }
    out->count = (uint32_t)(rows.n / sizeof *out->rows);
    out->rows = ARENA_ARRAY(a, struct identity_interval, out->count + 1);
    memcpy(out->rows, buf_str(&rows).p, rows.n);
    out->version = t->version++;
    buf_free(&rows);
}

void identity_saved(struct identity *t, uint64_t version)
{
    if (version > t->saved_version)
        t->saved_version = version;
}

void identity_restore(struct identity *t, const struct identity_interval *row)
{
    if (row->id >= t->next_id)
        t->next_id = row->id + 1;
    if (t->count < t->limits.intervals)
        keep(t, row, 0);
    else
        t->counters.forgotten++;
}

void identity_note_recovered(struct identity *t, uint64_t last)
{
    for (uint32_t i = 0; i < t->count; i++) {
        struct identity_interval *held = &t->all[i]->i;
        held->learned = held->learned < last ? held->learned : last;
        held->ended = held->ended < last ? held->ended : last;
    }
}

struct identity_counters identity_counters(const struct identity *t)
{
    struct identity_counters counters = t->counters;
    counters.intervals = t->count;
    return counters;
}

void identity_count_conflict(struct identity *t)
{
    t->counters.conflicts++;
}

int64_t identity_watermark(const struct identity *t)
{
    return t->watermark_ns;
}

void identity_set_watermark(struct identity *t, int64_t watermark_ns)
{
    t->watermark_ns = watermark_ns;
}

static int64_t before(int64_t time_ns, int64_t less_ns)
{
    return time_ns < INT64_MIN + less_ns ? INT64_MIN : time_ns - less_ns;
}

int64_t identity_memory_from(const struct identity *t)
{
    return before(t->watermark_ns, t->limits.memory_ns);
}

int64_t identity_history_from(const struct identity *t)
{
    return before(t->watermark_ns, t->limits.history_ns);
}

uint32_t identity_most(const struct identity *t)
{
    return t->limits.intervals;
}
