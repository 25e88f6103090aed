/* Files at rest → batches. documents.c cuts JSON and XML; event logs go by chunks, which are decoded by
 * whoever works on the block (scan: all cores). */
#include "replay/feed.h"

#include "base/file.h"
#include "base/line_reader.h"
#include "base/memory.h"
#include "input/documents.h"

#define CHUNK_RECORDS_MAX (EVTX_CHUNK_BYTES / 28) /* a record has at least 28 bytes */

struct feed {
    struct unpack *unpack;
    struct str path, member;
    struct line_reader *reader; /* of the current member; NULL between members */
    bool is_event_log, is_ordered, is_over;
    struct documents documents;
    struct evtx_reader *evtx; /* of feed_next() */
    struct error pending;     /* belongs behind the block that came last; "" = none */
    uint32_t member_number;
    uint64_t line; /* of the member, or its records where they are no lines */
    uint64_t sequence;
    uint64_t skipped_bytes;
    int64_t written_ns; /* the file, last; INT64_MAX = unknown */
};

struct feed *feed_open(const char *path, struct error *err)
{
    struct unpack *unpack = unpack_open(path, err);
    if (unpack == NULL)
        return NULL;
    struct feed *f = NEW(struct feed);
    *f = (struct feed){.unpack = unpack,
                       .path = str_c(path),
                       .member = STR_EMPTY,
                       .written_ns = file_modified_ns(path)};
    return f;
}

static void close_member(struct feed *f)
{
    f->skipped_bytes += f->documents.skipped_bytes;
    documents_free(&f->documents);
    line_reader_close(f->reader);
    f->reader = NULL;
}

void feed_close(struct feed *f)
{
    if (f == NULL)
        return;
    close_member(f);
    evtx_reader_free(f->evtx);
    unpack_close(f->unpack);
    memory_free(f);
}

uint64_t feed_records(const struct feed *f)
{
    return f->sequence;
}

uint64_t feed_position(const struct feed *f)
{
    return unpack_position(f->unpack);
}

uint64_t feed_skipped_bytes(const struct feed *f)
{
    return f->skipped_bytes + f->documents.skipped_bytes;
}

bool feed_is_lines(const char *path)
{
    struct error err;
    struct str name;
    bool is_lines = true;
    struct unpack *unpack = strcmp(path, "-") != 0 ? unpack_open(path, &err) : NULL;
    if (unpack != NULL && unpack_is_archive(unpack)) {
        is_lines = false;
    } else if (unpack != NULL && unpack_next(unpack, &name, &err) > 0) {
        struct line_reader *r = line_reader_on(unpack, FEED_RECORD_BYTES, &err);
        struct str start = r ? line_reader_peek(r) : STR_EMPTY;
        is_lines = evtx_recognise(start) == STR_NOT_FOUND && documents_recognise(start) == DOCUMENTS_NONE;
        line_reader_close(r);
    }
    unpack_close(unpack);
    return is_lines;
}

/* Members -------- */

/* Goes over `n` bytes that hold no records. */
static bool pass_over(struct line_reader *r, size_t n, struct error *err)
{
    struct str piece;
    int status = 1;
    while (n && (status = line_reader_piece(r, &piece, err)) > 0) {
        size_t part = piece.n < n ? piece.n : n;
        line_reader_skip(r, part);
        n -= part;
    }
    return status >= 0;
}

static int open_member(struct feed *f, struct error *err)
{
    int status = unpack_next(f->unpack, &f->member, err);
    if (status <= 0)
        return status;
    f->reader = line_reader_on(f->unpack, FEED_RECORD_BYTES, err);
    if (f->reader == NULL)
        return -1;
    struct str start = line_reader_peek(f->reader);
    size_t first_chunk = evtx_recognise(start);
    f->line = 0;
    f->member_number++;
    f->is_ordered = false;
    f->is_event_log = first_chunk != STR_NOT_FOUND;
    f->documents = (struct documents){.kind = f->is_event_log ? DOCUMENTS_NONE : documents_recognise(start),
                                      .max_bytes = FEED_RECORD_BYTES};
    return !f->is_event_log || pass_over(f->reader, first_chunk, err) ? 1 : -1;
}

/* Blocks -------- */

static struct feed_block *new_block(const struct feed *f, int64_t received_ns)
{
    struct feed_block *block = NEW(struct feed_block);
    block->batch = batch_new(f->is_event_log ? 256 : FEED_BATCH_RECORDS);
    block->batch->first_sequence = f->sequence + 1;
    block->path = f->path;
    block->member_number = f->member_number;
    block->received_ns = received_ns;
    block->written_ns = f->written_ns;
    block->member = arena_str(&block->batch->arena, f->member);
    return block;
}

void feed_block_free(struct feed_block *block)
{
    if (block == NULL)
        return;
    if (block->batch != NULL)
        batch_free(block->batch);
    memory_free(block->record_numbers);
    memory_free(block);
}

static void add_number(struct feed_block *block, uint64_t number)
{
    uint32_t n = block->batch->count;
    if ((n & (n - 1)) == 0) /* room doubles at each power of two */
        block->record_numbers =
            memory_resize_array(block->record_numbers, n ? 2 * (size_t)n : 1, sizeof *block->record_numbers);
    block->record_numbers[n] = number;
}

static void add_record(struct feed_block *block, struct str raw, uint64_t number, bool was_cut)
{
    add_number(block, number);
    struct record *record = batch_add(block->batch, raw, block->path);
    record->sequence = block->batch->first_sequence + block->batch->count - 1;
    record->received_ns = block->received_ns;
    record->transport = TRANSPORT_FILE_SCAN;
    record->flags = record_age_flags(block->received_ns, block->written_ns);
    record->flags |= was_cut ? RECORD_CUT : 0;
    block->cut_records += was_cut;
}

/* 1 = a record or an empty line, 0 = end, −1 = error. */
static int read_record(struct feed *f, struct feed_block *block, struct error *err)
{
    struct str raw;
    uint64_t number = f->line + 1;
    bool was_cut = false;
    int status = f->documents.kind != DOCUMENTS_NONE
                     ? documents_next(&f->documents, f->reader, &raw, &number, &was_cut, err)
                     : line_reader_next(f->reader, &raw, &was_cut, err);
    if (status <= 0)
        return status;
    f->line++;
    if (raw.n == 0)
        return 1;
    f->is_ordered = f->is_ordered || raw.p[0] == '#';
    add_record(block, raw, number, was_cut);
    return 1;
}

static int read_records(struct feed *f, struct feed_block *block, struct error *err)
{
    int status = 1;
    while (status > 0 && block->batch->count < FEED_BATCH_RECORDS && block->batch->bytes < FEED_BATCH_BYTES)
        status = read_record(f, block, err);
    block->is_ordered = f->is_ordered;
    return status;
}

/* One chunk of an event log, or what there is of the last one. */
static int read_chunk(struct feed *f, struct feed_block *block, struct error *err)
{
    char *to = arena_alloc(&block->batch->arena, EVTX_CHUNK_BYTES);
    struct str piece;
    size_t n = 0;
    int status = 1;
    while (n < EVTX_CHUNK_BYTES && (status = line_reader_piece(f->reader, &piece, err)) > 0) {
        size_t part = piece.n < EVTX_CHUNK_BYTES - n ? piece.n : EVTX_CHUNK_BYTES - n;
        memcpy(to + n, piece.p, part);
        line_reader_skip(f->reader, part);
        n += part;
    }
    block->chunk = str_n(to, n);
    return status;
}

void feed_decode(struct feed_block *block, struct evtx_reader *reader)
{
    struct evtx_record record;
    struct batch *b = block->batch;
    if (block->chunk.n == 0)
        return;
    evtx_begin(reader, block->chunk, &block->event_log);
    while (evtx_next(reader, &record))
        add_record(block, record.xml, record.id, record.is_damaged);
    block->chunk = STR_EMPTY;
    b->last_sequence = b->first_sequence + b->count - 1;
}

static bool is_empty(const struct feed_block *block)
{
    return block->batch->count == 0 && block->chunk.n == 0;
}

static int take_pending(struct feed *f, struct error *err)
{
    *err = f->pending;
    f->pending.text[0] = 0;
    return -1;
}

/* A chunk that is still to be decoded gets room for all the records that it may have. */
static void finish_block(struct feed *f, struct feed_block *block)
{
    f->sequence += block->chunk.n ? CHUNK_RECORDS_MAX : block->batch->count;
    block->batch->last_sequence = f->sequence;
}

int feed_next_block(struct feed *f, int64_t received_ns, struct feed_block **block, struct error *err)
{
    *block = NULL;
    if (f->pending.text[0])
        return take_pending(f, err);
    while (!f->is_over) {
        int status = f->reader == NULL ? open_member(f, err) : 1;
        if (status <= 0) {
            close_member(f);
            f->is_over = status == 0 || !unpack_is_archive(f->unpack);
            return status;
        }
        struct feed_block *b = new_block(f, received_ns);
        status = f->is_event_log ? read_chunk(f, b, &f->pending) : read_records(f, b, &f->pending);
        if (status <= 0) {
            close_member(f);
            f->is_over = status < 0 && !unpack_is_archive(f->unpack);
        }
        if (!is_empty(b)) {
            finish_block(f, b);
            *block = b;
            return 1;
        }
        feed_block_free(b);
        if (status < 0)
            return take_pending(f, err);
    }
    return 0;
}

uint64_t feed_record_number(const struct feed_block *block, uint64_t sequence)
{
    return block->record_numbers[sequence - block->batch->first_sequence];
}

/* Where records are lines people look for sequence numbers as line numbers. */
static void number_by_line(const struct feed *f, struct feed_block *block)
{
    struct batch *b = block->batch;
    if (f->is_event_log || f->documents.kind != DOCUMENTS_NONE || unpack_is_archive(f->unpack))
        return;
    for (uint32_t i = 0; i < b->count; i++)
        b->records[i].sequence = block->record_numbers[i];
    b->first_sequence = b->records[0].sequence;
    b->last_sequence = b->records[b->count - 1].sequence;
}

/* For one thread: sequence numbers without the gaps that undecoded chunks leave. */
struct batch *feed_next(struct feed *f, int64_t received_ns, struct error *err)
{
    struct feed_block *block;
    err->text[0] = 0;
    while (feed_next_block(f, received_ns, &block, err) > 0) {
        if (f->evtx == NULL && block->chunk.n)
            f->evtx = evtx_reader_new();
        feed_decode(block, f->evtx);
        struct batch *batch = block->batch;
        f->sequence = batch->last_sequence;
        if (batch->count) {
            number_by_line(f, block);
            block->batch = NULL;
            feed_block_free(block);
            return batch;
        }
        feed_block_free(block);
    }
    return NULL;
}
