/* Answers the items of the list of readiness (S79) out of contacts, the matrix of authority, playbooks,
 * registers and the ledger of incidents. Nothing is assumed: a thing without its date counts as open. Next:
 * work_readiness.c. */
#include "work/readiness_measure.h"

#include <stdio.h>

#include "base/log.h"
#include "event/incident.h"
#include "knowledge/references.h"
#include "notify/plan.h"
#include "store/state_readiness.h"

#define HOUR_NS    (3600 * NS_PER_SECOND)
#define WEEK_HOURS 168
#define LACKS_MOST 100 /* named of one item */

struct measuring {
    struct casework *c;
    const struct readiness_item *item;
    struct readiness_answer *answer;
    struct work_rows contacts;
};

static void lack(struct measuring *m, struct str what)
{
    struct readiness_answer *a = m->answer;
    for (uint32_t i = 0; i < a->lack_count; i++)
        if (str_eq(a->lacks[i], what))
            return;
    if (a->lacks == NULL)
        a->lacks = ARENA_ARRAY(m->c->arena, struct str, LACKS_MOST);
    if (a->lack_count < LACKS_MOST)
        a->lacks[a->lack_count++] = what;
}

/* One more thing that was asked about. */
static void count(struct measuring *m, bool is_good, struct str what)
{
    m->answer->all++;
    m->answer->good += is_good;
    if (!is_good)
        lack(m, what);
}

/* All of them, and there are some. */
static bool conclude(struct measuring *m)
{
    struct readiness_answer *a = m->answer;
    a->status = a->all > 0 && a->good == a->all ? READINESS_MET : READINESS_MISSED;
    return true;
}

static bool is_fresh(const struct measuring *m, int64_t done_ns)
{
    return done_ns > 0 && done_ns <= m->c->now_ns &&
           readiness_months_after(done_ns, m->item->months) > m->c->now_ns;
}

/* ------------------------------------------------------------------ people */

static bool measure_contacts(struct measuring *m)
{
    for (uint32_t i = 0; i < m->contacts.count; i++)
        count(m, is_fresh(m, work_number(&m->contacts.rows[i], CONTACT_VERIFIED)),
              m->contacts.rows[i].values[CONTACT_ROLE]);
    return conclude(m);
}

/* An account to sign with, and a way to be reached. */
static bool can_sign(const struct work_row *contact)
{
    return contact->values[CONTACT_ACCOUNT].n > 0 &&
           (contact->values[CONTACT_PHONE].n > 0 || contact->values[CONTACT_MAIL].n > 0 ||
            contact->values[CONTACT_OUT_OF_BAND].n > 0);
}

static bool has_position(const struct measuring *m, struct str role, const char *position)
{
    for (uint32_t i = 0; i < m->contacts.count; i++) {
        const struct work_row *contact = &m->contacts.rows[i];
        if (str_eq(contact->values[CONTACT_ROLE], role) &&
            str_eq(contact->values[CONTACT_POSITION], str_c(position)) && can_sign(contact))
            return true;
    }
    return false;
}

static bool is_asked_for(const struct measuring *m, struct str role)
{
    uint32_t rows_count;
    const struct authority_row *rows = authority_rows(m->c->s->authority, &rows_count);
    for (uint32_t i = 0; i < rows_count; i++)
        for (uint32_t k = 0; k < rows[i].approver_count; k++)
            if (str_eq(rows[i].approvers[k], role))
                return true;
    return false;
}

static bool measure_deputies(struct measuring *m)
{
    uint32_t role_count;
    const struct authority_role *roles = authority_roles(m->c->s->authority, &role_count);
    for (uint32_t i = 0; i < role_count; i++)
        if (is_asked_for(m, roles[i].id))
            count(m, has_position(m, roles[i].id, "primary") && has_position(m, roles[i].id, "deputy"),
                  roles[i].id);
    return conclude(m);
}

/* Whose hours are not entered, or cannot be read, promises no hour. */
static bool is_covered(const struct measuring *m, struct str role, int64_t at_ns)
{
    struct notify_when when = {m->c->s->calendar, m->c->s->zone, at_ns};
    for (uint32_t i = 0; i < m->contacts.count; i++) {
        const struct work_row *contact = &m->contacts.rows[i];
        struct str hours = contact->values[CONTACT_HOURS];
        if (str_eq(contact->values[CONTACT_ROLE], role) && can_sign(contact) &&
            notify_hours_are_told(hours) && notify_is_reachable(hours, &when))
            return true;
    }
    return false;
}

/* Hours of the coming week in which each of the role is reachable, holidays included. */
static int64_t covered_hours(const struct measuring *m, struct str role)
{
    int64_t covered = 0, first_ns = m->c->now_ns / HOUR_NS * HOUR_NS;
    for (int64_t hour = 1; hour <= WEEK_HOURS; hour++)
        covered += is_covered(m, role, first_ns + hour * HOUR_NS);
    return covered;
}

/* Nobody signs twice: a row that asks for two roles needs both, and each at every hour. */
static bool measure_approvers(struct measuring *m)
{
    uint32_t row_count, role_count;
    const struct authority_row *rows = authority_rows(m->c->s->authority, &row_count);
    const struct authority_role *roles = authority_roles(m->c->s->authority, &role_count);
    int64_t *hours = ARENA_ARRAY(m->c->arena, int64_t, role_count + 1);
    for (uint32_t i = 0; i < role_count; i++)
        hours[i] = is_asked_for(m, roles[i].id) ? covered_hours(m, roles[i].id) : WEEK_HOURS;
    for (uint32_t i = 0; i < row_count; i++) {
        bool all = true;
        for (uint32_t k = 0; k < rows[i].approver_count; k++)
            for (uint32_t n = 0; n < role_count; n++)
                all = all && (!str_eq(roles[n].id, rows[i].approvers[k]) || hours[n] == WEEK_HOURS);
        count(m, all,
              arena_printf(m->c->arena, "%.*s/%.*s", STR_ARGS(rows[i].action), STR_ARGS(rows[i].scope)));
    }
    for (uint32_t n = 0; n < role_count; n++)
        if (hours[n] < WEEK_HOURS)
            lack(m, arena_printf(m->c->arena, "%.*s %lld/%d h", STR_ARGS(roles[n].id), (long long)hours[n],
                                 WEEK_HOURS));
    return conclude(m);
}

/* ---------------------------------------------------------------- paper */

static bool read_day(struct str text, int64_t *day_ns)
{
    struct time_context utc = {.zone = zone_utc()};
    char whole[32];
    snprintf(whole, sizeof whole, "%.*sT00:00:00Z", STR_ARGS(text));
    return text.n == 10 && time_parse_iso(str_c(whole), &utc, day_ns);
}

/* The sheet names its next review: that is ahead, and no further than a review may be put off. */
static bool measure_playbooks(struct measuring *m)
{
    uint32_t sheet_count;
    const struct playbook_sheet *sheets = playbooks_sheets(m->c->s->playbooks, &sheet_count);
    for (uint32_t i = 0; i < sheet_count; i++) {
        int64_t due_ns;
        bool is_good = read_day(sheets[i].review, &due_ns) && due_ns > m->c->now_ns &&
                       due_ns <= readiness_months_after(m->c->now_ns, m->item->months);
        count(m, is_good, sheets[i].type);
    }
    return conclude(m);
}

static bool measure_documents(struct measuring *m)
{
    struct work_rows documents;
    if (!work_all_rows(m->c, WORK_DOCUMENT, &documents))
        return false;
    for (uint32_t i = 0; i < m->item->document_count; i++) {
        bool is_good = false;
        for (uint32_t k = 0; k < documents.count; k++)
            is_good = is_good || (str_eq(documents.rows[k].values[DOCUMENT_KIND], m->item->documents[i].id) &&
                                  work_document_is_in_force(&documents.rows[k], m->c->now_ns));
        count(m, is_good, m->item->documents[i].id);
    }
    return conclude(m);
}

static bool measure_references(struct measuring *m)
{
    const struct references *references = m->c->s->references;
    for (uint32_t i = 0; i < references->count; i++)
        count(m, !reference_is_stale(&references->rows[i], m->c->now_ns), references->rows[i].id);
    return conclude(m);
}

/* -------------------------------------------------------------- registers */

static bool measure_vendors(struct measuring *m)
{
    struct work_rows vendors;
    if (!work_all_rows(m->c, WORK_VENDOR, &vendors))
        return false;
    for (uint32_t i = 0; i < vendors.count; i++)
        if (work_number(&vendors.rows[i], VENDOR_ENDED) == 0)
            count(m, !work_vendor_is_due(&vendors.rows[i], m->c->now_ns),
                  vendors.rows[i].values[VENDOR_NAME]);
    conclude(m);
    if (m->answer->all == 0) /* whether nobody is needed, or nobody was entered, the register cannot tell */
        m->answer->status = READINESS_UNKNOWN;
    return true;
}

static bool measure_partners(struct measuring *m)
{
    struct work_rows partners;
    if (!work_all_rows(m->c, WORK_PARTNER, &partners))
        return false;
    for (uint32_t i = 0; i < partners.count; i++)
        if (work_number(&partners.rows[i], PARTNER_ENDED) == 0)
            count(m, is_fresh(m, work_number(&partners.rows[i], PARTNER_VERIFIED)),
                  partners.rows[i].values[PARTNER_NAME]);
    return conclude(m);
}

static bool conclude_date(struct measuring *m, int64_t when_ns)
{
    m->answer->since_ns = when_ns;
    m->answer->all = 1;
    m->answer->good = is_fresh(m, when_ns);
    return conclude(m);
}

static bool measure_exercise(struct measuring *m)
{
    struct error err;
    int64_t last_ns;
    return state_readiness_last_exercise(m->c->s->state, &last_ns, &err) ? conclude_date(m, last_ns)
                                                                         : work_fail(m->c, 500, &err);
}

static bool measure_attested(struct measuring *m)
{
    struct error err;
    struct work_rows rows;
    const struct work_row *last = NULL;
    if (!state_work_list(m->c->s->state, WORK_ATTESTATION, ATTESTATION_ITEM, m->item->id, WORK_ROWS_MOST,
                         m->c->arena, &rows, &err))
        return work_fail(m->c, 500, &err);
    for (uint32_t i = 0; i < rows.count; i++)
        if (last == NULL ||
            work_number(&rows.rows[i], ATTESTATION_CHECKED) >= work_number(last, ATTESTATION_CHECKED))
            last = &rows.rows[i];
    /* a check that failed takes back what was said before it */
    bool is_good = last != NULL && work_flag(last, ATTESTATION_IS_GOOD);
    return conclude_date(m, is_good ? work_number(last, ATTESTATION_CHECKED) : 0);
}

/* -------------------------------------------------------------------- all */

static bool measure_item(struct measuring *m)
{
    static bool (*const ways[])(struct measuring * m) = {
        [READINESS_CONTACTS] = measure_contacts,   [READINESS_DEPUTIES] = measure_deputies,
        [READINESS_APPROVERS] = measure_approvers, [READINESS_PLAYBOOKS] = measure_playbooks,
        [READINESS_EXERCISE] = measure_exercise,   [READINESS_ATTESTED] = measure_attested,
        [READINESS_DOCUMENTS] = measure_documents, [READINESS_REFERENCES] = measure_references,
        [READINESS_VENDORS] = measure_vendors,     [READINESS_PARTNERS] = measure_partners,
    };
    return ways[m->item->kind](m);
}

bool readiness_measure(struct casework *c, struct readiness_answer **answers)
{
    uint32_t item_count;
    const struct readiness_item *items = readiness_items(c->s->readiness, &item_count);
    struct measuring m = {.c = c};
    *answers = ARENA_ARRAY(c->arena, struct readiness_answer, item_count);
    if (!work_all_rows(c, WORK_CONTACT, &m.contacts))
        return false;
    for (uint32_t i = 0; i < item_count; i++) {
        m.item = &items[i];
        m.answer = &(*answers)[i];
        if (!measure_item(&m))
            return false;
    }
    return true;
}
