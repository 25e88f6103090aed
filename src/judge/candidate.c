/* Folding findings into a candidate (stage judge): one entry for each rule, system and host, with first and
 * last time and a count. judge.c decides which candidate a finding belongs to; score.c weighs the result. */
#include "judge/candidate.h"

#include "base/clock.h"
#include "base/json.h"

#define MAX_PEERS        10
#define MATCHED_TEXT_MAX 2000 /* bytes of each value */

struct candidate *candidate_new(void)
{
    struct candidate *c = NEW(struct candidate);
    arena_init(&c->arena, 4 << 10);
    c->incident.first_ns = INT64_MAX;
    c->incident.last_ns = INT64_MIN;
    c->incident.news_ns = INT64_MIN;
    c->kept_news_ns = INT64_MAX;
    return c;
}

void candidate_free(struct candidate *c)
{
    if (c == NULL)
        return;
    arena_free(&c->arena);
    buf_free(&c->hosts_text);
    buf_free(&c->outside_text);
    buf_free(&c->reason);
    buf_free(&c->title_en);
    buf_free(&c->title_ja);
    memory_free(c->incident.findings);
    memory_free(c->hosts);
    memory_free(c->hops);
    memory_free(c->absorbed_ids);
    memory_free(c);
}

static uint32_t grown(uint32_t capacity)
{
    return capacity ? capacity * 2 : 4;
}

static void widen_times(struct incident *incident, int64_t first_ns, int64_t last_ns)
{
    incident->first_ns = first_ns < incident->first_ns ? first_ns : incident->first_ns;
    incident->last_ns = last_ns > incident->last_ns ? last_ns : incident->last_ns;
}

static void note_news(struct incident *incident, int64_t news_ns)
{
    incident->news_ns = news_ns > incident->news_ns ? news_ns : incident->news_ns;
}

static void note_absorbed(struct candidate *c, uint64_t id)
{
    if (id == 0)
        return;
    if (c->absorbed_count == c->absorbed_capacity) {
        c->absorbed_capacity = grown(c->absorbed_capacity);
        c->absorbed_ids =
            memory_resize_array(c->absorbed_ids, c->absorbed_capacity, sizeof(*c->absorbed_ids));
    }
    c->absorbed_ids[c->absorbed_count++] = id;
}

static struct candidate_host *find_host(struct candidate *c, const struct candidate_host *host)
{
    for (uint32_t i = 0; i < c->host_count; i++) {
        struct candidate_host *h = &c->hosts[i];
        if ((host->name.n && str_eq_nocase(h->name, host->name)) || (host->ip.n && str_eq(h->ip, host->ip)))
            return h;
    }
    return NULL;
}

void candidate_add_host(struct candidate *c, const struct candidate_host *host)
{
    struct candidate_host *h = find_host(c, host);
    if (h != NULL) {
        if (h->name.n == 0 && host->name.n)
            h->name = arena_str(&c->arena, host->name);
        if (h->ip.n == 0 && host->ip.n)
            h->ip = arena_str(&c->arena, host->ip);
        h->first_ns = host->first_ns < h->first_ns ? host->first_ns : h->first_ns;
        h->last_ns = host->last_ns > h->last_ns ? host->last_ns : h->last_ns;
        h->is_outside &= host->is_outside;
        return;
    }
    if (c->host_count == JUDGE_MAX_HOSTS)
        return;
    if (c->host_count == c->host_capacity) {
        c->host_capacity = grown(c->host_capacity);
        c->hosts = memory_resize_array(c->hosts, c->host_capacity, sizeof(*c->hosts));
    }
    h = &c->hosts[c->host_count++];
    *h = *host;
    h->name = arena_str(&c->arena, host->name);
    h->ip = arena_str(&c->arena, host->ip);
}

uint32_t candidate_host_count(const struct candidate *c)
{
    uint32_t ours = 0;
    for (uint32_t i = 0; i < c->host_count; i++)
        ours += !c->hosts[i].is_outside;
    return ours;
}

/* A host is in an hour that begins at w when its news lie between first and last with first <= w + hour and
 * last >= w: most are where one of them has its last. */
size_t candidate_hosts_within_hour(const struct candidate *c)
{
    const int64_t hour = 3600 * NS_PER_SECOND;
    size_t most = 0;
    for (uint32_t i = 0; i < c->host_count; i++) {
        size_t together = 0;
        for (uint32_t j = 0; j < c->host_count; j++)
            together += !c->hosts[j].is_outside && c->hosts[j].last_ns >= c->hosts[i].last_ns &&
                        c->hosts[j].first_ns <= time_plus(c->hosts[i].last_ns, hour);
        most = together > most ? together : most;
    }
    return most;
}

static bool is_same_fold(const struct incident_finding *a, const struct finding *f)
{
    return str_eq(a->rule_id, f->rule_id) && str_eq(a->product, f->product) &&
           str_eq_nocase(a->host_name, f->host_name) && str_eq(a->host_ip, f->host_ip);
}

static bool list_contains(struct str list, struct str item)
{
    struct str part;
    while (str_split(&list, ';', &part))
        if (str_eq(part, item))
            return true;
    return false;
}

static void add_peer(struct candidate *c, struct incident_finding *f, struct str peer)
{
    if (peer.n == 0 || list_contains(f->peers, peer))
        return;
    size_t known = f->peers.n ? 1 : 0;
    for (size_t i = 0; i < f->peers.n; i++)
        known += f->peers.p[i] == ';';
    if (known >= MAX_PEERS)
        return;
    if (f->peers.n == 0)
        f->peer = f->peers = arena_str(&c->arena, peer);
    else
        f->peers = arena_printf(&c->arena, "%.*s;%.*s", STR_ARGS(f->peers), STR_ARGS(peer));
}

/* The incident shows what matched; the whole is in the event. */
static struct str matched_as_json(struct candidate *c, const struct finding *f)
{
    struct buf text = {0};
    struct json_writer w = {.out = &text};
    finding_matched_json(f, MATCHED_TEXT_MAX, &w);
    struct str copy = arena_str(&c->arena, buf_str(&text));
    buf_free(&text);
    return copy;
}

static struct str joined_techniques(struct candidate *c, const struct finding *f)
{
    struct buf text = {0};
    for (uint32_t i = 0; i < f->technique_count; i++) {
        if (i)
            buf_char(&text, ';');
        buf_add(&text, f->techniques[i]);
    }
    struct str copy = arena_str(&c->arena, buf_str(&text));
    buf_free(&text);
    return copy;
}

static struct incident_finding *new_finding(struct candidate *c)
{
    struct incident *incident = &c->incident;
    if (incident->finding_count == incident->finding_capacity) {
        incident->finding_capacity = grown(incident->finding_capacity);
        incident->findings =
            memory_resize_array(incident->findings, incident->finding_capacity, sizeof(*incident->findings));
    }
    struct incident_finding *f = &incident->findings[incident->finding_count++];
    *f = (struct incident_finding){0};
    return f;
}

/* Keeps the list in order of first_ns after the entry at `index` changed. */
static void keep_order(struct incident *incident, uint32_t index)
{
    while (index > 0 && incident->findings[index - 1].first_ns > incident->findings[index].first_ns) {
        struct incident_finding swap = incident->findings[index - 1];
        incident->findings[index - 1] = incident->findings[index];
        incident->findings[index] = swap;
        index--;
    }
}

static void start_finding(struct candidate *c, const struct finding *f)
{
    struct arena *a = &c->arena;
    struct incident_finding *kept = new_finding(c);
    *kept = (struct incident_finding){
        .rule_id = arena_str(a, f->rule_id),
        .title_en = arena_str(a, f->title_en),
        .title_ja = arena_str(a, f->title_ja),
        .level = f->level,
        .first_ns = f->time_ns,
        .last_ns = f->time_ns,
        .first_sequence = f->sequence,
        .last_sequence = f->sequence,
        .count = 1,
        .product = arena_str(a, f->product),
        .evidence_group = arena_str(a, f->evidence_group),
        .stage = arena_str(a, f->stage),
        .likelihood_ratio = f->likelihood_ratio,
        .host_name = arena_str(a, f->host_name),
        .host_ip = arena_str(a, f->host_ip),
        .user = arena_str(a, f->user),
        .department = arena_str(a, f->department),
        .importance = f->importance,
        .passage = f->passage,
        .is_outside = f->is_outside,
        .techniques = joined_techniques(c, f),
        .matched = matched_as_json(c, f),
    };
    add_peer(c, kept, f->peer);
    keep_order(&c->incident, c->incident.finding_count - 1);
    c->has_new_evidence = true;
}

static void repeat_finding(struct candidate *c, uint32_t index, const struct finding *f)
{
    struct incident_finding *kept = &c->incident.findings[index];
    kept->count++;
    kept->is_stored = false;
    kept->is_outside &= f->is_outside;
    if (f->time_ns < kept->first_ns) {
        kept->first_ns = f->time_ns;
        kept->first_sequence = f->sequence;
    }
    if (f->time_ns > kept->last_ns)
        kept->last_ns = f->time_ns;
    if (f->sequence > kept->last_sequence)
        kept->last_sequence = f->sequence;
    if (f->passage > kept->passage)
        kept->passage = f->passage;
    if (f->importance > kept->importance)
        kept->importance = f->importance;
    add_peer(c, kept, f->peer);
    keep_order(&c->incident, index);
}

static struct incident_finding *find_said(const struct incident *incident, struct str rule_id)
{
    for (uint32_t i = 0; i < incident->finding_count; i++)
        if (str_eq(incident->findings[i].rule_id, rule_id))
            return &incident->findings[i];
    return NULL;
}

void candidate_hear(struct candidate *c, const struct incident_finding *said)
{
    struct incident_finding *kept = find_said(&c->incident, said->rule_id);
    if (kept == NULL) {
        kept = new_finding(c);
        *kept = (struct incident_finding){.rule_id = arena_str(&c->arena, said->rule_id),
                                          .product = arena_str(&c->arena, said->product),
                                          .first_ns = c->incident.last_ns,
                                          .last_ns = c->incident.last_ns,
                                          .level = said->level};
    }
    kept->title_en = arena_str(&c->arena, said->title_en);
    kept->title_ja = arena_str(&c->arena, said->title_ja);
    kept->evidence_group = arena_str(&c->arena, said->evidence_group);
    kept->matched = arena_str(&c->arena, said->matched);
    kept->likelihood_ratio = said->likelihood_ratio;
    kept->count++;
    kept->is_stored = false;
    c->has_new_evidence = true;
}

static void add_hop(struct candidate *c, struct str peer, int64_t time_ns)
{
    for (uint32_t i = 0; i < c->hop_count; i++)
        if (str_eq(c->hops[i].peer, peer))
            return;
    if (c->hop_count == JUDGE_MAX_HOSTS)
        return;
    if (c->hop_count == c->hop_capacity) {
        c->hop_capacity = grown(c->hop_capacity);
        c->hops = memory_resize_array(c->hops, c->hop_capacity, sizeof(*c->hops));
    }
    c->hops[c->hop_count++] = (struct candidate_hop){arena_str(&c->arena, peer), time_ns};
}

/* Whom it attacked. Whom it merely tried is no victim yet: of the many that a worm scans the finding names
 * one by chance, and whatever its user reports that day would belong to the attack. */
static void remember_hop(struct candidate *c, const struct finding *f)
{
    if (str_eq(f->stage, STR("spreading")) && !str_eq(f->evidence_group, STR("scan")) && f->peer.n)
        add_hop(c, f->peer, f->time_ns);
}

static uint32_t find_fold(const struct incident *incident, const struct finding *f)
{
    uint32_t i = 0;
    while (i < incident->finding_count && !is_same_fold(&incident->findings[i], f))
        i++;
    return i;
}

static void add_host_of(struct candidate *c, const struct finding *f)
{
    struct candidate_host host = {f->host_name, f->host_ip, f->time_ns, f->time_ns, f->is_outside};
    candidate_add_host(c, &host);
}

bool candidate_fold(struct candidate *c, const struct finding *f, int64_t watermark_ns)
{
    struct incident *incident = &c->incident;
    if (f->sequence != 0 && f->sequence < c->last_sequence)
        return false;
    uint32_t index = find_fold(incident, f);
    if (index < incident->finding_count) {
        if (f->sequence != 0 && incident->findings[index].last_sequence == f->sequence)
            return false;
        repeat_finding(c, index, f);
    } else if (incident->finding_count < JUDGE_MAX_FINDINGS) {
        start_finding(c, f);
    }
    c->last_sequence = f->sequence > c->last_sequence ? f->sequence : c->last_sequence;
    widen_times(incident, f->time_ns, f->time_ns);
    note_news(incident, watermark_ns);
    add_host_of(c, f);
    remember_hop(c, f);
    if (incident->department.n == 0)
        incident->department = arena_str(&c->arena, f->department);
    if (incident->user.n == 0)
        incident->user = arena_str(&c->arena, f->user);
    return true;
}

void candidate_absorb(struct candidate *c, struct candidate *from)
{
    struct arena *a = &c->arena;
    c->has_new_evidence = true;
    for (uint32_t i = 0; i < from->incident.finding_count && c->incident.finding_count < JUDGE_MAX_FINDINGS;
         i++) {
        struct incident_finding *f = new_finding(c);
        *f = from->incident.findings[i];
        struct str *texts[] = {&f->rule_id, &f->title_en,  &f->title_ja,   &f->product, &f->evidence_group,
                               &f->stage,   &f->host_name, &f->host_ip,    &f->user,    &f->department,
                               &f->peer,    &f->peers,     &f->techniques, &f->matched};
        for (size_t t = 0; t < COUNT_OF(texts); t++)
            *texts[t] = arena_str(a, *texts[t]);
        f->id = 0;
        f->is_stored = false;
        keep_order(&c->incident, c->incident.finding_count - 1);
    }
    for (uint32_t i = 0; i < from->host_count; i++)
        candidate_add_host(c, &from->hosts[i]);
    for (uint32_t i = 0; i < from->hop_count; i++)
        add_hop(c, from->hops[i].peer, from->hops[i].time_ns);
    if (from->last_sequence > c->last_sequence)
        c->last_sequence = from->last_sequence;
    if (from->incident.opened_ns &&
        (c->incident.opened_ns == 0 || from->incident.opened_ns < c->incident.opened_ns))
        c->incident.opened_ns = from->incident.opened_ns;
    if (from->deserved_ns && (c->deserved_ns == 0 || from->deserved_ns < c->deserved_ns))
        c->deserved_ns = from->deserved_ns;
    widen_times(&c->incident, from->incident.first_ns, from->incident.last_ns);
    note_news(&c->incident, from->incident.news_ns);
    note_absorbed(c, from->incident.id);
    c->risk_24h = from->risk_24h > c->risk_24h ? from->risk_24h : c->risk_24h;
    for (uint32_t i = 0; i < from->absorbed_count; i++)
        note_absorbed(c, from->absorbed_ids[i]);
    from->incident.finding_count = 0;
    from->host_count = from->hop_count = 0;
}

void candidate_restore(struct candidate *c, const struct incident *incident)
{
    struct candidate stored = {.incident = *incident};
    stored.incident.id = 0; /* put back, not absorbed */
    candidate_absorb(c, &stored);
    c->incident.id = incident->id;
    c->incident.is_exercise = incident->is_exercise;
    c->incident.state = incident->state;
    c->incident.opened_ns = incident->opened_ns;
    c->incident.department = arena_str(&c->arena, incident->department);
    c->incident.user = arena_str(&c->arena, incident->user);
    for (uint32_t i = 0; i < c->incident.finding_count; i++) {
        struct incident_finding *f = &c->incident.findings[i];
        f->id = incident->findings[i].id;
        struct candidate_host host = {f->host_name, f->host_ip, f->first_ns, f->last_ns, f->is_outside};
        candidate_add_host(c, &host);
        if (f->last_sequence > c->last_sequence)
            c->last_sequence = f->last_sequence;
        struct finding hop = {.stage = f->stage, .evidence_group = f->evidence_group, .time_ns = f->first_ns};
        for (struct str rest = f->peers; str_split(&rest, ';', &hop.peer);)
            remember_hop(c, &hop);
    }
}

static const struct incident_finding *gravest(const struct incident *incident)
{
    const struct incident_finding *worst = NULL;
    for (uint32_t i = 0; i < incident->finding_count; i++)
        if (worst == NULL || incident->findings[i].level > worst->level)
            worst = &incident->findings[i];
    return worst;
}

/* Whoever reads a title must not take an exercise for the real thing. */
static void mark_titles(struct candidate *c)
{
    struct incident *incident = &c->incident;
    buf_clear(&c->title_en);
    buf_clear(&c->title_ja);
    buf_printf(&c->title_en, "[EXERCISE] %.*s", STR_ARGS(incident->title_en));
    buf_printf(&c->title_ja, "【演習】%.*s",
               STR_ARGS(incident->title_ja.n ? incident->title_ja : incident->title_en));
    incident->title_en = buf_str(&c->title_en);
    incident->title_ja = buf_str(&c->title_ja);
}

static void describe_hosts(struct candidate *c)
{
    buf_clear(&c->hosts_text);
    buf_clear(&c->outside_text);
    for (uint32_t i = 0; i < c->host_count; i++) {
        const struct candidate_host *h = &c->hosts[i];
        struct buf *text = h->is_outside ? &c->outside_text : &c->hosts_text;
        if (text->n)
            buf_char(text, ';');
        if (h->name.n && h->ip.n)
            buf_printf(text, "%.*s (%.*s)", STR_ARGS(h->name), STR_ARGS(h->ip));
        else
            buf_add(text, h->name.n ? h->name : h->ip);
    }
    c->incident.hosts = buf_str(&c->hosts_text);
    c->incident.outside = buf_str(&c->outside_text);
}

void candidate_describe(struct candidate *c)
{
    struct incident *incident = &c->incident;
    describe_hosts(c);
    const struct incident_finding *worst = gravest(incident);
    if (worst != NULL) {
        incident->title_en = worst->title_en;
        incident->title_ja = worst->title_ja;
    }
    if (incident->is_exercise)
        mark_titles(c);
}
