/* A firing → a finding. Stage: correlate, only when something fires. Who it is about comes from the hit that
 * completed it; what matched are the values of the group and the amount; of a sequence also its steps, the
 * hosts they happened on, and the steps that are missing. */
#include "base/ip.h"
#include "base/memory.h"
#include "correlate/hit.h"

static void add_matched(struct finding *f, struct str name, struct str text)
{
    f->matched[f->matched_count++] = (struct matched_value){name, text};
}

static void add_group(struct finding *f, const struct correlation *rule, struct str key, struct arena *arena)
{
    struct str rest = str_skip(key, sizeof rule->hash);
    for (uint32_t i = 0; i < rule->group_count; i++) {
        uint16_t n;
        memcpy(&n, rest.p, sizeof n);
        add_matched(f, rule->group_by[i], arena_str(arena, str_slice(rest, sizeof n, sizeof n + n)));
        rest = str_skip(rest, sizeof n + n);
    }
}

static void add_amount(struct finding *f, const struct correlation *rule, double amount, struct arena *arena)
{
    static const char *const names[] = {
        [TYPE_EVENT_COUNT] = "event_count",
        [TYPE_VALUE_COUNT] = "value_count",
        [TYPE_TEMPORAL] = "rule_count",
        [TYPE_TEMPORAL_ORDERED] = "rule_count",
        [TYPE_VALUE_SUM] = "value_sum",
        [TYPE_VALUE_AVG] = "value_avg",
        [TYPE_VALUE_PERCENTILE] = "value_percentile",
        [TYPE_SEQUENCE] = "weight",
    };
    add_matched(f, str_c(names[rule->type]), arena_printf(arena, "%.10g", amount));
    add_matched(f, STR("timespan"),
                arena_printf(arena, "%llds", (long long)(rule->timespan_ns / NS_PER_SECOND)));
}

/* ------------------------------------------------------------------ sequences */

static struct str host_text(const struct trail_step *step)
{
    return step->host_name.n ? step->host_name : step->host_ip.n ? step->host_ip : step->user;
}

static void add_step(struct finding *f, const struct sequence *s, const struct trail_step *step,
                     struct arena *arena)
{
    char time[TIME_TEXT_MAX];
    size_t n = time_format_iso(step->time_ns, time);
    struct str host = host_text(step);
    add_matched(f, arena_concat(arena, STR("step."), s->parts[step->part].name),
                arena_printf(arena, "%.*s%s%.*s", (int)n, time, host.n ? " " : "", STR_ARGS(host)));
}

static struct finding_host *find_host(struct finding_host *hosts, uint32_t count,
                                      const struct trail_step *step)
{
    bool has_host = step->host_name.n || step->host_ip.n;
    for (uint32_t i = 0; i < count; i++) {
        struct finding_host *h = &hosts[i];
        if ((step->host_name.n && str_eq_nocase(ip_host_label(h->name), ip_host_label(step->host_name))) ||
            (step->host_ip.n && str_eq(h->ip, step->host_ip)) ||
            (!has_host && step->user.n && str_eq_nocase(h->user, step->user)))
            return h;
    }
    return NULL;
}

static void keep_text(struct str *known, struct str text, struct arena *arena)
{
    if (known->n == 0)
        *known = arena_str(arena, text);
}

/* Each once, with all that the steps know of it. */
static void add_hosts(struct finding *f, const struct trail_step *steps, uint32_t count, struct arena *arena)
{
    struct finding_host *hosts = ARENA_ARRAY(arena, struct finding_host, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        struct finding_host *h = find_host(hosts, f->host_count, &steps[i]);
        if (h == NULL && host_text(&steps[i]).n == 0)
            continue;
        if (h == NULL)
            *(h = &hosts[f->host_count++]) = (struct finding_host){STR_EMPTY, STR_EMPTY, STR_EMPTY};
        keep_text(&h->name, steps[i].host_name, arena);
        keep_text(&h->ip, steps[i].host_ip, arena);
        keep_text(&h->user, steps[i].user, arena);
    }
    for (uint32_t i = 0; i < f->host_count; i++)
        add_matched(f, STR("hosts"),
                    hosts[i].name.n ? hosts[i].name
                    : hosts[i].ip.n ? hosts[i].ip
                                    : hosts[i].user);
    f->hosts = hosts;
}

/* What to look for next: steps that have not been seen. */
static void add_missing(struct finding *f, const struct sequence *s, const struct trail_step *steps,
                        uint32_t count, struct arena *arena)
{
    for (uint32_t p = 0; p < s->part_count; p++) {
        bool is_seen = s->stages[s->parts[p].stage].is_negation;
        for (uint32_t i = 0; i < count && !is_seen; i++)
            is_seen = steps[i].part == p;
        if (!is_seen)
            add_matched(f, STR("missing"), arena_str(arena, s->parts[p].name));
    }
}

/* The hits are those that the firing was found with. */
static void add_trail(struct finding *f, const struct correlation *rule, const struct group *g,
                      int64_t time_ns, struct arena *arena)
{
    struct sequence_match match;
    struct trail_step steps[SEQUENCE_MAX_PARTS];
    if (!sequence_match_at(rule, &g->hits, time_ns, &match))
        return;
    uint32_t count = trail_of(&g->hits, &match, steps);
    for (uint32_t i = 0; i < count; i++)
        if (steps[i].part < rule->sequence->part_count)
            add_step(f, rule->sequence, &steps[i], arena);
    add_hosts(f, steps, count, arena);
    add_missing(f, rule->sequence, steps, count, arena);
}

void tell_firing(struct correlator *c, const struct group *g, const struct firing *f)
{
    const struct correlation *rule = c->set->rules[g->correlation];
    const struct rule_info *info = &rule->info;
    struct arena *arena = &c->batch->arena;
    struct finding *out = batch_insert_finding(c->batch, c->insert_at);
    struct who who;
    c->insert_at = &out->next;
    c->counters.findings++;
    origin_read(f->origin, &who);
    /* the set may be replaced before the batch is gone: nothing of it is borrowed */
    out->rule_id = arena_str(arena, info->id);
    out->title_en = arena_str(arena, info->title_en);
    out->title_ja = arena_str(arena, info->title_ja);
    out->evidence_group = arena_str(arena, info->evidence_group);
    out->stage = arena_str(arena, info->stage);
    out->level = info->level;
    out->likelihood_ratio = info->likelihood_ratio;
    out->time_ns = f->time_ns;
    out->sequence = c->event->sequence;
    out->record_number = c->record_number;
    out->is_correlated = true;
    out->is_exercise = memcmp(g->key.p, &rule->hash, sizeof rule->hash) != 0;
    out->source = who.source;
    out->importance = who.importance;
    out->passage = who.passage;
    out->host_name = arena_str(arena, who.host_name);
    out->host_ip = arena_str(arena, who.host_ip);
    out->user = arena_str(arena, who.user);
    out->department = arena_str(arena, who.department);
    out->product = arena_str(arena, who.product);
    out->peer = arena_str(arena, who.peer);
    out->techniques = ARENA_ARRAY(arena, struct str, info->technique_count + 1);
    out->technique_count = info->technique_count;
    for (uint32_t i = 0; i < info->technique_count; i++)
        out->techniques[i] = arena_str(arena, info->techniques[i]);
    out->matched = ARENA_ARRAY(arena, struct matched_value,
                               rule->group_count + 2 + (rule->sequence ? 3 * SEQUENCE_MAX_PARTS : 0));
    add_group(out, rule, g->key, arena);
    add_amount(out, rule, f->amount, arena);
    if (rule->sequence)
        add_trail(out, rule, g, f->time_ns, arena);
}
