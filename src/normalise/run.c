/* Slots, steps and assignments of one record. Stage: normalise. Reads the compiled parser, leaves filled
 * slots. Every step counts: a record costs a bounded amount of work whatever the parser says. Next:
 * run_shape.c. */
#include "normalise/run.h"

#define STEPS_MAX          5000
#define VALUES_OF_SLOT_MAX 256

/* Slots -------- */

static struct cell *fresh_cell(struct run *r, slot_id slot)
{
    struct normaliser_scratch *s = r->s;
    struct cell *c = &s->cells[slot];
    if (s->filled[slot] != s->generation)
        s->touched[s->touched_count++] = slot;
    s->filled[slot] = s->generation;
    c->is_time = false;
    c->more = c->last = NULL;
    return c;
}

struct str slot_text(struct run *r, slot_id slot)
{
    if (!slot_is_set(r, slot))
        return (struct str){NULL, 0};
    struct cell *c = &r->s->cells[slot];
    if (c->is_time && !c->text.p) {
        char text[TIME_TEXT_MAX];
        size_t n = time_format_iso(c->time_ns, text);
        c->text = arena_str(r->arena, str_n(text, n));
    }
    return c->text;
}

void slot_set(struct run *r, slot_id slot, struct str text)
{
    fresh_cell(r, slot)->text = text;
}

void slot_set_time(struct run *r, slot_id slot, int64_t time_ns)
{
    struct cell *c = fresh_cell(r, slot);
    c->is_time = true;
    c->text = (struct str){NULL, 0}; /* written out when somebody asks */
    c->time_ns = time_ns;
}

void slot_append(struct run *r, slot_id slot, struct str text)
{
    if (!slot_is_set(r, slot)) {
        slot_set(r, slot, text);
        return;
    }
    struct cell *first = &r->s->cells[slot];
    uint32_t count = 1;
    for (const struct cell *c = first; c; c = c->more, count++)
        if (str_eq(c->text, text) || count == VALUES_OF_SLOT_MAX)
            return;
    struct cell *more = ARENA_NEW(r->arena, struct cell);
    more->text = text;
    if (first->last)
        first->last->more = more;
    else
        first->more = more;
    first->last = more;
}

void slot_unset(struct run *r, slot_id slot)
{
    if (!slot_is_set(r, slot))
        return;
    struct normaliser_scratch *s = r->s;
    s->filled[slot] = 0;
    for (uint32_t i = s->touched_count; i-- > 0;)
        if (s->touched[i] == slot) {
            memmove(&s->touched[i], &s->touched[i + 1], (s->touched_count - i - 1) * sizeof *s->touched);
            s->touched_count--;
            return;
        }
}

void slot_set_number(struct run *r, slot_id slot, int64_t number)
{
    char text[24];
    struct buf digits = {.p = text, .capacity = sizeof text};
    buf_i64(&digits, number);
    slot_set(r, slot, arena_str(r->arena, buf_str(&digits)));
}

bool slot_number(struct run *r, slot_id slot, int64_t *number)
{
    struct str text = slot_text(r, slot);
    return text.p && str_to_i64(text, number);
}

bool is_null_value(const struct parser *p, struct str text)
{
    if (!text.n)
        return true;
    return text.n <= p->null_longest && p->null_begins[(unsigned char)text.p[0]] && map_find(&p->nulls, text);
}

void slot_fill(struct run *r, slot_id slot, struct str text)
{
    if (is_null_value(r->parser, text))
        return;
    slot_append(r, slot, text);
}

/* A document that is already ECS: its names are fields unless the parser uses them otherwise. */
static field_id declared_field(struct str name)
{
    field_id id = field_find(name);
    return id < FIELD_STATIC_COUNT ? id : FIELD_NONE;
}

static void keep_extra(struct run *r, struct str name, struct str text, uint32_t part)
{
    if (r->s->extra_count < EXTRAS_MAX)
        r->s->extras[r->s->extra_count++] = (struct extra){name, text, part};
}

/* 1 + index of the part that the name belongs to, and the name within it; 0 = none. */
static uint32_t part_of(const struct parser *p, struct str *name)
{
    for (uint32_t i = 0; i < p->part_count; i++) {
        const struct part *part = &p->parts[i];
        if (!str_starts(*name, part->under) || name->n == part->under.n)
            continue;
        struct str rest = str_skip(*name, part->under.n);
        size_t dot = part->skips_one ? str_find_char(rest, '.', 0) : STR_NOT_FOUND;
        *name = dot == STR_NOT_FOUND ? rest : str_skip(rest, dot + 1);
        return i + 1;
    }
    return 0;
}

void name_fill(struct run *r, struct str name, struct str text)
{
    const struct parser *p = r->parser;
    uint32_t part = part_of(p, &name);
    uintptr_t *slot = map_find(&p->names, name);
    bool is_exact = part || (p->keeps_mapped && str_find_char(name, '.', 0) == STR_NOT_FOUND);
    if (part)
        r->has_parts = true;
    if (is_exact)
        keep_extra(r, name, text, part);
    if (slot) {
        slot_fill(r, (slot_id)*slot, text);
        return;
    }
    if (is_exact || is_null_value(p, text))
        return;
    if (p->is_ecs && (slot = map_find(&p->fields, name)) && declared_field(name)) {
        slot_append(r, (slot_id)*slot, text);
        return;
    }
    if (p->keeps || p->is_ecs)
        keep_extra(r, name, text, 0);
}

/* Assignments -------- */

/* "$x" copies all values of x, and times as times. */
static void copy_slot(struct run *r, slot_id from, slot_id to, bool append)
{
    if (from == to || !slot_is_set(r, from))
        return;
    struct cell *c = &r->s->cells[from];
    if (c->is_time && !append) {
        slot_set_time(r, to, c->time_ns);
        return;
    }
    struct str first = slot_text(r, from);
    if (append)
        slot_append(r, to, first);
    else
        slot_set(r, to, first);
    for (const struct cell *more = r->s->cells[from].more; more; more = more->more)
        slot_append(r, to, more->text);
}

static void assign(struct run *r, const struct assignment *a)
{
    if (a->value->kind == EXPRESSION_SLOT) {
        copy_slot(r, a->value->slot, a->slot, a->append);
        return;
    }
    struct str text = expression_text(r, a->value);
    if (!text.p || !text.n)
        return;
    if (a->append)
        slot_append(r, a->slot, text);
    else
        slot_set(r, a->slot, text);
}

void run_assignments(struct run *r, const struct assignment *a)
{
    for (; a; a = a->next)
        assign(r, a);
}

/* Steps -------- */

static void run_table(struct run *r, const struct step *s)
{
    struct str key = expression_text(r, s->from);
    if (!key.p)
        return;
    const struct table *t = s->table;
    const struct table_row *row = map_get_pointer(t->rows, t->ignore_case ? arena_lower(r->arena, key) : key);
    if (!row)
        row = t->otherwise;
    if (!row)
        return;
    run_assignments(r, row->assignments);
    if (row->text && s->to != SLOT_NONE) {
        struct str text = expression_text(r, row->text);
        if (text.p && text.n)
            slot_set(r, s->to, text);
    }
}

static void run_split(struct run *r, const struct step *s)
{
    struct str rest = expression_text(r, s->from);
    for (uint32_t i = 0; rest.p && i < VALUES_OF_SLOT_MAX; i++) {
        size_t at = str_find(rest, s->separator, 0);
        bool last = at == STR_NOT_FOUND || (s->to == SLOT_NONE && i + 1 == s->slot_count);
        struct str part = str_trim(last ? rest : str_slice(rest, 0, at));
        if (part.n && s->to != SLOT_NONE)
            slot_append(r, s->to, part);
        else if (part.n && i < s->slot_count)
            slot_set(r, s->slots[i], part);
        if (last)
            break;
        rest = str_skip(rest, at + s->separator.n);
    }
}

/* The steps once for each value: of a text taken apart, or of a name that has several. */
static void run_each(struct run *r, const struct step *s)
{
    struct str rest = expression_text(r, s->from);
    const struct cell *more =
        s->from->kind == EXPRESSION_SLOT && rest.p ? r->s->cells[s->from->slot].more : NULL;
    for (uint32_t i = 0; rest.p && i < VALUES_OF_SLOT_MAX && !r->stopped && !r->refused; i++) {
        size_t at = s->separator.n ? str_find(rest, s->separator, 0) : STR_NOT_FOUND;
        struct str item = str_trim(at == STR_NOT_FOUND ? rest : str_slice(rest, 0, at));
        if (item.n) {
            slot_set(r, s->to, item);
            run_block(r, s->then);
        }
        if (at != STR_NOT_FOUND) {
            rest = str_skip(rest, at + s->separator.n);
        } else {
            rest = more ? more->text : (struct str){NULL, 0};
            more = more ? more->more : NULL;
        }
    }
    slot_unset(r, s->to);
}

/* The elements of an array of objects that name their own keys, from the JSON document that was read last. */
static void run_pairs(struct run *r, const struct step *s)
{
    struct str name = {NULL, 0}, value = {NULL, 0};
    const struct json_leaves *leaves = &r->s->leaves;
    for (uint32_t i = 0; i < leaves->count; i++) {
        const struct json_leaf *leaf = &leaves->items[i];
        if (str_eq(leaf->name, s->pair_name))
            name = leaf->text;
        else if (str_eq(leaf->name, s->pair_value))
            value = leaf->text;
        if (!name.p || !value.p)
            continue;
        name_fill(r, s->separator.n ? arena_concat(r->arena, s->separator, name) : name, value);
        name = value = (struct str){NULL, 0};
    }
}

static void run_switch(struct run *r, const struct step *s)
{
    struct str key = expression_text(r, s->from);
    const struct block *b = key.p ? map_get_pointer(s->cases, key) : NULL;
    if (!b)
        b = s->otherwise;
    if (b)
        run_block(r, b);
}

static void run_step(struct run *r, const struct step *s)
{
    switch (s->kind) {
    case STEP_BLOCK:
        if (!s->when || expression_holds(r, s->when))
            run_block(r, s->then);
        else if (s->otherwise)
            run_block(r, s->otherwise);
        break;
    case STEP_SHAPE:
        if (!run_shape(r, s->shape) && s->shape->is_required)
            r->refused = true;
        break;
    case STEP_DATE:
        run_date(r, s->date);
        break;
    case STEP_TABLE:
        run_table(r, s);
        break;
    case STEP_ASSIGN:
        run_assignments(r, s->assignments);
        break;
    case STEP_REMOVE:
        for (uint32_t i = 0; i < s->slot_count; i++)
            slot_unset(r, s->slots[i]);
        break;
    case STEP_URL:
        run_url(r, expression_text(r, s->from));
        break;
    case STEP_SPLIT:
        run_split(r, s);
        break;
    case STEP_SWITCH:
        run_switch(r, s);
        break;
    case STEP_PAIRS:
        run_pairs(r, s);
        break;
    case STEP_EACH:
        run_each(r, s);
        break;
    case STEP_REFUSE:
        r->refused = true;
        break;
    case STEP_STOP:
        r->stopped = true;
        break;
    default:
        BUG("unknown step");
    }
}

void run_block(struct run *r, const struct block *b)
{
    for (const struct step *s = b->first; s && !r->refused && !r->stopped; s = s->next) {
        if (++r->steps > STEPS_MAX)
            return;
        run_step(r, s);
    }
}
