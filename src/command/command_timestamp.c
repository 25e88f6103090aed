/* hyakuyo timestamp: has a time stamp authority (RFC 3161) sign the newest checkpoint of the response record.
 * It learns one hash and nothing else. Nothing here runs by itself: a timer may call it. */
#include <sodium.h>
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "base/sha256.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "command/command_record.h"
#include "record/checkpoint.h"
#include "record/timestamp.h"

#define ANSWER_MAX_BYTES (64 << 10)

static bool post(const char *url, const struct buf *request, struct buf *answer, struct error *err)
{
    struct client_fetch f = {.url = url,
                             .accept = "application/timestamp-reply",
                             .upload_type = "application/timestamp-query",
                             .upload = buf_str(request),
                             .max_bytes = ANSWER_MAX_BYTES};
    return client_fetch(&f, answer, err);
}

static bool newest_checkpoint(const char *data_dir, struct arena *arena, struct record_checkpoint *out,
                              struct error *err)
{
    struct record_checkpoint *all;
    uint32_t count;
    if (!record_checkpoints_read(data_dir, NULL, arena, &all, &count, err))
        return false;
    if (count == 0)
        return error_set(err,
                         tr("%s holds no checkpoint yet; the server writes them",
                            "%s にチェックポイントがありません(サーバーが作成します)"),
                         data_dir);
    *out = all[count - 1];
    return true;
}

/* The file first, then the entry that names it: as with checkpoints. */
static bool keep(const struct arguments *a, const struct record_checkpoint *c, struct str token,
                 struct error *err)
{
    unsigned char hash[SHA256_BYTES] = {0};
    char evidence[100], number[32];
    struct sha256 *h = sha256_new();
    sha256_add(h, token);
    sha256_end(h, hash);
    int n = snprintf(evidence, sizeof evidence, "sha256:");
    sodium_bin2hex(evidence + n, sizeof evidence - (size_t)n, hash, sizeof hash);
    snprintf(number, sizeof number, "%llu", (unsigned long long)c->number);
    return file_write_atomic(record_timestamp_path(argument_text(a, "data"), c->number, a->arena), token,
                             0600, err) &&
           command_record_evidence(a, "timestamp", number, evidence, err);
}

static bool stamp(const struct arguments *a, struct record_checkpoint *c, struct record_timestamp *t,
                  struct error *err)
{
    struct buf request = {0}, answer = {0};
    uint64_t nonce;
    BUG_IF(sodium_init() < 0);
    randombytes_buf(&nonce, sizeof nonce);
    bool ok = newest_checkpoint(argument_text(a, "data"), a->arena, c, err) &&
              record_timestamp_request(&c->line_hash, nonce, &request, err) &&
              post(a->words[0], &request, &answer, err) &&
              record_timestamp_check(buf_str(&answer), &c->line_hash, argument_text(a, "tsa-ca"), t, err) &&
              keep(a, c, buf_str(&answer), err);
    buf_free(&request);
    buf_free(&answer);
    return ok;
}

static int run(const struct arguments *a)
{
    struct error err;
    struct record_checkpoint c = {0};
    struct record_timestamp t;
    char time[TIME_TEXT_MAX];
    if (!stamp(a, &c, &t, &err))
        return command_fail(a, EXIT_FOUND, &err);
    time_format_iso(t.time_ns, time);
    printf(tr("checkpoint %llu was stamped at %s\n",
              "チェックポイント %llu に %s のタイムスタンプを付けました\n"),
           (unsigned long long)c.number, time);
    return EXIT_DONE;
}

static const struct option options[] = {
    {.name = "data",
     .type = OPTION_TEXT,
     .values = "DIR",
     .fallback = "./var",
     .help_en = "data folder",
     .help_ja = "データフォルダー"},
    {.name = "tsa-ca",
     .type = OPTION_TEXT,
     .values = "FILE",
     .help_en = "certificates (PEM) by which the authority's signature must hold",
     .help_ja = "タイムスタンプ局の署名を検証する証明書(PEM)"},
};

const struct command command_timestamp = {
    .name = "timestamp",
    .run = run,
    .summary_en = "have a time stamp authority (RFC 3161) sign the newest checkpoint of the response record",
    .summary_ja = "対応記録の最新チェックポイントにタイムスタンプ局(RFC 3161)の署名を付ける",
    .words = "URL",
    .word_min = 1,
    .word_max = 1,
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = "  hyakuyo timestamp --data /var/lib/hyakuyo --tsa-ca tsa.pem https://tsa.example/\n",
};
