/* Knowledge, context and intelligence loaded anew beside what is in use. Next: serve.c. */
#include "serve/serve.h"

#include "base/file.h"
#include "base/log.h"
#include "intel/intel.h"
#include "intel/retro.h"
#include "notifier/notifier.h"
#include "store/state_assets.h"
#include "store/state_exceptions.h"
#include "work/carrier.h"

bool server_reload_knowledge(struct server *s, uint64_t *loaded, uint64_t *refused, struct error *err)
{
    pthread_mutex_lock(&s->reload_lock);
    struct knowledge *k = knowledge_load(&s->knowledge_options, err);
    if (k != NULL) {
        *loaded = k->rules_report.loaded;
        *refused = k->rules_report.refused;
        engine_set_knowledge(s->engine, k);
    }
    pthread_mutex_unlock(&s->reload_lock);
    return k != NULL;
}

struct context *server_load_context(struct server *s, struct error *err)
{
    struct arena arena;
    struct asset_set set = {.zone = s->zone};
    arena_init(&arena, 64 << 10);
    if (!state_assets_load(s->state, true, &arena, &set, err)) {
        arena_free(&arena);
        return NULL;
    }
    return context_new(&arena, &set, s->zone);
}

bool server_reload_context(struct server *s, struct error *err)
{
    pthread_mutex_lock(&s->reload_lock);
    struct context *context = server_load_context(s, err);
    if (context != NULL)
        engine_set_context(s->engine, context);
    pthread_mutex_unlock(&s->reload_lock);
    return context != NULL;
}

bool server_reload_exceptions(struct server *s, struct error *err)
{
    struct arena arena;
    struct rule_exception *rows;
    uint32_t count;
    arena_init(&arena, 16 << 10);
    pthread_mutex_lock(&s->reload_lock);
    bool ok = state_exceptions_list(s->state, &arena, &rows, &count, err);
    if (ok)
        engine_set_suppressions(s->engine, suppressions_new(rows, count));
    pthread_mutex_unlock(&s->reload_lock);
    arena_free(&arena);
    return ok;
}

struct fleet_rules *serve_fleet_rules(struct server *s, struct error *err)
{
    struct arena arena;
    arena_init(&arena, 4096);
    const char *own = arena_printf(&arena, "%s/fleet.yml", s->data_dir).p;
    struct fleet_rules *rules = fleet_rules_load(file_exists(own) ? own : s->fleet_file, err);
    arena_free(&arena);
    return rules;
}

bool server_reload_fleet(struct server *s, struct error *err)
{
    pthread_mutex_lock(&s->reload_lock);
    struct fleet_rules *rules = serve_fleet_rules(s, err);
    if (rules != NULL)
        desk_set_fleet_rules(s->desk, rules);
    pthread_mutex_unlock(&s->reload_lock);
    return rules != NULL;
}

bool server_reload_intel(struct server *s, struct error *err)
{
    pthread_mutex_lock(&s->reload_lock);
    struct indicator_set *set = intel_open(s->state, s->data_dir, s->intel_folder, err);
    if (set != NULL)
        engine_set_indicators(s->engine, set);
    retro_poke(s->retro);
    pthread_mutex_unlock(&s->reload_lock);
    return set != NULL;
}

bool server_reload_geo(struct server *s, struct error *err)
{
    if (s->geoip_count == 0)
        return true;
    pthread_mutex_lock(&s->reload_lock);
    struct geo *geo = geo_open(s->geoip, s->geoip_count, err);
    if (geo != NULL)
        engine_set_geo(s->engine, geo);
    pthread_mutex_unlock(&s->reload_lock);
    return geo != NULL;
}

static unsigned tell_failure(bool ok, const char *sentence, const struct error *err)
{
    if (!ok)
        log_error("%s: %s", sentence, err->text);
    return ok ? 0 : 1;
}

void server_reload(struct server *s)
{
    struct error err;
    uint64_t loaded = 0, refused = 0;
    serve_record_content(s, "server.reload");
    unsigned failed = tell_failure(server_reload_knowledge(s, &loaded, &refused, &err),
                                   tr("the content could not be loaded, the old one stays",
                                      "定義を読み込めないため、前の定義を使い続けます"),
                                   &err);
    failed += tell_failure(server_reload_context(s, &err),
                           tr("the organisation could not be loaded, the old one stays",
                              "組織の台帳を読み込めないため、前の台帳を使い続けます"),
                           &err);
    failed += tell_failure(server_reload_geo(s, &err),
                           tr("the GeoIP databases could not be opened, the old ones stay",
                              "GeoIP データベースを開けないため、前のものを使い続けます"),
                           &err);
    failed += tell_failure(server_reload_fleet(s, &err),
                           tr("the fleet's thresholds could not be loaded, the old ones stay",
                              "端末の守りの基準を読み込めないため、前の基準を使い続けます"),
                           &err);
    failed += tell_failure(server_reload_intel(s, &err),
                           tr("the threat intelligence could not be loaded, the old one stays",
                              "脅威情報を読み込めないため、前の情報を使い続けます"),
                           &err);
    failed +=
        tell_failure(notifier_reload(s->notifier, &err),
                     tr("the rules and channels of notifications could not be loaded, the old ones stay",
                        "通知の規則と経路を読み込めないため、前のものを使い続けます"),
                     &err);
    failed += tell_failure(carrier_reload(s->carrier, &err),
                           tr("the connectors could not be loaded, the old ones stay",
                              "コネクタを読み込めないため、前のものを使い続けます"),
                           &err);
    log_info(tr("loaded anew: %llu rules, %llu refused; parts that stay as they were: %u",
                "読み込み直しました: 規則 %llu、拒否 %llu、前のまま残した部分 %u"),
             (unsigned long long)loaded, (unsigned long long)refused, failed);
}
