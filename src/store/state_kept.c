/* Stage: store. The program's own columns of incidents and findings, as text. */
#include "store/state_kept.h"

#include "store/state_sql.h"

/* States that are over: 9 closed, 11 false positive, 12 merged, 13 duplicate, 14 exercise. */
static const char question[] =
    "SELECT i.id, i.state IN (9, 11, 12, 13, 14),"
    " coalesce((SELECT max(c.when_ns) FROM incident_change c WHERE c.incident = i.id), 0),"
    " i.first_ns || '|' || i.last_ns || '|' || i.news_ns || '|' || i.reason || '|' ||"
    " coalesce((SELECT group_concat(f.id || ':' || f.last_ns || ':' || f.last_sequence || ':' || f.count || "
    "':' ||"
    "   f.peers || ':' || f.matched, '|') FROM"
    "   (SELECT * FROM incident_finding WHERE incident = i.id ORDER BY id) f), '')"
    " FROM incident i WHERE i.state <> 0 ORDER BY i.id";

bool state_kept_walk(struct state *s,
                     bool (*each)(void *context, const struct kept_incident *k, struct error *err),
                     void *context, struct error *err)
{
    struct arena arena;
    state_lock(s);
    sqlite3_stmt *q = sql_get(s, question, err);
    int row = -1;
    bool ok = q != NULL;
    while (ok && (row = sql_step(s, q, err)) == 1) {
        arena_init(&arena, 4096);
        struct kept_incident k = {.id = sql_column_u64(q, 0),
                                  .is_over = sql_column_i64(q, 1) != 0,
                                  .changed_ns = sql_column_i64(q, 2),
                                  .text = sql_column_str(q, 3, &arena)};
        ok = each(context, &k, err);
        arena_free(&arena);
        if (!ok)
            sqlite3_reset(q);
    }
    state_unlock(s);
    return ok && row == 0;
}
