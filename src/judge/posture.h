/* The posture of the response team (S53): Green, Yellow, Orange; Red is declared by people. Moved by findings
 * and the watermark, by the criteria of content/posture.yml; people may override it, with reason, expiry and
 * approver.
 *
 *            yellow evidence                    orange evidence
 *   GREEN ───────────────────▶ YELLOW ─────────────────────────▶ ORANGE ◀── from GREEN too
 *     ▲    yellow quiet 24 h     │ ▲                               │ quiet 4 h, and confirmed by a lead
 *     └──────────────────────────┘ └───────────────────────────────┘ (to YELLOW while that holds, else GREEN)
 *
 *   posture_take(): evidence     posture_reach(): quiet is over, overrides end     posture_confirm(): the
 * lead
 *
 * Invariants
 * 1. The same findings, watermarks and decisions give the same levels: no clock but event time.
 * 2. Yellow evidence never shows Orange, and Orange evidence does not stand for Yellow: with both, Orange is
 *    shown and Yellow noted (S55).
 * 3. News from outside moves nothing before somebody has confirmed it (S62).
 * 4. Memory is fixed: keys, counted sources and notices beyond the limits take the place of the oldest. */
#ifndef JUDGE_POSTURE_H
#define JUDGE_POSTURE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "event/finding.h"

enum posture_level { POSTURE_GREEN, POSTURE_YELLOW, POSTURE_ORANGE, POSTURE_RED, POSTURE_LEVELS };
struct str posture_level_name(enum posture_level l); /* "green" … "red" */
bool posture_level_parse(struct str s, enum posture_level *out);

struct posture_duty {
    struct str en, ja;
};

/* Evidence that raises: one of `findings`; with `sources` > 1, that many different hosts with the same value
 * of `same` within `within_ns`. */
struct posture_rule {
    enum posture_level to; /* yellow or orange */
    struct str *findings;  /* rule ids */
    uint32_t finding_count;
    struct str keys; /* matched value that names the keys, several on lines of their own */
    struct str same; /* matched value; "" = any */
    struct str text; /* of the key; {} stands for the value of `keys` or `same` */
    uint32_t sources;
    int64_t within_ns;
};

struct posture_criteria {
    struct arena arena;
    struct str version;
    struct posture_duty *duties[POSTURE_LEVELS];
    uint32_t duty_counts[POSTURE_LEVELS];
    struct str titles_en[POSTURE_LEVELS], titles_ja[POSTURE_LEVELS];
    struct posture_rule *rules;
    uint32_t rule_count;
    int64_t yellow_quiet_ns, orange_quiet_ns, notice_lasts_ns, override_longest_ns;
};

/* NULL on error; the sentence names file, line and remedy. */
struct posture_criteria *posture_criteria_load(const char *path, struct error *err) MUST_CHECK;
void posture_criteria_free(struct posture_criteria *c);

enum { POSTURE_TEXT_MAX = 120, POSTURE_KEYS_MAX = 64, POSTURE_NOTICES_MAX = 100 };

struct posture_key {
    char text[POSTURE_TEXT_MAX]; /* NUL-terminated, as all texts of this kind */
    char rule[POSTURE_TEXT_MAX]; /* id of the finding */
    uint8_t level;               /* it stands for: enum posture_level */
    int64_t first_ns, last_ns;
};

struct posture_override {
    char reason[POSTURE_TEXT_MAX * 2], by[POSTURE_TEXT_MAX], approver[POSTURE_TEXT_MAX];
    uint8_t level;
    int64_t since_ns, expires_ns; /* expires_ns 0 = there is none */
};

/* A notice of a body outside: police, CERT, vendor (S62). */
struct posture_notice {
    uint64_t id;
    char issuer[POSTURE_TEXT_MAX], trend[POSTURE_TEXT_MAX], tlp[16], confirmed_by[POSTURE_TEXT_MAX];
    uint16_t port;             /* 0 = none */
    int64_t time_ns, until_ns; /* until_ns: raises to Yellow until then, once confirmed */
    bool is_confirmed;
};

struct posture_view {
    enum posture_level level;    /* in force */
    enum posture_level computed; /* without override */
    bool is_yellow_noted;        /* Orange or more is shown, Yellow would hold too */
    bool awaits_confirmation;    /* Orange has been quiet long enough; a lead must confirm */
    int64_t since_ns;            /* event time of the latest change */
    const struct posture_key *keys[POSTURE_KEYS_MAX]; /* of the computed level first; by first_ns */
    uint32_t key_count;
    const struct posture_override *override; /* NULL = none */
    const struct posture_notice *notices;
    uint32_t notice_count;
};

struct posture;
/* Criteria are borrowed. `changed`, when not NULL, is called when level or keys have changed, by whoever
 * caused it; `time_ns` is event time. */
struct posture *posture_new(const struct posture_criteria *criteria,
                            void (*changed)(void *context, const struct posture_view *view, int64_t time_ns),
                            void *context);
void posture_free(struct posture *p);

void posture_take(struct posture *p, const struct finding *f);
/* The watermark: event time that has been reached. */
void posture_reach(struct posture *p, int64_t watermark_ns);

enum posture_level posture_level(const struct posture *p);            /* in force */
void posture_view(const struct posture *p, struct posture_view *out); /* valid until the next call */

/* What people decide, at event time `now_ns`. On false nothing has changed. */
bool posture_confirm(struct posture *p, int64_t now_ns, struct error *err) MUST_CHECK;
struct posture_decision {
    enum posture_level level;
    struct str reason, by, approver;
    int64_t expires_ns;
};
bool posture_decide(struct posture *p, const struct posture_decision *d, int64_t now_ns,
                    struct error *err) MUST_CHECK;
bool posture_withdraw(struct posture *p, int64_t now_ns, struct error *err) MUST_CHECK; /* the override */
/* Adds a notice; the texts are cut to what fits. Returns its id. */
uint64_t posture_add_notice(struct posture *p, const struct posture_notice *notice);
bool posture_confirm_notice(struct posture *p, uint64_t id, struct str by, int64_t now_ns,
                            struct error *err) MUST_CHECK;

void posture_json(const struct posture *p, struct buf *out); /* one object, texts in both languages */
/* {"kind":"posture","time":…,"level":…,"keys":[…]} and a line end, for replay. */
void posture_line(const struct posture_view *view, int64_t time_ns, struct buf *out);

/* All there is. A damaged or older text leaves the posture as it was and returns false. */
void posture_save(const struct posture *p, struct buf *out);
bool posture_load(struct posture *p, struct str saved) MUST_CHECK;

#endif
