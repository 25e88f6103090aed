/* What state.db knows of sources and rules → coverage.c → rows. The server writes it once a minute. */
#include "proof/check_coverage.h"

#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "cli/rows.h"
#include "proof/coverage.h"

static void put_text(struct json_writer *w, const char *key, struct str value)
{
    json_key(w, key);
    json_put_str(w, value);
}

static int64_t proven_ns(const struct proof_row *rows, uint32_t count, struct str rule_id)
{
    int64_t newest = TIME_UNKNOWN;
    for (uint32_t i = 0; i < count; i++)
        if (str_eq(rows[i].rule_id, rule_id) && rows[i].proven_ns > newest)
            newest = rows[i].proven_ns;
    return newest;
}

static void put_rule(struct json_writer *w, struct watch *watch, const struct rule_coverage *r,
                     const struct proof_row *proofs, uint32_t proof_count)
{
    struct rule_activity activity = {.last_ns = TIME_UNKNOWN};
    (void)watch_rule(watch, r->rule->id, &activity);
    json_begin_object(w);
    put_text(w, "rule_id", r->rule->id);
    put_text(w, "title", r->rule->title_en);
    put_text(w, "status", coverage_status_name(r->status));
    put_text(w, "logsource", r->logsource);
    json_key(w, "missing");
    json_begin_array(w);
    for (uint32_t i = 0; i < r->missing_count; i++)
        json_put_str(w, r->missing[i]);
    json_end_array(w);
    const struct {
        const char *key;
        int64_t time_ns;
    } times[] = {{"last_seen", r->last_event_ns},
                 {"last_fired", activity.last_ns},
                 {"last_proven", proven_ns(proofs, proof_count, r->rule->id)}};
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        json_key(w, times[i].key);
        json_put_time(w, times[i].time_ns);
    }
    json_end_object(w);
}

static bool print(const struct arguments *a, struct watch *watch, const struct coverage *c,
                  const struct proof_row *proofs, uint32_t proof_count, struct error *err)
{
    static const char *const columns[] = {"rule_id",   "title",      "status",      "logsource", "missing",
                                          "last_seen", "last_fired", "last_proven", NULL};
    struct buf rows = {0};
    struct json_writer w = {.out = &rows};
    uint32_t live = 0;
    json_begin_array(&w);
    for (uint32_t i = 0; i < c->rule_count; i++)
        put_rule(&w, watch, &c->rules[i], proofs, proof_count);
    json_end_array(&w);
    bool ok = rows_print(a, buf_str(&rows), columns, err);
    buf_free(&rows);
    for (uint32_t i = 0; i < c->technique_count; i++)
        live += c->techniques[i].live > 0;
    fprintf(
        stderr,
        tr("rules: %u live, %u drifting, %u silent, %u without their fields, %u without events, %u unknown\n",
           "規則: 有効 %u、項目が途絶 %u、無通信 %u、項目不足 %u、該当イベントなし %u、不明 %u\n"),
        c->by_status[COVERAGE_LIVE], c->by_status[COVERAGE_DRIFTING], c->by_status[COVERAGE_SILENT],
        c->by_status[COVERAGE_FIELDS], c->by_status[COVERAGE_UNMAPPED], c->by_status[COVERAGE_UNKNOWN]);
    fprintf(stderr,
            tr("ATT&CK techniques with a live rule: %u of %u\n", "有効な規則のある ATT&CK 技法: %u / %u\n"),
            live, c->technique_count);
    return ok;
}

int check_coverage(const struct arguments *a, const struct knowledge *k)
{
    struct error err;
    struct arena arena;
    struct watch_view seen;
    struct coverage c;
    struct proof_row *proofs;
    uint32_t proof_count;
    const char *path = arena_printf(a->arena, "%s/state.db", argument_text(a, "data")).p;
    if (!file_exists(path)) {
        error_set(&err,
                  tr("%s does not exist; coverage needs the data folder of a server (--data)",
                     "%s がありません。有効範囲にはサーバーのデータフォルダーが必要です(--data)"),
                  path);
        return command_fail(a, EXIT_USAGE, &err);
    }
    arena_init(&arena, 256 << 10);
    struct state *state = state_open(path, &err);
    struct watch *watch = state ? watch_new(state, &err) : NULL;
    bool ok = watch != NULL && state_proof_list(state, &arena, &proofs, &proof_count, &err);
    if (ok) {
        watch_look(watch, &arena, &seen);
        coverage_compute(k->rules, &seen, clock_wall_ns(), &arena, &c);
        ok = print(a, watch, &c, proofs, proof_count, &err);
    }
    watch_free(watch);
    if (state != NULL)
        state_close(state);
    arena_free(&arena);
    return ok ? EXIT_DONE : command_fail(a, EXIT_USAGE, &err);
}
