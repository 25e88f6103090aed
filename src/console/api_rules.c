/* Detection rules: what is loaded, what was refused and why, and loading again. Stage: console. Next:
 * services.h. */
#include "base/json.h"
#include "console/console_internal.h"
#include "console/router.h"

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

static void write_rule(struct json_writer *w, const struct rule_view *rule)
{
    json_begin_object(w);
    put_text(w, "id", rule->id);
    put_text(w, "title", rule->title_en);
    put_text(w, "title_ja", rule->title_ja);
    put_text(w, "level", rule->level);
    put_text(w, "status", rule->status);
    put_text(w, "file", rule->file);
    json_key(w, "proved");
    json_put_bool(w, rule->proved);
    json_key(w, "last_fired");
    json_put_time(w, rule->last_fired_ns);
    put_number(w, "fired", rule->fired);
    json_key(w, "cost_ns");
    json_put_double(w, rule->cost_ns);
    json_key(w, "cost_share");
    json_put_double(w, rule->cost_share);
    json_key(w, "is_dear");
    json_put_bool(w, rule->is_dear);
    json_end_object(w);
}

static void write_refusal(struct json_writer *w, const struct rule_refusal *refusal)
{
    json_begin_object(w);
    put_text(w, "file", refusal->file);
    put_number(w, "line", refusal->line);
    put_number(w, "column", refusal->column);
    put_text(w, "reason", refusal->reason);
    json_end_object(w);
}

static void write_rules(struct json_writer *w, const struct rule_list *list)
{
    json_begin_object(w);
    put_number(w, "loaded", list->loaded);
    put_number(w, "refused", list->refused);
    json_key(w, "rows");
    json_begin_array(w);
    for (uint32_t i = 0; i < list->count; i++)
        write_rule(w, &list->rows[i]);
    json_end_array(w);
    json_key(w, "refusals");
    json_begin_array(w);
    for (uint32_t i = 0; i < list->refusal_count; i++)
        write_refusal(w, &list->refusals[i]);
    json_end_array(w);
    json_end_object(w);
}

static void get_rules(struct request *r)
{
    struct console_failure failure = failure_none();
    struct rule_list list = {0};
    if (!r->services->rules(r->services->ctx, &r->arena, &list, &failure)) {
        reply_failure(r, &failure);
        return;
    }
    struct json_writer w = {.out = reply_json(r, 200)};
    write_rules(&w, &list);
}

static void post_reload(struct request *r)
{
    uint64_t loaded = 0, refused = 0;
    struct console_failure failure = failure_none();
    struct console_viewer viewer = request_viewer(r);
    if (!r->services->rules_reload(r->services->ctx, &viewer, &loaded, &refused, &failure)) {
        reply_failure(r, &failure);
        return;
    }
    buf_printf(reply_json(r, 200), "{\"loaded\":%llu,\"refused\":%llu}", (unsigned long long)loaded,
               (unsigned long long)refused);
}

static const struct route ROUTES[] = {
    {METHOD_GET, "/api/v1/rules", get_rules, RUN_WORKER, MAY_SEE_RULES, 0, NULL, NULL, NULL},
    {METHOD_POST, "/api/v1/rules/reload", post_reload, RUN_WORKER, MAY_MANAGE_RULES, 0, NULL, NULL,
     "rules.reload"},
};
const struct route_table rule_routes = {ROUTES, COUNT_OF(ROUTES)};
