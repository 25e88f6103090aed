/* The texts of one event as predicates see them: folded once, whoever asks.
 * Stage: detect, on events, many threads. Reads an event; leaves views in the thread's scratch. Next:
 * match.c. */
#include <stdio.h>

#include "detect/fold.h"
#include "detect/match.h"

static size_t text_room(const struct event *e)
{
    size_t bytes = FOLD_GROWTH(e->raw.n < MAX_VALUE_BYTES ? e->raw.n : MAX_VALUE_BYTES);
    for (uint16_t i = 0; i < e->count; i++) {
        const struct value *v = &e->values[i];
        bool is_text = v->type == TYPE_KEYWORD || v->type == TYPE_TEXT || v->type == TYPE_IP;
        size_t n = !is_text ? 2 * TIME_TEXT_MAX : v->size < MAX_VALUE_BYTES ? v->size : MAX_VALUE_BYTES;
        bytes += FOLD_GROWTH(n) + 1;
    }
    return 2 * bytes + TIME_TEXT_MAX * 4; /* twice: alone and joined */
}

static uint16_t resolve_slot(struct detect_scratch *s, field_id field)
{
    struct str name = without_spaces(field_name(field), &s->name_arena);
    uintptr_t *slot = map_find(&s->set->slots, name);
    arena_reset(&s->name_arena);
    return s->slot_of[field] = slot ? (uint16_t)(*slot + 1) : 1;
}

void match_begin(struct detect_scratch *s, const struct event *e)
{
    size_t room = text_room(e);
    if (room > s->text_capacity) {
        s->text = memory_resize(s->text, room * 2);
        s->text_capacity = room * 2;
    }
    s->text_used = 0;
    s->ip_text = NULL;
    for (uint16_t i = 0; i < e->count && i < MAX_EVENT_VALUES; i++) {
        uint16_t slot = s->slot_of[e->values[i].field];
        s->slots[i] = (uint16_t)((slot ? slot : resolve_slot(s, e->values[i].field)) - 1);
    }
}

static char *text_take(struct detect_scratch *s, size_t n)
{
    char *at = s->text + s->text_used;
    s->text_used += n;
    return at;
}

static struct str number_text(struct detect_scratch *s, const struct value *v)
{
    char *out = text_take(s, TIME_TEXT_MAX);
    int n;
    switch (v->type) {
    case TYPE_BOOL:
        return v->number ? STR("true") : STR("false");
    case TYPE_DATE:
        return str_n(out, time_format_iso(v->number, out));
    case TYPE_DOUBLE:
        n = snprintf(out, TIME_TEXT_MAX, "%.15g", v->real);
        break;
    default:
        n = snprintf(out, TIME_TEXT_MAX, "%lld", (long long)v->number);
    }
    return str_n(out, n < 0 ? 0 : (size_t)n < TIME_TEXT_MAX ? (size_t)n : TIME_TEXT_MAX - 1);
}

static void fill_view(struct detect_scratch *s, struct view *view, struct str raw, const struct value *value)
{
    s->counters.cut_values += raw.n > MAX_VALUE_BYTES;
    view->raw = str_slice(raw, 0, MAX_VALUE_BYTES);
    char *folded = s->text + s->text_used;
    view->folded = str_n(folded, fold_text(view->raw, folded, &view->is_ascii));
    s->text_used += view->folded.n;
    view->value = value;
}

static struct view *value_view(struct run *run, uint32_t i)
{
    struct detect_scratch *s = run->s;
    struct view *view = &s->views[i];
    if (s->view_epoch[i] == s->epoch)
        return view;
    s->view_epoch[i] = s->epoch;
    const struct value *v = &run->event->values[i];
    bool is_text = v->type == TYPE_KEYWORD || v->type == TYPE_TEXT || v->type == TYPE_IP;
    fill_view(s, view, is_text ? value_text(v) : number_text(s, v), v);
    return view;
}

/* The record, or for COLUMN_TIME the event's time. */
static struct view *special_view(struct run *run, bool is_time)
{
    struct detect_scratch *s = run->s;
    size_t i = is_time ? TIME_VIEW : RECORD_VIEW;
    struct view *view = &s->views[i];
    if (s->view_epoch[i] == s->epoch)
        return view;
    s->view_epoch[i] = s->epoch;
    char *out = text_take(s, is_time ? TIME_TEXT_MAX : 0);
    fill_view(s, view, is_time ? str_n(out, time_format_iso(run->event->time_ns, out)) : run->event->raw,
              NULL);
    return view;
}

/* XML; "<13>" is the priority of a syslog line, and no name in XML begins with a digit. */
static bool is_markup(struct str raw)
{
    return raw.n > 1 && raw.p[0] == '<' && !ascii_is_digit(raw.p[1]);
}

/* Escapes and other character sets hide words from a search in the record; then its texts are searched too.
 */
bool match_record_hides_words(struct str raw)
{
    if (raw.n == 0 || is_markup(raw) || memchr(raw.p, '\\', raw.n))
        return true;
    return !str_is_ascii(raw);
}

struct view *match_record_view(struct run *run)
{
    return special_view(run, false);
}

static struct view *record_next(struct run *run, struct cursor *cursor)
{
    const struct event *e = run->event;
    if (!cursor->started) {
        cursor->started = true;
        cursor->next = match_record_hides_words(e->raw) ? 0 : UINT32_MAX;
        if (e->raw.n)
            return special_view(run, false);
    }
    while (cursor->next < e->count && cursor->next < MAX_EVENT_VALUES) {
        uint32_t i = cursor->next++;
        if (e->values[i].type == TYPE_KEYWORD || e->values[i].type == TYPE_TEXT)
            return value_view(run, i);
    }
    return NULL;
}

static void join(struct detect_scratch *s, struct view *joined, const struct view *part)
{
    char *at = text_take(s, part->folded.n + 1);
    *at = 0;
    memcpy(at + 1, part->folded.p, part->folded.n);
    joined->folded.n += part->folded.n + 1;
    joined->is_ascii = joined->is_ascii && part->is_ascii;
}

/* One pass of a scanner over all texts costs less than half of a pass over each: most are short. */
struct view *match_joined_view(struct run *run)
{
    struct detect_scratch *s = run->s;
    struct view *joined = &s->views[JOINED_VIEW], *part;
    if (s->view_epoch[JOINED_VIEW] == s->epoch)
        return joined;
    s->view_epoch[JOINED_VIEW] = s->epoch;
    for (struct cursor cursor = {0}; record_next(run, &cursor);)
        ; /* folded now; nothing else may be written between the parts */
    *joined = (struct view){.folded = str_n(s->text + s->text_used, 0), .is_ascii = true, .is_joined = true};
    for (struct cursor cursor = {0}; (part = record_next(run, &cursor));)
        join(s, joined, part);
    joined->raw = joined->folded;
    return joined;
}

struct view *column_next(struct run *run, uint32_t column, struct cursor *cursor)
{
    const struct column *c = &run->unit->columns[column];
    if (c->kind == COLUMN_RECORD)
        return record_next(run, cursor);
    if (c->kind == COLUMN_TIME)
        return cursor->started ? NULL : (cursor->started = true, special_view(run, true));
    const struct column_state *state = &run->state->columns[column];
    if (state->epoch != run->s->epoch)
        return NULL;
    if (!cursor->started) {
        cursor->started = true;
        cursor->at = &run->event->values[state->first];
    } else if (!state->has_more || !(cursor->at = event_next(run->event, cursor->at))) {
        return NULL;
    }
    return value_view(run, (uint32_t)(cursor->at - run->event->values));
}
