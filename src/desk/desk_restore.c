/* The desk takes up what an earlier run had kept: candidates, incidents, posture, priors, identities,
 * instruments and fleet. Next: desk_keep.c. */
#include "base/file.h"
#include "base/log.h"
#include "desk/desk_internal.h"
#include "incident/incident.h"
#include "store/state_desk.h"
#include "store/state_identity.h"
#include "store/state_incidents.h"

/* The journal brings again what was counted after the progress was last kept. */
static bool comes_again(const struct incident *i, uint64_t counted_through)
{
    for (uint32_t k = 0; k < i->finding_count; k++)
        if (i->findings[k].last_sequence > counted_through)
            return true;
    return false;
}

static bool restore_selected(struct desk *d, enum incident_selection selection, uint64_t counted_through,
                             struct error *err)
{
    struct arena arena;
    struct incident_page page = {.selection = selection,
                                 .news_from_ns = judge_horizon(d->judge),
                                 .limit = JUDGE_MAX_CANDIDATES,
                                 .with_findings = true};
    arena_init(&arena, 256 << 10);
    bool ok = state_incidents_list(d->options.state, &arena, &page, err);
    for (uint32_t i = 0; ok && i < page.count; i++) {
        bool is_open = incident_is_open(page.incidents[i].state);
        if (is_open || comes_again(&page.incidents[i], counted_through))
            judge_restore(d->judge, &page.incidents[i], is_open);
    }
    arena_free(&arena);
    return ok;
}

static bool restore_identity(struct desk *d, struct str watermark, struct error *err)
{
    int64_t watermark_ns;
    if (watermark.n == sizeof watermark_ns) {
        memcpy(&watermark_ns, watermark.p, sizeof watermark_ns);
        identity_set_watermark(d->options.identity, watermark_ns);
    }
    struct arena arena;
    struct identity_interval *rows;
    uint32_t count;
    arena_init(&arena, 256 << 10);
    bool ok = state_identity_load(d->options.state, identity_memory_from(d->options.identity),
                                  identity_most(d->options.identity), &arena, &rows, &count, err);
    for (uint32_t i = 0; ok && i < count; i++)
        identity_restore(d->options.identity, &rows[i]);
    arena_free(&arena);
    return ok;
}

void desk_show_level(struct desk *d)
{
    atomic_store(&d->level_shown, (int)posture_level(d->posture));
}

static void restore_posture(struct desk *d, struct str saved)
{
    if (d->posture != NULL && saved.n && !posture_load(d->posture, saved))
        log_warning("%s",
                    tr("the posture that was saved cannot be read and begins at Green; look at its keys "
                       "and override it if need be",
                       "保存した警戒態勢を読めないため緑から始めます。必要なら手動で変更してください"));
    if (d->posture != NULL && saved.n)
        desk_show_level(d);
}

bool desk_restore(struct desk *d, struct error *err)
{
    struct desk_progress progress = {.parts = {{"priors", STR_EMPTY},
                                               {"posture", STR_EMPTY},
                                               {"identity", STR_EMPTY},
                                               {"risk", STR_EMPTY}},
                                     .part_count = 4};
    struct arena arena;
    arena_init(&arena, 64 << 10);
    bool ok = state_desk_load(d->options.state, &arena, &progress, err);
    buf_add(&d->saved_correlations, ok ? progress.correlations : STR_EMPTY);
    if (ok) {
        priors_load(d->priors, progress.parts[0].bytes);
        restore_posture(d, progress.parts[1].bytes);
        risk_load(d->risk, progress.parts[3].bytes);
    }
    if (ok && d->options.identity != NULL)
        ok = restore_identity(d, progress.parts[2].bytes, err);
    arena_free(&arena);
    if (!ok)
        return false;
    d->watermark_ns = progress.watermark_ns;
    atomic_init(&d->counted_before, progress.counted_through);
    judge_set_watermark(d->judge, d->watermark_ns);
    return restore_selected(d, SELECT_CLOSED_INCIDENTS, progress.counted_through, err) &&
           restore_selected(d, SELECT_LIVING, progress.counted_through, err);
}

/* What is damaged is told and learned anew; what cannot be read is an error. */
bool desk_restore_observers(struct desk *d, struct error *err)
{
    struct buf saved = {0};
    struct error why;
    const char *path = d->options.instruments_path, *fleet_path = d->options.fleet_path;
    bool ok = true;
    if (path != NULL && file_exists(path)) {
        ok = file_read(path, OBSERVERS_MAX_BYTES, &saved, err);
        if (ok && !instruments_load(d->options.instruments, buf_str(&saved), &why))
            log_warning("%s: %s", path, why.text);
        buf_clear(&saved);
    }
    if (ok && fleet_path != NULL && file_exists(fleet_path)) {
        ok = file_read(fleet_path, OBSERVERS_MAX_BYTES, &saved, err);
        if (ok && !fleet_load(d->options.fleet, buf_str(&saved), &why))
            log_warning("%s: %s", fleet_path, why.text);
    }
    buf_free(&saved);
    return ok;
}
