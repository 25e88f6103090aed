/* What the state of a host's controls says before anything is found on it (stage fleet; spec 4.4). */
#include "fleet/answer.h"

/* Somewhere in the estate an antivirus speaks: its absence on a host means something. */
static bool has_antivirus_anywhere(const struct fleet *f)
{
    for (uint32_t i = 1; i <= f->product_count; i++)
        if (!f->products[i].is_gateway && f->products[i].functions & (1u << FUNCTION_ANTIVIRUS))
            return true;
    return false;
}

static const char *failed_word(const struct fleet *f, const struct host *h)
{
    struct verdict agent = ask(f, QUESTION_AGENTS, h, FUNCTION_ANTIVIRUS),
                   coverage = ask(f, QUESTION_COVERAGE, h, FUNCTION_ANTIVIRUS);
    const char *state = agent.state < 0 ? "" : questions[QUESTION_AGENTS].states[agent.state].name;
    if (str_eq(str_c(state), STR("off")) || str_eq(str_c(state), STR("silent")))
        return state;
    if (coverage.state < 0 || !has_antivirus_anywhere(f))
        return "";
    const char *covered = questions[QUESTION_COVERAGE].states[coverage.state].name;
    return str_eq(str_c(covered), STR("no_antivirus")) ? "missing" : "";
}

static const struct host *find_host(struct fleet *f, struct str name, struct str address)
{
    struct ip ip;
    const struct host *h = name.n ? host_by_name(f, name, false) : NULL;
    return h == NULL && ip_parse(address, &ip) ? host_by_address(f, &ip, f->watermark_ns, false) : h;
}

struct fleet_scanned fleet_scanned(struct fleet *f, struct str name, struct str address)
{
    struct fleet_scanned s = {TIME_UNKNOWN, TIME_UNKNOWN};
    const struct host *h = find_host(f, name, address);
    if (h == NULL)
        return s;
    s.malware_ns = h->malware_ns;
    for (unsigned n = 0; n < FUNCTION_COUNT; n++)
        if (h->controls[n] != NULL)
            s.scanned_ns = later(s.scanned_ns, h->controls[n]->scan_completed_ns);
    return s;
}

struct fleet_condition fleet_condition_of(struct fleet *f, struct str name, struct str address)
{
    struct fleet_condition c = {.control = ""};
    const struct host *h = find_host(f, name, address);
    if (h == NULL)
        return c;
    struct verdict patches = ask(f, QUESTION_PATCHES, h, FUNCTION_ANTIVIRUS);
    c.is_unpatched = patches.state >= 0 && !questions[QUESTION_PATCHES].states[patches.state].is_good;
    c.control = failed_word(f, h);
    return c;
}
