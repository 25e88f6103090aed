/* Sequences: the search finds what trying everything finds, the order of arrival does not matter, and a
 * restart changes nothing (S116–S118, spec 2.11). */
#include "correlate/test_world.h"

#include "correlate/sequence.h"

/* ---------------------------------------------------------------- the search is exact */

/* The definition, tried out: every stage is skipped or matched by every choice of hits. */
struct trial {
    const struct correlation *c;
    const struct hits *h;
    int64_t end_ns;
    double best;
};

static bool breaks(const struct trial *t, uint32_t earlier, uint32_t stage, int64_t after_ns,
                   int64_t first_ns, int64_t last_ns)
{
    for (uint32_t k = earlier + 1; k < stage; k++) {
        const struct sequence_stage *n = &t->c->sequence->stages[k];
        if (!n->is_negation)
            continue;
        if (n->for_ns && first_ns <= after_ns + n->for_ns)
            return true;
        for (uint32_t i = 0; i < t->h->count; i++) {
            const struct hit *h = &t->h->items[i];
            bool is_in = n->for_ns ? h->time_ns <= after_ns + n->for_ns : h->time_ns < last_ns;
            if (h->step == n->first && h->time_ns > after_ns && is_in)
                return true;
        }
    }
    return false;
}

static void try_stage(struct trial *t, uint32_t k, uint32_t before_stage, const struct hit *before,
                      double score);

/* The hits of `mask` are chosen for the stage. */
static void try_mask(struct trial *t, uint32_t k, uint32_t before_stage, const struct hit *before,
                     double score, uint32_t mask)
{
    const struct sequence *s = t->c->sequence;
    const struct sequence_stage *stage = &s->stages[k];
    int64_t first_ns = INT64_MAX, last_ns = INT64_MIN;
    double gain = 0;
    for (uint32_t p = stage->first; p < stage->first + stage->count; p++) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < t->h->count; i++)
            n += mask >> i & 1 && t->h->items[i].step == p;
        if (n != 0 && n != s->parts[p].times)
            return;
        if (n == 0 && s->parts[p].is_required)
            return;
        gain += n ? s->parts[p].weight : 0;
    }
    for (uint32_t i = 0; i < t->h->count; i++) {
        if (!(mask >> i & 1))
            continue;
        first_ns = t->h->items[i].time_ns < first_ns ? t->h->items[i].time_ns : first_ns;
        last_ns = t->h->items[i].time_ns > last_ns ? t->h->items[i].time_ns : last_ns;
    }
    int64_t since_ns = before ? before->time_ns : first_ns;
    if (since_ns > first_ns || last_ns > t->end_ns || first_ns < t->end_ns - t->c->timespan_ns ||
        (stage->within_ns && last_ns - since_ns > stage->within_ns) ||
        (before && breaks(t, before_stage, k, before->time_ns, first_ns, last_ns)))
        return;
    for (uint32_t i = 0; i < t->h->count; i++) /* the one that completes it */
        if (mask >> i & 1 && t->h->items[i].time_ns == last_ns &&
            !(before && before->sequence == t->h->items[i].sequence))
            try_stage(t, k + 1, k, &t->h->items[i], score + gain);
}

static void try_stage(struct trial *t, uint32_t k, uint32_t before_stage, const struct hit *before,
                      double score)
{
    const struct sequence *s = t->c->sequence;
    if (k == s->stage_count) {
        if (before && before->time_ns == t->end_ns && score >= s->needs && score > t->best)
            t->best = score;
        return;
    }
    if (s->stages[k].is_negation || !s->stages[k].is_required)
        try_stage(t, k + 1, before_stage, before, score);
    if (s->stages[k].is_negation)
        return;
    uint32_t usable = 0;
    for (uint32_t i = 0; i < t->h->count; i++)
        usable |= s->parts[t->h->items[i].step].stage == k ? UINT32_C(1) << i : 0;
    for (uint32_t mask = usable; mask; mask = (mask - 1) & usable)
        try_mask(t, k, before_stage, before, score, mask);
}

static void random_sequence(struct buf *out, uint64_t *seed)
{
    static const char rules[] = "abcdefgh";
    uint32_t stages = 2 + random_below(seed, 3), soft = random_below(seed, 2), rule = 0;
    buf_printf(out, "title: s\nid: s\nsequence:\n  timespan: %us\n  steps:\n", 10 + random_below(seed, 30));
    for (uint32_t k = 0; k < stages; k++) {
        uint32_t kind = random_below(seed, 6);
        if (kind == 0 && k > 0 && k + 1 < stages)
            buf_printf(out, "    - {not: [%c]%s}\n", rules[rule++], random_below(seed, 2) ? ", for: 3s" : "");
        else if (kind == 1)
            buf_printf(out, "    - {any_order: [{rules: [%c]}, {rules: [%c]%s}]%s}\n", rules[rule],
                       rules[rule + 1], random_below(seed, 2) ? ", optional: true" : "",
                       random_below(seed, 2) ? ", within: 8s" : "");
        else
            buf_printf(out, "    - {rules: [%c]%s%s%s}\n", rules[rule],
                       random_below(seed, 3) ? "" : ", times: 2", random_below(seed, 3) ? "" : ", within: 5s",
                       k > 0 && random_below(seed, 4) == 0 ? ", optional: true" : "");
        rule += kind == 1 ? 2 : kind != 0 || k == 0 || k + 1 == stages;
    }
    if (soft)
        buf_printf(out, "  needs: %u\n", 1 + random_below(seed, 2));
}

static void random_hits(struct hits *h, uint32_t parts, uint64_t *seed)
{
    uint32_t count = 4 + random_below(seed, 6);
    struct who nobody = {.importance = 0};
    for (uint32_t i = 0; i < count; i++) {
        struct hit hit = {.time_ns = BASE_NS + random_below(seed, 20) * NS_PER_SECOND,
                          .sequence = 1 + random_below(seed, 30),
                          .step = random_below(seed, parts),
                          .origin = origin_new(&nobody, STR_EMPTY)};
        hits_insert(h, &hit);
    }
}

/* Parts of a set that are matched by one and the same event are counted apart (docs/correlation.md): keep the
 * trial to hits of events of their own, but for neighbours in the order of steps. */
static void give_sets_their_own_events(const struct sequence *s, struct hits *h)
{
    for (uint32_t i = 0; i < h->count; i++)
        if (stage_of(s, h->items[i].step)->count > 1 || s->parts[h->items[i].step].times > 1)
            h->items[i].sequence = 1000 + i;
}

static void the_search_finds_what_trying_everything_finds(void **state)
{
    (void)state;
    uint64_t seed = 42;
    unsigned held = 0, tried = 0;
    for (int round = 0; round < 800; round++) {
        struct world w;
        struct buf text = {0};
        random_sequence(&text, &seed);
        start(&w, buf_cstr(&text), 0);
        const struct correlation *c = w.set->rules[0];
        for (int again = 0; again < 3; again++) {
            struct hits h = {0};
            random_hits(&h, c->sequence->part_count, &seed);
            give_sets_their_own_events(c->sequence, &h);
            struct trial t = {c, &h, h.items[h.count - 1].time_ns, -1};
            struct sequence_match m = {.score = -1};
            try_stage(&t, 0, 0, NULL, 0);
            bool holds = sequence_match_at(c, &h, t.end_ns, &m);
            if (holds != (t.best >= 0) || (holds && m.score != t.best))
                fail_msg("round %d: %g, and trying everything gives %g\n%s", round, m.score, t.best,
                         buf_cstr(&text));
            held += holds;
            tried++;
            hits_free(&h);
        }
        buf_free(&text);
        stop(&w);
    }
    assert_true(held > tried / 20 && held < tried * 19 / 20);
}

/* ------------------------------------------------------- order does not matter */

static const char all_kinds[] =
    "{title: t, id: strict, sequence: {by: host, timespan: 40s, steps: [{rules: [a]}, {rules: [b], within: "
    "9s}, {rules: [c]}]}}\n"
    "---\n{title: t, id: soft, sequence: {by: user, timespan: 30s, needs: 4, steps: [{rules: [a]}, {rules: "
    "[b]}, {rules: [c], times: 2}, {rules: [d]}, {rules: [a]}]}}\n"
    "---\n{title: t, id: set, sequence: {by: host, timespan: 60s, steps: [{any_order: [{rules: [a]}, {rules: "
    "[c]}, {rules: [d]}], within: 6s}, {rules: [b], within: 3s}]}}\n"
    "---\n{title: t, id: between, sequence: {by: host, timespan: 25s, steps: [{rules: [a]}, {not: [b]}, "
    "{rules: [c]}]}}\n"
    "---\n{title: t, id: lacking, sequence: {by: user, timespan: 25s, steps: [{rules: [d]}, {not: [a], for: "
    "7s}]}}\n"
    "---\n{title: t, id: hop, sequence: {by: host, timespan: 30s, steps: [{rules: [a]}, {rules: [d], hop: "
    "destination}, {rules: [b], within: 8s}]}}\n"
    "---\n{title: t, id: hops, sequence: {by: host, timespan: 30s, needs: 3, steps: [{rules: [a]}, {rules: "
    "[b], hop: destination}, {rules: [c], hop: destination}, {rules: [d]}]}}\n"
    "---\n{title: t, id: hopless, sequence: {by: host, timespan: 30s, steps: [{rules: [c], hop: "
    "destination}, {not: [a], for: 5s}, {rules: [b]}]}}\n"
    "---\n{title: t, id: upper, sequence: {by: user, timespan: 60s, steps: [{rules: [strict]}, {rules: "
    "[lacking]}]}}\n"
    "---\n{title: t, id: sum, correlation: {type: event_count, rules: [strict, set, lacking], group-by: "
    "[user.name], timespan: 90s, condition: {gte: 2}}}\n";
static const char kinds[] = "strict\0soft\0set\0between\0lacking\0hop\0hops\0hopless\0upper\0sum\0";

enum { HAPPENINGS = 300, LATENESS_S = 20 };

static void make_happenings(struct happening *h, uint64_t *seed)
{
    static const char *const rules[] = {"a", "b", "c", "d"}, *const users[] = {"u", "v"},
                             *const addresses[] = {"10.0.0.1", "10.0.0.2", "10.0.0.3"},
                             *const names[] = {NULL, "pc-1", NULL, "pc-2", "pc-2", NULL};
    double at_s = 0;
    for (int i = 0; i < HAPPENINGS; i++) {
        uint32_t host = random_below(seed, 3), other = (host + 1 + random_below(seed, 2)) % 3;
        at_s += random_below(seed, 4);
        h[i] = (struct happening){.at_s = at_s,
                                  .rule = rules[random_below(seed, 4)],
                                  .also = random_below(seed, 8) ? NULL : rules[random_below(seed, 4)],
                                  .user = users[random_below(seed, 2)],
                                  .ip = addresses[host],
                                  .host = names[host * 2 + random_below(seed, 2)],
                                  .to = random_below(seed, 3) ? addresses[other] : NULL,
                                  .sequence = (uint64_t)i + 1};
    }
}

static void shuffle(struct happening *h, uint64_t *seed)
{
    double due[HAPPENINGS];
    for (int i = 0; i < HAPPENINGS; i++)
        due[i] = h[i].at_s + random_below(seed, LATENESS_S * 1000) / 1000.0;
    for (int i = 1; i < HAPPENINGS; i++)
        for (int k = i; k > 0 && due[k] < due[k - 1]; k--) {
            struct happening other = h[k];
            double d = due[k];
            h[k] = h[k - 1];
            due[k] = due[k - 1];
            h[k - 1] = other;
            due[k - 1] = d;
        }
}

static void end_of_time(struct world *w)
{
    struct batch *b = batch_new(1);
    batch_add(b, STR("x"), STR_EMPTY);
    correlator_advance(w->correlator, b, BASE_NS + INT64_C(100000) * NS_PER_SECOND);
    note_findings(w, b);
    batch_free(b);
}

static char *run_all(const struct happening *h)
{
    struct world w;
    start(&w, all_kinds, LATENESS_S);
    correlator_on_settled(w.correlator, on_settled, &w);
    for (int i = 0; i < HAPPENINGS; i++)
        happen_after(&w, &h[i], 0);
    end_of_time(&w);
    assert_int_equal(correlator_counters(w.correlator).late_hits, 0);
    char *lines = sorted_lines(&w.settled);
    stop(&w);
    return lines;
}

static void the_order_of_arrival_does_not_matter(void **state)
{
    (void)state;
    uint64_t seed = 20061207;
    for (int round = 0; round < 12; round++) {
        struct happening h[HAPPENINGS], other[HAPPENINGS];
        make_happenings(h, &seed);
        char *in_order = run_all(h);
        for (const char *id = kinds; *id && round == 0; id += strlen(id) + 1)
            if (strstr(in_order, id) == NULL)
                fail_msg("%s never fires: the test would prove nothing", id);
        for (int again = 0; again < 3; again++) {
            memcpy(other, h, sizeof h);
            shuffle(other, &seed);
            char *shuffled = run_all(other);
            if (strcmp(in_order, shuffled) != 0)
                fail_msg("round %d: in order\n%s\nshuffled\n%s", round, in_order, shuffled);
            memory_free(shuffled);
        }
        memory_free(in_order);
    }
}

static void a_restart_anywhere_changes_nothing(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int round = 0; round < 20; round++) {
        struct happening h[HAPPENINGS];
        struct world whole, parts;
        struct buf saved = {0};
        struct error err;
        make_happenings(h, &seed);
        shuffle(h, &seed);
        for (int i = 0; i < HAPPENINGS; i++)
            h[i].sequence = (uint64_t)i + 1;
        start(&whole, all_kinds, LATENESS_S);
        start(&parts, all_kinds, LATENESS_S);
        int cut = (int)random_below(&seed, HAPPENINGS);
        for (int i = 0; i < HAPPENINGS; i++) {
            happen_after(&whole, &h[i], 0);
            if (i < cut)
                happen_after(&parts, &h[i], 0);
        }
        correlator_save(parts.correlator, &saved);
        correlator_free(parts.correlator);
        parts.correlator = correlator_new(load_set(&parts, all_kinds), LATENESS_S * NS_PER_SECOND);
        assert_true(correlator_load(parts.correlator, buf_str(&saved), &err));
        for (int i = cut - 20 < 0 ? 0 : cut - 20; i < HAPPENINGS; i++)
            happen_after(&parts, &h[i], (uint64_t)cut); /* the journal brings some of them again */
        end_of_time(&whole);
        end_of_time(&parts);
        assert_string_equal(buf_cstr(&whole.json), buf_cstr(&parts.json)); /* steps and hosts too */
        buf_free(&saved);
        stop(&whole);
        stop(&parts);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_search_finds_what_trying_everything_finds),
        cmocka_unit_test(the_order_of_arrival_does_not_matter),
        cmocka_unit_test(a_restart_anywhere_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
