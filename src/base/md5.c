/* MD5 through OpenSSL. */
#include "base/md5.h"

#include <openssl/evp.h>

#include "base/log.h"

#define BLOCK_BYTES 64

bool md5_of(const struct str *parts, size_t count, unsigned char out[MD5_BYTES], struct error *err)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context != NULL && EVP_DigestInit_ex(context, EVP_md5(), NULL) == 1;
    for (size_t i = 0; ok && i < count; i++)
        ok = EVP_DigestUpdate(context, parts[i].p, parts[i].n) == 1;
    ok = ok && EVP_DigestFinal_ex(context, out, NULL) == 1;
    EVP_MD_CTX_free(context);
    return ok || error_set(err, "%s",
                           tr("this machine does not allow MD5, which RADIUS needs",
                              "この機械では RADIUS に必要な MD5 が許可されていません"));
}

static bool keyed(const char *block, struct str rest, unsigned char *out, struct error *err)
{
    const struct str parts[] = {str_n(block, BLOCK_BYTES), rest};
    return md5_of(parts, 2, out, err);
}

bool hmac_md5(struct str key, struct str message, unsigned char out[MD5_BYTES], struct error *err)
{
    unsigned char short_key[MD5_BYTES] = {0}, inner[MD5_BYTES];
    char inside[BLOCK_BYTES], outside[BLOCK_BYTES];
    if (key.n > BLOCK_BYTES) {
        if (!md5_of(&key, 1, short_key, err))
            return false;
        key = str_n((const char *)short_key, sizeof short_key);
    }
    memset(inside, 0x36, sizeof inside);
    memset(outside, 0x5c, sizeof outside);
    for (size_t i = 0; i < key.n; i++) {
        inside[i] = (char)((unsigned char)key.p[i] ^ 0x36);
        outside[i] = (char)((unsigned char)key.p[i] ^ 0x5c);
    }
    return keyed(inside, message, inner, err) &&
           keyed(outside, str_n((const char *)inner, sizeof inner), out, err);
}
