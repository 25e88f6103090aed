/* hyakuyo check: loads all knowledge, runs every sample that proves it, and says what failed, with file and
 * line. */
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/commands.h"
#include "cli/rows.h"
#include "enrich/explain.h"
#include "incident/authority.h"
#include "incident/never_block.h"
#include "incident/playbook.h"
#include "incident/readiness.h"
#include "incident/retrospect.h"
#include "incident/vector.h"
#include "instrument/instrument.h"
#include "instrument/rollup.h"
#include "intake/intake.h"
#include "judge/criteria.h"
#include "judge/hypothesis.h"
#include "judge/posture.h"
#include "knowledge/knowledge.h"
#include "knowledge/references.h"
#include "notifier/notifier.h"
#include "proof/check_coverage.h"
#include "work/carrier.h"

static void print_rule_problems(const struct rule_report *report)
{
    for (uint32_t i = 0; i < report->problem_count; i++)
        printf("%.*s\n", STR_ARGS(report->problems[i].text));
}

/* The rules of a server: the program's own, and those of its data folder. */
static int run_coverage(const struct arguments *a)
{
    struct error err;
    struct knowledge_folders folders;
    const char *own[] = {arena_printf(a->arena, "%s/rules", argument_text(a, "data")).p, NULL};
    knowledge_default_folders(&folders, a, argument(a, "parsers")->list, argument(a, "rules")->list);
    bool has_own = file_is_folder(own[0]);
    if (has_own)
        knowledge_add_rules(&folders, own[0]);
    struct knowledge_options options = {.parser_folders = folders.parsers,
                                        .rule_folders = folders.rules,
                                        .taxonomy_folder = share_path(a, "content/taxonomy"),
                                        .replacing_folders = has_own ? own : NULL};
    if (!carrier_check(share_path(a, "content"), &err) ||
        never_block_load(share_path(a, "content/never-block.yml"), a->arena, &err) == NULL)
        return command_fail(a, EXIT_FOUND, &err);
    struct knowledge *k = knowledge_load(&options, &err);
    if (k == NULL)
        return command_fail(a, EXIT_FOUND, &err);
    int status = check_coverage(a, k);
    knowledge_unref(k);
    return status;
}

/* Whether a file of content/ loads; what came of it is not needed here. */
#define LOADS(name, file)                                                                                    \
    static bool name##_is_good(const struct arguments *a, struct error *err)                                 \
    {                                                                                                        \
        struct name *loaded = name##_load(share_path(a, file), err);                                         \
        if (loaded != NULL)                                                                                  \
            name##_free(loaded);                                                                             \
        return loaded != NULL;                                                                               \
    }
LOADS(criteria, "content/judgement.yml")
LOADS(business, "content/business.yml")
LOADS(signatures, "content/signatures.yml")
LOADS(posture_criteria, "content/posture.yml")
LOADS(rollup_content, "content/trends.yml")
LOADS(playbooks, "content/playbooks")
LOADS(authority, "content/authority.yml")
LOADS(retrospect_rules, "content/retrospect.yml")
LOADS(references, "content/references.yml")
LOADS(vectors, "content/vectors.yml")
LOADS(readiness, "content/readiness.yml")
#undef LOADS

static bool instruments_is_good(const struct arguments *a, struct error *err)
{
    struct instruments *instruments =
        instruments_new(share_path(a, "content/instruments"), share_path(a, "content/calendar.yml"),
                        zone_find(STR("local")), err);
    instruments_free(instruments);
    return instruments != NULL;
}

static bool intake_is_good(const struct arguments *a, struct error *err)
{
    struct intake_rules *intake = intake_rules_load(share_path(a, "content/intake.yml"), err);
    bool is_good = intake != NULL && intake_prove(intake, err);
    intake_rules_free(intake);
    return is_good;
}

static bool notices_is_good(const struct arguments *a, struct error *err)
{
    return notifier_check(share_path(a, "content"), err);
}

/* Knowledge that is not about records: it has no samples, it loads or is refused whole. */
static bool check_content(const struct arguments *a, struct error *err)
{
    static bool (*const parts[])(const struct arguments *a, struct error *err) = {
        criteria_is_good,         instruments_is_good,      business_is_good,   signatures_is_good,
        posture_criteria_is_good, rollup_content_is_good,   playbooks_is_good,  authority_is_good,
        intake_is_good,           retrospect_rules_is_good, references_is_good, vectors_is_good,
        readiness_is_good,        notices_is_good};
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (!parts[i](a, err))
            return false;
    return true;
}

/* Prints what was loaded, refused and proved; false when anything was refused or disproved. */
static bool print_knowledge(const struct knowledge *k)
{
    const struct load_report *p = &k->parsers_report;
    const struct rule_report *r = &k->rules_report;
    fwrite(p->sentences.p, 1, p->sentences.n, stdout);
    print_rule_problems(r);
    printf(tr("parsers: %u loaded, %u refused, %u proved, %u unproved\n",
              "解析定義: 読み込み %u、拒否 %u、実証済み %u、未実証 %u\n"),
           p->loaded, p->refused, p->proved, p->unproved);
    printf(tr("rules: %u files, %u loaded, %u refused, %u correlations, %u filters, %u proved, %u without "
              "samples\n",
              "規則: ファイル %u、読み込み %u、拒否 %u、相関 %u、フィルタ %u、実証済み %u、見本なし %u\n"),
           r->files, r->loaded, r->refused, r->correlations, r->filters, r->rules_proved,
           r->rules_without_samples);
    unsigned failed = p->samples_failed + r->samples_failed;
    printf(tr("%u samples passed, %u failed\n", "見本: 成功 %u、失敗 %u\n"), p->samples + r->samples - failed,
           failed);
    return failed == 0 && p->refused == 0 && r->refused == 0;
}

static int run(const struct arguments *a)
{
    if (argument_flag(a, "coverage"))
        return run_coverage(a);
    struct error err;
    struct knowledge_folders folders;
    const struct option_value *rules = argument(a, "rules"), *parsers = argument(a, "parsers");
    knowledge_default_folders(&folders, a, NULL, NULL);
    struct knowledge_options options = {.parser_folders =
                                            parsers->list_count ? parsers->list : folders.parsers,
                                        .rule_folders = rules->list_count ? rules->list : folders.rules,
                                        .taxonomy_folder = share_path(a, "content/taxonomy"),
                                        .proves_samples = true,
                                        .cache_folder = cache_path(a)};
    if (!check_content(a, &err))
        return command_fail(a, EXIT_FOUND, &err);
    struct knowledge *k = knowledge_load(&options, &err);
    if (k == NULL)
        return command_fail(a, EXIT_FOUND, &err);
    bool is_good = print_knowledge(k);
    knowledge_unref(k);
    return is_good ? EXIT_DONE : EXIT_FOUND;
}

static const struct option options[] = {
    {.name = "rules",
     .type = OPTION_LIST,
     .values = "DIR",
     .help_en = "Sigma rules to check instead of the program's own; may be repeated",
     .help_ja = "組み込みの規則の代わりに検査する Sigma 規則(複数可)"},
    {.name = "parsers",
     .type = OPTION_LIST,
     .values = "DIR",
     .help_en = "parsers to check instead of the program's own; may be repeated",
     .help_ja = "組み込みの解析定義の代わりに検査する定義(複数可)"},
    {.name = "coverage",
     .type = OPTION_FLAG,
     .help_en = "instead: which rules can fire on what the server of --data has seen",
     .help_ja = "代わりに、--data のサーバーが受け取ったもので働く規則を示す"},
    {.name = "data",
     .type = OPTION_TEXT,
     .values = "DIR",
     .fallback = "./var",
     .help_en = "data folder, for --coverage",
     .help_ja = "データフォルダー(--coverage 用)"},
    ROWS_FORMAT_OPTION,
};

const struct command command_check = {
    .name = "check",
    .run = run,
    .summary_en = "load and prove parsers, rules and criteria; exit 1 on any failure",
    .summary_ja = "解析定義・規則・判断基準を読み込み、見本で実証する(失敗があれば終了コード 1)",
    .word_max = 0,
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = "  hyakuyo check\n  hyakuyo check --rules ./my-rules\n"
                "  hyakuyo check --coverage --data ./var --format table\n",
};
