/* A notice as one syslog message (RFC 5424), for other collectors. */
#ifndef NOTIFY_SYSLOG_LINE_H
#define NOTIFY_SYSLOG_LINE_H

#include "base/buf.h"
#include "notify/channels.h"

struct syslog_notice {
    struct str host, kind, key, title, text, url;
    uint64_t incident;
    int urgency, importance, confidence;
    int64_t time_ns;
};

/* Without the frame of RFC 6587. Severity follows urgency: 4 → critical, 3 → error, 2 → warning, else notice;
 * facility local0. Structured data has the id hyakuyo@32473 (RFC 5612). */
void syslog_line(const struct syslog_notice *n, enum syslog_form form, struct buf *out);

#endif
