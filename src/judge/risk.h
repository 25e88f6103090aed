/* Risk of hosts, users and departments (stage judge; spec 2.12, S130): what was found about each of them,
 * kept as scores, and a number from 0 to 100 made of it when somebody asks. The same table tells whether the
 * scores of a day are enough to make an incident of a candidate (S121).
 *
 *   finding ──score by level──▶ entity × source (one rule on one system) ──▶ last RISK_ALERTS alerts of each
 *
 * Time is event time. Bounded: entities, sources of each and alerts of each source; what makes room is
 * counted. Exercises and what the inventory says are no risk. Belongs to the desk: one thread at a time. */
#ifndef JUDGE_RISK_H
#define JUDGE_RISK_H

#include "base/buf.h"
#include "base/json.h"
#include "event/finding.h"
#include "judge/criteria.h"

#define RISK_MAX_ENTITIES 8000 /* those longest without a finding make room */
#define RISK_MAX_SOURCES  24   /* of one entity; the one longest without a finding makes room */
#define RISK_ALERTS       8    /* of one source; the lowest, then the oldest, makes room */
#define RISK_WINDOW_NS    (86400 * NS_PER_SECOND)
#define RISK_MEMORY_NS    (30 * 86400 * NS_PER_SECOND) /* the index looks back this far */

enum risk_kind { RISK_HOST, RISK_USER, RISK_DEPARTMENT, RISK_KIND_COUNT };
struct str risk_kind_name(enum risk_kind k); /* "host", "user", "department" */
bool risk_kind_parse(struct str s, enum risk_kind *out);

/* The name by which an entity is known: a host's first label, in lower case, else its address. */
#define RISK_NAME_MAX 96
size_t risk_name(enum risk_kind kind, struct str name, struct str ip, char out[RISK_NAME_MAX]); /* 0 = none */

/* ---- the formulae: pure ---- */

/* Σ s_i / i^1.5 ÷ 2.612, s falling: 0–100 for scores up to 100. Sorts `scores`. */
double risk_sum(double *scores, size_t count);
/* p = s/100, o = p/(1−p)·weight, 100·o/(1+o). */
double risk_weighted(double sum, double weight);
const char *risk_level(double index); /* unknown < 20 ≤ low < 40 ≤ moderate < 70 ≤ high ≤ 90 < critical */

/* ---- the table ---- */

struct risk;
struct risk *risk_new(const struct criteria *criteria); /* borrowed */
void risk_free(struct risk *r);                         /* NULL is fine */

void risk_take(struct risk *r, const struct finding *f);

/* Scores of the 24 h before `now_ns`: each source at most source_cap times its highest, and what several
 * systems say about one fact as one fact (risk_index.c). 0 for a stranger. */
double risk_capped(const struct risk *r, enum risk_kind kind, struct str name, int64_t now_ns);
/* Of the host that it is about, or of the user when it names no host. */
double risk_of_finding(const struct risk *r, const struct finding *f, int64_t now_ns);
/* 0–100 at that time. */
double risk_index(const struct risk *r, enum risk_kind kind, struct str name, bool is_watched,
                  int64_t now_ns);

struct risk_asking {
    enum risk_kind kind;
    struct str name; /* only this one, as risk_name() makes it; "" = all */
    uint32_t limit;
    int64_t now_ns;
    /* Whether it is under focus watch, so that things are forgotten more slowly; NULL = nobody is. */
    bool (*is_watched)(const void *context, enum risk_kind kind, struct str name);
    const void *context;
};
/* Members of the object at hand: "rows", highest first, each with its inputs; "total"; what made room. */
void risk_json(const struct risk *r, const struct risk_asking *asking, struct json_writer *w);

void risk_save(const struct risk *r, struct buf *out);
void risk_load(struct risk *r, struct str saved); /* what is damaged or of another version is left out */

#endif
