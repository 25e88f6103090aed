/* The thread that sends canaries and waits for them. See canary.h; what is sent is in canary_sample.c, how in
 * canary_send.c, how the pipeline knows them in pipeline.c, what becomes of correlations in canary_trial.c.
 * Next: canary_report.c. */
#include <errno.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/memory.h"
#include "proof/canary_internal.h"
#include "proof/canary_send.h"

/* The first run of a new installation, and one that is overdue at the start: not while everything begins. */
#define FIRST_AFTER_NS   (3600 * NS_PER_SECOND)
#define OVERDUE_AFTER_NS (600 * NS_PER_SECOND)

/* ------------------------------------------------------------------ coming */

static bool has_finding(const struct batch *b, uint64_t sequence, struct str rule_id)
{
    for (const struct finding *f = b->withheld; f != NULL; f = f->next)
        if (f->sequence == sequence && str_eq(f->rule_id, rule_id))
            return true;
    return false;
}

static void settle(struct canary *c, struct expected *x, bool is_proven, int64_t came_ns)
{
    x->outcome = is_proven ? PROOF_PROVEN : PROOF_NO_FINDING;
    x->came_ns = came_ns;
    c->status.proven += is_proven;
    c->open_count--;
    pthread_cond_broadcast(&c->changed);
}

/* A record of a correlation's sample: the last one decides. */
static void came_for_trial(struct canary *c, struct expected *x, uint32_t record, const struct event *e,
                           const struct batch *b)
{
    const struct canary_sample *s = &c->samples.items[x->sample];
    if (x->trial == NULL)
        x->trial = canary_trial_new(c->knowledge, s->rule_id);
    canary_trial_take(x->trial, e, b->withheld, s->records[record].at_ns);
    if (++x->came_count < s->record_count)
        return;
    settle(c, x, canary_trial_end(x->trial), e->received_ns);
    canary_trial_free(x->trial);
    x->trial = NULL;
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
    struct due *due = index < c->due_count ? &c->dues[index] : NULL;
    struct expected *x = due != NULL && !due->has_come ? &c->expected[due->expected] : NULL;
    if (x != NULL && x->outcome == PROOF_SENT) {
        due->has_come = true;
        if (c->samples.items[x->sample].is_correlation)
            came_for_trial(c, x, due->record, e, b);
        else
            settle(c, x, has_finding(b, e->sequence, c->samples.items[x->sample].rule_id), e->received_ns);
    }
    pthread_mutex_unlock(&c->lock);
}

/* ----------------------------------------------------------------- sending */

static void expect(struct canary *c, uint32_t sample, uint32_t input)
{
    const struct canary_sample *s = &c->samples.items[sample];
    for (uint32_t i = 0; i < s->record_count; i++)
        c->dues[c->due_count++] = (struct due){.expected = c->expected_count, .record = i};
    c->expected[c->expected_count++] = (struct expected){.sample = sample, .input = input};
}

static bool begin_run(struct canary *c)
{
    uint32_t inputs = c->options.input_count;
    uint64_t number;
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        return false;
    pthread_mutex_lock(&c->lock);
    c->first_number = number & (UINT64_MAX >> 2);
    c->expected = ARENA_ARRAY(&c->arena, struct expected, (size_t)c->samples.count * inputs + 1);
    c->dues = ARENA_ARRAY(&c->arena, struct due, (size_t)c->samples.record_count * inputs + 1);
    c->expected_count = c->due_count = c->open_count = 0;
    c->status = (struct canary_status){.is_running = true, .last_run_ns = clock_wall_ns()};
    for (uint32_t i = 0; i < inputs; i++)
        for (uint32_t s = 0; s < c->samples.count; s++)
            expect(c, s, i);
    pthread_mutex_unlock(&c->lock);
    return true;
}

static void close_expected(struct canary *c, struct expected *x, enum proof_outcome outcome, const char *why)
{
    x->outcome = outcome;
    x->why = why;
    c->open_count--;
}

/* The marked records of one sample, behind those that wait already; how many, 0 with the reason when one of
 * them cannot go: then none does. */
static uint32_t mark_records(struct canary *c, const struct canary_sample *s, uint32_t input, int64_t now_ns,
                             struct str *records, const char **why)
{
    const struct canary_input *in = &c->options.inputs[input];
    uint64_t first = c->first_number + (uint64_t)input * c->samples.record_count + s->first_record;
    struct buf text = {0};
    bool ok = (*why = s->unsendable) == NULL;
    for (uint32_t i = 0; i < s->record_count && ok; i++) {
        struct canary_mark mark = {now_ns, first + i, (uint8_t)in->transport};
        buf_clear(&text);
        canary_mark_write(c->options.key, &mark, s->records[i].text, &text);
        ok = canary_can_send(in, buf_str(&text), why);
        records[i] = ok ? arena_str(&c->arena, buf_str(&text)) : STR_EMPTY;
    }
    buf_free(&text);
    return ok ? s->record_count : 0;
}

/* All canaries of one input. */
static void send_over(struct canary *c, uint32_t input)
{
    const struct canary_input *in = &c->options.inputs[input];
    struct expected *first = &c->expected[(size_t)input * c->samples.count];
    struct str *records = NEW_ARRAY(struct str, c->samples.record_count + 1);
    uint32_t count = 0;
    int64_t now_ns = clock_wall_ns();
    pthread_mutex_lock(&c->lock);
    for (uint32_t i = 0; i < c->samples.count; i++) {
        const char *why;
        uint32_t added = mark_records(c, &c->samples.items[i], input, now_ns, records + count, &why);
        first[i].sent_ns = now_ns;
        c->open_count++;
        c->status.sent += added > 0;
        count += added;
        if (added == 0)
            close_expected(c, &first[i], PROOF_UNSENDABLE, why);
    }
    pthread_mutex_unlock(&c->lock);
    bool ok = count == 0 || canary_send(&c->options, in, records, count, &c->input_errors[input]);
    pthread_mutex_lock(&c->lock);
    for (uint32_t i = 0; i < c->samples.count && !ok; i++)
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

/* --------------------------------------------------------------------- run */

static void run(struct canary *c)
{
    struct error err;
    c->knowledge = c->options.knowledge(c->options.context);
    canary_samples_collect(c->knowledge, &c->arena, &c->samples);
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
        canary_report_input(c, i);
    if (!canary_keep(c, &err))
        log_error(tr("what canaries proved could not be kept: %s", "カナリアの結果を保存できません: %s"),
                  err.text);
    log_info(tr("canaries: %u sent, %u proven, %u failed", "カナリア: 送信 %u、実証 %u、失敗 %u"),
             c->status.sent, c->status.proven, c->status.failed);
}

static void end_run(struct canary *c)
{
    pthread_mutex_lock(&c->lock);
    c->status.is_running = false;
    for (uint32_t i = 0; i < c->expected_count; i++)
        canary_trial_free(c->expected[i].trial);
    c->expected_count = c->due_count = c->open_count = 0;
    knowledge_unref(c->knowledge);
    c->knowledge = NULL;
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
