/* The tree between the text and its two readers; for the files of this stage only. Everything lives in the
 * query's arena and does not change once query_parse() has returned. */
#ifndef QUERY_TREE_H
#define QUERY_TREE_H

#include "base/ip.h"
#include "query/query.h"
#include "query/text.h"

/* What a name stands for: a field of events, or a column that a pipe made. */
struct column {
    struct str name;
    field_id field; /* FIELD_NONE for a column of a pipe or a name nobody has used yet */
    enum value_type type;
    bool is_list;      /* LIST in SQL, several values in an event */
    bool is_vendor;    /* not in fields.def: several values are kept as one JSON text */
    bool is_result;    /* made by a pipe, not in the events */
    bool is_long_text; /* event.original, message …: equality means "contains" */
};

enum term_kind {
    TERM_NEVER, /* can match no value: 10.5 in a whole number */
    TERM_EXISTS,
    TERM_TEXT_EQUAL,    /* folded `text` */
    TERM_TEXT_CONTAINS, /* folded `text` */
    TERM_TEXT_LIKE,     /* `pattern`; addresses and whole numbers are texts here */
    TERM_TEXT_RANGE,    /* folded bounds */
    TERM_DECIMAL_RANGE, /* of keywords that are decimal numbers */
    TERM_LONG_RANGE,    /* `low` … `high`, both inclusive; dates in µs; booleans 0 and 1 */
    TERM_REAL_RANGE,
    TERM_IP_EQUAL, /* canonical `text` */
    TERM_IP_RANGE, /* both inclusive, of one family */
};

struct term {
    enum term_kind kind;
    const struct column *column;
    struct str text;
    struct pattern pattern;
    int64_t low, high;
    double real_low, real_high;     /* TERM_REAL_RANGE, TERM_DECIMAL_RANGE */
    struct str text_low, text_high; /* TERM_TEXT_RANGE */
    bool has_low, has_high, low_is_open,
        high_is_open; /* of the real and text ranges; open = the bound is outside */
    struct ip ip_low, ip_high;
    bool is_v4;
    uint8_t prefix_bits; /* TERM_IP_RANGE that is a network: 0–32 or 0–128, else 255 */
};

enum node_kind { NODE_ALL, NODE_AND, NODE_OR, NODE_NOT, NODE_TERM };

struct node {
    enum node_kind kind;
    struct node *child, *next; /* AND, OR: two or more children; NOT: one */
    struct term *term;
};

enum aggregate_kind {
    AGGREGATE_COUNT,
    AGGREGATE_SUM,
    AGGREGATE_AVG,
    AGGREGATE_MIN,
    AGGREGATE_MAX,
    AGGREGATE_DISTINCT
};

struct aggregate {
    enum aggregate_kind kind;
    const struct column *column; /* NULL for count */
    struct str name;             /* of the result column */
    struct aggregate *next;
};

struct column_list {
    const struct column **items;
    uint32_t count, capacity;
};

struct sort_key {
    const struct column *column;
    bool is_falling;
};

enum pipe_kind { PIPE_GROUP, PIPE_TIMECHART, PIPE_SORT, PIPE_HEAD, PIPE_FIELDS, PIPE_WHERE };

struct pipe {
    enum pipe_kind kind;
    struct pipe *next;
    struct aggregate *aggregates; /* GROUP, TIMECHART; none in GROUP = distinct */
    struct column_list groups;    /* GROUP, TIMECHART; FIELDS: the columns to show */
    struct sort_key *keys;        /* SORT; GROUP: the order it leaves */
    uint32_t key_count;
    int64_t span_us;
    uint64_t limit; /* HEAD; GROUP: 0 = all */
    struct node *where;
    struct column_list out; /* columns behind this pipe; empty while rows are still documents */
};

struct query {
    struct arena arena;
    struct query_context context;
    int64_t zone_offset_us; /* of the reader, at now */
    struct node *filter;
    struct pipe *pipes;
    struct query_warning *warnings;
    uint32_t warning_count;
};

/* ---- parse.c ---- */

/* Numbered sentences; message.c holds them in both languages. */
enum problem {
    PROBLEM_TOO_LONG,
    PROBLEM_NOT_UTF8,
    PROBLEM_TOO_DEEP,
    PROBLEM_TOO_MANY_TERMS,
    PROBLEM_TOO_MANY_PIPES,
    PROBLEM_EXPECTED_TERM,
    PROBLEM_EXPECTED_VALUE,
    PROBLEM_OPEN_QUOTE,
    PROBLEM_OPEN_GROUP,
    PROBLEM_STRAY_CLOSE,
    PROBLEM_EXPECTED_TO,
    PROBLEM_OPEN_RANGE,
    PROBLEM_EMPTY_RANGE,
    PROBLEM_NOT_A_NUMBER,
    PROBLEM_NOT_AN_ADDRESS,
    PROBLEM_NOT_A_NETWORK,
    PROBLEM_NOT_A_TIME,
    PROBLEM_NOT_A_BOOLEAN,
    PROBLEM_NO_WILDCARD,
    PROBLEM_NO_ORDER,
    PROBLEM_RANGE_OF_RAW,
    PROBLEM_UNKNOWN_PIPE,
    PROBLEM_EXPECTED_FIELD,
    PROBLEM_EXPECTED_COUNT,
    PROBLEM_EXPECTED_SPAN,
    PROBLEM_EXPECTED_AGGREGATE,
    PROBLEM_EXPECTED_OPEN,
    PROBLEM_EXPECTED_CLOSE,
    PROBLEM_NO_SUCH_COLUMN,
    PROBLEM_NOT_NUMERIC,
    PROBLEM_SAME_NAME,
    PROBLEM_EXPECTED_PIPE_END,
    PROBLEM_NEEDS_EVENTS,
    PROBLEM_RAW_IN_TABLE,
};

struct parser {
    struct query *q;
    struct str text;
    size_t at; /* byte */
    unsigned depth, term_count;
    const struct column_list *table; /* columns there are; NULL = events, any field */
    bool is_where;                   /* also = and != compare */
    struct query_error *err;
};

/* One value or bare word as it was written. */
struct word {
    struct str text;        /* escapes taken away; as written for messages */
    struct pattern pattern; /* the same, folded, wildcards told apart */
    bool has_wildcard, is_quoted;
    size_t at; /* byte of its first character */
};

bool parse_problem(struct parser *p, size_t at, enum problem problem, struct str word); /* always false */
void problem_sentence(enum problem problem, struct str word, struct query_error *err);
char parse_peek(const struct parser *p, size_t ahead); /* NUL at the end */
void parse_skip_white(struct parser *p);
bool parse_keyword(struct parser *p, const char *lower, const char *upper); /* takes it when it is there */
bool parse_name(struct parser *p, struct str *name, bool *found); /* a field's name, quoted or not */
const struct column *parse_column(struct parser *p, struct str name, size_t at); /* NULL = problem set */
/* A word or phrase behind white space; in a list it also ends at "," and "]". */
bool parse_word(struct parser *p, bool in_list, struct word *w);
void parse_warn_unknown(struct parser *p, struct str name, size_t at); /* nearest.c */
struct node *parse_or(struct parser *p, const struct column *column);
bool parse_pipes(struct parser *p);

/* ---- term.c: words become typed terms; NULL = problem set ---- */
enum comparison { COMPARE_EQUAL, COMPARE_LESS, COMPARE_LESS_EQUAL, COMPARE_GREATER, COMPARE_GREATER_EQUAL };
struct term *term_compare(struct parser *p, const struct column *c, enum comparison how,
                          const struct word *w);
struct term *term_range(struct parser *p, const struct column *c, const struct word *from,
                        const struct word *to);
struct term *term_raw(struct parser *p, const struct word *w);

void column_of_field(struct str name, struct column *out);

/* ---- sql.c ---- */
struct sql_writer {
    struct arena *arena;
    struct buf text;
    struct buf params;  /* struct query_param */
    struct buf columns; /* struct str */
};
void sql_use_column(struct sql_writer *w, struct str name);
void sql_name(struct sql_writer *w, struct str name); /* quoted */
void sql_param_text(struct sql_writer *w, struct str text);
void sql_param_long(struct sql_writer *w, int64_t number);
void sql_param_real(struct sql_writer *w, double real);
void sql_node(struct sql_writer *w, const struct node *n, bool is_negated);
/* The values of a vendor column as a list (NULL for NULL). `name` is quoted SQL. */
void sql_vendor_list(struct sql_writer *w, struct str quoted);
/* A keyword column as DOUBLE where it is a decimal number, else NULL. */
void sql_decimal(struct sql_writer *w, struct str quoted);

#endif
