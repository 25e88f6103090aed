/* Files of the Windows event log: chunks and records. Stage: parse. Reads one chunk, leaves the XML of its
 * records. Checksums are compared and counted, but a record counts by what it is: files copied from a running
 * or crashed machine have old headers and whole records. Next: evtx_render.c. */
#include "parse/evtx.h"

#include "base/memory.h"
#include "base/unpack.h"
#include "parse/evtx_internal.h"

#define CHUNK_HEADER_BYTES  512
#define RECORD_HEADER_BYTES 24
#define RECORD_MIN_BYTES    (RECORD_HEADER_BYTES + 4)

/* Offsets in a chunk's header. */
enum {
    CHUNK_FREE_SPACE = 48,
    CHUNK_RECORDS_CHECKSUM = 52,
    CHUNK_HEADER_CHECKSUM = 124,
    CHUNK_NAMES = 128, /* to 512: places of names and templates; in the header's checksum, unlike 120 … 127 */
};

static const struct str file_magic = {"ElfFile\0", 8}, chunk_magic = {"ElfChnk\0", 8};

size_t evtx_recognise(struct str start)
{
    if (str_starts(start, file_magic) || str_starts(str_skip(start, EVTX_HEADER_BYTES), chunk_magic))
        return EVTX_HEADER_BYTES;
    return str_starts(start, chunk_magic) ? 0 : STR_NOT_FOUND;
}

void evtx_counts_add(struct evtx_counts *sum, const struct evtx_counts *more)
{
    sum->chunks += more->chunks;
    sum->records += more->records;
    sum->damaged_records += more->damaged_records;
    sum->lost_records += more->lost_records;
    sum->damaged_chunks += more->damaged_chunks;
    sum->bad_checksums += more->bad_checksums;
    sum->cut_bytes += more->cut_bytes;
}

struct evtx_reader *evtx_reader_new(void)
{
    struct evtx_reader *r = NEW(struct evtx_reader);
    arena_init(&r->arena, 16 << 10);
    return r;
}

void evtx_reader_free(struct evtx_reader *r)
{
    if (r == NULL)
        return;
    buf_free(&r->xml);
    arena_free(&r->arena);
    memory_free(r);
}

/* Chunks -------- */

static bool is_empty(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i])
            return false;
    return true;
}

static bool header_is_sound(struct str chunk)
{
    uint32_t crc = crc32_add(0, str_slice(chunk, 0, 120));
    crc = crc32_add(crc, str_slice(chunk, CHUNK_NAMES, CHUNK_HEADER_BYTES));
    return crc == evtx_u32(chunk, CHUNK_HEADER_CHECKSUM);
}

static bool records_are_sound(struct str chunk, size_t end)
{
    return crc32_add(0, str_slice(chunk, CHUNK_HEADER_BYTES, end)) == evtx_u32(chunk, CHUNK_RECORDS_CHECKSUM);
}

void evtx_begin(struct evtx_reader *r, struct str chunk, struct evtx_counts *counts)
{
    arena_reset(&r->arena);
    memset(r->names, 0, sizeof r->names);
    r->chunk = chunk;
    r->counts = counts;
    r->last_id = 0;
    r->next = r->end = chunk.n;
    if (is_empty(chunk)) /* room that was not used yet */
        return;
    if (chunk.n < CHUNK_HEADER_BYTES || !str_starts(chunk, chunk_magic)) {
        counts->damaged_chunks++;
        return;
    }
    counts->chunks++;
    counts->cut_bytes += EVTX_CHUNK_BYTES - chunk.n;
    size_t end = evtx_u32(chunk, CHUNK_FREE_SPACE);
    bool end_is_inside = end >= CHUNK_HEADER_BYTES && end <= chunk.n;
    r->next = CHUNK_HEADER_BYTES;
    r->end = end_is_inside ? end : chunk.n;
    bool header_is_right = header_is_sound(chunk);
    r->trusts_end = header_is_right && end_is_inside;
    if (!header_is_right || !end_is_inside || !records_are_sound(chunk, end))
        counts->bad_checksums++;
}

/* Records -------- */

/* The size of the record that begins here, 0 when none does. */
static size_t record_size(const struct evtx_reader *r, size_t at)
{
    if (r->chunk.n - at < RECORD_MIN_BYTES || evtx_u32(r->chunk, at) != 0x00002a2a)
        return 0;
    size_t size = evtx_u32(r->chunk, at + 4);
    if (size < RECORD_MIN_BYTES || size > r->chunk.n - at)
        return 0;
    return evtx_u32(r->chunk, at + size - 4) == size ? size : 0;
}

/* Behind what the header calls used there may be records that it does not know of yet, or remains of older
 * ones: only what goes on counting is taken. */
static bool goes_on(const struct evtx_reader *r, size_t at)
{
    return !r->last_id || evtx_u64(r->chunk, at + 8) == r->last_id + 1;
}

/* The next record at or behind r->next. Damage in between is stepped over, one lost record each time. */
static size_t find_record(struct evtx_reader *r)
{
    bool was_lost = false;
    for (size_t at = r->next; at + RECORD_MIN_BYTES <= r->chunk.n; at += 4) {
        bool is_known = at < r->end;
        if (!is_known && r->trusts_end && was_lost)
            break;
        size_t size = record_size(r, at);
        if (size && (is_known || goes_on(r, at))) {
            r->next = at;
            return size;
        }
        if ((!is_known && !was_lost) || (!was_lost && is_empty(str_skip(r->chunk, at))))
            break;
        if (!was_lost)
            r->counts->lost_records++;
        was_lost = true;
    }
    r->next = r->chunk.n;
    return 0;
}

/* A broken record is worth showing when it tells at least where and when it happened. */
static bool has_system_part(struct str xml)
{
    return str_find(xml, STR("</System>"), 0) != STR_NOT_FOUND;
}

bool evtx_next(struct evtx_reader *r, struct evtx_record *record)
{
    for (size_t size = find_record(r); size; size = find_record(r)) {
        size_t at = r->next;
        r->next += size;
        r->last_id = evtx_u64(r->chunk, at + 8);
        bool is_whole = evtx_render(r, at + RECORD_HEADER_BYTES, at + size - 4);
        struct str xml = buf_str(&r->xml);
        if (!is_whole && !has_system_part(xml)) {
            r->counts->lost_records++;
            continue;
        }
        r->counts->records++;
        r->counts->damaged_records += !is_whole;
        *record = (struct evtx_record){.id = r->last_id, .xml = xml, .is_damaged = !is_whole};
        return true;
    }
    return false;
}
