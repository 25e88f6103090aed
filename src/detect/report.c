/* What loading and proving rules gave, for `check`, the console and the log.
 * Stage: detect, at load. Next: prove.c. */
#include "detect/report.h"

void report_problem(struct rule_report *report, enum rule_problem_kind kind, const struct rule_info *info,
                    struct str text)
{
    if (!report->arena.chunk_bytes)
        arena_init(&report->arena, 16384);
    if (report->problem_count == report->problem_capacity) {
        report->problem_capacity = report->problem_capacity ? report->problem_capacity * 2 : 64;
        report->problems =
            memory_resize_array(report->problems, report->problem_capacity, sizeof *report->problems);
    }
    report->problems[report->problem_count++] = (struct rule_problem){
        .kind = kind,
        .path = arena_str(&report->arena, info->path),
        .rule_id = arena_str(&report->arena, info->id),
        .title = arena_str(&report->arena, info->title_en),
        .text = arena_str(&report->arena, text),
    };
    report->refused += kind == RULE_REFUSED;
    report->correlations += kind == RULE_CORRELATION;
}

void rule_report_free(struct rule_report *report)
{
    if (report->arena.chunk_bytes)
        arena_free(&report->arena);
    memory_free(report->problems);
    *report = (struct rule_report){0};
}

void rule_report_add(struct rule_report *report, enum rule_problem_kind kind, const struct rule_info *info,
                     struct str text)
{
    report_problem(report, kind, info, text);
}
