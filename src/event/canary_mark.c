/* Ground floor: marks of canaries. Made by canary.c, read by pipeline.c before a record is parsed. */
#include "event/canary_mark.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/file.h"
#include "base/log.h"
#include "base/sha256.h"

#define CODE_BYTES 16

#define PREFIX_BYTES 18
static const struct str canary_prefix = {" hyakuyo-canary:1:", PREFIX_BYTES};
static const struct str exercise_prefix = {" hyakuyo-drill:01:", PREFIX_BYTES};

/* ------------------------------------------------------------------ key */

static bool make_key(const char *path, struct canary_key *out, struct error *err)
{
    if (getrandom(out->bytes, sizeof out->bytes, 0) != (ssize_t)sizeof out->bytes)
        return error_errno(err, "%s",
                           tr("the system gives no random bytes", "システムから乱数を得られません"));
    return file_write_atomic(path, str_n((const char *)out->bytes, sizeof out->bytes), 0600, err);
}

bool canary_key_load(const char *data_dir, struct canary_key *out, struct error *err)
{
    struct buf folder = {0}, path = {0}, bytes = {0};
    buf_printf(&folder, "%s/keys", data_dir);
    buf_printf(&path, "%s/keys/canary.key", data_dir);
    bool ok = file_make_folders(buf_cstr(&folder), 0700, err);
    if (ok && !file_exists(buf_cstr(&path)))
        ok = make_key(buf_cstr(&path), out, err);
    ok = ok && file_read(buf_cstr(&path), 4096, &bytes, err);
    if (ok && bytes.n != sizeof out->bytes)
        ok = error_set(err,
                       tr("%s: %zu bytes instead of %d; remove the file, and a new key is made",
                          "%s: %zu バイトあります(正しくは %d)。削除すれば新しい鍵が作られます"),
                       buf_cstr(&path), bytes.n, CANARY_KEY_BYTES);
    if (ok)
        memcpy(out->bytes, bytes.p, sizeof out->bytes);
    buf_free(&folder);
    buf_free(&path);
    buf_free(&bytes);
    return ok;
}

/* ------------------------------------------------------------------ code */

static void code_of(const struct canary_key *key, struct str message, unsigned char out[SHA256_BYTES])
{
    hmac_sha256(str_n((const char *)key->bytes, CANARY_KEY_BYTES), message, out);
}

/* In the same time wherever the difference is. */
static bool is_same_code(struct str hex, const unsigned char *code)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char difference = 0;
    for (size_t i = 0; i < CODE_BYTES; i++) {
        difference |= (unsigned char)(hex.p[2 * i] ^ digits[code[i] >> 4]);
        difference |= (unsigned char)(hex.p[2 * i + 1] ^ digits[code[i] & 15]);
    }
    return difference == 0;
}

/* ------------------------------------------------------------------ mark */

void canary_mark_write(const struct canary_key *key, const struct canary_mark *mark, struct str record,
                       struct buf *out)
{
    unsigned char code[SHA256_BYTES];
    size_t start = out->n;
    buf_add(out, record);
    buf_add(out, mark->is_exercise ? exercise_prefix : canary_prefix);
    buf_printf(out, "%016llx:%016llx:%x:", (unsigned long long)mark->issued_ns,
               (unsigned long long)mark->number, mark->transport & 15u);
    code_of(key, str_n(out->p + start, out->n - start), code);
    for (size_t i = 0; i < CODE_BYTES; i++)
        buf_printf(out, "%02x", code[i]);
}

static bool read_hex(struct str *rest, size_t digits, uint64_t *out)
{
    struct str text = str_slice(*rest, 0, digits);
    for (size_t i = 0; i < text.n; i++)
        if (!ascii_is_digit(text.p[i]) && !(text.p[i] >= 'a' && text.p[i] <= 'f'))
            return false;
    bool ok = rest->n > digits && rest->p[digits] == ':' && str_to_u64(text, 16, out);
    *rest = str_skip(*rest, digits + 1);
    return ok;
}

bool canary_mark_read(const struct canary_key *key, struct str raw, int64_t received_ns, uint8_t transport,
                      struct canary_mark *out)
{
    unsigned char code[SHA256_BYTES];
    uint64_t issued, number, carrier;
    if (raw.n < CANARY_MARK_BYTES)
        return false;
    struct str rest = str_skip(raw, raw.n - CANARY_MARK_BYTES);
    bool is_exercise = str_starts(rest, exercise_prefix);
    if (!is_exercise && !str_starts(rest, canary_prefix))
        return false;
    rest = str_skip(rest, PREFIX_BYTES);
    if (!read_hex(&rest, 16, &issued) || !read_hex(&rest, 16, &number) || !read_hex(&rest, 1, &carrier) ||
        carrier != transport || issued > (uint64_t)INT64_MAX - CANARY_LIFETIME_NS)
        return false;
    int64_t age_ns;
    if (__builtin_sub_overflow(received_ns, (int64_t)issued, &age_ns) || age_ns > CANARY_LIFETIME_NS ||
        age_ns < -CANARY_LIFETIME_NS)
        return false;
    code_of(key, str_slice(raw, 0, raw.n - 2 * CODE_BYTES), code);
    *out = (struct canary_mark){(int64_t)issued, number, transport, is_exercise};
    return is_same_code(rest, code);
}
