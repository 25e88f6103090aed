/* What the organisation and its records say about a host, for the console: who was behind it and when. */
#include "base/json.h"
#include "server/server.h"
#include "store/state_identity.h"

static void put(struct json_writer *w, const char *key, struct str text)
{
    json_key(w, key);
    json_put_str(w, text);
}

static void put_interval(struct json_writer *w, const struct identity_interval *i)
{
    json_begin_object(w);
    if (i->relation == IDENTITY_DEVICE) {
        put(w, "ip", i->key);
        put(w, "mac", i->mac);
    } else {
        put(w, "user", i->user);
        put(w, "ip", i->relation == IDENTITY_TENANT ? i->key : STR_EMPTY);
        json_key(w, "weak");
        json_put_bool(w, i->is_weak);
    }
    json_key(w, "from");
    json_put_time(w, i->from_ns);
    json_key(w, "to");
    json_put_time(w, i->to_ns);
    put(w, "by", i->by);
    json_end_object(w);
}

static void put_intervals(struct json_writer *w, const char *key, const struct identity_interval *rows,
                          uint32_t count, bool of_devices)
{
    json_key(w, key);
    json_begin_array(w);
    for (uint32_t i = 0; i < count; i++)
        if ((rows[i].relation == IDENTITY_DEVICE) == of_devices)
            put_interval(w, &rows[i]);
    json_end_array(w);
}

/* What the inventory says now. */
static void put_inventory(struct json_writer *w, const struct asset_host *host)
{
    json_key(w, "registered");
    json_put_bool(w, host != NULL);
    put(w, "owner", host != NULL ? host->owner : STR_EMPTY);
    put(w, "department", host != NULL ? host->department : STR_EMPTY);
}

static struct str registered_macs(const struct asset_host *host, struct arena *a)
{
    struct str all = STR_EMPTY;
    for (uint32_t i = 0; host != NULL && i < host->macs.count; i++)
        all = arena_printf(a, "%.*s;%.*s", STR_ARGS(all), STR_ARGS(identity_mac(host->macs.items[i], a)));
    return all;
}

static void put_identity(struct json_writer *w, struct str name, const struct asset_host *host,
                         const struct identity_interval *rows, uint32_t count)
{
    json_begin_object(w);
    put(w, "host", name);
    put_inventory(w, host);
    put_intervals(w, "addresses", rows, count, true);
    put_intervals(w, "users", rows, count, false);
    json_end_object(w);
}

static bool host_identity(void *ctx, const struct identity_request *request, struct buf *json,
                          struct console_failure *failure)
{
    struct server *s = ctx;
    struct arena arena;
    struct identity_interval *rows;
    uint32_t count;
    struct json_writer w = {.out = json};
    struct str name = str_slice(request->host, 0, str_find_char(request->host, '.', 0));
    struct context *c = engine_context(s->engine);
    const struct asset_host *host = c != NULL ? context_find_host(c, name, STR_EMPTY, clock_wall_ns()) : NULL;
    arena_init(&arena, 16 << 10);
    bool ok = state_identity_of_host(s->state, name, registered_macs(host, &arena), request->from_ns,
                                     request->to_ns, request->limit, &arena, &rows, &count, &failure->en);
    failure->status = ok ? 0 : 500;
    if (ok)
        put_identity(&w, name, host, rows, count);
    context_unref(c);
    arena_free(&arena);
    return ok;
}

void services_assets(struct console_services *s)
{
    s->host_identity = host_identity;
}
