/* The journal's reader: any bytes as a segment. To get past the checksums, inputs whose first byte is odd
 * have the checksums of the frame at the start put right before reading. Checked: sizes add up, decoding
 * stays inside. */
#include <xxhash.h>

#include "base/memory.h"
#include "journal/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void repair(char *p, size_t n)
{
    struct journal_frame_header h;
    if (n < sizeof h)
        return;
    memcpy(&h, p, sizeof h);
    h.magic = JOURNAL_FRAME_MAGIC;
    h.version = JOURNAL_VERSION;
    h.header_bytes = sizeof h;
    h.payload_bytes = n - sizeof h;
    h.record_count %= 64;
    h.cursor_bytes %= 64;
    h.key_bytes %= 64;
    h.key_source_bytes %= 64;
    h.payload_checksum = XXH3_64bits_withSeed(p + sizeof h, n - sizeof h, h.seed);
    h.header_checksum =
        XXH3_64bits_withSeed(&h, offsetof(struct journal_frame_header, header_checksum), h.seed);
    memcpy(p, &h, sizeof h);
}

static void check(const struct frame *f, size_t n)
{
    BUG_IF(f->total_bytes > n || f->record_count == 0);
    BUG_IF(f->last_sequence - f->first_sequence + 1 != f->record_count);
    struct batch *b = frame_decode(f, f->first_sequence);
    if (b) {
        BUG_IF(b->count != f->record_count - 1 || b->last_sequence != f->last_sequence);
        batch_free(b);
    }
    batch_free(frame_decode(f, 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t n = size - 1, at;
    uint64_t seed;
    char *copy = memory_alloc(n + 1);
    memcpy(copy, data + 1, n);
    if (data[0] & 1)
        repair(copy, n);
    struct str bytes = str_n(copy, n);
    (void)segment_read(bytes, &seed, &at);
    BUG_IF(at > n);
    while (at < n) {
        struct frame f;
        if (frame_read(str_skip(bytes, at), seed, &f) == FRAME_WHOLE)
            check(&f, n - at);
        at = frame_find(bytes, at + 1, seed);
    }
    memory_free(copy);
    return 0;
}
