/* The rule set: loading, counting references, and running it on events.
 * Stage: detect. Reads folders of rules; leaves an immutable struct ruleset; detect_event() is what the
 * pipeline calls. Next: sigma_reader.c (how rules are read), compile.c (how they are laid out), match.c (how
 * they run). */
#include <stdlib.h>

#include "base/file.h"
#include "base/log.h"
#include "detect/finding_build.h"
#include "detect/report.h"

#define MAX_RULES 200000

static void take_rule(void *context, struct sigma_rule *rule)
{
    struct ruleset *set = context;
    if (set->rule_count == set->rule_capacity) {
        set->rule_capacity = set->rule_capacity ? set->rule_capacity * 2 : 1024;
        set->rules = memory_resize_array(set->rules, set->rule_capacity, sizeof(struct sigma_rule *));
    }
    set->rules[set->rule_count++] = rule;
}

static void take_filter(void *context, struct sigma_filter *filter)
{
    struct ruleset *set = context;
    *set->filters_end = filter;
    set->filters_end = &filter->next;
}

static void take_aside(void *context, const char *path, const struct yaml *document)
{
    struct ruleset *set = context;
    struct aside *aside = ARENA_NEW(&set->reading, struct aside);
    *aside = (struct aside){.path = str_c(path), .document = document};
    *set->asides_end = aside;
    set->asides_end = &aside->next;
}

/* `text` holds the rules, or is empty: then they are in the file. */
static void read_rules(struct ruleset *set, const char *path, struct str text,
                       const struct ruleset_options *options, struct rule_report *report)
{
    struct error err = {0};
    struct sigma_source source = {path,      &set->reading, options,    report,
                                  take_rule, take_filter,   take_aside, set};
    struct yaml *documents =
        text.n ? yaml_parse(text, path, &set->reading, &err) : yaml_load(path, &set->reading, &err);
    report->files++;
    if (documents) {
        sigma_read(&source, documents);
        return;
    }
    struct rule_info info = {.id = str_c(path), .path = str_c(path)};
    report_problem(report, RULE_REFUSED, &info, str_c(err.text));
}

static bool read_folders(struct ruleset *set, const struct ruleset_options *options,
                         struct rule_report *report, struct error *err)
{
    static const char *const suffixes[] = {".yml", ".yaml", NULL};
    for (const char *const *folder = options->rule_folders; folder && *folder; folder++) {
        struct file_list files = {0};
        if (!file_walk(*folder, suffixes, &set->reading, &files, err))
            return false;
        for (size_t i = 0; i < files.count; i++) {
            if (set->rule_count >= MAX_RULES)
                return error_set(err, tr("%s: more than %d rules.", "%s: ルールが %d 個を超えています。"),
                                 *folder, MAX_RULES);
            read_rules(set, files.paths[i].p, STR_EMPTY, options, report);
        }
    }
    if (options->text.n)
        read_rules(set, "text", options->text, options, report);
    return true;
}

static int compare_rules(const void *a, const void *b)
{
    const struct sigma_rule *x = *(struct sigma_rule *const *)a, *y = *(struct sigma_rule *const *)b;
    int order = str_compare(x->info.id, y->info.id);
    if (order == 0)
        order = str_compare(x->info.path, y->info.path);
    return order ? order : (x->info.line > y->info.line) - (x->info.line < y->info.line);
}

static bool is_replacing(const struct ruleset_options *options, struct str path)
{
    for (const char *const *f = options->replacing_folders; f && *f; f++)
        if (str_starts(path, str_c(*f)))
            return true;
    return options->text.n && str_eq(path, STR("text"));
}

/* A rule whose id is also in a replacing folder or text: the later one is meant. */
static bool is_replaced(const struct ruleset *set, const struct ruleset_options *options, uint32_t number)
{
    const struct sigma_rule *rule = set->rules[number];
    for (uint32_t step = 0; step < 2; step++)
        for (uint32_t i = number; i < set->rule_count && str_eq(set->rules[i]->info.id, rule->info.id);
             i += step ? 1 : UINT32_MAX)
            if (is_replacing(options, set->rules[i]->info.path) > is_replacing(options, rule->info.path))
                return true;
    return false;
}

/* Leaves out what is replaced; `set->rules` is sorted by id. */
static void drop_replaced(struct ruleset *set, const struct ruleset_options *options)
{
    uint32_t kept = 0;
    struct sigma_rule **rules = NEW_ARRAY(struct sigma_rule *, set->rule_count + 1);
    for (uint32_t i = 0; i < set->rule_count; i++)
        if (!is_replaced(set, options, i))
            rules[kept++] = set->rules[i];
    memory_free(set->rules);
    set->rules = rules;
    set->rule_capacity = set->rule_count + 1;
    set->rule_count = kept;
}

/* Two files with the same id would make two findings of one. Parts of one file may share an id. */
static void refuse_doubles(struct ruleset *set, struct rule_report *report)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < set->rule_count; i++) {
        struct sigma_rule *rule = set->rules[i], *before = kept ? set->rules[kept - 1] : NULL;
        if (before && str_eq(before->info.id, rule->info.id) && !str_eq(before->info.path, rule->info.path)) {
            struct error why = {0};
            error_at(&why, rule->info.path.p, rule->info.line, 1,
                     tr("the id %.*s is already taken by %.*s.", "id %.*s は %.*s で使われています。"),
                     STR_ARGS(rule->info.id), STR_ARGS(before->info.path));
            report_problem(report, RULE_REFUSED, &rule->info, str_c(why.text));
            continue;
        }
        set->rules[kept++] = rule;
    }
    set->rule_count = kept;
}

static void ruleset_free(struct ruleset *set)
{
    for (uint32_t i = 0; i < set->unit_count; i++) {
        struct unit *u = &set->units[i];
        for (uint32_t p = 0; p < u->predicate_count; p++)
            if (u->predicates[p].comparison == COMPARE_REGEX)
                regex_free(u->predicates[p].regex);
        for (uint32_t c = 0; c < u->column_count; c++)
            literal_index_free(&u->columns[c].index);
    }
    memory_free(set->costs);
    memory_free(set->units);
    memory_free(set->rules);
    classifier_free(set->classifier);
    map_free(&set->slots);
    if (set->taxonomy)
        taxonomy_free(set->taxonomy);
    arena_free(&set->reading);
    arena_free(&set->arena);
    buf_free(&set->image);
    memory_free(set);
}

/* Keeping: what is needed of a rule once it is compiled */

static struct yaml *keep_yaml(struct arena *arena, const struct yaml *node)
{
    struct yaml *out = ARENA_NEW(arena, struct yaml), **end = &out->child;
    *out = *node;
    out->key = arena_str(arena, node->key);
    out->text = arena_str(arena, node->text);
    out->child = out->next = NULL;
    for (const struct yaml *c = node->child; c; c = c->next) {
        *end = keep_yaml(arena, c);
        end = &(*end)->next;
    }
    return out;
}

static struct sigma_sample *keep_samples(struct arena *arena, const struct sigma_sample *samples)
{
    struct sigma_sample *first = NULL, **end = &first;
    for (; samples; samples = samples->next) {
        struct sigma_sample *copy = ARENA_NEW(arena, struct sigma_sample);
        *copy = *samples;
        copy->next = NULL;
        copy->raw = arena_str(arena, samples->raw);
        copy->event = samples->event ? keep_yaml(arena, samples->event) : NULL;
        *end = copy;
        end = &copy->next;
    }
    return first;
}

static void keep_info(struct arena *arena, struct rule_info *info)
{
    struct str *texts[] = {
        &info->id,         &info->name,           &info->path,           &info->title_en,
        &info->title_ja,   &info->description_en, &info->description_ja, &info->status,
        &info->author,     &info->next_steps_en,  &info->next_steps_ja,  &info->false_positives,
        &info->references, &info->logsource,      &info->evidence_group, &info->stage};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        *texts[i] = texts[i]->n ? arena_str(arena, *texts[i]) : STR_EMPTY;
    struct str *techniques = ARENA_ARRAY(arena, struct str, info->technique_count);
    for (uint32_t i = 0; i < info->technique_count; i++)
        techniques[i] = arena_str(arena, info->techniques[i]);
    info->techniques = techniques;
}

static struct sigma_rule *keep_rule(struct arena *arena, const struct sigma_rule *rule)
{
    struct sigma_rule *kept = ARENA_NEW(arena, struct sigma_rule);
    kept->info = rule->info;
    kept->entity = rule->entity;
    kept->peer_field = arena_str(arena, rule->peer_field);
    kept->samples = keep_samples(arena, rule->samples);
    keep_info(arena, &kept->info);
    return kept;
}

struct ruleset *ruleset_new(void)
{
    struct ruleset *set = NEW(struct ruleset);
    atomic_init(&set->references, 1);
    set->filters_end = &set->filters;
    set->asides_end = &set->asides;
    arena_init(&set->arena, 1 << 20);
    arena_init(&set->reading, 1 << 20);
    return set;
}

/* From the files themselves. */
static struct ruleset *build(const struct ruleset_options *options, struct rule_report *report,
                             struct error *err)
{
    struct ruleset *set = ruleset_new();
    set->taxonomy = taxonomy_load(options->taxonomy_folder, &set->arena, err);
    bool ok = set->taxonomy && read_folders(set, options, report, err);
    if (ok) {
        if (set->rule_count)
            qsort(set->rules, set->rule_count, sizeof(struct sigma_rule *), compare_rules);
        if (options->replacing_folders || options->text.n)
            drop_replaced(set, options);
        refuse_doubles(set, report);
        sigma_filters_apply(set->filters, set->rules, set->rule_count, &set->reading, report);
        ok = ruleset_compile(set, report, err);
    }
    if (!ok) {
        ruleset_free(set);
        return NULL;
    }
    for (uint32_t i = 0; i < set->rule_count; i++)
        set->rules[i] = keep_rule(&set->arena, set->rules[i]);
    return set;
}

static struct ruleset *build_and_cache(const struct ruleset_options *options, const struct cache_key *key,
                                       struct rule_report *report, struct error *err)
{
    struct ruleset *set = build(options, report, err);
    if (!set || !key->is_usable)
        return set;
    struct cache_key now =
        ruleset_cache_key(options); /* what was edited meanwhile must not stand under the old key */
    if (now.is_usable && memcmp(now.bytes, key->bytes, sizeof now.bytes) == 0)
        ruleset_cache_write(set, options, key, report);
    return set;
}

struct ruleset *ruleset_load(const struct ruleset_options *options, struct rule_report *report,
                             struct error *err)
{
    struct cache_key key = ruleset_cache_key(options);
    struct ruleset *set = key.is_usable ? ruleset_cache_read(options, &key, report) : NULL;
    if (!set && !(set = build_and_cache(options, &key, report, err)))
        return NULL;
    for (const struct aside *a = set->asides; a; a = a->next)
        options->take_correlation(options->correlation_context, a->path.p, a->document, report);
    set->asides = NULL;
    arena_free(&set->reading);
    report->loaded = set->rule_count;
    costs_init(set);
    return set;
}

struct ruleset *ruleset_ref(struct ruleset *set)
{
    atomic_fetch_add_explicit(&set->references, 1, memory_order_relaxed);
    return set;
}

void ruleset_unref(struct ruleset *set)
{
    if (set && atomic_fetch_sub_explicit(&set->references, 1, memory_order_acq_rel) == 1)
        ruleset_free(set);
}

size_t ruleset_count(const struct ruleset *set)
{
    return set->rule_count;
}

const struct rule_info *ruleset_rule(const struct ruleset *set, size_t index)
{
    BUG_IF(index >= set->rule_count);
    return &set->rules[index]->info;
}

void ruleset_silence(struct ruleset *set, size_t index)
{
    BUG_IF(index >= set->rule_count);
    set->rules[index]->is_silent = true;
}

static const struct unit *unit_of(const struct ruleset *set, size_t index)
{
    for (uint32_t u = 0; u < set->unit_count; u++)
        for (uint32_t r = 0; r < set->units[u].rule_count; r++)
            if (set->units[u].rules[r].rule == index)
                return &set->units[u];
    BUG("a rule without a unit");
}

size_t ruleset_fields(struct ruleset *set, size_t index, struct str name, field_id *out, size_t max)
{
    struct field_chain chain = {.count = 0};
    size_t n = 0;
    taxonomy_fields(set->taxonomy, &unit_of(set, index)->logsource, without_spaces(name, &set->arena),
                    &chain);
    for (size_t i = 0; i < chain.count && n < max; i++)
        if ((out[n] = field_intern(chain.names[i])) != FIELD_NONE)
            n++;
    return n;
}

struct ruleset_shape ruleset_shape(const struct ruleset *set)
{
    struct ruleset_shape shape = {.rules = set->rule_count, .logsources = set->unit_count};
    for (uint32_t i = 0; i < set->unit_count; i++) {
        const struct unit *u = &set->units[i];
        shape.predicates += u->predicate_count;
        shape.untriggered_rules += u->always_count;
        for (uint32_t p = 0; p < u->predicate_count; p++)
            shape.indexed_predicates += u->predicates[p].is_indexed;
        for (uint32_t c = 0; c < u->column_count; c++)
            shape.literals += u->columns[c].index.literal_count;
    }
    shape.memory_bytes = set->arena.used_bytes + set->image.n + set->index_bytes;
    return shape;
}

/* Scratch */

static uint32_t most_rules(const struct ruleset *set)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < set->unit_count; i++)
        most = set->units[i].rule_count > most ? set->units[i].rule_count : most;
    return most;
}

static void add_unit_state(struct detect_scratch *s, uint32_t number)
{
    const struct unit *u = &s->set->units[number];
    struct unit_state *state = &s->units[number];
    state->predicates = NEW_ARRAY(uint32_t, u->predicate_count + 1);
    state->rules = NEW_ARRAY(uint32_t, u->rule_count + 1);
    state->columns = NEW_ARRAY(struct column_state, u->column_count + 1);
    for (uint32_t c = 0; c < u->column_count; c++)
        if (u->columns[c].is_indexed && !literal_scratch_add(&s->scan, &u->columns[c].index))
            BUG("no room to scan for literals");
}

struct detect_scratch *detect_scratch_new(const struct ruleset *set)
{
    struct detect_scratch *s = NEW(struct detect_scratch);
    s->set = set;
    s->units = NEW_ARRAY(struct unit_state, set->unit_count + 1);
    for (uint32_t i = 0; i < set->unit_count; i++)
        add_unit_state(s, i);
    s->classes = class_memory_new(set->classifier);
    s->regex = regex_scratch_new();
    s->slot_of = NEW_ARRAY(uint16_t, FIELD_MAX);
    s->slots = NEW_ARRAY(uint16_t, MAX_EVENT_VALUES);
    s->views = NEW_ARRAY(struct view, VIEW_COUNT);
    s->view_epoch = NEW_ARRAY(uint32_t, VIEW_COUNT);
    s->text_capacity = 65536;
    s->text = memory_alloc(s->text_capacity);
    s->triggered = NEW_ARRAY(uint32_t, most_rules(set) + 1);
    s->holding = NEW_ARRAY(uint32_t, most_rules(set) + 1);
    arena_init(&s->name_arena, 4096);
    return s;
}

void detect_scratch_free(struct detect_scratch *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; i < s->set->unit_count; i++) {
        memory_free(s->units[i].predicates);
        memory_free(s->units[i].rules);
        memory_free(s->units[i].columns);
    }
    class_memory_free(s->classes);
    literal_scratch_free(s->scan);
    regex_scratch_free(s->regex);
    void *rest[] = {s->units,      s->slot_of, s->slots,     s->views,
                    s->view_epoch, s->text,    s->triggered, s->holding};
    for (size_t i = 0; i < COUNT_OF(rest); i++)
        memory_free(rest[i]);
    arena_free(&s->name_arena);
    detect_watch_free(s->watch);
    memory_free(s);
}

struct detect_counters detect_scratch_counters(const struct detect_scratch *s)
{
    return s->counters;
}

/* Marks of old events must not look like new ones. */
static void forget_marks(struct detect_scratch *s)
{
    for (uint32_t i = 0; i < s->set->unit_count; i++) {
        const struct unit *u = &s->set->units[i];
        memset(s->units[i].predicates, 0, u->predicate_count * sizeof(uint32_t));
        memset(s->units[i].rules, 0, u->rule_count * sizeof(uint32_t));
        memset(s->units[i].columns, 0, u->column_count * sizeof(struct column_state));
    }
    memset(s->view_epoch, 0, VIEW_COUNT * sizeof *s->view_epoch);
    s->epoch = 0;
}

static void build_findings(struct run *run, uint32_t count, uint32_t record_number, struct batch *batch)
{
    struct detect_scratch *s = run->s;
    for (uint32_t h = 0; h < count; h++) {
        int64_t started = s->timing.is_on ? clock_monotonic_ns() : 0;
        finding_build(run, s->holding[h], record_number, batch);
        if (s->timing.is_on)
            cost_of_rule(run, s->holding[h], started);
    }
}

uint32_t detect_event(const struct ruleset *set, struct detect_scratch *s, const struct event *e,
                      uint32_t record_number, struct batch *batch)
{
    if (s->set != set)
        BUG("the scratch belongs to another rule set");
    if (s->epoch == EPOCH_MAX)
        forget_marks(s);
    s->epoch++;
    s->counters.events++;
    struct class_list classes = classify(set->classifier, s->classes, e);
    if (classes.count == 0)
        return 0;
    cost_begin(s);
    match_begin(s, e);
    uint32_t found = 0;
    struct run run = {.s = s, .event = e};
    for (uint32_t i = 0; i < classes.count; i++) {
        uint32_t number = classes.numbers[i];
        run.unit = &set->units[number];
        run.state = &s->units[number];
        uint32_t count = match_unit(&run, s->holding);
        if (s->watch != NULL)
            detect_watch_event(&run, number);
        build_findings(&run, count, record_number, batch);
        found += count;
    }
    cost_end(s);
    s->counters.findings += found;
    return found;
}

static void unpin(void *set)
{
    ruleset_unref(set);
}

uint32_t detect_batch(struct ruleset *set, struct detect_scratch *scratch, struct batch *batch)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < batch->count; i++)
        found += detect_event(set, scratch, &batch->events[i], 0, batch);
    if (found && !batch->pinned) {
        batch->pinned = ruleset_ref(set);
        batch->unpin = unpin;
    }
    return found;
}
