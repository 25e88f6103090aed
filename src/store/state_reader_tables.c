/* Stage: store. The SELECTs that reports know by name. Their arguments: :from_ns, :to_ns (the period, half
 * open), :as_of_ns, :offset_s (of the report's zone), :ja (1: Japanese titles), :incident, and what a form
 * gives under `with`. Candidates (state 0) and exercises are no incidents and are left out, but for the
 * tables of one incident. States that are over: 9 closed, 11 false positive, 12 merged, 13 duplicate, 14
 * exercise. */
#include "store/state_reader_tables.h"

#include "base/memory.h"

#define OVER       "(9, 11, 12, 13, 14)"
#define REAL       "i.state <> 0 AND i.exercise = 0"
#define IN_PERIOD  "i.opened_ns >= :from_ns AND i.opened_ns < :to_ns"
#define TITLE      "CASE WHEN :ja AND i.title_ja <> '' THEN i.title_ja ELSE i.title_en END AS title"
#define DEPARTMENT "CASE i.department WHEN '' THEN NULL ELSE i.department END AS department"
/* The state it had at the end of the period. */
#define STATE_AT_END                                                                                         \
    "coalesce((SELECT c.to_state FROM incident_change c WHERE c.incident = i.id AND c.when_ns < :to_ns"      \
    " ORDER BY c.id DESC LIMIT 1), 1)"
#define CHECKED                                                                                              \
    "(SELECT min(c.when_ns) FROM incident_change c WHERE c.incident = i.id AND c.who <> 'hyakuyo')"
#define SLA_NS          "json_extract(i.reason, '$.sla_minutes') * 60000000000"
#define IN_HOURS        "b.hour >= :from_ns / 3600000000000 AND b.hour < (:to_ns + 3599999999999) / 3600000000000"
#define LOCAL_DAY(time) "((" time " / 1000000000 + :offset_s) / 86400 * 86400 - :offset_s) * 1000000000"

/* How one over another is 0 of 0: unknown. */
#define SHARE(part, whole) "100.0 * (" part ") / nullif(" whole ", 0)"

/* clang-format off */
const struct state_named_table state_named_tables[] = {
{"incident_totals",
"SELECT count(*) FILTER (WHERE " IN_PERIOD ") AS opened,"
"  (SELECT count(DISTINCT c.incident) FROM incident_change c JOIN incident i ON i.id = c.incident"
"    WHERE " REAL " AND c.to_state = 9 AND c.when_ns >= :from_ns AND c.when_ns < :to_ns) AS closed,"
"  (SELECT count(DISTINCT c.incident) FROM incident_change c JOIN incident i ON i.id = c.incident"
"    WHERE " REAL " AND c.to_state = 11 AND c.when_ns >= :from_ns AND c.when_ns < :to_ns) AS false_positives,"
"  count(*) FILTER (WHERE i.opened_ns < :to_ns AND " STATE_AT_END " NOT IN " OVER ") AS open_at_end"
" FROM incident i WHERE " REAL},
{"incidents",
"SELECT i.id AS incident, i.opened_ns AS opened_at, " TITLE ", " DEPARTMENT ", i.urgency, i.importance,"
"  i.confidence_level AS confidence, " STATE_AT_END " AS state"
" FROM incident i WHERE " REAL " AND " IN_PERIOD " ORDER BY i.urgency DESC, i.importance DESC, i.opened_ns, i.id"},
{"incidents_by_department",
"SELECT " DEPARTMENT ", count(*) FILTER (WHERE " IN_PERIOD ") AS opened,"
"  count(*) FILTER (WHERE i.opened_ns < :to_ns AND " STATE_AT_END " NOT IN " OVER ") AS open_at_end"
" FROM incident i WHERE " REAL " AND i.opened_ns < :to_ns GROUP BY 1"
" HAVING opened > 0 OR open_at_end > 0 ORDER BY opened DESC, open_at_end DESC, 1"},
{"incidents_by_urgency",
"SELECT i.urgency, count(*) AS opened FROM incident i WHERE " REAL " AND " IN_PERIOD " GROUP BY 1 ORDER BY 1 DESC"},
{"incidents_by_type",
"SELECT i.type, count(*) AS opened FROM incident i WHERE " REAL " AND " IN_PERIOD " GROUP BY 1 ORDER BY 2 DESC, 1"},
{"incidents_by_vector",
"SELECT (SELECT nullif(c.vector_kind, '') FROM work_case c WHERE c.incident = i.id) AS vector, count(*) AS opened,"
"  count(*) FILTER (WHERE " STATE_AT_END " = 9) AS closed"
" FROM incident i WHERE " REAL " AND " IN_PERIOD " GROUP BY 1 ORDER BY 2 DESC, 1"},
{"incidents_by_day",
"SELECT " LOCAL_DAY("i.opened_ns") " AS day, i.urgency, count(*) AS opened"
" FROM incident i WHERE " REAL " AND " IN_PERIOD " GROUP BY 1, 2 ORDER BY 1, 2 DESC"},
{"alarm_checks",
"WITH alarm AS (SELECT json_extract(i.reason, '$.sla') AS sla, " SLA_NS " AS sla_ns, i.opened_ns, " CHECKED " AS checked_ns"
"  FROM incident i WHERE " REAL " AND " IN_PERIOD ")"
" SELECT sla, max(sla_ns) / 60000000000 AS target, count(*) AS received, count(checked_ns) AS checked,"
"  count(*) - count(checked_ns) AS unchecked,"
"  count(*) FILTER (WHERE checked_ns - opened_ns <= sla_ns) AS in_time,"
"  count(*) FILTER (WHERE coalesce(checked_ns, :as_of_ns) - opened_ns > sla_ns) AS overdue,"
"  " SHARE("count(*) FILTER (WHERE checked_ns - opened_ns <= sla_ns)",
           "count(*) FILTER (WHERE checked_ns IS NOT NULL OR :as_of_ns - opened_ns > sla_ns)") " AS percent_in_time,"
"  max(checked_ns - opened_ns) / 60000000000 AS longest"
" FROM alarm GROUP BY sla ORDER BY sla"},
{"balance_totals",
"SELECT coalesce(sum(received), 0) AS received, coalesce(sum(stored), 0) AS stored, coalesce(sum(filtered), 0) AS filtered,"
"  coalesce(sum(rejected), 0) AS rejected, coalesce(sum(lost), 0) AS lost,"
"  coalesce(sum(received - stored - filtered - rejected - lost), 0) AS difference FROM balance b WHERE " IN_HOURS},
{"balance",
"SELECT coalesce(s.name, '#' || b.source) AS source, sum(received) AS received, sum(stored) AS stored, sum(filtered) AS filtered,"
"  sum(rejected) AS rejected, sum(lost) AS lost, sum(received - stored - filtered - rejected - lost) AS difference"
" FROM balance b LEFT JOIN source s ON s.number = b.source WHERE " IN_HOURS " GROUP BY b.source ORDER BY received DESC, 1"},
{"silent_sources",
"WITH seen AS (SELECT s.name AS source, s.registered,"
"   max(s.last_seen_ns, coalesce((SELECT max(last_ns) FROM source_activity a WHERE a.source = s.number), s.last_seen_ns)) AS last_seen"
"  FROM source s)"
" SELECT source, registered, last_seen, (:as_of_ns - last_seen) / 60000000000 AS silent_for FROM seen"
" WHERE :as_of_ns - last_seen > :hours * 3600000000000 ORDER BY last_seen, source"},
{"sources",
"SELECT s.name AS source, s.registered, s.parser, s.first_seen_ns AS first_seen, s.last_seen_ns AS last_seen FROM source s ORDER BY s.number"},
{"parse_failures",
"SELECT coalesce(s.name, '#' || b.source) AS source, sum(b.events) AS events, sum(b.failures) AS failures,"
"  " SHARE("sum(b.failures)", "sum(b.events)") " AS percent_failed"
" FROM source_activity b LEFT JOIN source s ON s.number = b.source WHERE " IN_HOURS
" GROUP BY b.source HAVING sum(b.failures) > 0 ORDER BY percent_failed DESC, 1"},
{"proof_totals",
"SELECT count(*) FILTER (WHERE outcome = 1) AS proven, count(*) FILTER (WHERE outcome = 2) AS silent,"
"  count(*) FILTER (WHERE outcome = 3) AS no_finding, count(*) FILTER (WHERE outcome = 4) AS no_input,"
"  count(*) FILTER (WHERE outcome = 5) AS unsendable,"
"  " SHARE("count(*) FILTER (WHERE outcome = 1)", "count(*) FILTER (WHERE outcome IN (1, 2, 3, 4))") " AS percent_proven,"
"  CASE WHEN max(sent_ns) > 0 THEN max(sent_ns) END AS last_run FROM proof"},
{"proof_failures",
"SELECT rule_id AS rule, input, outcome, CASE WHEN sent_ns > 0 THEN sent_ns END AS sent,"
"  CASE WHEN proven_ns > 0 THEN proven_ns END AS last_proven, detail FROM proof WHERE outcome IN (2, 3, 4) ORDER BY rule_id, input"},
{"rule_activity",
"WITH named AS (SELECT rule_id, CASE WHEN :ja AND title_ja <> '' THEN title_ja ELSE title_en END AS title, max(id) FROM incident_finding GROUP BY rule_id)"
" SELECT n.title, a.rule_id AS rule, a.fired, a.suppressed, CASE WHEN a.last_ns > 0 THEN a.last_ns END AS last_fired"
" FROM rule_activity a LEFT JOIN named n ON n.rule_id = a.rule_id WHERE a.last_ns >= :from_ns AND a.last_ns < :to_ns ORDER BY a.fired DESC, a.rule_id"},
{"rule_exceptions",
"SELECT id, rule_id AS rule, condition, owner, reason, created_by, created_ns AS created, expires_ns AS expires, suppressed"
" FROM rule_exception WHERE created_ns < :to_ns AND withdrawn_ns >= :to_ns AND expires_ns >= :to_ns ORDER BY expires_ns, id"},
{"exceptions_changed",
"SELECT id, rule_id AS rule, condition, owner, reason, created_by, created_ns AS created, expires_ns AS expires,"
"  withdrawn_by, CASE WHEN withdrawn_ns < 9223372036854775807 THEN withdrawn_ns END AS withdrawn, suppressed FROM rule_exception"
" WHERE created_ns >= :from_ns AND created_ns < :to_ns OR withdrawn_ns >= :from_ns AND withdrawn_ns < :to_ns ORDER BY id"},
{"detection_speed",
"WITH alarm AS (SELECT i.opened_ns - i.first_ns AS detect_ns, " CHECKED " - i.opened_ns AS check_ns,"
"   (SELECT min(c.when_ns) FROM incident_change c WHERE c.incident = i.id AND c.to_state = 9) - i.opened_ns AS close_ns"
"  FROM incident i WHERE " REAL " AND " IN_PERIOD ")"
" SELECT CAST(avg(detect_ns) / 60000000000 AS INTEGER) AS mean_detect, CAST(avg(check_ns) / 60000000000 AS INTEGER) AS mean_check,"
"  CAST(avg(close_ns) / 60000000000 AS INTEGER) AS mean_close, count(close_ns) AS closed FROM alarm"},
{"record_head",
"SELECT lower(hex(entry_hash)) AS record_head FROM record_entry ORDER BY seq DESC LIMIT 1"},
{"last_sequence",
"SELECT max(last_sequence) AS last_sequence FROM part"},
{"stored_parts",
"SELECT count(*) AS files, coalesce(sum(rows), 0) AS events, coalesce(sum(bytes), 0) AS bytes,"
"  CASE WHEN count(*) > 0 THEN min(min_time_ns) END AS oldest FROM part"},
{"accounts",
"SELECT u.name AS user, u.roles, u.disabled, u.created_ns AS created,"
"  (SELECT max(s.last_seen_ns) FROM session s WHERE s.user = u.id) AS last_session FROM user u ORDER BY u.id"},
{"tokens",
"SELECT t.name AS token, u.name AS user, t.roles, t.created_ns AS created,"
"  CASE WHEN t.last_seen_ns > 0 THEN t.last_seen_ns END AS last_used,"
"  CASE WHEN t.expires_ns < 9223372036854775807 THEN t.expires_ns END AS expires"
" FROM api_token t JOIN user u ON u.id = t.user ORDER BY t.id"},
{"people",
"SELECT department, count(DISTINCT user) AS people FROM asset_user WHERE retired_ns IS NULL AND department <> '' GROUP BY 1"},
{"inventory",
"SELECT count(*) AS hosts, count(*) FILTER (WHERE importance = 4) AS most_important,"
"  count(*) FILTER (WHERE owner = '') AS without_owner FROM asset_host WHERE retired_ns IS NULL"},
{"asset_exceptions",
"SELECT id, kind, ip, protocol, port, domain, owner, reason, CASE WHEN expires_ns < 9223372036854775807 THEN expires_ns END AS expires"
" FROM asset_exception WHERE retired_ns IS NULL ORDER BY expires_ns, id"},
/* ---- one incident ---- */
{"incident",
"SELECT i.id AS incident, i.state, i.urgency, i.importance, i.confidence_level AS confidence, 100.0 * i.confidence AS posterior,"
"  i.first_ns AS first_event, i.opened_ns AS opened_at, i.last_ns AS last_event FROM incident i WHERE i.id = :incident"},
{"incident_about",
"SELECT " TITLE ", i.type, replace(i.hosts, ';', ', ') AS hosts, replace(i.outside, ';', ', ') AS outside_addresses, " DEPARTMENT ", CASE i.user WHEN '' THEN NULL ELSE i.user END AS user, i.first_ns AS first_event,"
"  i.exercise FROM incident i WHERE i.id = :incident"},
{"incident_timeline",
"SELECT f.first_ns AS first_event, f.last_ns AS last_event, f.product, CASE WHEN :ja AND f.title_ja <> '' THEN f.title_ja ELSE f.title_en END AS title,"
"  f.level, f.count, CASE f.outside WHEN 0 THEN '' ELSE iif(:ja, '外部 ', 'outside ') END || coalesce(nullif(f.host_name, ''), nullif(f.host_ip, '')) AS host, nullif(f.peer, '') AS peer, f.passage,"
"  nullif(f.techniques, '') AS techniques FROM incident_finding f WHERE f.incident = :incident ORDER BY f.first_ns, f.id"},
{"incident_systems",
"SELECT f.product, min(f.first_ns) AS first_event, max(f.last_ns) AS last_event, count(DISTINCT f.rule_id) AS rules, sum(f.count) AS events,"
"  max(f.passage) AS passage FROM incident_finding f WHERE f.incident = :incident GROUP BY f.product ORDER BY 2, 1"},
{"incident_prior",
"SELECT 100.0 * json_extract(i.reason, '$.confidence.prior') AS prior, json_extract(i.reason, '$.confidence.correlation') AS correlation,"
"  100.0 * json_extract(i.reason, '$.confidence.posterior') AS posterior, json_extract(i.reason, '$.confidence.calibrated') AS calibrated,"
"  json_extract(i.reason, '$.sla') AS sla, json_extract(i.reason, '$.sla_minutes') AS target,"
"  json_extract(i.reason, '$.urgency.stage') AS stage, json_extract(i.reason, '$.criteria') AS criteria FROM incident i WHERE i.id = :incident"},
{"incident_evidence",
"SELECT json_extract(g.value, '$.group') AS evidence_group,"
"  CASE WHEN :ja THEN coalesce(json_extract(e.value, '$.rule_ja'), json_extract(e.value, '$.rule')) ELSE json_extract(e.value, '$.rule') END AS title,"
"  json_extract(e.value, '$.likelihood_ratio') AS likelihood_ratio, json_extract(e.value, '$.by_level') AS by_level,"
"  json_extract(g.value, '$.log_odds') AS log_odds"
" FROM incident i, json_each(i.reason, '$.confidence.groups') g, json_each(g.value, '$.items') e WHERE i.id = :incident"},
{"incident_changes",
"SELECT c.when_ns AS time, c.who, c.from_state, c.to_state, c.note FROM incident_change c WHERE c.incident = :incident ORDER BY c.id"},
{"incident_record",
"SELECT e.recorded_ns AS time, e.action, e.actor AS who, e.role,"
"  CASE instr(e.target, '/') WHEN 0 THEN e.target ELSE substr(e.target, 1, instr(e.target, '/') - 1) END AS deed_kind,"
"  CASE instr(e.target, '/') WHEN 0 THEN '' ELSE substr(e.target, instr(e.target, '/') + 1) END AS deed_number, CASE WHEN p.seq IS NULL THEN '' ELSE p.text END AS note,"
"  substr(lower(hex(e.entry_hash)), 1, 16) AS hash FROM record_entry e LEFT JOIN record_payload p ON p.seq = e.seq"
"  WHERE e.incident = :incident ORDER BY e.seq"},
{"incident_cause",
"SELECT nullif(c.vector_kind, '') AS vector, c.vector AS vector_detail, nullif(c.vector_by, '') AS decided_by,"
"  CASE c.root_cause WHEN '' THEN NULL ELSE c.root_cause END AS root_cause, c.unknown_reason FROM work_case c WHERE c.incident = :incident"},
{"incident_decisions",
"SELECT a.action || '/' || a.scope AS decision, a.question AS decision_asked, a.status AS decision_state, a.proposed_by, a.proposed AS asked_at,"
"  a.deadline AS decide_by, CASE a.escalated WHEN 0 THEN '' ELSE a.escalated END AS escalated_at, CASE a.decided WHEN 0 THEN '' ELSE a.decided END AS decided_at,"
"  (SELECT group_concat(s.user || CASE WHEN s.is_deputy = 0 THEN '' WHEN :ja THEN '(代行)' ELSE ' (deputy)' END, ', ')"
"   FROM work_signature s WHERE s.approval = a.id) AS signed_names"
" FROM work_approval a WHERE a.incident = :incident ORDER BY a.id"},
{"incident_tasks",
"SELECT CASE WHEN :ja AND t.title_ja <> '' THEN t.title_ja ELSE t.title_en END AS task_title, t.status AS task_state, CASE t.due WHEN 0 THEN '' ELSE t.due END AS due_at,"
"  CASE t.ended WHEN 0 THEN '' ELSE t.ended END AS ended, t.done_by, t.result, t.instructed_by, t.approved_by, t.reported_to"
" FROM work_task t WHERE t.incident = :incident ORDER BY t.id"},
{"incident_hosts",
"SELECT h.host, h.status AS host_state, nullif(h.detected, 0) AS detected_at, CASE h.acted WHEN 0 THEN '' ELSE h.acted END AS acted_at, CASE h.contained WHEN 0 THEN '' ELSE h.contained END AS contained_at,"
"  nullif(h.verified_clean, 0) AS clean_at, h.residual_reason, h.accepted_by FROM work_host h WHERE h.incident = :incident ORDER BY h.id"},
{"incident_items",
"SELECT e.number AS item_number, e.type AS item_type, e.description, e.acquired AS acquired_at, e.acquired_by, e.holder,"
"  CASE e.size WHEN 0 THEN '' ELSE e.size END AS bytes, e.sha256, CASE e.disposed WHEN 0 THEN '' ELSE e.disposed END AS disposed_at"
" FROM work_evidence e WHERE e.incident = :incident ORDER BY e.id"},
{"incident_custody",
"SELECT c.happened AS time, e.number AS item_number, c.kind AS custody_kind, c.from_person, c.to_person, c.reason, c.signed_by, c.approved_by"
" FROM work_custody c JOIN work_evidence e ON e.id = c.evidence WHERE e.incident = :incident ORDER BY c.id"},
{"incident_measures",
"SELECT m.device, m.target AS measure_target, m.status AS measure_state, m.requested_by, m.approved_by, CASE m.activated WHEN 0 THEN '' ELSE m.activated END AS activated_at,"
"  CASE m.verified WHEN 0 THEN '' ELSE m.verified END AS verified_at, m.seen_after, CASE m.expires WHEN 0 THEN '' ELSE m.expires END AS ends_at, CASE m.removed WHEN 0 THEN '' ELSE m.removed END AS removed_at"
" FROM work_countermeasure m WHERE m.incident = :incident ORDER BY m.id"},
{"incident_review",
"SELECT v.summary, v.causes, v.worked, v.improve, v.signed_by AS reviewed_by, CASE v.signed WHEN 0 THEN '' ELSE v.signed END AS reviewed_at"
" FROM work_review v WHERE v.incident = :incident ORDER BY v.id"},
{"incident_improvements",
"SELECT a.title, a.owner, a.due AS due_at, a.status AS action_state, a.evidence, a.effect FROM work_action a WHERE a.incident = :incident ORDER BY a.id"},
/* ---- populations of the evidence pack: every row, whatever came of it ---- */
{"incident_ledger",
"SELECT i.id AS incident, i.opened_ns AS opened_at, " TITLE ", " DEPARTMENT ", i.urgency, i.importance, i.state, i.exercise,"
"  " CHECKED " AS checked_at, (SELECT count(*) FROM incident_change c WHERE c.incident = i.id) AS changes"
" FROM incident i WHERE i.state <> 0 AND " IN_PERIOD " ORDER BY i.id"},
{"incident_actions",
"SELECT c.id AS entry, c.incident, c.when_ns AS time, c.who, c.from_state, c.to_state, c.note"
" FROM incident_change c WHERE c.when_ns >= :from_ns AND c.when_ns < :to_ns ORDER BY c.id"},
{"proofs",
"SELECT rule_id AS rule, input, outcome, CASE WHEN sent_ns > 0 THEN sent_ns END AS sent,"
"  CASE WHEN proven_ns > 0 THEN proven_ns END AS last_proven FROM proof ORDER BY rule_id, input"},
{"balance_hours",
"SELECT coalesce(s.name, '#' || b.source) AS source, b.hour * 3600000000000 AS time, received, stored, filtered, rejected, lost,"
"  received - stored - filtered - rejected - lost AS difference FROM balance b LEFT JOIN source s ON s.number = b.source"
" WHERE " IN_HOURS " ORDER BY b.hour, b.source"},
{"vendors",
"SELECT v.name AS vendor, nullif(v.service, '') AS service, nullif(v.contract, '') AS contract, nullif(v.scope, '') AS scope,"
"  nullif(v.contract_until, 0) AS contract_until, nullif(v.nda_until, 0) AS nda_until, nullif(v.respond_hours, 0) AS respond_hours,"
"  nullif(v.resolve_hours, 0) AS resolve_hours, nullif(v.access, '') AS access, nullif(v.accounts, '') AS accounts,"
"  nullif(v.reviewed, 0) AS last_review, nullif(v.review_due, 0) AS review_due, nullif(v.ended, 0) AS ended FROM work_vendor v ORDER BY v.id"},
{"invocations",
"SELECT n.id AS entry, n.incident, v.name AS vendor, n.asked AS asked_at, n.asked_by, n.approved_by, nullif(n.respond_by, 0) AS respond_by,"
"  nullif(n.responded, 0) AS responded_at, nullif(n.resolve_by, 0) AS resolve_by, nullif(n.resolved, 0) AS resolved_at,"
"  nullif(n.effort_minutes, 0) AS effort, nullif(n.cost, 0) AS cost"
" FROM work_invocation n JOIN work_vendor v ON v.id = n.vendor WHERE n.asked >= :from_ns AND n.asked < :to_ns ORDER BY n.id"},
{"dossiers",
"SELECT d.id AS entry, d.title, d.category AS risk_category, d.owner, CASE WHEN d.status = 'submitted' AND a.status IN ('approved', 'rejected', 'withdrawn')"
"  THEN a.status ELSE d.status END AS dossier_state, nullif(d.acceptance, 0) AS acceptance, nullif(d.submitted, 0) AS submitted_at,"
"  nullif(a.decided_by, '') AS approved_by, nullif(a.decided, 0) AS decided_at, nullif(d.introduced, 0) AS introduced_at,"
"  nullif(d.purpose, '') AS purpose, nullif(d.risks, '') AS risks, nullif(d.alternatives, '') AS alternatives, nullif(d.adequacy, '') AS adequacy,"
"  nullif(d.residual, '') AS residual, nullif(d.acceptance_reason, '') AS acceptance_reason, nullif(d.operation, '') AS operation"
" FROM work_dossier d LEFT JOIN work_approval a ON a.id = d.approval WHERE d.created < :to_ns AND (d.ended = 0 OR d.ended >= :from_ns) ORDER BY d.id"},
{"improvements",
"SELECT a.id AS entry, a.incident, a.title, a.owner, a.due AS due_at, a.status AS action_state, a.evidence,"
"  CASE a.carried_out WHEN 0 THEN '' ELSE a.carried_out END AS carried_out_at, a.effect, a.kpi, a.kpi_before, a.kpi_after,"
"  CASE a.ended WHEN 0 THEN '' ELSE a.ended END AS ended"
" FROM work_action a JOIN incident i ON i.id = a.incident WHERE i.exercise = 0 AND i.opened_ns < :to_ns AND (a.ended = 0 OR a.ended >= :from_ns) ORDER BY a.id"},
/* ---- how ready we were at the end of the period, and before it ---- */
{"readiness_score",
"WITH at_end AS (SELECT * FROM work_readiness WHERE noted < :to_ns ORDER BY id DESC LIMIT 1),"
"  before AS (SELECT score FROM work_readiness WHERE noted < :from_ns ORDER BY id DESC LIMIT 1)"
" SELECT (SELECT score FROM at_end) AS readiness, (SELECT score FROM before) AS readiness_before,"
"  (SELECT met FROM at_end) AS met, (SELECT missed FROM at_end) AS missed, (SELECT unknown FROM at_end) AS unknown"},
{"readiness_by_day",
"SELECT " LOCAL_DAY("noted") " AS day, min(score) AS readiness FROM work_readiness WHERE noted >= :from_ns AND noted < :to_ns GROUP BY 1 ORDER BY 1"},
{"readiness",
"SELECT json_extract(e.value, '$.requirement') AS requirement, json_extract(e.value, CASE WHEN :ja THEN '$.title.ja' ELSE '$.title.en' END) AS ready_item,"
"  json_extract(e.value, '$.status') AS readiness_status, json_extract(e.value, '$.good') AS in_order, json_extract(e.value, '$.all') AS asked,"
"  CASE json_extract(e.value, '$.months') WHEN 0 THEN '' ELSE CAST(json_extract(e.value, '$.months') AS TEXT) END AS limit_months, nullif(json_extract(e.value, '$.last_met_ns'), 0) AS last_met,"
"  CASE json_extract(e.value, '$.status') WHEN 'met' THEN '' ELSE json_extract(e.value, CASE WHEN :ja THEN '$.todo.ja' ELSE '$.todo.en' END) END AS to_do"
" FROM (SELECT items FROM work_readiness WHERE noted < :to_ns ORDER BY id DESC LIMIT 1) r, json_each(r.items) e ORDER BY e.key"},
};
/* clang-format on */
const size_t state_named_table_count = COUNT_OF(state_named_tables);
