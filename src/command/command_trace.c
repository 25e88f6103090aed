/* hyakuyo trace: each record's way through the stages, the file that handled it, and what it added. The
 * stages run one after the other on the same event, as pipeline.c runs them; the difference in fields before
 * and after each is what is shown. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/commands.h"
#include "cli/geoip.h"
#include "engine/pipeline.h"
#include "enrich/asset_csv.h"
#include "enrich/attribute.h"
#include "judge/criteria.h"
#include "judge/judge.h"
#include "replay/feed.h"

struct trace {
    struct knowledge *knowledge;
    struct context *context;
    struct geo_cache *places;
    struct normaliser_scratch *normaliser;
    struct detect_scratch *detect;
    struct source_memory *memory;
    struct judge *judge;
    struct correlator *correlator;
};

static void print_fields(const struct event *e, uint32_t from, struct arena *a)
{
    for (uint32_t i = from; i < e->count; i++) {
        struct str text = value_as_text(&e->values[i], a);
        printf("    %.*s = %.*s\n", STR_ARGS(field_name(e->values[i].field)), STR_ARGS(text));
    }
    if (from == e->count)
        printf("    %s\n", tr("(nothing added)", "(追加なし)"));
}

static void print_stage(const char *stage, const char *file, struct str detail)
{
    printf("  %-10s %-28s %.*s\n", stage, file, STR_ARGS(detail));
}

static void trace_normalise(struct trace *t, struct record *record, struct arena *a, struct event *e)
{
    char time[TIME_TEXT_MAX];
    struct source local = source_anonymous(zone_find(STR("local")));
    normalise_record(t->knowledge->normaliser, t->normaliser, t->memory, record, &local, a, e);
    struct str parser = normaliser_parser_name(t->knowledge->normaliser, e->parser);
    print_stage("normalise", "src/normalise/normalise.c",
                e->flags & EVENT_PARSE_FAILURE ? STR("parse_failure") : parser);
    size_t n = time_format_iso(e->time_ns, time);
    printf("    @timestamp = %.*s\n", (int)n, time);
    print_fields(e, 0, a);
}

static void print_findings(const struct finding *f)
{
    for (; f != NULL; f = f->next) {
        printf("    %.*s [%.*s] %.*s\n", STR_ARGS(f->rule_id), STR_ARGS(level_name(f->level)),
               STR_ARGS(language_current() == LANGUAGE_JA && f->title_ja.n ? f->title_ja : f->title_en));
        for (uint32_t i = 0; i < f->matched_count; i++)
            printf("      %.*s = %.*s\n", STR_ARGS(f->matched[i].name), STR_ARGS(f->matched[i].text));
    }
}

static void trace_findings(struct trace *t, struct batch *b, const struct event *e)
{
    uint32_t count = detect_event(t->knowledge->rules, t->detect, e, (uint32_t)e->sequence, b);
    print_stage("detect", "src/detect/match.c",
                arena_printf(&b->arena, tr("%u findings", "検知 %u 件"), count));
    print_findings(b->findings);
    for (struct finding **at = &b->findings; *at != NULL;)
        if ((*at)->is_silent)
            batch_silence_finding(b, at);
        else
            at = &(*at)->next;
    struct finding **end = b->findings_end;
    uint64_t before = correlator_counters(t->correlator).findings;
    correlator_take(t->correlator, b, 0);
    print_stage("correlate", "src/correlate/correlator.c",
                arena_printf(&b->arena, tr("%llu findings", "検知 %llu 件"),
                             (unsigned long long)(correlator_counters(t->correlator).findings - before)));
    print_findings(*end);
    for (struct finding *f = b->findings; f != NULL; f = f->next) {
        f->is_outside = attribute_is_outside(NULL, t->context, f);
        judge_take(t->judge, f, f->time_ns);
    }
}

static bool print_judgement(void *context, const struct judgement *j)
{
    (void)context;
    const struct incident *i = j->candidate;
    print_stage("judge", "src/judge/judge.c", i->hosts.n ? i->hosts : i->outside);
    printf(tr("    urgency %d, importance %d, confidence %.3f (level %d)%s\n",
              "    緊急度 %d、重要度 %d、確信度 %.3f(レベル %d)%s\n"),
           i->urgency, i->importance, i->confidence, i->confidence_level,
           j->deserves_incident ? tr(" → incident", " → インシデント") : tr(" → candidate", " → 候補"));
    return true;
}

static void trace_record(struct trace *t, const struct record *from, struct str path)
{
    struct batch *b = batch_new(1);
    struct record *record = batch_add(b, from->raw, path);
    record->sequence = from->sequence;
    record->received_ns = from->received_ns;
    b->first_sequence = b->last_sequence = record->sequence;
    struct event *e = &b->events[0];
    printf("%.*s:%llu\n", STR_ARGS(path), (unsigned long long)record->sequence);
    print_stage("input", "src/replay/feed.c",
                arena_printf(&b->arena, tr("%zu bytes", "%zu バイト"), record->raw.n));
    trace_normalise(t, record, &b->arena, e);
    if (t->places != NULL) {
        uint32_t before = e->count;
        geo_describe(t->places, e, &b->arena);
        print_stage("enrich", "src/enrich/geo_event.c", STR_EMPTY);
        print_fields(e, before, &b->arena);
    }
    if (t->context != NULL) {
        uint32_t before = e->count;
        enrich_event(t->context, e, &b->arena);
        print_stage("enrich", "src/enrich/enrich.c", STR_EMPTY);
        print_fields(e, before, &b->arena);
    }
    trace_findings(t, b, e);
    judge_settle(t->judge, judge_hand_out(t->judge, HAND_OUT_ALL, UINT32_MAX, print_judgement, NULL));
    batch_free(b);
}

static bool trace_file(struct trace *t, const char *path, struct error *err)
{
    struct feed *feed = feed_open(path, err);
    if (feed == NULL)
        return false;
    for (struct batch *b = feed_next(feed, clock_wall_ns(), err); b != NULL;
         b = feed_next(feed, clock_wall_ns(), err)) {
        for (uint32_t i = 0; i < b->count; i++)
            trace_record(t, &b->records[i], str_c(path));
        batch_free(b);
    }
    feed_close(feed);
    return err->text[0] == 0;
}

static bool load_context(struct trace *t, const char *folder, struct error *err)
{
    if (folder != NULL)
        t->context = context_read_folder(folder, zone_find(STR("local")), err);
    return folder == NULL || t->context != NULL;
}

static int run(const struct arguments *a)
{
    struct error err;
    struct trace t = {0};
    struct knowledge_folders folders;
    knowledge_default_folders(&folders, a, argument(a, "parsers")->list, argument(a, "rules")->list);
    struct knowledge_options options = {.parser_folders = folders.parsers,
                                        .rule_folders = folders.rules,
                                        .taxonomy_folder = share_path(a, "content/taxonomy"),
                                        .cache_folder = cache_path(a)};
    struct criteria *criteria = criteria_load(share_path(a, "content/judgement.yml"), &err);
    t.knowledge = criteria ? knowledge_load(&options, &err) : NULL;
    struct geo *geo = NULL;
    if (t.knowledge == NULL || !load_context(&t, argument_text(a, "assets"), &err) ||
        !geoip_open(a, &geo, &err)) {
        context_unref(t.context);
        knowledge_unref(t.knowledge);
        criteria_free(criteria);
        return command_fail(a, EXIT_USAGE, &err);
    }
    t.normaliser = normaliser_scratch_new(t.knowledge->normaliser);
    t.detect = detect_scratch_new(t.knowledge->rules);
    t.memory = source_memory_new(true);
    t.places = geo != NULL ? geo_cache_new(geo) : NULL;
    t.judge = judge_new(criteria);
    t.correlator = correlator_new(correlation_set_ref(t.knowledge->correlations), CORRELATE_LATENESS_NS);
    int status = EXIT_DONE;
    const char *const standard_input[] = {"-", NULL};
    for (const char *const *path = a->word_count ? a->words : standard_input;
         *path != NULL && status == EXIT_DONE; path++)
        if (!trace_file(&t, *path, &err))
            status = command_fail(a, EXIT_USAGE, &err);
    judge_free(t.judge);
    correlator_free(t.correlator);
    source_memory_free(t.memory);
    detect_scratch_free(t.detect);
    normaliser_scratch_free(t.normaliser);
    geo_cache_free(t.places);
    context_unref(t.context);
    knowledge_unref(t.knowledge);
    criteria_free(criteria);
    return status;
}

static const struct option options[] = {
    {.name = "assets",
     .type = OPTION_TEXT,
     .values = "DIR",
     .help_en = "context files (hosts.csv, networks.csv …)",
     .help_ja = "組織の台帳(hosts.csv、networks.csv など)"},
    GEOIP_OPTION,
    {.name = "rules",
     .type = OPTION_LIST,
     .values = "DIR",
     .help_en = "further Sigma rules; may be repeated",
     .help_ja = "追加の Sigma 規則(複数可)"},
    {.name = "parsers",
     .type = OPTION_LIST,
     .values = "DIR",
     .help_en = "further parsers; may be repeated",
     .help_ja = "追加の解析定義(複数可)"},
};

const struct command command_trace = {
    .name = "trace",
    .run = run,
    .summary_en = "show each record's way: stage by stage, the file that handled it, the fields it added",
    .summary_ja = "各記録がたどる段階、処理したファイル、追加された項目を表示する",
    .words = "[FILE…]",
    .word_max = 1 << 20,
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = "  tail -1 /var/log/auth.log | hyakuyo trace\n",
};
