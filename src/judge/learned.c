/* Counts over closed incidents and the ratios they give (stage judge). Top-level glue reads the incidents;
 * score.c applies the table. */
#include "judge/learned.h"

#include <math.h>
#include <stdlib.h>

#include "base/map.h"
#include "judge/score.h"

enum label { LABEL_NONE, LABEL_REAL, LABEL_NOT_REAL };

static enum label label_of(const struct incident *i)
{
    if (i->is_exercise)
        return LABEL_NONE;
    return i->state == INCIDENT_CLOSED           ? LABEL_REAL
           : i->state == INCIDENT_FALSE_POSITIVE ? LABEL_NOT_REAL
                                                 : LABEL_NONE;
}

/* Whether an earlier finding of the incident is of the same rule. */
static bool is_repeated(const struct incident *i, uint32_t at)
{
    for (uint32_t k = 0; k < at; k++)
        if (str_eq(i->findings[k].rule_id, i->findings[at].rule_id))
            return true;
    return false;
}

#define SWEEPS  40
#define DAMPING 0.5 /* several rules of one incident move at once */
#define FOLDS   5

struct learning {
    const struct criteria *criteria;
    const struct incident *incidents;
    uint32_t count;
    struct learned table;
    struct learned_ratio *ratios; /* of the table */
    double *sums;                 /* of confidence, by rule, of the sweep at hand */
};

static int by_rule(const void *left, const void *right)
{
    const struct learned_ratio *a = left, *b = right;
    return str_compare(a->rule_id, b->rule_id);
}

static int compare_rule(const void *key, const void *element)
{
    return str_compare(*(const struct str *)key, ((const struct learned_ratio *)element)->rule_id);
}

const struct learned_ratio *learned_find(const struct learned *l, struct str rule_id)
{
    if (l == NULL || l->count == 0)
        return NULL;
    return bsearch(&rule_id, l->ratios, l->count, sizeof *l->ratios, compare_rule);
}

static double confidence_by(const struct criteria *c, const struct learned *learned, const struct incident *i)
{
    struct incident copy = *i;
    struct circumstances known = {.prior = c->prior, .prior_reason = STR_EMPTY, .learned = learned};
    score(c, &copy, &known);
    return copy.confidence;
}

/* ------------------------------------------------------------------ counting */

/* Every rule of every labelled incident, by name. */
static void find_rules(struct learning *g, struct arena *arena)
{
    struct map seen = {0};
    for (uint32_t i = 0; i < g->count; i++)
        for (uint32_t k = 0; label_of(&g->incidents[i]) != LABEL_NONE && k < g->incidents[i].finding_count;
             k++) {
            const struct incident_finding *f = &g->incidents[i].findings[k];
            if (g->table.count == LEARNED_MAX_RULES || map_find(&seen, f->rule_id) != NULL)
                continue;
            struct learned_ratio *l = &g->ratios[g->table.count++];
            *l = (struct learned_ratio){.rule_id = arena_str(arena, f->rule_id),
                                        .content = score_ratio(g->criteria, f)};
            *map_put(&seen, l->rule_id, NULL) = 1;
        }
    map_free(&seen);
    if (g->table.count)
        qsort(g->ratios, g->table.count, sizeof *g->ratios, by_rule);
}

static bool is_taught_by(const struct learning *g, uint32_t i, int fold)
{
    return label_of(&g->incidents[i]) != LABEL_NONE && (int)(i % FOLDS) != fold;
}

/* Adds `value` for each rule of the incident, once. */
static void each_rule(const struct learning *g, const struct incident *i,
                      void (*add)(const struct learning *g, size_t rule, double value), double value)
{
    for (uint32_t k = 0; k < i->finding_count; k++) {
        const struct learned_ratio *l =
            is_repeated(i, k) ? NULL : learned_find(&g->table, i->findings[k].rule_id);
        if (l != NULL)
            add(g, (size_t)(l - g->table.ratios), value);
    }
}

static void add_sum(const struct learning *g, size_t rule, double value)
{
    g->sums[rule] += value;
}

static void add_label(const struct learning *g, size_t rule, double is_real)
{
    *(is_real > 0 ? &g->ratios[rule].real : &g->ratios[rule].not_real) += 1;
}

/* Labels and content's confidence of the incidents outside the fold (−1: of all). */
static void count_labels(struct learning *g, int fold)
{
    struct learned *t = &g->table;
    t->real = t->not_real = t->left_out = 0;
    for (uint32_t r = 0; r < t->count; r++) {
        g->ratios[r].real = g->ratios[r].not_real = 0;
        g->ratios[r].ratio = g->ratios[r].content;
        g->sums[r] = 0;
    }
    for (uint32_t i = 0; i < g->count; i++) {
        bool is_real = label_of(&g->incidents[i]) == LABEL_REAL;
        t->left_out += label_of(&g->incidents[i]) == LABEL_NONE;
        if (!is_taught_by(g, i, fold))
            continue;
        *(is_real ? &t->real : &t->not_real) += 1;
        each_rule(g, &g->incidents[i], add_label, is_real);
        each_rule(g, &g->incidents[i], add_sum, confidence_by(g->criteria, NULL, &g->incidents[i]));
    }
    for (uint32_t r = 0; r < t->count; r++) {
        struct learned_ratio *l = &g->ratios[r];
        l->cases = l->real + l->not_real;
        l->expected = l->cases ? g->sums[r] / l->cases : 0;
        l->observed = (l->real + LEARNED_PRIOR_CASES * l->expected) / (l->cases + LEARNED_PRIOR_CASES);
    }
}

/* ------------------------------------------------------------------ learning */

static double logit_of(double p)
{
    p = fmax(1e-9, fmin(1 - 1e-9, p));
    return log(p / (1 - p));
}

static void move_ratio(struct learned_ratio *l, double mean)
{
    double ratio = l->ratio * exp(DAMPING * (logit_of(l->observed) - logit_of(mean)));
    l->ratio = fmax(l->content / LEARNED_LIMIT, fmin(l->content * LEARNED_LIMIT, ratio));
}

static void learn(struct learning *g, int fold)
{
    count_labels(g, fold);
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        for (uint32_t r = 0; r < g->table.count; r++)
            g->sums[r] = 0;
        for (uint32_t i = 0; i < g->count; i++)
            if (is_taught_by(g, i, fold))
                each_rule(g, &g->incidents[i], add_sum,
                          confidence_by(g->criteria, &g->table, &g->incidents[i]));
        for (uint32_t r = 0; r < g->table.count; r++)
            if (g->ratios[r].cases)
                move_ratio(&g->ratios[r], g->sums[r] / g->ratios[r].cases);
    }
}

/* Sum of squared errors over the incidents of one fold (−1: all). */
static double squared_errors(const struct learning *g, const struct learned *learned, int fold)
{
    double sum = 0;
    for (uint32_t i = 0; i < g->count; i++) {
        if (label_of(&g->incidents[i]) == LABEL_NONE || (fold >= 0 && (int)(i % FOLDS) != fold))
            continue;
        double error = confidence_by(g->criteria, learned, &g->incidents[i]) -
                       (label_of(&g->incidents[i]) == LABEL_REAL);
        sum += error * error;
    }
    return sum;
}

static struct learning begin(const struct criteria *c, const struct incident *incidents, uint32_t count,
                             struct arena *arena)
{
    struct learning g = {.criteria = c,
                         .incidents = incidents,
                         .count = count,
                         .table = {.version = STR_EMPTY}};
    g.ratios = ARENA_ARRAY(arena, struct learned_ratio, LEARNED_MAX_RULES);
    g.sums = ARENA_ARRAY(arena, double, LEARNED_MAX_RULES);
    g.table.ratios = g.ratios;
    g.table.brier_content = g.table.brier_learned = -1;
    find_rules(&g, arena);
    return g;
}

static const struct learned *finish(const struct learning *g, struct arena *arena)
{
    struct learned *out = ARENA_NEW(arena, struct learned);
    *out = g->table;
    return out;
}

const struct learned *learned_from(const struct criteria *c, const struct incident *incidents, uint32_t count,
                                   struct arena *arena)
{
    struct learning g = begin(c, incidents, count, arena);
    double errors = 0;
    for (int fold = 0; fold < FOLDS; fold++) {
        learn(&g, fold);
        errors += squared_errors(&g, &g.table, fold);
    }
    learn(&g, -1);
    double n = learned_cases(&g.table);
    if (n > 0) {
        g.table.brier_content = squared_errors(&g, NULL, -1) / n;
        g.table.brier_learned = errors / n;
    }
    return finish(&g, arena);
}

const struct learned *learned_counts(const struct criteria *c, const struct incident *incidents,
                                     uint32_t count, struct arena *arena)
{
    struct learning g = begin(c, incidents, count, arena);
    count_labels(&g, -1);
    return finish(&g, arena);
}

uint32_t learned_cases(const struct learned *l)
{
    return l ? l->real + l->not_real : 0;
}

bool learned_is_calibrated(const struct learned *l)
{
    return learned_cases(l) >= LEARNED_CALIBRATED;
}
