/* Every host once, with what the inventory says of it and the state of its antivirus and patches in one word
 * each (stage fleet): for lists of all hosts. rows.c has the hosts behind one figure. */
#include "fleet/answer.h"

static const char *state_word(const struct fleet *f, enum fleet_question q, const struct host *h)
{
    struct verdict v = ask(f, q, h, FUNCTION_ANTIVIRUS);
    return v.state < 0 ? "" : questions[q].states[v.state].name;
}

static bool is_word(const char *word, const char *wanted)
{
    return str_eq(str_c(word), str_c(wanted));
}

/* The gravest that can be said; "healthy" only when everything was told and is good. */
static const char *control_word(const struct fleet *f, const struct host *h)
{
    const char *coverage = state_word(f, QUESTION_COVERAGE, h), *agent = state_word(f, QUESTION_AGENTS, h);
    const char *patterns = state_word(f, QUESTION_PATTERNS, h), *engine = state_word(f, QUESTION_ENGINES, h);
    if (is_word(coverage, "exempt"))
        return "exempt";
    if (is_word(coverage, "no_antivirus"))
        return "missing";
    if (!is_word(agent, "up"))
        return agent[0] ? agent : "unknown"; /* off, silent, absent, unknown */
    if (is_word(patterns, "amber") || is_word(patterns, "red") || is_word(engine, "obsolete"))
        return "outdated";
    return is_word(patterns, "green") ? "healthy" : "unknown";
}

static void tell_seen(struct fleet *f, const struct host *h, const struct asset_host *asset,
                      fleet_host_fn *each, void *context)
{
    char text[IP_TEXT_MAX];
    const char *patches = state_word(f, QUESTION_PATCHES, h);
    struct fleet_host host = {.asset = asset,
                              .name = text_of(f, h->shown),
                              .ip = host_newest_address(h, text),
                              .department = text_of(f, h->department),
                              .type = text_of(f, h->type),
                              .control = str_c(control_word(f, h)),
                              .patches = patches[0] ? str_c(patches) : STR("unknown"),
                              .last_ns = h->last_ns};
    each(context, &host);
}

static void tell_unseen(const struct asset_host *asset, fleet_host_fn *each, void *context)
{
    struct str ip = asset->ips.count ? asset->ips.items[0] : STR_EMPTY;
    struct fleet_host host = {.asset = asset,
                              .name = asset->hostname.n ? asset->hostname : ip,
                              .ip = ip,
                              .department = asset->department,
                              .type = asset->type,
                              .control = STR("never_seen"),
                              .patches = STR("unknown"),
                              .last_ns = TIME_UNKNOWN};
    each(context, &host);
}

void fleet_walk(struct fleet *f, const struct asset_set *assets, int64_t now_ns, fleet_host_fn *each,
                void *context)
{
    uint32_t count = assets ? assets->counts[ASSET_HOSTS] : 0;
    apply_inventory(f, assets);
    int64_t at_ns = is_known(f->watermark_ns) ? f->watermark_ns : now_ns;
    for (uint32_t i = 0; i < count; i++) {
        const struct asset_host *asset = &assets->hosts[i];
        const struct host *h = host_of_asset(f, asset);
        if (at_ns < asset->row.valid_from_ns || at_ns >= asset->row.valid_to_ns)
            continue;
        if (h != NULL)
            tell_seen(f, h, asset, each, context);
        else
            tell_unseen(asset, each, context);
    }
    for (uint32_t i = 0; i < f->host_count; i++)
        if (count == 0 || !f->hosts[i]->is_in_inventory)
            tell_seen(f, f->hosts[i], NULL, each, context);
}
