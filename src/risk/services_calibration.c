/* What closed incidents teach: shown anew each time it is asked, so that closing and reopening count at once;
 * in force only once a lead has adopted it, as it was then. Next: judge/learned.c. */
#include "base/log.h"
#include "base/memory.h"
#include "risk/services_risk.h"
#include "store/state_incidents.h"

#define CLOSED_LOOKED_AT 2000 /* of the queue's order */

static const struct learned *learn(struct risk_answer *a)
{
    struct incident_page page = {.selection = SELECT_CLOSED_INCIDENTS,
                                 .limit = CLOSED_LOOKED_AT,
                                 .with_findings = true};
    struct error err;
    if (state_incidents_list(a->server->state, a->arena, &page, &err))
        return learned_from(a->server->criteria, page.incidents, page.count, a->arena);
    risk_fail(a, 500, &err);
    return NULL;
}

static void put_count(struct json_writer *w, const char *key, uint64_t n)
{
    json_key(w, key);
    json_put_u64(w, n);
}

static void put_real(struct json_writer *w, const char *key, double value)
{
    json_key(w, key);
    json_put_double(w, value);
}

static void put_brier(struct json_writer *w, const char *key, double value)
{
    json_key(w, key);
    if (value < 0)
        json_put_null(w);
    else
        json_put_double(w, value);
}

static void write_table(const struct learned *l, struct json_writer *w)
{
    put_count(w, "real", l->real);
    put_count(w, "not_real", l->not_real);
    put_count(w, "left_out", l->left_out);
    put_brier(w, "brier_content", l->brier_content);
    put_brier(w, "brier_learned", l->brier_learned);
    json_key(w, "ratios");
    json_begin_array(w);
    for (uint32_t i = 0; i < l->count; i++) {
        const struct learned_ratio *r = &l->ratios[i];
        json_begin_object(w);
        risk_put(w, "rule_id", r->rule_id);
        put_count(w, "real", r->real);
        put_count(w, "not_real", r->not_real);
        put_real(w, "expected", r->expected);
        put_real(w, "observed", r->observed);
        put_real(w, "content", r->content);
        put_real(w, "ratio", r->ratio);
        json_end_object(w);
    }
    json_end_array(w);
}

bool risk_calibration(struct risk_answer *a)
{
    struct register_entry *rows;
    struct error err;
    uint32_t count;
    const struct learned *l = learn(a);
    if (l == NULL)
        return false;
    if (!state_register_list(a->server->state, register_name(REGISTER_CALIBRATION), a->now_ns, 1, a->arena,
                             &rows, &count, &err))
        return risk_fail(a, 500, &err);
    put_count(a->w, "needed", LEARNED_CALIBRATED);
    json_key(a->w, "calibrated");
    json_put_bool(a->w, learned_is_calibrated(l));
    risk_put(a->w, "criteria", a->server->criteria->version);
    json_key(a->w, "adopted");
    if (count) {
        json_begin_object(a->w);
        put_count(a->w, "id", (uint64_t)rows[0].id);
        risk_put(a->w, "by", rows[0].created_by);
        risk_put(a->w, "reason", rows[0].reason);
        json_key(a->w, "when");
        json_put_time(a->w, rows[0].created_ns);
        json_end_object(a->w);
    } else {
        json_put_null(a->w);
    }
    write_table(l, a->w);
    return true;
}

bool risk_adopt(struct risk_answer *a, struct buf *details)
{
    struct json_writer w = {.out = details};
    struct error err;
    const struct learned *l = learn(a);
    if (l == NULL)
        return false;
    if (!learned_is_calibrated(l)) {
        error_set(&err,
                  tr("%u incidents are closed as real or false positive; it takes %u",
                     "真偽を判定して終了したインシデントは %u 件です。%u 件必要です"),
                  learned_cases(l), LEARNED_CALIBRATED);
        return risk_fail(a, 409, &err);
    }
    if (l->brier_learned >= l->brier_content) {
        error_set(&err,
                  tr("what was learned judges no better (Brier score %.4f against %.4f)",
                     "学習した比の判定は改善していません（Brier スコア %.4f、定義値 %.4f）"),
                  l->brier_learned, l->brier_content);
        return risk_fail(a, 409, &err);
    }
    json_begin_object(&w);
    write_table(l, &w);
    json_end_object(&w);
    return true;
}

/* ----------------------------------------------------------------- in force */

static double number_of(const struct json_node *row, const char *key)
{
    double value = 0;
    return str_to_double(json_text(row, key), &value) ? value : 0;
}

/* As it was adopted; sorted by rule, as it was written. */
static struct learned *read_table(const struct json_node *table, int64_t id, struct arena *arena)
{
    struct learned *l = ARENA_NEW(arena, struct learned);
    const struct json_node *list = json_member(table, "ratios");
    uint32_t count = 0;
    for (const struct json_node *n = list ? list->child : NULL; n != NULL; n = n->next)
        count++;
    struct learned_ratio *ratios = ARENA_ARRAY(arena, struct learned_ratio, count + 1);
    for (const struct json_node *n = list ? list->child : NULL; n != NULL; n = n->next) {
        struct learned_ratio r = {.rule_id = json_text(n, "rule_id"),
                                  .real = (uint32_t)number_of(n, "real"),
                                  .not_real = (uint32_t)number_of(n, "not_real"),
                                  .content = number_of(n, "content"),
                                  .ratio = number_of(n, "ratio")};
        r.cases = r.real + r.not_real;
        if (r.ratio > 0)
            ratios[l->count++] = r;
    }
    l->ratios = ratios;
    l->real = (uint32_t)number_of(table, "real");
    l->not_real = (uint32_t)number_of(table, "not_real");
    l->version = arena_printf(arena, "c%lld", (long long)id);
    return l;
}

bool server_reload_calibration(struct server *s, struct error *err)
{
    struct arena *arena = NEW(struct arena);
    struct register_entry *rows;
    uint32_t count;
    const struct learned *learned = NULL;
    arena_init(arena, 16 << 10);
    pthread_mutex_lock(&s->reload_lock);
    bool ok = state_register_list(s->state, register_name(REGISTER_CALIBRATION), clock_wall_ns(), 1, arena,
                                  &rows, &count, err);
    if (ok && count) {
        const struct json_node *table = json_parse(rows[0].details, arena, err);
        ok = table != NULL;
        learned = ok ? read_table(table, rows[0].id, arena) : NULL;
    }
    if (learned != NULL) {
        desk_set_learned(s->desk, learned, arena);
    } else {
        if (ok)
            desk_set_learned(s->desk, NULL, NULL);
        arena_free(arena);
        memory_free(arena);
    }
    pthread_mutex_unlock(&s->reload_lock);
    return ok;
}
