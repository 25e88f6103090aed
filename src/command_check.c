/* hyakuyo check: loads all knowledge, runs every sample that proves it, and says what failed, with file and
 * line. */
#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "commands.h"
#include "judge/criteria.h"
#include "knowledge.h"

static void print_rule_problems(const struct rule_report *report)
{
    for (uint32_t i = 0; i < report->problem_count; i++)
        if (report->problems[i].kind != RULE_NOTE)
            printf("%.*s\n", STR_ARGS(report->problems[i].text));
}

static int run(const struct arguments *a)
{
    struct error err;
    struct knowledge_folders folders;
    const struct option_value *rules = argument(a, "rules"), *parsers = argument(a, "parsers");
    knowledge_default_folders(&folders, a, NULL, NULL);
    struct knowledge_options options = {.parser_folders =
                                            parsers->list_count ? parsers->list : folders.parsers,
                                        .rule_folders = rules->list_count ? rules->list : folders.rules,
                                        .taxonomy_folder = share_path(a, "content/taxonomy"),
                                        .proves_samples = true};
    struct criteria *criteria = criteria_load(share_path(a, "content/judgement.yml"), &err);
    if (criteria == NULL)
        return command_fail(a, EXIT_FOUND, &err);
    criteria_free(criteria);
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
};

const struct command command_check = {
    .name = "check",
    .run = run,
    .summary_en = "load and prove parsers, rules and criteria; exit 1 on any failure",
    .summary_ja = "解析定義・規則・判断基準を読み込み、見本で実証する(失敗があれば終了コード 1)",
    .word_max = 0,
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = "  hyakuyo check\n  hyakuyo check --rules ./my-rules\n",
};
