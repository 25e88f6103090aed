/* Which candidate a finding belongs to (stage judge). Reads findings in order of sequence; leaves changed
 * candidates, which incident/ turns into work. Keys are host names (first label, lower case), addresses, and
 * users where no host is known. */
#include "judge/judge.h"

#include "base/map.h"
#include "judge/candidate.h"
#include "judge/score.h"

struct judge {
    const struct criteria *criteria;
    struct candidate *candidates; /* newest news first */
    size_t count;
    struct map by_key; /* borrowed keys live in key_arena */
    struct arena key_arena;
    struct candidate **changed; /* in order of their first change */
    uint32_t changed_count, changed_capacity;
};

#define KEY_MAX 300

struct key {
    char text[KEY_MAX];
    size_t n;
};

static struct str key_str(const struct key *k)
{
    return str_n(k->text, k->n);
}

static struct key make_key(const char *kind, struct str s)
{
    struct key k = {.n = strlen(kind)};
    memcpy(k.text, kind, k.n);
    for (size_t i = 0; i < s.n && k.n < KEY_MAX; i++)
        k.text[k.n++] = ascii_lower(s.p[i]);
    return k;
}

static struct key name_key(struct str name)
{
    return make_key("name:", str_slice(name, 0, str_find_char(name, '.', 0)));
}

/* Up to three keys of the entity that a finding is about; 0 when it is about nobody. */
static size_t keys_of(struct str name, struct str ip, struct str user, struct key keys[3])
{
    size_t n = 0;
    if (ip.n)
        keys[n++] = make_key("ip:", ip);
    if (name.n)
        keys[n++] = name_key(name);
    if (n == 0 && user.n)
        keys[n++] = make_key("user:", user);
    return n;
}

struct judge *judge_new(const struct criteria *criteria)
{
    struct judge *j = NEW(struct judge);
    j->criteria = criteria;
    arena_init(&j->key_arena, 64 << 10);
    return j;
}

void judge_free(struct judge *j)
{
    if (j == NULL)
        return;
    while (j->candidates != NULL) {
        struct candidate *next = j->candidates->next;
        candidate_free(j->candidates);
        j->candidates = next;
    }
    map_free(&j->by_key);
    arena_free(&j->key_arena);
    memory_free(j->changed);
    memory_free(j);
}

size_t judge_candidate_count(const struct judge *j)
{
    return j->count;
}

static void bind_key(struct judge *j, struct str key, struct candidate *c)
{
    if (map_find(&j->by_key, key) == NULL)
        key = arena_str(&j->key_arena, key);
    *map_put(&j->by_key, key, NULL) = (uintptr_t)c;
}

static void bind_hosts(struct judge *j, struct candidate *c)
{
    struct key keys[3];
    for (uint32_t i = 0; i < c->host_count; i++) {
        size_t n = keys_of(c->hosts[i].name, c->hosts[i].ip, STR_EMPTY, keys);
        for (size_t k = 0; k < n; k++)
            bind_key(j, key_str(&keys[k]), c);
    }
    if (c->host_count == 0 && keys_of(STR_EMPTY, STR_EMPTY, c->incident.user, keys))
        bind_key(j, key_str(&keys[0]), c);
    for (uint32_t i = 0; i < c->hop_count; i++) {
        keys[0] = make_key("hop:", c->hops[i].peer);
        bind_key(j, key_str(&keys[0]), c);
    }
}

static void mark_changed(struct judge *j, struct candidate *c)
{
    if (c->is_changed)
        return;
    if (j->changed_count == j->changed_capacity) {
        j->changed_capacity = j->changed_capacity ? j->changed_capacity * 2 : 16;
        j->changed = memory_resize_array(j->changed, j->changed_capacity, sizeof(struct candidate *));
    }
    j->changed[j->changed_count++] = c;
    c->is_changed = true;
}

static void unmark_changed(struct judge *j, struct candidate *c)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; c->is_changed && i < j->changed_count; i++)
        if (j->changed[i] != c)
            j->changed[kept++] = j->changed[i];
    if (c->is_changed)
        j->changed_count = kept;
    c->is_changed = false;
}

static void unlink_candidate(struct judge *j, struct candidate *c)
{
    struct candidate **at = &j->candidates;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    j->count--;
    unmark_changed(j, c);
}

static void link_candidate(struct judge *j, struct candidate *c)
{
    c->next = j->candidates;
    j->candidates = c;
    j->count++;
}

/* The table of keys has no removal: it is made anew from the candidates that are left. */
static void rebuild_keys(struct judge *j)
{
    map_clear(&j->by_key);
    arena_reset(&j->key_arena);
    for (struct candidate *c = j->candidates; c != NULL; c = c->next)
        bind_hosts(j, c);
}

void judge_advance(struct judge *j, int64_t watermark_ns)
{
    bool any = false;
    for (struct candidate **at = &j->candidates; *at != NULL;) {
        struct candidate *c = *at;
        if (c->is_changed || c->incident.last_ns + j->criteria->window_ns >= watermark_ns) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        j->count--;
        candidate_free(c);
        any = true;
    }
    if (any)
        rebuild_keys(j);
}

static void drop_oldest(struct judge *j)
{
    struct candidate *oldest = j->candidates;
    for (struct candidate *c = j->candidates; c != NULL; c = c->next)
        if (!c->is_changed && c->incident.last_ns < oldest->incident.last_ns)
            oldest = c;
    unlink_candidate(j, oldest);
    candidate_free(oldest);
    rebuild_keys(j);
}

static bool is_within_window(const struct judge *j, const struct candidate *c, int64_t time_ns)
{
    return time_ns <= c->incident.last_ns + j->criteria->window_ns &&
           time_ns >= c->incident.first_ns - j->criteria->window_ns;
}

static struct candidate *find_by_key(const struct judge *j, struct str key, int64_t time_ns)
{
    struct candidate *c = map_get_pointer(&j->by_key, key);
    return c != NULL && is_within_window(j, c, time_ns) ? c : NULL;
}

/* Two candidates turned out to be one. The one with the lower incident number lives on. */
static struct candidate *merge(struct judge *j, struct candidate *a, struct candidate *b)
{
    bool keep_b = b->incident.id != 0 && (a->incident.id == 0 || b->incident.id < a->incident.id);
    struct candidate *kept = keep_b ? b : a, *gone = keep_b ? a : b;
    candidate_absorb(kept, gone);
    unlink_candidate(j, gone);
    candidate_free(gone);
    rebuild_keys(j);
    return kept;
}

static struct candidate *find_candidate(struct judge *j, const struct finding *f)
{
    struct key keys[3];
    size_t n = keys_of(f->host_name, f->host_ip, f->user, keys);
    struct candidate *found = NULL;
    for (size_t k = 0; k < n; k++) {
        struct candidate *c = find_by_key(j, key_str(&keys[k]), f->time_ns);
        if (c == NULL || c == found)
            continue;
        found = found == NULL ? c : merge(j, found, c);
    }
    return found;
}

/* The candidate that attacked one of the victim's hosts before that host's last finding. */
static struct candidate *find_attacker(struct judge *j, const struct candidate *victim)
{
    for (uint32_t h = 0; h < victim->host_count; h++) {
        const struct candidate_host *host = &victim->hosts[h];
        struct key key = make_key("hop:", host->ip);
        struct candidate *c = host->ip.n ? find_by_key(j, key_str(&key), host->last_ns) : NULL;
        for (uint32_t i = 0; c != NULL && c != victim && i < c->hop_count; i++)
            if (str_eq(c->hops[i].peer, host->ip) && c->hops[i].time_ns <= host->last_ns)
                return c;
    }
    return NULL;
}

/* A host that `c` attacked and that has shown signs of its own since. */
static struct candidate *find_victim(struct judge *j, const struct candidate *c)
{
    for (uint32_t i = 0; i < c->hop_count; i++) {
        struct key key = make_key("ip:", c->hops[i].peer);
        struct candidate *victim = find_by_key(j, key_str(&key), c->hops[i].time_ns);
        if (victim != NULL && victim != c && victim->incident.last_ns >= c->hops[i].time_ns)
            return victim;
    }
    return NULL;
}

static void describe_and_score(struct judge *j, struct candidate *c)
{
    candidate_describe(c);
    buf_clear(&c->reason);
    score(j->criteria, &c->incident, candidate_hosts_within_hour(c), &c->reason);
    c->incident.reason = buf_str(&c->reason);
}

static bool deserves_incident(const struct criteria *criteria, const struct incident *incident)
{
    if (incident->confidence >= criteria->promotion_confidence)
        return true;
    for (uint32_t i = 0; i < incident->finding_count; i++)
        if (incident->findings[i].level >= criteria->promotion_level)
            return true;
    return false;
}

bool judge_take(struct judge *j, const struct finding *f)
{
    if (f->host_name.n == 0 && f->host_ip.n == 0 && f->user.n == 0)
        return false;
    struct candidate *c = find_candidate(j, f);
    if (c == NULL) {
        if (j->count == JUDGE_MAX_CANDIDATES)
            drop_oldest(j);
        c = candidate_new();
        link_candidate(j, c);
    }
    if (!candidate_fold(c, f))
        return false;
    bind_hosts(j, c);
    struct candidate *other = find_attacker(j, c);
    if (other == NULL)
        other = find_victim(j, c);
    if (other != NULL)
        c = merge(j, other, c);
    mark_changed(j, c);
    return true;
}

bool judge_hand_out(struct judge *j, bool (*keep)(void *context, const struct judgement *judgement),
                    void *context)
{
    uint32_t done = 0;
    bool ok = true;
    for (; done < j->changed_count; done++) {
        struct candidate *c = j->changed[done];
        describe_and_score(j, c);
        struct judgement judgement = {&c->incident, deserves_incident(j->criteria, &c->incident),
                                      c->absorbed_ids, c->absorbed_count};
        ok = keep(context, &judgement);
        if (!ok)
            break;
        c->is_changed = false;
        c->absorbed_count = 0;
    }
    memmove(j->changed, j->changed + done, (j->changed_count - done) * sizeof(struct candidate *));
    j->changed_count -= done;
    return ok;
}

void judge_restore(struct judge *j, const struct incident *incident)
{
    struct candidate *c = candidate_new();
    candidate_restore(c, incident);
    link_candidate(j, c);
    bind_hosts(j, c);
}
