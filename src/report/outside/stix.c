/* An incident as a STIX 2.1 bundle (stage report): who tells, the marking, the incident with our extension,
 * what was observed, indicators with their sightings, techniques, and what people noted. Next: iodef.c.
 *
 * Identifiers are UUIDs of version 5: of observables in the name space the standard sets (section 2.9), of
 * all else in our own, so that a second export of the same incident updates the first. */
#include <math.h>

#include "base/json.h"
#include "base/log.h"
#include "base/sha256.h"
#include "report/outside/export.h"

#define EXTENSION     "extension-definition--4c2f1de8-5b0a-4d8e-9a43-7d0e7b1a6f52"
#define TLP_EXTENSION "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"

struct stix {
    const struct case_export *c;
    struct json_writer w;
    struct str identity, marking, incident;
};

/* The objects that OASIS publishes for TLP 2.0. */
static const struct {
    const char *id, *name, *value;
} markings[] = {
    [TLP_CLEAR] = {"94868c89-83c2-464b-929b-a1a8aa3c8487", "TLP:CLEAR", "clear"},
    [TLP_GREEN] = {"bab4a63c-aed9-4cf5-a766-dfca5abac2bb", "TLP:GREEN", "green"},
    [TLP_AMBER] = {"55d920b0-5e8b-4f79-9ee9-91f868d9b421", "TLP:AMBER", "amber"},
    [TLP_AMBER_STRICT] = {"939a9414-2ddd-4d32-a0cd-375ea402b003", "TLP:AMBER+STRICT", "amber+strict"},
    [TLP_RED] = {"e828b379-4e03-4974-9ac4-e53a884c97c1", "TLP:RED", "red"},
};

static struct str object_id(const struct case_export *c, const char *type, struct str name)
{
    return arena_printf(c->arena, "%s--%.*s", type, STR_ARGS(export_uuid(c, type, name)));
}

static void begin(struct stix *s, const char *type, struct str id)
{
    json_begin_object(&s->w);
    export_member(&s->w, "type", str_c(type));
    export_member(&s->w, "spec_version", STR("2.1"));
    export_member(&s->w, "id", id);
}

/* What every domain and relationship object has. */
static void begin_object(struct stix *s, const char *type, struct str id)
{
    int64_t created_ns = s->c->facts->incident->opened_ns;
    begin(s, type, id);
    export_time(&s->w, "created", created_ns);
    export_time(&s->w, "modified", s->c->now_ns > created_ns ? s->c->now_ns : created_ns);
    export_member(&s->w, "created_by_ref", s->identity);
    json_key(&s->w, "object_marking_refs");
    json_begin_array(&s->w);
    json_put_str(&s->w, s->marking);
    json_end_array(&s->w);
}

static void end(struct stix *s)
{
    json_end_object(&s->w);
}

static void put_list(struct stix *s, const char *key, const struct str *items, size_t count)
{
    json_key(&s->w, key);
    json_begin_array(&s->w);
    for (size_t i = 0; i < count; i++)
        json_put_str(&s->w, items[i]);
    json_end_array(&s->w);
}

static void put_marking(struct stix *s)
{
    begin(s, "marking-definition", s->marking);
    export_member(&s->w, "created", STR("2022-10-01T00:00:00.000Z"));
    export_member(&s->w, "name", str_c(markings[s->c->tlp].name));
    json_key(&s->w, "extensions");
    json_begin_object(&s->w);
    json_key(&s->w, TLP_EXTENSION);
    json_begin_object(&s->w);
    export_member(&s->w, "extension_type", STR("property-extension"));
    export_member(&s->w, "tlp_2_0", str_c(markings[s->c->tlp].value));
    json_end_object(&s->w);
    json_end_object(&s->w);
    end(s);
}

static void put_identity(struct stix *s)
{
    begin(s, "identity", s->identity);
    export_time(&s->w, "created", s->c->facts->incident->opened_ns);
    export_time(&s->w, "modified", s->c->facts->incident->opened_ns);
    export_member(&s->w, "name", s->c->organisation.n ? s->c->organisation : STR("not told"));
    export_member(&s->w, "identity_class", STR("organization"));
    end(s);
}

static void put_extension_definition(struct stix *s)
{
    static const struct str types[] = {STR("property-extension")};
    begin(s, "extension-definition", STR(EXTENSION));
    export_member(&s->w, "created", STR("2026-11-01T00:00:00.000Z"));
    export_member(&s->w, "modified", STR("2026-11-01T00:00:00.000Z"));
    export_member(&s->w, "created_by_ref", s->identity);
    export_member(&s->w, "name", STR("hyakuyo incident"));
    export_member(
        &s->w, "description",
        STR("Urgency and importance (1 low to 4 highest), confidence (0 to 1), state and times of an "
            "incident."));
    export_member(&s->w, "schema", STR("https://hyakuyo.example/schemas/stix-incident-1.json"));
    export_member(&s->w, "version", STR("1.0"));
    put_list(s, "extension_types", types, 1);
    end(s);
}

static void put_number(struct stix *s, const char *key, int64_t number)
{
    json_key(&s->w, key);
    json_put_i64(&s->w, number);
}

static int64_t percent(const struct incident *i)
{
    return (int64_t)lround(100 * i->confidence);
}

static void put_incident(struct stix *s)
{
    const struct incident *i = s->c->facts->incident;
    begin_object(s, "incident", s->incident);
    export_member(&s->w, "name", export_title(s->c));
    export_member(&s->w, "description", export_description(s->c));
    put_number(s, "confidence", percent(i));
    json_key(&s->w, "extensions");
    json_begin_object(&s->w);
    json_key(&s->w, EXTENSION);
    json_begin_object(&s->w);
    export_member(&s->w, "extension_type", STR("property-extension"));
    export_member(&s->w, "state", incident_state_name(i->state));
    export_member(&s->w, "incident_type", i->type);
    put_number(s, "urgency", i->urgency);
    put_number(s, "importance", i->importance);
    json_key(&s->w, "confidence");
    json_put_double(&s->w, i->confidence);
    export_time(&s->w, "first_event", i->first_ns);
    export_time(&s->w, "last_event", i->last_ns);
    export_time(&s->w, "opened", i->opened_ns);
    json_end_object(&s->w);
    json_end_object(&s->w);
    end(s);
}

static void put_relationship(struct stix *s, struct str from, const char *type, struct str to)
{
    struct str name = arena_printf(s->c->arena, "%.*s %s %.*s", STR_ARGS(from), type, STR_ARGS(to));
    begin_object(s, "relationship", object_id(s->c, "relationship", name));
    export_member(&s->w, "relationship_type", str_c(type));
    export_member(&s->w, "source_ref", from);
    export_member(&s->w, "target_ref", to);
    end(s);
}

/* ---------------------------------------------------------------- observables */

static const struct {
    const char *object, *pattern, *hash;
} forms[] = {
    [OBSERVABLE_IPV4] = {"ipv4-addr", "ipv4-addr:value", NULL},
    [OBSERVABLE_IPV6] = {"ipv6-addr", "ipv6-addr:value", NULL},
    [OBSERVABLE_DOMAIN] = {"domain-name", "domain-name:value", NULL},
    [OBSERVABLE_URL] = {"url", "url:value", NULL},
    [OBSERVABLE_MD5] = {"file", "file:hashes.MD5", "MD5"},
    [OBSERVABLE_SHA1] = {"file", "file:hashes.'SHA-1'", "SHA-1"},
    [OBSERVABLE_SHA256] = {"file", "file:hashes.'SHA-256'", "SHA-256"},
};

/* Section 2.9: of the object's contributing properties as canonical JSON (RFC 8785). */
static struct str observable_id(const struct case_export *c, const char *type, const char *hash,
                                struct str value)
{
    static const unsigned char space[16] = {0x00, 0xab, 0xed, 0xb4, 0xaa, 0x42, 0x46, 0x6c,
                                            0x9c, 0x01, 0xfe, 0xd2, 0x33, 0x15, 0xa9, 0xb7};
    char uuid[UUID_TEXT_BYTES];
    struct buf name = {0};
    buf_c(&name, hash ? "{\"hashes\":{\"" : "{\"value\":");
    if (hash)
        buf_printf(&name, "%s\":", hash);
    json_string(&name, value);
    buf_c(&name, hash ? "}}" : "}");
    uuid_of_name(space, buf_str(&name), uuid);
    buf_free(&name);
    return arena_printf(c->arena, "%s--%.*s", type, UUID_TEXT_BYTES, uuid);
}

static struct str put_observable(struct stix *s, const struct observable *i)
{
    const char *type = forms[i->type].object, *hash = forms[i->type].hash;
    struct str id = observable_id(s->c, type, hash, i->value);
    begin(s, type, id);
    if (hash) {
        json_key(&s->w, "hashes");
        json_begin_object(&s->w);
        export_member(&s->w, hash, i->value);
        json_end_object(&s->w);
    } else {
        export_member(&s->w, "value", i->value);
    }
    end(s);
    return id;
}

static struct str put_observed(struct stix *s, const struct observable *i, struct str observable)
{
    struct str id =
        object_id(s->c, "observed-data",
                  arena_printf(s->c->arena, "%llu %.*s", (unsigned long long)s->c->facts->incident->id,
                               STR_ARGS(observable)));
    begin_object(s, "observed-data", id);
    export_time(&s->w, "first_observed", i->first_ns);
    export_time(&s->w, "last_observed", i->last_ns > i->first_ns ? i->last_ns : i->first_ns);
    put_number(s, "number_observed",
               (int64_t)(i->count < 1           ? 1
                         : i->count > 999999999 ? 999999999
                                                : i->count));
    put_list(s, "object_refs", &observable, 1);
    end(s);
    return id;
}

static struct str pattern_of(const struct case_export *c, const struct observable *i)
{
    struct buf out = {0};
    buf_printf(&out, "[%s = '", forms[i->type].pattern);
    for (size_t n = 0; n < i->value.n; n++) {
        if (i->value.p[n] == '\'' || i->value.p[n] == '\\')
            buf_char(&out, '\\');
        buf_char(&out, i->value.p[n]);
    }
    buf_c(&out, "']");
    struct str done = arena_str(c->arena, buf_str(&out));
    buf_free(&out);
    return done;
}

static void put_sighting(struct stix *s, const struct observable *i, struct str indicator,
                         struct str observed)
{
    begin_object(s, "sighting", object_id(s->c, "sighting", observed));
    export_time(&s->w, "first_seen", i->first_ns);
    export_time(&s->w, "last_seen", i->last_ns > i->first_ns ? i->last_ns : i->first_ns);
    put_number(s, "count", (int64_t)(i->count > 999999999 ? 999999999 : i->count));
    export_member(&s->w, "sighting_of_ref", indicator);
    put_list(s, "observed_data_refs", &observed, 1);
    put_list(s, "where_sighted_refs", &s->identity, 1);
    end(s);
}

static struct str technique_id(const struct case_export *c, struct str technique)
{
    return object_id(c, "attack-pattern", technique);
}

static void put_indicator(struct stix *s, const struct observable *i)
{
    static const struct str types[] = {STR("malicious-activity")};
    struct str observable = put_observable(s, i), observed = put_observed(s, i, observable);
    struct str pattern = pattern_of(s->c, i), id = object_id(s->c, "indicator", pattern);
    struct str rest = i->techniques, part;
    begin_object(s, "indicator", id);
    export_member(&s->w, "name", i->value);
    export_member(&s->w, "description", i->title);
    put_list(s, "indicator_types", types, 1);
    export_member(&s->w, "pattern", pattern);
    export_member(&s->w, "pattern_type", STR("stix"));
    export_time(&s->w, "valid_from", i->first_ns);
    put_number(s, "confidence", percent(s->c->facts->incident));
    end(s);
    put_sighting(s, i, id, observed);
    put_relationship(s, id, "related-to", s->incident);
    while (str_split(&rest, ';', &part))
        if (part.n > 1)
            put_relationship(s, id, "indicates", technique_id(s->c, part));
}

/* -------------------------------------------------------------------- the rest */

static void put_technique(struct stix *s, struct str technique)
{
    begin_object(s, "attack-pattern", technique_id(s->c, technique));
    export_member(&s->w, "name", technique);
    json_key(&s->w, "external_references");
    json_begin_array(&s->w);
    json_begin_object(&s->w);
    export_member(&s->w, "source_name", STR("mitre-attack"));
    export_member(&s->w, "external_id", technique);
    json_end_object(&s->w);
    json_end_array(&s->w);
    end(s);
    put_relationship(s, s->incident, "related-to", technique_id(s->c, technique));
}

static void put_malware(struct stix *s, struct str name)
{
    struct str id = object_id(s->c, "malware", name);
    begin_object(s, "malware", id);
    export_member(&s->w, "name", name);
    json_key(&s->w, "is_family");
    json_put_bool(&s->w, false);
    end(s);
    put_relationship(s, s->incident, "related-to", id);
}

static void put_action(struct stix *s, struct str actions)
{
    struct str id =
        object_id(s->c, "course-of-action",
                  arena_printf(s->c->arena, "%llu", (unsigned long long)s->c->facts->incident->id));
    begin_object(s, "course-of-action", id);
    export_member(&s->w, "name", STR("Actions taken"));
    export_member(&s->w, "description", redact_text(s->c->redactor, actions));
    end(s);
    put_relationship(s, s->incident, "related-to", id);
}

static void put_step(struct stix *s, const struct case_step *step, size_t index)
{
    struct str name =
        arena_printf(s->c->arena, "%llu %zu", (unsigned long long)s->c->facts->incident->id, index);
    begin_object(s, "note", object_id(s->c, "note", name));
    if (step->state.n)
        export_member(&s->w, "abstract", arena_printf(s->c->arena, "state: %.*s", STR_ARGS(step->state)));
    export_member(&s->w, "content",
                  step->text.n ? redact_text(s->c->redactor, step->text) : STR("state changed"));
    put_list(s, "object_refs", &s->incident, 1);
    end(s);
}

static void put_objects(struct stix *s)
{
    struct observable *indicators;
    struct str *techniques;
    size_t indicator_count = case_indicators(s->c, &indicators);
    size_t technique_count = case_techniques(s->c, &techniques);
    struct str malware = case_fact(s->c->facts, STR("malware_name")),
               actions = case_fact(s->c->facts, STR("actions_taken"));
    put_marking(s);
    put_identity(s);
    put_extension_definition(s);
    put_incident(s);
    for (size_t i = 0; i < technique_count; i++)
        put_technique(s, techniques[i]);
    for (size_t i = 0; i < indicator_count; i++)
        put_indicator(s, &indicators[i]);
    if (malware.n)
        put_malware(s, malware);
    if (actions.n)
        put_action(s, actions);
    for (size_t i = 0; i < s->c->step_count; i++)
        put_step(s, &s->c->steps[i], i);
}

void export_stix(const struct case_export *c, struct buf *out)
{
    struct str number = arena_printf(c->arena, "%llu", (unsigned long long)c->facts->incident->id);
    struct stix s = {.c = c, .w = {.out = out}};
    s.identity = object_id(c, "identity", STR("organisation"));
    s.marking = arena_printf(c->arena, "marking-definition--%s", markings[c->tlp].id);
    s.incident = object_id(c, "incident", number);
    json_begin_object(&s.w);
    export_member(&s.w, "type", STR("bundle"));
    export_member(&s.w, "id", object_id(c, "bundle", number));
    json_key(&s.w, "objects");
    json_begin_array(&s.w);
    put_objects(&s);
    json_end_array(&s.w);
    json_end_object(&s.w);
}
