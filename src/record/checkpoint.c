/* Stage: record. The signing key, and the file of signed checkpoints. */
#include "record/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/sha256.h"

_Static_assert(RECORD_PUBLIC_KEY_BYTES == crypto_sign_PUBLICKEYBYTES, "Ed25519");
_Static_assert(RECORD_SECRET_KEY_BYTES == crypto_sign_SECRETKEYBYTES, "Ed25519");

#define FILE_MAX (256 << 20)

static const char *file_path(struct arena *arena, const char *data_dir, const char *name)
{
    return arena_printf(arena, "%s/%s", data_dir, name).p;
}

/* --------------------------------------------------------------------- key */

static bool from_hex(struct str text, void *out, size_t n)
{
    size_t got;
    return sodium_hex2bin(out, n, text.p, text.n, NULL, &got, NULL) == 0 && got == n;
}

static bool read_hex(const char *path, void *out, size_t n, struct error *err)
{
    struct buf text = {0};
    bool ok = file_read(path, 4096, &text, err);
    if (ok && !from_hex(str_trim(buf_str(&text)), out, n))
        ok = error_set(err, tr("%s: this is no key of the record", "%s: 記録の鍵ではありません"), path);
    if (text.n)
        sodium_memzero(text.p, text.n);
    buf_free(&text);
    return ok;
}

static bool write_hex(const char *path, const void *bytes, size_t n, unsigned mode, struct error *err)
{
    char text[2 * RECORD_SECRET_KEY_BYTES + 2];
    sodium_bin2hex(text, sizeof text, bytes, n);
    text[2 * n] = '\n';
    bool ok = file_write_atomic(path, str_n(text, 2 * n + 1), mode, err);
    sodium_memzero(text, sizeof text);
    return ok;
}

bool record_public_key_read(const char *path, struct record_hash *out, struct error *err)
{
    return read_hex(path, out->bytes, sizeof out->bytes, err);
}

bool record_key_load(const char *data_dir, struct record_key *out, struct error *err)
{
    struct arena arena;
    BUG_IF(sodium_init() < 0);
    arena_init(&arena, 2048);
    const char *secret = file_path(&arena, data_dir, "keys/record.key");
    const char *public = file_path(&arena, data_dir, "keys/record.pub");
    bool ok = file_make_folders(file_path(&arena, data_dir, "keys"), 0700, err);
    if (ok && file_exists(secret)) {
        ok = read_hex(secret, out->secret, sizeof out->secret, err);
        if (ok)
            crypto_sign_ed25519_sk_to_pk(out->public_key.bytes, out->secret);
    } else if (ok) {
        crypto_sign_keypair(out->public_key.bytes, out->secret);
        ok = write_hex(secret, out->secret, sizeof out->secret, 0600, err);
    }
    if (ok && !file_exists(public))
        ok = write_hex(public, out->public_key.bytes, RECORD_PUBLIC_KEY_BYTES, 0644, err);
    arena_free(&arena);
    return ok;
}

/* ------------------------------------------------------------------- lines */

static void put_hash(struct buf *out, const char *name, const struct record_hash *h)
{
    char text[2 * RECORD_HASH_BYTES + 1];
    record_hash_text(h, text);
    buf_printf(out, "\"%s\":\"%s\",", name, text);
}

/* Members in canonical order; without the signature when it is NULL. */
static void put_line(struct buf *out, const struct record_checkpoint *c, const char *signature)
{
    char time[TIME_TEXT_MAX];
    size_t n = time_format_iso(c->time_ns, time);
    buf_printf(out, "{\"entries\":\"%llu\",", (unsigned long long)c->entries);
    put_hash(out, "head", &c->head);
    put_hash(out, "key", &c->key);
    buf_printf(out, "\"number\":\"%llu\",", (unsigned long long)c->number);
    put_hash(out, "parts", &c->parts);
    put_hash(out, "previous", &c->previous);
    if (signature)
        buf_printf(out, "\"signature\":\"%s\",", signature);
    buf_printf(out, "\"time\":\"%.*s\",\"v\":%d}", (int)n, time, RECORD_VERSION);
}

static void hash_line(struct str line, struct record_hash *out)
{
    struct sha256 *h = sha256_new();
    sha256_add(h, line);
    sha256_end(h, out->bytes);
}

static bool read_members(const struct json_node *node, struct record_checkpoint *c)
{
    static const struct {
        const char *name;
        size_t offset;
    } hashes[] = {{"head", offsetof(struct record_checkpoint, head)},
                  {"key", offsetof(struct record_checkpoint, key)},
                  {"parts", offsetof(struct record_checkpoint, parts)},
                  {"previous", offsetof(struct record_checkpoint, previous)}};
    struct time_context context = {0};
    for (size_t i = 0; i < COUNT_OF(hashes); i++)
        if (!from_hex(json_text(node, hashes[i].name), (char *)c + hashes[i].offset, RECORD_HASH_BYTES))
            return false;
    return str_to_u64(json_text(node, "entries"), 10, &c->entries) &&
           str_to_u64(json_text(node, "number"), 10, &c->number) &&
           time_parse_iso(json_text(node, "time"), &context, &c->time_ns);
}

static bool is_signed(const struct record_checkpoint *c, struct str signature_text)
{
    unsigned char signature[crypto_sign_BYTES];
    struct buf bare = {0};
    put_line(&bare, c, NULL);
    bool ok =
        from_hex(signature_text, signature, sizeof signature) &&
        crypto_sign_verify_detached(signature, (const unsigned char *)bare.p, bare.n, c->key.bytes) == 0;
    buf_free(&bare);
    return ok;
}

/* The line must also be spelt as we spell it: no byte of it is free. */
static bool read_line(struct str line, struct arena *arena, struct record_checkpoint *c)
{
    struct error ignored;
    struct buf again = {0};
    const struct json_node *node = json_parse(line, arena, &ignored);
    *c = (struct record_checkpoint){0};
    if (node == NULL || node->type != JSON_NODE_OBJECT || !read_members(node, c))
        return false;
    struct str signature = json_text(node, "signature");
    put_line(&again, c, arena_printf(arena, "%.*s", STR_ARGS(signature)).p);
    bool ok = str_eq(buf_str(&again), line) && is_signed(c, signature);
    buf_free(&again);
    hash_line(line, &c->line_hash);
    return ok;
}

/* -------------------------------------------------------------------- file */

static bool same(const struct record_hash *a, const struct record_hash *b)
{
    return memcmp(a->bytes, b->bytes, RECORD_HASH_BYTES) == 0;
}

static bool check_line(struct str line, struct arena *arena, const struct record_checkpoint *before,
                       const struct record_hash *public_key, struct record_checkpoint *c, struct error *err)
{
    unsigned long long number = before->number + 1;
    if (!read_line(line, arena, c))
        return error_set(err, tr("checkpoint %llu was altered", "チェックポイント %llu が改変されています"),
                         number);
    if (c->number != number || !same(&c->previous, &before->line_hash))
        return error_set(err,
                         tr("checkpoint %llu is missing or was replaced",
                            "チェックポイント %llu が失われたか置き換えられています"),
                         number);
    if (public_key && !same(&c->key, public_key))
        return error_set(err,
                         tr("checkpoint %llu was signed with another key",
                            "チェックポイント %llu は別の鍵で署名されています"),
                         number);
    return true;
}

static bool read_lines(struct str rest, const struct record_hash *public_key, struct arena *arena,
                       struct buf *rows, struct error *err)
{
    struct record_checkpoint before = {0};
    struct str line;
    while (str_split(&rest, '\n', &line)) {
        struct record_checkpoint c;
        if (line.n == 0 && rest.p == NULL)
            break;
        if (!check_line(line, arena, &before, public_key, &c, err))
            return false;
        buf_bytes(rows, &c, sizeof c);
        before = c;
    }
    return true;
}

bool record_checkpoints_read(const char *data_dir, const struct record_hash *public_key, struct arena *arena,
                             struct record_checkpoint **out, uint32_t *count, struct error *err)
{
    struct buf text = {0}, rows = {0};
    const char *path = file_path(arena, data_dir, "record/checkpoints.ndjson");
    BUG_IF(sodium_init() < 0);
    bool ok = !file_exists(path) || (file_read(path, FILE_MAX, &text, err) &&
                                     read_lines(buf_str(&text), public_key, arena, &rows, err));
    *count = (uint32_t)(rows.n / sizeof(**out));
    *out = ARENA_ARRAY(arena, struct record_checkpoint, *count + 1);
    if (rows.n)
        memcpy(*out, rows.p, rows.n);
    buf_free(&rows);
    buf_free(&text);
    return ok;
}

static bool append_line(const char *path, struct str line, struct error *err)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, line.p, line.n) == (ssize_t)line.n && fdatasync(fd) == 0;
    if (!ok)
        error_set(err, tr("%s: a checkpoint cannot be written: %s", "%s: チェックポイントを書けません: %s"),
                  path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return ok;
}

/* The last whole line says where the chain goes on; what a crash left behind it is no checkpoint. */
static bool go_on_from(const char *path, struct arena *arena, struct record_checkpoint *last,
                       struct error *err)
{
    struct buf text = {0};
    *last = (struct record_checkpoint){0};
    if (!file_exists(path))
        return true;
    if (!file_read(path, FILE_MAX, &text, err))
        return false;
    size_t end = str_find_last_char(buf_str(&text), '\n');
    size_t whole = end == STR_NOT_FOUND ? 0 : end + 1;
    bool ok = whole == text.n || truncate(path, (off_t)whole) == 0;
    if (ok && whole > 0) {
        struct str lines = str_slice(buf_str(&text), 0, whole - 1);
        size_t start = str_find_last_char(lines, '\n');
        ok = read_line(str_skip(lines, start == STR_NOT_FOUND ? 0 : start + 1), arena, last);
    }
    buf_free(&text);
    return ok ||
           error_set(err,
                     tr("%s: the last checkpoint was altered; run `hyakuyo verify`",
                        "%s: 最後のチェックポイントが改変されています。`hyakuyo verify` で確認してください"),
                     path);
}

bool record_checkpoint_append(const char *data_dir, const struct record_key *key, struct record_checkpoint *c,
                              struct error *err)
{
    struct arena arena;
    struct record_checkpoint last;
    struct buf line = {0};
    unsigned char signature[crypto_sign_BYTES];
    char text[2 * crypto_sign_BYTES + 1];
    arena_init(&arena, 4096);
    const char *path = file_path(&arena, data_dir, "record/checkpoints.ndjson");
    bool ok = file_make_folders(file_path(&arena, data_dir, "record"), 0700, err) &&
              go_on_from(path, &arena, &last, err);
    if (ok) {
        c->number = last.number + 1;
        c->previous = last.line_hash;
        c->key = key->public_key;
        put_line(&line, c, NULL);
        crypto_sign_detached(signature, NULL, (const unsigned char *)line.p, line.n, key->secret);
        sodium_bin2hex(text, sizeof text, signature, sizeof signature);
        buf_clear(&line);
        put_line(&line, c, text);
        hash_line(buf_str(&line), &c->line_hash);
        buf_char(&line, '\n');
        ok = append_line(path, buf_str(&line), err);
    }
    buf_free(&line);
    arena_free(&arena);
    return ok;
}
