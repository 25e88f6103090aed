/* A sequence as read (docs/correlation.md, "Sequences"; spec 2.11): steps in their order, matched as in SASE
 * (Wu, Diao, Rizvi, SIGMOD 2006) under skip-till-next-match. Inside the stage only; lives in the set's arena.
 *
 *   stage   download │ launch │ {scan, mail} any order │ not: cleaned for 30m │ exploit, hop │ launch
 *   part       0     │   1    │    2     3             │        4             │      5       │   6
 *   segment    0         0         0     0                      0                    0           1
 *
 * Hits bear the number of their part. Parts after a hop belong to the next segment: they are looked for on
 * the other host, in whose group a *token* stands for all that happened before (hop.c). */
#ifndef CORRELATE_SEQUENCE_H
#define CORRELATE_SEQUENCE_H

#include "correlate/window.h"

#define SEQUENCE_MAX_PARTS 32
#define SEQUENCE_MAX_SET   8
#define SEQUENCE_MAX_HITS  1000 /* in one group; beyond, the oldest of the most frequent step goes */
#define SEQUENCE_MAX_TIMES 500

enum by_kind { BY_FIELD, BY_HOST, BY_USER, BY_DESTINATION };
enum hop { HOP_NONE, HOP_DESTINATION, HOP_SOURCE, HOP_HOST };

/* One entry of `rules`: all that is said must hold of a finding. */
struct sequence_choice {
    struct str rule;           /* id or name; "" = selected by the following */
    struct str technique;      /* "T1486": it, or one below it */
    struct str evidence_group; /* "" = any */
    struct str stage;
    enum level least;   /* findings below are not selected */
    struct str *except; /* ids or names; ids once linked */
    uint32_t except_count;
    uint32_t part;
    unsigned line, column;
};

struct sequence_part {
    struct str name;
    uint32_t stage, times;
    double weight;
    bool is_required;
};

struct sequence_stage {
    uint32_t first, count; /* parts */
    uint32_t segment;
    int64_t within_ns; /* of the stage before; 0 = any time */
    enum hop hop;
    bool is_negation;
    int64_t for_ns; /* of a negation; 0 = until the next stage */
    bool is_required;
};

struct sequence {
    struct sequence_part *parts;
    uint32_t part_count;
    struct sequence_stage *stages;
    uint32_t stage_count;
    struct sequence_choice *choices;
    uint32_t choice_count;
    enum by_kind *by; /* for each entry of group_by */
    bool has_host;    /* one of them is the host */
    double needs;     /* weight of the steps matched; 0: all that are required */
    bool has_negation, has_hop;
    int64_t tail_ns;  /* a negation at the end: so long after the last step it fires */
    int64_t reach_ns; /* how far back a hit can matter */
};

/* What was matched: the parts in the order of time, with the index of the hit that completed each. */
struct sequence_match {
    double score;
    uint32_t last; /* index of the hit that completed it */
    struct {
        uint32_t part, hit;
    } steps[SEQUENCE_MAX_PARTS];
    uint32_t step_count;
    uint32_t token; /* index of the hit that stands for the hosts before; UINT32_MAX = none */
};

/* The best match that is complete at `time_ns` (a hit of it, or the end of a negation). */
bool sequence_match_at(const struct correlation *c, const struct hits *h, int64_t time_ns,
                       struct sequence_match *out);
/* The best match that ends with the hit `at`, which hops to another host; it need not be complete. */
bool sequence_match_hop(const struct correlation *c, const struct hits *h, uint32_t at,
                        struct sequence_match *out);
/* When a match that ends with this hit is complete; INT64_MIN: no match ends with it. */
int64_t sequence_due(const struct correlation *c, const struct hit *hit);
/* Whether a finding is one that the entry of `rules` selects. */
bool sequence_selects(const struct sequence_choice *choice, const struct rule_info *said);

static inline const struct sequence_stage *stage_of(const struct sequence *s, uint32_t part)
{
    return &s->stages[s->parts[part].stage];
}

#endif
