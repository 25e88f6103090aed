/* See canary_sample.h. Reads the knowledge as it is now. Next: canary.c. */
#include "proof/canary_sample.h"

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/yaml.h"
#include "proof/canary_trial.h"

static void write_fields(struct buf *out, const struct yaml *node)
{
    struct json_writer w = {.out = out};
    if (node->type == YAML_SCALAR) {
        json_put_str(&w, node->text);
        return;
    }
    bool is_map = node->type == YAML_MAP;
    buf_char(out, is_map ? '{' : '[');
    for (const struct yaml *m = node->child; m; m = m->next) {
        if (m != node->child)
            buf_char(out, ',');
        if (is_map) {
            json_string(out, m->key);
            buf_char(out, ':');
        }
        write_fields(out, m);
    }
    buf_char(out, is_map ? '}' : ']');
}

/* A sample that names fields goes as JSON with those names, which parsers leave as they are. */
static struct str record_of(struct arena *arena, struct str raw, const struct yaml *event)
{
    struct buf text = {0};
    if (raw.n)
        return arena_str(arena, raw);
    write_fields(&text, event);
    struct str record = arena_str(arena, buf_str(&text));
    buf_free(&text);
    return record;
}

static const char *unwritable(void)
{
    return tr("the sample's fields cannot be written as a record; give the rule one that is a record",
              "見本の項目は記録として送れません。記録の見本を規則に加えてください");
}

/* --------------------------------------------------------------- single rules */

/* The first record that must fire; if there is none, the first event. */
static bool choose_sample(const struct ruleset *rules, size_t rule, struct detect_sample *chosen)
{
    struct detect_sample s;
    bool found = false;
    for (size_t i = 0; ruleset_sample(rules, rule, i, &s); i++) {
        if (!s.fires || (found && s.raw.n == 0))
            continue;
        *chosen = s;
        if (s.raw.n)
            return true;
        found = true;
    }
    return found;
}

/* What the pipeline will make of a record; false: no parser understands it. */
struct rehearsal {
    struct knowledge *k;
    struct sample_runner runner;
    struct detect_scratch *scratch;
};

static bool rehearse(struct rehearsal *r, struct str record, struct batch *batch)
{
    return knowledge_normalise_sample(&r->runner, record, &batch->arena, &batch->events[0]) &&
           detect_event(r->k->rules, r->scratch, &batch->events[0], 0, batch) > 0;
}

/* Fields that no parser leaves as they are (names of ours, say) cannot come in as JSON: that is no fault of
 * the rule. A rule that does not fire on its fields either is sent, and fails. */
static bool is_unwritable(struct rehearsal *r, size_t rule, const struct detect_sample *s, struct str record)
{
    struct batch *batch = batch_new(1);
    const struct finding *f = rehearse(r, record, batch) ? batch->findings : NULL;
    struct str id = ruleset_rule(r->k->rules, rule)->id;
    while (f != NULL && !str_eq(f->rule_id, id))
        f = f->next;
    bool is_found = f != NULL;
    batch_free(batch);
    return !is_found && detect_fields_fire(r->k->rules, r->scratch, rule, s);
}

static void add_rule(struct rehearsal *r, struct arena *arena, size_t rule, struct canary_samples *out)
{
    struct detect_sample s;
    const struct rule_info *info = ruleset_rule(r->k->rules, rule);
    if (!choose_sample(r->k->rules, rule, &s))
        return;
    struct canary_sample *made = &out->items[out->count++];
    *made = (struct canary_sample){.rule_id = arena_str(arena, info->id),
                                   .title = arena_str(arena, info->title_en),
                                   .form = s.raw.n ? PROOF_RECORD : PROOF_EVENT,
                                   .records = ARENA_NEW(arena, struct canary_record),
                                   .record_count = 1,
                                   .first_record = out->record_count++};
    made->records[0].text = record_of(arena, s.raw, s.event);
    if (made->form == PROOF_EVENT && is_unwritable(r, rule, &s, made->records[0].text))
        made->unsendable = unwritable();
}

/* ------------------------------------------------- correlations and sequences */

static const struct correlation_sample *choose_steps(const struct correlation_set *set, size_t index)
{
    uint32_t count;
    const struct correlation_sample *samples = correlation_samples(set, index, &count), *chosen = NULL;
    for (uint32_t i = 0; i < count; i++) {
        bool is_raw = true;
        for (uint32_t k = 0; k < samples[i].step_count; k++)
            is_raw &= samples[i].steps[k].raw.n > 0;
        if (samples[i].fires && (chosen == NULL || is_raw))
            chosen = &samples[i];
        if (chosen == &samples[i] && is_raw)
            break;
    }
    return chosen;
}

static uint32_t count_records(const struct correlation_sample *s)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < s->step_count; i++)
        count += s->steps[i].repeat;
    return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

static bool comes_before(const struct canary_record *a, const struct canary_record *b)
{
    return a->at_ns < b->at_ns;
}

/* Steps overlap when they repeat: the records are put in the order of their times. */
static void write_steps(struct arena *arena, const struct correlation_sample *s, struct canary_sample *made)
{
    made->records = ARENA_ARRAY(arena, struct canary_record, made->record_count);
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->step_count; i++) {
        const struct correlation_step *step = &s->steps[i];
        struct str text = record_of(arena, step->raw, step->event);
        made->form = step->raw.n ? made->form : PROOF_EVENT;
        for (uint32_t k = 0; k < step->repeat; k++) {
            struct canary_record record = {text, step->at_ns + k * step->every_ns};
            uint32_t at = n++;
            for (; at > 0 && comes_before(&record, &made->records[at - 1]); at--)
                made->records[at] = made->records[at - 1];
            made->records[at] = record;
        }
    }
}

/* Whether the records, as parsers of now read them, make the correlation fire. */
static bool fires_here(struct rehearsal *r, const struct canary_sample *s)
{
    struct canary_trial *trial = canary_trial_new(r->k, s->rule_id);
    for (uint32_t i = 0; i < s->record_count; i++) {
        struct batch *batch = batch_new(1);
        batch_add(batch, s->records[i].text, STR_EMPTY);
        rehearse(r, s->records[i].text, batch);
        canary_trial_take(trial, &batch->events[0], batch->findings, s->records[i].at_ns);
        batch_free(batch);
    }
    bool fires = canary_trial_end(trial);
    canary_trial_free(trial);
    return fires;
}

static void add_correlation(struct rehearsal *r, struct arena *arena, size_t index,
                            struct canary_samples *out)
{
    const struct rule_info *info = correlation_info(r->k->correlations, index);
    const struct correlation_sample *s = choose_steps(r->k->correlations, index);
    uint32_t records = s != NULL ? count_records(s) : 0;
    if (records == 0)
        return;
    struct canary_sample *made = &out->items[out->count++];
    *made = (struct canary_sample){.rule_id = arena_str(arena, info->id),
                                   .title = arena_str(arena, info->title_en),
                                   .form = PROOF_RECORD,
                                   .record_count = records,
                                   .first_record = out->record_count,
                                   .is_correlation = true};
    if (records > CANARY_RECORDS_MAX) {
        made->record_count = 0;
        made->unsendable = tr("the sample has more than 500 records", "見本の記録が 500 件を超えています");
        return;
    }
    write_steps(arena, s, made);
    if (made->form == PROOF_EVENT && !fires_here(r, made))
        made->unsendable = unwritable();
    out->record_count += records;
}

void canary_samples_collect(struct knowledge *k, struct arena *arena, struct canary_samples *out)
{
    struct rehearsal r = {k,
                          {k->normaliser, normaliser_scratch_new(k->normaliser)},
                          detect_scratch_new(k->rules)};
    size_t rules = ruleset_count(k->rules), correlations = correlation_count(k->correlations);
    *out =
        (struct canary_samples){.items = ARENA_ARRAY(arena, struct canary_sample, rules + correlations + 1)};
    for (size_t i = 0; i < rules && out->count < CANARY_RULES_MAX; i++)
        add_rule(&r, arena, i, out);
    for (size_t i = 0; i < correlations && out->count < CANARY_RULES_MAX; i++)
        add_correlation(&r, arena, i, out);
    normaliser_scratch_free(r.runner.scratch);
    detect_scratch_free(r.scratch);
}
