/* The kept rule set as bytes and back.
 * Stage: detect, at load. Goes through everything that the matcher, the prover and people read of a rule set.
 * What is read may come from anybody: every number that points somewhere is checked before anybody follows
 * it, and a set that passed can be run on any event. Only the scanners' own code is taken on their checksum.
 * Next: cache.c, which keeps the bytes in a file. */
#include "detect/image.h"
#include "detect/report.h"
#include "detect/ruleset.h"

#define MAX_UNITS      UINT16_MAX /* the classifier's numbers */
#define MAX_TREE_DEPTH 2000

/* A field more must be thought of here, or what it points at is gone with the files. */
_Static_assert(sizeof(struct rule_info) == 304, "struct rule_info changed: see walk_info()");
_Static_assert(sizeof(struct predicate) == 64, "struct predicate changed: see walk_predicate()");
_Static_assert(sizeof(struct column) == 264, "struct column changed: see walk_column()");

/* A bool that was read as a byte. */
static bool is_flag(const bool *b)
{
    unsigned char byte;
    memcpy(&byte, b, 1);
    return byte <= 1;
}

/* Rules */

static void walk_info(struct image *im, struct rule_info *info)
{
    struct str *texts[] = {
        &info->id,         &info->name,           &info->path,           &info->title_en,
        &info->title_ja,   &info->description_en, &info->description_ja, &info->status,
        &info->author,     &info->next_steps_en,  &info->next_steps_ja,  &info->false_positives,
        &info->references, &info->logsource,      &info->evidence_group, &info->stage};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        image_str(im, texts[i]);
    uint32_t level = (uint32_t)info->level;
    image_number(im, &level, LEVEL_CRITICAL + 1);
    info->level = (enum level)level;
    IMAGE_VALUE(im, info->line);
    IMAGE_VALUE(im, info->likelihood_ratio);
    IMAGE_VALUE(im, info->sample_count);
    image_number(im, &info->technique_count, 1 + im->in_bytes + (im->is_reading ? 0 : UINT32_MAX));
    if (im->is_reading)
        info->techniques = ARENA_ARRAY(im->arena, struct str, info->technique_count);
    for (uint32_t i = 0; i < info->technique_count && !im->is_bad; i++)
        image_str(im, &info->techniques[i]);
}

static void walk_sample(struct image *im, struct sigma_sample *s)
{
    uint8_t fires = s->fires;
    IMAGE_VALUE(im, fires);
    IMAGE_VALUE(im, s->line);
    image_str(im, &s->raw);
    image_yaml(im, &s->event);
    s->fires = fires == 1;
    image_expect(im, !s->event || s->event->type == YAML_MAP);
}

static void walk_rule(struct image *im, struct sigma_rule *rule)
{
    uint32_t entity = (uint32_t)rule->entity;
    struct sigma_sample **end = &rule->samples;
    walk_info(im, &rule->info);
    image_number(im, &entity, ENTITY_DESTINATION + 1);
    image_str(im, &rule->peer_field);
    rule->entity = (enum entity)entity;
    for (uint32_t i = 0; i < rule->info.sample_count && !im->is_bad; i++, end = &(*end)->next) {
        if (im->is_reading)
            *end = ARENA_NEW(im->arena, struct sigma_sample);
        walk_sample(im, *end);
    }
}

static void walk_rules(struct image *im, struct ruleset *set)
{
    uint32_t count = set->rule_count;
    image_number(im, &count, 1 + (im->is_reading ? im->in_bytes : UINT32_MAX));
    if (im->is_reading)
        set->rules = NEW_ARRAY(struct sigma_rule *, count + 1);
    set->rule_count = set->rule_capacity = count;
    for (uint32_t i = 0; i < count; i++) { /* all are made, also of a bad image: nobody meets a hole */
        if (im->is_reading)
            set->rules[i] = ARENA_NEW(im->arena, struct sigma_rule);
        if (!im->is_bad)
            walk_rule(im, set->rules[i]);
    }
}

static void walk_asides(struct image *im, struct ruleset *set)
{
    uint32_t count = 0;
    for (const struct aside *a = im->is_reading ? NULL : set->asides; a; a = a->next)
        count++;
    IMAGE_VALUE(im, count);
    struct aside **end = &set->asides;
    for (uint32_t i = 0; i < count && !im->is_bad; i++, end = &(*end)->next) {
        if (im->is_reading)
            *end = ARENA_NEW(&set->reading, struct aside);
        image_str(im, &(*end)->path);
        image_yaml(im, &(*end)->document);
        image_expect(im, (*end)->document != NULL);
    }
}

/* Units */

static void walk_predicate(struct image *im, struct predicate *p, const struct unit *u)
{
    image_str(im, &p->literal);
    bool is_glob = p->comparison == COMPARE_TEXT && p->shape == SHAPE_GLOB;
    if (is_glob) {
        struct str bytes = str_n(p->text.bytes, im->is_reading ? 0 : p->text.n),
                   glyphs = str_n((const char *)p->text.glyphs, im->is_reading ? 0 : p->text.n);
        image_str(im, &bytes);
        image_str(im, &glyphs);
        image_expect(im, bytes.n == glyphs.n && bytes.n < UINT32_MAX);
        p->text = (struct sigma_text){bytes.p, (const uint8_t *)glyphs.p, (uint32_t)bytes.n};
    }
    if (!im->is_reading)
        return;
    for (uint32_t i = 0; is_glob && i < p->text.n && !im->is_bad; i++)
        image_expect(im, p->text.glyphs[i] <= GLYPH_ONE);
    image_expect(im, p->comparison <= COMPARE_FIELD && p->shape <= SHAPE_ANY &&
                         p->relation <= RELATION_GREATER_EQUAL && p->time_part <= TIME_YEAR);
    image_expect(im, is_flag(&p->cased) && is_flag(&p->is_indexed));
    image_expect(im, p->column < u->column_count && p->other_column < u->column_count);
    image_expect(im, p->comparison != COMPARE_CIDR || p->cidr.bits <= 128);
    if (p->comparison == COMPARE_REGEX && !im->is_bad) {
        p->regex = regex_new(p->literal, p->regex_flags, NULL);
        image_expect(im, p->regex != NULL);
    }
}

static void walk_predicates(struct image *im, struct unit *u)
{
    u->predicates = image_array(im, u->predicates, &u->predicate_count, sizeof *u->predicates);
    for (uint32_t i = 0; im->is_reading && i < u->predicate_count; i++)
        if (u->predicates[i].comparison == COMPARE_REGEX)
            u->predicates[i].regex = NULL; /* what was read there is no pointer */
    for (uint32_t i = 0; i < u->predicate_count && !im->is_bad; i++)
        walk_predicate(im, &u->predicates[i], u);
}

static void expect_below(struct image *im, const uint32_t *numbers, uint32_t count, uint32_t limit)
{
    for (uint32_t i = 0; im->is_reading && i < count; i++)
        image_expect(im, numbers[i] < limit);
}

static void walk_column(struct image *im, struct column *c, uint32_t predicates)
{
    image_str(im, &c->name);
    c->direct = image_array(im, c->direct, &c->direct_count, sizeof *c->direct);
    expect_below(im, c->direct, c->direct_count, predicates);
    image_expect(im, (uint32_t)c->kind <= COLUMN_TIME && is_flag(&c->is_indexed));
    if (!im->is_bad)
        literal_index_image(&c->index, im, predicates);
}

static void walk_columns(struct image *im, struct unit *u)
{
    u->columns = image_array(im, u->columns, &u->column_count, sizeof *u->columns);
    image_expect(im, u->column_count <= UINT16_MAX);
    for (uint32_t i = 0; im->is_reading && i < u->column_count; i++) {
        u->columns[i].index = (struct literal_index){0};
        u->columns[i].hashes = NULL; /* only for compiling */
    }
}

/* Children lie behind their parent and have no other: walks end, and end soon. */
static void check_nodes(struct image *im, const struct unit *u)
{
    uint16_t *depth = NEW_ARRAY(uint16_t, u->node_count + 1); /* 0: nobody's child so far */
    for (uint32_t i = 0; i < u->node_count && !im->is_bad; i++) {
        const struct node *n = &u->nodes[i];
        bool is_leaf = n->type == TREE_PREDICATE || n->type == TREE_NOT_PREDICATE;
        if (is_leaf || !image_expect(im, n->type <= TREE_COUNT)) {
            image_expect(im, n->first < u->predicate_count && n->count == 0);
            continue;
        }
        if (!image_expect(im, n->first > i && n->first <= u->node_count &&
                                  n->count <= u->node_count - n->first && depth[i] < MAX_TREE_DEPTH))
            break;
        for (uint32_t c = n->first; c < n->first + n->count; c++) {
            image_expect(im, depth[c] == 0);
            depth[c] = depth[i] + 1;
        }
    }
    for (uint32_t i = 0; i < u->rule_count && !im->is_bad; i++)
        image_expect(im, u->rules[i].root < u->node_count && depth[u->rules[i].root] == 0);
    memory_free(depth);
}

static void walk_tables(struct image *im, struct unit *u, uint32_t rules, uint32_t triggers)
{
    u->nodes = image_array(im, u->nodes, &u->node_count, sizeof *u->nodes);
    u->rules = image_array(im, u->rules, &u->rule_count, sizeof *u->rules);
    u->triggered = image_array(im, u->triggered, &triggers, sizeof *u->triggered);
    u->always = image_array(im, u->always, &u->always_count, sizeof *u->always);
    u->indexed_columns =
        image_array(im, u->indexed_columns, &u->indexed_column_count, sizeof *u->indexed_columns);
    if (!im->is_reading || im->is_bad)
        return;
    check_nodes(im, u);
    expect_below(im, u->triggered, triggers, u->rule_count);
    expect_below(im, u->always, u->always_count, u->rule_count);
    image_expect(im, u->always_count <= u->rule_count);
    for (uint32_t i = 0; i < u->rule_count; i++)
        image_expect(im, u->rules[i].rule < rules);
    for (uint32_t i = 0; i < u->indexed_column_count; i++)
        image_expect(im,
                     u->indexed_columns[i] < u->column_count && u->columns[u->indexed_columns[i]].is_indexed);
    for (uint32_t i = 0; i < u->predicate_count; i++)
        image_expect(im, u->predicates[i].first_rule <= triggers &&
                             u->predicates[i].rule_count <= triggers - u->predicates[i].first_rule);
}

static void walk_slots_of_unit(struct image *im, struct unit *u, uint32_t slots)
{
    uint32_t firsts = slots + 1, entries = im->is_reading ? 0 : u->slot_first[slots];
    u->slot_first = image_array(im, u->slot_first, &firsts, sizeof *u->slot_first);
    u->slot_entries = image_array(im, u->slot_entries, &entries, sizeof *u->slot_entries);
    if (!im->is_reading || !image_expect(im, firsts == slots + 1))
        return;
    for (uint32_t i = 0; i < slots; i++)
        image_expect(im, u->slot_first[i] <= u->slot_first[i + 1]);
    image_expect(im, u->slot_first[slots] <= entries);
    for (uint32_t i = 0; i < entries; i++)
        image_expect(im, u->slot_entries[i].column < u->column_count);
}

static uint32_t count_triggers(const struct unit *u)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < u->predicate_count; i++)
        n += u->predicates[i].rule_count;
    return n;
}

/* A log source is its three words: what they mean is in the taxonomy, which is part of the key. */
static void walk_logsource(struct image *im, struct ruleset *set, struct unit *u)
{
    struct str words[] = {u->logsource.category, u->logsource.product, u->logsource.service};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        image_str(im, &words[i]);
    if (im->is_reading && !im->is_bad)
        image_expect(im,
                     taxonomy_logsource(set->taxonomy, words[0], words[1], words[2], &u->logsource, NULL) &&
                         classifier_add(set->classifier, &u->logsource, NULL));
}

static void walk_unit(struct image *im, struct ruleset *set, struct unit *u)
{
    walk_logsource(im, set, u);
    walk_columns(im, u);
    walk_predicates(im, u);
    for (uint32_t i = 0; i < u->column_count && !im->is_bad; i++)
        walk_column(im, &u->columns[i], u->predicate_count);
    if (!im->is_bad)
        walk_tables(im, u, set->rule_count, im->is_reading ? 0 : count_triggers(u));
    if (!im->is_bad)
        walk_slots_of_unit(im, u, set->slots.count);
}

/* Field names in the order of their numbers. */
static void walk_slots(struct image *im, struct ruleset *set)
{
    uint32_t count = set->slots.count;
    image_number(im, &count, UINT16_MAX - 1);
    for (uint32_t i = 0; i < count && !im->is_bad; i++) {
        struct str name = im->is_reading ? STR_EMPTY : set->slots.entries[i].key;
        bool is_new = true;
        image_str(im, &name);
        if (im->is_reading)
            *map_put(&set->slots, name, &is_new) = i + 1;
        image_expect(im, is_new);
    }
}

static void walk_units(struct image *im, struct ruleset *set)
{
    uint32_t count = set->unit_count;
    image_number(im, &count, MAX_UNITS);
    IMAGE_VALUE(im, set->index_bytes);
    if (im->is_reading) {
        set->units = NEW_ARRAY(struct unit, count + 1);
        set->classifier = classifier_new();
    }
    for (set->unit_count = 0; set->unit_count < count && !im->is_bad; set->unit_count++)
        walk_unit(im, set, &set->units[set->unit_count]);
    set->unit_count = im->is_bad ? set->unit_count : count;
}

/* The report */

static void walk_problem(struct image *im, struct rule_problem *p)
{
    uint32_t kind = (uint32_t)p->kind;
    image_number(im, &kind, RULE_NOTE + 1);
    image_str(im, &p->path);
    image_str(im, &p->rule_id);
    image_str(im, &p->title);
    image_str(im, &p->text);
    p->kind = (enum rule_problem_kind)kind;
}

static void walk_report(struct image *im, struct rule_report *report)
{
    uint32_t count = report->problem_count, files = report->files, filters = report->filters;
    image_number(im, &count, 1 + (im->is_reading ? im->in_bytes : UINT32_MAX));
    IMAGE_VALUE(im, files);
    IMAGE_VALUE(im, filters);
    struct rule_problem *problems =
        im->is_reading ? ARENA_ARRAY(im->arena, struct rule_problem, count) : report->problems;
    for (uint32_t i = 0; i < count && !im->is_bad; i++)
        walk_problem(im, &problems[i]);
    image_expect(im, !im->is_reading || im->at == im->in_bytes);
    if (!im->is_reading || im->is_bad)
        return;
    for (uint32_t i = 0; i < count; i++) {
        const struct rule_problem *p = &problems[i];
        report_problem(report, p->kind,
                       &(struct rule_info){.id = p->rule_id, .path = p->path, .title_en = p->title}, p->text);
    }
    report->files += files;
    report->filters += filters;
}

void ruleset_image(struct ruleset *set, struct rule_report *report, struct image *im)
{
    walk_rules(im, set);
    walk_asides(im, set);
    walk_slots(im, set);
    walk_units(im, set);
    if (!im->is_bad)
        walk_report(im, report);
}
