/* JSON of incidents and findings. Stage: console. Reads struct incident and struct finding, leaves what
 * openapi.json calls Incident, IncidentDetail and Finding. Next: api_incidents.c and stream.c. */
#include "console/incident_json.h"

#include <stdio.h>

#include "base/json.h"
#include "base/memory.h"

struct viewing viewing_of(const struct request *r)
{
    return (struct viewing){r->services, request_may(r, MAY_SEE_PERSONS)};
}

static void put(struct json_writer *w, const char *key, struct str value)
{
    json_key(w, key);
    json_put_str(w, value);
}

/* What is not known is left out. */
static void put_known(struct json_writer *w, const char *key, struct str value)
{
    if (value.n)
        put(w, key, value);
}

static void put_time(struct json_writer *w, const char *key, int64_t time_ns)
{
    json_key(w, key);
    json_put_time(w, time_ns);
}

static void put_number(struct json_writer *w, const char *key, int64_t value)
{
    json_key(w, key);
    json_put_i64(w, value);
}

/* "a;b" as ["a","b"] */
static void put_list(struct json_writer *w, const char *key, struct str list)
{
    struct str part;
    json_key(w, key);
    json_begin_array(w);
    while (list.n && str_split(&list, ';', &part))
        if (part.n)
            json_put_str(w, part);
    json_end_array(w);
}

/* An object already written as JSON; anything that is not an object becomes {}. */
static void put_object_text(struct json_writer *w, const char *key, struct str json)
{
    json_key(w, key);
    if (json.n && json.p[0] == '{' && json_value_length(json) == json.n) {
        buf_add(w->out, json);
        w->needs_comma = true;
    } else {
        json_begin_object(w);
        json_end_object(w);
    }
}

static void put_entities(struct json_writer *w, struct str host, struct str ip, struct str user,
                         struct str department, bool is_outside)
{
    json_key(w, "entities");
    json_begin_object(w);
    put_known(w, "host", host);
    put_known(w, "ip", ip);
    put_known(w, "user", user);
    put_known(w, "department", department);
    if (is_outside) {
        json_key(w, "outside");
        json_put_bool(w, true);
    }
    json_end_object(w);
}

/* {"en","ja"}; the system itself where nothing else is known. Without a key: the next item of a list. */
static void put_system_name(struct json_writer *w, const char *key, struct str system, struct viewing viewing)
{
    struct arena arena;
    struct str en = system, ja = system;
    arena_init(&arena, 512);
    if (viewing.services->system_name != NULL)
        viewing.services->system_name(viewing.services->ctx, system, &arena, &en, &ja);
    if (key != NULL)
        json_key(w, key);
    json_begin_object(w);
    put(w, "en", en);
    put(w, "ja", ja);
    json_end_object(w);
    arena_free(&arena);
}

/* Whether the communication got through; left out when unknown. */
static void put_passage(struct json_writer *w, enum passage passage)
{
    if (passage != PASSAGE_UNKNOWN)
        put(w, "passage", passage == PASSAGE_ALLOWED ? STR("allowed") : STR("denied"));
}

static void put_sequence(struct json_writer *w, uint64_t sequence)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%llu", (unsigned long long)sequence);
    json_put_str(w, str_n(text, (size_t)n));
}

static void put_event_ids(struct json_writer *w, uint64_t first, uint64_t last)
{
    json_key(w, "event_ids");
    json_begin_array(w);
    put_sequence(w, first);
    put_sequence(w, last);
    json_end_array(w);
}

static void put_likelihood(struct json_writer *w, double ratio)
{
    if (ratio <= 0)
        return;
    json_key(w, "likelihood_ratio");
    json_put_double(w, ratio);
}

void incident_finding_json(const struct incident_finding *f, struct viewing viewing, struct buf *out)
{
    struct json_writer w = {.out = out};
    json_begin_object(&w);
    json_key(&w, "id");
    json_put_u64(&w, f->id);
    put(&w, "rule_id", f->rule_id);
    json_both(&w, "rule", f->title_en, f->title_ja);
    put(&w, "level", level_name(f->level));
    put_time(&w, "time", f->first_ns);
    put_time(&w, "first", f->first_ns);
    put_time(&w, "last", f->last_ns);
    put_number(&w, "count", (int64_t)f->count);
    put(&w, "system", f->product);
    put_system_name(&w, "system_name", f->product, viewing);
    put_entities(&w, f->host_name, f->host_ip, viewing.sees_persons ? f->user : STR_EMPTY, f->department,
                 f->is_outside);
    put_known(&w, "peer", f->peer);
    put_list(&w, "techniques", f->techniques);
    put_object_text(&w, "matched", viewing.sees_persons ? f->matched : STR_EMPTY);
    put_known(&w, "stage", f->stage);
    put_known(&w, "evidence_group", f->evidence_group);
    put_likelihood(&w, f->likelihood_ratio);
    put_passage(&w, f->passage);
    put_event_ids(&w, f->first_sequence, f->last_sequence);
    json_end_object(&w);
}

/* A live finding has no number of its own yet: its event's sequence number stands for it. */
void live_finding_json(const struct finding *f, struct viewing viewing, struct buf *out)
{
    struct json_writer w = {.out = out};
    json_begin_object(&w);
    json_key(&w, "id");
    json_put_u64(&w, f->sequence);
    put(&w, "rule_id", f->rule_id);
    json_both(&w, "rule", f->title_en, f->title_ja);
    put(&w, "level", level_name(f->level));
    put_time(&w, "time", f->time_ns);
    put_time(&w, "first", f->time_ns);
    put_time(&w, "last", f->time_ns);
    put_number(&w, "count", 1);
    put(&w, "system", f->product);
    put_system_name(&w, "system_name", f->product, viewing);
    put_entities(&w, f->host_name, f->host_ip, viewing.sees_persons ? f->user : STR_EMPTY, f->department,
                 f->is_outside);
    put_known(&w, "peer", f->peer);
    json_key(&w, "techniques");
    json_begin_array(&w);
    for (uint32_t i = 0; i < f->technique_count; i++)
        json_put_str(&w, f->techniques[i]);
    json_end_array(&w);
    if (viewing.sees_persons) {
        json_key(&w, "matched");
        finding_matched_json(f, SIZE_MAX, &w);
    } else {
        put_object_text(&w, "matched", STR_EMPTY);
    }
    put_known(&w, "stage", f->stage);
    put_known(&w, "evidence_group", f->evidence_group);
    put_likelihood(&w, f->likelihood_ratio);
    put_passage(&w, f->passage);
    put_event_ids(&w, f->sequence, f->sequence);
    json_end_object(&w);
}

/* The products that saw something, each once, in order of first appearance. */
static bool is_first_of_system(const struct incident *incident, uint32_t at)
{
    for (uint32_t i = 0; i < at; i++)
        if (str_eq(incident->findings[i].product, incident->findings[at].product))
            return false;
    return incident->findings[at].product.n > 0;
}

static void put_systems(struct json_writer *w, const struct incident *incident, struct viewing viewing)
{
    uint32_t n = incident->findings ? incident->finding_count : 0;
    json_key(w, "systems");
    json_begin_array(w);
    for (uint32_t i = 0; i < n; i++)
        if (is_first_of_system(incident, i))
            json_put_str(w, incident->findings[i].product);
    json_end_array(w);
    json_key(w, "system_names");
    json_begin_array(w);
    for (uint32_t i = 0; i < n; i++)
        if (is_first_of_system(incident, i))
            put_system_name(w, NULL, incident->findings[i].product, viewing);
    json_end_array(w);
}

static void put_findings(struct json_writer *w, const struct incident *incident, struct viewing viewing)
{
    json_key(w, "findings");
    json_begin_array(w);
    for (uint32_t i = 0; i < incident->finding_count; i++) {
        if (i)
            buf_char(w->out, ',');
        incident_finding_json(&incident->findings[i], viewing, w->out);
    }
    w->needs_comma = incident->finding_count > 0;
    json_end_array(w);
}

static void put_judgements(struct json_writer *w, const struct incident *incident)
{
    json_key(w, "exercise");
    json_put_bool(w, incident->is_exercise);
    put_number(w, "urgency", incident->urgency);
    put_number(w, "importance", incident->importance);
    json_key(w, "confidence");
    json_put_double(w, incident->confidence);
    put_number(w, "confidence_level", incident->confidence_level);
}

static void put_history(struct json_writer *w, const struct incident_history *history)
{
    json_key(w, "history");
    json_begin_array(w);
    for (uint32_t i = 0; i < history->count; i++) {
        const struct incident_step *step = &history->rows[i];
        json_begin_object(w);
        put_time(w, "time", step->time_ns);
        put(w, "user", step->user);
        put(w, "from", incident_state_name(step->from));
        put(w, "to", incident_state_name(step->to));
        put(w, "note", step->note);
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_states(struct json_writer *w, const char *key, unsigned states)
{
    json_key(w, key);
    json_begin_array(w);
    for (int state = 0; state < INCIDENT_STATE_COUNT; state++)
        if (states & 1u << state)
            json_put_str(w, incident_state_name((enum incident_state)state));
    json_end_array(w);
}

void incident_json(const struct incident *incident, const struct incident_history *history,
                   struct viewing viewing, struct buf *out)
{
    struct json_writer w = {.out = out};
    json_begin_object(&w);
    json_key(&w, "id");
    json_put_u64(&w, incident->id);
    put(&w, "state", incident_state_name(incident->state));
    json_both(&w, "title", incident->title_en, incident->title_ja);
    put_time(&w, "opened", incident->opened_ns);
    put_time(&w, "first", incident->first_ns);
    put_time(&w, "last", incident->last_ns);
    put_list(&w, "hosts", incident->hosts);
    put_list(&w, "outside", incident->outside);
    put(&w, "department", incident->department);
    put(&w, "user", viewing.sees_persons ? incident->user : STR_EMPTY);
    put(&w, "type", incident->type);
    put_judgements(&w, incident);
    put_number(&w, "finding_count", incident->finding_count);
    put_systems(&w, incident, viewing);
    if (viewing.sees_persons) { /* those who are watched never see it (S69) */
        json_key(&w, "focus_watch");
        json_put_bool(&w, incident->is_watched);
    }
    if (history) {
        json_key(&w, "urgency_band");
        json_begin_array(&w);
        json_put_i64(&w, incident->urgency_low);
        json_put_i64(&w, incident->urgency_high);
        json_end_array(&w);
        put_object_text(&w, "reason", incident->reason);
        put_findings(&w, incident, viewing);
        put_history(&w, history);
        put_states(&w, "next_states", history->next_states);
        json_key(&w, "first_task");
        json_put_json(&w, history->first_task.n ? history->first_task : STR("null"));
        json_key(&w, "tasks");
        json_put_json(&w, history->tasks.n ? history->tasks : STR("[]"));
    }
    json_end_object(&w);
}
