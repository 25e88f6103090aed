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
    struct criteria *criteria = criteria_load(share_path(a, "content/judgement.yml"), &err);
    if (criteria == NULL)
        return command_fail(a, EXIT_FOUND, &err);
    criteria_free(criteria);
    struct instruments *instruments =
        instruments_new(share_path(a, "content/instruments"), share_path(a, "content/calendar.yml"),
                        zone_find(STR("local")), &err);
    if (instruments == NULL)
        return command_fail(a, EXIT_FOUND, &err);
    instruments_free(instruments);
    struct business *business = business_load(share_path(a, "content/business.yml"), &err);
    if (business == NULL)
        return command_fail(a, EXIT_FOUND, &err);
    business_free(business);
    struct signatures *signatures = signatures_load(share_path(a, "content/signatures.yml"), &err);
    if (signatures == NULL)
        return command_fail(a, EXIT_FOUND, &err);
    signatures_free(signatures);
    struct posture_criteria *posture = posture_criteria_load(share_path(a, "content/posture.yml"), &err);
    if (posture == NULL)
        return command_fail(a, EXIT_FOUND, &err);
    posture_criteria_free(posture);
    struct rollup_content *trends = rollup_content_load(share_path(a, "content/trends.yml"), &err);
    if (trends == NULL)
        return command_fail(a, EXIT_FOUND, &err);
    rollup_content_free(trends);
    struct playbooks *playbooks = playbooks_load(share_path(a, "content/playbooks"), &err);
    if (playbooks == NULL)
        return command_fail(a, EXIT_FOUND, &err);
    playbooks_free(playbooks);
    struct authority *authority = authority_load(share_path(a, "content/authority.yml"), &err);
    if (authority == NULL)
        return command_fail(a, EXIT_FOUND, &err);
    authority_free(authority);
    struct intake_rules *intake = intake_rules_load(share_path(a, "content/intake.yml"), &err);
    bool is_intake_good = intake != NULL && intake_prove(intake, &err);
    intake_rules_free(intake);
    if (!is_intake_good)
        return command_fail(a, EXIT_FOUND, &err);
    struct retrospect_rules *retrospect =
        retrospect_rules_load(share_path(a, "content/retrospect.yml"), &err);
    if (retrospect == NULL)
        return command_fail(a, EXIT_FOUND, &err);
    retrospect_rules_free(retrospect);
    struct references *references = references_load(share_path(a, "content/references.yml"), &err);
    if (references == NULL)
        return command_fail(a, EXIT_FOUND, &err);
    references_free(references);
    struct vectors *vectors = vectors_load(share_path(a, "content/vectors.yml"), &err);
    if (vectors == NULL)
        return command_fail(a, EXIT_FOUND, &err);
    vectors_free(vectors);
    struct readiness *readiness = readiness_load(share_path(a, "content/readiness.yml"), &err);
    if (readiness == NULL)
        return command_fail(a, EXIT_FOUND, &err);
    readiness_free(readiness);
    if (!notifier_check(share_path(a, "content"), &err))
        return command_fail(a, EXIT_FOUND, &err);
    struct knowledge *k = knowledge_load(&options, &err);
    if (k == NULL)
        return command_fail(a, EXIT_FOUND, &err);
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
    bool is_good = failed == 0 && p->refused == 0 && r->refused == 0;
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
