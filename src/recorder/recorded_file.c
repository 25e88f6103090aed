/* Files that people change through the program: before and after, as entries. Next: recorder.c. */
#include "recorder/recorded_file.h"

#include <stdio.h>

#include "base/file.h"

#define FILE_MAX_BYTES (1u << 20)

static void hash_text(struct str text, char out[2 * SHA256_BYTES + 1])
{
    unsigned char bytes[SHA256_BYTES];
    struct sha256 *h = sha256_new();
    sha256_add(h, text);
    sha256_end(h, bytes);
    for (int i = 0; i < SHA256_BYTES; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

bool recorded_file_describe(const char *path, struct str name, const struct str *text,
                            struct recorded_file *out, struct error *err)
{
    struct buf before = {0};
    *out = (struct recorded_file){.before = ""};
    snprintf(out->name, sizeof out->name, "%.*s.yml", STR_ARGS(name));
    bool was_there = file_exists(path);
    if (was_there && !file_read(path, FILE_MAX_BYTES, &before, err))
        return false;
    if (was_there)
        hash_text(buf_str(&before), out->before);
    if (text != NULL)
        hash_text(*text, out->after);
    buf_free(&before);
    return true;
}

bool recorded_file_stage(struct recorder *r, const char *stage, const struct recorded_file *change,
                         struct error *err)
{
    char evidence[80];
    struct deed deed =
        recorder_deed(r, &(struct deed){.action = "execute", .actor = STR("hyakuyo"), .target = STR("rule")});
    snprintf(evidence, sizeof evidence, "stage:%s", stage);
    deed.evidence = str_c(evidence);
    if (!recorder_begin(r, err))
        return false;
    recorder_change(r, "rule_file", 0, change->name, str_c(change->before), str_c(change->after));
    return recorder_commit(r, &deed, err);
}
