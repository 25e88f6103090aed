/* The stage instrument: the statistical detectors, one file each, over the stream of events. The desk thread
 * reads every batch in the order of the journal.
 *
 *   event ──sight_fill()──▶ sight (what instruments look at, filled once) ──see()──▶ each instrument that
 * wants it watermark ──reach()──▶ ends of windows and bins both ──instrument_tell()──▶ findings in the batch
 *
 * Invariants
 * 1. The same batches give the same findings: instruments know event time and the watermark, no other clock.
 * 2. The watermark is the largest event time so far, never beyond the time of receipt.
 * 3. State is bounded: every table has a limit (content/instruments/), drops its longest unused entry beyond
 *    it and counts that.
 * 4. instruments_save() holds all there is: after instruments_load() and the same batches the same findings
 *    come.
 * 5. Every finding carries its statistic, threshold and window, and the evidence group and likelihood ratio
 *    of content/instruments/NAME.yml (spec 2, ground rule). */
#ifndef INSTRUMENT_INSTRUMENT_H
#define INSTRUMENT_INSTRUMENT_H

#include "base/buf.h"
#include "base/calendar.h"
#include "base/clock.h"
#include "base/error.h"
#include "event/batch.h"
#include "event/rule.h"

struct instruments;

/* All instruments with the parameters of `folder` (content/instruments); one file for each. NULL when a file
 * is missing or wrong: the sentence names file and line. `calendar` is the path of calendar.yml: days without
 * work. `zone` (borrowed) tells local days and hours. */
struct instruments *instruments_new(const char *folder, const char *calendar, const struct zone *zone,
                                    struct error *err) MUST_CHECK;
void instruments_free(struct instruments *all); /* NULL is fine */

/* Adds what they find to batch->findings, each under the event that made it known. Events up to
 * instruments_through() were taken before a restart and are passed over. */
void instruments_take(struct instruments *all, struct batch *batch);
uint64_t instruments_through(const struct instruments *all); /* the last event taken; 0 = none */
/* The journal gives no number up to `last` any more than those that were taken: later events may bear them.
 */
void instruments_note_recovered(struct instruments *all, uint64_t last);
/* As if an event of that time had come: ends windows. Findings go into the batch under its last event. */
void instruments_advance(struct instruments *all, struct batch *batch, int64_t watermark_ns);

/* An instrument counts the same as this correlation, more exactly: the correlation need not speak. */
bool instruments_replace(const struct instruments *all, struct str rule_id);

/* The whole state; the format has a version. Loading what is damaged leaves the instruments empty and says
 * why; an instrument whose format has changed begins anew, alone. */
void instruments_save(const struct instruments *all, struct buf *out);
bool instruments_load(struct instruments *all, struct str saved, struct error *err) MUST_CHECK;

/* For people: what there is, and with which parameters. Texts live as long as `all`. */
struct parameter_info {
    struct str name, unit, description_en, description_ja;
    double value;
};
struct instrument_info {
    struct str name, title_en, title_ja, description_en, description_ja;
    const struct parameter_info *parameters;
    size_t parameter_count;
    const struct rule_info *findings; /* what it can tell */
    size_t finding_count;
    uint64_t told, seen, dropped; /* findings, sights, entries that made room */
    uint64_t excepted;            /* sights that a registered exception kept from counting (S91) */
    uint64_t late;                /* came when what they belong to was closed */
    uint64_t entries;
    size_t bytes;
    bool has_list; /* instruments_list() shows something */
};
size_t instruments_count(const struct instruments *all);
/* Whether an instrument is called so: findings of it have its name for a system. */
bool instruments_has(struct str name);
/* Whether some instrument can tell a finding of that id, whatever the files say. */
bool instruments_can_find(struct str finding_id);
/* What they can tell under that id; NULL when none does. Lives as long as `all`. */
const struct rule_info *instruments_finding(const struct instruments *all, struct str finding_id);
/* What the instrument of that name would show people who ask, as a JSON array of objects: no alarms, a list
 * to work through (S103). False when there is no such instrument or it has no list. */
bool instruments_list(const struct instruments *all, struct str name, struct buf *out);
void instruments_info(const struct instruments *all, size_t index, struct instrument_info *out);

#endif
