/* Whether rules can fire, and from what they are excepted: canaries, coverage and the register of exceptions
 * for the console. */
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "proof/coverage.h"
#include "server/server.h"
#include "store/state_exceptions.h"

static bool fail(const struct error *err, int status, struct console_failure *failure)
{
    failure->status = status;
    failure->en = failure->ja = *err;
    return false;
}

static void put_text(struct json_writer *w, const char *key, struct str value)
{
    json_key(w, key);
    json_put_str(w, value.p ? value : STR_EMPTY);
}

static void put_number(struct json_writer *w, const char *key, uint64_t value)
{
    json_key(w, key);
    json_put_u64(w, value);
}

static void put_time(struct json_writer *w, const char *key, int64_t time_ns)
{
    json_key(w, key);
    json_put_time(w, time_ns);
}

/* ---------------------------------------------------------------- canaries */

static struct str outcome_name(enum proof_outcome o)
{
    static const char *const names[] = {"sent", "proven", "silent", "no_finding", "no_input", "unsendable"};
    return str_c((size_t)o < COUNT_OF(names) ? names[o] : "unknown");
}

static void write_proof(struct json_writer *w, const struct proof_row *row, const struct rule_info *rule)
{
    json_begin_object(w);
    put_text(w, "rule_id", row->rule_id);
    put_text(w, "title", rule ? rule->title_en : row->rule_id);
    put_text(w, "title_ja", rule ? rule->title_ja : STR_EMPTY);
    put_text(w, "input", row->input);
    put_text(w, "form", row->form == PROOF_RECORD ? STR("record") : STR("event"));
    put_text(w, "outcome", outcome_name(row->outcome));
    put_text(w, "detail", row->detail);
    put_time(w, "sent", row->sent_ns);
    put_time(w, "proven", row->proven_ns);
    json_end_object(w);
}

static void write_run(struct json_writer *w, const struct canary_status *status)
{
    json_key(w, "running");
    json_put_bool(w, status->is_running);
    put_time(w, "last_run", status->last_run_ns);
    put_time(w, "next_run", status->next_run_ns);
    put_number(w, "sent", status->sent);
    put_number(w, "proven", status->proven);
    put_number(w, "failed", status->failed);
}

/* Rules without a sample that must fire cannot be proven by anybody. */
static void write_unprovable(struct json_writer *w, const struct knowledge *k)
{
    struct detect_sample sample;
    json_key(w, "without_samples");
    json_begin_array(w);
    for (size_t i = 0; i < ruleset_count(k->rules); i++) {
        bool has_sample = false;
        for (size_t n = 0; !has_sample && ruleset_sample(k->rules, i, n, &sample); n++)
            has_sample = sample.fires;
        if (!has_sample)
            json_put_str(w, ruleset_rule(k->rules, i)->id);
    }
    for (size_t i = 0; i < correlation_count(k->correlations); i++) {
        uint32_t count;
        const struct correlation_sample *samples = correlation_samples(k->correlations, i, &count);
        while (count > 0 && !samples[count - 1].fires)
            count--;
        if (count == 0)
            json_put_str(w, correlation_info(k->correlations, i)->id);
    }
    json_end_array(w);
}

static bool proof(void *ctx, struct arena *arena, struct buf *json, struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    struct proof_row *rows;
    uint32_t count;
    struct canary_status status = {.last_run_ns = TIME_UNKNOWN, .next_run_ns = TIME_UNKNOWN};
    struct json_writer w = {.out = json};
    if (!state_proof_list(s->state, arena, &rows, &count, &err))
        return fail(&err, 500, failure);
    if (s->canary != NULL)
        canary_status(s->canary, &status);
    struct knowledge *k = engine_knowledge(s->engine);
    json_begin_object(&w);
    write_run(&w, &status);
    json_key(&w, "rows");
    json_begin_array(&w);
    for (uint32_t i = 0; i < count; i++)
        write_proof(&w, &rows[i], knowledge_rule(k, rows[i].rule_id));
    json_end_array(&w);
    write_unprovable(&w, k);
    json_end_object(&w);
    knowledge_unref(k);
    return true;
}

static bool proof_run(void *ctx)
{
    struct server *s = ctx;
    return s->canary != NULL && canary_run_now(s->canary);
}

/* ---------------------------------------------------------------- coverage */

static struct str source_name(const struct server *s, uint32_t number)
{
    const struct source *source = registry_get(s->registry, number);
    return source ? source->name : STR("?");
}

struct rule_proof {
    int64_t proven_ns;
    bool has_failed;
};

static struct rule_proof proof_of(const struct proof_row *rows, uint32_t count, struct str rule_id)
{
    struct rule_proof p = {TIME_UNKNOWN, false};
    for (uint32_t i = 0; i < count; i++) {
        if (!str_eq(rows[i].rule_id, rule_id))
            continue;
        p.proven_ns = rows[i].proven_ns > p.proven_ns ? rows[i].proven_ns : p.proven_ns;
        p.has_failed |= rows[i].outcome != PROOF_PROVEN && rows[i].outcome != PROOF_UNSENDABLE;
    }
    return p;
}

static void write_coverage_rule(struct json_writer *w, struct server *s, const struct rule_coverage *r,
                                const struct rule_proof *p)
{
    struct rule_activity activity = {.last_ns = TIME_UNKNOWN};
    (void)watch_rule(s->watch, r->rule->id, &activity);
    json_begin_object(w);
    put_text(w, "id", r->rule->id);
    put_text(w, "title", r->rule->title_en);
    put_text(w, "title_ja", r->rule->title_ja);
    put_text(w, "level", level_name(r->rule->level));
    put_text(w, "logsource", r->logsource);
    put_text(w, "status", coverage_status_name(r->status));
    json_key(w, "missing");
    json_begin_array(w);
    for (uint32_t i = 0; i < r->missing_count; i++)
        json_put_str(w, r->missing[i]);
    json_end_array(w);
    json_key(w, "sources");
    json_begin_array(w);
    for (uint32_t i = 0; i < r->source_count; i++)
        json_put_str(w, source_name(s, r->sources[i]));
    json_end_array(w);
    put_time(w, "last_seen", r->last_event_ns);
    put_time(w, "last_fired", activity.last_ns);
    put_time(w, "last_proven", p->proven_ns);
    json_key(w, "proof_failed");
    json_put_bool(w, p->has_failed);
    put_number(w, "fired", activity.fired);
    put_number(w, "suppressed", activity.suppressed);
    json_end_object(w);
}

static void put_share(struct json_writer *w, const char *key, double share)
{
    json_key(w, key);
    if (share < 0)
        json_put_null(w);
    else
        json_put_double(w, share);
}

static void write_health(struct json_writer *w, const struct server *s, const struct source_health *h)
{
    json_begin_object(w);
    put_number(w, "id", h->source);
    put_text(w, "name", source_name(s, h->source));
    put_time(w, "last_event", h->last_ns);
    json_key(w, "per_hour");
    json_put_double(w, h->per_hour);
    put_share(w, "usual_gap_seconds",
              h->usual_gap_ns == TIME_UNKNOWN ? -1 : (double)h->usual_gap_ns / (double)NS_PER_SECOND);
    put_share(w, "silent_after_seconds", (double)h->silent_after_ns / (double)NS_PER_SECOND);
    json_key(w, "silent");
    json_put_bool(w, h->is_silent);
    put_share(w, "failures_now", h->failures_now);
    put_share(w, "failures_before", h->failures_before);
    json_key(w, "failing");
    json_put_bool(w, h->is_failing);
    put_number(w, "drifting_fields", h->drifting_fields);
    json_end_object(w);
}

static void write_coverage(struct json_writer *w, struct server *s, const struct coverage *c,
                           const struct proof_row *proofs, uint32_t proof_count)
{
    json_begin_object(w);
    json_key(w, "counts");
    json_begin_object(w);
    for (int i = 0; i < COVERAGE_STATUS_COUNT; i++) {
        json_key_str(w, coverage_status_name((enum coverage_status)i));
        json_put_u64(w, c->by_status[i]);
    }
    json_end_object(w);
    json_key(w, "incomplete");
    json_put_bool(w, c->is_full);
    json_key(w, "rows");
    json_begin_array(w);
    for (uint32_t i = 0; i < c->rule_count; i++) {
        struct rule_proof p = proof_of(proofs, proof_count, c->rules[i].rule->id);
        write_coverage_rule(w, s, &c->rules[i], &p);
    }
    json_end_array(w);
    json_key(w, "techniques");
    json_begin_array(w);
    for (uint32_t i = 0; i < c->technique_count; i++) {
        json_begin_object(w);
        put_text(w, "id", c->techniques[i].technique);
        put_number(w, "live", c->techniques[i].live);
        put_number(w, "total", c->techniques[i].total);
        json_end_object(w);
    }
    json_end_array(w);
    json_key(w, "sources");
    json_begin_array(w);
    for (uint32_t i = 0; i < c->source_count; i++)
        write_health(w, s, &c->sources[i]);
    json_end_array(w);
    json_end_object(w);
}

static bool coverage(void *ctx, struct arena *arena, struct buf *json, struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    struct proof_row *proofs;
    uint32_t proof_count;
    struct watch_view seen;
    struct coverage c;
    struct json_writer w = {.out = json};
    if (!state_proof_list(s->state, arena, &proofs, &proof_count, &err))
        return fail(&err, 500, failure);
    engine_collect(s->engine);
    watch_look(s->watch, arena, &seen);
    struct knowledge *k = engine_knowledge(s->engine);
    coverage_compute(k->rules, &seen, clock_wall_ns(), arena, &c);
    write_coverage(&w, s, &c, proofs, proof_count);
    knowledge_unref(k);
    return true;
}

/* -------------------------------------------------------------- exceptions */

static struct str exception_state(const struct rule_exception *e, int64_t now_ns)
{
    if (e->withdrawn_ns != INT64_MAX)
        return STR("withdrawn");
    return e->expires_ns <= now_ns ? STR("expired") : STR("active");
}

static void write_exception(struct json_writer *w, struct server *s, const struct knowledge *k,
                            const struct rule_exception *e)
{
    const struct rule_info *rule = knowledge_rule(k, e->rule_id);
    uint64_t suppressed = watch_suppressed(s->watch, e->id);
    json_begin_object(w);
    put_number(w, "id", (uint64_t)e->id);
    put_text(w, "rule_id", e->rule_id);
    put_text(w, "title", rule ? rule->title_en : STR_EMPTY);
    put_text(w, "title_ja", rule ? rule->title_ja : STR_EMPTY);
    put_text(w, "condition", e->condition);
    put_text(w, "owner", e->owner);
    put_text(w, "reason", e->reason);
    put_text(w, "state", exception_state(e, clock_wall_ns()));
    put_text(w, "created_by", e->created_by);
    put_time(w, "created", e->created_ns);
    put_time(w, "expires", e->expires_ns);
    put_text(w, "withdrawn_by", e->withdrawn_by);
    put_time(w, "withdrawn", e->withdrawn_ns == INT64_MAX ? TIME_UNKNOWN : e->withdrawn_ns);
    put_number(w, "suppressed", suppressed > e->suppressed ? suppressed : e->suppressed);
    json_end_object(w);
}

static bool exceptions(void *ctx, struct arena *arena, struct buf *json, struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    struct rule_exception *rows;
    uint32_t count;
    struct json_writer w = {.out = json};
    if (!state_exceptions_list(s->state, arena, &rows, &count, &err))
        return fail(&err, 500, failure);
    struct knowledge *k = engine_knowledge(s->engine);
    json_begin_object(&w);
    json_key(&w, "rows");
    json_begin_array(&w);
    for (uint32_t i = 0; i < count; i++)
        write_exception(&w, s, k, &rows[i]);
    json_end_array(&w);
    json_end_object(&w);
    knowledge_unref(k);
    return true;
}

static bool exception_add(void *ctx, const struct exception_request *r, uint64_t *id,
                          struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    int64_t given = 0, now_ns = clock_wall_ns();
    struct rule_exception e = {.rule_id = str_trim(r->rule_id),
                               .condition = str_trim(r->condition),
                               .owner = str_trim(r->owner),
                               .reason = str_trim(r->reason),
                               .created_by = r->viewer.user,
                               .created_ns = now_ns,
                               .expires_ns = r->expires_ns,
                               .withdrawn_ns = INT64_MAX};
    failure->status = 400;
    if (!suppression_check(&e, now_ns, &failure->en, &failure->ja))
        return false;
    struct knowledge *k = engine_knowledge(s->engine);
    bool is_known = knowledge_rule(k, e.rule_id) != NULL || str_starts(e.rule_id, STR("intel:"));
    knowledge_unref(k);
    if (!is_known) {
        error_set(&failure->en, "No rule with the id %.*s is loaded.", STR_ARGS(e.rule_id));
        return error_set(&failure->ja, "識別子 %.*s の規則は読み込まれていません。", STR_ARGS(e.rule_id));
    }
    if (!state_exceptions_add(s->state, &e, &given, &err) || !server_reload_exceptions(s, &err))
        return fail(&err, 500, failure);
    *id = (uint64_t)given;
    return true;
}

static bool exception_withdraw(void *ctx, uint64_t id, const struct console_viewer *viewer,
                               struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    if (id > INT64_MAX ||
        !state_exceptions_withdraw(s->state, (int64_t)id, viewer->user, clock_wall_ns(), &err))
        return fail(&err, 404, failure);
    return server_reload_exceptions(s, &err) || fail(&err, 500, failure);
}

void services_proof(struct console_services *s)
{
    s->proof = proof;
    s->proof_run = proof_run;
    s->coverage = coverage;
    s->exceptions = exceptions;
    s->exception_add = exception_add;
    s->exception_withdraw = exception_withdraw;
}
