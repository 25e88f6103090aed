/* Incidents as every stage that touches them sees them. */
#ifndef EVENT_INCIDENT_H
#define EVENT_INCIDENT_H

#include "event/finding.h"

/* Spec 3.7. A candidate is not yet work; those behind INCIDENT_CLOSED are side states. The numbers are
 * stored: append only.
 */
enum incident_state {
    INCIDENT_CANDIDATE,
    INCIDENT_NEW,
    INCIDENT_TRIAGE,
    INCIDENT_INVESTIGATING,
    INCIDENT_CONTAINING,
    INCIDENT_ERADICATING,
    INCIDENT_RECOVERING,
    INCIDENT_MONITORING,
    INCIDENT_REVIEW,
    INCIDENT_CLOSED,
    INCIDENT_ON_HOLD,
    INCIDENT_FALSE_POSITIVE,
    INCIDENT_MERGED,
    INCIDENT_DUPLICATE,
    INCIDENT_EXERCISE, /* it turned out to be one; over */
    INCIDENT_REOPENED, /* was over and is work again */
};
#define INCIDENT_STATE_COUNT (INCIDENT_REOPENED + 1)
struct str
incident_state_name(enum incident_state s); /* "candidate", "new", "triage", … "on_hold", "false_positive" */
/* What people read in Japanese: "一次判定". */
struct str incident_state_ja(enum incident_state s);
bool incident_state_parse(struct str s, enum incident_state *out);

/* A finding as the incident keeps it: copied out of the batch, folded by (rule, system, host) with a count.
 */
struct incident_finding {
    uint64_t id; /* in state.db */
    struct str rule_id, title_en, title_ja;
    enum level level;
    int64_t first_ns, last_ns;
    uint64_t first_sequence, last_sequence; /* events to open */
    uint64_t count;
    struct str product; /* the system that saw it */
    struct str evidence_group, stage;
    double likelihood_ratio;
    struct str host_name, host_ip, user, department;
    struct str peer;       /* the first peer; further ones are in `peers` */
    struct str peers;      /* up to ten distinct, "a;b" */
    int importance;        /* 1–4, 0 = not in the inventory */
    enum passage passage;  /* ALLOWED as soon as one got through */
    struct str techniques; /* "T1071.001;T1059" */
    struct str matched;    /* JSON object text */
    bool is_outside;       /* as in struct finding */
    bool is_stored;        /* state.db has it as it is; whoever changes it clears this */
};

struct incident {
    uint64_t id;
    enum incident_state state;
    bool is_exercise; /* all of it is an exercise: titles say so */
    bool is_watched;  /* under focus watch when it was asked for (S69); never stored */
    struct str title_en, title_ja;
    int64_t opened_ns, first_ns, last_ns; /* event times */
    int64_t news_ns;                      /* the watermark at its last finding: it lives a window longer */
    struct str hosts;                     /* ours: "name (ip);name (ip)" in order of appearance */
    struct str outside;                   /* addresses of others that findings are about: "ip;ip" */
    struct str department, user;
    struct str type;                   /* the likeliest kind of content/signatures.yml, or "unclassified" */
    int urgency, importance;           /* 1–4: 低 中 高 最高 */
    int urgency_low, urgency_high;     /* band when inputs are uncertain; equal when not */
    int confidence_level;              /* 1–4 */
    double confidence;                 /* 0–1 */
    struct str reason;                 /* JSON text: inputs, formula and table rows used */
    struct incident_finding *findings; /* in order of first_ns */
    uint32_t finding_count, finding_capacity;
};

#endif
