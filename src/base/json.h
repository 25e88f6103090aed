/* JSON. Reading goes through simdjson's on-demand or DOM parser behind json.cpp; writing is a builder.
 *
 * The reader flattens: nested objects become dotted names, so that parsers see named strings. Numbers keep
 * their text, booleans become "true"/"false", null is reported as such. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING };

/* One leaf of a flattened document. `in_array` is true for an element of an array: several leaves then carry
 * the same name ("a.b" for {"a":[{"b":1},{"b":2}]} twice). */
struct json_leaf {
    struct str name; /* dotted path */
    struct str text; /* unescaped string, number as written, "true", "false", "" for null */
    enum json_kind kind;
    bool in_array;
};

struct json_leaves {
    struct json_leaf *items;
    uint32_t count, capacity;
};

struct json_limits {
    uint32_t max_depth;  /* deeper documents are refused */
    uint32_t max_leaves; /* more leaves are refused */
};

struct json_reader; /* one per thread; keeps its buffers */
struct json_reader *json_reader_new(void);
void json_reader_free(struct json_reader *r);

/* The whole input must be one JSON value, white space around it allowed. Names and texts live in `arena`, or
 * point into reader-owned memory that is valid until the next call (so copy or use at once): `arena` is used
 * for everything, nothing points into `s`. Empty arrays and objects give no leaf. On false the sentence
 * names the byte offset where known. `leaves` is reused: count is reset, items grow in the arena. */
bool json_flatten(struct json_reader *r, struct str s, const struct json_limits *limits, struct arena *arena,
                  struct json_leaves *leaves, struct error *err) MUST_CHECK;

/* Length of the first complete JSON value in `s` (an object or array), 0 when incomplete or none. */
size_t json_value_length(struct str s);

/* Small documents where convenience matters more than speed: requests, configuration. A tree in the arena. */
struct json_node {
    enum {
        JSON_NODE_NULL,
        JSON_NODE_BOOL,
        JSON_NODE_NUMBER,
        JSON_NODE_STRING,
        JSON_NODE_ARRAY,
        JSON_NODE_OBJECT
    } type;
    struct str key;  /* when member of an object */
    struct str text; /* string, number as written, "true"/"false" */
    struct json_node *child, *next;
};
struct json_node *json_parse(struct str s, struct arena *arena,
                             struct error *err) MUST_CHECK; /* NULL on error */
const struct json_node *json_member(const struct json_node *object, const char *key);
struct str json_text(const struct json_node *object, const char *key); /* "" when absent or not a scalar */

/* Writing: append to a buf. json_string() writes quotes and escapes; invalid UTF-8 becomes U+FFFD. */
void json_string(struct buf *out, struct str s);
/* Comma handling for hand-written objects: `struct json_writer w = {.out = &buf};` */
struct json_writer {
    struct buf *out;
    bool needs_comma;
};
void json_begin_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w);
void json_end_array(struct json_writer *w);
void json_key(struct json_writer *w, const char *key);
void json_key_str(struct json_writer *w, struct str key);
void json_put_str(struct json_writer *w, struct str value);
/* A member that is an array of texts. */
void json_put_texts(struct json_writer *w, const char *key, const struct str *texts, uint32_t count);
void json_put_c(struct json_writer *w, const char *value);
void json_put_i64(struct json_writer *w, int64_t value);
void json_put_u64(struct json_writer *w, uint64_t value);
void json_put_double(struct json_writer *w,
                     double value); /* shortest that round-trips; NaN and Inf become null */
void json_put_bool(struct json_writer *w, bool value);
void json_put_json(struct json_writer *w, struct str json); /* one whole value, already written */
void json_put_null(struct json_writer *w);
/* What people read, in both languages: {"en": …, "ja": …}. Without Japanese the English stands in both. */
void json_put_both(struct json_writer *w, struct str en, struct str ja);
/* Such an object as a member. */
void json_both(struct json_writer *w, const char *key, struct str en, struct str ja);
/* Its two members in the object at hand. */
void json_both_members(struct json_writer *w, struct str en, struct str ja);
void json_put_time(struct json_writer *w,
                   int64_t time_ns); /* ISO 8601 UTC string; TIME_UNKNOWN becomes null */

#endif
