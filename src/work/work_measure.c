/* Who lets a countermeasure begin: checks and signatures by the matrix of authority. The last one approves
 * it, and in the same transaction its connectors receive their orders. Next: work_target.c, carrier.h. */
#include "base/log.h"
#include "work/carrier.h"
#include "work/work.h"

#define MINUTE_NS (60 * NS_PER_SECOND)

struct measure {
    struct work_row row;
    struct incident incident;
    const struct authority_row *matrix;
    bool is_preauthorised; /* nobody need sign (S165: one computer at high confidence) */
    struct work_rows given;
    struct authority_case proposal;
    struct authority_signature *signatures;
};

/* Blocking a destination, or taking one computer off the network: a server or any other. */
static const struct authority_row *matrix_of(struct casework *c, const struct work_row *row,
                                             const struct incident *incident, bool *is_server)
{
    bool is_host = str_eq(row->values[COUNTERMEASURE_DEVICE], STR("access"));
    *is_server = is_host && work_is_server_target(c, row->values[COUNTERMEASURE_TARGET]);
    return authority_find(c->s->authority, is_host ? STR("isolate") : STR("block"),
                          !is_host     ? STR("destination")
                          : *is_server ? STR("server")
                                       : STR("single_pc"),
                          incident->urgency);
}

static bool load_signatures(struct casework *c, struct measure *m)
{
    if (!work_rows_of(c, WORK_MEASURE_SIGNATURE, m->row.id, &m->given))
        return false;
    int64_t asked_ns = work_number(&m->row, COUNTERMEASURE_REQUESTED);
    m->signatures = ARENA_ARRAY(c->arena, struct authority_signature, m->given.count + 1);
    m->proposal = (struct authority_case){.proposer = m->row.values[COUNTERMEASURE_REQUESTED_BY],
                                          .checker = STR_EMPTY,
                                          .is_late = asked_ns + authority_decision_minutes(c->s->authority) *
                                                                    MINUTE_NS <
                                                     c->now_ns,
                                          .signatures = m->signatures};
    for (uint32_t i = 0; i < m->given.count; i++) {
        const struct str *v = m->given.rows[i].values;
        if (str_eq(v[MEASURE_SIGNATURE_KIND], STR("check")))
            m->proposal.checker = v[MEASURE_SIGNATURE_USER];
        else
            m->signatures[m->proposal.signature_count++] =
                (struct authority_signature){v[MEASURE_SIGNATURE_ROLE], v[MEASURE_SIGNATURE_USER]};
    }
    return true;
}

static bool load(struct casework *c, struct measure *m)
{
    bool is_server;
    m->matrix = matrix_of(c, &m->row, &m->incident, &is_server);
    m->is_preauthorised =
        m->matrix != NULL && !is_server &&
        authority_is_preauthorised(m->matrix, m->incident.confidence_level, m->incident.importance);
    return load_signatures(c, m);
}

static bool find_requested(struct casework *c, struct measure *m)
{
    *m = (struct measure){0};
    if (!work_find_measure(c, &m->row, &m->incident) || !load(c, m))
        return false;
    if (!str_eq(m->row.values[COUNTERMEASURE_STATUS], STR("requested")))
        return work_refuse(c, 409, "It has been decided already.", "すでに決定済みです。");
    return m->matrix != NULL ||
           work_refuse(
               c, 409, "The authority matrix has no row for this; add block/destination and isolate.",
               "承認権限表に該当する行がありません。block/destination と isolate を追加してください。");
}

static bool refuse_as(struct casework *c, enum authority_answer answer, const struct error *en,
                      const struct error *ja)
{
    return work_refuse(c, answer == AUTHORITY_FORBIDDEN ? 403 : 409, en->text, ja->text);
}

static bool add_signature(struct casework *c, const struct measure *m, const char *kind, struct str role)
{
    struct work_row row = {0};
    row.values[MEASURE_SIGNATURE_COUNTERMEASURE] = work_text_of((int64_t)m->row.id, c->arena);
    row.values[MEASURE_SIGNATURE_KIND] = str_c(kind);
    row.values[MEASURE_SIGNATURE_ROLE] = role;
    row.values[MEASURE_SIGNATURE_USER] = c->actor;
    row.values[MEASURE_SIGNATURE_SIGNED] = work_text_of(c->now_ns, c->arena);
    row.values[MEASURE_SIGNATURE_NOTE] = work_value(c, "note");
    return work_add(c, WORK_MEASURE_SIGNATURE, &row);
}

static struct str all_signers(struct casework *c, const struct measure *m)
{
    struct str all = STR_EMPTY;
    for (uint32_t i = 0; i < m->proposal.signature_count; i++)
        all = arena_printf(c->arena, "%.*s%s%.*s", STR_ARGS(all), all.n ? ";" : "",
                           STR_ARGS(m->signatures[i].user));
    return all;
}

/* Signs for one role; with the last one it is approved, and the connectors are told. */
static bool sign(struct casework *c, struct measure *m, struct str role)
{
    if (!add_signature(c, m, "sign", role))
        return false;
    m->signatures[m->proposal.signature_count++] = (struct authority_signature){role, c->actor};
    if (!m->is_preauthorised && !authority_is_complete(m->matrix, &m->proposal))
        return true;
    return work_set(c, WORK_COUNTERMEASURE, &m->row, COUNTERMEASURE_STATUS, STR("approved")) &&
           work_set(c, WORK_COUNTERMEASURE, &m->row, COUNTERMEASURE_APPROVED_BY, all_signers(c, m)) &&
           work_set_number(c, WORK_COUNTERMEASURE, &m->row, COUNTERMEASURE_APPROVED, c->now_ns) &&
           carrier_order(c, &m->row);
}

/* "none, within authority" when the matrix asks nobody. */
static bool find_role(struct casework *c, const struct measure *m, struct str *role)
{
    struct authority_signer signer;
    struct error en, ja;
    if (!work_signer(c, &signer))
        return false;
    if (m->is_preauthorised && !signer.is_outside) {
        *role = STR("none, within authority");
        return true;
    }
    enum authority_answer answer = authority_sign(m->matrix, &m->proposal, &signer, role, &en, &ja);
    return answer == AUTHORITY_YES || refuse_as(c, answer, &en, &ja);
}

bool work_approve_measure(struct casework *c)
{
    struct measure m;
    struct str role;
    if (!find_requested(c, &m) || !find_role(c, &m, &role) ||
        !work_check_target(c, m.row.values[COUNTERMEASURE_DEVICE], m.row.values[COUNTERMEASURE_TARGET]))
        return false;
    if (!work_begin(c))
        return false;
    bool ok = sign(c, &m, role);
    struct deed deed =
        work_deed(c, "approve", m.incident.id, "countermeasure", m.row.id, work_value(c, "note"));
    deed.role = role;
    deed.approved_by = c->actor;
    if (!work_end(c, ok, &deed))
        return false;
    carrier_wake(c->s->carrier);
    return work_answer_measure(c, &m.incident, &m.row);
}

bool work_check_measure(struct casework *c)
{
    struct measure m;
    struct authority_signer signer;
    struct error en, ja;
    if (!find_requested(c, &m) || !work_signer(c, &signer))
        return false;
    enum authority_answer answer = authority_check(&m.proposal, &signer, &en, &ja);
    if (answer != AUTHORITY_YES)
        return refuse_as(c, answer, &en, &ja);
    if (!work_begin(c))
        return false;
    bool ok = add_signature(c, &m, "check", STR_EMPTY);
    struct deed deed =
        work_deed(c, "judge", m.incident.id, "countermeasure", m.row.id, work_value(c, "note"));
    return work_end(c, ok, &deed) && work_answer_measure(c, &m.incident, &m.row);
}

/* -------------------------------------------------------------------- showing */

static void put_rows(struct casework *c, const char *key, enum work_table table, const struct work_rows *rows,
                     struct json_writer *w)
{
    json_key(w, key);
    json_begin_array(w);
    for (uint32_t i = 0; i < rows->count; i++) {
        json_begin_object(w);
        work_row_members(table, &rows->rows[i], c->sees_persons, w);
        json_end_object(w);
    }
    json_end_array(w);
}

static bool put_measure(struct casework *c, const struct incident *incident, const struct work_row *row,
                        struct json_writer *w)
{
    struct error err;
    struct work_rows orders;
    struct measure m = {.row = *row, .incident = *incident};
    if (!load(c, &m))
        return false;
    if (!state_work_list(c->s->state, WORK_ORDER, ORDER_COUNTERMEASURE,
                         work_text_of((int64_t)row->id, c->arena), WORK_ROWS_MOST, c->arena, &orders, &err))
        return work_fail(c, 500, &err);
    json_begin_object(w);
    work_row_members(WORK_COUNTERMEASURE, row, c->sees_persons, w);
    work_put_names(w, "approvers", m.matrix && !m.is_preauthorised ? m.matrix->approvers : NULL,
                   m.matrix && !m.is_preauthorised ? m.matrix->approver_count : 0);
    json_key(w, "needs_check");
    json_put_bool(w, m.matrix != NULL && !m.is_preauthorised && m.matrix->needs_check);
    put_rows(c, "signatures", WORK_MEASURE_SIGNATURE, &m.given, w);
    put_rows(c, "orders", WORK_ORDER, &orders, w);
    json_end_object(w);
    return true;
}

bool work_answer_measures(struct casework *c, const struct incident *incident, const struct work_rows *rows)
{
    struct json_writer w = {.out = c->out};
    json_begin_object(&w);
    json_key(&w, "rows");
    json_begin_array(&w);
    for (uint32_t i = 0; i < rows->count; i++)
        if (!put_measure(c, incident, &rows->rows[i], &w))
            return false;
    json_end_array(&w);
    json_end_object(&w);
    return true;
}

bool work_answer_measure(struct casework *c, const struct incident *incident, const struct work_row *row)
{
    return put_measure(c, incident, row, &(struct json_writer){.out = c->out});
}
