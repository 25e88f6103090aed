/* What a countermeasure may be aimed at, asked when it is requested, when it is activated, and again right
 * before a connector acts. And which computers are verified to be cut off, for the desk. Next:
 * work_measure.c. */
#include "base/ip.h"
#include "base/log.h"
#include "incident/never_block.h"
#include "work/work.h"

/* Labels of 1 to 63 letters, digits, - and _; none begins with "-", which programs would take for an option.
 */
static bool is_name(struct str s, bool needs_dot)
{
    bool has_dot = false;
    size_t label = 0;
    for (size_t i = 0; i < s.n; i++) {
        char ch = ascii_lower(s.p[i]);
        if (ch == '.') {
            if (label == 0 || label > 63)
                return false;
            has_dot = true;
            label = 0;
            continue;
        }
        if (!ascii_is_digit(ch) && !(ch >= 'a' && ch <= 'z') && ch != '_' && (ch != '-' || label == 0))
            return false;
        label++;
    }
    return (has_dot || !needs_dot) && label > 0 && label <= 63;
}

/* Networks shorter than a /16 or a /32 of IPv6 are no countermeasure but an outage. */
static bool is_too_broad(const struct cidr *c)
{
    return c->bits < (ip_is_v4(&c->ip) ? 96 + 16 : 32);
}

static bool refuse_listed(struct casework *c)
{
    return work_refuse(c, 409, "It is on the list of what is never blocked.",
                       "遮断禁止リストに含まれています。");
}

/* ----------------------------------------------------------------- isolating */

static bool is_listed(const struct never_block *list, const struct asset_host *host, struct str name,
                      struct str ip)
{
    bool is = never_block_has_host(list, name, ip) ||
              (host != NULL && never_block_has_host(list, host->hostname, STR_EMPTY));
    for (uint32_t i = 0; host != NULL && i < host->ips.count; i++)
        is |= never_block_has_host(list, STR_EMPTY, host->ips.items[i]);
    return is;
}

/* By what it is called and by every name and address the inventory has of it. */
static bool check_host(struct casework *c, const struct never_block *list, struct str target)
{
    struct ip address;
    bool is_address = ip_parse(target, &address);
    if (!is_address && !is_name(target, false))
        return work_refuse(c, 400, "What is cut off is one computer: its address or its name.",
                           "隔離の対象は端末 1 台です。アドレスか端末名で指定してください。");
    struct str name = is_address ? STR_EMPTY : target, ip = is_address ? target : STR_EMPTY;
    struct context *context = engine_context(c->s->engine);
    const struct asset_host *host = context ? context_find_host(context, name, ip, c->now_ns) : NULL;
    bool is = is_listed(list, host, name, ip);
    context_unref(context);
    return !is || refuse_listed(c);
}

/* ------------------------------------------------------------------ blocking */

static bool check_destination(struct casework *c, const struct never_block *list, struct str device,
                              struct str target)
{
    struct cidr network;
    bool is_network = cidr_parse(target, &network);
    if (is_network ? str_eq(device, STR("dns")) : str_eq(device, STR("firewall")) || !is_name(target, true))
        return work_refuse(c, 400, "A firewall blocks addresses, a DNS server names, a proxy either.",
                           "ファイアウォールはアドレス、DNS は名前、プロキシは両方を遮断できます。");
    if (is_network && is_too_broad(&network))
        return work_refuse(c, 409, "This network is too broad to be blocked.",
                           "このネットワークは広すぎます。");
    struct context *context = engine_context(c->s->engine);
    char text[IP_TEXT_MAX];
    bool is_inside = is_network && context != NULL &&
                     context_is_inside(context, str_n(text, ip_format(&network.ip, text)), c->now_ns);
    context_unref(context);
    return (!is_inside && !never_block_has(list, target, is_network ? &network : NULL)) || refuse_listed(c);
}

bool work_check_target(struct casework *c, struct str device, struct str target)
{
    struct error err;
    const struct never_block *list = never_block_load(c->s->never_block_file, c->arena, &err);
    if (list == NULL)
        return work_fail(c, 503, &err);
    return str_eq(device, STR("access")) ? check_host(c, list, target)
                                         : check_destination(c, list, device, target);
}

bool work_is_server_target(struct casework *c, struct str target)
{
    struct ip address;
    bool is_address = ip_parse(target, &address);
    struct context *context = engine_context(c->s->engine);
    const struct asset_host *host = context ? context_find_host(context, is_address ? STR_EMPTY : target,
                                                                is_address ? target : STR_EMPTY, c->now_ns)
                                            : NULL;
    bool is = host != NULL && str_eq_nocase(host->type, STR("server"));
    context_unref(context);
    return is;
}

/* ----------------------------------------------------------------- isolated */

/* Verified by the absence of traffic and not over: only that lowers the urgency (spec 4.1). */
void work_tell_isolated(struct server *s)
{
    struct arena arena;
    struct work_rows rows;
    struct error err;
    size_t count = 0;
    arena_init(&arena, 16 << 10);
    if (!state_work_list(s->state, WORK_COUNTERMEASURE, COUNTERMEASURE_DEVICE, STR("access"), WORK_ROWS_MOST,
                         &arena, &rows, &err)) {
        log_warning(tr("the desk was not told which computers are cut off: %s",
                       "隔離済みの端末を判断に反映できません: %s"),
                    err.text);
    } else {
        struct str *hosts = ARENA_ARRAY(&arena, struct str, rows.count + 1);
        for (uint32_t i = 0; i < rows.count; i++)
            if (str_eq(rows.rows[i].values[COUNTERMEASURE_STATUS], STR("verified")))
                hosts[count++] = rows.rows[i].values[COUNTERMEASURE_TARGET];
        desk_set_isolated(s->desk, hosts, count);
    }
    arena_free(&arena);
}
