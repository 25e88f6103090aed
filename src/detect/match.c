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
 * Nothing is cleared between events: all marks carry the event's number (epoch). Before: match_view.c. Next:
 * predicate.c. */
#include "detect/match.h"

enum { MARK_FALSE = 1, MARK_TRUE = 2 };

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

/* Whether it holds for the joined texts exactly when it holds for one of them. */
static bool is_about_inside(const struct predicate *p)
{
    return p->comparison == COMPARE_TEXT && p->shape == SHAPE_CONTAINS && !p->cased &&
           memchr(p->literal.p, 0, p->literal.n) == NULL;
}

static bool candidate_test(struct run *run, const struct predicate *p)
{
    if (run->view->is_joined && !is_about_inside(p))
        return any_value_holds(run, p);
    return predicate_test(run, p, run->view);
}

static bool candidate_holds(struct run *run, const struct predicate *p)
{
    if (!run->s->timing.is_on)
        return candidate_test(run, p);
    int64_t started = clock_monotonic_ns();
    bool holds = candidate_test(run, p);
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

static bool looks_at_whole_values(const struct column *column)
{
    uint32_t used = column->direct_count;
    for (int place = 0; place < TABLE_COUNT; place++)
        used |= column->index.tables[place].used;
    return used > 0;
}

static void probe_record(struct run *run, uint32_t number)
{
    const struct column *column = &run->unit->columns[number];
    struct cursor cursor = {0};
    if (!match_record_hides_words(run->event->raw)) {
        run->view = match_record_view(run);
        probe_value(run, column);
        return;
    }
    run->view = match_joined_view(run);
    literal_index_scan(&column->index, run->s->scan, run->view->folded, run->view->is_ascii, on_candidate,
                       run);
    if (!looks_at_whole_values(column))
        return;
    while ((run->view = column_next(run, number, &cursor))) {
        literal_index_look_up(&column->index, run->view->folded, on_candidate, run);
        for (uint32_t i = 0; i < column->direct_count; i++)
            on_candidate(run, column->direct[i]);
    }
}

static void probe_columns(struct run *run)
{
    for (uint32_t i = 0; i < run->unit->indexed_column_count; i++) {
        uint32_t number = run->unit->indexed_columns[i];
        const struct column *column = &run->unit->columns[number];
        struct cursor cursor = {0};
        if (column->kind == COLUMN_RECORD)
            probe_record(run, number);
        else
            while ((run->view = column_next(run, number, &cursor)))
                probe_value(run, column);
    }
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
