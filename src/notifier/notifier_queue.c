/* The outbox: notices and messages enter it, and gather in digests. Next: notifier_ladder.c. */
#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "notifier/notifier_internal.h"
#include "store/state_users.h"
#include "work/outside.h"

#define CONTACTS_MOST 5000
#define OPEN_MOST     10000
#define SAME_KEY_MOST 50
#define STORM         STR("(storm)") /* the batch of what came too fast */

/* --------------------------------------------------------------- the record */

struct deed notify_deed(const struct notify_run *run, const char *action, struct str actor, const char *kind,
                        uint64_t id, uint64_t incident)
{
    return (struct deed){.action = action,
                         .actor = actor,
                         .role = STR_EMPTY,
                         .on_behalf = STR_EMPTY,
                         .incident = incident,
                         .target = arena_printf(run->arena, "%s/%llu", kind, (unsigned long long)id),
                         .event_ns = run->now_ns,
                         .text = STR_EMPTY,
                         .instructed_by = STR_EMPTY,
                         .approved_by = STR_EMPTY,
                         .reported_to = STR_EMPTY,
                         .evidence = STR_EMPTY,
                         .criteria_version = run->set->rules.version};
}

bool notify_mark(struct notify_run *run, enum work_table table, struct work_row *row, int column,
                 struct str value, struct error *err)
{
    if (str_eq(row->values[column], value))
        return true;
    if (!state_work_set(run->s->state, table, row->id, column, value, err))
        return false;
    row->values[column] = value;
    return true;
}

bool notify_end(struct notify_run *run, bool ok, const struct deed *deed, struct error *err)
{
    if (ok)
        return recorder_commit(run->s->recorder, deed, err);
    recorder_rollback(run->s->recorder);
    return false;
}

/* ------------------------------------------------------------------ messages */

/* The same notice to the same recipient is the same message wherever and whenever it is received. */
static struct str key_of_message(struct notify_run *run, struct str what, struct str channel,
                                 struct str recipient, int64_t step)
{
    unsigned char hash[SHA256_BYTES];
    char hex[33];
    struct str text = arena_printf(run->arena, "%s|%.*s|%.*s|%.*s|%lld", run->s->outside->seed,
                                   STR_ARGS(what), STR_ARGS(channel), STR_ARGS(recipient), (long long)step);
    struct sha256 *h = sha256_new();
    sha256_add(h, text);
    sha256_end(h, hash);
    for (size_t i = 0; i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    return arena_str(run->arena, str_c(hex));
}

/* Whether that many went to the recipient lately that what comes now is gathered. */
static bool is_storm(const struct notify_post *p, const struct channel *channel, struct str recipient,
                     bool *is, struct error *err)
{
    const struct notify_rules *rules = &p->run->set->rules;
    struct work_rows last;
    uint32_t recent = 0;
    *is = false;
    if (p->rule == NULL || recipient.n == 0)
        return true;
    if (!state_work_list(p->run->s->state, WORK_MESSAGE, MESSAGE_RECIPIENT, recipient,
                         rules->storm_count * 10, p->run->arena, &last, err))
        return false;
    for (uint32_t i = 0; i < last.count; i++) {
        const struct str *v = last.rows[i].values;
        bool counts =
            v[MESSAGE_BATCH].n == 0 || str_eq(v[MESSAGE_BATCH], STORM); /* parts of digests do not */
        recent += counts && str_eq(v[MESSAGE_CHANNEL], channel->name) &&
                  work_number(&last.rows[i], MESSAGE_ENTERED) > p->run->now_ns - rules->storm_ns;
    }
    *is = recent >= rules->storm_count;
    return true;
}

static bool post_message(const struct notify_post *p, const struct channel *channel, struct str recipient,
                         struct str role, enum language language, struct str failure, struct error *err)
{
    struct notify_run *run = p->run;
    struct work_row m = {0};
    bool collects = p->rule != NULL && notify_rule_collects(p->rule) && failure.n == 0, storms;
    if (!is_storm(p, channel, recipient, &storms, err))
        return false;
    int64_t due_ns = storms && !collects ? p->due_ns + run->set->rules.storm_ns : p->due_ns;
    m.values[MESSAGE_NOTICE] = work_text_of((int64_t)p->notice->id, run->arena);
    m.values[MESSAGE_CHANNEL] = channel->name;
    m.values[MESSAGE_RECIPIENT] = recipient;
    m.values[MESSAGE_ROLE] = role;
    m.values[MESSAGE_LANGUAGE] = language == LANGUAGE_JA ? STR("ja") : STR("en");
    m.values[MESSAGE_BATCH] = collects ? p->rule->id : storms ? STORM : STR_EMPTY;
    m.values[MESSAGE_STEP] = work_text_of(p->step, run->arena);
    m.values[MESSAGE_KEY] =
        key_of_message(run, arena_printf(run->arena, "notice/%llu", (unsigned long long)p->notice->id),
                       channel->name, recipient, p->step);
    m.values[MESSAGE_STATUS] = failure.n ? STR("failed") : STR("waiting");
    m.values[MESSAGE_ENTERED] = work_text_of(run->now_ns, run->arena);
    m.values[MESSAGE_DUE] = work_text_of(due_ns, run->arena);
    m.values[MESSAGE_FAILURE] = failure;
    return state_work_add(run->s->state, WORK_MESSAGE, &m, err);
}

static enum language language_of(struct notify_run *run, struct str account)
{
    struct user user;
    struct error ignored;
    bool found;
    enum language language = run->set->rules.language;
    if (account.n && state_users_find(run->s->state, account, run->arena, &user, &found, &ignored) && found)
        language_parse(arena_str(run->arena, user.language).p, &language);
    return language;
}

static bool load_contacts(struct notify_run *run, struct notify_contact **out, uint32_t *count,
                          struct error *err)
{
    struct work_rows rows;
    if (!state_work_list(run->s->state, WORK_CONTACT, -1, STR_EMPTY, CONTACTS_MOST, run->arena, &rows, err))
        return false;
    *count = rows.count;
    *out = ARENA_ARRAY(run->arena, struct notify_contact, rows.count + 1);
    for (uint32_t i = 0; i < rows.count; i++) {
        const struct str *v = rows.rows[i].values;
        (*out)[i] = (struct notify_contact){.role = v[CONTACT_ROLE],
                                            .person = v[CONTACT_PERSON],
                                            .account = v[CONTACT_ACCOUNT],
                                            .mail = mail_address(v[CONTACT_MAIL]),
                                            .hours = v[CONTACT_HOURS],
                                            .is_deputy = str_eq(v[CONTACT_POSITION], STR("deputy"))};
    }
    return true;
}

/* "@" of a rule is the person whom the note of the notice is for. */
static struct str role_of(const struct notify_post *p, struct str role)
{
    struct work_row mention;
    struct error ignored;
    if (!str_eq(role, STR("@")) ||
        !state_work_get(p->run->s->state, WORK_MENTION, (uint64_t)work_number(p->notice, NOTICE_ITEM),
                        p->run->arena, &mention, &ignored))
        return role;
    return arena_concat(p->run->arena, role, mention.values[MENTION_ACCOUNT]);
}

/* Everybody of the step's roles who has an address, each once. Nobody at all is a failure that shows. */
static bool post_mails(const struct notify_post *p, const struct channel *channel, struct error *err)
{
    struct notify_run *run = p->run;
    const struct notify_step *step = &p->rule->steps[p->step];
    struct notify_when when = {run->set->calendar, run->s->zone, run->now_ns};
    struct notify_contact *contacts;
    uint32_t count, told_count = 0;
    if (!load_contacts(run, &contacts, &count, err))
        return false;
    uint32_t *chosen = ARENA_ARRAY(run->arena, uint32_t, count + 1);
    struct str *told = ARENA_ARRAY(run->arena, struct str, count + 1);
    for (uint32_t r = 0; r < step->role_count; r++) {
        struct str role = role_of(p, step->roles[r]);
        uint32_t n = notify_recipients(contacts, count, role, step->position, &when, chosen);
        for (uint32_t i = 0; i < n; i++) {
            const struct notify_contact *c = &contacts[chosen[i]];
            bool is_told = c->mail.n == 0;
            for (uint32_t k = 0; k < told_count; k++)
                is_told |= str_eq_nocase(told[k], c->mail);
            if (is_told)
                continue;
            told[told_count++] = c->mail;
            if (!post_message(p, channel, c->mail, c->role, language_of(run, c->account), STR_EMPTY, err))
                return false;
        }
    }
    return told_count > 0 ||
           post_message(p, channel, STR_EMPTY, step->role_count ? role_of(p, step->roles[0]) : STR_EMPTY,
                        run->set->rules.language,
                        STR("no contact of these roles has a mail address / "
                            "この役割の連絡先にメールアドレスがありません"),
                        err);
}

static bool is_meant(const struct notify_rule *rule, const struct channel *channel)
{
    for (uint32_t i = 0; i < rule->channel_count; i++)
        if (channel_is_meant(channel, rule->channels[i]))
            return true;
    return false;
}

/* The ladder is for people: programs are told once. */
bool notify_post(const struct notify_post *p, struct error *err)
{
    const struct channels *channels = &p->run->set->channels;
    for (uint32_t i = 0; i < channels->count; i++) {
        const struct channel *c = &channels->items[i];
        if (!is_meant(p->rule, c))
            continue;
        bool ok = c->type == CHANNEL_MAIL ? post_mails(p, c, err)
                  : p->step == 0
                      ? post_message(p, c, STR_EMPTY, STR_EMPTY, p->run->set->rules.language, STR_EMPTY, err)
                      : true;
        if (!ok)
            return false;
    }
    return true;
}

static bool has_channel(const struct notify_run *run, const struct notify_rule *rule)
{
    for (uint32_t i = 0; i < run->set->channels.count; i++)
        if (is_meant(rule, &run->set->channels.items[i]))
            return true;
    return false;
}

/* ------------------------------------------------------------------- notices */

/* A graver occurrence is told although an earlier one was. */
static bool was_told(struct notify_run *run, const struct notify_rule *rule, const struct occurrence *o,
                     bool *was, struct error *err)
{
    struct work_rows rows;
    *was = false;
    if (!state_work_list(run->s->state, WORK_NOTICE, NOTICE_KEY, o->key, SAME_KEY_MOST, run->arena, &rows,
                         err))
        return false;
    for (uint32_t i = 0; i < rows.count; i++) {
        const struct work_row *n = &rows.rows[i];
        bool is_recent = work_number(n, NOTICE_NOTED) > run->now_ns - rule->window_ns;
        *was |= str_eq(n->values[NOTICE_RULE], rule->id) &&
                (o->once || (is_recent && work_number(n, NOTICE_URGENCY) >= o->urgency));
    }
    return true;
}

static struct work_row notice_of(struct notify_run *run, const struct occurrence *o, struct str rule,
                                 bool has_details, int64_t escalates_ns)
{
    struct work_row n = {0};
    struct str *v = n.values;
    v[NOTICE_INCIDENT] = work_text_of((int64_t)o->incident, run->arena);
    v[NOTICE_KIND] = notice_kind_name(o->kind);
    v[NOTICE_KEY] = o->key;
    v[NOTICE_RULE] = rule;
    v[NOTICE_TITLE_EN] = o->title_en;
    v[NOTICE_TITLE_JA] = o->title_ja;
    v[NOTICE_TEXT_EN] = o->text_en;
    v[NOTICE_TEXT_JA] = o->text_ja;
    v[NOTICE_URGENCY] = work_text_of(o->urgency, run->arena);
    v[NOTICE_IMPORTANCE] = work_text_of(o->importance, run->arena);
    v[NOTICE_CONFIDENCE] = work_text_of(o->confidence, run->arena);
    v[NOTICE_HOSTS] = has_details ? o->hosts : STR_EMPTY;
    v[NOTICE_ITEM] = work_text_of((int64_t)o->item, run->arena);
    v[NOTICE_HAPPENED] = work_text_of(o->happened_ns, run->arena);
    v[NOTICE_NOTED] = work_text_of(run->now_ns, run->arena);
    v[NOTICE_STATUS] = escalates_ns ? STR("open") : STR("told");
    v[NOTICE_ESCALATES] = work_text_of(escalates_ns, run->arena);
    return n;
}

static bool add_notice(struct notify_run *run, struct work_row *notice, struct error *err)
{
    return state_work_add(run->s->state, WORK_NOTICE, notice, err);
}

static bool tell_by_rule(struct notify_run *run, const struct notify_rule *rule, const struct occurrence *o,
                         struct error *err)
{
    struct notify_when when = {run->set->calendar, run->s->zone, run->now_ns};
    int64_t due_ns = notify_due(&run->set->rules, rule, &when);
    int64_t escalates_ns = rule->step_count > 1 ? due_ns + rule->steps[1].after_ns : 0;
    struct work_row notice = notice_of(run, o, rule->id, rule->has_details, escalates_ns);
    struct notify_post post = {.run = run, .notice = &notice, .rule = rule, .due_ns = due_ns};
    if (!recorder_begin(run->s->recorder, err))
        return false;
    bool ok = add_notice(run, &notice, err) && notify_post(&post, err);
    struct deed deed = notify_deed(run, "report", STR("hyakuyo"), "notice", notice.id, o->incident);
    deed.evidence = o->key;
    return notify_end(run, ok, &deed, err);
}

bool notify_tell(struct notify_run *run, const struct occurrence *o, struct error *err)
{
    const struct notify_rules *rules = &run->set->rules;
    for (uint32_t i = 0; i < rules->count; i++) {
        const struct notify_rule *rule = &rules->rules[i];
        bool was;
        if (!notify_rule_is_met(rule, o) || !has_channel(run, rule))
            continue;
        if (!was_told(run, rule, o, &was, err) || (!was && !tell_by_rule(run, rule, o, err)))
            return false;
    }
    return true;
}

bool notify_tell_test(struct notify_run *run, const struct channel *channel, struct str recipient,
                      struct str who, uint64_t *notice_id, struct error *err)
{
    struct occurrence o = {.kind = NOTICE_TEST,
                           .key = arena_printf(run->arena, "test/%lld", (long long)run->now_ns),
                           .posture = -1,
                           .title_en = STR("Test message"),
                           .title_ja = STR("試験送信"),
                           .text_en = STR("Somebody asked for this message in the console.\n"),
                           .text_ja = STR("コンソールから依頼された試験送信です。\n"),
                           .happened_ns = run->now_ns};
    struct work_row notice = notice_of(run, &o, STR_EMPTY, false, 0);
    struct notify_post post = {.run = run, .notice = &notice, .due_ns = run->now_ns};
    if (!recorder_begin(run->s->recorder, err))
        return false;
    bool ok = add_notice(run, &notice, err) &&
              post_message(&post, channel, recipient, STR_EMPTY, run->set->rules.language, STR_EMPTY, err);
    *notice_id = notice.id;
    struct deed deed = notify_deed(run, "execute", who, "notice", notice.id, 0);
    return notify_end(run, ok, &deed, err);
}

/* ------------------------------------------------------------------- digests */

static bool is_together(const struct work_row *a, const struct work_row *b)
{
    return str_eq(a->values[MESSAGE_BATCH], b->values[MESSAGE_BATCH]) &&
           str_eq(a->values[MESSAGE_CHANNEL], b->values[MESSAGE_CHANNEL]) &&
           str_eq(a->values[MESSAGE_RECIPIENT], b->values[MESSAGE_RECIPIENT]);
}

/* Rows first … of `waiting` that belong together become parts of one message. A digest is formed before it is
 * sent: sent again after a crash, it is the same. */
static bool form_digest(struct notify_run *run, struct work_rows *waiting, uint32_t first, struct error *err)
{
    struct work_row digest = waiting->rows[first];
    struct str what = arena_printf(run->arena, "digest/%llu", (unsigned long long)digest.id);
    digest.values[MESSAGE_NOTICE] = STR("0");
    digest.values[MESSAGE_BATCH] = STR_EMPTY;
    digest.values[MESSAGE_KEY] =
        key_of_message(run, what, digest.values[MESSAGE_CHANNEL], digest.values[MESSAGE_RECIPIENT], 0);
    digest.values[MESSAGE_ENTERED] = work_text_of(run->now_ns, run->arena);
    if (!recorder_begin(run->s->recorder, err))
        return false;
    bool ok = state_work_add(run->s->state, WORK_MESSAGE, &digest, err);
    for (uint32_t i = first, head = first; ok && i < waiting->count; i++) {
        struct work_row *part = &waiting->rows[i];
        if (i != head && !is_together(&waiting->rows[head], part))
            continue;
        ok = state_work_set(run->s->state, WORK_MESSAGE, part->id, MESSAGE_DIGEST,
                            work_text_of((int64_t)digest.id, run->arena), err) &&
             notify_mark(run, WORK_MESSAGE, part, MESSAGE_STATUS, STR("gathered"), err);
    }
    struct deed deed = notify_deed(run, "execute", STR("hyakuyo"), "message", digest.id, 0);
    return notify_end(run, ok, &deed, err);
}

bool notify_gather(struct notify_run *run, struct error *err)
{
    struct work_rows waiting;
    if (!state_work_list(run->s->state, WORK_MESSAGE, MESSAGE_STATUS, STR("waiting"), OPEN_MOST, run->arena,
                         &waiting, err))
        return false;
    for (uint32_t i = 0; i < waiting.count; i++) {
        const struct work_row *m = &waiting.rows[i];
        if (m->values[MESSAGE_BATCH].n && str_eq(m->values[MESSAGE_STATUS], STR("waiting")) &&
            work_number(m, MESSAGE_DUE) <= run->now_ns && !form_digest(run, &waiting, i, err))
            return false;
    }
    return true;
}
