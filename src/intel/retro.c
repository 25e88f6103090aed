/* The search back. For each looked-up field that occurs, one query walks its distinct values, which are asked
 * among the new indicators in groups; for each value that hits, a second query tells hosts and times. Memory
 * is bounded: distinct values are not kept, hits are limited (and the limit is said). */
#include "intel/retro.h"

#include <semaphore.h>
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/poked_thread.h"
#include "intel/intel.h"
#include "intel/intel_files.h"

#define HITS_MAX         2000 /* values of one source that are followed up */
#define HOSTS_MAX        100  /* of one value */
#define RECORDS_MAX      500  /* findings of one source */
#define GROUP            128
#define QUERY_TIMEOUT_MS 120000
#define SETTLE_MAX_MS    30000

struct retro {
    struct server *server;
    struct poked_thread thread;
};

struct hit_value {
    size_t field; /* number in the set's fields */
    uint32_t ref;
    struct str value;
};

struct search_back {
    struct retro *retro;
    const struct intel_source *source;
    struct indicator_set *set;
    const struct indicator_field *fields;
    size_t field_count;
    size_t field;             /* at hand */
    struct arena arena;       /* of the hits */
    struct arena value_arena; /* of the group */
    struct indicator_question questions[GROUP];
    size_t question_count;
    struct hit_value *hits;
    size_t hit_count;
    bool is_cut;
    size_t records;
    struct buf body; /* records that become findings */
    int64_t now_ns;
};

static struct server *server_of(const struct search_back *b)
{
    return b->retro->server;
}

/* ------------------------------------------------------------------- queries */

static enum store_end query(struct search_back *b, struct str sql, const struct str *columns,
                            size_t column_count, const struct store_param *params, size_t param_count,
                            store_row_fn *on_row, void *context, const struct store_needle *needle,
                            struct error *err)
{
    struct store_query q = {.sql = sql,
                            .params = params,
                            .param_count = param_count,
                            .filter = PART_FILTER_ALL,
                            .columns = columns,
                            .column_count = column_count,
                            .limits = {.timeout_ms = QUERY_TIMEOUT_MS,
                                       .is_cancelled = &b->retro->thread.is_over}};
    q.filter.needles = needle;
    q.filter.needle_count = needle != NULL;
    return store_query(server_of(b)->store, &q, on_row, context, NULL, err);
}

static bool is_list(field_id field)
{
    return field_get(field)->shape == FIELD_ARRAY;
}

static bool is_text(field_id field)
{
    enum value_type type = field_get(field)->type;
    return type == TYPE_KEYWORD || type == TYPE_TEXT || type == TYPE_IP;
}

/* ---------------------------------------------------------- 1: which values hit */

static void note_hit(void *context, uint32_t question, uint32_t ref)
{
    struct search_back *b = context;
    if (b->hit_count == HITS_MAX) {
        b->is_cut = true;
        return;
    }
    b->hits[b->hit_count++] =
        (struct hit_value){b->field, ref, arena_str(&b->arena, b->questions[question].text)};
}

static void ask(struct search_back *b)
{
    indicator_set_ask(b->set, b->questions, b->question_count, note_hit, b);
    b->question_count = 0;
    arena_reset(&b->value_arena);
}

static bool take_value(void *context, const struct store_result *result, const struct store_cell *cells)
{
    struct search_back *b = context;
    (void)result;
    if (cells[0].is_null || cells[0].text.n == 0)
        return true;
    b->questions[b->question_count++] =
        (struct indicator_question){b->fields[b->field].type,
                                    arena_str(&b->value_arena,
                                              str_slice(cells[0].text, 0, INDICATOR_VALUE_MAX))};
    if (b->question_count == GROUP)
        ask(b);
    return !b->is_cut;
}

static bool find_values(struct search_back *b, struct error *err)
{
    field_id field = b->fields[b->field].field;
    struct str name = field_name(field);
    char sql[512];
    if (!is_text(field))
        return true;
    snprintf(sql, sizeof sql,
             is_list(field) ? "SELECT DISTINCT v FROM (SELECT unnest(\"%.*s\") AS v FROM events)"
                            : "SELECT DISTINCT \"%.*s\" FROM events WHERE \"%.*s\" IS NOT NULL",
             STR_ARGS(name), STR_ARGS(name));
    enum store_end end = query(b, str_c(sql), &name, 1, NULL, 0, take_value, b, NULL, err);
    ask(b);
    return end == STORE_DONE || end == STORE_MORE_ROWS;
}

/* ------------------------------------------------------------- 2: hosts and times */

/* The host in question, by what the field's side is. */
static const struct {
    const char *host, *ip, *user;
    const char *columns[4];
} sides[] = {
    [INDICATOR_ABOUT_HOST] = {"\"host.name\"",
                              "\"host.ip\"[1]",
                              "\"user.name\"",
                              {"host.name", "host.ip", "user.name"}},
    [INDICATOR_ABOUT_SOURCE] = {"\"hyakuyo.source.host\"",
                                "coalesce(\"source.ip\", \"client.ip\")",
                                "\"user.name\"",
                                {"hyakuyo.source.host", "source.ip", "client.ip", "user.name"}},
    [INDICATOR_ABOUT_DESTINATION] = {"\"hyakuyo.destination.host\"",
                                     "\"destination.ip\"",
                                     "NULL::VARCHAR",
                                     {"hyakuyo.destination.host", "destination.ip"}},
};

struct met_host {
    struct str host, ip, user;
    int64_t first_ns, last_ns;
    uint64_t count, sequence, before_valid, denied;
};

struct meeting {
    struct search_back *back;
    const struct hit_value *hit;
    struct indicator_view view;
    struct met_host hosts[HOSTS_MAX];
    size_t host_count;
    uint64_t host_total;
    struct intel_hit row;
    uint64_t denied;
};

static struct str cell_text(const struct store_cell *cell, struct arena *arena)
{
    return cell->is_null ? STR_EMPTY : arena_str(arena, cell->text);
}

static bool take_host(void *context, const struct store_result *result, const struct store_cell *cells)
{
    struct meeting *m = context;
    struct arena *arena = &m->back->arena;
    (void)result;
    struct met_host host = {.first_ns = cells[3].number,
                            .last_ns = cells[4].number,
                            .count = (uint64_t)cells[5].number,
                            .sequence = (uint64_t)cells[6].number,
                            .before_valid = (uint64_t)cells[7].number,
                            .denied = (uint64_t)cells[8].number};
    struct intel_hit *row = &m->row;
    if (row->count == 0) {
        row->first_ns = host.first_ns;
        row->first_sequence = host.sequence;
    }
    row->last_ns = row->count == 0 || host.last_ns > row->last_ns ? host.last_ns : row->last_ns;
    row->count += host.count;
    row->before_valid += host.before_valid;
    m->denied += host.denied;
    m->host_total++;
    if (m->host_count < HOSTS_MAX) {
        host.host = cell_text(&cells[0], arena);
        host.ip = cell_text(&cells[1], arena);
        host.user = cell_text(&cells[2], arena);
        m->hosts[m->host_count++] = host;
    }
    return true;
}

static struct store_param time_param(int64_t time_ns)
{
    return (struct store_param){.type = TYPE_DATE, .number = time_ns};
}

/* Events that the source met when they came are no news. */
static bool find_hosts(struct meeting *m, struct error *err)
{
    struct search_back *b = m->back;
    const struct indicator_field *field = &b->fields[m->hit->field];
    struct str name = field_name(field->field), columns[10];
    size_t count = 0;
    char sql[1024];
    columns[count++] = name;
    columns[count++] = STR("@timestamp");
    columns[count++] = STR("hyakuyo.sequence");
    columns[count++] = STR("event.type");
    columns[count++] = STR("hyakuyo.finding.rule_id");
    for (size_t i = 0; i < 4 && sides[field->about].columns[i]; i++)
        columns[count++] = str_c(sides[field->about].columns[i]);
    snprintf(sql, sizeof sql,
             "SELECT %s, %s, %s, min(\"@timestamp\"), max(\"@timestamp\"), count(*), "
             "arg_min(\"hyakuyo.sequence\", \"@timestamp\"), count(*) FILTER (WHERE \"@timestamp\" < $2), "
             "count(*) FILTER (WHERE list_contains(\"event.type\", 'denied')) FROM events "
             "WHERE %s AND \"@timestamp\" < $3 AND (\"hyakuyo.finding.rule_id\" IS NULL OR "
             "NOT list_contains(\"hyakuyo.finding.rule_id\", $4)) GROUP BY 1, 2, 3 ORDER BY 4, 7",
             sides[field->about].host, sides[field->about].ip, sides[field->about].user,
             is_list(field->field) ? "list_contains(\"%F\", $1)" : "\"%F\" = $1");
    struct buf text = {0};
    for (struct str rest = str_c(sql); rest.n;) {
        size_t at = str_find(rest, STR("%F"), 0);
        buf_add(&text, str_slice(rest, 0, at));
        if (at != STR_NOT_FOUND)
            buf_add(&text, name);
        rest = at == STR_NOT_FOUND ? STR_EMPTY : str_skip(rest, at + 2);
    }
    const int64_t far_ns = INT64_C(9000000000) * NS_PER_SECOND; /* the year 2255 */
    struct str rule_id = arena_printf(&b->arena, "intel:%.*s", STR_ARGS(b->source->name));
    struct store_param params[] = {
        {.type = TYPE_KEYWORD, .text = m->hit->value},
        time_param(m->view.valid_from_ns == TIME_UNKNOWN ? 0 : m->view.valid_from_ns),
        time_param(m->view.valid_until_ns == TIME_UNKNOWN ? far_ns : m->view.valid_until_ns),
        {.type = TYPE_KEYWORD, .text = rule_id}};
    struct store_needle needle = {name, m->hit->value};
    bool has_bloom = field_get(field->field)->index == INDEX_BLOOM;
    enum store_end end = query(b, buf_str(&text), columns, count, params, COUNT_OF(params), take_host, m,
                               has_bloom ? &needle : NULL, err);
    buf_free(&text);
    return end == STORE_DONE;
}

/* ------------------------------------------------------------- 3: kept and raised */

static struct str best_name(const struct met_host *h)
{
    return h->host.n ? h->host : h->ip.n ? h->ip : h->user.n ? h->user : STR("?");
}

static void put_text(struct json_writer *w, const char *key, struct str text)
{
    if (text.n == 0)
        return;
    json_key(w, key);
    json_put_str(w, text);
}

static void put_host(struct json_writer *w, const struct met_host *h)
{
    put_text(w, "host", h->host);
    put_text(w, "ip", h->ip);
    put_text(w, "user", h->user);
    json_key(w, "first");
    json_put_time(w, h->first_ns);
    json_key(w, "last");
    json_put_time(w, h->last_ns);
    json_key(w, "count");
    json_put_u64(w, h->count);
}

static bool keep(struct meeting *m, struct error *err)
{
    struct buf hosts = {0};
    struct json_writer w = {.out = &hosts};
    json_begin_array(&w);
    for (size_t i = 0; i < m->host_count; i++) {
        json_begin_object(&w);
        put_host(&w, &m->hosts[i]);
        json_end_object(&w);
    }
    json_end_array(&w);
    m->row.hosts = buf_str(&hosts);
    m->row.host_count = (uint32_t)m->host_total;
    m->row.patient_zero = best_name(&m->hosts[0]);
    bool ok = state_intel_put_hit(server_of(m->back)->state, &m->row, err);
    buf_free(&hosts);
    return ok;
}

/* One line for each host: the parser hyakuyo.retro-search reads it, rules select by level and stage. */
static void add_record(struct meeting *m, const struct met_host *h, const struct indicator_meaning *meaning)
{
    struct search_back *b = m->back;
    struct json_writer w = {.out = &b->body};
    json_begin_object(&w);
    json_key(&w, "ts");
    json_put_time(&w, b->now_ns);
    json_key(&w, "form");
    json_put_c(&w, "retro-search");
    put_text(&w, "source", m->row.source);
    put_text(&w, "indicator", m->row.indicator);
    put_text(&w, "type", m->row.type);
    put_text(&w, "description", m->row.description);
    put_text(&w, "tlp", m->view.tlp);
    put_text(&w, "field", m->row.field);
    put_text(&w, "value", m->row.value);
    put_text(&w, "level", level_name(meaning->level));
    put_text(&w, "stage", meaning->stage);
    put_host(&w, h);
    put_text(&w, "patient_zero", m->row.patient_zero);
    json_key(&w, "hosts");
    json_put_u64(&w, m->host_total);
    json_key(&w, "first_event");
    json_put_u64(&w, h->sequence);
    json_end_object(&w);
    buf_char(&b->body, '\n');
    b->records++;
}

static void raise_all(struct meeting *m)
{
    struct search_back *b = m->back;
    for (size_t i = 0; i < m->host_count; i++) {
        const struct met_host *h = &m->hosts[i];
        struct indicator_meaning meaning;
        enum passage passage = h->denied == h->count ? PASSAGE_DENIED : PASSAGE_UNKNOWN;
        if (b->records >= RECORDS_MAX) {
            b->is_cut = true;
            return;
        }
        if (indicator_set_meaning(b->set, m->hit->field, m->hit->ref, passage, &meaning))
            add_record(m, h, &meaning);
    }
}

static bool follow_up(struct search_back *b, const struct hit_value *hit, struct error *err)
{
    char text[INDICATOR_TEXT_MAX];
    struct meeting *m = NEW(struct meeting);
    const struct indicator_field *field = &b->fields[hit->field];
    const struct allow_list_info *list = indicator_set_allowed(b->set, hit->ref, field->type, hit->value);
    m->back = b;
    m->hit = hit;
    m->view = indicator_set_view(b->set, hit->ref);
    m->row = (struct intel_hit){.source = b->source->name,
                                .indicator = str_n(text, indicator_set_text(b->set, hit->ref, text)),
                                .type = indicator_type_name(m->view.type),
                                .description = m->view.description,
                                .field = field_name(field->field),
                                .value = hit->value,
                                .allowed_by = list ? list->name : STR_EMPTY,
                                .searched_ns = b->now_ns};
    bool ok = find_hosts(m, err);
    if (ok && m->row.count > 0) {
        ok = keep(m, err);
        if (ok && list == NULL)
            raise_all(m);
    }
    memory_free(m);
    return ok;
}

/* ------------------------------------------------------------------- the records */

struct waiting {
    sem_t done;
    enum ingest_outcome outcome;
};

static void answered(void *token, const struct ingest_result *result)
{
    struct waiting *waiting = token;
    waiting->outcome = result->outcome;
    sem_post(&waiting->done);
}

/* The key makes sure that a search that is repeated after a crash raises nothing twice. */
static bool send_records(struct search_back *b, struct error *err)
{
    struct waiting waiting = {.outcome = INGEST_STOPPING};
    char key[96];
    if (b->body.n == 0)
        return true;
    snprintf(key, sizeof key, "retro-%016llx-%lld", (unsigned long long)str_hash(b->source->name),
             (long long)b->source->imported_ns);
    struct ingest_request request = {.source = STR("hyakuyo"),
                                     .body = buf_str(&b->body),
                                     .idempotency_key = str_c(key),
                                     .sender = STR("127.0.0.1"),
                                     .done = answered,
                                     .token = &waiting};
    sem_init(&waiting.done, 0, 0);
    server_ingest(server_of(b), &request);
    while (sem_wait(&waiting.done) != 0)
        ;
    sem_destroy(&waiting.done);
    return waiting.outcome == INGEST_STORED || waiting.outcome == INGEST_DUPLICATE ||
           error_set(err, "%s", tr("the journal takes no records now", "ジャーナルが記録を受け付けません"));
}

/* --------------------------------------------------------------------- one source */

static bool run_search(struct search_back *b, struct error *err)
{
    bool ok = true;
    for (b->field = 0; ok && b->field < b->field_count && !b->retro->thread.is_over; b->field++)
        ok = find_values(b, err);
    for (size_t i = 0; ok && i < b->hit_count && !b->retro->thread.is_over; i++)
        ok = follow_up(b, &b->hits[i], err);
    return ok && !b->retro->thread.is_over && send_records(b, err);
}

static bool finish(struct search_back *b, const char *path, struct error *err)
{
    if (!state_intel_searched(server_of(b)->state, b->source->name, b->now_ns, indicator_set_count(b->set),
                              err))
        return false;
    unlink(path);
    log_info(tr("threat intelligence '%.*s': %zu new indicators searched back, %zu values met%s",
                "脅威情報 '%.*s': 新しい指標 %zu 件を過去に照合し、%zu 件の値が該当しました%s"),
             STR_ARGS(b->source->name), indicator_set_count(b->set), b->hit_count,
             b->is_cut ? tr(" (cut off at the limit)", "(上限で打ち切り)") : "");
    return true;
}

static bool search_source(struct retro *r, const struct intel_source *source, struct arena *arena,
                          struct error *err)
{
    struct server *s = r->server;
    struct str file = intel_file_name(arena, source->name, ".new");
    const char *path = intel_file_path(arena, s->data_dir, file);
    if (!file_exists(path))
        return state_intel_searched(s->state, source->name, clock_wall_ns(), 0, err);
    struct search_back *b = NEW(struct search_back);
    b->retro = r;
    b->source = source;
    b->now_ns = clock_wall_ns();
    b->set = intel_open_file(s->state, s->data_dir, file.p, s->intel_folder, err);
    bool ok = b->set != NULL;
    if (ok) {
        arena_init(&b->arena, 64 << 10);
        arena_init(&b->value_arena, 16 << 10);
        b->hits = ARENA_ARRAY(&b->arena, struct hit_value, HITS_MAX);
        b->field_count = indicator_set_fields(b->set, &b->fields);
        ok = run_search(b, err) && finish(b, path, err);
        arena_free(&b->arena);
        arena_free(&b->value_arena);
        buf_free(&b->body);
    }
    indicator_set_unref(b->set);
    memory_free(b);
    return ok;
}

/* ------------------------------------------------------------------------ thread */

/* Events that were on their way when the new set came into use met the old one: they must be in the store
 * before it is searched. */
static void let_settle(struct retro *r)
{
    struct journal_stats journal;
    struct store_status store;
    journal_stats(r->server->journal, &journal);
    for (int waited = 0; waited < SETTLE_MAX_MS && !r->thread.is_over; waited += 20) {
        store_status(r->server->store, &store);
        if (store.next_sequence >= journal.next_sequence)
            return;
        usleep(20000);
    }
}

static void search_all(struct retro *r)
{
    struct arena arena;
    struct intel_source *sources;
    uint32_t count = 0;
    struct error err;
    arena_init(&arena, 64 << 10);
    if (!state_intel_list(r->server->state, &arena, &sources, &count, &err))
        log_warning(tr("threat intelligence cannot be searched back: %s",
                       "脅威情報を過去に照合できません: %s"),
                    err.text);
    for (uint32_t i = 0; i < count && !r->thread.is_over; i++) {
        err.text[0] = 0;
        if (sources[i].kind == INTEL_INDICATORS && sources[i].searched_ns == TIME_UNKNOWN &&
            !search_source(r, &sources[i], &arena, &err) && !r->thread.is_over)
            log_warning(tr("threat intelligence '%.*s' is not searched back yet: %s",
                           "脅威情報 '%.*s' をまだ過去に照合できていません: %s"),
                        STR_ARGS(sources[i].name), err.text);
    }
    arena_free(&arena);
}

static int64_t go_round(void *context)
{
    struct retro *r = context;
    let_settle(r);
    search_all(r);
    return UNTIL_POKED;
}

struct retro *retro_start(struct server *s)
{
    struct retro *r = NEW(struct retro);
    r->server = s;
    poked_thread_start(&r->thread, "retro", go_round, r); /* what an earlier run left comes first */
    return r;
}

void retro_poke(struct retro *r)
{
    if (r)
        poked_thread_poke(&r->thread);
}

void retro_stop(struct retro *r)
{
    if (r == NULL)
        return;
    poked_thread_stop(&r->thread);
    memory_free(r);
}
