/* The journal on disk. This header is the format; journal/frame.c is the only reader and writer of it.
 *
 *   journal/00000000000000000001.journal      20 digits: sequence number of the first record in it
 *
 *   segment  ┌────────────────┬─────────┬─────────┬────
 *            │ segment header │ frame   │ frame   │ …      no padding, no alignment
 *            └────────────────┴─────────┴─────────┴────
 *   frame    ┌──────────────┬────────────────────────────────────────────────────────────┐
 *            │ frame header │ payload: record … record │ cursor │ key source │ key       │
 *            └──────────────┴────────────────────────────────────────────────────────────┘
 *   record   ┌───────────────┬────────┬─────┐
 *            │ record header │ sender │ raw │      JOURNAL_SAME_SENDER: as in the record before
 *            └───────────────┴────────┴─────┘
 *
 * All numbers are little-endian. A frame is one submission: it is there whole or not at all. Its records
 * carry the sequence numbers first_sequence, first_sequence + 1, …; sequence numbers start at 1, are never
 * used twice for different records once acknowledged, and grow from frame to frame and from segment to
 * segment.
 *
 * `seed` is random for each segment, stands in every frame and seeds every checksum. A sender therefore
 * cannot forge a frame inside the text of a record, and bytes left over from another segment are never taken
 * for frames of this one. When the segment header itself is damaged, the seed is taken from the first frame
 * that verifies under its own.
 *
 * Promise: a program that knows version N reads every version up to N. Fields are only added behind the ones
 * that are here, by growing header_bytes, which a reader of the same version skips; anything else is a new
 * version, and an older program refuses it with a sentence. Reserved fields are written as zero and ignored.
 */
#ifndef JOURNAL_FORMAT_H
#define JOURNAL_FORMAT_H

#include <assert.h>
#include <stdint.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the structs below are copied as they are");

#define JOURNAL_VERSION       1
#define JOURNAL_SEGMENT_MAGIC UINT64_C(0x314745534A4B5948) /* "HYKJSEG1" */
#define JOURNAL_FRAME_MAGIC   UINT64_C(0xF5314D52464B5948) /* "HYKFRM1" 0xF5: 0xF5 never occurs in UTF-8 */
#define JOURNAL_SAME_SENDER   0xFFFF

/* Limits a reader may rely on. */
#define JOURNAL_FRAME_MAX_BYTES   (UINT64_C(128) << 20)
#define JOURNAL_SEGMENT_MAX_BYTES ((UINT64_C(1) << 30) + JOURNAL_FRAME_MAX_BYTES)

struct journal_segment_header {
    uint64_t magic;
    uint16_t version;
    uint16_t header_bytes; /* of this header: the first frame starts there */
    uint32_t reserved;
    uint64_t seed;
    uint64_t first_sequence;
    int64_t created_ns;
    uint64_t reserved_too[2];
    uint64_t checksum; /* XXH3-64 of all bytes before it */
} __attribute__((packed));

struct journal_frame_header {
    uint64_t magic;
    uint16_t version;
    uint16_t header_bytes; /* of this header: the payload starts there */
    uint32_t record_count; /* at least 1 */
    uint64_t seed;
    uint64_t first_sequence;
    int64_t written_ns;
    uint64_t payload_bytes; /* records, cursor, key source and key together */
    uint32_t cursor_bytes;
    uint32_t key_source_bytes;
    uint32_t key_bytes;
    uint32_t reserved;
    uint64_t payload_checksum; /* XXH3-64 of the payload, seeded */
    uint64_t
        header_checksum; /* XXH3-64 of all header bytes before it, seeded; so the payload's too is covered */
} __attribute__((packed));

struct journal_record_header {
    uint32_t raw_bytes;
    uint32_t source;
    int64_t received_ns;
    uint16_t flags;        /* RECORD_… */
    uint16_t sender_bytes; /* or JOURNAL_SAME_SENDER */
    uint8_t transport;     /* enum transport */
    uint8_t reserved[3];
} __attribute__((packed));

static_assert(sizeof(struct journal_segment_header) == 64, "on disk");
static_assert(sizeof(struct journal_frame_header) == 80, "on disk");
static_assert(sizeof(struct journal_record_header) == 24, "on disk");

#endif
