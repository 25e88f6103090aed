/* Rules → units: one set of tables for each log source that rules name.
 * Stage: detect, at load, one thread. Reads struct sigma_rule and the taxonomy; leaves the tables of
 * ruleset.h. The work on one rule is in compile_tree.c and compile_trigger.c. Next: match.c. */
#include <stdlib.h>

#include "base/log.h"
#include "detect/builder.h"
#include "detect/report.h"

/* Keeping */

static void *keep(struct builder *b, struct growing *g, size_t each)
{
    void *kept = arena_alloc(&b->set->arena, g->count * each + 1);
    if (g->count)
        memcpy(kept, g->items, g->count * each);
    return kept;
}

static int compare_triggers(const void *a, const void *b)
{
    const struct pending_trigger *x = a, *y = b;
    if (x->predicate != y->predicate)
        return x->predicate < y->predicate ? -1 : 1;
    return (x->rule > y->rule) - (x->rule < y->rule);
}

static void keep_triggers(struct builder *b)
{
    struct pending_trigger *t = b->triggers.items;
    uint32_t n = b->triggers.count;
    if (n)
        qsort(t, n, sizeof *t, compare_triggers);
    b->unit->triggered = ARENA_ARRAY(&b->set->arena, uint32_t, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        struct predicate *p = &b->unit->predicates[t[i].predicate];
        if (p->rule_count++ == 0)
            p->first_rule = i;
        b->unit->triggered[i] = t[i].rule;
    }
}

static bool index_column(struct builder *b, uint16_t number, struct literal_entry *entries)
{
    struct unit *u = b->unit;
    struct column *column = &u->columns[number];
    uint32_t n = 0, direct = 0;
    for (uint32_t i = 0; i < u->predicate_count; i++)
        direct += u->predicates[i].is_indexed && u->predicates[i].column == number;
    column->is_indexed = direct > 0;
    column->direct = ARENA_ARRAY(&b->set->arena, uint32_t, direct);
    for (uint32_t i = 0; i < u->predicate_count && direct; i++) {
        if (!u->predicates[i].is_indexed || u->predicates[i].column != number)
            continue;
        entries[n].predicate = i;
        entries[n].place = index_place(b, &u->predicates[i], &entries[n].literal);
        if (entries[n].place == PLACE_COUNT)
            column->direct[column->direct_count++] = i;
        else
            n++;
    }
    return n == 0 || literal_index_build(&u->columns[number].index, entries, n, b->err);
}

static bool keep_indexes(struct builder *b)
{
    struct unit *u = b->unit;
    struct literal_entry *entries = NEW_ARRAY(struct literal_entry, u->predicate_count + 1);
    u->indexed_columns = ARENA_ARRAY(&b->set->arena, uint16_t, u->column_count + 1);
    bool ok = true;
    for (uint32_t i = 0; i < u->column_count && ok; i++) {
        ok = index_column(b, (uint16_t)i, entries);
        if (u->columns[i].is_indexed)
            u->indexed_columns[u->indexed_column_count++] = (uint16_t)i;
        b->set->index_bytes += u->columns[i].index.bytes;
    }
    memory_free(entries);
    return ok;
}

static bool keep_unit(struct builder *b)
{
    struct unit *u = b->unit;
    u->columns = keep(b, &b->columns, sizeof *u->columns);
    u->column_count = b->columns.count;
    u->predicates = keep(b, &b->predicates, sizeof *u->predicates);
    u->predicate_count = b->predicates.count;
    u->nodes = keep(b, &b->nodes, sizeof *u->nodes);
    u->node_count = b->nodes.count;
    u->rules = keep(b, &b->rules, sizeof *u->rules);
    u->rule_count = b->rules.count;
    u->always = keep(b, &b->always, sizeof *u->always);
    u->always_count = b->always.count;
    keep_triggers(b);
    return keep_indexes(b);
}

static void builder_free(struct builder *b)
{
    struct growing *lists[] = {&b->columns,  &b->predicates, &b->nodes,  &b->rules,
                               &b->triggers, &b->always,     &b->entries};
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        memory_free(lists[i]->items);
    map_free(&b->column_numbers);
    map_free(&b->column_of_field);
    map_free(&b->predicate_numbers);
    memory_free(b->trees);
    memory_free(b->shares);
    arena_free(&b->arena);
}

/* Slots are only all known when every unit is built. */
static void keep_slots(struct ruleset *set, struct unit *u, const struct slot_use *uses, uint32_t count)
{
    uint32_t slots = set->slots.count;
    u->slot_first = ARENA_ARRAY(&set->arena, uint32_t, slots + 1);
    u->slot_entries = ARENA_ARRAY(&set->arena, struct slot_entry, count + 1);
    for (uint32_t i = 0; i < count; i++)
        u->slot_first[uses[i].slot + 1]++;
    for (uint32_t s = 0; s < slots; s++)
        u->slot_first[s + 1] += u->slot_first[s];
    uint32_t *next = NEW_ARRAY(uint32_t, slots + 1);
    memcpy(next, u->slot_first, (slots + 1) * sizeof *next);
    for (uint32_t i = 0; i < count; i++)
        u->slot_entries[next[uses[i].slot]++] = (struct slot_entry){uses[i].column, uses[i].rank};
    memory_free(next);
}

struct unit_rules {
    uint32_t *numbers;
    uint32_t count;
};

static bool build_unit(struct builder *b, const struct unit_rules *rules)
{
    b->trees = NEW_ARRAY(struct tree *, rules->count + 1);
    for (uint32_t i = 0; i < rules->count; i++) {
        struct compiled_rule *rule = grow(&b->rules, sizeof *rule);
        rule->rule = rules->numbers[i];
        if (!(b->trees[i] = build_tree(b, b->set->rules[rule->rule]->condition, false)))
            return false;
    }
    b->shares = NEW_ARRAY(uint32_t, b->predicates.count + 1);
    for (uint32_t i = 0; i < rules->count; i++)
        count_shares(b, b->trees[i]);
    for (uint32_t i = 0; i < rules->count; i++)
        finish_rule(b, i);
    return keep_unit(b);
}

/* Gives each rule its unit; refuses those whose log source nobody knows. `of_rule` holds unit numbers. */
static bool assign_units(struct ruleset *set, struct rule_report *report, uint32_t *of_rule,
                         struct error *err)
{
    struct map numbers = {0};
    uint32_t kept = 0;
    bool ok = true;
    for (uint32_t i = 0; i < set->rule_count && ok; i++) {
        struct sigma_rule *rule = set->rules[i];
        struct logsource source;
        struct error why = {0};
        if (!taxonomy_logsource(set->taxonomy, rule->category, rule->product, rule->service, &source, &why)) {
            struct error placed = {0};
            error_at(&placed, rule->info.path.p, rule->logsource_line, rule->logsource_column, "%s",
                     why.text);
            report_problem(report, RULE_REFUSED, &rule->info, str_c(placed.text));
            continue;
        }
        bool is_new;
        uintptr_t *number = map_put(&numbers, source.key, &is_new);
        if (is_new) {
            *number = set->unit_count;
            set->units = memory_resize_array(set->units, set->unit_count + 1, sizeof *set->units);
            set->units[set->unit_count++] = (struct unit){.logsource = source};
            ok = classifier_add(set->classifier, &source, err);
        }
        of_rule[kept] = (uint32_t)*number;
        set->rules[kept++] = rule;
    }
    set->rule_count = kept;
    map_free(&numbers);
    return ok;
}

static bool compile_units(struct ruleset *set, const uint32_t *of_rule, struct error *err)
{
    struct builder *builders = NEW_ARRAY(struct builder, set->unit_count + 1);
    uint32_t *numbers = NEW_ARRAY(uint32_t, set->rule_count + 1), built = 0;
    bool ok = true;
    for (; built < set->unit_count && ok; built++) {
        struct unit_rules rules = {numbers, 0};
        for (uint32_t i = 0; i < set->rule_count; i++)
            if (of_rule[i] == built)
                numbers[rules.count++] = i;
        builders[built] = (struct builder){.set = set, .unit = &set->units[built], .err = err};
        arena_init(&builders[built].arena, 65536);
        ok = build_unit(&builders[built], &rules);
    }
    for (uint32_t i = 0; i < built; i++) {
        if (ok)
            keep_slots(set, &set->units[i], builders[i].entries.items, builders[i].entries.count);
        builder_free(&builders[i]);
    }
    memory_free(builders);
    memory_free(numbers);
    return ok;
}

bool ruleset_compile(struct ruleset *set, struct rule_report *report, struct error *err)
{
    uint32_t *of_rule = NEW_ARRAY(uint32_t, set->rule_count + 1);
    set->classifier = classifier_new();
    bool ok = assign_units(set, report, of_rule, err) && compile_units(set, of_rule, err);
    memory_free(of_rule);
    return ok;
}
