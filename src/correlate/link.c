/* Names → rules, and the way of a match into the groups. Stage: correlate, at load. Reads what read.c left;
 * leaves, for each rule that is named, its routes. Next: correlator.c, which walks them. */
#include "base/log.h"
#include "base/memory.h"
#include "correlate/sequence.h"

struct correlation_set *correlation_set_new(void)
{
    struct correlation_set *s = NEW(struct correlation_set);
    atomic_init(&s->references, 1);
    arena_init(&s->arena, 64 << 10);
    return s;
}

struct correlation_set *correlation_set_ref(struct correlation_set *s)
{
    atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
    return s;
}

void correlation_set_unref(struct correlation_set *s)
{
    if (s == NULL || atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) != 1)
        return;
    map_free(&s->by_id);
    map_free(&s->by_name);
    map_free(&s->by_hash);
    map_free(&s->routes);
    memory_free(s->rules);
    arena_free(&s->arena);
    memory_free(s);
}

size_t correlation_count(const struct correlation_set *s)
{
    return s->count;
}

const struct rule_info *correlation_info(const struct correlation_set *s, size_t index)
{
    BUG_IF(index >= s->count);
    return &s->rules[index]->info;
}

const struct rule_info *correlation_find(const struct correlation_set *s, struct str id)
{
    const uintptr_t *index = map_find(&s->by_id, id);
    return index ? &s->rules[*index - 1]->info : NULL;
}

const struct correlation_sample *correlation_samples(const struct correlation_set *s, size_t index,
                                                     uint32_t *count)
{
    BUG_IF(index >= s->count);
    *count = s->rules[index]->sample_count;
    return s->rules[index]->samples;
}

/* --------------------------------------------------------------- who is who */

struct linking {
    struct correlation_set *set;
    const struct correlation_resolver *resolver;
};

static void leave_out_at(struct linking *l, struct correlation *c, unsigned line, unsigned column,
                         const char *why)
{
    struct error err = {0};
    error_at(&err, c->info.path.p, line, column, "%s", why);
    c->is_out = true;
    l->resolver->refused(l->resolver->context, &c->info, err.text);
}

static void leave_out(struct linking *l, struct correlation *c, const char *why)
{
    leave_out_at(l, c, c->info.line, 0, why);
}

static uint32_t find_correlation(const struct correlation_set *s, struct str id_or_name)
{
    const uintptr_t *found = map_find(&s->by_id, id_or_name);
    if (!found)
        found = map_find(&s->by_name, id_or_name);
    return found ? (uint32_t)*found : 0;
}

/* A rule of one event, or what another stage finds. */
static const struct rule_info *find_base(const struct linking *l, struct str id_or_name)
{
    const struct correlation_resolver *r = l->resolver;
    const struct rule_info *rule = r->find(r->context, id_or_name);
    return rule || !r->find_other ? rule : r->find_other(r->context, id_or_name);
}

/* A sequence says where it names the rule. */
static void leave_out_naming(struct linking *l, struct correlation *c, struct str rule, const char *why)
{
    for (uint32_t i = 0; c->sequence && i < c->sequence->choice_count; i++) {
        const struct sequence_choice *choice = &c->sequence->choices[i];
        if (str_eq(choice->rule, rule)) {
            leave_out_at(l, c, choice->line, choice->column, why);
            return;
        }
    }
    leave_out(l, c, why);
}

static void leave_out_unknown(struct linking *l, struct correlation *c, struct str rule)
{
    struct error why;
    error_set(&why,
              tr("the correlation names the rule '%.*s', which is not loaded; load it too, or mend the name.",
                 "相関ルールが参照するルール「%.*s」は読み込まれていません。そのルールも読み込むか、名前を"
                 "直してください。"),
              STR_ARGS(rule));
    leave_out_naming(l, c, rule, why.text);
}

/* Findings know only ids. An exception that is not loaded excepts nothing, which does no harm. */
static void resolve_exceptions(struct linking *l, struct correlation *c)
{
    for (uint32_t i = 0; c->sequence && i < c->sequence->choice_count; i++) {
        const struct sequence_choice *choice = &c->sequence->choices[i];
        for (uint32_t k = 0; k < choice->except_count; k++) {
            const struct rule_info *rule = find_base(l, choice->except[k]);
            if (rule)
                choice->except[k] = arena_str(&l->set->arena, rule->id);
        }
    }
}

static void resolve(struct linking *l, struct correlation *c)
{
    resolve_exceptions(l, c);
    c->named = ARENA_ARRAY(&l->set->arena, uint32_t, c->rule_count + 1);
    for (uint32_t i = 0; i < c->rule_count; i++) {
        c->named[i] = find_correlation(l->set, c->rules[i]);
        if (c->named[i] || find_base(l, c->rules[i]))
            continue;
        leave_out_unknown(l, c, c->rules[i]);
        return;
    }
}

/* How many correlations stand one upon the other; beyond the limit they may be going in a circle. */
static unsigned depth_of(const struct correlation_set *s, const struct correlation *c, unsigned so_far)
{
    unsigned deepest = 1;
    for (uint32_t i = 0; i < c->rule_count && so_far <= CORRELATE_MAX_DEPTH; i++) {
        unsigned below = c->named[i] ? 1 + depth_of(s, s->rules[c->named[i] - 1], so_far + 1) : 1;
        deepest = below > deepest ? below : deepest;
    }
    return deepest;
}

/* One that stands upon another that is out is out too. */
static bool spread_refusals(struct linking *l)
{
    bool any = false;
    for (uint32_t k = 0; k < l->set->count; k++) {
        struct correlation *c = l->set->rules[k];
        for (uint32_t i = 0; i < c->rule_count && !c->is_out; i++) {
            if (!c->named[i] || !l->set->rules[c->named[i] - 1]->is_out)
                continue;
            leave_out(l, c,
                      tr("a correlation that this one names was refused.",
                         "参照している相関ルールが拒否されました。"));
            any = true;
        }
    }
    return any;
}

/* ------------------------------------------------------------------ routes */

static bool is_member(struct str written, const struct rule_info *member)
{
    return str_eq(written, member->id) || (member->name.n && str_eq(written, member->name));
}

/* What `name` is in events that come by way of `member`. */
static struct str unalias(const struct correlation *c, struct str name, const struct rule_info *member)
{
    for (uint32_t i = 0; i < c->alias_count; i++)
        if (str_eq(c->aliases[i].alias, name) && is_member(c->aliases[i].rule, member))
            return c->aliases[i].field;
    return name;
}

/* A host, user or destination is no field unless an alias makes it one (hit.c). */
static bool is_entity(const enum by_kind *by, uint32_t i, struct str name, struct str unaliased)
{
    return by && by[i] != BY_FIELD && str_eq(name, unaliased);
}

static struct field_list *resolve_fields(struct linking *l, const struct correlation *c,
                                         const struct str *names, const enum by_kind *by, uint32_t count,
                                         const struct rule_info *member, const struct rule_info *base)
{
    struct field_list *lists = ARENA_ARRAY(&l->set->arena, struct field_list, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        struct str name = unalias(c, names[i], member);
        if (!is_entity(by, i, names[i], name))
            lists[i].count =
                (uint32_t)l->resolver->fields(l->resolver->context, base, name, lists[i].ids, MAX_CHAIN);
    }
    return lists;
}

/* The way of a match of `base` through `member` (itself, or a correlation of it) into `c`, and on. */
static struct route *make_route(struct linking *l, uint32_t number, uint32_t step,
                                const struct rule_info *member, const struct rule_info *base)
{
    const struct correlation *c = l->set->rules[number];
    struct route *r = ARENA_NEW(&l->set->arena, struct route);
    r->correlation = number;
    r->step = step;
    r->group =
        resolve_fields(l, c, c->group_by, c->sequence ? c->sequence->by : NULL, c->group_count, member, base);
    r->values = resolve_fields(l, c, c->fields, NULL, c->field_count, member, base);
    for (uint32_t p = 0; p < l->set->count; p++)
        for (uint32_t i = 0; i < l->set->rules[p]->rule_count; i++) {
            if (l->set->rules[p]->is_out || l->set->rules[p]->named[i] != number + 1)
                continue;
            struct route *up = make_route(l, p, step_of_rule(l->set->rules[p], i), &c->info, base);
            up->next = r->up;
            r->up = up;
        }
    return r;
}

static void add_routes(struct linking *l, uint32_t number)
{
    const struct correlation *c = l->set->rules[number];
    for (uint32_t i = 0; i < c->rule_count; i++) {
        if (c->named[i])
            continue;
        const struct rule_info *base = find_base(l, c->rules[i]);
        if (!c->sequence) /* its steps are evidence and go on speaking */
            l->resolver->named(l->resolver->context, base, c->speaks);
        struct route *r = make_route(l, number, step_of_rule(c, i), base, base);
        uintptr_t *first = map_put(&l->set->routes, arena_str(&l->set->arena, base->id), NULL);
        r->next = (struct route *)*first;
        *first = (uintptr_t)r;
    }
}

/* ----------------------------------------------------------------- selections */

static void add_rule(struct arena *arena, struct correlation *c, struct str id, uint32_t step, uint32_t named)
{
    uint32_t n = c->rule_count++;
    struct str *rules = ARENA_ARRAY(arena, struct str, n + 1);
    uint32_t *steps = ARENA_ARRAY(arena, uint32_t, n + 1), *numbers = ARENA_ARRAY(arena, uint32_t, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        rules[i] = c->rules[i];
        steps[i] = c->step_of[i];
        numbers[i] = c->named[i];
    }
    rules[n] = id;
    steps[n] = step;
    numbers[n] = named;
    c->rules = rules;
    c->step_of = steps;
    c->named = numbers;
}

static bool names_already(const struct correlation *c, uint32_t step, const struct rule_info *rule)
{
    for (uint32_t i = 0; i < c->rule_count; i++)
        if (c->step_of[i] == step && is_member(c->rules[i], rule))
            return true;
    return false;
}

/* Sigma correlations that a step selects; sequences do not select each other. */
static void select_correlations(struct linking *l, struct correlation *c)
{
    for (uint32_t i = 0; i < c->sequence->choice_count; i++) {
        const struct sequence_choice *choice = &c->sequence->choices[i];
        for (uint32_t k = 0; k < l->set->count; k++) {
            const struct correlation *other = l->set->rules[k];
            if (!other->is_out && !other->sequence && sequence_selects(choice, &other->info) &&
                !names_already(c, choice->part, &other->info))
                add_rule(&l->set->arena, c, other->info.id, choice->part, k + 1);
        }
    }
}

/* Findings of other rules are selected when they come: whatever stage they are of, their rule need not be
 * known here. Fields of the group are those of the schema. */
static void select_findings(struct linking *l, uint32_t number)
{
    const struct correlation *c = l->set->rules[number];
    static const struct rule_info nobody = {.id = {"", 0}, .name = {"", 0}};
    for (uint32_t i = 0; i < c->sequence->choice_count; i++) {
        const struct sequence_choice *choice = &c->sequence->choices[i];
        if (choice->rule.n)
            continue;
        struct selected *s = ARENA_NEW(&l->set->arena, struct selected);
        *s = (struct selected){l->set->selected, choice,
                               make_route(l, number, choice->part, &nobody, &nobody)};
        l->set->selected = s;
    }
}

static void settle_silence(struct correlation_set *s)
{
    for (uint32_t k = 0; k < s->count; k++)
        for (uint32_t i = 0; i < s->rules[k]->rule_count && !s->rules[k]->sequence; i++)
            if (s->rules[k]->named[i] && !s->rules[k]->is_out)
                s->rules[s->rules[k]->named[i] - 1]->is_silent = true;
    for (uint32_t k = 0; k < s->count; k++)
        for (uint32_t i = 0; i < s->rules[k]->rule_count && !s->rules[k]->sequence; i++)
            if (s->rules[k]->named[i] && s->rules[k]->speaks)
                s->rules[s->rules[k]->named[i] - 1]->is_silent = false;
}

static void note_hash(struct correlation_set *s, uint32_t index)
{
    uint64_t *hashes = ARENA_ARRAY(&s->arena, uint64_t, 2);
    hashes[0] = s->rules[index]->hash;
    hashes[1] = hashes[0] ^ EXERCISE_HASH;
    for (size_t k = 0; k < 2; k++)
        *map_put(&s->by_hash, str_n((const char *)&hashes[k], sizeof hashes[k]), NULL) = index + 1;
}

void correlation_set_link(struct correlation_set *s, const struct correlation_resolver *resolver)
{
    struct linking l = {s, resolver};
    for (uint32_t i = 0; i < s->count; i++)
        resolve(&l, s->rules[i]);
    for (uint32_t i = 0; i < s->count; i++)
        if (!s->rules[i]->is_out && depth_of(s, s->rules[i], 0) > CORRELATE_MAX_DEPTH)
            leave_out(
                &l, s->rules[i],
                tr("correlations name each other in a circle, or stand more than 8 deep one upon the other.",
                   "相関ルールの参照が循環しているか、8 段を超えています。"));
    while (spread_refusals(&l))
        ;
    for (uint32_t i = 0; i < s->count; i++)
        if (!s->rules[i]->is_out && s->rules[i]->sequence)
            select_correlations(&l, s->rules[i]);
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->rules[i]->is_out)
            continue;
        add_routes(&l, i);
        if (s->rules[i]->sequence)
            select_findings(&l, i);
    }
    settle_silence(s);
    for (uint32_t i = 0; i < s->count; i++)
        note_hash(s, i);
}
