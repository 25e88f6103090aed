/* Reports that were made: what each is about, the SHA-256 of its file, and who signed it (S24). A report is
 * never removed or changed; a signature is given once. */
#ifndef STORE_STATE_REPORTS_H
#define STORE_STATE_REPORTS_H

#include "base/arena.h"
#include "base/str.h"
#include "store/state.h"

struct report_row {
    uint64_t id;
    struct str name, language, format, section; /* language "ja" or "en"; section "" = all */
    int64_t from_ns, to_ns;
    uint64_t incident; /* 0 = none */
    int64_t seed;
    int64_t built_ns;
    struct str built_by; /* "hyakuyo": by the schedule */
    int64_t due_ns;      /* until when somebody should sign; INT64_MAX = nobody must */
    struct str file;     /* below DATA/reports */
    uint64_t bytes;
    struct str sha256; /* hexadecimal */
    struct str signed_by, note;
    int64_t signed_ns; /* INT64_MAX: not signed */
};

/* Gives the id. */
bool state_reports_add(struct state *s, struct report_row *row, struct error *err) MUST_CHECK;
/* The newest first. */
bool state_reports_list(struct state *s, uint32_t limit, struct arena *arena, struct report_row **rows,
                        uint32_t *count, struct error *err) MUST_CHECK;
/* `*found` false: no such report; that is no error. */
bool state_reports_get(struct state *s, uint64_t id, struct arena *arena, struct report_row *out, bool *found,
                       struct error *err) MUST_CHECK;
/* Refused with a sentence when it is signed already. */
bool state_reports_sign(struct state *s, uint64_t id, struct str who, struct str note, int64_t when_ns,
                        struct error *err) MUST_CHECK;
/* Whether the schedule has made this one. */
bool state_reports_has(struct state *s, struct str name, int64_t from_ns, int64_t to_ns, bool *has,
                       struct error *err) MUST_CHECK;
/* Unsigned ones whose time to sign is over. */
bool state_reports_overdue(struct state *s, int64_t now_ns, uint32_t *count, struct error *err) MUST_CHECK;

#endif
