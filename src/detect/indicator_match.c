/* Looks up what events name, and turns hits into findings.
 * Stage: detect, for every event, many threads. Reads the set; leaves threat.* fields on events that meet an
 * indicator, and one finding for each source that has something to say about an event. An indicator that an
 * allow list contains leaves the fields and the list's name, but no finding. Next: the rules (match.c), which
 * may ask for threat.* fields. */
#include "detect/finding_build.h"
#include "detect/indicator_plan.h"
#include "detect/indicator_set.h"

#define EVENT_HITS_MAX 24
#define MATCHED_EACH   7 /* field, indicator, description, confidence, marking, labels, reference */
#define TEXT_CUT       1024

struct hit {
    const struct value *value;
    uint32_t ref;
    uint8_t field; /* number in the plan */
    enum level level;
    const struct verdict *verdict;
};

struct match {
    const struct indicator_set *set;
    struct event *event;
    struct arena *arena;
    struct hit hits[EVENT_HITS_MAX];
    size_t count;
    enum passage passage;
    enum intel_direction direction;
};

/* --------------------------------------------------------------- what it means */

static enum passage find_passage(const struct event *e)
{
    for (const struct value *v = event_get(e, FIELD_EVENT_TYPE); v; v = event_next(e, v)) {
        if (str_eq_nocase(value_text(v), STR("denied")))
            return PASSAGE_DENIED;
        if (str_eq_nocase(value_text(v), STR("allowed")))
            return PASSAGE_ALLOWED;
    }
    return PASSAGE_UNKNOWN;
}

/* As the organisation's networks say, else by private addresses. */
static enum intel_direction find_direction(const struct event *e)
{
    static const struct {
        struct str word;
        enum intel_direction direction;
    } words[] = {{{"outbound", 8}, DIRECTION_OUTBOUND},
                 {{"inbound", 7}, DIRECTION_INBOUND},
                 {{"internal", 8}, DIRECTION_INTERNAL},
                 {{"external", 8}, DIRECTION_EXTERNAL}};
    struct str told = event_text(e, FIELD_HYAKUYO_DIRECTION);
    struct ip source, destination;
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (str_eq(told, words[i].word))
            return words[i].direction;
    if (!ip_parse(event_text(e, FIELD_SOURCE_IP), &source) ||
        !ip_parse(event_text(e, FIELD_DESTINATION_IP), &destination))
        return DIRECTION_ANY;
    bool from_inside = ip_is_private(&source), to_inside = ip_is_private(&destination);
    if (from_inside)
        return to_inside ? DIRECTION_INTERNAL : DIRECTION_OUTBOUND;
    return to_inside ? DIRECTION_INBOUND : DIRECTION_EXTERNAL;
}

static const struct role *role_of(const struct match *m, const struct hit *h)
{
    return &m->set->plan->roles[m->set->plan->role_of[h->field]];
}

static const struct verdict *find_verdict(const struct role *role, enum intel_direction direction,
                                          enum passage passage)
{
    for (size_t i = 0; i < role->verdict_count; i++) {
        const struct verdict *v = &role->verdicts[i];
        if ((v->direction == DIRECTION_ANY || v->direction == direction) &&
            (v->passage < 0 || v->passage == (int)passage))
            return v;
    }
    return NULL;
}

static enum level lowered(const struct indicator_plan *plan, enum level level, int confidence)
{
    int sure = confidence < 0 ? plan->unknown_confidence : confidence;
    for (size_t i = 0; i < plan->step_count; i++)
        if (sure < plan->steps[i].below)
            return plan->steps[i].lower >= (int)level ? LEVEL_INFORMATIONAL
                                                      : (enum level)((int)level - plan->steps[i].lower);
    return level;
}

/* ---------------------------------------------------------------- the event's fields */

static void add_text(struct match *m, field_id field, struct str text)
{
    if (text.n)
        event_add(m->event, m->arena, field, arena_str(m->arena, str_slice(text, 0, TEXT_CUT)));
}

static void add_named(struct match *m, enum indicator_type type, struct str text)
{
    static const struct {
        struct str type; /* STIX object types, as ECS has it */
        field_id field;
    } names[] = {
        [INDICATOR_ADDRESS] = {{"ipv4-addr", 9}, FIELD_THREAT_INDICATOR_IP},
        [INDICATOR_NETWORK] = {{"ipv4-addr", 9}, FIELD_NONE},
        [INDICATOR_DOMAIN] = {{"domain-name", 11}, FIELD_THREAT_INDICATOR_URL_DOMAIN},
        [INDICATOR_URL] = {{"url", 3}, FIELD_THREAT_INDICATOR_URL_FULL},
        [INDICATOR_HASH] = {{"file", 4}, FIELD_NONE},
        [INDICATOR_MAIL] = {{"email-addr", 10}, FIELD_THREAT_INDICATOR_EMAIL_ADDRESS},
        [INDICATOR_AGENT] = {{"network-traffic", 15}, FIELD_NONE},
        [INDICATOR_FILE_NAME] = {{"file", 4}, FIELD_THREAT_INDICATOR_FILE_NAME},
    };
    bool is_v6 = (type == INDICATOR_ADDRESS || type == INDICATOR_NETWORK) &&
                 str_find_char(text, ':', 0) != STR_NOT_FOUND;
    field_id field = names[type].field;
    if (type == INDICATOR_HASH)
        field = text.n == 32   ? FIELD_THREAT_INDICATOR_FILE_HASH_MD5
                : text.n == 40 ? FIELD_THREAT_INDICATOR_FILE_HASH_SHA1
                : text.n == 64 ? FIELD_THREAT_INDICATOR_FILE_HASH_SHA256
                               : FIELD_THREAT_INDICATOR_FILE_HASH_SHA512;
    add_text(m, FIELD_THREAT_INDICATOR_TYPE, is_v6 ? STR("ipv6-addr") : names[type].type);
    add_text(m, FIELD_THREAT_INDICATOR_NAME, text);
    if (field != FIELD_NONE)
        add_text(m, field, text);
}

/* ECS: None, Low, Medium, High, Not Specified; the number's bands are those of the STIX scales (appendix A).
 */
static struct str confidence_word(int confidence)
{
    if (confidence < 0)
        return STR("Not Specified");
    return confidence == 0   ? STR("None")
           : confidence < 30 ? STR("Low")
           : confidence < 70 ? STR("Medium")
                             : STR("High");
}

static struct str text_of(struct match *m, uint32_t ref)
{
    char text[INDICATOR_TEXT_MAX];
    size_t n = indicator_set_text(m->set, ref, text);
    return arena_str(m->arena, str_n(text, n));
}

static void describe_event(struct match *m, const struct hit *h)
{
    struct indicator_view view = indicator_set_view(m->set, h->ref);
    struct str text = text_of(m, h->ref);
    add_named(m, view.type, text);
    add_text(m, FIELD_THREAT_FEED_NAME, view.source);
    add_text(m, FIELD_THREAT_INDICATOR_PROVIDER, view.source);
    add_text(m, FIELD_THREAT_INDICATOR_CONFIDENCE, confidence_word(view.confidence));
    add_text(m, FIELD_THREAT_INDICATOR_DESCRIPTION, view.description);
    add_text(m, FIELD_THREAT_INDICATOR_MARKING_TLP, view.tlp);
}

/* -------------------------------------------------------------------- findings */

static void add_matched(struct match *m, struct finding *f, struct str name, struct str text)
{
    if (text.n == 0)
        return;
    f->matched[f->matched_count++] =
        (struct matched_value){name, arena_str(m->arena, str_slice(text, 0, TEXT_CUT))};
}

static void fill_matched(struct match *m, struct finding *f, const struct hit *h)
{
    struct indicator_view view = indicator_set_view(m->set, h->ref);
    add_matched(m, f, field_name(h->value->field), value_as_text(h->value, m->arena));
    add_matched(m, f, STR("threat.indicator.name"), text_of(m, h->ref));
    add_matched(m, f, STR("threat.indicator.description"), view.description);
    if (view.confidence >= 0)
        add_matched(m, f, STR("threat.indicator.confidence"), arena_printf(m->arena, "%d", view.confidence));
    add_matched(m, f, STR("threat.indicator.marking.tlp"), view.tlp);
    add_matched(m, f, STR("threat.indicator.labels"), view.labels);
    add_matched(m, f, STR("threat.indicator.reference"), view.reference);
}

/* The destination that was refused to us as source.ip is the peer of the finding, and so on: the peer is what
 * the indicator is about. */
static struct finding *make_finding(struct match *m, const struct hit *best, struct str source)
{
    static const field_id product_fields[] = {FIELD_OBSERVER_PRODUCT, FIELD_HYAKUYO_PARSER};
    const struct role *role = role_of(m, best);
    const struct event *e = m->event;
    struct finding *f = ARENA_NEW(m->arena, struct finding);
    f->rule_id = arena_printf(m->arena, "intel:%.*s", STR_ARGS(source));
    f->title_en = arena_printf(m->arena, "%.*s (%.*s)", STR_ARGS(role->title_en), STR_ARGS(source));
    f->title_ja = arena_printf(m->arena, "%.*s(%.*s)", STR_ARGS(role->title_ja), STR_ARGS(source));
    f->level = best->level;
    f->evidence_group = arena_str(m->arena, role->evidence_group);
    f->likelihood_ratio = best->verdict->likelihood_ratio;
    f->stage = arena_str(m->arena, best->verdict->stage);
    f->time_ns = e->time_ns;
    f->sequence = e->sequence;
    f->source = e->source;
    f->passage = m->passage;
    for (size_t i = 0; i < COUNT_OF(product_fields) && f->product.n == 0; i++)
        f->product = arena_str(m->arena, event_text(e, product_fields[i]));
    finding_entities(f, e, role->entity, STR_EMPTY, m->arena);
    f->peer = arena_str(m->arena, str_slice(value_as_text(best->value, m->arena), 0, TEXT_CUT));
    return f;
}

static bool same_source(struct str a, const struct match *m, const struct hit *h)
{
    return str_eq(a, indicator_set_view(m->set, h->ref).source);
}

/* One finding for each source; the gravest hit speaks, all of its hits are told. */
static struct finding **add_findings(struct match *m, struct finding **end)
{
    bool is_told[EVENT_HITS_MAX] = {false};
    for (size_t i = 0; i < m->count; i++) {
        if (is_told[i] || !m->hits[i].verdict)
            continue;
        struct str source = indicator_set_view(m->set, m->hits[i].ref).source;
        const struct hit *best = &m->hits[i];
        for (size_t k = i + 1; k < m->count; k++)
            if (m->hits[k].verdict && same_source(source, m, &m->hits[k]) &&
                (m->hits[k].level > best->level ||
                 (m->hits[k].level == best->level &&
                  m->hits[k].verdict->likelihood_ratio > best->verdict->likelihood_ratio)))
                best = &m->hits[k];
        struct finding *f = make_finding(m, best, source);
        f->matched = ARENA_ARRAY(m->arena, struct matched_value, MATCHED_EACH * m->count);
        for (size_t k = i; k < m->count; k++) {
            if (m->hits[k].verdict && same_source(source, m, &m->hits[k])) {
                fill_matched(m, f, &m->hits[k]);
                is_told[k] = true;
            }
        }
        *end = f;
        end = &f->next;
    }
    return end;
}

/* --------------------------------------------------------------------- looking up */

static void judge_hit(struct match *m, struct hit *h, enum indicator_type type)
{
    const struct allow_list_info *list =
        indicator_set_allowed(m->set, h->ref, type, value_as_text(h->value, m->arena));
    if (list) {
        event_add(m->event, m->arena, FIELD_HYAKUYO_INDICATOR_ALLOWED_BY, arena_str(m->arena, list->name));
        return;
    }
    h->verdict = find_verdict(role_of(m, h), m->direction, m->passage);
    if (h->verdict)
        h->level = lowered(m->set->plan, h->verdict->level, indicator_set_view(m->set, h->ref).confidence);
}

/* The same indicator in the same role, met by two fields of one event ("url.domain", "destination.domain").
 */
static bool is_known(const struct match *m, uint32_t ref, uint8_t field)
{
    const struct indicator_plan *plan = m->set->plan;
    for (size_t i = 0; i < m->count; i++)
        if (m->hits[i].ref == ref && plan->role_of[m->hits[i].field] == plan->role_of[field])
            return true;
    return false;
}

static void settle(struct match *m)
{
    m->passage = find_passage(m->event);
    m->direction = find_direction(m->event);
    /* judging adds values, which may move the list: the hits keep copies */
    for (size_t i = 0; i < m->count; i++) {
        struct value *copy = arena_alloc(m->arena, sizeof *copy);
        *copy = *m->hits[i].value;
        m->hits[i].value = copy;
    }
    for (size_t i = 0; i < m->count; i++)
        judge_hit(m, &m->hits[i], m->set->plan->fields[m->hits[i].field].type);
    for (size_t i = 0; i < m->count; i++)
        if (m->hits[i].verdict) {
            describe_event(m, &m->hits[i]);
            return;
        }
    describe_event(m, &m->hits[0]);
}

/* ---------------------------------------------------------------- a whole batch */

#define GROUP 128

/* What was met, in the order of events; made only when something is. */
struct met {
    struct met *next;
    uint32_t event, ref;
    uint16_t value;
};

struct group {
    const struct indicator_set *set;
    struct batch *batch;
    struct indicator_question questions[GROUP];
    uint32_t events[GROUP];
    uint16_t values[GROUP];
    size_t count;
    struct met *first, **end;
};

static void note_met(void *context, uint32_t question, uint32_t ref)
{
    struct group *g = context;
    struct met *met = arena_alloc(&g->batch->arena, sizeof *met);
    *met = (struct met){NULL, g->events[question], ref, g->values[question]};
    *g->end = met;
    g->end = &met->next;
}

static void ask(struct group *g)
{
    indicator_set_ask(g->set, g->questions, g->count, note_met, g);
    g->count = 0;
}

static void ask_event(struct group *g, uint32_t number)
{
    const struct event *e = &g->batch->events[number];
    const struct indicator_plan *plan = g->set->plan;
    for (uint16_t n = 0; n < e->count; n++) {
        const struct value *v = &e->values[n];
        uint8_t field = plan->field_number[v->field];
        if (field == 0 || v->type > TYPE_IP)
            continue;
        g->questions[g->count] = (struct indicator_question){plan->fields[field - 1].type, value_text(v)};
        g->events[g->count] = number;
        g->values[g->count] = n;
        if (++g->count == GROUP)
            ask(g);
    }
}

static void add_hit(struct match *m, const struct met *met)
{
    const struct value *v = &m->event->values[met->value];
    uint8_t field = (uint8_t)(m->set->plan->field_number[v->field] - 1);
    if (m->count < EVENT_HITS_MAX && indicator_set_holds_at(m->set, met->ref, m->event->time_ns) &&
        !is_known(m, met->ref, field))
        m->hits[m->count++] = (struct hit){.value = v, .ref = met->ref, .field = field};
}

static int by_event(const struct met *a, const struct met *b)
{
    return a->event != b->event  ? (a->event < b->event ? -1 : 1)
           : a->value < b->value ? -1
                                 : a->value > b->value;
}

/* Answers come nearly in order: within a group, what the cache had first is not waited for. */
static struct met *put_in_order(struct met *list)
{
    struct met *sorted = NULL;
    struct met *last = NULL;
    while (list) {
        struct met *next = list->next, **at = last && by_event(last, list) <= 0 ? &last->next : &sorted;
        while (*at && by_event(*at, list) <= 0)
            at = &(*at)->next;
        list->next = *at;
        *at = list;
        if (list->next == NULL)
            last = list;
        list = next;
    }
    return sorted;
}

struct finding *indicator_match_batch(const struct indicator_set *set, struct batch *batch)
{
    struct finding *first = NULL, **end = &first;
    struct group g;
    if (set->count == 0)
        return NULL;
    g.set = set;
    g.batch = batch;
    g.count = 0;
    g.first = NULL;
    g.end = &g.first;
    for (uint32_t i = 0; i < batch->count; i++)
        ask_event(&g, i);
    ask(&g);
    for (struct met *met = put_in_order(g.first); met;) {
        struct match m = {.set = set, .event = &batch->events[met->event], .arena = &batch->arena};
        for (uint32_t event = met->event; met && met->event == event; met = met->next)
            add_hit(&m, met);
        if (m.count == 0)
            continue;
        settle(&m);
        end = add_findings(&m, end);
    }
    return first;
}

bool indicator_set_meaning(const struct indicator_set *set, size_t field, uint32_t ref, enum passage passage,
                           struct indicator_meaning *out)
{
    const struct role *role = &set->plan->roles[set->plan->role_of[field]];
    const struct verdict *v = find_verdict(role, DIRECTION_ANY, passage);
    if (v == NULL)
        return false;
    *out = (struct indicator_meaning){.level = lowered(set->plan, v->level,
                                                       indicator_set_view(set, ref).confidence),
                                      .stage = v->stage,
                                      .evidence_group = role->evidence_group,
                                      .likelihood_ratio = v->likelihood_ratio};
    return true;
}
