/* Notifications as people see them: what was told, how its messages fare, the channels; acknowledging, trying
 * again, sending a test. Next: notifier.h. */
#include "notifier/notifier_internal.h"
#include "store/state_incidents.h"
#include "work/work.h"

#define LISTED_MAX  200
#define DIGESTS_MAX 200

static struct notify_run run_of(struct casework *c, const struct notify_settings *set)
{
    return (struct notify_run){.s = c->s, .set = set, .arena = c->arena, .now_ns = c->now_ns};
}

/* ------------------------------------------------------------------- looking */

static bool put_messages(struct casework *c, uint64_t notice, struct json_writer *w)
{
    struct error err;
    struct work_rows messages;
    if (!state_work_list(c->s->state, WORK_MESSAGE, MESSAGE_NOTICE, work_text_of((int64_t)notice, c->arena),
                         DIGESTS_MAX, c->arena, &messages, &err))
        return work_fail(c, 500, &err);
    json_begin_array(w);
    for (uint32_t i = 0; i < messages.count; i++) {
        json_begin_object(w);
        work_row_members(WORK_MESSAGE, &messages.rows[i], c->sees_persons, w);
        json_end_object(w);
    }
    json_end_array(w);
    return true;
}

static bool put_notice(struct casework *c, const struct work_row *notice, struct json_writer *w)
{
    json_begin_object(w);
    work_row_members(WORK_NOTICE, notice, c->sees_persons, w);
    json_key(w, "messages");
    bool ok = put_messages(c, notice->id, w);
    json_end_object(w);
    return ok;
}

/* A department's officer sees what is about the department's incidents. */
static bool may_see(struct casework *c, const struct work_row *notice)
{
    struct error ignored;
    struct incident incident;
    uint64_t id = (uint64_t)work_number(notice, NOTICE_INCIDENT);
    if (c->roles != ROLE_DEPARTMENT && c->roles != ROLE_VENDOR)
        return true;
    return id != 0 && state_incidents_load(c->s->state, id, c->arena, &incident, &ignored) &&
           work_may_see(c->s, c->roles, c->actor, &incident);
}

static void put_count(struct json_writer *w, const char *key, uint64_t count)
{
    json_key(w, key);
    json_put_u64(w, count);
}

static void put_channel(const struct channel *channel, const struct work_rows *waiting,
                        const struct work_rows *failed, struct json_writer *w)
{
    uint64_t counts[3] = {0};
    struct str failure = STR_EMPTY;
    for (uint32_t i = 0; i < waiting->count; i++) {
        const struct work_row *m = &waiting->rows[i];
        if (!str_eq(m->values[MESSAGE_CHANNEL], channel->name))
            continue;
        counts[0]++;
        if (work_number(m, MESSAGE_ATTEMPTS) > 0) {
            counts[1]++;
            failure = m->values[MESSAGE_FAILURE];
        }
    }
    for (uint32_t i = 0; i < failed->count; i++)
        counts[2] += str_eq(failed->rows[i].values[MESSAGE_CHANNEL], channel->name);
    json_begin_object(w);
    json_key(w, "name");
    json_put_str(w, channel->name);
    json_key(w, "type");
    json_put_str(w, channel_type_name(channel->type));
    put_count(w, "waiting", counts[0]);
    put_count(w, "retrying", counts[1]);
    put_count(w, "failed", counts[2]);
    json_key(w, "failure");
    json_put_str(w, failure);
    json_end_object(w);
}

static bool put_channels(struct casework *c, const struct notify_settings *set, struct json_writer *w)
{
    struct error err;
    struct work_rows waiting, failed;
    if (!state_work_list(c->s->state, WORK_MESSAGE, MESSAGE_STATUS, STR("waiting"), WORK_ROWS_MOST, c->arena,
                         &waiting, &err) ||
        !state_work_list(c->s->state, WORK_MESSAGE, MESSAGE_STATUS, STR("failed"), WORK_ROWS_MOST, c->arena,
                         &failed, &err))
        return work_fail(c, 500, &err);
    json_key(w, "channels");
    json_begin_array(w);
    for (uint32_t i = 0; i < set->channels.count; i++)
        put_channel(&set->channels.items[i], &waiting, &failed, w);
    json_end_array(w);
    return true;
}

static bool answer_list(struct casework *c, const struct notify_settings *set)
{
    struct error err;
    struct work_rows notices;
    struct json_writer w = {.out = c->out};
    bool only_open = str_eq(work_value(c, "state"), STR("open"));
    if (!state_work_list(c->s->state, WORK_NOTICE, only_open ? NOTICE_STATUS : -1, STR("open"), LISTED_MAX,
                         c->arena, &notices, &err))
        return work_fail(c, 500, &err);
    json_begin_object(&w);
    json_key(&w, "on");
    json_put_bool(&w, set->channels.count > 0);
    if (!put_channels(c, set, &w))
        return false;
    json_key(&w, "rows");
    json_begin_array(&w);
    for (uint32_t i = notices.count; i-- > 0;)
        if (may_see(c, &notices.rows[i]) && !put_notice(c, &notices.rows[i], &w))
            return false;
    json_end_array(&w);
    json_key(&w, "digests");
    bool is_narrow = c->roles == ROLE_DEPARTMENT || c->roles == ROLE_VENDOR;
    if (is_narrow)
        json_put_json(&w, STR("[]"));
    else if (!put_messages(c, 0, &w))
        return false;
    json_end_object(&w);
    return true;
}

bool work_get_notifications(struct casework *c)
{
    struct notify_settings *set = notifier_settings(c->s->notifier);
    bool ok = answer_list(c, set);
    notify_settings_unref(set);
    return ok;
}

/* -------------------------------------------------------------------- acting */

static bool find_notice(struct casework *c, uint64_t id, struct work_row *notice)
{
    struct error err;
    if (!state_work_get(c->s->state, WORK_NOTICE, id, c->arena, notice, &err))
        return work_fail(c, 404, &err);
    return may_see(c, notice) ||
           work_refuse(c, 404, "There is no such notification.", "その通知はありません。");
}

static bool answer_notice(struct casework *c, uint64_t id)
{
    struct work_row notice;
    struct json_writer w = {.out = c->out};
    return find_notice(c, id, &notice) && put_notice(c, &notice, &w);
}

/* Whoever acknowledges has taken it up: the ladder ends. */
bool work_acknowledge(struct casework *c)
{
    struct work_row notice;
    if (!find_notice(c, c->q->id, &notice))
        return false;
    if (c->roles == ROLE_VENDOR)
        return work_refuse(c, 403, "An outside account acknowledges nothing (S156).",
                           "社外のアカウントは通知を確認済みにできません(S156)。");
    if (!str_eq(notice.values[NOTICE_STATUS], STR("open")))
        return work_refuse(c, 409, "Nobody waits for this notification to be acknowledged.",
                           "この通知は確認待ちではありません。");
    if (!work_begin(c))
        return false;
    bool ok = work_set(c, WORK_NOTICE, &notice, NOTICE_STATUS, STR("acknowledged")) &&
              work_set(c, WORK_NOTICE, &notice, NOTICE_ACKNOWLEDGED_BY, c->actor) &&
              work_set_number(c, WORK_NOTICE, &notice, NOTICE_ACKNOWLEDGED, c->now_ns);
    struct deed deed = work_deed(c, "observe", (uint64_t)work_number(&notice, NOTICE_INCIDENT), "notice",
                                 notice.id, work_value(c, "note"));
    return work_end(c, ok, &deed) && answer_notice(c, notice.id);
}

static bool revive_parts(struct casework *c, const struct work_row *message)
{
    struct error err;
    struct work_rows parts;
    if (work_number(message, MESSAGE_NOTICE) != 0)
        return true;
    if (!state_work_list(c->s->state, WORK_MESSAGE, MESSAGE_DIGEST,
                         work_text_of((int64_t)message->id, c->arena), WORK_ROWS_MOST, c->arena, &parts,
                         &err))
        return work_fail(c, 503, &err);
    for (uint32_t i = 0; i < parts.count; i++)
        if (!work_set(c, WORK_MESSAGE, &parts.rows[i], MESSAGE_STATUS, STR("gathered")))
            return false;
    return true;
}

/* A message that failed, or that waits for its next attempt: now. The time until it is given up begins anew.
 */
static bool revive(struct casework *c, struct work_row *message)
{
    struct error err;
    struct str now = work_text_of(c->now_ns, c->arena);
    return work_set(c, WORK_MESSAGE, message, MESSAGE_STATUS, STR("waiting")) && revive_parts(c, message) &&
           ((state_work_set(c->s->state, WORK_MESSAGE, message->id, MESSAGE_DUE, now, &err) &&
             state_work_set(c->s->state, WORK_MESSAGE, message->id, MESSAGE_ENTERED, now, &err) &&
             state_work_set(c->s->state, WORK_MESSAGE, message->id, MESSAGE_ATTEMPTS, STR("0"), &err)) ||
            work_fail(c, 503, &err));
}

bool work_retry_message(struct casework *c)
{
    struct error err;
    struct work_row message;
    if (!state_work_get(c->s->state, WORK_MESSAGE, c->q->id, c->arena, &message, &err))
        return work_fail(c, 404, &err);
    bool is_tried =
        str_eq(message.values[MESSAGE_STATUS], STR("waiting")) && work_number(&message, MESSAGE_ATTEMPTS);
    bool has_failed =
        str_eq(message.values[MESSAGE_STATUS], STR("failed")) && work_number(&message, MESSAGE_DIGEST) == 0;
    if (!is_tried && !has_failed)
        return work_refuse(c, 409, "This message has not failed.", "このメッセージは失敗していません。");
    /* never tried, and failed all the same: there was nobody to send it to */
    if (has_failed && work_number(&message, MESSAGE_TRIED) == 0)
        return work_refuse(c, 409, "It has no recipient: add a contact with a mail address for the role.",
                           "宛先がありません。役割の連絡先にメールアドレスを登録してください。");
    if (!work_begin(c))
        return false;
    bool ok = revive(c, &message);
    struct deed deed = work_deed(c, "execute", 0, "message", message.id, work_value(c, "note"));
    if (!work_end(c, ok, &deed))
        return false;
    notifier_wake(c->s->notifier);
    return state_work_get(c->s->state, WORK_MESSAGE, message.id, c->arena, &message, &err)
               ? work_answer_row(c, WORK_MESSAGE, &message)
               : work_fail(c, 500, &err);
}

static bool send_test(struct casework *c, const struct notify_settings *set)
{
    struct error err;
    uint64_t notice;
    struct notify_run run = run_of(c, set);
    const struct channel *channel = channel_find(&set->channels, work_value(c, "channel"));
    struct str recipient = work_value(c, "recipient");
    if (channel == NULL)
        return work_refuse(c, 404, "There is no such channel; channels are written in DATA/channels.yml.",
                           "その経路はありません。経路は DATA/channels.yml に書きます。");
    recipient = channel->type == CHANNEL_MAIL ? mail_address(recipient) : STR_EMPTY;
    if (channel->type == CHANNEL_MAIL && recipient.n == 0)
        return work_refuse(c, 400, "\"recipient\" must be a mail address.",
                           "「recipient」にはメールアドレスを指定してください。");
    if (!notify_tell_test(&run, channel, recipient, c->actor, &notice, &err))
        return work_fail(c, 503, &err);
    notifier_wake(c->s->notifier);
    c->answer->status = 201;
    return answer_notice(c, notice);
}

bool work_test_channel(struct casework *c)
{
    struct notify_settings *set = notifier_settings(c->s->notifier);
    bool ok = send_test(c, set);
    notify_settings_unref(set);
    return ok;
}
