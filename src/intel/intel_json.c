/* Sources, hits and indicators as JSON, for the command and the HTTP interface. */
#include "intel/intel_json.h"

#include "base/memory.h"

static void put_text(struct json_writer *w, const char *key, struct str text)
{
    json_key(w, key);
    json_put_str(w, text);
}

static void put_count(struct json_writer *w, const char *key, uint64_t count)
{
    json_key(w, key);
    json_put_u64(w, count);
}

static void put_time(struct json_writer *w, const char *key, int64_t time_ns)
{
    json_key(w, key);
    json_put_time(w, time_ns);
}

void intel_source_json(struct json_writer *w, const struct intel_source *s)
{
    json_begin_object(w);
    put_text(w, "name", s->name);
    put_text(w, "kind", s->kind == INTEL_ALLOW_LIST ? STR("allow") : STR("indicators"));
    put_text(w, "format", s->format);
    put_count(w, "kept", s->kept);
    put_count(w, "allowed", s->allowed);
    put_count(w, "repeated", s->repeated);
    put_count(w, "refused", s->refused);
    put_count(w, "expired", s->expired);
    put_time(w, "imported", s->imported_ns);
    put_time(w, "searched", s->searched_ns);
    put_text(w, "origin", s->origin);
    json_key(w, "details");
    buf_add(w->out, s->details.n ? s->details : STR("{}"));
    w->needs_comma = true;
    json_end_object(w);
}

void intel_hit_json(struct json_writer *w, const struct intel_hit *h)
{
    json_begin_object(w);
    put_text(w, "source", h->source);
    put_text(w, "indicator", h->indicator);
    put_text(w, "type", h->type);
    put_text(w, "patient_zero", h->patient_zero);
    put_time(w, "first", h->first_ns);
    put_time(w, "last", h->last_ns);
    put_count(w, "count", h->count);
    put_count(w, "host_count", h->host_count);
    put_text(w, "field", h->field);
    put_text(w, "value", h->value);
    put_count(w, "before_valid", h->before_valid);
    put_text(w, "allowed_by", h->allowed_by);
    put_text(w, "description", h->description);
    json_key(w, "hosts");
    buf_add(w->out, h->hosts.n ? h->hosts : STR("[]"));
    w->needs_comma = true;
    put_time(w, "searched", h->searched_ns);
    json_end_object(w);
}

static void put_indicator(struct json_writer *w, const struct indicator_set *set, uint32_t ref,
                          struct str value)
{
    char text[INDICATOR_TEXT_MAX];
    struct indicator_view view = indicator_set_view(set, ref);
    const struct allow_list_info *list = indicator_set_allowed(set, ref, INDICATOR_ANY, value);
    json_begin_object(w);
    put_text(w, "indicator", str_n(text, indicator_set_text(set, ref, text)));
    put_text(w, "type", indicator_type_name(view.type));
    put_text(w, "source", view.source);
    json_key(w, "confidence");
    if (view.confidence < 0)
        json_put_null(w);
    else
        json_put_i64(w, view.confidence);
    put_text(w, "tlp", view.tlp);
    put_time(w, "valid_from", view.valid_from_ns);
    put_time(w, "valid_until", view.valid_until_ns);
    put_text(w, "allowed_by", list ? list->name : STR_EMPTY);
    put_text(w, "description", view.description);
    put_text(w, "labels", view.labels);
    put_text(w, "reference", view.reference);
    json_end_object(w);
}

/* A value of any type: each type that it can be is asked once. */
void intel_matches_json(struct json_writer *w, const struct indicator_set *set, struct str value)
{
    static const enum indicator_type types[] = {INDICATOR_DOMAIN, INDICATOR_URL,   INDICATOR_HASH,
                                                INDICATOR_MAIL,   INDICATOR_AGENT, INDICATOR_FILE_NAME};
    uint32_t refs[INDICATOR_HITS_MAX];
    for (size_t t = 0; t < COUNT_OF(types); t++) {
        size_t count = indicator_set_find(set, types[t], value, refs);
        for (size_t i = 0; i < count; i++)
            put_indicator(w, set, refs[i], value);
    }
}
