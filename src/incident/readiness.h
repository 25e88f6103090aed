/* Are we ready (S79)? The items of content/readiness.yml, and how their answers become a score. Pure: whoever
 * knows contacts, playbooks and documents answers the items (readiness_measure.c). Immutable once loaded. */
#ifndef INCIDENT_READINESS_H
#define INCIDENT_READINESS_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

enum readiness_kind {
    READINESS_CONTACTS,   /* each contact was verified within `months` */
    READINESS_DEPUTIES,   /* each role that the matrix of authority asks for has a primary and a deputy */
    READINESS_APPROVERS,  /* each row of the matrix can be signed at each hour of the coming week */
    READINESS_PLAYBOOKS,  /* the next review of each is ahead, and not further than `months` */
    READINESS_EXERCISE,   /* an exercise stands in the ledger of incidents, not older than `months` */
    READINESS_ATTESTED,   /* somebody said so, not longer ago than `months` */
    READINESS_DOCUMENTS,  /* each of the listed documents is registered, approved, and its review ahead */
    READINESS_REFERENCES, /* none is due */
    READINESS_VENDORS,    /* no contract wants somebody */
    READINESS_PARTNERS,   /* each partner was verified within `months` */
};

struct readiness_text {
    struct str en, ja;
};

struct readiness_document {
    struct str id;
    struct readiness_text title;
};

struct readiness_item {
    struct str id, requirement; /* requirement: "S159" */
    struct str page;            /* of the console, "contacts" or "improvement/documents" */
    enum readiness_kind kind;
    int64_t months; /* 0 = the kind asks for none */
    int64_t weight; /* 1–10 */
    struct readiness_text title, todo;
    struct readiness_document *documents;
    uint32_t document_count;
};

struct readiness;
/* NULL with a sentence that names file and line. */
struct readiness *readiness_load(const char *path, struct error *err) MUST_CHECK;
void readiness_free(struct readiness *r); /* NULL is fine */
struct str readiness_version(const struct readiness *r);
const struct readiness_item *readiness_items(const struct readiness *r, uint32_t *count);
const struct readiness_item *readiness_find(const struct readiness *r, struct str id); /* NULL: unknown */
const char *readiness_kind_name(enum readiness_kind kind);

/* Unknown is not met: what nobody can tell is no comfort. */
enum readiness_status { READINESS_UNKNOWN, READINESS_MISSED, READINESS_MET };
const char *readiness_status_name(enum readiness_status status);
bool readiness_status_find(struct str name, enum readiness_status *out);

/* The weight of what is met in the weight of all, 0–100, rounded down: 100 only when nothing is open. One
 * status for each item, in order. */
int64_t readiness_score(const struct readiness *r, const enum readiness_status *statuses);

/* The same day and time so many calendar months later, clipped to the month's last day (31 January and one
 * month is the end of February); UTC, which for limits of months is near enough. */
int64_t readiness_months_after(int64_t time_ns, int64_t months);

#endif
