/* Frames: submissions to bytes and back. Journal stage, the pure part: reads and leaves memory only, so it is
 * what the fuzzer drives. Next: segment.c puts frames into files, recover.c reads them again. */
#include "journal/frame.h"

#include <xxhash.h>

#include "base/memory.h"

#define HEADER_CHECKED offsetof(struct journal_frame_header, header_checksum)

static size_t sender_bytes(struct str sender)
{
    return sender.n < JOURNAL_SAME_SENDER ? sender.n : JOURNAL_SAME_SENDER - 1;
}

/* Batches of one connection share one copy of the sender; comparing the pointer first makes that free. */
static bool same_sender(struct str a, struct str b)
{
    return a.n == b.n && (a.p == b.p || str_eq(a, b));
}

size_t frame_bytes(const struct submission *s)
{
    const struct batch *b = s->batch;
    size_t bytes =
        sizeof(struct journal_frame_header) + s->cursor.n + s->idempotency_key.n + s->idempotency_source.n;
    struct str sender = STR_EMPTY;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct record *r = &b->records[i];
        bytes += sizeof(struct journal_record_header) + r->raw.n;
        if (!same_sender(r->sender, sender))
            bytes += sender_bytes(r->sender);
        sender = r->sender;
    }
    return bytes;
}

static char *put(char *to, struct str s)
{
    if (s.n > 0)
        memcpy(to, s.p, s.n);
    return to + s.n;
}

static char *put_record(char *to, const struct record *r, struct str sender_before)
{
    struct journal_record_header h = {
        .raw_bytes = (uint32_t)r->raw.n,
        .source = r->source,
        .received_ns = r->received_ns,
        .flags = r->flags,
        .transport = r->transport,
        .sender_bytes = JOURNAL_SAME_SENDER,
    };
    bool repeats = same_sender(r->sender, sender_before);
    if (!repeats)
        h.sender_bytes = (uint16_t)sender_bytes(r->sender);
    memcpy(to, &h, sizeof h);
    to += sizeof h;
    if (!repeats)
        to = put(to, (struct str){r->sender.p, h.sender_bytes});
    return put(to, r->raw);
}

void frame_encode(char *to, const struct submission *s, uint64_t seed, int64_t now_ns)
{
    const struct batch *b = s->batch;
    char *payload = to + sizeof(struct journal_frame_header), *at = payload;
    struct str sender = STR_EMPTY;
    for (uint32_t i = 0; i < b->count; i++) {
        at = put_record(at, &b->records[i], sender);
        sender = b->records[i].sender;
    }
    at = put(put(put(at, s->cursor), s->idempotency_source), s->idempotency_key);
    struct journal_frame_header h = {
        .magic = JOURNAL_FRAME_MAGIC,
        .version = JOURNAL_VERSION,
        .header_bytes = sizeof h,
        .record_count = b->count,
        .seed = seed,
        .first_sequence = b->first_sequence,
        .written_ns = now_ns,
        .payload_bytes = (uint64_t)(at - payload),
        .cursor_bytes = (uint32_t)s->cursor.n,
        .key_source_bytes = (uint32_t)s->idempotency_source.n,
        .key_bytes = (uint32_t)s->idempotency_key.n,
        .payload_checksum = XXH3_64bits_withSeed(payload, (size_t)(at - payload), seed),
    };
    h.header_checksum = XXH3_64bits_withSeed(&h, HEADER_CHECKED, seed);
    memcpy(to, &h, sizeof h);
}

void segment_header_encode(char to[sizeof(struct journal_segment_header)], uint64_t seed,
                           uint64_t first_sequence, int64_t now_ns)
{
    struct journal_segment_header h = {
        .magic = JOURNAL_SEGMENT_MAGIC,
        .version = JOURNAL_VERSION,
        .header_bytes = sizeof h,
        .seed = seed,
        .first_sequence = first_sequence,
        .created_ns = now_ns,
    };
    h.checksum = XXH3_64bits(&h, offsetof(struct journal_segment_header, checksum));
    memcpy(to, &h, sizeof h);
}

/* Sizes that a verified header may still have wrong only through a writer's bug; checked all the same. */
static bool header_adds_up(const struct journal_frame_header *h)
{
    uint64_t rest = (uint64_t)h->cursor_bytes + h->key_source_bytes + h->key_bytes;
    return h->header_bytes >= sizeof *h && h->record_count > 0 &&
           h->payload_bytes <= JOURNAL_FRAME_MAX_BYTES && rest <= h->payload_bytes && h->first_sequence > 0 &&
           h->first_sequence <= UINT64_MAX - h->record_count;
}

static void frame_slice(struct frame *out, const struct journal_frame_header *h, const char *payload)
{
    size_t tail = (size_t)h->cursor_bytes + h->key_source_bytes + h->key_bytes;
    const char *p = payload + (h->payload_bytes - tail);
    out->records = str_n(payload, h->payload_bytes - tail);
    out->cursor = str_n(p, h->cursor_bytes);
    out->key_source = str_n(p + h->cursor_bytes, h->key_source_bytes);
    out->key = str_n(p + h->cursor_bytes + h->key_source_bytes, h->key_bytes);
}

enum frame_state frame_read(struct str bytes, uint64_t seed, struct frame *out)
{
    struct journal_frame_header h;
    if (bytes.n < sizeof h)
        return FRAME_BAD_HEADER;
    memcpy(&h, bytes.p, sizeof h);
    if (h.magic != JOURNAL_FRAME_MAGIC || h.seed != seed ||
        h.header_checksum != XXH3_64bits_withSeed(&h, HEADER_CHECKED, seed))
        return FRAME_BAD_HEADER;
    *out = (struct frame){.first_sequence = h.first_sequence};
    if (h.version > JOURNAL_VERSION)
        return FRAME_TOO_NEW;
    if (!header_adds_up(&h))
        return FRAME_BAD_HEADER;
    out->last_sequence = h.first_sequence + h.record_count - 1;
    out->record_count = h.record_count;
    out->total_bytes = h.header_bytes + h.payload_bytes;
    if (out->total_bytes > bytes.n)
        return FRAME_INCOMPLETE;
    const char *payload = bytes.p + h.header_bytes;
    if (h.payload_checksum != XXH3_64bits_withSeed(payload, h.payload_bytes, seed))
        return FRAME_BAD_PAYLOAD;
    frame_slice(out, &h, payload);
    return FRAME_WHOLE;
}

struct record_reader {
    struct str rest;
    struct str sender; /* of the record before, for JOURNAL_SAME_SENDER */
};

static bool next_record(struct record_reader *reader, struct journal_record_header *h, struct str *raw)
{
    if (reader->rest.n < sizeof *h)
        return false;
    memcpy(h, reader->rest.p, sizeof *h);
    reader->rest = str_skip(reader->rest, sizeof *h);
    bool is_same = h->sender_bytes == JOURNAL_SAME_SENDER;
    size_t sender = is_same ? 0 : h->sender_bytes;
    if (reader->rest.n < sender || reader->rest.n - sender < h->raw_bytes)
        return false;
    if (!is_same)
        reader->sender = str_n(reader->rest.p, sender);
    *raw = str_n(reader->rest.p + sender, h->raw_bytes);
    reader->rest = str_skip(reader->rest, sender + h->raw_bytes);
    return true;
}

static void add_record(struct batch *b, const struct journal_record_header *h, struct str raw,
                       struct str sender, uint64_t sequence)
{
    struct record *r = batch_add(b, raw, sender);
    r->sequence = sequence;
    r->received_ns = h->received_ns;
    r->source = h->source;
    r->flags = h->flags;
    r->transport = h->transport;
}

struct batch *frame_decode(const struct frame *f, uint64_t after_sequence)
{
    struct record_reader reader = {.rest = f->records, .sender = STR_EMPTY};
    /* the count is never trusted further than the bytes could hold */
    if (f->record_count > f->records.n / sizeof(struct journal_record_header))
        return NULL;
    struct batch *b = batch_new(f->record_count);
    for (uint64_t sequence = f->first_sequence; sequence <= f->last_sequence; sequence++) {
        struct journal_record_header h;
        struct str raw;
        if (!next_record(&reader, &h, &raw)) {
            batch_free(b);
            return NULL;
        }
        if (sequence > after_sequence)
            add_record(b, &h, raw, reader.sender, sequence);
    }
    if (b->count == 0 || reader.rest.n != 0) {
        batch_free(b);
        return NULL;
    }
    b->first_sequence = b->records[0].sequence;
    b->last_sequence = f->last_sequence;
    return b;
}

static size_t find_magic(struct str bytes, size_t from)
{
    static const uint64_t magic = JOURNAL_FRAME_MAGIC;
    return str_find(bytes, str_n((const char *)&magic, sizeof magic), from);
}

size_t frame_find(struct str bytes, size_t from, uint64_t seed)
{
    size_t at = from;
    while (at < bytes.n && (at = find_magic(bytes, at)) != STR_NOT_FOUND) {
        struct frame f;
        if (frame_read(str_skip(bytes, at), seed, &f) == FRAME_WHOLE)
            return at;
        at++;
    }
    return bytes.n;
}

/* The header is damaged: any frame that verifies under the seed it names itself tells the segment's seed. The
 * first one wins; a frame forged inside a record lies behind the real first frame. */
static enum segment_state segment_guess(struct str bytes, uint64_t *seed, size_t *frames_at)
{
    size_t at = 0;
    while (at < bytes.n && (at = find_magic(bytes, at)) != STR_NOT_FOUND) {
        struct journal_frame_header h;
        struct frame f;
        if (bytes.n - at < sizeof h)
            break;
        memcpy(&h, bytes.p + at, sizeof h);
        if (frame_read(str_skip(bytes, at), h.seed, &f) == FRAME_WHOLE) {
            *seed = h.seed;
            *frames_at = at;
            return SEGMENT_DAMAGED;
        }
        at++;
    }
    *seed = 0;
    *frames_at = bytes.n;
    return SEGMENT_DAMAGED;
}

enum segment_state segment_read(struct str bytes, uint64_t *seed, size_t *frames_at)
{
    struct journal_segment_header h = {0};
    if (bytes.n >= sizeof h)
        memcpy(&h, bytes.p, sizeof h);
    if (h.magic != JOURNAL_SEGMENT_MAGIC ||
        h.checksum != XXH3_64bits(&h, offsetof(struct journal_segment_header, checksum)))
        return segment_guess(bytes, seed, frames_at);
    *seed = h.seed;
    *frames_at = h.header_bytes < bytes.n ? h.header_bytes : bytes.n;
    if (h.version > JOURNAL_VERSION)
        return SEGMENT_TOO_NEW;
    return h.header_bytes < sizeof h ? segment_guess(bytes, seed, frames_at) : SEGMENT_GOOD;
}
