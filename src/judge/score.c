/* Weighs a candidate (stage judge): reads its folded findings and the criteria, leaves the three judgements
 * and their arithmetic. judge.c calls it after each change. Formulae: spec 4.1 (urgency), 4.2
 * (importance), 4.4 (confidence). */
#include "judge/score.h"

#include <math.h>

#include "base/json.h"

/* Findings that state no evidence group stand for themselves. */
static struct str group_of(const struct incident_finding *f)
{
    return f->evidence_group.n ? f->evidence_group : f->rule_id;
}

static double ratio_of(const struct criteria *c, const struct incident_finding *f)
{
    return f->likelihood_ratio > 0 ? f->likelihood_ratio : c->likelihood_ratio[f->level];
}

/* The same rule about the same fact adds nothing the second time, whichever host it was on. */
static bool is_repeat(const struct incident *incident, uint32_t index)
{
    const struct incident_finding *f = &incident->findings[index];
    for (uint32_t i = 0; i < index; i++)
        if (str_eq(incident->findings[i].rule_id, f->rule_id))
            return true;
    return false;
}

static bool is_first_of_group(const struct incident *incident, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++)
        if (str_eq(group_of(&incident->findings[i]), group_of(&incident->findings[index])))
            return false;
    return true;
}

struct group_sum {
    double strongest, others, against;
};

static struct group_sum sum_group(const struct criteria *c, const struct incident *incident, struct str group)
{
    struct group_sum sum = {0};
    for (uint32_t i = 0; i < incident->finding_count; i++) {
        const struct incident_finding *f = &incident->findings[i];
        if (!str_eq(group_of(f), group) || is_repeat(incident, i))
            continue;
        double weight = log(ratio_of(c, f));
        if (weight < 0) {
            sum.against += weight;
        } else if (weight > sum.strongest) {
            sum.others += sum.strongest;
            sum.strongest = weight;
        } else {
            sum.others += weight;
        }
    }
    return sum;
}

static double group_weight(const struct criteria *c, const struct group_sum *sum)
{
    double support = sum->strongest + c->correlation * sum->others;
    double cap = c->group_cap * sum->strongest;
    return (support < cap ? support : cap) + sum->against;
}

static double logit(double p)
{
    return log(p / (1 - p));
}

double score_confidence(const struct criteria *c, const struct incident *incident)
{
    double log_odds = logit(c->prior);
    for (uint32_t i = 0; i < incident->finding_count; i++) {
        if (!is_first_of_group(incident, i))
            continue;
        struct group_sum sum = sum_group(c, incident, group_of(&incident->findings[i]));
        log_odds += group_weight(c, &sum);
    }
    return 1 / (1 + exp(-log_odds));
}

/* "High" needs two groups that speak for it, or one decisive item (S114). */
static int confidence_level(const struct criteria *c, const struct incident *incident, double confidence)
{
    int level = 1;
    while (level < 4 && confidence >= c->confidence_levels[level - 1])
        level++;
    uint32_t groups = 0;
    bool decisive = false;
    for (uint32_t i = 0; i < incident->finding_count; i++) {
        double ratio = ratio_of(c, &incident->findings[i]);
        decisive |= ratio >= c->decisive;
        groups += ratio > 1 && is_first_of_group(incident, i);
    }
    return level > 2 && groups < 2 && !decisive ? 2 : level;
}

static const struct {
    const char *stage;
    enum stage_kind denied, allowed;
} stage_table[] = {
    {"exposure", STAGE_EXPOSURE, STAGE_EXPOSURE},
    {"stopped", STAGE_STOPPED, STAGE_STOPPED},
    {"executed", STAGE_EXECUTED, STAGE_EXECUTED},
    {"c2_suspected", STAGE_C2_DENIED, STAGE_C2_ALLOWED},
    {"outward_attack", STAGE_OUTWARD_ATTACK, STAGE_OUTWARD_ATTACK},
    {"spreading", STAGE_SPREADING, STAGE_SPREADING},
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

static struct urgency score_urgency(const struct criteria *c, const struct incident *incident,
                                    size_t hosts_in_hour)
{
    struct urgency worst = {1, 1, STAGE_UNKNOWN, STR_EMPTY};
    for (uint32_t i = 0; i < incident->finding_count; i++) {
        struct urgency u = urgency_of_finding(c, &incident->findings[i]);
        int low = u.low > worst.low ? u.low : worst.low;
        if (u.high > worst.high)
            worst = u;
        worst.low = low;
    }
    if (hosts_in_hour >= (size_t)c->hosts_within_hour)
        worst = (struct urgency){4, 4, STAGE_SPREADING, STR_EMPTY};
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

static void explain_group(const struct criteria *c, const struct incident *incident, struct str group,
                          struct json_writer *w)
{
    struct group_sum sum = sum_group(c, incident, group);
    json_begin_object(w);
    json_key(w, "group");
    json_put_str(w, group);
    json_key(w, "log_odds");
    json_put_double(w, group_weight(c, &sum));
    json_key(w, "items");
    json_begin_array(w);
    for (uint32_t i = 0; i < incident->finding_count; i++) {
        const struct incident_finding *f = &incident->findings[i];
        if (!str_eq(group_of(f), group) || is_repeat(incident, i))
            continue;
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
        json_put_double(w, ratio_of(c, f));
        json_key(w, "by_level");
        json_put_bool(w, f->likelihood_ratio <= 0);
        json_end_object(w);
    }
    json_end_array(w);
    json_end_object(w);
}

static void explain_confidence(const struct criteria *c, const struct incident *incident,
                               struct json_writer *w)
{
    json_key(w, "confidence");
    json_begin_object(w);
    json_key(w, "prior");
    json_put_double(w, c->prior);
    json_key(w, "correlation");
    json_put_double(w, c->correlation);
    json_key(w, "posterior");
    json_put_double(w, incident->confidence);
    json_key(w, "calibrated");
    json_put_bool(w, false);
    json_key(w, "groups");
    json_begin_array(w);
    for (uint32_t i = 0; i < incident->finding_count; i++)
        if (is_first_of_group(incident, i))
            explain_group(c, incident, group_of(&incident->findings[i]), w);
    json_end_array(w);
    json_end_object(w);
}

void score(const struct criteria *c, struct incident *incident, size_t host_count_in_hour, struct buf *reason)
{
    struct urgency urgency = score_urgency(c, incident, host_count_in_hour);
    bool is_registered;
    incident->urgency = urgency.high;
    incident->urgency_low = urgency.low;
    incident->urgency_high = urgency.high;
    incident->importance = score_importance(c, incident, &is_registered);
    incident->confidence = score_confidence(c, incident);
    incident->confidence_level = confidence_level(c, incident, incident->confidence);

    struct json_writer w = {.out = reason};
    json_begin_object(&w);
    json_key(&w, "criteria");
    json_put_str(&w, c->version);
    json_key(&w, "urgency");
    json_begin_object(&w);
    json_key(&w, "stage");
    json_put_str(&w, stage_kind_name(urgency.kind));
    json_key(&w, "rule_id");
    json_put_str(&w, urgency.rule_id);
    json_key(&w, "hosts_within_hour");
    json_put_u64(&w, host_count_in_hour);
    json_end_object(&w);
    json_key(&w, "importance");
    json_begin_object(&w);
    json_key(&w, "registered");
    json_put_bool(&w, is_registered);
    json_end_object(&w);
    explain_confidence(c, incident, &w);
    json_end_object(&w);
}
