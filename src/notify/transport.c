/* Mail and HTTP, over libcurl (stage notify). Next: syslog_send.c. */
#include "notify/transport.h"

#include <curl/curl.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/secret.h"
#include "base/sha256.h"

#define CONNECT_SECONDS 10L
#define TOTAL_SECONDS   60L
#define ANSWER_MAX      (64u << 10)
#define HMAC_KEY_MAX    64

struct upload {
    struct str rest;
};

static size_t give(char *to, size_t size, size_t count, void *context)
{
    struct upload *u = context;
    size_t n = size * count < u->rest.n ? size * count : u->rest.n;
    memcpy(to, u->rest.p, n);
    u->rest = str_skip(u->rest, n);
    return n;
}

/* What is too much is passed over: the answer only tells what went wrong, or a number near its start. */
static size_t take(char *bytes, size_t size, size_t count, void *context)
{
    struct buf *answer = context;
    size_t n = size * count, room = answer->n < ANSWER_MAX ? ANSWER_MAX - answer->n : 0;
    buf_bytes(answer, bytes, n < room ? n : room);
    return n;
}

static int look_at_end(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct delivery *delivery = context;
    (void)a, (void)b, (void)c, (void)d;
    return delivery->is_over != NULL && atomic_load(delivery->is_over);
}

static CURL *prepare(struct delivery *d, const char *url, struct error *err)
{
    CURL *curl = curl_easy_init();
    d->is_permanent = false;
    d->status = 0;
    if (curl == NULL) {
        error_set(err, "%s",
                  tr("the client for mail and HTTP cannot start",
                     "メール・HTTP のクライアントを開始できません"));
        return NULL;
    }
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, TOTAL_SECONDS);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look_at_end);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, d);
    if (d->channel->ca_file != NULL)
        curl_easy_setopt(curl, CURLOPT_CAINFO, d->channel->ca_file);
    return curl;
}

/* The path of a web hook can itself be the secret. */
static bool explain(const struct delivery *d, const char *url, CURLcode code, struct error *err)
{
    struct arena arena;
    arena_init(&arena, 512);
    const char *shown = url_origin(str_c(url), &arena).p;
    if (code == CURLE_OK)
        error_set(err, tr("%s answered %ld", "%s の応答は %ld です"), shown, d->status);
    else if (d->status)
        error_set(err, tr("%s: %s (it answered %ld)", "%s: %s(応答 %ld)"), shown, curl_easy_strerror(code),
                  d->status);
    else
        error_set(err, "%s: %s", shown, curl_easy_strerror(code));
    arena_free(&arena);
    return false;
}

bool transport_mail(struct delivery *d, struct str recipient, struct str message, struct error *err)
{
    const struct channel *c = d->channel;
    struct upload upload = {message};
    struct buf from = {0}, to = {0};
    CURL *curl = prepare(d, c->url, err);
    if (curl == NULL)
        return false;
    struct str sender = mail_address(c->from);
    buf_printf(&from, "<%.*s>", STR_ARGS(sender));
    buf_printf(&to, "<%.*s>", STR_ARGS(recipient));
    struct curl_slist *recipients = curl_slist_append(NULL, buf_cstr(&to));
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_USE_SSL, c->is_plain ? (long)CURLUSESSL_NONE : (long)CURLUSESSL_ALL);
    if (c->user != NULL) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, c->user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, c->secret);
    }
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, buf_cstr(&from));
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, recipients);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(curl, CURLOPT_READDATA, &upload);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &d->status);
    curl_slist_free_all(recipients);
    curl_easy_cleanup(curl);
    buf_free(&from);
    buf_free(&to);
    /* 550 and the like: nobody by that name. A refused log-in is the operator's to mend, so it is tried
     * again. */
    d->is_permanent = code == CURLE_SEND_ERROR && d->status >= 550 && d->status <= 554;
    return code == CURLE_OK || explain(d, c->url, code, err);
}

static bool is_permanent(long status)
{
    static const long passing[] = {401, 403, 408, 425, 429};
    for (size_t i = 0; i < COUNT_OF(passing); i++)
        if (status == passing[i])
            return false;
    return status >= 400 && status < 500;
}

bool transport_post(struct delivery *d, const char *url, const char *const *headers, struct str json,
                    struct buf *answer, struct error *err)
{
    CURL *curl = prepare(d, url, err);
    if (curl == NULL)
        return false;
    struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/json");
    for (; *headers != NULL; headers++)
        list = curl_slist_append(list, *headers);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, d->channel->is_plain ? "http,https" : "https");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)json.n);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, json.p);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "hyakuyo");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &d->status);
    curl_slist_free_all(list);
    curl_easy_cleanup(curl);
    if (code != CURLE_OK)
        return explain(d, url, code, err);
    if (d->status / 100 == 2)
        return true;
    d->is_permanent = is_permanent(d->status);
    return explain(d, url, code, err);
}

void transport_sign(const char *secret, int64_t unix_seconds, struct str body, struct buf *out)
{
    unsigned char code[SHA256_BYTES], short_key[SHA256_BYTES];
    struct str key = str_c(secret);
    struct buf message = {0};
    if (key.n > HMAC_KEY_MAX) { /* RFC 2104: longer keys are hashed first */
        struct sha256 *h = sha256_new();
        sha256_add(h, key);
        sha256_end(h, short_key);
        key = str_n((const char *)short_key, sizeof short_key);
    }
    buf_printf(&message, "%lld.", (long long)unix_seconds);
    buf_add(&message, body);
    hmac_sha256(key, buf_str(&message), code);
    buf_c(out, "sha256=");
    for (size_t i = 0; i < sizeof code; i++)
        buf_printf(out, "%02x", code[i]);
    buf_free(&message);
}
