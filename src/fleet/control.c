/* What an event says about a control of a host: alive, on, versions, scans, policy, tampering (stage fleet;
 * S8, S10, S30–S34, S40). Only hyakuyo.* and observer.* are read: whose product it is makes no difference.
 * Next: evaluate.c for what silence means. */
#include <stdlib.h>

#include "base/memory.h"
#include "fleet/state.h"

#define WORD_GAPS_LEAST        5
#define WORD_GAP_LEAST_MINUTES 10 /* words closer together are one */

static const field_id facts[] = {FIELD_HYAKUYO_CONTROL_NAME,           FIELD_HYAKUYO_CONTROL_FUNCTIONS,
                                 FIELD_HYAKUYO_CONTROL_HEARTBEAT,      FIELD_HYAKUYO_CONTROL_STATE,
                                 FIELD_HYAKUYO_CONTROL_REALTIME,       FIELD_HYAKUYO_CONTROL_PATTERN_VERSION,
                                 FIELD_HYAKUYO_CONTROL_ENGINE_VERSION, FIELD_HYAKUYO_CONTROL_TAMPER,
                                 FIELD_HYAKUYO_CONTROL_POLICY,         FIELD_HYAKUYO_SCAN_STATE};

/* Most events have none, and one look at their field bits says so. */
bool has_control_facts(const struct event *e)
{
    uint64_t wanted[2] = {0, 0};
    for (size_t i = 0; i < COUNT_OF(facts); i++)
        wanted[facts[i] % 128 / 64] |= UINT64_C(1) << facts[i] % 64;
    if (((e->present[0] & wanted[0]) | (e->present[1] & wanted[1])) == 0)
        return false;
    for (size_t i = 0; i < COUNT_OF(facts); i++)
        if (event_get(e, facts[i]) != NULL)
            return true;
    return false;
}

/* ------------------------------------------------------------------- alive */

static int by_size(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return a < b ? -1 : a > b;
}

/* No less than half a day: who does not report regularly is not missed within hours. */
static int64_t longest_pause(const struct control *c)
{
    int64_t longest_ns = hours_ns(12);
    if (c->word_gap_count < WORD_GAPS_LEAST)
        return TIME_UNKNOWN;
    for (uint32_t i = 0; i < c->word_gap_count && i < HEARTBEAT_GAPS; i++)
        longest_ns = later(longest_ns, c->word_gaps_ns[i]);
    return longest_ns;
}

int64_t control_interval_ns(const struct fleet *f, const struct control *c)
{
    int64_t gaps[HEARTBEAT_GAPS];
    uint32_t n = c->gap_count < HEARTBEAT_GAPS ? c->gap_count : HEARTBEAT_GAPS;
    if (!is_known(c->beat_ns))
        return longest_pause(c);
    if (n == 0)
        return minutes_ns(f->rules->times.heartbeat_default_minutes);
    memcpy(gaps, c->gaps_ns, n * sizeof *gaps);
    qsort(gaps, n, sizeof *gaps, by_size);
    return n < 3 ? later(gaps[n - 1], minutes_ns(60)) : gaps[n / 2];
}

static void note_beat(struct control *c, int64_t time_ns)
{
    if (is_known(c->beat_ns) && time_ns > c->beat_ns)
        c->gaps_ns[c->gap_count++ % HEARTBEAT_GAPS] = time_ns - c->beat_ns;
    c->beat_ns = later(c->beat_ns, time_ns);
}

static void set(enum tri *state, int64_t *since_ns, enum tri value, int64_t time_ns)
{
    if (is_known(*since_ns) && time_ns < *since_ns)
        return;
    *state = value;
    *since_ns = time_ns;
}

/* `heartbeat` false: somebody else speaks about the agent. */
static void note_alive(const struct fleet *f, struct control *c, const struct event *e, int64_t time_ns)
{
    int64_t heartbeat;
    bool is_told = event_number(e, FIELD_HYAKUYO_CONTROL_HEARTBEAT, &heartbeat);
    if (is_told && !heartbeat)
        return;
    if (is_told)
        note_beat(c, time_ns);
    if (time_ns < c->heartbeat_ns)
        return;
    if (is_known(c->heartbeat_ns) && time_ns - c->heartbeat_ns >= minutes_ns(WORD_GAP_LEAST_MINUTES))
        c->word_gaps_ns[c->word_gap_count++ % HEARTBEAT_GAPS] = time_ns - c->heartbeat_ns;
    if (!is_known(c->heartbeat_ns) || time_ns - c->heartbeat_ns > hours_ns(f->rules->times.present_hours))
        c->contact_from_ns = time_ns;
    c->heartbeat_ns = time_ns;
    if (c->service == TRI_UNKNOWN || (event_get(e, FIELD_HYAKUYO_CONTROL_STATE) == NULL &&
                                      (is_told || event_get(e, FIELD_HYAKUYO_MALWARE_NAME) != NULL)))
        set(&c->service, &c->service_ns, TRI_YES, time_ns);
    c->silent_since_ns = TIME_UNKNOWN;
    c->silent_told = 0;
}

/* ------------------------------------------------------------------ states */

static void sign(struct control *c, unsigned bit, int64_t time_ns)
{
    c->tampering |= bit;
    c->tamper_ns = later(c->tamper_ns, time_ns);
}

static void apply_state(struct fleet *f, struct control *c, enum control_function function, struct str word,
                        int64_t time_ns)
{
    switch (rules_state(f->rules, word)) {
    case TOLD_RUNNING:
        set(&c->service, &c->service_ns, TRI_YES, time_ns);
        set(&c->enabled, &c->enabled_ns, TRI_YES, time_ns);
        c->is_removed = 0;
        break;
    case TOLD_STOPPED:
        set(&c->service, &c->service_ns, TRI_NO, time_ns);
        sign(c, TAMPER_STOPPED, time_ns);
        break;
    case TOLD_DISABLED:
        set(&c->enabled, &c->enabled_ns, TRI_NO, time_ns);
        if (function == FUNCTION_ANTIVIRUS)
            set(&c->realtime, &c->realtime_ns, TRI_NO, time_ns);
        sign(c, TAMPER_DISABLED, time_ns);
        break;
    case TOLD_FAILED:
        set(&c->service, &c->service_ns, TRI_NO, time_ns);
        break;
    case TOLD_REMOVED:
        c->is_removed = 1;
        set(&c->service, &c->service_ns, TRI_NO, time_ns);
        sign(c, TAMPER_REMOVED, time_ns);
        break;
    case TOLD_UPDATE_FAILED:
        c->update_failures++;
        c->update_failed_ns = later(c->update_failed_ns, time_ns);
        break;
    case TOLD_NOTED:
        break;
    case TOLD_NOTHING:
        if (word.n)
            note_word(f, word);
    }
}

static void apply_realtime(struct fleet *f, struct control *c, const struct event *e, int64_t time_ns)
{
    struct str word = event_text(e, FIELD_HYAKUYO_CONTROL_REALTIME);
    enum told_state told = rules_state(f->rules, word);
    if (told == TOLD_RUNNING) {
        set(&c->realtime, &c->realtime_ns, TRI_YES, time_ns);
        set(&c->enabled, &c->enabled_ns, TRI_YES, time_ns);
    } else if (told == TOLD_DISABLED || told == TOLD_STOPPED) {
        set(&c->realtime, &c->realtime_ns, TRI_NO, time_ns);
        sign(c, TAMPER_DISABLED, time_ns);
    } else if (word.n) {
        note_word(f, word);
    }
    /* What real-time protection has found, it was on to find. */
    if (word.n == 0 && event_get(e, FIELD_HYAKUYO_MALWARE_NAME) != NULL &&
        str_eq(event_text(e, FIELD_HYAKUYO_SCAN_TYPE), STR("realtime")))
        set(&c->realtime, &c->realtime_ns, TRI_YES, time_ns);
}

static void apply_tampering(struct control *c, const struct event *e, int64_t time_ns)
{
    static const struct {
        const char *word;
        enum tamper_sign bit;
    } signs[] = {{"exclusion-added", TAMPER_EXCLUSION},
                 {"uninstalled", TAMPER_REMOVED},
                 {"service-stopped", TAMPER_STOPPED},
                 {"disabled", TAMPER_DISABLED},
                 {"blocked", TAMPER_BLOCKED}};
    struct str word = event_text(e, FIELD_HYAKUYO_CONTROL_TAMPER);
    for (size_t i = 0; i < COUNT_OF(signs) && word.n; i++)
        if (str_eq(word, str_c(signs[i].word))) {
            sign(c, signs[i].bit, time_ns);
            return;
        }
    if (word.n)
        sign(c, TAMPER_OTHER, time_ns);
}

/* ---------------------------------------------------------------- versions */

static void apply_versions(struct fleet *f, struct host *h, struct control *c, const struct event *e,
                           int64_t time_ns)
{
    static const field_id fields[COMPONENT_COUNT] = {FIELD_HYAKUYO_CONTROL_VERSION,
                                                     FIELD_HYAKUYO_CONTROL_ENGINE_VERSION,
                                                     FIELD_HYAKUYO_CONTROL_PATTERN_VERSION};
    int64_t released_ns = TIME_UNKNOWN;
    struct held before = c->held[COMPONENT_PATTERN];
    const struct held *now = &c->held[COMPONENT_PATTERN];
    (void)event_number(e, FIELD_HYAKUYO_CONTROL_PATTERN_TIME, &released_ns);
    for (unsigned i = 0; i < COMPONENT_COUNT; i++)
        version_seen(f, c->product, (enum component)i, &c->held[i], h, c, event_text(e, fields[i]), time_ns,
                     i == COMPONENT_PATTERN ? released_ns : TIME_UNKNOWN);
    bool is_same = now->name == before.name ||
                   (now->is_known && before.is_known && version_compare(&now->key, &before.key) == 0);
    if (before.name == 0 || is_same)
        return;
    c->updates++;
    c->update_ns = later(c->update_ns, time_ns);
    c->first_update_ns = sooner(c->first_update_ns, time_ns);
}

/* ----------------------------------------------------------------- reports */

/* Reports come again and again: what they say is told when it was not so before. That it was switched off is
 * a rule's matter. */
static bool is_report(const struct event *e)
{
    int64_t heartbeat;
    return event_number(e, FIELD_HYAKUYO_CONTROL_HEARTBEAT, &heartbeat) && heartbeat;
}

/* Of two antiviruses one stands back, and its reports say by the hour that it is off. They say nothing about
 * the host while the other one was told to be on. */
static bool is_standing_back(struct fleet *f, const struct control *c, uint32_t product,
                             const struct event *e, int64_t time_ns)
{
    enum told_state state = rules_state(f->rules, event_text(e, FIELD_HYAKUYO_CONTROL_STATE));
    enum told_state realtime = rules_state(f->rules, event_text(e, FIELD_HYAKUYO_CONTROL_REALTIME));
    bool says_off = state == TOLD_DISABLED || state == TOLD_STOPPED || realtime == TOLD_DISABLED ||
                    realtime == TOLD_STOPPED;
    return says_off && is_report(e) && product && c->product && product != c->product &&
           c->realtime == TRI_YES && c->service != TRI_NO &&
           time_ns - c->realtime_ns <= hours_ns(f->rules->times.present_hours);
}

/* ---------------------------------------------------------------- findings */

static bool is_off(const struct control *c)
{
    return c->is_removed || c->service == TRI_NO || c->enabled == TRI_NO || c->realtime == TRI_NO;
}

static void tell_change(struct fleet *f, const struct host *h, const struct control *c,
                        enum control_function function, bool was_off, const struct event *e, int64_t time_ns)
{
    struct told t = {.time_ns = time_ns, .host = h, .event = e};
    struct str word = event_text(e, FIELD_HYAKUYO_CONTROL_TAMPER);
    if (event_get(e, FIELD_HYAKUYO_EXCEPTION) != NULL)
        return;
    t.facts[t.fact_count++] = (struct matched_value){STR("control"), f->rules->functions[function].name};
    t.facts[t.fact_count++] =
        (struct matched_value){STR("product"),
                               c->product ? text_of(f, product_at(f, c->product)->name) : STR_EMPTY};
    if (h->is_server && function == FUNCTION_ANTIVIRUS && is_off(c) && !was_off) {
        t.which = FOUND_SERVER_UNPROTECTED;
        tell(f, &t);
    } else if (function == FUNCTION_ANTIVIRUS && is_off(c) && !was_off && is_report(e)) {
        t.which = FOUND_REPORTED_OFF;
        tell(f, &t);
    } else if ((c->is_removed && !was_off) ||
               (word.n && !str_eq(word, STR("disabled")) && !str_eq(word, STR("blocked")))) {
        t.which = FOUND_TAMPERING;
        t.facts[t.fact_count++] = (struct matched_value){STR("sign"), word.n ? word : STR("uninstalled")};
        tell(f, &t);
    }
}

/* ------------------------------------------------------------------- events */

static void apply_policy(struct fleet *f, struct control *c, const struct event *e, int64_t time_ns)
{
    struct str policy = event_text(e, FIELD_HYAKUYO_CONTROL_POLICY);
    struct str assigned = event_text(e, FIELD_HYAKUYO_CONTROL_ASSIGNED_POLICY);
    if (policy.n && time_ns >= c->policy_ns) {
        c->policy = name_put(&f->names, policy);
        c->policy_ns = time_ns;
    }
    if (assigned.n)
        c->assigned_policy = name_put(&f->names, assigned);
}

static struct control *begin(struct fleet *f, struct host *h, enum control_function function,
                             uint32_t product, const struct event *e, int64_t time_ns)
{
    struct control *c = host_control(h, function);
    if (product && time_ns >= c->last_ns)
        c->product = product;
    if (product)
        product_at(f, product)->functions |= 1u << function;
    c->is_present = 1;
    c->first_ns = sooner(c->first_ns, time_ns);
    c->last_ns = later(c->last_ns, time_ns);
    note_alive(f, c, e, time_ns);
    return c;
}

/* A suite's report names its functions: "firewall=off" (S8). */
static void take_functions(struct fleet *f, struct host *h, uint32_t product, const struct event *e,
                           int64_t time_ns)
{
    for (const struct value *v = event_get(e, FIELD_HYAKUYO_CONTROL_FUNCTIONS); v != NULL;
         v = event_next(e, v)) {
        struct str text = value_text(v);
        size_t at = str_find_char(text, '=', 0);
        enum control_function function;
        if (at == STR_NOT_FOUND || !rules_function(f->rules, str_slice(text, 0, at), &function)) {
            note_word(f, text);
            continue;
        }
        struct control *c = begin(f, h, function, product, e, time_ns);
        bool was_off = is_off(c);
        apply_state(f, c, function, str_skip(text, at + 1), time_ns);
        tell_change(f, h, c, function, was_off, e, time_ns);
    }
}

void control_take(struct fleet *f, struct host *h, const struct event *e, int64_t time_ns)
{
    struct str name = event_text(e, FIELD_HYAKUYO_CONTROL_NAME);
    enum control_function function = FUNCTION_ANTIVIRUS;
    uint32_t product =
        product_number(f, event_text(e, FIELD_OBSERVER_PRODUCT), event_text(e, FIELD_OBSERVER_VENDOR));
    if (product) {
        struct product *p = product_at(f, product);
        p->first_ns = sooner(p->first_ns, time_ns);
        p->last_ns = later(p->last_ns, time_ns);
        p->events++;
    }
    h->seen |= SEEN_AGENT;
    take_functions(f, h, product, e, time_ns);
    if (name.n && !rules_function(f->rules, name, &function)) {
        note_word(f, name);
        return;
    }
    if (is_standing_back(f, host_control(h, function), product, e, time_ns))
        return;
    struct control *c = begin(f, h, function, product, e, time_ns);
    bool was_off = is_off(c);
    apply_state(f, c, function, event_text(e, FIELD_HYAKUYO_CONTROL_STATE), time_ns);
    apply_realtime(f, c, e, time_ns);
    apply_tampering(c, e, time_ns);
    apply_versions(f, h, c, e, time_ns);
    scan_take(f, h, c, e, time_ns);
    apply_policy(f, c, e, time_ns);
    tell_change(f, h, c, function, was_off, e, time_ns);
}

/* The report of the moment: what it names is missing, what it does not name is not. */
void patches_take(struct fleet *f, struct host *h, const struct event *e, int64_t time_ns)
{
    const struct value *v = event_get(e, FIELD_HYAKUYO_PATCH_MISSING);
    int64_t exploited = 0, released_ns = TIME_UNKNOWN;
    if (v == NULL || time_ns < h->patch_ns)
        return;
    (void)event_number(e, FIELD_HYAKUYO_PATCH_KNOWN_EXPLOITED, &exploited);
    (void)event_number(e, FIELD_HYAKUYO_PATCH_RELEASED, &released_ns);
    h->patch_ns = time_ns;
    h->patch_count = 0;
    for (; v != NULL && h->patch_count < PATCHES_MAX; v = event_next(e, v)) {
        if (str_eq_nocase(value_text(v), STR("none")))
            continue;
        h->patches[h->patch_count++] = (struct patch){.id = name_put(&f->names, value_text(v)),
                                                      .is_exploited = exploited != 0,
                                                      .released_ns = released_ns,
                                                      .seen_ns = time_ns};
    }
}
