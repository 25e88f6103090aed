/* Records over HTTP: a body of lines becomes one submission to the journal, answered after its fsync. */
#include "server/server.h"

#include "base/memory.h"

#define MAX_RECORD_BYTES (64u << 10)

/* Lives from the request to the journal's answer. */
struct waiting {
    struct server *server;
    struct ingest_request request;
    struct input_count count;
    int64_t received_ns;
};

static void answer(const struct ingest_request *request, const struct ingest_result *result)
{
    request->done(request->token, result);
}

static void done(void *context, const struct submission *submission, enum submission_result result,
                 uint64_t first, uint64_t last)
{
    struct waiting *w = context;
    (void)submission;
    struct ingest_result answered = {.outcome = INGEST_STOPPING};
    if (result == SUBMISSION_SAFE) {
        answered = (struct ingest_result){.outcome = INGEST_STORED,
                                          .accepted = last - first + 1,
                                          .first_sequence = first,
                                          .last_sequence = last};
        counters_add(w->server->http_counters, w->request.source, w->received_ns, &w->count);
    } else if (w->request.idempotency_key.n) {
        ledger_key_forget(w->server->ledger, w->request.source, w->request.idempotency_key);
    }
    answer(&w->request, &answered);
    memory_free(w);
}

/* True when the request was answered because its key is known. */
static bool answer_known(struct server *s, const struct ingest_request *request)
{
    uint64_t first, last;
    if (request->idempotency_key.n == 0 ||
        !ledger_key_seen(s->ledger, request->source, request->idempotency_key, &first, &last))
        return false;
    struct ingest_result result = {.outcome = INGEST_QUEUE_FULL,
                                   .retry_after_s = 1,
                                   .detail = "the first request with this key is still on its way"};
    if (last != 0)
        result = (struct ingest_result){.outcome = INGEST_DUPLICATE,
                                        .accepted = last - first + 1,
                                        .first_sequence = first,
                                        .last_sequence = last};
    answer(request, &result);
    return true;
}

static void refuse(struct server *s, const struct ingest_request *request, const struct ingest_result *result)
{
    if (request->idempotency_key.n)
        ledger_key_forget(s->ledger, request->source, request->idempotency_key);
    answer(request, result);
}

void server_ingest(struct server *s, const struct ingest_request *request)
{
    struct error err;
    struct input_count count = {0};
    int64_t now_ns = clock_wall_ns();
    if (answer_known(s, request))
        return;
    struct batch *batch =
        records_split(request->body, request->source, now_ns, MAX_RECORD_BYTES, &count, &err);
    if (batch == NULL) {
        struct ingest_result nothing = {.outcome = INGEST_REFUSED,
                                        .detail = err.text[0] ? err.text : "the body holds no record"};
        refuse(s, request, &nothing);
        return;
    }
    struct waiting *w = NEW(struct waiting);
    *w = (struct waiting){.server = s, .request = *request, .count = count, .received_ns = now_ns};
    w->request.source = arena_str(&batch->arena, request->source);
    w->request.idempotency_key = arena_str(&batch->arena, request->idempotency_key);
    struct submission *submission = submission_new(batch);
    submission->idempotency_source = w->request.source;
    submission->idempotency_key = w->request.idempotency_key;
    submission->done = done;
    submission->context = w;
    if (journal_submit(s->journal, submission))
        return;
    bool is_stuck = journal_is_stuck(s->journal, NULL);
    struct ingest_result full = {.outcome = is_stuck ? INGEST_DISK_FULL : INGEST_QUEUE_FULL};
    memory_free(w);
    batch_free(batch);
    refuse(s, request, &full);
}

static void ingest(void *ctx, const struct ingest_request *request)
{
    server_ingest(ctx, request);
}

void services_ingest(struct console_services *s)
{
    s->ingest = ingest;
}
