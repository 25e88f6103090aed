/* Fuzzes what opens and resumes a live stream: its query and Last-Event-ID; and what goes through the ring:
 * arbitrary texts must never break the framing of server-sent events. The input is "query \n id \n text". */
#include <unistd.h>

#include "base/memory.h"
#include "console/router.h"
#include "console/stream.h"

static void no_rates(void *ctx, struct console_rates *out)
{
    (void)ctx;
    memset(out, 0, sizeof *out);
}

static void *filter_new(void *ctx, struct str expression, struct console_failure *failure)
{
    (void)ctx, (void)failure;
    struct buf *copy = NEW(struct buf);
    buf_add(copy, expression);
    return copy;
}

static bool filter_match(const void *filter, const struct event *e)
{
    return str_contains(e->raw, buf_str(filter));
}

static void filter_free(void *filter)
{
    buf_free(filter);
    memory_free(filter);
}

static void ignore(void *token)
{
    (void)token;
}

static struct stream *the_stream(void)
{
    static const struct console_services SERVICES = {.rates = no_rates,
                                                     .filter_new = filter_new,
                                                     .filter_match = filter_match,
                                                     .filter_free = filter_free};
    static struct stream *stream; /* its thread is started once */
    if (!stream)
        stream = stream_new(4, &SERVICES);
    return stream;
}

static void publish(struct stream *s, struct str text)
{
    struct matched_value matched = {text, text};
    struct finding f = {.rule_id = text,
                        .title_en = text,
                        .title_ja = text,
                        .product = text,
                        .evidence_group = text,
                        .stage = text,
                        .host_name = text,
                        .host_ip = text,
                        .user = text,
                        .department = text,
                        .peer = text,
                        .matched = &matched,
                        .matched_count = 1};
    stream_publish_finding(s, &f);
    struct batch *batch = batch_new(1);
    batch_add(batch, text, STR("fuzz"));
    if (!batch->events)
        batch->events = ARENA_ARRAY(&batch->arena, struct event, 1);
    batch->events[0] = (struct event){.raw = batch->records[0].raw, .sequence = 1};
    stream_offer_events(s, batch);
    batch_free(batch);
}

/* Every line of a stream is empty or starts with one of the known field names. */
static void check_framing(struct str text)
{
    static const char *const STARTS[] = {"id: ", "event: ", "data: {", "retry: ", ": "};
    struct str line;
    while (text.n && str_split(&text, '\n', &line)) {
        bool known = line.n == 0;
        for (size_t i = 0; i < COUNT_OF(STARTS); i++)
            known |= str_starts(line, str_c(STARTS[i]));
        BUG_IF(!known);
    }
}

static void run(struct str query, struct str id, struct str text)
{
    enum stream_result result;
    struct console_failure failure = {.position = -1};
    struct stream *s = the_stream();
    struct stream_request request = {.wants_events = true,
                                     .sees_persons = query.n % 2,
                                     .filter = query,
                                     .last_event_id = id};
    struct stream_client *c = stream_subscribe(s, &request, &result, &failure);
    struct buf out = {0};
    char bytes[512];
    ssize_t n;
    BUG_IF(!c);
    stream_attach(c, ignore, ignore, NULL);
    publish(s, text);
    while ((n = stream_read(c, bytes, sizeof bytes)) > 0)
        buf_bytes(&out, bytes, (size_t)n);
    check_framing(buf_str(&out));
    buf_free(&out);
    stream_unsubscribe(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = str_n((const char *)data, size), query = STR_EMPTY, id = STR_EMPTY;
    if (size && str_split(&rest, '\n', &query) && rest.p && str_split(&rest, '\n', &id) && rest.p)
        run(query, id, rest);
    return 0;
}
