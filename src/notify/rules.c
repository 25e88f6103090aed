/* What the rules of notification are asked (stage notify). Next: rules_load.c reads them, plan.c goes on. */
#include "notify/rules.h"

#include "base/memory.h"

static const char *const KINDS[NOTICE_KIND_COUNT] = {
    "incident_opened", "incident_raised",
    "posture_changed", "decision_waiting",
    "decision_late",   "task_overdue",
    "deadline_near",   "deadline_missed",
    "source_silent",   "report_made",
    "report_unsigned", "outside_ready",
    "mentioned",       "test",
};

struct str notice_kind_name(enum notice_kind k)
{
    return str_c(KINDS[k]);
}

bool notice_kind_parse(struct str s, enum notice_kind *out)
{
    for (size_t i = 0; i < COUNT_OF(KINDS); i++)
        if (str_eq(s, str_c(KINDS[i]))) {
            *out = (enum notice_kind)i;
            return true;
        }
    return false;
}

bool notify_rule_is_met(const struct notify_rule *r, const struct occurrence *o)
{
    bool is_named = r->name_count == 0;
    for (uint32_t i = 0; i < r->name_count; i++)
        is_named |= str_eq(r->names[i], o->name);
    return r->on == o->kind && o->urgency >= r->urgency_least && o->importance >= r->importance_least &&
           o->posture >= r->posture_least && is_named;
}

bool notify_rule_collects(const struct notify_rule *r)
{
    return r->collect_ns > 0 || r->collect_until >= 0;
}
