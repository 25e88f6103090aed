/* Telling people and other systems: what has happened, whom that concerns, when it may reach them. This stage
 * decides and speaks; it keeps nothing: the outbox is in state.db, src/notifier/notifier*.c moves it.
 *
 *   occurrence ─ rules.h ─▶ which rules ─ plan.h ─▶ whom, when ─ (outbox) ─ mime.h, ticket.h, syslog_line.h
 * ─▶ transport.h */
#ifndef NOTIFY_NOTIFY_H
#define NOTIFY_NOTIFY_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"

enum notice_kind {
    NOTICE_INCIDENT_OPENED,
    NOTICE_INCIDENT_RAISED, /* urgency, importance or confidence rose */
    NOTICE_POSTURE_CHANGED,
    NOTICE_DECISION_WAITING,
    NOTICE_DECISION_LATE,
    NOTICE_TASK_OVERDUE,
    NOTICE_DEADLINE_NEAR,
    NOTICE_DEADLINE_MISSED,
    NOTICE_SOURCE_SILENT,
    NOTICE_REPORT_MADE,
    NOTICE_REPORT_UNSIGNED, /* nobody has signed it in time (S24) */
    NOTICE_OUTSIDE_READY,   /* a report to a public body waits for approval */
    NOTICE_MENTIONED,       /* somebody wrote a note for a person */
    NOTICE_TEST,            /* a message that somebody asked for; no rule names it */
};
#define NOTICE_KIND_COUNT (NOTICE_TEST + 1)
struct str notice_kind_name(enum notice_kind k); /* "incident_opened" … */
bool notice_kind_parse(struct str s, enum notice_kind *out);

/* Something that happened. Strings are borrowed. */
struct occurrence {
    enum notice_kind kind;
    struct str key;                      /* the same key is the same thing: "incident/7/opened" */
    bool once;                           /* never told again under this key, whatever a rule's window */
    uint64_t incident;                   /* 0 = none */
    uint64_t item;                       /* decision, task, report, draft, source; 0 = none */
    int urgency, importance, confidence; /* 1–4; 0 = has none */
    int posture;                         /* 0 green … 3 red; −1 = not about it */
    struct str name;                     /* of the report, the clock, the source; "" = none */
    struct str title_en, title_ja, text_en, text_ja;
    struct str hosts; /* "name (ip);…": only for rules with details */
    int64_t happened_ns;
};

#endif
