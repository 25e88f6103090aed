/* A finding: one rule, sequence, indicator or instrument says that something is wrong, about which entities,
 * and why. Memory belongs to the batch (or to whoever copied it). */
#ifndef EVENT_FINDING_H
#define EVENT_FINDING_H

#include "base/str.h"
#include "event/field.h"

enum level { LEVEL_INFORMATIONAL, LEVEL_LOW, LEVEL_MEDIUM, LEVEL_HIGH, LEVEL_CRITICAL };
struct str level_name(enum level l); /* "informational" … "critical", as Sigma writes them */
bool level_parse(struct str s, enum level *out);

enum passage { PASSAGE_UNKNOWN, PASSAGE_DENIED, PASSAGE_ALLOWED };

struct matched_value {
    struct str name; /* field as the rule or the event names it */
    struct str text;
};

struct finding {
    struct finding *next;
    struct str rule_id;            /* Sigma id, or the rule's file name when it has none */
    struct str title_en, title_ja; /* title_ja is "" when the rule has none */
    enum level level;
    int64_t time_ns;        /* event time of the event that completed it */
    uint64_t sequence;      /* that event's identity */
    uint32_t record_number; /* 1-based line or record number when scanning files */
    uint32_t source;
    struct str product;        /* which system saw it: observer.product or the parser's name */
    struct str evidence_group; /* one per underlying fact, spec 4.4: c2_flow, process, av, destination,
                                  outward_attack, agent_state, … ; "" when the rule names none */
    double likelihood_ratio;   /* 0 when the rule names none */
    struct str stage; /* urgency base, spec 4.1: exposure, stopped, executed, c2_suspected, outward_attack,
                         spreading; "" when unknown */
    struct str *techniques; /* ATT&CK ids, "T1071.001" */
    uint32_t technique_count;
    /* entities; "" when unknown */
    struct str host_name, host_ip, user, department;
    struct str peer;      /* the other side: address or domain */
    int importance;       /* of the suspect's asset, 1–4; 0 = not in the inventory */
    enum passage passage; /* whether the communication got through */
    struct matched_value *matched;
    uint32_t matched_count;
};

/* {"rule_id","rule","level","time","entities":{…},"matched":{…},…} without line end; `file` may be "". */
struct buf;
void finding_json(const struct finding *f, struct str file, struct buf *out);

#endif
