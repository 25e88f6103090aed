/* Records that are not lines: the objects of a JSON array or of pretty-printed JSON, the <Event> elements of
 * an XML file. */
#ifndef INPUT_DOCUMENTS_H
#define INPUT_DOCUMENTS_H

#include "base/buf.h"
#include "base/line_reader.h"

enum document_kind { DOCUMENTS_NONE, DOCUMENTS_JSON, DOCUMENTS_XML };

/* What a text that begins so holds; DOCUMENTS_NONE: lines. */
enum document_kind documents_recognise(struct str start);

/* Zero-initialise with kind and limit; free with documents_free. */
struct documents {
    enum document_kind kind;
    size_t max_bytes; /* of a record; the rest is left out */
    struct buf record;
    bool is_inside, was_cut;
    uint64_t line;          /* 0-based, of the next byte */
    uint64_t skipped_bytes; /* outside of records, white space and brackets not counted */
    unsigned depth;         /* JSON: brackets open in the record */
    bool in_string, is_escaped, at_line_start;
    bool is_wrapped; /* the records stand in an array of one object */
    char tail[8];    /* XML: the last bytes that were read */
};
void documents_free(struct documents *d);

/* 1 = a record (valid until the next call) and the 1-based line on which it begins, 0 = end, −1 = error. A
 * record that is broken by the next one's start, or by the end, is given as far as it goes with *was_cut. */
int documents_next(struct documents *d, struct line_reader *r, struct str *record, uint64_t *line,
                   bool *was_cut, struct error *err);

#endif
