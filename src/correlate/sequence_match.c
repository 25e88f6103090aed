/* Whether the hits of a group make a sequence, and which of them do. Stage: correlate. Exact, whatever order
 * the hits arrived in: a dynamic program over the hits in order of time. For each hit and each way of being
 * the latest of its stage it keeps the best weight of steps that lead to it:
 *
 *   best(i) = weight of i's stage + max over j: best(j), j of an earlier stage, not later than the stage's
 *             first hit, not longer ago than `within`, no required stage skipped, no negation broken
 *
 * A chain is of one host: of hits that know only the host's address, and of those of one name (hit.c, "two
 * names"). Next: hop.c, which carries a match on to another host, and tell.c. */
#include "base/ip.h"
#include "base/memory.h"
#include "correlate/hit.h"
#include "correlate/sequence.h"

#define NO_HIT    UINT32_MAX
#define NO_SCORE  (-1.0)
#define MAX_NAMES 16 /* of one address within a timespan; those that come first in the alphabet */

/* What leads to a hit. */
struct cell {
    double score;
    uint32_t before; /* index of the hit before it */
    uint32_t parts;  /* of its stage that count, as bits */
};

/* Which hits are looked at. */
struct filter {
    bool is_on;
    struct str name;   /* of seconds: those of this name */
    bool only_seconds; /* no others */
};

struct matching {
    const struct sequence *s;
    const struct hits *hits;
    struct filter filter;
    uint32_t from, to; /* the hits looked at */
    struct cell *cells;
    uint32_t *of_part[SEQUENCE_MAX_PARTS]; /* hits of the part, in order */
    uint32_t counts[SEQUENCE_MAX_PARTS];
    double top[SEQUENCE_MAX_PARTS]; /* of a stage, so far */
    double token;                   /* the best one; NO_SCORE = none */
};

static const struct hit *hit_at(const struct matching *m, uint32_t at)
{
    return &m->hits->items[at];
}

static struct str name_of(const struct hit *h)
{
    struct who who;
    origin_read(h->origin, &who);
    return ip_host_label(who.host_name);
}

static bool takes(const struct matching *m, const struct hit *h)
{
    if (!m->filter.is_on)
        return true;
    return h->is_second ? str_eq_nocase(name_of(h), m->filter.name) : !m->filter.only_seconds;
}

static bool is_same_event(const struct hit *a, const struct hit *b)
{
    return a->sequence == b->sequence && !a->child && !b->child;
}

static bool is_required_between(const struct sequence *s, uint32_t after, uint32_t before)
{
    for (uint32_t k = after; k < before; k++)
        if (s->stages[k].is_required)
            return true;
    return false;
}

static bool leads_to(const struct sequence *s, const struct hit *h, uint32_t stage)
{
    uint32_t earlier = s->parts[h->step].stage;
    const struct sequence_stage *a = &s->stages[earlier], *b = &s->stages[stage];
    if (a->is_negation || earlier >= stage || is_required_between(s, earlier + 1, stage))
        return false;
    return h->is_token ? b->segment == a->segment + 1 : b->segment == a->segment && a->hop == HOP_NONE;
}

/* None of the part's hits within (after … through]. */
static bool is_silent(const struct matching *m, uint32_t part, int64_t after_ns, int64_t through_ns)
{
    const struct hits *h = m->hits;
    for (uint32_t i = hits_after(h, after_ns); i < h->count && h->items[i].time_ns <= through_ns; i++)
        if (h->items[i].step == part && !h->items[i].is_token && takes(m, &h->items[i]))
            return false;
    return true;
}

/* Between the hit and the stage that begins at `first_ns` and is complete at `last_ns`. */
static bool negations_hold(const struct matching *m, const struct hit *h, uint32_t stage, int64_t first_ns,
                           int64_t last_ns)
{
    for (uint32_t k = m->s->parts[h->step].stage + 1; k < stage; k++) {
        const struct sequence_stage *n = &m->s->stages[k];
        int64_t through_ns = n->for_ns ? time_after(h->time_ns, n->for_ns) : time_after(last_ns, -1);
        if (!n->is_negation)
            continue;
        if ((n->for_ns && first_ns <= through_ns) || !is_silent(m, n->first, h->time_ns, through_ns))
            return false;
    }
    return true;
}

/* ------------------------------------------------------------ one hit's cell */

/* One way for the hit `at` to be the latest of its stage. */
struct ending {
    uint32_t at, stage;
    int64_t first_ns; /* of its stage's first hit: the stage before is complete by then */
    double gain;
    uint32_t parts;
};

static void offer(struct matching *m, const struct ending *e, double score, uint32_t before)
{
    struct cell *cell = &m->cells[e->at - m->from];
    if (score + e->gain > cell->score)
        *cell = (struct cell){score + e->gain, before, e->parts};
}

/* The best hit of each earlier stage; a stage of which none can be better is done with, which is nearly
 * always soon. */
static void look_back(struct matching *m, const struct ending *e)
{
    const struct sequence_stage *stage = &m->s->stages[e->stage];
    const struct hit *last = hit_at(m, e->at);
    double found[SEQUENCE_MAX_PARTS];
    uint32_t open = 0;
    for (uint32_t k = 0; k < e->stage; k++) {
        found[k] = NO_SCORE;
        open += m->top[k] >= 0;
    }
    for (uint32_t j = hits_after(m->hits, e->first_ns); open > 0 && j-- > m->from;) {
        const struct hit *h = hit_at(m, j);
        uint32_t k = m->s->parts[h->step].stage;
        double score = m->cells[j - m->from].score;
        if (stage->within_ns && last->time_ns - h->time_ns > stage->within_ns)
            return;
        if (score < 0 || !leads_to(m->s, h, e->stage) || score <= found[k] || is_same_event(h, last) ||
            !negations_hold(m, h, e->stage, e->first_ns, last->time_ns))
            continue;
        offer(m, e, score, j);
        found[k] = score;
        open -= score >= m->top[k];
    }
}

static void end_with(struct matching *m, const struct ending *e)
{
    const struct sequence_stage *stage = &m->s->stages[e->stage];
    bool may_begin = stage->segment == 0 && !is_required_between(m->s, 0, e->stage);
    if (may_begin && (!stage->within_ns || hit_at(m, e->at)->time_ns - e->first_ns <= stage->within_ns))
        offer(m, e, 0, NO_HIT);
    look_back(m, e);
}

/* The hit with which the part was begun, looking back from `at`: its latest `times` hits. `last` is the
 * latest of them. */
static uint32_t begun_by(const struct matching *m, uint32_t part, uint32_t at, uint32_t *last)
{
    const struct hit *h = hit_at(m, at);
    uint32_t n = m->counts[part], times = m->s->parts[part].times;
    while (n > 0 && hit_at(m, m->of_part[part][n - 1])->time_ns > h->time_ns)
        n--;
    if (times == 1 && part == h->step)
        return *last = at;
    while (times == 1 && n > 0 && is_same_event(hit_at(m, m->of_part[part][n - 1]), h))
        n--;
    if (n < times)
        return NO_HIT;
    *last = m->of_part[part][n - 1];
    return m->of_part[part][n - times];
}

/* A stage of several parts is complete with the hit in as many ways as there are first hits to choose. */
static void try_endings(struct matching *m, uint32_t at)
{
    uint32_t part = hit_at(m, at)->step, last, begun[SEQUENCE_MAX_SET];
    const struct sequence_stage *stage = stage_of(m->s, part);
    for (uint32_t i = 0; i < stage->count; i++)
        begun[i] = begun_by(m, stage->first + i, at, &last);
    for (uint32_t b = 0; b < stage->count; b++) {
        struct ending e = {.at = at, .stage = m->s->parts[part].stage};
        bool is_complete = begun[b] != NO_HIT;
        e.first_ns = is_complete ? hit_at(m, begun[b])->time_ns : 0;
        for (uint32_t i = 0; i < stage->count && is_complete; i++) {
            const struct sequence_part *p = &m->s->parts[stage->first + i];
            bool counts = begun[i] != NO_HIT && hit_at(m, begun[i])->time_ns >= e.first_ns;
            is_complete = counts || !(p->is_required || stage->first + i == part);
            e.gain += counts ? p->weight : 0;
            e.parts |= counts ? UINT32_C(1) << (stage->first + i) : 0;
        }
        if (is_complete)
            end_with(m, &e);
    }
}

static void fill_cell(struct matching *m, uint32_t at)
{
    const struct hit *h = hit_at(m, at);
    struct cell *cell = &m->cells[at - m->from];
    uint32_t k = m->s->parts[h->step].stage;
    if (!takes(m, h))
        return;
    if (h->is_token)
        cell->score = h->number;
    else if (!m->s->stages[k].is_negation)
        try_endings(m, at);
    if (cell->score > m->top[k])
        m->top[k] = cell->score;
}

/* ------------------------------------------------------------------ all hits */

/* Those of one time stand in any order: stage after stage. */
static void fill_cells(struct matching *m)
{
    for (uint32_t at = m->from, end; at < m->to; at = end) {
        for (end = at + 1; end < m->to && hit_at(m, end)->time_ns == hit_at(m, at)->time_ns;)
            end++;
        for (uint32_t k = 0; k < m->s->stage_count; k++)
            for (uint32_t i = at; i < end; i++)
                if (m->s->parts[hit_at(m, i)->step].stage == k)
                    fill_cell(m, i);
    }
}

/* Whether there is enough to be worth the search; nearly always this says no. */
static bool could_hold(const struct matching *m, double needs)
{
    double most = m->token > 0 ? m->token : 0;
    for (uint32_t p = 0; p < m->s->part_count; p++) {
        const struct sequence_stage *stage = stage_of(m->s, p);
        bool is_there = !stage->is_negation && m->counts[p] >= m->s->parts[p].times;
        if (m->token < 0 && m->s->parts[p].is_required && !is_there)
            return false;
        most += is_there ? m->s->parts[p].weight : 0;
    }
    return most >= needs;
}

static void count_parts(struct matching *m)
{
    m->token = NO_SCORE;
    for (uint32_t i = m->from; i < m->to; i++) {
        const struct hit *h = hit_at(m, i);
        if (!takes(m, h))
            continue;
        if (!h->is_token)
            m->counts[h->step]++;
        else if (h->number > m->token)
            m->token = h->number;
    }
}

static void begin(struct matching *m)
{
    uint32_t n = m->to - m->from, *lists = NEW_ARRAY(uint32_t, n + 1), used[SEQUENCE_MAX_PARTS] = {0};
    m->cells = NEW_ARRAY(struct cell, n + 1);
    m->of_part[0] = lists;
    for (uint32_t p = 1; p < m->s->part_count; p++)
        m->of_part[p] = m->of_part[p - 1] + m->counts[p - 1];
    for (uint32_t i = 0; i < n; i++) {
        uint32_t p = hit_at(m, m->from + i)->step;
        m->cells[i].score = NO_SCORE;
        if (!hit_at(m, m->from + i)->is_token && takes(m, hit_at(m, m->from + i)))
            m->of_part[p][used[p]++] = m->from + i;
    }
    for (uint32_t k = 0; k < m->s->stage_count; k++)
        m->top[k] = NO_SCORE;
}

static void end(struct matching *m)
{
    memory_free(m->of_part[0]);
    memory_free(m->cells);
}

/* --------------------------------------------------------------- the answer */

static void add_step(struct sequence_match *out, uint32_t part, uint32_t hit)
{
    if (out->step_count == SEQUENCE_MAX_PARTS)
        return;
    out->steps[out->step_count].part = part;
    out->steps[out->step_count++].hit = hit;
}

static void turn_round(struct sequence_match *out)
{
    for (uint32_t i = 0; i < out->step_count / 2; i++) {
        uint32_t k = out->step_count - 1 - i, part = out->steps[i].part, hit = out->steps[i].hit;
        out->steps[i] = out->steps[k];
        out->steps[k].part = part;
        out->steps[k].hit = hit;
    }
}

static void trace(const struct matching *m, uint32_t at, struct sequence_match *out)
{
    *out = (struct sequence_match){.score = m->cells[at - m->from].score, .last = at, .token = NO_HIT};
    for (; at != NO_HIT; at = m->cells[at - m->from].before) {
        if (hit_at(m, at)->is_token) {
            out->token = at;
            break;
        }
        for (uint32_t p = m->s->part_count; p-- > 0;) {
            uint32_t last = at;
            if (m->cells[at - m->from].parts >> p & 1 && begun_by(m, p, at, &last) != NO_HIT)
                add_step(out, p, last);
        }
    }
    turn_round(out); /* the earliest first */
}

static int compare_origins(const struct origin *a, const struct origin *b)
{
    uint32_t n = a->size < b->size ? a->size : b->size;
    int order = memcmp(a->bytes, b->bytes, n);
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

/* Of equally good ends the one that says most: chosen by what it says, not by when it came. */
static bool is_better(const struct matching *m, double score, uint32_t at, double best, uint32_t best_at)
{
    if (best_at == NO_HIT || score != best)
        return score > best;
    return compare_origins(hit_at(m, at)->origin, hit_at(m, best_at)->origin) > 0;
}

static bool is_end(const struct matching *m, uint32_t at)
{
    const struct hit *h = hit_at(m, at);
    uint32_t k = m->s->parts[h->step].stage;
    return !h->is_token && !m->s->stages[k].is_negation &&
           !is_required_between(m->s, k + 1, m->s->stage_count);
}

static bool find_end(const struct matching *m, int64_t end_ns, struct sequence_match *out)
{
    double best = NO_SCORE;
    uint32_t best_at = NO_HIT;
    for (uint32_t i = hits_from(m->hits, end_ns); i < m->to; i++) {
        double score = m->cells[i - m->from].score;
        if (score < 0 || score < m->s->needs || !is_end(m, i) || !is_better(m, score, i, best, best_at))
            continue;
        best = score;
        best_at = i;
    }
    if (best_at != NO_HIT)
        trace(m, best_at, out);
    return best_at != NO_HIT;
}

static struct matching prepare(const struct correlation *c, const struct hits *h, int64_t end_ns,
                               struct filter filter)
{
    struct matching m = {.s = c->sequence, .hits = h, .filter = filter, .to = hits_after(h, end_ns)};
    m.from = hits_from(h, time_after(end_ns, -c->timespan_ns));
    count_parts(&m);
    return m;
}

static bool match_filtered(const struct correlation *c, const struct hits *h, int64_t time_ns,
                           struct filter filter, struct sequence_match *out)
{
    const struct sequence *s = c->sequence;
    int64_t end_ns = time_after(time_ns, -s->tail_ns);
    struct matching m = prepare(c, h, end_ns, filter);
    if (m.from >= m.to || hit_at(&m, m.to - 1)->time_ns != end_ns || !could_hold(&m, s->needs))
        return false;
    if (s->tail_ns && !is_silent(&m, s->stages[s->stage_count - 1].first, end_ns, time_ns))
        return false;
    begin(&m);
    fill_cells(&m);
    bool holds = find_end(&m, end_ns, out);
    end(&m);
    return holds;
}

/* ------------------------------------------------------------------- two names */

static int compare_names(struct str a, struct str b)
{
    for (size_t i = 0; i < a.n && i < b.n; i++) {
        int order = (unsigned char)ascii_lower(a.p[i]) - (unsigned char)ascii_lower(b.p[i]);
        if (order)
            return order;
    }
    return (a.n > b.n) - (a.n < b.n);
}

static uint32_t add_name(struct str *names, uint32_t count, struct str name)
{
    uint32_t at = 0;
    while (at < count && compare_names(names[at], name) < 0)
        at++;
    if (at == MAX_NAMES || (at < count && str_eq_nocase(names[at], name)))
        return count;
    uint32_t grown = count < MAX_NAMES ? count + 1 : count;
    for (uint32_t i = grown - 1; i > at; i--)
        names[i] = names[i - 1];
    names[at] = name;
    return grown;
}

/* Names that seconds know within the timespan before `time_ns` and a negation's time after it. */
static uint32_t names_in(const struct correlation *c, const struct hits *h, int64_t time_ns,
                         struct str names[MAX_NAMES])
{
    uint32_t count = 0;
    const struct origin *last = NULL;
    for (uint32_t i = hits_from(h, time_after(time_ns, -c->sequence->reach_ns));
         i < h->count && h->items[i].time_ns <= time_ns; i++) {
        if (!h->items[i].is_second || h->items[i].origin == last)
            continue;
        last = h->items[i].origin;
        count = add_name(names, count, name_of(&h->items[i]));
    }
    return count;
}

bool sequence_match_at(const struct correlation *c, const struct hits *h, int64_t time_ns,
                       struct sequence_match *out)
{
    struct str names[MAX_NAMES];
    struct sequence_match other, of_name;
    bool holds = match_filtered(c, h, time_ns, (struct filter){.is_on = false}, out);
    if (!c->sequence->has_host || (!holds && !c->sequence->has_negation))
        return holds; /* nearly always */
    uint32_t count = names_in(c, h, time_ns, names);
    if (count == 0)
        return holds;
    holds = false;
    for (uint32_t i = 0; i < count; i++) {
        if (!match_filtered(c, h, time_ns, (struct filter){true, names[i], false}, &other) ||
            match_filtered(c, h, time_ns, (struct filter){true, names[i], true}, &of_name) ||
            (holds && other.score <= out->score))
            continue;
        *out = other;
        holds = true;
    }
    return holds;
}

static bool match_hop(const struct correlation *c, const struct hits *h, uint32_t at, struct filter filter,
                      struct sequence_match *out)
{
    struct matching m = prepare(c, h, h->items[at].time_ns, filter);
    begin(&m);
    fill_cells(&m);
    bool holds = m.cells[at - m.from].score >= 0;
    if (holds)
        trace(&m, at, out);
    end(&m);
    return holds;
}

bool sequence_match_hop(const struct correlation *c, const struct hits *h, uint32_t at,
                        struct sequence_match *out)
{
    struct str names[MAX_NAMES];
    struct sequence_match other;
    uint32_t count = c->sequence->has_host ? names_in(c, h, h->items[at].time_ns, names) : 0;
    bool holds = count == 0 && match_hop(c, h, at, (struct filter){.is_on = false}, out);
    for (uint32_t i = 0; i < count; i++) {
        if (!match_hop(c, h, at, (struct filter){true, names[i], false}, &other) ||
            (holds && other.score <= out->score))
            continue;
        *out = other;
        holds = true;
    }
    return holds;
}
