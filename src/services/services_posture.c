/* The posture for the console: looking at it, and what people decide. The desk holds it; decisions are kept
 * before they are answered. */
#include "server/server.h"

#include "base/log.h"
#include "console/auth.h"
#include "console/roles.h"

struct asked {
    const struct posture_action *action;
    struct buf *json;
};

static bool fail(const struct error *err, int status, struct console_failure *failure)
{
    failure->status = status;
    failure->en = *err;
    return false;
}

static bool add_notice(struct posture *p, const struct posture_action *a)
{
    struct posture_notice notice = {.port = a->port, .time_ns = a->time_ns};
    snprintf(notice.issuer, sizeof notice.issuer, "%.*s", STR_ARGS(a->issuer));
    snprintf(notice.trend, sizeof notice.trend, "%.*s", STR_ARGS(a->text));
    snprintf(notice.tlp, sizeof notice.tlp, "%.*s", STR_ARGS(a->tlp));
    posture_add_notice(p, &notice);
    return true;
}

static bool act(struct posture *p, const struct posture_action *a, struct error *err)
{
    int64_t now_ns = clock_wall_ns();
    struct posture_decision decision = {(enum posture_level)a->level, a->text, a->viewer.user, a->approver,
                                        a->time_ns};
    switch (a->kind) {
    case POSTURE_OVERRIDE:
        return posture_decide(p, &decision, now_ns, err);
    case POSTURE_WITHDRAW:
        return posture_withdraw(p, now_ns, err);
    case POSTURE_CONFIRM:
        return posture_confirm(p, now_ns, err);
    case POSTURE_NOTICE:
        return add_notice(p, a);
    case POSTURE_CONFIRM_NOTICE:
        return posture_confirm_notice(p, a->id, a->viewer.user, now_ns, err);
    default:
        return true;
    }
}

static bool use(void *context, struct posture *p, struct error *err)
{
    struct asked *asked = context;
    if (!act(p, asked->action, err))
        return false;
    posture_json(p, asked->json);
    return true;
}

bool server_check_approver(struct server *s, struct str name, struct error *err)
{
    struct console_services services = {0};
    struct console_user user;
    services_access(&services);
    if (auth_name_is_acceptable(name) && services.user_find(s, name, &user) && !user.disabled &&
        user.roles & (ROLE_APPROVER | ROLE_LEAD | ROLE_ADMINISTRATOR))
        return true;
    return error_set(
        err,
        tr("'%.*s' is no user with the role approver, lead or administrator; name one",
           "'%.*s' は approver、lead、administrator のいずれの役割も持ちません。承認者を指定してください"),
        STR_ARGS(name));
}

static bool posture(void *ctx, const struct posture_action *action, struct buf *json,
                    struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    struct asked asked = {action, json};
    if (action->kind == POSTURE_OVERRIDE && !server_check_approver(s, action->approver, &err))
        return fail(&err, 400, failure);
    if (!desk_use_posture(s->desk, action->kind != POSTURE_LOOK, use, &asked, &err))
        return fail(&err, action->kind == POSTURE_CONFIRM_NOTICE ? 404 : 409, failure);
    return true;
}

void services_posture(struct console_services *s)
{
    s->posture = posture;
}
