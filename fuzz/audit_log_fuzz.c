/* libFuzzer: an audit log from anybody, with a mark in its first line. A refusal says why, and a log that
 * holds has as many lines as it shows. */
#include <string.h>

#include "record/audit_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str all = str_n((const char *)data, size), log = all, first;
    struct audit_mark mark;
    struct error why = {{0}};
    bool has_mark = str_split(&log, '\n', &first) && audit_mark_parse(first, &mark);
    log = log.p ? log : STR_EMPTY;
    struct audit_check *c = audit_check_over(log);
    bool ok = (!has_mark || audit_check_to(c, &mark, &why)) && audit_check_rest(c, &why);
    size_t lines = log.n && log.p[log.n - 1] != '\n';
    for (size_t i = 0; i < log.n; i++)
        lines += log.p[i] == '\n';
    if (ok ? audit_check_lines(c) != lines : why.text[0] == 0)
        __builtin_trap();
    audit_check_close(c);
    return 0;
}
