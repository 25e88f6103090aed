/* One candidate: the incident being gathered, the hosts it is about, and the memory of both. */
#ifndef JUDGE_CANDIDATE_H
#define JUDGE_CANDIDATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "event/incident.h"
#include "judge/judge.h"

struct candidate_host {
    struct str name; /* as reported; "" when only the address is known */
    struct str ip;
    int64_t first_ns, last_ns; /* of its findings */
    bool is_outside;           /* an address of others: keeps findings together, is no host of ours */
};

/* Another host that this one attacked with some chance of success: if it shows signs of its own from then on,
 * the two are one incident. */
struct candidate_hop {
    struct str peer; /* address of the other side */
    int64_t time_ns;
};

struct candidate {
    struct candidate *next;
    struct arena arena;
    struct incident incident;
    struct candidate_host *hosts;
    uint32_t host_count, host_capacity;
    struct candidate_hop *hops;
    uint32_t hop_count, hop_capacity;
    uint64_t last_sequence; /* highest event already folded */
    bool is_changed;        /* since it was handed out and kept */
    bool is_unasked;        /* changed since the judge asked whether it is an incident … */
    bool is_wanted;         /* … and what the answer was */
    bool has_new_evidence;  /* since its confidence was last settled */
    bool is_weighed;        /* incident's urgency, importance and confidence are those of its findings */
    bool is_handed_out;     /* and not settled yet */
    bool is_leaving;        /* chosen to make room */
    bool is_closed;         /* takes nothing more; remembers what it had counted */
    bool was_ongoing;       /* when it was last weighed */
    double risk_24h;        /* the most that its hosts' risk of a day has been */
    int64_t kept_news_ns;   /* incident.news_ns when it was last kept; INT64_MAX = never */
    int64_t deserved_ns;    /* event time reached when its findings first made it an incident; 0 = never */
    uint64_t *absorbed_ids; /* incidents it swallowed since then */
    uint32_t absorbed_count, absorbed_capacity;
    struct buf hosts_text, outside_text, reason, title_en, title_ja; /* titles: of exercises */
    struct described { /* what `reason` was written for; reason empty = nothing */
        double confidence, risk_24h;
        int urgency, importance;
        uint32_t host_count, finding_count;
    } described;
};

/* Event times are what senders say: a sum may not run over. */
static inline int64_t time_plus(int64_t time_ns, int64_t span_ns)
{
    int64_t sum;
    if (__builtin_add_overflow(time_ns, span_ns, &sum))
        return span_ns < 0 ? INT64_MIN : INT64_MAX;
    return sum;
}

struct candidate *candidate_new(void);
void candidate_free(struct candidate *c);

/* False when this event was folded before (after a restart) and nothing changed. */
bool candidate_fold(struct candidate *c, const struct finding *f, int64_t watermark_ns);
/* What somebody said, as evidence: in the place of what the same rule said before. Moves no times. */
void candidate_hear(struct candidate *c, const struct incident_finding *said);
/* Takes over what `from` holds; `from` is left empty. */
void candidate_absorb(struct candidate *c, struct candidate *from);
/* Puts back what was stored. */
void candidate_restore(struct candidate *c, const struct incident *incident);

/* Once one of ours, always one of ours: names may be learned late. */
void candidate_add_host(struct candidate *c, const struct candidate_host *host);
/* Hosts of ours. */
uint32_t candidate_host_count(const struct candidate *c);
/* Most of them that had a finding within one hour. */
size_t candidate_hosts_within_hour(const struct candidate *c);
/* Rewrites incident.hosts, incident.outside and titles. */
void candidate_describe(struct candidate *c);

#endif
