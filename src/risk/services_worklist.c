/* The daily work list (S107): what is open, the same thing once with its count, no more than somebody can do
 * in a day, without what sleeps; rules that are nearly always wrong are proposed for tuning. What does not
 * fit is counted, never hidden. */
#include <stdlib.h>

#include "base/map.h"
#include "base/memory.h"
#include "risk/services_risk.h"
#include "store/state_incidents.h"

#define OPEN_LOOKED_AT   5000
#define CLOSED_LOOKED_AT 2000
#define IDS_SHOWN        50

struct item {
    struct str id;                /* "rules/<hash>": the same tomorrow */
    const struct incident *first; /* the one that stands first in the queue */
    uint32_t *ids;
    uint32_t count;
    uint64_t findings;
    bool is_watched;
};

struct work {
    struct risk_answer *answer;
    struct risk_content *content;
    struct item *items;
    uint32_t count;
    const struct incident *incidents;
    uint32_t incident_count;
    const struct incident *closed;
    uint32_t closed_count;
    struct map snoozed; /* item id → entry */
    struct register_entry *snoozes;
    const struct focus *focus;
};

static int by_text(const void *left, const void *right)
{
    return str_compare(*(const struct str *)left, *(const struct str *)right);
}

/* The same rules with the same weight are the same work. */
static struct str item_id(struct arena *arena, const struct incident *i)
{
    struct str *rules = ARENA_ARRAY(arena, struct str, i->finding_count + 1);
    struct buf text = {0};
    for (uint32_t k = 0; k < i->finding_count; k++)
        rules[k] = i->findings[k].rule_id;
    if (i->finding_count)
        qsort(rules, i->finding_count, sizeof *rules, by_text);
    buf_printf(&text, "%d %d %d", i->urgency, i->importance, i->is_exercise);
    for (uint32_t k = 0; k < i->finding_count; k++) {
        if (k && str_eq(rules[k], rules[k - 1]))
            continue;
        buf_char(&text, '\n');
        buf_add(&text, rules[k]);
    }
    struct str id = arena_printf(arena, "rules/%016llx", (unsigned long long)str_hash(buf_str(&text)));
    buf_free(&text);
    return id;
}

static void fold(struct work *k)
{
    struct map by_id = {0};
    for (uint32_t i = 0; i < k->incident_count; i++) {
        const struct incident *incident = &k->incidents[i];
        struct str id = item_id(k->answer->arena, incident);
        bool is_new;
        uintptr_t *at = map_put(&by_id, id, &is_new);
        if (is_new) {
            *at = k->count;
            k->items[k->count++] = (struct item){.id = id,
                                                 .first = incident,
                                                 .ids = ARENA_ARRAY(k->answer->arena, uint32_t, IDS_SHOWN)};
        }
        struct item *item = &k->items[*at];
        if (item->count < IDS_SHOWN)
            item->ids[item->count] = (uint32_t)incident->id;
        item->count++;
        for (uint32_t f = 0; f < incident->finding_count; f++)
            item->findings += incident->findings[f].count;
        item->is_watched |= focus_find(k->focus, incident, k->answer->now_ns) != NULL;
    }
    map_free(&by_id);
}

static void write_item(const struct item *item, struct json_writer *w)
{
    const struct incident *i = item->first;
    json_begin_object(w);
    risk_put(w, "item", item->id);
    risk_put(w, "title", i->title_en);
    risk_put(w, "title_ja", i->title_ja.n ? i->title_ja : i->title_en);
    json_key(w, "urgency");
    json_put_i64(w, i->urgency);
    json_key(w, "importance");
    json_put_i64(w, i->importance);
    json_key(w, "confidence");
    json_put_double(w, i->confidence);
    json_key(w, "count");
    json_put_u64(w, item->count);
    json_key(w, "findings");
    json_put_u64(w, item->findings);
    json_key(w, "focus_watch");
    json_put_bool(w, item->is_watched);
    json_key(w, "exercise");
    json_put_bool(w, i->is_exercise);
    json_key(w, "incidents");
    json_begin_array(w);
    for (uint32_t n = 0; n < item->count && n < IDS_SHOWN; n++)
        json_put_u64(w, item->ids[n]);
    json_end_array(w);
    json_end_object(w);
}

static void write_items(struct work *k)
{
    struct json_writer *w = k->answer->w;
    uint32_t wanted = k->answer->request->limit;
    uint32_t most = wanted ? wanted : (uint32_t)k->content->worklist_items, shown = 0, asleep = 0;
    json_key(w, "limit");
    json_put_u64(w, most);
    json_key(w, "rows");
    json_begin_array(w);
    for (uint32_t i = 0; i < k->count; i++) {
        if (map_find(&k->snoozed, k->items[i].id) != NULL)
            asleep++;
        else if (shown < most && ++shown)
            write_item(&k->items[i], w);
    }
    json_end_array(w);
    json_key(w, "open_incidents");
    json_put_u64(w, k->incident_count);
    json_key(w, "items");
    json_put_u64(w, k->count);
    json_key(w, "beyond_limit");
    json_put_u64(w, k->count - shown - asleep);
    json_key(w, "snoozed");
    json_put_u64(w, asleep);
}

static void write_snoozes(struct work *k, uint32_t count)
{
    struct json_writer *w = k->answer->w;
    json_key(w, "snoozes");
    json_begin_array(w);
    for (uint32_t i = 0; i < count; i++) {
        const struct register_entry *e = &k->snoozes[i];
        json_begin_object(w);
        json_key(w, "id");
        json_put_i64(w, e->id);
        risk_put(w, "item", e->subject);
        risk_put(w, "reason", e->reason);
        risk_put(w, "by", e->created_by);
        json_key(w, "until");
        json_put_time(w, e->until_ns);
        json_end_object(w);
    }
    json_end_array(w);
}

/* Rules that were wrong in more than so many of at least so many closed incidents. */
static void write_tuning(struct work *k, const struct learned *l)
{
    struct json_writer *w = k->answer->w;
    json_key(w, "tuning");
    json_begin_array(w);
    for (uint32_t i = 0; i < l->count; i++) {
        const struct learned_ratio *r = &l->ratios[i];
        double share = r->cases ? (double)r->not_real / r->cases : 0;
        if (r->cases < k->content->benign_items || share <= k->content->benign_share)
            continue;
        json_begin_object(w);
        risk_put(w, "rule_id", r->rule_id);
        json_key(w, "closed");
        json_put_u64(w, r->cases);
        json_key(w, "benign_share");
        json_put_double(w, share);
        json_end_object(w);
    }
    json_end_array(w);
}

static void fold_under_lock(void *context, const struct risk *risk, const struct focus *focus, int64_t now_ns)
{
    struct work *k = context;
    (void)risk;
    (void)now_ns;
    k->focus = focus;
    fold(k);
    k->focus = NULL;
}

static bool gather(struct work *k, uint32_t *snooze_count, const struct learned **learned, struct error *err)
{
    struct risk_answer *a = k->answer;
    struct incident_page open = {.selection = SELECT_OPEN_INCIDENTS,
                                 .limit = OPEN_LOOKED_AT,
                                 .with_findings = true};
    struct incident_page closed = {.selection = SELECT_CLOSED_INCIDENTS,
                                   .limit = CLOSED_LOOKED_AT,
                                   .with_findings = true};
    if (!state_incidents_list(a->server->state, a->arena, &open, err) ||
        !state_incidents_list(a->server->state, a->arena, &closed, err) ||
        !state_register_list(a->server->state, register_name(REGISTER_SNOOZE), a->now_ns, 5000, a->arena,
                             &k->snoozes, snooze_count, err))
        return false;
    k->closed = closed.incidents;
    k->closed_count = closed.count;
    k->incidents = open.incidents;
    k->incident_count = open.count;
    k->items = ARENA_ARRAY(a->arena, struct item, open.count + 1);
    for (uint32_t i = 0; i < *snooze_count; i++)
        *map_put(&k->snoozed, k->snoozes[i].subject, NULL) = 1;
    desk_ask_risk(a->server->desk, fold_under_lock, k);
    *learned = learned_counts(a->server->criteria, closed.incidents, closed.count, a->arena);
    return true;
}

bool risk_worklist(struct risk_answer *a)
{
    struct work k = {.answer = a};
    struct error err;
    uint32_t snoozes = 0;
    const struct learned *learned = NULL;
    k.content = risk_load_content(a->server, &err);
    bool ok = (k.content != NULL && gather(&k, &snoozes, &learned, &err)) || risk_fail(a, 500, &err);
    if (ok && k.content != NULL && learned != NULL) {
        write_items(&k);
        write_snoozes(&k, snoozes);
        write_tuning(&k, learned);
        ok = risk_fatigue(a, k.content, &(struct incidents_of){k.incidents, k.incident_count},
                          &(struct incidents_of){k.closed, k.closed_count});
    }
    map_free(&k.snoozed);
    risk_content_free(k.content);
    return ok;
}
