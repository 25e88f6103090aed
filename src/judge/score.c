/* Weighs a candidate (stage judge): reads its folded findings and the criteria, leaves the three judgements
 * and their arithmetic. judge.c calls it after each change. Formulae: spec 4.1 (urgency), 4.2
 * (importance), 4.4 (confidence). */
#include "judge/score.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "judge/judge.h"
#include "judge/learned.h"

/* ------------------------------------------------------------- evidence */

/* A finding as evidence. */
struct item {
    uint64_t group, product, rule; /* hashes of their names */
    double weight;                 /* log of the likelihood ratio */
    uint32_t index;                /* of the finding */
    bool counts;                   /* no other witness says the same, or more, about the same fact */
};

struct group_sum {
    double strongest, others, against;
};

/* All there is, in order of group, then of strength; in each group those that speak for it come first. */
struct evidence {
    struct item items[JUDGE_MAX_FINDINGS];
    uint32_t count;
};

/* Findings that state no evidence group stand for themselves. */
static struct str group_of(const struct incident_finding *f)
{
    return f->evidence_group.n ? f->evidence_group : f->rule_id;
}

double score_ratio(const struct criteria *c, const struct incident_finding *f)
{
    return f->likelihood_ratio > 0 ? f->likelihood_ratio : c->likelihood_ratio[f->level];
}

static double ratio_of(const struct criteria *c, const struct learned *learned,
                       const struct incident_finding *f)
{
    const struct learned_ratio *l = learned_find(learned, f->rule_id);
    return l ? l->ratio : score_ratio(c, f);
}

static int by_group_and_strength(const void *left, const void *right)
{
    const struct item *a = left, *b = right;
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    if ((a->weight < 0) != (b->weight < 0))
        return a->weight < 0 ? 1 : -1;
    if (fabs(a->weight) > fabs(b->weight))
        return -1;
    if (fabs(a->weight) < fabs(b->weight))
        return 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static bool is_same_side(const struct item *a, const struct item *b)
{
    return a->group == b->group && (a->weight < 0) == (b->weight < 0);
}

/* What one system says about one fact counts once, by its strongest word, and so does one rule, whichever
 * systems fed it. */
static bool is_outweighed(const struct evidence *e, uint32_t at)
{
    for (uint32_t i = at; i-- > 0 && is_same_side(&e->items[i], &e->items[at]);)
        if (e->items[i].product == e->items[at].product || e->items[i].rule == e->items[at].rule)
            return true;
    return false;
}

static void gather(const struct criteria *c, const struct learned *learned, const struct incident *incident,
                   struct evidence *e)
{
    e->count = incident->finding_count < JUDGE_MAX_FINDINGS ? incident->finding_count : JUDGE_MAX_FINDINGS;
    for (uint32_t i = 0; i < e->count; i++) {
        const struct incident_finding *f = &incident->findings[i];
        e->items[i] = (struct item){.group = str_hash(group_of(f)),
                                    .product = str_hash(f->product),
                                    .rule = str_hash(f->rule_id),
                                    .weight = log(ratio_of(c, learned, f)),
                                    .index = i};
    }
    if (e->count)
        qsort(e->items, e->count, sizeof e->items[0], by_group_and_strength);
    for (uint32_t i = 0; i < e->count; i++)
        e->items[i].counts = !is_outweighed(e, i);
}

/* Sums the group that begins at `*at` and moves on to the next one; false at the end. */
static bool next_group(const struct evidence *e, uint32_t *at, uint32_t *first, struct group_sum *sum)
{
    *sum = (struct group_sum){0};
    *first = *at;
    for (; *at < e->count && e->items[*at].group == e->items[*first].group; ++*at) {
        const struct item *item = &e->items[*at];
        if (!item->counts)
            continue;
        if (item->weight < 0)
            sum->against += item->weight;
        else if (item->weight > sum->strongest) /* the first: they come by strength */
            sum->strongest = item->weight;
        else
            sum->others += item->weight;
    }
    return *at > *first;
}

static double group_weight(const struct criteria *c, const struct group_sum *sum)
{
    double support = sum->strongest + c->correlation * sum->others;
    double cap = c->group_cap * sum->strongest;
    return (support < cap ? support : cap) + sum->against;
}

/* ----------------------------------------------------------- confidence */

static double logit(double p)
{
    return log(p / (1 - p));
}

static double confidence_of(const struct criteria *c, const struct evidence *e, double prior)
{
    double log_odds = logit(prior);
    struct group_sum sum;
    for (uint32_t at = 0, first; next_group(e, &at, &first, &sum);)
        log_odds += group_weight(c, &sum);
    return 1 / (1 + exp(-log_odds));
}

static int level_of(const struct criteria *c, double confidence)
{
    int level = 1;
    while (level < 4 && confidence >= c->confidence_levels[level - 1])
        level++;
    return level;
}

/* It rises at the limit, and falls only when it is well below: near 1 there is no room above. */
static int steady_level(const struct criteria *c, int before, double confidence)
{
    int level = level_of(c, confidence), still = level_of(c, confidence + c->hysteresis);
    return level < before && still >= before ? before : level;
}

/* "High" needs two groups that speak for it, or one decisive item (S114). */
static int confidence_level(const struct criteria *c, const struct evidence *e,
                            const struct incident *incident)
{
    int level = steady_level(c, incident->confidence_level, incident->confidence);
    uint32_t groups = 0;
    double strongest = 0;
    struct group_sum sum;
    for (uint32_t at = 0, first; next_group(e, &at, &first, &sum);) {
        groups += sum.strongest > 0;
        strongest = sum.strongest > strongest ? sum.strongest : strongest;
    }
    return level > 2 && groups < 2 && strongest < log(c->decisive) ? 2 : level;
}

/* -------------------------------------------------------------- urgency */

static const struct {
    const char *stage;
    enum stage_kind denied, allowed;
} stage_table[] = {
    {"exposure", STAGE_EXPOSURE, STAGE_EXPOSURE},
    {"stopped", STAGE_STOPPED, STAGE_STOPPED},
    {"executed", STAGE_EXECUTED, STAGE_EXECUTED},
    {"c2_suspected", STAGE_C2_DENIED, STAGE_C2_ALLOWED},
    {"outward_attack", STAGE_OUTWARD_ATTACK, STAGE_OUTWARD_ATTACK},
    {"outward_mail", STAGE_MAIL_DENIED, STAGE_OUTWARD_ATTACK}, /* S89 */
    {"spreading", STAGE_SPREADING, STAGE_SPREADING},
    {"exfiltration", STAGE_STOPPED, STAGE_HARM},
    {"encryption", STAGE_HARM, STAGE_HARM},
};

struct urgency {
    int low, high;
    enum stage_kind kind;
    struct str rule_id;
};

static struct urgency urgency_of_finding(const struct criteria *c, const struct incident_finding *f)
{
    enum stage_kind denied = STAGE_UNKNOWN, allowed = STAGE_UNKNOWN;
    for (size_t i = 0; i < COUNT_OF(stage_table); i++)
        if (str_eq(f->stage, str_c(stage_table[i].stage))) {
            denied = stage_table[i].denied;
            allowed = stage_table[i].allowed;
        }
    struct urgency u = {c->urgency[denied], c->urgency[allowed], allowed, f->rule_id};
    if (f->passage == PASSAGE_DENIED)
        u = (struct urgency){u.low, u.low, denied, f->rule_id};
    if (f->passage == PASSAGE_ALLOWED)
        u.low = u.high;
    return u;
}

static int modified(const struct criteria *c, unsigned modifiers, int urgency)
{
    for (int m = 0; m < MODIFIER_COUNT; m++)
        if (modifiers & (1u << m))
            urgency += c->modifier[m];
    return urgency < 1 ? 1 : urgency > 4 ? 4 : urgency;
}

static struct urgency score_urgency(const struct criteria *c, const struct incident *incident,
                                    const struct circumstances *known)
{
    struct urgency worst = {1, 1, STAGE_UNKNOWN, STR_EMPTY};
    for (uint32_t i = 0; i < incident->finding_count; i++) {
        struct urgency u = urgency_of_finding(c, &incident->findings[i]);
        int low = u.low > worst.low ? u.low : worst.low;
        if (u.high > worst.high)
            worst = u;
        worst.low = low;
    }
    if (known->hosts_within_hour >= (size_t)c->hosts_within_hour)
        worst = (struct urgency){4, 4, STAGE_SPREADING, STR_EMPTY};
    worst.low = modified(c, known->modifiers, worst.low);
    worst.high = modified(c, known->modifiers, worst.high);
    return worst;
}

static int score_importance(const struct criteria *c, const struct incident *incident, bool *is_registered)
{
    int importance = 0;
    for (uint32_t i = 0; i < incident->finding_count; i++)
        if (incident->findings[i].importance > importance)
            importance = incident->findings[i].importance;
    *is_registered = importance > 0;
    return importance ? importance : c->unregistered_importance;
}

static void explain_item(const struct criteria *c, const struct learned *learned,
                         const struct incident_finding *f, struct json_writer *w)
{
    const struct learned_ratio *l = learned_find(learned, f->rule_id);
    json_begin_object(w);
    json_key(w, "rule_id");
    json_put_str(w, f->rule_id);
    json_key(w, "rule");
    json_put_str(w, f->title_en);
    if (f->title_ja.n) {
        json_key(w, "rule_ja");
        json_put_str(w, f->title_ja);
    }
    json_key(w, "likelihood_ratio");
    json_put_double(w, ratio_of(c, learned, f));
    json_key(w, "by_level");
    json_put_bool(w, l == NULL && f->likelihood_ratio <= 0);
    json_key(w, "origin");
    json_put_c(w, l ? "learned" : f->likelihood_ratio > 0 ? "content" : "level");
    if (l != NULL) {
        json_key(w, "learned_from");
        json_put_u64(w, l->cases);
        json_key(w, "content_ratio");
        json_put_double(w, score_ratio(c, f));
    }
    json_end_object(w);
}

static void explain_groups(const struct criteria *c, const struct learned *learned, const struct evidence *e,
                           const struct incident *incident, struct json_writer *w)
{
    struct group_sum sum;
    json_begin_array(w);
    for (uint32_t at = 0, first; next_group(e, &at, &first, &sum);) {
        json_begin_object(w);
        json_key(w, "group");
        json_put_str(w, group_of(&incident->findings[e->items[first].index]));
        json_key(w, "log_odds");
        json_put_double(w, group_weight(c, &sum));
        json_key(w, "items");
        json_begin_array(w);
        for (uint32_t i = first; i < at; i++)
            if (e->items[i].counts)
                explain_item(c, learned, &incident->findings[e->items[i].index], w);
        json_end_array(w);
        json_end_object(w);
    }
    json_end_array(w);
}

static void explain_confidence(const struct criteria *c, const struct incident *incident,
                               const struct circumstances *known, struct json_writer *w)
{
    struct evidence evidence;
    gather(c, known->learned, incident, &evidence);
    json_key(w, "confidence");
    json_begin_object(w);
    json_key(w, "prior");
    json_put_double(w, known->prior);
    if (known->prior_reason.n) {
        json_key(w, "prior_factors");
        json_put_json(w, known->prior_reason);
    }
    json_key(w, "correlation");
    json_put_double(w, c->correlation);
    json_key(w, "posterior");
    json_put_double(w, incident->confidence);
    json_key(w, "calibrated");
    json_put_bool(w, learned_is_calibrated(known->learned));
    json_key(w, "labelled_incidents");
    json_put_u64(w, learned_cases(known->learned));
    json_key(w, "groups");
    explain_groups(c, known->learned, &evidence, incident, w);
    json_end_object(w);
}

void score(const struct criteria *c, struct incident *incident, const struct circumstances *known)
{
    struct urgency urgency = score_urgency(c, incident, known);
    bool is_registered;
    incident->urgency = urgency.high;
    incident->urgency_low = urgency.low;
    incident->urgency_high = urgency.high;
    incident->importance = score_importance(c, incident, &is_registered);
    struct evidence evidence;
    gather(c, known->learned, incident, &evidence);
    incident->confidence = confidence_of(c, &evidence, known->prior);
    incident->confidence_level = confidence_level(c, &evidence, incident);
}

static void explain_urgency(const struct criteria *c, const struct incident *incident,
                            const struct circumstances *known, struct json_writer *w)
{
    struct urgency urgency = score_urgency(c, incident, known);
    json_key(w, "urgency");
    json_begin_object(w);
    json_key(w, "stage");
    json_put_str(w, stage_kind_name(urgency.kind));
    json_key(w, "rule_id");
    json_put_str(w, urgency.rule_id);
    json_key(w, "hosts_within_hour");
    json_put_u64(w, known->hosts_within_hour);
    json_key(w, "modifiers");
    json_begin_array(w);
    for (int m = 0; m < MODIFIER_COUNT; m++) {
        if (!(known->modifiers & (1u << m)))
            continue;
        json_begin_object(w);
        json_key(w, "modifier");
        json_put_c(w, urgency_modifier_name((enum urgency_modifier)m));
        json_key(w, "step");
        json_put_i64(w, c->modifier[m]);
        json_end_object(w);
    }
    json_end_array(w);
    json_end_object(w);
}

/* Content's version, and which calibration was in force: both are needed to come to the same number again. */
static void put_version(const struct criteria *c, const struct learned *learned, struct json_writer *w)
{
    char text[128];
    if (learned == NULL || learned->version.n == 0) {
        json_put_str(w, c->version);
        return;
    }
    snprintf(text, sizeof text, "%.*s+%.*s", STR_ARGS(c->version), STR_ARGS(learned->version));
    json_put_c(w, text);
}

/* What promotes a candidate: sure enough, grave enough, or too much in one day (S121). */
static void explain_promotion(const struct criteria *c, const struct circumstances *known,
                              struct json_writer *w)
{
    json_key(w, "promotion");
    json_begin_object(w);
    json_key(w, "confidence");
    json_put_double(w, c->promotion_confidence);
    json_key(w, "level");
    json_put_str(w, level_name(c->promotion_level));
    json_key(w, "risk");
    json_put_double(w, c->risk.promotion);
    json_key(w, "risk_24h");
    json_put_double(w, known->risk_24h);
    json_end_object(w);
}

void score_explain(const struct criteria *c, const struct incident *incident,
                   const struct circumstances *known, struct json_writer *w)
{
    struct sla sla = score_sla(incident->urgency, incident->importance);
    bool is_registered;
    score_importance(c, incident, &is_registered);
    json_key(w, "criteria");
    put_version(c, known->learned, w);
    json_key(w, "sla");
    json_put_c(w, sla.label);
    json_key(w, "sla_minutes");
    json_put_i64(w, sla.minutes);
    explain_urgency(c, incident, known, w);
    json_key(w, "importance");
    json_begin_object(w);
    json_key(w, "registered");
    json_put_bool(w, is_registered);
    json_end_object(w);
    explain_promotion(c, known, w);
    explain_confidence(c, incident, known, w);
}

struct sla score_sla(int urgency, int importance)
{
    static const struct sla table[4][4] = {
        {{"P4", 4320}, {"P4", 4320}, {"P3", 1440}, {"P3", 1440}},
        {{"P3", 1440}, {"P3", 240}, {"P2", 60}, {"P2", 60}},
        {{"P2", 60}, {"P2", 60}, {"P1", 15}, {"P1", 15}},
        {{"P1", 15}, {"P1", 15}, {"P1", 15}, {"P1", 15}},
    };
    BUG_IF(urgency < 1 || urgency > 4 || importance < 1 || importance > 4);
    return table[urgency - 1][importance - 1];
}

const char *score_first_task(const struct incident *incident)
{
    if (incident->confidence_level >= 3)
        return "pull_connector";
    if (incident->confidence_level == 2)
        return incident->urgency == 4 ? "isolate_and_hear" : "hearing_or_direct_check";
    return "history_and_watch";
}
