/* Sources, balance, rules, status and metrics for the console. */
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "console/metrics.h"
#include "reporting/reporter.h"
#include "server/server.h"
#include "store/state_sources.h"
#include "work/work.h"

#define HOUR_NS (3600 * NS_PER_SECOND)
#define DAY_NS  (24 * HOUR_NS)
/* S22: without history of the source's own rhythm, silence is no news for this long. */
#define SILENT_AFTER_NS (15 * 60 * NS_PER_SECOND)

static bool fail(const struct error *err, int status, struct console_failure *failure)
{
    failure->status = status;
    failure->en = *err;
    return false;
}

/* ----------------------------------------------------------------- sources */

static const char *const transport_names[] = {
    [TRANSPORT_FILE_SCAN] = "file", [TRANSPORT_UDP] = "syslog/udp", [TRANSPORT_TCP] = "syslog/tcp",
    [TRANSPORT_TLS] = "syslog/tls", [TRANSPORT_TAIL] = "tail",      [TRANSPORT_HTTP] = "http",
};

static struct source_view view_of(const struct source_entry *entry, const struct balance_count *today,
                                  uint32_t count, int64_t now_ns)
{
    struct source_view view = {
        .id = entry->source.number,
        .name = entry->source.name,
        .sender = entry->source.sender,
        .transport =
            str_c(entry->transport < COUNT_OF(transport_names) ? transport_names[entry->transport] : "?"),
        .parser = entry->source.parser,
        .timezone = entry->zone,
        .registered = entry->source.registered,
        .first_seen_ns = entry->first_seen_ns,
        .last_seen_ns = entry->last_seen_ns,
    };
    for (uint32_t i = 0; i < count; i++) {
        if (today[i].source != view.id)
            continue;
        view.events_today += today[i].received;
        int64_t end_ns = (today[i].hour + 1) * HOUR_NS;
        int64_t newest_ns = end_ns < now_ns ? end_ns : now_ns;
        if (newest_ns > view.last_seen_ns)
            view.last_seen_ns = newest_ns;
        if (today[i].hour == now_ns / HOUR_NS)
            view.per_second = (double)today[i].received / ((double)(now_ns % HOUR_NS + NS_PER_SECOND) / 1e9);
    }
    view.silent = view.last_seen_ns == TIME_UNKNOWN || now_ns - view.last_seen_ns > SILENT_AFTER_NS;
    return view;
}

static bool sources(void *ctx, struct arena *arena, struct source_list *out, struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    struct source_entry *entries;
    struct balance_count *today, total;
    uint32_t count, today_count;
    int64_t now_ns = clock_wall_ns();
    int64_t local_s = now_ns / NS_PER_SECOND + zone_offset_at_utc(s->zone, now_ns / NS_PER_SECOND);
    int64_t midnight_ns = now_ns - local_s % 86400 * NS_PER_SECOND;
    struct balance_filter filter = {.from_hour = midnight_ns / HOUR_NS,
                                    .to_hour = INT64_MAX,
                                    .source = UINT32_MAX};
    if (!state_sources_load(s->state, arena, &entries, &count, &err) ||
        !ledger_balance(s->ledger, &filter, arena, &today, &today_count, &total, &err))
        return fail(&err, 500, failure);
    out->rows = ARENA_ARRAY(arena, struct source_view, count + 1);
    out->count = count;
    for (uint32_t i = 0; i < count; i++)
        out->rows[i] = view_of(&entries[i], today, today_count, now_ns);
    return true;
}

static bool source_change(void *ctx, const struct source_change *change, struct console_failure *failure)
{
    struct server *s = ctx;
    struct arena arena;
    struct error err;
    struct source_entry *entries;
    uint32_t count;
    bool ok = false;
    arena_init(&arena, 64 << 10);
    if (!state_sources_load(s->state, &arena, &entries, &count, &err))
        count = 0;
    else
        error_set(&err, tr("there is no source %u", "情報源 %u はありません"), change->id);
    for (uint32_t i = 0; i < count; i++) {
        if (entries[i].source.number != change->id)
            continue;
        struct source_decision decision = {
            .name = change->has_name ? change->name : entries[i].source.name,
            .parser = change->has_parser ? change->parser : entries[i].source.parser,
            .zone = change->has_timezone ? change->timezone : entries[i].zone,
            .charset = entries[i].source.charset,
            .registered = change->has_registered ? change->registered : entries[i].source.registered,
        };
        ok =
            state_sources_decide(s->state, change->id, &decision, &err) && registry_reload(s->registry, &err);
    }
    arena_free(&arena);
    return ok || fail(&err, 400, failure);
}

static bool balance(void *ctx, int64_t from_ns, int64_t to_ns, struct arena *arena, struct balance_list *out,
                    struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    struct balance_count *rows, total;
    uint32_t count;
    struct balance_filter filter = {.from_hour = from_ns == INT64_MIN ? INT64_MIN : from_ns / HOUR_NS,
                                    .to_hour = to_ns == INT64_MAX ? INT64_MAX : (to_ns - 1) / HOUR_NS,
                                    .source = UINT32_MAX};
    if (!ledger_balance(s->ledger, &filter, arena, &rows, &count, &total, &err))
        return fail(&err, 500, failure);
    out->rows = ARENA_ARRAY(arena, struct balance_row, count + 1);
    out->count = count;
    for (uint32_t i = 0; i < count; i++) {
        const struct source *source = registry_get(s->registry, rows[i].source);
        out->rows[i] = (struct balance_row){.source = source ? source->name : STR("?"),
                                            .hour_ns = rows[i].hour * HOUR_NS,
                                            .received = rows[i].received,
                                            .stored = rows[i].stored,
                                            .filtered = rows[i].filtered,
                                            .rejected = rows[i].rejected,
                                            .lost = rows[i].lost};
    }
    return true;
}

/* ------------------------------------------------------------------- rules */

/* "path:line:column: reason" → its parts; what does not begin like that is all reason. */
static struct rule_refusal split_refusal(const struct rule_problem *p, struct arena *arena)
{
    struct rule_refusal refusal = {.file = arena_str(arena, p->path), .reason = arena_str(arena, p->text)};
    struct str rest = p->text, number;
    uint64_t value;
    if (!str_starts(rest, p->path) || p->path.n == 0 || p->path.n >= rest.n || rest.p[p->path.n] != ':')
        return refusal;
    rest = str_skip(rest, p->path.n + 1);
    unsigned *const places[] = {&refusal.line, &refusal.column};
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        size_t colon = str_find_char(rest, ':', 0);
        number = str_slice(rest, 0, colon == STR_NOT_FOUND ? 0 : colon);
        if (!str_to_u64(number, 10, &value))
            break;
        *places[i] = (unsigned)value;
        rest = str_skip(rest, colon + 1);
    }
    refusal.reason = arena_str(arena, str_trim(rest));
    return refusal;
}

static bool is_failure(const struct rule_problem *p)
{
    return p->kind == RULE_REFUSED || p->kind == RULE_CORRELATION || p->kind == RULE_FILTER ||
           p->kind == RULE_UNPROVED;
}

static bool is_unproved(const struct rule_report *report, struct str id)
{
    for (uint32_t i = 0; i < report->problem_count; i++)
        if (report->problems[i].kind == RULE_UNPROVED && str_eq(report->problems[i].rule_id, id))
            return true;
    return false;
}

static bool rules(void *ctx, struct arena *arena, struct rule_list *out, struct console_failure *failure)
{
    struct server *s = ctx;
    (void)failure;
    struct knowledge *k = engine_knowledge(s->engine);
    const struct rule_report *report = &k->rules_report;
    size_t count = ruleset_count(k->rules);
    *out = (struct rule_list){.loaded = count, .refused = report->refused};
    out->rows = ARENA_ARRAY(arena, struct rule_view, count + 1);
    for (size_t i = 0; i < count; i++) {
        const struct rule_info *rule = ruleset_rule(k->rules, i);
        struct rule_view *view = &out->rows[out->count++];
        *view = (struct rule_view){.id = arena_str(arena, rule->id),
                                   .title_en = arena_str(arena, rule->title_en),
                                   .title_ja = arena_str(arena, rule->title_ja),
                                   .level = level_name(rule->level),
                                   .status = arena_str(arena, rule->status),
                                   .file = arena_str(arena, rule->path),
                                   .proved = rule->sample_count > 0 && !is_unproved(report, rule->id)};
        view->fired = engine_rule_fired(s->engine, rule->id, &view->last_fired_ns);
        struct rule_cost cost = ruleset_cost(k->rules, i);
        view->cost_ns = cost.ns_per_event;
        view->cost_share = cost.share;
        view->is_dear = cost.is_dear;
        struct rule_activity before; /* of former runs too */
        if (watch_rule(s->watch, rule->id, &before) && before.last_ns > view->last_fired_ns)
            view->last_fired_ns = before.last_ns;
    }
    out->refusals = ARENA_ARRAY(arena, struct rule_refusal, report->problem_count + 1);
    for (uint32_t i = 0; i < report->problem_count; i++)
        if (is_failure(&report->problems[i]))
            out->refusals[out->refusal_count++] = split_refusal(&report->problems[i], arena);
    knowledge_unref(k);
    return true;
}

static bool rules_reload(void *ctx, const struct console_viewer *viewer, uint64_t *loaded, uint64_t *refused,
                         struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    (void)viewer;
    return (server_reload_fleet(s, &err) && server_reload_knowledge(s, loaded, refused, &err)) ||
           fail(&err, 500, failure);
}

/* ------------------------------------------------------------------ status */

static uint64_t resident_bytes(void)
{
    unsigned long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL)
        return 0;
    if (fscanf(f, "%lu %lu", &pages, &resident) != 2)
        resident = 0;
    fclose(f);
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void add_warning(struct console_status *out, struct arena *arena, struct str text)
{
    struct console_warning *w = &out->warnings[out->warning_count++];
    w->en = w->ja = arena_str(arena, text);
}

#define DEAREST_MAX      10
#define WARNED_RULES_MAX 3

/* The rules that cost most, dearest first; returns how many cost anything. */
static size_t dearest_rules(const struct ruleset *set, size_t numbers[DEAREST_MAX])
{
    double ns[DEAREST_MAX];
    size_t n = 0;
    for (size_t i = 0; i < ruleset_count(set); i++) {
        double cost = ruleset_cost(set, i).ns_per_event;
        if (cost <= 0 || (n == DEAREST_MAX && cost <= ns[n - 1]))
            continue;
        size_t at = n < DEAREST_MAX ? n++ : n - 1;
        for (; at > 0 && ns[at - 1] < cost; at--) {
            ns[at] = ns[at - 1];
            numbers[at] = numbers[at - 1];
        }
        ns[at] = cost;
        numbers[at] = i;
    }
    return n;
}

/* A rule past its share is named: somebody may write it better, or do without. */
static void warn_of_dear_rules(const struct ruleset *set, struct console_status *out, struct arena *arena)
{
    size_t numbers[DEAREST_MAX], n = dearest_rules(set, numbers);
    for (size_t i = 0; i < n && i < WARNED_RULES_MAX; i++) {
        const struct rule_info *rule = ruleset_rule(set, numbers[i]);
        struct rule_cost cost = ruleset_cost(set, numbers[i]);
        if (!cost.is_dear)
            continue;
        struct console_warning *w = &out->warnings[out->warning_count++];
        struct str title_ja = rule->title_ja.n ? rule->title_ja : rule->title_en;
        w->en =
            arena_printf(arena, "the rule \"%.*s\" (%.*s) takes %.0f %% of detection, %.0f ns an event",
                         STR_ARGS(rule->title_en), STR_ARGS(rule->id), cost.share * 100, cost.ns_per_event);
        w->ja = arena_printf(arena,
                             "ルール「%.*s」(%.*s) が検知処理の %.0f %%、1 件あたり %.0f ns を使っています",
                             STR_ARGS(title_ja), STR_ARGS(rule->id), cost.share * 100, cost.ns_per_event);
    }
}

static void list_geoip(struct server *s, struct console_status *out, struct arena *arena)
{
    struct geo *geo = engine_geo(s->engine);
    out->geoip_count = (uint32_t)geo_count(geo);
    out->geoip = ARENA_ARRAY(arena, struct console_geoip, out->geoip_count + 1);
    for (uint32_t i = 0; i < out->geoip_count; i++) {
        struct geo_database d = geo_database(geo, i);
        out->geoip[i] =
            (struct console_geoip){arena_str(arena, d.type), arena_str(arena, d.path), d.built_ns};
    }
    geo_unref(geo);
}

static void list_lags(struct server *s, struct console_status *out, struct arena *arena)
{
    struct lag_row *rows;
    uint32_t late = 0;
    out->lag_count = lag_look(s->lag, clock_wall_ns(), arena, &rows);
    out->lags = ARENA_ARRAY(arena, struct console_lag, out->lag_count + 1);
    for (uint32_t i = 0; i < out->lag_count; i++) {
        const struct source *source = registry_get(s->registry, rows[i].source);
        out->lags[i] = (struct console_lag){.source = rows[i].source,
                                            .name = source ? source->name : STR("?"),
                                            .events = rows[i].events,
                                            .p95_s = rows[i].p95_s,
                                            .late_since_ns = rows[i].late_since_ns};
        late += rows[i].late_since_ns != 0;
    }
    if (late == 0)
        return;
    struct console_warning *w = &out->warnings[out->warning_count++];
    w->en =
        arena_printf(arena, "sources whose events arrive more than %.0f s late: %u", lag_limit(s->lag), late);
    w->ja = arena_printf(arena, "イベントの到着が %.0f 秒を超えて遅れている情報源: %u 件", lag_limit(s->lag),
                         late);
}

/* What the registers around incidents wait for. */
static void warn_of_registers(struct server *s, struct console_status *out, struct arena *arena)
{
    uint32_t vendors = work_vendors_due(s), actions = work_actions_late(s);
    if (vendors) {
        struct console_warning *w = &out->warnings[out->warning_count++];
        w->en = arena_printf(arena, "vendors with a contract that ends or a review that is due: %u", vendors);
        w->ja = arena_printf(arena, "契約の終了または見直しの期限が来ている委託先: %u 件", vendors);
    }
    if (actions) {
        struct console_warning *w = &out->warnings[out->warning_count++];
        w->en = arena_printf(arena, "actions from reviews that are overdue: %u", actions);
        w->ja = arena_printf(arena, "期限を過ぎた改善処置: %u 件", actions);
    }
}

static void status(void *ctx, struct arena *arena, struct console_status *out)
{
    struct server *s = ctx;
    struct engine_counters engine;
    struct store_status store;
    struct error why;
    struct knowledge *k = engine_knowledge(s->engine);
    engine_counters(s->engine, &engine);
    store_status(s->store, &store);
    *out = (struct console_status){.version = STR(HYAKUYO_VERSION),
                                   .started_ns = s->started_ns,
                                   .posture = s->desk != NULL ? desk_posture_level(s->desk) : STR("unknown"),
                                   .rules_loaded = k->rules_report.loaded,
                                   .rules_refused = k->rules_report.refused,
                                   .parsers_loaded = k->parsers_report.loaded,
                                   .parsers_refused = k->parsers_report.refused,
                                   .events_per_second = s->stored_per_second,
                                   .stored = store.rows + store.open_rows,
                                   .queue_depth = engine.queue_depth,
                                   .queue_capacity = engine.queue_capacity,
                                   .memory_bytes = resident_bytes()};
    out->warnings = ARENA_ARRAY(arena, struct console_warning, 9 + WARNED_RULES_MAX);
    server_warn_of_notifications(s, out, arena);
    server_warn_of_orders(s, out, arena);
    warn_of_dear_rules(k->rules, out, arena);
    list_geoip(s, out, arena);
    list_lags(s, out, arena);
    knowledge_unref(k);
    if (reporter_overdue(s->reporter))
        add_warning(out, arena,
                    arena_printf(arena,
                                 tr("%u reports have waited three working days for a signature",
                                    "署名されないまま3営業日を過ぎた報告書が %u 件あります"),
                                 reporter_overdue(s->reporter)));
    if (journal_is_stuck(s->journal, &why))
        add_warning(out, arena, str_c(why.text));
    if (store.is_stuck)
        add_warning(out, arena, str_c(store.problem));
    if (store.parts_missing)
        add_warning(out, arena,
                    arena_printf(arena,
                                 tr("%u sealed event files of the catalogue are missing or damaged",
                                    "目録にあるイベントファイル %u 個が見つからないか壊れています"),
                                 store.parts_missing));
    warn_of_registers(s, out, arena);
}

static bool ready(void *ctx, struct error *en, struct error *ja)
{
    struct server *s = ctx;
    if (!journal_is_stuck(s->journal, en))
        return true;
    *ja = *en;
    return false;
}

static void system_name(void *ctx, struct str system, struct arena *arena, struct str *en, struct str *ja)
{
    struct server *s = ctx;
    struct knowledge *k = engine_knowledge(s->engine);
    knowledge_system_name(k->normaliser, system, en, ja);
    *en = arena_str(arena, *en);
    *ja = arena_str(arena, *ja);
    knowledge_unref(k);
}

static void rates(void *ctx, struct console_rates *out)
{
    struct server *s = ctx;
    *out = (struct console_rates){s->received_per_second, s->stored_per_second, s->findings_per_second};
}

static void write_tally(void *context, const struct input_tally *tally)
{
    struct metrics *m = context;
    struct buf labels = {0};
    metrics_label(&labels, "input", tally->input);
    metrics_label(&labels, "sender", tally->sender);
    metrics_counter(m, "hyakuyo_records_received_total", "Records received, losses included.",
                    buf_str(&labels), (double)tally->count.received);
    buf_free(&labels);
}

static void write_lost(void *context, const struct input_tally *tally)
{
    struct metrics *m = context;
    struct buf labels = {0};
    metrics_label(&labels, "input", tally->input);
    metrics_label(&labels, "sender", tally->sender);
    metrics_counter(m, "hyakuyo_records_lost_total", "Records lost before the journal.", buf_str(&labels),
                    (double)tally->count.lost);
    buf_free(&labels);
}

/* Buckets of powers of two in microseconds, as Prometheus wants them: cumulative, in seconds. */
static void write_latency(struct metrics *m, const char *name, const char *help, const uint64_t *buckets,
                          size_t count)
{
    uint64_t sum = 0;
    char family[96];
    snprintf(family, sizeof family, "%s_bucket", name);
    for (size_t i = 0; i < count; i++) {
        char bound[48];
        sum += buckets[i];
        if (buckets[i] == 0 && i + 1 < count)
            continue;
        snprintf(bound, sizeof bound, i + 1 < count ? "le=\"%.6f\"" : "le=\"+Inf\"",
                 (double)(UINT64_C(2) << i) / 1e6);
        metrics_counter(m, family, help, str_c(bound), (double)sum);
    }
    snprintf(family, sizeof family, "%s_count", name);
    metrics_counter(m, family, help, STR_EMPTY, (double)sum);
}

static void put_correlations(struct metrics *m, struct correlator_counters c)
{
    metrics_counter(m, "hyakuyo_correlation_hits_total", "Matches that correlations gathered.", STR_EMPTY,
                    (double)c.hits);
    metrics_counter(m, "hyakuyo_correlation_late_total", "Matches that came too late to count.", STR_EMPTY,
                    (double)c.late_hits);
    metrics_counter(m, "hyakuyo_correlation_dropped_total", "Matches dropped because a limit was reached.",
                    STR_EMPTY, (double)c.dropped_hits);
    metrics_gauge(m, "hyakuyo_correlation_groups", "Groups that correlations keep.", STR_EMPTY,
                  (double)c.live_groups);
}

static void put_identity(struct metrics *m, struct identity_counters c)
{
    metrics_counter(m, "hyakuyo_identity_facts_total",
                    "Statements about who held an address or sat at a host.", STR_EMPTY, (double)c.facts);
    metrics_gauge(m, "hyakuyo_identity_intervals", "Intervals of identity in memory.", STR_EMPTY,
                  (double)c.intervals);
    metrics_counter(m, "hyakuyo_identity_forgotten_total", "Intervals let go of because the table was full.",
                    STR_EMPTY, (double)c.forgotten);
    metrics_counter(m, "hyakuyo_identity_conflicts_total",
                    "Events whose address the inventory and a lease give to different hosts.", STR_EMPTY,
                    (double)c.conflicts);
}

static void put_rule_costs(struct metrics *m, const struct ruleset *set)
{
    size_t numbers[DEAREST_MAX], n = dearest_rules(set, numbers);
    metrics_gauge(m, "hyakuyo_detect_event_seconds", "Detection of one event, measured on one of 64.",
                  STR_EMPTY, ruleset_ns_per_event(set) / 1e9);
    for (size_t i = 0; i < n; i++) {
        struct buf labels = {0};
        metrics_label(&labels, "rule", ruleset_rule(set, numbers[i])->id);
        metrics_gauge(m, "hyakuyo_rule_cost_share", "Part of detection that one rule takes, the ten dearest.",
                      buf_str(&labels), ruleset_cost(set, numbers[i]).share);
        buf_free(&labels);
    }
}

static void metrics(void *ctx, struct metrics *m)
{
    struct server *s = ctx;
    struct engine_counters engine;
    struct journal_stats journal;
    struct store_status store;
    engine_counters(s->engine, &engine);
    journal_stats(s->journal, &journal);
    store_status(s->store, &store);
    input_counters_walk(s->inputs, write_tally, m);
    input_counters_walk(s->inputs, write_lost, m);
    metrics_counter(m, "hyakuyo_events_total", "Events made of records.", STR_EMPTY, (double)engine.events);
    metrics_counter(m, "hyakuyo_parse_failures_total", "Records that no parser understood.", STR_EMPTY,
                    (double)engine.parse_failures);
    metrics_counter(m, "hyakuyo_findings_total", "Findings.", STR_EMPTY, (double)engine.findings);
    put_correlations(m, desk_correlation_counters(s->desk));
    put_identity(m, desk_identity_counters(s->desk));
    server_put_instrument_metrics(s, m);
    server_put_notification_metrics(s, m);
    server_put_order_metrics(s, m);
    struct knowledge *k = engine_knowledge(s->engine);
    put_rule_costs(m, k->rules);
    knowledge_unref(k);
    metrics_gauge(m, "hyakuyo_queue_depth", "Batches that wait for a worker.", STR_EMPTY,
                  (double)engine.queue_depth);
    metrics_gauge(m, "hyakuyo_queue_capacity", "Batches that may wait for a worker.", STR_EMPTY,
                  (double)engine.queue_capacity);
    metrics_counter(m, "hyakuyo_journal_records_total", "Records made safe in the journal.", STR_EMPTY,
                    (double)journal.records);
    metrics_counter(m, "hyakuyo_journal_bytes_total", "Bytes written to the journal.", STR_EMPTY,
                    (double)journal.bytes);
    metrics_gauge(m, "hyakuyo_journal_segment_bytes", "Size of the journal on disk.", STR_EMPTY,
                  (double)journal.segment_bytes);
    metrics_counter(m, "hyakuyo_journal_failures_total", "Writes and syncs of the journal that failed.",
                    STR_EMPTY, (double)journal.failures);
    metrics_gauge(m, "hyakuyo_parts", "Sealed event files.", STR_EMPTY, (double)store.parts);
    metrics_gauge(m, "hyakuyo_stored_rows", "Events in sealed files.", STR_EMPTY, (double)store.rows);
    metrics_gauge(m, "hyakuyo_stored_bytes", "Bytes of sealed files.", STR_EMPTY, (double)store.bytes);
    metrics_gauge(m, "hyakuyo_open_rows", "Events in the open part.", STR_EMPTY, (double)store.open_rows);
    metrics_gauge(m, "process_resident_memory_bytes", "Resident memory.", STR_EMPTY,
                  (double)resident_bytes());
    write_latency(m, "hyakuyo_finding_latency_seconds",
                  "From the fsync of a record to its finding being published.", engine.latency,
                  COUNT_OF(engine.latency));
    write_latency(m, "hyakuyo_journal_commit_seconds", "From taking a group to its fsync.", journal.latency,
                  COUNT_OF(journal.latency));
}

void services_admin(struct console_services *s)
{
    s->sources = sources;
    s->source_change = source_change;
    s->balance = balance;
    s->rules = rules;
    s->rules_reload = rules_reload;
    s->status = status;
    s->ready = ready;
    s->rates = rates;
    s->system_name = system_name;
    s->metrics = metrics;
}
