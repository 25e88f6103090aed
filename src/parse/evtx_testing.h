/* Event logs made by hand, for tests: a chunk that grows record by record. */
#ifndef PARSE_EVTX_TESTING_H
#define PARSE_EVTX_TESTING_H

#include "parse/evtx_internal.h"

struct evtx_writer {
    struct buf b; /* the chunk so far */
    size_t record;
};
void evtx_write_begin(struct evtx_writer *w); /* header of 512 bytes */
/* Free space and checksums; `pads` fills up to EVTX_CHUNK_BYTES. */
void evtx_write_end(struct evtx_writer *w, bool pads);
void evtx_write_free(struct evtx_writer *w);

void evtx_write_number(struct evtx_writer *w, uint64_t v, size_t bytes);
void evtx_write_utf16(struct evtx_writer *w, const char *ascii);
void evtx_write_set(struct evtx_writer *w, size_t at, uint64_t v, size_t bytes);

void evtx_write_record_begin(struct evtx_writer *w, uint64_t id);
void evtx_write_record_end(struct evtx_writer *w);
void evtx_write_name(struct evtx_writer *w, const char *name); /* in line */
/* <name: an element's start, with or without attributes to follow; close it with a token of 2 or 3. */
void evtx_write_element(struct evtx_writer *w, const char *name, bool has_attributes);
void evtx_write_attribute(struct evtx_writer *w, const char *name, const char *value);
void evtx_write_text(struct evtx_writer *w, const char *value);
void evtx_write_substitution(struct evtx_writer *w, unsigned index, bool is_optional);
/* A template in line; returns its place. Its fragment follows, then evtx_write_template_end(). */
size_t evtx_write_template_begin(struct evtx_writer *w);
void evtx_write_template_end(struct evtx_writer *w, size_t place);
void evtx_write_template_again(struct evtx_writer *w, size_t place);

struct evtx_given {
    uint8_t type;
    const char *bytes;
    uint16_t size;
};
void evtx_write_values(struct evtx_writer *w, const struct evtx_given *values, uint32_t count);

#endif
