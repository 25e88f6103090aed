/* Risk for the console: which file answers what, and the risks of entities. Next: services_register.c. */
#include "risk/services_risk.h"

#include "base/log.h"

bool risk_fail(struct risk_answer *a, int status, const struct error *err)
{
    a->failure->status = status;
    a->failure->en = a->failure->ja = *err;
    return false;
}

static bool is_watched(const void *focus, enum risk_kind kind, struct str name)
{
    return focus_named(focus, (enum focus_kind)kind, name, clock_wall_ns()) != NULL;
}

static void ask_entities(void *context, const struct risk *risk, const struct focus *focus, int64_t now_ns)
{
    struct risk_answer *a = context;
    struct risk_asking asking = {.limit = a->request->limit,
                                 .now_ns = now_ns,
                                 .is_watched = is_watched,
                                 .context = focus};
    if (risk_kind_parse(a->request->kind, &asking.kind))
        risk_json(risk, &asking, a->w);
}

static bool entities(struct risk_answer *a)
{
    desk_ask_risk(a->server->desk, ask_entities, a);
    return true;
}

static bool risk(void *ctx, const struct risk_request *request, struct arena *arena, struct buf *json,
                 struct console_failure *failure)
{
    static bool (*const answers[])(struct risk_answer * a) = {
        [RISK_ENTITIES] = entities,      [RISK_RESIDUAL] = risk_residual,
        [RISK_EXPOSURE] = risk_exposure, [RISK_TRAINING_EFFECT] = risk_training_effect,
        [RISK_WORKLIST] = risk_worklist, [RISK_CALIBRATION] = risk_calibration,
        [RISK_LIST] = register_list,     [RISK_ADD] = register_add,
        [RISK_END] = register_end,
    };
    struct json_writer w = {.out = json};
    struct risk_answer a = {.server = ctx,
                            .request = request,
                            .arena = arena,
                            .w = &w,
                            .failure = failure,
                            .now_ns = clock_wall_ns()};
    json_begin_object(&w);
    bool ok = answers[request->action](&a);
    json_end_object(&w);
    return ok;
}

void services_risk(struct console_services *s)
{
    s->risk = risk;
}
