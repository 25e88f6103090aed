/* Each question's judgement of one host (stage fleet; S6, S8, S10–S12, S30–S35, S40–S41, S48). Hosts that are
 * away are "absent" and not in the share: what they have now nobody can see. Next: answer.c counts and
 * lists. */
#include "fleet/questions.h"

#define JUDGE(name)                                                                                          \
    static void name(const struct fleet *f, const struct host *h, enum control_function function,            \
                     int64_t now_ns, struct verdict *out)

static int64_t days_ns(double days)
{
    return hours_ns(24 * days);
}

/* ------------------------------------------------------------- S6, S11, S30 */

enum { COVERED, UNHEALTHY, UNCOVERED, EXEMPT };

JUDGE(judge_coverage)
{
    (void)function;
    if (!host_is_present(f, h, now_ns) || (h->seen & ~(unsigned)SEEN_OWN_LOG) == 0)
        return; /* what only names itself in its own log may be no computer at all */
    struct agent agent = agent_state(f, h, FUNCTION_ANTIVIRUS, now_ns);
    out->reason = agent.reason;
    out->state = agent.state == AGENT_UP     ? COVERED
                 : h->is_exempt              ? EXEMPT
                 : agent.state == AGENT_NONE ? UNCOVERED
                                             : UNHEALTHY;
    if (agent.state == AGENT_SILENT)
        out->reason = "silent";
}

enum { UNMANAGED, UNREGISTERED, UNMANAGED_EXEMPT, MANAGED };

JUDGE(judge_unmanaged)
{
    (void)function;
    unsigned by_others = SEEN_TRAFFIC | SEEN_LEASE | SEEN_ADMISSION;
    bool is_managed = false;
    for (unsigned i = 0; i < FUNCTION_COUNT; i++) { /* a firewall's log file alone is no agent */
        const struct control *c = h->controls[i];
        is_managed |= c != NULL && !c->is_removed && (i == FUNCTION_ANTIVIRUS || is_known(c->beat_ns));
    }
    if (now_ns - h->last_ns > days_ns(f->rules->times.unmanaged_days))
        return;
    out->reason = is_managed ? "" : "no_agent";
    if (f->has_inventory && !h->is_in_inventory && (h->seen & ~(unsigned)SEEN_OWN_LOG))
        out->state = UNREGISTERED; /* with an agent or without */
    else if (is_managed)
        out->state = MANAGED;
    else if (h->seen & by_others)
        out->state = h->is_exempt ? UNMANAGED_EXEMPT : UNMANAGED;
}

JUDGE(judge_agents)
{
    struct agent agent = agent_state(f, h, function, now_ns);
    out->reason = agent.reason;
    if (agent.state != AGENT_NONE)
        out->state = (int)agent.state;
}

/* --------------------------------------------------------------------- S10 */

enum { TAMPERED_SILENT, TAMPERED_OFF, TAMPERED_SIGN, TAMPERED_NOT };

JUDGE(judge_tampering)
{
    const struct control *c = h->controls[function];
    struct agent agent = agent_state(f, h, function, now_ns);
    if (agent.state == AGENT_NONE)
        return;
    unsigned grave = TAMPER_EXCLUSION | TAMPER_REMOVED | TAMPER_OTHER;
    bool is_recent =
        is_known(c->tamper_ns) && now_ns - c->tamper_ns <= days_ns(f->rules->times.late_shown_days);
    out->reason = agent.reason;
    if (agent.state == AGENT_SILENT)
        out->state = TAMPERED_SILENT;
    else if (agent.state == AGENT_OFF)
        out->state = TAMPERED_OFF;
    else if (is_recent && (c->tampering & grave)) {
        out->state = TAMPERED_SIGN;
        out->reason = c->tampering & TAMPER_EXCLUSION ? "exclusion_added" : "tampered";
    } else
        out->state = TAMPERED_NOT;
}

/* ---------------------------------------------------------------- S31, S32 */

enum {
    VERSION_CURRENT,
    VERSION_ALLOWED,
    VERSION_OBSOLETE,
    VERSION_UNLISTED,
    VERSION_UNKNOWN,
    VERSION_ABSENT
};

JUDGE(judge_engines)
{
    const struct control *c = h->controls[function];
    if (c == NULL || c->is_removed)
        return;
    /* products that tell no engine are judged by their own version */
    enum component which = c->held[COMPONENT_ENGINE].name ? COMPONENT_ENGINE : COMPONENT_PRODUCT;
    out->held = &c->held[which];
    out->lag = version_lag(f, which, out->held, now_ns);
    out->state = (int)version_line_status(f, which, out->held, &out->line);
    if (!host_is_present(f, h, now_ns))
        out->state = VERSION_ABSENT;
}

enum { PATTERN_GREEN, PATTERN_AMBER, PATTERN_RED, PATTERN_UNKNOWN, PATTERN_ABSENT };

JUDGE(judge_patterns)
{
    const struct control *c = h->controls[function];
    if (c == NULL || c->is_removed)
        return;
    out->held = &c->held[COMPONENT_PATTERN];
    out->lag = version_lag(f, COMPONENT_PATTERN, out->held, now_ns);
    out->state = host_is_present(f, h, now_ns) ? (int)out->lag.colour : PATTERN_ABSENT;
    out->reason = out->held->name == 0 ? "not_told" : out->lag.colour == LAG_UNKNOWN ? "unreadable" : "";
}

enum { UPDATE_REACHED, UPDATE_ON_THE_WAY, UPDATE_BEHIND, UPDATE_UNKNOWN, UPDATE_ABSENT };

JUDGE(judge_updates)
{
    const struct control *c = h->controls[function];
    if (c == NULL || c->is_removed)
        return;
    out->held = &c->held[COMPONENT_PATTERN];
    out->lag = version_lag(f, COMPONENT_PATTERN, out->held, now_ns);
    out->state = !host_is_present(f, h, now_ns)   ? UPDATE_ABSENT
                 : out->lag.colour == LAG_UNKNOWN ? UPDATE_UNKNOWN
                 : out->lag.versions == 0         ? UPDATE_REACHED
                 : out->lag.colour == LAG_GREEN   ? UPDATE_ON_THE_WAY
                                                  : UPDATE_BEHIND;
}

/* --------------------------------------------------------------- S34, S35 */

enum { SCAN_DONE, SCAN_OVERDUE, SCAN_NEVER, SCAN_UNKNOWN, SCAN_ABSENT };

JUDGE(judge_full_scans)
{
    const struct control *c = h->controls[function];
    const struct fleet_times *times = &f->rules->times;
    if (c == NULL || c->is_removed)
        return;
    int64_t limit_ns = days_ns(h->is_server ? times->full_scan_server_days : times->full_scan_days);
    if (!host_is_present(f, h, now_ns))
        out->state = SCAN_ABSENT;
    else if (is_known(c->scan_completed_ns))
        out->state = now_ns - c->scan_completed_ns <= limit_ns ? SCAN_DONE : SCAN_OVERDUE;
    else /* for how long has it been watched? */
        out->state = now_ns - c->first_ns > limit_ns ? SCAN_NEVER : SCAN_UNKNOWN;
    if (is_known(c->scan_failed_ns) && c->scan_failed_ns > c->scan_completed_ns)
        out->reason = "cancelled_or_failed";
    else if (is_known(c->scan_started_ns) && c->scan_started_ns > c->scan_completed_ns)
        out->reason = "started_not_completed";
}

enum {
    DURATION_WITHIN,
    DURATION_LONG,
    DURATION_UNENDED,
    DURATION_RUNNING,
    DURATION_UNKNOWN,
    DURATION_ABSENT
};

/* One that does not end says more than the last one that did. */
JUDGE(judge_scan_durations)
{
    const struct control *c = h->controls[function];
    int64_t limit_ns = hours_ns(f->rules->times.scan_long_hours);
    if (c == NULL || c->is_removed)
        return;
    if (!host_is_present(f, h, now_ns))
        out->state = DURATION_ABSENT;
    else if (is_known(c->scan_from_ns) && now_ns - c->scan_from_ns > limit_ns)
        out->state = DURATION_UNENDED;
    else if (c->scan_took_ns > 0)
        out->state = c->scan_took_ns > limit_ns ? DURATION_LONG : DURATION_WITHIN;
    else
        out->state = is_known(c->scan_from_ns) ? DURATION_RUNNING : DURATION_UNKNOWN;
    if (out->state == DURATION_UNENDED && c->scan_is_paused)
        out->reason = "paused";
}

/* Rows of this question are detections: answer.c makes them. */
JUDGE(judge_late)
{
    (void)f, (void)h, (void)function, (void)now_ns, (void)out;
}

/* --------------------------------------------------------------- S40, S41 */

enum {
    POLICY_COMPLIANT,
    POLICY_DRIFTED,
    POLICY_DISABLED,
    POLICY_CONTRADICTED,
    POLICY_UNKNOWN,
    POLICY_ABSENT
};

static struct str assigned_policy(const struct fleet *f, const struct host *h, const struct control *c)
{
    if (c->assigned_policy)
        return text_of(f, c->assigned_policy);
    struct str department = text_of(f, h->department);
    struct str product = c->product ? text_of(f, product_at(f, c->product)->name) : STR_EMPTY;
    for (uint32_t i = 0; i < f->rules->assignment_count; i++) {
        const struct assignment *a = &f->rules->assignments[i];
        if ((a->department.n == 0 || str_eq(a->department, department)) &&
            (a->product.n == 0 || str_eq_nocase(a->product, product)))
            return a->policy;
    }
    return STR_EMPTY;
}

JUDGE(judge_firewall_policy)
{
    const struct control *c = h->controls[function];
    if (c == NULL || c->is_removed)
        return;
    struct str assigned = assigned_policy(f, h, c);
    bool is_recent = is_known(c->contradiction_ns) &&
                     now_ns - c->contradiction_ns <= days_ns(f->rules->times.contradiction_days);
    if (is_recent)
        out->state = POLICY_CONTRADICTED;
    else if (!host_is_present(f, h, now_ns))
        out->state = POLICY_ABSENT;
    else if (c->enabled == TRI_NO || c->service == TRI_NO)
        out->state = POLICY_DISABLED;
    else if (assigned.n && c->policy && !str_eq(assigned, text_of(f, c->policy)))
        out->state = POLICY_DRIFTED;
    else if (assigned.n && c->policy && c->enabled == TRI_YES)
        out->state = POLICY_COMPLIANT;
    else {
        out->state = POLICY_UNKNOWN;
        out->reason = c->policy == 0 ? "policy_not_told"
                      : !assigned.n  ? "nothing_assigned"
                                     : "enabled_not_told";
    }
}

static void take_worse(const struct fleet *f, const struct control *c, enum component which, int64_t now_ns,
                       struct verdict *out)
{
    const struct version_line *line;
    if (c == NULL || c->held[which].name == 0)
        return;
    struct lag lag = version_lag(f, which, &c->held[which], now_ns);
    if (which == COMPONENT_ENGINE) { /* S31: its line, not its hours */
        enum line_status status = version_line_status(f, which, &c->held[which], &line);
        lag.colour = status == LINE_CURRENT                              ? LAG_GREEN
                     : status == LINE_ALLOWED || status == LINE_UNLISTED ? LAG_AMBER
                     : status == LINE_OBSOLETE                           ? LAG_RED
                                                                         : LAG_UNKNOWN;
    }
    if (out->held != NULL && lag.colour <= out->lag.colour)
        return;
    out->lag = lag;
    out->held = &c->held[which];
}

JUDGE(judge_firewall_data)
{
    (void)function;
    const struct control *firewall = h->controls[FUNCTION_FIREWALL], *ips = h->controls[FUNCTION_IPS];
    if ((firewall == NULL || firewall->is_removed) && (ips == NULL || ips->is_removed))
        return;
    take_worse(f, firewall, COMPONENT_ENGINE, now_ns, out);
    take_worse(f, firewall, COMPONENT_PATTERN, now_ns, out);
    take_worse(f, ips, COMPONENT_ENGINE, now_ns, out);
    take_worse(f, ips, COMPONENT_PATTERN, now_ns, out);
    out->state = !host_is_present(f, h, now_ns) ? PATTERN_ABSENT
                 : out->held == NULL            ? PATTERN_UNKNOWN
                                                : (int)out->lag.colour;
    out->reason = out->held == NULL ? "not_told" : "";
}

/* ---------------------------------------------------------------- S48, S12 */

enum { REFUSED, ADMITTED };

JUDGE(judge_refusals)
{
    (void)function;
    int64_t since_ns = now_ns - days_ns(f->rules->times.refusal_days);
    if (is_known(h->refusal_ns) && h->refusal_ns >= since_ns)
        out->state = REFUSED;
    else if (is_known(h->attempt_ns) && h->attempt_ns >= since_ns)
        out->state = ADMITTED;
}

enum { PATCHED, PATCH_PENDING, PATCH_OVERDUE };

JUDGE(judge_patches)
{
    (void)function;
    const struct fleet_times *times = &f->rules->times;
    if (!is_known(h->patch_ns))
        return;
    out->state = h->patch_count ? PATCH_PENDING : PATCHED;
    for (uint32_t i = 0; i < h->patch_count; i++) {
        const struct patch *p = &h->patches[i];
        int64_t since_ns = is_known(p->released_ns) ? p->released_ns : p->seen_ns;
        double days = p->is_exploited ? times->patch_exploited_days : times->patch_days;
        if (now_ns - since_ns > days_ns(days)) {
            out->state = PATCH_OVERDUE;
            out->reason = p->is_exploited ? "known_exploited" : "";
        }
    }
}

/* ------------------------------------------------------------------- table */

#define GOOD(name)                                                                                           \
    {                                                                                                        \
        name, COLOUR_GREEN, true, true                                                                       \
    }
#define FAIR(name)                                                                                           \
    {                                                                                                        \
        name, COLOUR_AMBER, true, true                                                                       \
    }
#define DOUBT(name)                                                                                          \
    {                                                                                                        \
        name, COLOUR_AMBER, true, false                                                                      \
    }
#define BAD(name)                                                                                            \
    {                                                                                                        \
        name, COLOUR_RED, true, false                                                                        \
    }
#define APART(name)                                                                                          \
    {                                                                                                        \
        name, COLOUR_GREY, false, false                                                                      \
    }

const struct question questions[QUESTION_COUNT] = {
    [QUESTION_COVERAGE] = {"coverage",
                           "S6",
                           {GOOD("healthy"), BAD("unhealthy"), BAD("no_antivirus"), APART("exempt")},
                           FUNCTION_ANTIVIRUS,
                           judge_coverage},
    [QUESTION_UNMANAGED] = {"unmanaged",
                            "S11",
                            {BAD("unmanaged"), BAD("unregistered"), APART("exempt"), GOOD("managed"),
                             APART("never_seen")},
                            FUNCTION_ANTIVIRUS,
                            judge_unmanaged},
    [QUESTION_AGENTS] = {"agents",
                         "S30",
                         {GOOD("up"), BAD("off"), BAD("silent"), APART("absent"), DOUBT("unknown")},
                         FUNCTION_ANTIVIRUS,
                         judge_agents},
    [QUESTION_TAMPERING] = {"tampering",
                            "S10",
                            {BAD("silent"), BAD("off"), DOUBT("sign"), GOOD("none")},
                            FUNCTION_ANTIVIRUS,
                            judge_tampering},
    [QUESTION_ENGINES] = {"engines",
                          "S31",
                          {GOOD("current"), FAIR("allowed"), BAD("obsolete"), DOUBT("unlisted"),
                           BAD("unknown"), APART("absent")},
                          FUNCTION_ANTIVIRUS,
                          judge_engines},
    [QUESTION_PATTERNS] = {"patterns",
                           "S32",
                           {GOOD("green"), DOUBT("amber"), BAD("red"), BAD("unknown"), APART("absent")},
                           FUNCTION_ANTIVIRUS,
                           judge_patterns},
    [QUESTION_UPDATES] = {"updates",
                          "S33",
                          {GOOD("reached"), GOOD("on_the_way"), DOUBT("behind"), BAD("unknown"),
                           APART("absent")},
                          FUNCTION_ANTIVIRUS,
                          judge_updates},
    [QUESTION_FULL_SCANS] = {"full_scans",
                             "S34",
                             {GOOD("compliant"), BAD("overdue"), BAD("never"), DOUBT("unknown"),
                              APART("absent")},
                             FUNCTION_ANTIVIRUS,
                             judge_full_scans},
    [QUESTION_SCAN_DURATIONS] = {"scan_durations",
                                 "S4",
                                 {GOOD("within"), BAD("long"), BAD("unended"), APART("running"),
                                  APART("unknown"), APART("absent")},
                                 FUNCTION_ANTIVIRUS,
                                 judge_scan_durations},
    [QUESTION_LATE] = {"late", "S35", {BAD("late"), DOUBT("since_unknown")}, FUNCTION_ANTIVIRUS, judge_late},
    [QUESTION_FIREWALL_POLICY] = {"firewall_policy",
                                  "S40",
                                  {GOOD("compliant"), DOUBT("drifted"), BAD("disabled"), BAD("contradicted"),
                                   DOUBT("unknown"), APART("absent")},
                                  FUNCTION_FIREWALL,
                                  judge_firewall_policy},
    [QUESTION_FIREWALL_DATA] = {"firewall_data",
                                "S41",
                                {GOOD("green"), DOUBT("amber"), BAD("red"), BAD("unknown"), APART("absent")},
                                FUNCTION_FIREWALL,
                                judge_firewall_data},
    [QUESTION_REFUSALS] =
        {"refusals", "S48", {DOUBT("refused"), GOOD("admitted")}, FUNCTION_ANTIVIRUS, judge_refusals},
    [QUESTION_PATCHES] = {"patches",
                          "S12",
                          {GOOD("compliant"), FAIR("pending"), BAD("overdue")},
                          FUNCTION_ANTIVIRUS,
                          judge_patches},
    [QUESTION_FUNCTIONS] = {"functions",
                            "S8",
                            {GOOD("up"), BAD("off"), BAD("silent"), APART("absent"), DOUBT("unknown")},
                            FUNCTION_COUNT,
                            judge_agents},
};

struct str fleet_question_name(enum fleet_question q)
{
    return str_c(questions[q].name);
}

bool fleet_question_find(struct str name, enum fleet_question *out)
{
    for (unsigned i = 0; i < QUESTION_COUNT; i++)
        if (str_eq(name, str_c(questions[i].name))) {
            *out = (enum fleet_question)i;
            return true;
        }
    return false;
}
