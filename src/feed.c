/* Lines of a file → batches. */
#include "feed.h"

#include "base/file.h"
#include "base/memory.h"

struct feed {
    struct line_reader *reader;
    struct str path;
    uint64_t line;
    bool is_over;
};

struct feed *feed_open(const char *path, struct error *err)
{
    struct line_reader *reader = line_reader_open(path, FEED_RECORD_BYTES, err);
    if (reader == NULL)
        return NULL;
    struct feed *f = NEW(struct feed);
    *f = (struct feed){.reader = reader, .path = str_c(path)};
    return f;
}

void feed_close(struct feed *f)
{
    if (f == NULL)
        return;
    line_reader_close(f->reader);
    memory_free(f);
}

uint64_t feed_lines(const struct feed *f)
{
    return f->line;
}

/* 1 = a record, 0 = end, −1 = error. */
static int read_record(struct feed *f, struct batch *b, int64_t received_ns, struct error *err)
{
    struct str line;
    bool was_cut = false;
    int status = line_reader_next(f->reader, &line, &was_cut, err);
    if (status <= 0)
        return status;
    f->line++;
    if (line.n == 0)
        return 1;
    struct record *record = batch_add(b, line, f->path);
    record->sequence = f->line;
    record->received_ns = received_ns;
    record->transport = TRANSPORT_FILE_SCAN;
    record->flags = was_cut ? RECORD_CUT : 0;
    return 1;
}

struct batch *feed_next(struct feed *f, int64_t received_ns, struct error *err)
{
    err->text[0] = 0;
    if (f->is_over)
        return NULL;
    struct batch *b = batch_new(FEED_BATCH_RECORDS);
    int status = 1;
    while (status > 0 && b->count < FEED_BATCH_RECORDS)
        status = read_record(f, b, received_ns, err);
    f->is_over = status <= 0;
    if (status < 0 || b->count == 0) {
        batch_free(b);
        return NULL;
    }
    b->first_sequence = b->records[0].sequence;
    b->last_sequence = b->records[b->count - 1].sequence;
    return b;
}
