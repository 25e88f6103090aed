/* Notes that are for somebody: each person that a note names has a row until it is read. The notifier reads
 * of new rows in the record. */
#ifndef SERVER_MENTIONS_H
#define SERVER_MENTIONS_H

#include "base/json.h"
#include "store/state_work.h"

/* Where it was said. Texts are borrowed. */
struct mention_source {
    uint64_t incident; /* 0 = none: a hand-over of the shift */
    const char *kind;  /* "entry", "handover" */
    uint64_t item;     /* number of the entry or hand-over */
    struct str author, text;
    struct str names; /* "mori;ito": said without "@" */
    int64_t at_ns;
    /* Whether that account may see it. */
    bool (*may_see)(void *context, struct str user, unsigned roles);
    void *context;
};

/* In the order of the text, each once; in the arena. */
struct mention_outcome {
    struct str *told, *unreached; /* unreached: no such account, or one that may not see this */
    uint32_t told_count, unreached_count;
};

/* Within a transaction. The author is told nothing of himself. */
bool mentions_add(struct state *s, const struct mention_source *m, struct arena *arena,
                  struct mention_outcome *out, struct error *err) MUST_CHECK;
/* Members "told" and "unreached". */
void mentions_members(const struct mention_outcome *out, struct json_writer *w);

#endif
