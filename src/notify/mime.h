/* A mail as it goes over the wire: RFC 5322 with MIME, UTF-8, CRLF. */
#ifndef NOTIFY_MIME_H
#define NOTIFY_MIME_H

#include "base/buf.h"
#include "base/clock.h"

struct mail_attachment {
    struct str name, type, bytes;
};

struct mail {
    struct str from, to; /* "Name <a@b>" or "a@b" */
    struct str subject, text;
    struct str id;     /* without <>: the same mail has the same one, however often it is sent */
    struct str thread; /* id of what it belongs to; "" = nothing */
    int64_t time_ns;
    const struct zone *zone;
    const struct mail_attachment *attachments;
    uint32_t attachment_count;
};

void mime_compose(const struct mail *m, struct buf *out);
/* A header's text: as it is when it is plain ASCII, else RFC 2047 encoded words that are no longer than 75
 * characters and never split a character. Control characters become blanks: nobody adds a header. `used` is
 * the length of what stands before it on the line. */
void mime_header_text(struct str text, size_t used, struct buf *out);

#endif
