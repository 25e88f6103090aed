/* STIX 2.1: bundles, TAXII envelopes, arrays and single objects. Of the objects only indicators matter here;
 * their patterns are read by indicator_pattern.c. Observables without an indicator say nothing about harm.
 * Stage: detect, at import. */
#include "detect/indicator_json.h"
#include "detect/indicator_reader.h"

#include "base/log.h"

/* The marking definitions that the specification fixes (TLP 1 and TLP 2). */
static const struct {
    const char *id, *tlp;
} markings[] = {
    {"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9", "clear"},
    {"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da", "green"},
    {"marking-definition--f88d31f6-486f-44da-b317-01333bde0b82", "amber"},
    {"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed", "red"},
    {"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487", "clear"},
    {"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb", "green"},
    {"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421", "amber"},
    {"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003", "amber+strict"},
    {"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1", "red"},
};

static struct str find_tlp(const struct json_node *object)
{
    const struct json_node *refs = json_member(object, "object_marking_refs");
    for (const struct json_node *ref = refs ? refs->child : NULL; ref; ref = ref->next)
        for (size_t i = 0; i < COUNT_OF(markings); i++)
            if (str_eq(ref->text, str_c(markings[i].id)))
                return str_c(markings[i].tlp);
    return STR_EMPTY;
}

static struct str join(const struct json_node *list, struct buf *out)
{
    buf_clear(out);
    for (const struct json_node *at = list ? list->child : NULL; at; at = at->next) {
        if (out->n)
            buf_char(out, ';');
        buf_add(out, at->text);
    }
    return buf_str(out);
}

static struct str describe(const struct json_node *object, struct arena *arena)
{
    struct str name = json_text(object, "name"), description = json_text(object, "description");
    if (name.n == 0 || description.n == 0 || str_eq(name, description))
        return name.n ? name : description;
    return arena_printf(arena, "%.*s: %.*s", STR_ARGS(name), STR_ARGS(description));
}

static struct str find_reference(const struct json_node *object)
{
    const struct json_node *refs = json_member(object, "external_references");
    for (const struct json_node *ref = refs ? refs->child : NULL; ref; ref = ref->next) {
        struct str url = json_text(ref, "url");
        if (url.n)
            return url;
    }
    return json_text(object, "id");
}

static void read_indicator(const struct json_node *object, struct arena *arena, struct indicator_builder *b,
                           unsigned number)
{
    struct indicator i = indicator_blank();
    struct buf labels = {0};
    int64_t confidence;
    struct str pattern = json_text(object, "pattern"), kind = json_text(object, "pattern_type");
    const struct json_node *types = json_member(object, "indicator_types");
    if (str_eq(json_text(object, "revoked"), STR("true"))) {
        indicators_forget_pattern(pattern, b);
        indicator_builder_refuse(b, REASON_REVOKED, pattern, number);
        return;
    }
    if (kind.n && !str_eq(kind, STR("stix"))) {
        indicator_builder_refuse(b, REASON_PATTERN_LANGUAGE, kind, number);
        return;
    }
    if (str_to_i64(json_text(object, "confidence"), &confidence) && confidence >= 0 && confidence <= 100)
        i.confidence = (int)confidence;
    i.valid_from_ns = indicator_time(json_text(object, "valid_from"));
    i.valid_until_ns = indicator_time(json_text(object, "valid_until"));
    i.description = describe(object, arena);
    i.labels = join(types && types->child ? types : json_member(object, "labels"), &labels);
    i.tlp = find_tlp(object);
    i.reference = find_reference(object);
    indicators_of_pattern(pattern, &i, b, number);
    buf_free(&labels);
}

static bool is_indicator(struct str text, struct arena *arena)
{
    struct str type;
    return json_walk_string(json_walk_find(text, "type"), arena, &type) && str_eq(type, STR("indicator"));
}

static void read_object(struct str text, struct arena *arena, struct indicator_builder *b, unsigned number)
{
    struct error ignored;
    if (!is_indicator(text, arena))
        return;
    const struct json_node *object = json_parse(text, arena, &ignored);
    if (object)
        read_indicator(object, arena, b, number);
    else
        indicator_builder_refuse(b, REASON_DAMAGED, text, number);
}

bool indicators_read_stix(struct str text, struct indicator_builder *b, struct error *err)
{
    struct json_walk w;
    struct str key, value, objects = json_walk_find(text, "objects");
    struct arena arena;
    unsigned number = 0;
    if (!json_walk_begin(objects.n ? objects : text, &w))
        return error_set(err, "%s", tr("'objects' is no array", "'objects' が配列ではありません"));
    arena_init(&arena, 64 << 10);
    if (w.is_object)
        read_object(text, &arena, b, 1);
    while (!w.is_object && json_walk_next(&w, &key, &value)) {
        read_object(value, &arena, b, ++number);
        arena_reset(&arena);
    }
    arena_free(&arena);
    if (w.is_broken)
        indicator_builder_refuse(b, REASON_DAMAGED, STR("the document ends too early"), number + 1);
    return true;
}
