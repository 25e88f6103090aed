/* MISP: events as files, feeds and exports hold them, and answers of restSearch. An event's attributes become
 * indicators when their type is one we look up and MISP says that they are meant for detection (to_ids).
 * Stage: detect, at import. */
#include "detect/indicator_json.h"
#include "detect/indicator_reader.h"

#include "base/log.h"

#define NESTING_MAX 4

struct misp_reader {
    struct indicator_builder *b;
    struct arena arena;       /* of one attribute */
    struct arena event_arena; /* of the event's own texts */
    struct str info, reference, tlp, labels;
    unsigned number;
    bool is_broken;
};

/* tlp:… is the marking; other tags are labels. */
static void read_tag(struct misp_reader *r, struct str name, struct str *tlp, struct buf *labels)
{
    struct str marking = str_starts_nocase(name, STR("tlp:")) ? indicator_tlp(name) : STR_EMPTY;
    (void)r;
    if (marking.n) {
        *tlp = marking;
        return;
    }
    if (labels->n)
        buf_char(labels, ';');
    buf_add(labels, name);
}

static void read_tags(struct misp_reader *r, const struct json_node *tags, struct str *tlp,
                      struct buf *labels)
{
    for (const struct json_node *tag = tags ? tags->child : NULL; tag; tag = tag->next)
        read_tag(r, json_text(tag, "name"), tlp, labels);
}

/* ------------------------------------------------------------------- attributes */

static bool is_true(const struct json_node *object, const char *key)
{
    struct str text = json_text(object, key);
    return str_eq(text, STR("true")) || str_eq(text, STR("1"));
}

static void add_one(struct misp_reader *r, const struct indicator *like, struct str type, struct str value)
{
    struct indicator i = *like;
    if (!indicator_type_of_word(type, &i.type)) {
        indicator_builder_refuse(r->b, REASON_TYPE, type, r->number);
        return;
    }
    i.value = value;
    indicator_builder_add(r->b, &i, r->number);
}

/* "filename|sha256" with "name|hash": the hash names the file, the name is context. Of "domain|ip" both
 * count; of "ip-dst|port" and "hostname|port" the first does. */
static void add_composite(struct misp_reader *r, const struct indicator *like, struct str type,
                          struct str value)
{
    size_t type_bar = str_find_char(type, '|', 0), value_bar = str_find_last_char(value, '|');
    struct str first = str_slice(type, 0, type_bar), second = str_skip(type, type_bar + 1);
    struct str left = str_slice(value, 0, value_bar),
               right = value_bar == STR_NOT_FOUND ? STR_EMPTY : str_skip(value, value_bar + 1);
    if (!str_eq(first, STR("filename")))
        add_one(r, like, first, left);
    if (right.n && !str_eq(second, STR("port")))
        add_one(r, like, second, right);
    if (str_eq(first, STR("filename")) && right.n == 0)
        indicator_builder_refuse(r->b, REASON_DAMAGED, value, r->number);
}

static void read_attribute(struct misp_reader *r, struct str text)
{
    struct error ignored;
    struct buf labels = {0};
    const struct json_node *attribute = json_parse(text, &r->arena, &ignored);
    struct str type = json_text(attribute, "type"), value = json_text(attribute, "value"),
               comment = json_text(attribute, "comment");
    struct indicator i = indicator_blank();
    r->number++;
    if (type.n == 0 || value.n == 0) {
        indicator_builder_refuse(r->b, REASON_DAMAGED, text, r->number);
        return;
    }
    if (is_true(attribute, "deleted") ||
        (json_member(attribute, "to_ids") && !is_true(attribute, "to_ids"))) {
        bool is_deleted = is_true(attribute, "deleted");
        indicator_builder_refuse(r->b, is_deleted ? REASON_REVOKED : REASON_NOT_FOR_DETECTION, value,
                                 r->number);
        return;
    }
    i.tlp = r->tlp;
    buf_add(&labels, r->labels);
    read_tags(r, json_member(attribute, "Tag"), &i.tlp, &labels);
    i.labels = buf_str(&labels);
    i.reference = r->reference;
    i.description = r->info;
    if (comment.n && r->info.n)
        i.description = arena_printf(&r->arena, "%.*s: %.*s", STR_ARGS(r->info), STR_ARGS(comment));
    else if (comment.n)
        i.description = comment;
    if (str_find_char(type, '|', 0) != STR_NOT_FOUND)
        add_composite(r, &i, type, value);
    else
        add_one(r, &i, type, value);
    buf_free(&labels);
}

static void read_attributes(struct misp_reader *r, struct str list)
{
    struct json_walk w;
    struct str key, value;
    if (!json_walk_begin(list, &w) || w.is_object)
        return;
    while (json_walk_next(&w, &key, &value)) {
        read_attribute(r, value);
        arena_reset(&r->arena);
    }
    r->is_broken |= w.is_broken;
}

static void read_objects(struct misp_reader *r, struct str list)
{
    struct json_walk w;
    struct str key, value;
    if (!json_walk_begin(list, &w) || w.is_object)
        return;
    while (json_walk_next(&w, &key, &value))
        read_attributes(r, json_walk_find(value, "Attribute"));
    r->is_broken |= w.is_broken;
}

/* ----------------------------------------------------------------------- events */

static void read_event_texts(struct misp_reader *r, struct str event)
{
    struct error ignored;
    struct str uuid;
    struct buf labels = {0};
    arena_reset(&r->event_arena);
    r->info = r->reference = r->tlp = r->labels = STR_EMPTY;
    if (!json_walk_string(json_walk_find(event, "info"), &r->event_arena, &r->info))
        r->info = STR_EMPTY;
    if (json_walk_string(json_walk_find(event, "uuid"), &r->event_arena, &uuid))
        r->reference = arena_printf(&r->event_arena, "misp-event:%.*s", STR_ARGS(uuid));
    struct str tags = json_walk_find(event, "Tag");
    read_tags(r, tags.n ? json_parse(tags, &r->event_arena, &ignored) : NULL, &r->tlp, &labels);
    r->labels = arena_str(&r->event_arena, buf_str(&labels));
    buf_free(&labels);
}

static void read_event(struct misp_reader *r, struct str event)
{
    read_event_texts(r, event);
    read_attributes(r, json_walk_find(event, "Attribute"));
    read_objects(r, json_walk_find(event, "Object"));
}

/* {"Event": …}, {"response": …}, {"Attribute": […]}, or an array of them. */
static void read_any(struct misp_reader *r, struct str text, unsigned depth)
{
    struct json_walk w;
    struct str key, value;
    if (depth == NESTING_MAX || !json_walk_begin(text, &w))
        return;
    while (json_walk_next(&w, &key, &value)) {
        if (str_eq(key, STR("Event")))
            read_event(r, value);
        else if (!w.is_object && json_walk_find(value, "to_ids").n)
            read_attribute(r, value);
        else if (!w.is_object || str_eq(key, STR("response")))
            read_any(r, value, depth + 1);
        else if (str_eq(key, STR("Attribute")) && json_walk_find(text, "info").n == 0)
            read_attributes(r, value);
    }
    if (w.is_object && json_walk_find(text, "info").n && json_walk_find(text, "Attribute").n)
        read_event(r, text); /* the event without its wrapping */
    r->is_broken |= w.is_broken;
}

bool indicators_read_misp(struct str text, struct indicator_builder *b, struct error *err)
{
    struct misp_reader r = {
        .b = b, .info = STR_EMPTY, .reference = STR_EMPTY, .tlp = STR_EMPTY, .labels = STR_EMPTY};
    (void)err;
    arena_init(&r.arena, 16 << 10);
    arena_init(&r.event_arena, 4096);
    read_any(&r, text, 0);
    arena_free(&r.arena);
    arena_free(&r.event_arena);
    if (r.is_broken)
        indicator_builder_refuse(b, REASON_DAMAGED, STR("the document ends too early"), r.number);
    return true;
}
