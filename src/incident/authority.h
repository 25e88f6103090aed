/* Who may decide what (S156–S166): content/authority.yml as a matrix of action × scope × urgency, and the
 * rules of signing. Pure: the caller says who the signer is and what was signed; nothing here asks a clock.
 *
 *   proposed ─check─▶ checked ─all roles signed─▶ approved ─▶ (expires after `hours`)
 *       └── rejected, withdrawn                emergency ─approved afterwards─▶ approved, else flagged */
#ifndef INCIDENT_AUTHORITY_H
#define INCIDENT_AUTHORITY_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#define AUTHORITY_SIGNERS_MAX 4

struct authority_role {
    struct str id, title_en, title_ja;
    struct str account; /* role of accounts that act in it while nobody is named */
};

struct authority_row {
    struct str action, scope, title_en, title_ja;
    int urgency_least; /* 1–4 */
    struct str approvers[AUTHORITY_SIGNERS_MAX];
    uint32_t approver_count;
    struct str notices[AUTHORITY_SIGNERS_MAX]; /* who has to be told */
    uint32_t notice_count;
    struct str subject; /* "evidence", "vendor": decided for one thing at a time; "" = for the incident */
    bool needs_check, is_containment;
    int confidence_least, importance_most; /* pre-authorised; confidence_least 0 = never */
    int64_t hours;                         /* longest duration */
};

struct authority;
struct authority *authority_load(const char *path, struct error *err) MUST_CHECK; /* reads and proves */
void authority_free(struct authority *a);
struct str authority_version(const struct authority *a);
int64_t authority_decision_minutes(const struct authority *a);
int64_t authority_emergency_hours(const struct authority *a);
const struct authority_role *authority_roles(const struct authority *a, uint32_t *count);
const struct authority_role *authority_role(const struct authority *a, struct str id); /* NULL: unknown */
const struct authority_row *authority_rows(const struct authority *a, uint32_t *count);
/* NULL: the matrix does not know this action and scope. */
const struct authority_row *authority_find(const struct authority *a, struct str action, struct str scope,
                                           int urgency);
/* Whether the action may begin at this confidence and importance without asking. */
bool authority_is_preauthorised(const struct authority_row *row, int confidence_level, int importance);

struct authority_signature {
    struct str role, user;
};

/* What has happened to a proposal so far. */
struct authority_case {
    struct str proposer, checker; /* checker "" = nobody yet */
    bool is_late;                 /* the decision clock has run out: deputies may sign */
    const struct authority_signature *signatures;
    uint32_t signature_count;
};

struct authority_signer {
    struct str user;
    bool is_outside;                          /* of a vendor: proposes, never decides (S156) */
    const struct str *primary_of, *deputy_of; /* ids of roles */
    uint32_t primary_count, deputy_count;
};

enum authority_answer {
    AUTHORITY_YES,
    AUTHORITY_FORBIDDEN, /* this person may not decide here */
    AUTHORITY_NOT_NOW,   /* something has to come first */
};

/* In which role this person signs: the first that is still open. The sentences say why not. */
enum authority_answer authority_sign(const struct authority_row *row, const struct authority_case *proposal,
                                     const struct authority_signer *signer, struct str *role,
                                     struct error *en, struct error *ja);
/* The check before the signatures: by anybody inside but the proposer. */
enum authority_answer authority_check(const struct authority_case *proposal,
                                      const struct authority_signer *signer, struct error *en,
                                      struct error *ja);
/* Whether all roles of the row have signed. */
bool authority_is_complete(const struct authority_row *row, const struct authority_case *proposal);

#endif
