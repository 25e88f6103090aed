/* Reading lines of files with bounded memory, or pieces of them where records are not lines. */
#ifndef BASE_LINE_READER_H
#define BASE_LINE_READER_H

#include "base/unpack.h"

#define LINE_READER_PEEK                                                                                     \
    ((size_t)8192) /* at least so much is there at the start, unless the file is shorter */

struct line_reader;
/* "-" = standard input; of an archive the first member. */
struct line_reader *line_reader_open(const char *path, size_t max_line_bytes, struct error *err);
/* The current member of `unpack`, which stays the caller's. */
struct line_reader *line_reader_on(struct unpack *unpack, size_t max_line_bytes, struct error *err);
void line_reader_close(struct line_reader *r);

/* 1 = a line (without its end; valid until the next call), 0 = end, −1 = error. `*was_cut` tells that the
 * line was longer than the limit and the rest skipped; may be NULL. */
int line_reader_next(struct line_reader *r, struct str *line, bool *was_cut, struct error *err);

/* What is in memory and not yet handed out; nothing is read. */
struct str line_reader_peek(const struct line_reader *r);
/* The same, after reading on when nothing is left: 1 = some bytes, 0 = end, −1 = error. line_reader_skip()
 * hands them out. */
int line_reader_piece(struct line_reader *r, struct str *piece, struct error *err);
void line_reader_skip(struct line_reader *r, size_t n);

#endif
