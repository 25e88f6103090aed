/* What a scan found, counted: by rule, by level, by file. */
#ifndef REPLAY_SCAN_SUMMARY_H
#define REPLAY_SCAN_SUMMARY_H

#include "base/map.h"
#include "cli/command.h"
#include "replay/scan.h"

struct summary_rule {
    struct str id, title;
    enum level level;
    uint64_t findings, files;
    size_t last_file; /* index + 1, to count files */
};

struct summary_file {
    uint64_t events, unparsed, findings;
    enum level worst;
    bool is_unreadable;
};

/* Zero-initialise; texts are borrowed from the rules and the list of files. */
struct scan_summary {
    struct summary_rule *rules;
    size_t rule_count, rule_capacity;
    struct map by_id; /* rule id → index + 1 */
    struct summary_file *files;
    const struct file_list *list;
    uint64_t by_level[LEVEL_CRITICAL + 1];
    uint64_t events, unparsed, findings, files_done, files_unreadable;
};
void scan_summary_init(struct scan_summary *s, const struct file_list *list);
void scan_summary_free(struct scan_summary *s);
void scan_summary_add(struct scan_summary *s, const struct scan_result *r);

/* Three tables on a terminal; rows with "by": rule, level, file, total as NDJSON or CSV. */
bool scan_summary_print(const struct scan_summary *s, const struct arguments *a, double seconds,
                        struct error *err) MUST_CHECK;

#endif
