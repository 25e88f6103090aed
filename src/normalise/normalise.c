/* One record → one event: envelope, candidates, the first parser that accepts, derived fields. Stage:
 * normalise. Reads a record, leaves an event with the parser's number, or with EVENT_PARSE_FAILURE. The way
 * into this stage; the next one is enrich. */
#include "normalise/normalise.h"

#include "base/charset.h"
#include "normalise/literal_scanner.h"
#include "normalise/run.h"
#include "normalise/source_memory.h"

struct normaliser_scratch *normaliser_scratch_new(const struct normaliser *n)
{
    struct normaliser_scratch *s = NEW(struct normaliser_scratch);
    uint32_t literals = literal_scanner_count(n->scanner) + 1;
    s->normaliser = n;
    s->cells = NEW_ARRAY(struct cell, n->slots_max);
    s->filled = NEW_ARRAY(uint32_t, n->slots_max);
    s->touched = NEW_ARRAY(slot_id, n->slots_max);
    s->extras = NEW_ARRAY(struct extra, EXTRAS_MAX);
    s->named = NEW(struct named_list);
    s->columns = NEW_ARRAY(struct str, COLUMN_HEADER_MAX);
    s->captures = NEW_ARRAY(struct str, PATTERN_MAX_CAPTURES > REGEX_MAX_GROUPS ? PATTERN_MAX_CAPTURES
                                                                                : REGEX_MAX_GROUPS);
    s->json = json_reader_new();
    s->regex = regex_scratch_new();
    s->kept = NEW_ARRAY(struct kept_name, KEEP_CACHE);
    arena_init(&s->kept_arena, 1 << 16);
    s->seen_words = literals / 64 + 1;
    s->seen = NEW_ARRAY(uint64_t, s->seen_words);
    s->hits = NEW_ARRAY(uint32_t, literals);
    s->tried = NEW_ARRAY(const struct recogniser *, TRIED_MAX);
    s->header = NEW(struct column_header);
    return s;
}

void normaliser_scratch_free(struct normaliser_scratch *s)
{
    if (!s)
        return;
    json_reader_free(s->json);
    buf_free(&s->abridged);
    regex_scratch_free(s->regex);
    arena_free(&s->kept_arena);
    memory_free(s->cells);
    memory_free(s->filled);
    memory_free(s->touched);
    memory_free(s->extras);
    memory_free(s->named);
    memory_free(s->columns);
    memory_free(s->captures);
    memory_free(s->kept);
    memory_free(s->seen);
    memory_free(s->hits);
    memory_free(s->tried);
    memory_free(s->header);
    memory_free(s);
}

/* What one call to normalise_record works with. */
struct work {
    const struct normaliser *n;
    struct normaliser_scratch *s;
    struct source_memory *memory;
    const struct known_tables *known;
    const struct source *source;
    struct arena *arena;
    struct str text; /* the record as UTF-8 */
    struct syslog syslog;
    struct time_context time;
    struct event *out;
};

static void begin(struct run *r, const struct work *w, const struct parser *p)
{
    struct normaliser_scratch *s = w->s;
    *r = (struct run){.parser = p,
                      .s = s,
                      .arena = w->arena,
                      .memory = w->memory,
                      .known = w->known,
                      .syslog = &w->syslog,
                      .time = w->time,
                      .time_ns = TIME_UNKNOWN};
    s->touched_count = s->extra_count = 0;
    s->leaves.count = 0;        /* those of the last record are gone with its arena */
    if (++s->generation == 0) { /* wrapped: no old cell may look new */
        memset(s->filled, 0, w->n->slots_max * sizeof *s->filled);
        s->generation = 1;
    }
    r->message = p->envelope == ENVELOPE_NONE ? w->syslog.after_priority : w->syslog.message;
}

static void fill_built_in(struct run *r, const struct work *w)
{
    const struct syslog *y = &w->syslog;
    slot_fill(r, SLOT_SYSLOG_HOST, y->host);
    slot_fill(r, SLOT_SYSLOG_APP, y->app);
    slot_fill(r, SLOT_SYSLOG_PID, y->pid);
    slot_fill(r, SLOT_SYSLOG_MSGID, y->msgid);
    slot_fill(r, SLOT_SYSLOG_TIME, y->time_text);
    if (y->has_priority) {
        slot_set_number(r, SLOT_SYSLOG_PRIORITY, y->facility * 8 + y->severity);
        slot_set(r, SLOT_SYSLOG_SEVERITY, syslog_severity_name(y->severity));
        slot_set(r, SLOT_SYSLOG_FACILITY, syslog_facility_name(y->facility));
    }
    slot_fill(r, SLOT_RECORD_MESSAGE, r->message);
    slot_fill(r, SLOT_RECORD_RAW, w->text);
    if (w->source)
        slot_fill(r, SLOT_SOURCE_NAME, w->source->parser.n ? w->source->parser : w->source->name);
}

/* Each target takes the first name, in the file's order, that has a value. */
static void map_names(struct run *r)
{
    const struct parser *p = r->parser;
    for (uint32_t i = 0; i < p->mapping_count; i++) {
        slot_id from = p->mapping_from[i];
        if (from != SLOT_NONE && !slot_is_set(r, from))
            continue;
        const struct mapping *m = &p->mappings[i];
        struct str text = m->first_of ? expression_text(r, m->first_of) : slot_text(r, m->from);
        if (!text.p || !text.n)
            continue;
        for (uint32_t t = 0; t < m->target_count; t++) {
            slot_id to = m->targets[t];
            if (slot_is_set(r, to))
                continue;
            slot_set(r, to, text);
            if (!m->first_of)
                for (const struct cell *c = r->s->cells[m->from].more; c; c = c->more)
                    slot_append(r, to, c->text);
        }
    }
}

static void set_defaults(struct run *r)
{
    const struct assignment *a = r->parser->defaults;
    while (a) { /* several values of one field stand together */
        slot_id slot = a->slot;
        bool was_set = slot_is_set(r, slot);
        for (; a && a->slot == slot; a = a->next)
            if (!was_set) {
                struct assignment one = *a;
                one.next = NULL;
                run_assignments(r, &one);
            }
    }
}

static void run_times(struct run *r)
{
    const struct parser *p = r->parser;
    for (uint32_t i = 0; i < p->time_count; i++)
        if (!(p->times[i]->to == SLOT_NONE && r->time_ns != TIME_UNKNOWN))
            run_date(r, p->times[i]);
}

/* The parser's program; false when the record is not what the parser is for. */
static bool run_parser(struct run *r, const struct work *w)
{
    const struct parser *p = r->parser;
    if (p->envelope == ENVELOPE_SYSLOG && w->syslog.form < SYSLOG_BSD)
        return false;
    fill_built_in(r, w);
    if (!run_shape(r, p->shape) && p->shape->is_required)
        return false;
    if (p->before && !r->stopped)
        run_block(r, p->before);
    if (r->refused)
        return false;
    run_times(r);
    map_names(r);
    if (p->steps && !r->stopped)
        run_block(r, p->steps);
    return !r->refused;
}

static void finish(struct run *r, struct work *w)
{
    bool is_prose = r->parser->shape->kind == SHAPE_NONE || r->parser->shape->kind == SHAPE_PATTERN;
    if (is_prose && !slot_is_set(r, SLOT_MESSAGE) && w->syslog.message.n)
        slot_set(r, SLOT_MESSAGE, w->syslog.message);
    set_defaults(r);
    run_derive(r);
    run_emit(r, w->out);
    w->out->parser = r->parser->number;
    if (r->time_ns != TIME_UNKNOWN)
        w->out->time_ns = r->time_ns;
    else if (w->syslog.time_ns != TIME_UNKNOWN)
        w->out->time_ns = w->syslog.time_ns;
}

static bool try_parser(struct work *w, const struct parser *p)
{
    struct run r;
    begin(&r, w, p);
    if (!run_parser(&r, w))
        return false;
    finish(&r, w);
    return true;
}

/* From s->tried[*next] on. */
static bool try_candidates(struct work *w, uint32_t *next)
{
    for (; *next < w->s->tried_count; ++*next) {
        const struct recogniser *r = w->s->tried[*next];
        if (!try_parser(w, r->parser))
            continue;
        if (w->memory)
            recognise_remember(w->n, w->memory, r);
        return true;
    }
    return false;
}

/* The source has sent tables' headers: a line whose columns fit one of them belongs to that table. */
static bool try_table(struct work *w)
{
    struct kept_header *kept = table_last(w->known);
    const struct parser *p = kept ? table_parser(w->n, kept) : NULL;
    if (!p)
        return false;
    const struct column_form form = {.separator = kept->header.separator ? kept->header.separator
                                                                         : p->shape->column.separator,
                                     .quote = p->shape->column.quote,
                                     .brackets = p->shape->column.brackets};
    struct str line = p->envelope == ENVELOPE_NONE ? w->syslog.after_priority : w->syslog.message;
    if (!line.n || line.p[0] == '{')
        return false;
    if (line.p[0] != '#') {
        uint32_t count = column_split(line, &form, w->s->columns, COLUMN_HEADER_MAX, w->arena);
        if (!table_find(w->known, w->n, p, w->s->columns, count))
            return false;
    }
    return try_parser(w, p);
}

static const struct named_parsers *pinned_parsers(const struct work *w)
{
    char room[128];
    if (!w->source)
        return NULL;
    struct str name = w->source->parser;
    if (!name.n || name.n > sizeof room)
        return NULL;
    for (size_t i = 0; i < name.n; i++)
        room[i] = ascii_lower(name.p[i]);
    return map_get_pointer(&w->n->by_name, str_n(room, name.n));
}

/* Pinned, remembered, by program, by content: the first that accepts. */
static bool find_and_run(struct work *w)
{
    const struct named_parsers *pinned = pinned_parsers(w);
    uint32_t next = 0;
    w->s->tried_count = 0;
    if (pinned && pinned->count == 1 && try_parser(w, pinned->items[0]))
        return true;
    if (pinned && pinned->count > 1) {
        recognise_by_name(w->s, pinned, &w->syslog, w->text);
        if (try_candidates(w, &next))
            return true;
    }
    if (try_table(w))
        return true;
    if (w->memory) {
        recognise_by_memory(w->n, w->s, w->memory, &w->syslog, w->text);
        if (try_candidates(w, &next))
            return true;
    }
    recognise_by_app(w->n, w->s, &w->syslog, w->text);
    if (try_candidates(w, &next))
        return true;
    recognise_by_content(w->n, w->s, &w->syslog, w->text);
    return try_candidates(w, &next);
}

/* Nobody understood it: what the envelope tells, and the text. */
static void keep_unparsed(struct work *w)
{
    const struct syslog *y = &w->syslog;
    struct event *e = w->out;
    struct arena *a = w->arena;
    e->flags |= EVENT_PARSE_FAILURE;
    if (y->time_ns != TIME_UNKNOWN)
        e->time_ns = y->time_ns;
    event_add(e, a, FIELD_EVENT_KIND, STR("event"));
    event_add(e, a, FIELD_MESSAGE, y->message);
    if (y->host.n) {
        event_add(e, a, FIELD_HOST_HOSTNAME, y->host);
        event_add(e, a, FIELD_HOST_NAME, y->host);
    }
    if (y->app.n)
        event_add(e, a, FIELD_PROCESS_NAME, y->app);
}

static struct str as_utf8(const struct work *w, struct str raw)
{
    const char *used = NULL;
    if (str_is_utf8(raw))
        return raw;
    struct str text;
    if (w->source && w->source->charset.n) {
        struct str name = arena_str(w->arena, w->source->charset);
        text = charset_convert(raw, name.p, w->arena);
        used = name.p;
    } else {
        text = charset_to_utf8(raw, w->arena, &used);
    }
    if (used)
        event_add(w->out, w->arena, FIELD_HYAKUYO_CHARSET, arena_str(w->arena, str_c(used)));
    return text;
}

void normalise_record(const struct normaliser *n, struct normaliser_scratch *s, struct source_memory *memory,
                      const struct record *record, const struct source *source, struct arena *arena,
                      struct event *out)
{
    BUG_IF(s->normaliser != n);
    *out = (struct event){.raw = record->raw,
                          .source = record->source,
                          .sequence = record->sequence,
                          .received_ns = record->received_ns,
                          .time_ns = record->received_ns};
    const struct known_tables *known = memory && memory->tables ? &memory->known : &record->tables;
    struct work w = {
        .n = n, .s = s, .memory = memory, .known = known, .source = source, .arena = arena, .out = out};
    w.time.zone = source ? source->zone : NULL;
    w.time.reference_ns = record_reference_ns(record);
    w.text = as_utf8(&w, record->raw);
    syslog_parse(w.text, &w.time, &w.syslog);
    if (!find_and_run(&w))
        keep_unparsed(&w);
}

/* Parsers by number and name -------- */

size_t normaliser_parser_count(const struct normaliser *n)
{
    return n->parser_count;
}

struct str normaliser_parser_name(const struct normaliser *n, uint16_t number)
{
    return number && number <= n->parser_count ? n->parsers[number - 1]->name : STR_EMPTY;
}

struct str normaliser_parser_title(const struct normaliser *n, uint16_t number, bool japanese)
{
    if (!number || number > n->parser_count)
        return STR_EMPTY;
    const struct parser *p = n->parsers[number - 1];
    return japanese ? p->title_ja : p->title_en;
}

uint16_t normaliser_parser_find(const struct normaliser *n, struct str name)
{
    struct arena arena;
    arena_init(&arena, 512);
    const struct named_parsers *found = map_get_pointer(&n->by_name, arena_lower(&arena, name));
    arena_free(&arena);
    return found ? found->items[0]->number : 0;
}

void normaliser_system_name(const struct normaliser *n, struct str system, struct str *en, struct str *ja)
{
    static const char *const own[][3] = {{"inventory", "Inventory", "台帳"},
                                         {"hearing", "Hearing", "聞き取り"},
                                         {"hyakuyo", "hyakuyo", "hyakuyo"}};
    uint16_t number = normaliser_parser_find(n, system);
    bool is_parser = number && str_eq(normaliser_parser_name(n, number), system); /* aliases are products' */
    *en = is_parser ? normaliser_parser_title(n, number, false) : system;
    *ja = is_parser ? normaliser_parser_title(n, number, true) : system;
    for (size_t i = 0; i < COUNT_OF(own); i++)
        if (str_eq(system, str_c(own[i][0]))) {
            *en = str_c(own[i][1]);
            *ja = str_c(own[i][2]);
        }
}
