/* Cuts JSON and XML files at rest into records, in one pass with bounded memory. Stage: input, for the
 * commands that read files (feed.c). The shapes of the stage parse read each record again; here only its ends
 * are looked for. */
#include "input/documents.h"

#include "base/json.h"
#include "base/memory.h"

/* Objects that only wrap an array of records: CloudTrail, Azure, Microsoft Graph, event log exporters. */
static const struct str wrappers[] = {{"Records", 7}, {"records", 7}, {"value", 5}, {"Events", 6}};

static struct str skip_space(struct str s)
{
    while (s.n && ascii_is_space(s.p[0]))
        s = str_skip(s, 1);
    return s;
}

/* `{"Records": [ {`: the text from the last brace on, or p == NULL. */
static struct str inside_wrapper(struct str s)
{
    const struct str none = {NULL, 0};
    s = skip_space(s);
    if (!str_starts(s, STR("{")))
        return none;
    s = skip_space(str_skip(s, 1));
    for (size_t i = 0; i < COUNT_OF(wrappers); i++) {
        struct str key = wrappers[i], rest = str_skip(s, key.n + 2);
        if (!str_starts(s, STR("\"")) || !str_starts(str_skip(s, 1), key) ||
            str_find_char(s, '"', 1) != key.n + 1)
            continue;
        rest = skip_space(rest);
        if (!str_starts(rest, STR(":")))
            return none;
        rest = skip_space(str_skip(rest, 1));
        if (!str_starts(rest, STR("[")))
            return none;
        rest = skip_space(str_skip(rest, 1));
        return str_starts(rest, STR("{")) ? rest : none;
    }
    return none;
}

/* Pretty-printed: the first object goes on behind its first line, and no new one begins there. NDJSON begins
 * an object on each line, whole or broken. */
static bool is_pretty_printed(struct str s)
{
    size_t end = str_find_char(s, '\n', 0);
    if (end == STR_NOT_FOUND || json_value_length(str_slice(s, 0, end)))
        return false;
    struct str next = str_skip(s, end + 1);
    return next.n && next.p[0] != '{';
}

static bool is_event_start(struct str s)
{
    return s.n > 6 && str_starts(s, STR("<Event")) &&
           (ascii_is_space(s.p[6]) || s.p[6] == '>' || s.p[6] == '/');
}

static bool holds_events(struct str s)
{
    for (size_t at = str_find(s, STR("<Event"), 0); at != STR_NOT_FOUND;
         at = str_find(s, STR("<Event"), at + 1))
        if (is_event_start(str_skip(s, at)))
            return true;
    return false;
}

enum document_kind documents_recognise(struct str start)
{
    struct str s = skip_space(start);
    if (str_starts(s, STR("[")) && s.n > 1) {
        struct str next = skip_space(str_skip(s, 1));
        return next.n && (next.p[0] == '{' || next.p[0] == ']') ? DOCUMENTS_JSON : DOCUMENTS_NONE;
    }
    if (str_starts(s, STR("{")))
        return inside_wrapper(s).p || is_pretty_printed(s) ? DOCUMENTS_JSON : DOCUMENTS_NONE;
    bool is_markup =
        s.n > 1 && s.p[0] == '<' && (s.p[1] == '?' || s.p[1] == '!' || str_starts(s, STR("<Event")));
    return is_markup && holds_events(s) ? DOCUMENTS_XML : DOCUMENTS_NONE;
}

void documents_free(struct documents *d)
{
    buf_free(&d->record);
}

static void keep(struct documents *d, struct str s)
{
    size_t room = d->max_bytes - d->record.n;
    d->was_cut = d->was_cut || s.n > room;
    buf_bytes(&d->record, s.p, s.n < room ? s.n : room);
}

static void begin(struct documents *d, uint64_t *line)
{
    buf_clear(&d->record);
    d->is_inside = true;
    d->was_cut = false;
    *line = d->line + 1;
}

static void count_lines(struct documents *d, struct str s)
{
    for (size_t at = str_find_char(s, '\n', 0); at != STR_NOT_FOUND; at = str_find_char(s, '\n', at + 1))
        d->line++;
}

/* JSON -------- */

enum step { STEP_ON, STEP_DONE, STEP_BROKEN };

static enum step step_in_string(struct documents *d, char c)
{
    if (d->is_escaped)
        d->is_escaped = false;
    else if (c == '\\')
        d->is_escaped = true;
    else if (c == '"' || c == '\n') /* a string ends with its line, whatever was forgotten */
        d->in_string = false;
    return STEP_ON;
}

/* An object in the first column is a new record: the one before it was never closed. */
static enum step step_open(struct documents *d, char c)
{
    if (d->depth && c == '{' && d->at_line_start)
        return STEP_BROKEN;
    d->depth++;
    return STEP_ON;
}

static enum step step_json(struct documents *d, char c)
{
    if (d->in_string && !(c == '{' && d->at_line_start))
        return step_in_string(d, c);
    switch (c) {
    case '"':
        d->in_string = true;
        return STEP_ON;
    case '{':
    case '[':
        return step_open(d, c);
    case '}':
    case ']':
        return --d->depth == 0 ? STEP_DONE : STEP_ON;
    default:
        return STEP_ON;
    }
}

/* Between records: strings, so that braces in them say nothing; the rest of wrappers. */
static void step_outside(struct documents *d, char c)
{
    bool is_text = d->in_string || (!ascii_is_space(c) && c != ',' && c != '[' && c != ']' && c != '}');
    d->skipped_bytes += is_text && !d->is_wrapped;
    if (d->in_string)
        step_in_string(d, c);
    else
        d->in_string = c == '"';
}

static size_t find_object(struct documents *d, struct str piece)
{
    for (size_t i = 0; i < piece.n; i++) {
        if (piece.p[i] == '{' && !d->in_string)
            return i;
        step_outside(d, piece.p[i]);
        d->at_line_start = piece.p[i] == '\n';
        d->line += piece.p[i] == '\n';
    }
    return piece.n;
}

/* Was the record so far only a wrapper? Then it begins anew with the object inside. */
static void unwrap(struct documents *d, uint64_t *line)
{
    struct str inner = d->depth == 3 && d->record.n < 64 ? inside_wrapper(buf_str(&d->record)) : STR_EMPTY;
    if (inner.n != 1)
        return;
    begin(d, line);
    keep(d, STR("{"));
    d->depth = 1;
    d->is_wrapped = true;
}

/* Bytes of the piece that belong to the record; `*step` tells why it ended. */
static size_t take_json(struct documents *d, struct str piece, uint64_t *line, enum step *step)
{
    size_t from = 0;
    *step = STEP_ON;
    for (size_t i = 0; i < piece.n; i++) {
        char c = piece.p[i];
        *step = step_json(d, c);
        if (*step == STEP_BROKEN) {
            keep(d, str_slice(piece, from, i));
            return i;
        }
        d->at_line_start = c == '\n';
        d->line += c == '\n';
        if (*step == STEP_DONE || (c == '{' && d->depth == 3)) {
            keep(d, str_slice(piece, from, i + 1));
            from = i + 1;
            if (*step == STEP_DONE)
                return from;
            unwrap(d, line);
        }
    }
    keep(d, str_skip(piece, from));
    return piece.n;
}

static int next_json(struct documents *d, struct line_reader *r, uint64_t *line, struct error *err)
{
    struct str piece;
    int status;
    d->depth = 0;
    d->in_string = d->is_escaped = false;
    while ((status = line_reader_piece(r, &piece, err)) > 0) {
        enum step step = STEP_ON;
        size_t used = 0;
        if (!d->is_inside) {
            used = find_object(d, piece);
            if (used < piece.n) {
                d->at_line_start = false;
                begin(d, line);
            }
        } else {
            used = take_json(d, piece, line, &step);
        }
        line_reader_skip(r, used);
        if (step == STEP_DONE || step == STEP_BROKEN) {
            d->was_cut = d->was_cut || step == STEP_BROKEN;
            return 1;
        }
    }
    return status;
}

/* XML -------- */

/* Text between elements: tags are the wrapping, other text is counted. */
static void skip_outside(struct documents *d, struct str s)
{
    count_lines(d, s);
    for (size_t i = 0; i < s.n; i++)
        d->skipped_bytes += !ascii_is_space(s.p[i]);
}

/* A tag outside of events is in `record`, whole or not. True when it begins an event. */
static bool begins_event(struct documents *d)
{
    return is_event_start(buf_str(&d->record));
}

/* The last bytes that were read of a record, whether they still fitted into it or not. */
static void remember_tail(struct documents *d, struct str part)
{
    if (part.n < sizeof d->tail)
        memmove(d->tail, d->tail + part.n, sizeof d->tail - part.n);
    else
        part = str_skip(part, part.n - sizeof d->tail);
    memcpy(d->tail + sizeof d->tail - part.n, part.p, part.n);
}

/* Up to and with the next '>'; true when it was there. */
static bool take_to_bracket(struct documents *d, struct str piece, size_t *used)
{
    size_t end = str_find_char(piece, '>', 0);
    *used = end == STR_NOT_FOUND ? piece.n : end + 1;
    struct str part = str_slice(piece, 0, *used);
    keep(d, part);
    remember_tail(d, part);
    count_lines(d, part);
    return end != STR_NOT_FOUND;
}

/* "</Event>" inside of CDATA ends nothing. */
static bool is_in_cdata(struct str s)
{
    size_t open = STR_NOT_FOUND;
    for (size_t at = str_find(s, STR("<![CDATA["), 0); at != STR_NOT_FOUND;
         at = str_find(s, STR("<![CDATA["), at + 1))
        open = at;
    return open != STR_NOT_FOUND && str_find(s, STR("]]>"), open) == STR_NOT_FOUND;
}

static bool event_is_over(struct documents *d)
{
    struct str s = buf_str(&d->record);
    if (str_eq(str_n(d->tail, sizeof d->tail), STR("</Event>")))
        return d->was_cut || !is_in_cdata(s);
    return str_ends(s, STR("/>")) && str_find_char(s, '>', 0) == s.n - 1; /* <Event/> */
}

/* Outside of events: to the next tag. The record holds a tag as long as it is not known whose it is. */
static size_t find_tag(struct documents *d, struct str piece, uint64_t *line)
{
    size_t used = 0;
    if (d->record.n == 0) {
        used = str_find_char(piece, '<', 0);
        used = used == STR_NOT_FOUND ? piece.n : used;
        skip_outside(d, str_slice(piece, 0, used));
        *line = d->line + 1;
    }
    size_t tag = 0;
    if (used < piece.n && take_to_bracket(d, str_skip(piece, used), &tag)) {
        d->is_inside = begins_event(d);
        if (!d->is_inside)
            buf_clear(&d->record);
    }
    return used + tag;
}

static int next_xml(struct documents *d, struct line_reader *r, uint64_t *line, struct error *err)
{
    struct str piece;
    int status;
    buf_clear(&d->record);
    d->was_cut = false;
    while ((status = line_reader_piece(r, &piece, err)) > 0) {
        size_t used;
        bool at_bracket = true;
        if (d->is_inside)
            at_bracket = take_to_bracket(d, piece, &used);
        else
            used = find_tag(d, piece, line);
        line_reader_skip(r, used);
        if (d->is_inside && at_bracket && event_is_over(d))
            return 1;
    }
    return status;
}

int documents_next(struct documents *d, struct line_reader *r, struct str *record, uint64_t *line,
                   bool *was_cut, struct error *err)
{
    int status = d->kind == DOCUMENTS_JSON ? next_json(d, r, line, err) : next_xml(d, r, line, err);
    if (status == 0 && d->is_inside && d->record.n) { /* the file ends inside of a record */
        d->was_cut = true;
        status = 1;
    }
    d->is_inside = false;
    *record = buf_str(&d->record);
    *was_cut = d->was_cut;
    return status;
}
