/* Carries out shapes and dates: calls the stage parse's readers and puts what they give into slots. Stage:
 * normalise. Next: evaluate.c. */
#include "normalise/run.h"
#include "normalise/source_memory.h"
#include "parse/cef.h"
#include "parse/xml.h"

static const struct json_limits json_limits = {.max_depth = 40, .max_leaves = 4000};

static void fill_named(struct run *r, const struct shape *shape)
{
    const struct named_list *list = r->s->named;
    for (uint32_t i = 0; i < list->count; i++) {
        struct str name = list->items[i].name;
        if (shape->prefix.n)
            name = arena_concat(r->arena, shape->prefix, name);
        name_fill(r, name, list->items[i].text);
    }
}

/* Each parameter comes as "id.name" and as "name". With one element only (nearly always) the long form says
 * nothing more: it is filled where the parser asks for it, but not kept beside the short one. */
static void fill_structured(struct run *r, const struct shape *shape)
{
    const struct named_list *list = r->s->named;
    struct str first = list->count > 1
                           ? str_slice(list->items[0].name, 0, list->items[0].name.n - list->items[1].name.n)
                           : STR_EMPTY;
    bool has_several = false;
    for (uint32_t i = 0; i + 1 < list->count && !has_several; i += 2)
        has_several = !str_starts(list->items[i].name, first) ||
                      list->items[i].name.n - list->items[i + 1].name.n != first.n;
    for (uint32_t i = 0; i < list->count; i++) {
        struct str name = list->items[i].name;
        if (shape->prefix.n)
            name = arena_concat(r->arena, shape->prefix, name);
        if (has_several || i % 2 || map_find(&r->parser->names, name))
            name_fill(r, name, list->items[i].text);
    }
}

static bool shape_named(struct run *r, const struct shape *shape, struct str text)
{
    struct named_list *list = r->s->named;
    bool found;
    named_clear(list);
    switch (shape->kind) {
    case SHAPE_KEY_VALUE:
        found = key_value_parse(text, &shape->key_value, list, r->arena) >= shape->minimum;
        break;
    case SHAPE_CEF:
        found = cef_parse(text, list, r->arena);
        break;
    case SHAPE_LEEF:
        found = leef_parse(text, list, r->arena);
        break;
    case SHAPE_STRUCTURED:
        if (!shape->from && r->syslog)
            text = r->syslog->structured;
        found = syslog_structured(text, list, r->arena) > 0;
        break;
    default:
        found = xml_parse(text, list, r->arena);
    }
    if (found && shape->kind == SHAPE_STRUCTURED)
        fill_structured(r, shape);
    else if (found)
        fill_named(r, shape);
    return found;
}

/* A JSON object or array, at the start or behind a short prefix ("@cee:", "CEE: ", a program's own header).
 */
static bool shape_json(struct run *r, const struct shape *shape, struct str text)
{
    struct str head = str_slice(text, 0, 512);
    size_t at = str_find_char(head, '{', 0);
    if (at == STR_NOT_FOUND)
        return false;
    if (at > 0 && head.p[0] == '[' && str_trim(str_slice(head, 1, at)).n == 0)
        at = 0;
    text = str_trim(str_skip(text, at));
    struct normaliser_scratch *s = r->s;
    s->leaves = (struct json_leaves){0};
    if (!json_flatten(s->json, text, &json_limits, r->arena, &s->leaves, NULL)) {
        size_t whole = json_value_length(text);
        if (!whole || whole == text.n ||
            !json_flatten(s->json, str_slice(text, 0, whole), &json_limits, r->arena, &s->leaves, NULL))
            return false;
    }
    for (uint32_t i = 0; i < s->leaves.count; i++) {
        const struct json_leaf *leaf = &s->leaves.items[i];
        if (leaf->kind == JSON_NULL)
            continue;
        struct str name = shape->prefix.n ? arena_concat(r->arena, shape->prefix, leaf->name) : leaf->name;
        name_fill(r, name, leaf->text);
    }
    return s->leaves.count > 0;
}

/* Columns -------- */

static void fill_header(struct run *r, const struct column_header *h, const struct str *columns,
                        uint32_t count)
{
    for (uint32_t i = 0; i < count && i < h->count; i++)
        name_fill(r, h->names[i], columns[i]);
    if (h->path.n)
        slot_fill(r, SLOT_TABLE_PATH, h->path);
    if (h->software.n)
        slot_fill(r, SLOT_TABLE_SOFTWARE, h->software);
}

static const struct column_set *select_columns(const struct shape *shape, const struct str *columns,
                                               uint32_t count)
{
    char text[16];
    struct str key = STR_EMPTY;
    if (!shape->select_column)
        return shape->columns;
    if (shape->select_column == UINT16_MAX) {
        size_t n = 0;
        for (uint32_t v = count; v; v /= 10)
            n++;
        for (uint32_t v = count, i = (uint32_t)n; i-- > 0; v /= 10)
            text[i] = (char)('0' + v % 10);
        key = str_n(text, n);
    } else if (shape->select_column <= count) {
        key = columns[shape->select_column - 1];
    }
    const struct column_set *set = map_get_pointer(shape->selections, key);
    return set ? set : shape->columns;
}

/* True when the line belongs to a header; what it tells is remembered for the source. */
static bool learn_header(struct run *r, struct str text)
{
    struct column_header *h = r->s->header;
    if (!text.n || text.p[0] != '#')
        return false;
    if (!r->memory || !r->memory->tables)
        return true;
    struct kept_header *last = table_last(r->known);
    if (last && table_parser(r->s->normaliser, last) == r->parser)
        column_header_copy(&last->header, h);
    else
        column_header_clear(h);
    column_header_line(text, h);
    table_learn(r->memory->tables, &r->memory->known, r->parser->name, h);
    return true;
}

static bool shape_columns(struct run *r, const struct shape *shape, struct str text)
{
    struct column_form form = shape->column;
    if (shape->has_header && learn_header(r, text)) {
        slot_set(r, SLOT_MESSAGE, text);
        r->stopped = true;
        return true;
    }
    struct kept_header *last = shape->has_header ? table_last(r->known) : NULL;
    if (last && last->header.separator && table_parser(r->s->normaliser, last) == r->parser)
        form.separator = last->header.separator;
    while (text.n && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
        text.n--;
    uint32_t count = column_split(text, &form, r->s->columns, COLUMN_HEADER_MAX, r->arena);
    const struct kept_header *table =
        last ? table_find(r->known, r->s->normaliser, r->parser, r->s->columns, count) : NULL;
    if (table) {
        fill_header(r, &table->header, r->s->columns, count);
        return true;
    }
    const struct column_set *set = select_columns(shape, r->s->columns, count);
    if (!set || count < shape->minimum)
        return false;
    for (uint32_t i = 0; i < count && i < set->count; i++)
        if (set->slots[i] != SLOT_NONE)
            slot_fill(r, set->slots[i], str_trim(r->s->columns[i]));
    return true;
}

/* Patterns -------- */

static void fill_captures(struct run *r, const struct pattern_entry *entry, const struct str *captures)
{
    for (uint16_t i = 0; i < entry->capture_count; i++)
        if (entry->slots[i] != SLOT_NONE && captures[i].p)
            slot_fill(r, entry->slots[i], captures[i]);
    if (entry->then)
        run_block(r, entry->then);
}

static bool shape_pattern(struct run *r, const struct shape *shape, struct str text)
{
    struct str *captures = r->s->captures;
    text = str_trim(text);
    int hit = pattern_set_match(shape->set, text, captures);
    if (hit >= 0) {
        fill_captures(r, &shape->entries[hit], captures);
        return true;
    }
    for (uint32_t i = 0; i < shape->regex_count; i++) {
        const struct pattern_entry *entry = &shape->regexes[i];
        memset(captures, 0, REGEX_MAX_GROUPS * sizeof *captures);
        if (regex_match(entry->regex, r->s->regex, text, captures, REGEX_MAX_GROUPS) != REGEX_YES)
            continue;
        fill_captures(r, entry, captures);
        return true;
    }
    return false;
}

/* JSON or XML, whichever begins first. */
static bool shape_document(struct run *r, const struct shape *shape, struct str text)
{
    struct str head = str_slice(text, 0, 512);
    size_t brace = str_find_char(head, '{', 0), tag = str_find_char(head, '<', 0);
    if (brace != STR_NOT_FOUND && (tag == STR_NOT_FOUND || brace < tag))
        return shape_json(r, shape, text);
    return shape_named(r, shape, text);
}

bool run_shape(struct run *r, const struct shape *shape)
{
    struct str text = r->message;
    if (shape->from) {
        text = expression_text(r, shape->from);
        if (!text.p)
            return false;
    }
    switch (shape->kind) {
    case SHAPE_NONE:
        return true;
    case SHAPE_JSON:
        return shape_json(r, shape, text);
    case SHAPE_DOCUMENT:
        return shape_document(r, shape, text);
    case SHAPE_CSV:
        return shape_columns(r, shape, text);
    case SHAPE_PATTERN:
        return shape_pattern(r, shape, text);
    default:
        return shape_named(r, shape, text);
    }
}

/* Dates -------- */

static const struct zone *find_zone(struct run *r, struct str name)
{
    struct normaliser_scratch *s = r->s;
    for (size_t i = 0; i < COUNT_OF(s->zones); i++)
        if (s->zones[i].n && str_eq(str_n(s->zones[i].name, s->zones[i].n), name))
            return s->zones[i].zone;
    const struct zone *zone = zone_find(name);
    if (name.n && name.n <= sizeof s->zones[0].name) {
        struct zone_memo *memo = &s->zones[s->zone_next++ % COUNT_OF(s->zones)];
        memcpy(memo->name, name.p, name.n);
        memo->n = (uint8_t)name.n;
        memo->zone = zone;
    }
    return zone;
}

static bool parse_epoch_unit(struct str text, int64_t unit_ns, int64_t *t)
{
    int64_t whole;
    if (str_to_i64(text, &whole))
        return !__builtin_mul_overflow(whole, unit_ns, t);
    double real;
    if (!str_to_double(text, &real) || !(real > -9e18 / (double)unit_ns && real < 9e18 / (double)unit_ns))
        return false;
    *t = (int64_t)(real * (double)unit_ns);
    return true;
}

static bool parse_as(const struct date *d, uint32_t i, struct str text, const struct time_context *context,
                     int64_t *t)
{
    switch (d->kinds[i]) {
    case DATE_FORMAT:
        return time_format_parse(d->formats[i], text, context, t);
    case DATE_ISO:
        return time_parse_iso(text, context, t);
    case DATE_EPOCH:
        return time_parse_epoch(text, t);
    case DATE_EPOCH_S:
        return text.n <= 11 ? parse_epoch_unit(text, NS_PER_SECOND, t) : time_parse_epoch(text, t);
    case DATE_EPOCH_MS:
        return parse_epoch_unit(text, NS_PER_MS, t);
    case DATE_EPOCH_US:
        return parse_epoch_unit(text, 1000, t);
    case DATE_EPOCH_NS:
        return parse_epoch_unit(text, 1, t);
    default:
        return time_parse_bsd(text, context, t) == text.n && text.n > 0;
    }
}

bool run_date(struct run *r, const struct date *d)
{
    struct str text = expression_text(r, d->from);
    struct time_context context = r->time;
    int64_t t;
    if (!text.p || !text.n)
        return false;
    text = str_trim(text);
    if (d->zone) {
        struct str name = expression_text(r, d->zone);
        const struct zone *zone = name.p ? find_zone(r, str_trim(name)) : NULL;
        if (zone)
            context.zone = zone;
    }
    for (uint32_t i = 0; i < d->count; i++) {
        if (!parse_as(d, i, text, &context, &t))
            continue;
        if (d->to == SLOT_NONE)
            r->time_ns = t;
        else
            slot_set_time(r, d->to, t);
        return true;
    }
    return false;
}
