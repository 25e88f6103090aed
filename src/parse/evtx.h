/* Windows event log files (.evtx), after Microsoft's [MS-EVEN6] (binary XML, section 2.2.12 and following)
 * and the published descriptions of the file around it:
 *
 *   file header, 4,096 bytes   "ElfFile"; flags (dirty, full), number of chunks: not needed to read
 *   chunk, 65,536 bytes        "ElfChnk"; header of 512 bytes with the names and templates shared by its
 *                              records and two checksums; then records until the free space
 *   record                     2A 2A 00 00, size, EventRecordID, time written, binary XML, size again
 *
 * A chunk needs nothing outside itself: chunks can be read in any order, by several threads, and each damaged
 * one costs only its own records. Each record becomes the XML text that Windows itself shows for it. */
#ifndef PARSE_EVTX_H
#define PARSE_EVTX_H

#include "base/buf.h"

#define EVTX_HEADER_BYTES 4096
#define EVTX_CHUNK_BYTES  65536
#define EVTX_XML_BYTES    (1u << 20) /* of one record; more is cut off and counted as damaged */

/* Where the first chunk begins in a file that starts with these bytes (at least EVTX_HEADER_BYTES + 8, unless
 * the file is shorter): EVTX_HEADER_BYTES, or 0 for chunks without a file header. STR_NOT_FOUND: no event
 * log. */
size_t evtx_recognise(struct str start);

struct evtx_counts {
    uint64_t chunks, records;
    uint64_t damaged_records; /* of `records`: only what stands before the damage */
    uint64_t lost_records;    /* a record was there, but nothing of it could be read */
    uint64_t damaged_chunks;  /* neither a chunk nor empty */
    uint64_t bad_checksums;   /* chunks that were read all the same */
    uint64_t cut_bytes;       /* of the last chunk, missing at the end of the file */
};
void evtx_counts_add(struct evtx_counts *sum, const struct evtx_counts *more);

struct evtx_record {
    uint64_t id;    /* EventRecordID */
    struct str xml; /* UTF-8; valid until the next call */
    bool is_damaged;
};

/* Reused from chunk to chunk by one thread. */
struct evtx_reader;
struct evtx_reader *evtx_reader_new(void);
void evtx_reader_free(struct evtx_reader *r);

/* `chunk` is borrowed until the next call; the last one of a file may be shorter than EVTX_CHUNK_BYTES. */
void evtx_begin(struct evtx_reader *r, struct str chunk, struct evtx_counts *counts);
bool evtx_next(struct evtx_reader *r, struct evtx_record *record);

#endif
