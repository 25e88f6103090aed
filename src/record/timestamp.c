/* Stage: record. RFC 3161 with OpenSSL's ts: a request, and what must hold of an answer. */
#include "record/timestamp.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/ts.h>
#include <time.h>

#include "base/log.h"
#include "base/memory.h"

static bool fail_ssl(struct error *err, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    error_set(err, "%s: %s", what, reason ? reason : "OpenSSL");
    ERR_clear_error();
    return false;
}

/* ------------------------------------------------------------------ request */

static bool set_imprint(TS_REQ *request, const struct record_hash *hash)
{
    TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
    X509_ALGOR *algorithm = X509_ALGOR_new();
    bool ok = imprint && algorithm &&
              X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL) &&
              TS_MSG_IMPRINT_set_algo(imprint, algorithm) &&
              TS_MSG_IMPRINT_set_msg(imprint, (unsigned char *)(uintptr_t)hash->bytes, RECORD_HASH_BYTES) &&
              TS_REQ_set_msg_imprint(request, imprint);
    X509_ALGOR_free(algorithm);
    TS_MSG_IMPRINT_free(imprint);
    return ok;
}

static bool set_nonce(TS_REQ *request, uint64_t nonce)
{
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    bool ok = number && ASN1_INTEGER_set_uint64(number, nonce) && TS_REQ_set_nonce(request, number);
    ASN1_INTEGER_free(number);
    return ok;
}

bool record_timestamp_request(const struct record_hash *hash, uint64_t nonce, struct buf *out,
                              struct error *err)
{
    TS_REQ *request = TS_REQ_new();
    unsigned char *der = NULL;
    bool ok = request && TS_REQ_set_version(request, 1) && set_imprint(request, hash) &&
              set_nonce(request, nonce) && TS_REQ_set_cert_req(request, 1);
    int n = ok ? i2d_TS_REQ(request, &der) : -1;
    if (n > 0)
        buf_bytes(out, der, (size_t)n);
    OPENSSL_free(der);
    TS_REQ_free(request);
    return n > 0 || fail_ssl(err, tr("the time stamp request could not be made",
                                     "タイムスタンプ要求を作成できません"));
}

/* ------------------------------------------------------------------- answer */

static TS_VERIFY_CTX *what_must_hold(const struct record_hash *hash, const char *ca_file, struct error *err)
{
    TS_VERIFY_CTX *context = TS_VERIFY_CTX_new();
    unsigned char *imprint = OPENSSL_malloc(RECORD_HASH_BYTES);
    X509_STORE *store = ca_file ? X509_STORE_new() : NULL;
    BUG_IF(context == NULL || imprint == NULL || (ca_file && store == NULL));
    memcpy(imprint, hash->bytes, RECORD_HASH_BYTES);
    TS_VERIFY_CTX_set_imprint(context, imprint, RECORD_HASH_BYTES); /* takes it over, the store too */
    if (store)
        TS_VERIFY_CTX_set_store(context, store);
    TS_VERIFY_CTX_set_flags(context, TS_VFY_VERSION | TS_VFY_IMPRINT | (ca_file ? TS_VFY_SIGNATURE : 0));
    if (ca_file == NULL || X509_STORE_load_locations(store, ca_file, NULL) == 1)
        return context;
    TS_VERIFY_CTX_free(context);
    fail_ssl(err, ca_file);
    return NULL;
}

static int64_t time_of(TS_RESP *response)
{
    struct tm tm;
    int64_t time_ns;
    const ASN1_GENERALIZEDTIME *time = TS_TST_INFO_get_time(TS_RESP_get_tst_info(response));
    if (time == NULL || ASN1_TIME_to_tm(time, &tm) != 1 ||
        __builtin_mul_overflow((int64_t)timegm(&tm), (int64_t)NS_PER_SECOND, &time_ns)) /* a year 9999 */
        return TIME_UNKNOWN;
    return time_ns;
}

bool record_timestamp_check(struct str response, const struct record_hash *hash, const char *ca_file,
                            struct record_timestamp *out, struct error *err)
{
    const unsigned char *at = (const unsigned char *)response.p;
    TS_RESP *r = response.n <= LONG_MAX ? d2i_TS_RESP(NULL, &at, (long)response.n) : NULL;
    *out = (struct record_timestamp){.time_ns = TIME_UNKNOWN, .is_signature_checked = ca_file != NULL};
    if (r == NULL)
        return fail_ssl(err, tr("this is no time stamp response (RFC 3161)",
                                "タイムスタンプ応答(RFC 3161)ではありません"));
    TS_VERIFY_CTX *context = what_must_hold(hash, ca_file, err);
    bool ok = context != NULL;
    if (ok && TS_RESP_verify_response(context, r) != 1)
        ok = fail_ssl(err, tr("the time stamp does not hold", "タイムスタンプが正しくありません"));
    if (ok)
        out->time_ns = time_of(r);
    if (context != NULL)
        TS_VERIFY_CTX_free(context);
    TS_RESP_free(r);
    return ok;
}

const char *record_timestamp_path(const char *data_dir, uint64_t number, struct arena *arena)
{
    return arena_printf(arena, "%s/record/checkpoint-%llu.tsr", data_dir, (unsigned long long)number).p;
}
