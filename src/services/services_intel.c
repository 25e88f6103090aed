/* Threat intelligence for the console: sources, look-ups, what the search back found, import and removal. */
#include "base/log.h"
#include "intel/intel.h"
#include "intel/intel_json.h"
#include "server/server.h"

#define HITS_MAX 10000

static bool fail(const struct error *err, int status, struct console_failure *failure)
{
    failure->status = status;
    failure->en = *err;
    return false;
}

/* The source, and how often it fired since the start: its findings carry the rule id "intel:NAME". */
static void put_source(struct server *s, struct json_writer *w, const struct intel_source *source,
                       struct arena *arena)
{
    int64_t last_ns = TIME_UNKNOWN;
    struct str rule_id = arena_printf(arena, "intel:%.*s", STR_ARGS(source->name));
    uint64_t fired = engine_rule_fired(s->engine, rule_id, &last_ns);
    intel_source_json(w, source);
    w->out->n--; /* two members more */
    buf_printf(w->out, ",\"fired\":%llu,\"last_fired\":", (unsigned long long)fired);
    struct json_writer time = {.out = w->out};
    json_put_time(&time, last_ns);
    buf_char(w->out, '}');
}

static bool indicators(void *ctx, struct buf *json, struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    struct arena arena;
    struct intel_source *sources;
    uint32_t count;
    struct json_writer w = {.out = json};
    struct indicator_set *set = engine_indicators(s->engine);
    arena_init(&arena, 64 << 10);
    bool ok = state_intel_list(s->state, &arena, &sources, &count, &err) || fail(&err, 500, failure);
    if (ok) {
        json_begin_object(&w);
        json_key(&w, "total");
        json_put_u64(&w, set ? indicator_set_count(set) : 0);
        json_key(&w, "rows");
        json_begin_array(&w);
        for (uint32_t i = 0; i < count; i++)
            put_source(s, &w, &sources[i], &arena);
        json_end_array(&w);
        json_end_object(&w);
    }
    indicator_set_unref(set);
    arena_free(&arena);
    return ok;
}

static bool indicator_hits(void *ctx, struct str source, uint32_t limit, struct buf *json,
                           struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    struct arena arena;
    struct intel_hit *hits;
    uint32_t count;
    struct json_writer w = {.out = json};
    arena_init(&arena, 64 << 10);
    bool ok = state_intel_hits(s->state, source, limit < HITS_MAX ? limit : HITS_MAX, &arena, &hits, &count,
                               &err) ||
              fail(&err, 500, failure);
    if (ok) {
        json_begin_object(&w);
        json_key(&w, "rows");
        json_begin_array(&w);
        for (uint32_t i = 0; i < count; i++)
            intel_hit_json(&w, &hits[i]);
        json_end_array(&w);
        json_end_object(&w);
    }
    arena_free(&arena);
    return ok;
}

static bool indicator_lookup(void *ctx, struct str value, struct buf *json, struct console_failure *failure)
{
    struct server *s = ctx;
    struct json_writer w = {.out = json};
    struct indicator_set *set = engine_indicators(s->engine);
    (void)failure;
    json_begin_object(&w);
    json_key(&w, "rows");
    json_begin_array(&w);
    if (set != NULL)
        intel_matches_json(&w, set, value);
    json_end_array(&w);
    json_end_object(&w);
    indicator_set_unref(set);
    return true;
}

static void told(void *context, const struct intel_source *source, const struct indicator_report *report,
                 uint64_t added)
{
    struct buf *json = context;
    (void)report;
    buf_printf(json, "{\"kept\":%llu,\"refused\":%llu,\"repeated\":%llu,\"allowed\":%llu,\"new\":%llu}",
               (unsigned long long)source->kept, (unsigned long long)source->refused,
               (unsigned long long)source->repeated, (unsigned long long)source->allowed,
               (unsigned long long)added);
}

static bool indicator_import(void *ctx, const struct indicator_import *request, struct buf *json,
                             struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    struct intel_options options = {.data_dir = s->data_dir,
                                    .content_folder = s->intel_folder,
                                    .source = request->source,
                                    .origin = request->origin,
                                    .cursor = STR_EMPTY,
                                    .confidence = request->confidence,
                                    .tlp = request->tlp,
                                    .valid_ns = request->valid_days * 86400 * NS_PER_SECOND,
                                    .now_ns = clock_wall_ns()};
    if (!intel_import_text(s->state, &options, request->content, told, json, &err))
        return fail(&err, 400, failure);
    if (json->n == 0) {
        error_set(&err, "%s",
                  tr("no line is an indicator; nothing was imported",
                     "指標と読める行がありません。取り込みません"));
        return fail(&err, 400, failure);
    }
    return server_reload_intel(s, &err) || fail(&err, 500, failure);
}

static bool indicator_remove(void *ctx, struct str name, struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    bool found;
    if (!intel_remove(s->state, s->data_dir, name, &found, &err))
        return fail(&err, 500, failure);
    if (!found) {
        error_set(&err, tr("there is no source '%.*s'", "情報源 '%.*s' はありません"), STR_ARGS(name));
        return fail(&err, 404, failure);
    }
    return server_reload_intel(s, &err) || fail(&err, 500, failure);
}

void services_intel(struct console_services *s)
{
    s->indicators = indicators;
    s->indicator_hits = indicator_hits;
    s->indicator_lookup = indicator_lookup;
    s->indicator_import = indicator_import;
    s->indicator_remove = indicator_remove;
}
