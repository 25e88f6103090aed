/* Files of content/webhooks/: how a ticket is made in another system. The body is a tree of YAML that becomes
 * JSON node by node, so that a text can never break out of its place. {name} in a scalar stands for a value;
 * a scalar that is nothing but {name} takes the value's own type (number or text). */
#ifndef NOTIFY_TICKET_H
#define NOTIFY_TICKET_H

#include "base/buf.h"
#include "base/yaml.h"
#include "notify/notify.h"

#define TICKET_HEADERS_MAX 8
#define TICKET_VALUES_MAX  48

struct ticket_value {
    struct str name, text;
    bool is_number;
};

struct ticket_values {
    struct ticket_value items[TICKET_VALUES_MAX];
    uint32_t count;
};
void ticket_add(struct ticket_values *v, const char *name, struct str text);
void ticket_add_number(struct ticket_values *v, const char *name, int64_t number, struct arena *arena);

struct ticket_template {
    struct str name, path;
    const struct yaml *headers, *body, *levels; /* levels: name → {of: value, is: [for 0, 1, 2, 3, 4]} */
    struct str receipt;                         /* dotted name of the ticket's number in the answer */
    int64_t duplicate_status;                   /* an answer that means: it is there already; 0 = none */
    struct str duplicate_contains;
};

/* False with a sentence that names file and line: unknown key, a value nobody gives and `with` does not hold.
 */
bool ticket_template_load(struct ticket_template *out, const char *path, const struct yaml *with,
                          struct arena *arena, struct error *err) MUST_CHECK;
/* The values of `levels` are worked out and added. */
void ticket_complete(const struct ticket_template *t, const struct yaml *with, struct ticket_values *values,
                     struct arena *arena);
void ticket_body(const struct ticket_template *t, const struct ticket_values *values, struct buf *json);
/* "Name: value" of header number `at`; false behind the last. Line ends in values become blanks. */
bool ticket_header(const struct ticket_template *t, uint32_t at, const struct ticket_values *values,
                   struct buf *out);
/* The number of the ticket in the answer, "" when there is none. */
struct str ticket_receipt(const struct ticket_template *t, struct str answer, struct arena *arena);

#endif
