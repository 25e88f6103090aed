/* What a run of canaries gave: records of failed controls, rows of the state. See canary.h. Before: canary.c.
 */
#include <pthread.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "proof/canary_internal.h"

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

void canary_report_input(struct canary *c, uint32_t input)
{
    const struct expected *first = &c->expected[(size_t)input * c->samples.count];
    struct str name = str_c(c->options.inputs[input].name);
    uint32_t failed = 0, sent = 0;
    for (uint32_t i = 0; i < c->samples.count; i++) {
        sent += first[i].outcome != PROOF_UNSENDABLE;
        failed += is_failure(first[i].outcome);
    }
    c->status.failed += failed;
    for (uint32_t i = 0; i < c->samples.count && failed; i++) {
        const struct canary_sample *s = &c->samples.items[first[i].sample];
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
    const struct canary_sample *s = &c->samples.items[x->sample];
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

bool canary_keep(struct canary *c, struct error *err)
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
                           find_row(rows, count, c->samples.items[x->sample].rule_id,
                                    str_c(c->options.inputs[x->input].name)),
                           err);
    }
    if (ok)
        return state_commit(c->options.state, err);
    state_rollback(c->options.state);
    return false;
}
