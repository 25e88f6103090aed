/* Which kind of incident is it (S115, S118): the signature matrix of content/signatures.yml, weighed with
 * what was seen, and with what was not seen although its system was awake.
 *
 *   log-posterior(kind) = log prior + Σ seen log P(o|kind)/P(o|benign)
 *                       + Σ expected, its system awake, its time over  log (1−P(o|kind))/(1−P(o|benign))
 *   (spec 2.11)
 *
 * What to check next is the observation that is expected to tell most: the mutual information of its outcome
 * and the kind (Shannon 1948). */
#ifndef JUDGE_HYPOTHESIS_H
#define JUDGE_HYPOTHESIS_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "event/incident.h"

#define KINDS_MAX    32
#define EVIDENCE_MAX 64
#define SYSTEMS_MAX  32

struct evidence_column {
    struct str group; /* evidence group of findings */
    struct str title_en, title_ja;
    double benign;                 /* P(seen within a day | nothing wrong, but somebody looks) */
    uint32_t systems;              /* bits: any of these can see it */
    struct str check_en, check_ja; /* how a person finds out */
};

struct signature {
    struct str id, title_en, title_ja;
    double prior;
    double p[EVIDENCE_MAX];          /* P(seen | kind) */
    int64_t within_ns[EVIDENCE_MAX]; /* after the first sign; 0 = not expected, absence says nothing */
};

struct signatures {
    struct arena arena;
    struct str version;
    struct str systems[SYSTEMS_MAX]; /* observer.type */
    uint32_t system_count;
    struct evidence_column columns[EVIDENCE_MAX];
    uint32_t column_count;
    struct signature kinds[KINDS_MAX];
    uint32_t kind_count;
    double leak; /* P(seen | kind) of what the kind does not name */
};

/* NULL on error; the sentence names file, line and remedy. */
struct signatures *signatures_load(const char *path, struct error *err) MUST_CHECK;
void signatures_free(struct signatures *s); /* NULL is fine */

/* Event time at which each system was last heard of; INT64_MIN = never. */
struct systems_awake {
    int64_t last_ns[SYSTEMS_MAX];
};

struct hypotheses {
    double posterior[KINDS_MAX];
    uint32_t ranked[KINDS_MAX]; /* indices into kinds, likeliest first */
    uint64_t seen, missing;     /* bits of columns; missing = could have been seen and was not */
    int next_check;             /* column, −1 = nothing left that tells anything */
    double next_bits;           /* expected information, bits */
};
/* `now_ns`: the watermark. */
void hypotheses_rank(const struct signatures *s, const struct incident *i, const struct systems_awake *awake,
                     int64_t now_ns, struct hypotheses *out);

/* {"kinds":[{id,title,title_ja,posterior,seen:[],missing:[],expected:[]}…3],"next":{…}} */
void hypotheses_json(const struct signatures *s, const struct hypotheses *h, struct json_writer *w);

#endif
