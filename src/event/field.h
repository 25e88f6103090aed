/* The names of fields, interned to small numbers.
 *
 * fields.def declares each ECS field (and each of our own under hyakuyo.*) once: constant, name, type,
 * whether it may hold several values, and how the store indexes it. Everything else is generated from it.
 * Vendor fields that are not in the table are interned when first seen; they are keywords. Numbers are 16
 * bits; past FIELD_MAX new names are refused (FIELD_NONE), counted, and the value stays findable in
 * event.original. */
#ifndef EVENT_FIELD_H
#define EVENT_FIELD_H

#include "base/str.h"

enum value_type {
    TYPE_KEYWORD, /* bytes of UTF-8 */
    TYPE_TEXT,    /* the same, meant for people: message, event.reason */
    TYPE_IP,      /* canonical text of an address */
    TYPE_LONG,    /* int64_t */
    TYPE_DOUBLE,
    TYPE_BOOL, /* number 0 or 1 */
    TYPE_DATE, /* int64_t, ns since 1970 UTC */
};

enum field_shape { FIELD_SCALAR, FIELD_ARRAY };

enum field_index {
    INDEX_NONE,
    INDEX_BLOOM, /* addresses, hosts, users, domains, hashes: looked up as needles */
};

typedef uint16_t field_id;

enum {
    FIELD_NONE = 0,
#define FIELD(constant, name, type, shape, index) FIELD_##constant,
#include "event/fields.def"
#undef FIELD
    FIELD_STATIC_COUNT
};

#define FIELD_MAX 16384

struct field {
    struct str name;
    enum value_type type;
    enum field_shape shape;
    enum field_index index;
};

/* Never fails; names and properties are valid for the life of the process. */
const struct field *field_get(field_id id);
struct str field_name(field_id id);

/* Number of a name, or FIELD_NONE when nobody has used it yet. Any thread. */
field_id field_find(struct str name);
/* Number of a name, created as a keyword when new; FIELD_NONE when the table is full. Any thread. */
field_id field_intern(struct str name);
size_t field_count(void);     /* highest number + 1 */
uint64_t field_refused(void); /* names turned away because the table was full */

#endif
