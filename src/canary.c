/* The thread that sends canaries and waits for them. See canary.h; how they are sent is in canary_send.c, how
 * the pipeline knows them in pipeline.c. */
#include "canary.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/yaml.h"
#include "canary_send.h"

/* The first run of a new installation, and one that is overdue at the start: not while everything begins. */
#define FIRST_AFTER_NS   (3600 * NS_PER_SECOND)
#define OVERDUE_AFTER_NS (600 * NS_PER_SECOND)

struct sample {
    struct str rule_id, title;
    enum proof_form form;
    struct str record;
    bool is_unwritable; /* the fields fire the rule, but no record brings them */
};

struct expected {
    uint32_t sample, input;
    enum proof_outcome outcome;
    int64_t sent_ns, came_ns;
    const char *why; /* UNSENDABLE, NO_INPUT */
};

struct canary {
    struct canary_options options;
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below but what the run's own thread alone uses */
    pthread_cond_t changed;
    bool is_asked, is_stopping;
    struct canary_status status;
    /* the run */
    struct arena arena;
    struct sample *samples;
    uint32_t sample_count;
    struct expected *expected; /* input by input, in the order of the samples */
    uint32_t expected_count, open_count;
    uint64_t first_number;
    struct error input_errors[CANARY_INPUTS_MAX];
};

/* ---------------------------------------------------------------- samples */

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
static struct str record_of(struct canary *c, const struct detect_sample *s)
{
    struct buf text = {0};
    if (s->raw.n)
        return arena_str(&c->arena, s->raw);
    write_fields(&text, s->event);
    struct str record = arena_str(&c->arena, buf_str(&text));
    buf_free(&text);
    return record;
}

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

/* Fields that no parser leaves as they are (names of ours, say) cannot come in as JSON: that is no fault of
 * the rule. A rule that does not fire on its fields either is sent, and fails. */
static bool is_unwritable(struct knowledge *k, struct detect_scratch *scratch, size_t rule,
                          const struct detect_sample *s, struct str record)
{
    struct sample_runner runner = {k->normaliser, normaliser_scratch_new(k->normaliser)};
    struct batch *batch = batch_new(1);
    struct event e = {0};
    bool fires = knowledge_normalise_sample(&runner, record, &batch->arena, &e) &&
                 detect_event(k->rules, scratch, &e, 0, batch) > 0;
    struct str id = ruleset_rule(k->rules, rule)->id;
    const struct finding *f = fires ? batch->findings : NULL;
    while (f != NULL && !str_eq(f->rule_id, id))
        f = f->next;
    bool is_found = f != NULL;
    batch_free(batch);
    normaliser_scratch_free(runner.scratch);
    return !is_found && detect_fields_fire(k->rules, scratch, rule, s);
}

static void collect_samples(struct canary *c, struct knowledge *k)
{
    struct ruleset *rules = k->rules;
    struct detect_scratch *scratch = detect_scratch_new(rules);
    size_t count = ruleset_count(rules);
    c->samples = ARENA_ARRAY(&c->arena, struct sample, count + 1);
    c->sample_count = 0;
    for (size_t i = 0; i < count && c->sample_count < CANARY_RULES_MAX; i++) {
        struct detect_sample s;
        const struct rule_info *rule = ruleset_rule(rules, i);
        if (!choose_sample(rules, i, &s))
            continue;
        c->samples[c->sample_count++] = (struct sample){.rule_id = arena_str(&c->arena, rule->id),
                                                        .title = arena_str(&c->arena, rule->title_en),
                                                        .form = s.raw.n ? PROOF_RECORD : PROOF_EVENT,
                                                        .record = record_of(c, &s)};
        struct sample *made = &c->samples[c->sample_count - 1];
        made->is_unwritable = made->form == PROOF_EVENT && is_unwritable(k, scratch, i, &s, made->record);
    }
    detect_scratch_free(scratch);
}

/* ------------------------------------------------------------------ coming */

static bool has_finding(const struct batch *b, uint64_t sequence, struct str rule_id)
{
    for (const struct finding *f = b->withheld; f != NULL; f = f->next)
        if (f->sequence == sequence && str_eq(f->rule_id, rule_id))
            return true;
    return false;
}

/* The desk's thread. A canary of an earlier run, or that comes again after a restart, is nobody's. */
static void came(void *context, const struct event *e, const struct batch *b)
{
    struct canary *c = context;
    uint64_t number;
    if (!str_to_u64(event_text(e, FIELD_HYAKUYO_CANARY), 16, &number))
        return;
    pthread_mutex_lock(&c->lock);
    uint64_t index = number - c->first_number;
    struct expected *x = index < c->expected_count ? &c->expected[index] : NULL;
    if (x != NULL && x->outcome == PROOF_SENT) {
        bool is_proven = has_finding(b, e->sequence, c->samples[x->sample].rule_id);
        x->outcome = is_proven ? PROOF_PROVEN : PROOF_NO_FINDING;
        x->came_ns = e->received_ns;
        c->status.proven += is_proven;
        c->open_count--;
        pthread_cond_broadcast(&c->changed);
    }
    pthread_mutex_unlock(&c->lock);
}

/* ----------------------------------------------------------------- sending */

static bool begin_run(struct canary *c)
{
    uint32_t inputs = c->options.input_count;
    uint64_t number;
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        return false;
    pthread_mutex_lock(&c->lock);
    c->first_number = number & (UINT64_MAX >> 2);
    c->expected = ARENA_ARRAY(&c->arena, struct expected, (size_t)c->sample_count * inputs + 1);
    c->expected_count = c->open_count = 0;
    c->status = (struct canary_status){.is_running = true, .last_run_ns = clock_wall_ns()};
    for (uint32_t i = 0; i < inputs; i++)
        for (uint32_t s = 0; s < c->sample_count; s++)
            c->expected[c->expected_count++] = (struct expected){.sample = s, .input = i};
    pthread_mutex_unlock(&c->lock);
    return true;
}

static void close_expected(struct canary *c, struct expected *x, enum proof_outcome outcome, const char *why)
{
    x->outcome = outcome;
    x->why = why;
    c->open_count--;
}

/* All canaries of one input. */
static void send_over(struct canary *c, uint32_t input)
{
    const struct canary_input *in = &c->options.inputs[input];
    struct expected *first = &c->expected[(size_t)input * c->sample_count];
    struct str *records = NEW_ARRAY(struct str, c->sample_count + 1);
    uint32_t count = 0;
    int64_t now_ns = clock_wall_ns();
    pthread_mutex_lock(&c->lock);
    for (uint32_t i = 0; i < c->sample_count; i++) {
        struct buf text = {0};
        const char *why = NULL;
        struct canary_mark mark = {now_ns, c->first_number + (uint64_t)(first + i - c->expected),
                                   (uint8_t)in->transport};
        canary_mark_write(c->options.key, &mark, c->samples[i].record, &text);
        first[i].sent_ns = now_ns;
        c->open_count++;
        if (c->samples[i].is_unwritable)
            close_expected(
                c, &first[i], PROOF_UNSENDABLE,
                tr("the sample's fields cannot be written as a record; give the rule one that is a record",
                   "見本の項目は記録として送れません。記録の見本を規則に加えてください"));
        else if (canary_can_send(in, buf_str(&text), &why))
            records[count++] = arena_str(&c->arena, buf_str(&text));
        else
            close_expected(c, &first[i], PROOF_UNSENDABLE, why);
        buf_free(&text);
    }
    c->status.sent += count;
    pthread_mutex_unlock(&c->lock);
    bool ok = count == 0 || canary_send(&c->options, in, records, count, &c->input_errors[input]);
    pthread_mutex_lock(&c->lock);
    for (uint32_t i = 0; i < c->sample_count && !ok; i++)
        if (first[i].outcome == PROOF_SENT)
            close_expected(c, &first[i], PROOF_NO_INPUT, c->input_errors[input].text);
    pthread_mutex_unlock(&c->lock);
    memory_free(records);
}

static struct timespec in_time(int64_t wait_ns)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    int64_t ns = at.tv_sec * NS_PER_SECOND + at.tv_nsec + wait_ns;
    return (struct timespec){ns / NS_PER_SECOND, ns % NS_PER_SECOND};
}

static void wait_for_all(struct canary *c)
{
    struct timespec until = in_time(c->options.wait_ns);
    pthread_mutex_lock(&c->lock);
    while (c->open_count && !c->is_stopping &&
           pthread_cond_timedwait(&c->changed, &c->lock, &until) != ETIMEDOUT)
        ;
    for (uint32_t i = 0; i < c->expected_count && !c->is_stopping; i++)
        if (c->expected[i].outcome == PROOF_SENT)
            close_expected(c, &c->expected[i], PROOF_SILENT, NULL);
    pthread_mutex_unlock(&c->lock);
}

/* --------------------------------------------------------------- reporting */

static bool is_failure(enum proof_outcome o)
{
    return o == PROOF_SILENT || o == PROOF_NO_FINDING || o == PROOF_NO_INPUT;
}

static const char *reason_of(enum proof_outcome o)
{
    static const char *const reasons[] = {
        [PROOF_SILENT] = "canary-did-not-come-back",
        [PROOF_NO_FINDING] = "canary-came-back-without-its-finding",
        [PROOF_NO_INPUT] = "input-cannot-be-reached",
    };
    return reasons[o];
}

/* A record like any other: it is journalled, parsed, stored, and a rule fires on it. */
static void report_failure(struct canary *c, struct str input, enum proof_outcome outcome, struct str rule_id,
                           struct str rule, uint32_t count)
{
    char host[256] = "";
    struct buf text = {0};
    struct json_writer w = {.out = &text};
    (void)gethostname(host, sizeof host - 1);
    const struct {
        const char *name;
        struct str value;
    } members[] = {
        {"event.kind", STR("alert")},
        {"event.category", STR("configuration")},
        {"event.dataset", STR("hyakuyo.control")},
        {"event.action", STR("control-test-failed")},
        {"event.outcome", STR("failure")},
        {"event.reason", str_c(reason_of(outcome))},
        {"observer.product", STR("hyakuyo")},
        {"host.name", str_c(host)},
        {"hyakuyo.control.name", input},
        {"hyakuyo.control.state", STR("unproven")},
        {"rule.id", rule_id},
        {"rule.name", rule},
    };
    json_begin_object(&w);
    json_key(&w, "@timestamp");
    json_put_time(&w, clock_wall_ns());
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        if (members[i].value.n == 0)
            continue;
        json_key(&w, members[i].name);
        json_put_str(&w, members[i].value);
    }
    json_key(&w, "message");
    struct buf message = {0};
    buf_printf(&message, "control test failed over %.*s: %s (%u rules)", STR_ARGS(input), reason_of(outcome),
               count);
    json_put_str(&w, buf_str(&message));
    json_end_object(&w);
    if (!c->options.report(c->options.context, buf_str(&text)))
        log_error(tr("a failed control test could not be recorded: %.*s",
                     "失敗した統制テストを記録できません: %.*s"),
                  STR_ARGS(buf_str(&message)));
    buf_free(&message);
    buf_free(&text);
}

/* An input over which nothing comes back is one failure, not one for each rule. */
static void report_input(struct canary *c, uint32_t input)
{
    const struct expected *first = &c->expected[(size_t)input * c->sample_count];
    struct str name = str_c(c->options.inputs[input].name);
    uint32_t failed = 0, sent = 0;
    for (uint32_t i = 0; i < c->sample_count; i++) {
        sent += first[i].outcome != PROOF_UNSENDABLE;
        failed += is_failure(first[i].outcome);
    }
    c->status.failed += failed;
    for (uint32_t i = 0; i < c->sample_count && failed; i++) {
        const struct sample *s = &c->samples[first[i].sample];
        if (!is_failure(first[i].outcome))
            continue;
        if (failed == sent && sent > 1) {
            report_failure(c, name, first[i].outcome, STR_EMPTY, STR_EMPTY, failed);
            return;
        }
        report_failure(c, name, first[i].outcome, s->rule_id, s->title, 1);
    }
}

/* Rows are sorted by rule and input. */
static const struct proof_row *find_row(const struct proof_row *rows, uint32_t count, struct str rule,
                                        struct str input)
{
    for (uint32_t low = 0, high = count; low < high;) {
        uint32_t middle = low + (high - low) / 2;
        int order = str_compare(rule, rows[middle].rule_id);
        if (order == 0)
            order = str_compare(input, rows[middle].input);
        if (order == 0)
            return &rows[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static bool keep_expected(struct canary *c, const struct expected *x, const struct proof_row *before,
                          struct error *err)
{
    const struct sample *s = &c->samples[x->sample];
    struct proof_row row = {.rule_id = s->rule_id,
                            .input = str_c(c->options.inputs[x->input].name),
                            .form = s->form,
                            .sent_ns = x->sent_ns,
                            .proven_ns = before ? before->proven_ns : TIME_UNKNOWN,
                            .outcome = x->outcome,
                            .detail = x->why ? str_c(x->why) : STR_EMPTY};
    if (x->outcome == PROOF_PROVEN)
        row.proven_ns = x->came_ns;
    return state_proof_put(c->options.state, &row, err);
}

static bool has_input(const struct canary *c, struct str name)
{
    for (unsigned i = 0; i < c->options.input_count; i++)
        if (str_eq(str_c(c->options.inputs[i].name), name))
            return true;
    return false;
}

/* Inputs that were proven once and are not configured any more are a failed control too; told once. */
static bool keep_gone(struct canary *c, const struct proof_row *rows, uint32_t count, struct error *err)
{
    struct map told = {0};
    bool ok = true;
    for (uint32_t i = 0; i < count && ok; i++) {
        struct proof_row row = rows[i];
        if (has_input(c, row.input) || row.outcome == PROOF_NO_INPUT)
            continue;
        bool is_new;
        (void)map_put(&told, row.input, &is_new);
        if (is_new)
            report_failure(c, row.input, PROOF_NO_INPUT, STR_EMPTY, STR_EMPTY, 0);
        row.outcome = PROOF_NO_INPUT;
        row.detail = str_c(tr("this input is not configured any more", "この入力は設定から外れています"));
        ok = state_proof_put(c->options.state, &row, err);
        c->status.failed++;
    }
    map_free(&told);
    return ok;
}

static bool keep_all(struct canary *c, struct error *err)
{
    struct proof_row *rows;
    uint32_t count;
    if (!state_proof_list(c->options.state, &c->arena, &rows, &count, err) ||
        !state_begin(c->options.state, err))
        return false;
    bool ok = keep_gone(c, rows, count, err);
    for (uint32_t i = 0; i < c->expected_count && ok; i++) {
        const struct expected *x = &c->expected[i];
        ok = keep_expected(c, x,
                           find_row(rows, count, c->samples[x->sample].rule_id,
                                    str_c(c->options.inputs[x->input].name)),
                           err);
    }
    if (ok)
        return state_commit(c->options.state, err);
    state_rollback(c->options.state);
    return false;
}

/* --------------------------------------------------------------------- run */

static void run(struct canary *c)
{
    struct error err;
    struct knowledge *k = c->options.knowledge(c->options.context);
    collect_samples(c, k);
    knowledge_unref(k);
    if (!begin_run(c))
        return;
    for (uint32_t i = 0; i < c->options.input_count; i++)
        send_over(c, i);
    wait_for_all(c);
    pthread_mutex_lock(&c->lock);
    bool is_stopping = c->is_stopping;
    pthread_mutex_unlock(&c->lock);
    if (is_stopping)
        return;
    for (uint32_t i = 0; i < c->options.input_count; i++)
        report_input(c, i);
    if (!keep_all(c, &err))
        log_error(tr("what canaries proved could not be kept: %s", "カナリアの結果を保存できません: %s"),
                  err.text);
    log_info(tr("canaries: %u sent, %u proven, %u failed", "カナリア: 送信 %u、実証 %u、失敗 %u"),
             c->status.sent, c->status.proven, c->status.failed);
}

static void end_run(struct canary *c)
{
    pthread_mutex_lock(&c->lock);
    c->status.is_running = false;
    c->expected_count = c->open_count = 0;
    c->status.next_run_ns = c->options.every_ns ? c->status.last_run_ns + c->options.every_ns : TIME_UNKNOWN;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    arena_reset(&c->arena);
}

/* True when a run is due or asked for; false when the program ends. */
static bool wait_for_run(struct canary *c)
{
    pthread_mutex_lock(&c->lock);
    while (!c->is_asked && !c->is_stopping) {
        int64_t next_ns = c->status.next_run_ns, left_ns = 3600 * NS_PER_SECOND;
        if (next_ns != TIME_UNKNOWN && next_ns - clock_wall_ns() < left_ns)
            left_ns = next_ns - clock_wall_ns();
        if (left_ns <= 0)
            break;
        struct timespec until = in_time(left_ns);
        pthread_cond_timedwait(&c->changed, &c->lock, &until);
    }
    c->is_asked = false;
    bool goes_on = !c->is_stopping;
    c->status.is_running = goes_on;
    pthread_mutex_unlock(&c->lock);
    return goes_on;
}

static void *work(void *context)
{
    struct canary *c = context;
    while (wait_for_run(c)) {
        run(c);
        end_run(c);
    }
    return NULL;
}

/* --------------------------------------------------------------- the whole */

static bool plan_first(struct canary *c, struct error *err)
{
    struct proof_row *rows;
    uint32_t count;
    int64_t last_ns = TIME_UNKNOWN, now_ns = clock_wall_ns();
    if (!state_proof_list(c->options.state, &c->arena, &rows, &count, err))
        return false;
    for (uint32_t i = 0; i < count; i++)
        last_ns = rows[i].sent_ns > last_ns ? rows[i].sent_ns : last_ns;
    c->status.last_run_ns = last_ns;
    c->status.next_run_ns = TIME_UNKNOWN;
    if (c->options.every_ns == 0)
        return true;
    c->status.next_run_ns = last_ns == TIME_UNKNOWN ? now_ns + FIRST_AFTER_NS : last_ns + c->options.every_ns;
    if (c->status.next_run_ns < now_ns + OVERDUE_AFTER_NS)
        c->status.next_run_ns = now_ns + OVERDUE_AFTER_NS;
    return true;
}

struct canary *canary_start(const struct canary_options *options, struct error *err)
{
    struct canary *c = NEW(struct canary);
    pthread_condattr_t monotonic;
    c->options = *options;
    arena_init(&c->arena, 64 << 10);
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&c->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    bool ok = plan_first(c, err);
    arena_reset(&c->arena);
    if (!ok) {
        arena_free(&c->arena);
        memory_free(c);
        return NULL;
    }
    watch_set_canary(options->watch, came, c);
    if (pthread_create(&c->thread, NULL, work, c) != 0)
        BUG("cannot start the thread of canaries");
    pthread_setname_np(c->thread, "canary");
    return c;
}

void canary_stop(struct canary *c)
{
    if (c == NULL)
        return;
    pthread_mutex_lock(&c->lock);
    c->is_stopping = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
}

void canary_free(struct canary *c)
{
    if (c == NULL)
        return;
    watch_set_canary(c->options.watch, NULL, NULL);
    arena_free(&c->arena);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->changed);
    memory_free(c);
}

bool canary_run_now(struct canary *c)
{
    pthread_mutex_lock(&c->lock);
    bool was_free = !c->status.is_running && !c->is_asked;
    c->is_asked |= was_free;
    c->status.is_running = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    return was_free;
}

void canary_status(struct canary *c, struct canary_status *out)
{
    pthread_mutex_lock(&c->lock);
    *out = c->status;
    pthread_mutex_unlock(&c->lock);
}
