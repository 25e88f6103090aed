/* Canonical JSON (RFC 8785): the one spelling of a document that a hash may be taken of. */
#ifndef RECORD_JCS_H
#define RECORD_JCS_H

#include "base/buf.h"
#include "base/json.h"

/* Quotes and the escapes of RFC 8785 3.2.2.2; bytes that are not UTF-8 become U+FFFD. */
void jcs_string(struct buf *out, struct str s);
/* As ECMAScript's Number.prototype.toString (RFC 8785 3.2.2.3). `number` is finite. */
void jcs_number(struct buf *out, double number);
/* A whole document: members sorted by the UTF-16 units of their names, no white space. At most 32 levels
 * deep; false with a sentence beyond, or for a number that no double holds. */
bool jcs_write(struct buf *out, const struct json_node *node, struct error *err) MUST_CHECK;

#endif
