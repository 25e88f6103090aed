/* Columns: CSV with quotes (RFC 4180), and values between tabs, pipes or spaces with quotes and brackets. */
#ifndef PARSE_CSV_H
#define PARSE_CSV_H

#include "parse/named.h"

struct column_form {
    char separator; /* ',', '\t', '|', ';'; ' ' takes runs of spaces as one */
    char quote;     /* '"', 0 = none; a doubled quote or \quote inside is one quote */
    bool brackets;  /* "[a b]" is one column (Apache times); its brackets are removed */
};

/* Splits into at most `max` columns; what is beyond the last one stays in the last. Returns how many. Texts
 * point into `text` or the arena. */
uint32_t column_split(struct str text, const struct column_form *form, struct str *columns, uint32_t max,
                      struct arena *arena);

/* What a table's own header lines told: "#Fields: date time …" (W3C), "#separator", "#fields", "#path"
 * (Zeek), or a first line of names. Plain data, copied by value; texts are copied into `bytes`. */
enum column_kind { COLUMN_ANY, COLUMN_ADDRESS, COLUMN_NUMBER, COLUMN_TRUTH };
#define COLUMN_HEADER_MAX   512
#define COLUMN_HEADER_BYTES 16384
struct column_header {
    uint16_t count;
    char separator; /* 0 = not told */
    bool has_kinds; /* the header told the columns' types (Zeek's #types) */
    struct str path;
    struct str software;
    struct str names[COLUMN_HEADER_MAX];
    char kinds[COLUMN_HEADER_MAX]; /* enum column_kind, when has_kinds */
    uint32_t used;
    char bytes[COLUMN_HEADER_BYTES];
};

void column_header_clear(struct column_header *header);
void column_header_copy(const struct column_header *from,
                        struct column_header *to); /* its texts point into `to` */

/* True when the line is a header or comment line (starts with '#'); what it tells is put into `*header`. */
bool column_header_line(struct str line, struct column_header *header);
/* How well a line's columns fit this header: 0 = not at all (not as many, or not of the types that it told),
 * else 1 + the columns that prove their type. "-" and "(empty)" are of all types and prove none. */
uint32_t column_header_fit(const struct column_header *header, const struct str *columns, uint32_t count);
/* Names from an ordinary first line. False when a limit is passed: the header is empty then. */
bool column_header_names(struct str line, const struct column_form *form, struct column_header *header,
                         struct arena *arena);

#endif
