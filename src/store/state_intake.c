/* Stage: store. Which incident a report of a user has come to. Next: state_work.c. */
#include "store/state_intake.h"

#include "store/state_sql.h"

bool state_intake_incident(struct state *s, uint64_t sequence, struct str host, struct str ip, uint64_t *id,
                           struct error *err)
{
    *id = 0;
    state_lock(s);
    sqlite3_stmt *q = sql_get(s,
                              "SELECT incident FROM incident_finding WHERE evidence_group = 'user_report' AND"
                              " last_sequence >= ?1 AND first_sequence <= ?1 AND"
                              " ((?2 <> '' AND host_name = ?2 COLLATE NOCASE) OR (?3 <> '' AND host_ip = ?3))"
                              " ORDER BY incident DESC LIMIT 1",
                              err);
    if (q != NULL) {
        sql_u64(q, 1, sequence);
        sql_text(q, 2, host);
        sql_text(q, 3, ip);
    }
    int row = q ? sql_step(s, q, err) : -1;
    if (row == 1) {
        *id = sql_column_u64(q, 0);
        sqlite3_reset(q);
    }
    state_unlock(s);
    return row >= 0;
}
