/* Which candidate a finding belongs to (stage judge). Reads findings in order of sequence; leaves changed
 * candidates, which incident/ turns into work. Keys are host names (first label, lower case), addresses, and
 * users where no host is known. */
#include "judge/judge.h"

#include <stdlib.h>

#include "base/map.h"
#include "judge/candidate.h"
#include "judge/score.h"

struct judge {
    const struct criteria *criteria;
    struct candidate *candidates; /* latest first */
    size_t count;
    struct map by_key; /* borrowed keys live in key_arena */
    struct arena key_arena;
    struct candidate **changed; /* in order of their first change */
    uint32_t changed_count, changed_capacity;
    uint32_t handed_out; /* of `changed`, by judge_hand_out() */
    int64_t next_end_ns; /* no candidate's window is over before the watermark has passed this */
    struct buf before;   /* what their receiver may have set since: struct before each, ids of findings */
};

struct before {
    uint64_t id;
    int64_t opened_ns;
    enum incident_state state;
    uint32_t finding_count;
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
    j->next_end_ns = INT64_MAX;
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
    buf_free(&j->before);
    memory_free(j);
}

size_t judge_candidate_count(const struct judge *j)
{
    return j->count;
}

/* Candidates of different times may be about the same host. The one that is being spoken of takes the key;
 * when keys are put back, the one with the latest news. */
enum claim { CLAIM_ALWAYS, CLAIM_IF_NEWER };

static void bind_key(struct judge *j, struct str key, struct candidate *c, enum claim claim)
{
    const struct candidate *holder = map_get_pointer(&j->by_key, key);
    if (holder == NULL)
        key = arena_str(&j->key_arena, key);
    else if (claim == CLAIM_IF_NEWER && holder->incident.last_ns > c->incident.last_ns)
        return;
    *map_put(&j->by_key, key, NULL) = (uintptr_t)c;
}

static void bind_hosts(struct judge *j, struct candidate *c, enum claim claim)
{
    struct key keys[3];
    for (uint32_t i = 0; i < c->host_count; i++) {
        size_t n = keys_of(c->hosts[i].name, c->hosts[i].ip, STR_EMPTY, keys);
        for (size_t k = 0; k < n; k++)
            bind_key(j, key_str(&keys[k]), c, claim);
    }
    if (c->host_count == 0 && keys_of(STR_EMPTY, STR_EMPTY, c->incident.user, keys))
        bind_key(j, key_str(&keys[0]), c, claim);
    for (uint32_t i = 0; i < c->hop_count; i++) {
        keys[0] = make_key("hop:", c->hops[i].peer);
        bind_key(j, key_str(&keys[0]), c, claim);
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
        bind_hosts(j, c, CLAIM_IF_NEWER);
}

static int64_t end_of(const struct judge *j, const struct candidate *c)
{
    return time_plus(c->incident.last_ns, j->criteria->window_ns);
}

static void note_end(struct judge *j, const struct candidate *c)
{
    int64_t end_ns = end_of(j, c);
    j->next_end_ns = end_ns < j->next_end_ns ? end_ns : j->next_end_ns;
}

/* The candidates are walked only when one of them may be over: news move their ends on. */
void judge_advance(struct judge *j, int64_t watermark_ns)
{
    bool any = false;
    if (j->next_end_ns >= watermark_ns)
        return;
    j->next_end_ns = INT64_MAX;
    for (struct candidate **at = &j->candidates; *at != NULL;) {
        struct candidate *c = *at;
        if (c->is_changed || end_of(j, c) >= watermark_ns) {
            note_end(j, c);
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

static int by_last_news(const void *left, const void *right)
{
    const struct candidate *a = *(struct candidate *const *)left, *b = *(struct candidate *const *)right;
    return a->incident.last_ns < b->incident.last_ns ? -1 : a->incident.last_ns > b->incident.last_ns;
}

static size_t list_unchanged(const struct judge *j, struct candidate **out)
{
    size_t count = 0;
    for (struct candidate *c = j->candidates; c != NULL; c = c->next)
        if (!c->is_changed)
            out[count++] = c;
    if (count > 1)
        qsort(out, count, sizeof(struct candidate *), by_last_news);
    return count;
}

/* Lets go of the tenth that is longest without news, so that a flood of new hosts does not pay for the search
 * with every one of them. Those whose changes nobody has kept yet stay: the limit is passed by at most what
 * comes in between two hand-outs. */
static void drop_oldest(struct judge *j)
{
    struct candidate **unchanged = memory_array(j->count, sizeof(struct candidate *));
    size_t count = list_unchanged(j, unchanged);
    size_t surplus = j->count - JUDGE_MAX_CANDIDATES + JUDGE_MAX_CANDIDATES / 10;
    size_t left = surplus < count ? surplus : count;
    int64_t newest_ns = left ? unchanged[left - 1]->incident.last_ns : INT64_MIN;
    memory_free(unchanged);
    if (left == 0)
        return;
    for (struct candidate **at = &j->candidates; left > 0;) {
        struct candidate *c = *at;
        if (c->is_changed || c->incident.last_ns > newest_ns) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        j->count--;
        left--;
        candidate_free(c);
    }
    rebuild_keys(j);
}

static bool is_within_window(const struct judge *j, const struct candidate *c, int64_t time_ns)
{
    return time_ns <= end_of(j, c) && time_ns >= time_plus(c->incident.first_ns, -j->criteria->window_ns);
}

static struct candidate *find_by_key(const struct judge *j, struct str key, int64_t time_ns)
{
    struct candidate *c = map_get_pointer(&j->by_key, key);
    return c != NULL && is_within_window(j, c, time_ns) ? c : NULL;
}

/* Whether `b` rather than `a` lives on when they are one: what people already work on, else the lower number.
 */
static bool outranks(const struct incident *b, const struct incident *a)
{
    bool b_is_work = b->state != INCIDENT_CANDIDATE, a_is_work = a->state != INCIDENT_CANDIDATE;
    if (a_is_work != b_is_work)
        return b_is_work;
    return b->id != 0 && (a->id == 0 || b->id < a->id);
}

/* Two candidates turned out to be one; it is news, whatever comes next. */
static struct candidate *merge(struct judge *j, struct candidate *a, struct candidate *b)
{
    bool keep_b = outranks(&b->incident, &a->incident);
    struct candidate *kept = keep_b ? b : a, *gone = keep_b ? a : b;
    candidate_absorb(kept, gone);
    unlink_candidate(j, gone);
    candidate_free(gone);
    rebuild_keys(j);
    mark_changed(j, kept);
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
        if (j->count >= JUDGE_MAX_CANDIDATES)
            drop_oldest(j);
        c = candidate_new();
        link_candidate(j, c);
    }
    if (!candidate_fold(c, f))
        return false;
    bind_hosts(j, c, CLAIM_ALWAYS);
    struct candidate *other = find_attacker(j, c);
    if (other == NULL)
        other = find_victim(j, c);
    if (other != NULL)
        c = merge(j, other, c);
    mark_changed(j, c);
    note_end(j, c);
    return true;
}

/* ---- handing out ---- */

static void remember_before(struct buf *before, const struct incident *i)
{
    struct before b = {i->id, i->opened_ns, i->state, i->finding_count};
    buf_bytes(before, &b, sizeof b);
    for (uint32_t k = 0; k < i->finding_count; k++)
        buf_bytes(before, &i->findings[k].id, sizeof i->findings[k].id);
}

/* Takes one entry from the front of `rest`. */
static void put_before(struct str *rest, struct incident *i)
{
    struct before b;
    memcpy(&b, rest->p, sizeof b);
    BUG_IF(b.finding_count != i->finding_count); /* folded in between */
    *rest = str_skip(*rest, sizeof b);
    i->id = b.id;
    i->opened_ns = b.opened_ns;
    i->state = b.state;
    for (uint32_t k = 0; k < i->finding_count; k++) {
        memcpy(&i->findings[k].id, rest->p, sizeof i->findings[k].id);
        i->findings[k].is_stored = false;
        *rest = str_skip(*rest, sizeof i->findings[k].id);
    }
}

bool judge_hand_out(struct judge *j, bool (*keep)(void *context, const struct judgement *judgement),
                    void *context)
{
    bool ok = true;
    BUG_IF(j->handed_out != 0); /* not settled */
    buf_clear(&j->before);
    while (ok && j->handed_out < j->changed_count) {
        struct candidate *c = j->changed[j->handed_out++];
        describe_and_score(j, c);
        remember_before(&j->before, &c->incident);
        struct judgement judgement = {&c->incident, deserves_incident(j->criteria, &c->incident),
                                      c->absorbed_ids, c->absorbed_count};
        ok = keep(context, &judgement);
    }
    return ok;
}

void judge_settle(struct judge *j, bool is_kept)
{
    struct str before = buf_str(&j->before);
    for (uint32_t i = 0; i < j->handed_out; i++) {
        struct candidate *c = j->changed[i];
        if (!is_kept) {
            put_before(&before, &c->incident);
            continue;
        }
        c->is_changed = false;
        c->absorbed_count = 0;
    }
    if (is_kept && j->handed_out) {
        j->changed_count -= j->handed_out;
        memmove(j->changed, j->changed + j->handed_out, j->changed_count * sizeof(struct candidate *));
    }
    j->handed_out = 0;
}

void judge_restore(struct judge *j, const struct incident *incident)
{
    struct candidate *c = candidate_new();
    candidate_restore(c, incident);
    link_candidate(j, c);
    bind_hosts(j, c, CLAIM_IF_NEWER);
    note_end(j, c);
}

static struct candidate *find_by_id(const struct judge *j, uint64_t id)
{
    struct candidate *c = j->candidates;
    while (c != NULL && c->incident.id != id)
        c = c->next;
    return c;
}

bool judge_set_state(struct judge *j, uint64_t id, enum incident_state state, bool takes_findings)
{
    struct candidate *c = find_by_id(j, id);
    if (c == NULL)
        return false;
    BUG_IF(c->is_changed); /* what nobody has kept would be lost */
    c->incident.state = state;
    if (takes_findings)
        return true;
    unlink_candidate(j, c);
    candidate_free(c);
    rebuild_keys(j);
    return true;
}

bool judge_is_settled(const struct judge *j)
{
    return j->changed_count == 0;
}
