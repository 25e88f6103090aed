/* What goes over each kind of connector, and what comes back. The order says what is sent; the connector
 * says where, and holds the secret. Next: connect/, notify/transport.c. */
#include <stdio.h>
#include <sys/random.h>

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "connect/program.h"
#include "connect/radius_client.h"
#include "notify/transport.h"
#include "work/carrier_internal.h"

#define ARGUMENTS_MAX 40

/* ------------------------------------------------------------------- web hook */

/* The body is the same at each attempt; the time of the signature is not. */
static bool carry_webhook(struct carrying *x, struct error *err)
{
    const struct connector *c = x->connector;
    const struct channel channel = {
        .name = c->name, .url = c->url, .is_plain = c->is_plain, .secret = c->secret, .ca_file = c->ca_file};
    struct delivery delivery = {.channel = &channel, .is_over = x->is_over};
    struct str body = x->order->values[ORDER_REQUEST];
    struct buf signature = {0};
    int64_t seconds = clock_wall_ns() / NS_PER_SECOND;
    char time_header[64], key_header[120];
    buf_c(&signature, "X-Hyakuyo-Signature: ");
    transport_sign(c->secret, seconds, body, &signature);
    snprintf(time_header, sizeof time_header, "X-Hyakuyo-Timestamp: %lld", (long long)seconds);
    snprintf(key_header, sizeof key_header, "Idempotency-Key: %.*s", STR_ARGS(x->order->values[ORDER_KEY]));
    const char *headers[] = {time_header, buf_cstr(&signature), key_header, NULL};
    bool ok = transport_post(&delivery, c->url, headers, body, &x->answer, err);
    x->is_permanent = delivery.is_permanent;
    buf_free(&signature);
    return ok;
}

/* -------------------------------------------------------------------- command */

/* The arguments of the order. Its program must still be the connector's. */
static bool read_arguments(struct carrying *x, const char **arguments, struct error *err)
{
    uint32_t count = 0;
    const struct json_node *list = json_parse(x->order->values[ORDER_REQUEST], x->arena, err);
    for (const struct json_node *at = list ? list->child : NULL; at != NULL && count < ARGUMENTS_MAX - 1;
         at = at->next)
        arguments[count++] = arena_str(x->arena, at->text).p;
    arguments[count] = NULL;
    x->is_permanent = count > 0 && strcmp(arguments[0], x->connector->program) != 0;
    return list != NULL && (!x->is_permanent || error_set(err,
                                                          tr("the connector runs another program now: %s",
                                                             "コネクタのプログラムが変わりました: %s"),
                                                          x->connector->program));
}

static bool carry_command(struct carrying *x, struct error *err)
{
    const char *arguments[ARGUMENTS_MAX];
    const char *environment[] = {
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
        arena_printf(x->arena, "HYAKUYO_KEY=%.*s", STR_ARGS(x->order->values[ORDER_KEY])).p,
        arena_printf(x->arena, "HYAKUYO_ACT=%.*s", STR_ARGS(connector_act_name(x->act))).p, NULL};
    if (!read_arguments(x, arguments, err) || !program_is_trusted(x->connector->program, err))
        return false;
    if (arguments[0] == NULL) { /* a test that runs nothing */
        buf_c(&x->answer, tr("the program is there and may be run", "プログラムは実行可能です"));
        return true;
    }
    struct program program = {.arguments = arguments,
                              .environment = environment,
                              .seconds = x->connector->seconds,
                              .is_over = x->is_over};
    bool ok = program_run(&program, err);
    buf_add(&x->answer, buf_str(&program.output));
    buf_free(&program.output);
    return ok;
}

/* --------------------------------------------------------------------- RADIUS */

static bool write_packet(struct carrying *x, struct radius_packet *p, struct error *err)
{
    const struct json_node *request = json_parse(x->order->values[ORDER_REQUEST], x->arena, err);
    const struct json_node *list = request ? json_member(request, "attributes") : NULL;
    uint8_t identifier = 0;
    bool is_coa = request != NULL && str_eq(json_text(request, "request"), STR("CoA-Request"));
    if (request == NULL)
        return false;
    if (getrandom(&identifier, 1, 0) != 1)
        identifier = 0;
    radius_begin(p, is_coa ? RADIUS_COA_REQUEST : RADIUS_DISCONNECT_REQUEST, identifier);
    for (const struct json_node *at = list ? list->child : NULL; at != NULL; at = at->next)
        if (!radius_put(p, json_text(at, "name"), json_text(at, "value"), err))
            return false;
    return radius_put_time(p, (uint32_t)(clock_wall_ns() / NS_PER_SECOND), err) &&
           radius_sign(p, str_c(x->connector->secret), err);
}

/* "Disconnect-NAK, Session-Context-Not-Found (503): no such session" */
static void put_answer(const struct radius_answer *answer, struct buf *out)
{
    struct str cause = radius_error_cause(answer->error_cause);
    buf_c(out, radius_code_name(answer->code));
    if (answer->error_cause)
        buf_printf(out, ", %.*s%s(%u)", STR_ARGS(cause), cause.n ? " " : "", answer->error_cause);
    if (answer->message.n)
        buf_printf(out, ": %.*s", STR_ARGS(answer->message));
}

/* What trying again cannot change (RFC 5176, 3.5). */
static bool is_final(uint32_t cause)
{
    return cause / 100 == 4 || cause == 501 || cause == 504 || cause == 508;
}

static bool carry_radius(struct carrying *x, struct error *err)
{
    const struct connector *c = x->connector;
    struct radius_packet packet;
    struct radius_answer answer;
    struct radius_exchange exchange = {.host = c->host,
                                       .port = c->port,
                                       .secret = str_c(c->secret),
                                       .tries = c->tries,
                                       .timeout_ms = c->timeout_ms,
                                       .needs_authenticator = c->needs_authenticator,
                                       .is_over = x->is_over,
                                       .request = &packet};
    if (!write_packet(x, &packet, err) || !radius_exchange(&exchange, &answer, err))
        return false;
    put_answer(&answer, &x->answer);
    if (answer.is_ack || x->act == ACT_TEST) /* of a probe a NAK is what was hoped for: it was understood */
        return true;
    x->is_permanent = is_final(answer.error_cause);
    return error_set(err, "%s", buf_cstr(&x->answer));
}

bool carrier_carry(struct carrying *x, struct error *err)
{
    switch (x->connector->kind) {
    case CONNECTOR_WEBHOOK:
        return carry_webhook(x, err);
    case CONNECTOR_COMMAND:
        return carry_command(x, err);
    case CONNECTOR_RADIUS:
        return carry_radius(x, err);
    }
    BUG("unknown kind of connector");
}
