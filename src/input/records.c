/* The body of an HTTP request → records: lines, and so NDJSON too. Input stage: called by whoever serves
 * HTTP, leaves one batch, for the request is answered as one. */
#include "base/log.h"
#include "input/framing.h"
#include "input/internal.h"

static struct str next_line(struct str *rest)
{
    size_t end = str_find_char(*rest, '\n', 0);
    struct str line = str_slice(*rest, 0, end);
    *rest = end == STR_NOT_FOUND ? STR_EMPTY : str_skip(*rest, end + 1);
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

static void add_line(struct batch *b, struct str line, struct str source, int64_t received_ns, size_t most,
                     struct input_count *count)
{
    uint16_t flags = 0;
    if (line.n > most) {
        count->cut_bytes += line.n - most;
        line.n = most;
        flags = RECORD_CUT;
    }
    struct record *r = batch_add(b, line, source);
    r->received_ns = received_ns;
    r->transport = TRANSPORT_HTTP;
    r->flags = flags;
    input_count_record(count, line.n, flags);
}

struct batch *records_split(struct str body, struct str source_name, int64_t received_ns,
                            size_t max_message_bytes, struct input_count *count, struct error *err)
{
    struct input_count unread = {0}, *sum = count ? count : &unread;
    struct batch *b = batch_new(64);
    size_t most = max_message_bytes ? max_message_bytes : FRAMING_DEFAULT_MAX_MESSAGE;
    *sum = (struct input_count){0};
    if (err)
        err->text[0] = '\0';
    while (body.n > 0) {
        struct str line = next_line(&body);
        if (line.n == 0)
            continue;
        if (b->count == RECORDS_PER_BODY_MAX) {
            batch_free(b);
            error_set(err,
                      tr("a request holds at most %d records: send the rest in further requests",
                         "1 リクエストのレコードは %d 件までです。残りは別のリクエストで送ってください"),
                      RECORDS_PER_BODY_MAX);
            return NULL;
        }
        add_line(b, line, source_name, received_ns, most, sum);
    }
    if (b->count > 0)
        return b;
    batch_free(b);
    return NULL;
}
