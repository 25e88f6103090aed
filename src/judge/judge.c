/* Which candidate a finding belongs to (stage judge). Reads findings in order of sequence; leaves changed
 * candidates, which incident/ turns into work. Keys are host names (first label, lower case), addresses, and
 * users where no host is known. */
#include "judge/judge.h"

#include <stdlib.h>

#include "base/ip.h"
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
    struct candidate **unasked; /* of `changed`: whether they are incidents is not known */
    uint32_t unasked_count, unasked_capacity;
    uint32_t wanted_count; /* of `changed`: those that are */
    uint32_t handed_out;   /* of `changed`, and not settled yet */
    int64_t watermark_ns;  /* event time so far */
    int64_t next_end_ns;   /* no candidate's window is over before the watermark has passed this */
    const struct signatures *signatures; /* NULL = none */
    struct systems_awake awake;
    uint32_t heard_last;   /* index of the system that was heard of last */
    judge_prior_fn *prior; /* NULL = the criteria's */
    void *prior_context;
    judge_risk_fn *risk; /* NULL = none */
    void *risk_context;
    const struct learned *learned; /* NULL = none */
    int64_t reached_ns;            /* event time, findings or not */
    struct buf before; /* what their receiver may have set since: struct before each, ids of findings */
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

/* What an exercise says about a host is never joined with what is real. */
static struct key make_key(bool is_exercise, const char *kind, struct str s)
{
    struct key k = {.n = 1};
    k.text[0] = is_exercise ? '!' : ' ';
    for (; *kind; kind++)
        k.text[k.n++] = *kind;
    for (size_t i = 0; i < s.n && k.n < KEY_MAX; i++)
        k.text[k.n++] = ascii_lower(s.p[i]);
    return k;
}

static struct key name_key(bool is_exercise, struct str name)
{
    return make_key(is_exercise, "name:", ip_host_label(name));
}

/* Up to three keys of the entity that a finding is about; 0 when it is about nobody. */
static size_t keys_of(bool is_exercise, struct str name, struct str ip, struct str user, struct key keys[3])
{
    size_t n = 0;
    if (ip.n)
        keys[n++] = make_key(is_exercise, "ip:", ip);
    if (name.n)
        keys[n++] = name_key(is_exercise, name);
    if (n == 0 && user.n)
        keys[n++] = make_key(is_exercise, "user:", user);
    return n;
}

struct judge *judge_new(const struct criteria *criteria)
{
    struct judge *j = NEW(struct judge);
    j->criteria = criteria;
    j->watermark_ns = INT64_MIN;
    j->next_end_ns = INT64_MAX;
    j->reached_ns = INT64_MIN;
    for (size_t i = 0; i < SYSTEMS_MAX; i++)
        j->awake.last_ns[i] = INT64_MIN;
    arena_init(&j->key_arena, 64 << 10);
    return j;
}

void judge_set_signatures(struct judge *j, const struct signatures *signatures)
{
    j->signatures = signatures;
}

void judge_set_prior(struct judge *j, judge_prior_fn *prior, void *context)
{
    j->prior = prior;
    j->prior_context = context;
}

void judge_set_risk(struct judge *j, judge_risk_fn *risk, void *context)
{
    j->risk = risk;
    j->risk_context = context;
}

void judge_set_learned(struct judge *j, const struct learned *learned)
{
    j->learned = learned;
}

void judge_note_awake(struct judge *j, struct str observer_type, int64_t time_ns)
{
    uint32_t count = j->signatures != NULL ? j->signatures->system_count : 0, i = j->heard_last;
    if (i >= count || !str_eq(j->signatures->systems[i], observer_type)) /* mostly the same one goes on */
        for (i = 0; i < count && !str_eq(j->signatures->systems[i], observer_type);)
            i++;
    if (i >= count)
        return;
    j->heard_last = i;
    if (time_ns > j->awake.last_ns[i])
        j->awake.last_ns[i] = time_ns;
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
    memory_free(j->unasked);
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
        size_t n = keys_of(c->incident.is_exercise, c->hosts[i].name, c->hosts[i].ip, STR_EMPTY, keys);
        for (size_t k = 0; k < n; k++)
            bind_key(j, key_str(&keys[k]), c, claim);
    }
    if (c->host_count == 0 && keys_of(c->incident.is_exercise, STR_EMPTY, STR_EMPTY, c->incident.user, keys))
        bind_key(j, key_str(&keys[0]), c, claim);
    for (uint32_t i = 0; i < c->hop_count; i++) {
        keys[0] = make_key(c->incident.is_exercise, "hop:", c->hops[i].peer);
        bind_key(j, key_str(&keys[0]), c, claim);
    }
}

/* What two infected hosts have in common when it is one attack: the server that controls them, the odd
 * program or service that came to both. NULL = it is none of these. */
static const char *kin_of(struct str evidence_group, enum level level)
{
    static const struct {
        struct str group;
        const char *kin;
    } kinds[] = {{STR("c2_flow"), "control:"},
                 {STR("process"), "program:"},
                 {STR("persistence"), "service:"}};
    for (size_t i = 0; level >= LEVEL_MEDIUM && i < COUNT_OF(kinds); i++)
        if (str_eq(evidence_group, kinds[i].group))
            return kinds[i].kin;
    return NULL;
}

/* How far a candidate has come: an incident, and one that is as sure as can be. */
enum rank { RANK_NONE, RANK_INCIDENT, RANK_SURE };

static enum rank rank_of(const struct judge *j, const struct candidate *c)
{
    bool is_incident = c->incident.state != INCIDENT_CANDIDATE || c->deserved_ns != 0;
    bool is_sure = c->incident.confidence >= j->criteria->confidence_levels[2];
    return !is_incident ? RANK_NONE : is_sure ? RANK_SURE : RANK_INCIDENT;
}

/* Who has come further keeps its keys. */
static void bind_kin(struct judge *j, struct candidate *c, const char *kin, struct str peer)
{
    struct key key = make_key(c->incident.is_exercise, kin, peer);
    const struct candidate *holder = map_get_pointer(&j->by_key, key_str(&key));
    enum rank ours = rank_of(j, c),
              theirs = holder == NULL || holder->is_closed ? RANK_NONE : rank_of(j, holder);
    if (peer.n && (theirs == RANK_NONE || ours > theirs ||
                   (ours == theirs && holder->incident.last_ns < c->incident.last_ns)))
        bind_key(j, key_str(&key), c, CLAIM_ALWAYS);
}

static void bind_all_kin(struct judge *j, struct candidate *c)
{
    for (uint32_t i = 0; i < c->incident.finding_count; i++) {
        const struct incident_finding *f = &c->incident.findings[i];
        const char *kin = kin_of(f->evidence_group, f->level);
        struct str rest = f->peers, peer;
        while (kin != NULL && str_split(&rest, ';', &peer))
            bind_kin(j, c, kin, peer);
    }
}

static void append(struct candidate ***list, uint32_t *count, uint32_t *capacity, struct candidate *c)
{
    if (*count == *capacity) {
        *capacity = *capacity ? *capacity * 2 : 16;
        *list = memory_resize_array(*list, *capacity, sizeof(struct candidate *));
    }
    (*list)[(*count)++] = c;
}

static void drop(struct candidate **list, uint32_t *count, const struct candidate *c)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *count; i++)
        if (list[i] != c)
            list[kept++] = list[i];
    *count = kept;
}

static void note_wanted(struct judge *j, struct candidate *c, bool is_wanted)
{
    j->wanted_count += is_wanted;
    j->wanted_count -= c->is_wanted;
    c->is_wanted = is_wanted;
}

static void mark_changed(struct judge *j, struct candidate *c)
{
    c->is_weighed = false;
    note_wanted(j, c, false);
    if (!c->is_changed)
        append(&j->changed, &j->changed_count, &j->changed_capacity, c);
    c->is_changed = true;
    if (!c->is_unasked)
        append(&j->unasked, &j->unasked_count, &j->unasked_capacity, c);
    c->is_unasked = true;
}

static void unmark_changed(struct judge *j, struct candidate *c)
{
    if (c->is_changed)
        drop(j->changed, &j->changed_count, c);
    if (c->is_unasked)
        drop(j->unasked, &j->unasked_count, c);
    note_wanted(j, c, false);
    c->is_changed = c->is_unasked = false;
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
    for (struct candidate *c = j->candidates; c != NULL; c = c->next) {
        bind_hosts(j, c, CLAIM_IF_NEWER);
        bind_all_kin(j, c);
    }
}

/* When it is let go: a window of event time after its last news, whatever time these spoke of. Records of
 * last week that come in between those of today have the same time to find each other. */
static int64_t end_of(const struct judge *j, const struct candidate *c)
{
    return time_plus(c->incident.news_ns, j->criteria->window_ns);
}

static bool is_over(const struct judge *j, const struct candidate *c)
{
    return end_of(j, c) < j->watermark_ns;
}

static void note_end(struct judge *j, const struct candidate *c)
{
    int64_t end_ns = end_of(j, c);
    j->next_end_ns = end_ns < j->next_end_ns ? end_ns : j->next_end_ns;
}

/* The candidates are walked only when one of them may be over: news move their ends on. */
void judge_let_go(struct judge *j)
{
    bool any = false;
    if (j->next_end_ns >= j->watermark_ns)
        return;
    j->next_end_ns = INT64_MAX;
    for (struct candidate **at = &j->candidates; *at != NULL;) {
        struct candidate *c = *at;
        if (c->is_changed || !is_over(j, c)) {
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

void judge_set_watermark(struct judge *j, int64_t watermark_ns)
{
    if (watermark_ns > j->watermark_ns)
        j->watermark_ns = watermark_ns;
}

/* A changed candidate whose stored row is old will be stored again: the row must be there. */
int64_t judge_horizon(const struct judge *j)
{
    int64_t horizon_ns = time_plus(j->watermark_ns, -j->criteria->window_ns);
    for (uint32_t i = 0; i < j->changed_count; i++)
        if (j->changed[i]->kept_news_ns < horizon_ns)
            horizon_ns = j->changed[i]->kept_news_ns;
    return horizon_ns;
}

static int by_last_news(const void *left, const void *right)
{
    const struct candidate *a = *(struct candidate *const *)left, *b = *(struct candidate *const *)right;
    if (a->incident.news_ns != b->incident.news_ns)
        return a->incident.news_ns < b->incident.news_ns ? -1 : 1;
    return a->last_sequence < b->last_sequence ? -1 : a->last_sequence > b->last_sequence;
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
    for (size_t i = 0; i < left; i++)
        unchanged[i]->is_leaving = true;
    memory_free(unchanged);
    if (left == 0)
        return;
    for (struct candidate **at = &j->candidates; left > 0;) {
        struct candidate *c = *at;
        if (!c->is_leaving) {
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
    return time_ns <= time_plus(c->incident.last_ns, j->criteria->window_ns) &&
           time_ns >= time_plus(c->incident.first_ns, -j->criteria->window_ns);
}

static struct candidate *find_by_key(const struct judge *j, struct str key, int64_t time_ns)
{
    struct candidate *c = map_get_pointer(&j->by_key, key);
    return c != NULL && !c->is_closed && !is_over(j, c) && is_within_window(j, c, time_ns) ? c : NULL;
}

/* An address went to another host meanwhile: the finding knows whose it is now, and the candidate whose it
 * was. */
static bool is_of_another_host(const struct candidate *c, const struct finding *f, const struct key *key)
{
    if (c == NULL || !f->is_identified || f->host_name.n == 0 ||
        !str_starts(str_skip(key_str(key), 1), STR("ip:")))
        return false;
    bool had_address = false;
    struct key name = name_key(false, f->host_name);
    for (uint32_t i = 0; i < c->host_count; i++) {
        struct key other = name_key(false, c->hosts[i].name);
        if (!str_eq(c->hosts[i].ip, f->host_ip))
            continue;
        if (c->hosts[i].name.n == 0 || str_eq(key_str(&name), key_str(&other)))
            return false;
        had_address = true;
    }
    return had_address;
}

/* A closed incident had counted this finding before a restart. Only one candidate has the key: if it is a
 * later one, it has counted later findings and knows this one to be old. */
static bool is_counted_by_closed(const struct judge *j, const struct finding *f)
{
    struct key keys[3];
    size_t n = keys_of(f->is_exercise, f->host_name, f->host_ip, f->user, keys);
    for (size_t k = 0; k < n; k++) {
        const struct candidate *c = map_get_pointer(&j->by_key, key_str(&keys[k]));
        if (c != NULL && c->is_closed && f->sequence <= c->last_sequence &&
            !is_of_another_host(c, f, &keys[k]))
            return true;
    }
    return false;
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
    size_t n = keys_of(f->is_exercise, f->host_name, f->host_ip, f->user, keys);
    struct candidate *found = NULL;
    for (size_t k = 0; k < n; k++) {
        struct candidate *c = find_by_key(j, key_str(&keys[k]), f->time_ns);
        if (c == NULL || c == found || is_of_another_host(c, f, &keys[k]))
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
        struct key key = make_key(victim->incident.is_exercise, "hop:", host->ip);
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
        struct key key = make_key(c->incident.is_exercise, "ip:", c->hops[i].peer);
        struct candidate *victim = find_by_key(j, key_str(&key), c->hops[i].time_ns);
        if (victim != NULL && victim != c && victim->incident.last_ns >= c->hops[i].time_ns)
            return victim;
    }
    return NULL;
}

#define TOGETHER_NS (3600 * NS_PER_SECOND)

/* A program of that path can be anywhere; started on two hosts within the hour it is one thing that spreads.
 */
static bool came_within_hour(const struct candidate *c, const char *kin, struct str what, int64_t time_ns)
{
    for (uint32_t i = 0; i < c->incident.finding_count; i++) {
        const struct incident_finding *f = &c->incident.findings[i];
        struct str rest = f->peers, peer;
        if (kin_of(f->evidence_group, f->level) != kin || f->last_ns < time_plus(time_ns, -TOGETHER_NS) ||
            f->first_ns > time_plus(time_ns, TOGETHER_NS))
            continue;
        while (str_split(&rest, ';', &peer))
            if (str_eq_nocase(peer, what))
                return true;
    }
    return false;
}

static struct candidate *find_one_kin(struct judge *j, const struct candidate *c, const char *kin,
                                      struct str peer, int64_t time_ns)
{
    struct key key = make_key(c->incident.is_exercise, kin, peer);
    struct candidate *other = peer.n ? find_by_key(j, key_str(&key), time_ns) : NULL;
    if (other == NULL || other == c)
        return NULL;
    enum rank ours = rank_of(j, c), theirs = rank_of(j, other);
    bool is_one = kin[0] == 'c' ? ours == RANK_SURE && theirs == RANK_SURE
                                : theirs != RANK_NONE && came_within_hour(other, kin, peer, time_ns);
    return is_one ? other : NULL;
}

/* Another incident of the same attack: one by one what this finding tells, all that is known when this has
 * just become an incident. */
static struct candidate *find_kin(struct judge *j, const struct candidate *c, const struct finding *f,
                                  bool is_new)
{
    const char *kin = kin_of(f->evidence_group, f->level);
    struct candidate *other = kin != NULL ? find_one_kin(j, c, kin, f->peer, f->time_ns) : NULL;
    for (uint32_t i = 0; is_new && other == NULL && i < c->incident.finding_count; i++) {
        const struct incident_finding *known = &c->incident.findings[i];
        struct str rest = known->peers, peer;
        kin = kin_of(known->evidence_group, known->level);
        while (kin != NULL && other == NULL && str_split(&rest, ';', &peer))
            other = find_one_kin(j, c, kin, peer, known->last_ns);
    }
    return other;
}

static struct prior prior_of(const struct judge *j, const struct incident *incident)
{
    if (j->prior != NULL)
        return j->prior(j->prior_context, incident);
    return (struct prior){.p = j->criteria->prior, .reason = STR_EMPTY};
}

/* By reviews, not by the watermark: the same records must give the same urgency, however they are batched. */
static int64_t now_of(const struct judge *j)
{
    return j->reached_ns == INT64_MIN ? j->watermark_ns : j->reached_ns;
}

static bool is_ongoing(const struct judge *j, const struct candidate *c)
{
    return c->incident.last_ns >= time_plus(now_of(j), -j->criteria->ongoing_ns);
}

/* Several hosts within the hour have a row of their own; this is about those that follow more slowly, and
 * about what goes for others. */
static bool is_spreading(const struct candidate *c)
{
    return candidate_host_count(c) > 1 || c->hop_count > 0;
}

static struct circumstances circumstances_of(const struct judge *j, const struct candidate *c)
{
    struct prior prior = prior_of(j, &c->incident);
    unsigned modifiers = 0;
    if (is_ongoing(j, c) && is_spreading(c))
        modifiers |= 1u << MODIFIER_ONGOING_AND_SPREADING;
    if (prior.is_orange_class)
        modifiers |= 1u << MODIFIER_ORANGE_OF_SAME_CLASS;
    if (prior.is_isolated)
        modifiers |= 1u << MODIFIER_ISOLATED;
    return (struct circumstances){.hosts_within_hour = candidate_hosts_within_hour(c),
                                  .prior = prior.p,
                                  .prior_reason = prior.reason,
                                  .modifiers = modifiers,
                                  .risk_24h = c->risk_24h,
                                  .learned = j->learned};
}

static struct str type_of(const struct judge *j, const struct hypotheses *h)
{
    return j->signatures ? j->signatures->kinds[h->ranked[0]].id : STR("unclassified");
}

static void weigh(const struct judge *j, struct candidate *c)
{
    struct hypotheses h;
    if (c->is_weighed)
        return;
    struct circumstances known = circumstances_of(j, c);
    score(j->criteria, &c->incident, &known);
    c->was_ongoing = known.modifiers & (1u << MODIFIER_ONGOING_AND_SPREADING);
    if (j->signatures != NULL)
        hypotheses_rank(j->signatures, &c->incident, &j->awake, j->watermark_ns, &h);
    c->incident.type = type_of(j, &h);
    c->is_weighed = true;
}

/* A level that stays near its limit remembers what was before: so it is settled with each new piece of
 * evidence, not whenever somebody happens to ask. The same records give the same levels, however they are
 * batched. */
static void settle_level(const struct judge *j, struct candidate *c)
{
    if (c->has_new_evidence)
        weigh(j, c);
    c->has_new_evidence = false;
}

static bool deserves_incident(const struct criteria *criteria, const struct candidate *c)
{
    const struct incident *incident = &c->incident;
    if (incident->confidence >= criteria->promotion_confidence || c->risk_24h > criteria->risk.promotion)
        return true;
    for (uint32_t i = 0; i < incident->finding_count; i++)
        if (incident->findings[i].level >= criteria->promotion_level)
            return true;
    return false;
}

/* Of thousands of candidates that nobody works on, most only count on: the arithmetic is still that. */
static bool is_described(const struct judge *j, const struct candidate *c)
{
    const struct described *d = &c->described;
    const struct incident *i = &c->incident;
    return c->reason.n > 0 && i->state == INCIDENT_CANDIDATE && !deserves_incident(j->criteria, c) &&
           d->confidence == i->confidence && d->risk_24h == c->risk_24h && d->urgency == i->urgency &&
           d->importance == i->importance && d->host_count == c->host_count &&
           d->finding_count == i->finding_count;
}

/* What only its receiver wants: the texts. */
static void describe(const struct judge *j, struct candidate *c)
{
    struct hypotheses h;
    candidate_describe(c); /* a host may have been given its name without anything else */
    if (is_described(j, c))
        return;
    struct circumstances known = circumstances_of(j, c);
    struct json_writer w = {.out = &c->reason};
    c->described = (struct described){.confidence = c->incident.confidence,
                                      .risk_24h = c->risk_24h,
                                      .urgency = c->incident.urgency,
                                      .importance = c->incident.importance,
                                      .host_count = c->host_count,
                                      .finding_count = c->incident.finding_count};
    buf_clear(&c->reason);
    json_begin_object(&w);
    score_explain(j->criteria, &c->incident, &known, &w);
    if (j->signatures != NULL) {
        hypotheses_rank(j->signatures, &c->incident, &j->awake, j->watermark_ns, &h);
        json_key(&w, "hypotheses");
        hypotheses_json(j->signatures, &h, &w);
    }
    json_end_object(&w);
    c->incident.reason = buf_str(&c->reason);
}

/* A sequence says that what happened on its hosts is one attack. */
static struct candidate *join_hosts(struct judge *j, struct candidate *c, const struct finding *f)
{
    for (uint32_t i = 0; i < f->host_count; i++) {
        const struct finding_host *h = &f->hosts[i];
        struct key keys[3];
        size_t n = keys_of(f->is_exercise, h->name, h->ip, h->user, keys);
        for (size_t k = 0; k < n; k++) {
            struct candidate *other = find_by_key(j, key_str(&keys[k]), f->time_ns);
            if (other != NULL && other != c)
                c = merge(j, c, other);
        }
    }
    return c;
}

/* The most that one of its hosts has had in a day: only the one that something was found on can have more
 * now. Once it was enough it stays so: an incident does not go away because a day is over. */
static void note_risk(const struct judge *j, struct candidate *c, const struct finding *f)
{
    double risk = j->risk && !f->is_exercise ? j->risk(j->risk_context, f, j->watermark_ns) : 0;
    c->risk_24h = risk > c->risk_24h ? risk : c->risk_24h;
}

/* When it became an incident is a matter of its findings, not of when somebody asked: a day that is replayed
 * in a minute opens it at the same time. */
static void note_deserved(const struct judge *j, struct candidate *c)
{
    if (c->deserved_ns == 0 && c->incident.state == INCIDENT_CANDIDATE && deserves_incident(j->criteria, c))
        c->deserved_ns = c->incident.last_ns;
}

static void settle(struct judge *j, struct candidate *c)
{
    mark_changed(j, c);
    note_end(j, c);
    settle_level(j, c);
    note_deserved(j, c);
}

/* Only incidents are joined: what two harmless hosts have in common says nothing. That they call the same
 * address joins those of which we are sure: two computers that use one chat server may have different
 * reasons. */
static void join_kin(struct judge *j, struct candidate *c, const struct finding *f, enum rank before)
{
    enum rank now = rank_of(j, c);
    struct candidate *other = now != RANK_NONE ? find_kin(j, c, f, now > before) : NULL;
    if (other != NULL) {
        c = merge(j, other, c);
        c->has_new_evidence = true; /* of each other */
        settle(j, c);
    } else if (now > before) {
        bind_all_kin(j, c);
    } else if (kin_of(f->evidence_group, f->level) != NULL) {
        bind_kin(j, c, kin_of(f->evidence_group, f->level), f->peer);
    }
}

#define REVIEW_EVERY_NS (300 * NS_PER_SECOND)

void judge_review(struct judge *j, int64_t reached_ns)
{
    reached_ns -= reached_ns > 0 ? reached_ns % REVIEW_EVERY_NS : 0; /* whatever the batches */
    if (reached_ns <= j->reached_ns)
        return;
    j->reached_ns = reached_ns;
    for (struct candidate *c = j->candidates; c != NULL; c = c->next)
        if (c->was_ongoing && !c->is_closed && !is_ongoing(j, c))
            mark_changed(j, c);
}

bool judge_take(struct judge *j, const struct finding *f, int64_t watermark_ns)
{
    judge_set_watermark(j, watermark_ns);
    if (f->host_name.n == 0 && f->host_ip.n == 0 && f->user.n == 0)
        return false;
    if (is_counted_by_closed(j, f))
        return false;
    struct candidate *c = find_candidate(j, f);
    if (c == NULL) {
        if (j->count >= JUDGE_MAX_CANDIDATES)
            drop_oldest(j);
        c = candidate_new();
        c->incident.is_exercise = f->is_exercise;
        link_candidate(j, c);
    }
    if (!candidate_fold(c, f, j->watermark_ns))
        return false;
    bind_hosts(j, c, CLAIM_ALWAYS);
    c = join_hosts(j, c, f);
    struct candidate *other = find_attacker(j, c);
    if (other == NULL)
        other = find_victim(j, c);
    if (other != NULL)
        c = merge(j, other, c);
    enum rank before = rank_of(j, c);
    note_risk(j, c, f);
    settle(j, c);
    join_kin(j, c, f, before);
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

/* Weighs what has changed since it was asked for the last time: thousands that are none need not be looked at
 * for each hand-out. */
static void ask_changed(struct judge *j)
{
    for (uint32_t i = 0; i < j->unasked_count; i++) {
        struct candidate *c = j->unasked[i];
        weigh(j, c);
        c->is_unasked = false;
        note_wanted(j, c, c->incident.state != INCIDENT_CANDIDATE || deserves_incident(j->criteria, c));
    }
    j->unasked_count = 0;
}

uint32_t judge_waiting(struct judge *j, enum hand_out which)
{
    ask_changed(j);
    return which == HAND_OUT_INCIDENTS ? j->wanted_count : j->changed_count;
}

bool judge_hand_out(struct judge *j, enum hand_out which, uint32_t most,
                    bool (*keep)(void *context, const struct judgement *judgement), void *context)
{
    bool ok = true;
    BUG_IF(j->handed_out != 0); /* not settled */
    buf_clear(&j->before);
    ask_changed(j);
    for (uint32_t i = 0; ok && i < j->changed_count && j->handed_out < most; i++) {
        struct candidate *c = j->changed[i];
        if (which == HAND_OUT_INCIDENTS && !c->is_wanted)
            continue;
        describe(j, c);
        remember_before(&j->before, &c->incident);
        c->is_handed_out = true;
        j->handed_out++;
        struct judgement judgement = {.candidate = &c->incident,
                                      .deserves_incident = deserves_incident(j->criteria, c),
                                      .deserved_ns = c->deserved_ns,
                                      .absorbed_ids = c->absorbed_ids,
                                      .absorbed_count = c->absorbed_count};
        ok = keep(context, &judgement);
    }
    return ok;
}

void judge_settle(struct judge *j, bool is_kept)
{
    struct str before = buf_str(&j->before);
    uint32_t left = 0;
    for (uint32_t i = 0; j->handed_out && i < j->changed_count; i++) {
        struct candidate *c = j->changed[i];
        if (c->is_handed_out && !is_kept)
            put_before(&before, &c->incident);
        if (c->is_handed_out && is_kept) {
            c->is_changed = false;
            note_wanted(j, c, false);
            c->absorbed_count = 0;
            c->kept_news_ns = c->incident.news_ns;
        } else {
            j->changed[left++] = c;
        }
        c->is_handed_out = false;
    }
    if (j->handed_out)
        j->changed_count = left;
    j->handed_out = 0;
}

void judge_restore(struct judge *j, const struct incident *incident, bool takes_findings)
{
    struct candidate *c = candidate_new();
    candidate_restore(c, incident);
    c->kept_news_ns = incident->news_ns;
    c->is_closed = !takes_findings;
    link_candidate(j, c);
    bind_hosts(j, c, CLAIM_IF_NEWER);
    bind_all_kin(j, c);
    note_end(j, c);
}

static struct candidate *find_by_id(const struct judge *j, uint64_t id)
{
    struct candidate *c = j->candidates;
    while (c != NULL && c->incident.id != id)
        c = c->next;
    return c;
}

enum judge_answer judge_set_state(struct judge *j, uint64_t id, enum incident_state state,
                                  bool takes_findings)
{
    struct candidate *c = find_by_id(j, id);
    if (c == NULL)
        return JUDGE_NOT_HELD;
    if (c->is_changed)
        return JUDGE_LATER;
    c->incident.state = state;
    c->is_closed = false;
    if (takes_findings)
        return JUDGE_DONE;
    unlink_candidate(j, c);
    candidate_free(c);
    rebuild_keys(j);
    return JUDGE_DONE;
}

enum judge_answer judge_hear(struct judge *j, uint64_t id, const struct incident_finding *said)
{
    struct candidate *c = find_by_id(j, id);
    if (c == NULL || c->is_closed)
        return JUDGE_NOT_HELD;
    if (c->incident.finding_count >= JUDGE_MAX_FINDINGS)
        return JUDGE_LATER;
    candidate_hear(c, said);
    mark_changed(j, c);
    return JUDGE_DONE;
}

void judge_weigh_again(struct judge *j, uint64_t id)
{
    struct candidate *c = find_by_id(j, id);
    if (c != NULL)
        mark_changed(j, c);
}

uint32_t judge_changed_count(const struct judge *j)
{
    return j->changed_count;
}
