/* Rules on one event.
 * Stage: detect, on events, many threads. Reads an event and the immutable tables of one unit; leaves the
 * rules that hold. Per thread: detect_scratch.
 *
 *   1. Each value of the event is put into the columns it feeds; a column keeps the values of its best field.
 *   2. Indexed columns probe their literals. A candidate that holds marks its predicate true and triggers
 * that predicate's rules.
 *   3. The trees of the triggered rules (and of those that cannot be triggered) are evaluated; predicates
 * that are not indexed are compared now, once for each event at most.
 *
 * Nothing is cleared between events: all marks carry the event's number (epoch). Next: predicate.c. */
#include "detect/match.h"

#include <stdio.h>

#include "detect/fold.h"

enum { MARK_FALSE = 1, MARK_TRUE = 2 };

/* Values as text */

static size_t text_room(const struct event *e)
{
    size_t bytes = FOLD_GROWTH(e->raw.n < MAX_VALUE_BYTES ? e->raw.n : MAX_VALUE_BYTES);
    for (uint16_t i = 0; i < e->count; i++) {
        const struct value *v = &e->values[i];
        bool is_text = v->type == TYPE_KEYWORD || v->type == TYPE_TEXT || v->type == TYPE_IP;
        size_t n = !is_text ? 2 * TIME_TEXT_MAX : v->size < MAX_VALUE_BYTES ? v->size : MAX_VALUE_BYTES;
        bytes += FOLD_GROWTH(n);
    }
    return bytes + TIME_TEXT_MAX * 4;
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
    size_t i = MAX_EVENT_VALUES + is_time;
    struct view *view = &s->views[i];
    if (s->view_epoch[i] == s->epoch)
        return view;
    s->view_epoch[i] = s->epoch;
    char *out = text_take(s, is_time ? TIME_TEXT_MAX : 0);
    fill_view(s, view, is_time ? str_n(out, time_format_iso(run->event->time_ns, out)) : run->event->raw,
              NULL);
    return view;
}

/* Columns */

/* XML; "<13>" is the priority of a syslog line, and no name in XML begins with a digit. */
static bool is_markup(struct str raw)
{
    return raw.n > 1 && raw.p[0] == '<' && !ascii_is_digit(raw.p[1]);
}

/* Escapes and other character sets hide words from a search in the record; then its texts are searched too.
 */
static bool record_hides_words(struct str raw)
{
    if (raw.n == 0 || is_markup(raw) || memchr(raw.p, '\\', raw.n))
        return true;
    unsigned char seen = 0;
    for (size_t i = 0; i < raw.n; i++)
        seen |= (unsigned char)raw.p[i];
    return seen >= 0x80;
}

static struct view *record_next(struct run *run, struct cursor *cursor)
{
    const struct event *e = run->event;
    if (!cursor->started) {
        cursor->started = true;
        cursor->next = record_hides_words(e->raw) ? 0 : UINT32_MAX;
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

static inline void put_value(struct run *run, struct slot_entry entry, uint16_t i)
{
    struct column_state *state = &run->state->columns[entry.column];
    if (state->epoch != run->s->epoch || entry.rank < state->rank)
        *state = (struct column_state){run->s->epoch, entry.rank, false, i};
    else if (entry.rank == state->rank)
        state->has_more = true;
}

static void fill_columns(struct run *run)
{
    const struct unit *u = run->unit;
    for (uint16_t i = 0; i < run->event->count && i < MAX_EVENT_VALUES; i++) {
        uint32_t slot = run->s->slots[i];
        if (slot == 0)
            continue;
        for (uint32_t e = u->slot_first[slot - 1]; e < u->slot_first[slot]; e++)
            put_value(run, u->slot_entries[e], i);
    }
}

/* Predicates */

static void trigger_rules(struct run *run, const struct predicate *p)
{
    for (uint32_t i = 0; i < p->rule_count; i++) {
        uint32_t rule = run->unit->triggered[p->first_rule + i];
        if (run->state->rules[rule] != run->s->epoch) {
            run->state->rules[rule] = run->s->epoch;
            run->s->triggered[run->s->triggered_count++] = rule;
        }
    }
}

static bool candidate_holds(struct run *run, const struct predicate *p)
{
    if (!run->s->timing.is_on)
        return predicate_test(run, p, run->view);
    int64_t started = clock_monotonic_ns();
    bool holds = predicate_test(run, p, run->view);
    cost_of_candidate(run, p, started);
    return holds;
}

static void on_candidate(void *context, uint32_t number)
{
    struct run *run = context;
    uint32_t *mark = &run->state->predicates[number], is_true = run->s->epoch * 4 + MARK_TRUE;
    const struct predicate *p = &run->unit->predicates[number];
    if (*mark == is_true || !candidate_holds(run, p))
        return;
    *mark = is_true;
    trigger_rules(run, p);
}

static void probe_value(struct run *run, const struct column *column)
{
    literal_index_probe(&column->index, run->s->scan, run->view->folded, run->view->is_ascii, on_candidate,
                        run);
    for (uint32_t i = 0; i < column->direct_count; i++)
        on_candidate(run, column->direct[i]);
}

static void probe_columns(struct run *run)
{
    for (uint32_t i = 0; i < run->unit->indexed_column_count; i++) {
        uint32_t column = run->unit->indexed_columns[i];
        struct cursor cursor = {0};
        while ((run->view = column_next(run, column, &cursor)))
            probe_value(run, &run->unit->columns[column]);
    }
}

static bool any_value_holds(struct run *run, const struct predicate *p)
{
    struct cursor cursor = {0};
    struct view *view = column_next(run, p->column, &cursor);
    if (p->comparison == COMPARE_ABSENT)
        return view == NULL;
    for (; view; view = column_next(run, p->column, &cursor))
        if (predicate_test(run, p, view))
            return true;
    return false;
}

bool predicate_holds(struct run *run, uint32_t number)
{
    uint32_t *mark = &run->state->predicates[number], epoch = run->s->epoch * 4;
    const struct predicate *p = &run->unit->predicates[number];
    if (*mark == epoch + MARK_TRUE)
        return true;
    if (p->is_indexed || *mark == epoch + MARK_FALSE)
        return false; /* the index would have said so */
    bool holds = any_value_holds(run, p);
    *mark = epoch + (holds ? MARK_TRUE : MARK_FALSE);
    return holds;
}

static bool node_holds(struct run *run, uint32_t number)
{
    const struct node *node = &run->unit->nodes[number];
    uint32_t held = 0;
    switch ((enum node_type)node->type) {
    case TREE_PREDICATE:
        return predicate_holds(run, node->first);
    case TREE_NOT_PREDICATE:
        return !predicate_holds(run, node->first);
    case TREE_AND:
        for (uint32_t i = 0; i < node->count; i++)
            if (!node_holds(run, node->first + i))
                return false;
        return true;
    case TREE_OR:
        for (uint32_t i = 0; i < node->count; i++)
            if (node_holds(run, node->first + i))
                return true;
        return false;
    case TREE_COUNT:
        for (uint32_t i = 0; i < node->count && held < node->needed; i++)
            held += node_holds(run, node->first + i);
        return held >= node->needed;
    }
    return false;
}

static bool rule_holds(struct run *run, uint32_t rule)
{
    if (!run->s->timing.is_on)
        return node_holds(run, run->unit->rules[rule].root);
    int64_t started = clock_monotonic_ns();
    bool holds = node_holds(run, run->unit->rules[rule].root);
    cost_of_rule(run, rule, started);
    return holds;
}

/* Insertion sort: a few rules at most hold. */
static void put_in_order(uint32_t *out, uint32_t count, uint32_t rule)
{
    uint32_t at = count;
    for (; at > 0 && out[at - 1] > rule; at--)
        out[at] = out[at - 1];
    out[at] = rule;
}

uint32_t match_unit(struct run *run, uint32_t *out)
{
    const struct unit *u = run->unit;
    uint32_t found = 0;
    fill_columns(run);
    run->s->triggered_count = 0;
    probe_columns(run);
    for (uint32_t i = 0; i < run->s->triggered_count; i++)
        if (rule_holds(run, run->s->triggered[i]))
            put_in_order(out, found++, run->s->triggered[i]);
    for (uint32_t i = 0; i < u->always_count; i++)
        if (rule_holds(run, u->always[i]))
            put_in_order(out, found++, u->always[i]);
    run->s->counters.rules_evaluated += run->s->triggered_count + u->always_count;
    return found;
}
