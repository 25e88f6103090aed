/* DATA/audit.ndjson: who looked at what, and asked for what, a line each. Every line carries a hash of what
 * was there before it, and the response record names the end of the log again and again (entries
 * "audit.log"), so that an edited or deleted line is found (docs/record.md).
 *
 * Invariant: a line that ends with ,"prev":"H"} is a link; H is the SHA-256 of all bytes from the beginning
 * of the link before it (or of the file) up to this line, without the last line feed. So the first link
 * covers an older log whole, and a line that was torn by a crash is covered by the next. */
#ifndef AUDIT_LOG_H
#define AUDIT_LOG_H

#include "base/buf.h"
#include "base/error.h"

struct audit_log;
struct audit_log *audit_log_open(const char *path, struct error *err) MUST_CHECK; /* NULL with a sentence */
void audit_log_close(struct audit_log *a);                                        /* NULL is fine */

/* Appends a JSON object, given without its closing brace, and the link. Any thread. */
bool audit_log_add(struct audit_log *a, struct str members, struct error *err) MUST_CHECK;

/* Where the log ends: after so many bytes, with this SHA-256 (hex) since the last link. 0 bytes = empty. */
struct audit_mark {
    char sha256[65];
    uint64_t bytes;
};
struct audit_mark audit_log_end(struct audit_log *a);
/* As evidence of an entry, "sha256:…;bytes:…", and back. */
void audit_mark_format(const struct audit_mark *mark, char out[120]);
bool audit_mark_parse(struct str text, struct audit_mark *out);

/* The check: marks as the record has them, rising; then the rest. */
struct audit_check;
struct audit_check *audit_check_open(const char *path, struct error *err) MUST_CHECK; /* no file: empty */
/* The same over bytes that outlive it. */
struct audit_check *audit_check_over(struct str bytes);
void audit_check_close(struct audit_check *c); /* NULL is fine */
/* Walks on to the mark; false with the first line that is not what it was. */
bool audit_check_to(struct audit_check *c, const struct audit_mark *mark, struct error *why) MUST_CHECK;
bool audit_check_rest(struct audit_check *c, struct error *why) MUST_CHECK;
uint64_t audit_check_lines(const struct audit_check *c); /* walked so far */

#endif
