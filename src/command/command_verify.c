/* hyakuyo verify: reads every sealed event file again and compares its hash with the catalogue, then walks
 * the response record. Works on a copy of the data folder, without the server. Exit 1 when something differs.
 */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/commands.h"
#include "recorder/record_check.h"
#include "store/store.h"

/* What was found, as lines of text while it is found, or as one JSON object at the end. */
struct told {
    bool is_json;
    uint64_t bad;
    struct buf problems; /* members of an array */
    struct json_writer w;
};

static void put_text(struct json_writer *w, const char *name, const char *text)
{
    json_key(w, name);
    json_put_c(w, text);
}

static void put_number(struct json_writer *w, const char *name, uint64_t number)
{
    json_key(w, name);
    json_put_u64(w, number);
}

static void on_bad(void *context, const struct part *part, const char *why)
{
    struct told *t = context;
    t->bad++;
    if (!t->is_json) {
        printf(tr("%s (events %llu to %llu): %s\n", "%s(イベント %llu~%llu): %s\n"), part->path,
               (unsigned long long)part->first_sequence, (unsigned long long)part->last_sequence, why);
        return;
    }
    json_begin_object(&t->w);
    put_text(&t->w, "file", part->path);
    put_number(&t->w, "first_sequence", part->first_sequence);
    put_number(&t->w, "last_sequence", part->last_sequence);
    put_text(&t->w, "reason", why);
    json_end_object(&t->w);
}

static void on_bad_entry(void *context, uint64_t seq, const char *why)
{
    struct told *t = context;
    t->bad++;
    if (!t->is_json) {
        printf(tr("record, entry %llu: %s\n", "対応記録 %llu: %s\n"), (unsigned long long)seq, why);
        return;
    }
    json_begin_object(&t->w);
    put_number(&t->w, "entry", seq);
    put_text(&t->w, "reason", why);
    json_end_object(&t->w);
}

/* The key given, or the one of the data folder: who could replace that one cannot replace the keys named in
 * the record. */
static bool find_key(const struct arguments *a, struct record_hash *key, bool *has_key, struct error *err)
{
    const char *path = argument_text(a, "public-key");
    if (path == NULL) {
        path = arena_printf(a->arena, "%s/keys/record.pub", argument_text(a, "data")).p;
        *has_key = file_exists(path);
    } else {
        *has_key = true;
    }
    return !*has_key || record_public_key_read(path, key, err);
}

static bool verify_record(const struct arguments *a, struct told *t, struct record_check *check,
                          struct error *err)
{
    struct record_hash key;
    bool has_key;
    const char *path = arena_printf(a->arena, "%s/state.db", argument_text(a, "data")).p;
    if (!find_key(a, &key, &has_key, err))
        return false;
    *check = (struct record_check){.state = state_open(path, err),
                                   .data_dir = argument_text(a, "data"),
                                   .public_key = has_key ? &key : NULL,
                                   .content = argument_text(a, "content") ? argument_text(a, "content")
                                                                          : share_path(a, "content"),
                                   .tsa_ca = argument_text(a, "tsa-ca"),
                                   .found = on_bad_entry,
                                   .context = t};
    if (check->state == NULL)
        return false;
    bool ok = record_check_run(check, err);
    state_close(check->state);
    return ok;
}

static bool verify_files(const struct arguments *a, struct told *t, struct store_status *status,
                         struct error *err)
{
    struct store *store = store_open_readonly(argument_text(a, "data"), err);
    if (store == NULL)
        return false;
    store_status(store, status);
    bool ok = store_verify(store, on_bad, t, err);
    store_close(store);
    return ok;
}

static void print_text(const struct store_status *status, uint64_t bad_files, const struct record_check *c)
{
    printf(tr("%llu sealed files with %llu events read, %llu bad\n",
              "確定済みファイル %llu 個(イベント %llu 件)を検査、異常 %llu 個\n"),
           (unsigned long long)status->parts, (unsigned long long)status->rows,
           (unsigned long long)bad_files);
    printf(tr("%llu entries of the record and %llu checkpoints walked, %llu values of the state database "
              "compared (%llu could not be), %llu bad\n",
              "対応記録 %llu 件とチェックポイント %llu 個を検査、状態データベースの値 %llu "
              "個を照合(照合できないもの %llu 個)、異常 %llu 個\n"),
           (unsigned long long)c->entries, (unsigned long long)c->checkpoints,
           (unsigned long long)c->compared, (unsigned long long)c->not_compared, (unsigned long long)c->bad);
}

static void print_json(struct told *t, const struct store_status *status, const struct record_check *c)
{
    struct buf out = {0};
    struct json_writer w = {.out = &out};
    json_end_array(&t->w);
    json_begin_object(&w);
    json_key(&w, "ok");
    json_put_bool(&w, t->bad == 0);
    put_number(&w, "files", status->parts);
    put_number(&w, "events", status->rows);
    put_number(&w, "entries", c->entries);
    put_number(&w, "checkpoints", c->checkpoints);
    put_number(&w, "timestamps", c->timestamps);
    put_number(&w, "audit_lines", c->audit_lines);
    put_number(&w, "compared", c->compared);
    put_number(&w, "not_compared", c->not_compared);
    json_key(&w, "problems");
    json_put_json(&w, buf_str(&t->problems));
    json_end_object(&w);
    printf("%s\n", buf_cstr(&out));
    buf_free(&out);
}

static int run(const struct arguments *a)
{
    struct error err;
    struct store_status status;
    struct record_check check;
    const char *format = argument_text(a, "format");
    struct told t = {.is_json = format != NULL && strcmp(format, "json") == 0};
    t.w.out = &t.problems;
    json_begin_array(&t.w);
    bool ok = verify_files(a, &t, &status, &err);
    uint64_t bad_files = t.bad;
    ok = ok && verify_record(a, &t, &check, &err);
    if (ok && t.is_json)
        print_json(&t, &status, &check);
    else if (ok)
        print_text(&status, bad_files, &check);
    buf_free(&t.problems);
    return !ok ? command_fail(a, EXIT_USAGE, &err) : t.bad ? EXIT_FOUND : EXIT_DONE;
}

static const struct option options[] = {
    {.name = "data",
     .type = OPTION_TEXT,
     .values = "DIR",
     .fallback = "./var",
     .help_en = "data folder",
     .help_ja = "データフォルダー"},
    {.name = "format",
     .type = OPTION_CHOICE,
     .values = "text|json",
     .fallback = "text",
     .help_en = "lines of text, or one JSON object with all that differs",
     .help_ja = "テキストの行、または相違をまとめた JSON オブジェクト 1 個"},
    {.name = "public-key",
     .type = OPTION_TEXT,
     .values = "FILE",
     .help_en = "key that signed the checkpoints; default DATA/keys/record.pub",
     .help_ja = "チェックポイントの署名鍵(公開鍵)。既定は DATA/keys/record.pub"},
    {.name = "content",
     .type = OPTION_TEXT,
     .values = "DIR",
     .help_en = "content that the server loaded; default: this program's own",
     .help_ja = "サーバーが読み込んだ content フォルダー。既定はこのプログラムのもの"},
    {.name = "tsa-ca",
     .type = OPTION_TEXT,
     .values = "FILE",
     .help_en = "certificates (PEM) by which the signatures of time stamps must hold; without, only what "
                "they stamp is checked",
     .help_ja = "タイムスタンプの署名を検証する証明書(PEM)。指定がなければ対象の一致だけを検査"},
};

const struct command command_verify = {
    .name = "verify",
    .run = run,
    .summary_en = "check the sealed event files and the response record; exit 1 when something differs",
    .summary_ja = "確定済みイベントファイルと対応記録を検査する(異常があれば終了コード 1)",
    .word_max = 0,
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = "  hyakuyo verify --data /var/lib/hyakuyo\n",
};
