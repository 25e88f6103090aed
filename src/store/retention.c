/* store stage: retention. Reads the catalogue, drops parts from it and from state.db; their files go when the
 * last search that reads them ends. */
#include "store/retention.h"

#include "base/log.h"

static bool forget(const struct retention_config *r, const struct part *p, struct error *err)
{
    if (!state_begin(r->state, err))
        return false;
    bool ok = state_parts_delete(state_lock(r->state), p, err);
    state_unlock(r->state);
    if (ok)
        return state_commit(r->state, err);
    state_rollback(r->state);
    return false;
}

static bool drop(const struct retention_config *r, struct part *p, const char *why,
                 struct retention_result *result, struct error *err)
{
    if (!forget(r, p, err))
        return false;
    result->parts++;
    result->rows += p->rows;
    result->bytes += p->bytes;
    log_info(tr("Retention: %s with %llu events was deleted (%s).",
                "保存期限: %s（%llu 件）を削除しました（%s）。"),
             p->path, (unsigned long long)p->rows, why);
    catalogue_replace(r->catalogue, &p, 1, NULL);
    return true;
}

static bool is_expired(const struct retention_config *r, const struct part *p, int64_t now_ns)
{
    int64_t newest =
        p->max_time_ns == TIME_UNKNOWN || p->max_time_ns > p->sealed_ns ? p->sealed_ns : p->max_time_ns;
    return r->days && newest < now_ns - (int64_t)r->days * 86400 * NS_PER_SECOND;
}

bool retention_step(const struct retention_config *r, int64_t now_ns, struct retention_result *result,
                    struct error *err)
{
    struct part_filter all = PART_FILTER_ALL;
    struct snapshot *s = catalogue_snapshot(r->catalogue, &all);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < s->sealed.count; i++)
        bytes += s->sealed.parts[i]->bytes;
    bool ok = true;
    for (uint32_t i = 0; ok && i < s->sealed.count; i++) { /* oldest first */
        struct part *p = s->sealed.parts[i];
        bool is_too_much = r->max_bytes && bytes > r->max_bytes;
        if (!is_expired(r, p, now_ns) && !is_too_much)
            continue;
        bytes -= p->bytes;
        ok = drop(r, p, is_too_much ? tr("size limit", "容量の上限") : tr("age", "期間の経過"), result, err);
    }
    snapshot_free(s);
    return ok;
}
