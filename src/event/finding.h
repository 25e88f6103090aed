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

/* A host that has a part in a finding of several events. */
struct finding_host {
    struct str name, ip, user; /* "" when unknown */
};

struct finding {
    struct finding *next;
    struct str rule_id;            /* Sigma id, or the rule's file name when it has none */
    struct str instrument;         /* the instrument that found it; "" when a rule did */
    struct str title_en, title_ja; /* title_ja is "" when the rule has none */
    enum level level;
    int64_t time_ns;        /* event time of the event that completed it */
    uint64_t sequence;      /* that event's identity */
    bool is_correlated;     /* by correlate/ or instrument/, from several events */
    bool is_context;        /* what the inventory says about another one: evidence, not a detection */
    bool is_silent;         /* of a rule that speaks only through correlations */
    uint64_t record_number; /* 1-based line or EventRecordID when scanning files */
    struct str member;      /* of the archive that is scanned; "" = none */
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
    bool is_outside;      /* about an address that is not ours and has no name: never a host of ours */
    bool is_identified;   /* the name is that of the address then: by the inventory, or by a lease */
    int importance;       /* of the suspect's asset, 1–4; 0 = not in the inventory */
    enum passage passage; /* whether the communication got through */
    struct matched_value *matched;
    uint32_t matched_count;
    const struct finding_host *hosts; /* of a sequence: of all its steps, in their order, each once */
    uint32_t host_count;
    bool is_exercise;  /* of an event of an exercise: never mixed with the others */
    int64_t exception; /* that suppresses it: its number; 0 = none */
};

/* {"rule_id","rule","level","time","entities":{…},"matched":{…},…} without line end; `file` may be "". */
struct buf;
void finding_json(const struct finding *f, struct str file, struct buf *out);
/* What matched, as an object: names are there once, with a list of their texts when there are several; texts
 * are cut to `longest` bytes. */
struct json_writer;
void finding_matched_json(const struct finding *f, size_t longest, struct json_writer *w);

#endif
