/* What is found → a finding in the batch, under the event that made it known (stage fleet). Texts, level,
 * likelihood ratio and evidence group are content/fleet.yml. Next stage: judge/. */
#include "fleet/state.h"

/* The rules may be replaced before the batch is gone, and names grow: everything is copied. */
static void add_facts(struct finding *out, const struct told *t, struct arena *a)
{
    out->matched = ARENA_ARRAY(a, struct matched_value, t->fact_count + 1);
    for (uint32_t i = 0; i < t->fact_count; i++)
        if (t->facts[i].text.n)
            out->matched[out->matched_count++] =
                (struct matched_value){arena_str(a, t->facts[i].name), arena_str(a, t->facts[i].text)};
}

static void add_entities(const struct fleet *f, struct finding *out, const struct told *t, struct arena *a)
{
    char text[IP_TEXT_MAX];
    int64_t importance;
    const struct host *h = t->host;
    out->host_name = out->host_ip = out->user = out->department = STR_EMPTY;
    out->peer = STR_EMPTY;
    out->product = STR_EMPTY;
    if (h != NULL) {
        const struct host_address *newest = NULL;
        for (uint32_t i = 0; i < h->address_count; i++)
            if (newest == NULL || h->addresses[i].seen_ns > newest->seen_ns)
                newest = &h->addresses[i];
        if (!h->is_nameless)
            out->host_name = arena_str(a, text_of(f, h->shown));
        if (newest != NULL)
            out->host_ip = arena_str(a, str_n(text, ip_format(&newest->ip, text)));
        out->department = arena_str(a, text_of(f, h->department));
    }
    if (t->event != NULL) {
        struct str name = event_text(t->event, FIELD_HOST_NAME);
        if (name.n)
            out->host_name = arena_str(a, name);
        out->user = arena_str(a, event_text(t->event, FIELD_USER_NAME));
        out->product = arena_str(a, event_text(t->event, FIELD_OBSERVER_PRODUCT));
        if (event_number(t->event, FIELD_HYAKUYO_ASSET_IMPORTANCE, &importance))
            out->importance = (int)importance;
    }
}

void tell(struct fleet *f, const struct told *t)
{
    const struct rule_info *info = &f->rules->findings[t->which];
    struct arena *a = &f->batch->arena;
    struct finding *out = batch_insert_finding(f->batch, f->insert_at);
    f->insert_at = &out->next;
    f->counters.findings++;
    out->instrument = STR("fleet");
    out->rule_id = arena_str(a, info->id);
    out->title_en = arena_str(a, info->title_en);
    out->title_ja = arena_str(a, info->title_ja);
    out->evidence_group = arena_str(a, info->evidence_group);
    out->stage = arena_str(a, info->stage);
    out->level = info->level;
    out->likelihood_ratio = info->likelihood_ratio;
    out->time_ns = t->time_ns;
    out->sequence = f->event->sequence;
    out->record_number = (uint64_t)(f->event - f->batch->events) + 1;
    out->is_correlated = true;
    out->source = f->event->source;
    out->member = STR_EMPTY;
    out->techniques = ARENA_ARRAY(a, struct str, info->technique_count + 1);
    out->technique_count = info->technique_count;
    for (uint32_t i = 0; i < info->technique_count; i++)
        out->techniques[i] = arena_str(a, info->techniques[i]);
    add_entities(f, out, t, a);
    add_facts(out, t, a);
}
