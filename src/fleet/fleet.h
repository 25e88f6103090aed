/* The stage fleet: events → control states. What every control (antivirus, desktop firewall, host IPS, launch
 * control) is in on every host, from the logs of any vendor. One thread (the desk's) reads every batch in the
 * order of the journal.
 *
 *   event ──host and control facts──▶ host × control ──watermark──▶ findings in the batch
 *                                         └──fleet_summary(), fleet_rows()──▶ answers to people's questions
 *
 * No vendor is known here: parsers put every product's words into hyakuyo.control.*, hyakuyo.scan.*,
 * hyakuyo.patch.* (docs/fleet.md); thresholds, names, texts and likelihood ratios are content/fleet.yml.
 *
 * Invariants
 * 1. Time is event time and the watermark W: the largest event time so far, never beyond the time of receipt.
 *    States are as of W.
 * 2. What was not told is "unknown", never good. A host is called silent only while others of the same
 *    product still speak: a missing feed is no missing agent.
 * 3. State is bounded by `limits` of the file; what makes room is counted.
 * 4. fleet_save() holds all there is: after fleet_load() and the same batches the same findings come.
 * 5. Colours and states are worked out when asked: a change of content/fleet.yml recolours at once (S31). */
#ifndef FLEET_FLEET_H
#define FLEET_FLEET_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "event/asset.h"
#include "event/batch.h"

struct fleet_rules; /* content/fleet.yml; immutable */
/* NULL when the file is missing or wrong: the sentence names file and line. */
struct fleet_rules *fleet_rules_load(const char *path, struct error *err) MUST_CHECK;
void fleet_rules_free(struct fleet_rules *r); /* NULL is fine */

struct fleet;
struct fleet *fleet_new(struct fleet_rules *rules); /* takes over */
void fleet_free(struct fleet *f);                   /* NULL is fine */
/* Other thresholds and names from now on; what is known stays. Takes over. */
/* What it can tell under that id; NULL when nothing. Lives until the next fleet_use(). */
const struct rule_info *fleet_finding(const struct fleet *f, struct str finding_id);
void fleet_use(struct fleet *f, struct fleet_rules *rules);

/* Adds what is found to batch->findings, each under the event that made it known. Events that were taken
 * already (before a restart) are passed over. */
void fleet_take(struct fleet *f, struct batch *batch);
uint64_t fleet_through(const struct fleet *f); /* the last event taken; 0 = none */
/* The journal has lost what came after `last`: later events may bear those numbers. */
void fleet_note_recovered(struct fleet *f, uint64_t last);
/* As if an event of that time had come; findings go into the batch under its last event. */
void fleet_advance(struct fleet *f, struct batch *batch, int64_t watermark_ns);

/* The whole state; the format has a version. Loading what is damaged or foreign leaves the fleet empty and
 * says why. */
void fleet_save(struct fleet *f, struct buf *out);
bool fleet_load(struct fleet *f, struct str saved, struct error *err) MUST_CHECK;

struct fleet_counters {
    uint64_t hosts, findings;
    uint64_t dropped_hosts, dropped_gateways, dropped_hashes, dropped_versions, dropped_names;
};
struct fleet_counters fleet_counters(const struct fleet *f);

/* --------------------------------------------------------------- answers */

enum fleet_question {
    QUESTION_COVERAGE,        /* S6: present hosts with a healthy antivirus */
    QUESTION_UNMANAGED,       /* S11: seen in traffic, no agent */
    QUESTION_AGENTS,          /* S30: up, off, silent, absent, unknown */
    QUESTION_TAMPERING,       /* S10: silent while traffic goes on, stopped, excluded */
    QUESTION_ENGINES,         /* S31 */
    QUESTION_PATTERNS,        /* S32 */
    QUESTION_UPDATES,         /* S33: hosts the latest release has reached */
    QUESTION_FULL_SCANS,      /* S34 */
    QUESTION_SCAN_DURATIONS,  /* S4: how long full scans take, and which do not end */
    QUESTION_LATE,            /* S35 */
    QUESTION_FIREWALL_POLICY, /* S40 */
    QUESTION_FIREWALL_DATA,   /* S41 */
    QUESTION_REFUSALS,        /* S48 */
    QUESTION_PATCHES,         /* S12 */
    QUESTION_FUNCTIONS,       /* S8: one row a host and function */
    QUESTION_COUNT
};
struct str fleet_question_name(enum fleet_question q); /* "coverage", "unmanaged", … */
bool fleet_question_find(struct str name, enum fleet_question *out);

/* What people did about the alarms of a product (S20), from whoever knows it. */
enum fleet_answer { ANSWER_UNKNOWN, ANSWER_NO, ANSWER_YES };
struct fleet_care {
    struct str product;
    enum fleet_answer acknowledged, reviewed;
};

struct fleet_asking {
    const struct asset_set *assets; /* which hosts should exist; NULL = no inventory */
    struct str department;          /* only these hosts; "" = all */
    struct str host;                /* only this one, by its name; "" = all */
    struct str state;               /* rows: only this state; "" = all */
    uint32_t offset, limit;         /* rows */
    const struct fleet_care *care;
    uint32_t care_count;
};
/* Members of an object that the caller has begun. */
void fleet_summary(struct fleet *f, const struct fleet_asking *asking, struct json_writer *w);
bool fleet_knows(struct fleet *f, struct str host); /* by name; an address as long as it has none */
/* "rows" and "total" the same way; sorted by gravity, then name. */
void fleet_rows(struct fleet *f, enum fleet_question q, const struct fleet_asking *asking,
                struct json_writer *w);

/* Of one host, by its name, else by its address: what raises the prior of anything found on it (spec 4.4).
 * What was not told is no failure; a missing antivirus is one only where the estate has any. */
struct fleet_condition {
    bool is_unpatched;   /* S12: patches are overdue */
    const char *control; /* of its antivirus: "off", "silent", "missing"; "" = nothing is known to be wrong */
};
struct fleet_condition fleet_condition_of(struct fleet *f, struct str name, struct str address);

/* Of one host, found the same way (S1): when it was last scanned whole, and when malware was last found on
 * it; TIME_UNKNOWN = never told. */
struct fleet_scanned {
    int64_t scanned_ns, malware_ns;
};
struct fleet_scanned fleet_scanned(struct fleet *f, struct str name, struct str address);

/* Every host, seen or only in the inventory, in no particular order. Texts are valid during the call. */
struct fleet_host {
    const struct asset_host *asset; /* NULL = in no inventory */
    struct str name, ip, department, type;
    /* antivirus: healthy, outdated, off, silent, missing, exempt, absent (away), unknown, never_seen */
    struct str control;
    struct str patches; /* S12: compliant, pending, overdue, unknown */
    int64_t last_ns;    /* TIME_UNKNOWN = never */
};
typedef void fleet_host_fn(void *context, const struct fleet_host *host);
void fleet_walk(struct fleet *f, const struct asset_set *assets, int64_t now_ns, fleet_host_fn *each,
                void *context);

/* Figures to calculate with, of the hosts that are asked for. A function of which nothing was ever told
 * (`…_told` 0) is unknown, not missing everywhere. */
struct fleet_figures {
    uint64_t hosts;     /* present, and an antivirus is due on them (S6) */
    uint64_t antivirus; /* of these with a healthy one */
    uint64_t effective; /* of these up, with current patterns and scanned (S30 ∧ S32 ∧ S34) */
    uint64_t launch;    /* of these with launch control that is up */
    uint64_t antivirus_told, launch_told;   /* hosts */
    uint64_t patch_told, unpatched;         /* S12 */
    uint64_t late, late_dated;              /* late detections (S35); of how many it is known how late */
    double gap_median_hours, gap_p90_hours; /* S1: of the dated ones; −1 = none */
};
void fleet_figures(struct fleet *f, const struct fleet_asking *asking, struct fleet_figures *out);

/* S1: late detections of which it is known since when the file was there, oldest first; the last ones, as
 * many as `limits` of the file keeps. Into `gaps`, at most `most`; returns how many. */
struct fleet_gap {
    int64_t detected_ns, first_ns;
};
uint32_t fleet_gaps(const struct fleet *f, struct fleet_gap *gaps, uint32_t most);

/* For what the program adds (S51, S87): lists of content/fleet.yml. */
struct fleet_class {
    struct str name, title_en, title_ja;
    const struct str *const *needs; /* lists, each ended by an empty text; ended by NULL */
};
const struct fleet_class *fleet_classes(const struct fleet *f, uint32_t *count);
const struct str *fleet_gateway_categories(const struct fleet *f, uint32_t *count, int64_t *down_ns);
struct fleet_badge_times {
    int64_t acknowledge_ns, review_ns;
};
struct fleet_badge_times fleet_badge_times(const struct fleet *f);

#endif
