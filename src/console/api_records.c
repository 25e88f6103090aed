/* POST /api/v1/records/{source}: plain lines in, an answer when they are on disk. Stage: console. The request
 * stays suspended between the service taking it and its `done`. Next: services.h, ingest(). */
#include "base/json.h"
#include "console/console_internal.h"
#include "console/router.h"

#define SOURCE_BYTES_MAX 128
#define KEY_BYTES_MAX    256

static bool is_source_name(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = ascii_lower(name.p[i]);
        if (!(ascii_is_digit(c) || (c >= 'a' && c <= 'z') || memchr("._:-", c, 4)))
            return false;
    }
    return name.n > 0 && name.n <= SOURCE_BYTES_MAX;
}

static bool is_key(struct str key)
{
    for (size_t i = 0; i < key.n; i++)
        if (key.p[i] < 0x21 || key.p[i] > 0x7e)
            return false;
    return key.n <= KEY_BYTES_MAX;
}

static bool check(struct request *r, struct str key)
{
    if (!is_source_name(r->path_values[0]))
        reply_problem(r, PROBLEM_PARAMETER, STR("Source names have 1 to 128 letters, digits or . _ : -"),
                      STR("送信元の名前は英数字と . _ : - の1〜128文字です。"));
    else if (!is_key(key))
        reply_problem(r, PROBLEM_PARAMETER, STR("Idempotency-Key has at most 256 visible ASCII characters."),
                      STR("Idempotency-Key は表示可能なASCII文字256文字までです。"));
    return r->reply.status == 0;
}

static void write_result(struct request *r, const struct ingest_result *result)
{
    struct json_writer w = {.out = reply_json(r, 200)};
    json_begin_object(&w);
    json_key(&w, "accepted");
    json_put_u64(&w, result->accepted);
    if (result->outcome == INGEST_DUPLICATE) {
        json_key(&w, "duplicate");
        json_put_bool(&w, true);
    }
    json_key(&w, "first_sequence");
    result->accepted ? json_put_u64(&w, result->first_sequence) : json_put_null(&w);
    json_key(&w, "last_sequence");
    result->accepted ? json_put_u64(&w, result->last_sequence) : json_put_null(&w);
    json_end_object(&w);
}

static void refuse(struct request *r, const struct ingest_result *result)
{
    static const struct {
        enum problem problem;
        const char *en, *ja;
    } WORDS[] = {
        [INGEST_QUEUE_FULL] = {PROBLEM_UNAVAILABLE, "The queue is full; nothing of this request was taken.",
                               "キューが満杯のため、このリクエストは受け取っていません。"},
        [INGEST_DISK_FULL] = {PROBLEM_DISK_FULL, "The disk is full; nothing of this request was taken.",
                              "ディスクの空きがないため、このリクエストは受け取っていません。"},
        [INGEST_STOPPING] = {PROBLEM_UNAVAILABLE,
                             "The server is shutting down; nothing of this request was taken.",
                             "サーバーを停止しているため、このリクエストは受け取っていません。"},
        [INGEST_REFUSED] = {PROBLEM_BODY, "The body cannot be taken as records.",
                            "本文をレコードとして受け取れません。"},
    };
    struct str en = str_c(result->detail ? result->detail : WORDS[result->outcome].en);
    struct str ja = str_c(WORDS[result->outcome].ja);
    if (result->outcome == INGEST_REFUSED)
        reply_problem(r, PROBLEM_BODY, en, ja);
    else
        reply_problem_retry(r, WORDS[result->outcome].problem, result->retry_after_s, en, ja);
}

/* Any thread. The request is the event loop's again after finish(). */
static void ingest_done(void *token, const struct ingest_result *result)
{
    struct request *r = token;
    if (result->outcome == INGEST_STORED || result->outcome == INGEST_DUPLICATE)
        write_result(r, result);
    else
        refuse(r, result);
    r->finish(r);
}

static void post_records(struct request *r)
{
    struct str key = request_header(r, "Idempotency-Key");
    if (!check(r, key)) {
        r->finish(r);
        return;
    }
    struct ingest_request request = {.source = r->path_values[0],
                                     .body = buf_str(&r->body),
                                     .idempotency_key = key,
                                     .sender = str_c(r->address),
                                     .done = ingest_done,
                                     .token = r};
    if (request.body.n == 0)
        ingest_done(r, &(struct ingest_result){.outcome = INGEST_STORED});
    else
        r->services->ingest(r->services->ctx, &request);
}

static const struct route ROUTES[] = {
    {METHOD_POST, "/api/v1/records/{source}", post_records, RUN_ASYNC, MAY_INGEST, ROUTE_INGEST, NULL, NULL,
     NULL},
};
const struct route_table record_routes = {ROUTES, COUNT_OF(ROUTES)};
