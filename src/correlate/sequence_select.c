/* Which findings are a step, and when a sequence that ends with a hit is settled. Stage: correlate. Asked by
 * link.c for correlations, and by correlator.c for each finding; next: hit.c. */
#include "correlate/sequence.h"

int64_t sequence_due(const struct correlation *c, const struct hit *hit)
{
    const struct sequence_stage *stage = stage_of(c->sequence, hit->step);
    if (hit->is_token || stage->is_negation)
        return INT64_MIN;
    return time_after(hit->time_ns, c->sequence->tail_ns);
}

static bool is_technique(struct str wanted, const struct rule_info *said)
{
    for (uint32_t i = 0; i < said->technique_count; i++) {
        struct str t = said->techniques[i];
        if (str_eq_nocase(str_slice(t, 0, wanted.n), wanted) && (t.n == wanted.n || t.p[wanted.n] == '.'))
            return true;
    }
    return false;
}

static bool is_excepted(const struct sequence_choice *choice, const struct rule_info *said)
{
    for (uint32_t i = 0; i < choice->except_count; i++)
        if (str_eq(choice->except[i], said->id) || (said->name.n && str_eq(choice->except[i], said->name)))
            return true;
    return false;
}

bool sequence_selects(const struct sequence_choice *choice, const struct rule_info *said)
{
    return choice->rule.n == 0 && said->level >= choice->least &&
           (choice->evidence_group.n == 0 || str_eq(choice->evidence_group, said->evidence_group)) &&
           (choice->stage.n == 0 || str_eq(choice->stage, said->stage)) &&
           (choice->technique.n == 0 || is_technique(choice->technique, said)) && !is_excepted(choice, said);
}
