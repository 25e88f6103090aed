/* An incident as a MISP event (stage report): attributes are the indicators, tags the marking and techniques.
 * It is not published and goes to the receiving organisation only: whoever imports it decides on more. */
#include "base/clock.h"
#include "base/json.h"
#include "report/outside/export.h"

static const struct {
    const char *type, *category;
} kinds[] = {
    [OBSERVABLE_IPV4] = {"ip-dst", "Network activity"},   [OBSERVABLE_IPV6] = {"ip-dst", "Network activity"},
    [OBSERVABLE_DOMAIN] = {"domain", "Network activity"}, [OBSERVABLE_URL] = {"url", "Network activity"},
    [OBSERVABLE_MD5] = {"md5", "Payload delivery"},       [OBSERVABLE_SHA1] = {"sha1", "Payload delivery"},
    [OBSERVABLE_SHA256] = {"sha256", "Payload delivery"},
};

static void put_seconds(struct json_writer *w, const char *key, const struct case_export *c, int64_t time_ns)
{
    export_member(w, key, arena_printf(c->arena, "%lld", (long long)(time_ns / NS_PER_SECOND)));
}

static void put_attribute(struct json_writer *w, const struct case_export *c, const struct observable *i)
{
    struct str number = arena_printf(c->arena, "%llu", (unsigned long long)c->facts->incident->id);
    struct str name = arena_printf(c->arena, "%.*s %.*s", STR_ARGS(number), STR_ARGS(i->value));
    json_begin_object(w);
    export_member(w, "uuid", export_uuid(c, "attribute", name));
    export_member(w, "type", str_c(kinds[i->type].type));
    export_member(w, "category", str_c(kinds[i->type].category));
    export_member(w, "value", i->value);
    json_key(w, "to_ids");
    json_put_bool(w, true);
    export_member(w, "comment", i->title);
    put_seconds(w, "timestamp", c, c->now_ns);
    export_time(w, "first_seen", i->first_ns);
    export_time(w, "last_seen", i->last_ns);
    export_member(w, "distribution", STR("5")); /* as the event */
    json_end_object(w);
}

static void put_tag(struct json_writer *w, struct str name)
{
    json_begin_object(w);
    export_member(w, "name", name);
    json_end_object(w);
}

static void put_tags(struct json_writer *w, const struct case_export *c)
{
    struct str *techniques;
    size_t count = case_techniques(c, &techniques);
    json_key(w, "Tag");
    json_begin_array(w);
    put_tag(w, arena_lower(c->arena, tlp_label(c->tlp)));
    for (size_t i = 0; i < count; i++)
        put_tag(w, arena_printf(c->arena, "mitre-attack:%.*s", STR_ARGS(techniques[i])));
    json_end_array(w);
}

static void put_date(struct json_writer *w, int64_t time_ns)
{
    char text[TIME_TEXT_MAX];
    size_t n = time_format_iso(time_ns, text);
    export_member(w, "date", str_slice(str_n(text, n), 0, 10));
}

static void put_organisation(struct json_writer *w, const struct case_export *c)
{
    json_key(w, "Orgc");
    json_begin_object(w);
    export_member(w, "uuid", export_uuid(c, "organisation", STR("name")));
    export_member(w, "name", c->organisation.n ? c->organisation : STR("not told"));
    json_end_object(w);
}

void export_misp(const struct case_export *c, struct buf *out)
{
    static const char *const threats[] = {"4", "3", "2", "1", "1"}; /* 1 high, 4 undefined */
    const struct incident *i = c->facts->incident;
    struct json_writer w = {.out = out};
    struct observable *all;
    size_t count = case_indicators(c, &all);
    json_begin_object(&w);
    json_key(&w, "Event");
    json_begin_object(&w);
    export_member(&w, "uuid",
                  export_uuid(c, "event", arena_printf(c->arena, "%llu", (unsigned long long)i->id)));
    export_member(&w, "info", export_title(c));
    put_date(&w, i->first_ns);
    export_member(&w, "threat_level_id", str_c(threats[i->urgency < 0 || i->urgency > 4 ? 0 : i->urgency]));
    export_member(&w, "analysis", i->state == INCIDENT_CLOSED ? STR("2") : STR("1"));
    export_member(&w, "distribution", STR("0"));
    json_key(&w, "published");
    json_put_bool(&w, false);
    put_seconds(&w, "timestamp", c, c->now_ns);
    put_organisation(&w, c);
    put_tags(&w, c);
    json_key(&w, "Attribute");
    json_begin_array(&w);
    for (size_t n = 0; n < count; n++)
        put_attribute(&w, c, &all[n]);
    json_end_array(&w);
    json_end_object(&w);
    json_end_object(&w);
}
