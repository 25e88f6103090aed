/* What risk.c and risk_index.c share. Inside the stage only. */
#ifndef JUDGE_RISK_TABLE_H
#define JUDGE_RISK_TABLE_H

#include "base/map.h"
#include "judge/risk.h"

struct risk_alert {
    int64_t time_ns;
    double score;
};

struct risk_source { /* one rule on one system */
    uint64_t rule_hash, product_hash;
    uint64_t fact_hash; /* its evidence group, or the rule when it names none */
    uint64_t findings;  /* ever */
    int64_t last_ns;
    uint32_t alert_count;
    struct risk_alert alerts[RISK_ALERTS];
    char rule[48], product[32], title_en[80], title_ja[80];
};

struct entity {
    uint32_t kind, name_length, importance;
    uint32_t source_count, source_capacity;
    int64_t last_ns;
    struct risk_source *sources;
    char name[RISK_NAME_MAX];
};

struct risk {
    const struct criteria *criteria;
    struct entity **entities;
    uint32_t count, capacity;
    struct map by_key; /* kind and name */
    struct arena keys;
    uint64_t dropped_entities, dropped_sources;
};

struct entity *risk_find(const struct risk *r, enum risk_kind kind, struct str name);

/* Now less then; the longest there is when one of them is unknown and lies at the end of all times. */
static inline int64_t risk_since(int64_t now_ns, int64_t then_ns)
{
    int64_t span_ns;
    if (__builtin_sub_overflow(now_ns, then_ns, &span_ns))
        return now_ns > then_ns ? INT64_MAX : INT64_MIN;
    return span_ns;
}

#endif
